//! Memory in which small values are put together, to be appended to a buffer at once.
//!
//! A buffer asks before each value whether it has to grow, and copies a text of unknown length by a call. Here there is room as
//! long as a value is a small one, and what is short is copied in moves of fixed size.

use super::write;

/// Bytes that are put together at most.
const ROOM_BYTES: usize = 2048;
/// A text shorter than this has its length in its first byte.
const SHORT_BYTES: usize = 32;
/// Longest text whose length is one byte, and its header.
const MEDIUM_BYTES: usize = 0xff;
const MEDIUM_HEADER_BYTES: usize = 2;

/// The memory, which is kept from record to record.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: Box<[u8; ROOM_BYTES]>,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: Box::new([0; ROOM_BYTES]) }
    }
}

impl Room {
    /// What is written goes to the end of `out`, when [`RoomWriter::finish`] is called at the latest.
    #[inline]
    pub(crate) fn writer<'r>(&'r mut self, out: &'r mut Vec<u8>) -> RoomWriter<'r> {
        RoomWriter { room: &mut self.bytes, used: 0, out }
    }
}

/// Writes values behind one another.
#[derive(Debug)]
pub(crate) struct RoomWriter<'r> {
    room: &'r mut [u8; ROOM_BYTES],
    /// Bytes of the room that are written.
    used: usize,
    out: &'r mut Vec<u8>,
}

impl RoomWriter<'_> {
    /// Appends what is still in the room.
    #[inline]
    pub(crate) fn finish(mut self) {
        self.flush();
    }

    /// Appends bytes as they are.
    #[inline]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        match self.next::<SHORT_BYTES>() {
            Some(room) if bytes.len() < SHORT_BYTES => {
                copy_short(room, bytes);
                self.used += bytes.len();
            }
            _ => self.raw_apart(bytes),
        }
    }

    /// Appends so many bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        match self.next::<N>() {
            Some(room) => {
                *room = bytes;
                self.used += N;
            }
            None => self.raw_apart(&bytes),
        }
    }

    /// Appends a key and behind it a string, as [`write::str`] does.
    #[inline]
    pub(crate) fn text_field(&mut self, name: &[u8], text: &[u8]) {
        match self.next::<{ 2 * SHORT_BYTES }>() {
            Some(room) if name.len() < SHORT_BYTES => {
                let value = write_short(room, name);
                if text.len() < SHORT_BYTES {
                    write_short(value, text);
                    self.used += 2 + name.len() + text.len();
                } else {
                    self.used += 1 + name.len();
                    self.long_str(text);
                }
            }
            _ => self.apart(|out| {
                write::str(out, name);
                write::str(out, text);
            }),
        }
    }

    /// Appends a key and behind it an integer, as [`write::int`] does.
    #[inline]
    pub(crate) fn int_field(&mut self, name: &[u8], int: i64) {
        match self.next::<{ 2 * SHORT_BYTES }>() {
            Some(room) if name.len() < SHORT_BYTES && (0..=0xffff_ffff).contains(&int) => {
                let value = write_short(room, name);
                let number = int as u32;
                let bytes = number.to_be_bytes();
                let length = match (number, bytes) {
                    (0..=0x7f, _) => set(value, [number as u8]),
                    (0x80..=0xff, [.., a]) => set(value, [0xcc, a]),
                    (0x100..=0xffff, [.., a, b]) => set(value, [0xcd, a, b]),
                    (_, [a, b, c, d]) => set(value, [0xce, a, b, c, d]),
                };
                self.used += 1 + name.len() + length;
            }
            _ => self.apart(|out| {
                write::str(out, name);
                write::int(out, int);
            }),
        }
    }

    #[inline(never)]
    fn long_str(&mut self, text: &[u8]) {
        let length = text.len();
        match self.next::<{ MEDIUM_HEADER_BYTES + MEDIUM_BYTES }>() {
            Some([head, size, room @ ..]) if (SHORT_BYTES..=MEDIUM_BYTES).contains(&length) => {
                (*head, *size) = (0xd9, length as u8);
                if let Some(room) = room.get_mut(..length) {
                    room.copy_from_slice(text);
                }
                self.used += MEDIUM_HEADER_BYTES + length;
            }
            _ => self.apart(|out| write::str(out, text)),
        }
    }

    /// Appends the header of a map with `count` pairs.
    #[inline]
    pub(crate) fn map_header(&mut self, count: u32) {
        match count {
            0..=15 => self.array([0x80 | count as u8]),
            16..=0xffff => {
                let [a, b] = (count as u16).to_be_bytes();
                self.array([0xde, a, b]);
            }
            _ => self.apart(|out| write::map_header(out, count)),
        }
    }

    /// Appends a Fluent Bit EventTime, as [`write::event_time`] does.
    #[inline]
    pub(crate) fn event_time(&mut self, seconds: u32, nanoseconds: u32) {
        self.array([0xd7, 0x00]);
        self.array(seconds.to_be_bytes());
        self.array(nanoseconds.to_be_bytes());
    }

    /// Appends what `write` appends.
    #[cold]
    pub(crate) fn apart(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.flush();
        write(self.out);
    }

    #[inline(never)]
    fn raw_apart(&mut self, bytes: &[u8]) {
        self.flush();
        self.out.extend_from_slice(bytes);
    }

    /// The next bytes of the room, when there are so many.
    #[inline]
    fn next<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        self.room.get_mut(self.used..)?.first_chunk_mut()
    }

    #[inline]
    fn flush(&mut self) {
        self.out.extend_from_slice(self.room.get(..self.used).unwrap_or_default());
        self.used = 0;
    }
}

