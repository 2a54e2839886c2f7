//! Whether one condition follows from another, and whether two exclude each other.
//!
//! Both are sound and not complete: a yes is certain, a no may be a "not seen". The work is bounded, for one question and for
//! all of a rule set.

use super::condition::{Condition, Range, Scalar, Test, ValueKind};
use super::glob::Glob;
use super::pattern_facts;
use super::patterns;
use super::required_literal::Literal;
use super::value;
use crate::msgpack::Value;
use regex::bytes::Regex;
use regex_syntax::hir::Hir;
use std::collections::HashMap;
use std::rc::Rc;

/// Steps that one question may take.
const MAX_STEPS: usize = 20_000;
/// Steps that all questions about a rule set may take together: some tenths of a second.
const MAX_STEPS_TOGETHER: usize = 20_000_000;

/// Bytes of a pattern that are looked at in one step.
const BYTES_OF_STEP: usize = 16;
/// Most patterns that are compiled to be tried on values.
const MAX_COMPILED: usize = 128;

/// Compares conditions.
#[derive(Debug)]
pub(super) struct Comparison {
    steps_left: usize,
    steps_left_together: usize,
    facts: HashMap<String, Rc<Facts>>,
    compiled: HashMap<String, Option<Rc<Regex>>>,
}

/// What is certain of a pattern.
#[derive(Debug)]
struct Facts {
    syntax: Hir,
    matches_all: bool,
    /// The text that it stands for.
    literal: Option<Literal>,
}

impl Default for Comparison {
    fn default() -> Self {
        let (facts, compiled) = (HashMap::new(), HashMap::new());
        Self { steps_left: MAX_STEPS, steps_left_together: MAX_STEPS_TOGETHER, facts, compiled }
    }
}

