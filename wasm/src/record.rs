//! A record that comes as JSON text, as the rules see it.
//!
//! The text is gone over once. Its fields are written as MessagePack, which is what [`shiwake_records`] reads, and where each
//! of them stands in the text is kept, so that the answer can be made of the text and not of what was read. Nothing recurses,
//! and memory is kept from record to record.
//!
//! Grammar: RFC 8259 (<https://www.rfc-editor.org/rfc/rfc8259>), strictly; of a text that breaks it nothing is believed.

use shiwake_records::line::json::{JsonScanner, find_escaped, unescape};
use shiwake_records::msgpack::{Composite, write};
use std::cell::Cell;
use std::ops::Range;

/// Bytes of MessagePack, and fields or pieces of text, that memory is kept for between records.
const KEPT_BYTES: usize = 256 * 1024;
const KEPT_ENTRIES: usize = 4 * 1024;
/// Room for the longest header of a map or of a text.
const HEADER_BYTES: usize = 5;

/// Where a field is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Its key in the text: the quote in front of it.
    start: usize,
    /// The end of its value in the text.
    end: usize,
    /// Its key in the content of the record.
    in_body: usize,
}

/// Text that stands in the JSON text as it is.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    in_body: usize,
    in_text: usize,
    length: usize,
    /// Whether in front of the first byte is the backslash that it needs there: 1, else 0.
    escaped_bytes: usize,
}

impl Stretch {
    /// Whether a byte of the record is in it, and stands in the JSON text without a backslash.
    #[inline]
    fn has(&self, in_body: usize) -> bool {
        in_body >= self.in_body + self.escaped_bytes && in_body < self.in_body + self.length
    }
}

/// Reads records one after another.
#[derive(Debug, Default)]
pub(crate) struct TextRecord {
    body: Vec<u8>,
    places: Vec<Place>,
    stretches: Vec<Stretch>,
    /// The one that was asked for last.
    last_stretch: Cell<usize>,
    scanner: JsonScanner,
    /// Where the text's closing brace is.
    end: usize,
}

impl TextRecord {
    /// Reads an object; `None` when the text is anything else.
    pub(crate) fn read(&mut self, text: &[u8]) -> Option<()> {
        self.body.clear();
        self.body.shrink_to(KEPT_BYTES);
        self.places.clear();
        self.places.shrink_to(KEPT_ENTRIES);
        self.stretches.clear();
        self.stretches.shrink_to(KEPT_ENTRIES);
        self.last_stretch.set(0);
        self.body.extend_from_slice(&[0xdf, 0, 0, 0, 0]);

        let mut at = expect(text, skip_space(text, 0), b'{')?;
        at = skip_space(text, at);
        if text.get(at) == Some(&b'}') {
            return self.ends(text, at);
        }
        loop {
            let (start, in_body) = (at, self.body.len() - HEADER_BYTES);
            at = self.string(text, at)?;
            at = expect(text, skip_space(text, at), b':')?;
            at = skip_space(text, at);
            at = match *text.get(at)? {
                b'"' => self.string(text, at)?,
                _ => self.scanner.value(text, at, &mut self.body)?,
            };
            self.places.push(Place { start, end: at, in_body });
            at = skip_space(text, at);
            match *text.get(at)? {
                b',' => at = skip_space(text, at + 1),
                b'}' => return self.ends(text, at),
                _ => return None,
            }
        }
    }

    fn ends(&mut self, text: &[u8], at: usize) -> Option<()> {
        self.end = at;
        let count = u32::try_from(self.places.len()).ok()?;
        self.body.get_mut(1..HEADER_BYTES)?.copy_from_slice(&count.to_be_bytes());
        (skip_space(text, at + 1) == text.len()).then_some(())
    }

