//! One event of a chunk, in either of the forms Fluent Bit writes.
//!
//! The older form is `[time, record]`; since Fluent Bit 2.1 there is also `[[time, metadata], record]`. The time is an
//! integer or a float of seconds, or extension type 0 with eight bytes: seconds and nanoseconds, big endian. A group
//! start has -1 as its seconds and a group end -2, both read as 32-bit integers.

use crate::fields::FieldIndex;
use crate::msgpack::{Composite, MsgpackError, Reader, Value};

/// A point in time: seconds since 1970-01-01T00:00:00Z and the nanoseconds within that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp {
    /// Whole seconds; negative before 1970.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// The first second after year 9999, above which calendars and readers of Parquet stop agreeing.
pub const END_OF_TIME_SECONDS: i64 = 253_402_300_800;
/// The first second of year 1, the lowest time kept.
pub const START_OF_TIME_SECONDS: i64 = -62_135_596_800;

impl Timestamp {
    /// The time that many microseconds after 1970.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        let nanoseconds = u32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
        Self { seconds: micros.div_euclid(1_000_000), nanoseconds }
    }

    /// Microseconds since 1970; whole for every time this crate lets through.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.seconds.saturating_mul(1_000_000).saturating_add(i64::from(self.nanoseconds / 1_000))
    }
}

/// What an event is to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A log record.
    Record,
    /// The start of a group; carries the group's attributes and is passed through untouched.
    GroupStart,
    /// The end of a group; passed through untouched.
    GroupEnd,
}

/// One event, borrowed from its chunk.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// All bytes of the event.
    pub raw: &'a [u8],
    /// Where `raw` begins in its chunk.
    pub offset: usize,
    /// Record or group marker.
    pub kind: EventKind,
    /// The event's own time.
    pub time: Timestamp,
    /// The bytes of the time value.
    pub time_raw: &'a [u8],
    /// The metadata map of the newer form.
    pub metadata: Option<Composite<'a>>,
    /// The record.
    pub body: Composite<'a>,
    /// Whether every key of the record is text, as in all that Fluent Bit's own inputs write.
    pub has_text_keys: bool,
}

/// Why bytes are not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The bytes are not whole MessagePack.
    #[error(transparent)]
    Msgpack(#[from] MsgpackError),
    /// A whole value, but no event: not an array of two, or its second element is no map.
    #[error("value at offset {offset} is not an event: expected {expected}")]
    Shape {
        /// Where the value begins that is wrong.
        offset: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// Whole, but its content holds the events behind it: it was cut off, or one of its lengths is wrong.
    #[error("event at offset {offset} runs into the events behind it")]
    Swallows {
        /// Where the event begins.
        offset: usize,
    },
    /// The time is no number, or lies outside of the years 1 to 9999.
    #[error("time at offset {offset} is not a time between the years 1 and 9999")]
    Time {
        /// Where the time begins.
        offset: usize,
    },
}

impl EventError {
    /// Where the byte is that is to blame, counted from the start of the chunk.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            EventError::Msgpack(error) => error.offset(),
            EventError::Shape { offset, .. } | EventError::Swallows { offset } | EventError::Time { offset } => *offset,
        }
    }
}

impl<'a> Event<'a> {
    /// Reads the event at the reader's position. On an error the reader is left where the error was found.
    ///
    /// # Errors
    /// When there is no event there.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, EventError> {
        Self::read_with(reader, Reader::map)
    }

    /// Reads the event at the reader's position of which it is known that it is whole, and where it ends; its fields are not
    /// looked at, so `has_text_keys` is not known and false.
    ///
    /// # Errors
    /// When there is no event there, or it would end before it begins.
    pub fn read_until(reader: &mut Reader<'a>, end: usize) -> Result<Self, EventError> {
        Self::read_with(reader, |reader| {
            let start = reader.position();
            let Some(count) = reader.map_header()? else { return Ok(None) };
            let content_start = reader.position();
            let left = reader.rest().len();
            let needed = end.checked_sub(content_start).filter(|needed| *needed <= left);
            let cut = MsgpackError::Truncated { offset: content_start, needed: end as u64, left };
            reader.step(needed.ok_or(cut)?);
            let (content, whole) = (reader.since(content_start), reader.since(start));
            Ok(Some((Composite { count, content, whole }, false)))
        })
    }

    /// As [`Event::read`], and lists the keys of the record on the way. The index is of no use when there is no event.
    ///
    /// # Errors
    /// When there is no event there.
    #[inline]
    pub fn read_indexed(reader: &mut Reader<'a>, index: &mut FieldIndex) -> Result<Self, EventError> {
        Self::read_with(reader, |reader| index.read(reader))
    }

    #[inline]
    fn read_with(
        reader: &mut Reader<'a>,
        read_map: impl FnOnce(&mut Reader<'a>) -> Result<Option<(Composite<'a>, bool)>, MsgpackError>,
    ) -> Result<Self, EventError> {
        let offset = reader.position();
        let head = match Head::plain(reader.rest()) {
            Some((bytes, head)) => {
                reader.step(bytes);
                head
            }
            None => Head::read(reader)?,
        };
        let body_offset = reader.position();
        let Some((body, has_text_keys)) = read_map(reader)? else {
            return Err(EventError::Shape { offset: body_offset, expected: "a map as the record" });
        };
        let Head { time_offset, time_raw, time, metadata } = head;
        let (kind, time) = time.ok_or(EventError::Time { offset: time_offset })?;
        Ok(Event { raw: reader.since(offset), offset, kind, time, time_raw, metadata, body, has_text_keys })
    }
}

