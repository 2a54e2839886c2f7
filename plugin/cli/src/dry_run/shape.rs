//! Examples of lines, one of each kind that looks different.
//!
//! Lines look alike when they differ in words with digits in them only: numbers, times, identifiers.

use std::collections::HashMap;

/// Shapes that are remembered; lines of others are counted together.
const MAX_SHAPES: usize = 10_000;
/// Bytes of a line that are looked at.
const SHAPE_BYTES: usize = 256;

/// Lines that look alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alike {
    /// How many they are.
    pub(super) lines: u64,
    /// The first of them.
    pub(super) example: String,
}

/// Collects lines.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    shapes: HashMap<String, Alike>,
}

impl Shapes {
    /// Adds a line.
    pub(super) fn add(&mut self, line: &[u8]) {
        let start = String::from_utf8_lossy(line.get(..SHAPE_BYTES).unwrap_or(line));
        let shape = shape(&start);
        if let Some(alike) = self.shapes.get_mut(&shape) {
            alike.lines += 1;
        } else if self.shapes.len() < MAX_SHAPES {
            self.shapes.insert(shape, Alike { lines: 1, example: start.into_owned() });
        }
    }

    /// The kinds with the most lines.
    pub(super) fn most(self, count: usize) -> Vec<Alike> {
        let mut all: Vec<Alike> = self.shapes.into_values().collect();
        all.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.example.cmp(&other.example)));
        all.truncate(count);
        all
    }
}

/// The line with a `#` for each word that has a digit in it.
fn shape(line: &str) -> String {
    let mut shape = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_word = first.is_alphanumeric();
        let end = rest.find(|character: char| character.is_alphanumeric() != is_word).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        shape.push_str(if part.contains(|character: char| character.is_ascii_digit()) { "#" } else { part });
        rest = behind;
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_in_numbers_look_alike() {
        assert_eq!(shape("job 17 took 3.5ms (a1b2-77)"), "job # took #.# (#-#)");
        let mut shapes = Shapes::default();
        for line in ["job 1 done", "x", "job 22 done", "job 3 failed"] {
            shapes.add(line.as_bytes());
        }
        let alike = |lines, example: &str| Alike { lines, example: example.to_owned() };
        assert_eq!(shapes.most(2), [alike(2, "job 1 done"), alike(1, "job 3 failed")]);
    }
}
