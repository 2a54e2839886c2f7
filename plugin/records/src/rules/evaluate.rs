//! Runs the rules over one record.
//!
//! A record's fields are looked up once each, its line is searched for all patterns once and read once, and all three only when
//! a rule asks. Rules whose fields the record cannot have are passed by with one comparison; rules for other tags are not looked at.

use super::compile::{FieldTest, Node};
use super::condition::{Scalar, ValueKind};
use super::declaration::{Effect, GroupKind, Parse};
use super::patterns::PatternState;
use super::rule_set::{RuleId, RuleSet};
use crate::append::{FoundFields, FoundValue};
use crate::classify::{self, Fate, LineReading, Verdict};
use crate::fields::FieldIndex;
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
    tag: Option<Vec<u8>>,
    tag_answers: Vec<bool>,
    /// Rules that may hold under the tag.
    candidates: Vec<usize>,
    /// Where the value of each field is, when that was looked for.
    values: Vec<Option<Option<usize>>>,
    line: PatternState,
    fields: Vec<PatternState>,
    /// Rules that held and left the decision to others.
    applied: Vec<usize>,
    pub(crate) counts: Vec<RuleCounts>,
}

impl RuleState {
    /// From now on records have this tag.
    pub(crate) fn set_tag(&mut self, rules: &RuleSet, tag: &[u8]) {
        if self.tag.as_deref() == Some(tag) {
            return;
        }
        let answers = rules.shared.tags.iter().map(|globs| globs.iter().any(|glob| glob.matches(tag)));
        self.tag_answers.clear();
        self.tag_answers.extend(answers);
        self.tag = Some(tag.to_vec());
        let is_possible = |node: &Node| match node {
            Node::Tag(at) => self.tag_answers.get(*at).copied().unwrap_or_default(),
            _ => true,
        };
        let candidates = rules.compiled.iter().enumerate().filter(|(_, rule)| match &rule.node {
            Node::All(parts) => parts.iter().all(is_possible),
            node => is_possible(node),
        });
        self.candidates.clear();
        self.candidates.extend(candidates.map(|(at, _)| at));
        self.counts.resize(rules.compiled.len(), RuleCounts::default());
    }

    fn begin(&mut self, rules: &RuleSet) {
        if self.tag.is_none() {
            self.set_tag(rules, b"");
        }
        self.values.clear();
        self.values.resize(rules.shared.fields.len(), None);
        self.fields.resize_with(rules.shared.fields.len(), PatternState::default);
        self.fields.iter_mut().for_each(PatternState::clear);
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
    rules: &'a RuleSet,
    state: &'e mut RuleState,
    index: &'e FieldIndex,
    body: Composite<'a>,
    line: &'a [u8],
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
        let severity = self.level().or_else(|| self.status_severity(log_type));
        Verdict { log_type, severity, rule: RuleId::OWN_FIELD, line_time: None, fate: Fate::Kept }
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
        let (read, line_time) = self.parse(parser);
        let log_type = effects().find_map(|(_, effect)| effect.log_type).unwrap_or(LogType::App);
        let severity = effects()
            .find_map(|(_, effect)| effect.severity)
            .or(read)
            .or_else(|| self.status_severity(log_type))
            .or_else(|| effects().find_map(|(_, effect)| effect.default_severity));
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
        let marks = self.index.marks();
        let rules = self.rules;
        let last = rules.compiled.len().saturating_sub(1);
        for place in 0.. {
            let Some(at) = self.state.candidates.get(place).copied() else { break };
            let Some(rule) = rules.compiled.get(at) else { break };
            let may_hold = rule.key_marks.iter().all(|needed| *needed == 0 || needed & marks != 0);
            if !may_hold || !self.holds(&rule.node) {
                continue;
            }
            self.state.count(at, |counts| counts.matched += 1);
            if rules.effect(at).is_some_and(Effect::decides) {
                return at;
            }
            self.state.applied.push(at);
        }
        // The last of the built-in rules always holds, so this is not reached.
        last
    }

    /// Whether a condition holds. Conditions lie at most [`super::read_condition::MAX_DEPTH`] deep.
    fn holds(&mut self, node: &Node) -> bool {
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
            Node::Format(formats) => self.formats().meets(*formats),
            Node::Level(set) => set.contains(self.level()),
            Node::Severity(set) => {
                let severity = self.level().or_else(|| self.read_line().severity);
                set.contains(severity)
            }
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
        let known = self.state.values.get(slot).copied().flatten();
        let start = known.unwrap_or_else(|| {
            let field = self.rules.shared.fields.get(slot);
            let start = field.and_then(|field| field.paths.iter().find_map(|path| self.find(&path.0)));
            if let Some(slot) = self.state.values.get_mut(slot) {
                *slot = Some(start);
            }
            start
        });
        Reader::at(self.body.content, start?).value().ok()
    }