impl Comparison {
    /// Begins with the next question.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.steps_left = MAX_STEPS.min(self.steps_left_together);
        self
    }

    /// Begins with a question that no other shares its steps with.
    pub(super) fn begin_alone(&mut self) -> &mut Self {
        self.steps_left_together = MAX_STEPS_TOGETHER;
        self.begin()
    }

    fn takes(&mut self, steps: usize) -> bool {
        self.steps_left = self.steps_left.saturating_sub(steps);
        self.steps_left_together = self.steps_left_together.saturating_sub(steps);
        self.steps_left > 0
    }

    /// Whether every record for which `narrow` holds is one for which `wide` holds.
    pub(super) fn follows(&mut self, narrow: &Condition, wide: &Condition) -> bool {
        use Condition::{All, Any, Field, Format, Level, Line, Not, Severity, Tag};
        if !self.takes(narrow.values() * wide.values()) {
            return false;
        }
        if self.is_always(wide) || narrow == wide {
            return true;
        }
        match (narrow, wide) {
            (_, All(parts)) => parts.iter().all(|part| self.follows(narrow, part)),
            (Any(parts), _) => parts.iter().all(|part| self.follows(part, wide)),
            (Not(narrow), Not(wide)) if self.follows(wide, narrow) => true,
            (_, Not(wide)) if self.exclude(narrow, wide) => true,
            (_, Any(parts)) if parts.iter().any(|part| self.follows(narrow, part)) => true,
            (All(parts), _) => parts.iter().any(|part| self.follows(part, wide)),
            (Tag(narrow), Tag(wide)) => all_covered(narrow, wide),
            (Field(paths, narrow), Field(of, wide)) => paths == of && self.test_follows(narrow, wide),
            (Line(narrow), Line(wide)) => self.patterns_follow(narrow, wide),
            (Format(narrow), Format(wide)) => narrow.iter().all(|format| wide.contains(format)),
            (Level(narrow), Level(wide)) | (Severity(narrow), Severity(wide)) => narrow.is_within(*wide),
            // A level in a field is the severity.
            (Level(narrow), Severity(wide)) => !narrow.has_none() && narrow.is_within(*wide),
            _ => false,
        }
    }

    /// Whether no record satisfies both.
    pub(super) fn exclude(&mut self, one: &Condition, other: &Condition) -> bool {
        use Condition::{All, Any, Field, Format, Level, Line, Not, Severity, Tag};
        if !self.takes(one.values() * other.values()) {
            return false;
        }
        match (one, other) {
            (Any(parts), condition) | (condition, Any(parts)) => parts.iter().all(|part| self.exclude(part, condition)),
            (All(parts), condition) | (condition, All(parts)) => parts.iter().any(|part| self.exclude(part, condition)),
            (Not(inner), condition) | (condition, Not(inner)) => self.follows(condition, inner),
            (Tag(one), Tag(other)) => one.iter().all(|one| other.iter().all(|other| globs_exclude(one, other))),
            (Field(paths, one), Field(of, other)) => paths == of && self.tests_exclude(one, other),
            (Line(one), Line(other)) => self.patterns_begin_apart(one, other),
            (Format(one), Format(other)) => one.iter().all(|one| other.iter().all(|other| one.excludes(*other))),
            (Level(one), Level(other)) | (Severity(one), Severity(other)) => one.and(*other).is_empty(),
            _ => false,
        }
    }

    /// Whether every value that passes `narrow` passes `wide`.
    fn test_follows(&mut self, narrow: &Test, wide: &Test) -> bool {
        use Test::{Contains, Glob, In, Prefix, Regex, Suffix};
        let every = |narrow: &[String], wide: &[String], holds: fn(&str, &str) -> bool| {
            narrow.iter().all(|narrow| wide.iter().any(|wide| holds(narrow, wide)))
        };
        let begins = |narrow: &str, wide: &str| narrow.starts_with(wide);
        let ends = |narrow: &str, wide: &str| narrow.ends_with(wide);
        let has = |narrow: &str, wide: &str| narrow.contains(wide);
        match (narrow, wide) {
            (narrow, Test::Exists(true)) => *narrow != Test::Exists(false),
            (narrow, wide) if narrow == wide => true,
            (In(scalars), wide) => scalars.iter().all(|scalar| self.passes(scalar, wide)),
            (narrow, Regex(wide)) if is_of_text(narrow) && wide.iter().any(|wide| self.matches_all(wide)) => true,
            (Prefix(narrow), Prefix(wide)) => every(narrow, wide, begins),
            (Suffix(narrow), Suffix(wide)) => every(narrow, wide, ends),
            (Prefix(narrow) | Suffix(narrow) | Contains(narrow), Contains(wide)) => every(narrow, wide, has),
            (Prefix(narrow) | Suffix(narrow) | Contains(narrow), Regex(wide)) => {
                narrow.iter().all(|narrow| wide.iter().any(|wide| self.is_literal_of(wide, narrow)))
            }
            (Glob(narrow), Glob(wide)) => all_covered(narrow, wide),
            (Glob(narrow), Prefix(wide)) => {
                narrow.iter().all(|glob| wide.iter().any(|prefix| glob.prefix().starts_with(prefix.as_str())))
            }
            (Regex(narrow), Regex(wide)) => self.patterns_follow(narrow, wide),
            (Regex(narrow), Contains(wide)) => {
                narrow.iter().all(|narrow| wide.iter().any(|wide| self.requires(narrow, wide)))
            }
            (Regex(narrow), Prefix(wide)) => narrow.iter().all(|narrow| {
                let facts = self.facts(narrow);
                let start = facts.as_ref().and_then(|facts| pattern_facts::start(&facts.syntax));
                start.is_some_and(|start| wide.iter().any(|prefix| start.starts_with(prefix.as_bytes())))
            }),
            (Test::Range(narrow), Test::Range(wide)) => is_within(narrow, wide),
            (narrow, Test::Is(ValueKind::Text)) => is_of_text(narrow),
            _ => false,
        }
    }

    /// Whether every text in which one of `narrow` is found is one in which one of `wide` is.
    fn patterns_follow(&mut self, narrow: &[String], wide: &[String]) -> bool {
        narrow.iter().all(|narrow| wide.contains(narrow) || wide.iter().any(|wide| self.pattern_follows(narrow, wide)))
    }

    fn pattern_follows(&mut self, narrow: &str, wide: &str) -> bool {
        if !self.takes(1 + narrow.len() / BYTES_OF_STEP) {
            return false;
        }
        let (Some(narrow), Some(wide)) = (self.facts(narrow), self.facts(wide)) else { return false };
        wide.literal.as_ref().is_some_and(|wide| {
            let is_long_enough = |least: usize| least >= wide.bytes.len();
            narrow.syntax.properties().minimum_len().is_none_or(is_long_enough)
                && pattern_facts::requires(&narrow.syntax, wide)
        })
    }

    /// Whether every match of the pattern has this text in it.
    fn requires(&mut self, pattern: &str, text: &str) -> bool {
        if !self.takes(1 + pattern.len() / BYTES_OF_STEP) {
            return false;
        }
        let literal = Literal { bytes: text.as_bytes().to_vec(), ignores_case: false };
        self.facts(pattern).is_some_and(|facts| pattern_facts::requires(&facts.syntax, &literal))
    }

    /// Whether the pattern stands for a text that this one has in it.
    fn is_literal_of(&mut self, pattern: &str, text: &str) -> bool {
        let facts = self.facts(pattern);
        facts.is_some_and(|facts| facts.literal.as_ref().is_some_and(|literal| literal.is_in(text.as_bytes())))
    }

    /// Whether the condition holds for every record.
    pub(super) fn is_always(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|part| self.is_always(part)),
            Condition::Line(patterns) => patterns.iter().any(|pattern| self.matches_all(pattern)),
            _ => false,
        }
    }

    fn matches_all(&mut self, pattern: &str) -> bool {
        self.facts(pattern).is_some_and(|facts| facts.matches_all)
    }

    /// Whether no text has a match for any of the patterns.
    pub(super) fn match_none(&mut self, patterns: &[String]) -> bool {
        let mut matches_none =
            |pattern: &String| self.facts(pattern).is_some_and(|facts| pattern_facts::matches_none(&facts.syntax));
        !patterns.is_empty() && patterns.iter().all(&mut matches_none)
    }

    fn facts(&mut self, pattern: &str) -> Option<Rc<Facts>> {
        if let Some(known) = self.facts.get(pattern) {
            return Some(Rc::clone(known));
        }
        if self.facts.len() >= patterns::MAX_PATTERNS {
            return None;
        }
        let syntax = patterns::syntax(pattern).ok()?;
        let (matches_all, literal) = (pattern_facts::matches_all(&syntax), pattern_facts::literal(&syntax));
        let facts = Rc::new(Facts { syntax, matches_all, literal });
        self.facts.insert(pattern.to_owned(), Rc::clone(&facts));
        Some(facts)
    }

    /// Whether one of the patterns is found in the text; `None` when too many have been compiled to know it.
    fn is_found(&mut self, patterns: &[String], text: &str) -> Option<bool> {
        for pattern in patterns {
            if self.compiled(pattern)?.is_match(text.as_bytes()) {
                return Some(true);
            }
        }
        Some(false)
    }

    fn compiled(&mut self, pattern: &str) -> Option<Rc<Regex>> {
        if !self.compiled.contains_key(pattern) {
            if self.compiled.len() >= MAX_COMPILED {
                return None;
            }
            let compiled = patterns::compile_alone(pattern).ok().map(Rc::new);
            self.compiled.insert(pattern.to_owned(), compiled);
        }
        self.compiled.get(pattern).cloned().flatten()
    }

    /// Whether every value that equals the scalar passes the test.
    fn passes(&mut self, scalar: &Scalar, test: &Test) -> bool {
        match (scalar, test) {
            (Scalar::Text(text), Test::Regex(patterns)) => self.is_found(patterns, text) == Some(true),
            _ => passes(scalar, test),
        }
    }

    /// Whether no value that equals the scalar passes the test.
    fn fails(&mut self, scalar: &Scalar, test: &Test) -> bool {
        match (scalar, test) {
            (Scalar::Text(text), Test::Regex(patterns)) => self.is_found(patterns, text) == Some(false),
            _ => fails(scalar, test),
        }
    }

    /// Whether no value passes both.
    fn tests_exclude(&mut self, one: &Test, other: &Test) -> bool {
        match (one, other) {
            (Test::Exists(one), Test::Exists(other)) => one != other,
            (Test::Exists(false), _) | (_, Test::Exists(false)) => true,
            (Test::Is(one), Test::Is(other)) => one != other,
            (Test::In(scalars), other) | (other, Test::In(scalars)) => {
                scalars.iter().all(|scalar| self.fails(scalar, other))
            }
            (Test::Is(kind), Test::Range(_)) | (Test::Range(_), Test::Is(kind)) => {
                !matches!(kind, ValueKind::Number | ValueKind::Text)
            }
            (Test::Is(kind), other) | (other, Test::Is(kind)) => is_of_text(other) && *kind != ValueKind::Text,
            (Test::Range(one), Test::Range(other)) => intersection(one, other).is_empty(),
            (Test::Suffix(one), Test::Suffix(other)) => {
                let apart =
                    |one: &String, other: &String| !one.ends_with(other.as_str()) && !other.ends_with(one.as_str());
                one.iter().all(|one| other.iter().all(|other| apart(one, other)))
            }
            (Test::Glob(one), Test::Glob(other)) => {
                one.iter().all(|one| other.iter().all(|other| globs_exclude(one, other)))
            }
            _ => match (self.starts(one), self.starts(other)) {
                (Some(one), Some(other)) => begin_apart(&one, &other),
                _ => false,
            },
        }
    }

    fn patterns_begin_apart(&mut self, one: &[String], other: &[String]) -> bool {
        match (self.pattern_starts(one), self.pattern_starts(other)) {
            (Some(one), Some(other)) => begin_apart(&one, &other),
            _ => false,
        }
    }

    /// Texts of which one is at the start of every text that passes the test.
    fn starts(&mut self, test: &Test) -> Option<Vec<Vec<u8>>> {
        match test {
            Test::Prefix(prefixes) => Some(prefixes.iter().map(|prefix| prefix.as_bytes().to_vec()).collect()),
            Test::Glob(globs) => Some(globs.iter().map(|glob| glob.prefix().as_bytes().to_vec()).collect()),
            Test::Regex(patterns) => self.pattern_starts(patterns),
            _ => None,
        }
    }

    fn pattern_starts(&mut self, patterns: &[String]) -> Option<Vec<Vec<u8>>> {
        let mut start = |pattern: &String| Some(pattern_facts::start(&self.facts(pattern)?.syntax)?.to_vec());
        patterns.iter().map(&mut start).collect()
    }
}

