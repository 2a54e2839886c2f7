//! The columns that fields would fill, as `[type.NAME.columns]` of a rules file.

use super::Records;
use super::field::Field;
use crate::terminal::harmless;
use serde_json::json;
use shiwake_delivery::schema::{Column, OVERFLOW};
use shiwake_records::log_type::{LogType, MAX_TYPE_NAME_BYTES};
use shiwake_records::rules::MAX_COLUMNS;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Names that no column may have, beside those of other columns.
const TAKEN: [&str; 5] = ["type", "dt", "hour", OVERFLOW, "log_type"];
/// Longest name of a field that a column may be filled from.
const MAX_FIELD_BYTES: usize = 256;

/// Writes the columns of a type, the most frequent first. What has a column, or too small a share, is left out.
pub(super) fn write(
    log_type: LogType,
    records: &Records,
    columns: &[Column],
    min_share: f64,
    out: &mut impl Write,
) -> io::Result<()> {
    let has_column =
        |name: &str| name == "log_type" || columns.iter().any(|column| column.from.iter().any(|from| from == name));
    let share = |field: &Field| field.values as f64 / records.count.max(1) as f64 * 100.0;
    let mut fields: Vec<(&String, &Field)> = records.fields.iter().collect();
    fields.sort_by(|(one, a), (other, b)| b.values.cmp(&a.values).then_with(|| one.cmp(other)));
    let (known, unknown): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| has_column(name));
    writeln!(
        out,
        "# {log_type}: {} records, {} fields with a column, {} without",
        records.count,
        known.len(),
        unknown.len()
    )?;
    let mut taken: BTreeSet<String> = TAKEN.map(str::to_owned).into();
    taken.extend(columns.iter().map(|column| column.name.to_string()));
    let (mut lines, mut nested) = (Vec::new(), Vec::new());
    for (name, field) in unknown.into_iter().filter(|(_, field)| share(field) >= min_share) {
        let Some(kind) = field.kind() else {
            nested.push(format!("{} ({:.1}%)", harmless(&json!(name).to_string()), share(field)));
            continue;
        };
        let Some(column) = column_name(name, &mut taken).filter(|_| lines.len() < MAX_COLUMNS) else { continue };
        let from = if column == *name { String::new() } else { format!(", from = [{}]", basic_string(name)) };
        let encoding = if kind == "text" && field.is_unique() { ", encoding = \"plain\"" } else { "" };
        lines.push(format!("{column} = {{ type = \"{kind}\"{from}{encoding} }}  # {:.1}%", share(field)));
    }
    if !nested.is_empty() {
        writeln!(out, "# lists and maps, or too long, which stay in {OVERFLOW}: {}", nested.join(", "))?;
    }
    if !lines.is_empty() {
        writeln!(out, "[type.{log_type}.columns]\n{}", lines.join("\n"))?;
    }
    writeln!(out)
}

/// A name that a column may have, like the field's; `None` when there is none, or nothing may be filled from the field.
fn column_name(field: &str, taken: &mut BTreeSet<String>) -> Option<String> {
    let (mut name, mut was_small) = (String::new(), false);
    for sign in field.chars() {
        match sign {
            'a'..='z' | '0'..='9' | '_' => name.push(sign),
            // As `userName` is `user_name`.
            'A'..='Z' => {
                if was_small {
                    name.push('_');
                }
                name.push(sign.to_ascii_lowercase());
            }
            _ => name.push('_'),
        }
        was_small = sign.is_ascii_lowercase() || sign.is_ascii_digit();
    }
    let name: String = name.trim_matches('_').chars().take(MAX_TYPE_NAME_BYTES).collect();
    let is_word = name.starts_with(|first: char| first.is_ascii_lowercase());
    (is_word && field.len() <= MAX_FIELD_BYTES && taken.insert(name.clone())).then_some(name)
}

/// A basic string of TOML (<https://toml.io/en/v1.0.0#string>): what JSON escapes TOML reads, but for DEL, which it wants escaped.
fn basic_string(text: &str) -> String {
    json!(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_get_names_that_they_may_have() {
        let mut taken = BTreeSet::from(["type".to_owned(), "status".to_owned()]);
        for (field, expected) in [
            ("team", Some("team")),
            ("userName", Some("user_name")),
            ("HTTPStatus", Some("httpstatus")),
            ("cart.items-count", Some("cart_items_count")),
            ("user_name", None),
            ("status", None),
            ("Type", None),
            ("17", None),
            ("ü", None),
        ] {
            assert_eq!(column_name(field, &mut taken).as_deref(), expected, "{field}");
        }
    }
}
