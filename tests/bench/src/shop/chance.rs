//! Draws, and tables to draw from.

use fastrand::Rng;

/// Values to draw from: one at least.
pub(crate) struct Table<T> {
    first: T,
    others: Vec<T>,
}

impl<T> Table<T> {
    /// A table of so many.
    pub(crate) fn new(count: usize, mut make: impl FnMut() -> T) -> Self {
        Self { first: make(), others: (1..count).map(|_| make()).collect() }
    }

    pub(crate) fn count(&self) -> usize {
        1 + self.others.len()
    }

    pub(crate) fn get(&self, place: usize) -> &T {
        place.checked_sub(1).and_then(|place| self.others.get(place)).unwrap_or(&self.first)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> &mut T {
        place.checked_sub(1).and_then(|place| self.others.get_mut(place)).unwrap_or(&mut self.first)
    }

    /// One of them, as likely as the others.
    pub(crate) fn any(&self, chance: &mut Rng) -> &T {
        self.get(chance.usize(..self.count()))
    }

    /// One of them, as [`popular`] says.
    pub(crate) fn popular(&self, chance: &mut Rng) -> &T {
        self.get(popular(chance, self.count()))
    }
}

/// The place of one of many of which few are wanted by most. How often one is drawn falls with its rank to the power of 2/3, as
/// it was found of requests to web servers (0.64 to 0.83: Breslau and others, Web Caching and Zipf-like Distributions, 1999).
pub(crate) fn popular(chance: &mut Rng, count: usize) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let last = (count as f64 + 1.0).cbrt();
    let rank = 1.0 + chance.f64() * (last - 1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the count")]
    let place = (rank * rank * rank - 1.0) as usize;
    place
}

pub(crate) fn pick<T: Copy + Default>(chance: &mut Rng, all: &[T]) -> T {
    all.get(chance.usize(..all.len().max(1))).copied().unwrap_or_default()
}

/// The first is drawn two times in three, of what is left the second, and so on.
pub(crate) fn weighted<T: Copy + Default>(chance: &mut Rng, all: &[T]) -> T {
    let place = (0..all.len()).find(|_| chance.u8(..3) > 0).unwrap_or(0);
    all.get(place).copied().unwrap_or_default()
}

/// Whether what happens so many times in a hundred happens.
pub(crate) fn percent(chance: &mut Rng, times: u8) -> bool {
    chance.u8(..100) < times
}

pub(crate) fn hex(chance: &mut Rng, digits: usize) -> String {
    std::iter::repeat_with(|| char::from_digit(chance.u32(..16), 16).unwrap_or('0')).take(digits).collect()
}
