//! A record written twice as it is made: as MessagePack and as JSON.

use shiwake_records::msgpack::write;
use std::borrow::Cow;
use std::fmt::Write;

/// Fields with their names.
pub(crate) type Pairs<'a> = Vec<(&'static str, Field<'a>)>;

/// One value of a record.
pub(crate) enum Field<'a> {
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Field<'a>>),
    Map(Pairs<'a>),
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Field<'a> {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

impl Field<'_> {
    fn append_msgpack(&self, out: &mut Vec<u8>) {
        match self {
            Field::Text(text) => write::str(out, text.as_bytes()),
            Field::Int(int) => write::int(out, *int),
            Field::Float(float) => write::float(out, *float),
            Field::Bool(flag) => write::bool(out, *flag),
            Field::List(items) => {
                write::array_header(out, count(items.len()));
                items.iter().for_each(|item| item.append_msgpack(out));
            }
            Field::Map(pairs) => append_pairs(out, pairs),
        }
    }

    fn append_json(&self, out: &mut String) {
        match self {
            Field::Text(text) => append_json_text(out, text),
            Field::Int(int) => display(out, int),
            // As a float even when it is whole, so that a reader that infers types finds one.
            Field::Float(float) => debug(out, float),
            Field::Bool(flag) => display(out, flag),
            Field::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    item.append_json(out);
                }
                out.push(']');
            }
            Field::Map(pairs) => {
                out.push('{');
                append_json_pairs(out, pairs);
                out.push('}');
            }
        }
    }
}

/// Appends a record's map.
pub(crate) fn append_pairs(out: &mut Vec<u8>, pairs: &[(&str, Field<'_>)]) {
    write::map_header(out, count(pairs.len()));
    for (key, value) in pairs {
        write::str(out, key.as_bytes());
        value.append_msgpack(out);
    }
}

/// Appends the pairs of an object, without the braces.
pub(crate) fn append_json_pairs(out: &mut String, pairs: &[(&str, Field<'_>)]) {
    for (number, (key, value)) in pairs.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        append_json_text(out, key);
        out.push(':');
        value.append_json(out);
    }
}

fn append_json_text(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

fn display(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a String does not fail.
    let _ = write!(out, "{value}");
}

fn debug(out: &mut String, value: impl std::fmt::Debug) {
    let _ = write!(out, "{value:?}");
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
