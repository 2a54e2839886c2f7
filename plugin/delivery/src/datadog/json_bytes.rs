//! JSON written as bytes, for what most values are: text and whole numbers. It is the same text that
//! [`shiwake_records::msgpack::json`] writes, in which what stands together without an escape is copied together.

use std::io::Write as _;

/// Bytes that are looked at together; a compiler makes a few instructions of that.
const BLOCK_BYTES: usize = 16;

/// Appends text as a JSON string (RFC 8259, section 7); `false` when it is no UTF-8, and then something may have been appended.
pub(super) fn push_text(out: &mut Vec<u8>, text: &[u8]) -> bool {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
    let mut all_bits = 0;
    for block in blocks {
        let (bits, is_plain) = look(block);
        all_bits |= bits;
        if is_plain {
            out.extend_from_slice(block);
        } else {
            push_escaped(out, block);
        }
    }
    let (bits, is_plain) = look(rest);
    all_bits |= bits;
    if is_plain {
        out.extend_from_slice(rest);
    } else {
        push_escaped(out, rest);
    }
    out.push(b'"');
    // No byte of a character beyond ASCII is one that needs an escape.
    all_bits < 0x80 || std::str::from_utf8(text).is_ok()
}

/// All bits that are set in any byte, and whether no byte needs an escape.
fn look(bytes: &[u8]) -> (u8, bool) {
    let (mut bits, mut odd) = (0_u8, 0_u8);
    for byte in bytes {
        bits |= byte;
        odd |= u8::from(*byte < 0x20) | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
    }
    (bits, odd == 0)
}

fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                // Writing to a vector cannot fail.
                let _ = write!(out, "\\u{byte:04x}");
            }
            other => out.push(*other),
        }
    }
}

/// Appends a whole number.
pub(super) fn push_int(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    // 20 digits are the most that 64 bits can have.
    let mut digits = [b'0'; 20];
    let mut rest = number.unsigned_abs();
    let mut count = 0;
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - count..).unwrap_or_default());
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use shiwake_records::msgpack::json;

    fn written(text: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        push_text(&mut out, text).then_some(out)
    }

    #[test]
    fn every_byte_at_every_place_is_written_as_the_slow_way_does() {
        for place in 0..40 {
            for byte in 0..=0xff_u8 {
                let mut text = "abcdefghijklmnopqrstuvwxyz0123456789äöü\u{20ac}".to_owned().into_bytes();
                text[place] = byte;
                let expected = std::str::from_utf8(&text).ok().map(|text| {
                    let mut out = String::new();
                    json::quoted(&mut out, text);
                    out.into_bytes()
                });
                assert_eq!(written(&text), expected, "{byte} at {place}");
            }
        }
        assert_eq!(written(b"").unwrap(), b"\"\"");
    }

    #[test]
    fn numbers_are_written_to_their_ends() {
        for number in [0, 7, -1, 10, 99, 100, -1_000, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            push_int(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
