//! Finds bytes in log lines, whose words are short: a few looks of our own take less time than a call of `memchr`, which is for what
//! lies further off.

#[cfg(not(target_family = "wasm"))]
pub(super) use self::vectors::{find_byte, find_either};
#[cfg(target_family = "wasm")]
pub(super) use self::words::{find_byte, find_either};

/// Sixteen bytes at a time.
#[cfg(not(target_family = "wasm"))]
mod vectors {
    use wide::u8x16;

    const VECTOR_BYTES: usize = 16;
    /// So many at once where what is looked for lies further off: how often it is looked is then nearly always the same, which the
    /// processor foresees.
    const WINDOW_BYTES: usize = 64;
    /// Bytes that are looked at here.
    const NEAR_BYTES: usize = 192;

    /// Where a byte is; as a rule, among the first few.
    #[inline]
    pub(in super::super) fn find_byte(text: &[u8], byte: u8) -> Option<usize> {
        let marked = |vector: &[u8; VECTOR_BYTES]| marks_of(vector, |vector| vector.simd_eq(u8x16::splat(byte)));
        let found = find_near(text, marked);
        found.unwrap_or_else(|from| Some(from + memchr::memchr(byte, text.get(from..)?)?))
    }

    /// Where the first of two bytes is.
    #[inline]
    pub(in super::super) fn find_either(text: &[u8], one: u8, other: u8) -> Option<usize> {
        let matching = |vector: u8x16| vector.simd_eq(u8x16::splat(one)) | vector.simd_eq(u8x16::splat(other));
        let found = find_near(text, |window: &[u8; WINDOW_BYTES]| {
            let (vectors, _) = window.as_chunks();
            vectors.iter().rev().fold(0, |marks, vector| marks << VECTOR_BYTES | marks_of(vector, matching))
        });
        found.unwrap_or_else(|from| Some(from + memchr::memchr2(one, other, text.get(from..)?)?))
    }

    /// A bit for each byte that `matching` marks.
    #[inline(always)]
    fn marks_of(vector: &[u8; VECTOR_BYTES], matching: impl Fn(u8x16) -> u8x16) -> u64 {
        u64::from(matching(u8x16::new(*vector)).to_bitmask())
    }

    /// Where the first byte is that is marked, `N` at a time; the error is from where on it was not looked for.
    #[inline(always)]
    fn find_near<const N: usize>(text: &[u8], marked: impl Fn(&[u8; N]) -> u64) -> Result<Option<usize>, usize> {
        let first_in = |part: &[u8; N]| {
            let marks = marked(part);
            (marks != 0).then(|| marks.trailing_zeros() as usize)
        };
        let (parts, rest) = text.get(..NEAR_BYTES).unwrap_or(text).as_chunks();
        for (at, part) in parts.iter().enumerate() {
            if let Some(found) = first_in(part) {
                return Ok(Some(at * N + found));
            }
        }
        if text.len() > NEAR_BYTES {
            return Err(NEAR_BYTES);
        }
        match text.last_chunk() {
            _ if rest.is_empty() => Ok(None),
            // It begins before the rest, where nothing was found.
            Some(last) => Ok(first_in(last).map(|found| text.len() - N + found)),
            None => Err(0),
        }
    }
}

/// Eight bytes at a time in a register, for hosts that interpret WebAssembly: they have no vectors.
#[cfg(any(target_family = "wasm", test))]
mod words {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

    /// Where a byte is.
    #[inline]
    pub(in super::super) fn find_byte(text: &[u8], byte: u8) -> Option<usize> {
        find_either(text, byte, byte)
    }

    /// Where the first of two bytes is.
    #[inline(never)]
    pub(in super::super) fn find_either(text: &[u8], one: u8, other: u8) -> Option<usize> {
        let (words, rest) = text.as_chunks();
        for (at, word) in words.iter().enumerate() {
            // Bytes that are equal become zero; the lowest high bit stands at the first of those.
            let zeroes = |byte: u8| {
                let difference = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
                difference.wrapping_sub(ONES) & !difference & HIGH_BITS
            };
            let zeroes = zeroes(one) | zeroes(other);
            if zeroes != 0 {
                return Some(at * size_of::<u64>() + zeroes.trailing_zeros() as usize / 8);
            }
        }
        let in_rest = rest.iter().position(|byte| *byte == one || *byte == other)?;
        Some(text.len() - rest.len() + in_rest)
    }
}

#[cfg(test)]
mod tests {
    use super::{vectors, words};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_byte_is_found_where_it_is(
            text in proptest::collection::vec(0x60_u8..=0xff, 0..300),
            [one, other] in proptest::array::uniform2(0x60_u8..=0xff),
        ) {
            let place = |wanted: &[u8]| text.iter().position(|byte| wanted.contains(byte));
            prop_assert_eq!(vectors::find_byte(&text, one), place(&[one]));
            prop_assert_eq!(words::find_byte(&text, one), place(&[one]));
            prop_assert_eq!(vectors::find_either(&text, one, other), place(&[one, other]));
            prop_assert_eq!(words::find_either(&text, one, other), place(&[one, other]));
        }
    }
}
