//! Runs the `[[test]]`s of a rules file.

use super::condition::Scalar;
use super::declaration::TestDeclaration;
use super::rule_set::RuleSet;
use crate::classify::{Fate, Verdict};
use crate::event::Event;
use crate::fields::FieldIndex;
use crate::msgpack::{Composite, Reader, Value, json, write};
use crate::severity::Severity;
use crate::sorter::{Sorter, SorterConfig};
use std::sync::Arc;

/// What a test found otherwise than it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it looked at: `rule`, `type`, `severity`, `dropped`, or a field's name.
    pub what: String,
    /// What it expects.
    pub expected: String,
    /// What it found.
    pub found: String,
}

/// Runs a test of a set of rules; there are no differences when it passes.
#[must_use]
pub fn run_test(rules: &Arc<RuleSet>, test: &TestDeclaration) -> Vec<Difference> {
    let event = event(test);
    let mut sorter = Sorter::new(SorterConfig { rules: Arc::clone(rules), ..SorterConfig::default() });
    sorter.set_tag(test.tag.as_bytes());
    let mut sorted = Vec::new();
    // A record that was written just before can be read.
    let Ok(event) = Event::read(&mut Reader::new(&event)) else { return Vec::new() };
    let Some(verdict) = sorter.sort(&event, &mut sorted) else { return Vec::new() };
    let mut differences = verdict_differences(rules, test, &verdict);
    let whole = Event::read(&mut Reader::new(&sorted)).ok();
    let body = whole.map_or(event.body, |event| event.body);
    field_differences(test, &body, &mut differences);
    differences
}

/// The event of a test's record, as MessagePack.
pub(super) fn event(test: &TestDeclaration) -> Vec<u8> {
    let mut event = vec![0x92];
    write::event_time(&mut event, 0, 0);
    event.extend_from_slice(&test.record);
    event
}

fn verdict_differences(rules: &RuleSet, test: &TestDeclaration, verdict: &Verdict) -> Vec<Difference> {
    let severity = |severity: Option<Severity>| severity.map_or("none", Severity::name).to_owned();
    let (expect, rule) = (&test.expect, rules.name(verdict.rule).to_owned());
    let compared = [
        ("rule", expect.rule.clone(), rule),
        ("type", expect.log_type.clone(), verdict.log_type.name().to_owned()),
        ("severity", expect.severity.map(severity), severity(verdict.severity)),
        ("dropped", expect.dropped.map(|dropped| dropped.to_string()), (verdict.fate == Fate::Dropped).to_string()),
    ];
    let differs = |(what, expected, found): (&str, Option<String>, String)| {
        let expected = expected.filter(|expected| *expected != found)?;
        Some(Difference { what: what.to_owned(), expected, found })
    };
    compared.into_iter().filter_map(differs).collect()
}

fn field_differences(test: &TestDeclaration, body: &Composite<'_>, to: &mut Vec<Difference>) {
    let mut index = FieldIndex::default();
    index.fill(body);
    for (name, expected) in &test.expect.fields {
        let value = index.get(body, name.as_bytes());
        if !value.is_some_and(|value| is_equal(&value, expected)) {
            let found = value.map_or_else(|| "nothing".to_owned(), |value| shown(&value));
            to.push(Difference { what: name.clone(), expected: expected.to_string(), found });
        }
    }
    for name in &test.expect.absent {
        if let Some(value) = index.get(body, name.as_bytes()) {
            to.push(Difference { what: name.clone(), expected: "nothing".to_owned(), found: shown(&value) });
        }
    }
}

fn is_equal(value: &Value<'_>, expected: &Scalar) -> bool {
    match (value, expected) {
        (Value::Str(text), Scalar::Text(expected)) => *text == expected.as_bytes(),
        (Value::Bool(flag), Scalar::Bool(expected)) => flag == expected,
        (Value::Int(int), Scalar::Number(expected)) => *int as f64 == *expected,
        (Value::UInt(int), Scalar::Number(expected)) => *int as f64 == *expected,
        (Value::F32(float), Scalar::Number(expected)) => f64::from(*float) == *expected,
        (Value::F64(float), Scalar::Number(expected)) => float == expected,
        _ => false,
    }
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Str(text) => format!("'{}'", String::from_utf8_lossy(text)),
        value => {
            let mut text = String::new();
            // Writing to memory fails only for values that JSON has no form for; their kind is told then.
            match json::write(&mut text, value) {
                Ok(()) => text,
                Err(_) => format!("{value:?}"),
            }
        }
    }
}
