//! Answers access lines by what was answered for one like it.
//!
//! Most records of a stream differ in their line alone: same tag, same other fields. And what is appended to an access line that
//! rules do not look into is its fields, which [`crate::combined_text`] writes without all that the sorter does, and behind them text
//! that depends on nothing but the status: type, severity, origin, tags. That text is kept, of answers that the sorter has given.
//!
//! Invariants: nothing is kept unless the answer begins as it would here; a record's own field and a field of a rule with the name
//! of one of the line's are told apart by the sorter, so where there is one nothing is kept; what is kept is bounded. It
//! does not: judge anything itself.

use crate::combined_text::{self, ANSWER_BYTES, NAMES, Room, TEXT_BYTES, Text};
use crate::record::TextRecord;
use shiwake_records::append::{Enriched, FoundFields};
use shiwake_records::classify::line_of;
use shiwake_records::msgpack::is_same;
use std::ops::Range;

/// Kinds of records, and statuses of each, that are kept at once.
const MAX_KINDS: usize = 8;
const MAX_ENDS: usize = 16;
/// Records that are sorted without a try to learn of them, behind one of which nothing could be learnt or for which something else
/// had to go: with more kinds at once than are kept, and with lines that are left to the sorter, learning would cost more than it saves.
const PAUSE_RECORDS: usize = 32;
/// Most bytes of a record beside its line, and of what is appended behind the line's fields.
const MAX_KIND_BYTES: usize = 4 * 1024;
const MAX_END_BYTES: usize = 2 * 1024;

/// Records that differ in their line alone.
#[derive(Debug)]
struct Kind {
    tag: Vec<u8>,
    /// The text in front of the line, and from the quote behind it on.
    before: Vec<u8>,
    behind: Vec<u8>,
    /// A word from the middle of what is in front, and where: in most other kinds there is another.
    probe: (usize, u64),
    /// Bytes from the closing brace on.
    from_brace: usize,
    /// What was appended behind the line's fields.
    ends: Vec<End>,
}

/// What is appended to lines with a status, which stands as in [`combined_text::Written`].
#[derive(Debug)]
struct End {
    status: u32,
    bytes: Vec<u8>,
}

/// Where the line stands in the text of a record whose answer may be kept, and where its closing brace does.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    line: Range<usize>,
    brace: usize,
}

/// What is known of the records before.
#[derive(Debug)]
pub(crate) struct Shortcut {
    kinds: Vec<Kind>,
    /// Of which kind the last record was.
    last: usize,
    /// Which is to give way to the next one.
    oldest: usize,
    /// Whether the last record's line was one that is left to the sorter, so that nothing is to be learnt of it.
    is_odd: bool,
    /// Records to come of which nothing is to be learnt.
    pause: usize,
    text: Box<Text>,
    room: Box<Room>,
}

impl Default for Shortcut {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            last: 0,
            oldest: 0,
            is_odd: false,
            pause: 0,
            text: Box::new([0; size_of::<Text>()]),
            room: Box::new([0; size_of::<Room>()]),
        }
    }
}

impl Kind {
    /// Whether the record may be of this kind.
    #[inline]
    fn is_possible(&self, text: &[u8]) -> bool {
        word_at(text, self.probe.0) == self.probe.1
    }

    /// Where the line is, when the record is of this kind.
    #[inline]
    fn line(&self, tag: &[u8], text: &[u8]) -> Option<Range<usize>> {
        let line = self.before.len()..text.len().checked_sub(self.behind.len())?;
        let is_kind = text.get(..line.start).is_some_and(|before| is_same(before, &self.before))
            && text.get(line.end..).is_some_and(|behind| is_same(behind, &self.behind))
            && is_same(tag, &self.tag);
        is_kind.then_some(line)
    }
}

impl Shortcut {
    /// Writes the answer for a record, with its zero byte, when it follows from those before, and says how long it is.
    #[inline]
    pub(crate) fn answer(&mut self, tag: &[u8], text: &[u8]) -> Option<usize> {
        self.is_odd = false;
        self.pause = self.pause.saturating_sub(1);
        let line = self.kinds.get(self.last).and_then(|kind| kind.line(tag, text));
        let line = line.or_else(|| self.find_kind(tag, text))?;
        let kind = self.kinds.get(self.last)?;
        let brace = text.len() - kind.from_brace;
        self.text.get_mut(..text.len()).filter(|_| text.len() < TEXT_BYTES)?.copy_from_slice(text);
        let written = combined_text::write_fields(&self.text, line.start, line.end, &mut self.room, brace);
        self.is_odd = written.is_none();
        let written = written?;
        let end = kind.ends.iter().find(|end| end.status == written.status)?;
        self.room.get_mut(..brace)?.copy_from_slice(text.get(..brace)?);
        self.room.get_mut(written.end..)?.get_mut(..end.bytes.len())?.copy_from_slice(&end.bytes);
        Some(written.end + end.bytes.len())
    }

    /// The answer of so many bytes that was just written.
    pub(crate) fn answered(&self, bytes: usize) -> &[u8] {
        self.room.get(..bytes).unwrap_or_default()
    }

