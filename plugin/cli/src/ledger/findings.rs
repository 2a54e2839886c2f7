//! What is found in a lake: gaps, doubles, and what does not agree, each with the line that people read.

use super::key::show_hour;
use shiwake_records::civil_time::CivilHour;
use std::fmt::{Display, Formatter, Result};
use std::sync::Arc;

/// All that was found, in order of streams, lanes and segments.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Records that are missing.
    pub(crate) gaps: Vec<Gap>,
    /// Records that are there more than once.
    pub(crate) doubles: Vec<Double>,
    /// Files that contradict themselves or each other.
    pub(crate) mismatches: Vec<Mismatch>,
    /// How far each stream is known.
    pub(crate) streams: Vec<StreamEnd>,
}

/// A segment beside a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Neighbour {
    /// Its number.
    pub(crate) segment: u64,
    /// The hour of its records that is next to the gap, if a partition says it.
    pub(crate) hour: Option<CivilHour>,
}

/// Records that are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Of whole segments.
    Records {
        stream: Arc<str>,
        lane: Arc<str>,
        /// The first record that is missing, counted from 0 within the lane.
        from: u64,
        /// The first one that is there again.
        to: u64,
        /// `None` when the gap is at the start.
        before: Option<Neighbour>,
        after: Neighbour,
    },
    /// Of a segment of which other files are there.
    Parts {
        stream: Arc<str>,
        lane: Arc<str>,
        segment: u64,
        /// First and last number of the parts that are missing side by side.
        missing: Vec<(u64, u64)>,
        parts: u32,
        /// How many records they had together.
        records: u64,
        /// First and last hour of the parts that are there.
        hours: Option<(CivilHour, CivilHour)>,
    },
}

impl Gap {
    /// How many records are missing.
    pub(crate) fn records(&self) -> u64 {
        match self {
            Gap::Records { from, to, .. } => to.saturating_sub(*from),
            Gap::Parts { records, .. } => *records,
        }
    }
}

/// Records that are there more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Double {
    /// Objects that are the same part of the same segment.
    Files {
        stream: Arc<str>,
        lane: Arc<str>,
        segment: u64,
        part: u32,
        keys: Vec<String>,
        /// Rows of all but the first.
        rows: u64,
    },
    /// Segments that claim the same records.
    Records {
        stream: Arc<str>,
        lane: Arc<str>,
        /// The first record that both claim, counted from 0 within the lane.
        from: u64,
        /// The first one behind them.
        to: u64,
        segments: [u64; 2],
        /// A file of each.
        keys: [String; 2],
    },
}

impl Double {
    /// How many rows are counted more often than once.
    pub(crate) fn rows(&self) -> u64 {
        match self {
            Double::Files { rows, .. } => *rows,
            Double::Records { from, to, .. } => to.saturating_sub(*from),
        }
    }
}

/// Files that contradict themselves or each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// A file has not the rows that it says.
    Rows { key: String, records: u64, rows: u64 },
    /// Two files of a segment do not say the same of it.
    Claims { keys: [String; 2] },
    /// The files of a segment have not the records together that it had.
    Sum { stream: Arc<str>, lane: Arc<str>, segment: u64, records: u64, segment_records: u64 },
}

/// How far a stream is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    pub(crate) stream: Arc<str>,
    pub(crate) lanes: Vec<LaneEnd>,
    /// First and last of the segments' numbers that no file has. Such a segment is in a gap, or it was the last of its
    /// lane and is lost or still to come.
    pub(crate) not_seen: Vec<(u64, u64)>,
}

/// How far a lane is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaneEnd {
    pub(crate) lane: Arc<str>,
    /// Its highest segment.
    pub(crate) segment: u64,
    /// Records up to there, those in gaps too.
    pub(crate) records: u64,
}

impl Display for Neighbour {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        write!(formatter, "segment {}", self.segment)?;
        self.hour.map_or(Ok(()), |hour| write!(formatter, " ({})", show_hour(hour)))
    }
}

impl Display for Gap {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Gap::Records { stream, lane, from, to, before, after } => {
                let (last, records) = (to.saturating_sub(1), self.records());
                write!(formatter, "{lane} of stream {stream}: records {from} to {last} ({records}) ")?;
                match before {
                    Some(before) => write!(formatter, "between {before} and {after}"),
                    None => write!(formatter, "before {after}, its first"),
                }
            }
            Gap::Parts { stream, lane, segment, missing, parts, records, hours } => {
                write!(formatter, "{lane} of stream {stream}: segment {segment}")?;
                if let Some((first, last)) = hours {
                    write!(formatter, " ({} to {})", show_hour(*first), show_hour(*last))?;
                }
                let numbers = show_ranges(missing);
                write!(formatter, " misses of its {parts} parts, counted from 0: {numbers} ({records} records)")
            }
        }
    }
}

impl Display for Double {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Double::Files { stream, lane, segment, part, keys, rows } => {
                let keys = keys.join(" and ");
                write!(
                    formatter,
                    "{lane} of stream {stream}: part {part} of segment {segment} is {keys}, {rows} rows too many"
                )
            }
            Double::Records { stream, lane, from, to, segments: [one, other], keys } => {
                let (last, rows, keys) = (to.saturating_sub(1), self.rows(), keys.join(" and "));
                write!(
                    formatter,
                    "{lane} of stream {stream}: records {from} to {last} are in segments {one} and {other}"
                )?;
                write!(formatter, ", {keys}, {rows} rows too many")
            }
        }
    }
}

impl Display for Mismatch {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Mismatch::Rows { key, records, rows } => write!(formatter, "{key} says {records} records and has {rows}"),
            Mismatch::Claims { keys } => {
                let keys = keys.join(" and ");
                write!(formatter, "{keys} do not say the same of the segment that they are of")
            }
            Mismatch::Sum { stream, lane, segment, records, segment_records } => {
                write!(formatter, "{lane} of stream {stream}: segment {segment} had {segment_records} records, ")?;
                write!(formatter, "its files say {records}")
            }
        }
    }
}

/// Numbers side by side as `3-5`.
pub(crate) fn show_ranges(ranges: &[(u64, u64)]) -> String {
    let show = |(first, last): &(u64, u64)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    ranges.iter().map(show).collect::<Vec<_>>().join(", ")
}
