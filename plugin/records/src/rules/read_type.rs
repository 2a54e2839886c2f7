//! Reads `[type.NAME]`: types of the user's own, and what is said of built-in ones.
//!
//! ```toml
//! [type.billing]
//! like = "audit"
//! durability = "fsync"
//! retention = "10y"
//!
//! [type.billing.columns]
//! amount = { type = "float64", from = ["amount", "amt"] }
//! customer = { type = "text" }
//! ```

use super::declaration::{ColumnDeclaration, TypeDeclaration};
use super::document::{Node, Reading, get};
use super::fault::Fault;
use super::policy::{Durability, Policy, Retention, StorageClass, TOTAL_FILE_SIZE_RANGE, UPLOAD_TIMEOUT_RANGE};
use super::read::described;
use super::source::Place;
use crate::columns::{self, Column, ColumnKind, OVERFLOW};
use crate::log_type::{LogType, MAX_TYPE_NAME_BYTES, TypeName};
use crate::units::{parse_size, parse_time, size_in_words};
use std::borrow::Cow;
use toml::de::DeTable;

/// Most columns that a user declares for one type.
pub const MAX_COLUMNS: usize = 64;
/// Most fields that fill one column.
pub const MAX_FROM: usize = 16;
/// Longest name of a field, in bytes.
const MAX_FIELD_BYTES: usize = 256;

const KEYS: [&str; 9] = [
    "like",
    "durability",
    "upload_timeout",
    "total_file_size",
    "retention",
    "storage_class",
    "lake",
    "datadog",
    "columns",
];
/// Names that readers of a lake see as columns although no file has them, the overflow map, and the field that names the
/// type.
const TAKEN: [&str; 5] = ["type", "dt", "hour", OVERFLOW, "log_type"];

/// Reads what is said of a type.
pub(super) fn declared(
    reading: &mut Reading<'_>,
    name: &str,
    place: Place,
    node: &Node<'_>,
) -> Option<TypeDeclaration> {
    let table = reading.table(name, node)?;
    reading.refuse_unknown(table, "a type", &KEYS);
    let built_in = LogType::built_in(name.as_bytes());
    let log_type = built_in.or_else(|| TypeName::new(name).map(LogType::Own));
    if log_type.is_none() {
        let allowed = "a type's name begins with a small letter, goes on with small letters, digits and _, has at most 31 of \
                       them, and is none of quarantine, none and undeclared";
        let fault = Fault::Value { key: "type".to_owned(), found: format!("'{name}'"), allowed: allowed.to_owned() };
        reading.fault(place.bytes.clone(), fault);
    }
    if built_in.is_some() && table.is_empty() {
        let help = "write what of it shall be other than usual, or take the table out";
        reading.fault(place.bytes.clone(), Fault::Missing { whose: "a built-in type", key: "durability", help });
    }
    let like = match (built_in, get(table, "like")) {
        (Some(log_type), None) => Some(log_type),
        (Some(log_type), Some(node)) => {
            reading.wrong_value(
                "like",
                node,
                "a built-in type is like itself; only types of your own are like another",
            );
            Some(log_type)
        }
        (None, None) => Some(LogType::App),
        (None, Some(node)) => {
            let known = LogType::BUILT_IN.each_ref().map(|known| (known.name(), *known));
            reading.one_of("built-in type", node, &known)
        }
    };
    let policy = policy(reading, table);
    let columns = get(table, "columns").and_then(|node| reading.table("columns", node));
    let (log_type, like) = (log_type?, like?);
    let columns = columns.map(|table| declared_columns(reading, log_type, like, table)).unwrap_or_default();
    Some(TypeDeclaration { log_type, place, like, policy, columns })
}