    #[inline(never)]
    fn find_kind(&mut self, tag: &[u8], text: &[u8]) -> Option<Range<usize>> {
        let mut possible = self.kinds.iter().enumerate().filter(|(_, kind)| kind.is_possible(text));
        let (at, line) = possible.find_map(|(at, kind)| Some((at, kind.line(tag, text)?)))?;
        self.last = at;
        Some(line)
    }

    /// Whether what was found for the record that was asked for last may be kept, whose text is `text`.
    pub(crate) fn candidate(
        &mut self,
        text: &[u8],
        record: &TextRecord,
        enriched: &Enriched<'_, '_>,
    ) -> Option<Candidate> {
        let Enriched { index, body, found, left_out, .. } = enriched;
        // Of the fields of an access line this is the first; most other lines end here.
        let first = found.iter().next().filter(|(name, _)| *name == "remote_addr");
        if first.is_none() || self.is_odd || self.pause > 0 {
            return None;
        }
        // Until it is learnt.
        self.pause = PAUSE_RECORDS;
        if left_out.is_some() || text.len() >= TEXT_BYTES || !are_of_line(found) {
            return None;
        }
        let (_, line) = line_of(index, body)?;
        let is_replaced = enriched.replaced().iter().any(Option::is_some);
        let is_own = NAMES.iter().any(|name| index.contains(name.as_bytes()));
        let start = record.piece_in_text(line.get(..1)?).filter(|_| !is_replaced && !is_own)?.start;
        let field = record.fields_in_text(&[]).find(|field| field.contains(&start))?;
        let line = start..field.end.checked_sub(1)?;
        let is_kept = line.start + (text.len() - line.end) <= MAX_KIND_BYTES && text.get(line.end) == Some(&b'"');
        is_kept.then_some(Candidate { line, brace: record.end() })
    }

    /// Keeps of an answer to the record what is the same for others like it.
    pub(crate) fn learn(
        &mut self,
        tag: &[u8],
        text: &[u8],
        Candidate { line, brace }: Candidate,
        answer: &[u8],
    ) -> Option<()> {
        self.text.get_mut(..text.len())?.copy_from_slice(text);
        let written = combined_text::write_fields(&self.text, line.start, line.end, &mut self.room, brace)?;
        self.room.get_mut(..brace)?.copy_from_slice(text.get(..brace)?);
        let bytes = answer.strip_prefix(self.room.get(..written.end)?)?;
        let is_next = |name: &str| {
            let rest = bytes.strip_prefix(b",\"").and_then(|bytes| bytes.strip_prefix(name.as_bytes()));
            rest.is_some_and(|rest| rest.starts_with(b"\""))
        };
        // A field of a rule's that stands where this line has none of that name.
        if bytes.len() > MAX_END_BYTES || NAMES.iter().any(|name| is_next(name)) {
            return None;
        }
        let mut is_known = true;
        if self.find_kind(tag, text).is_none() {
            let probed = (line.start / 2).min(line.start.saturating_sub(WORD_BYTES));
            let kind = Kind {
                tag: tag.to_vec(),
                probe: (probed, word_at(text, probed)),
                before: text.get(..line.start)?.to_vec(),
                behind: text.get(line.end..)?.to_vec(),
                from_brace: text.len() - brace,
                ends: Vec::new(),
            };
            self.last = self.add(kind);
            is_known = false;
        }
        let kind = self.kinds.get_mut(self.last)?;
        if kind.ends.len() < MAX_ENDS && kind.ends.iter().all(|end| end.status != written.status) {
            kind.ends.push(End { status: written.status, bytes: bytes.to_vec() });
            if is_known {
                self.pause = 0;
            }
        }
        Some(())
    }

    /// Adds a kind, in place of the oldest when there are as many as are kept, and says where it is.
    fn add(&mut self, kind: Kind) -> usize {
        if self.kinds.len() < MAX_KINDS {
            self.pause = 0;
            self.kinds.push(kind);
            return self.kinds.len() - 1;
        }
        let at = self.oldest;
        if let Some(oldest) = self.kinds.get_mut(at) {
            *oldest = kind;
        }
        self.oldest = (at + 1) % MAX_KINDS;
        at
    }
}

/// Bytes of a word.
const WORD_BYTES: usize = 8;

/// The word at a position; zeros where there is none.
#[inline]
fn word_at(text: &[u8], at: usize) -> u64 {
    text.get(at..).and_then(|rest| rest.first_chunk::<WORD_BYTES>()).map_or(0, |word| u64::from_le_bytes(*word))
}

/// Whether the fields with names of a line's are what a line gives: in their order, and in front of all others.
fn are_of_line(found: &FoundFields<'_>) -> bool {
    let mut next = 0;
    found.iter().all(|(name, _)| match NAMES.iter().position(|known| known == name) {
        Some(place) if place < next => false,
        place => {
            next = place.map_or(NAMES.len(), |place| place + 1);
            true
        }
    })
}

// An answer is a text up to its brace, parts of the text's line with names and quotes, and an end.
const _: () = assert!(2 * TEXT_BYTES + 512 + MAX_END_BYTES <= ANSWER_BYTES);
