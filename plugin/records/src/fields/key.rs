//! Numbers of keys, by which a key that is not there is ruled out before any text is compared.

use std::ops::BitOrAssign;

/// How many [`digest`]s there are.
pub(super) const DIGESTS: usize = 256;

/// One of [`DIGESTS`] numbers for a key. The factors are those with which the fewest of the keys that are asked for share a
/// number with one that FireLens writes.
#[inline]
pub(crate) const fn digest(key: &[u8]) -> u8 {
    let (first, last) = match key {
        [first, .., last] => (*first as usize, *last as usize),
        [only] => (*only as usize, *only as usize),
        [] => (0, 0),
    };
    (key.len() * 7 + first * 5 + last) as u8
}

/// Which digests the keys of a set have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks([u64; DIGESTS / 64]);

impl Marks {
    /// The mark of one key.
    #[must_use]
    pub(crate) const fn of(key: &[u8]) -> Self {
        let digest = digest(key);
        let bit = 1 << (digest % 64);
        Self(match digest / 64 {
            0 => [bit, 0, 0, 0],
            1 => [0, bit, 0, 0],
            2 => [0, 0, bit, 0],
            _ => [0, 0, 0, bit],
        })
    }

    /// Adds the mark of a key with this digest.
    #[inline]
    pub(crate) fn add(&mut self, digest: u8) {
        if let Some(word) = self.0.get_mut(usize::from(digest / 64)) {
            *word |= 1 << (digest % 64);
        }
    }

    /// Those of both.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (self, other);
        Self([a | e, b | f, c | g, d | h])
    }

    /// Whether one is in both: a set of which this is false has no key of the other.
    #[inline]
    #[must_use]
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (self, other);
        (a & e) | (b & f) | (c & g) | (d & h) != 0
    }

    /// Those that are in both.
    #[must_use]
    pub(crate) fn common(&self, other: &Self) -> Self {
        let (Self([a, b, c, d]), Self([e, f, g, h])) = (self, other);
        Self([a & e, b & f, c & g, d & h])
    }

    /// The digests of the keys that have marked it.
    pub(crate) fn digests(self) -> impl Iterator<Item = u8> {
        [0, 64, 128, 192].into_iter().zip(self.0).flat_map(|(first, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as u8;
                word &= word.checked_sub(1)?;
                Some(first + bit)
            })
        })
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

impl BitOrAssign for Marks {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        *self = self.and(other);
    }
}

/// Keys of which a record is asked for the first that it has. Made once: that a record has none of them is then one test.
#[derive(Debug, Clone, Copy)]
pub struct KeySet {
    pub(super) names: &'static [&'static str],
    pub(super) marks: Marks,
    /// A number that no other set here has, modulo 32; the factor in it is one with which that is so.
    pub(super) number: u8,
}

impl KeySet {
    /// The keys in the order in which they count.
    #[must_use]
    pub const fn new(names: &'static [&'static str]) -> Self {
        let (mut marks, mut number, mut rest) = (Marks([0; DIGESTS / 64]), 0_u8, names);
        while let [name, behind @ ..] = rest {
            marks = marks.and(Marks::of(name.as_bytes()));
            number = number.wrapping_mul(19).wrapping_add(digest(name.as_bytes()));
            rest = behind;
        }
        Self { names, marks, number }
    }

    /// The keys, in the order in which they count.
    pub(crate) const fn names(&self) -> &'static [&'static str] {
        self.names
    }

    /// The marks of all of them.
    #[must_use]
    pub(crate) const fn marks(&self) -> Marks {
        self.marks
    }
}
