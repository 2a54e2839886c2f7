//! The keys of a record without its values: records of one writer have the same ones in the same order, again and again.

use super::key::{DIGESTS, Marks, digest};
use crate::msgpack::{Reader, plain_length};

/// Bytes of a key that are compared at once.
const HEAD_BYTES: usize = 16;

/// One key.
#[derive(Debug, Clone, Copy)]
struct Key {
    /// How it begins as MessagePack, and a mask of which bytes of that are its own.
    head: u128,
    mask: u128,
    /// Where it ends in [`Layout::encoded`].
    end: u32,
    /// Bytes of it as MessagePack.
    length: u32,
    /// Bytes of its text, which is the end of it.
    text_length: u32,
    /// The key behind this one with the same digest, counted from 1; 0 when there is none.
    next: u32,
}

impl Key {
    /// What is behind the key, when it is what `bytes` begin with.
    #[inline]
    fn strip_from<'a>(&self, all: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
        let length = self.length as usize;
        let (begin, behind) = bytes.split_at_checked(length)?;
        match bytes.first_chunk::<HEAD_BYTES>() {
            Some(head) if u128::from_le_bytes(*head) & self.mask != self.head => None,
            Some(_) if length <= HEAD_BYTES => Some(behind),
            _ => (all.get(self.start()..self.end as usize)? == begin).then_some(behind),
        }
    }

    fn start(&self) -> usize {
        (self.end as usize).saturating_sub(self.length as usize)
    }
}

/// Keys in their order.
#[derive(Debug)]
pub(super) struct Layout {
    /// All keys as MessagePack, each with its header.
    encoded: Vec<u8>,
    keys: Vec<Key>,
    /// The first key with each digest, counted from 1; 0 where there is none. Right when `is_listed`, as `next` of the keys is.
    firsts: Box<[u32; DIGESTS]>,
    marks: Marks,
    is_listed: bool,
    /// Another number whenever the keys were listed anew; 0 when there are none.
    version: u64,
}

impl Default for Layout {
    fn default() -> Self {
        let (encoded, keys) = (Vec::new(), Vec::new());
        Self { encoded, keys, firsts: Box::new([0; DIGESTS]), marks: Marks::default(), is_listed: true, version: 0 }
    }
}

impl Layout {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Bytes of all keys.
    pub(super) fn size(&self) -> usize {
        self.encoded.len()
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Steps over pairs of a map at the beginning of `content` while their keys are those of the layout, in its order, and at
    /// most `count` of them; tells where each value begins, and gives what is behind them.
    #[inline]
    pub(super) fn step_over<'a>(&self, content: &'a [u8], count: u32, value_starts: &mut Vec<u32>) -> &'a [u8] {
        let mut rest = content;
        for key in self.keys.iter().take(count as usize) {
            let Some(value) = key.strip_from(&self.encoded, rest) else { break };
            let Some(behind) = behind_value(value) else { break };
            #[expect(clippy::cast_possible_truncation, reason = "a record that is larger has no index")]
            value_starts.push((content.len() - value.len()) as u32);
            rest = behind;
        }
        rest
    }

    /// Bytes of the text of the key at `place`, and of all of it.
    pub(super) fn lengths(&self, place: usize) -> Option<(usize, usize)> {
        self.keys.get(place).map(|key| (key.text_length as usize, key.length as usize))
    }

    /// Takes all keys behind the first `count` away.
    #[inline]
    pub(super) fn truncate(&mut self, count: usize) {
        if count < self.keys.len() {
            self.cut(count);
        }
    }

    #[cold]
    fn cut(&mut self, count: usize) {
        self.encoded.truncate(self.keys.get(count).map_or(0, Key::start));
        self.keys.truncate(count);
        self.is_listed = false;
    }

    /// Adds a key behind the others.
    #[expect(clippy::cast_possible_truncation, reason = "keys of 4 GiB are not looked for in what is listed")]
    pub(super) fn push(&mut self, encoded: &[u8], text_length: usize) {
        self.encoded.extend_from_slice(encoded);
        let mut head = [0; HEAD_BYTES];
        head.iter_mut().zip(encoded).for_each(|(to, byte)| *to = *byte);
        let unused_bits = HEAD_BYTES.saturating_sub(encoded.len()) as u32 * u8::BITS;
        self.keys.push(Key {
            head: u128::from_le_bytes(head),
            mask: u128::MAX.checked_shr(unused_bits).unwrap_or_default(),
            end: self.encoded.len() as u32,
            length: encoded.len() as u32,
            text_length: text_length as u32,
            next: 0,
        });
        self.is_listed = false;
    }

    /// All keys were added: from now on they can be found. `version` is the highest that was given to a layout.
    #[inline]
    pub(super) fn finish(&mut self, version: &mut u64) {
        if !self.is_listed {
            self.list();
            *version += 1;
            self.version = *version;
        }
    }

    #[inline]
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    fn list(&mut self) {
        self.firsts.fill(0);
        self.marks = Marks::default();
        // From the last to the first, so that of equal keys the first is found first.
        for place in (0..self.keys.len()).rev() {
            let Some(text) = self.text(place) else { continue };
            let (digest, mark) = (digest(text), Marks::of(text));
            let (Some(first), Some(key)) = (self.firsts.get_mut(usize::from(digest)), self.keys.get_mut(place)) else {
                continue;
            };
            key.next = *first;
            *first = u32::try_from(place + 1).unwrap_or_default();
            self.marks |= mark;
        }
        self.is_listed = true;
    }

    #[inline]
    fn text(&self, place: usize) -> Option<&[u8]> {
        let key = self.keys.get(place)?;
        let end = key.end as usize;
        self.encoded.get(end.checked_sub(key.text_length as usize)?..end)
    }

    /// Where among the keys the first with this text is.
    // Texts that are asked for are known when this is built, so of one that is not there a look into a table is left.
    #[inline]
    pub(super) fn find(&self, text: &[u8]) -> Option<usize> {
        match self.firsts.get(usize::from(digest(text))) {
            None | Some(0) => None,
            Some(first) => self.find_behind(text, *first),
        }
    }

    #[inline(never)]
    fn find_behind(&self, text: &[u8], first: u32) -> Option<usize> {
        let mut number = first;
        loop {
            let place = (number as usize).checked_sub(1)?;
            if self.text(place)? == text {
                return Some(place);
            }
            number = self.keys.get(place)?.next;
        }
    }
}

/// What is behind the value that `bytes` begin with; `None` when it is not whole, or not MessagePack.
#[inline]
fn behind_value(bytes: &[u8]) -> Option<&[u8]> {
    match plain_length(bytes) {
        Some(length) => bytes.get(length..),
        None => behind_any_value(bytes),
    }
}

#[inline(never)]
fn behind_any_value(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    reader.skip().ok()?;
    Some(reader.rest())
}
