//! What cannot be decoded is kept, with the reason, as an event of its own.
//!
//! The event's time is when the bytes came; its fields are `log_type` with the value `quarantine`, `reason`, `offset` (in
//! the chunk) and `raw`. Written in place of the bytes it keeps what is behind them readable: a reader that does not
//! look for the next event, as Fluent Bit's own, stops at the first byte that is wrong.

use crate::chunk::BadBytes;
use crate::event::{Event, Timestamp};
use crate::msgpack::{Reader, Value, write};

/// Value of `log_type` of such an event.
pub const LOG_TYPE: &str = "quarantine";

/// Appends the event that keeps `bad`.
pub fn append_event(out: &mut Vec<u8>, bad: &BadBytes<'_>, received: Timestamp) {
    out.push(0x92);
    write::event_time(out, u32::try_from(received.seconds).unwrap_or(0), received.nanoseconds);
    write::map_header(out, 4);
    write::str(out, b"log_type");
    write::str(out, LOG_TYPE.as_bytes());
    write::str(out, b"reason");
    write::str(out, bad.reason.to_string().as_bytes());
    write::str(out, b"offset");
    write::int(out, i64::try_from(bad.offset).unwrap_or(i64::MAX));
    write::str(out, b"raw");
    write::bin(out, bad.bytes);
}

/// Appends the event that keeps a record which could be read, but not be written as one of its type: at the record's own
/// time, with the rule that gave it its type.
pub fn append_rejected(out: &mut Vec<u8>, event: &Event<'_>, reason: &str, offset: u64, rule: &str) {
    out.push(0x92);
    write::event_time(out, u32::try_from(event.time.seconds).unwrap_or(0), event.time.nanoseconds);
    write::map_header(out, 5);
    write::str(out, b"log_type");
    write::str(out, LOG_TYPE.as_bytes());
    write::str(out, b"reason");
    write::str(out, reason.as_bytes());
    write::str(out, b"offset");
    write::int(out, i64::try_from(offset).unwrap_or(i64::MAX));
    write::str(out, b"rule");
    write::str(out, rule.as_bytes());
    write::str(out, b"raw");
    write::bin(out, event.raw);
}

/// Whether an event has exactly what [`append_event`] writes. One that only looks like it is a record like any other.
#[must_use]
pub fn keeps_bad_bytes(event: &Event<'_>) -> bool {
    const FIRST_FIELD: &[u8] = b"\xa8log_type\xaaquarantine\xa6reason";
    if event.body.count != 4 || event.metadata.is_some() || !event.body.content.starts_with(FIRST_FIELD) {
        return false;
    }
    let mut reader = Reader::new(event.body.content);
    let mut next = || reader.value().ok();
    let fields: [(Option<Value<'_>>, Option<Value<'_>>); 4] = std::array::from_fn(|_| (next(), next()));
    matches!(
        fields,
        [
            (Some(Value::Str(b"log_type")), Some(Value::Str(b"quarantine"))),
            (Some(Value::Str(b"reason")), Some(Value::Str(_))),
            (Some(Value::Str(b"offset")), Some(Value::Int(_))),
            (Some(Value::Str(b"raw")), Some(Value::Bin(_))),
        ]
    )
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::chunk::{Chunk, Item};
    use crate::fields::FieldIndex;

    #[test]
    fn the_bytes_and_the_reason_are_in_the_event() {
        let Some(Item::Bad(bad)) = Chunk::new(&[0xc1, 0x05]).next() else { panic!("not bad") };
        let mut out = Vec::new();
        append_event(&mut out, &bad, Timestamp { seconds: 7, nanoseconds: 8 });
        let Some(Item::Event(event)) = Chunk::new(&out).next() else { panic!("no event") };
        assert!(keeps_bad_bytes(&event));
        assert_eq!(event.time, Timestamp { seconds: 7, nanoseconds: 8 });
        let mut index = FieldIndex::default();
        index.fill(&event.body);
        assert_eq!(index.get(&event.body, b"raw"), Some(Value::Bin(&[0xc1, 0x05])));
        assert_eq!(index.get(&event.body, b"reason"), Some(Value::Str(b"byte 0xc1 at offset 0 is not MessagePack")));
    }

    #[test]
    fn what_only_looks_like_it_is_a_record() {
        let bytes = b"\x92\x05\x84\xa8log_type\xaaquarantine\xa6reason\xa1x\xa3log\xa1y\xa4user\xa1z";
        let Some(Item::Event(event)) = Chunk::new(bytes).next() else { panic!("no event") };
        assert!(!keeps_bad_bytes(&event));
    }
}
