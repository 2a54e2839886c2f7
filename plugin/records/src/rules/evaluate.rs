//! Runs the rules over one record.
//!
//! A record's fields are looked up once each, its line is searched for all patterns once and read once, and all three only when
//! a rule asks. Rules whose fields the record cannot have are passed by with one comparison; rules for other tags are not looked at.

use super::compile::{GroupParser, Node};
use super::declaration::{GroupKind, Parse};
use super::of_layout::OfLayout;
use super::patterns::PatternState;
use super::rule_set::{RuleId, RuleSet};
use super::value::scalar_value;
use crate::append::{FoundFields, FoundValue};
use crate::classify::{self, Fate, LevelPlace, LineReading, StatusPlace, Verdict};
use crate::event::Timestamp;
use crate::fields::{FieldIndex, LAYOUTS};
use crate::line::LineFormat;
use crate::line::misread::MisreadCounts;
use crate::log_type::LogType;
use crate::msgpack::Composite;
use crate::pieces::may_be_piece;
use crate::severity::Severity;

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
    pub(super) tag_answers: Vec<bool>,
    /// Rules that may hold under the tag.
    pub(super) candidates: Vec<u32>,
    /// What follows from the keys of records of which there are many.
    pub(super) of_layouts: [OfLayout; LAYOUTS],
    /// Which record it is, so that what is known of others counts for nothing.
    pub(super) record: u64,
    /// Where the value of each field is.
    pub(super) values: Vec<KnownValue>,
    pub(super) line: PatternState,
    pub(super) fields: Vec<PatternState>,
    /// Rules that held and left the decision to others.
    pub(super) applied: Vec<usize>,
    pub(crate) counts: Vec<RuleCounts>,
    /// Lines that begin like a format and are none of it.
    pub(crate) misreads: MisreadCounts,
}

/// Where the value of a field of a record is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KnownValue {
    pub(super) record: u64,
    pub(super) start: Option<usize>,
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
        self.of_layouts.iter_mut().for_each(OfLayout::clear);
        let is_possible = |node: &Node| match node {
            Node::Tag(at) => self.tag_answers.get(*at).copied().unwrap_or_default(),
            _ => true,
        };
        let candidates = rules.compiled.iter().enumerate().filter(|(_, rule)| match &rule.node {
            Node::All(parts) => parts.iter().all(is_possible),
            node => is_possible(node),
        });
        self.candidates.clear();
        self.candidates.extend(candidates.filter_map(|(at, _)| u32::try_from(at).ok()));
        self.counts.resize(rules.compiled.len(), RuleCounts::default());
        self.values.resize(rules.shared.fields.len(), KnownValue::default());
        self.fields.resize_with(rules.shared.fields.len(), PatternState::default);
    }

    #[inline]
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

    /// Whether [`RuleState::decide_read`] may be asked of the record whose keys the index holds. Of keys that come for the first
    /// time it may not.
    #[inline]
    pub(crate) fn is_plain(&self, index: &FieldIndex) -> bool {
        let known = self.of_layouts.get(index.layout_id().slot);
        known.is_some_and(|known| known.is_plain(index))
    }

    /// As [`Evaluation::verdict`], of a record that gives itself no level, whose line was read and taken apart, and where nothing is
    /// asked of what was found.
    #[inline]
    pub(crate) fn decide_read<'a>(
        &mut self,
        rules: &'a RuleSet,
        index: &FieldIndex,
        body: &Composite<'a>,
        line: &'a [u8],
        reading: &LineReading,
    ) -> Decided<'a> {
        let by_facts = self.find_by_facts(index, reading);
        let at = by_facts.unwrap_or_else(|| self.find_of_read(rules, index, body, line, reading));
        let effect = rules.effect(at);
        let is_dropped = effect.is_some_and(|effect| effect.drop);
        if is_dropped {
            self.count(at, |counts| counts.dropped += 1);
        }
        Decided {
            log_type: effect.and_then(|effect| effect.log_type.as_ref()).unwrap_or(&LogType::App),
            severity: effect.and_then(|effect| effect.severity).or(reading.severity),
            rule: RuleId::of(at),
            is_dropped,
        }
    }

    #[inline(never)]
    fn find_of_read<'a>(
        &mut self,
        rules: &'a RuleSet,
        index: &FieldIndex,
        body: &Composite<'a>,
        line: &'a [u8],
        reading: &LineReading,
    ) -> usize {
        let mut found = FoundFields::default();
        let mut evaluation = Evaluation::new(rules, self, index, *body, line, None, &mut found);
        (evaluation.level, evaluation.reading) = (Some(None), Some(*reading));
        evaluation.find_deciding()
    }

    /// The rule that decides, when nothing is asked but what the line is written as and how bad the record is, and records with the
    /// same answers came before.
    #[inline]
    fn find_by_facts(&mut self, index: &FieldIndex, reading: &LineReading) -> Option<usize> {
        let program = self.of_layouts.get(index.layout_id().slot)?.program.as_ref()?;
        let rule = program.by_first_facts(reading.formats, reading.severity)? as usize;
        self.count(rule, |counts| counts.matched += 1);
        Some(rule)
    }

    pub(super) fn count(&mut self, rule: usize, add: impl FnOnce(&mut RuleCounts)) {
        if let Some(counts) = self.counts.get_mut(rule) {
            add(counts);
        }
    }
}

