//! One record as JSON text in, the same text with its fields out.

use crate::answer::Answer;
use crate::record::TextRecord;
use crate::repair;
use crate::shortcut::Shortcut;
use shiwake_records::event::{Event, EventKind, Timestamp};
use shiwake_records::sorter::{Pieces, SortedItem, Sorter, SorterConfig};

/// Largest record that is sorted, in bytes of its text: it is held four times at once, and WebAssembly never gives memory
/// back. A larger one comes out as it went in.
pub const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a repaired text that memory is kept for between records.
const KEPT_BYTES: usize = 64 * 1024;

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorted<'a> {
    /// It stays as it came.
    Unchanged,
    /// A rule throws it away.
    Dropped,
    /// Its text with its fields behind its own, ended by a zero byte.
    Changed(&'a [u8]),
}

/// Sorts records one after another, and keeps its memory from one to the next.
#[derive(Debug)]
pub struct TextSorter {
    sorter: Sorter,
    record: TextRecord,
    repaired: Vec<u8>,
    answer: Answer,
    /// None when the rules look into lines.
    shortcut: Option<Shortcut>,
}

impl TextSorter {
    /// A sorter with its configuration. Pieces of long lines are passed on as they are, whatever that says of them: there is
    /// one record at a time.
    #[must_use]
    pub fn new(config: SorterConfig) -> Self {
        let config = SorterConfig { pieces: Pieces::JoinOrPass, ..config };
        let shortcut = config.rules.judges_lines_by_format().then(Shortcut::default);
        Self {
            sorter: Sorter::new(config),
            record: TextRecord::default(),
            repaired: Vec::new(),
            answer: Answer::default(),
            shortcut,
        }
    }

    /// Sorts a record with this tag. Text that is no JSON object, and cannot be made one (`repair.rs`), stays as it came, and
    /// so does what is not to be sorted: a piece of a line, a record that keeps bad bytes.
    pub fn sort(&mut self, tag: &[u8], text: &[u8]) -> Sorted<'_> {
        match self.shortcut.as_mut().and_then(|shortcut| shortcut.answer(tag, text)) {
            Some(bytes) => {
                let answer = self.shortcut.as_ref().map(|shortcut| shortcut.answered(bytes));
                answer.map_or(Sorted::Unchanged, Sorted::Changed)
            }
            None => self.sort_fully(tag, text),
        }
    }

    /// As [`TextSorter::sort`], for what no answer is known for. A function of its own, as an interpreter clears the many variables of
    /// this one with each call.
    #[inline(never)]
    fn sort_fully(&mut self, tag: &[u8], text: &[u8]) -> Sorted<'_> {
        let Self { sorter, record, repaired, answer, shortcut } = self;
        answer.clear();
        if text.len() > MAX_RECORD_BYTES {
            return Sorted::Unchanged;
        }
        let text = match record.read(text) {
            Some(()) => text,
            None => {
                repaired.clear();
                repaired.shrink_to(KEPT_BYTES);
                repair::append_repaired(text, repaired);
                match record.read(repaired) {
                    Some(()) => repaired,
                    None => return Sorted::Unchanged,
                }
            }
        };
        sorter.set_tag(tag);
        let body = record.body();
        // The time stays with the host, which takes none back.
        let event = Event {
            raw: body.whole,
            offset: 0,
            kind: EventKind::Record,
            time: Timestamp::default(),
            time_raw: b"",
            metadata: None,
            body,
            has_text_keys: true,
        };
        let mut candidate = None;
        let item = sorter.sort_alone(&event, |enriched| {
            answer.write(text, record, enriched);
            candidate = shortcut.as_mut().and_then(|shortcut| shortcut.candidate(text, record, enriched));
        });
        if matches!(item, SortedItem::Dropped(_)) {
            return Sorted::Dropped;
        }
        let Some(answer) = answer.bytes() else { return Sorted::Unchanged };
        if let (Some(shortcut), Some(candidate)) = (shortcut, candidate) {
            shortcut.learn(tag, text, candidate, answer);
        }
        Sorted::Changed(answer)
    }
}
