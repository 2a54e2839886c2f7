//! JSON to MessagePack and back.

use rmpv::Value;
use serde_json::{Map, Number};

pub(super) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => Value::Boolean(*flag),
        serde_json::Value::Number(number) => from_number(number),
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(from_json).collect()),
        serde_json::Value::Object(fields) => from_object(fields),
    }
}

pub(super) fn from_object(fields: &Map<String, serde_json::Value>) -> Value {
    let pairs = fields.iter().map(|(key, value)| (Value::from(key.as_str()), from_json(value)));
    Value::Map(pairs.collect())
}

fn from_number(number: &Number) -> Value {
    if let Some(unsigned) = number.as_u64() {
        Value::from(unsigned)
    } else if let Some(signed) = number.as_i64() {
        Value::from(signed)
    } else {
        number.as_f64().map_or(Value::Nil, Value::F64)
    }
}

/// Lossy where JSON has no counterpart: bytes and text that is no UTF-8 are repaired, extensions
/// become `{"ext": type, "bytes": [...]}`, infinite floats null, keys that are no text their JSON.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Boolean(flag) => (*flag).into(),
        Value::Integer(number) => number
            .as_u64()
            .map(serde_json::Value::from)
            .or_else(|| number.as_i64().map(serde_json::Value::from))
            .unwrap_or_default(),
        Value::F32(number) => serde_json::Value::from(*number),
        Value::F64(number) => serde_json::Value::from(*number),
        Value::String(text) => String::from_utf8_lossy(text.as_bytes()).into(),
        Value::Binary(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::Array(items) => items.iter().map(to_json).collect(),
        Value::Map(pairs) => pairs.iter().map(|(key, value)| (key_text(key), to_json(value))).collect(),
        Value::Ext(kind, bytes) => serde_json::json!({ "ext": kind, "bytes": bytes }),
    }
}

fn key_text(key: &Value) -> String {
    match to_json(key) {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
