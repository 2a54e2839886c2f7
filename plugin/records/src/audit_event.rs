//! Who did what in events of AWS CloudTrail and of Kubernetes' audit log.
//!
//! CloudTrail: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>,
//! Kubernetes: <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>. Both nest what the columns of audit records
//! want, so it is lifted: `actor`, `resource`, `outcome` and `source_ip`. What stands at the top already fills its column under
//! its own name (`eventName`, `verb`, `sourceIPAddress`, `eventID`, `auditID`) and is not said twice.

use crate::append::{FoundFields, FoundValue};
use crate::fields::{FieldIndex, KeySet};
use crate::msgpack::{Composite, Reader, Value, write};

/// Who did it, by CloudTrail's `userIdentity`: the most exact first.
const IDENTITY_KEYS: [&str; 5] = ["arn", "userName", "principalId", "invokedBy", "type"];
/// Parameters of CloudTrail's requests that name what was asked for, where `resources` does not.
const PARAMETER_KEYS: [&str; 16] = [
    "bucketName",
    "functionName",
    "tableName",
    "roleArn",
    "roleName",
    "policyArn",
    "userName",
    "groupName",
    "groupId",
    "instanceId",
    "keyId",
    "secretId",
    "dBInstanceIdentifier",
    "logGroupName",
    "resourceArn",
    "name",
];
/// Of a call that failed CloudTrail says why.
const ERRORS: KeySet = KeySet::new(&["errorCode", "errorMessage"]);
/// Parts of Kubernetes' `objectRef` in the order of their path.
const OBJECT_KEYS: [&[u8]; 4] = [b"namespace", b"resource", b"name", b"subresource"];
/// The lowest status of HTTP that is a failure.
const FAILURE_STATUS: i64 = 400;

/// Adds what the event's nested fields say.
pub fn add_to<'a>(index: &FieldIndex, body: &Composite<'a>, found: &mut FoundFields<'a>) {
    let map = |key: &str| index.get(body, key.as_bytes()).and_then(|value| value.as_map());
    if index.contains(b"eventSource") {
        let actor = map("userIdentity").and_then(|identity| identity.first_text_of(&IDENTITY_KEYS));
        found.push_text("actor", actor.unwrap_or_default());
        found.push_text("resource", cloudtrail_resource(index, body).unwrap_or_default());
        found.push_text("outcome", cloudtrail_outcome(index, body));
    } else if index.contains(b"auditID") {
        let actor = map("user").and_then(|user| user.first_text_of(&["username", "uid"]));
        found.push_text("actor", actor.unwrap_or_default());
        if let Some(object) = map("objectRef").filter(|object| object.first_text_of(&["resource", "name"]).is_some()) {
            found.push("resource", FoundValue::Object(object.whole));
        }
        let status = map("responseStatus").and_then(|status| status.field(b"code")?.as_int());
        let outcome = status.map(|status| if status >= FAILURE_STATUS { &b"failure"[..] } else { b"success" });
        found.push_text("outcome", outcome.unwrap_or_default());
        let addresses = index.get(body, b"sourceIPs").and_then(|value| value.as_array());
        let first = addresses.and_then(|addresses| addresses.elements().next()?.as_str_bytes());
        found.push_text("source_ip", first.unwrap_or_default());
    }
}

fn cloudtrail_resource<'a>(index: &FieldIndex, body: &Composite<'a>) -> Option<&'a [u8]> {
    let resources = index.get(body, b"resources").and_then(|value| value.as_array());
    let arn = |value: Value<'a>| value.as_map()?.first_text_of(&["ARN", "arn"]);
    let parameters = || index.get(body, b"requestParameters")?.as_map();
    resources.and_then(|resources| resources.elements().find_map(arn)).or_else(|| {
        let parameters = parameters()?;
        // `"instancesSet": {"items": [{"instanceId": "i-0"}]}`
        let instances = || parameters.field(b"instancesSet")?.as_map()?.field(b"items")?.as_array();
        let instance = || instances()?.elements().next()?.as_map()?.first_text_of(&["instanceId"]);
        parameters.first_text_of(&PARAMETER_KEYS).or_else(instance)
    })
}

/// A call without an error succeeded. A login that failed is no error of the call: the answer says so
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html>).
fn cloudtrail_outcome(index: &FieldIndex, body: &Composite<'_>) -> &'static [u8] {
    let has_error = index.first_text_of(body, &ERRORS).is_some_and(|(_, text)| !text.is_empty());
    let answer = || index.get(body, b"responseElements")?.as_map()?.first_text_of(&["ConsoleLogin"]);
    if has_error || answer() == Some(b"Failure") { b"failure" } else { b"success" }
}

/// Appends the path of a Kubernetes object, `namespace/resource/name/subresource` as far as they are there, as one text.
pub(crate) fn write_object(out: &mut Vec<u8>, object: &[u8]) {
    let map = Reader::new(object).value().ok().and_then(|value| value.as_map());
    let part = |key: &&[u8]| map?.field(key)?.as_str_bytes().filter(|text| !text.is_empty());
    let parts = OBJECT_KEYS.each_ref().map(part);
    let texts = || parts.iter().flatten();
    // A slash stands between two of them.
    let length = texts().map(|text| text.len() + 1).sum::<usize>().saturating_sub(1);
    write::str_header(out, length);
    for (at, text) in texts().enumerate() {
        if at > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
#[path = "audit_event_tests.rs"]
mod tests;
