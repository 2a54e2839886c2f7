//! Rules as questions, each with two ways on.
//!
//! The conditions of all rules that a record may meet become one list of [`Step`]s: what is known of the record beforehand, its tag
//! and its keys, is not asked, and neither is what makes no difference. The steps ask in the order of the rules and give what
//! evaluating one condition after the other gives.

use super::compile::{FieldSlot, FieldTest, Node};
use super::condition::{Severities, ValueKind};
use super::declaration::Effect;
use super::rule_set::RuleSet;
use crate::classify::LEVEL_FIELDS;
use crate::fields::FieldIndex;
use crate::line::LineFormats;
use crate::severity::Severity;

/// Where the value of a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the value of that key, counted from the first.
    Key(u32),
    /// There is none.
    Nowhere,
    /// It is nested, or there is none: that depends on the record.
    Unknown,
}

impl Place {
    pub(super) fn of(field: &FieldSlot, index: &FieldIndex) -> Self {
        for path in &field.paths {
            if let Some(place) = index.place(path.0.as_bytes()) {
                return u32::try_from(place).map_or(Place::Unknown, Place::Key);
            }
            let outer = path.0.split_once('.').map(|(outer, _)| outer);
            if field.is_nested && outer.is_some_and(|outer| index.contains(outer.as_bytes())) {
                return Place::Unknown;
            }
        }
        Place::Nowhere
    }
}

/// What is known of records before their values are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) tag_answers: &'k [bool],
    pub(super) keys: Keys<'k>,
}

/// What is known of records with the same keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'k> {
    /// Where the value of each field is that rules ask for.
    pub(super) places: &'k [Place],
    /// Whether one of [`LEVEL_FIELDS`] is there.
    pub(super) has_level: bool,
}

impl<'k> Keys<'k> {
    pub(super) fn new(places: &'k [Place], index: &FieldIndex) -> Self {
        Self { places, has_level: index.has_any(&LEVEL_FIELDS) }
    }
}

/// What a step asks or notes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ask {
    /// Whether the value of that key is of this kind.
    Kind(u32, ValueKind),
    /// Whether the value of that key passes that test.
    Key(u32, u32),
    /// Whether the value of a field passes that test; where it is has to be found.
    Field(u32),
    /// Whether one of a group of patterns matches the line.
    Line(u32),
    Format(LineFormats),
    Level(Severities),
    Severity(Severities),
    /// Whether the line may match one of the patterns with these bits.
    MayMatch(u32),
    /// Nothing: from here on formats and severity of the line decide alone, and what they decided before is kept.
    ByFacts,
    /// Nothing: this rule holds, and leaves it to others to decide.
    Holds(u32),
    /// Nothing: this rule holds and decides.
    Decides(u32),
}

/// A question, and the steps to which its answers lead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) ask: Ask,
    pub(super) yes: u32,
    pub(super) no: u32,
}

/// What formats and severity of a line decided.
#[derive(Debug, Clone, Copy)]
struct Fact {
    formats: LineFormats,
    severity: Option<Severity>,
    rule: u32,
}

/// How many facts are kept.
const FACTS: usize = 16;
/// Where no step is.
const END: u32 = u32::MAX;

/// Rules for records of which the same is known.
#[derive(Debug, Default)]
pub(super) struct Program {
    steps: Vec<Step>,
    /// The first step to be taken.
    entry: u32,
    /// Bits of line patterns, as [`Ask::MayMatch`] has their places.
    bits: Vec<u64>,
    facts: [Option<Fact>; FACTS],
}

impl Program {
    /// Makes the program of all rules, in the memory of another one.
    pub(super) fn renew(&mut self, rules: &RuleSet, known: Known<'_>) {
        self.clear();
        Builder { rules, known, program: self, run: None }.build();
    }

    fn clear(&mut self) {
        self.steps.clear();
        self.bits.clear();
        self.facts = [None; FACTS];
        self.entry = END;
    }

    /// Whether no rule that may hold leaves the decision to others, and none says more than [`Effect::is_plain`].
    pub(super) fn is_plain(&self, rules: &RuleSet) -> bool {
        self.steps.iter().all(|step| match step.ask {
            Ask::Holds(_) => false,
            Ask::Decides(rule) => rules.effect(rule as usize).is_some_and(Effect::is_plain),
            _ => true,
        })
    }

