//! Hours, as partitions of a lake name them and as Iceberg counts them: from 1970 on, in UTC
//! (<https://iceberg.apache.org/spec/#partition-transforms>).

use shiwake_records::civil_time::{CivilHour, DAY_SECONDS, civil_hour, days_from_civil};

/// Seconds of an hour.
pub(crate) const HOUR_SECONDS: i64 = 3_600;
const HOUR_MICROS: i64 = HOUR_SECONDS * 1_000_000;

/// Hours since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Hour(pub(crate) i32);

impl Hour {
    /// The hour in which a second lies, of those since 1970.
    pub(crate) fn of_seconds(seconds: i64) -> Option<Self> {
        i32::try_from(seconds.div_euclid(HOUR_SECONDS)).ok().map(Self)
    }

    /// The hour in which a microsecond lies, of those since 1970.
    pub(crate) fn of_micros(micros: i64) -> Option<Self> {
        i32::try_from(micros.div_euclid(HOUR_MICROS)).ok().map(Self)
    }

    /// The hour of a partition's folders, `dt=2026-11-21` and `hour=10`, when they are written as Shiwake writes them.
    pub(crate) fn of_folders(date: &str, hour: &str) -> Option<Self> {
        let mut parts = date.strip_prefix("dt=")?.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let days = days_from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        let hour_of_day: i64 = hour.strip_prefix("hour=")?.parse().ok()?;
        let found =
            Self::of_seconds(days.checked_mul(DAY_SECONDS)?.checked_add(hour_of_day.checked_mul(HOUR_SECONDS)?)?)?;
        // A 31st of February, and whatever else is no date, would be written otherwise.
        (found.folder() == format!("{date}/{hour}")).then_some(found)
    }

    /// Its folders in a lake.
    pub(crate) fn folder(self) -> String {
        self.civil().folder()
    }

    fn civil(self) -> CivilHour {
        civil_hour(i64::from(self.0) * HOUR_SECONDS)
    }
}

/// As `2026-11-21T10Z`.
impl std::fmt::Display for Hour {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let CivilHour { year, month, day, hour } = self.civil();
        write!(formatter, "{year:04}-{month:02}-{day:02}T{hour:02}Z")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_its_folders_and_nothing_else_is() {
        let hour = Hour::of_folders("dt=2015-05-17", "hour=10").unwrap();
        assert_eq!(hour, Hour::of_micros(1_431_857_103_000_000).unwrap());
        assert_eq!(
            (hour.0, hour.folder(), hour.to_string()),
            (397_738, "dt=2015-05-17/hour=10".into(), "2015-05-17T10Z".into())
        );
        assert_eq!(Hour::of_micros(-1).unwrap(), Hour::of_folders("dt=1969-12-31", "hour=23").unwrap());
        for (date, hour) in [
            ("dt=2015-02-31", "hour=10"),
            ("dt=2015-05-17", "hour=24"),
            ("dt=2015-05-17", "hour=7"),
            ("dt=2015-5-17", "hour=07"),
            ("day=2015-05-17", "hour=07"),
            ("dt=2015-05-17-1", "hour=07"),
            ("dt=2015-05-17", "hour=-1"),
            ("dt=99999999999-05-17", "hour=07"),
        ] {
            assert_eq!(Hour::of_folders(date, hour), None, "{date}/{hour}");
        }
    }
}
