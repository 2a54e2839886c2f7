//! Runs the rules over one record.
//!
//! A record's fields are looked up once each, its line is searched for all patterns once and read once, and all three only when
//! a rule asks. Rules whose fields the record cannot have are passed by with one comparison; rules for other tags are not looked at.

use super::compile::{FieldTest, GroupParser, Node};
use super::condition::{Path, Severities};
use super::declaration::{Effect, GroupKind, Parse};
use super::of_layout::{OfLayout, Place};
use super::patterns::PatternState;
use super::rule_set::{RuleId, RuleSet};
use super::value::{equals, find_in, hash, kind_of, number, scalar_value};
use crate::append::{FoundFields, FoundValue};
use crate::classify::{self, Fate, LineReading, Verdict};
use crate::event::Timestamp;
use crate::fields::{FieldIndex, LAYOUTS, Marks};
use crate::line::{LineFormat, LineFormats};
use crate::log_type::LogType;
use crate::msgpack::{Composite, Reader, Value};
use crate::severity::Severity;
use twox_hash::XxHash3_64;

/// The field that tells which share of its like a record stands for.
pub const SAMPLE_RATE: &str = "sample_rate";

/// How often a rule did what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleCounts {
    /// Records for which it held.
    pub matched: u64,
    /// Records that it threw away, by `drop` or by `sample`.
    pub dropped: u64,
    /// Records whose line its parser could not read.
    pub unparsed: u64,
}

/// What is kept from record to record: memory, the tag, and counts.
#[derive(Debug, Default)]
pub(crate) struct RuleState {
    has_tag: bool,
    pub(super) tag: Vec<u8>,
    tag_answers: Vec<bool>,
    /// Rules that may hold under the tag.
    candidates: Vec<Candidate>,
    /// What follows from the keys of records of which there are many.
    of_layouts: [OfLayout; LAYOUTS],
    /// Which record it is, so that what is known of others counts for nothing.
    record: u64,
    /// Where the value of each field is.
    values: Vec<KnownValue>,
    line: PatternState,
    fields: Vec<PatternState>,
    /// Rules that held and left the decision to others.
    applied: Vec<usize>,
    pub(crate) counts: Vec<RuleCounts>,
}

/// A rule that may hold.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    at: usize,
    /// As in [`super::compile::CompiledRule`].
    key_marks: [Option<Marks>; 2],
    line_bits: u64,
    line_facts: Option<(Option<LineFormats>, Option<Severities>)>,
}

/// Where the value of a field of a record is.
#[derive(Debug, Clone, Copy, Default)]
struct KnownValue {
    record: u64,
    start: Option<usize>,
}

impl RuleState {
    /// From now on records have this tag.
    pub(crate) fn set_tag(&mut self, rules: &RuleSet, tag: &[u8]) {
        if self.has_tag && self.tag == tag {
            return;
        }
        let answers = rules.shared.tags.iter().map(|globs| globs.iter().any(|glob| glob.matches(tag)));
        self.tag_answers.clear();
        self.tag_answers.extend(answers);
        self.has_tag = true;
        self.tag.clear();
        self.tag.extend_from_slice(tag);
        let is_possible = |node: &Node| match node {
            Node::Tag(at) => self.tag_answers.get(*at).copied().unwrap_or_default(),
            _ => true,
        };
        let candidates = rules.compiled.iter().enumerate().filter(|(_, rule)| match &rule.node {
            Node::All(parts) => parts.iter().all(is_possible),
            node => is_possible(node),
        });
        self.of_layouts = Default::default();
        self.candidates.clear();
        self.candidates.extend(candidates.map(|(at, rule)| Candidate {
            at,
            key_marks: rule.key_marks,
            line_bits: rule.line_bits,
            line_facts: rule.line_facts(),
        }));
        self.counts.resize(rules.compiled.len(), RuleCounts::default());
        self.values.resize(rules.shared.fields.len(), KnownValue::default());
        self.fields.resize_with(rules.shared.fields.len(), PatternState::default);
    }

