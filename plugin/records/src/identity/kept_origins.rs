//! What records were given of their origin, kept for those behind them.
//!
//! A container's records have one origin, and finding and writing its twenty fields and its tags costs more than all else that
//! is done to a line. What a record is given of it follows from its keys, from the values of some of them, from whether it was
//! sorted before, and from what is the same for all records; when all of that is as it was for an earlier record, so is what is
//! appended, to the byte.
//!
//! Invariants: nothing is kept of a record, or taken for one, to which rules or its line have given a field that is asked for
//! here; [`KeptOrigins::clear`] is called when something changes that is the same for all records. Memory: [`MAX_KINDS`] times
//! [`MAX_VALUES_BYTES`] and [`MAX_PAIRS_BYTES`] at most, a kilobyte or two each as a rule.

use super::enricher::TAGS_KEY;
use super::firelens;
use super::labels::LabelField;
use super::origin_fields::{ORIGIN_FIELDS, UNIFIED_FIELDS};
use super::placement::{OTHERS, Placement};
use crate::append::FoundFields;
use crate::fields::{FieldIndex, LayoutId, Marks, digest};
use crate::msgpack::{Composite, Reader, write};
use crate::record_id;

/// Whether anything is kept: not in the module for Fluent Bit, which is to be small and sorts records that come alone.
pub(super) const KEEPS: bool = !cfg!(target_family = "wasm");
/// Kinds of records that something is kept of at once.
const MAX_KINDS: usize = 8;
/// Longest values by which a kind is known.
const MAX_VALUES_BYTES: usize = 4 * 1024;
/// Most that is kept to be appended to a kind.
const MAX_PAIRS_BYTES: usize = 16 * 1024;
/// When so many more records were of no kind than were of one, there are too many kinds,
const MANY_MISSES: u32 = 32;
/// and only one record in so many is looked at.
const LOOKED_AT_SHARE: u32 = 16;

/// A record that is given its origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'i, 'a> {
    pub(crate) index: &'i FieldIndex,
    pub(crate) body: &'i Composite<'a>,
    /// Whether it named its type itself.
    pub(crate) was_sorted: bool,
}

/// What is appended to the records of a kind.
#[derive(Debug, Default)]
pub(crate) struct KeptOrigin {
    is_known: bool,
    layout: LayoutId,
    was_sorted: bool,
    /// Which keys have the values, in order.
    places: Vec<usize>,
    /// Of each row of keys one behind the other the first, and where the last one's value ends in `values`.
    rows: Vec<(usize, usize)>,
    /// From each row's first value to the end of its last, with the keys in between.
    values: Vec<u8>,
    /// How many fields there are, and the fields as MessagePack.
    pub(crate) count: u32,
    pub(crate) pairs: Vec<u8>,
    pub(super) gives_up_tags: bool,
    pub(super) is_of_new_container: bool,
    pub(crate) has_record_id: bool,
}

impl KeptOrigin {
    #[inline]
    fn is_of(&self, record: &Record<'_, '_>) -> bool {
        let Record { index, body, was_sorted } = record;
        let mut from = 0;
        self.is_known
            && self.layout == index.layout_id()
            && self.was_sorted == *was_sorted
            && self.rows.iter().all(|(place, end)| {
                let kept = self.values.get(from..*end).unwrap_or_default();
                from = *end;
                // No value in MessagePack begins with another one, nor does a row of them.
                let begin = index.value_start_at(*place).and_then(|start| body.content.get(start..)?.get(..kept.len()));
                begin == Some(kept)
            })
    }

    /// Takes over what a record was given; `None` when that, or what it follows from, is too long.
    fn fill(
        &mut self,
        names: &[(u8, String)],
        record: &Record<'_, '_>,
        found: &FoundFields<'_>,
        others: usize,
    ) -> Option<()> {
        let Record { index, body, was_sorted } = *record;
        (self.layout, self.was_sorted) = (index.layout_id(), was_sorted);
        self.places.clear();
        self.places.extend(names.iter().filter_map(|(_, name)| index.place(name.as_bytes())));
        self.places.sort_unstable();
        self.rows.clear();
        self.values.clear();
        for row in self.places.chunk_by(|place, next| *next <= place + 1) {
            let (first, last) = (*row.first()?, index.value_start_at(*row.last()?)?);
            let mut reader = Reader::at(body.content, last);
            reader.skip().ok()?;
            let values = body.content.get(index.value_start_at(first)?..reader.position())?;
            if self.values.len() + values.len() > MAX_VALUES_BYTES {
                return None;
            }
            self.values.extend_from_slice(values);
            self.rows.push((first, self.values.len()));
        }
        self.count = 0;
        self.pairs.clear();
        for (name, value) in found.iter().skip(others).filter(|(name, _)| found.is_new(name, index)) {
            write::str(&mut self.pairs, name.as_bytes());
            value.append_to(&mut self.pairs);
            self.count += 1;
        }
        self.gives_up_tags = found.gives_up(TAGS_KEY) && index.contains(TAGS_KEY.as_bytes());
        self.has_record_id = found.get(record_id::KEY).is_some();
        (self.pairs.len() <= MAX_PAIRS_BYTES).then_some(())
    }
}

