//! A page of text or bytes that is being filled: levels, and values or their places in the dictionary.

use super::{delta_lengths, hybrid};

/// A page that is being filled.
#[derive(Debug, Default)]
pub(super) struct OpenPage {
    pub(super) rows: usize,
    pub(super) definitions: Vec<u8>,
    pub(super) repetitions: Vec<u8>,
    pub(super) indices: Vec<u32>,
    pub(super) lengths: Vec<u32>,
    pub(super) plain: Vec<u8>,
    /// What the values would take if they were plain.
    pub(super) plain_bytes: usize,
}

impl OpenPage {
    pub(super) fn clear(&mut self) {
        self.rows = 0;
        self.plain_bytes = 0;
        self.definitions.clear();
        self.repetitions.clear();
        self.indices.clear();
        self.lengths.clear();
        self.plain.clear();
    }

    /// Bytes of memory that it has.
    pub(super) fn capacity(&self) -> usize {
        let bytes = self.definitions.capacity() + self.repetitions.capacity() + self.plain.capacity();
        bytes + (self.indices.capacity() + self.lengths.capacity()) * size_of::<u32>()
    }

    /// Appends levels and values as a page has them; values are indices into a dictionary when there is one, of so many values.
    pub(super) fn append_to(
        &self,
        body: &mut Vec<u8>,
        max_repetition: i16,
        max_definition: i16,
        distinct: Option<usize>,
    ) {
        if max_repetition > 0 {
            append_levels(body, &self.repetitions, 1);
        }
        append_levels(body, &self.definitions, if max_definition > 1 { 2 } else { 1 });
        if let Some(distinct) = distinct {
            let width = bits(distinct);
            body.push(width as u8);
            hybrid::append(body, &self.indices, width);
        } else if !self.lengths.is_empty() {
            delta_lengths::append(body, &self.lengths);
            body.extend_from_slice(&self.plain);
        }
    }
}

/// Levels behind the bytes that they take.
fn append_levels(body: &mut Vec<u8>, levels: &[u8], width: u32) {
    let start = body.len();
    body.extend_from_slice(&[0; 4]);
    hybrid::append(body, levels, width);
    let length = (body.len() - start - 4) as u32;
    if let Some(place) = body.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

/// Bits of the highest index of so many values.
fn bits(values: usize) -> u32 {
    (usize::BITS - values.saturating_sub(1).leading_zeros()).max(1)
}
