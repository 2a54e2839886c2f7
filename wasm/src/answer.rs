//! The answer: the record's text as it came, with fields behind its own.
//!
//! What is appended is read by Fluent Bit's JSON reader, which takes a number for a float only when it has a dot (or a sign
//! behind its exponent; `src/flb_pack.c` there), so floats are written with one. Nothing recurses.

use crate::record::TextRecord;
use crate::words::is_plain;
use shiwake_records::append::{Enriched, FoundValue, MAX_OVER_OWN};
use shiwake_records::line::json::find_escaped;
use shiwake_records::msgpack::{Reader, Value};

/// Bytes of an answer that memory is kept for between records.
const KEPT_BYTES: usize = 256 * 1024;
/// Names of found fields that are known to stand between quotes as they are.
const KNOWN_NAMES: usize = 256;
/// Room for fields that most records get.
const ROOM_BYTES: usize = 1024;

/// A record's text with its new fields, ended by a zero byte.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    bytes: Vec<u8>,
    /// Values that stand in no record: what is open of arrays and maps, as how many values follow and whether names stand
    /// between them.
    open: Vec<(u64, bool)>,
    scratch: Vec<u8>,
    /// Addresses and lengths of names of found fields, which live as long as the sorter and are asked for again and again.
    plain_names: Vec<(usize, usize)>,
    has_fields: bool,
    is_whole: bool,
}

