//! Whether two short texts are the same.

/// As `==`, without calling for it when they are not longer than 16 bytes, or differ in how they begin or end.
#[inline]
#[must_use]
pub fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if let (Some(a_first), Some(b_first), Some(a_last), Some(b_last)) =
        (a.first_chunk::<8>(), b.first_chunk::<8>(), a.last_chunk::<8>(), b.last_chunk::<8>())
    {
        return a_first == b_first && a_last == b_last && (a.len() <= 16 || is_long_same(a, b));
    }
    if let (Some(a_first), Some(b_first), Some(a_last), Some(b_last)) =
        (a.first_chunk::<4>(), b.first_chunk::<4>(), a.last_chunk::<4>(), b.last_chunk::<4>())
    {
        return a_first == b_first && a_last == b_last;
    }
    a.iter().zip(b).all(|(a, b)| a == b)
}

#[cfg(not(target_family = "wasm"))]
#[inline]
fn is_long_same(a: &[u8], b: &[u8]) -> bool {
    a == b
}

#[cfg(target_family = "wasm")]
use are_words_same as is_long_same;

/// Whether all whole words of eight bytes are the same, of texts of one length. WebAssembly has no instruction for `==`, and an
/// interpreter of it takes as long for a byte as for eight.
#[cfg(any(test, target_family = "wasm"))]
#[inline(never)]
fn are_words_same(a: &[u8], b: &[u8]) -> bool {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    let is_other = |(a, b): (&[u8; 32], &[u8; 32])| {
        let (a, b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
        a.iter().zip(b).fold(0, |sum, (a, b)| sum | u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)) != 0
    };
    let (a_rest, b_rest) = (a_rest.as_chunks::<8>().0, b_rest.as_chunks::<8>().0);
    !a.iter().zip(b).any(is_other)
        && a_rest.iter().zip(b_rest).all(|(a, b)| u64::from_le_bytes(*a) == u64::from_le_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_the_same_when_all_bytes_are(text in proptest::collection::vec(any::<u8>(), 0..120), at in 0_usize..120) {
            let mut other = text.clone();
            prop_assert!(is_same(&text, &other) && are_words_same(&text, &other));
            let Some(byte) = other.get_mut(at) else { return Ok(()) };
            *byte ^= 1;
            prop_assert!(!is_same(&text, &other) && !is_same(&text, text.get(1..).unwrap_or_default()));
            prop_assert_eq!(are_words_same(&text, &other), at >= text.len() / 8 * 8);
        }
    }
}
