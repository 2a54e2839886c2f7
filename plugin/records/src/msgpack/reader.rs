//! Steps over MessagePack values in borrowed bytes.

use super::same::is_same;
use super::value::{Composite, Value};

/// Why bytes are not a whole MessagePack value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MsgpackError {
    /// The bytes end inside a value.
    #[error("value at offset {offset} needs {needed} more bytes, {left} are left")]
    Truncated {
        /// Where the header or the data begins that is cut off.
        offset: usize,
        /// Bytes needed from `offset` on; for an array or a map at least one for each element.
        needed: u64,
        /// Bytes there are from `offset` on.
        left: usize,
    },
    /// 0xc1, which MessagePack reserves and nothing writes.
    #[error("byte 0xc1 at offset {offset} is not MessagePack")]
    Reserved {
        /// Where the byte is.
        offset: usize,
    },
}

impl MsgpackError {
    /// Where the byte is that is to blame.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            MsgpackError::Truncated { offset, .. } | MsgpackError::Reserved { offset } => *offset,
        }
    }
}

/// What one header says: a whole scalar, or how many values follow.
enum Head<'a> {
    Scalar(Value<'a>),
    Array(u32),
    Map(u32),
}

/// First bytes of arrays, and of maps, from the shortest form, without its count, to the longest.
const ARRAY: [u8; 3] = [0x90, 0xdc, 0xdd];
const MAP: [u8; 3] = [0x80, 0xde, 0xdf];

/// Bytes of a whole value whose first byte says how many they are; 0 for the others.
#[expect(clippy::indexing_slicing, reason = "evaluated at build time, where a wrong index does not compile")]
const BYTES_BY_MARKER: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut marker = 0;
    while marker < 256 {
        bytes[marker] = match marker {
            0x00..=0x80 | 0x90 | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
            0xa0..=0xbf => 1 + (marker & 0x1f) as u8,
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 | 0xd4 => 3,
            0xd5 => 4,
            0xca | 0xce | 0xd2 => 5,
            0xd6 => 6,
            0xcb | 0xcf | 0xd3 => 9,
            0xd7 => 10,
            0xd8 => 18,
            _ => 0,
        };
        marker += 1;
    }
    bytes
};

/// Bytes of a value that begins like this, when it is no list, no map and not longer than a text of 64 KiB; otherwise 0. What is
/// behind the value may be anything.
#[inline(always)]
pub(crate) fn value_bytes([first, second, third]: [u8; 3]) -> u32 {
    match BYTES_BY_MARKER.get(usize::from(first)) {
        Some(bytes) if *bytes != 0 => u32::from(*bytes),
        _ => match first {
            0xd9 => 2 + u32::from(second),
            0xda => 3 + u32::from(u16::from_be_bytes([second, third])),
            _ => 0,
        },
    }
}

/// Bytes of the value at the beginning of `rest`, when it is whole, and [`value_bytes`] tells them.
#[inline]
fn plain_length(rest: &[u8]) -> Option<usize> {
    let begin = match *rest {
        [first, second, third, ..] => [first, second, third],
        [first, second] => [first, second, u8::MAX],
        [first] => [first, u8::MAX, u8::MAX],
        [] => return None,
    };
    let bytes = value_bytes(begin) as usize;
    (bytes != 0 && bytes <= rest.len()).then_some(bytes)
}

