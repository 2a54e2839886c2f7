//! Memory in which records are put together.
//!
//! A growing buffer asks before each value whether it has to grow, and copies a text of unknown length by a call. Here there is room as
//! long as a value is a small one, and what is short is copied in moves of fixed size. So the memory is always written to its end:
//! behind what counts stands what was there before.

use super::write;

/// Bytes that there is room for at first.
const FIRST_BYTES: usize = 4096;
/// A text shorter than this has its length in its first byte.
const SHORT_BYTES: usize = 32;
/// Longest text whose length is one byte, and its header.
const MEDIUM_BYTES: usize = 0xff;
const MEDIUM_HEADER_BYTES: usize = 2;
/// Bytes of the longest field that is written without a look at how much room there is.
pub(crate) const FIELD_BYTES: usize = SHORT_BYTES + MEDIUM_HEADER_BYTES + MEDIUM_BYTES;

/// The memory, which is kept from record to record.
#[derive(Debug, Default)]
pub struct Room {
    bytes: Vec<u8>,
    /// Bytes that count.
    used: usize,
}

impl Room {
    /// What was put together.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }

    /// Bytes that were put together.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether nothing was put together.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Forgets what was put together, and keeps its memory.
    #[inline]
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Gives back what memory is not in use and above so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let kept = bytes.max(self.used);
        if self.bytes.len() > kept {
            self.bytes.truncate(kept);
            self.bytes.shrink_to(kept);
        }
    }

    /// Appends bytes as they are.
    #[inline]
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        match self.next::<SHORT_BYTES>() {
            Some(room) if bytes.len() < SHORT_BYTES => {
                copy_short(room, bytes);
                self.used += bytes.len();
            }
            _ => self.long_raw(bytes),
        }
    }

    /// Appends so many bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(room) = self.next::<N>() {
            *room = bytes;
            self.used += N;
        }
    }

    /// Appends fields, each as `write` writes it at a place in the memory, which gives the place behind it; or as `write_apart` does,
    /// where that gives none.
    #[inline]
    pub(crate) fn fields<'f, F: 'f>(
        &mut self,
        fields: &'f [F],
        write: impl Fn(&F, &mut [u8; FIELD_BYTES]) -> Option<usize>,
        write_apart: impl Fn(&F, &mut Vec<u8>),
    ) {
        let mut rest = fields.iter();
        loop {
            let (bytes, mut used) = (self.bytes.as_mut_slice(), self.used);
            let unwritten = rest.find(|field| {
                let room = bytes.get_mut(used..).and_then(|room| room.first_chunk_mut());
                match room.and_then(|room| write(field, room)) {
                    Some(length) => {
                        used += length;
                        false
                    }
                    None => true,
                }
            });
            self.used = used;
            match unwritten {
                Some(field) => self.apart(|out| write_apart(field, out)),
                None => return,
            }
        }
    }

    /// Appends what `write` writes, which is at most `N` fields, and says how many they are; `None` when one of them is long, and then
    /// nothing is appended.
    #[inline(always)]
    pub(crate) fn short_fields<const N: usize>(
        &mut self,
        write: impl FnOnce(&mut ShortFields<'_>) -> Option<()>,
    ) -> Option<u32> {
        let most = N * FIELD_BYTES;
        if self.bytes.len() - self.used < most {
            self.grow(most);
        }
        let room = self.bytes.get_mut(self.used..)?;
        let before = room.len();
        let mut fields = ShortFields { room, count: 0 };
        write(&mut fields)?;
        self.used += before - fields.room.len();
        Some(fields.count)
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

    /// Says anew how many pairs the map has whose header was written at `at`, in as many bytes: for both numbers a header takes the
    /// same.
    #[inline]
    pub(crate) fn set_map_count(&mut self, at: usize, count: u32) {
        match self.bytes.get_mut(at..) {
            Some([0xde, a, b, ..]) => [*a, *b] = (count as u16).to_be_bytes(),
            Some([header, ..]) if count < 16 => *header = 0x80 | count as u8,
            _ => {}
        }
    }

    /// Appends what `write` appends.
    #[cold]
    #[inline(never)]
    pub(crate) fn apart(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.used);
        write(&mut self.bytes);
        self.used = self.bytes.len();
        // What is behind counts for nothing, and need not be the memory's end.
        self.bytes.resize(self.bytes.capacity().min(self.used + FIRST_BYTES), 0);
    }

    #[inline(never)]
    fn long_raw(&mut self, bytes: &[u8]) {
        let end = self.used.saturating_add(bytes.len());
        if end > self.bytes.len() {
            self.grow(bytes.len());
        }
        if let Some(room) = self.bytes.get_mut(self.used..end) {
            room.copy_from_slice(bytes);
            self.used = end;
        }
    }

    /// The next bytes of the room.
    #[inline]
    fn next<const N: usize>(&mut self) -> Option<&mut [u8; N]> {
        if self.bytes.len() - self.used < N {
            self.grow(N);
        }
        self.bytes.get_mut(self.used..)?.first_chunk_mut()
    }

    /// Makes room for so many bytes at least, and for as many again as there are.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        let bytes = bytes.saturating_add(FIRST_BYTES).max(self.bytes.len());
        self.bytes.resize(self.used.saturating_add(bytes), 0);
    }
}

