#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use serde_json::json;

/// What is found in an event, with an object's path as text.
fn found_in(event: &serde_json::Value) -> Vec<(String, String)> {
    let mut fields = crate::line::fields::LineFields::default();
    assert!(crate::line::json::JsonScanner::default().scan(event.to_string().as_bytes(), &mut fields));
    let count = u32::try_from(fields.count()).unwrap();
    let body = Composite { count, content: fields.bytes(), whole: fields.bytes() };
    let mut index = FieldIndex::default();
    index.fill(&body);
    let mut found = FoundFields::default();
    add_to(&index, &body, &mut found);
    let text = |value: &FoundValue<'_>| match value {
        FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
        FoundValue::Object(object) => {
            let mut out = Vec::new();
            write_object(&mut out, object);
            Reader::new(&out).value().unwrap().as_str().unwrap().to_owned()
        }
        other => format!("{other:?}"),
    };
    found.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
}

#[track_caller]
fn check(event: &serde_json::Value, expected: &[(&str, &str)]) {
    let found = found_in(event);
    let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expected, "{event}");
}

#[test]
fn cloudtrail_says_who_did_what_and_how_it_ended() {
    let event = |identity, rest: serde_json::Value| {
        let mut event = json!({"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "userIdentity": identity});
        event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        event
    };
    let arn = "arn:aws:iam::123456789012:user/Mateo";
    check(
        &event(
            json!({"type": "IAMUser", "arn": arn, "userName": "Mateo"}),
            json!({"requestParameters": {"instancesSet": {"items": [{"instanceId": "i-0"}]}}, "responseElements": null}),
        ),
        &[("actor", arn), ("resource", "i-0"), ("outcome", "success")],
    );
    check(
        &event(
            json!({"type": "IAMUser", "userName": "Mateo"}),
            json!({
                "errorCode": "AccessDenied",
                "requestParameters": {"bucketName": "b"},
                "resources": [{"type": "x"}, {"ARN": "arn:aws:s3:::b/k"}],
            }),
        ),
        &[("actor", "Mateo"), ("resource", "arn:aws:s3:::b/k"), ("outcome", "failure")],
    );
    check(
        &event(json!({"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}), json!({"resources": []})),
        &[("actor", "ec2.amazonaws.com"), ("outcome", "success")],
    );
    check(
        &event(json!({"type": "Root"}), json!({"responseElements": {"ConsoleLogin": "Failure"}})),
        &[("actor", "Root"), ("outcome", "failure")],
    );
    check(&event(json!("nobody"), json!({"requestParameters": 7, "resources": {}})), &[("outcome", "success")]);
}

#[test]
fn kubernetes_says_who_did_what_and_how_it_ended() {
    check(
        &json!({
            "auditID": "1",
            "verb": "create",
            "user": {"username": "system:admin", "groups": []},
            "sourceIPs": ["192.0.2.1", "10.0.0.1"],
            "objectRef": {"resource": "pods", "namespace": "default", "name": "web", "subresource": "exec", "apiVersion": "v1"},
            "responseStatus": {"code": 403},
        }),
        &[
            ("actor", "system:admin"),
            ("resource", "default/pods/web/exec"),
            ("outcome", "failure"),
            ("source_ip", "192.0.2.1"),
        ],
    );
    check(
        &json!({"auditID": "1", "objectRef": {"resource": "nodes", "name": ""}, "responseStatus": {"code": 200}, "sourceIPs": []}),
        &[("resource", "nodes"), ("outcome", "success")],
    );
    check(&json!({"auditID": "1", "objectRef": {}, "user": null, "responseStatus": "x"}), &[]);
}
