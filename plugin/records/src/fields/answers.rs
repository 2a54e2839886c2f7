//! Which keys of a set the records of one layout have, and where: found out once, when it is first asked for.
//!
//! A set is known by where its names lie in memory. They are there for as long as the program runs, so no other set's names
//! come to lie there.

use super::key::KeySet;
use std::cell::Cell;

/// How many sets are known at once.
pub(super) const SETS: usize = 32;
/// How many numbers are tried for a set.
const TRIES: usize = 4;
/// How many keys an [`Answer`] holds.
const PLACES: usize = 3;

/// Which of a set's keys there are, in the set's order. The lowest byte is one more than their number, or 0 when that is not
/// known; each of the byte pairs above it is which of the set's keys it is, and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Answer(u64);

impl Answer {
    pub(super) const NOTHING: Self = Self(1);
    /// There are more than fit, or at places that do not fit.
    const MANY: Self = Self(0xff);

    #[inline]
    pub(super) fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }

    #[inline]
    pub(super) fn is_many(self) -> bool {
        self == Self::MANY
    }

    /// Which of the set's keys, and its place, of each that is there; of [`Answer::MANY`] none is given.
    #[inline]
    pub(super) fn places(self) -> Places {
        let count = if self.is_many() { 0 } else { (self.0 as u8).saturating_sub(1) };
        Places { count, rest: self.0 >> 8 }
    }

    /// The place of the one key that is there; `None` when there is another number of them.
    #[inline]
    pub(super) fn only(self) -> Option<(usize, usize)> {
        let [count, name, place, ..] = self.0.to_le_bytes();
        (count == 2).then_some((name.into(), place.into()))
    }

    /// What follows from where among the keys each name of a set is.
    pub(super) fn of(places: impl Iterator<Item = Option<usize>>) -> Self {
        let (mut packed, mut count) = (0, 0);
        for (name, place) in places.enumerate() {
            let Some(place) = place else { continue };
            let (Ok(name), Ok(place)) = (u8::try_from(name), u8::try_from(place)) else { return Self::MANY };
            if count == PLACES {
                return Self::MANY;
            }
            packed |= u64::from(u16::from_le_bytes([name, place])) << (8 + 16 * count);
            count += 1;
        }
        Self(packed + count as u64 + 1)
    }
}

/// Gives what is in an [`Answer`].
pub(super) struct Places {
    count: u8,
    rest: u64,
}

impl Iterator for Places {
    type Item = (usize, usize);

    #[inline]
    fn next(&mut self) -> Option<(usize, usize)> {
        self.count = self.count.checked_sub(1)?;
        let [name, place, ..] = self.rest.to_le_bytes();
        self.rest >>= 16;
        Some((name.into(), place.into()))
    }
}

/// What is known for one layout, by the sets' numbers.
#[derive(Debug, Default)]
pub(super) struct Answers([Cell<Answer>; SETS]);

impl Answers {
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// What is known for a set, if anything is.
    #[inline(always)]
    pub(super) fn known(&self, sets: &Sets, keys: &KeySet) -> Option<Answer> {
        let number = usize::from(keys.number) % SETS;
        let answer = self.0.get(number).map(Cell::get).filter(|answer| *answer != Answer::default());
        if sets.has(number, keys) { answer } else { None }
    }

    /// What is known for a set; when that is nothing, it is found out and kept.
    #[inline]
    pub(super) fn find(&self, sets: &Sets, keys: &KeySet, find: impl FnOnce() -> Answer) -> Answer {
        let known = sets.number(keys).and_then(|number| self.0.get(number));
        match known.map(Cell::get) {
            Some(answer) if answer != Answer::default() => answer,
            _ => {
                let answer = find();
                if let Some(known) = known {
                    known.set(answer);
                }
                answer
            }
        }
    }
}

/// The numbers of sets.
#[derive(Debug, Default)]
pub(super) struct Sets([Cell<&'static [&'static str]>; SETS]);

impl Sets {
    /// Whether a number is that of a set.
    #[inline(always)]
    fn has(&self, number: usize, keys: &KeySet) -> bool {
        self.0.get(number).is_some_and(|set| std::ptr::eq(set.get(), keys.names) && !keys.names.is_empty())
    }

    /// The number of a set, which it keeps; `None` for one too many, and for one without names.
    fn number(&self, keys: &KeySet) -> Option<usize> {
        let first = usize::from(keys.number);
        let numbers = || (first..first + TRIES).map(|number| number % SETS);
        let is_free = |number: &usize| self.0.get(*number).is_some_and(|set| set.get().is_empty());
        if keys.names.is_empty() {
            return None;
        }
        numbers().find(|number| self.has(*number, keys)).or_else(|| {
            let number = numbers().find(is_free)?;
            self.0.get(number)?.set(keys.names);
            Some(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_which_keys_are_where_in_the_order_of_the_set() {
        let places = |of: &[Option<usize>]| Answer::of(of.iter().copied()).places().collect::<Vec<_>>();
        assert_eq!(places(&[None, Some(255), None, Some(0), Some(7)]), [(1, 255), (3, 0), (4, 7)]);
        assert!(Answer::of([None, None].into_iter()).is_nothing());
        assert!(Answer::of([Some(256)].into_iter()).is_many() && Answer::of([Some(1); 4].into_iter()).is_many());
    }

    #[test]
    fn each_set_keeps_its_number_and_one_too_many_has_none() {
        const FIRST: KeySet = KeySet::new(&["a"]);
        let (sets, same_number): (Sets, [&'static [&'static str]; 5]) =
            (Sets::default(), [FIRST.names, &["b"], &["c"], &["d"], &["e"]]);
        let sets_of = same_number.map(|names| KeySet { names, ..FIRST });
        let numbers = sets_of.map(|keys| sets.number(&keys));
        assert!(numbers.iter().take(TRIES).all(Option::is_some) && numbers.last() == Some(&None));
        assert_eq!(sets_of.map(|keys| sets.number(&keys)), numbers);
        let mut others = numbers.to_vec();
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), same_number.len());
    }
}
