//! Values into the kinds of columns, and what fits none into text.

use super::rows::{Cell, Text};
use crate::schema::ColumnKind;
use shiwake_records::msgpack::{Value, json};
use shiwake_records::severity::Severity;

/// Longest text in a column, in bytes. What is longer is no value that anybody filters by, and would make pages and
/// dictionaries of the column as large as itself; in the overflow it is read only by who asks for it.
pub const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// Where a field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// To a column; the rank is the field's among those that fill it.
    Column { column: usize, rank: usize, kind: ColumnKind },
    /// Nowhere, when it says the type of the records.
    OwnType,
    /// To the overflow.
    Overflow,
}

/// Whether a value would fill a column of this kind, with all that it says. Nil says nothing, which any column can hold.
#[must_use]
pub fn fits(kind: ColumnKind, value: &Value<'_>) -> bool {
    fit(kind, value, &mut String::new()).1
}

/// Whether a text is a value of such a column as it is; it may be one in another form when it is not.
#[inline]
pub(super) fn is_cell(kind: ColumnKind, text: &[u8]) -> bool {
    let is_right = match kind {
        ColumnKind::Text | ColumnKind::Json => true,
        ColumnKind::ContainerName => text.first() != Some(&b'/'),
        ColumnKind::Severity => matches!(text, b"info" | b"error" | b"warn" | b"debug" | b"trace" | b"notice"),
        _ => false,
    };
    is_right && text.len() <= MAX_TEXT_BYTES && is_utf8(text)
}

/// The value as the column holds it, and whether the column then says all that the field said. What has to be made for that is
/// appended to `made`.
pub(super) fn fit<'a>(kind: ColumnKind, value: &Value<'a>, made: &mut String) -> (Option<Cell<'a>>, bool) {
    if *value == Value::Nil {
        return (None, true);
    }
    let kept = |text: &'a str| Cell::Text(Text::Kept(text.as_bytes()));
    let cell = match kind {
        ColumnKind::Time | ColumnKind::Tag => None,
        ColumnKind::Severity => {
            let Some(severity) = Severity::from_syslog_value(value) else { return (None, false) };
            let name = severity.name();
            return (Some(kept(name)), value.as_str() == Some(name));
        }
        ColumnKind::ContainerName => {
            let name = value.as_str().filter(|name| name.len() <= MAX_TEXT_BYTES);
            name.map(|name| kept(name.strip_prefix('/').unwrap_or(name)))
        }
        ColumnKind::Json if matches!(value, Value::Array(_) | Value::Map(_)) => {
            let start = made.len();
            let text = text_of(value, made);
            if made.len() - start > MAX_TEXT_BYTES {
                made.truncate(start);
                None
            } else {
                text.map(Cell::Text)
            }
        }
        ColumnKind::Text | ColumnKind::Json => match value {
            Value::Str(text) if text.len() > MAX_TEXT_BYTES => None,
            Value::Str(_) => value.as_str().map(kept),
            // A list or a map is JSON text in the overflow, where a reader expects it.
            Value::Array(_) | Value::Map(_) | Value::Bin(_) | Value::Ext(..) => None,
            _ => text_of(value, made).map(Cell::Text),
        },
        ColumnKind::Int32 => as_int(value).filter(|int| i32::try_from(*int).is_ok()).map(Cell::Int),
        ColumnKind::Int64 => as_int(value).map(Cell::Int),
        ColumnKind::Float64 => as_float(value).map(Cell::Float),
        ColumnKind::Bool => match *value {
            Value::Bool(flag) => Some(Cell::Bool(flag)),
            Value::Str(b"true") => Some(Cell::Bool(true)),
            Value::Str(b"false") => Some(Cell::Bool(false)),
            _ => None,
        },
        ColumnKind::Binary => match *value {
            Value::Bin(bytes) => Some(Cell::Text(Text::Kept(bytes))),
            _ => None,
        },
    };
    let is_whole = cell.is_some();
    (cell, is_whole)
}

/// Most texts are ASCII, which is found out sooner.
#[inline]
pub(super) fn is_utf8(text: &[u8]) -> bool {
    is_ascii(text) || std::str::from_utf8(text).is_ok()
}

/// As the standard library's, without a loop over the bytes of short texts.
#[inline]
fn is_ascii(text: &[u8]) -> bool {
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    if let Some(last) = text.last_chunk::<8>() {
        let (words, _) = text.as_chunks::<8>();
        let all = words.iter().fold(u64::from_ne_bytes(*last), |all, word| all | u64::from_ne_bytes(*word));
        return all & HIGHS == 0;
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        return (u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)) & HIGHS as u32 == 0;
    }
    text.iter().all(u8::is_ascii)
}

/// A number, or the text of one that is written the one way in which it would be printed again.
fn as_int(value: &Value<'_>) -> Option<i64> {
    if let Value::Str(_) = value {
        let text = value.as_str()?;
        return text.parse::<i64>().ok().filter(|int| int.to_string() == text);
    }
    value.as_int()
}

fn as_float(value: &Value<'_>) -> Option<f64> {
    const EXACT: i64 = 1 << 53;
    match *value {
        // NaN and the infinities mean something that an average must not swallow: they stay text in the overflow.
        Value::F64(float) => Some(float).filter(|float| float.is_finite()),
        Value::F32(float) => Some(f64::from(float)).filter(|float| float.is_finite()),
        Value::Int(int) if (-EXACT..=EXACT).contains(&int) => Some(int as f64),
        Value::Str(_) => {
            let text = value.as_str()?;
            text.parse::<f64>().ok().filter(|float| float.is_finite() && float.to_string() == text)
        }
        _ => None,
    }
}

/// A value as text: a string as it is, nil as nothing, everything else as JSON, which is appended to `made`.
pub(super) fn text_of<'a>(value: &Value<'a>, made: &mut String) -> Option<Text<'a>> {
    if let Value::Str(text) = value
        && is_utf8(text)
    {
        return Some(Text::Kept(text));
    }
    let start = made.len();
    if let Value::Array(items) | Value::Map(items) = value {
        made.reserve(items.whole.len() + items.count as usize * 4);
    }
    match value {
        Value::Nil => return None,
        Value::Str(_) | Value::Bin(_) | Value::Ext(..) | Value::Array(_) | Value::Map(_) => {
            // The value was read whole before, so this does not fail; if it did, what is written so far is kept.
            let _ = json::write(made, value);
        }
        scalar => json::scalar_text(made, scalar),
    }
    Some(Text::Made(start, made.len()))
}

/// A key as text.
pub(super) fn key_text<'a>(key: &Value<'a>, made: &mut String) -> Text<'a> {
    text_of(key, made).unwrap_or(Text::Kept(b"null"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_anywhere_makes_a_text_no_ascii() {
        for length in 0..40_usize {
            let text = vec![0x7f; length];
            assert!(is_ascii(&text), "{length}");
            for place in 0..length {
                let mut other = text.clone();
                other.get_mut(place).into_iter().for_each(|byte| *byte = 0x80);
                assert!(!is_ascii(&other), "{length}, {place}");
                assert!(!is_utf8(&other), "{length}, {place}");
            }
        }
    }
}
