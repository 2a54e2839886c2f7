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
        Value::Array(items) => array(out, &mut Reader::new(items.content), items.count, depth)?,
        Value::Map(items) => map(out, &mut Reader::new(items.content), items.count, depth)?,
        scalar => leaf(out, scalar),
    }
    Ok(())
}

fn array(out: &mut String, reader: &mut Reader<'_>, count: u32, depth: usize) -> Result<(), MsgpackError> {
    out.push('[');
    for index in 0..count {
        if index > 0 {
            out.push(',');
        }
        next(out, reader, depth + 1)?;
    }
    out.push(']');
    Ok(())
}

fn map(out: &mut String, reader: &mut Reader<'_>, count: u32, depth: usize) -> Result<(), MsgpackError> {
    out.push('{');
    for index in 0..count {
        if index > 0 {
            out.push(',');
        }
        let start = reader.position();
        let value = reader.value()?;
        key(out, &value, reader.since(start));
        out.push(':');
        next(out, reader, depth + 1)?;
    }
    out.push('}');
    Ok(())
}

/// Appends the value that is next. Arrays and maps are not stepped over first, but for what is too deep to be printed.
fn next(out: &mut String, reader: &mut Reader<'_>, depth: usize) -> Result<(), MsgpackError> {
    if depth < MAX_DEPTH {
        if let Some(text) = reader.short_text() {
            leaf(out, &Value::Str(text));
            return Ok(());
        }
        if let Some(count) = reader.map_header()? {
            return map(out, reader, count, depth);
        }
        if let Some(count) = reader.array_header()? {
            return array(out, reader, count, depth);
        }
    }
    nested(out, &reader.value()?, depth)
}

/// Appends a map's key, of which `raw` are the bytes, as a JSON string.
pub fn key(out: &mut String, value: &Value<'_>, raw: &[u8]) {
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
    // Writing to a String cannot fail. Of a float it is the shortest text that reads back as the same float.
    let _ = match *value {
        Value::Nil => write!(out, "null"),
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::Int(int) => {
            if int < 0 {
                out.push('-');
            }
            return digits(out, int.unsigned_abs());
        }
        Value::UInt(int) => return digits(out, int),
        Value::F32(float) if float.is_finite() => return out.push_str(ryu::Buffer::new().format_finite(float)),
        Value::F64(float) if float.is_finite() => return out.push_str(ryu::Buffer::new().format_finite(float)),
        Value::F32(float) => write!(out, "{}", non_finite(f64::from(float))),
        Value::F64(float) => write!(out, "{}", non_finite(float)),
        Value::Str(_) | Value::Bin(_) | Value::Ext(..) | Value::Array(_) | Value::Map(_) => Ok(()),
    };
}

/// Appends a number in decimal digits.
fn digits(out: &mut String, number: u64) {
    let mut digits = [b'0'; 20];
    let mut rest = number;
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = place;
        if rest == 0 {
            break;
        }
    }
    // Digits are ASCII.
    out.push_str(digits.get(first..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default());
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

/// Appends text as a JSON string. What needs no escape, which is nearly all, is copied in runs.
pub fn quoted(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(at) = first_to_escape(rest.as_bytes()) {
        // What needs an escape is ASCII, so both are boundaries of characters.
        let (run, behind) = rest.split_at(at);
        out.push_str(run);
        let mut behind = behind.chars();
        match behind.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = behind.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Where the first byte is that a JSON string cannot have as it is (RFC 8259, section 7): a quote, a backslash, or below 0x20.
fn first_to_escape(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    // The high bit of a byte is set where it is less than a number; only whether any is set is exact, and asked for.
    let below = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word & HIGHS;
    let is_in = |word: &&[u8; 8]| {
        let word = u64::from_ne_bytes(**word);
        let equals = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
        (below(word, 0x20) | equals(b'"') | equals(b'\\')) != 0
    };
    let needs_escape = |byte: &u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    match words.iter().position(|word| is_in(&word)) {
        Some(word) => {
            let within = words.get(word)?.iter().position(needs_escape)?;
            Some(word * 8 + within)
        }
        None => rest.iter().position(needs_escape).map(|at| words.len() * 8 + at),
    }
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
    fn every_byte_at_every_place_is_escaped_as_it_must_be() {
        for place in 0..20 {
            for byte in 0..=0x7f_u8 {
                let mut text = "abcdefghijklmnopqrstu\u{80}\u{a2}\u{dc}\u{9f}".to_owned().into_bytes();
                text[place] = byte;
                let text = String::from_utf8(text).unwrap();
                let mut out = String::new();
                quoted(&mut out, &text);
                assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text, "{out}");
            }
        }
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
