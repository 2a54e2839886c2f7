//! A log type as a table.

use shiwake_delivery::lane::Lane;
use shiwake_delivery::partition::Partition;
use shiwake_delivery::schema::{Column, OVERFLOW};
use shiwake_delivery::store::Location;
use shiwake_records::civil_time::{CivilHour, civil_hour, days_from_civil};

/// A table.
pub(super) struct Table<'t> {
    /// The lake.
    pub(super) location: &'t Location,
    /// The database it is to be in.
    pub(super) database: Option<&'t str>,
    /// The log type's name.
    pub(super) name: String,
    /// The type's folder below the lake, as `type=access`.
    pub(super) folder: String,
    /// The columns, without the overflow map.
    pub(super) columns: &'t [Column],
    /// The overflow map's name, for types that have one.
    pub(super) overflow: Option<&'static str>,
    /// The first day, as `2026-01-31`.
    pub(super) first_day: &'t str,
}

impl<'t> Table<'t> {
    /// The table of a lane.
    pub(super) fn new(
        location: &'t Location,
        database: Option<&'t str>,
        lane: Lane,
        columns: &'t [Column],
        first_day: &'t str,
    ) -> Self {
        // As the output makes it, without the folders of day and hour.
        let folder = Partition::of(lane, 0).folder();
        let folder = folder.split_once("/dt=").map_or(folder.as_str(), |(folder, _)| folder).to_owned();
        let overflow = (lane != Lane::Quarantine).then_some(OVERFLOW);
        Self { location, database, name: lane.name().to_owned(), folder, columns, overflow, first_day }
    }
}

/// The type and the day that a file's key says, where it is one that the output gives.
pub(super) fn table_and_date(key: &str) -> Option<(&str, String)> {
    let mut parts = key.split('/');
    let (table, day, hour, file) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let table = match table {
        "quarantine" => table,
        table => table.strip_prefix("type=")?,
    };
    let day = date(day.strip_prefix("dt=")?)?;
    let is_file = hour.starts_with("hour=") && file.ends_with(".parquet") && parts.next().is_none();
    is_file.then_some((table, day))
}

/// The day behind a day.
pub(super) fn day_behind(day: &str) -> Option<String> {
    let mut parts = day.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let days = days_from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let CivilHour { year, month, day, .. } = civil_hour((days + 1) * 24 * 60 * 60);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

/// A day as partitions name it, when the text is one that there is.
pub(super) fn date(text: &str) -> Option<String> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(year, 4) || !is_number(month, 2) || !is_number(day, 2) {
        return None;
    }
    let (year, month, day): (i64, u8, u8) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let next_month = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let days = days_from_civil(next_month.0, next_month.1, 1) - days_from_civil(year, month.clamp(1, 12), 1);
    ((1..=12).contains(&month) && (1..=days).contains(&i64::from(day))).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use shiwake_delivery::spool::SegmentId;

    #[test]
    fn keys_that_the_output_gives_say_type_and_day() {
        for lane in Lane::BY_WORTH {
            let id = SegmentId { stream: "s".into(), lane, number: 7 };
            let key = Partition::of(lane, 1_431_857_103_000_000).object_key(&id);
            assert_eq!(table_and_date(&key), Some((lane.name(), "2015-05-17".to_owned())), "{key}");
        }
        for key in [
            "quarantine/segments/s-1.msgpack",
            "type=access/dt=x/hour=01/a.parquet",
            "a.parquet",
            "type=a/dt=2015-05-17",
        ] {
            assert_eq!(table_and_date(key), None, "{key}");
        }
    }

    #[test]
    fn behind_each_day_is_the_next() {
        for (day, behind) in [("2026-01-31", "2026-02-01"), ("2024-02-28", "2024-02-29"), ("1969-12-31", "1970-01-01")]
        {
            assert_eq!(day_behind(day).as_deref(), Some(behind));
        }
    }

    #[test]
    fn days_that_there_are_not_are_no_dates() {
        for good in ["2026-01-31", "2024-02-29", "1969-12-31"] {
            assert_eq!(date(good).as_deref(), Some(good));
        }
        for bad in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-31", "31.1.2026", "", "2026-04-31", "2026-01-31'"]
        {
            assert_eq!(date(bad), None, "{bad}");
        }
    }
}
