//! What an object's key says: which kind of object it is, the hour of its partition, and what its name should be.
//!
//! The hour is looked for anywhere in the key, so that a part of a lake can be added up too.

use shiwake_records::civil_time::CivilHour;

/// Folder of what no record is, or no file could be made of.
const QUARANTINE: &str = "quarantine";
/// Folder of what no file could be made of: raw records, and segments as the spool had them.
const RAW_RECORDS: &str = "quarantine/segments/";

/// What an object is, by its key alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A Parquet file.
    File,
    /// Raw records of a segment that no file could be made of.
    RawRecords,
    /// Nothing of a lake.
    Other,
}

/// Tells what an object is.
pub(crate) fn kind(key: &str) -> Kind {
    if key.ends_with(".parquet") {
        Kind::File
    } else if key.starts_with(RAW_RECORDS) && (key.ends_with(".msgpack") || key.ends_with(".segment")) {
        Kind::RawRecords
    } else {
        Kind::Other
    }
}

/// The hour that the folders `dt=` and `hour=` of a key say.
pub(crate) fn hour(key: &str) -> Option<CivilHour> {
    let date = key.split('/').find_map(|part| part.strip_prefix("dt="))?;
    let hour = key.split('/').find_map(|part| part.strip_prefix("hour="))?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let hour = CivilHour {
        year: year.parse().ok()?,
        month: month.parse().ok()?,
        day: day.parse().ok()?,
        hour: hour.parse().ok()?,
    };
    let is_hour = (1..=12).contains(&hour.month) && (1..=31).contains(&hour.day) && hour.hour < 24;
    (is_hour && parts.next().is_none()).then_some(hour)
}

/// The key that a file of a segment has where nobody moved it.
pub(crate) fn own(table: &str, hour: CivilHour, stream: &str, segment: u64) -> String {
    let CivilHour { year, month, day, hour } = hour;
    let equals = if table == QUARANTINE { "" } else { "type=" };
    format!("{equals}{table}/dt={year:04}-{month:02}-{day:02}/hour={hour:02}/{stream}-{segment:010}.parquet")
}

/// An hour for people.
pub(crate) fn show_hour(hour: CivilHour) -> String {
    let CivilHour { year, month, day, hour } = hour;
    format!("{year:04}-{month:02}-{day:02} {hour:02}:00")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use shiwake_delivery::lane::Lane;
    use shiwake_delivery::partition::Partition;
    use shiwake_delivery::spool::SegmentId;

    #[test]
    fn own_keys_are_those_that_the_output_gives() {
        for lane in Lane::BY_WORTH {
            let partition = Partition::of(lane, 1_431_857_103_000_000);
            let written = partition.object_key(&SegmentId { stream: "s-1".into(), lane, number: 7 });
            assert_eq!(own(lane.name(), partition.hour, "s-1", 7), written);
            assert_eq!(hour(&written), Some(partition.hour));
            assert_eq!(kind(&written), Kind::File);
        }
    }

    #[test]
    fn what_is_no_hour_is_none() {
        for key in
            ["", "x.parquet", "dt=2026-01-01/x", "dt=2026-13-01/hour=00/x", "dt=2026-01-01/hour=24/x", "dt=a/hour=1/"]
        {
            assert_eq!(hour(key), None, "{key}");
        }
        assert_eq!(show_hour(hour("copies/dt=2026-01-02/hour=03/x").unwrap()), "2026-01-02 03:00");
    }

    #[test]
    fn raw_records_lie_in_their_folder_only() {
        assert_eq!(kind("quarantine/segments/s-0000000001-app-0.msgpack"), Kind::RawRecords);
        assert_eq!(kind("quarantine/segments/any/name.msgpack"), Kind::RawRecords);
        assert_eq!(kind("quarantine/segments/s-0000000001-app.segment"), Kind::RawRecords);
        assert_eq!(kind("type=app/x.msgpack"), Kind::Other);
        assert_eq!(kind("quarantine/segments/readme"), Kind::Other);
    }
}
