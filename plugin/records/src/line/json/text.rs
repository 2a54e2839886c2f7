//! Escapes in JSON text.
//!
//! RFC 8259, section 7. Half of a surrogate pair names no character; programs that cut a text in the middle of one write
//! it. UTF-8 has no bytes for it, so it stays as it is written, `\ud83d`.

use memchr::memchr;

/// Appends what `raw`, the text between the quotes, stands for; `None` when an escape in it is none.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = raw;
    loop {
        rest = append_plain(rest, out);
        let length = match rest {
            [] => return Some(()),
            [_, byte @ (b'"' | b'\\' | b'/'), ..] => plain(out, *byte),
            [_, b'n', ..] => plain(out, b'\n'),
            [_, b't', ..] => plain(out, b'\t'),
            [_, b'r', ..] => plain(out, b'\r'),
            [_, b'b', ..] => plain(out, 0x08),
            [_, b'f', ..] => plain(out, 0x0c),
            [_, b'u', ..] => unicode(rest, out)?,
            _ => return None,
        };
        rest = rest.get(length..)?;
    }
}

/// Appends what stands in front of the first backslash, or all; what is behind begins with it.
#[inline]
fn append_plain<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = text;
    // Where there are escapes there are many, so the next one is mostly near: eight bytes are copied and cut again, which takes
    // less than finding out first how many are to be copied. What is far is found and copied as a whole.
    for _ in 0..NEAR_WORDS {
        let Some((eight, behind)) = rest.split_first_chunk::<8>() else { break };
        let length = out.len();
        out.extend_from_slice(eight);
        if let Some(at) = find_backslash(*eight) {
            out.truncate(length + at);
            return rest.get(at..).unwrap_or_default();
        }
        rest = behind;
    }
    let end = memchr(b'\\', rest).unwrap_or(rest.len());
    let (plain, behind) = rest.split_at_checked(end).unwrap_or((rest, b""));
    out.extend_from_slice(plain);
    behind
}

/// Words of eight bytes that are looked at before those behind are searched as a whole.
const NEAR_WORDS: usize = 3;

/// Where among eight bytes the first backslash is.
#[inline]
fn find_backslash(eight: [u8; 8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The byte that is equal becomes zero; the lowest high bit stands at the first of those.
    let difference = u64::from_le_bytes(eight) ^ (ONES * b'\\' as u64);
    let zeroes = difference.wrapping_sub(ONES) & !difference & (ONES << 7);
    (zeroes != 0).then(|| zeroes.trailing_zeros() as usize / 8)
}

fn plain(out: &mut Vec<u8>, byte: u8) -> usize {
    out.push(byte);
    2
}

/// Appends the character of an escape by number (`\u00e9`), or of two of them that are a surrogate pair, and says how many
/// bytes were read.
fn unicode(escape: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    const LENGTH: usize = 6;
    let first = unit(escape)?;
    let (code, length) = match first {
        0xd800..=0xdbff => match escape.get(LENGTH..).and_then(unit) {
            Some(second @ 0xdc00..=0xdfff) => (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 2 * LENGTH),
            _ => (first, LENGTH),
        },
        _ => (first, LENGTH),
    };
    match char::from_u32(code) {
        Some(character) => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend_from_slice(escape.get(..LENGTH)?),
    }
    Some(length)
}

/// The UTF-16 code unit of an escape by number: `\u` and four hexadecimal digits.
fn unit(escape: &[u8]) -> Option<u32> {
    escape.strip_prefix(b"\\u")?.get(..4)?.iter().try_fold(0, |unit, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some(unit << 4 | digit)
    })
}