    fn begin(&mut self, rules: &RuleSet) {
        if !self.has_tag {
            self.set_tag(rules, b"");
        }
        self.record += 1;
        for slot in &rules.shared.pattern_fields {
            if let Some(state) = self.fields.get_mut(*slot) {
                state.clear();
            }
        }
        self.line.clear();
        self.applied.clear();
    }

    fn count(&mut self, rule: usize, add: impl FnOnce(&mut RuleCounts)) {
        if let Some(counts) = self.counts.get_mut(rule) {
            add(counts);
        }
    }
}

/// One record under the rules.
pub(crate) struct Evaluation<'e, 'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) state: &'e mut RuleState,
    pub(super) index: &'e FieldIndex,
    pub(super) body: Composite<'a>,
    pub(super) line: &'a [u8],
    /// What the line was that gave way to its fields.
    expanded: Option<LineFormat>,
    found: &'e mut FoundFields<'a>,
    level: Option<Option<Severity>>,
    reading: Option<LineReading>,
}

impl<'e, 'a> Evaluation<'e, 'a> {
    pub(crate) fn new(
        rules: &'a RuleSet,
        state: &'e mut RuleState,
        index: &'e FieldIndex,
        body: Composite<'a>,
        line: &'a [u8],
        expanded: Option<LineFormat>,
        found: &'e mut FoundFields<'a>,
    ) -> Self {
        state.begin(rules);
        Self { rules, state, index, body, line, expanded, found, level: None, reading: None }
    }

    /// What is said of a record that names its type itself: it was sorted before, or whoever wrote it has decided.
    pub(crate) fn own_verdict(&mut self, log_type: LogType) -> Verdict {
        let line_time = classify::read_head(self.line, self.found);
        let severity = self.level().or_else(|| self.status_severity(log_type));
        Verdict { log_type, severity, rule: RuleId::OWN_FIELD, line_time, fate: Fate::Kept }
    }

    /// How bad the status of a request is.
    fn status_severity(&self, log_type: LogType) -> Option<Severity> {
        let status = (log_type == LogType::Access).then(|| classify::status(self.index, &self.body)).flatten();
        Severity::from_http_status(status?)
    }

    /// What the rules say of the record; what they find is in `found`.
    pub(crate) fn verdict(&mut self) -> Verdict {
        let deciding = self.find_deciding();
        // The rule that decides speaks first, then those before it in their order.
        let mut rules = std::mem::take(&mut self.state.applied);
        rules.insert(0, deciding);
        let set = self.rules;
        let effects = || rules.iter().filter_map(|at| Some((*at, set.effect(*at)?)));

        let parser = effects().find_map(|(at, effect)| Some((at, effect.parse.as_ref()?)));
        let log_type = effects().find_map(|(_, effect)| effect.log_type).unwrap_or(LogType::App);
        let (read, line_time) = self.parse(parser, log_type);
        let severity = effects()
            .find_map(|(_, effect)| effect.severity)
            .or(read)
            .or_else(|| self.status_severity(log_type))
            .or_else(|| effects().find_map(|(_, effect)| effect.default_severity))
            .or_else(|| classify::by_outcome(self.found));
        for at in rules.iter().rev() {
            for (name, value) in set.effect(*at).map(|effect| effect.set.as_slice()).unwrap_or_default() {
                self.found.set(name, scalar_value(value));
            }
        }
        let fate = self.fate(&rules);
        rules.clear();
        self.state.applied = rules;
        Verdict { log_type, severity, rule: RuleId::of(deciding), line_time, fate }
    }