    /// Where the value of a field is: of the field of that name, or of the one that its parts lead to.
    fn find(&self, path: &str) -> Option<usize> {
        if let Some(start) = self.index.value_start(&self.body, path.as_bytes()) {
            return Some(start);
        }
        let (first, mut rest) = path.split_once('.')?;
        let mut start = self.index.value_start(&self.body, first.as_bytes())?;
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

    fn level(&mut self) -> Option<Severity> {
        *self.level.get_or_insert_with(|| classify::level(self.index, &self.body))
    }

    fn read_line(&mut self) -> LineReading {
        if let Some(reading) = self.reading {
            return reading;
        }
        let level = self.level();
        let reading = classify::read_line(self.line, level, self.found);
        self.reading = Some(reading);
        reading
    }

    /// What the line is written as.
    fn formats(&mut self) -> LineFormats {
        let formats = self.read_line().formats;
        let formats = self.expanded.map_or(formats, |format| formats.with(format));
        if formats.is_empty() { formats.with(LineFormat::Unknown) } else { formats }
    }

    /// Leaves in `found` what the parser gives, and tells the severity and the time that were read.
    fn parse(&mut self, parser: Option<(usize, &'a Parse)>) -> (Option<Severity>, Option<crate::event::Timestamp>) {
        let (at, parse) = parser.unwrap_or((usize::MAX, &Parse::Auto));
        if *parse == Parse::Nothing {
            self.found.clear();
            return (self.level(), None);
        }
        let reading = self.read_line();
        let mut severity = reading.severity;
        let is_parsed = match parse {
            Parse::Auto | Parse::Nothing => true,
            Parse::Only(format) => self.formats().contains(*format),
            Parse::Groups { .. } => {
                self.found.clear();
                let by_group = self.take_groups(at);
                severity = by_group.flatten().or(severity);
                by_group.is_some()
            }
        };
        if is_parsed {
            return (severity, reading.line_time.filter(|_| !matches!(parse, Parse::Groups { .. })));
        }
        self.found.clear();
        self.state.count(at, |counts| counts.unparsed += 1);
        (self.level(), None)
    }

    /// Makes fields of the groups of a rule's own pattern, and tells the severity when one of them holds a level; `None` when
    /// the line does not match.
    fn take_groups(&mut self, at: usize) -> Option<Option<Severity>> {
        let (regex, groups) = self.rules.compiled.get(at)?.groups.as_ref()?;
        let captures = regex.captures(self.line)?;
        let mut severity = None;
        for (group, capture) in groups.iter().zip(captures.iter().skip(1)) {
            let (Some((name, kind)), Some(capture)) = (group, capture) else { continue };
            let text = capture.as_bytes();
            if classify::LEVEL_KEYS.contains(&name.as_str()) {
                severity = severity.or_else(|| Severity::from_word(text));
            }
            let decimal = || std::str::from_utf8(text).ok();
            let value = match kind {
                GroupKind::Text => None,
                GroupKind::Int => decimal().and_then(|text| text.parse().ok()).map(FoundValue::Int),
                GroupKind::Float => decimal().and_then(|text| text.parse().ok()).filter(|float: &f64| float.is_finite()).map(FoundValue::Float),
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
                rate *= sample.keep;
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

/// Where in the content of a map the value of the first field with this name begins.
fn find_in(map: &Composite<'_>, name: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(map.content);
    for _ in 0..map.count {
        let key = reader.value().ok()?;
        if key.as_str_bytes() == Some(name) {
            return Some(reader.position());
        }
        reader.skip().ok()?;
    }
    None
}

fn kind_of(value: &Value<'_>) -> Option<ValueKind> {
    match value {
        Value::Str(_) => Some(ValueKind::Text),
        Value::Int(_) | Value::UInt(_) | Value::F32(_) | Value::F64(_) => Some(ValueKind::Number),
        Value::Bool(_) => Some(ValueKind::Bool),
        Value::Map(_) => Some(ValueKind::Map),
        Value::Array(_) => Some(ValueKind::List),
        Value::Nil => Some(ValueKind::Null),
        Value::Bin(_) | Value::Ext(..) => None,
    }
}

/// The number that a value is, or that its text is in decimal digits.
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(int) => Some(*int as f64),
        Value::UInt(int) => Some(*int as f64),
        Value::F32(float) => Some(f64::from(*float)),
        Value::F64(float) => Some(*float),
        Value::Str(text) => {
            let is_decimal = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E');
            let digits = text.first().is_some_and(|first| first.is_ascii_digit() || *first == b'-');
            let text = std::str::from_utf8(text).ok().filter(|_| digits && text.iter().all(is_decimal))?;
            text.parse().ok()
        }
        _ => None,
    }
}

fn equals(value: &Value<'_>, text: Option<&[u8]>, scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Text(wanted) => text == Some(wanted.as_bytes()),
        Scalar::Bool(wanted) => *value == Value::Bool(*wanted),
        Scalar::Number(wanted) => number(value) == Some(*wanted),
    }
}

fn scalar_value(scalar: &Scalar) -> FoundValue<'_> {
    match scalar {
        Scalar::Text(text) => FoundValue::Text(text.as_bytes()),
        Scalar::Bool(flag) => FoundValue::Bool(*flag),
        #[expect(clippy::cast_possible_truncation, reason = "whole and at most 2^53, as it was read")]
        Scalar::Number(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            FoundValue::Int(*number as i64)
        }
        Scalar::Number(number) => FoundValue::Float(*number),
    }
}

/// The same for equal values, on every machine and in every version.
fn hash(value: &Value<'_>) -> u64 {
    match value {
        Value::Str(bytes) | Value::Bin(bytes) => XxHash3_64::oneshot(bytes),
        Value::Map(composite) | Value::Array(composite) => XxHash3_64::oneshot(composite.whole),
        // A number has the hash of its text, so that it shares the fate of records in which it is text.
        Value::Int(int) => XxHash3_64::oneshot(int.to_string().as_bytes()),
        Value::UInt(int) => XxHash3_64::oneshot(int.to_string().as_bytes()),
        Value::F32(float) => XxHash3_64::oneshot(float.to_string().as_bytes()),
        Value::F64(float) => XxHash3_64::oneshot(float.to_string().as_bytes()),
        Value::Bool(flag) => XxHash3_64::oneshot(&[u8::from(*flag)]),
        Value::Ext(_, data) => XxHash3_64::oneshot(data),
        Value::Nil => XxHash3_64::oneshot(b""),
    }
}
