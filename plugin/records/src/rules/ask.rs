//! Asks a record what the rules ask, and finds the rule that decides.

use super::compile::{FieldTest, Node};
use super::condition::{Path, ValueKind};
use super::declaration::Effect;
use super::evaluate::{Evaluation, KnownValue};
use super::patterns::PatternId;
use super::program::{Ask, Place, Program, Step};
use super::value::{equals, find_in, kind_of, kind_of_marker, number, short_value};
use crate::classify::LineReading;
use crate::msgpack::{Reader, Value};

impl<'a> Evaluation<'_, 'a> {
    /// The first rule that holds and decides; what the others do that hold before it is noted.
    pub(super) fn find_deciding(&mut self) -> usize {
        let deciding = match self.program().and_then(Option::take) {
            Some(mut program) => {
                let deciding = self.run(&mut program);
                if let Some(place) = self.program() {
                    *place = Some(program);
                }
                deciding
            }
            None => self.ask_all(),
        };
        // The last rule always holds, so there is one.
        deciding.map_or(self.rules.compiled.len().saturating_sub(1), |rule| rule as usize)
    }

    /// Where the program is of records with these keys, when they are known.
    #[inline]
    fn program(&mut self) -> Option<&mut Option<Box<Program>>> {
        let slot = self.layout?;
        self.state.of_layouts.get_mut(slot).map(|known| &mut known.program)
    }

    /// As by a program, one rule after the other: for keys that come once, for which making a program is not worth it.
    fn ask_all(&mut self) -> Option<u32> {
        let candidates = std::mem::take(&mut self.state.candidates);
        let deciding = candidates.iter().copied().find(|at| self.decides(*at));
        self.state.candidates = candidates;
        deciding
    }

    /// Whether a rule holds and decides; when it holds and leaves that to others it is noted.
    fn decides(&mut self, at: u32) -> bool {
        let (set, marks) = (self.rules, self.index.marks());
        let Some(rule) = set.compiled.get(at as usize) else { return false };
        let may_have_keys = rule.key_marks.iter().flatten().all(|needed| needed.meets(marks));
        let mut may_match =
            || rule.line_bits & set.shared.line_patterns.possible_bits(self.line, &mut self.state.line) != 0;
        if !may_have_keys || (rule.line_bits != 0 && !may_match()) || !self.holds(&rule.node) {
            return false;
        }
        self.state.count(at as usize, |counts| counts.matched += 1);
        let decides = set.effect(at as usize).is_some_and(Effect::decides);
        if !decides {
            self.state.applied.push(at as usize);
        }
        decides
    }

    fn run(&mut self, program: &mut Program) -> Option<u32> {
        let mut at = program.entry();
        // How many rules had held when formats and severity began to decide alone.
        let mut held_before_facts = None;
        loop {
            let Step { ask, yes, no } = program.step(at)?;
            let holds = match ask {
                Ask::Kind(place, kind) => self.is_of_kind(place, kind),
                Ask::Key(place, test) => self.key_passes(place, test),
                Ask::Field(test) => self.field_passes(test),
                Ask::Line(group) => self.line_matches(group),
                Ask::Format(formats) => self.read_line().formats.meets(formats),
                Ask::Level(set) => set.contains(self.level()),
                Ask::Severity(set) => set.contains(self.read_line().severity),
                Ask::MayMatch(bits) => {
                    let bits = program.bits(bits);
                    let patterns = &self.rules.shared.line_patterns;
                    bits & patterns.possible_bits(self.line, &mut self.state.line) != 0
                }
                Ask::ByFacts => {
                    let LineReading { formats, severity, .. } = *self.read_line();
                    if let Some(rule) = program.by_facts(formats, severity) {
                        self.state.count(rule as usize, |counts| counts.matched += 1);
                        return Some(rule);
                    }
                    held_before_facts = Some(self.state.applied.len());
                    true
                }
                Ask::Holds(rule) => {
                    self.state.count(rule as usize, |counts| counts.matched += 1);
                    self.state.applied.push(rule as usize);
                    true
                }
                Ask::Decides(rule) => {
                    self.state.count(rule as usize, |counts| counts.matched += 1);
                    if held_before_facts == Some(self.state.applied.len()) {
                        let LineReading { formats, severity, .. } = *self.read_line();
                        program.keep_fact(formats, severity, rule);
                    }
                    return Some(rule);
                }
            };
            at = if holds { yes } else { no };
        }
    }

    /// The value of a key, counted from the first.
    #[inline]
    pub(super) fn value_of_key(&self, place: usize) -> Option<Value<'a>> {
        let bytes = self.body.content.get(self.index.start_at(place)?..)?;
        short_value(bytes).or_else(|| self.index.value_at(&self.body, place))
    }

    /// Whether the value of a key is of a kind, which its first byte tells.
    #[inline]
    fn is_of_kind(&self, place: u32, kind: ValueKind) -> bool {
        let marker = self.index.start_at(place as usize).and_then(|start| self.body.content.get(start));
        marker.is_some_and(|marker| kind_of_marker(*marker) == Some(kind))
    }

    /// Whether a condition holds. Conditions lie at most [`super::read_condition::MAX_DEPTH`] deep.
    pub(super) fn holds(&mut self, node: &Node) -> bool {
        match node {
            Node::All(parts) => parts.iter().all(|part| self.holds(part)),
            Node::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Node::Not(inner) => !self.holds(inner),
            Node::Tag(at) => self.state.tag_answers.get(*at).copied().unwrap_or_default(),
            Node::Field(test) => self.field_passes(*test),
            Node::Line(group) => self.line_matches(*group),
            Node::Format(formats) => self.read_line().formats.meets(*formats),
            Node::Level(set) => set.contains(self.level()),
            Node::Severity(set) => set.contains(self.read_line().severity),
        }
    }

    /// Whether one of a group of patterns matches the line.
    fn line_matches(&mut self, group: u32) -> bool {
        let shared = &self.rules.shared;
        let group = shared.pattern_groups.get(group as usize);
        let is_match = |pattern: &PatternId| shared.line_patterns.is_match(*pattern, self.line, &mut self.state.line);
        group.is_some_and(|group| group.iter().any(is_match))
    }

    fn field_passes(&mut self, test: u32) -> bool {
        let Some((slot, test)) = self.rules.shared.tests.get(test as usize) else { return false };
        match self.value(*slot) {
            Some(value) => self.value_passes(&value, *slot, test),
            None => matches!(test, FieldTest::Exists(false)),
        }
    }

    fn key_passes(&mut self, place: u32, test: u32) -> bool {
        let Some((slot, test)) = self.rules.shared.tests.get(test as usize) else { return false };
        match self.value_of_key(place as usize) {
            Some(value) => self.value_passes(&value, *slot, test),
            None => matches!(test, FieldTest::Exists(false)),
        }
    }

    fn value_passes(&mut self, value: &Value<'a>, slot: usize, test: &FieldTest) -> bool {
        let Some(field) = self.rules.shared.fields.get(slot) else { return false };
        let text = value.as_str_bytes().map(|text| match field.is_container {
            true => text.strip_prefix(b"/").unwrap_or(text),
            false => text,
        });
        match test {
            FieldTest::Exists(exists) => *exists,
            FieldTest::Is(kind) => kind_of(value) == Some(*kind),
            FieldTest::In(scalars) => scalars.iter().any(|scalar| equals(value, text, scalar)),
            FieldTest::Range(range) => number(value).is_some_and(|number| range.contains(number)),
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

    /// The value of a field that rules ask for.
    pub(super) fn value(&mut self, slot: usize) -> Option<Value<'a>> {
        match self.of_layout().map_or(Place::Unknown, |known| known.place(slot)) {
            Place::Key(place) => return self.value_of_key(place as usize),
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
}