/// Sets the first bytes and says how many they are.
#[inline]
fn set<const N: usize>(room: &mut [u8], bytes: [u8; N]) -> usize {
    if let Some(room) = room.first_chunk_mut() {
        *room = bytes;
    }
    N
}

/// Writes a string shorter than [`SHORT_BYTES`], for which there is room, and gives what is behind it.
#[inline]
fn write_short<'r>(room: &'r mut [u8], text: &[u8]) -> &'r mut [u8] {
    let Some((head, room)) = room.split_first_mut() else { return &mut [] };
    *head = 0xa0 | text.len() as u8;
    copy_short(room, text);
    room.get_mut(text.len()..).unwrap_or_default()
}

/// Copies a text to where it has room, in moves of fixed size that may overlap.
#[inline]
fn copy_short(room: &mut [u8], text: &[u8]) {
    let room = room.get_mut(..text.len()).unwrap_or_default();
    match text.len() {
        16.. => copy_ends::<16>(room, text),
        8.. => copy_ends::<8>(room, text),
        4.. => copy_ends::<4>(room, text),
        2.. => copy_ends::<2>(room, text),
        _ => copy_ends::<1>(room, text),
    }
}

/// Copies the first and the last `N` bytes, which are all of up to twice as many.
#[inline]
pub(super) fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Piece {
        Text(usize, usize),
        Raw(usize),
        Int(usize, i64),
        Map(u32),
        Time(u32, u32),
    }

    fn piece() -> impl Strategy<Value = Piece> {
        let length = || prop_oneof![0_usize..40, 250_usize..260, Just(3_000)];
        prop_oneof![
            (length(), length()).prop_map(|(name, length)| Piece::Text(name, length)),
            length().prop_map(Piece::Raw),
            (length(), any::<i64>()).prop_map(|(name, int)| Piece::Int(name, int)),
            (length(), -200_i64..70_000).prop_map(|(name, int)| Piece::Int(name, int)),
            (0_usize..40, 0_i64..1 << 33).prop_map(|(name, int)| Piece::Int(name, int)),
            (0_u32..20).prop_map(Piece::Map),
            (65_530_u32..65_540).prop_map(Piece::Map),
            any::<(u32, u32)>().prop_map(|(seconds, nanoseconds)| Piece::Time(seconds, nanoseconds)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_put_together_is_what_is_written_one_by_one(pieces in proptest::collection::vec(piece(), 0..200)) {
            let bytes: Vec<u8> = (0..3_000_u32).map(|at| (at % 251) as u8).collect();
            let part = |length: usize| bytes.get(..length).unwrap_or_default();
            let (mut room, mut out, mut expected) = (Room::default(), b"before".to_vec(), b"before".to_vec());
            let mut writer = room.writer(&mut out);
            for piece in pieces {
                match piece {
                    Piece::Text(name, length) => {
                        let (name, text) = (part(name), part(length));
                        writer.text_field(name, text);
                        write::str(&mut expected, name);
                        write::str(&mut expected, text);
                    }
                    Piece::Raw(length) => {
                        writer.raw(part(length));
                        expected.extend_from_slice(part(length));
                    }
                    Piece::Int(name, int) => {
                        writer.int_field(part(name), int);
                        write::str(&mut expected, part(name));
                        write::int(&mut expected, int);
                    }
                    Piece::Map(count) => {
                        writer.map_header(count);
                        write::map_header(&mut expected, count);
                    }
                    Piece::Time(seconds, nanoseconds) => {
                        writer.event_time(seconds, nanoseconds);
                        write::event_time(&mut expected, seconds, nanoseconds);
                    }
                }
            }
            writer.finish();
            prop_assert_eq!(out, expected);
        }
    }
}
