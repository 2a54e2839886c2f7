//! One scale for how bad something is, whatever the record calls it.

use crate::msgpack::Value;

/// How bad it is, from the least to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Finest detail.
    Trace,
    /// For those who debug.
    Debug,
    /// All is as it should be.
    Info,
    /// Ordinary, but worth a look.
    Notice,
    /// May become a problem.
    Warn,
    /// Something failed.
    Error,
    /// A part of the system failed.
    Critical,
    /// Somebody must act at once.
    Alert,
    /// Nothing works.
    Emergency,
}

impl Severity {
    /// The name, as in the field and the column `severity`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Trace => "trace",
            Severity::Debug => "debug",
            Severity::Info => "info",
            Severity::Notice => "notice",
            Severity::Warn => "warn",
            Severity::Error => "error",
            Severity::Critical => "critical",
            Severity::Alert => "alert",
            Severity::Emergency => "emergency",
        }
    }

    /// The severity a level word stands for, in whatever case it is written.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Option<Self> {
        const WORDS: [(&str, Severity); 26] = [
            ("trace", Severity::Trace),
            ("finest", Severity::Trace),
            ("verbose", Severity::Trace),
            ("debug", Severity::Debug),
            ("dbg", Severity::Debug),
            ("fine", Severity::Debug),
            ("info", Severity::Info),
            ("inf", Severity::Info),
            ("information", Severity::Info),
            ("informational", Severity::Info),
            ("notice", Severity::Notice),
            ("warn", Severity::Warn),
            ("warning", Severity::Warn),
            ("wrn", Severity::Warn),
            ("error", Severity::Error),
            ("err", Severity::Error),
            ("severe", Severity::Error),
            ("critical", Severity::Critical),
            ("crit", Severity::Critical),
            ("fatal", Severity::Critical),
            ("ftl", Severity::Critical),
            ("alert", Severity::Alert),
            ("emergency", Severity::Emergency),
            ("emerg", Severity::Emergency),
            ("panic", Severity::Emergency),
            ("dpanic", Severity::Emergency),
        ];
        WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known.as_bytes())).map(|(_, severity)| *severity)
    }

    /// The severity of a level number as bunyan and pino write it, 10 for trace to 60 for fatal.
    #[must_use]
    pub fn from_bunyan(level: i64) -> Option<Self> {
        match level {
            10 => Some(Severity::Trace),
            20 => Some(Severity::Debug),
            30 => Some(Severity::Info),
            40 => Some(Severity::Warn),
            50 => Some(Severity::Error),
            60 => Some(Severity::Critical),
            _ => None,
        }
    }

    /// The severity of a syslog priority's lowest three bits, 0 for an emergency to 7 for debugging (RFC 5424, table 2).
    #[must_use]
    pub fn from_syslog(number: i64) -> Option<Self> {
        match number {
            0 => Some(Severity::Emergency),
            1 => Some(Severity::Alert),
            2 => Some(Severity::Critical),
            3 => Some(Severity::Error),
            4 => Some(Severity::Warn),
            5 => Some(Severity::Notice),
            6 => Some(Severity::Info),
            7 => Some(Severity::Debug),
            _ => None,
        }
    }

    /// The severity of an HTTP status: 5xx is an error, 4xx a warning, everything else information.
    #[must_use]
    pub fn from_http_status(status: i64) -> Option<Self> {
        match status {
            100..=399 => Some(Severity::Info),
            400..=499 => Some(Severity::Warn),
            500..=599 => Some(Severity::Error),
            _ => None,
        }
    }

    /// The severity a field's value stands for: a word, or a number on bunyan's scale.
    #[must_use]
    pub fn from_value(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Str(word) => Self::from_word(word.trim_ascii()),
            Value::Int(level) => Self::from_bunyan(*level),
            _ => None,
        }
    }

    /// Whether a record of this severity is of type `error` when nothing else claims it.
    #[must_use]
    pub fn is_error(self) -> bool {
        self >= Severity::Error
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_of_common_loggers_map_to_one_scale() {
        for (value, expected) in [
            (Value::Str(b"WARNING"), Some(Severity::Warn)),
            (Value::Str(b" Error "), Some(Severity::Error)),
            (Value::Str(b"FATAL"), Some(Severity::Critical)),
            (Value::Str(b"purple"), None),
            (Value::Int(50), Some(Severity::Error)),
            (Value::Int(51), None),
            (Value::Nil, None),
        ] {
            assert_eq!(Severity::from_value(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn every_name_is_a_word_of_its_own_severity() {
        let mut severity = Severity::Trace;
        for name in ["debug", "info", "notice", "warn", "error", "critical", "alert", "emergency"] {
            let next = Severity::from_word(name.as_bytes()).unwrap();
            assert_eq!(next.name(), name);
            assert!(next > severity);
            severity = next;
        }
    }
}