    /// The record.
    pub(crate) fn body(&self) -> Composite<'_> {
        Composite {
            count: u32::try_from(self.places.len()).unwrap_or_default(),
            content: self.body.get(HEADER_BYTES..).unwrap_or_default(),
            whole: &self.body,
        }
    }

    /// Where the closing brace is in the text.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Where the fields stand in the text, each from the quote of its key to the end of its value, but for those at these places
    /// in the content of the record.
    pub(crate) fn fields_in_text<'s>(
        &'s self,
        without: &'s [Option<usize>],
    ) -> impl Iterator<Item = Range<usize>> + 's {
        let kept = self.places.iter().filter(|place| !without.contains(&Some(place.in_body)));
        kept.map(|place| place.start..place.end)
    }

    /// Whether there is no field.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How a piece of a text of the record stands in the JSON text; `None` when that is not known, and for what is no part of
    /// the record.
    #[inline]
    pub(crate) fn piece_in_text(&self, piece: &[u8]) -> Option<Range<usize>> {
        let in_body = piece.as_ptr().addr().checked_sub(self.body.as_ptr().addr())?;
        if in_body >= self.body.len() || piece.is_empty() {
            return None;
        }
        let first = self.stretch(in_body)?;
        let start = first.in_text + (in_body - first.in_body);
        let in_body_end = in_body + piece.len();
        if in_body_end <= first.in_body + first.length {
            return Some(start..start + piece.len());
        }
        // What lies between the two is how the text has it, with its escapes.
        let last = self.stretch(in_body_end - 1)?;
        Some(start..last.in_text + (in_body_end - last.in_body))
    }

    #[inline]
    fn stretch(&self, in_body: usize) -> Option<Stretch> {
        // What is found in a line is found from its beginning to its end.
        let last = self.last_stretch.get();
        if let Some((at, stretch)) =
            self.stretches.iter().enumerate().skip(last).take(4).find(|(_, known)| known.has(in_body))
        {
            self.last_stretch.set(at);
            return Some(*stretch);
        }
        let behind = self.stretches.partition_point(|stretch| stretch.in_body <= in_body);
        let stretch = self.stretches.get(behind.checked_sub(1)?).filter(|stretch| stretch.has(in_body))?;
        self.last_stretch.set(behind - 1);
        Some(*stretch)
    }

    /// Appends the text whose quote is at `at`, and says where it ends.
    fn string(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let start = expect(text, at, b'"')?;
        let mut end = find_escaped(text, start);
        if text.get(end) == Some(&b'"') {
            let raw = text.get(start..end)?;
            write::str(&mut self.body, raw);
            let in_body = self.body.len() - raw.len();
            self.stretches.push(Stretch { in_body, in_text: start, length: raw.len(), escaped_bytes: 0 });
            return Some(end + 1);
        }
        let header = self.body.len();
        self.body.extend_from_slice(&[0xdb, 0, 0, 0, 0]);
        let (mut from, mut escaped_bytes) = (start, 0);
        loop {
            let raw = text.get(from..end)?;
            self.stretches.push(Stretch { in_body: self.body.len(), in_text: from, length: raw.len(), escaped_bytes });
            self.body.extend_from_slice(raw);
            match (text.get(end)?, text.get(end + 1)) {
                (b'"', _) => break,
                // Of these what they stand for is their second byte.
                (b'\\', Some(b'"' | b'\\')) => {
                    (from, escaped_bytes) = (end + 1, 1);
                    end = find_escaped(text, from + 1);
                }
                _ => {
                    (from, escaped_bytes) = (end + self.rare_escape(text.get(end..)?)?, 0);
                    end = find_escaped(text, from);
                }
            }
        }
        let length = u32::try_from(self.body.len() - header - HEADER_BYTES).ok()?;
        self.body.get_mut(header + 1..header + HEADER_BYTES)?.copy_from_slice(&length.to_be_bytes());
        Some(end + 1)
    }

    /// Appends the character that an escape stands for; gives the length of the escape.
    #[inline(never)]
    fn rare_escape(&mut self, text: &[u8]) -> Option<usize> {
        let length = match text {
            // Two of them may be one character.
            [b'\\', b'u', _, _, _, _, b'\\', b'u', ..] if is_high_half(text.get(2..6)?) => 12,
            [b'\\', b'u', ..] => 6,
            [b'\\', ..] => 2,
            _ => return None,
        };
        unescape(text.get(..length)?, &mut self.body)?;
        Some(length)
    }
}

/// Whether four digits are the first half of a surrogate pair, `d800` to `dbff`.
fn is_high_half(digits: &[u8]) -> bool {
    matches!(digits, [b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B', ..])
}

#[inline]
fn skip_space(text: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = text.get(at) {
        at += 1;
    }
    at
}

#[inline]
fn expect(text: &[u8], at: usize, byte: u8) -> Option<usize> {
    (text.get(at) == Some(&byte)).then_some(at + 1)
}
