//! Calendar dates and the seconds since 1970, without a clock, a locale or a time zone database.
//!
//! The conversion is Howard Hinnant's `days_from_civil`
//! (<https://howardhinnant.github.io/date_algorithms.html>), exact for the proleptic Gregorian calendar.

use crate::digits::{Form, nanoseconds};
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
    const DAY: Form = Form::new(b"00/???/0");
    const YEAR: Form = Form::new(b"0000:00:");
    const TIME: Form = Form::new(b"00:00:00");
    const ZONE: Form = Form::new(b"00 ?0000");
    let text = <&[u8; 26]>::try_from(text).ok()?;
    let [_, _, _, a, b, c, _, .., sign, _, _, _, _] = *text;
    let [day, ..] = DAY.digits_at::<0>(text)?.pairs();
    let [century, _, year_of_century, ..] = YEAR.digits_at::<7>(text)?.pairs();
    let clock = TIME.digits_at::<12>(text)?.clock_seconds()?;
    let zone = match text {
        [.., b' ', b'+', b'0', b'0', b'0', b'0'] => 0,
        _ => {
            let [.., zone_hours, _, zone_minutes, _] = ZONE.digits_at::<18>(text)?.pairs();
            zone_seconds(sign, zone_hours, zone_minutes)?
        }
    };
    Some(midnight_of([century, year_of_century, month_of([a, b, c])?, day])? + i64::from(clock) - zone)
}

/// The date that was read last of times of the Common Log Format.
#[derive(Debug, Default)]
pub(crate) struct KnownLogDate {
    text: [u8; 12],
    midnight: i64,
}

impl KnownLogDate {
    /// As [`parse_common_log_time`].
    #[inline]
    pub(crate) fn parse(&mut self, text: &[u8; 26]) -> Option<i64> {
        const TIME: Form = Form::new(b"00:00:00");
        match text {
            // Of the same date, in the zone that most servers have.
            [date @ .., _, _, _, _, _, _, _, _, b' ', b'+', b'0', b'0', b'0', b'0'] if *date == self.text => {
                Some(self.midnight + i64::from(TIME.digits_at::<12>(text)?.clock_seconds()?))
            }
            _ => self.read(text),
        }
    }

    #[inline(never)]
    fn read(&mut self, text: &[u8; 26]) -> Option<i64> {
        let seconds = parse_common_log_time(text)?;
        let mut midnight = *text;
        if let (Some(date), Some(clock)) = (text.first_chunk(), midnight.last_chunk_mut::<14>()) {
            *clock = *b"00:00:00 +0000";
            (self.text, self.midnight) = (*date, parse_common_log_time(&midnight)?);
        }
        Some(seconds)
    }
}

/// Reads an RFC 3339 time (<https://www.rfc-editor.org/rfc/rfc3339#section-5.6>), `2015-05-17T10:05:03.25Z` or with an offset
/// as `+02:00` or, as ISO 8601 has it too, `+0200`; a space may stand for the `T`. Digits behind the ninth of the second's fraction are left out.
#[must_use]
pub fn parse_rfc3339(text: &[u8]) -> Option<Timestamp> {
    KnownDate::default().parse_rfc3339(text)
}

/// The date that was read last: times that come one after another are mostly of one.
#[derive(Debug)]
pub(crate) struct KnownDate {
    text: [u8; 10],
    midnight: i64,
}

impl Default for KnownDate {
    fn default() -> Self {
        Self { text: *b"1970-01-01", midnight: 0 }
    }
}

