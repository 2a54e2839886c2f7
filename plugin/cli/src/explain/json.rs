//! What becomes of a line, for programs.

use super::Explained;
use serde_json::{Value, json};
use shiwake_records::msgpack::{Value as RecordValue, json as record_json};
use shiwake_records::rules::{Explanation, Finding, Reason};

/// The object of a line. Its `record` is what is written, `null` for one that is not kept.
pub(super) fn object(explained: &Explained<'_>, explanation: &Explanation) -> String {
    let Explained { rules, verdict, sorted, .. } = explained;
    let decided = |reason: &&Reason| reason.rule == explanation.rule;
    let because: Vec<Value> =
        explanation.held.iter().filter(decided).flat_map(|reason| &reason.because).map(finding).collect();
    let applied = explanation.held.iter().filter(|reason| !decided(reason)).map(
        |reason| json!({"rule": rules.name(reason.rule), "because": reason.because.iter().map(finding).collect::<Vec<_>>()}),
    );
    let nearly = explanation.nearly.iter().map(|near| {
        let Finding { condition, found } = &near.missing;
        json!({"rule": rules.name(near.rule), "condition": condition, "found": found})
    });
    let lane = sorted.map(|_| verdict.log_type.name());
    let mut text = json!({
        "rule": rules.name(verdict.rule),
        "type": verdict.log_type.name(),
        "like": explained.like().map(|like| like.name().to_owned()),
        "severity": verdict.severity.map(|severity| severity.name()),
        "fate": explained.fate().replace(' ', "_"),
        "lane": lane,
        "partition": explained.folder(),
        "because": because,
        "applied": applied.collect::<Vec<_>>(),
        "nearly": nearly.collect::<Vec<_>>(),
        "later": explanation.later.iter().map(|rule| rules.name(*rule)).collect::<Vec<_>>(),
    })
    .to_string();
    // The record is printed by the code that prints it for the lake, so that its numbers keep every digit.
    text.pop();
    text.push_str(r#","record":"#);
    match sorted {
        // The event was read whole, so this does not fail.
        Some(event) => drop(record_json::write(&mut text, &RecordValue::Map(event.body))),
        None => text.push_str("null"),
    }
    text.push('}');
    text
}

fn finding(finding: &Finding) -> Value {
    json!({"condition": finding.condition, "found": finding.found})
}
