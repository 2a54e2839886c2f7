//! How many lines and bytes of each type and rule.

use shiwake_records::classify::{Fate, Verdict};
use shiwake_records::log_type::LogType;
use shiwake_records::rules::RuleId;
use std::collections::BTreeMap;

/// Lines and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Amount {
    /// Lines.
    pub(super) lines: u64,
    /// Bytes of the lines.
    pub(super) line_bytes: u64,
    /// Bytes of the sorted records as MessagePack; of what is not kept there is none.
    pub(super) record_bytes: u64,
}

/// What was sorted. Each line is in one of `types`, `dropped` and `sampled_out`, and in one of `decided`.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// All lines.
    pub(super) lines: u64,
    /// Their bytes.
    pub(super) line_bytes: u64,
    /// What is kept of each type.
    pub(super) types: BTreeMap<LogType, Amount>,
    /// What rules drop.
    pub(super) dropped: Amount,
    /// What is not in a sample.
    pub(super) sampled_out: Amount,
    /// Lines for which each rule decided.
    pub(super) decided: BTreeMap<RuleId, u64>,
}

impl Tally {
    /// Adds a line.
    pub(super) fn add(&mut self, verdict: &Verdict, line_bytes: usize, record_bytes: usize) {
        let line_bytes = line_bytes as u64;
        self.lines += 1;
        self.line_bytes += line_bytes;
        *self.decided.entry(verdict.rule).or_default() += 1;
        let amount = match verdict.fate {
            Fate::Kept => self.types.entry(verdict.log_type).or_default(),
            Fate::Dropped => &mut self.dropped,
            Fate::SampledOut => &mut self.sampled_out,
        };
        amount.lines += 1;
        amount.line_bytes += line_bytes;
        amount.record_bytes += record_bytes as u64;
    }
}
