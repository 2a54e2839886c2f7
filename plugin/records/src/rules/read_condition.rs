//! Reads conditions.
//!
//! A condition is a table. What stands in it has to hold together: `all`, `any`, `not`, `tag`, `container`, `source`,
//! `format`, `level`, `severity`, `match`, and `field` with one or more tests beside it. A list of values means one of them.

use super::condition::{Condition, Path, Range, Scalar, Severities, Test, ValueKind};
use super::document::{Node, Reading, get, nearest, whole};
use super::fault::Fault;
use super::glob::{Glob, MAX_GLOB_BYTES};
use super::patterns;
use crate::line::LineFormat;
use crate::severity::Severity;
use toml::de::{DeTable, DeValue};

/// How deep conditions may lie in conditions.
pub(super) const MAX_DEPTH: usize = 16;
/// How many values one list may have.
pub(super) const MAX_VALUES: usize = 1_000;
/// Longest path of a field, in bytes.
pub(super) const MAX_PATH_BYTES: usize = 256;

/// What a container writes to.
pub(super) const STREAMS: [(&str, &str); 2] = [("stdout", "stdout"), ("stderr", "stderr")];

const TESTS: [&str; 13] = [
    "exists",
    "is",
    "equals",
    "in",
    "prefix",
    "suffix",
    "contains",
    "glob",
    "regex",
    "less_than",
    "at_most",
    "more_than",
    "at_least",
];
const SUBJECTS: [&str; 11] =
    ["all", "any", "not", "tag", "container", "source", "format", "level", "severity", "match", "field"];
/// The field in which FireLens tells the container's name; Docker puts a `/` before it.
pub(super) const CONTAINER_FIELD: &str = "container_name";
/// The field in which FireLens tells the stream.
const SOURCE_FIELD: &str = "source";

/// Reads the value of `when`, or a part of it.
pub(super) fn condition(reading: &mut Reading<'_>, node: &Node<'_>, depth: usize) -> Option<Condition> {
    if depth > MAX_DEPTH {
        reading.fault(node.span(), Fault::TooMany { what: "conditions within conditions", limit: MAX_DEPTH });
        return None;
    }
    if let DeValue::Array(_) = node.get_ref() {
        return conditions(reading, "when", node, depth).map(Condition::All);
    }
    let table = reading.table("when", node)?;
    let known: Vec<&str> = SUBJECTS.into_iter().chain(TESTS).collect();
    let before = reading.diagnostics.len();
    reading.refuse_unknown(table, "a condition", &known);
    let mut all = Vec::new();
    if let Some(node) = get(table, "all") {
        all.extend(conditions(reading, "all", node, depth).map(Condition::All));
    }
    if let Some(node) = get(table, "any") {
        all.extend(conditions(reading, "any", node, depth).map(Condition::Any));
    }
    if let Some(node) = get(table, "not") {
        all.extend(condition(reading, node, depth + 1).map(|inner| Condition::Not(Box::new(inner))));
    }
    if let Some(node) = get(table, "tag") {
        all.push(Condition::Tag(globs(reading, "tag", node)));
    }
    if let Some(node) = get(table, "container") {
        let test = Test::Glob(globs(reading, "container", node));
        all.push(Condition::Field(vec![Path(CONTAINER_FIELD.to_owned())], test));
    }
    if let Some(node) = get(table, "source") {
        let items = reading.list(node);
        let sources = items.into_iter().filter_map(|item| reading.one_of("source", item, &STREAMS));
        let sources = sources.map(|name| Scalar::Text(name.to_owned())).collect();
        all.push(Condition::Field(vec![Path(SOURCE_FIELD.to_owned())], Test::In(sources)));
    }
    if let Some(node) = get(table, "format") {
        let items = reading.list(node);
        let formats = items.into_iter().filter_map(|item| reading.one_of("format", item, &LineFormat::ALL)).collect();
        all.push(Condition::Format(formats));
    }
    if let Some(node) = get(table, "level") {
        all.extend(severities(reading, "level", node).map(Condition::Level));
    }
    if let Some(node) = get(table, "severity") {
        all.extend(severities(reading, "severity", node).map(Condition::Severity));
    }
    if let Some(node) = get(table, "match") {
        all.push(Condition::Line(regexes(reading, "match", node)));
    }
    field(reading, node, table, &mut all);
    if all.is_empty() && reading.diagnostics.len() == before {
        reading.wrong_value("when", node, "a condition is expected; leave it out for a rule that always holds");
    }
    match all.len() {
        1 => all.pop(),
        _ => Some(Condition::All(all)),
    }
}