/// What is said of a record by [`RuleState::decide_read`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decided<'r> {
    pub(crate) log_type: &'r LogType,
    pub(crate) severity: Option<Severity>,
    rule: RuleId,
    pub(crate) is_dropped: bool,
}

impl Decided<'_> {
    /// It, of a line with that time.
    #[inline]
    pub(crate) fn verdict(&self, line_time: Option<Timestamp>) -> Verdict {
        let fate = if self.is_dropped { Fate::Dropped } else { Fate::Kept };
        Verdict { log_type: *self.log_type, severity: self.severity, rule: self.rule, line_time, fate }
    }
}

/// One record under the rules.
pub(crate) struct Evaluation<'e, 'a> {
    pub(super) rules: &'a RuleSet,
    pub(super) state: &'e mut RuleState,
    pub(super) index: &'e FieldIndex,
    pub(super) body: Composite<'a>,
    /// The slot of the record's layout, when what follows from its keys is known.
    pub(super) layout: Option<usize>,
    pub(super) line: &'a [u8],
    /// What the line was that gave way to its fields.
    expanded: Option<LineFormat>,
    pub(super) found: &'e mut FoundFields<'a>,
    level: Option<Option<Severity>>,
    reading: Option<LineReading>,
}

impl<'e, 'a> Evaluation<'e, 'a> {
    #[inline]
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
        let slot = index.layout_id().slot;
        let of_layout = state.of_layouts.get_mut(slot);
        let is_known = of_layout.is_some_and(|known| known.knows(index, rules, &state.tag_answers));
        let layout = is_known.then_some(slot);
        Self { rules, state, index, body, layout, line, expanded, found, level: None, reading: None }
    }

    /// What is said of a record that names its type itself: it was sorted before, or whoever wrote it has decided.
    pub(crate) fn own_verdict(&mut self, log_type: LogType) -> Verdict {
        let line_time = classify::read_head(self.line, self.found);
        let severity = self.level().or_else(|| self.status_severity(log_type));
        Verdict { log_type, severity, rule: RuleId::OWN_FIELD, line_time, fate: Fate::Kept }
    }

    /// How bad the status of a request is.
    fn status_severity(&self, log_type: LogType) -> Option<Severity> {
        if log_type != LogType::Access {
            return None;
        }
        let status = match self.of_layout().map_or_else(|| StatusPlace::of(self.index), |known| known.status) {
            StatusPlace::Nowhere => return None,
            StatusPlace::Key(place) => self.value_of_key(place).and_then(|value| classify::status(&value)),
            StatusPlace::Nested => None,
        };
        let status = status.or_else(|| classify::any_status(self.index, &self.body));
        Severity::from_http_status(status?)
    }

    /// What follows from the record's keys, when it is known.
    #[inline]
    pub(super) fn of_layout(&self) -> Option<&OfLayout> {
        self.state.of_layouts.get(self.layout?)
    }

    /// What the rules say of the record; what they find is in `found`.
    pub(crate) fn verdict(&mut self) -> Verdict {
        let deciding = self.find_deciding();
        if self.state.applied.is_empty() {
            let verdict = self.verdict_of_one(deciding);
            self.count_misread();
            return verdict;
        }
        // The rule that decides speaks first, then those before it in their order.
        let mut rules = std::mem::take(&mut self.state.applied);
        rules.insert(0, deciding);
        let verdict = self.verdict_of_several(deciding, &rules);
        self.count_misread();
        rules.clear();
        self.state.applied = rules;
        verdict
    }

    /// Counts a line that was read and is of no format, when it begins like one of them.
    #[inline]
    fn count_misread(&mut self) {
        // The module for Fluent Bit has nobody to tell the counts.
        let is_counted = !cfg!(target_family = "wasm");
        if is_counted && self.may_be_misread() {
            self.state.misreads.count(self.line);
        }
    }

    /// Whether the line was read and is of no format. A piece of one is none by itself.
    pub(super) fn may_be_misread(&self) -> bool {
        self.reading.is_some_and(|reading| reading.formats.is_unknown()) && !may_be_piece(self.index)
    }

    /// What [`Evaluation::verdict_of_several`] gives for one rule, which is what most records have.
    fn verdict_of_one(&mut self, at: usize) -> Verdict {
        let Some(effect) = self.rules.effect(at) else { return self.verdict_of_several(at, &[at]) };
        let log_type = effect.log_type.unwrap_or(LogType::App);
        let (read, line_time) = match (&effect.parse, &self.reading) {
            // A line that was taken apart to find the rule, and what it says is in `found`.
            (None, Some(reading)) if reading.formats.is_taken_apart() => (reading.severity, reading.line_time),
            (Some(Parse::Fields), _) => self.parse_fields(log_type),
            (parse, _) => self.parse(parse.as_ref().map(|parse| (at, parse)), log_type),
        };
        let severity = effect
            .severity
            .or(read)
            .or_else(|| self.status_severity(log_type))
            .or(effect.default_severity)
            .or_else(|| classify::by_outcome(self.found));
        for (name, value) in &effect.set {
            self.found.set(name, scalar_value(value));
        }
        let fate = if effect.drop || effect.sample.is_some() { self.fate(&[at]) } else { Fate::Kept };
        Verdict { log_type, severity, rule: RuleId::of(at), line_time, fate }
    }

    /// What rules say that hold, the one that decides first.
    fn verdict_of_several(&mut self, deciding: usize, rules: &[usize]) -> Verdict {
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
        Verdict { log_type, severity, rule: RuleId::of(deciding), line_time, fate: self.fate(rules) }
    }

    #[inline]
    pub(super) fn level(&mut self) -> Option<Severity> {
        match self.level {
            Some(level) => level,
            None => self.find_level(),
        }
    }

    #[inline]
    fn find_level(&mut self) -> Option<Severity> {
        let place = self.of_layout().map_or_else(|| LevelPlace::of(self.index), |known| known.level);
        let level = match place {
            LevelPlace::Nowhere => None,
            place => self.level_at(place).or_else(|| self.level_behind(place)),
        };
        self.level = Some(level);
        level
    }

    fn level_at(&self, place: LevelPlace) -> Option<Severity> {
        match place {
            LevelPlace::Nowhere => None,
            LevelPlace::Key(place) => Severity::from_value(&self.value_of_key(place)?),
            LevelPlace::SyslogKey(place) => Severity::from_syslog_value(&self.value_of_key(place)?),
        }
    }

    /// The level at the places behind one where none can be read.
    #[cold]
    fn level_behind(&self, first: LevelPlace) -> Option<Severity> {
        LevelPlace::all(self.index).filter(|place| *place != first).find_map(|place| self.level_at(place))
    }

    /// What the line says, and what it is written as.
    #[inline]
    pub(super) fn read_line(&mut self) -> &LineReading {
        if self.reading.is_none() {
            self.read_line_first();
        }
        self.reading.get_or_insert_default()
    }

    #[inline(never)]
    fn read_line_first(&mut self) {
        let level = self.level();
        let reading = self.reading.insert(classify::read_line(self.line, level, self.found));
        if let Some(format) = self.expanded {
            reading.formats = reading.formats.with(format);
        }
        if reading.formats.is_empty() {
            reading.formats = reading.formats.with(LineFormat::Unknown);
        }
    }

    /// Leaves in `found` what the parser gives, and tells the severity and the time that were read.
    fn parse(
        &mut self,
        parser: Option<(usize, &'a Parse)>,
        log_type: LogType,
    ) -> (Option<Severity>, Option<Timestamp>) {
        let (at, parse) = parser.unwrap_or((usize::MAX, &Parse::Auto));
        match parse {
            Parse::Fields => return self.parse_fields(log_type),
            Parse::Nothing => {
                self.found.clear();
                return (self.level(), None);
            }
            Parse::Auto | Parse::Only(_) | Parse::Groups { .. } => {}
        }
        let reading = *self.read_line();
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

    /// As [`Evaluation::parse`], by [`Parse::Fields`].
    #[inline]
    fn parse_fields(&mut self, log_type: LogType) -> (Option<Severity>, Option<Timestamp>) {
        if self.found.len() > 0 {
            self.found.clear();
        }
        let line_time = classify::read_head(self.line, self.found);
        classify::lift(log_type, self.index, &self.body, self.line, self.found);
        (self.level(), line_time)
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
}