    /// The first rule that holds and decides; what the others do that hold before it is noted.
    fn find_deciding(&mut self) -> usize {
        let rules = self.rules;
        let last = rules.compiled.len().saturating_sub(1);
        let candidates = std::mem::take(&mut self.state.candidates);
        let deciding = if self.is_layout_known(&candidates) {
            self.try_candidates_of_layout(&candidates)
        } else {
            let marks = self.index.marks();
            candidates.iter().find_map(|candidate| {
                let may_hold = candidate.key_marks.iter().flatten().all(|needed| needed.meets(marks));
                if may_hold { self.try_rule(candidate) } else { None }
            })
        };
        self.state.candidates = candidates;
        // The last of the built-in rules always holds, so there is one.
        deciding.unwrap_or(last)
    }

    #[inline]
    fn is_layout_known(&mut self, candidates: &[Candidate]) -> bool {
        let RuleState { of_layouts, tag_answers, .. } = &mut *self.state;
        let of_layout = of_layouts.get_mut(self.index.layout_id().slot);
        let candidates = candidates.iter().map(|candidate| candidate.at);
        of_layout.is_some_and(|known| known.knows(self.index, self.rules, tag_answers, candidates))
    }

    /// The first rule that holds and decides of those that the record's keys leave.
    fn try_candidates_of_layout(&mut self, candidates: &[Candidate]) -> Option<usize> {
        let slot = self.index.layout_id().slot;
        let places = std::mem::take(self.state.of_layouts.get_mut(slot)?.candidates());
        let deciding = places.iter().find_map(|place| self.try_rule(candidates.get(*place as usize)?));
        *self.state.of_layouts.get_mut(slot)?.candidates() = places;
        deciding
    }

    /// Whether a rule holds and decides; what it does when it holds and leaves that to others is noted.
    #[inline]
    fn try_rule(&mut self, candidate: &Candidate) -> Option<usize> {
        let rules = self.rules;
        let Candidate { at, line_bits, line_facts, .. } = *candidate;
        if line_bits != 0 {
            let patterns = &rules.shared.line_patterns;
            if line_bits & patterns.possible_bits(self.line, &mut self.state.line) == 0 {
                return None;
            }
        }
        let holds = match line_facts {
            Some((formats, severities)) => {
                let reading = self.read_line();
                formats.is_none_or(|formats| reading.formats.meets(formats))
                    && severities.is_none_or(|severities| severities.contains(reading.severity))
            }
            None => rules.compiled.get(at).is_some_and(|rule| self.holds(&rule.node)),
        };
        if !holds {
            return None;
        }
        self.state.count(at, |counts| counts.matched += 1);
        if rules.effect(at).is_some_and(Effect::decides) {
            return Some(at);
        }
        self.state.applied.push(at);
        None
    }

    /// Whether a condition holds. Conditions lie at most [`super::read_condition::MAX_DEPTH`] deep.
    pub(super) fn holds(&mut self, node: &Node) -> bool {
        match node {
            Node::All(parts) => parts.iter().all(|part| self.holds(part)),
            Node::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Node::Not(inner) => !self.holds(inner),
            Node::Tag(at) => self.state.tag_answers.get(*at).copied().unwrap_or_default(),
            Node::Field(slot, test) => self.field_passes(*slot, test),
            Node::Line(patterns) => {
                let set = &self.rules.shared.line_patterns;
                patterns.iter().any(|pattern| set.is_match(*pattern, self.line, &mut self.state.line))
            }
            Node::Format(formats) => self.read_line().formats.meets(*formats),
            Node::Level(set) => set.contains(self.level()),
            Node::Severity(set) => set.contains(self.read_line().severity),
        }
    }

