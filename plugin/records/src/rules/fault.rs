//! What can be wrong in rules files, in words that say what to do.

use super::source::{Place, Sources};

/// What is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The text is no TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that nobody knows.
    #[error("unknown key '{found}' in {whose}{}; known are: {known}", nearest.as_ref().map(|name| format!(", did you mean '{name}'?")).unwrap_or_default())]
    UnknownKey {
        /// The key.
        found: String,
        /// What has it.
        whose: &'static str,
        /// The known key that is most like it.
        nearest: Option<String>,
        /// All known keys.
        known: String,
    },
    /// A name that is none of those that are known.
    #[error("unknown {what} '{found}'{}; known are: {known}", nearest.as_ref().map(|name| format!(", did you mean '{name}'?")).unwrap_or_default())]
    UnknownName {
        /// What is named.
        what: &'static str,
        /// The name.
        found: String,
        /// The known name that is most like it.
        nearest: Option<String>,
        /// All known names.
        known: String,
    },
    /// A key that has to be there.
    #[error("{whose} has no '{key}': {help}")]
    Missing {
        /// What should have it.
        whose: &'static str,
        /// The key.
        key: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// A value of the wrong kind.
    #[error("'{key}' is {found}; {expected} is expected")]
    Kind {
        /// Whose value it is.
        key: String,
        /// What it is.
        found: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A value that is not allowed.
    #[error("'{key}' has the value {found}: {allowed}")]
    Value {
        /// Whose value it is.
        key: String,
        /// The value.
        found: String,
        /// What is allowed.
        allowed: String,
    },
    /// Two keys that do not go together.
    #[error("'{first}' and '{second}' do not go together: {help}")]
    Both {
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// A pattern that cannot be read or is too large.
    #[error("bad pattern: {0} (https://docs.rs/regex/latest/regex/#syntax says what patterns may be)")]
    Pattern(String),
    /// A name that is used twice.
    #[error("a {what} named '{name}' is there already, in {first}: give one of them another name")]
    Double {
        /// What has the name.
        what: &'static str,
        /// The name.
        name: String,
        /// Where the first one is.
        first: String,
    },
    /// A rule that does nothing.
    #[error("rule '{rule}' does nothing: give it a type, drop, sample, severity, set or parse")]
    Idle {
        /// The rule.
        rule: String,
    },
    /// A rule that no record can satisfy.
    #[error("rule '{rule}' can never match: {reason}; mend the condition, or take the rule out")]
    Dead {
        /// The rule.
        rule: String,
        /// Why.
        reason: String,
    },
    /// A rule that no record reaches.
    #[error(
        "rule '{rule}' is never reached: whatever it matches is matched by '{by}' before, in {place}; move it up, or narrow '{by}'"
    )]
    Shadowed {
        /// The rule.
        rule: String,
        /// The rule before it.
        by: String,
        /// Where that one is.
        place: String,
    },
    /// A rule that no record reaches, as several before it take what it would match.
    #[error(
        "rule '{rule}' is never reached: whatever it matches is matched before by one of {by}; move it up, or narrow these"
    )]
    ShadowedTogether {
        /// The rule.
        rule: String,
        /// The rules before it, with their places.
        by: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {file}: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// More of something than is allowed.
    #[error("{what}: at most {limit} are allowed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
}

/// A fault, or something else that is said of a rules file, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic<F = Fault> {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How many characters are meant.
    pub width: usize,
    /// The text of the line.
    pub text: String,
    /// What is wrong.
    pub fault: F,
}

impl<F: std::fmt::Display> Diagnostic<F> {
    pub(super) fn new(sources: &Sources, place: &Place, fault: F) -> Self {
        let position = sources.position(place);
        Self {
            file: position.file.to_owned(),
            line: position.line,
            column: position.column,
            width: position.width,
            text: position.text.to_owned(),
            fault,
        }
    }

    /// File, line, column and what is wrong, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        format!("{}:{}:{}: {}", self.file, self.line, self.column, self.fault)
    }
}

/// The summary, and below it the line with a mark.
impl<F: std::fmt::Display> std::fmt::Display for Diagnostic<F> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MAX_WIDTH: usize = 120;
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay tabs, so that the mark stands below what it marks.
        let indent: String = self.text.chars().take(self.column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
        let mark = "^".repeat(self.width.min(MAX_WIDTH));
        write!(formatter, "{}\n {number} | {}\n {margin} | {indent}{mark}", self.summary(), self.text)
    }
}

/// Everything that is wrong with a set of rules, by file and line; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesError {
    /// The faults.
    pub diagnostics: Vec<Diagnostic>,
}

impl std::error::Error for RulesError {}

/// The summaries, so that it can stand in one line of a log.
impl std::fmt::Display for RulesError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, diagnostic) in self.diagnostics.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(formatter, "{separator}{}", diagnostic.summary())?;
        }
        Ok(())
    }
}
