//! The keys of a record without its values: records of one writer have the same ones in the same order, again and again.

use super::answers::Answers;
use super::key::{DIGESTS, Marks, digest};
use super::layouts::{KEPT_KEY_BYTES, KEPT_KEYS};
use crate::msgpack::{Reader, is_same, value_bytes};

/// Bytes of a key that are compared at once.
const HEAD_BYTES: usize = 16;
/// Bytes that are looked at together: a key, and how its value begins.
const WINDOW_BYTES: usize = 2 * HEAD_BYTES + 3;

/// How much of a record is stepped over by numbers of 32 bits.
const FAR_BYTES: usize = 1 << 31;

/// One key.
#[derive(Debug, Clone, Copy)]
struct Key {
    /// How it begins as MessagePack, and a mask of which bytes of that are its own. Nothing begins as the head of a key that is
    /// longer than one.
    head: [u64; 2],
    mask: [u64; 2],
    /// Bytes of it as MessagePack.
    length: u32,
    /// Where it ends in [`Layout::encoded`].
    end: u32,
    /// The key behind this one with the same digest, counted from 1; 0 when there is none.
    next: u32,
    /// Bytes before its text.
    header_length: u8,
    /// The layout to which a record last went that had another key here.
    other: u8,
}

impl Key {
    /// Bytes of the key, and of its value, when `window` begins with both, the key is a short one, and the value a plain one.
    #[inline(always)]
    fn bytes_of_pair(&self, window: &[u8; WINDOW_BYTES]) -> Option<(u32, u32)> {
        let (first, rest) = window.split_first_chunk::<8>()?;
        let (second, _) = rest.split_first_chunk::<8>()?;
        let [first, second] = [first, second].map(|word| u64::from_le_bytes(*word));
        let ([a, b], [a_mask, b_mask]) = (self.head, self.mask);
        if first & a_mask != a || second & b_mask != b {
            return None;
        }
        // A key that is found this way is not longer than its head.
        let length = self.length % (2 * HEAD_BYTES as u32);
        let at = length as usize;
        match value_bytes([*window.get(at)?, *window.get(at + 1)?, *window.get(at + 2)?]) {
            0 => None,
            bytes => Some((length, bytes)),
        }
    }

    /// As [`Key::bytes_of_pair`], of a key that is up to two heads long: its beginning and its end are compared.
    #[inline(always)]
    fn bytes_of_longer_pair(&self, encoded: &[u8], window: &[u8; WINDOW_BYTES]) -> Option<usize> {
        let length = self.length as usize;
        let key = encoded.get(self.start()..self.end as usize).filter(|_| length > HEAD_BYTES)?;
        let (begin, value) = window.split_at_checked(length)?;
        let is_key = key.first_chunk::<HEAD_BYTES>() == begin.first_chunk()
            && key.last_chunk::<HEAD_BYTES>() == begin.last_chunk();
        match value_bytes(*value.first_chunk()?) {
            bytes if is_key && bytes != 0 => Some(length + bytes as usize),
            _ => None,
        }
    }

    /// Bytes of the key and its value, when `bytes` begin with both.
    #[inline(never)]
    fn bytes_of_any_pair(&self, encoded: &[u8], bytes: &[u8]) -> Option<usize> {
        let mut reader = Reader::new(self.strip_from(encoded, bytes)?);
        reader.skip().ok()?;
        Some(self.length as usize + reader.position())
    }

    /// What is behind the key, when it is what `bytes` begin with.
    fn strip_from<'a>(&self, encoded: &[u8], bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (begin, behind) = bytes.split_at_checked(self.length as usize)?;
        is_same(encoded.get(self.start()..self.end as usize)?, begin).then_some(behind)
    }

    fn start(&self) -> usize {
        (self.end as usize).saturating_sub(self.length as usize)
    }

    fn text_length(&self) -> usize {
        (self.length as usize).saturating_sub(self.header_length.into())
    }
}

/// How far a record was stepped over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Walk {
    /// Pairs.
    pub(super) pairs: usize,
    /// Bytes.
    pub(super) bytes: usize,
}

