//! Whether one condition follows from another, and whether two exclude each other.
//!
//! Both are sound and not complete: a yes is certain, a no may be a "not seen". The work is bounded, for one question and for
//! all of a rule set.

use super::condition::{Condition, Range, Scalar, Test, ValueKind};
use super::glob::Glob;

/// Steps that one question may take.
const MAX_STEPS: usize = 20_000;
/// Steps that all questions about a rule set may take together: some tenths of a second.
const MAX_STEPS_TOGETHER: usize = 20_000_000;

/// Compares conditions.
#[derive(Debug)]
pub(super) struct Comparison {
    steps_left: usize,
    steps_left_together: usize,
}

impl Default for Comparison {
    fn default() -> Self {
        Self { steps_left: MAX_STEPS, steps_left_together: MAX_STEPS_TOGETHER }
    }
}

impl Comparison {
    /// Begins with the next question.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.steps_left = MAX_STEPS.min(self.steps_left_together);
        self
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
        if wide.is_always() || narrow == wide {
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
            (Field(paths, narrow), Field(of, wide)) => paths == of && test_follows(narrow, wide),
            (Line(narrow), Line(wide)) => narrow.iter().all(|pattern| wide.contains(pattern)),
            (Format(narrow), Format(wide)) => narrow.iter().all(|format| wide.contains(format)),
            (Level(narrow), Level(wide)) | (Severity(narrow), Severity(wide)) => narrow.is_within(*wide),
            // A level in a field is the severity.
            (Level(narrow), Severity(wide)) => !narrow.has_none() && narrow.is_within(*wide),
            _ => false,
        }
    }

    /// Whether no record satisfies both.
    pub(super) fn exclude(&mut self, one: &Condition, other: &Condition) -> bool {
        use Condition::{All, Any, Field, Level, Not, Severity, Tag};
        if !self.takes(one.values() * other.values()) {
            return false;
        }
        match (one, other) {
            (Any(parts), condition) | (condition, Any(parts)) => parts.iter().all(|part| self.exclude(part, condition)),
            (All(parts), condition) | (condition, All(parts)) => parts.iter().any(|part| self.exclude(part, condition)),
            (Not(inner), condition) | (condition, Not(inner)) => self.follows(condition, inner),
            (Tag(one), Tag(other)) => one.iter().all(|one| other.iter().all(|other| globs_exclude(one, other))),
            (Field(paths, one), Field(of, other)) => paths == of && tests_exclude(one, other),
            (Level(one), Level(other)) | (Severity(one), Severity(other)) => one.and(*other).is_empty(),
            _ => false,
        }
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

fn test_follows(narrow: &Test, wide: &Test) -> bool {
    let every = |narrow: &[String], wide: &[String], holds: fn(&str, &str) -> bool| {
        narrow.iter().all(|narrow| wide.iter().any(|wide| holds(narrow, wide)))
    };
    let begins = |narrow: &str, wide: &str| narrow.starts_with(wide);
    let ends = |narrow: &str, wide: &str| narrow.ends_with(wide);
    let has = |narrow: &str, wide: &str| narrow.contains(wide);
    match (narrow, wide) {
        (narrow, Test::Exists(true)) => *narrow != Test::Exists(false),
        (narrow, wide) if narrow == wide => true,
        (Test::In(scalars), wide) => scalars.iter().all(|scalar| passes(scalar, wide)),
        (Test::Prefix(narrow), Test::Prefix(wide)) => every(narrow, wide, begins),
        (Test::Suffix(narrow), Test::Suffix(wide)) => every(narrow, wide, ends),
        (Test::Prefix(narrow) | Test::Suffix(narrow) | Test::Contains(narrow), Test::Contains(wide)) => {
            every(narrow, wide, has)
        }
        (Test::Glob(narrow), Test::Glob(wide)) => all_covered(narrow, wide),
        (Test::Glob(narrow), Test::Prefix(wide)) => {
            narrow.iter().all(|glob| wide.iter().any(|prefix| glob.prefix().starts_with(prefix.as_str())))
        }
        (Test::Regex(narrow), Test::Regex(wide)) => narrow.iter().all(|pattern| wide.contains(pattern)),
        (Test::Range(narrow), Test::Range(wide)) => is_within(narrow, wide),
        (Test::Prefix(_) | Test::Suffix(_) | Test::Contains(_) | Test::Glob(_) | Test::Regex(_), Test::Is(kind)) => {
            *kind == ValueKind::Text
        }
        _ => false,
    }
}

/// Whether every value that equals the scalar passes the test.
fn passes(scalar: &Scalar, test: &Test) -> bool {
    match (scalar, test) {
        (scalar, Test::In(wide)) => wide.contains(scalar),
        (Scalar::Text(text), Test::Prefix(wide)) => wide.iter().any(|prefix| text.starts_with(prefix.as_str())),
        (Scalar::Text(text), Test::Suffix(wide)) => wide.iter().any(|suffix| text.ends_with(suffix.as_str())),
        (Scalar::Text(text), Test::Contains(wide)) => wide.iter().any(|content| text.contains(content.as_str())),
        (Scalar::Text(text), Test::Glob(wide)) => wide.iter().any(|glob| glob.matches(text.as_bytes())),
        (Scalar::Text(text), Test::Range(range)) => text.parse().is_ok_and(|number| range.contains(number)),
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

fn tests_exclude(one: &Test, other: &Test) -> bool {
    match (one, other) {
        (Test::Exists(one), Test::Exists(other)) => one != other,
        (Test::Exists(false), _) | (_, Test::Exists(false)) => true,
        (Test::Is(one), Test::Is(other)) => one != other,
        (Test::In(scalars), other) | (other, Test::In(scalars)) => scalars.iter().all(|scalar| fails(scalar, other)),
        (Test::Range(one), Test::Range(other)) => intersection(one, other).is_empty(),
        (Test::Prefix(one), Test::Prefix(other)) => {
            let apart =
                |one: &String, other: &String| !one.starts_with(other.as_str()) && !other.starts_with(one.as_str());
            one.iter().all(|one| other.iter().all(|other| apart(one, other)))
        }
        _ => false,
    }
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

/// Whether no value equals both; a number equals text that is one.
fn differ(one: &Scalar, other: &Scalar) -> bool {
    match (one, other) {
        (Scalar::Text(text), Scalar::Number(number)) | (Scalar::Number(number), Scalar::Text(text)) => {
            text.parse::<f64>().is_ok_and(|parsed| parsed != *number) || text.parse::<f64>().is_err()
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
