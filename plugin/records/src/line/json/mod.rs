//! Lines that are a JSON object, straight to MessagePack.
//!
//! Grammar: RFC 8259 (<https://www.rfc-editor.org/rfc/rfc8259>), strictly; a line that breaks it is no JSON line and stays
//! what it is. What cannot be said otherwise stays as it is written, as text: a number that neither an integer of 64 bits
//! nor a float holds exactly, half of a surrogate pair, and what is nested deeper than [`MAX_DEPTH`]. Bytes that are not
//! UTF-8 stay what they are. Names that come twice in a nested object stay there twice.
//!
//! The scanner goes over the line once, keeps open objects and arrays in a list of its own and does not recurse.

mod escaped;
mod number;
mod text;

pub use escaped::{escaped_in, find_escaped, is_escaped};
pub use text::unescape;

use super::fields::LineFields;
use crate::msgpack::write;

/// Objects and arrays within each other that become MessagePack, not counting the line's own object; a deeper one is kept
/// as its JSON text. The same depth that [`crate::msgpack::json`] prints.
pub const MAX_DEPTH: usize = crate::msgpack::json::MAX_DEPTH;
/// A line that is nested deeper than this is no JSON line.
pub const MAX_OPEN: usize = 1024;
/// Memory for a text with escapes that is kept between lines.
const KEPT_TEXT_BYTES: usize = 64 * 1024;

/// An object or an array whose end was not seen yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_map: bool,
    count: u32,
    /// Where it begins in the line.
    start: usize,
    /// Where its header is in the output.
    header: usize,
}

/// Reads lines, and keeps its memory from line to line.
#[derive(Debug, Default)]
pub struct JsonScanner {
    open: Vec<Open>,
    text: Vec<u8>,
}

impl JsonScanner {
    /// Writes the fields of a JSON object with at least one field and answers true; anything else answers false and leaves
    /// the fields in no particular state.
    pub fn scan(&mut self, line: &[u8], fields: &mut LineFields) -> bool {
        fields.clear();
        self.open.clear();
        self.text.shrink_to(KEPT_TEXT_BYTES);
        Scan { line, at: 0, scanner: self }.object(fields).is_some()
    }

    /// Appends the value at `at` of a text, with all that is in it, to `out`, and says where it ends; `None` when there is none.
    pub fn value(&mut self, text: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
        self.open.clear();
        self.text.shrink_to(KEPT_TEXT_BYTES);
        let mut scan = Scan { line: text, at, scanner: self };
        scan.value(out)?;
        Some(scan.at)
    }
}

/// A text of a line.
enum Quoted<'l> {
    /// It has no escapes.
    AsWritten(&'l [u8]),
    /// What it stands for is in the scanner's memory.
    Unescaped,
}

/// A line, and how far it is read. Every function answers `None` where the line breaks the grammar.
struct Scan<'l, 's> {
    line: &'l [u8],
    at: usize,
    scanner: &'s mut JsonScanner,
}