    fn field_passes(&mut self, slot: usize, test: &FieldTest) -> bool {
        let value = self.value(slot);
        let Some(value) = value else { return matches!(test, FieldTest::Exists(false)) };
        let Some(field) = self.rules.shared.fields.get(slot) else { return false };
        let text = value.as_str_bytes().map(|text| match field.is_container {
            true => text.strip_prefix(b"/").unwrap_or(text),
            false => text,
        });
        match test {
            FieldTest::Exists(exists) => *exists,
            FieldTest::Is(kind) => kind_of(&value) == Some(*kind),
            FieldTest::In(scalars) => scalars.iter().any(|scalar| equals(&value, text, scalar)),
            FieldTest::Range(range) => number(&value).is_some_and(|number| range.contains(number)),
            FieldTest::Prefix(prefixes) => {
                text.is_some_and(|text| prefixes.iter().any(|prefix| text.starts_with(prefix.as_bytes())))
            }
            FieldTest::Suffix(suffixes) => {
                text.is_some_and(|text| suffixes.iter().any(|suffix| text.ends_with(suffix.as_bytes())))
            }
            FieldTest::Glob(globs) => text.is_some_and(|text| globs.iter().any(|glob| glob.matches(text))),
            FieldTest::Patterns(patterns) => {
                let (Some(text), Some(state)) = (text, self.state.fields.get_mut(slot)) else { return false };
                patterns.iter().any(|pattern| field.patterns.is_match(*pattern, text, state))
            }
        }
    }

