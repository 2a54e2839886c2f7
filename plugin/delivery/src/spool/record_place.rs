//! What is known of a record since it was put into its block, so that it is laid out without being looked for again: by then its
//! bytes have left the processor's own memory.

use shiwake_records::event::Event;
use shiwake_records::msgpack::Reader;
use std::num::NonZeroU8;

/// A record's place in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPlace {
    /// Where its event ends.
    pub end: u32,
    /// What else is known of it. `None` of a record with metadata, or with numbers that are out of the ordinary: it is read again.
    pub plain: Option<PlainRecord>,
}

/// A record without metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainRecord {
    /// Microseconds of its time, as two halves: so that a place takes 16 bytes.
    time_micros: [u32; 2],
    /// Its pairs.
    pub pairs: u16,
    /// Bytes of the event before the first of them.
    pub head_bytes: NonZeroU8,
}

impl RecordPlace {
    /// The place of an event that is a record, and is put where its block ends at `end` then.
    #[must_use]
    pub fn of(event: &[u8], end: u32) -> Self {
        Self { end, plain: PlainRecord::of(event) }
    }
}

impl PlainRecord {
    fn of(event: &[u8]) -> Option<Self> {
        let event = Event::read_until(&mut Reader::new(event), event.len()).ok()?;
        if event.metadata.is_some_and(|metadata| metadata.count > 0) {
            return None;
        }
        let micros = event.time.micros().cast_unsigned();
        Some(Self {
            time_micros: [(micros >> 32) as u32, micros as u32],
            pairs: u16::try_from(event.body.count).ok()?,
            head_bytes: u8::try_from(event.raw.len() - event.body.content.len()).ok().and_then(NonZeroU8::new)?,
        })
    }

    /// Its time, in microseconds.
    #[must_use]
    pub fn time_micros(&self) -> i64 {
        let [high, low] = self.time_micros;
        (u64::from(high) << 32 | u64::from(low)).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_small_and_knows_the_time_also_before_1970() {
        assert_eq!(size_of::<RecordPlace>(), 16);
        for seconds in [-62_135_596_800_i64, -3, 0, 1_700_000_000, 253_402_300_799] {
            // A time as a whole number, and a record of one pair.
            let mut event = vec![0x92, 0xd3];
            event.extend_from_slice(&seconds.to_be_bytes());
            event.extend_from_slice(&[0x81, 0xa1, b'k', 1]);
            let plain = RecordPlace::of(&event, 9).plain;
            assert_eq!(plain.map(|plain| plain.time_micros()), Some(seconds * 1_000_000));
            assert_eq!(plain.map(|plain| (plain.pairs, plain.head_bytes.get())), Some((1, 11)));
        }
    }

    #[test]
    fn a_record_with_metadata_or_very_many_pairs_is_read_again() {
        let with_metadata = [0x92, 0x92, 1, 0x81, 1, 2, 0x80];
        assert_eq!(RecordPlace::of(&with_metadata, 7), RecordPlace { end: 7, plain: None });
        let many = [&[0x92, 1, 0xdf, 0, 1, 0, 0][..], &[1; 0x2_0000]].concat();
        assert_eq!(RecordPlace::of(&many, 7).plain, None);
    }
}
