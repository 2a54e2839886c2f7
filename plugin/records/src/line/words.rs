//! Cuts borrowed lines at bytes.

use memchr::{memchr, memmem};

/// The text before and after the first `separator`.
#[inline]
pub(super) fn split_at_byte(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = find_byte(text, separator)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
/// Bytes that are looked at in registers before `memchr` is called. A host that interprets WebAssembly has no vector
/// instructions, so there all of them are.
const IN_REGISTERS: usize = if cfg!(target_family = "wasm") { usize::MAX } else { 16 };

/// Where a byte is. Most words of a log line are short, and looking at eight bytes in one register takes less time than a call
/// of `memchr`, which is for the others.
#[inline]
fn find_byte(text: &[u8], byte: u8) -> Option<usize> {
    let from = match find_in_registers(text, [byte, byte], IN_REGISTERS) {
        Ok(at) => return Some(at),
        Err(from) => from,
    };
    Some(from + memchr(byte, text.get(from..)?)?)
}

/// Where the first of two bytes is.
#[inline]
pub(super) fn find_either(text: &[u8], one: u8, other: u8) -> Option<usize> {
    if !cfg!(target_family = "wasm") {
        return memchr::memchr2(one, other, text);
    }
    let from = match find_in_registers(text, [one, other], IN_REGISTERS) {
        Ok(at) => return Some(at),
        Err(from) => from,
    };
    Some(from + text.get(from..)?.iter().position(|byte| *byte == one || *byte == other)?)
}

/// Where the first of two bytes is among the first so many; else up to where it was looked for.
#[inline]
fn find_in_registers(text: &[u8], [one, other]: [u8; 2], bytes: usize) -> Result<usize, usize> {
    let mut from = 0;
    while let Some(eight) = text.get(from..).filter(|_| from < bytes).and_then(|rest| rest.first_chunk::<8>()) {
        // Bytes that are equal become zero; the lowest high bit stands at the first of those.
        let zeroes = |byte: u8| {
            let difference = u64::from_le_bytes(*eight) ^ (ONES * u64::from(byte));
            difference.wrapping_sub(ONES) & !difference & HIGH_BITS
        };
        let zeroes = zeroes(one) | zeroes(other);
        if zeroes != 0 {
            return Ok(from + zeroes.trailing_zeros() as usize / 8);
        }
        from += 8;
    }
    Err(from)
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
    // As many digits always fit, and a multiplication that is checked takes 128 bits.
    const ALWAYS_FIT: usize = 18;
    let (first, rest) = text.split_at_checked(ALWAYS_FIT).unwrap_or((text, b""));
    let mut number = 0_i64;
    for byte in first {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    rest.iter().try_fold(number, |number, byte| {
        if !byte.is_ascii_digit() {
            return None;
        }
        number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))
    })
}

/// Seconds written as a decimal number, as microseconds; digits behind the sixth are left out.
pub(super) fn micros(text: &[u8]) -> Option<i64> {
    let (whole, fraction) = split_at_byte(text, b'.').unwrap_or((text, b"0"));
    decimal(fraction.get(..1)?)?;
    let mut digits = fraction.iter().chain(b"000000").take(6).copied();
    let fraction = digits.try_fold(0_i64, |sum, digit| Some(sum * 10 + decimal(&[digit])?))?;
    decimal(whole)?.checked_mul(1_000_000)?.checked_add(fraction)
}

/// Microseconds as milliseconds.
pub(super) fn millis(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// Method, target and protocol of a request line, when it is one; what attackers send often is not.
pub(super) fn split_request(request: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (method, rest) = match request {
        // Which most requests are.
        [b'G', b'E', b'T', b' ', rest @ ..] => (request.get(..3)?, rest),
        _ => {
            let (method, rest) = split_at_byte(request, b' ')?;
            if method.is_empty() || !method.iter().all(u8::is_ascii_uppercase) {
                return None;
            }
            (method, rest)
        }
    };
    if let Some((target, protocol @ [b' ', b'H', b'T', b'T', b'P', b'/', version @ ..])) = rest.split_last_chunk::<9>()
        && !version.contains(&b' ')
    {
        return Some((method, target, protocol.get(1..)?));
    }
    // The target may hold spaces that a careless client did not escape; the protocol is what is behind the last one.
    let at = memchr::memrchr(b' ', rest)?;
    let (target, protocol) = (rest.get(..at)?, rest.get(at + 1..)?);
    protocol.starts_with(b"HTTP/").then_some((method, target, protocol))
}

/// Host without its port, path and query of `scheme://host:port/path?query`; of a target without a host the path and the
/// query.
pub(super) fn split_url(target: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (before_query, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
    let Some(rest) = after(before_query, b"://") else { return (b"", before_query, query) };
    let authority = until(rest, |byte| byte == b'/');
    let path = rest.get(authority.len()..).unwrap_or_default();
    // The colon of a port stands behind the brackets of an IPv6 address.
    let port =
        authority.iter().rposition(|byte| matches!(byte, b':' | b']')).filter(|at| authority.get(*at) == Some(&b':'));
    (authority.get(..port.unwrap_or(authority.len())).unwrap_or(authority), path, query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_byte_is_found_where_it_is(text in proptest::collection::vec(0x7e_u8..=0x82, 0..40), byte in 0x7e_u8..=0x82) {
            prop_assert_eq!(find_byte(&text, byte), text.iter().position(|known| *known == byte));
            prop_assert_eq!(find_in_registers(&text, [byte, 0x7e], usize::MAX).unwrap_or_else(|from| {
                let rest = text.get(from..).unwrap_or_default();
                from + rest.iter().position(|known| *known == byte || *known == 0x7e).unwrap_or(rest.len())
            }), text.iter().position(|known| *known == byte || *known == 0x7e).unwrap_or(text.len()));
            prop_assert_eq!(find_either(&text, byte, 0x7e), text.iter().position(|known| *known == byte || *known == 0x7e));
        }

        #[test]
        fn digits_are_a_number_when_it_fits(text in "[0-9]{0,21}[a-]?") {
            let expected = text.parse().ok().filter(|_| !text.starts_with('-'));
            prop_assert_eq!(decimal(text.as_bytes()), expected);
        }
    }

    #[test]
    fn seconds_are_read_to_the_microsecond() {
        for (text, expected) in [
            ("0.001", Some(1_000)),
            ("12", Some(12_000_000)),
            ("1.2345678", Some(1_234_567)),
            ("-1", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("1.x", None),
            ("9999999999999999", None),
        ] {
            assert_eq!(micros(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn targets_are_split_with_and_without_a_host() {
        for (target, expected) in [
            ("http://a.b:80/c?d=e?f", ("a.b", "/c", "d=e?f")),
            ("https://[::1]:443/", ("[::1]", "/", "")),
            ("https://[::1]", ("[::1]", "", "")),
            ("/c?u=http://x", ("", "/c", "u=http://x")),
            ("*", ("", "*", "")),
        ] {
            let (host, path, query) = split_url(target.as_bytes());
            assert_eq!((host, path, query), (expected.0.as_bytes(), expected.1.as_bytes(), expected.2.as_bytes()));
        }
    }
}
