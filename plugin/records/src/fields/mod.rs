//! The top-level keys of one record, found once and kept as offsets.
//!
//! A [`FieldIndex`] is filled for one record after another and keeps its memory, so that records of ordinary width
//! cost no allocation. It does not copy or check values; a key that is not a string is not listed. Keys that are those of an
//! earlier record, in its order, are compared where they stand and not listed anew.

mod key;
mod layout;

pub use self::key::KeySet;
pub(crate) use self::key::{Marks, digest};

use self::layout::Layout;
use crate::msgpack::{Composite, MsgpackError, Reader, Value};
use std::ops::Range;

/// Keys, and bytes of them, that memory is kept for between records; that of a record with more is given back.
const KEPT_KEYS: usize = 1024;
const KEPT_KEY_BYTES: usize = 32 * 1024;
/// How many layouts are known at once.
pub(crate) const LAYOUTS: usize = 16;

/// Which keys a record has, in which order: equal ids of one index mean the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LayoutId {
    /// Less than [`LAYOUTS`]: layouts that are known together have different ones.
    pub(crate) slot: usize,
    version: u64,
}

/// The keys of the record it was last filled with.
#[derive(Debug, Default)]
pub struct FieldIndex {
    layouts: [Layout; LAYOUTS],
    /// The one of this record.
    current: usize,
    /// Where in the body's content the value of each key begins, which is where the key ends.
    value_starts: Vec<u32>,
    /// How often keys were listed anew.
    version: u64,
}

impl FieldIndex {
    /// Lists the keys of `body`. A later key with the same name is listed too; [`FieldIndex::get`] finds the first.
    pub fn fill(&mut self, body: &Composite<'_>) {
        // Of a body that is not whole the keys up to there are listed.
        let _ = self.list(&mut Reader::new(body.content), body.count);
    }

    /// Reads a map pair by pair, lists its keys, and says whether all of them are text; `None` if another value is next,
    /// which is then not read. When this fails, or does not find a map, the index is of no use.
    ///
    /// # Errors
    /// When the bytes are cut off or are not MessagePack.
    #[inline]
    pub(crate) fn read<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Option<(Composite<'a>, bool)>, MsgpackError> {
        let start = reader.position();
        let Some(count) = reader.map_header()? else { return Ok(None) };
        let content_start = reader.position();
        let all_text = self.list(reader, count)?;
        let content = reader.since(content_start);
        Ok(Some((Composite { count, content, whole: reader.since(start) }, all_text)))
    }

    /// Lists the keys of so many pairs, which begin where the reader is, and says whether all of them are text.
    fn list(&mut self, reader: &mut Reader<'_>, count: u32) -> Result<bool, MsgpackError> {
        self.forget_wide();
        let content = reader.rest();
        self.current = layout_for(content, count);
        let Self { layouts, current, value_starts, version } = self;
        let Some(layout) = layouts.get_mut(*current) else { return Ok(false) };
        let behind = layout.step_over(content, count, value_starts);
        reader.leave(behind.len());
        let known = value_starts.len();
        let mut listed = Ok(true);
        if known < count as usize {
            let rest = count - u32::try_from(known).unwrap_or(count);
            listed = list_unknown(layout, reader, content.len(), rest, value_starts);
        }
        // A record of 4 GiB has no index: nothing is found in it.
        if u32::try_from(content.len() - reader.rest().len()).is_err() {
            value_starts.clear();
        }
        layout.truncate(value_starts.len());
        layout.finish(version);
        listed
    }

    /// Forgets the record before, and its layout when that is a large one.
    fn forget_wide(&mut self) {
        self.value_starts.clear();
        self.value_starts.shrink_to(KEPT_KEYS);
        if let Some(layout) = self.layouts.get_mut(self.current)
            && (layout.len() > KEPT_KEYS || layout.size() > KEPT_KEY_BYTES)
        {
            *layout = Layout::default();
        }
    }

    fn layout(&self) -> Option<&Layout> {
        self.layouts.get(self.current)
    }

    /// Which keys the record has.
    #[inline]
    pub(crate) fn layout_id(&self) -> LayoutId {
        LayoutId { slot: self.current, version: self.layout().map_or(0, Layout::version) }
    }

    /// Which of the keys, counted from the first that is text, is the first with this text.
    #[inline]
    pub(crate) fn place(&self, key: &[u8]) -> Option<usize> {
        self.layout()?.find(key)
    }