    /// The first step to be taken.
    #[inline]
    pub(super) fn entry(&self) -> u32 {
        self.entry
    }

    #[inline]
    pub(super) fn step(&self, at: u32) -> Option<Step> {
        self.steps.get(at as usize).copied()
    }

    #[inline]
    pub(super) fn bits(&self, at: u32) -> u64 {
        self.bits.get(at as usize).copied().unwrap_or_default()
    }

    /// The rule that lines with these facts had before.
    #[inline]
    pub(super) fn by_facts(&self, formats: LineFormats, severity: Option<Severity>) -> Option<u32> {
        let fact = (*self.facts.get(slot_of(formats, severity))?)?;
        (fact.formats == formats && fact.severity == severity).then_some(fact.rule)
    }

    /// As [`Program::by_facts`], when that is the first that is asked.
    #[inline]
    pub(super) fn by_first_facts(&self, formats: LineFormats, severity: Option<Severity>) -> Option<u32> {
        let begins_with_facts = self.step(self.entry)?.ask == Ask::ByFacts;
        if begins_with_facts { self.by_facts(formats, severity) } else { None }
    }

    /// Notes the rule that lines with these facts have.
    pub(super) fn keep_fact(&mut self, formats: LineFormats, severity: Option<Severity>, rule: u32) {
        if let Some(slot) = self.facts.get_mut(slot_of(formats, severity)) {
            *slot = Some(Fact { formats, severity, rule });
        }
    }
}

#[inline]
fn slot_of(formats: LineFormats, severity: Option<Severity>) -> usize {
    let severity = severity.map_or(FACTS - 1, |severity| severity as usize);
    (formats.bits().trailing_zeros() as usize * 3 + severity) % FACTS
}

/// Rules behind each other that ask for patterns of the line.
#[derive(Debug, Clone, Copy)]
struct Run {
    bits: u64,
    /// Where it goes on when none of them may match.
    exit: u32,
    rules: u32,
}

struct Builder<'b> {
    rules: &'b RuleSet,
    known: Known<'b>,
    program: &'b mut Program,
    run: Option<Run>,
}

