//! Puts the fields of a line that names them itself in the line's place.
//!
//! A JSON or logfmt line under `log`, `message` or `msg` gives way to its fields, which stand behind the record's own; a line
//! that is logfmt only at its beginning or JSON only behind a head of syslog stays, and its fields stand behind the record's too. The record's
//! own fields stay byte for byte and keep their names; a field of the line whose name is taken, by the record or by an
//! earlier field of the line, is `line.NAME` (so is a `log_type` that is no
//! log type, which the sorter says itself), and when that is taken too `line.NAME#2`, `line.NAME#3` and so on. Everything
//! that the line says is then in the record once; only what means nothing is gone: white space between values, and which of
//! several ways of writing a text or a number was used.
//!
//! The sorter leaves a record alone that names its type: it was sorted before, or whoever wrote it has decided. So expanding
//! is done once, and what a line holds is not expanded again.

use crate::fields::FieldIndex;
use crate::line::LineFormat;
use crate::line::fields::LineFields;
use crate::line::json::JsonScanner;
use crate::line::logfmt::{self, Extent};
use crate::line::syslog::SyslogLine;
use crate::msgpack::{Composite, Reader, write};
use crate::rules::RuleSet;
use std::io::Write as _;
use std::ops::Range;

/// What stands before a name that is taken.
pub const TAKEN_PREFIX: &str = "line.";
/// Names of one line that may be taken; a line with more stays a line, as no program writes one.
pub const MAX_TAKEN: usize = 64;
/// Numbers that are tried behind a name that is taken under its prefix too.
const MAX_TRIES: usize = 64;
/// Bytes of an expanded record that memory is kept for between records.
const KEPT_BYTES: usize = 256 * 1024;
/// Names that memory is kept for between records.
const KEPT_NAMES: usize = 1024;

/// A key of the record or of the line.
#[derive(Debug, Clone, Copy)]
struct Name {
    /// The first eight bytes, so that most comparisons need no look at the key.
    head: u64,
    of_line: bool,
    /// Which of the line's or of the record's fields.
    at: usize,
    /// Where the key is, in the line's fields or in the record.
    start: usize,
    end: usize,
}

impl Name {
    fn new(key: &[u8], of_line: bool, at: usize, start: usize) -> Self {
        Self { head: head(key), of_line, at, start, end: start + key.len() }
    }

    fn key<'a>(&self, record: &'a [u8], line: &'a [u8]) -> &'a [u8] {
        let bytes = if self.of_line { line } else { record };
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

/// Orders keys as their bytes do, but for zeros at the end.
fn head(key: &[u8]) -> u64 {
    let mut head = [0; 8];
    for (to, from) in head.iter_mut().zip(key) {
        *to = *from;
    }
    u64::from_be_bytes(head)
}

/// A field of the line that needs another name, and that name's place among the new names.
#[derive(Debug)]
struct Taken {
    at: usize,
    name: Range<usize>,
}

/// A record whose line gave way to its fields, or got them beside it.
#[derive(Debug, Clone)]
pub struct Expanded<'s> {
    /// The record with the fields of the line behind its own.
    pub body: Composite<'s>,
    /// What the line was.
    pub format: LineFormat,
    /// Where the line and its key stood in the content of the record; empty when they stayed.
    pub left_out: Range<usize>,
}

/// Expands records one after another and keeps its memory.
#[derive(Debug, Default)]
pub struct Expander {
    scanner: JsonScanner,
    fields: LineFields,
    names: Vec<Name>,
    taken: Vec<Taken>,
    new_names: Vec<u8>,
    body: Vec<u8>,
}

impl Expander {
    /// The record with the fields of its line, which stands under `key`; `None` when it is no such line.
    pub fn expand<'s>(
        &'s mut self,
        index: &FieldIndex,
        body: &Composite<'_>,
        (key, line): (&str, &[u8]),
        rules: &RuleSet,
    ) -> Option<Expanded<'s>> {
        let (extent, format) = if line.trim_ascii_start().first() == Some(&b'{') {
            (self.scanner.scan(line, &mut self.fields).then_some(Extent::Whole)?, LineFormat::Json)
        } else if let Some(text) = json_behind_head(line) {
            (self.scanner.scan(text, &mut self.fields).then_some(Extent::Beginning)?, LineFormat::Json)
        } else {
            (logfmt::scan(line, &mut self.fields)?, LineFormat::Logfmt)
        };
        // A record whose type nobody knows is not marked as sorted, so its line, which stays, would be expanded every time.
        if extent == Extent::Beginning && index.contains(b"log_type") {
            return None;
        }
        // What is left out of the record: the line, when its fields say all of it.
        let (left_out, kept_count) = match extent {
            Extent::Whole => (index.pair(body, key.as_bytes())?, body.count.checked_sub(1)?),
            Extent::Beginning => (0..0, body.count),
        };
        self.find_taken(index, body, &left_out, rules)?;