impl<'l> Scan<'l, '_> {
    fn object(mut self, fields: &mut LineFields) -> Option<()> {
        self.skip_space();
        self.expect(b'{')?;
        self.skip_space();
        loop {
            match self.quoted()? {
                Quoted::AsWritten(key) => fields.begin(key),
                Quoted::Unescaped => fields.begin(&self.scanner.text),
            };
            self.colon()?;
            self.value(fields.bytes_mut())?;
            self.skip_space();
            match self.next()? {
                b',' => self.skip_space(),
                b'}' => break,
                _ => return None,
            }
        }
        self.skip_space();
        (self.at == self.line.len()).then_some(())
    }

    /// One value with all that is in it.
    fn value(&mut self, out: &mut Vec<u8>) -> Option<()> {
        loop {
            match self.peek()? {
                opening @ (b'{' | b'[') => {
                    let is_map = opening == b'{';
                    if self.scanner.open.len() >= MAX_OPEN {
                        return None;
                    }
                    self.scanner.open.push(Open { is_map, count: 0, start: self.at, header: out.len() });
                    out.push(0);
                    self.at += 1;
                    self.skip_space();
                    if self.peek()? != closing(is_map) {
                        if is_map {
                            self.key(out)?;
                        }
                        continue;
                    }
                    self.at += 1;
                    self.close(out)?;
                }
                b'"' => self.string(out)?,
                b't' => self.literal(b"true", out, 0xc3)?,
                b'f' => self.literal(b"false", out, 0xc2)?,
                b'n' => self.literal(b"null", out, 0xc0)?,
                _ => self.at += number::write(self.line.get(self.at..)?, out)?,
            }
            if !self.has_next(out)? {
                return Some(());
            }
        }
    }

    /// Behind a value: closes what ends here, and says whether another value follows; then the scan is in front of it.
    fn has_next(&mut self, out: &mut Vec<u8>) -> Option<bool> {
        loop {
            let Some(open) = self.scanner.open.last_mut() else { return Some(false) };
            open.count = open.count.checked_add(1)?;
            let is_map = open.is_map;
            self.skip_space();
            match self.next()? {
                b',' => {
                    self.skip_space();
                    if is_map {
                        self.key(out)?;
                    }
                    return Some(true);
                }
                byte if byte == closing(is_map) => self.close(out)?,
                _ => return None,
            }
        }
    }

    /// Ends the innermost open object or array: with its header, now that its count is known, or as its text when it is too
    /// deep.
    fn close(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let open = self.scanner.open.pop()?;
        let depth = self.scanner.open.len();
        if depth > MAX_DEPTH {
            // It is within one that becomes text as a whole.
            return Some(());
        }
        if depth == MAX_DEPTH {
            out.truncate(open.header);
            write::str(out, self.line.get(open.start..self.at)?);
            return Some(());
        }
        // Room is kept for the short header, which nearly all have; a long one moves the content, once a level.
        let (short, long) = if open.is_map { (0x80, 0xde) } else { (0x90, 0xdc) };
        match (u8::try_from(open.count), u16::try_from(open.count)) {
            (Ok(count @ 0..=15), _) => *out.get_mut(open.header)? = short | count,
            (_, Ok(count)) => {
                let [high, low] = count.to_be_bytes();
                out.splice(open.header..=open.header, [long, high, low]);
            }
            _ => {
                let [a, b, c, d] = open.count.to_be_bytes();
                out.splice(open.header..=open.header, [long + 1, a, b, c, d]);
            }
        }
        Some(())
    }

    /// A name of a nested object, and what stands before its value.
    fn key(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.string(out)?;
        self.colon()
    }

    fn colon(&mut self) -> Option<()> {
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Some(())
    }

    fn string(&mut self, out: &mut Vec<u8>) -> Option<()> {
        match self.quoted()? {
            Quoted::AsWritten(text) => write::str(out, text),
            Quoted::Unescaped => write::str(out, &self.scanner.text),
        }
        Some(())
    }

    /// What stands between quotes.
    #[inline]
    fn quoted(&mut self) -> Option<Quoted<'l>> {
        self.expect(b'"')?;
        let (line, start) = (self.line, self.at);
        let at = find_escaped(line, start);
        match line.get(at)? {
            b'"' => {
                self.at = at + 1;
                Some(Quoted::AsWritten(line.get(start..at)?))
            }
            b'\\' => self.unescaped(at),
            // Control characters must be escaped.
            _ => None,
        }
    }

    /// What stands between quotes, of which the first escape is there.
    fn unescaped(&mut self, mut escape: usize) -> Option<Quoted<'l>> {
        let Self { line, at: start, scanner: JsonScanner { text, .. } } = self;
        text.clear();
        loop {
            text.extend_from_slice(line.get(*start..escape)?);
            *start = escape + text::unescape_one(line.get(escape..)?, text)?;
            escape = find_escaped(line, *start);
            match line.get(escape)? {
                b'"' => {
                    text.extend_from_slice(line.get(*start..escape)?);
                    *start = escape + 1;
                    return Some(Quoted::Unescaped);
                }
                b'\\' => {}
                _ => return None,
            }
        }
    }

    fn literal(&mut self, word: &[u8], out: &mut Vec<u8>, byte: u8) -> Option<()> {
        self.line.get(self.at..)?.strip_prefix(word)?;
        self.at += word.len();
        out.push(byte);
        Some(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }
}

fn closing(is_map: bool) -> u8 {
    if is_map { b'}' } else { b']' }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