fn all_covered(narrow: &[Glob], wide: &[Glob]) -> bool {
    narrow.iter().all(|narrow| wide.iter().any(|wide| covers(wide, narrow)))
}

/// Whether every text that matches `narrow` matches `wide`.
fn covers(wide: &Glob, narrow: &Glob) -> bool {
    let begins_alike = || {
        let prefix = wide.prefix();
        wide.pattern().strip_prefix(prefix) == Some("*") && narrow.prefix().starts_with(prefix)
    };
    wide == narrow || (narrow.is_literal() && wide.matches(narrow.pattern().as_bytes())) || begins_alike()
}

fn globs_exclude(one: &Glob, other: &Glob) -> bool {
    match (one.is_literal(), other.is_literal()) {
        (true, _) => !other.matches(one.pattern().as_bytes()),
        (_, true) => !one.matches(other.pattern().as_bytes()),
        _ => !one.prefix().starts_with(other.prefix()) && !other.prefix().starts_with(one.prefix()),
    }
}

/// Whether only text passes the test.
fn is_of_text(test: &Test) -> bool {
    matches!(
        test,
        Test::Prefix(_)
            | Test::Suffix(_)
            | Test::Contains(_)
            | Test::Glob(_)
            | Test::Regex(_)
            | Test::Is(ValueKind::Text)
    )
}

