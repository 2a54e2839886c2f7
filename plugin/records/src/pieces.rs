//! Joins the pieces of a long line.
//!
//! Docker cuts a line every 16 KiB. Its fluentd driver, which FireLens uses, sends every piece as a record of its own with
//! `partial_message`, `partial_id` (the same for all pieces of a line), `partial_ordinal` (from 1 on) and `partial_last`, all as
//! text (<https://github.com/moby/moby/blob/master/daemon/logger/fluentd/fluentd.go>,
//! <https://github.com/moby/moby/blob/master/daemon/logger/copier.go>). A line is joined before anything else is done with it,
//! because half a JSON document is none.
//!
//! Invariants: a line is joined only when all its pieces are in one chunk and differ in nothing but their text and place; then
//! no byte of it is lost: the line stands where the piece that came last stands, with the time and the fields of the first,
//! without the four fields that told of pieces. Every other piece stays a record. Nothing is kept from one chunk to the next,
//! so nothing is lost when there is no next one, and what is needed at a time is in proportion to the chunk.
//!
//! What it does not do: CRI's pieces (`logtag` `P` and `F`) have nothing that tells which belong together, so joining those is
//! left to the input, which reads one file at a time (`multiline.parser cri`).

use crate::chunk::{Chunk, Item};
use crate::classify::line_of;
use crate::event::{Event, EventKind};
use crate::fields::FieldIndex;
use crate::msgpack::{Reader, Value, write};
use std::ops::Range;

/// The fields that tell of pieces.
pub const PIECE_KEYS: [&str; 4] = ["partial_message", "partial_id", "partial_ordinal", "partial_last"];
/// What a piece gets that is not joined, with the text `true`, as Docker writes such values.
pub const INCOMPLETE_KEY: &str = "partial_incomplete";
/// Fields of a piece; one that has more stays a record, as comparing them would take too long.
const MAX_FIELDS: u32 = 128;
/// Pieces that memory is kept for between chunks.
const KEPT_PIECES: usize = 1024;

/// What becomes of an event of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PieceFate {
    /// It is no piece.
    NoPiece,
    /// A piece whose others are not all in the chunk.
    Apart,
    /// Its line stands where a later piece is.
    InLaterOne,
    /// Its line stands here.
    Whole(Whole),
}

/// All pieces of a line, by their places in [`PieceJoiner`]'s order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole {
    first: usize,
    count: usize,
}

impl Whole {
    /// The places, from the first piece to the last.
    pub(crate) fn places(self) -> Range<usize> {
        self.first..self.first + self.count
    }
}

#[derive(Debug, Clone)]
struct Piece {
    /// Where its event begins in the chunk.
    offset: usize,
    /// Where its line's id is in the chunk.
    id: Range<usize>,
    ordinal: i64,
    is_last: bool,
    fate: PieceFate,
}

/// Finds what belongs together in one chunk after another and keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct PieceJoiner {
    /// In the order in which they stand in the chunk.
    pieces: Vec<Piece>,
    /// Places in `pieces`, by line and ordinal.
    order: Vec<usize>,
    index: FieldIndex,
    first_index: FieldIndex,
}

/// Whether a record looks like a piece; [`PieceJoiner::plan`] looks closer.
#[inline]
pub(crate) fn may_be_piece(index: &FieldIndex) -> bool {
    index.contains(b"partial_id")
}