fn policy(reading: &mut Reading<'_>, table: &DeTable<'_>) -> Policy {
    let known = Durability::ALL.map(|durability| (durability.name(), durability));
    let durability = get(table, "durability").and_then(|node| reading.one_of("durability", node, &known));
    let mut measure = |key: &'static str, allowed: String, is_allowed: &dyn Fn(&str) -> bool| {
        let node = get(table, key)?;
        let text = reading.text(key, node)?;
        if !is_allowed(&text) {
            reading.wrong_value(key, node, &allowed);
        }
        Some(text)
    };
    let (least, most) = (UPLOAD_TIMEOUT_RANGE.start(), UPLOAD_TIMEOUT_RANGE.end());
    let allowed = format!("a time from {least:?} to {most:?} is allowed, as in \"90s\", \"10m\" or \"1h\"");
    let time = |text: &str| parse_time(text).filter(|time| UPLOAD_TIMEOUT_RANGE.contains(time));
    let upload_timeout = measure("upload_timeout", allowed, &|text| time(text).is_some());
    let (least, most) = (size_in_words(*TOTAL_FILE_SIZE_RANGE.start()), size_in_words(*TOTAL_FILE_SIZE_RANGE.end()));
    let allowed = format!("a size from {least} to {most} is allowed, as in \"64M\"");
    let size = |text: &str| parse_size(text).filter(|bytes| TOTAL_FILE_SIZE_RANGE.contains(bytes));
    let total_file_size = measure("total_file_size", allowed, &|text| size(text).is_some());
    let allowed =
        "days, months or years are allowed, up to a hundred years, as in \"30d\", \"3mo\" or \"5y\"".to_owned();
    let retention = measure("retention", allowed, &|text| Retention::parse(text).is_some());
    let known = StorageClass::ALL.map(|class| (class.name(), class));
    let storage_class = get(table, "storage_class").and_then(|node| reading.one_of("storage class", node, &known));
    let lake = get(table, "lake").and_then(|node| reading.flag("lake", node));
    let datadog = get(table, "datadog").and_then(|node| reading.flag("datadog", node));
    Policy {
        durability,
        storage_class,
        lake,
        datadog,
        upload_timeout: upload_timeout.and_then(|text| time(&text)),
        total_file_size_bytes: total_file_size.and_then(|text| size(&text)),
        retention: retention.and_then(|text| Retention::parse(&text)),
    }
}

fn declared_columns(
    reading: &mut Reading<'_>,
    log_type: LogType,
    like: LogType,
    table: &DeTable<'_>,
) -> Vec<ColumnDeclaration> {
    let built_in = columns::of_type(like);
    let mut declared: Vec<ColumnDeclaration> = Vec::new();
    // In the order of the file, which is that of the columns.
    let mut table: Vec<_> = table.iter().collect();
    table.sort_by_key(|(name, _)| name.span().start);
    if let Some((name, _)) = table.get(MAX_COLUMNS) {
        reading.fault(name.span(), Fault::TooMany { what: "columns of a type", limit: MAX_COLUMNS });
    }
    for (name, node) in table {
        let place = reading.place(name.span());
        let name: &str = name.get_ref();
        if let Some(allowed) = refused(name, like, &built_in) {
            let fault = Fault::Value { key: "columns".to_owned(), found: format!("'{name}'"), allowed };
            reading.fault(place.bytes.clone(), fault);
        }
        let Some(column) = column(reading, log_type, name, node) else { continue };
        let fields = get_fields(node).unwrap_or(node);
        for field in &column.from {
            let has = |column: &&Column| column.from.contains(field);
            let taken = built_in.iter().chain(declared.iter().map(|declared| &declared.column)).find(has);
            if let Some(by) = taken {
                let allowed = format!("the field '{field}' fills the column '{}' already", by.name);
                reading.wrong_value("from", fields, &allowed);
            }
        }
        declared.push(ColumnDeclaration { place, column });
    }
    declared
}

/// What is allowed in place of a column's name that is not.
fn refused(name: &str, like: LogType, built_in: &[Column]) -> Option<String> {
    let is_word = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        && name.len() <= MAX_TYPE_NAME_BYTES;
    if !is_word {
        let allowed = "a column's name begins with a small letter, goes on with small letters, digits and _, and has at most 31 \
                       of them";
        return Some(allowed.to_owned());
    }
    if TAKEN.contains(&name) {
        return Some("readers of the lake find something else under this name: give the column another".to_owned());
    }
    let is_there = built_in.iter().any(|column| column.name == name);
    is_there.then(|| format!("the type {like} has a column of this name: give yours another"))
}

