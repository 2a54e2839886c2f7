//! The top-level keys of one record, found once and kept as offsets.
//!
//! A [`FieldIndex`] is filled for one record after another and keeps its memory, so that records of ordinary width
//! cost no allocation. It does not copy or check keys and values; a key that is not a string is not listed.

use crate::msgpack::{Composite, Reader, Value};
use memchr::memchr;
use std::ops::Range;

/// Entries an index keeps memory for between records; a record wider than this gives its memory back.
const KEPT_ENTRIES: usize = 1024;

#[derive(Debug, Clone, Copy)]
struct Entry {
    key_start: u32,
    key_length: u32,
    value_start: u32,
}

/// The keys of the record it was last filled with.
#[derive(Debug, Default)]
pub struct FieldIndex {
    entries: Vec<Entry>,
    /// The [`digest`] of each key: of many keys the one that is asked for is found by that.
    digests: Vec<u8>,
    /// A bit for each digest that a key has: most keys that are asked for are not there, and this says so at once.
    has_digest: [u64; 4],
    /// The [`mark`]s of all keys.
    marks: u64,
}

/// One of 256 numbers for a key. The factors are those with which the fewest of the keys that are asked for share a mark with
/// one that FireLens writes.
#[inline]
const fn digest(key: &[u8]) -> u8 {
    let (first, last) = match key {
        [first, .., last] => (*first as usize, *last as usize),
        [only] => (*only as usize, *only as usize),
        [] => (0, 0),
    };
    (key.len() * 7 + first * 5 + last) as u8
}

/// One of 64 bits for a key.
#[inline]
pub(crate) const fn mark(key: &[u8]) -> u64 {
    1 << (digest(key) % 64)
}

/// Keys of which a record is asked for the first that it has. Made once: that a record has none of them is then one test.
#[derive(Debug, Clone, Copy)]
pub struct KeySet {
    names: &'static [&'static str],
    marks: u64,
}

impl KeySet {
    /// The keys in the order in which they count.
    #[must_use]
    pub const fn new(names: &'static [&'static str]) -> Self {
        let (mut marks, mut rest) = (0, names);
        while let [name, behind @ ..] = rest {
            marks |= mark(name.as_bytes());
            rest = behind;
        }
        Self { names, marks }
    }
}

impl FieldIndex {
    /// Lists the keys of `body`. A later key with the same name is listed too; [`FieldIndex::get`] finds the first.
    pub fn fill(&mut self, body: &Composite<'_>) {
        self.begin();
        let mut reader = Reader::new(body.content);
        for _ in 0..body.count {
            let Ok(key) = reader.text_or_skip() else { break };
            if let Some(key) = key {
                self.add(key, reader.position());
            }
            if reader.skip().is_err() {
                break;
            }
        }
        self.end(body);
    }

    /// Forgets the record before; its keys are to be added, and then it is to be ended.
    pub(crate) fn begin(&mut self) {
        self.entries.clear();
        self.entries.shrink_to(KEPT_ENTRIES);
        self.digests.clear();
        self.digests.shrink_to(KEPT_ENTRIES);
        self.has_digest = [0; 4];
        self.marks = 0;
    }

    /// Adds a key behind those before it, with where in the body's content its value begins, which is where its text ends.
    #[inline]
    pub(crate) fn add(&mut self, key: &[u8], value_start: usize) {
        let digest = digest(key);
        if let Some(word) = self.has_digest.get_mut(usize::from(digest / 64)) {
            *word |= 1 << (digest % 64);
        }
        self.marks |= 1 << (digest % 64);
        self.digests.push(digest);
        #[expect(clippy::cast_possible_truncation, reason = "a record that is larger has no index")]
        self.entries.push(Entry {
            key_start: value_start.saturating_sub(key.len()) as u32,
            key_length: key.len() as u32,
            value_start: value_start as u32,
        });
    }

    /// The keys of the body were added.
    pub(crate) fn end(&mut self, body: &Composite<'_>) {
        // A record of 4 GiB has no index: nothing is found in it.
        if u32::try_from(body.content.len()).is_err() {
            self.begin();
        }
    }

    /// Whether the record has this key.
    #[must_use]
    #[inline]
    pub fn contains(&self, body: &Composite<'_>, key: &[u8]) -> bool {
        self.find(body, key).is_some()
    }

