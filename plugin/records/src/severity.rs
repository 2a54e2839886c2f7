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
    /// All of them, from the least to the worst.
    pub const ALL: [Severity; 9] = [
        Severity::Trace,
        Severity::Debug,
        Severity::Info,
        Severity::Notice,
        Severity::Warn,
        Severity::Error,
        Severity::Critical,
        Severity::Alert,
        Severity::Emergency,
    ];

    /// The name, as in the field and the column `severity`.
    #[must_use]
    pub const fn name(self) -> &'static str {
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
    #[inline]
    pub fn from_word(word: &[u8]) -> Option<Self> {
        if word.len() > SHORT_WORD_BYTES {
            let known = LONG_WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known.as_bytes()));
            return known.map(|(_, severity)| *severity);
        }
        let packed = pack(word);
        let (known, severity) = SHORT_WORDS.get(slot_of(packed))?;
        if *known == packed { *severity } else { None }
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

    /// The severity that the value of a field with a level stands for: a word, or a number on bunyan's scale, also as text.
    #[must_use]
    #[inline]
    pub fn from_value(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Str(text) => {
                let word = text.trim_ascii();
                Self::from_word(word).or_else(|| Self::from_bunyan(small_number(word)?))
            }
            Value::Int(level) => Self::from_bunyan(*level),
            _ => None,
        }
    }

    /// As [`Severity::from_value`], for fields in which a number from 0 to 7 is syslog's: `severity`, and the priority of
    /// syslog and journald.
    #[must_use]
    #[inline]
    pub fn from_syslog_value(value: &Value<'_>) -> Option<Self> {
        let by_number = || match value {
            Value::Str(text) => Self::from_syslog(small_number(text.trim_ascii())?),
            Value::Int(number) => Self::from_syslog(*number),
            _ => None,
        };
        Self::from_value(value).or_else(by_number)
    }

    /// Whether a record of this severity is of type `error` when nothing else claims it.
    #[must_use]
    pub fn is_error(self) -> bool {
        self >= Severity::Error
    }
}

/// Bytes of a word that are packed into one number.
const SHORT_WORD_BYTES: usize = 8;
/// Words for levels that are longer.
const LONG_WORDS: [(&str, Severity); 3] =
    [("information", Severity::Info), ("informational", Severity::Info), ("emergency", Severity::Emergency)];

/// The bytes of a short word, with letters made small; other bytes do not become letters by that.
#[inline]
const fn pack(word: &[u8]) -> u64 {
    let (mut packed, mut rest) = (0, word);
    while let [first, behind @ ..] = rest {
        packed = packed << 8 | (*first | 0x20) as u64;
        rest = behind;
    }
    packed
}

/// A place for a short word that no other one has. The factor was found by trying.
#[inline]
const fn slot_of(packed: u64) -> usize {
    (packed.wrapping_mul(0x7fd6_3116_e1ea_24c5) >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

const SLOTS: usize = 64;

/// The short words for levels, each at its place.
#[expect(clippy::indexing_slicing, reason = "the compiler does it, and a place is less than the table is long")]
static SHORT_WORDS: [(u64, Option<Severity>); SLOTS] = {
    const WORDS: [(&str, Severity); 23] = [
        ("trace", Severity::Trace),
        ("finest", Severity::Trace),
        ("verbose", Severity::Trace),
        ("debug", Severity::Debug),
        ("dbg", Severity::Debug),
        ("fine", Severity::Debug),
        ("info", Severity::Info),
        ("inf", Severity::Info),
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
        ("emerg", Severity::Emergency),
        ("panic", Severity::Emergency),
        ("dpanic", Severity::Emergency),
    ];
    let (mut table, mut rest) = ([(0, None); SLOTS], WORDS.as_slice());
    while let [(word, severity), behind @ ..] = rest {
        let packed = pack(word.as_bytes());
        let (_, taken) = table[slot_of(packed)];
        assert!(taken.is_none(), "two words have one place");
        table[slot_of(packed)] = (packed, Some(*severity));
        rest = behind;
    }
    table
};

/// One or two digits as a number.
fn small_number(digits: &[u8]) -> Option<i64> {
    let is_small = (1..=2).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_small.then(|| digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
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
            (Value::Str(b"30"), Some(Severity::Info)),
            (Value::Int(3), None),
            (Value::Str(b"030"), None),
            (Value::Nil, None),
        ] {
            assert_eq!(Severity::from_value(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn numbers_up_to_seven_are_syslogs_where_syslog_writes_them() {
        for (value, expected) in [
            (Value::Int(0), Some(Severity::Emergency)),
            (Value::Int(3), Some(Severity::Error)),
            (Value::Str(b"6"), Some(Severity::Info)),
            (Value::Int(7), Some(Severity::Debug)),
            (Value::Int(8), None),
            (Value::Int(-1), None),
            (Value::Int(50), Some(Severity::Error)),
            (Value::Str(b"warning"), Some(Severity::Warn)),
            (Value::Str(b""), None),
        ] {
            assert_eq!(Severity::from_syslog_value(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn words_are_found_in_any_case_and_others_are_not() {
        for (word, expected) in [
            ("Trace", Some(Severity::Trace)),
            ("VERBOSE", Some(Severity::Trace)),
            ("dbg", Some(Severity::Debug)),
            ("Informational", Some(Severity::Info)),
            ("INFORMATION", Some(Severity::Info)),
            ("CRITICAL", Some(Severity::Critical)),
            ("eMERGENCY", Some(Severity::Emergency)),
            ("dpanic", Some(Severity::Emergency)),
            ("", None),
            ("in", None),
            ("infos", None),
            ("emergenc", None),
            ("criticals", None),
            ("\0info", None),
            ("inf\u{f}", None),
        ] {
            assert_eq!(Severity::from_word(word.as_bytes()), expected, "{word}");
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
