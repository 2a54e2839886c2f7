//! Looks at eight bytes of text at once.
//!
//! The host interprets WebAssembly, where an instruction costs what twenty cost in native code, and has no vector instructions;
//! so what goes over all of a record's text does it in registers of 64 bits. The tests are those of
//! <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>: a high bit may be wrong only above the first that is
//! right.

use shiwake_records::line::json::{escaped_in, is_escaped};

pub(crate) const ONES: u64 = 0x0101_0101_0101_0101;
pub(crate) const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Whether text can stand between quotes as it is: ASCII, and nothing in it is escaped.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let is_bad = |word: u64| (escaped_in(word) | word & HIGH_BITS) != 0;
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes)) | 0x2020_2020_0000_0000;
    match (text.first_chunk::<8>(), text.last_chunk::<8>(), text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last), ..) => {
            // Up to 16 bytes are the first and the last eight, which may overlap.
            let is_bad_end = is_bad(u64::from_le_bytes(*first)) || is_bad(u64::from_le_bytes(*last));
            !is_bad_end && (text.len() <= 16 || middle_is_plain(text))
        }
        (_, _, Some(first), Some(last)) => !is_bad(half(first)) && !is_bad(half(last)),
        _ => text.iter().all(|byte| byte.is_ascii() && !is_escaped(*byte)),
    }
}

fn middle_is_plain(text: &[u8]) -> bool {
    let (words, _) = text.as_chunks::<8>();
    words.iter().all(|word| {
        let word = u64::from_le_bytes(*word);
        (escaped_in(word) | word & HIGH_BITS) == 0
    })
}

/// Whether two texts are the same. As `==`, which goes over them byte by byte where there is no other instruction for it.
#[inline]
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(one_end), Some(other_end)) => {
            u64::from_le_bytes(*one_end) == u64::from_le_bytes(*other_end)
                && (one.len() == 8 || are_words_same(one, other))
        }
        _ => is_short_same(one, other),
    }
}

/// Whether all whole words of eight bytes are the same, of texts of one length.
#[inline(never)]
fn are_words_same(one: &[u8], other: &[u8]) -> bool {
    let ((one, one_rest), (other, other_rest)) = (one.as_chunks::<32>(), other.as_chunks::<32>());
    let is_other = |(one, other): (&[u8; 32], &[u8; 32])| {
        let (one, other) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
        one.iter().zip(other).fold(0, |sum, (one, other)| sum | u64::from_le_bytes(*one) ^ u64::from_le_bytes(*other))
            != 0
    };
    let (rest, other_words) = (one_rest.as_chunks::<8>().0, other_rest.as_chunks::<8>().0);
    !one.iter().zip(other).any(is_other)
        && rest.iter().zip(other_words).all(|(one, other)| u64::from_le_bytes(*one) == u64::from_le_bytes(*other))
}

/// As [`is_same`], for texts of one length, below eight.
#[inline]
fn is_short_same(one: &[u8], other: &[u8]) -> bool {
    let half = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
    match (one.first_chunk::<4>(), one.last_chunk::<4>(), other.first_chunk::<4>(), other.last_chunk::<4>()) {
        (Some(one_start), Some(one_end), Some(other_start), Some(other_end)) => {
            half(one_start) == half(other_start) && half(one_end) == half(other_end)
        }
        _ => one.iter().zip(other).all(|(one, other)| one == other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let byte =
            prop_oneof![20 => 0x20_u8..0x7f, 1 => Just(b'"'), 1 => Just(b'\\'), 1 => 0_u8..0x20, 2 => 0x7f_u8..=0xff];
        proptest::collection::vec(byte, 0..40)
    }

    proptest! {
        #[test]
        fn texts_are_the_same_when_all_bytes_are(text in proptest::collection::vec(any::<u8>(), 0..120), at in 0_usize..120) {
            let mut other = text.clone();
            prop_assert!(is_same(&text, &other));
            let Some(byte) = other.get_mut(at) else { return Ok(()) };
            *byte ^= 1;
            prop_assert!(!is_same(&text, &other) && !is_same(&text, text.get(1..).unwrap_or_default()));
        }

        #[test]
        fn plain_text_is_ascii_without_escapes(text in texts()) {
            let expected = text.iter().all(|byte| byte.is_ascii() && !is_escaped(*byte));
            prop_assert_eq!(is_plain(&text), expected);
        }
    }
}
