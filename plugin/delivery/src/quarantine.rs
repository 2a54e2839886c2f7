//! What cannot be decoded is kept, with the reason, as records of a lane of its own.
//!
//! A quarantined run of bytes travels through the spool as an event like any other: its time is when it came, its
//! fields are `reason`, `offset` (in the chunk) and `raw`.

use shiwake_records::chunk::BadBytes;
use shiwake_records::msgpack::write;

/// Appends the event that keeps `bad`.
pub fn append_event(out: &mut Vec<u8>, bad: &BadBytes<'_>, wall_micros: i64) {
    let seconds = u32::try_from(wall_micros.div_euclid(1_000_000)).unwrap_or(0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the rest of a second in nanoseconds")]
    let nanoseconds = (wall_micros.rem_euclid(1_000_000) * 1_000) as u32;
    out.push(0x92);
    write::event_time(out, seconds, nanoseconds);
    write::map_header(out, 3);
    write::str(out, b"reason");
    write::str(out, bad.reason.to_string().as_bytes());
    write::str(out, b"offset");
    write::int(out, i64::try_from(bad.offset).unwrap_or(i64::MAX));
    write::str(out, b"raw");
    write::bin(out, bad.bytes);
}
