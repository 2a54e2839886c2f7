//! Trace and span ids in the forms that senders write, brought to one: small hexadecimal digits, 32 for a trace and 16 for
//! a span, as OpenTelemetry logs have them.
//!
//! - W3C `traceparent`, `00-<32>-<16>-<2>` (<https://www.w3.org/TR/trace-context/#traceparent-header>);
//! - the X-Ray header, `Root=1-<8>-<24>;Parent=<16>;Sampled=1`, and its id alone
//!   (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>);
//! - the 32 digits alone, small or capital.
//!
//! Anything else is no trace id here and is left as it is. An id of zeroes alone is invalid in all of them.

/// Digits of a trace id.
pub const TRACE_DIGITS: usize = 32;
/// Digits of a span id.
pub const SPAN_DIGITS: usize = 16;

/// A trace, and the span of it when the text names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceIds {
    trace: [u8; TRACE_DIGITS],
    span: Option<[u8; SPAN_DIGITS]>,
}

impl TraceIds {
    /// Reads any of the forms; `None` when it is none of them.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        if text.len() == TRACE_DIGITS {
            return Some(Self { trace: hexadecimal(&[text])?, span: None });
        }
        if text.contains(&b'=') {
            return Self::parse_xray_header(text);
        }
        Self::parse_xray_id(text).map(|trace| Self { trace, span: None }).or_else(|| Self::parse_traceparent(text))
    }

    /// The trace: 32 small hexadecimal digits.
    #[must_use]
    pub fn trace(&self) -> &str {
        std::str::from_utf8(&self.trace).unwrap_or_default()
    }

    /// The bytes of [`TraceIds::trace`].
    pub(crate) fn trace_bytes(&self) -> &[u8; TRACE_DIGITS] {
        &self.trace
    }

    /// The bytes of [`TraceIds::span`].
    pub(crate) fn span_bytes(&self) -> Option<&[u8; SPAN_DIGITS]> {
        self.span.as_ref()
    }

    /// The span: 16 small hexadecimal digits.
    #[must_use]
    pub fn span(&self) -> Option<&str> {
        std::str::from_utf8(self.span.as_ref()?).ok()
    }

    fn parse_traceparent(text: &[u8]) -> Option<Self> {
        let mut parts = text.split(|byte| *byte == b'-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_known = hexadecimal_or_zero::<2>(&[version]).is_some_and(|version| version != *b"ff");
        // Version 00 has four parts; a later one may have more.
        let is_whole = version != b"00" || parts.next().is_none();
        hexadecimal_or_zero::<2>(&[flags]).filter(|_| is_known && is_whole)?;
        Some(Self { trace: hexadecimal(&[trace])?, span: Some(hexadecimal(&[span])?) })
    }

    fn parse_xray_header(text: &[u8]) -> Option<Self> {
        let part = |name: &[u8]| {
            let mut parts = text.split(|byte| *byte == b';');
            parts.find_map(|part| part.trim_ascii().strip_prefix(name))
        };
        let trace = Self::parse_xray_id(part(b"Root=")?)?;
        Some(Self { trace, span: part(b"Parent=").and_then(|span| hexadecimal(&[span])) })
    }

    fn parse_xray_id(text: &[u8]) -> Option<[u8; TRACE_DIGITS]> {
        let mut parts = text.strip_prefix(b"1-")?.split(|byte| *byte == b'-');
        let (time, random) = (parts.next()?, parts.next()?);
        (time.len() == 8 && parts.next().is_none()).then(|| hexadecimal(&[time, random]))?
    }
}

/// A span id of 16 hexadecimal digits, as small ones.
#[must_use]
pub fn span_id(text: &[u8]) -> Option<[u8; SPAN_DIGITS]> {
    hexadecimal(&[text])
}

fn hexadecimal<const N: usize>(parts: &[&[u8]]) -> Option<[u8; N]> {
    hexadecimal_or_zero(parts).filter(|digits| digits.iter().fold(0, |sum, digit| sum | (digit ^ b'0')) != 0)
}

/// The digits of all parts together, which must be as many as asked for.
fn hexadecimal_or_zero<const N: usize>(parts: &[&[u8]]) -> Option<[u8; N]> {
    let mut digits = [0; N];
    let mut rest = digits.as_mut_slice();
    for part in parts {
        let to = rest.split_off_mut(..part.len())?;
        to.copy_from_slice(part);
    }
    if !rest.is_empty() {
        return None;
    }
    let (words, rest) = digits.as_chunks_mut::<8>();
    let mut are_digits = true;
    for word in words {
        let (small, are_all) = small_digits(u64::from_le_bytes(*word));
        *word = small.to_le_bytes();
        are_digits &= are_all;
    }
    for digit in rest {
        are_digits &= digit.is_ascii_hexdigit();
        *digit = digit.to_ascii_lowercase();
    }
    are_digits.then_some(digits)
}

/// Eight hexadecimal digits as small ones, and whether they are all digits.
const fn small_digits(word: u64) -> (u64, bool) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x80 * ONES;
    // Bytes below 0x80 have their high bit after this when they are not below a number.
    const fn not_below(word: u64, number: u64) -> u64 {
        (word & !HIGH_BITS) + ONES * (0x80 - number)
    }
    // Of letters this bit makes small ones; digits have it.
    let small = word | (ONES * 0x20);
    let digit = not_below(word, b'0' as u64) & !not_below(word, b'9' as u64 + 1);
    let letter = not_below(small, b'a' as u64) & !not_below(small, b'f' as u64 + 1);
    (small, (digit | letter) & !word & HIGH_BITS == HIGH_BITS)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const TRACE: &str = "5759e988bd862e3fe1be46a994272793";

    #[test]
    fn all_forms_of_one_trace_are_one_text() {
        for (text, span) in [
            (TRACE, None),
            ("5759E988BD862E3FE1BE46A994272793", None),
            ("1-5759e988-bd862e3fe1be46a994272793", None),
            ("Root=1-5759e988-bd862e3fe1be46a994272793", None),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", Some("53995c3f42cd8ad8")),
            ("Self=1-67891234-12456789abcdef012345678; Root=1-5759e988-bd862e3fe1be46a994272793", None),
            ("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01", Some("53995c3f42cd8ad8")),
            ("cc-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01-what-comes", Some("53995c3f42cd8ad8")),
        ] {
            let ids = TraceIds::parse(text.as_bytes()).unwrap();
            assert_eq!((ids.trace(), ids.span()), (TRACE, span), "{text}");
        }
    }

    #[test]
    fn every_byte_at_every_place_is_a_digit_or_is_none() {
        for place in 0..SPAN_DIGITS {
            for byte in 0..=u8::MAX {
                let mut text = *b"0123456789abcdef";
                *text.get_mut(place).unwrap() = byte;
                let expected = byte.is_ascii_hexdigit().then(|| text.map(|byte| byte.to_ascii_lowercase()));
                assert_eq!(span_id(&text), expected, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn what_is_no_trace_id_is_none() {
        for text in [
            "",
            "-",
            "1234567890123456789",
            "00000000000000000000000000000000",
            "5759e988bd862e3fe1be46a99427279g",
            "1-5759e988-bd862e3fe1be46a99427279",
            "1-5759e98-8bd862e3fe1be46a994272793",
            "2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988",
            "Parent=53995c3f42cd8ad8",
            "ff-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
            "00-5759e988bd862e3fe1be46a994272793-0000000000000000-01",
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01-more",
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8",
        ] {
            assert_eq!(TraceIds::parse(text.as_bytes()), None, "{text}");
        }
    }
}