/// Keys in their order.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// All keys as MessagePack, each with its header.
    encoded: Vec<u8>,
    keys: Vec<Key>,
    /// As [`Key::other`], for records that have more keys.
    longer: u8,
    /// The first key with each digest, counted from 1; 0 where there is none. Empty before the keys are listed.
    firsts: Vec<u32>,
    marks: Marks,
    /// What is known of sets of keys.
    answers: Answers,
    /// Another number whenever keys were listed; 0 when there are none.
    version: u64,
    /// Whether a record had these keys since this was asked last.
    pub(super) is_in_use: bool,
}

impl Layout {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it is small enough to be kept.
    pub(super) fn is_kept(&self) -> bool {
        self.keys.len() <= KEPT_KEYS && self.encoded.len() <= KEPT_KEY_BYTES
    }

    #[inline]
    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    #[inline]
    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Steps over pairs of a map with this content while their keys are those of the layout, in its order, from where `walk`
    /// has come to; as far as there is room in `value_starts`, where it leaves where each value begins.
    #[inline(never)]
    pub(super) fn step_over(&self, content: &[u8], mut walk: Walk, value_starts: &mut [u32]) -> Walk {
        while let (Some(key), Some(value_start)) = (self.keys.get(walk.pairs), value_starts.get_mut(walk.pairs)) {
            let rest = content.get(walk.bytes..).unwrap_or_default();
            let longer = rest.first_chunk().and_then(|window| key.bytes_of_longer_pair(&self.encoded, window));
            let longer = longer.filter(|length| *length <= rest.len());
            let Some(length) = longer.or_else(|| key.bytes_of_any_pair(&self.encoded, rest)) else { break };
            #[expect(clippy::cast_possible_truncation, reason = "a record that is larger has no index")]
            let start = walk.bytes as u32;
            *value_start = start.wrapping_add(key.length);
            walk = Walk { pairs: walk.pairs + 1, bytes: walk.bytes + length };
            walk = self.step_over_plain(content, walk, value_starts);
        }
        walk
    }

    /// As [`Layout::step_over`], up to a key that is long, a value that is not plain, or nearly the end.
    #[inline(always)]
    pub(super) fn step_over_plain(&self, content: &[u8], walk: Walk, value_starts: &mut [u32]) -> Walk {
        let content = content.get(..FAR_BYTES).unwrap_or(content);
        let Ok(mut position) = u32::try_from(walk.bytes) else { return walk };
        let keys = self.keys.get(walk.pairs..).unwrap_or_default();
        let mut pairs = 0;
        for (key, value_start) in keys.iter().zip(value_starts.get_mut(walk.pairs..).unwrap_or_default()) {
            let at = position as usize;
            let Some(window) = content.get(at..at + WINDOW_BYTES) else { break };
            let Some(window) = window.first_chunk() else { break };
            let Some((key_bytes, value_bytes)) = key.bytes_of_pair(window) else { break };
            *value_start = position.wrapping_add(key_bytes);
            position = value_start.wrapping_add(value_bytes);
            pairs += 1;
        }
        let walk = Walk { pairs: walk.pairs + pairs, bytes: position as usize };
        if walk.bytes > content.len() { self.step_back(walk, value_starts) } else { walk }
    }

    /// Where the last pair began, whose value is not whole.
    #[cold]
    fn step_back(&self, walk: Walk, value_starts: &[u32]) -> Walk {
        let pairs = walk.pairs.saturating_sub(1);
        let key_bytes = self.keys.get(pairs).map_or(0, |key| key.length);
        let start = value_starts.get(pairs).map_or(0, |start| start.saturating_sub(key_bytes));
        Walk { pairs, bytes: start as usize }
    }

    /// Whether the key at `place` is what `bytes` begin with.
    pub(super) fn has_key_at(&self, place: usize, bytes: &[u8]) -> bool {
        self.keys.get(place).is_some_and(|key| key.strip_from(&self.encoded, bytes).is_some())
    }

    /// Whether the first `count` keys are the same.
    pub(super) fn begins_as(&self, other: &Layout, count: usize) -> bool {
        let (ours, theirs) = (self.encoded_of_first(count), other.encoded_of_first(count));
        ours.is_some_and(|ours| theirs.is_some_and(|theirs| is_same(ours, theirs)))
    }

