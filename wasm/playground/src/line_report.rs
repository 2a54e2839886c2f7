//! What is said of a line to people.

use serde_json::{Value, json};
use shiwake_records::explained::Explained;
use shiwake_records::msgpack::{Reader, Value as RecordValue, json as record_json};
use shiwake_records::rules::{Explanation, Finding, RuleId, RuleSet};

/// The field with the list of tags.
const TAGS_KEY: &str = "ddtags";

/// The report, as JSON.
///
/// `fields` are those of the record that is written, in its order, with values as they are printed for the lake: in JSON, and text
/// as it is. `added` are those that the line did not have as a record. A rule has a `line` when it is one of the file.
#[must_use]
pub fn report(explained: &Explained<'_>, explanation: &Explanation) -> String {
    let Explained { rules, verdict, event, sorted, .. } = explained;
    let own: Vec<String> = fields(event.body.content).map(|(name, _)| name).collect();
    let fields: Vec<(String, String)> = sorted.map(|event| fields(event.body.content).collect()).unwrap_or_default();
    let tags = fields.iter().find(|(name, _)| name == TAGS_KEY).map(|(_, tags)| tags.as_str()).unwrap_or_default();
    let held = explanation.held.iter().map(|reason| {
        let because: Vec<Value> = reason.because.iter().map(finding).collect();
        json!({"rule": rule(rules, reason.rule), "decides": reason.rule == explanation.rule, "because": because})
    });
    let nearly = explanation
        .nearly
        .iter()
        .map(|near| json!({"rule": rule(rules, near.rule), "missing": finding(&near.missing)}));
    json!({
        "rule": rule(rules, verdict.rule),
        "namesItself": verdict.rule == RuleId::OWN_FIELD,
        "type": verdict.log_type.name(),
        "like": explained.like().map(|like| like.name().to_owned()),
        "severity": verdict.severity.map(|severity| severity.name()),
        "fate": explained.fate(),
        "partition": explained.folder(),
        "lake": explained.is_for_lake(),
        "held": held.collect::<Vec<_>>(),
        "nearly": nearly.collect::<Vec<_>>(),
        "misread": explanation.misread.map(|misread| json!({"format": misread.format.name(), "reason": misread.reason.text()})),
        "later": explanation.later.iter().map(|later| rule(rules, *later)).collect::<Vec<_>>(),
        "tags": tags.split(',').filter(|tag| !tag.is_empty()).collect::<Vec<_>>(),
        "fields": fields
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value, "added": !own.contains(name)}))
            .collect::<Vec<_>>(),
    })
    .to_string()
}

fn rule(rules: &RuleSet, rule: RuleId) -> Value {
    let own = rule.place().and_then(|at| rules.own_rules().get(at));
    json!({"name": rules.name(rule), "line": own.map(|own| rules.sources().position(&own.place).line)})
}

fn finding(finding: &Finding) -> Value {
    json!({"condition": finding.condition, "found": finding.found})
}

/// The fields of a record, as they are shown.
pub(crate) fn fields(content: &[u8]) -> impl Iterator<Item = (String, String)> {
    let mut reader = Reader::new(content);
    std::iter::from_fn(move || Some((shown(&reader.value().ok()?), shown(&reader.value().ok()?))))
}

fn shown(value: &RecordValue<'_>) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    let mut text = String::new();
    // The value was read whole, so this does not fail.
    let _ = record_json::write(&mut text, value);
    text
}
