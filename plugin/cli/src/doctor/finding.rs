//! What was found, and what to do about it; as text for people and as JSON for programs.

use crate::terminal::{BAD, DIM, DOUBTFUL, GOOD, NAME, harmless};
use serde_json::{Value, json};
use std::io::{self, Write};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// Not looked at, as what it needs is not here.
    Skipped,
    /// It works, and may not do what is wished for.
    Doubtful,
    /// It does not work, or loses records.
    Bad,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Good => "ok",
            State::Skipped => "skipped",
            State::Doubtful => "warning",
            State::Bad => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at, as in `lake`.
    pub(crate) subject: String,
    /// How it is.
    pub(crate) state: State,
    /// What was seen.
    pub(crate) seen: String,
    /// What to do.
    pub(crate) advice: Option<String>,
}

impl Finding {
    /// As it should be.
    pub(crate) fn good(subject: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { subject: subject.into(), state: State::Good, seen: seen.into(), advice: None }
    }

    /// Not looked at, with the reason.
    pub(crate) fn skipped(subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self { subject: subject.into(), state: State::Skipped, seen: why.into(), advice: None }
    }

    /// It may not do what is wished for.
    pub(crate) fn doubtful(subject: impl Into<String>, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { subject: subject.into(), state: State::Doubtful, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// It does not work.
    pub(crate) fn bad(subject: impl Into<String>, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { subject: subject.into(), state: State::Bad, seen: seen.into(), advice: Some(advice.into()) }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let style = match self.state {
            State::Good => GOOD,
            State::Skipped => DIM,
            State::Doubtful => DOUBTFUL,
            State::Bad => BAD,
        };
        let Self { subject, seen, advice, .. } = self;
        write!(out, "{style}{:<8}{style:#} {NAME}{}{NAME:#}: ", self.state.name(), harmless(subject))?;
        let mut lines = seen.lines();
        writeln!(out, "{}", harmless(lines.next().unwrap_or_default()))?;
        for line in lines {
            writeln!(out, "         {}", harmless(line))?;
        }
        match advice {
            Some(advice) => writeln!(out, "         -> {}", harmless(advice)),
            None => Ok(()),
        }
    }

    fn to_json(&self) -> Value {
        let Self { subject, state, seen, advice } = self;
        json!({"subject": subject, "state": state.name(), "seen": seen, "advice": advice})
    }
}

/// Writes all findings, and how many of them ask for something.
pub(crate) fn write(findings: &[Finding], as_json: bool, out: &mut impl Write) -> io::Result<()> {
    if as_json {
        return findings.iter().try_for_each(|finding| writeln!(out, "{}", finding.to_json()));
    }
    findings.iter().try_for_each(|finding| finding.write(out))?;
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    writeln!(out, "{} errors, {} warnings", count(State::Bad), count(State::Doubtful))
}