/// Whether no text begins with one of both.
fn begin_apart(one: &[Vec<u8>], other: &[Vec<u8>]) -> bool {
    one.iter().all(|one| other.iter().all(|other| !one.starts_with(other) && !other.starts_with(one)))
}

/// Whether every value that equals the scalar passes the test.
fn passes(scalar: &Scalar, test: &Test) -> bool {
    match (scalar, test) {
        (scalar, Test::In(wide)) => wide.contains(scalar),
        (Scalar::Text(text), Test::Prefix(wide)) => wide.iter().any(|prefix| text.starts_with(prefix.as_str())),
        (Scalar::Text(text), Test::Suffix(wide)) => wide.iter().any(|suffix| text.ends_with(suffix.as_str())),
        (Scalar::Text(text), Test::Contains(wide)) => wide.iter().any(|content| text.contains(content.as_str())),
        (Scalar::Text(text), Test::Glob(wide)) => wide.iter().any(|glob| glob.matches(text.as_bytes())),
        (Scalar::Text(text), Test::Range(range)) => number_of(text).is_some_and(|number| range.contains(number)),
        (Scalar::Number(number), Test::Range(range)) => range.contains(*number),
        (Scalar::Text(_), Test::Is(kind)) => *kind == ValueKind::Text,
        (Scalar::Bool(_), Test::Is(kind)) => *kind == ValueKind::Bool,
        _ => false,
    }
}

