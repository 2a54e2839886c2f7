//! The tables in the documents are what the code says. `UPDATE_DOCUMENTS=1 cargo test -p shiwake-delivery --test documents`
//! writes them anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use shiwake_delivery::config::{Property, datadog, filter, output};
use shiwake_delivery::lane::Lane;
use shiwake_delivery::schema::Schemas;
use shiwake_records::identity::origin_fields::{ORIGIN_FIELDS, Origin, UNIFIED_FIELDS};
use std::fs;
use std::path::PathBuf;

fn property_table(properties: &[Property]) -> String {
    let mut table = "| property | default | meaning |\n|---|---|---|\n".to_owned();
    for Property { name, default, meaning } in properties {
        let default = default.map_or("–".to_owned(), |default| format!("`{default}`"));
        table += &format!("| `{name}` | {default} | {meaning} |\n");
    }
    table
}

fn column_table() -> String {
    let mut table = "| id | type | column | kind | from the fields |\n|---|---|---|---|---|\n".to_owned();
    let schemas = Schemas::default();
    let columns = |lane: Lane| schemas.columns(lane).to_vec();
    let shared = columns(Lane::BY_WORTH[0]).into_iter().filter(|column| column.id < 50).collect::<Vec<_>>();
    let own = Lane::BY_WORTH.into_iter().flat_map(|lane| {
        columns(lane).into_iter().filter(|column| column.id >= 100).map(move |column| (lane.to_string(), column))
    });
    let mut rows: Vec<_> = shared.into_iter().map(|column| ("all".to_owned(), column)).chain(own).collect();
    rows.sort_by_key(|(_, column)| column.id);
    for (lane, column) in rows {
        let from: Vec<String> = column.from.iter().map(|field| format!("`{field}`")).collect();
        table += &format!("| {} | {lane} | `{}` | {:?} | {} |\n", column.id, column.name, column.kind, from.join(", "));
    }
    table
}

fn origin_table() -> String {
    let mut table = "| from the metadata | or from | field | column | tags |\n|---|---|---|---|---|\n".to_owned();
    let columns = Schemas::default().columns(Lane::BY_WORTH[0]).to_vec();
    let column_of = |field: &str| {
        let column = columns.iter().find(|column| column.from.iter().any(|from| from == field));
        column.map_or("–".to_owned(), |column| format!("`{}`", column.name))
    };
    for field in &ORIGIN_FIELDS {
        let of = match field.origin {
            Origin::Task(_) => "task",
            Origin::Container(_) => "container",
        };
        let other = field.firelens.map_or("–".to_owned(), |field| format!("`{field}`"));
        let (name, column) = match field.name {
            Some(name) => (format!("`{name}`"), column_of(name)),
            None => ("–".to_owned(), "–".to_owned()),
        };
        let tags: Vec<String> = field.tags.iter().map(|tag| format!("`{tag}`")).collect();
        let tags = if tags.is_empty() { "–".to_owned() } else { tags.join(", ") };
        table += &format!("| {of}: `{}` | {other} | {name} | {column} | {tags} |\n", field.source);
    }
    for field in &UNIFIED_FIELDS {
        let (name, column) = (field.name, column_of(field.name));
        let variable = name.to_uppercase();
        table += &format!("| label `{}` | `DD_{variable}` | `{name}` | {column} | `{name}` |\n", field.label);
    }
    table
}

fn check(document: &str, name: &str, table: &str) {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(document);
    let text = fs::read_to_string(&path).unwrap();
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = text.find(&start).unwrap_or_else(|| panic!("{document} has no {start}")) + start.len();
    let to = from + text[from..].find(&end).unwrap_or_else(|| panic!("{document} has no {end}"));
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        fs::write(&path, format!("{}{table}{}", &text[..from], &text[to..])).unwrap();
        return;
    }
    assert_eq!(&text[from..to], table, "{document}: the table {name} is not what the code says");
}

#[test]
fn the_properties_in_the_documents_are_those_of_the_code() {
    let own = &output::PROPERTIES[..output::PROPERTIES.len() - filter::SHARED.len() - datadog::PROPERTIES.len()];
    check("docs/properties.md", "properties:output", &property_table(own));
    check("docs/datadog.md", "properties:datadog", &property_table(&datadog::PROPERTIES));
    check("docs/properties.md", "properties:filter", &property_table(&filter::PROPERTIES));
}

#[test]
fn the_origin_of_records_is_documented_as_the_code_has_it() {
    check("docs/identity.md", "origin", &origin_table());
}

#[test]
fn the_columns_in_the_document_are_those_of_the_code() {
    check("docs/schema.md", "columns", &column_table());
}