impl Builder<'_> {
    /// From the last rule to the first, as each leads to those behind it.
    fn build(mut self) {
        let rules = self.rules;
        let (mut next, mut are_by_facts, mut by_facts) = (END, true, 0);
        for (at, rule) in rules.compiled.iter().enumerate().rev() {
            let Ok(number) = u32::try_from(at) else { continue };
            let answer = self.answer(&rule.node);
            if answer == Some(false) {
                continue;
            }
            let decides = rules.effect(at).is_some_and(Effect::decides);
            if decides && answer == Some(true) {
                // What stands behind it is never asked.
                self.program.clear();
                self.run = None;
                next = self.push(Ask::Decides(number), END, END);
                (are_by_facts, by_facts) = (true, 1);
                continue;
            }
            if are_by_facts && !self.asks_for_facts(&rule.node) {
                are_by_facts = false;
                next = self.keep_facts(by_facts, next);
            }
            by_facts += 1;
            if rule.line_bits == 0 {
                next = self.end_run(next);
            }
            let holds = self.push(if decides { Ask::Decides(number) } else { Ask::Holds(number) }, next, next);
            let mut entry = self.node(&rule.node, holds, next);
            if rule.line_bits != 0 {
                entry = self.push_bits(rule.line_bits, entry, next);
                let Run { bits, exit, rules } = self.run.unwrap_or(Run { bits: 0, exit: next, rules: 0 });
                self.run = Some(Run { bits: bits | rule.line_bits, exit, rules: rules + 1 });
            }
            next = entry;
        }
        if are_by_facts {
            next = self.keep_facts(by_facts, next);
        }
        self.program.entry = self.end_run(next);
    }

    fn push(&mut self, ask: Ask, yes: u32, no: u32) -> u32 {
        let at = u32::try_from(self.program.steps.len()).unwrap_or(END);
        self.program.steps.push(Step { ask, yes, no });
        at
    }

    fn push_bits(&mut self, bits: u64, yes: u32, no: u32) -> u32 {
        let at = u32::try_from(self.program.bits.len()).unwrap_or(END);
        self.program.bits.push(bits);
        self.push(Ask::MayMatch(at), yes, no)
    }

    /// The first step of so many rules that ask for facts alone.
    fn keep_facts(&mut self, rules: usize, next: u32) -> u32 {
        if rules > 1 { self.push(Ask::ByFacts, next, next) } else { next }
    }

    /// The first step of rules that ask for patterns of the line: with one look they are passed by.
    fn end_run(&mut self, next: u32) -> u32 {
        match self.run.take() {
            Some(Run { bits, exit, rules }) if rules > 1 => self.push_bits(bits, next, exit),
            _ => next,
        }
    }

    /// The first step of a condition.
    fn node(&mut self, node: &Node, yes: u32, no: u32) -> u32 {
        if yes == no {
            return yes;
        }
        match node {
            Node::All(parts) => parts.iter().rev().fold(yes, |yes, part| self.node(part, yes, no)),
            Node::Any(parts) => parts.iter().rev().fold(no, |no, part| self.node(part, yes, no)),
            Node::Not(inner) => self.node(inner, no, yes),
            leaf => match self.leaf(leaf) {
                Leaf::Known(holds) => {
                    if holds {
                        yes
                    } else {
                        no
                    }
                }
                Leaf::Asked(ask) => self.push(ask, yes, no),
            },
        }
    }

    fn leaf(&self, node: &Node) -> Leaf {
        let keys = self.known.keys;
        Leaf::Asked(match node {
            Node::All(_) | Node::Any(_) | Node::Not(_) => return Leaf::Known(false),
            Node::Tag(at) => return Leaf::Known(self.known.tag_answers.get(*at).copied().unwrap_or_default()),
            Node::Field(at) => {
                let Some((slot, test)) = self.rules.shared.tests.get(*at as usize) else { return Leaf::Known(false) };
                match (keys.places.get(*slot), test) {
                    (Some(Place::Nowhere), test) => return Leaf::Known(matches!(test, FieldTest::Exists(false))),
                    (Some(Place::Key(_)), FieldTest::Exists(exists)) => return Leaf::Known(*exists),
                    (Some(Place::Key(place)), FieldTest::Is(kind)) => Ask::Kind(*place, *kind),
                    (Some(Place::Key(place)), _) => Ask::Key(*place, *at),
                    (Some(Place::Unknown) | None, _) => Ask::Field(*at),
                }
            }
            Node::Level(set) if !keys.has_level => return Leaf::Known(set.contains(None)),
            Node::Level(set) => Ask::Level(*set),
            Node::Line(at) => Ask::Line(*at),
            Node::Format(formats) => Ask::Format(*formats),
            Node::Severity(set) => Ask::Severity(*set),
        })
    }

    /// Whether a condition holds, when what is known decides that.
    fn answer(&self, node: &Node) -> Option<bool> {
        match node {
            Node::All(parts) => self.answer_of(parts, false),
            Node::Any(parts) => self.answer_of(parts, true),
            Node::Not(inner) => self.answer(inner).map(|holds| !holds),
            leaf => match self.leaf(leaf) {
                Leaf::Known(holds) => Some(holds),
                Leaf::Asked(_) => None,
            },
        }
    }

    /// The answer of parts of which one that is `decisive` decides.
    fn answer_of(&self, parts: &[Node], decisive: bool) -> Option<bool> {
        let mut are_all_known = true;
        for part in parts {
            match self.answer(part) {
                Some(answer) if answer == decisive => return Some(decisive),
                answer => are_all_known &= answer.is_some(),
            }
        }
        are_all_known.then_some(!decisive)
    }

    /// Whether nothing is asked for but what the line is written as and how bad the record is.
    fn asks_for_facts(&self, node: &Node) -> bool {
        match node {
            Node::All(parts) | Node::Any(parts) => parts.iter().all(|part| self.asks_for_facts(part)),
            Node::Not(inner) => self.asks_for_facts(inner),
            leaf => {
                matches!(self.leaf(leaf), Leaf::Known(_) | Leaf::Asked(Ask::Format(_) | Ask::Severity(_)))
            }
        }
    }
}

/// What becomes of a condition that has no parts.
enum Leaf {
    Known(bool),
    Asked(Ask),
}
