//! The state behind the page: the rules that were usable last, where lines come from, and the sorter.

use crate::{line_report, rules_report, suggestion};
use serde_json::Value;
use shiwake_records::classify::{Fate, Verdict};
use shiwake_records::event::Event;
use shiwake_records::explained::Explained;
use shiwake_records::line_event::EventMaker;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::Reader;
use shiwake_records::rules::{Explanation, RuleSet, RulesError};
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::sync::Arc;

/// How the rules file is called in what is said of it.
pub const RULES_NAME: &str = "rules.toml";

/// What is assumed of every line: what Fluent Bit, FireLens and the properties of the filter would say of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The tag of Fluent Bit.
    pub tag: String,
    /// `container_name` of lines that are no record.
    pub container: Option<String>,
    /// `source` of lines that are no record.
    pub source: Option<String>,
    /// The property `service`.
    pub service: Option<String>,
    /// The property `env`.
    pub env: Option<String>,
    /// The property `version`.
    pub version: Option<String>,
    /// The property `dd_tags`.
    pub tags: Option<String>,
}

impl Origin {
    /// Reads an object with these names; what is empty, no text, or not there is not assumed.
    #[must_use]
    pub fn of_json(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let text = |name: &str| value.get(name)?.as_str().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
        Self {
            tag: text("tag").unwrap_or_default(),
            container: text("container"),
            source: text("source"),
            service: text("service"),
            env: text("env"),
            version: text("version"),
            tags: text("tags"),
        }
    }

    /// The fields that a line has beside its text.
    #[must_use]
    pub fn fields(&self) -> Vec<(&str, &str)> {
        let fields = [("container_name", &self.container), ("source", &self.source)];
        fields.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }

    fn sorter(&self, rules: &Arc<RuleSet>) -> Sorter {
        let mut sorter = Sorter::new(SorterConfig {
            service: self.service.clone(),
            env: self.env.clone(),
            version: self.version.clone(),
            tags: self.tags.clone(),
            rules: Arc::clone(rules),
            ..SorterConfig::default()
        });
        sorter.set_tag(self.tag.as_bytes());
        sorter
    }
}

/// Sorts lines by the rules that were usable last.
#[derive(Debug)]
pub struct Playground {
    rules: Arc<RuleSet>,
    origin: Origin,
    sorter: Sorter,
    maker: EventMaker,
    event: Vec<u8>,
    sorted: Vec<u8>,
}

impl Default for Playground {
    fn default() -> Self {
        Self::new(RuleSet::built_in(), Origin::default())
    }
}

impl Playground {
    /// One with these rules.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>, origin: Origin) -> Self {
        Self {
            sorter: origin.sorter(&rules),
            rules,
            origin,
            maker: EventMaker::default(),
            event: Vec::new(),
            sorted: Vec::new(),
        }
    }

    /// The rules that were usable last.
    #[must_use]
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// What is assumed of every line.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// From now on this is assumed of every line.
    pub fn set_origin(&mut self, origin: Origin) {
        self.sorter = origin.sorter(&self.rules);
        self.origin = origin;
    }

    /// Takes a rules file and says what there is to say of it ([`rules_report`]). One that cannot be used changes nothing.
    pub fn set_rules(&mut self, text: &str) -> String {
        let loaded = parse(text);
        if let Ok(rules) = &loaded {
            self.rules = Arc::clone(rules);
            self.sorter = self.origin.sorter(rules);
        }
        rules_report::report(&self.rules, loaded.as_ref().err())
    }

    /// Sorts the lines of a block and says of each what it is, packed. A block ends with a whole line; its last `\n` ends that
    /// one and begins none.
    pub fn sort_block(&mut self, block: &[u8]) -> Vec<u32> {
        let block = block.strip_suffix(b"\n").unwrap_or(block);
        let types = types(&self.rules);
        let lines = block.split(|byte| *byte == b'\n');
        lines.map(|line| self.sort(line).map_or(0, |verdict| packed(&types, &verdict))).collect()
    }

    /// What becomes of a line.
    pub fn sort(&mut self, line: &[u8]) -> Option<Verdict> {
        self.make(line);
        self.sorted.clear();
        let event = Event::read(&mut Reader::new(&self.event)).ok()?;
        self.sorter.sort(&event, &mut self.sorted)
    }

    /// What becomes of a line and why, for [`line_report`].
    pub fn explain<T>(&mut self, line: &[u8], report: impl FnOnce(&Explained<'_>, &Explanation) -> T) -> Option<T> {
        self.make(line);
        self.sorted.clear();
        let event = Event::read(&mut Reader::new(&self.event)).ok()?;
        let explanation = self.sorter.explain(&event)?;
        let verdict = self.sorter.sort(&event, &mut self.sorted)?;
        let sorted = Event::read(&mut Reader::new(&self.sorted)).ok();
        Some(report(&Explained { rules: &self.rules, line, verdict, event, sorted }, &explanation))
    }

    /// What is said of a line to people, as JSON ([`line_report`]).
    pub fn report(&mut self, line: &[u8]) -> String {
        self.explain(line, line_report::report).unwrap_or_else(|| "null".to_owned())
    }

    /// What `shiwake explain --format json` says of a line.
    pub fn object(&mut self, line: &[u8]) -> String {
        self.explain(line, |explained, explanation| explained.object(explanation)).unwrap_or_else(|| "null".to_owned())
    }

    /// A rule for a line, as an insertion into the rules file ([`suggestion`]).
    pub fn suggest(&mut self, line: &[u8], text: &str) -> String {
        suggestion::suggest(self, line, text)
    }

    fn make(&mut self, line: &[u8]) {
        let Self { maker, origin, event, .. } = self;
        maker.make_with(line, (0, 0), &origin.fields(), event);
    }
}

