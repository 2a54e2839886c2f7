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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn plain_text_is_ascii_without_escapes(
            // Any byte between stretches that are plain.
            text in r"(?s)([ !#-\[\]-~]{0,15}.?){0,3}"
        ) {
            let expected = text.bytes().all(|byte| byte.is_ascii() && !is_escaped(byte));
            prop_assert_eq!(is_plain(text.as_bytes()), expected);
        }
    }
}