    /// Whether the record has this key.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.place(key).is_some()
    }

    /// The value of the first field with this key.
    #[must_use]
    #[inline]
    pub fn get<'a>(&self, body: &Composite<'a>, key: &[u8]) -> Option<Value<'a>> {
        self.value_at(body, self.place(key)?)
    }

    /// The value of the key at [`FieldIndex::place`].
    #[inline(never)]
    pub(crate) fn value_at<'a>(&self, body: &Composite<'a>, place: usize) -> Option<Value<'a>> {
        Reader::at(body.content, *self.value_starts.get(place)? as usize).value().ok()
    }

    /// The first of several keys that the record has, with its value.
    #[must_use]
    #[inline]
    pub fn first_of<'a>(&self, body: &Composite<'a>, keys: &KeySet) -> Option<(&'static str, Value<'a>)> {
        if !self.may_have(keys) {
            return None;
        }
        keys.names.iter().find_map(|key| Some((*key, self.get(body, key.as_bytes())?)))
    }

    /// The first of several keys whose value is text, with the text. Of each key only the first field is looked at.
    #[must_use]
    #[inline]
    pub fn first_text_of<'a>(&self, body: &Composite<'a>, keys: &KeySet) -> Option<(&'static str, &'a [u8])> {
        if !self.may_have(keys) {
            return None;
        }
        keys.names.iter().find_map(|key| Some((*key, self.get(body, key.as_bytes())?.as_str_bytes()?)))
    }

    /// Whether the record has one of several keys.
    #[must_use]
    #[inline]
    pub fn has_any(&self, keys: &KeySet) -> bool {
        self.may_have(keys) && keys.names.iter().any(|key| self.contains(key.as_bytes()))
    }

    #[inline]
    fn may_have(&self, keys: &KeySet) -> bool {
        self.marks().meets(&keys.marks)
    }

    /// Where in the body's content the first field with this key is: its key and its value.
    #[must_use]
    pub fn pair(&self, body: &Composite<'_>, key: &[u8]) -> Option<Range<usize>> {
        let place = self.place(key)?;
        let (_, key_length) = self.layout()?.lengths(place)?;
        let value_start = *self.value_starts.get(place)? as usize;
        let mut reader = Reader::at(body.content, value_start);
        reader.skip().ok()?;
        Some(value_start.checked_sub(key_length)?..reader.position())
    }

    /// The marks of all keys.
    #[inline]
    pub(crate) fn marks(&self) -> &Marks {
        const NONE: Marks = KeySet::new(&[]).marks();
        self.layout().map_or(&NONE, Layout::marks)
    }

    /// Where in the body's content the value of the first field with this key begins.
    #[inline]
    pub(crate) fn value_start(&self, key: &[u8]) -> Option<usize> {
        self.value_starts.get(self.place(key)?).map(|start| *start as usize)
    }

    /// Where in the body's content the text of each key is, in the order of the fields.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Range<usize>> {
        let layout = self.layout();
        self.value_starts.iter().enumerate().filter_map(move |(place, end)| {
            let (text_length, _) = layout?.lengths(place)?;
            let end = *end as usize;
            Some(end.checked_sub(text_length)?..end)
        })
    }
}

/// Which layout is tried for a record of so many fields with this content.
#[inline]
fn layout_for(content: &[u8], count: u32) -> usize {
    // How the first key begins tells records of different writers apart that have equally many fields.
    let first = content.first_chunk::<8>().map_or(0, |first| u64::from_le_bytes(*first));
    let mixed = (first ^ u64::from(count)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % LAYOUTS
}

/// Lists pairs whose keys the layout does not have behind those that were stepped over, and puts them there. `length` is how
/// many bytes there were before the first pair.
#[inline(never)]
fn list_unknown(
    layout: &mut Layout,
    reader: &mut Reader<'_>,
    length: usize,
    count: u32,
    value_starts: &mut Vec<u32>,
) -> Result<bool, MsgpackError> {
    let mut all_text = true;
    layout.truncate(value_starts.len());
    for _ in 0..count {
        let start = reader.position();
        match reader.text_or_skip()? {
            Some(text) => {
                layout.push(reader.since(start), text.len());
                #[expect(clippy::cast_possible_truncation, reason = "a record that is larger has no index")]
                value_starts.push((length - reader.rest().len()) as u32);
            }
            None => all_text = false,
        }
        reader.skip()?;
    }
    Ok(all_text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_of_equal_keys_and_steps_over_keys_that_are_no_text() {
        // {1: 2, "a": [7], "b": "x", "a": 9}
        let bytes = [0x84, 0x01, 0x02, 0xa1, b'a', 0x91, 0x07, 0xa1, b'b', 0xa1, b'x', 0xa1, b'a', 0x09];
        let Value::Map(body) = Reader::new(&bytes).value().unwrap() else { panic!("a map") };
        let mut index = FieldIndex::default();
        index.fill(&body);
        assert!(matches!(index.get(&body, b"a"), Some(Value::Array(_))));
        assert_eq!(index.get(&body, b"b"), Some(Value::Str(b"x")));
        assert_eq!(index.get(&body, b"c"), None);
        assert_eq!(index.first_text_of(&body, &KeySet::new(&["a", "b"])), Some(("b", &b"x"[..])));
        assert_eq!(index.pair(&body, b"a"), Some(2..6));
        assert_eq!(index.keys().collect::<Vec<_>>(), [3..4, 7..8, 11..12]);
        assert_eq!(index.first_of(&body, &KeySet::new(&["c", "b"])), Some(("b", Value::Str(b"x"))));
        assert_eq!(index.first_of(&body, &KeySet::new(&["c", "d"])), None);
        assert!(index.has_any(&KeySet::new(&["c", "b"])) && !index.has_any(&KeySet::new(&["c", "d"])));
    }

    #[test]
    fn keys_that_look_alike_are_told_apart() {
        // {"axb": 1, "ayb": 2}, and events with these records.
        let body = [0x82, 0xa3, b'a', b'x', b'b', 0x01, 0xa3, b'a', b'y', b'b', 0x02];
        let Value::Map(read) = Reader::new(&body).value().unwrap() else { panic!("a map") };
        assert_eq!(key::digest(b"axb"), key::digest(b"azb"));
        let mut filled = FieldIndex::default();
        filled.fill(&read);
        let mut listed = FieldIndex::default();
        let chunk = [&[0x92, 0x05][..], &body].concat();
        let Some(crate::chunk::Item::Event(event)) = crate::chunk::Chunk::new(&chunk).next_indexed(&mut listed) else {
            panic!("an event")
        };
        for (index, body) in [(&filled, &read), (&listed, &event.body)] {
            let found = ["axb", "ayb", "azb"].map(|key| index.get(body, key.as_bytes()));
            assert_eq!(found, [Some(Value::Int(1)), Some(Value::Int(2)), None]);
            assert_eq!(index.keys().collect::<Vec<_>>(), [1..4, 6..9]);
        }
    }
}