/// Reads a rules file, which includes no others: the page has no files.
///
/// # Errors
/// When anything is wrong with it.
pub fn parse(text: &str) -> Result<Arc<RuleSet>, RulesError> {
    RuleSet::parse(RULES_NAME, text).map(Arc::new)
}

/// The types that records may have, in the order in which the page numbers them.
#[must_use]
pub fn types(rules: &RuleSet) -> Vec<LogType> {
    let declared = rules.types().iter().map(|declared| declared.log_type);
    let own = declared.filter(|log_type| matches!(log_type, LogType::Own(_)));
    LogType::BUILT_IN.into_iter().chain(own).collect()
}

/// From the lowest bit on: the rule's number (16 bits, all ones when the record names its type itself), the type's (6), the
/// severity's (4, 0 for none), and what becomes of it (2: kept, dropped, sampled out).
fn packed(types: &[LogType], verdict: &Verdict) -> u32 {
    let rule = verdict.rule.place().and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX);
    let log_type = types.iter().position(|known| *known == verdict.log_type);
    let log_type = log_type.and_then(|at| u32::try_from(at).ok()).unwrap_or(0x3f) & 0x3f;
    let severity = verdict.severity.map_or(0, |severity| severity as u32 + 1) & 0xf;
    let fate = match verdict.fate {
        Fate::Kept => 0,
        Fate::Dropped => 1,
        Fate::SampledOut => 2,
    };
    u32::from(rule) | log_type << 16 | severity << 22 | fate << 26
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_a_number_for_each_line() {
        let mut playground = Playground::default();
        let lines = b"INFO up\n\nERROR no route to host\n";
        let numbers = playground.sort_block(lines);
        assert_eq!(numbers.len(), 3);
        let rules = Arc::clone(playground.rules());
        let rule = |number: u32| rules.rules()[(number & 0xffff) as usize].name.as_str();
        assert_eq!(
            numbers.iter().map(|number| rule(*number)).collect::<Vec<_>>(),
            ["otherwise", "otherwise", "error-line"]
        );
        assert_eq!(types(&rules)[(numbers[2] >> 16 & 0x3f) as usize], LogType::Error);
        assert_eq!(playground.sort_block(b"INFO up").len(), 1, "a last line without an end");
    }

    #[test]
    fn rules_that_cannot_be_used_change_nothing() {
        let mut playground = Playground::default();
        playground.set_rules("[[rule]]\nname = 'ours'\ntype = 'audit'\nmatch = '^pay '\n");
        let report: Value =
            serde_json::from_str(&playground.set_rules("[[rule]]\nname = 'ours'\ntype = 'adit'\n")).unwrap();
        assert_eq!(report["usable"], false);
        assert_eq!(report["faults"][0]["nearest"], "audit");
        assert_eq!(playground.sort(b"pay 17").unwrap().log_type, LogType::Audit);
    }

    #[test]
    fn what_is_assumed_of_lines_is_in_their_records() {
        let origin = r#"{"tag": "pay-1", "container": "web", "source": "stderr", "env": "Prod", "tags": "team:a", "service": " "}"#;
        let mut playground = Playground::new(RuleSet::built_in(), Origin::of_json(origin));
        let report: Value = serde_json::from_str(&playground.report(b"hello")).unwrap();
        let fields = report["fields"].as_array().unwrap();
        let value = |name: &str| fields.iter().find(|field| field["name"] == name).map(|field| field["value"].clone());
        assert_eq!(value("container_name").unwrap(), "web");
        assert_eq!(value("env").unwrap(), "Prod");
        assert_eq!(value("service"), None);
        assert_eq!(report["tags"], serde_json::json!(["team:a", "container_name:web", "env:prod"]));
    }
}
