//! The fields that a line names itself, as MessagePack pairs.
//!
//! JSON and logfmt lines carry names of their own, so they cannot go through [`crate::append::FoundFields`], whose names
//! are fixed. A parser writes key and value one after the other; the memory is kept from line to line.

use crate::msgpack::write;

/// Bytes of pairs, and pairs, that memory is kept for between lines.
const KEPT_BYTES: usize = 256 * 1024;
const KEPT_PAIRS: usize = 1024;

/// Where one pair is in the bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// First byte of the key's text.
    pub(crate) key_start: usize,
    /// First byte of the value, which is the end of the key's text.
    pub(crate) value_start: usize,
    /// First byte of the pair, which is the end of the pair before.
    pub(crate) start: usize,
}

/// Fields in the order in which the line has them; the same name may come twice.
#[derive(Debug, Default)]
pub struct LineFields {
    bytes: Vec<u8>,
    pairs: Vec<Pair>,
    text: Vec<u8>,
}

impl LineFields {
    /// Forgets the fields of the line before.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        self.pairs.clear();
        self.pairs.shrink_to(KEPT_PAIRS);
    }

    /// Begins a field; its value is to be appended to what this returns, as one whole MessagePack value.
    pub fn begin(&mut self, key: &[u8]) -> &mut Vec<u8> {
        let start = self.bytes.len();
        write::str(&mut self.bytes, key);
        let value_start = self.bytes.len();
        self.pairs.push(Pair { key_start: value_start.saturating_sub(key.len()), value_start, start });
        &mut self.bytes
    }

    /// Adds a field whose value is text.
    pub fn push_text(&mut self, key: &[u8], text: &[u8]) {
        write::str(self.begin(key), text);
    }

    /// Adds a field whose value is what `raw` stands for; `raw` itself when `unescape` refuses it.
    pub fn push_escaped(&mut self, key: &[u8], raw: &[u8], unescape: impl Fn(&[u8], &mut Vec<u8>) -> Option<()>) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let value = if unescape(raw, &mut text).is_some() { &text } else { raw };
        self.push_text(key, value);
        text.shrink_to(KEPT_BYTES);
        self.text = text;
    }

    /// How many fields there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pairs.len()
    }

    /// All pairs, one behind the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    pub(crate) fn key(&self, pair: &Pair) -> &[u8] {
        self.bytes.get(pair.key_start..pair.value_start).unwrap_or_default()
    }

    /// The bytes of the value of the pair at `at`.
    pub(crate) fn value(&self, at: usize) -> &[u8] {
        let end = self.pairs.get(at + 1).map_or(self.bytes.len(), |next| next.start);
        self.pairs.get(at).and_then(|pair| self.bytes.get(pair.value_start..end)).unwrap_or_default()
    }
}