impl PieceJoiner {
    /// Forgets the chunk before.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.pieces.shrink_to(KEPT_PIECES);
        self.order.clear();
        self.order.shrink_to(KEPT_PIECES);
    }

    /// Finds all pieces of a chunk and what becomes of them.
    pub(crate) fn plan(&mut self, chunk: &[u8]) {
        self.clear();
        for item in Chunk::new(chunk) {
            if let Item::Event(event) = item {
                self.index.fill(&event.body);
                self.pieces.extend(piece(&self.index, &event, chunk));
            }
        }
        let pieces = &self.pieces;
        self.order.extend(0..pieces.len());
        let rank = |at: &usize| pieces.get(*at).map(|piece| (chunk.get(piece.id.clone()), piece.ordinal, piece.offset));
        self.order.sort_unstable_by(|a, b| rank(a).cmp(&rank(b)));

        let mut first = 0;
        while first < self.order.len() {
            let id = |place: usize| {
                self.order.get(place).and_then(|at| self.pieces.get(*at)).and_then(|piece| chunk.get(piece.id.clone()))
            };
            let count = (first..self.order.len()).take_while(|place| id(*place) == id(first)).count();
            let whole = Whole { first, count };
            if self.is_whole(chunk, whole) {
                self.join(whole);
            }
            first += count.max(1);
        }
    }

    /// What becomes of the event that begins at `offset`.
    pub(crate) fn fate(&self, offset: usize) -> PieceFate {
        let found = self.pieces.binary_search_by_key(&offset, |piece| piece.offset).ok();
        found.and_then(|at| self.pieces.get(at)).map_or(PieceFate::NoPiece, |piece| piece.fate)
    }

    /// Appends the event with the line that the pieces are together. `None` when that cannot be written, as when it has more
    /// than 4 GiB; what is appended is then no event.
    pub(crate) fn append_joined(&mut self, chunk: &[u8], whole: Whole, out: &mut Vec<u8>) -> Option<()> {
        let event = self.event(chunk, whole.first)?;
        self.first_index.fill(&event.body);
        let (key, _) = line_of(&self.first_index, &event.body)?;
        let line = self.first_index.pair(&event.body, key.as_bytes())?;

        out.extend_from_slice(event.raw.get(..event.raw.len().checked_sub(event.body.whole.len())?)?);
        write::map_header(out, event.body.count.checked_sub(PIECE_KEYS.len() as u32)?);
        let mut reader = Reader::new(event.body.content);
        while !reader.is_at_end() {
            let start = reader.position();
            let field = reader.text_or_skip().ok()??;
            reader.skip().ok()?;
            if start == line.start {
                write::str(out, field);
                self.append_text(chunk, whole, out)?;
            } else if !is_piece_key(field) {
                out.extend_from_slice(reader.since(start));
            }
        }
        Some(())
    }

    /// Appends the text of all pieces as one value.
    fn append_text(&mut self, chunk: &[u8], whole: Whole, out: &mut Vec<u8>) -> Option<()> {
        let mut bytes = 0_usize;
        for place in whole.places() {
            bytes = bytes.checked_add(self.text(chunk, place)?.len())?;
        }
        write::str_header(out, bytes);
        out.reserve(bytes);
        for place in whole.places() {
            let text = self.text(chunk, place)?;
            out.extend_from_slice(text);
        }
        Some(())
    }

    fn text<'c>(&mut self, chunk: &'c [u8], place: usize) -> Option<&'c [u8]> {
        let event = self.event(chunk, place)?;
        self.index.fill(&event.body);
        Some(line_of(&self.index, &event.body)?.1)
    }

    /// The event of the piece at a place.
    pub(crate) fn event<'c>(&self, chunk: &'c [u8], place: usize) -> Option<Event<'c>> {
        let piece = self.pieces.get(*self.order.get(place)?)?;
        Event::read(&mut Reader::at(chunk, piece.offset)).ok()
    }

    /// Whether the pieces from `first` on are all of their line, and differ in text and place only.
    fn is_whole(&mut self, chunk: &[u8], whole: Whole) -> bool {
        let Whole { first, count } = whole;
        let in_order = (0..count).all(|number| {
            let piece = self.order.get(first + number).and_then(|at| self.pieces.get(*at));
            piece.is_some_and(|piece| piece.ordinal == number as i64 + 1 && piece.is_last == (number + 1 == count))
        });
        if !in_order {
            return false;
        }
        let Some(leader) = self.event(chunk, first) else { return false };
        self.first_index.fill(&leader.body);
        whole.places().all(|place| {
            let Some(event) = self.event(chunk, place) else { return false };
            self.index.fill(&event.body);
            has_same_origin((&self.first_index, &leader), (&self.index, &event)) == Some(true)
        })
    }

    fn join(&mut self, whole: Whole) {
        let Some(group) = self.order.get(whole.places()) else { return };
        let place_of_last = group.iter().copied().max();
        for at in group {
            if let Some(piece) = self.pieces.get_mut(*at) {
                let is_here = Some(*at) == place_of_last;
                piece.fate = if is_here { PieceFate::Whole(whole) } else { PieceFate::InLaterOne };
            }
        }
    }
}

fn is_piece_key(key: &[u8]) -> bool {
    PIECE_KEYS.iter().any(|known| known.as_bytes() == key)
}

/// What an event tells of itself as a piece. One that was sorted before stays what it is.
fn piece(index: &FieldIndex, event: &Event<'_>, chunk: &[u8]) -> Option<Piece> {
    let body = &event.body;
    let is_record = event.kind == EventKind::Record && event.has_text_keys && body.count <= MAX_FIELDS;
    if !is_record || !may_be_piece(index) || index.contains(b"log_type") {
        return None;
    }
    line_of(index, body)?;
    let flag = |key: &str| match index.get(body, key.as_bytes())? {
        Value::Bool(flag) => Some(flag),
        Value::Str(b"true") => Some(true),
        Value::Str(b"false") => Some(false),
        _ => None,
    };
    let ordinal = match index.get(body, b"partial_ordinal")? {
        Value::Str(digits) if digits.len() < 10 => std::str::from_utf8(digits).ok()?.parse().ok()?,
        value => value.as_int()?,
    };
    let id = index.get(body, b"partial_id")?.as_str_bytes().filter(|id| !id.is_empty())?;
    let pair = index.pair(body, b"partial_id")?;
    let content_start = event.offset + event.raw.len() - body.content.len();
    let id_end = content_start + pair.end;
    let id = id_end.checked_sub(id.len())?..id_end;
    let is_last = flag("partial_last")?;
    let is_piece = flag("partial_message")? && chunk.get(id.clone()).is_some();
    is_piece.then_some(Piece { offset: event.offset, id, ordinal, is_last, fate: PieceFate::Apart })
}

/// Whether two pieces have the same form, metadata and fields, but for the text and what tells of pieces. Their order may
/// differ: Docker's driver writes fields in any order.
fn has_same_origin(
    (first_index, first): (&FieldIndex, &Event<'_>),
    (index, event): (&FieldIndex, &Event<'_>),
) -> Option<bool> {
    let (key, _) = line_of(index, &event.body)?;
    let (first_key, _) = line_of(first_index, &first.body)?;
    if key != first_key || event.body.count != first.body.count || event.metadata != first.metadata {
        return Some(false);
    }
    let line = index.pair(&event.body, key.as_bytes())?;
    let mut reader = Reader::new(event.body.content);
    let mut own = 0;
    while !reader.is_at_end() {
        let start = reader.position();
        let field = reader.text_or_skip().ok()??;
        reader.skip().ok()?;
        if start == line.start || is_piece_key(field) {
            own += 1;
            continue;
        }
        let pair = first_index.pair(&first.body, field)?;
        if first.body.content.get(pair)? != reader.since(start) {
            return Some(false);
        }
    }
    // A field that is there twice has no place in the joined line.
    Some(own == PIECE_KEYS.len() + 1)
}