/// What was kept.
#[derive(Debug)]
pub(crate) struct KeptOrigins {
    /// The names that are asked for, of the record's fields and of found ones, by their digests.
    names: Vec<(u8, String)>,
    marks: Marks,
    kinds: Vec<KeptOrigin>,
    /// Where the last record's kind is.
    last: usize,
    /// Where the next kind goes.
    next: usize,
    /// How many more records were of no kind than were of one.
    misses: u32,
    /// Records since one was looked at, while there are too many kinds.
    skipped: u32,
}

impl KeptOrigins {
    /// For records that get these labels and whose origin is put there.
    pub(super) fn new(labels: &[LabelField], placement: &Placement) -> Self {
        let of_fields = ORIGIN_FIELDS.iter().filter_map(|field| field.name);
        let of_labels = labels.iter().flat_map(|label| [label.label.as_str(), label.field.as_str()]);
        let names = firelens::SAID.into_iter().chain(of_fields).chain(UNIFIED_FIELDS.iter().map(|field| field.name));
        let names = names.chain(OTHERS).chain(of_labels).chain(placement.map_name());
        let names = names.filter(|_| KEEPS);
        let mut names: Vec<(u8, String)> = names.map(|name| (digest(name.as_bytes()), name.to_owned())).collect();
        names.sort_unstable();
        names.dedup();
        let mut marks = Marks::default();
        names.iter().for_each(|(digest, _)| marks.add(*digest));
        Self { names, marks, kinds: Vec::new(), last: 0, next: 0, misses: 0, skipped: 0 }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.kinds.clear();
        self.next = 0;
    }

    /// Whether a record may be looked for here, and kept: what it is given of its origin must not depend on what was found before.
    #[inline]
    pub(super) fn may_know(&mut self, found: &FoundFields<'_>) -> bool {
        if self.misses > MANY_MISSES {
            self.skipped = (self.skipped + 1) % LOOKED_AT_SHARE;
            if self.skipped != 0 {
                return false;
            }
        }
        !self.marks.meets(found.marks()) || !self.has_name_of(found)
    }

    #[inline(never)]
    fn has_name_of(&self, found: &FoundFields<'_>) -> bool {
        let both = self.marks.common(found.marks());
        both.digests().any(|digest| {
            let first = self.names.partition_point(|(known, _)| *known < digest);
            let mut names = self.names.iter().skip(first).take_while(|(known, _)| *known == digest);
            names.any(|(_, name)| found.get(name).is_some())
        })
    }

    /// Where that is which is appended to a record like this one.
    #[inline]
    pub(super) fn find(&mut self, record: &Record<'_, '_>) -> Option<usize> {
        if !self.kinds.get(self.last).is_some_and(|kind| kind.is_of(record)) {
            let Some(found) = self.kinds.iter().position(|kind| kind.is_of(record)) else {
                self.misses = (self.misses + 1).min(MANY_MISSES + 1);
                return None;
            };
            self.last = found;
        }
        self.misses = self.misses.saturating_sub(1);
        Some(self.last)
    }

    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&KeptOrigin> {
        self.kinds.get(place)
    }

    /// Keeps what a record was given of its origin, which is `found` behind the first `others`.
    pub(super) fn keep(
        &mut self,
        record: &Record<'_, '_>,
        found: &FoundFields<'_>,
        others: usize,
        is_of_new_container: bool,
    ) {
        if self.kinds.len() <= self.next {
            self.kinds.push(KeptOrigin::default());
        }
        let Some(kind) = self.kinds.get_mut(self.next) else { return };
        kind.is_known = kind.fill(&self.names, record, found, others).is_some();
        kind.is_of_new_container = is_of_new_container;
        self.last = self.next;
        self.next = (self.next + 1) % MAX_KINDS;
    }
}

#[cfg(test)]
#[path = "kept_origins_tests.rs"]
mod tests;
