//! What a message says of new objects: S3's own form
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>), as it is or wrapped by SNS, and
//! EventBridge's (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>).
//!
//! Keys are written as in a form in S3's own, and plainly in EventBridge's.

use serde_json::Value;

/// An object that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The bucket.
    pub(crate) bucket: String,
    /// The whole key.
    pub(crate) key: String,
}

/// Why a message cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MessageFault {
    /// It is no JSON.
    #[error("is no JSON")]
    NoJson,
    /// It is of somebody else.
    #[error("is no notification of S3, SNS' of one, or EventBridge's")]
    Foreign,
    /// A record of it says no object.
    #[error("has a record without bucket and key")]
    NoObject,
    /// A key is not what a key can be.
    #[error("has a key that is no UTF-8 text when it is decoded")]
    Key,
}

/// The objects that a message names as stored; none when it tells of something else of S3, as of a removal.
pub(crate) fn stored(message: &str) -> Result<Vec<Stored>, MessageFault> {
    let message: Value = serde_json::from_str(message).map_err(|_| MessageFault::NoJson)?;
    let Some(wrapped) = text(&message, "/Message").filter(|_| text(&message, "/Type") == Some("Notification")) else {
        return of_value(&message);
    };
    of_value(&serde_json::from_str(wrapped).map_err(|_| MessageFault::NoJson)?)
}

fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn of_value(message: &Value) -> Result<Vec<Stored>, MessageFault> {
    if let Some(records) = message.get("Records").and_then(Value::as_array) {
        let of_s3 = |record: &&Value| text(record, "/eventSource") == Some("aws:s3");
        if !records.iter().all(|record| of_s3(&record)) {
            return Err(MessageFault::Foreign);
        }
        let is_stored =
            |record: &&Value| text(record, "/eventName").is_some_and(|name| name.starts_with("ObjectCreated"));
        return records.iter().filter(is_stored).map(of_record).collect();
    }
    if text(message, "/Service") == Some("Amazon S3") && text(message, "/Event") == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    match (text(message, "/source"), text(message, "/detail-type")) {
        (Some("aws.s3"), Some("Object Created")) => {
            let both = text(message, "/detail/bucket/name").zip(text(message, "/detail/object/key"));
            let (bucket, key) = both.ok_or(MessageFault::NoObject)?;
            Ok(vec![Stored { bucket: bucket.to_owned(), key: key.to_owned() }])
        }
        (Some("aws.s3"), Some(_)) => Ok(Vec::new()),
        _ => Err(MessageFault::Foreign),
    }
}

fn of_record(record: &Value) -> Result<Stored, MessageFault> {
    let (bucket, key) =
        text(record, "/s3/bucket/name").zip(text(record, "/s3/object/key")).ok_or(MessageFault::NoObject)?;
    Ok(Stored { bucket: bucket.to_owned(), key: decoded(key).ok_or(MessageFault::Key)? })
}

/// Text as a form has it (<https://url.spec.whatwg.org/#urlencoded-parsing>): what is no escape stays.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match (first, behind) {
            (b'+', _) => b' ',
            (b'%', [high, low, behind @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = behind;
                    high << 4 | low
                }
                _ => b'%',
            },
            (other, _) => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn digit(sign: u8) -> Option<u8> {
    char::from(sign).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(name: &str, key: &str) -> Value {
        json!({"eventSource": "aws:s3", "eventName": name, "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}})
    }

    fn keys(message: &Value) -> Vec<String> {
        stored(&message.to_string()).unwrap().into_iter().map(|stored| stored.key).collect()
    }

    #[test]
    fn each_form_names_its_objects() {
        let own = json!({"Records": [
            record("ObjectCreated:Put", "a/type%3Daccess/dt%3D2026-11-22/x+y%C3%A4.parquet"),
            record("ObjectRemoved:Delete", "gone"),
            record("ObjectCreated:CompleteMultipartUpload", "100%+%zz"),
        ]});
        let expected = ["a/type=access/dt=2026-11-22/x y\u{e4}.parquet", "100% %zz"];
        assert_eq!(keys(&own), expected);
        assert_eq!(keys(&json!({"Type": "Notification", "Message": own.to_string()})), expected);
        let detail = json!({"bucket": {"name": "logs"}, "object": {"key": "a/type=access/x+y%20.parquet"}});
        let bridge = json!({"source": "aws.s3", "detail-type": "Object Created", "detail": detail});
        assert_eq!(keys(&bridge), ["a/type=access/x+y%20.parquet"]);
        assert!(keys(&json!({"source": "aws.s3", "detail-type": "Object Deleted", "detail": detail})).is_empty());
        assert!(keys(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"})).is_empty());
    }

    #[test]
    fn what_is_none_of_them_says_why() {
        for (message, fault) in [
            ("hello".to_owned(), MessageFault::NoJson),
            (json!({"Type": "Notification", "Message": "hello"}).to_string(), MessageFault::NoJson),
            (json!({"order": 7}).to_string(), MessageFault::Foreign),
            (json!({"Records": [{"eventSource": "aws:ses"}]}).to_string(), MessageFault::Foreign),
            (
                json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}).to_string(),
                MessageFault::NoObject,
            ),
            (json!({"Records": [record("ObjectCreated:Put", "%ff")]}).to_string(), MessageFault::Key),
        ] {
            assert_eq!(stored(&message), Err(fault), "{message}");
        }
    }
}
