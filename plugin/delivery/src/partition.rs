//! Where an object lies in the lake: `type=<type>/dt=<date>/hour=<hour>/<stream>-<segment>.parquet`.
//!
//! The name follows from the spool's stream, the segment and the partition, so that delivering a segment again writes
//! the same object again. Every part is made here, of numbers, fixed words and the names of declared types, which are words of
//! small letters, digits and `_`: nothing that stands in a record gets into a path. What no Parquet file is made of lies in
//! [`RAW_FOLDER`].

use crate::lane::Lane;
use crate::spool::SegmentId;
use shiwake_records::civil_time::{CivilHour, civil_hour};
use std::ops::Range;

/// Where what is no Parquet file is kept.
pub const RAW_FOLDER: &str = "quarantine/segments";

/// Where records are kept that Datadog has refused.
pub const REFUSED_FOLDER: &str = "quarantine/datadog";

/// The key of what is kept of a segment without being a file, with the end of its name.
#[must_use]
pub fn raw_key(segment: &SegmentId, end: &str) -> String {
    let SegmentId { stream, number, lane } = segment;
    format!("{RAW_FOLDER}/{stream}-{number:010}-{lane}{end}")
}

/// The key of what is kept of records that Datadog has refused, by their places in the segment.
#[must_use]
pub fn refused_key(segment: &SegmentId, records: &Range<u64>, what: &str) -> String {
    let SegmentId { stream, number, lane } = segment;
    let (start, end) = (records.start, records.end);
    format!("{REFUSED_FOLDER}/{stream}-{number:010}-{lane}-{start}-{end}{what}.ndjson.zst")
}

/// One partition of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The lane.
    pub lane: Lane,
    /// The hour in UTC in which the records' own times lie.
    pub hour: CivilHour,
}

impl Partition {
    /// The partition of a record.
    #[must_use]
    pub fn of(lane: Lane, time_micros: i64) -> Self {
        Self { lane, hour: civil_hour(time_micros.div_euclid(1_000_000)) }
    }

    /// The folder of its objects below the lake's prefix.
    #[must_use]
    pub fn folder(&self) -> String {
        let lane = match self.lane {
            Lane::Typed(log_type) => format!("type={log_type}"),
            Lane::Quarantine => "quarantine".to_owned(),
        };
        format!("{lane}/{}", self.hour.folder())
    }

    /// The object's key below the lake's prefix.
    #[must_use]
    pub fn object_key(&self, segment: &SegmentId) -> String {
        let SegmentId { stream, number, .. } = segment;
        format!("{}/{stream}-{number:010}.parquet", self.folder())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shiwake_records::log_type::LogType;

    #[test]
    fn keys_follow_from_stream_segment_and_event_time() {
        let lane = Lane::Typed(LogType::Access);
        let partition = Partition::of(lane, 1_431_857_103_000_000);
        let id = |lane: Lane, number: u64| SegmentId { stream: "s".into(), lane, number };
        let key = partition.object_key(&id(lane, 7));
        assert_eq!(key, "type=access/dt=2015-05-17/hour=10/s-0000000007.parquet");
        let before_1970 = Partition::of(Lane::Quarantine, -1);
        let key = before_1970.object_key(&id(Lane::Quarantine, 0));
        assert_eq!(key, "quarantine/dt=1969-12-31/hour=23/s-0000000000.parquet");
    }
}
