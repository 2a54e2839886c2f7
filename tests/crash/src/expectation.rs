//! What must be in the lake, by the notes.

use crate::CrashError;
use crate::chunk::{Kind, Plan};
use crate::notes::Known;
use std::collections::HashMap;

/// How often the records of a chunk must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Chunks with these bytes that were taken.
    pub expected: u64,
    /// How many of them may have been held for another one of the same bytes: they were under way when the host was
    /// killed, and one with the same bytes had been taken.
    pub may_miss: u64,
}

/// All that must be there.
#[derive(Debug, Default)]
pub struct Expectation {
    /// By the chunk whose bytes they have.
    pub contents: HashMap<u64, Times>,
    /// Chunks that were sent and never taken.
    pub unanswered: u64,
    seed: u64,
}

impl Expectation {
    /// Reads it from the notes.
    ///
    /// # Errors
    /// When the notes cannot be read.
    pub fn read(notes: &std::path::Path, seed: u64) -> Result<Self, CrashError> {
        let known = Known::read(notes)?;
        let mut contents: HashMap<u64, Times> = HashMap::new();
        for sent in known.chunks.values() {
            let times = contents.entry(sent.content).or_default();
            times.expected += 1;
            times.may_miss += u64::from(sent.was_cut);
        }
        for times in contents.values_mut() {
            // One alone is held for no other.
            times.may_miss = times.may_miss.min(times.expected - 1);
        }
        Ok(Self { contents, unanswered: known.unanswered().len() as u64, seed })
    }

    /// The kinds of a chunk's records.
    #[must_use]
    pub fn kinds(&self, content: u64) -> Vec<Kind> {
        Plan::new(self.seed, content).kinds
    }
}
