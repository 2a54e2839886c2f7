//! Prints a MessagePack value as JSON text, so that a person or an engine can read it and nothing is lost.
//!
//! What JSON has no word for is kept in a form that says what it was: bytes that are not UTF-8, byte strings and
//! extension values as `{"$bin":"<base64>"}` and `{"$ext":<type>,"data":"<base64>"}`, floats that are not finite as
//! the strings `"NaN"`, `"Infinity"`, `"-Infinity"`, and a value nested deeper than [`MAX_DEPTH`] as
//! `{"$msgpack":"<base64>"}` of its bytes. A map key that is a number, a boolean or nil is printed as its text in quotes, any
//! other that is not a string as `$msgpack:<base64>` of its bytes: quoting text that quotes text would double at each level.

use super::{MsgpackError, Reader, Value};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt::Write as _;

/// Nesting that is printed as JSON; what lies deeper is kept as bytes.
pub const MAX_DEPTH: usize = 64;

/// Appends `value` as JSON text.
///
/// # Errors
/// When the content of an array or a map is not whole; a [`Value`] read by a [`Reader`] always is.
pub fn write(out: &mut String, value: &Value<'_>) -> Result<(), MsgpackError> {
    nested(out, value, 0)
}

fn nested(out: &mut String, value: &Value<'_>, depth: usize) -> Result<(), MsgpackError> {
    match value {
        Value::Array(items) | Value::Map(items) if depth >= MAX_DEPTH => tagged(out, "$msgpack", items.whole),
        Value::Array(items) => {
            let mut reader = Reader::new(items.content);
            out.push('[');
            for index in 0..items.count {
                if index > 0 {
                    out.push(',');
                }
                nested(out, &reader.value()?, depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(items) => {
            let mut reader = Reader::new(items.content);
            out.push('{');
            for index in 0..items.count {
                if index > 0 {
                    out.push(',');
                }
                let start = reader.position();
                let value = reader.value()?;
                key(out, &value, reader.since(start));
                out.push(':');
                nested(out, &reader.value()?, depth + 1)?;
            }
            out.push('}');
        }
        scalar => leaf(out, scalar),
    }
    Ok(())
}

fn key(out: &mut String, value: &Value<'_>, raw: &[u8]) {
    match (value, value.as_str()) {
        (_, Some(text)) => quoted(out, text),
        (Value::Str(_) | Value::Bin(_) | Value::Ext(..) | Value::Array(_) | Value::Map(_), None) => {
            let _ = write!(out, "\"$msgpack:{}\"", STANDARD.encode(raw));
        }
        (scalar, None) => {
            out.push('"');
            scalar_text(out, scalar);
            out.push('"');
        }
    }
}

fn leaf(out: &mut String, value: &Value<'_>) {
    match *value {
        Value::Str(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => quoted(out, text),
            Err(_) => tagged(out, "$bin", bytes),
        },
        Value::Bin(bytes) => tagged(out, "$bin", bytes),
        Value::Ext(kind, data) => {
            let _ = write!(out, "{{\"$ext\":{kind},\"data\":\"{}\"}}", STANDARD.encode(data));
        }
        Value::F32(float) if !float.is_finite() => quoted(out, non_finite(f64::from(float))),
        Value::F64(float) if !float.is_finite() => quoted(out, non_finite(float)),
        _ => scalar_text(out, value),
    }
}

/// Appends the text of a number, a boolean or nil, without quotes; other kinds append nothing.
pub fn scalar_text(out: &mut String, value: &Value<'_>) {
    // Writing to a String cannot fail. `{:?}` of a float is its shortest text that reads back as the same float.
    let _ = match *value {
        Value::Nil => write!(out, "null"),
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::Int(int) => write!(out, "{int}"),
        Value::UInt(int) => write!(out, "{int}"),
        Value::F32(float) if float.is_finite() => write!(out, "{float:?}"),
        Value::F64(float) if float.is_finite() => write!(out, "{float:?}"),
        Value::F32(float) => write!(out, "{}", non_finite(f64::from(float))),
        Value::F64(float) => write!(out, "{}", non_finite(float)),
        Value::Str(_) | Value::Bin(_) | Value::Ext(..) | Value::Array(_) | Value::Map(_) => Ok(()),
    };
}

fn non_finite(float: f64) -> &'static str {
    if float.is_nan() {
        "NaN"
    } else if float > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn tagged(out: &mut String, tag: &str, bytes: &[u8]) {
    let _ = write!(out, "{{\"{tag}\":\"{}\"}}", STANDARD.encode(bytes));
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // Most texts have nothing to escape, and all that is escaped is ASCII.
    while let Some(place) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let (plain, escaped) = rest.split_at(place);
        out.push_str(plain);
        let mut letters = escaped.chars();
        match letters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            control => {
                let _ = write!(out, "\\u{:04x}", control.map_or(0, u32::from));
            }
        }
        rest = letters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn json_of(value: &rmpv::Value) -> String {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).unwrap();
        let mut out = String::new();
        write(&mut out, &Reader::new(&bytes).value().unwrap()).unwrap();
        out
    }

    #[test]
    fn nested_values_are_json_another_parser_reads() {
        let value = rmpv::Value::Map(vec![
            ("a\"\\\n\u{1}é".into(), rmpv::Value::Array(vec![1.into(), (-2.5).into(), true.into(), rmpv::Value::Nil])),
            (7.into(), "x".into()),
        ]);
        let parsed: serde_json::Value = serde_json::from_str(&json_of(&value)).unwrap();
        assert_eq!(parsed, serde_json::json!({"a\"\\\n\u{1}é": [1, -2.5, true, null], "7": "x"}));
    }

    #[test]
    fn what_json_has_no_word_for_keeps_its_bytes() {
        assert_eq!(json_of(&rmpv::Value::Binary(vec![0, 255])), r#"{"$bin":"AP8="}"#);
        assert_eq!(json_of(&rmpv::Value::Ext(5, vec![1])), r#"{"$ext":5,"data":"AQ=="}"#);
        assert_eq!(json_of(&rmpv::Value::F64(f64::NAN)), r#""NaN""#);
    }

    #[test]
    fn keys_within_keys_take_space_in_proportion() {
        let mut value = rmpv::Value::Nil;
        for _ in 0..60 {
            value = rmpv::Value::Map(vec![(value, rmpv::Value::Nil)]);
        }
        let text = json_of(&value);
        assert!(text.len() < 400, "{} bytes", text.len());
        assert!(text.starts_with(r#"{"$msgpack:"#), "{text}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }

    #[test]
    fn below_the_depth_limit_the_bytes_are_kept() {
        let mut value = rmpv::Value::from("deep");
        for _ in 0..200 {
            value = rmpv::Value::Array(vec![value]);
        }
        let text = json_of(&value);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut inner = &parsed;
        for _ in 0..MAX_DEPTH {
            inner = &inner[0];
        }
        let kept = STANDARD.decode(inner["$msgpack"].as_str().unwrap()).unwrap();
        assert_eq!(kept.len(), 200 - MAX_DEPTH + 5);
    }
}
