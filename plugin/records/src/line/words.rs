//! Cuts borrowed lines at bytes.

use memchr::{memchr, memmem};

/// The text before and after the first `separator`.
pub(super) fn split_at_byte(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr(separator, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The text behind the first `needle`.
pub(super) fn after<'a>(text: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    text.get(memmem::find(text, needle)? + needle.len()..)
}

/// The text up to the first byte for which `ends` holds, or all of it.
pub(super) fn until(text: &[u8], ends: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| ends(*byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// A number written in decimal digits and nothing else, when it fits.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_i64, |number, byte| {
        if !byte.is_ascii_digit() {
            return None;
        }
        number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))
    })
}
