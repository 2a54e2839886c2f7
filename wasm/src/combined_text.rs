//! Takes a combined access line apart where it stands in JSON text, and writes its fields as JSON text.
//!
//! For nearly all access lines this is what the whole way through [`shiwake_records`] comes to: quotes in the line are `\"` in
//! the text, and what stands between them is copied as it is. Only lines are taken that leave no doubt, and of which no other parser
//! would take anything: an address of IPv4, `- -`, a time in brackets, a request of a known method for a path, a status, a size,
//! referer and agent, and behind these nothing or one address that proxies hand on, as in NGINX's `main`; all in ASCII and without other
//! escapes. Others are left to the sorter, so a test that is too strict
//! costs time and nothing else. `tests/shortcut.rs` compares the two ways.
//!
//! An interpreter runs this, for which a comparison and a branch are two instructions of some hundred that a line may take. So text
//! and answer lie in arrays whose length is a power of two: a position that is cut to it needs no comparison. None ever is cut, as
//! none lies behind the text.

use crate::words::{HIGH_BITS, ONES};

/// Bytes of the longest text with such a line; others are left to the sorter.
pub(crate) const TEXT_BYTES: usize = 8 * 1024;
/// What is looked at behind a text; what that holds does not matter.
const SLACK_BYTES: usize = 16;
/// Bytes of the longest answer: a text, parts of it, and what else is written.
pub(crate) const ANSWER_BYTES: usize = 32 * 1024;
/// Most that is written at once beside parts of a line.
const MAX_CONST_BYTES: usize = 24;

/// A text and what is behind it.
pub(crate) type Text = [u8; TEXT_BYTES + SLACK_BYTES];
/// Room for an answer.
pub(crate) type Room = [u8; ANSWER_BYTES + MAX_CONST_BYTES];

/// Bytes of a time, `17/May/2015:10:05:03 +0000`.
const TIME_BYTES: usize = 26;
/// Bytes of a protocol, `HTTP/1.1`.
const PROTOCOL_BYTES: usize = 8;

/// The fields that are written; each but `status` only when the line has it.
pub(crate) const NAMES: [&str; 10] = [
    "remote_addr",
    "method",
    "path",
    "query",
    "protocol",
    "status",
    "bytes",
    "referer",
    "user_agent",
    "x_forwarded_for",
];

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// What stands in the place of the status, which is not looked at here: three bytes, the first the lowest.
    pub(crate) status: u32,
    /// Where it ends.
    pub(crate) end: usize,
}

/// Reads the line from `line` to `line_end`, at which a quote is, and writes its fields from `at` on, a comma in front of each.
#[inline(never)]
pub(crate) fn write_fields(text: &Text, line: usize, line_end: usize, room: &mut Room, at: usize) -> Option<Written> {
    let address_end = find_address_end(text, line)?;
    let time = behind(text, address_end, b" - - [")?;
    if !is_plain_time(text, time) {
        return None;
    }
    let request = behind(text, time + TIME_BYTES, b"] \\\"")?;

    let (mut query, mut request_end) = (None, find_special(text, request, true)?);
    if byte(text, request_end) == b'?' {
        query = Some(request_end + 1);
        request_end = find_special(text, request_end + 1, false)?;
    }
    let method_end = request + method_bytes(word(text, request))?;
    let path = method_end + 1;
    let protocol = request_end - PROTOCOL_BYTES;
    let target_end = protocol - 1;
    // The protocol is what is behind the last space; of its version the digit in front of the dot is 0 to 3.
    let named = word(text, target_end) | u64::from_le_bytes(*b"\0\0\0\0\0\0\x03\0");
    let is_protocol = named == u64::from_le_bytes(*b" HTTP/3.") && byte(text, request_end - 1) != b' ';
    let path_end = query.map_or(target_end, |query| query - 1);
    if !is_protocol || byte(text, path) != b'/' || path >= path_end || path_end > target_end {
        return None;
    }

    // `\" 200 5`, without the digits.
    const AROUND: u64 = u64::from_le_bytes(*b"\xff\xff\xff\0\0\0\xff\0");
    let around_status = word(text, request_end);
    if around_status & AROUND != u64::from_le_bytes(*b"\\\" \0\0\0 \0") {
        return None;
    }
    let size = request_end + 7;
    let digits = count_digits(word(text, size))?;
    let size_end = size + digits.max(1);
    let referer = behind(text, size_end, b" \\\"")?;
    let referer_end = find_special(text, referer, false)?;
    let agent = behind(text, referer_end, b"\\\" \\\"")?;
    let agent_end = find_special(text, agent, false)?;
    let tail = behind(text, agent_end, b"\\\"")?;
    let forwarded = if tail == line_end { None } else { find_forwarded(text, tail, line_end)? };

    let mut end = put(room, at, b",\"remote_addr\":\"");
    end = copy(room, end, text, line, address_end)?;
    end = put(room, end, b"\",\"method\":\"");
    end = copy(room, end, text, request, method_end)?;
    end = put(room, end, b"\",\"path\":\"");
    end = copy(room, end, text, path, path_end)?;
    if let Some(query) = query.filter(|query| is_said(text, *query, target_end)) {
        end = put(room, end, b"\",\"query\":\"");
        end = copy(room, end, text, query, target_end)?;
    }
    end = put(room, end, b"\",\"protocol\":\"");
    end = put(room, end, &word(text, protocol).to_le_bytes());
    end = put(room, end, b"\",\"status\":");
    // Four bytes are written, of which the last is written over.
    put(room, end, &((around_status >> 24) as u32).to_le_bytes());
    end += 3;
    if digits > 0 {
        end = put(room, end, b",\"bytes\":");
        end = copy(room, end, text, size, size_end)?;
    }
    if is_said(text, referer, referer_end) {
        end = put(room, end, b",\"referer\":\"");
        end = copy(room, end, text, referer, referer_end)?;
        end = put(room, end, b"\"");
    }
    if is_said(text, agent, agent_end) {
        end = put(room, end, b",\"user_agent\":\"");
        end = copy(room, end, text, agent, agent_end)?;
        end = put(room, end, b"\"");
    }
    if let Some((start, address_end)) = forwarded {
        end = put(room, end, b",\"x_forwarded_for\":\"");
        end = copy(room, end, text, start, address_end)?;
        end = put(room, end, b"\"");
    }
    Some(Written { status: (around_status >> 24) as u32 & 0xff_ffff, end })
}

