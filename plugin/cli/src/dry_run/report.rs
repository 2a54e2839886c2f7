//! The report of a dry run, as text for people and as one JSON object for programs.

use super::cost::Cost;
use super::shape::Alike;
use super::size::Size;
use super::tally::{Amount, Tally};
use crate::terminal::{DIM, DOUBTFUL, NAME, harmless};
use serde_json::{Value, json};
use shiwake_records::line::misread::{Misread, MisreadCounts};
use shiwake_records::log_type::LogType;
use shiwake_records::rules::{RuleCounts, RuleId, RuleSet};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Slow rules that the text names.
const SLOW_SHOWN: usize = 5;

/// What a dry run found.
pub(super) struct Report<'r> {
    pub(super) rules: &'r RuleSet,
    /// How often each rule did what.
    pub(super) counts: &'r [RuleCounts],
    /// Lines that begin like a format and are none of it.
    pub(super) misreads: &'r MisreadCounts,
    pub(super) tally: Tally,
    /// Lines that no rule knows.
    pub(super) unknown: Vec<Alike>,
    /// What rules take, the slowest first.
    pub(super) costs: Vec<Cost>,
    /// Lines on which they were measured.
    pub(super) measured_lines: usize,
    pub(super) sizes: BTreeMap<LogType, Size>,
    /// Lines a day.
    pub(super) per_day: Option<u64>,
}

/// A rule that held for some line.
struct RuleRow<'r> {
    name: &'r str,
    decided: u64,
    counts: RuleCounts,
}

