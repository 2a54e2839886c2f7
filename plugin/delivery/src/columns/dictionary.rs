//! Values of a column, each once, as the page of a dictionary holds them.
//!
//! An index is the place of the value among those that came first, so it follows from the values alone; what the hashes are
//! keyed with is another number in every process, and nobody who writes logs can make values that collide.

use shiwake_records::msgpack::is_same;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// Bytes before a value: its length.
pub(super) const LENGTH_BYTES: usize = 4;

static KEY: LazyLock<[u64; 2]> = LazyLock::new(|| {
    let random = RandomState::new();
    [random.hash_one(0_u8), random.hash_one(1_u8)]
});

/// A place of the table: part of the value's hash, its index plus one, and where it is in the page; or nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    index_plus_one: u32,
    place: (u32, u32),
}

/// The values.
#[derive(Debug)]
pub(super) struct Dictionary {
    key: [u64; 2],
    page: Vec<u8>,
    /// Where each value begins and ends in the page.
    places: Vec<(u32, u32)>,
    /// A power of two of places, at most half of them taken.
    slots: Vec<Slot>,
    last: u32,
    last_place: (u32, u32),
}

impl Default for Dictionary {
    fn default() -> Self {
        let (page, places, slots) = (Vec::new(), Vec::new(), Vec::new());
        Self { key: *KEY, page, places, slots, last: 0, last_place: (0, 0) }
    }
}

impl Dictionary {
    /// The values, each behind its length: the content of the dictionary's page.
    pub(super) fn page(&self) -> &[u8] {
        &self.page
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// A value.
    #[inline]
    pub(super) fn value(&self, index: u32) -> &[u8] {
        self.at(self.places.get(index as usize).copied().unwrap_or_default())
    }

    #[inline]
    fn at(&self, (start, end): (u32, u32)) -> &[u8] {
        self.page.get(start as usize..end as usize).unwrap_or_default()
    }

    /// All values.
    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.places.len() as u32).map(|index| self.value(index))
    }

    /// Forgets the values, not the memory they had.
    pub(super) fn clear(&mut self) {
        self.page.clear();
        self.places.clear();
        self.slots.clear();
        (self.last, self.last_place) = (0, (0, 0));
    }

    /// Bytes of memory that it has.
    pub(super) fn capacity(&self) -> usize {
        self.page.capacity()
            + self.places.capacity() * size_of::<(u32, u32)>()
            + self.slots.capacity() * size_of::<Slot>()
    }

    /// The index of a value, which is added when it is new.
    #[inline]
    pub(super) fn intern(&mut self, value: &[u8]) -> u32 {
        // In many columns most values are the one before.
        if is_same(self.at(self.last_place), value) && !self.places.is_empty() {
            return self.last;
        }
        if self.places.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let hash = hash(self.key, value);
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        let tag = (hash >> 32) as u32;
        while let Some(slot) = self.slots.get(place)
            && slot.index_plus_one > 0
        {
            if slot.hash == tag && is_same(self.at(slot.place), value) {
                self.last = slot.index_plus_one - 1;
                self.last_place = slot.place;
                return self.last;
            }
            place = (place + 1) & mask;
        }
        self.last = self.places.len() as u32;
        self.last_place = self.add(value);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot { hash: tag, index_plus_one: self.last + 1, place: self.last_place };
        }
        self.last
    }

    fn add(&mut self, value: &[u8]) -> (u32, u32) {
        append_plain(&mut self.page, value);
        let end = self.page.len();
        let place = ((end - value.len()) as u32, end as u32);
        self.places.push(place);
        place
    }

    fn grow(&mut self) {
        let places = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(places, Slot::default());
        for index in 0..self.places.len() as u32 {
            let value_place = self.places.get(index as usize).copied().unwrap_or_default();
            let hash = hash(self.key, self.value(index));
            let mut place = hash as usize & (places - 1);
            while self.slots.get(place).is_some_and(|slot| slot.index_plus_one != 0) {
                place = (place + 1) & (places - 1);
            }
            if let Some(slot) = self.slots.get_mut(place) {
                *slot = Slot { hash: (hash >> 32) as u32, index_plus_one: index + 1, place: value_place };
            }
        }
    }
}

/// A hash as wyhash and its like make it: pieces of 16 bytes are multiplied with the key to 128 bits and folded.
/// <https://github.com/wangyi-fudan/wyhash>
#[inline]
fn hash(key: [u64; 2], value: &[u8]) -> u64 {
    let [first, second] = key;
    let mut state = first ^ value.len() as u64;
    let (pieces, rest) = value.as_chunks::<16>();
    for [a, b, c, d, e, f, g, h, rest @ ..] in pieces {
        let low = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
        state = fold(low ^ state, u64::from_le_bytes(*rest) ^ second);
    }
    let (low, high) = if let (Some(start), Some(end)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        (u64::from_le_bytes(*start), u64::from_le_bytes(*end))
    } else if let (Some(start), Some(end)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (u64::from(u32::from_le_bytes(*start)), u64::from(u32::from_le_bytes(*end)))
    } else {
        (rest.iter().fold(0, |low, byte| low << 8 | u64::from(*byte)), 0)
    };
    fold(fold(low ^ state, high ^ second), first | 1)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Appends a value behind its length, as the pages of dictionaries have it.
fn append_plain(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[test]
    fn values_of_each_length_are_the_same_as_themselves_only() {
        for length in 0..40_usize {
            let value: Vec<u8> = (0..length as u8).collect();
            assert!(is_same(&value, &value.clone()), "{length}");
            assert!(!is_same(&value, &[value.as_slice(), b"x"].concat()), "{length}");
            for place in 0..length {
                let mut other = value.clone();
                other.get_mut(place).into_iter().for_each(|byte| *byte ^= 0x80);
                assert!(!is_same(&value, &other), "{length}, {place}");
                assert_ne!(hash(*KEY, &value), hash(*KEY, &other), "{length}, {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn an_index_is_the_place_among_first_values(values in proptest::collection::vec("[ab]{0,7}", 0..400)) {
            let mut dictionary = Dictionary::default();
            let mut known: HashMap<&[u8], u32> = HashMap::new();
            for value in values.iter().map(String::as_bytes) {
                let next = known.len() as u32;
                let expected = *known.entry(value).or_insert(next);
                prop_assert_eq!(dictionary.intern(value), expected);
                prop_assert_eq!(dictionary.value(expected), value);
            }
            prop_assert_eq!(dictionary.len(), known.len());
        }
    }
}
