//! Rules, types and tests as they stand in the file.

use super::condition::{Condition, Path, Scalar};
use super::policy::Policy;
use super::source::Place;
use crate::columns::Column;
use crate::line::LineFormat;
use crate::log_type::LogType;
use crate::severity::Severity;

/// All that the files declare.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declarations {
    /// The rules, in their order.
    pub rules: Vec<RuleDeclaration>,
    /// The types.
    pub types: Vec<TypeDeclaration>,
    /// The tests.
    pub tests: Vec<TestDeclaration>,
    /// Whether the built-in rules are tried behind these.
    pub with_built_in: bool,
}

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDeclaration {
    /// Its name, which no other rule has.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
    /// Where the type it gives stands; where its name stands when it gives none.
    pub type_place: Place,
    /// When it holds.
    pub condition: Condition,
    /// What it does to records for which it holds.
    pub effect: Effect,
}

impl RuleDeclaration {
    /// Whether no record gets past it.
    pub(super) fn takes_all(&self) -> bool {
        self.condition.is_always() && self.effect.decides()
    }
}

/// What a rule does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effect {
    /// The type it gives. With it, or with `drop`, no rule behind it is tried.
    pub log_type: Option<LogType>,
    /// What of the line becomes fields.
    pub parse: Option<Parse>,
    /// The severity it gives.
    pub severity: Option<Severity>,
    /// The severity of a record that has none.
    pub default_severity: Option<Severity>,
    /// Fields it adds to records that do not have them.
    pub set: Vec<(String, Scalar)>,
    /// Whether the record is thrown away.
    pub drop: bool,
    /// Which of the records are kept.
    pub sample: Option<Sample>,
}

impl Effect {
    /// Whether it says nothing but a type, a severity, or that the record is thrown away.
    pub(crate) fn is_plain(&self) -> bool {
        self.set.is_empty() && self.sample.is_none() && matches!(self.parse, None | Some(Parse::Auto))
    }

    /// Whether the rule decides what the record is.
    #[must_use]
    pub fn decides(&self) -> bool {
        self.drop || self.log_type.is_some()
    }
}

/// What of a line becomes fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Parse {
    /// What the line's own format gives, whichever it is; of a line of no format what [`Parse::Fields`] gives.
    Auto,
    /// What the record's fields say of the columns of its type, and the head of syslog of its line.
    Fields,
    /// Nothing.
    Nothing,
    /// What a line of this format gives; lines of others are counted.
    Only(LineFormat),
    /// The named groups of a pattern.
    Groups {
        /// The pattern.
        pattern: String,
        /// Names of groups and what they hold, in the order of the groups.
        groups: Vec<(String, GroupKind)>,
    },
}

/// What a named group of a pattern holds. Text that is no such number stays text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupKind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Float,
}

/// Which records are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The share that is kept, above 0 and below 1.
    pub keep: f64,
    /// The field whose value decides, so that records with equal values share their fate; without it the whole record decides.
    pub by: Option<Path>,
}

/// What is said of a type: one of the user's own, or a built-in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDeclaration {
    /// The type.
    pub log_type: LogType,
    /// Where its name stands.
    pub place: Place,
    /// The built-in type whose columns it has, and whose worth where nothing else is said; a built-in type is like itself.
    pub like: LogType,
    /// What it is worth.
    pub policy: Policy,
    /// Columns that it has beside those of the built-in type, in the order of the file.
    pub columns: Vec<ColumnDeclaration>,
}

/// A column of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDeclaration {
    /// Where its name stands.
    pub place: Place,
    /// The column.
    pub column: Column,
}

/// A test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestDeclaration {
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// The host's tag.
    pub tag: String,
    /// The record, as MessagePack: a map.
    pub record: Vec<u8>,
    /// What is expected of it.
    pub expect: Expectation,
}

/// What a test expects; what is not named may be anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectation {
    /// The rule that decides.
    pub rule: Option<String>,
    /// The type.
    pub log_type: Option<String>,
    /// The severity; inside, `None` stands for none.
    pub severity: Option<Option<Severity>>,
    /// Whether the record is thrown away by `drop`.
    pub dropped: Option<bool>,
    /// Fields of the sorted record and their values.
    pub fields: Vec<(String, Scalar)>,
    /// Fields that the sorted record must not have.
    pub absent: Vec<String>,
}
