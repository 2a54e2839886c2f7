//! Log lines that plugins write through the host.
//!
//! One journal a process, because plugins find `flb_log_print` by name and pass nothing that would
//! tell hosts apart.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Severity of a log line, by Fluent Bit's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogLevel {
    /// 1.
    Error,
    /// 2.
    Warn,
    /// 3, what a host shows by default.
    Info,
    /// 4.
    Debug,
    /// 5.
    Trace,
    /// A number without a name.
    Other(i32),
}

impl LogLevel {
    /// Reads Fluent Bit's number.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        match number {
            1 => Self::Error,
            2 => Self::Warn,
            3 => Self::Info,
            4 => Self::Debug,
            5 => Self::Trace,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("error"),
            Self::Warn => f.write_str("warn"),
            Self::Info => f.write_str("info"),
            Self::Debug => f.write_str("debug"),
            Self::Trace => f.write_str("trace"),
            Self::Other(number) => write!(f, "level {number}"),
        }
    }
}

/// One line a plugin logged, formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its severity.
    pub level: LogLevel,
    /// The text, without the prefix a host adds; invalid UTF-8 is replaced.
    pub text: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.level, self.text)
    }
}

/// The lines logged while something failed, as an error carries them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTail(pub Vec<LogLine>);

impl fmt::Display for LogTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.0 {
            write!(f, "; {line}")?;
        }
        Ok(())
    }
}

/// A place in the journal; later lines are those logged since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize);

#[derive(Debug)]
struct Journal {
    lines: Vec<LogLine>,
    /// Lines removed by [`take`], so that a [`Mark`] stays right.
    taken: usize,
}

static JOURNAL: Mutex<Journal> = Mutex::new(Journal { lines: Vec::new(), taken: 0 });

fn journal() -> MutexGuard<'static, Journal> {
    JOURNAL.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn append(line: LogLine) {
    journal().lines.push(line);
}

pub(crate) fn lines() -> Vec<LogLine> {
    journal().lines.clone()
}

pub(crate) fn take() -> Vec<LogLine> {
    let mut journal = journal();
    journal.taken += journal.lines.len();
    std::mem::take(&mut journal.lines)
}

pub(crate) fn mark() -> Mark {
    let journal = journal();
    Mark(journal.taken + journal.lines.len())
}

pub(crate) fn since(mark: Mark) -> LogTail {
    let journal = journal();
    let skipped = mark.0.saturating_sub(journal.taken);
    LogTail(journal.lines.iter().skip(skipped).cloned().collect())
}