    fn value(&mut self, slot: usize) -> Option<Value<'a>> {
        let layout = self.index.layout_id();
        match self.state.of_layouts.get(layout.slot).map_or(Place::Unknown, |known| known.place(layout, slot)) {
            Place::Key(place) => return self.index.value_at(&self.body, place),
            Place::Nowhere => return None,
            Place::Unknown => {}
        }
        let field = self.rules.shared.fields.get(slot).filter(|field| field.key_marks.meets(self.index.marks()))?;
        let known = self.state.values.get(slot).filter(|known| known.record == self.state.record);
        let start = known.map(|known| known.start).unwrap_or_else(|| {
            let of_record = |path: &Path| self.index.value_start(path.0.as_bytes());
            let start = field.paths.iter().find_map(|path| {
                of_record(path).or_else(|| if field.is_nested { self.find_nested(&path.0) } else { None })
            });
            if let Some(slot) = self.state.values.get_mut(slot) {
                *slot = KnownValue { record: self.state.record, start };
            }
            start
        });
        Reader::at(self.body.content, start?).value().ok()
    }

    /// Where the value of the field is to which the parts of the path lead.
    pub(super) fn find_nested(&self, path: &str) -> Option<usize> {
        let (first, mut rest) = path.split_once('.')?;
        let mut start = self.index.value_start(first.as_bytes())?;
        loop {
            let Ok(Value::Map(map)) = Reader::at(self.body.content, start).value() else { return None };
            let content = start + (map.whole.len() - map.content.len());
            if let Some(value) = find_in(&map, rest.as_bytes()) {
                return Some(content + value);
            }
            let (name, behind) = rest.split_once('.')?;
            start = content + find_in(&map, name.as_bytes())?;
            rest = behind;
        }
    }

    pub(super) fn level(&mut self) -> Option<Severity> {
        *self.level.get_or_insert_with(|| classify::level(self.index, &self.body))
    }

    /// What the line says, and what it is written as.
    #[inline]
    pub(super) fn read_line(&mut self) -> LineReading {
        match self.reading {
            Some(reading) => reading,
            None => self.read_line_first(),
        }
    }

    #[inline(never)]
    fn read_line_first(&mut self) -> LineReading {
        let level = self.level();
        let mut reading = classify::read_line(self.line, level, self.found);
        reading.formats = self.expanded.map_or(reading.formats, |format| reading.formats.with(format));
        if reading.formats.is_empty() {
            reading.formats = reading.formats.with(LineFormat::Unknown);
        }
        self.reading = Some(reading);
        reading
    }

    /// Leaves in `found` what the parser gives, and tells the severity and the time that were read.
    fn parse(
        &mut self,
        parser: Option<(usize, &'a Parse)>,
        log_type: LogType,
    ) -> (Option<Severity>, Option<Timestamp>) {
        let (at, parse) = parser.unwrap_or((usize::MAX, &Parse::Auto));
        if matches!(parse, Parse::Nothing | Parse::Fields) {
            self.found.clear();
            if *parse == Parse::Nothing {
                return (self.level(), None);
            }
            let line_time = classify::read_head(self.line, self.found);
            classify::lift(log_type, self.index, &self.body, self.line, self.found);
            return (self.level(), line_time);
        }
        let reading = self.read_line();
        match parse {
            Parse::Only(format) if !reading.formats.contains(*format) => {}
            Parse::Groups { .. } => {
                self.found.clear();
                if let Some(by_group) = self.take_groups(at) {
                    return (by_group.or(reading.severity), None);
                }
            }
            _ => {
                if !reading.formats.is_taken_apart() {
                    classify::lift(log_type, self.index, &self.body, self.line, self.found);
                }
                return (reading.severity, reading.line_time);
            }
        }
        self.found.clear();
        self.state.count(at, |counts| counts.unparsed += 1);
        (self.level(), None)
    }

    /// Makes fields of the groups of a rule's own pattern, and tells the severity when one of them holds a level; `None` when
    /// the line does not match.
    fn take_groups(&mut self, at: usize) -> Option<Option<Severity>> {
        let GroupParser { regex, fields } = self.rules.compiled.get(at)?.groups.as_ref()?;
        let captures = regex.captures(self.line)?;
        let mut severity = None;
        for (group, capture) in fields.iter().zip(captures.iter().skip(1)) {
            let (Some((name, kind)), Some(capture)) = (group, capture) else { continue };
            let text = capture.as_bytes();
            if classify::LEVEL_KEYS.contains(&name.as_str()) {
                severity = severity.or_else(|| Severity::from_word(text));
            }
            // The field of that name tells the severity that follows from all of it.
            if name == "severity" && severity.is_some() {
                continue;
            }
            let decimal = || std::str::from_utf8(text).ok();
            let value = match kind {
                GroupKind::Text => None,
                GroupKind::Int => decimal().and_then(|text| text.parse().ok()).map(FoundValue::Int),
                GroupKind::Float => decimal()
                    .and_then(|text| text.parse().ok())
                    .filter(|float: &f64| float.is_finite())
                    .map(FoundValue::Float),
            };
            self.found.set(name, value.unwrap_or(FoundValue::Text(text)));
        }
        Some(severity)
    }

    /// Whether the record is kept.
    fn fate(&mut self, rules: &[usize]) -> Fate {
        let mut rate = 1.0;
        for at in rules {
            let Some(effect) = self.rules.effect(*at) else { continue };
            let Some(rule) = self.rules.compiled.get(*at) else { continue };
            if effect.drop {
                self.state.count(*at, |counts| counts.dropped += 1);
                return Fate::Dropped;
            }
            let (Some((highest, by)), Some(sample)) = (rule.sample, &effect.sample) else { continue };
            let hash = match by {
                None => Some(XxHash3_64::oneshot(self.body.content)),
                // A record without the field is kept: nothing says what it belongs to.
                Some(slot) => self.value(slot).map(|value| hash(&value)),
            };
            if let Some(hash) = hash {
                // Equal values have equal hashes under every rule, so of two samples by one field the smaller is in the other.
                let keeps = |before: &usize| {
                    self.rules.compiled.get(*before)?.sample.filter(|(_, known)| *known == by)?;
                    Some(self.rules.effect(*before)?.sample.as_ref()?.keep)
                };
                let kept_by_others =
                    rules.iter().take_while(|before| *before != at).filter_map(keeps).fold(1.0, f64::min);
                rate *= sample.keep.min(kept_by_others) / kept_by_others;
                if hash > highest {
                    self.state.count(*at, |counts| counts.dropped += 1);
                    return Fate::SampledOut;
                }
            }
        }
        if rate < 1.0 {
            self.found.set(SAMPLE_RATE, FoundValue::Float(rate));
        }
        Fate::Kept
    }
}