/// Fields that are written where there is room for all of them.
#[derive(Debug)]
pub(crate) struct ShortFields<'r> {
    /// What is left of it.
    room: &'r mut [u8],
    count: u32,
}

/// A key and a string that are always the same, and short, as MessagePack.
#[derive(Debug)]
pub(crate) struct KnownField {
    bytes: [u8; SHORT_BYTES],
    length: usize,
}

impl KnownField {
    #[expect(clippy::indexing_slicing, reason = "the compiler runs this, and says so when they are longer")]
    pub(crate) const fn new(name: &str, text: &str) -> Self {
        let (mut bytes, mut length, mut part) = ([0; SHORT_BYTES], 0, 0);
        while part < 2 {
            let text = if part == 0 { name.as_bytes() } else { text.as_bytes() };
            bytes[length] = 0xa0 | text.len() as u8;
            let mut at = 0;
            while at < text.len() {
                bytes[length + 1 + at] = text[at];
                at += 1;
            }
            length += 1 + text.len();
            part += 1;
        }
        Self { bytes, length }
    }
}

impl ShortFields<'_> {
    /// A field that is always the same.
    #[inline(always)]
    pub(crate) fn known(&mut self, field: &KnownField) -> Option<()> {
        *self.room.first_chunk_mut()? = field.bytes;
        self.step(field.length)
    }

    /// A key, and a string that is part of `whole`; `None` when they are long.
    #[inline(always)]
    pub(crate) fn part(&mut self, name: &'static str, text: &[u8], whole: &[u8]) -> Option<()> {
        // One move, whatever is behind the string, costs less than to ask how long the string is.
        let start = text.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        let Some(moved) = whole.get(start..).and_then(|rest| rest.first_chunk::<SHORT_BYTES>()) else {
            return self.text(name, text);
        };
        if text.len() >= SHORT_BYTES {
            return self.text(name, text);
        }
        let room: &mut [u8; FIELD_BYTES] = self.room.first_chunk_mut()?;
        let (head, value) = short_name(room, name.as_bytes())?.split_first_mut()?;
        *head = 0xa0 | text.len() as u8;
        *value.first_chunk_mut()? = *moved;
        self.step(2 + name.len() + text.len())
    }

    /// A key and a string; `None` when they are long.
    #[inline(always)]
    pub(crate) fn text(&mut self, name: &'static str, text: &[u8]) -> Option<()> {
        let length = text_field(self.room.first_chunk_mut()?, name.as_bytes(), text)?;
        self.step(length)
    }

    /// A key and an integer; `None` when they are long.
    #[inline(always)]
    pub(crate) fn int(&mut self, name: &'static str, int: i64) -> Option<()> {
        let length = int_field(self.room.first_chunk_mut()?, name.as_bytes(), int)?;
        self.step(length)
    }

    #[inline(always)]
    fn step(&mut self, length: usize) -> Option<()> {
        self.room = std::mem::take(&mut self.room).get_mut(length..)?;
        self.count += 1;
        Some(())
    }
}

/// Writes a key and behind it a string, as [`write::str`] does, and says how many bytes they are; `None` when they are long.
#[inline(always)]
pub(crate) fn text_field(room: &mut [u8; FIELD_BYTES], name: &[u8], text: &[u8]) -> Option<usize> {
    let (value, length) = (short_name(room, name)?, text.len());
    if length < SHORT_BYTES {
        write_short(value, text);
        return Some(2 + name.len() + length);
    }
    let [head, size, value @ ..] = value else { return None };
    let value = value.get_mut(..length).filter(|_| length <= MEDIUM_BYTES)?;
    (*head, *size) = (0xd9, length as u8);
    value.copy_from_slice(text);
    Some(1 + name.len() + MEDIUM_HEADER_BYTES + length)
}

/// Writes a key and behind it an integer, as [`write::int`] does, and says how many bytes they are; `None` when the key is long, or the
/// integer is negative or large.
#[inline(always)]
pub(crate) fn int_field(room: &mut [u8; FIELD_BYTES], name: &[u8], int: i64) -> Option<usize> {
    let number = u32::try_from(int).ok()?;
    let value = short_name(room, name)?;
    let length = match (number, number.to_be_bytes()) {
        (0..=0x7f, [.., a]) => set(value, [a]),
        (0x80..=0xff, [.., a]) => set(value, [0xcc, a]),
        (0x100..=0xffff, [.., a, b]) => set(value, [0xcd, a, b]),
        (_, [a, b, c, d]) => set(value, [0xce, a, b, c, d]),
    };
    Some(1 + name.len() + length)
}