impl Answer {
    /// Begins another answer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.has_fields = false;
        self.is_whole = false;
    }

    /// The answer with its zero byte; `None` when it was not written, or not to its end.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.is_whole.then_some(&self.bytes)
    }

    /// Writes the answer for a record, whose text is `text`.
    pub(crate) fn write(&mut self, text: &[u8], record: &TextRecord, enriched: &Enriched<'_, '_>) {
        self.is_whole = self.try_write(text, record, enriched).is_some();
    }

    fn try_write(&mut self, text: &[u8], record: &TextRecord, enriched: &Enriched<'_, '_>) -> Option<()> {
        self.bytes.reserve(text.len() + ROOM_BYTES);
        let left_out = enriched.left_out.clone().unwrap_or_default();
        let kept_bytes = enriched.event.body.content.len() - left_out.len();
        let replaced = enriched.replaced();
        // Where the fields that are replaced stand in the event's own record; they may be some of the line's instead.
        let [first, second, third] = replaced.each_ref().map(|place| {
            let start = place.as_ref().filter(|place| place.start < kept_bytes)?.start;
            Some(if start < left_out.start { start } else { start + left_out.len() })
        });
        let line_left_out = (!left_out.is_empty()).then_some(left_out.start);
        self.own_text(text, record, [line_left_out, first, second, third])?;

        if enriched.left_out.is_some() {
            let skipped = replaced.map(|place| Some(place?.start));
            self.line_fields(enriched.body.content, kept_bytes, skipped)?;
        }
        for (name, value) in enriched.new_fields() {
            self.found_name(name.as_bytes());
            self.found_value(text, record, value)?;
        }
        self.bytes.extend_from_slice(b"}\0");
        Some(())
    }

    /// The text up to its closing brace, without the fields at these places of the record.
    fn own_text(&mut self, text: &[u8], record: &TextRecord, without: [Option<usize>; 1 + MAX_OVER_OWN]) -> Option<()> {
        if without.iter().all(Option::is_none) {
            self.bytes.extend_from_slice(text.get(..record.end())?);
            self.has_fields = !record.is_empty();
            return Some(());
        }
        self.bytes.push(b'{');
        for field in record.fields_in_text(&without) {
            self.comma();
            self.bytes.extend_from_slice(text.get(field)?);
        }
        Some(())
    }

    /// Begins another field.
    #[inline]
    fn comma(&mut self) {
        if std::mem::replace(&mut self.has_fields, true) {
            self.bytes.push(b',');
        }
    }

    /// The fields of the line, which stand in the record's content from `from` on, but for those at `skipped`.
    fn line_fields(&mut self, content: &[u8], from: usize, skipped: [Option<usize>; MAX_OVER_OWN]) -> Option<()> {
        let mut reader = Reader::at(content, from);
        while !reader.is_at_end() {
            let start = reader.position();
            let name = reader.value().ok()?.as_str_bytes()?;
            if skipped.contains(&Some(start)) {
                reader.skip().ok()?;
                continue;
            }
            self.name(name);
            self.value(&mut reader)?;
        }
        Some(())
    }

    /// A comma, if one is needed, and the name of a field.
    fn name(&mut self, name: &[u8]) {
        self.comma();
        self.quoted(name);
        self.bytes.push(b':');
    }

    /// As [`Answer::name`], for a name that stands in the code or in the rules.
    #[inline]
    fn found_name(&mut self, name: &[u8]) {
        let known = (name.as_ptr().addr(), name.len());
        if self.plain_names.get(slot(known)) == Some(&known) {
            self.bytes.extend_from_slice(if std::mem::replace(&mut self.has_fields, true) { b",\"" } else { b"\"" });
            self.bytes.extend_from_slice(name);
            self.bytes.extend_from_slice(b"\":");
        } else {
            self.name(name);
            self.plain_names.resize(KNOWN_NAMES, (0, 0));
            if let Some(slot) = self.plain_names.get_mut(slot(known)).filter(|_| is_plain(name)) {
                *slot = known;
            }
        }
    }

    #[inline]
    fn found_value(&mut self, text: &[u8], record: &TextRecord, value: &FoundValue<'_>) -> Option<()> {
        match *value {
            FoundValue::Text(piece) => match record.piece_in_text(piece) {
                Some(place) if is_cut_at_characters(text, place.start, place.end) => {
                    self.bytes.push(b'"');
                    self.bytes.extend_from_slice(text.get(place)?);
                    self.bytes.push(b'"');
                }
                _ => self.quoted(piece),
            },
            FoundValue::Int(int) => self.int(int),
            FoundValue::Bool(flag) => self.bytes.extend_from_slice(if flag { b"true" } else { b"false" }),
            FoundValue::Float(float) => self.float(float),
            FoundValue::Object(_) | FoundValue::Map(..) => {
                let mut scratch = std::mem::take(&mut self.scratch);
                scratch.clear();
                value.append_to(&mut scratch);
                let written = self.value(&mut Reader::new(&scratch));
                self.scratch = scratch;
                written?;
            }
        }
        Some(())
    }

    /// One value of MessagePack with all that is in it.
    fn value(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        self.open.clear();
        loop {
            // A name of a map is a value like any other, and always text in what is read from lines.
            let (left, is_map) = self.open.last().copied().unwrap_or((1, false));
            if left == 0 {
                self.bytes.push(if is_map { b'}' } else { b']' });
                self.open.pop();
            } else if !reader.is_composite_next() {
                self.scalar(&reader.value().ok()?)?;
                self.step();
            } else if let Some(count) = reader.map_header().ok()? {
                self.bytes.push(b'{');
                self.step();
                self.open.push((u64::from(count) * 2, true));
                continue;
            } else {
                let count = reader.array_header().ok()??;
                self.bytes.push(b'[');
                self.step();
                self.open.push((u64::from(count), false));
                continue;
            }
            match self.open.last() {
                None => return Some(()),
                Some((0, _)) => {}
                Some((left, true)) if left % 2 == 1 => self.bytes.push(b':'),
                Some(_) => self.bytes.push(b','),
            }
        }
    }

    /// A value of what is open was begun.
    fn step(&mut self) {
        if let Some((left, _)) = self.open.last_mut() {
            *left = left.saturating_sub(1);
        }
    }

    fn scalar(&mut self, value: &Value<'_>) -> Option<()> {
        match *value {
            Value::Nil => self.bytes.extend_from_slice(b"null"),
            Value::Bool(flag) => self.bytes.extend_from_slice(if flag { b"true" } else { b"false" }),
            Value::Int(int) => self.int(int),
            Value::UInt(int) => self.digits(int),
            Value::F64(float) => self.float(float),
            Value::F32(float) => self.float(f64::from(float)),
            Value::Str(text) => self.quoted(text),
            Value::Bin(_) | Value::Ext(..) | Value::Array(_) | Value::Map(_) => return None,
        }
        Some(())
    }

    /// Text in quotes; what is not UTF-8 becomes U+FFFD, as the host would refuse the whole record.
    fn quoted(&mut self, text: &[u8]) {
        self.bytes.push(b'"');
        if is_plain(text) {
            self.bytes.extend_from_slice(text);
        } else {
            for part in text.utf8_chunks() {
                self.escaped(part.valid().as_bytes());
                if !part.invalid().is_empty() {
                    self.bytes.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
        }
        self.bytes.push(b'"');
    }

    fn escaped(&mut self, text: &[u8]) {
        let mut from = 0;
        loop {
            let at = find_escaped(text, from);
            self.bytes.extend_from_slice(text.get(from..at).unwrap_or_default());
            let Some(byte) = text.get(at) else { return };
            match byte {
                b'"' => self.bytes.extend_from_slice(b"\\\""),
                b'\\' => self.bytes.extend_from_slice(b"\\\\"),
                b'\n' => self.bytes.extend_from_slice(b"\\n"),
                b'\r' => self.bytes.extend_from_slice(b"\\r"),
                b'\t' => self.bytes.extend_from_slice(b"\\t"),
                control => {
                    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
                    let escape = [b'\\', b'u', b'0', b'0', digit(control >> 4), digit(control & 0xf)];
                    self.bytes.extend_from_slice(&escape);
                }
            }
            from = at + 1;
        }
    }

    fn int(&mut self, int: i64) {
        if int < 0 {
            self.bytes.push(b'-');
        }
        self.digits(int.unsigned_abs());
    }

    fn digits(&mut self, mut number: u64) {
        let mut digits = [b'0'; 20];
        let mut count = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            count += 1;
            if number == 0 {
                break;
            }
        }
        let (_, digits) = digits.split_at(digits.len().saturating_sub(count));
        self.bytes.extend_from_slice(digits);
    }

    /// The shortest text that reads back as the same float, with a dot in it.
    fn float(&mut self, float: f64) {
        if !float.is_finite() {
            return self.bytes.extend_from_slice(b"null");
        }
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format_finite(float).as_bytes();
        let exponent = text.iter().position(|byte| *byte == b'e').unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at(exponent);
        self.bytes.extend_from_slice(mantissa);
        if !mantissa.contains(&b'.') {
            self.bytes.extend_from_slice(b".0");
        }
        self.bytes.extend_from_slice(exponent);
    }
}

/// Where a name is kept that is known to be plain.
fn slot((address, length): (usize, usize)) -> usize {
    (address ^ (address >> 7) ^ length) % KNOWN_NAMES
}

/// Whether a piece of text neither begins nor ends within a character.
#[inline]
fn is_cut_at_characters(text: &[u8], start: usize, end: usize) -> bool {
    let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    !is_inside(start) && !is_inside(end)
}
