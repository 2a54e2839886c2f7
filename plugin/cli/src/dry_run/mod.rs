//! `shiwake dry-run`: what would become of logs, without writing anything.
//!
//! - [`tally`]: how many lines and bytes of each type and rule. [`shape`]: examples of lines that no rule knows.
//! - [`spread`]: a sample of the lines. [`cost`]: what each rule takes, measured on it.
//! - [`size`]: bytes as Parquet, measured. [`report`]: text and JSON.

mod cost;
mod report;
mod shape;
mod size;
mod spread;
mod tally;

use crate::error::CommandError;
use crate::input::Lines;
use crate::rules_file;
use report::Report;
use shape::Shapes;
use shiwake_records::classify::Fate;
use shiwake_records::event::Event;
use shiwake_records::line_event::EventMaker;
use shiwake_records::msgpack::Reader;
use shiwake_records::sorter::{Sorter, SorterConfig};
use size::Sizes;
use spread::Spread;
use std::io::Write;
use std::path::PathBuf;
use tally::Tally;

/// Lines on which rules are measured.
const MEASURED_LINES: usize = 1_000;
/// Lines times rules that are measured at most.
const MEASURED_PAIRS: usize = 200_000;
/// The hour in which all lines are put: 2026-01-01 00:00 UTC. Their own times would spread few lines over many files, of
/// which none would be as large as those of a lake.
const HOUR_SECONDS: u32 = 1_767_225_600;

/// What is to be sorted, and what is to be told.
pub(crate) struct Options<'o> {
    /// Files with a line or a JSON object on each line; standard input when there are none.
    pub(crate) logs: &'o [PathBuf],
    /// The user's rules.
    pub(crate) rules: Option<&'o PathBuf>,
    /// The host's tag.
    pub(crate) tag: &'o str,
    /// Examples of lines that no rule knows.
    pub(crate) examples: usize,
    /// Lines a day.
    pub(crate) per_day: Option<u64>,
}

/// Sorts all lines and writes the report.
pub(crate) fn run(options: &Options<'_>, as_json: bool, out: &mut impl Write) -> Result<(), CommandError> {
    let rules = rules_file::load_or_built_in(options.rules.map(PathBuf::as_path))?;
    let config = SorterConfig { rules: rules.clone(), use_line_time: false, ..SorterConfig::default() };
    let mut sorter = Sorter::new(config);
    sorter.set_tag(options.tag.as_bytes());
    let (mut maker, mut lines) = (EventMaker::default(), Lines::of(options.logs));
    let (mut line, mut event, mut sorted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tally, mut shapes, mut sizes) = (Tally::default(), Shapes::default(), Sizes::default());
    let mut spread = Spread::new(MEASURED_LINES.min(MEASURED_PAIRS / rules.rules().len().max(1)));
    while lines.read(&mut line)? {
        maker.make(&line, time_of(tally.lines), &mut event);
        sorted.clear();
        // What was written just before can be read, and is a record.
        let read = Event::read(&mut Reader::new(&event));
        let Some(verdict) = read.ok().and_then(|event| sorter.sort(&event, &mut sorted)) else { continue };
        tally.add(&verdict, line.len(), sorted.len());
        if verdict.rule.place().is_some_and(|at| at + 1 == rules.rules().len()) {
            shapes.add(&line);
        }
        if verdict.fate == Fate::Kept {
            sizes.add(verdict.log_type, &sorted);
        }
        spread.add(&event);
    }
    let report = Report {
        rules: &rules,
        counts: sorter.rule_counts(),
        misreads: sorter.misreads(),
        unknown: shapes.most(options.examples),
        costs: cost::measure(&rules, options.tag, spread.items())?,
        measured_lines: spread.items().len(),
        sizes: sizes.measure(&rules, options.tag)?,
        per_day: options.per_day,
        tally,
    };
    if as_json {
        writeln!(out, "{}", report.to_json())?;
    } else {
        report.write_text(out)?;
    }
    out.flush()?;
    Ok(())
}

/// The time of a line: one a millisecond, and all in one hour.
fn time_of(line: u64) -> (u32, u32) {
    let millisecond = u32::try_from(line % 3_600_000).unwrap_or(0);
    (HOUR_SECONDS + millisecond / 1_000, millisecond % 1_000 * 1_000_000)
}