/// What is before the record of an event.
struct Head<'a> {
    /// Where the time begins; 0 when that makes no difference.
    time_offset: usize,
    time_raw: &'a [u8],
    /// `None` when it is no time.
    time: Option<(EventKind, Timestamp)>,
    metadata: Option<Composite<'a>>,
}

impl<'a> Head<'a> {
    /// The head at the beginning of `bytes`, and its length, when it is one of those that nearly all events have: with a time of
    /// extension type 0, and in the newer form metadata that are empty.
    #[inline]
    fn plain(bytes: &'a [u8]) -> Option<(usize, Self)> {
        const OLDER: [u8; 3] = [0x92, 0xd7, 0];
        const NEWER: [u8; 4] = [0x92, 0x92, 0xd7, 0];
        // What Fluent Bit's own inputs write.
        const NEWER_LONG: [u8; 12] = [0xdd, 0, 0, 0, 2, 0xdd, 0, 0, 0, 2, 0xd7, 0];
        if let Some((&NEWER_LONG, rest)) = bytes.split_first_chunk() {
            Self::of_time(bytes, NEWER_LONG.len(), rest, true)
        } else if let Some((&NEWER, rest)) = bytes.split_first_chunk() {
            Self::of_time(bytes, NEWER.len(), rest, true)
        } else if let Some((&OLDER, rest)) = bytes.split_first_chunk() {
            Self::of_time(bytes, OLDER.len(), rest, false)
        } else {
            None
        }
    }

    /// The head when `data`, which begins at `start` in `bytes`, begins with the eight bytes of a time and, if it has metadata, with an
    /// empty map: as short as can be, or with four bytes for its length, as the encoder of Fluent Bit's inputs writes it.
    #[inline(always)]
    fn of_time(bytes: &'a [u8], start: usize, data: &'a [u8], has_metadata: bool) -> Option<(usize, Self)> {
        const LONG: [u8; 5] = [0xdf, 0, 0, 0, 0];
        let (time, rest) = data.split_first_chunk::<8>()?;
        let time_raw = bytes.get(start - 2..start + 8)?;
        let whole = match rest.first() {
            _ if !has_metadata => rest.get(..0),
            Some(0x80) => rest.get(..1),
            _ if rest.starts_with(&LONG) => rest.get(..LONG.len()),
            _ => None,
        }?;
        let content = rest.get(..0)?;
        let metadata = has_metadata.then_some(Composite { count: 0, content, whole });
        let time = known_time(from_event_time(time));
        Some((start + 8 + whole.len(), Head { time_offset: 0, time_raw, time, metadata }))
    }

    /// Any head.
    #[inline(never)]
    fn read(reader: &mut Reader<'a>) -> Result<Self, EventError> {
        let offset = reader.position();
        if reader.array_header()? != Some(2) {
            return Err(EventError::Shape { offset, expected: "an array of a time and a record" });
        }
        let head_offset = reader.position();
        let newer_form = match reader.array_header()? {
            Some(2) => true,
            Some(_) => {
                return Err(EventError::Shape { offset: head_offset, expected: "an array of a time and metadata" });
            }
            None => false,
        };
        let time_offset = reader.position();
        let time = time_of(reader.value()?);
        let time_raw = reader.since(time_offset);
        if !newer_form {
            return Ok(Head { time_offset, time_raw, time, metadata: None });
        }
        let metadata_offset = reader.position();
        match reader.value()? {
            Value::Map(metadata) => Ok(Head { time_offset, time_raw, time, metadata: Some(metadata) }),
            _ => Err(EventError::Shape { offset: metadata_offset, expected: "a map as the metadata" }),
        }
    }
}

fn time_of(value: Value<'_>) -> Option<(EventKind, Timestamp)> {
    known_time(match value {
        Value::Int(seconds) => Timestamp { seconds, nanoseconds: 0 },
        Value::F32(seconds) => from_float(f64::from(seconds))?,
        Value::F64(seconds) => from_float(seconds)?,
        Value::Ext(0, data) => from_event_time(data.try_into().ok()?),
        _ => return None,
    })
}

#[inline]
fn known_time(time: Timestamp) -> Option<(EventKind, Timestamp)> {
    // The host reads the seconds of a marker as a 32-bit integer, whichever form they are written in.
    match time.seconds {
        -1 | 0xffff_ffff => return Some((EventKind::GroupStart, time)),
        -2 | 0xffff_fffe => return Some((EventKind::GroupEnd, time)),
        _ => {}
    }
    let known = (START_OF_TIME_SECONDS..END_OF_TIME_SECONDS).contains(&time.seconds);
    known.then_some((EventKind::Record, time))
}

#[inline]
fn from_event_time(data: &[u8; 8]) -> Timestamp {
    let [a, b, c, d, e, f, g, h] = *data;
    let (seconds, nanoseconds) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    // A second has no more; what a broken sender puts above it is carried over so that the order stays.
    Timestamp {
        seconds: i64::from(seconds) + i64::from(nanoseconds / 1_000_000_000),
        nanoseconds: nanoseconds % 1_000_000_000,
    }
}

fn from_float(seconds: f64) -> Option<Timestamp> {
    let whole = seconds.floor();
    if !(whole >= START_OF_TIME_SECONDS as f64 && whole < END_OF_TIME_SECONDS as f64) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are checked to be in range")]
    let (seconds, nanoseconds) = (whole as i64, ((seconds - whole) * 1e9) as u32);
    Some(Timestamp { seconds, nanoseconds: nanoseconds.min(999_999_999) })
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
