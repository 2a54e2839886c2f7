//! JSON written as bytes, for what most values are: text and whole numbers. It is the same text that
//! [`shiwake_records::msgpack::json`] writes, in which what stands together without an escape is copied together.

use std::io::Write as _;

/// Bytes that are looked at together; a compiler makes a few instructions of that.
const BLOCK_BYTES: usize = 16;

/// Appends text as a JSON string (RFC 8259, section 7); `false` when it is no UTF-8, and then something may have been appended.
pub(super) fn push_text(out: &mut Vec<u8>, text: &[u8]) -> bool {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let (all_bits, is_plain) = if text.len() < BLOCK_BYTES { look_at_short(text) } else { look_at_long(text) };
    if is_plain {
        out.extend_from_slice(text);
    } else {
        push_escaped(out, text);
    }
    out.push(b'"');
    // No byte of a character beyond ASCII is one that needs an escape.
    all_bits < 0x80 || std::str::from_utf8(text).is_ok()
}

/// All bits that are set in any byte, and whether no byte needs an escape.
#[inline]
fn look(bytes: &[u8]) -> (u8, bool) {
    let (mut bits, mut odd) = (0_u8, 0_u8);
    for byte in bytes {
        bits |= byte;
        odd |= u8::from(*byte < 0x20) | u8::from(*byte == b'"') | u8::from(*byte == b'\\');
    }
    (bits, odd == 0)
}

/// As [`look`], for a block or more.
#[inline]
fn look_at_long(text: &[u8]) -> (u8, bool) {
    let (blocks, _) = text.as_chunks::<BLOCK_BYTES>();
    // What is behind the last whole block is looked at with some bytes of it.
    let last = text.last_chunk::<BLOCK_BYTES>();
    let (mut bits, mut is_plain) = (0, true);
    for block in blocks {
        let (more, is_plain_too) = look(block);
        bits |= more;
        is_plain &= is_plain_too;
    }
    let (more, is_plain_too) = last.map_or((0, true), |block| look(block));
    (bits | more, is_plain & is_plain_too)
}

/// As [`look`], for less than a block.
#[inline]
fn look_at_short(text: &[u8]) -> (u8, bool) {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGHS: u64 = ONES * 0x80;
    let word = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => [u64::from_le_bytes(*first), u64::from_le_bytes(*last)],
        _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some(first), Some(last)) => {
                [u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32, ONES * b' ' as u64]
            }
            _ => return look(text),
        },
    };
    let (mut bits, mut odd) = (0, 0);
    for word in word {
        // The highest bit of a byte that is zero; of bytes above a zero it may be set too, which is no matter here.
        let zeroes = |word: u64| word.wrapping_sub(ONES) & !word;
        bits |= word;
        odd |= word.wrapping_sub(ONES * 0x20) & !word
            | zeroes(word ^ (ONES * u64::from(b'"')))
            | zeroes(word ^ (ONES * u64::from(b'\\')));
    }
    (if bits & HIGHS == 0 { 0 } else { 0x80 }, odd & HIGHS == 0)
}

/// Appends text that has bytes to escape.
fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
    for block in blocks {
        if look(block).1 {
            out.extend_from_slice(block);
        } else {
            push_escaped_block(out, block);
        }
    }
    push_escaped_bytes(out, rest);
}

/// Copies all of a block again and again, each time so that what is behind the byte that was escaped last comes to its place:
/// sixteen bytes are copied as fast as one.
fn push_escaped_block(out: &mut Vec<u8>, block: &[u8; BLOCK_BYTES]) {
    let mut doubled = [0; 2 * BLOCK_BYTES];
    if let Some(first) = doubled.first_chunk_mut::<BLOCK_BYTES>() {
        *first = *block;
    }
    let needs_escape = block.iter().rev().fold(0_u32, |bits, byte| bits << 1 | u32::from(is_odd(*byte)));
    let mut left = needs_escape;
    let mut start = 0;
    loop {
        let end = (left.trailing_zeros() as usize).min(BLOCK_BYTES);
        if let Some(run) = doubled.get(start..start + BLOCK_BYTES) {
            let behind = out.len() + end - start;
            out.extend_from_slice(run);
            out.truncate(behind);
        }
        let Some(byte) = block.get(end) else { return };
        push_escape(out, *byte);
        start = end + 1;
        left &= left - 1;
    }
}

fn push_escaped_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if is_odd(*byte) {
            push_escape(out, *byte);
        } else {
            out.push(*byte);
        }
    }
}

#[inline]
fn is_odd(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        other => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "\\u{other:04x}");
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
    let mut start = digits.len();
    for pair in digits.rchunks_exact_mut(2) {
        let two = (rest % 100) as u8;
        rest /= 100;
        pair.copy_from_slice(&[b'0' + two / 10, b'0' + two % 10]);
        start -= if rest == 0 && two < 10 { 1 } else { 2 };
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
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
        for (length, byte) in (1..40).flat_map(|length| (0..=0xff_u8).map(move |byte| (length, byte))) {
            for places in [[0, length - 1], [length / 2, length / 2], [length / 3, length - 1 - length / 3]] {
                let mut text = vec![b'~'; length];
                places.iter().for_each(|place| text[*place] = byte);
                let expected = std::str::from_utf8(&text)
                    .ok()
                    .map(|text| serde_json::to_string(text).unwrap().replace("\\b", "\\u0008"));
                let expected = expected.map(|text| text.replace("\\f", "\\u000c").into_bytes());
                assert_eq!(written(&text), expected, "{byte} of {length}");
            }
        }
    }

    #[test]
    fn numbers_are_written_to_their_ends() {
        for number in [0, 7, -1, 10, 99, 100, -1_000, 12_345, 1_700_000_000_124, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            push_int(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }
}