impl Report<'_> {
    /// Rules that held, those that decided most often first. A record that names its type itself asks none.
    fn rule_rows(&self) -> Vec<RuleRow<'_>> {
        let decided = |id: RuleId| self.tally.decided.get(&id).copied().unwrap_or(0);
        let of_rule = |id: RuleId| {
            let counts = id.place().and_then(|at| self.counts.get(at)).copied().unwrap_or_default();
            RuleRow { name: self.rules.name(id), decided: decided(id), counts }
        };
        let own_field = RuleId::OWN_FIELD;
        let mut rows: Vec<RuleRow<'_>> = self.rules.ids().chain([own_field]).map(of_rule).collect();
        rows.retain(|row| row.decided > 0 || row.counts.matched > 0);
        rows.sort_by_key(|row| std::cmp::Reverse(row.decided));
        rows
    }

    fn unknown_lines(&self) -> u64 {
        self.rules.ids().last().and_then(|last| self.tally.decided.get(&last)).copied().unwrap_or(0)
    }

    /// Bytes of all lines as one file.
    fn file_bytes(&self, log_type: LogType, record_bytes: u64) -> f64 {
        self.sizes.get(&log_type).map_or(0.0, |size| size.of(record_bytes as f64, 1.0))
    }

    /// Bytes of a day as a file an hour.
    fn file_bytes_a_day(&self, log_type: LogType, record_bytes: u64, days: f64) -> f64 {
        self.sizes.get(&log_type).map_or(0.0, |size| size.of(record_bytes as f64 * days, 24.0))
    }

    /// What is multiplied to have a day.
    fn days(&self) -> Option<f64> {
        Some(self.per_day? as f64 / self.tally.lines.max(1) as f64)
    }

    /// Writes the report as text.
    pub(super) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let Tally { lines, line_bytes, types, dropped, sampled_out, .. } = &self.tally;
        let names = types.keys().map(|log_type| log_type.name().len());
        let width = names.max().unwrap_or(0).max("sampled out".len());
        let percent = |count: u64| 100.0 * count as f64 / (*lines).max(1) as f64;
        let amount = |out: &mut dyn Write, name: &str, amount: &Amount, file_bytes: f64| {
            let Amount { lines, line_bytes, record_bytes } = amount;
            let percent = percent(*lines);
            writeln!(
                out,
                "{name:<width$} {lines:>10} {percent:>6.1} {line_bytes:>14} {record_bytes:>14} {file_bytes:>14.0}"
            )
        };
        let [bytes, records, parquet] = ["line bytes", "record bytes", "Parquet bytes"];
        writeln!(
            out,
            "{DIM}{:<width$} {:>10} {:>6} {bytes:>14} {records:>14} {parquet:>14}{DIM:#}",
            "type", "lines", "%"
        )?;
        let mut total = Amount { lines: *lines, line_bytes: *line_bytes, record_bytes: 0 };
        let mut total_file_bytes = 0.0;
        for (log_type, kept) in types {
            let file_bytes = self.file_bytes(*log_type, kept.record_bytes);
            amount(out, log_type.name(), kept, file_bytes)?;
            total.record_bytes += kept.record_bytes;
            total_file_bytes += file_bytes;
        }
        for (name, thrown) in [("dropped", dropped), ("sampled out", sampled_out)] {
            if thrown.lines > 0 {
                amount(out, name, thrown, 0.0)?;
            }
        }
        amount(out, "total", &total, total_file_bytes)?;

        let rows = self.rule_rows();
        let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("rule".len());
        let header = ["decided", "%", "held", "thrown away", "not parsed"];
        let [decided, share, held, thrown, unparsed] = header;
        writeln!(
            out,
            "\n{DIM}{:<width$} {decided:>10} {share:>6} {held:>10} {thrown:>12} {unparsed:>11}{DIM:#}",
            "rule"
        )?;
        for RuleRow { name, decided, counts: RuleCounts { matched, dropped, unparsed } } in rows {
            let percent = percent(decided);
            writeln!(out, "{name:<width$} {decided:>10} {percent:>6.1} {matched:>10} {dropped:>12} {unparsed:>11}")?;
        }

        for (at, (Misread { format, reason }, lines)) in self.misreads.iter().enumerate() {
            if at == 0 {
                writeln!(out, "\nlines that begin like a format and are none of it")?;
            }
            writeln!(out, "{DOUBTFUL}{lines:>10}{DOUBTFUL:#}  {}: {}", format.name(), reason.text())?;
        }

        writeln!(out, "\nlines that no rule knows: {}", self.unknown_lines())?;
        for Alike { lines, example } in &self.unknown {
            writeln!(out, "{DOUBTFUL}{lines:>10}{DOUBTFUL:#}  {}", harmless(example))?;
        }
        writeln!(out, "\nslowest rules, in ns a line, on {} lines", self.measured_lines)?;
        for Cost { rule, nanoseconds } in self.costs.iter().take(SLOW_SHOWN) {
            writeln!(out, "{nanoseconds:>10.0}  {NAME}{rule}{NAME:#}")?;
        }
        if let (Some(days), Some(per_day)) = (self.days(), self.per_day) {
            let of_type =
                |(log_type, kept): (&LogType, &Amount)| self.file_bytes_a_day(*log_type, kept.record_bytes, days);
            let (records, files) = (total.record_bytes as f64 * days, types.iter().map(of_type).sum::<f64>());
            write!(out, "\na day of {per_day} lines: {records:.0} bytes of records, {files:.0} bytes of Parquet")?;
            writeln!(out, " with one file a type and hour")?;
        }
        Ok(())
    }

    /// The report as one object.
    pub(super) fn to_json(&self) -> Value {
        let Tally { lines, line_bytes, types, dropped, sampled_out, .. } = &self.tally;
        let amount = |amount: &Amount| json!({"lines": amount.lines, "line_bytes": amount.line_bytes});
        let days = self.days();
        let types = types.iter().map(|(log_type, kept)| {
            let file_bytes = self.file_bytes(*log_type, kept.record_bytes);
            json!({
                "type": log_type.name(),
                "lines": kept.lines,
                "line_bytes": kept.line_bytes,
                "record_bytes": kept.record_bytes,
                "parquet_bytes": file_bytes.round(),
                "record_bytes_a_day": days.map(|days| (kept.record_bytes as f64 * days).round()),
                "parquet_bytes_a_day": days.map(|days| self.file_bytes_a_day(*log_type, kept.record_bytes, days).round()),
            })
        });
        let rules = self.rule_rows().into_iter().map(|row| {
            let RuleCounts { matched, dropped, unparsed } = row.counts;
            json!({
                "rule": row.name,
                "decided": row.decided,
                "held": matched,
                "thrown_away": dropped,
                "not_parsed": unparsed,
            })
        });
        let misread = self.misreads.iter().map(|(Misread { format, reason }, lines)| {
            json!({"format": format.name(), "reason": reason.name(), "lines": lines})
        });
        let examples = self.unknown.iter().map(|alike| json!({"lines": alike.lines, "example": alike.example}));
        let slowest = self.costs.iter().map(|cost| json!({"rule": cost.rule, "nanoseconds_a_line": cost.nanoseconds}));
        json!({
            "lines": lines,
            "line_bytes": line_bytes,
            "types": types.collect::<Vec<_>>(),
            "dropped": amount(dropped),
            "sampled_out": amount(sampled_out),
            "rules": rules.collect::<Vec<_>>(),
            "misread": misread.collect::<Vec<_>>(),
            "unknown": {"lines": self.unknown_lines(), "examples": examples.collect::<Vec<_>>()},
            "slowest": {"measured_lines": self.measured_lines, "rules": slowest.collect::<Vec<_>>()},
        })
    }
}
