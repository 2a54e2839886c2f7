//! Finds what JSON text escapes, eight bytes at once.
//!
//! The tests are those of <https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>: a high bit may be wrong only above the
//! first that is right.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// High bits at bytes that JSON text escapes: quote, backslash and control characters. The lowest is right.
#[inline]
#[must_use]
pub const fn escaped_in(word: u64) -> u64 {
    // With this bit turned, control characters and the quote are the numbers up to 0x20, and nothing else is.
    let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (control_or_quote | backslash) & !word & HIGH_BITS
}

/// Where, from `from` on, the first byte is that cannot stand in JSON text as it is; the end of the text when there is none.
#[inline]
#[must_use]
pub fn find_escaped(text: &[u8], mut from: usize) -> usize {
    let place = |found: u64, at: usize| at + (found.trailing_zeros() >> 3) as usize;
    // Many texts end, or have an escape, within the first eight bytes; of those that do not most are longer by far.
    if let Some(word) = text.get(from..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = escaped_in(u64::from_le_bytes(*word));
        if found != 0 {
            return place(found, from);
        }
        from += 8;
    }
    while let Some([first, second]) = text.get(from..).and_then(|rest| rest.as_chunks::<8>().0.first_chunk::<2>()) {
        let (first, second) = (escaped_in(u64::from_le_bytes(*first)), escaped_in(u64::from_le_bytes(*second)));
        if first | second != 0 {
            return if first != 0 { place(first, from) } else { place(second, from + 8) };
        }
        from += 16;
    }
    if let Some(word) = text.get(from..).and_then(|rest| rest.first_chunk::<8>()) {
        let found = escaped_in(u64::from_le_bytes(*word));
        if found != 0 {
            return place(found, from);
        }
        from += 8;
    }
    while text.get(from).is_some_and(|byte| !is_escaped(*byte)) {
        from += 1;
    }
    from.min(text.len())
}

/// Whether a byte is escaped in JSON text.
#[inline]
#[must_use]
pub const fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
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
        fn the_first_escaped_byte_is_found(text in texts(), from in 0_usize..45) {
            let expected = text.iter().enumerate().skip(from).find(|(_, byte)| is_escaped(**byte));
            prop_assert_eq!(find_escaped(&text, from), expected.map_or(text.len(), |(at, _)| at));
        }
    }
}