/// Eight bytes of the text.
#[inline(always)]
fn word(text: &Text, at: usize) -> u64 {
    let eight = text.get(at % TEXT_BYTES..).and_then(|rest| rest.first_chunk::<8>());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// One byte of the text.
#[inline(always)]
fn byte(text: &Text, at: usize) -> u8 {
    text.get(at % TEXT_BYTES).copied().unwrap_or_default()
}

/// Where a text ends that is to be at a position.
#[inline(always)]
fn behind<const N: usize>(text: &Text, at: usize, expected: &[u8; N]) -> Option<usize> {
    const { assert!(N < 8) };
    let mut eight = [0; 8];
    eight.first_chunk_mut::<N>()?.copy_from_slice(expected);
    let mask = (1_u64 << (8 * N)) - 1;
    (word(text, at) & mask == u64::from_le_bytes(eight)).then_some(at + N)
}

/// High bits at bytes that JSON text escapes and at those that are not ASCII. The lowest is right.
#[inline(always)]
const fn special_in(word: u64) -> u64 {
    // Control characters and the quote become the numbers up to 0x20.
    let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    word | control_or_quote | backslash
}

/// Where the first byte is that [`special_in`] finds, or the first question mark when it is asked for.
#[inline(always)]
fn find_special(text: &Text, mut from: usize, or_question_mark: bool) -> Option<usize> {
    let found_in = |word: u64| {
        let question_mark = (word ^ (ONES * u64::from(b'?'))).wrapping_sub(ONES);
        special_in(word) | if or_question_mark { question_mark } else { 0 }
    };
    while from < TEXT_BYTES {
        let (first, second) = (found_in(word(text, from)), found_in(word_behind(text, from)));
        if (first | second) & HIGH_BITS != 0 {
            let first = first & HIGH_BITS;
            let (found, at) = if first != 0 { (first, from) } else { (second & HIGH_BITS, from + 8) };
            return Some(at + (found.trailing_zeros() >> 3) as usize);
        }
        from += 16;
    }
    None
}

/// The eight bytes behind [`word`].
#[inline(always)]
fn word_behind(text: &Text, at: usize) -> u64 {
    let sixteen = text.get(at % TEXT_BYTES..).and_then(|rest| rest.first_chunk::<16>());
    let eight = sixteen.and_then(|sixteen| sixteen.last_chunk::<8>());
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// Where the word of digits and dots at a position ends, which has one byte or more and at most 15.
#[inline(always)]
fn find_address_end(text: &Text, at: usize) -> Option<usize> {
    let first = word(text, at);
    let space = space_in(first);
    if space != 0 {
        return (is_address(up_to(first, space)) && space != 0x80).then(|| at + (space.trailing_zeros() >> 3) as usize);
    }
    let second = word_behind(text, at);
    let space = space_in(second);
    let is_address = space != 0 && is_address(first) && is_address(up_to(second, space));
    is_address.then(|| at + 8 + (space.trailing_zeros() >> 3) as usize)
}

/// Where the address is that a proxy has handed on, which is all that is left of the line; nothing in it for the dash that stands
/// for none.
fn find_forwarded(text: &Text, tail: usize, line_end: usize) -> Option<Option<(usize, usize)>> {
    let start = behind(text, tail, b" \\\"")?;
    let end = line_end.checked_sub(2).filter(|end| behind(text, *end, b"\\\"").is_some())?;
    if end == start + 1 && byte(text, start) == b'-' {
        return Some(None);
    }
    // What is behind up to 15 bytes gives way to dots that are not counted.
    let length = end.checked_sub(start).filter(|length| (1..16).contains(length))?;
    let high_bit = |bytes: usize| if bytes < 8 { 0x80 << (8 * bytes) } else { 0 };
    let (first, second) = (word(text, start), word_behind(text, start));
    let (first, second) = (up_to(first, high_bit(length)), up_to(second, high_bit(length.saturating_sub(8))));
    let dots = matches_in(first, b'.') + matches_in(second, b'.');
    let is_one = is_address(first) && is_address(second) && matches_in(first, b'/') + matches_in(second, b'/') == 0;
    (is_one && dots as usize >= 2 + 16 - length).then_some(Some((start, end)))
}

/// How many bytes are equal to one.
#[inline(always)]
const fn matches_in(word: u64, byte: u8) -> u32 {
    let difference = word ^ (ONES * byte as u64);
    let others = ((difference & !HIGH_BITS) + !HIGH_BITS) | difference;
    (!others & HIGH_BITS).count_ones()
}

/// A high bit at the first space, when there is one.
#[inline(always)]
const fn space_in(word: u64) -> u64 {
    let difference = word ^ (ONES * b' ' as u64);
    let spaces = difference.wrapping_sub(ONES) & !difference & HIGH_BITS;
    spaces & spaces.wrapping_neg()
}

/// The bytes in front of one with a high bit, and dots in place of the others.
#[inline(always)]
const fn up_to(word: u64, high_bit: u64) -> u64 {
    let mask = (high_bit >> 7).wrapping_sub(1);
    word & mask | (ONES * b'.' as u64) & !mask
}

/// Whether all bytes are digits, dots or slashes.
#[inline(always)]
const fn is_address(word: u64) -> bool {
    let below = word.wrapping_sub(ONES * b'.' as u64);
    let above = word.wrapping_add(ONES * (0x7f - b'9') as u64);
    (word | below | above) & HIGH_BITS == 0
}

/// Whether there is neither a closing bracket nor anything special where a time is.
#[inline(always)]
fn is_plain_time(text: &Text, at: usize) -> bool {
    let found_in = |word: u64| {
        let control_or_quote = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        // The backslash is the bracket without its lowest bit.
        let backslash_or_bracket = ((word | ONES) ^ (ONES * u64::from(b']'))).wrapping_sub(ONES);
        word | control_or_quote | backslash_or_bracket
    };
    let found = found_in(word(text, at))
        | found_in(word_behind(text, at))
        | found_in(word(text, at + 16))
        | found_in(word(text, at + TIME_BYTES - 8));
    found & HIGH_BITS == 0
}

/// How long the method is in front of a space, when it is one that is known.
#[inline(always)]
const fn method_bytes(word: u64) -> Option<usize> {
    const fn is(word: u64, method: u64, bytes: u32) -> bool {
        word & (u64::MAX >> (64 - 8 * bytes)) == method
    }
    if is(word, u64::from_le_bytes(*b"GET \0\0\0\0"), 4) {
        Some(3)
    } else if is(word, u64::from_le_bytes(*b"POST \0\0\0"), 5) || is(word, u64::from_le_bytes(*b"HEAD \0\0\0"), 5) {
        Some(4)
    } else if is(word, u64::from_le_bytes(*b"PUT \0\0\0\0"), 4) {
        Some(3)
    } else if is(word, u64::from_le_bytes(*b"DELETE \0"), 7) {
        Some(6)
    } else if is(word, u64::from_le_bytes(*b"PATCH \0\0"), 6) {
        Some(5)
    } else if is(word, u64::from_le_bytes(*b"OPTIONS "), 8) {
        Some(7)
    } else {
        None
    }
}

/// How many digits a size has, up to seven, of which the first is no zero unless it is alone; 0 for a dash.
#[inline(always)]
const fn count_digits(word: u64) -> Option<usize> {
    let values = word ^ (ONES * b'0' as u64);
    let others = (values.wrapping_add(ONES * 0x76) | word) & HIGH_BITS;
    match others.trailing_zeros() as usize >> 3 {
        0 if word as u8 == b'-' => Some(0),
        1 => Some(1),
        digits @ 2..=7 if values as u8 != 0 => Some(digits),
        _ => None,
    }
}

/// Whether a part is neither empty nor the dash that stands for nothing.
#[inline(always)]
fn is_said(text: &Text, start: usize, end: usize) -> bool {
    end > start + 1 || (end == start + 1 && byte(text, start) != b'-')
}

/// Writes what is the same for all lines, and says where it ends.
#[inline(always)]
fn put<const N: usize>(room: &mut Room, at: usize, bytes: &[u8; N]) -> usize {
    const { assert!(N <= MAX_CONST_BYTES) };
    if let Some(to) = room.get_mut(at % ANSWER_BYTES..).and_then(|rest| rest.first_chunk_mut::<N>()) {
        *to = *bytes;
    }
    at + N
}

/// Copies a part of the text, and says where it ends.
#[inline(always)]
fn copy(room: &mut Room, at: usize, text: &Text, start: usize, end: usize) -> Option<usize> {
    let part = text.get(start % TEXT_BYTES..end)?;
    room.get_mut(at % ANSWER_BYTES..)?.get_mut(..part.len())?.copy_from_slice(part);
    Some(at + part.len())
}
