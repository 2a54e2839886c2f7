//! The lowest and the highest value of a page or a chunk, in the order of their bytes, and how statistics have them.

use super::dictionary::Dictionary;

/// Bytes of a bound that are kept, which tells values apart well enough and keeps footers small.
const KEPT_BYTES: usize = 64;

/// The lowest and the highest of some values.
#[derive(Debug, Default, Clone)]
pub(super) struct Bounds {
    known: Option<Known>,
}

#[derive(Debug, Clone)]
struct Known {
    low: Vec<u8>,
    high: Vec<u8>,
    low_start: u64,
    high_start: u64,
}

impl Bounds {
    /// Takes a value in.
    pub(super) fn add(&mut self, value: &[u8]) {
        let start = start_of(value);
        let Some(known) = &mut self.known else {
            self.known = Some(Known { low: value.to_vec(), high: value.to_vec(), low_start: start, high_start: start });
            return;
        };
        // Most values lie between the bounds by how they begin.
        if start <= known.low_start && value < known.low.as_slice() {
            known.low.clear();
            known.low.extend_from_slice(value);
            known.low_start = start;
        } else if start >= known.high_start && value > known.high.as_slice() {
            known.high.clear();
            known.high.extend_from_slice(value);
            known.high_start = start;
        }
    }

    /// Takes in all values of a dictionary.
    pub(super) fn add_all(&mut self, dictionary: &Dictionary) {
        dictionary.values().for_each(|value| self.add(value));
    }

    /// Takes in what others have.
    pub(super) fn extend(&mut self, other: &Bounds) {
        if let Some(known) = &other.known {
            self.add(&known.low);
            self.add(&known.high);
        }
    }

    /// Lower and upper bound, shortened, and whether each is a value itself; `None` without values.
    pub(super) fn shortened(&self) -> Option<[(Vec<u8>, bool); 2]> {
        let known = self.known.as_ref()?;
        let low = (known.low.get(..cut(&known.low)).unwrap_or_default().to_vec(), known.low.len() <= KEPT_BYTES);
        let high = if known.high.len() <= KEPT_BYTES {
            (known.high.clone(), true)
        } else {
            match above(known.high.get(..cut(&known.high)).unwrap_or_default()) {
                Some(above) => (above, false),
                None => (known.high.clone(), true),
            }
        };
        Some([low, high])
    }
}

/// The first bytes as a number, so that a value with a lower number is lower.
fn start_of(value: &[u8]) -> u64 {
    if let Some(start) = value.first_chunk::<8>() {
        return u64::from_be_bytes(*start);
    }
    let mut start = [0; 8];
    start.iter_mut().zip(value).for_each(|(place, byte)| *place = *byte);
    u64::from_be_bytes(start)
}

/// Where a value is cut: not inside a letter.
fn cut(value: &[u8]) -> usize {
    if value.len() <= KEPT_BYTES {
        return value.len();
    }
    let is_inside = |end: usize| value.get(end).is_some_and(|byte| byte & 0xc0 == 0x80);
    (1..=KEPT_BYTES).rev().find(|end| !is_inside(*end)).unwrap_or(KEPT_BYTES)
}

/// The lowest text above all that begin with this one.
fn above(start: &[u8]) -> Option<Vec<u8>> {
    let mut letters: Vec<char> = std::str::from_utf8(start).ok()?.chars().collect();
    while let Some(last) = letters.pop() {
        // No letter lies between U+D7FF and U+E000.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect::<String>().into_bytes());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_values_lie_between_bounds_that_are_text(values in proptest::collection::vec("[a-c\u{d7ff}\u{10ffff}é]{0,40}", 1..20)) {
            let mut bounds = Bounds::default();
            values.iter().for_each(|value| bounds.add(value.as_bytes()));
            let [(low, is_low), (high, is_high)] = bounds.shortened().unwrap();
            let lowest = values.iter().map(|value| value.as_bytes()).min().unwrap();
            let highest = values.iter().map(|value| value.as_bytes()).max().unwrap();
            prop_assert!(low.as_slice() <= lowest && highest <= high.as_slice());
            prop_assert_eq!((is_low, is_high), (low.as_slice() == lowest, high.as_slice() == highest));
            prop_assert!(std::str::from_utf8(&low).is_ok() && std::str::from_utf8(&high).is_ok());
            prop_assert!(low.len() <= KEPT_BYTES);
        }
    }

    #[test]
    fn a_shorter_value_is_lower_than_one_that_it_begins() {
        let mut bounds = Bounds::default();
        for value in ["ab", "ab\0", "a", "abcdefgh", "abcdefghi"] {
            bounds.add(value.as_bytes());
        }
        assert_eq!(bounds.shortened().unwrap(), [(b"a".to_vec(), true), (b"abcdefghi".to_vec(), true)]);
    }

    #[test]
    fn of_no_values_there_are_no_bounds() {
        assert_eq!(Bounds::default().shortened(), None);
    }
}
