//! `shiwake cat`: the rows of a Parquet file, a line each. Columns that are null are left out: most of a type's are.

use crate::error::CommandError;
use crate::parquet_file::{open, time_text};
use crate::terminal::{DIM, harmless};
use parquet::file::reader::FileReader;
use parquet::record::Field;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes the first rows of the files, or all.
pub(crate) fn run(
    files: &[PathBuf],
    rows: Option<usize>,
    as_json: bool,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let mut left = rows.unwrap_or(usize::MAX);
    for file in files {
        left -= write_file(file, left, as_json, out)?;
    }
    out.flush()?;
    Ok(())
}

/// Writes up to so many rows of a file, and tells how many.
fn write_file(file: &Path, most: usize, as_json: bool, out: &mut impl Write) -> Result<usize, CommandError> {
    let unreadable = |source| CommandError::NoParquet { file: file.to_owned(), source };
    let reader = open(file)?;
    let (mut written, mut line) = (0, String::new());
    for row in reader.get_row_iter(None).map_err(unreadable)?.take(most) {
        let row = row.map_err(unreadable)?;
        line.clear();
        for (name, field) in row.get_column_iter().filter(|(_, field)| !is_nothing(field)) {
            let separator = match (as_json, line.is_empty()) {
                (_, true) => "",
                (true, false) => ",",
                (false, false) => "  ",
            };
            line.push_str(separator);
            match as_json {
                true => line.push_str(&format!("{}:{}", Value::from(name.as_str()), value(field))),
                false => line.push_str(&format!("{DIM}{}={DIM:#}{}", harmless(name), text(field))),
            }
        }
        match as_json {
            true => writeln!(out, "{{{line}}}")?,
            false => writeln!(out, "{line}")?,
        }
        written += 1;
    }
    Ok(written)
}

/// Whether there is nothing to show of a field.
fn is_nothing(field: &Field) -> bool {
    match field {
        Field::Null => true,
        Field::MapInternal(map) => map.entries().is_empty(),
        _ => false,
    }
}

/// A value as text on one line.
fn text(field: &Field) -> String {
    match value(field) {
        Value::String(text) => harmless(&text.replace('\n', "\\n").replace('\r', "\\r")).into_owned(),
        other => harmless(&other.to_string()).into_owned(),
    }
}

/// A value as JSON. What JSON has no type for is text: times as RFC 3339, bytes as the text that they are, or escaped.
fn value(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(flag) => json!(flag),
        Field::Byte(number) => json!(number),
        Field::Short(number) => json!(number),
        Field::Int(number) => json!(number),
        Field::Long(number) => json!(number),
        Field::UByte(number) => json!(number),
        Field::UShort(number) => json!(number),
        Field::UInt(number) => json!(number),
        Field::ULong(number) => json!(number),
        Field::Float(number) if number.is_finite() => json!(number),
        Field::Double(number) if number.is_finite() => json!(number),
        Field::Str(text) => json!(text),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => json!(text),
            Err(_) => json!(bytes.data().escape_ascii().to_string()),
        },
        Field::TimestampMillis(millis) => json!(time_text(millis.saturating_mul(1_000))),
        Field::TimestampMicros(micros) => json!(time_text(*micros)),
        Field::Group(row) => row.get_column_iter().map(|(name, field)| (name.clone(), value(field))).collect(),
        Field::ListInternal(list) => list.elements().iter().map(value).collect(),
        Field::MapInternal(map) => {
            let key = |key: &Field| match value(key) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            map.entries().iter().map(|(name, field)| (key(name), value(field))).collect()
        }
        other => json!(other.to_string()),
    }
}