        let count = kept_count.checked_add(u32::try_from(self.fields.count()).ok()?)?;
        self.body.clear();
        self.body.shrink_to(KEPT_BYTES);
        write::map_header(&mut self.body, count);
        let header_end = self.body.len();
        self.body.extend_from_slice(body.content.get(..left_out.start)?);
        self.body.extend_from_slice(body.content.get(left_out.end..)?);
        self.append_fields()?;
        let body = Composite { count, content: self.body.get(header_end..)?, whole: &self.body };
        Some(Expanded { body, format, left_out })
    }

    fn append_fields(&mut self) -> Option<()> {
        let mut copied = 0;
        for taken in &self.taken {
            let pair = self.fields.pairs().get(taken.at)?;
            self.body.extend_from_slice(self.fields.bytes().get(copied..pair.start)?);
            write::str(&mut self.body, self.new_names.get(taken.name.clone())?);
            self.body.extend_from_slice(self.fields.value(taken.at));
            copied = pair.value_start + self.fields.value(taken.at).len();
        }
        self.body.extend_from_slice(self.fields.bytes().get(copied..)?);
        Some(())
    }

    /// Finds the fields of the line that need another name, in their order; `None` when they are too many.
    fn find_taken(
        &mut self,
        index: &FieldIndex,
        body: &Composite<'_>,
        left_out: &Range<usize>,
        rules: &RuleSet,
    ) -> Option<()> {
        let Self { fields, names, taken, new_names, .. } = self;
        let (record, line) = (body.content, fields.bytes());
        names.clear();
        names.shrink_to(KEPT_NAMES);
        taken.clear();
        new_names.clear();
        for (at, key) in index.keys().enumerate().filter(|(_, key)| !left_out.contains(&key.start)) {
            names.push(Name::new(record.get(key.clone())?, false, at, key.start));
        }
        for (at, pair) in fields.pairs().iter().enumerate() {
            names.push(Name::new(fields.key(pair), true, at, pair.key_start));
        }
        // Equal keys come to stand together, the record's before the line's, and these in their order.
        names.sort_unstable_by(|a, b| {
            let keys = || a.key(record, line).cmp(b.key(record, line));
            a.head.cmp(&b.head).then_with(keys).then_with(|| (a.of_line, a.at).cmp(&(b.of_line, b.at)))
        });
        // A type that is none must not stand where the sorter puts the one it found.
        let is_no_type = |key: &[u8], at: usize| key == b"log_type" && !is_type(fields.value(at), rules);
        for (at, _) in fields.pairs().iter().enumerate().filter(|(at, pair)| is_no_type(fields.key(pair), *at)) {
            if taken.len() >= MAX_TAKEN {
                return None;
            }
            taken.push(Taken { at, name: 0..0 });
        }
        for pair in names.windows(2) {
            if let [before, name] = pair
                && name.of_line
                && before.head == name.head
                && before.key(record, line) == name.key(record, line)
                && !is_no_type(name.key(record, line), name.at)
            {
                if taken.len() >= MAX_TAKEN {
                    return None;
                }
                // They stand in the order of the line's fields; there are few.
                let place = taken.partition_point(|taken| taken.at < name.at);
                taken.insert(place, Taken { at: name.at, name: 0..0 });
            }
        }

        let is_known = |key: &[u8]| {
            let by_key = |name: &Name| name.head.cmp(&head(key)).then_with(|| name.key(record, line).cmp(key));
            names.binary_search_by(by_key).is_ok()
        };
        for at in 0..taken.len() {
            let (named, unnamed) = taken.split_at_mut(at);
            let this = unnamed.first_mut()?;
            let start = new_names.len();
            new_names.extend_from_slice(TAKEN_PREFIX.as_bytes());
            new_names.extend_from_slice(fields.key(fields.pairs().get(this.at)?));
            let plain_end = new_names.len();
            for number in 2.. {
                let (before, new) = new_names.split_at_checked(start)?;
                if !is_known(new) && !named.iter().any(|taken| before.get(taken.name.clone()) == Some(new)) {
                    break;
                }
                if number > MAX_TRIES {
                    return None;
                }
                new_names.truncate(plain_end);
                // Writing to memory does not fail.
                let _ = write!(new_names, "#{number}");
            }
            this.name = start..new_names.len();
        }
        Some(())
    }
}

/// Whether a value in MessagePack is the name of a log type.
fn is_type(value: &[u8], rules: &RuleSet) -> bool {
    let name = Reader::new(value).value().ok().and_then(|value| value.as_str_bytes());
    name.and_then(|name| rules.log_type(name)).is_some()
}

/// The text behind a head of syslog that looks like JSON. Most lines end with something else and are not looked at.
fn json_behind_head(line: &[u8]) -> Option<&[u8]> {
    line.trim_ascii_end().last().filter(|byte| **byte == b'}')?;
    let text = SyslogLine::parse(line)?.text.trim_ascii_start();
    text.starts_with(b"{").then_some(text)
}

#[cfg(test)]
#[path = "expand_tests.rs"]
mod tests;
