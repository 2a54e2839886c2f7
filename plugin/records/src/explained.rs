//! What becomes of a line, and why, for whoever shows it.

use crate::civil_time::civil_hour;
use crate::classify::{Fate, Verdict};
use crate::event::Event;
use crate::line::misread::Misread;
use crate::log_type::LogType;
use crate::msgpack::{Value as RecordValue, json as record_json};
use crate::rules::{Explanation, Finding, Reason, RuleSet};
use serde_json::{Value, json};

/// A line and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a> {
    /// The rules by which it was sorted.
    pub rules: &'a RuleSet,
    /// The line.
    pub line: &'a [u8],
    /// What it was found to be.
    pub verdict: Verdict,
    /// The event that was made of the line.
    pub event: Event<'a>,
    /// The sorted event, of a record that is kept.
    pub sorted: Option<Event<'a>>,
}

impl Explained<'_> {
    /// What becomes of it, in words.
    #[must_use]
    pub fn fate(&self) -> &'static str {
        match self.verdict.fate {
            Fate::Kept => "kept",
            Fate::Dropped => "dropped",
            Fate::SampledOut => "sampled out",
        }
    }

    /// The built-in type whose columns a declared type has.
    #[must_use]
    pub fn like(&self) -> Option<LogType> {
        let declared = self.rules.types().iter().find(|declared| declared.log_type == self.verdict.log_type)?;
        Some(declared.like).filter(|like| *like != declared.log_type)
    }

    /// Whether records of its type go to a lake by the rules; the property `to_lake` of an output may say otherwise.
    #[must_use]
    pub fn is_for_lake(&self) -> bool {
        let declared = self.rules.types().iter().find(|declared| declared.log_type == self.verdict.log_type);
        declared.and_then(|declared| declared.policy.lake).unwrap_or(true)
    }

    /// The folder of the lake in which the record will be, when it is for one and the line tells its time: else the host does.
    #[must_use]
    pub fn folder(&self) -> Option<String> {
        let event = self.sorted.filter(|_| self.verdict.line_time.is_some() && self.is_for_lake())?;
        let hour = civil_hour(event.time.micros().div_euclid(1_000_000));
        Some(format!("type={}/{}", self.verdict.log_type, hour.folder()))
    }

    /// All there is to say of it, as a JSON object. Its `record` is what is written, `null` for one that is not kept.
    #[must_use]
    pub fn object(&self, explanation: &Explanation) -> String {
        let Explained { rules, verdict, sorted, .. } = self;
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
            "like": self.like().map(|like| like.name().to_owned()),
            "severity": verdict.severity.map(|severity| severity.name()),
            "fate": self.fate().replace(' ', "_"),
            "lane": lane,
            "lake": sorted.is_some() && self.is_for_lake(),
            "partition": self.folder(),
            "because": because,
            "applied": applied.collect::<Vec<_>>(),
            "nearly": nearly.collect::<Vec<_>>(),
            "misread": explanation.misread.map(|Misread { format, reason }| json!({"format": format.name(), "reason": reason.name()})),
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
}

fn finding(finding: &Finding) -> Value {
    json!({"condition": finding.condition, "found": finding.found})
}