fn conditions(reading: &mut Reading<'_>, key: &'static str, node: &Node<'_>, depth: usize) -> Option<Vec<Condition>> {
    let DeValue::Array(array) = node.get_ref() else {
        reading.wrong_kind(key, node, "a list of conditions");
        return None;
    };
    if array.is_empty() {
        reading.wrong_value(key, node, "at least one condition is expected");
    }
    Some(array.iter().filter_map(|item| condition(reading, item, depth + 1)).collect())
}

/// Reads `field` and the tests beside it.
fn field(reading: &mut Reading<'_>, node: &Node<'_>, table: &DeTable<'_>, all: &mut Vec<Condition>) {
    let found_test = TESTS.into_iter().find_map(|test| Some((test, get(table, test)?)));
    let Some(field) = get(table, "field") else {
        if let Some((_, test)) = found_test {
            let help = "write field = \"NAME\" beside it";
            reading.fault(test.span(), Fault::Missing { whose: "a condition with a test", key: "field", help });
        }
        return;
    };
    let paths: Vec<Path> = reading
        .texts("field", field)
        .into_iter()
        .filter_map(|(text, bytes)| {
            let fits = !text.is_empty() && text.len() <= MAX_PATH_BYTES;
            if !fits {
                let allowed = format!("a name of 1 to {MAX_PATH_BYTES} bytes is allowed");
                reading.fault(bytes, Fault::Value { key: "field".to_owned(), found: format!("'{text}'"), allowed });
            }
            fits.then_some(Path(text))
        })
        .collect();
    if found_test.is_none() {
        let help = "say what is asked of the field, as in exists = true or equals = \"GET\"";
        reading.fault(node.span(), Fault::Missing { whose: "a condition with a field", key: "equals", help });
        return;
    }
    for test in tests(reading, table) {
        all.push(Condition::Field(paths.clone(), test));
    }
}

fn tests(reading: &mut Reading<'_>, table: &DeTable<'_>) -> Vec<Test> {
    let mut tests = Vec::new();
    let texts = |reading: &mut Reading<'_>, key: &'static str| {
        let node = get(table, key)?;
        Some(reading.texts(key, node).into_iter().map(|(text, _)| text).collect::<Vec<_>>())
    };
    if let Some(node) = get(table, "exists") {
        tests.extend(reading.flag("exists", node).map(Test::Exists));
    }
    if let Some(node) = get(table, "is") {
        tests.extend(reading.one_of("is", node, &ValueKind::ALL).map(Test::Is));
    }
    if let Some(node) = get(table, "equals") {
        tests.extend(scalar(reading, "equals", node).map(|value| Test::In(vec![value])));
    }
    if let Some(node) = get(table, "in") {
        let DeValue::Array(array) = node.get_ref() else {
            reading.wrong_kind("in", node, "a list of values");
            return tests;
        };
        if array.len() > MAX_VALUES {
            reading.fault(node.span(), Fault::TooMany { what: "values in one list", limit: MAX_VALUES });
        }
        tests.push(Test::In(array.iter().filter_map(|item| scalar(reading, "in", item)).collect()));
    }
    tests.extend(texts(reading, "prefix").map(Test::Prefix));
    tests.extend(texts(reading, "suffix").map(Test::Suffix));
    tests.extend(texts(reading, "contains").map(Test::Contains));
    if let Some(node) = get(table, "glob") {
        tests.push(Test::Glob(globs(reading, "glob", node)));
    }
    if let Some(node) = get(table, "regex") {
        tests.push(Test::Regex(regexes(reading, "regex", node)));
    }
    tests.extend(range(reading, table).map(Test::Range));
    tests
}

fn range(reading: &mut Reading<'_>, table: &DeTable<'_>) -> Option<Range> {
    let mut bound = |open: &'static str, closed: &'static str| {
        let (open_node, closed_node) = (get(table, open), get(table, closed));
        if let (Some(_), Some(node)) = (open_node, closed_node) {
            reading.fault(node.span(), Fault::Both { first: open, second: closed, help: "write one of them" });
        }
        let open = open_node.and_then(|node| Some((reading.number(open, node)?, false)));
        open.or_else(|| closed_node.and_then(|node| Some((reading.number(closed, node)?, true))))
    };
    let range = Range { low: bound("more_than", "at_least"), high: bound("less_than", "at_most") };
    (range.low.is_some() || range.high.is_some()).then_some(range)
}

