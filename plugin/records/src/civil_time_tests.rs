#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

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

/// The same, read byte by byte.
mod naive {
    use crate::civil_time::{DAY_SECONDS, days_from_civil};
    use crate::event::Timestamp;

    pub(super) fn parse_common_log_time(text: &[u8]) -> Option<i64> {
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

    pub(super) fn parse_rfc3339(text: &[u8]) -> Option<Timestamp> {
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

    pub(super) fn month_number(name: &[u8]) -> Option<u8> {
        const MONTHS: [&[u8; 3]; 12] =
            [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
        let index = MONTHS.iter().position(|month| month.as_slice() == name)?;
        u8::try_from(index + 1).ok()
    }

    fn digits(text: &[u8]) -> Option<i64> {
        text.iter().try_fold(0_i64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
    }
}

/// A text like `form`, in which up to three bytes are others.
fn nearly(form: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), b'0'..=b'9', Just(b':'), Just(b'.')]);
    (proptest::string::string_regex(form).unwrap(), proptest::collection::vec(change, 0..3)).prop_map(
        |(text, changes)| {
            let mut text = text.into_bytes();
            for (at, byte) in changes {
                let at = at.index(text.len());
                text[at] = byte;
            }
            text
        },
    )
}

#[test]
fn months_are_known_by_their_names_alone() {
    for name in [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mai", "JAN", "\0\0\0",
        "Ja", "",
    ] {
        assert_eq!(month_number(name.as_bytes()), naive::month_number(name.as_bytes()), "{name}");
    }
}

proptest! {
    #[test]
    fn times_are_read_as_byte_by_byte(
        rfc in nearly("[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.,][0-9]{0,11})?(Z|z|[+-][0-2][0-9]:?[0-6][0-9])?.?"),
        common in nearly("[0-3][0-9]/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:[0-2][0-9]:[0-6][0-9]:[0-6][0-9] [+-][0-2][0-9][0-6][0-9]"),
    ) {
        prop_assert_eq!(parse_rfc3339(&rfc), naive::parse_rfc3339(&rfc), "{}", String::from_utf8_lossy(&rfc));
        prop_assert_eq!(parse_common_log_time(&common), naive::parse_common_log_time(&common), "{}", String::from_utf8_lossy(&common));
    }

    #[test]
    fn a_date_that_is_known_tells_the_same_time(
        times in proptest::collection::vec(nearly("(2026-0[12]-0[12]|1970-01-01|0001-01-01)T1[0-2]:[0-6]0:[0-6][0-9]Z"), 0..20)
    ) {
        let mut date = KnownDate::default();
        for time in times {
            prop_assert_eq!(date.parse_rfc3339(&time), naive::parse_rfc3339(&time), "{}", String::from_utf8_lossy(&time));
        }
    }

    #[test]
    fn days_of_common_years_are_those_of_the_calendar(year in 1_u32..10_000, month in 1_u8..=12, day in 1_u8..=31) {
        prop_assert_eq!(days_of_common_era(year, month, day), days_from_civil(i64::from(year), month, day));
    }
}
