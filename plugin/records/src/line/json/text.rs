//! Escapes in JSON text.
//!
//! RFC 8259, section 7. Half of a surrogate pair names no character; programs that cut a text in the middle of one write
//! it. UTF-8 has no bytes for it, so it stays as it is written, `\ud83d`.

use memchr::memchr;

/// Appends what `raw`, the text between the quotes, stands for; `None` when an escape in it is none.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(rest.get(..at)?);
        let escape = rest.get(at..)?;
        let length = match *escape.get(1)? {
            byte @ (b'"' | b'\\' | b'/') => plain(out, byte),
            b'b' => plain(out, 0x08),
            b'f' => plain(out, 0x0c),
            b'n' => plain(out, b'\n'),
            b'r' => plain(out, b'\r'),
            b't' => plain(out, b'\t'),
            b'u' => unicode(escape, out)?,
            _ => return None,
        };
        rest = escape.get(length..)?;
    }
    out.extend_from_slice(rest);
    Some(())
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
