//! The top-level keys of one record, found once and kept as offsets.
//!
//! A [`FieldIndex`] is filled for one record after another and keeps its memory, so that records of ordinary width
//! cost no allocation. It does not copy or check values; a key that is not a string is not listed. Keys that are those of an
//! earlier record, in its order, are compared where they stand and not listed anew.

mod answers;
mod key;
mod layout;
mod layouts;

pub use self::key::KeySet;
pub(crate) use self::key::{Marks, digest};
pub(crate) use self::layouts::LAYOUTS;

use self::answers::{Answer, Sets};
use self::layout::Layout;
use self::layouts::{KEPT_KEYS, Layouts};
use crate::msgpack::{Composite, MsgpackError, Reader, Value, plain_text, plain_value};
use std::ops::Range;

/// Which keys a record has, in which order: equal ids of one index mean the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayoutId {
    /// Less than [`LAYOUTS`]: layouts that are known together have different ones.
    pub(crate) slot: usize,
    version: u64,
}

impl LayoutId {
    /// Layouts that are known together have different ones, which are small numbers.
    #[must_use]
    pub fn slot(&self) -> usize {
        self.slot
    }
}

/// The keys of the record it was last filled with.
#[derive(Debug, Default)]
pub struct FieldIndex {
    layouts: Layouts,
    sets: Sets,
    /// Where in the body's content the value of each key begins, which is where the key ends; what is behind those of the layout
    /// is of no use.
    value_starts: Vec<u32>,
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
    #[inline]
    fn list(&mut self, reader: &mut Reader<'_>, count: u32) -> Result<bool, MsgpackError> {
        if self.layouts.is_in_scratch() {
            self.make_room();
        }
        let start = reader.position();
        let listed = self.layouts.step_over(reader, count, &mut self.value_starts);
        // A record of 4 GiB has no index: nothing is found in it.
        if u32::try_from(reader.position() - start).is_err() {
            self.layouts.forget_record();
        }
        listed
    }

    /// Keeps memory for the keys of ordinary records, and gives that of others back.
    #[cold]
    fn make_room(&mut self) {
        self.layouts.forget_wide();
        self.value_starts.resize(KEPT_KEYS, 0);
        self.value_starts.shrink_to(KEPT_KEYS);
    }

    #[inline]
    fn layout(&self) -> Option<&Layout> {
        self.layouts.current()
    }

    /// Which keys the record has.
    #[must_use]
    #[inline]
    pub fn layout_id(&self) -> LayoutId {
        self.layouts.id()
    }

