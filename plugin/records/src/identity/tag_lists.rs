//! The tags of records that came before, by all that they follow from.
//!
//! Records of one stream are of a few services and containers, so most have the tags of one that came shortly before.
//! Invariants: a list is given only for parts that are the same, byte for byte; at most [`MAX_LISTS`] are kept, the rest of which
//! only to [`MAX_PARTS_BYTES`] each.

use super::enricher::Owner;

/// Lists that are kept at once.
const MAX_LISTS: usize = 8;
/// Longest parts of which a list is kept beside others.
const MAX_PARTS_BYTES: usize = 4 * 1024;

/// Tags, and what they were made of.
#[derive(Debug, Default)]
struct TagList {
    /// Everything that the tags follow from, each part with its length in front.
    parts: Vec<u8>,
    /// The tags; empty when the record's own stay as they are.
    tags: Vec<u8>,
}

/// The tags of the records that came last.
#[derive(Debug, Default)]
pub(crate) struct TagLists {
    lists: Vec<TagList>,
    /// The list of the record in hand, or of the one before.
    current: usize,
    /// Where the next list goes.
    next: usize,
    /// The parts of the record in hand.
    candidate: Vec<u8>,
    /// Memory for putting ours together.
    ours: Vec<u8>,
}

impl TagLists {
    /// Begins with a record's parts.
    pub(super) fn begin(&mut self, generation: u32, owner: Owner) {
        let owner = match owner {
            Owner::Unknown => 0,
            Owner::NewContainer => 1,
            Owner::Task => 2,
            Owner::Container(place) => 3 + place as u64,
        };
        self.candidate.clear();
        self.candidate.extend_from_slice(&generation.to_le_bytes());
        self.candidate.extend_from_slice(&owner.to_le_bytes());
    }

    /// The next of a record's parts.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.candidate.extend_from_slice(&(part.len() as u64).to_le_bytes());
        self.candidate.extend_from_slice(part);
    }

    /// The tags that follow from the parts; `make` puts them together where there are none yet, given memory for ours.
    pub(super) fn tags(&mut self, make: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> &[u8] {
        let is_it = |list: &TagList| list.parts == self.candidate;
        if !self.lists.get(self.current).is_some_and(is_it) {
            match self.lists.iter().position(is_it) {
                Some(found) => self.current = found,
                None => self.make(make),
            }
        }
        self.lists.get(self.current).map_or(&[], |list| &list.tags)
    }

    #[cold]
    fn make(&mut self, make: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) {
        let Self { lists, current, next, candidate, ours } = self;
        // One that is large goes with the next.
        let large = lists.iter().position(|list| list.parts.len() > MAX_PARTS_BYTES);
        *current = large.unwrap_or(*next);
        if large.is_none() {
            *next = (*next + 1) % MAX_LISTS;
        }
        if lists.len() <= *current {
            lists.resize_with(*current + 1, TagList::default);
        }
        if let Some(TagList { parts, tags }) = lists.get_mut(*current) {
            std::mem::swap(parts, candidate);
            make(ours, tags);
            if parts.len() <= MAX_PARTS_BYTES {
                parts.shrink_to(MAX_PARTS_BYTES);
                tags.shrink_to(2 * MAX_PARTS_BYTES);
            }
            candidate.shrink_to(MAX_PARTS_BYTES);
            ours.shrink_to(2 * MAX_PARTS_BYTES);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tags_are_those_of_the_parts_whatever_came_before_and_memory_is_bounded(
            records in proptest::collection::vec((0_u32..2, 0_usize..12, prop_oneof![9 => 0_usize..3, 1 => Just(40_000)]), 0..80)
        ) {
            let mut lists = TagLists::default();
            for (generation, place, length) in records {
                lists.begin(generation, Owner::Container(place));
                lists.add(&vec![b'x'; length]);
                let expected = format!("{generation} {place} {length}").repeat(1 + length);
                let found = lists.tags(|ours, tags| {
                    ours.clear();
                    ours.extend_from_slice(expected.as_bytes());
                    tags.clear();
                    tags.extend_from_slice(ours);
                });
                prop_assert_eq!(found, expected.as_bytes());
                let kept = |list: &TagList| list.parts.capacity() > MAX_PARTS_BYTES;
                prop_assert!(lists.lists.len() <= MAX_LISTS && lists.lists.iter().filter(|list| kept(list)).count() <= 1);
            }
        }

        #[test]
        fn a_few_kinds_are_made_once_each(kinds in 1..=MAX_LISTS, records in 1_usize..50) {
            let (mut lists, mut made) = (TagLists::default(), 0);
            for record in 0..records {
                lists.begin(0, Owner::Container(record % kinds));
                lists.tags(|_, _| made += 1);
            }
            prop_assert_eq!(made, records.min(kinds));
        }
    }
}