/// Writes a key and behind it a float, as [`write::float`] does, and says how many bytes they are; `None` when the key is long.
#[inline(always)]
pub(crate) fn float_field(room: &mut [u8; FIELD_BYTES], name: &[u8], float: f64) -> Option<usize> {
    let [a, b, c, d, e, f, g, h] = float.to_be_bytes();
    Some(1 + name.len() + set(short_name(room, name)?, [0xcb, a, b, c, d, e, f, g, h]))
}

/// Writes a short key, and gives what is behind it.
#[inline(always)]
fn short_name<'r>(room: &'r mut [u8; FIELD_BYTES], name: &[u8]) -> Option<&'r mut [u8]> {
    if name.len() < SHORT_BYTES { Some(write_short(room, name)) } else { None }
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
#[inline(always)]
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
        Fields(Vec<(usize, Field)>),
        /// Where texts begin in their whole, and how long they are.
        Short(Vec<(usize, usize)>),
        Raw(usize),
        Map(u32),
        Apart(usize),
    }

    #[derive(Debug, Clone)]
    enum Field {
        Text(usize),
        Int(i64),
        Float(f64),
    }

    const MOST: usize = 10;
    static KNOWN: KnownField = KnownField::new("name", "text");

    fn length() -> impl Strategy<Value = usize> {
        prop_oneof![0_usize..40, 250_usize..260, Just(3_000)]
    }

    fn piece() -> impl Strategy<Value = Piece> {
        let field = prop_oneof![
            length().prop_map(Field::Text),
            any::<i64>().prop_map(Field::Int),
            (-200_i64..70_000).prop_map(Field::Int),
            (0_i64..1 << 33).prop_map(Field::Int),
            any::<f64>().prop_map(Field::Float),
        ];
        prop_oneof![
            proptest::collection::vec((length(), field), 0..20).prop_map(Piece::Fields),
            proptest::collection::vec((0_usize..300, prop_oneof![9 => 0_usize..40, 1 => 250_usize..260]), 0..MOST - 2)
                .prop_map(Piece::Short),
            length().prop_map(Piece::Raw),
            (0_u32..20).prop_map(Piece::Map),
            (65_530_u32..65_540).prop_map(Piece::Map),
            length().prop_map(Piece::Apart),
        ]
    }

    proptest! {
        #[test]
        fn what_is_put_together_is_what_is_written_one_by_one(pieces in proptest::collection::vec(piece(), 0..200)) {
            let bytes: Vec<u8> = (0..3_000_u32).map(|at| (at % 251) as u8).collect();
            let part = |length: usize| bytes.get(..length).unwrap_or_default();
            let (mut writer, mut expected) = (Room::default(), b"before".to_vec());
            writer.raw(b"before");
            for piece in pieces {
                match piece {
                    Piece::Fields(fields) => {
                        let write_apart = |(name, field): &(usize, Field), out: &mut Vec<u8>| {
                            write::str(out, part(*name));
                            match field {
                                Field::Text(length) => write::str(out, part(*length)),
                                Field::Int(int) => write::int(out, *int),
                                Field::Float(float) => write::float(out, *float),
                            }
                        };
                        let write = |(name, field): &(usize, Field), room: &mut [u8; FIELD_BYTES]| match field {
                            Field::Text(length) => text_field(room, part(*name), part(*length)),
                            Field::Int(int) => int_field(room, part(*name), *int),
                            Field::Float(float) => float_field(room, part(*name), *float),
                        };
                        writer.fields(&fields, write, write_apart);
                        fields.iter().for_each(|field| write_apart(field, &mut expected));
                    }
                    Piece::Short(texts) => {
                        let whole = part(320);
                        let texts: Vec<_> = texts.iter().filter_map(|(start, length)| whole.get(*start..start + length)).collect();
                        let written = writer.short_fields::<MOST>(|out| {
                            texts.iter().try_for_each(|text| out.part("part", text, whole))?;
                            out.int("int", 300)?;
                            out.known(&KNOWN)
                        });
                        let is_short = texts.iter().all(|text| text.len() <= MEDIUM_BYTES);
                        prop_assert_eq!(written, is_short.then_some(texts.len() as u32 + 2));
                        if is_short {
                            let mut field = |name: &str, write: &dyn Fn(&mut Vec<u8>)| {
                                write::str(&mut expected, name.as_bytes());
                                write(&mut expected);
                            };
                            texts.iter().for_each(|text| field("part", &|out| write::str(out, text)));
                            field("int", &|out| write::int(out, 300));
                            field("name", &|out| write::str(out, b"text"));
                        }
                    }
                    Piece::Raw(length) => {
                        writer.raw(part(length));
                        expected.extend_from_slice(part(length));
                    }
                    Piece::Map(count) => {
                        writer.map_header(count);
                        write::map_header(&mut expected, count);
                    }
                    Piece::Apart(length) => {
                        writer.apart(|out| write::str(out, part(length)));
                        write::str(&mut expected, part(length));
                    }
                }
            }
            prop_assert_eq!(writer.bytes(), expected);
        }
    }
}
