//! Cuts a chunk, the bytes the host hands over, into events.
//!
//! Invariants: the items of a chunk, put behind one another, are the chunk's bytes, whole and in order. Bytes that are
//! no event are one [`BadBytes`] up to the next event that is found, so one bad record never takes its neighbours
//! along. The work is linear in the chunk's length: the search for the next event may read each byte a bounded number
//! of times ([`SEARCH_FACTOR`]); when that is used up, what is left is bad as a whole.

use crate::event::{Event, EventError};
use crate::fields::FieldIndex;
use crate::msgpack::{MsgpackError, Reader};
use memchr::memchr2;

/// How often, on average, a byte may be read in the search for the next event behind bad bytes.
pub const SEARCH_FACTOR: usize = 16;

/// How the headers of an array of two begin, which every event is and which the newer form has for its time and metadata too:
/// as MessagePack's libraries write it, and as the encoder does that Fluent Bit's inputs use since 2.1.
const ARRAYS_OF_TWO: [&[u8]; 2] = [&[0x92], &[0xdd, 0, 0, 0, 2]];

/// What is behind the header of an array of two, when one is there.
#[inline]
fn in_array_of_two(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x92, rest @ ..] | [0xdd, 0, 0, 0, 2, rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Bytes of a chunk that are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadBytes<'a> {
    /// Where `bytes` begin in the chunk.
    pub offset: usize,
    /// The bytes, as they came.
    pub bytes: &'a [u8],
    /// What is wrong, and at which offset of the chunk.
    pub reason: EventError,
}

/// One piece of a chunk.
#[derive(Debug, Clone, Copy)]
pub enum Item<'a> {
    /// A record or a group marker.
    Event(Event<'a>),
    /// Bytes that are neither.
    Bad(BadBytes<'a>),
}

/// Iterates over the events of a chunk.
#[derive(Debug)]
pub struct Chunk<'a> {
    bytes: &'a [u8],
    position: usize,
    search_budget_bytes: usize,
}

impl<'a> Chunk<'a> {
    /// Starts at the chunk's first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, search_budget_bytes: bytes.len().saturating_mul(SEARCH_FACTOR) }
    }

    /// Whether an event that came out whole is one that was written. An event that was cut off, or whose length was
    /// changed, can take those behind it for its own content and still come out whole. It is found out by what follows
    /// it (neither the chunk's end nor another event) or by keys nobody writes, and then by the events inside of it.
    #[inline]
    fn is_trusted(&mut self, event: &Event<'_>, end: usize) -> bool {
        if self.takes_a_header(end) {
            return false;
        }
        let is_followed_well = self.is_followed_well(end);
        (event.has_text_keys && is_followed_well) || !self.holds_event(event, end, is_followed_well)
    }

    /// Whether another event begins in the record of the one that ends at `end`. Where what follows is as it should be, a whole
    /// one must be followed as well: a number and a map of a record can look like an event, but not like one of a row of them.
    /// One that does not end within the record is none of its values in any case, and what is appended to the record could
    /// make it whole.
    #[inline(never)]
    fn holds_event(&mut self, event: &Event<'_>, end: usize, is_in_row: bool) -> bool {
        let body = end - event.body.content.len();
        let found = self.find(body, end, |chunk, candidate| {
            let mut reader = Reader::at(chunk.bytes, candidate);
            let read = Event::read(&mut reader);
            let position = reader.position();
            let is_whole = read.is_ok() && position <= end;
            let is_one = read.is_ok_and(|event| chunk.is_one_of_row(&event, candidate, position, is_in_row))
                || (!is_whole && is_cut_off(chunk.bytes.get(..end).unwrap_or_default(), candidate));
            (is_one, position)
        });
        !matches!(found, Search::Nothing)
    }

    /// Whether the event from `start` to `end`, which was searched for, was most likely written as one.
    fn is_one_of_row(&self, event: &Event<'_>, start: usize, end: usize, is_in_row: bool) -> bool {
        // The time and the metadata of the newer form look like an event of the older one.
        let before = self.bytes.get(..start).unwrap_or_default();
        let is_in_event = ARRAYS_OF_TWO.iter().any(|header| before.ends_with(header));
        is_likely(event) && (!(is_in_event || is_in_row) || self.is_followed_well(end))
    }

    /// Whether the bytes before `end` are the header of an event in the newer form: what is left of it then looks like an
    /// event of the older form, its time and its metadata, which is empty as a rule, with a map behind it that belongs to
    /// nothing.
    #[inline]
    fn takes_a_header(&self, end: usize) -> bool {
        let last = end.checked_sub(1).and_then(|last| self.bytes.get(last));
        ARRAYS_OF_TWO.iter().any(|header| header.last() == last) && self.takes_whole_header(end)
    }

    #[inline(never)]
    fn takes_whole_header(&self, end: usize) -> bool {
        ARRAYS_OF_TWO.iter().any(|header| {
            let Some(start) = end.checked_sub(header.len()) else { return false };
            let rest = self.bytes.get(start..).and_then(|rest| rest.strip_prefix(*header)).unwrap_or_default();
            if in_array_of_two(rest).is_none() {
                return false;
            }
            let mut reader = Reader::at(self.bytes, start);
            let event = Event::read(&mut reader);
            let is_whole =
                |event: Event<'_>| is_likely(&event) && event.metadata.is_some_and(|metadata| metadata.count == 0);
            event.is_ok_and(is_whole) && self.is_followed_well(reader.position())
        })
    }

    /// Whether the chunk ends at `end` or goes on as events begin: an array of two, and a time or the newer form's array.
    #[inline]
    fn is_followed_well(&self, end: usize) -> bool {
        match self.bytes.get(end..) {
            None | Some([]) => true,
            Some(rest) => matches!(
                in_array_of_two(rest),
                Some([0x92 | 0xdd | 0xc7 | 0xcb | 0xce | 0xcf | 0xd3 | 0xd7 | 0xfe | 0xff, ..])
            ),
        }
    }

    /// Where the first event begins from `from` on.
    fn find_event(&mut self, from: usize) -> Option<usize> {
        let found = self.find(from, self.bytes.len(), |chunk, candidate| {
            let mut reader = Reader::at(chunk.bytes, candidate);
            let read = Event::read(&mut reader);
            let position = reader.position();
            (read.is_ok_and(|event| chunk.is_one_of_row(&event, candidate, position, false)), position)
        });
        if let Search::Event(at) = found { Some(at) } else { None }
    }

    /// Looks between `from` and `end` for the first place where an event can begin and of which `look` says that one does; it
    /// also says how far it has read.
    fn find(&mut self, mut from: usize, end: usize, look: impl Fn(&Self, usize) -> (bool, usize)) -> Search {
        loop {
            let rest = self.bytes.get(from..end).unwrap_or_default();
            let Some(found) = memchr2(0x92, 0xdd, rest) else { return Search::Nothing };
            let candidate = from + found;
            // Most that may begin one is no array of a time; to read what it is would take long where it is nested.
            let can_begin = self.bytes.get(candidate..).is_some_and(begins_with_time);
            let (is_one, position) = if can_begin { look(self, candidate) } else { (false, candidate) };
            if is_one {
                return Search::Event(candidate);
            }
            let read = position - candidate + found + 1;
            match self.search_budget_bytes.checked_sub(read) {
                Some(left) => self.search_budget_bytes = left,
                None => return Search::GivenUp,
            }
            from = candidate + 1;
        }
    }
}