fn get_fields<'t, 'i>(node: &'t Node<'i>) -> Option<&'t Node<'i>> {
    match node.get_ref() {
        toml::de::DeValue::Table(table) => get(table, "from"),
        _ => None,
    }
}

fn column(reading: &mut Reading<'_>, log_type: LogType, name: &str, node: &Node<'_>) -> Option<Column> {
    let table = reading.table(name, node)?;
    reading.refuse_unknown(table, "a column", &["type", "from", "encoding"]);
    let kinds = [
        ("text", ColumnKind::Text),
        ("int32", ColumnKind::Int32),
        ("int64", ColumnKind::Int64),
        ("float64", ColumnKind::Float64),
        ("bool", ColumnKind::Bool),
    ];
    let kind = match get(table, "type") {
        Some(node) => reading.one_of("type of a column", node, &kinds),
        None => {
            let help = "write type = \"text\", or int32, int64, float64 or bool";
            reading.fault(node.span(), Fault::Missing { whose: "a column", key: "type", help });
            None
        }
    };
    let encodings = [("dictionary", true), ("plain", false)];
    let dictionary = get(table, "encoding").and_then(|node| reading.one_of("encoding", node, &encodings));
    let mut from: Vec<Cow<'static, str>> = Vec::new();
    match get(table, "from") {
        None => from.push(Cow::Owned(name.to_owned())),
        Some(fields) => {
            for (field, bytes) in reading.texts("from", fields) {
                let refuse = if field.is_empty() || field.len() > MAX_FIELD_BYTES {
                    Some("the name of a field of the record, of 1 to 256 bytes, is allowed")
                } else if field == "log_type" {
                    Some("this field names the type, which stands in the path of each file")
                } else {
                    from.iter().any(|known| *known == field).then_some("it stands in this list already")
                };
                if let Some(allowed) = refuse {
                    let (key, allowed) = ("from".to_owned(), allowed.to_owned());
                    reading.fault(bytes, Fault::Value { key, found: format!("'{field}'"), allowed });
                }
                from.push(Cow::Owned(field));
            }
            if from.len() > MAX_FROM {
                reading.fault(fields.span(), Fault::TooMany { what: "fields of a column", limit: MAX_FROM });
            }
        }
    }
    let kind = kind?;
    Some(Column {
        id: columns::declared_id(log_type.name(), name),
        name: Cow::Owned(name.to_owned()),
        kind,
        from,
        // What is only true or false is packed better without.
        dictionary: dictionary.unwrap_or(kind != ColumnKind::Bool),
    })
}

/// Notes columns of which the ids, which follow from their names, are those of others.
pub(super) fn refuse_equal_ids(reading: &mut Reading<'_>, known: &[TypeDeclaration], declared: &TypeDeclaration) {
    let of = |declared: &TypeDeclaration| -> Vec<(LogType, ColumnDeclaration)> {
        declared.columns.iter().map(|column| (declared.log_type, column.clone())).collect()
    };
    let mut known: Vec<(LogType, ColumnDeclaration)> = known.iter().flat_map(of).collect();
    for (log_type, declared) in of(declared) {
        let id = declared.column.id;
        if let Some((first_type, first)) = known.iter().find(|(_, known)| known.column.id == id) {
            let place = described(reading.sources, &first.place);
            let allowed = format!(
                "the id that follows from its name is that of the column '{}' of {first_type}, in {place}: give one of them \
                 another name",
                first.column.name
            );
            let found = format!("'{}'", declared.column.name);
            reading.fault(declared.place.bytes.clone(), Fault::Value { key: "columns".to_owned(), found, allowed });
        }
        known.push((log_type, declared));
    }
}

#[cfg(test)]
#[path = "read_type_tests.rs"]
mod tests;