impl KnownDate {
    /// As [`parse_rfc3339`].
    #[inline]
    pub(crate) fn parse_rfc3339(&mut self, text: &[u8]) -> Option<Timestamp> {
        const TIME: Form = Form::new(b"00:00:00");
        const ZONE: Form = Form::new(b"00:00000");
        let (moment, rest) = text.split_first_chunk::<19>()?;
        let [_, _, _, _, _, _, _, _, _, _, b'T' | b't' | b' ', ..] = moment else { return None };
        if moment.first_chunk() != Some(&self.text) {
            self.read(moment)?;
        }
        let clock = TIME.digits_at::<11>(moment)?.clock_seconds()?;

        let (nanoseconds, zone) = match rest {
            [b'.' | b',', fraction @ ..] => nanoseconds(text, fraction)?,
            _ => (0, rest),
        };
        let zone_seconds = match *zone {
            [b'Z' | b'z'] => 0,
            [sign, h0, h1, b':', m0, m1] | [sign, h0, h1, m0, m1] => {
                let zone = ZONE.digits_at::<0>(&[h0, h1, b':', m0, m1, b'0', b'0', b'0'])?;
                let [hours, _, _, minutes, ..] = zone.pairs();
                zone_seconds(sign, hours, minutes)?
            }
            _ => return None,
        };
        Some(Timestamp { seconds: self.midnight + i64::from(clock) - zone_seconds, nanoseconds })
    }

    #[inline(never)]
    fn read(&mut self, moment: &[u8; 19]) -> Option<()> {
        const MONTH: Form = Form::new(b"0000-00-");
        const DAY: Form = Form::new(b"00??????");
        let [century, _, year_of_century, _, _, month, ..] = MONTH.digits_at::<0>(moment)?.pairs();
        let [day, ..] = DAY.digits_at::<8>(moment)?.pairs();
        self.midnight = midnight_of([century, year_of_century, month, day])?;
        self.text = *moment.first_chunk()?;
        Some(())
    }
}

/// Seconds east of Greenwich.
#[inline]
fn zone_seconds(sign: u8, hours: u8, minutes: u8) -> Option<i64> {
    let seconds = i64::from(hours) * 3_600 + i64::from(minutes) * 60;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// Seconds from 1970 to the beginning of a date; `None` when there is no such date.
#[inline]
fn midnight_of([century, year_of_century, month, day]: [u8; 4]) -> Option<i64> {
    let year = u32::from(century) * 100 + u32::from(year_of_century);
    let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && year > 0;
    is_date.then(|| days_of_common_era(year, month, day) * DAY_SECONDS)
}

/// As [`days_from_civil`], of a year from 1 to 9999 and a month from 1 to 12, without an era.
#[inline]
fn days_of_common_era(year: u32, month: u8, day: u8) -> i64 {
    /// Days from the first of March of year 0 to 1970.
    const TO_1970: i64 = 719_469;
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let centuries = year / 100;
    let leap_days = year / 4 - centuries + centuries / 4;
    let days = year * 365 + leap_days + (u32::from(month) * 153 + 2) / 5 + u32::from(day);
    i64::from(days) - TO_1970
}

/// The number of a month from its three-letter English name.
#[must_use]
pub fn month_number(name: &[u8]) -> Option<u8> {
    month_of(name.try_into().ok()?)
}

#[inline]
fn month_of([a, b, c]: [u8; 3]) -> Option<u8> {
    let name = u32::from_le_bytes([a, b, c, 0]);
    let known = MONTHS_BY_HASH.get(month_hash(name))?;
    let [.., number] = known.to_le_bytes();
    (known ^ name == u32::from(number) << 24).then_some(number)
}

/// The names of the months with their numbers behind them, each where its hash is.
#[expect(clippy::indexing_slicing, reason = "the compiler runs this, and says so when a place is none")]
const MONTHS_BY_HASH: [u32; 16] = {
    let months: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let mut by_hash = [0; 16];
    let (mut rest, mut number) = (months.as_slice(), 1);
    while let [month, behind @ ..] = rest {
        let [a, b, c] = **month;
        let place = month_hash(u32::from_le_bytes([a, b, c, 0]));
        assert!(by_hash[place] == 0, "two months have one place");
        by_hash[place] = u32::from_le_bytes([a, b, c, number]);
        number += 1;
        rest = behind;
    }
    // Where no month is three zeros would be one, but these have their place elsewhere.
    assert!(by_hash[month_hash(0)] != 0, "three zeros are a month");
    by_hash
};

/// A number below 16, another one for each month.
#[inline]
const fn month_hash(name: u32) -> usize {
    (name.wrapping_mul(61) >> 15) as usize % 16
}

#[cfg(test)]
#[path = "civil_time_tests.rs"]
mod tests;