/// The text of less than 64 KiB at the beginning of `rest`, when there is one and it is whole, and its bytes with the header.
#[inline]
pub(crate) fn plain_text(rest: &[u8]) -> Option<(&[u8], usize)> {
    let (header, length) = match *rest {
        [marker @ 0xa0..=0xbf, ..] => (1, usize::from(marker & 0x1f)),
        [0xd9, length, ..] => (2, usize::from(length)),
        [0xda, high, low, ..] => (3, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    Some((rest.get(header..header + length)?, header + length))
}

/// The text, or number from 0 to 2^32, at the beginning of `rest`, when there is one and it is whole, and its bytes.
#[inline]
pub(crate) fn plain_value(rest: &[u8]) -> Option<(Value<'_>, usize)> {
    if let Some((text, bytes)) = plain_text(rest) {
        return Some((Value::Str(text), bytes));
    }
    let (int, bytes) = match *rest {
        [int @ 0x00..=0x7f, ..] => (u32::from(int), 1),
        [0xcc, int, ..] => (u32::from(int), 2),
        [0xcd, high, low, ..] => (u32::from(u16::from_be_bytes([high, low])), 3),
        [0xce, a, b, c, d, ..] => (u32::from_be_bytes([a, b, c, d]), 5),
        _ => return None,
    };
    Some((Value::Int(i64::from(int)), bytes))
}

/// A position in borrowed bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Starts at `position`; one past the end reads nothing.
    #[must_use]
    pub fn at(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position: position.min(bytes.len()) }
    }

    /// Offset of the next byte to be read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether all bytes are read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.position >= self.bytes.len()
    }

    /// The bytes from `start` to where the reader is now.
    #[must_use]
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.position).unwrap_or_default()
    }

    /// Reads one value; of an array or a map all its elements are stepped over and checked to be whole.
    ///
    /// # Errors
    /// When the bytes are cut off or are not MessagePack.
    #[inline]
    pub fn value(&mut self) -> Result<Value<'a>, MsgpackError> {
        match plain_value(self.rest()) {
            Some((value, bytes)) => {
                self.position += bytes;
                Ok(value)
            }
            None => self.any_value(),
        }
    }

    fn any_value(&mut self) -> Result<Value<'a>, MsgpackError> {
        let start = self.position;
        Ok(match self.head()? {
            Head::Scalar(value) => value,
            Head::Array(count) => Value::Array(self.rest_of(start, count, u64::from(count))?),
            Head::Map(count) => Value::Map(self.rest_of(start, count, u64::from(count) * 2)?),
        })
    }

    /// Whether the next value is an array or a map.
    #[inline]
    #[must_use]
    pub fn is_composite_next(&self) -> bool {
        matches!(self.bytes.get(self.position), Some(0x80..=0x9f | 0xdc..=0xdf))
    }

    /// Reads the header of an array and gives the number of its elements, or `None` if another value is next, which
    /// is then not read.
    ///
    /// # Errors
    /// When the bytes are cut off or are not MessagePack.
    #[inline]
    pub fn array_header(&mut self) -> Result<Option<u32>, MsgpackError> {
        if let Some(count) = self.plain_count(ARRAY) {
            return Ok(Some(count));
        }
        let start = self.position;
        if let Head::Array(count) = self.head()? {
            return Ok(Some(count));
        }
        self.position = start;
        Ok(None)
    }

    /// Reads the header of a map and gives the number of its pairs, or `None` if another value is next, which is then not read.
    ///
    /// # Errors
    /// When the bytes are cut off or are not MessagePack.
    #[inline]
    pub fn map_header(&mut self) -> Result<Option<u32>, MsgpackError> {
        if let Some(count) = self.plain_count(MAP) {
            return Ok(Some(count));
        }
        let start = self.position;
        if let Head::Map(count) = self.head()? {
            return Ok(Some(count));
        }
        self.position = start;
        Ok(None)
    }

    /// Reads a map pair by pair and says whether all of its keys are text; `None` if another value is next, which is
    /// then not read.
    ///
    /// # Errors
    /// When the bytes are cut off or are not MessagePack.
    #[inline]
    pub fn map(&mut self) -> Result<Option<(Composite<'a>, bool)>, MsgpackError> {
        let start = self.position;
        let Some(count) = self.map_header()? else { return Ok(None) };
        let content_start = self.position;
        let mut all_text = true;
        for _ in 0..count {
            all_text &= self.text_or_skip()?.is_some();
            self.skip()?;
        }
        let content = self.since(content_start);
        Ok(Some((Composite { count, content, whole: self.since(start) }, all_text)))
    }

    /// Steps over one value, however deep, in constant stack and memory.
    ///
    /// # Errors
    /// When the bytes are cut off or are not MessagePack.
    #[inline]
    pub fn skip(&mut self) -> Result<(), MsgpackError> {
        if self.skip_plain() { Ok(()) } else { self.skip_many(1) }
    }

    /// Steps over a value that is whole, and no list, no map and not long; nothing is read of anything else.
    #[inline]
    fn skip_plain(&mut self) -> bool {
        let bytes = plain_length(self.bytes.get(self.position..).unwrap_or_default());
        self.position += bytes.unwrap_or_default();
        bytes.is_some()
    }

    /// What is not read yet.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Steps over so many bytes, of which there are enough.
    #[inline]
    pub(crate) fn step(&mut self, bytes: usize) {
        self.position = self.bytes.len().min(self.position + bytes);
    }

    /// Reads a text; any other value is stepped over, and the answer is `None`.
    ///
    /// # Errors
    /// When the bytes are cut off or are not MessagePack.
    #[inline]
    pub fn text_or_skip(&mut self) -> Result<Option<&'a [u8]>, MsgpackError> {
        match self.short_text() {
            Some(text) => Ok(Some(text)),
            None => self.long_text_or_skip(),
        }
    }

    #[inline(never)]
    fn long_text_or_skip(&mut self) -> Result<Option<&'a [u8]>, MsgpackError> {
        match self.head()? {
            Head::Scalar(Value::Str(text)) => return Ok(Some(text)),
            Head::Scalar(_) => {}
            Head::Array(count) => self.skip_many(u64::from(count))?,
            Head::Map(count) => self.skip_many(u64::from(count) * 2)?,
        }
        Ok(None)
    }

    /// Reads the header of an array or a map when it is whole; nothing is read of anything else.
    #[inline]
    fn plain_count(&mut self, [shortest, middle, longest]: [u8; 3]) -> Option<u32> {
        match *self.bytes.get(self.position..)? {
            [marker, ..] if marker & 0xf0 == shortest => {
                self.position += 1;
                Some(u32::from(marker & 0x0f))
            }
            [marker, a, b, ..] if marker == middle => {
                self.position += 3;
                Some(u32::from(u16::from_be_bytes([a, b])))
            }
            [marker, a, b, c, d, ..] if marker == longest => {
                self.position += 5;
                Some(u32::from_be_bytes([a, b, c, d]))
            }
            _ => None,
        }
    }

    /// Reads a text of less than 64 KiB that is whole, which keys and nearly all values are; nothing is read of anything
    /// else.
    #[inline]
    #[must_use]
    pub fn short_text(&mut self) -> Option<&'a [u8]> {
        let (text, bytes) = plain_text(self.rest())?;
        self.position += bytes;
        Some(text)
    }

    /// Steps over these bytes when they are next, and says whether they are: a key that is expected needs no reading.
    #[inline]
    #[must_use]
    pub fn step_over(&mut self, expected: &[u8]) -> bool {
        let next = self.bytes.get(self.position..self.position + expected.len());
        let is_next = next.is_some_and(|next| is_same(next, expected));
        if is_next {
            self.position += expected.len();
        }
        is_next
    }

    fn rest_of(&mut self, start: usize, count: u32, values: u64) -> Result<Composite<'a>, MsgpackError> {
        let content_start = self.position;
        self.skip_many(values)?;
        Ok(Composite { count, content: self.since(content_start), whole: self.since(start) })
    }

    fn skip_many(&mut self, values: u64) -> Result<(), MsgpackError> {
        let (mut pending, mut rest) = (values, self.rest());
        while pending > 0 {
            // Each value takes a byte or more, so a count above what is left is found out before anything is read.
            if pending > rest.len() as u64 {
                self.leave(rest);
                return Err(MsgpackError::Truncated { offset: self.position, needed: pending, left: rest.len() });
            }
            pending -= 1;
            if let Some(begin) = rest.first_chunk()
                && let bytes @ 1.. = value_bytes(*begin) as usize
                && let Some(behind) = rest.get(bytes..)
            {
                rest = behind;
                continue;
            }
            match rest {
                [marker @ 0x80..=0x8f, behind @ ..] => {
                    pending += u64::from(marker & 0x0f) * 2;
                    rest = behind;
                }
                [marker @ 0x90..=0x9f, behind @ ..] => {
                    pending += u64::from(marker & 0x0f);
                    rest = behind;
                }
                _ => {
                    self.leave(rest);
                    pending += self.values_in_next()?;
                    rest = self.rest();
                }
            }
        }
        self.leave(rest);
        Ok(())
    }

    /// From now on `rest` is what is not read, which is the end of what was not read yet.
    #[inline]
    fn leave(&mut self, rest: &[u8]) {
        self.position = self.bytes.len().saturating_sub(rest.len());
    }

    /// Reads a header, or a scalar, and tells how many values are in it.
    #[inline(never)]
    fn values_in_next(&mut self) -> Result<u64, MsgpackError> {
        Ok(match self.head()? {
            Head::Scalar(_) => 0,
            Head::Array(count) => u64::from(count),
            Head::Map(count) => u64::from(count) * 2,
        })
    }

    #[inline]
    fn head(&mut self) -> Result<Head<'a>, MsgpackError> {
        let offset = self.position;
        let marker = self.take::<1>(offset)?[0];
        let scalar = match marker {
            0x00..=0x7f => Value::Int(i64::from(marker)),
            0x80..=0x8f => return Ok(Head::Map(u32::from(marker & 0x0f))),
            0x90..=0x9f => return Ok(Head::Array(u32::from(marker & 0x0f))),
            0xa0..=0xbf => Value::Str(self.data(offset, usize::from(marker & 0x1f))?),
            0xc0 => Value::Nil,
            0xc1 => {
                self.position = offset;
                return Err(MsgpackError::Reserved { offset });
            }
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4..=0xc6 => {
                let length = self.length(offset, marker - 0xc4)?;
                Value::Bin(self.data(offset, length)?)
            }
            0xc7..=0xc9 => {
                let length = self.length(offset, marker - 0xc7)?;
                self.ext(offset, length)?
            }
            0xca => Value::F32(f32::from_be_bytes(self.take(offset)?)),
            0xcb => Value::F64(f64::from_be_bytes(self.take(offset)?)),
            0xcc => Value::Int(i64::from(u8::from_be_bytes(self.take(offset)?))),
            0xcd => Value::Int(i64::from(u16::from_be_bytes(self.take(offset)?))),
            0xce => Value::Int(i64::from(u32::from_be_bytes(self.take(offset)?))),
            0xcf => {
                let int = u64::from_be_bytes(self.take(offset)?);
                i64::try_from(int).map_or(Value::UInt(int), Value::Int)
            }
            0xd0 => Value::Int(i64::from(i8::from_be_bytes(self.take(offset)?))),
            0xd1 => Value::Int(i64::from(i16::from_be_bytes(self.take(offset)?))),
            0xd2 => Value::Int(i64::from(i32::from_be_bytes(self.take(offset)?))),
            0xd3 => Value::Int(i64::from_be_bytes(self.take(offset)?)),
            0xd4..=0xd8 => self.ext(offset, 1 << (marker - 0xd4))?,
            0xd9..=0xdb => {
                let length = self.length(offset, marker - 0xd9)?;
                Value::Str(self.data(offset, length)?)
            }
            0xdc => return Ok(Head::Array(u32::from(u16::from_be_bytes(self.take(offset)?)))),
            0xdd => return Ok(Head::Array(u32::from_be_bytes(self.take(offset)?))),
            0xde => return Ok(Head::Map(u32::from(u16::from_be_bytes(self.take(offset)?)))),
            0xdf => return Ok(Head::Map(u32::from_be_bytes(self.take(offset)?))),
            0xe0..=0xff => Value::Int(i64::from(i8::from_be_bytes([marker]))),
        };
        Ok(Head::Scalar(scalar))
    }

    /// A length of 1, 2 or 4 bytes, for `width` 0, 1 and 2.
    fn length(&mut self, offset: usize, width: u8) -> Result<usize, MsgpackError> {
        Ok(match width {
            0 => usize::from(u8::from_be_bytes(self.take(offset)?)),
            1 => usize::from(u16::from_be_bytes(self.take(offset)?)),
            _ => u32::from_be_bytes(self.take(offset)?) as usize,
        })
    }

    fn ext(&mut self, offset: usize, length: usize) -> Result<Value<'a>, MsgpackError> {
        let kind = i8::from_be_bytes(self.take(offset)?);
        Ok(Value::Ext(kind, self.data(offset, length)?))
    }

    #[inline]
    fn take<const N: usize>(&mut self, offset: usize) -> Result<[u8; N], MsgpackError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(head) = rest.first_chunk::<N>() else {
            return Err(self.truncated(offset, N));
        };
        self.position += N;
        Ok(*head)
    }

    #[inline]
    fn data(&mut self, offset: usize, length: usize) -> Result<&'a [u8], MsgpackError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(data) = rest.get(..length) else {
            return Err(self.truncated(offset, length));
        };
        self.position += length;
        Ok(data)
    }

    #[cold]
    fn truncated(&mut self, offset: usize, wanted: usize) -> MsgpackError {
        let header = self.position - offset;
        self.position = offset;
        MsgpackError::Truncated { offset, needed: header as u64 + wanted as u64, left: self.bytes.len() - offset }
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
