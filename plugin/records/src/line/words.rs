//! Cuts borrowed lines at bytes.

use super::find::find_byte;
use memchr::memmem;

/// The text before and after the first `separator`.
#[inline]
pub(super) fn split_at_byte(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = find_byte(text, separator)?;
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
pub(crate) fn decimal(text: &[u8]) -> Option<i64> {
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
pub(crate) fn split_request(request: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
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
pub(crate) fn split_url(target: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (before_query, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
    // What is no scheme in front of it is the path, which a client writes as it likes.
    let scheme = until(before_query, |byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')));
    let behind = before_query.get(scheme.len()..).filter(|_| scheme.first().is_some_and(u8::is_ascii_alphabetic));
    let Some(rest) = behind.and_then(|behind| behind.strip_prefix(b"://")) else { return (b"", before_query, query) };
    let authority = until(rest, |byte| byte == b'/');
    let path = rest.get(authority.len()..).unwrap_or_default();
    // In front of the host a user may stand, with a password.
    let user = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
    let authority = authority.get(user..).unwrap_or(authority);
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
            ("/a://b/c", ("", "/a://b/c", "")),
            ("://b/c", ("", "://b/c", "")),
            ("https://user:p@ss@a.b:1/c", ("a.b", "/c", "")),
        ] {
            let (host, path, query) = split_url(target.as_bytes());
            assert_eq!((host, path, query), (expected.0.as_bytes(), expected.1.as_bytes(), expected.2.as_bytes()));
        }
    }
}
