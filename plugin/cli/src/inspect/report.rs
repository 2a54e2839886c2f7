//! A file's layout, as text for people and as one JSON object for programs.

use super::Layout;
use super::column::Column;
use crate::terminal::{DIM, NAME, harmless};
use parquet::file::metadata::{FileMetaData, KeyValue};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Characters of a bound that are shown.
const BOUND_WIDTH: usize = 32;
/// The key under which Arrow keeps its own form of the schema, which is for programs only.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// Writes the layout as text.
pub(super) fn write_text(layout: &Layout<'_>, out: &mut impl Write) -> io::Result<()> {
    let about = layout.about();
    writeln!(out, "{NAME}{}{NAME:#}", harmless(&layout.file.to_string_lossy()))?;
    let by = about.created_by().map_or(String::new(), |by| format!(", written by {}", harmless(by)));
    writeln!(
        out,
        "{} rows, {} bytes, {} row groups{by}",
        about.num_rows(),
        layout.bytes,
        layout.metadata.num_row_groups()
    )?;
    for KeyValue { key, value } in footer(about) {
        writeln!(out, "  {DIM}{}{DIM:#} {}", harmless(key), harmless(value.as_deref().unwrap_or("")))?;
    }
    writeln!(out)?;
    for (number, group) in layout.metadata.row_groups().iter().enumerate() {
        let (rows, bytes) = (group.num_rows(), group.compressed_size());
        let sorted = group.sorting_columns().and_then(|columns| columns.first()).and_then(|first| {
            let name = layout.columns.get(usize::try_from(first.column_idx).ok()?)?;
            Some(format!(", sorted by {}", harmless(&name.name)))
        });
        writeln!(out, "row group {number}: {rows} rows, {bytes} bytes{}", sorted.unwrap_or_default())?;
    }
    let width = layout.columns.iter().map(|column| column.name.len()).max().unwrap_or(0).max("column".len());
    writeln!(
        out,
        "\n{DIM}{:<width$} {:<10} {:>10} {:>6} {:>6} {:>9} {:>7} {:<5}  {:<24}  bounds{DIM:#}",
        "column", "type", "bytes", "share", "ratio", "nulls", "bloom", "pages", "encodings"
    )?;
    for column in &layout.columns {
        let Column { name, kind, bytes, plain_bytes, .. } = column;
        let share = *bytes as f64 / layout.bytes.max(1) as f64 * 100.0;
        let ratio = *plain_bytes as f64 / (*bytes).max(1) as f64;
        let nulls = column.nulls.map_or("-".to_owned(), |nulls| nulls.to_string());
        let bloom = if column.filters == 0 { "-".to_owned() } else { column.filter_bytes.to_string() };
        let pages = if column.has_page_statistics { "yes" } else { "-" };
        let encodings = column.encodings.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let bounds = column.bounds.as_ref().map_or(String::new(), |(least, greatest)| {
            if least == greatest { cut(least) } else { format!("{} .. {}", cut(least), cut(greatest)) }
        });
        let line = format!(
            "{:<width$} {kind:<10} {bytes:>10} {share:>5.1}% {ratio:>6.1} {nulls:>9} {bloom:>7} {pages:<5}  {encodings:<24}  {bounds}",
            harmless(name)
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Text of a bound, short and on one line.
fn cut(text: &str) -> String {
    let shown: String = text.chars().take(BOUND_WIDTH).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{}{more}", harmless(&shown.replace('\t', " ")))
}

fn footer(about: &FileMetaData) -> impl Iterator<Item = &KeyValue> {
    about.key_value_metadata().into_iter().flatten().filter(|pair| pair.key != ARROW_SCHEMA)
}

/// The same as one object.
pub(super) fn to_json(layout: &Layout<'_>) -> Value {
    let about = layout.about();
    let groups = layout.metadata.row_groups().iter();
    json!({
        "file": layout.file.to_string_lossy(),
        "bytes": layout.bytes,
        "rows": about.num_rows(),
        "created_by": about.created_by(),
        "footer": footer(about).map(|pair| (pair.key.clone(), json!(pair.value))).collect::<serde_json::Map<_, _>>(),
        "row_groups": groups.map(|group| json!({"rows": group.num_rows(), "bytes": group.compressed_size()})).collect::<Vec<_>>(),
        "columns": layout.columns.iter().map(column_json).collect::<Vec<_>>(),
    })
}

fn column_json(column: &Column) -> Value {
    let bounds = column.bounds.clone().unzip();
    json!({
        "name": column.name,
        "type": column.kind,
        "encodings": column.encodings,
        "bytes": column.bytes,
        "uncompressed_bytes": column.plain_bytes,
        "nulls": column.nulls,
        "min": bounds.0,
        "max": bounds.1,
        "bloom_filters": column.filters,
        "bloom_filter_bytes": column.filter_bytes,
        "page_statistics": column.has_page_statistics,
    })
}
