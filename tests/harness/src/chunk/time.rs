//! The time of an event in its three spellings.

use rmpv::Value;

const EVENT_TIME_TYPE: i8 = 0;
const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// An event's time, in the spelling the chunk has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    /// Whole seconds, as a MessagePack integer.
    Seconds(i64),
    /// Seconds as a MessagePack float.
    Float(f64),
    /// Extension type 0.
    Event {
        /// Seconds since 1970, or a negative number that marks a group.
        secs: i32,
        /// Nanoseconds within the second.
        nanos: u32,
    },
}

impl Time {
    /// What marks the start of a group.
    pub const GROUP_START: Self = Self::Event { secs: -1, nanos: 0 };
    /// What marks the end of a group.
    pub const GROUP_END: Self = Self::Event { secs: -2, nanos: 0 };

    /// An event time from seconds with a fraction; `None` if it is negative, no number, or after
    /// 2038. A double near today's date is exact to a quarter of a microsecond.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        if !(0.0..=f64::from(i32::MAX)).contains(&seconds) {
            return None;
        }
        let nanos = (seconds.fract() * f64::from(NANOS_PER_SECOND)).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        let (secs, nanos) = (seconds as i32, nanos as u32);
        Some(Self::Event { secs, nanos: nanos.min(NANOS_PER_SECOND - 1) })
    }

    pub(crate) fn encode(self) -> Value {
        match self {
            Self::Seconds(seconds) => Value::from(seconds),
            Self::Float(seconds) => Value::F64(seconds),
            Self::Event { secs, nanos } => {
                let mut bytes = secs.to_be_bytes().to_vec();
                bytes.extend_from_slice(&nanos.to_be_bytes());
                Value::Ext(EVENT_TIME_TYPE, bytes)
            }
        }
    }

    pub(crate) fn decode(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(seconds) => seconds.as_i64().map(Self::Seconds),
            Value::F64(seconds) => Some(Self::Float(*seconds)),
            Value::F32(seconds) => Some(Self::Float(f64::from(*seconds))),
            Value::Ext(EVENT_TIME_TYPE, bytes) => {
                let (secs, nanos) = bytes.split_first_chunk::<4>()?;
                Some(Self::Event { secs: i32::from_be_bytes(*secs), nanos: u32::from_be_bytes(nanos.try_into().ok()?) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_an_event_time() {
        let cases = [
            (0.0, Some((0, 0))),
            (1_700_000_000.25, Some((1_700_000_000, 250_000_000))),
            (1.999_999_999_9, Some((1, 999_999_999))),
            (-1.0, None),
            (1e12, None),
            (f64::NAN, None),
        ];
        for (given, expected) in cases {
            let expected = expected.map(|(secs, nanos)| Time::Event { secs, nanos });
            assert_eq!(Time::from_seconds(given), expected, "{given}");
        }
    }
}
