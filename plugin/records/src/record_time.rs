//! The time that a record tells in a field of its own.
//!
//! It is taken when it says a moment of the world: a text with a zone (RFC 3339, also without the colon in the zone, or the
//! Common Log Format's), or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, whose ranges for this
//! century lie apart. Everything else, a local time most of all, leaves the host's time.

use crate::civil_time::{KnownDate, parse_common_log_time};
use crate::event::Timestamp;
use crate::fields::{FieldIndex, KeySet};
use crate::msgpack::{Composite, Value};

/// Fields with the time of a record, the most exact first: CloudTrail's, Kubernetes', Elastic's and Logstash's, those of common
/// loggers, NGINX'.
pub const TIME_KEYS: [&str; 9] =
    ["eventTime", "stageTimestamp", "@timestamp", "timestamp", "time", "ts", "t", "time_iso8601", "time_local"];
const TIME: KeySet = KeySet::new(&TIME_KEYS);
/// Seconds from 2001 to 2099. A number that is none of this century, in whatever unit, counts something else.
const SECONDS: std::ops::Range<i64> = 978_307_200..4_102_444_800;
/// Units of a second, from the second on.
const UNITS: [i64; 4] = [1, 1_000, 1_000_000, 1_000_000_000];

/// Reads the times of one record after another.
#[derive(Debug, Default)]
pub(crate) struct RecordTimes {
    date: KnownDate,
}

impl RecordTimes {
    /// The time of the first of [`TIME_KEYS`] that tells one.
    #[inline]
    pub(crate) fn find(&mut self, index: &FieldIndex, body: &Composite<'_>) -> Option<Timestamp> {
        let (first, value) = index.first_of(body, &TIME)?;
        self.read(&value).or_else(|| self.find_behind(first, index, body))
    }

    /// The time of the first of the keys behind one that tells none.
    #[cold]
    fn find_behind(&mut self, key: &str, index: &FieldIndex, body: &Composite<'_>) -> Option<Timestamp> {
        let mut behind = TIME_KEYS.iter().skip_while(|known| **known != key).skip(1);
        behind.find_map(|key| self.read(&index.get(body, key.as_bytes())?))
    }

    fn read(&mut self, value: &Value<'_>) -> Option<Timestamp> {
        match *value {
            Value::Str(text) => of_text(text.trim_ascii(), &mut self.date),
            Value::Int(number) => of_number(number),
            Value::F64(seconds) => of_float(seconds),
            _ => None,
        }
    }
}

fn of_text(text: &[u8], date: &mut KnownDate) -> Option<Timestamp> {
    // Neither of these is digits and points alone.
    let of_form =
        date.parse_rfc3339(text).or_else(|| Some(Timestamp { seconds: parse_common_log_time(text)?, nanoseconds: 0 }));
    if of_form.is_some() || !text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        return of_form;
    }
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(at) => text.split_at_checked(at).and_then(|(whole, rest)| Some((whole, rest.get(1..)?)))?,
        None => (text, &b""[..]),
    };
    let time = of_number(std::str::from_utf8(whole).ok()?.parse().ok()?)?;
    // Only seconds have a fraction worth keeping.
    if whole.len() > 10 || !fraction.iter().all(u8::is_ascii_digit) {
        return Some(time);
    }
    let nanoseconds =
        fraction.iter().chain(b"000000000").take(9).fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some(Timestamp { nanoseconds, ..time })
}

/// A number in whichever unit it is of this century.
fn of_number(number: i64) -> Option<Timestamp> {
    let unit = UNITS.into_iter().find(|unit| SECONDS.contains(&number.div_euclid(*unit)))?;
    let nanoseconds = number.rem_euclid(unit) * (1_000_000_000 / unit);
    Some(Timestamp { seconds: number.div_euclid(unit), nanoseconds: u32::try_from(nanoseconds).ok()? })
}

/// Seconds as a float, which holds them to the microsecond, or another unit, of which the fraction is left out.
fn of_float(number: f64) -> Option<Timestamp> {
    const END: f64 = 4.2e18;
    if !(0.0..END).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the integers just above")]
    let (whole, micros) = (number as i64, (number * 1e6).round() as i64);
    if SECONDS.contains(&whole) { Some(Timestamp::from_micros(micros)) } else { of_number(whole) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn moments_are_taken_in_every_unit_and_nothing_else() {
        let mut times = RecordTimes::default();
        let at = |seconds, nanoseconds| Some(Timestamp { seconds, nanoseconds });
        for (value, expected) in [
            (Value::Int(1_531_171_082), at(1_531_171_082, 0)),
            (Value::Int(1_531_171_082_399), at(1_531_171_082, 399_000_000)),
            (Value::Int(1_531_171_082_399_123), at(1_531_171_082, 399_123_000)),
            (Value::Int(1_531_171_082_399_123_456), at(1_531_171_082, 399_123_456)),
            (Value::F64(1_494_567_715.911), at(1_494_567_715, 911_000_000)),
            (Value::F64(1_531_171_082_399.5), at(1_531_171_082, 399_000_000)),
            (Value::Str(b"1494567715.911123456789"), at(1_494_567_715, 911_123_456)),
            (Value::Str(b"1531171082399"), at(1_531_171_082, 399_000_000)),
            (Value::Str(b"1531171082399.7"), at(1_531_171_082, 399_000_000)),
            (Value::Str(b"1531171082."), at(1_531_171_082, 0)),
            (Value::Str(b"1531171082.1.2"), at(1_531_171_082, 0)),
            (Value::Str(b"2020-10-12T07:20:50.52Z"), at(1_602_487_250, 520_000_000)),
            (Value::Str(b"2020-10-12T07:20:50+0200"), at(1_602_480_050, 0)),
            (Value::Str(b"12/Oct/2020:07:20:50 +0000"), at(1_602_487_250, 0)),
            (Value::Str(b"2020-10-12T07:20:50"), None),
            (Value::Str(b"2020-10-12 07:20:50,123"), None),
            (Value::Str(b"12ms"), None),
            (Value::Str(b""), None),
            (Value::Str(b"."), None),
            (Value::Str(b"1.2.3"), None),
            (Value::Int(12), None),
            (Value::Int(-1_531_171_082), None),
            (Value::Int(i64::MAX), None),
            (Value::F64(f64::NAN), None),
            (Value::F64(1e300), None),
            (Value::F64(0.25), None),
            (Value::Nil, None),
        ] {
            assert_eq!(times.read(&value), expected, "{value:?}");
        }
    }
}
