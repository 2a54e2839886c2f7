//! Calendar dates and the seconds since 1970, without a clock, a locale or a time zone database.
//!
//! The conversion is Howard Hinnant's `days_from_civil`
//! (<https://howardhinnant.github.io/date_algorithms.html>), exact for the proleptic Gregorian calendar.

use crate::event::Timestamp;

/// Seconds of a day.
pub const DAY_SECONDS: i64 = 86_400;

/// A date and an hour in UTC, as partitions name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CivilHour {
    /// Year, 1 to 9999 for every time this crate lets through.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
}

impl CivilHour {
    /// The folders of that hour in a lake: `dt=2026-11-21/hour=10`.
    #[must_use]
    pub fn folder(&self) -> String {
        let CivilHour { year, month, day, hour } = self;
        format!("dt={year:04}-{month:02}-{day:02}/hour={hour:02}")
    }
}

/// Days from 1970-01-01 to a date.
#[must_use]
pub fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date and hour in which a second since 1970 lies.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "each part is within its range by the algorithm"
)]
pub fn civil_hour(seconds: i64) -> CivilHour {
    let days = seconds.div_euclid(DAY_SECONDS) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    CivilHour {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month: month as u8,
        day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8,
        hour: (seconds.rem_euclid(DAY_SECONDS) / 3_600) as u8,
    }
}

/// Reads the time of the Common Log Format, `17/May/2015:10:05:03 +0000`, as seconds since 1970.
#[must_use]
pub fn parse_common_log_time(text: &[u8]) -> Option<i64> {
    let bytes: &[u8; 26] = text.try_into().ok()?;
    let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if separators.iter().any(|(at, byte)| bytes.get(*at) != Some(byte)) {
        return None;
    }
    let month = month_number(bytes.get(3..6)?)?;
    let (day, year) = (digits(bytes.get(0..2)?)?, digits(bytes.get(7..11)?)?);
    let (hour, minute, second) =
        (digits(bytes.get(12..14)?)?, digits(bytes.get(15..17)?)?, digits(bytes.get(18..20)?)?);
    let (zone_hours, zone_minutes) = (digits(bytes.get(22..24)?)?, digits(bytes.get(24..26)?)?);
    let sign = match bytes.get(21)? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let zone = sign * (zone_hours * 3_600 + zone_minutes * 60);
    if zone_hours > 23 || zone_minutes > 59 {
        return None;
    }
    seconds_of([year, i64::from(month), day, hour, minute, second], zone)
}

/// Reads an RFC 3339 time (<https://www.rfc-editor.org/rfc/rfc3339#section-5.6>), `2015-05-17T10:05:03.25Z` or with an offset
/// as `+02:00` or, as ISO 8601 has it too, `+0200`; a space may stand for the `T`. Digits behind the ninth of the second's fraction are left out.
#[must_use]
pub fn parse_rfc3339(text: &[u8]) -> Option<Timestamp> {
    let (moment, rest) = text.split_at_checked(19)?;
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let is_separated = separators.iter().all(|(at, byte)| moment.get(*at) == Some(byte));
    if !is_separated || !matches!(moment.get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let part = |from: usize, to: usize| digits(moment.get(from..to)?);
    let parts = [part(0, 4)?, part(5, 7)?, part(8, 10)?, part(11, 13)?, part(14, 16)?, part(17, 19)?];

    let (nanoseconds, zone) = match rest.split_first() {
        Some((b'.' | b',', rest)) => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let fraction = rest.get(..length).filter(|fraction| !fraction.is_empty())?;
            let nine = fraction.iter().chain(b"000000000").take(9);
            let nanoseconds = nine.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            (nanoseconds, rest.get(length..)?)
        }
        _ => (0, rest),
    };
    let zone_seconds = match zone {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (hours, minutes) = match zone.split_at_checked(2)? {
                (hours, [b':', minutes @ ..] | minutes) if minutes.len() == 2 => (digits(hours)?, digits(minutes)?),
                _ => return None,
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    Some(Timestamp { seconds: seconds_of(parts, zone_seconds)?, nanoseconds })
}

/// Seconds since 1970 of a year, month, day, hour, minute and second in a zone; `None` when there is no such time.
fn seconds_of([year, month, day, hour, minute, second]: [i64; 6], zone_seconds: i64) -> Option<i64> {
    // Second 60 is a leap second, which 1970-based time does not have; it is the next minute's first.
    let is_time = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && year > 0
        && (0..=23).contains(&hour)
        && (0..=59).contains(&minute)
        && (0..=60).contains(&second);
    if !is_time {
        return None;
    }
    let days = days_from_civil(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    Some(days * DAY_SECONDS + hour * 3_600 + minute * 60 + second - zone_seconds)
}

/// The number of a month from its three-letter English name.
#[must_use]
pub fn month_number(name: &[u8]) -> Option<u8> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let index = MONTHS.iter().position(|month| month.as_slice() == name)?;
    u8::try_from(index + 1).ok()
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates_have_their_known_seconds() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(parse_common_log_time(b"17/May/2015:10:05:03 +0000"), Some(1_431_857_103));
        assert_eq!(parse_common_log_time(b"17/May/2015:10:05:03 -0130"), Some(1_431_862_503));
        assert_eq!(civil_hour(1_431_857_103), CivilHour { year: 2015, month: 5, day: 17, hour: 10 });
        assert_eq!(civil_hour(-1), CivilHour { year: 1969, month: 12, day: 31, hour: 23 });
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "17/Mai/2015:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/2015:10:05:03",
            "xx/May/2015:10:05:03 +0000",
        ] {
            assert_eq!(parse_common_log_time(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_of_rfc_3339_are_read_with_fraction_and_zone() {
        for (text, expected) in [
            ("2015-05-17T10:05:03Z", Some((1_431_857_103, 0))),
            ("2015-05-17 10:05:03.25-01:30", Some((1_431_862_503, 250_000_000))),
            ("2015-05-17T10:05:03.1234567891+00:00", Some((1_431_857_103, 123_456_789))),
            ("2015-05-17T10:05:03", None),
            ("2015-05-17T10:05:03.Z", None),
            ("2015-05-17T10:05:03+0200", Some((1_431_849_903, 0))),
            ("2015-05-17T10:05:03+02", None),
            ("2015-05-17T10:05:03+02:0", None),
            ("2015-05-17T10:05:03+02000", None),
            ("2015-00-17T10:05:03Z", None),
            ("2015-05-17T24:05:03Z", None),
            ("2015-05-17", None),
        ] {
            let expected = expected.map(|(seconds, nanoseconds)| Timestamp { seconds, nanoseconds });
            assert_eq!(parse_rfc3339(text.as_bytes()), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn dates_and_days_are_each_others_inverse(days in -719_162_i64..2_932_896) {
            let date = civil_hour(days * DAY_SECONDS);
            prop_assert_eq!(days_from_civil(date.year, date.month, date.day), days);
            prop_assert!((1..=12).contains(&date.month) && (1..=31).contains(&date.day));
        }
    }
}