    /// The value of the first field with this key.
    #[must_use]
    #[inline]
    pub fn get<'a>(&self, body: &Composite<'a>, key: &[u8]) -> Option<Value<'a>> {
        let entry = self.find(body, key)?;
        Reader::at(body.content, entry.value_start as usize).value().ok()
    }

    /// The first of several keys that the record has, with its value.
    #[must_use]
    #[inline]
    pub fn first_of<'a>(&self, body: &Composite<'a>, keys: &KeySet) -> Option<(&'static str, Value<'a>)> {
        if self.marks & keys.marks == 0 {
            return None;
        }
        keys.names.iter().find_map(|key| Some((*key, self.get(body, key.as_bytes())?)))
    }

    /// The first of several keys whose value is text, with the text. Of each key only the first field is looked at.
    #[must_use]
    #[inline]
    pub fn first_text_of<'a>(&self, body: &Composite<'a>, keys: &KeySet) -> Option<(&'static str, &'a [u8])> {
        if self.marks & keys.marks == 0 {
            return None;
        }
        keys.names.iter().find_map(|key| Some((*key, self.get(body, key.as_bytes())?.as_str_bytes()?)))
    }

    /// Whether the record has one of several keys.
    #[must_use]
    #[inline]
    pub fn has_any(&self, body: &Composite<'_>, keys: &KeySet) -> bool {
        self.marks & keys.marks != 0 && keys.names.iter().any(|key| self.contains(body, key.as_bytes()))
    }

    /// Where in the body's content the first field with this key is: its key and its value.
    #[must_use]
    pub fn pair(&self, body: &Composite<'_>, key: &[u8]) -> Option<Range<usize>> {
        let value_start = self.find(body, key)?.value_start as usize;
        let mut reader = Reader::new(body.content);
        loop {
            let start = reader.position();
            reader.skip().ok()?;
            let is_found = reader.position() == value_start;
            reader.skip().ok()?;
            if is_found {
                return Some(start..reader.position());
            }
        }
    }

    /// The marks of all keys.
    pub(crate) fn marks(&self) -> u64 {
        self.marks
    }

    /// Where in the body's content the value of the first field with this key begins.
    pub(crate) fn value_start(&self, body: &Composite<'_>, key: &[u8]) -> Option<usize> {
        self.find(body, key).map(|entry| entry.value_start as usize)
    }

    /// Where in the body's content the text of each key is, in the order of the fields.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Range<usize>> {
        self.entries.iter().map(|entry| {
            let start = entry.key_start as usize;
            start..start + entry.key_length as usize
        })
    }

    // Keys that are asked for are known when this is built, so of one that is not there a test of a bit is left.
    #[inline]
    fn find(&self, body: &Composite<'_>, key: &[u8]) -> Option<&Entry> {
        let digest = digest(key);
        let word = self.has_digest.get(usize::from(digest / 64)).copied().unwrap_or_default();
        if word >> (digest % 64) & 1 == 0 { None } else { self.find_digested(body, key, digest) }
    }

    #[inline(never)]
    fn find_digested(&self, body: &Composite<'_>, key: &[u8], digest: u8) -> Option<&Entry> {
        let is_key = |entry: &Entry| {
            entry.key_length as usize == key.len()
                && body.content.get(entry.key_start as usize..).is_some_and(|rest| rest.starts_with(key))
        };
        let mut at = 0;
        loop {
            at += memchr(digest, self.digests.get(at..)?)?;
            let entry = self.entries.get(at)?;
            if is_key(entry) {
                return Some(entry);
            }
            at += 1;
        }
    }
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
        assert!(index.has_any(&body, &KeySet::new(&["c", "b"])) && !index.has_any(&body, &KeySet::new(&["c", "d"])));
    }

    #[test]
    fn keys_that_look_alike_are_told_apart() {
        // {"axb": 1, "ayb": 2}, and events with these records.
        let body = [0x82, 0xa3, b'a', b'x', b'b', 0x01, 0xa3, b'a', b'y', b'b', 0x02];
        let Value::Map(read) = Reader::new(&body).value().unwrap() else { panic!("a map") };
        assert_eq!(digest(b"axb"), digest(b"azb"));
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
