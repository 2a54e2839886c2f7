//! Reads `[[test]]`s.

use super::declaration::{Expectation, TestDeclaration};
use super::document::{Node, Reading, get, whole};
use super::fault::Fault;
use super::read::fields;
use super::read_condition::{CONTAINER_FIELD, STREAMS, severity_or_none};
use crate::msgpack::write;
use toml::de::{DeTable, DeValue};

/// How deep values of a record may lie in each other.
const MAX_DEPTH: usize = 32;
/// The tag of a test that names none, as FireLens tags what a container writes.
const DEFAULT_TAG: &str = "app-firelens-test";

/// Reads a test; `number` names it when it has no name.
pub(super) fn test(
    reading: &mut Reading<'_>,
    node: &Node<'_>,
    table: &DeTable<'_>,
    number: usize,
) -> Option<TestDeclaration> {
    reading.refuse_unknown(table, "a test", &["name", "line", "record", "tag", "container", "source", "expect"]);
    let name =
        get(table, "name").and_then(|node| reading.text("name", node)).unwrap_or_else(|| format!("test {number}"));
    let tag = get(table, "tag").and_then(|node| reading.text("tag", node)).unwrap_or_else(|| DEFAULT_TAG.to_owned());
    let record = record(reading, node, table);
    let Some(expect) = get(table, "expect") else {
        let help = "write expect = { rule = \"...\" } or expect = { type = \"...\" }";
        reading.fault(node.span(), Fault::Missing { whose: "a test", key: "expect", help });
        return None;
    };
    let expect = expectation(reading, expect)?;
    Some(TestDeclaration { name, place: reading.place(node.span()), tag, record: record?, expect })
}

/// The record of a test: a line as FireLens would bring it, or the record itself.
fn record(reading: &mut Reading<'_>, node: &Node<'_>, table: &DeTable<'_>) -> Option<Vec<u8>> {
    let mut pairs = Vec::new();
    let mut count = 0;
    for (key, field) in [("line", "log"), ("container", CONTAINER_FIELD), ("source", "source")] {
        if let Some(node) = get(table, key) {
            write::str(&mut pairs, field.as_bytes());
            let text = match key {
                "source" => reading.one_of(key, node, &STREAMS)?.to_owned(),
                _ => reading.text(key, node)?,
            };
            write::str(&mut pairs, text.as_bytes());
            count += 1;
        }
    }
    match (get(table, "line"), get(table, "record")) {
        (Some(_), Some(node)) => {
            let help = "a line becomes the record's field log; write one of them";
            reading.fault(node.span(), Fault::Both { first: "line", second: "record", help });
        }
        (None, None) => {
            let help = "write line = '...' or record = { ... }";
            reading.fault(node.span(), Fault::Missing { whose: "a test", key: "line", help });
        }
        _ => {}
    }
    if let Some(node) = get(table, "record") {
        for (name, value) in reading.table("record", node)? {
            write::str(&mut pairs, name.get_ref().as_bytes());
            write_value(reading, &mut pairs, value, 0)?;
            count += 1;
        }
    }
    let mut record = Vec::new();
    write::map_header(&mut record, count);
    record.extend_from_slice(&pairs);
    Some(record)
}

fn write_value(reading: &mut Reading<'_>, out: &mut Vec<u8>, node: &Node<'_>, depth: usize) -> Option<()> {
    if depth > MAX_DEPTH {
        reading.fault(node.span(), Fault::TooMany { what: "values within values", limit: MAX_DEPTH });
        return None;
    }
    match node.get_ref() {
        DeValue::String(text) => write::str(out, text.as_bytes()),
        DeValue::Boolean(flag) => write::bool(out, *flag),
        DeValue::Datetime(time) => write::str(out, time.to_string().as_bytes()),
        DeValue::Float(_) => write::float(out, reading.number("record", node)?),
        DeValue::Integer(integer) => match whole(integer) {
            Some(integer) => write::int(out, integer),
            None => {
                reading.wrong_value("record", node, "whole numbers of 64 bits are allowed");
                return None;
            }
        },
        DeValue::Array(items) => {
            write::array_header(out, u32::try_from(items.len()).ok()?);
            for item in items.iter() {
                write_value(reading, out, item, depth + 1)?;
            }
        }
        DeValue::Table(table) => {
            write::map_header(out, u32::try_from(table.len()).ok()?);
            for (name, value) in table {
                write::str(out, name.get_ref().as_bytes());
                write_value(reading, out, value, depth + 1)?;
            }
        }
    }
    Some(())
}

fn expectation(reading: &mut Reading<'_>, node: &Node<'_>) -> Option<Expectation> {
    let table = reading.table("expect", node)?;
    reading.refuse_unknown(table, "what a test expects", &["rule", "type", "severity", "dropped", "fields", "absent"]);
    let mut text = |key| get(table, key).and_then(|node| reading.text(key, node));
    let (rule, log_type) = (text("rule"), text("type"));
    let expectation = Expectation {
        rule,
        log_type,
        severity: get(table, "severity").and_then(|node| severity_or_none(reading, "severity", node)),
        dropped: get(table, "dropped").and_then(|node| reading.flag("dropped", node)),
        fields: get(table, "fields").map(|node| fields(reading, "fields", node)).unwrap_or_default(),
        absent: get(table, "absent")
            .map(|node| reading.texts("absent", node))
            .unwrap_or_default()
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
    };
    if expectation == Expectation::default() {
        reading.wrong_value(
            "expect",
            node,
            "at least one of rule, type, severity, dropped, fields and absent is expected",
        );
    }
    Some(expectation)
}