fn is_within(narrow: &Range, wide: &Range) -> bool {
    let above = match (narrow.low, wide.low) {
        (_, None) => true,
        (Some((narrow, with)), Some((wide, with_wide))) => narrow > wide || (narrow == wide && (with_wide || !with)),
        (None, Some(_)) => false,
    };
    let below = match (narrow.high, wide.high) {
        (_, None) => true,
        (Some((narrow, with)), Some((wide, with_wide))) => narrow < wide || (narrow == wide && (with_wide || !with)),
        (None, Some(_)) => false,
    };
    above && below
}

/// Whether no value that equals the scalar passes the test.
fn fails(scalar: &Scalar, test: &Test) -> bool {
    match (scalar, test) {
        (scalar, Test::In(others)) => others.iter().all(|other| differ(scalar, other)),
        (Scalar::Text(_), Test::Prefix(_) | Test::Suffix(_) | Test::Contains(_) | Test::Glob(_) | Test::Range(_)) => {
            !passes(scalar, test)
        }
        (Scalar::Number(number), Test::Range(range)) => !range.contains(*number),
        (Scalar::Text(_), Test::Is(kind)) => *kind != ValueKind::Text,
        (Scalar::Number(_), Test::Is(kind)) => !matches!(kind, ValueKind::Number | ValueKind::Text),
        (Scalar::Bool(_), Test::Is(kind)) => *kind != ValueKind::Bool,
        (Scalar::Bool(_), Test::Range(_) | Test::Prefix(_) | Test::Suffix(_) | Test::Contains(_) | Test::Glob(_)) => {
            true
        }
        _ => false,
    }
}

/// The number that rules take a text for.
fn number_of(text: &str) -> Option<f64> {
    value::number(&Value::Str(text.as_bytes()))
}

/// Whether no value equals both; a number equals text that is one.
fn differ(one: &Scalar, other: &Scalar) -> bool {
    match (one, other) {
        (Scalar::Text(text), Scalar::Number(number)) | (Scalar::Number(number), Scalar::Text(text)) => {
            number_of(text) != Some(*number)
        }
        (one, other) => one != other,
    }
}

fn intersection(one: &Range, other: &Range) -> Range {
    let tighter = |one: Option<(f64, bool)>, other: Option<(f64, bool)>, is_lower: bool| match (one, other) {
        (Some((one, with)), Some((other, with_other))) if one == other => Some((one, with && with_other)),
        (Some(one), Some(other)) => Some(if (one.0 > other.0) == is_lower { one } else { other }),
        (one, other) => one.or(other),
    };
    Range { low: tighter(one.low, other.low, true), high: tighter(one.high, other.high, false) }
}