/// A value to compare with.
pub(super) fn scalar(reading: &mut Reading<'_>, key: &str, node: &Node<'_>) -> Option<Scalar> {
    match node.get_ref() {
        DeValue::String(text) => Some(Scalar::Text(text.to_string())),
        DeValue::Boolean(flag) => Some(Scalar::Bool(*flag)),
        DeValue::Integer(integer) => {
            const EXACT: u64 = 1 << 53;
            let number = whole(integer).filter(|number| number.unsigned_abs() <= EXACT);
            if number.is_none() {
                reading.wrong_value(
                    key,
                    node,
                    "whole numbers up to 2^53 are allowed; longer ones can be compared as text",
                );
            }
            number.map(|number| Scalar::Number(number as f64))
        }
        DeValue::Float(_) => reading.number(key, node).map(Scalar::Number),
        _ => {
            reading.wrong_kind(key, node, "text, a number, true or false");
            None
        }
    }
}

fn globs(reading: &mut Reading<'_>, key: &'static str, node: &Node<'_>) -> Vec<Glob> {
    let texts = reading.texts(key, node);
    let mut globs = Vec::with_capacity(texts.len());
    for (text, bytes) in texts {
        match Glob::new(&text) {
            Some(glob) => globs.push(glob),
            None => reading.fault(bytes, Fault::Pattern(format!("at most {MAX_GLOB_BYTES} bytes are allowed"))),
        }
    }
    globs
}

/// Patterns that can be compiled.
pub(super) fn regexes(reading: &mut Reading<'_>, key: &'static str, node: &Node<'_>) -> Vec<String> {
    let texts = reading.texts(key, node);
    let mut patterns = Vec::with_capacity(texts.len());
    for (text, bytes) in texts {
        match patterns::check(&text) {
            Ok(()) => patterns.push(text),
            Err(error) => {
                let bytes = error.within(reading.sources.text(&reading.place(bytes.clone())), bytes);
                reading.fault(bytes, Fault::Pattern(error.to_string()));
            }
        }
    }
    patterns
}

/// A severity, several, or a range of them as in `{ at_least = "warn" }`; "none" stands for records that have none.
fn severities(reading: &mut Reading<'_>, key: &'static str, node: &Node<'_>) -> Option<Severities> {
    let DeValue::Table(table) = node.get_ref() else {
        let names = reading.list(node);
        let set = names.into_iter().filter_map(|item| severity_or_none(reading, key, item));
        return Some(set.fold(Severities::EMPTY, Severities::with));
    };
    reading.refuse_unknown(table, "a range of severities", &["at_least", "at_most"]);
    let mut bound = |key| get(table, key).map(|node| severity(reading, key, node));
    let (low, high) = (bound("at_least"), bound("at_most"));
    if low.is_none() && high.is_none() {
        reading.wrong_value(key, node, "at_least or at_most is expected");
        return None;
    }
    let low = low.unwrap_or(Some(Severity::Trace))?;
    let high = high.unwrap_or(Some(Severity::Emergency))?;
    let within = Severity::ALL.into_iter().filter(|severity| (low..=high).contains(severity));
    Some(within.fold(Severities::EMPTY, |set, severity| set.with(Some(severity))))
}

/// A severity by its name or by another word for it.
pub(super) fn severity(reading: &mut Reading<'_>, key: &str, node: &Node<'_>) -> Option<Severity> {
    severity_or_none(reading, key, node).and_then(|severity| {
        if severity.is_none() {
            reading.wrong_value(key, node, "a severity is expected here");
        }
        severity
    })
}

/// A severity, or `Some(None)` for the word "none".
pub(super) fn severity_or_none(reading: &mut Reading<'_>, key: &str, node: &Node<'_>) -> Option<Option<Severity>> {
    let name = reading.text(key, node)?;
    if name == "none" {
        return Some(None);
    }
    let severity = Severity::from_word(name.as_bytes());
    if severity.is_none() {
        let names: Vec<&str> = Severity::ALL.into_iter().map(Severity::name).collect();
        let nearest = nearest(&name, names.iter().copied());
        let fault = Fault::UnknownName { what: "severity", found: name, nearest, known: names.join(", ") };
        reading.fault(node.span(), fault);
    }
    severity.map(Some)
}
