//! The layouts that are known, and which of them a record has.
//!
//! A record is taken for one of the layout that the last one had with as many fields and the same beginning. Where its keys go
//! another way, another known layout goes on from there that has the same keys before; so a field that some records have and
//! others have not costs no listing. What no layout goes on with is listed, and takes the place of one that no record had lately.

use super::LayoutId;
use super::layout::{Layout, Walk};
use crate::msgpack::{MsgpackError, Reader};

/// How many layouts are known at once.
pub(crate) const LAYOUTS: usize = 32;
/// How many keys, and bytes of them, a layout that is kept may have. With 24 keys it takes 4 KB, so all of them 120 KB, and 2 MB
/// at most.
pub(super) const KEPT_KEYS: usize = 512;
pub(super) const KEPT_KEY_BYTES: usize = 16 * 1024;
/// How many kinds of beginnings are told apart.
const BEGINNINGS: usize = 64;
/// How often it is tried to go where a record went last, before all layouts are looked at.
const TRIES: usize = 6;
/// Where a layout is built. One stays there that is not kept: of a record with keys that are no text, or with too many.
const SCRATCH: usize = 0;

/// Layouts.
#[derive(Debug)]
pub(super) struct Layouts {
    /// The first is [`SCRATCH`].
    all: Vec<Layout>,
    current: usize,
    /// Which one the last record had with a beginning; [`SCRATCH`] for none.
    by_beginning: [u8; BEGINNINGS],
    /// Where the next one is looked for that may go.
    hand: usize,
    /// How often keys were listed.
    version: u64,
}

impl Default for Layouts {
    fn default() -> Self {
        Self { all: Vec::new(), current: SCRATCH, by_beginning: [0; BEGINNINGS], hand: SCRATCH, version: 0 }
    }
}

impl Layouts {
    /// The one of the record that was last stepped over.
    #[inline]
    pub(super) fn current(&self) -> Option<&Layout> {
        self.all.get(self.current)
    }

