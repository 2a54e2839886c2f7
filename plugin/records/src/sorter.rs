//! One event in, the same event with its type, severity, parsed fields and origin behind its own fields out.
//!
//! Invariants: what the event holds is copied byte for byte, apart from its time when the line holds a better one and from
//! a line that gives way to its own fields ([`crate::expand`]); a group marker comes out as it went in; a field that the
//! event has is never appended again; what was sorted before comes out unchanged. A sorter keeps its memory from record to
//! record and allocates nothing for one of ordinary width.

use crate::append::{FoundFields, FoundValue, append_event};
use crate::chunk::{Chunk, Item};
use crate::classify::{Fate, Verdict, line_of, own_type};
use crate::event::{Event, EventKind, Timestamp};
use crate::expand::Expander;
use crate::fields::FieldIndex;
use crate::identity;
use crate::quarantine;
use crate::record_time;
use crate::rules::{Evaluation, RuleCounts, RuleSet, RuleState};
use std::sync::Arc;

/// What is the same for all records of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SorterConfig {
    /// `service` for records that name none.
    pub service: Option<String>,
    /// `ddsource` for records that name none.
    pub source: Option<String>,
    /// `ddtags` for records that have none.
    pub tags: Option<String>,
    /// `env` for records that name none.
    pub env: Option<String>,
    /// `version` for records that name none.
    pub version: Option<String>,
    /// Whether a time that stands in the line with its zone takes the place of the host's.
    pub use_line_time: bool,
}

impl Default for SorterConfig {
    fn default() -> Self {
        Self { service: None, source: None, tags: None, env: None, version: None, use_line_time: true }
    }
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SortedChunk {
    /// Records that were sorted and kept.
    pub records: u64,
    /// Records that a rule threw away, by `drop` or by `sample`.
    pub dropped: u64,
    /// Group markers that were passed through.
    pub markers: u64,
    /// Runs of bytes that are no event; each became an event that keeps them.
    pub bad: u64,
}

/// Sorts events one after another.
#[derive(Debug)]
pub struct Sorter {
    config: SorterConfig,
    rules: Arc<RuleSet>,
    state: RuleState,
    index: FieldIndex,
    expander: Expander,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::new(SorterConfig::default())
    }
}

impl Sorter {
    /// A sorter with its configuration and the built-in rules.
    #[must_use]
    pub fn new(config: SorterConfig) -> Self {
        Self::with_rules(config, RuleSet::built_in())
    }

    /// A sorter with its configuration and its rules.
    #[must_use]
    pub fn with_rules(config: SorterConfig, rules: Arc<RuleSet>) -> Self {
        let (state, index, expander) = (RuleState::default(), FieldIndex::default(), Expander::default());
        Self { config, rules, state, index, expander }
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// How often each rule did what, in the order of [`RuleSet::rules`].
    #[must_use]
    pub fn rule_counts(&self) -> &[RuleCounts] {
        &self.state.counts
    }

    /// From now on events are of chunks with this tag. A sorter that was told none takes it for empty.
    pub fn set_tag(&mut self, tag: &[u8]) {
        self.state.set_tag(&self.rules, tag);
    }

    /// Appends the sorted event to `out`, unless its verdict says that it is not kept; a group marker is copied and has no
    /// verdict.
    pub fn sort(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Option<Verdict> {
        if event.kind != EventKind::Record {
            out.extend_from_slice(event.raw);
            return None;
        }
        let Self { config, rules, state, index, expander } = self;
        index.fill(&event.body);
        let (mut body, mut own) = (event.body, own_type(index, &event.body, rules));
        let was_sorted = own.is_some();
        let mut line = if own.is_none() { line_of(index, &body) } else { None };
        let mut expanded = None;
        if let Some((fields, format)) = line.and_then(|line| expander.expand(index, &body, line)) {
            index.fill(&fields);
            (body, own, line) = (fields, own_type(index, &fields, rules), line_of(index, &fields));
            expanded = Some(format);
        }
        // What is found borrows the type's name, so that lives longer.
        let log_type;
        let mut found = FoundFields::default();
        let line = line.map(|(_, line)| line).unwrap_or_default();
        let mut evaluation = Evaluation::new(rules, state, index, body, line, expanded, &mut found);
        let mut verdict = match own {
            None => evaluation.verdict(),
            Some(log_type) => evaluation.own_verdict(log_type),
        };
        if verdict.fate != Fate::Kept {
            return Some(verdict);
        }
        if !was_sorted {
            verdict.line_time = verdict.line_time.or_else(|| record_time::find(index, &body));
        }

        log_type = verdict.log_type;
        found.push("log_type", FoundValue::Text(log_type.name().as_bytes()));
        if let Some(severity) = verdict.severity {
            found.push("severity", FoundValue::Text(severity.name().as_bytes()));
        }
        identity::add_ecs(index, &body, &mut found);
        add_configured(config, &mut found);

        // EventTime has 32 bits of seconds; a line from before 1970 keeps the host's time.
        let line_time = verdict.line_time.filter(|_| config.use_line_time);
        let line_time = line_time.and_then(|time| Some((u32::try_from(time.seconds).ok()?, time.nanoseconds)));
        append_event(out, event, &body, index, &found, line_time);
        Some(verdict)
    }

    /// Sorts a whole chunk that was received at `received`. Markers are copied as they are, and so are events that keep
    /// bad bytes; bad bytes become such events, so that what is behind them can be read by everybody.
    pub fn sort_chunk(&mut self, chunk: &[u8], received: Timestamp, out: &mut Vec<u8>) -> SortedChunk {
        let mut sorted = SortedChunk::default();
        for item in Chunk::new(chunk) {
            match item {
                Item::Event(event) if quarantine::keeps_bad_bytes(&event) => {
                    sorted.records += 1;
                    out.extend_from_slice(event.raw);
                }
                Item::Event(event) => match self.sort(&event, out) {
                    Some(verdict) if verdict.fate == Fate::Kept => sorted.records += 1,
                    Some(_) => sorted.dropped += 1,
                    None => sorted.markers += 1,
                },
                Item::Bad(bad) => {
                    sorted.bad += 1;
                    quarantine::append_event(out, &bad, received);
                }
            }
        }
        sorted
    }
}

/// What the configuration says of every record. A service that nobody names is the task's family.
fn add_configured<'a>(config: &'a SorterConfig, found: &mut FoundFields<'a>) {
    let configured = [
        ("service", &config.service),
        ("ddsource", &config.source),
        ("ddtags", &config.tags),
        ("env", &config.env),
        ("version", &config.version),
    ];
    for (name, value) in configured {
        if let Some(value) = value {
            found.push_text_if_new(name, value.as_bytes());
        }
    }
    if let Some(FoundValue::Text(family)) = found.get("task_family") {
        found.push_text_if_new("service", family);
    }
}

#[cfg(test)]
#[path = "sorter_tests.rs"]
mod tests;
