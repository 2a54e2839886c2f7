//! Whether the lake is what was sent.

use crate::expectation::{Expectation, Times};
use crate::found::{FOLDERS, Found};
use std::fmt;

/// How many cases of each fault are told.
const TOLD: usize = 20;

/// The comparison of a lake with the notes.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Chunks that were taken.
    pub chunks: u64,
    /// Records that must be there.
    pub expected: u64,
    /// Rows that are there.
    pub rows: u64,
    /// Files that are there.
    pub files: u64,
    /// Records that are there fewer times than they must be.
    pub missing: Cases,
    /// Records that are there more often.
    pub doubled: Cases,
    /// Records under another type than theirs.
    pub misplaced: Cases,
    /// What was never sent.
    pub strange: Cases,
    /// Records of chunks that could not be told from others with the same bytes, and are missing; no fault.
    pub held_for_a_twin: u64,
    /// Chunks that were never taken, though the last run ended in order.
    pub unanswered: u64,
}

/// Cases of a fault.
#[derive(Debug, Clone, Default)]
pub struct Cases {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<String>,
}

impl Cases {
    fn add(&mut self, case: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(case());
        }
    }
}

impl Verdict {
    /// Compares.
    #[must_use]
    pub fn new(expectation: &Expectation, found: &Found) -> Self {
        let mut verdict = Self { rows: found.rows, files: found.files, ..Self::default() };
        verdict.unanswered = expectation.unanswered;
        for (content, times) in &expectation.contents {
            verdict.compare(*content, *times, expectation, found);
        }
        for (content, records) in &found.records {
            if !expectation.contents.contains_key(content) {
                verdict.strange.add(|| format!("{} records of chunk {content}", records.len()));
            }
        }
        for strange in &found.strange {
            verdict.strange.add(|| strange.clone());
        }
        verdict
    }

    fn compare(&mut self, content: u64, times: Times, expectation: &Expectation, found: &Found) {
        let Times { expected, may_miss } = times;
        let nothing = Vec::new();
        let seen = found.records.get(&content).unwrap_or(&nothing);
        let kinds = expectation.kinds(content);
        self.chunks += expected;
        self.expected += expected * kinds.len() as u64;
        for (record, kind) in kinds.iter().enumerate() {
            let seen = seen.get(record).copied().unwrap_or_default();
            let count = u64::from(seen.times);
            let name = || format!("c{content}-r{record} ({}, {count} of {expected})", kind.folder());
            if count > expected {
                self.doubled.add(name);
            } else if count + may_miss < expected {
                self.missing.add(name);
            } else {
                self.held_for_a_twin += expected - count;
            }
            if count > 0 && FOLDERS.get(usize::from(seen.folder)) != Some(&kind.folder()) {
                self.misplaced.add(name);
            }
        }
        if seen.len() > kinds.len() {
            self.strange.add(|| format!("c{content}-r{} of a chunk of {}", seen.len() - 1, kinds.len()));
        }
    }

    /// Whether every record is there exactly once, and nothing else.
    #[must_use]
    pub fn is_good(&self) -> bool {
        [&self.missing, &self.doubled, &self.misplaced, &self.strange].iter().all(|cases| cases.count == 0)
            && self.unanswered == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chunks, expected, rows, files, held_for_a_twin, unanswered, .. } = self;
        write!(formatter, "{expected} records of {chunks} chunks sent, {rows} rows in {files} files; ")?;
        let all = [
            ("missing", &self.missing),
            ("doubled", &self.doubled),
            ("misplaced", &self.misplaced),
            ("strange", &self.strange),
        ];
        for (name, cases) in all {
            write!(formatter, "{name} {}, ", cases.count)?;
        }
        write!(formatter, "never taken {unanswered}, held for a twin {held_for_a_twin}")?;
        for (name, cases) in all {
            for case in &cases.first {
                write!(formatter, "\n  {name}: {case}")?;
            }
        }
        Ok(())
    }
}