/// What the search for an event found.
enum Search {
    /// One that begins there.
    Event(usize),
    /// None, and all bytes were looked at.
    Nothing,
    /// None so far, and the work allowed for a chunk is done.
    GivenUp,
}

impl<'a> Iterator for Chunk<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        self.next_with(Event::read)
    }
}

impl<'a> Chunk<'a> {
    /// As [`Chunk::next`], and lists the keys of an event's record on the way; the index is of no use for anything else.
    #[inline]
    pub fn next_indexed(&mut self, index: &mut FieldIndex) -> Option<Item<'a>> {
        self.next_with(|reader| Event::read_indexed(reader, index))
    }

    #[inline]
    fn next_with(&mut self, read: impl FnOnce(&mut Reader<'a>) -> Result<Event<'a>, EventError>) -> Option<Item<'a>> {
        if self.position >= self.bytes.len() {
            return None;
        }
        let start = self.position;
        let mut reader = Reader::at(self.bytes, start);
        let reason = match read(&mut reader) {
            Ok(event) if self.is_trusted(&event, reader.position()) => {
                self.position = reader.position();
                return Some(Item::Event(event));
            }
            Ok(_) => EventError::Swallows { offset: start },
            Err(reason) => reason,
        };
        self.position = self.find_event(start + 1).unwrap_or(self.bytes.len());
        let bytes = self.bytes.get(start..self.position).unwrap_or_default();
        Some(Item::Bad(BadBytes { offset: start, bytes, reason }))
    }
}

/// Whether bytes that came out as an event were most likely written as one: text for keys, and a time as Fluent Bit
/// writes it or a number of seconds of this century. Three bytes can be an event by accident, these are longer.
fn is_likely(event: &Event<'_>) -> bool {
    has_likely_time(event) && event.has_text_keys && (event.body.count > 0 || event.metadata.is_some())
}

fn has_likely_time(event: &Event<'_>) -> bool {
    const THIS_CENTURY: std::ops::Range<i64> = 978_307_200..4_102_444_800;
    match event.time_raw.first() {
        Some(0xd7 | 0xc7) => true,
        Some(0xcb..=0xcf | 0xd3) => THIS_CENTURY.contains(&event.time.seconds),
        _ => false,
    }
}

/// Whether bytes begin as an event with a time of [`has_likely_time`] does.
fn begins_with_time(bytes: &[u8]) -> bool {
    let Some(rest) = in_array_of_two(bytes) else { return false };
    matches!(in_array_of_two(rest).unwrap_or(rest), [0xc7 | 0xcb..=0xcf | 0xd3 | 0xd7, ..])
}

/// Most bytes that are taken to be missing at the end of an event that begins in another's record. Bytes that mean something else can look
/// like the beginning of one, but then a length in it is a random number.
const MISSING_BYTES: u64 = 4096;

/// Whether the bytes from `start` on are most likely an event of which little is cut off: its time, of its record at least the header,
/// and text as the first key as far as there is one.
fn is_cut_off(bytes: &[u8], start: usize) -> bool {
    let is_short = match Event::read(&mut Reader::at(bytes, start)) {
        Err(EventError::Msgpack(MsgpackError::Truncated { needed, left, .. })) => {
            needed.saturating_sub(left as u64) <= MISSING_BYTES
        }
        _ => false,
    };
    is_short
        && Event::read_until(&mut Reader::at(bytes, start), bytes.len()).is_ok_and(|event| {
            let has_text_key = matches!(event.body.content.first(), None | Some(0xa0..=0xbf | 0xd9..=0xdb));
            has_likely_time(&event) && event.body.count > 0 && has_text_key
        })
}

#[cfg(test)]
#[path = "chunk_tests.rs"]
mod tests;
