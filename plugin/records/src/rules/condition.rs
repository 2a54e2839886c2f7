//! What a rule asks of a record, as it stands in the file.

use super::glob::Glob;
use crate::line::LineFormat;
use crate::severity::Severity;
use std::fmt;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All of them hold; of none, always.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The host's tag of the chunk matches one of these.
    Tag(Vec<Glob>),
    /// A field of the record passes a test.
    Field(Vec<Path>, Test),
    /// The line contains one of these patterns.
    Line(Vec<String>),
    /// The line is of one of these formats.
    Format(Vec<LineFormat>),
    /// The level that the record gives itself in a field.
    Level(Severities),
    /// How bad the record is, by its field, or else by what the line says.
    Severity(Severities),
}

/// A field's name, or the names of nested fields with dots between them; a field whose own name has the dots is found first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(pub String);

/// What is asked of a field's value. A field that is not there passes only [`Test::Exists`]`(false)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It is there, or it is not.
    Exists(bool),
    /// It is of this kind.
    Is(ValueKind),
    /// It is one of these.
    In(Vec<Scalar>),
    /// It is text that begins with one of these.
    Prefix(Vec<String>),
    /// It is text that ends with one of these.
    Suffix(Vec<String>),
    /// It is text that holds one of these.
    Contains(Vec<String>),
    /// It is text that matches one of these as a whole.
    Glob(Vec<Glob>),
    /// It is text in which one of these is found.
    Regex(Vec<String>),
    /// It is a number, or text that is one, in this range.
    Range(Range),
}

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A map.
    Map,
    /// A list.
    List,
    /// Nil.
    Null,
}

/// A value to compare with. Numbers equal numbers, and text that is one.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
}

/// Numbers between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lower bound and whether it is in the range itself.
    pub low: Option<(f64, bool)>,
    /// The upper bound and whether it is in the range itself.
    pub high: Option<(f64, bool)>,
}

impl Range {
    /// Whether a number is in the range.
    #[must_use]
    pub fn contains(&self, number: f64) -> bool {
        let above = self.low.is_none_or(|(low, with)| number > low || (with && number == low));
        let below = self.high.is_none_or(|(high, with)| number < high || (with && number == high));
        above && below
    }

    /// Whether no number is in the range.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match (self.low, self.high) {
            (Some((low, with_low)), Some((high, with_high))) => low > high || (low == high && !(with_low && with_high)),
            _ => false,
        }
    }
}

/// A set of severities, and "none" for a record that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Severities(u16);

impl Severities {
    /// The empty set.
    pub const EMPTY: Severities = Severities(0);
    const NONE: u16 = 1 << 15;

    /// The set with one more.
    #[must_use]
    pub fn with(self, severity: Option<Severity>) -> Self {
        Self(self.0 | Self::bit(severity))
    }

    /// Whether it is in the set.
    #[must_use]
    pub fn contains(self, severity: Option<Severity>) -> bool {
        self.0 & Self::bit(severity) != 0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a record without any severity is in the set.
    #[must_use]
    pub fn has_none(self) -> bool {
        self.contains(None)
    }

    /// Whether every member is in the other set.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn bit(severity: Option<Severity>) -> u16 {
        severity.map_or(Self::NONE, |severity| 1 << severity as u16)
    }
}

impl Condition {
    /// How many values it compares with, at least one.
    pub(super) fn values(&self) -> usize {
        match self {
            Condition::Tag(globs) => globs.len().max(1),
            Condition::Line(patterns) => patterns.len().max(1),
            Condition::Field(_, test) => match test {
                Test::In(scalars) => scalars.len().max(1),
                Test::Prefix(texts) | Test::Suffix(texts) | Test::Contains(texts) | Test::Regex(texts) => {
                    texts.len().max(1)
                }
                Test::Glob(globs) => globs.len().max(1),
                Test::Exists(_) | Test::Is(_) | Test::Range(_) => 1,
            },
            _ => 1,
        }
    }

    /// Whether it holds for every record.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self, Condition::All(all) if all.iter().all(Condition::is_always))
    }
}

/// As a user would say it.
impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::All(all) if all.is_empty() => formatter.write_str("always"),
            Condition::All(all) => joined(formatter, all, " and "),
            Condition::Any(any) => joined(formatter, any, " or "),
            Condition::Not(condition) => write!(formatter, "not ({condition})"),
            Condition::Tag(globs) => {
                write!(formatter, "tag like {}", list(globs.iter().map(|glob| quoted(glob.pattern()))))
            }
            Condition::Field(paths, test) => {
                write!(formatter, "{} {test}", list(paths.iter().map(|path| path.0.clone())))
            }
            Condition::Line(patterns) => {
                write!(formatter, "line matches {}", list(patterns.iter().map(|text| quoted(text))))
            }
            Condition::Format(formats) => {
                write!(formatter, "format is {}", list(formats.iter().map(|format| format.name().to_owned())))
            }
            Condition::Level(set) => write!(formatter, "level is {set}"),
            Condition::Severity(set) => write!(formatter, "severity is {set}"),
        }
    }
}

fn joined(formatter: &mut fmt::Formatter<'_>, parts: &[Condition], word: &str) -> fmt::Result {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            formatter.write_str(word)?;
        }
        match part {
            Condition::All(inner) | Condition::Any(inner) if inner.len() > 1 => write!(formatter, "({part})")?,
            _ => write!(formatter, "{part}")?,
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" or ")
}

impl fmt::Display for Test {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = |texts: &[String]| list(texts.iter().map(|text| quoted(text)));
        match self {
            Test::Exists(true) => formatter.write_str("is there"),
            Test::Exists(false) => formatter.write_str("is not there"),
            Test::Is(kind) => write!(formatter, "is {}", kind.name()),
            Test::In(scalars) => write!(formatter, "is {}", list(scalars.iter().map(ToString::to_string))),
            Test::Prefix(prefixes) => write!(formatter, "begins with {}", texts(prefixes)),
            Test::Suffix(suffixes) => write!(formatter, "ends with {}", texts(suffixes)),
            Test::Contains(contents) => write!(formatter, "contains {}", texts(contents)),
            Test::Glob(globs) => write!(formatter, "is like {}", list(globs.iter().map(|glob| quoted(glob.pattern())))),
            Test::Regex(patterns) => write!(formatter, "matches {}", texts(patterns)),
            Test::Range(range) => write!(formatter, "is {range}"),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((low, with)) = self.low {
            write!(formatter, "{} {low}", if with { "at least" } else { "more than" })?;
        }
        if let Some((high, with)) = self.high {
            let and = if self.low.is_some() { " and " } else { "" };
            write!(formatter, "{and}{} {high}", if with { "at most" } else { "less than" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Text(text) => write!(formatter, "'{text}'"),
            Scalar::Number(number) => write!(formatter, "{number}"),
            Scalar::Bool(flag) => write!(formatter, "{flag}"),
        }
    }
}

impl fmt::Display for Severities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Severity::ALL.into_iter().filter(|severity| self.contains(Some(*severity)));
        let none = self.has_none().then(|| "none".to_owned());
        formatter.write_str(&list(named.map(|severity| severity.name().to_owned()).chain(none)))
    }
}

impl ValueKind {
    /// The kinds by name.
    pub const ALL: [(&'static str, ValueKind); 6] = [
        ("text", ValueKind::Text),
        ("number", ValueKind::Number),
        ("bool", ValueKind::Bool),
        ("map", ValueKind::Map),
        ("list", ValueKind::List),
        ("null", ValueKind::Null),
    ];

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}
