//! Values of records beside those of rules.

use super::condition::{Scalar, ValueKind};
use crate::append::FoundValue;
use crate::msgpack::{Composite, Reader, Value};
use twox_hash::XxHash3_64;

/// Where in the content of a map the value of the first field with this name begins.
pub(super) fn find_in(map: &Composite<'_>, name: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(map.content);
    for _ in 0..map.count {
        let key = reader.value().ok()?;
        if key.as_str_bytes() == Some(name) {
            return Some(reader.position());
        }
        reader.skip().ok()?;
    }
    None
}

pub(super) fn kind_of(value: &Value<'_>) -> Option<ValueKind> {
    match value {
        Value::Str(_) => Some(ValueKind::Text),
        Value::Int(_) | Value::UInt(_) | Value::F32(_) | Value::F64(_) => Some(ValueKind::Number),
        Value::Bool(_) => Some(ValueKind::Bool),
        Value::Map(_) => Some(ValueKind::Map),
        Value::Array(_) => Some(ValueKind::List),
        Value::Nil => Some(ValueKind::Null),
        Value::Bin(_) | Value::Ext(..) => None,
    }
}

/// The value that bytes begin with, when it is a small whole number or a short text, as most are that rules ask for.
#[inline]
pub(super) fn short_value(bytes: &[u8]) -> Option<Value<'_>> {
    match *bytes {
        [int @ 0x00..=0x7f, ..] => Some(Value::Int(i64::from(int))),
        [0xcc, int, ..] => Some(Value::Int(i64::from(int))),
        [0xcd, high, low, ..] => Some(Value::Int(i64::from(u16::from_be_bytes([high, low])))),
        [marker @ 0xa0..=0xbf, ref rest @ ..] => rest.get(..usize::from(marker & 0x1f)).map(Value::Str),
        _ => None,
    }
}

/// The kind of a value of MessagePack that begins with this byte
/// (<https://github.com/msgpack/msgpack/blob/master/spec.md#formats>).
#[inline]
pub(super) fn kind_of_marker(marker: u8) -> Option<ValueKind> {
    match marker {
        0xa0..=0xbf | 0xd9..=0xdb => Some(ValueKind::Text),
        0x00..=0x7f | 0xe0..=0xff | 0xca..=0xd3 => Some(ValueKind::Number),
        0x80..=0x8f | 0xde..=0xdf => Some(ValueKind::Map),
        0x90..=0x9f | 0xdc..=0xdd => Some(ValueKind::List),
        0xc2 | 0xc3 => Some(ValueKind::Bool),
        0xc0 => Some(ValueKind::Null),
        0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => None,
    }
}

/// The number that a value is, or that its text is in decimal digits.
pub(super) fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(int) => Some(*int as f64),
        Value::UInt(int) => Some(*int as f64),
        Value::F32(float) => Some(f64::from(*float)),
        Value::F64(float) => Some(*float),
        Value::Str(text) => {
            let is_decimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
            let digits = text.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
            let text = std::str::from_utf8(text).ok().filter(|_| digits && text.iter().all(is_decimal))?;
            text.parse().ok()
        }
        _ => None,
    }
}

pub(super) fn equals(value: &Value<'_>, text: Option<&[u8]>, scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Text(wanted) => text == Some(wanted.as_bytes()),
        Scalar::Bool(wanted) => *value == Value::Bool(*wanted),
        Scalar::Number(wanted) => number(value) == Some(*wanted),
    }
}

pub(super) fn scalar_value(scalar: &Scalar) -> FoundValue<'_> {
    match scalar {
        Scalar::Text(text) => FoundValue::Text(text.as_bytes()),
        Scalar::Bool(flag) => FoundValue::Bool(*flag),
        #[expect(clippy::cast_possible_truncation, reason = "whole and at most 2^53, as it was read")]
        Scalar::Number(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            FoundValue::Int(*number as i64)
        }
        Scalar::Number(number) => FoundValue::Float(*number),
    }
}

/// The same for equal values, on every machine and in every version.
pub(super) fn hash(value: &Value<'_>) -> u64 {
    match value {
        Value::Str(bytes) | Value::Bin(bytes) => XxHash3_64::oneshot(bytes),
        Value::Map(composite) | Value::Array(composite) => XxHash3_64::oneshot(composite.whole),
        // A number has the hash of its text, so that it shares the fate of records in which it is text.
        Value::Int(int) => XxHash3_64::oneshot(int.to_string().as_bytes()),
        Value::UInt(int) => XxHash3_64::oneshot(int.to_string().as_bytes()),
        Value::F32(float) => XxHash3_64::oneshot(float.to_string().as_bytes()),
        Value::F64(float) => XxHash3_64::oneshot(float.to_string().as_bytes()),
        Value::Bool(flag) => XxHash3_64::oneshot(&[u8::from(*flag)]),
        Value::Ext(_, data) => XxHash3_64::oneshot(data),
        Value::Nil => XxHash3_64::oneshot(b""),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_the_first_bytes_tell_is_what_reading_all_tells(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let whole = Reader::new(&bytes).value().ok();
            if let Some(short) = short_value(&bytes) {
                prop_assert_eq!(Some(short), whole);
            }
            if let Some(value) = whole {
                prop_assert_eq!(kind_of_marker(*bytes.first().unwrap()), kind_of(&value));
            }
        }
    }
}