    /// Which of the keys, counted from the first that is text, is the first with this text.
    #[must_use]
    #[inline]
    pub fn place(&self, key: &[u8]) -> Option<usize> {
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
    #[must_use]
    #[inline(never)]
    pub fn value_at<'a>(&self, body: &Composite<'a>, place: usize) -> Option<Value<'a>> {
        let value = self.at_value(body, place)?;
        match plain_value(value) {
            Some((value, _)) => Some(value),
            None => Reader::new(value).value().ok(),
        }
    }

    /// The value of the field with that name, or else of the one that the names with dots between them lead to through maps within each
    /// other.
    #[must_use]
    pub(crate) fn at_path<'a>(&self, body: &Composite<'a>, path: &str) -> Option<Value<'a>> {
        let within = || {
            let (outer, mut rest) = path.split_once('.')?;
            let mut map = self.get(body, outer.as_bytes())?.as_map()?;
            while let Some((name, behind)) = rest.split_once('.') {
                (map, rest) = (map.field(name.as_bytes())?.as_map()?, behind);
            }
            map.field(rest.as_bytes())
        };
        self.get(body, path.as_bytes()).or_else(within)
    }

    /// Where in the body's content the value of the key at [`FieldIndex::place`] begins.
    #[inline]
    pub(crate) fn value_start_at(&self, place: usize) -> Option<usize> {
        self.value_starts.get(place).map(|start| *start as usize)
    }

    /// The first of several keys that the record has, with its value.
    #[must_use]
    #[inline(always)]
    pub fn first_of<'a>(&self, body: &Composite<'a>, keys: &KeySet) -> Option<(&'static str, Value<'a>)> {
        let answer = self.answer(keys);
        if answer.is_nothing() { None } else { self.first_among(body, keys, answer) }
    }

    #[inline(never)]
    fn first_among<'a>(
        &self,
        body: &Composite<'a>,
        keys: &KeySet,
        answer: Answer,
    ) -> Option<(&'static str, Value<'a>)> {
        match answer.places().next() {
            Some((name, place)) => Some((*keys.names.get(name)?, self.value_at(body, place)?)),
            None => keys.names.iter().find_map(|key| Some((*key, self.get(body, key.as_bytes())?))),
        }
    }

    /// The first of several keys whose value is text, with the text. Of each key only the first field is looked at.
    #[must_use]
    #[inline(always)]
    pub fn first_text_of<'a>(&self, body: &Composite<'a>, keys: &KeySet) -> Option<(&'static str, &'a [u8])> {
        let answer = self.answer(keys);
        if answer.is_nothing() { None } else { self.first_text_among(body, keys, answer) }
    }

    /// The text of the only one of several keys that the record has.
    #[inline]
    pub(crate) fn text_of_only<'a>(&self, body: &Composite<'a>, keys: &KeySet) -> Option<&'a [u8]> {
        let (_, place) = self.answer(keys).only()?;
        self.text_at(body, place)
    }

    #[inline(never)]
    fn first_text_among<'a>(
        &self,
        body: &Composite<'a>,
        keys: &KeySet,
        answer: Answer,
    ) -> Option<(&'static str, &'a [u8])> {
        if answer.is_many() {
            let text = |key: &str| self.text_at(body, self.place(key.as_bytes())?);
            return keys.names.iter().find_map(|key| Some((*key, text(key)?)));
        }
        answer.places().find_map(|(name, place)| Some((*keys.names.get(name)?, self.text_at(body, place)?)))
    }

    /// Whether the record has one of several keys.
    #[must_use]
    #[inline]
    pub fn has_any(&self, keys: &KeySet) -> bool {
        !self.answer(keys).is_nothing()
    }

    /// Which of several keys the record has.
    #[inline(always)]
    fn answer(&self, keys: &KeySet) -> Answer {
        let Some(layout) = self.layout() else { return Answer::NOTHING };
        layout.answers().known(&self.sets, keys).unwrap_or_else(|| self.find_answer(layout, keys))
    }

    #[inline(never)]
    fn find_answer(&self, layout: &Layout, keys: &KeySet) -> Answer {
        let find = || {
            // Of most sets there is none, which their marks tell.
            let names = if layout.marks().meets(&keys.marks) { keys.names } else { &[] };
            Answer::of(names.iter().map(|name| layout.find(name.as_bytes())))
        };
        layout.answers().find(&self.sets, keys, find)
    }

    /// What begins with the value of the key at [`FieldIndex::place`].
    #[inline]
    fn at_value<'a>(&self, body: &Composite<'a>, place: usize) -> Option<&'a [u8]> {
        body.content.get(*self.value_starts.get(place)? as usize..)
    }

    /// The text of the key at [`FieldIndex::place`], when it is one.
    #[inline(always)]
    pub fn text_at<'a>(&self, body: &Composite<'a>, place: usize) -> Option<&'a [u8]> {
        let value = self.at_value(body, place)?;
        plain_text(value).map(|(text, _)| text).or_else(|| any_text(value))
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

    /// Where in the body's content the value of the key at [`FieldIndex::place`] begins.
    #[inline]
    pub(crate) fn start_at(&self, place: usize) -> Option<usize> {
        self.value_starts.get(place).map(|start| *start as usize)
    }

    /// Where in the body's content the text of each key is, in the order of the fields.
    pub fn keys(&self) -> impl Iterator<Item = Range<usize>> {
        let layout = self.layout();
        let ends = self.value_starts.iter().take(layout.map_or(0, Layout::len));
        ends.enumerate().filter_map(move |(place, end)| {
            let (text_length, _) = layout?.lengths(place)?;
            let end = *end as usize;
            Some(end.checked_sub(text_length)?..end)
        })
    }
}

#[inline(never)]
fn any_text(value: &[u8]) -> Option<&[u8]> {
    Reader::new(value).value().ok()?.as_str_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod layouts_tests;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
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
    fn a_record_of_known_keys_that_is_cut_off_is_found_out() {
        // {"a": 40 bytes of text, "b": 200 of them}, twice, the second time cut off at each byte.
        let mut whole = vec![0x92, 0x05, 0x82, 0xa1, b'a', 0xd9, 40];
        whole.extend([b'x'; 40]);
        whole.extend([0xa1, b'b', 0xd9, 200]);
        whole.extend([b'y'; 200]);
        let chunk = whole.repeat(2);
        for end in whole.len() + 1..chunk.len() {
            let (mut index, mut events) = (FieldIndex::default(), crate::chunk::Chunk::new(&chunk[..end]));
            assert!(matches!(events.next_indexed(&mut index), Some(crate::chunk::Item::Event(_))));
            let Some(crate::chunk::Item::Bad(bad)) = events.next_indexed(&mut index) else { panic!("{end}") };
            assert_eq!((bad.offset, bad.bytes), (whole.len(), &chunk[whole.len()..end]));
        }
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