    #[inline]
    pub(super) fn id(&self) -> LayoutId {
        LayoutId { slot: self.current, version: self.current().map_or(0, Layout::version) }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// From now on there are no keys.
    #[cold]
    pub(super) fn forget_record(&mut self) {
        self.current = SCRATCH;
        self.version += 1;
        if let Some(scratch) = self.all.first_mut() {
            scratch.begin_as(None, 0);
            scratch.list(self.version);
        }
    }

    /// Steps over so many pairs, which are next, and finds out which layout they have. Where each value begins, counted from what
    /// was next, is left in `value_starts`, in which there is room for [`KEPT_KEYS`]. Says whether all keys are text.
    #[inline]
    pub(super) fn step_over(
        &mut self,
        reader: &mut Reader<'_>,
        count: u32,
        value_starts: &mut Vec<u32>,
    ) -> Result<bool, MsgpackError> {
        let content = reader.rest();
        let count = count as usize;
        let beginning = beginning_of(content, count);
        let slot = self.by_beginning.get(beginning).map_or(SCRATCH, |slot| usize::from(*slot));
        let mut way = Way { beginning, slot, walk: Walk::default() };
        if let Some(layout) = self.all.get_mut(slot).filter(|_| slot != SCRATCH) {
            let room = room_for(count, value_starts);
            way.walk = layout.step_over_plain(content, way.walk, room);
            if way.walk.pairs < count {
                way.walk = layout.step_over(content, way.walk, room);
            }
            if way.walk.pairs == count && layout.len() == count {
                layout.is_in_use = true;
                self.current = slot;
                reader.step(way.walk.bytes);
                return Ok(true);
            }
        }
        self.go_on(way, reader, count, value_starts)
    }

    /// Goes on where a layout goes another way than the record.
    #[inline(never)]
    fn go_on(
        &mut self,
        mut way: Way,
        reader: &mut Reader<'_>,
        count: usize,
        value_starts: &mut Vec<u32>,
    ) -> Result<bool, MsgpackError> {
        let content = reader.rest();
        while let Some(other) = self.other(&way, content.get(way.walk.bytes..).unwrap_or_default(), count) {
            let Some(layout) = self.all.get_mut(other) else { break };
            let walk = layout.step_over(content, way.walk, room_for(count, value_starts));
            let has_come_on = walk.pairs > way.walk.pairs;
            way = Way { slot: other, walk, ..way };
            if walk.pairs == count && layout.len() == count {
                layout.is_in_use = true;
                self.found(&way);
                reader.step(walk.bytes);
                return Ok(true);
            }
            // A value that is not whole.
            if !has_come_on {
                break;
            }
        }
        self.list(way, reader, count, value_starts)
    }

    fn found(&mut self, way: &Way) {
        self.current = way.slot;
        if let Some(last) = self.by_beginning.get_mut(way.beginning) {
            *last = u8::try_from(way.slot).unwrap_or_default();
        }
    }

    /// A layout that goes as the record has come, and then on with what begins `rest`, or ends there as the record does.
    fn other(&mut self, way: &Way, rest: &[u8], count: usize) -> Option<usize> {
        let (layout, place) = (self.all.get(way.slot)?, way.walk.pairs);
        let goes_on = |other: usize| {
            let is_other = other != SCRATCH && other != way.slot;
            self.all.get(other).filter(|_| is_other).is_some_and(|other| {
                let has_next = if place == count { other.len() == count } else { other.has_key_at(place, rest) };
                has_next && other.begins_as(layout, place)
            })
        };
        let mut last = way.slot;
        for _ in 0..TRIES {
            match self.all.get(last)?.other_at(place) {
                SCRATCH => break,
                next if goes_on(next) => return Some(next),
                next => last = next,
            }
        }
        let found = (SCRATCH + 1..self.all.len()).find(|other| goes_on(*other))?;
        self.all.get_mut(last)?.set_other_at(place, found);
        Some(found)
    }

    /// Lists what no layout goes on with.
    #[inline(never)]
    fn list(
        &mut self,
        way: Way,
        reader: &mut Reader<'_>,
        count: usize,
        value_starts: &mut Vec<u32>,
    ) -> Result<bool, MsgpackError> {
        if self.all.is_empty() {
            self.all.reserve_exact(LAYOUTS);
            self.all.push(Layout::default());
        }
        let Some((layout, kept)) = self.all.split_first_mut() else { return Ok(false) };
        layout.begin_as(way.slot.checked_sub(SCRATCH + 1).and_then(|at| kept.get(at)), way.walk.pairs);
        layout.reserve(count);
        let length = reader.rest().len();
        reader.step(way.walk.bytes);
        let mut all_text = Ok(true);
        for _ in way.walk.pairs..count {
            match push_next(layout, reader, length, value_starts) {
                Ok(is_text) => all_text = all_text.map(|all_text| all_text && is_text),
                Err(error) => {
                    all_text = Err(error);
                    break;
                }
            }
        }
        self.version += 1;
        layout.list(self.version);
        if all_text == Ok(true) && layout.is_kept() {
            // The memory of the one that goes is kept for the next that is built.
            let slot = self.free_slot();
            self.all.swap(SCRATCH, slot);
            self.found(&Way { slot, ..way });
        } else {
            self.current = SCRATCH;
        }
        all_text
    }

    /// Gives the memory of a layout back that is not kept.
    #[cold]
    pub(super) fn forget_wide(&mut self) {
        if let Some(scratch) = self.all.first_mut().filter(|scratch| !scratch.is_kept()) {
            *scratch = Layout::default();
        }
    }

    /// Whether the layout of the last record is not kept.
    #[inline]
    pub(super) fn is_in_scratch(&self) -> bool {
        self.current == SCRATCH
    }

    /// Where there is no layout, or one that no record had since it was passed by.
    fn free_slot(&mut self) -> usize {
        if self.all.len() < LAYOUTS {
            self.all.resize_with((self.all.len() + 1).max(SCRATCH + 2), Layout::default);
            return self.all.len() - 1;
        }
        loop {
            self.hand = self.hand % (LAYOUTS - 1) + 1;
            match self.all.get_mut(self.hand) {
                Some(layout) if layout.is_in_use => layout.is_in_use = false,
                _ => return self.hand,
            }
        }
    }
}

/// How far a record was stepped over, and by which layout.
struct Way {
    /// How the record begins.
    beginning: usize,
    slot: usize,
    walk: Walk,
}

/// Where so many values' beginnings are put, as far as there is room.
#[inline]
fn room_for(count: usize, value_starts: &mut [u32]) -> &mut [u32] {
    let room = count.min(value_starts.len());
    value_starts.get_mut(..room).unwrap_or_default()
}

/// Adds the next key to a layout, when it is text, and steps over its value. `length` is how much was not read yet where value
/// starts are counted from.
fn push_next(
    layout: &mut Layout,
    reader: &mut Reader<'_>,
    length: usize,
    value_starts: &mut Vec<u32>,
) -> Result<bool, MsgpackError> {
    let start = reader.position();
    let text = reader.text_or_skip()?;
    if let Some(text) = text {
        #[expect(clippy::cast_possible_truncation, reason = "a record that is larger has no index")]
        let value_start = (length - reader.rest().len()) as u32;
        match value_starts.get_mut(layout.len()) {
            Some(to) => *to = value_start,
            None => value_starts.push(value_start),
        }
        layout.push(reader.since(start), text.len());
    }
    reader.skip()?;
    Ok(text.is_some())
}

/// How a record of so many fields with this content begins. How the first key does tells records of different writers apart that
/// have equally many fields.
#[inline]
fn beginning_of(content: &[u8], count: usize) -> usize {
    let first = content.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first));
    let mixed = (first ^ count as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % BEGINNINGS
}