    /// The first `count` keys as MessagePack.
    fn encoded_of_first(&self, count: usize) -> Option<&[u8]> {
        let Some(last) = count.checked_sub(1) else { return Some(&[]) };
        self.encoded.get(..self.keys.get(last)?.end as usize)
    }

    /// The layout to which a record last went that had another key at `place`, or no other.
    pub(super) fn other_at(&self, place: usize) -> usize {
        self.keys.get(place).map_or(self.longer, |key| key.other).into()
    }

    pub(super) fn set_other_at(&mut self, place: usize, other: usize) {
        let slot = self.keys.get_mut(place).map_or(&mut self.longer, |key| &mut key.other);
        *slot = u8::try_from(other).unwrap_or_default();
    }

    /// Bytes of the text of the key at `place`, and of all of it.
    pub(super) fn lengths(&self, place: usize) -> Option<(usize, usize)> {
        self.keys.get(place).map(|key| (key.text_length(), key.length as usize))
    }

    /// From now on the keys are the first `count` ones of another layout, if it has so many. They are not found before
    /// [`Layout::list`].
    pub(super) fn begin_as(&mut self, other: Option<&Layout>, count: usize) {
        self.encoded.clear();
        self.keys.clear();
        if let Some(other) = other
            && let Some(encoded) = other.encoded_of_first(count)
        {
            self.encoded.extend_from_slice(encoded);
            self.keys.extend(other.keys.iter().take(count).map(|key| Key { other: 0, ..*key }));
        }
    }

    /// Makes room for so many keys of ordinary length, if that is not too many.
    pub(super) fn reserve(&mut self, count: usize) {
        let more = count.min(KEPT_KEYS).saturating_sub(self.keys.len());
        self.keys.reserve_exact(more);
        self.encoded.reserve_exact(more * HEAD_BYTES);
    }

    /// Adds a key behind the others.
    #[expect(clippy::cast_possible_truncation, reason = "keys of 4 GiB are not looked for in what is listed")]
    pub(super) fn push(&mut self, encoded: &[u8], text_length: usize) {
        self.encoded.extend_from_slice(encoded);
        let (mut head, mut mask) = ([0; HEAD_BYTES], [0; HEAD_BYTES]);
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(encoded) {
            (*head, *mask) = (*byte, u8::MAX);
        }
        let words = |bytes: [u8; HEAD_BYTES]| {
            let bytes = u128::from_le_bytes(bytes);
            [bytes as u64, (bytes >> u64::BITS) as u64]
        };
        let is_short = encoded.len() <= HEAD_BYTES;
        self.keys.push(Key {
            head: if is_short { words(head) } else { [1; 2] },
            mask: if is_short { words(mask) } else { [0; 2] },
            length: encoded.len() as u32,
            end: self.encoded.len() as u32,
            next: 0,
            header_length: encoded.len().saturating_sub(text_length) as u8,
            other: 0,
        });
    }

    /// All keys were added: from now on they can be found. `version` is another one than that of all other layouts.
    pub(super) fn list(&mut self, version: u64) {
        self.firsts.clear();
        self.firsts.resize(DIGESTS, 0);
        self.marks = Marks::default();
        self.answers.forget();
        self.longer = 0;
        self.is_in_use = false;
        self.version = version;
        // From the last to the first, so that of equal keys the first is found first.
        for place in (0..self.keys.len()).rev() {
            let Some(text) = self.keys.get(place).and_then(|key| self.text_of(key)) else { continue };
            let (digest, mark) = (digest(text), Marks::of(text));
            let (Some(first), Some(key)) = (self.firsts.get_mut(usize::from(digest)), self.keys.get_mut(place)) else {
                continue;
            };
            let Ok(number) = u32::try_from(place + 1) else { continue };
            key.next = std::mem::replace(first, number);
            self.marks |= mark;
        }
    }

    #[inline]
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    #[inline]
    fn text_of(&self, key: &Key) -> Option<&[u8]> {
        let end = key.end as usize;
        self.encoded.get(end.checked_sub(key.text_length())?..end)
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
            let key = self.keys.get(place)?;
            if key.text_length() == text.len() && is_same(self.text_of(key)?, text) {
                return Some(place);
            }
            number = key.next;
        }
    }
}
