//! Some of very many items, spread evenly over all of them.

/// Keeps every so many items: the more there are, the further apart.
#[derive(Debug)]
pub(super) struct Spread {
    items: Vec<Vec<u8>>,
    most: usize,
    apart: usize,
    seen: usize,
}

impl Spread {
    /// Keeps at most so many items, and one at least.
    pub(super) fn new(most: usize) -> Self {
        Self { items: Vec::new(), most: most.max(1), apart: 1, seen: 0 }
    }

    /// Takes or leaves an item.
    pub(super) fn add(&mut self, item: &[u8]) {
        if self.seen.is_multiple_of(self.apart) {
            if self.items.len() == self.most {
                let mut number = 0;
                self.items.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.apart *= 2;
            }
            if self.seen.is_multiple_of(self.apart) && self.items.len() < self.most {
                self.items.push(item.to_vec());
            }
        }
        self.seen += 1;
    }

    /// The items.
    pub(super) fn items(&self) -> &[Vec<u8>] {
        &self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_equally_far_apart_however_many_there_are() {
        for count in [0, 1, 7, 8, 9, 100, 255_u8] {
            let mut spread = Spread::new(8);
            (0..count).for_each(|item| spread.add(&[item]));
            let items: Vec<u8> = spread.items().concat();
            assert!(items.len() <= 8 && (items.len() >= 4 || items.len() == usize::from(count)), "{count}: {items:?}");
            let apart: Vec<u8> = items.windows(2).filter_map(|pair| pair.last()?.checked_sub(*pair.first()?)).collect();
            assert!(apart.iter().all(|distance| Some(distance) == apart.first()), "{count}: {items:?}");
        }
    }
}
