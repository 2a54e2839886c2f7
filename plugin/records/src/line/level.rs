//! The level word of a line.
//!
//! Looks for one in whatever case at the head of the line ([`super::head_level`]), then for one in capitals that stands for
//! itself (`[..] ERROR [..]`, `WARN:`, `|INFO|`), or behind `level=`, in the first [`SEARCHED_BYTES`] of the first line. The first one
//! wins, so that "INFO no ERROR was seen" is information. Colours, which loggers write for terminals, are passed over.

use super::head_level;
use super::words::until;
use crate::severity::Severity;
use arrayvec::ArrayVec;
use memchr::memchr;

/// How far into a line a level is looked for; loggers write it behind the time and the thread.
pub const SEARCHED_BYTES: usize = 160;

/// The severity that a line gives itself.
#[must_use]
#[inline(never)]
pub fn find(line: &[u8]) -> Option<Severity> {
    let head = line.get(..SEARCHED_BYTES).unwrap_or(line);
    let head = memchr(b'\n', head).and_then(|end| head.get(..end)).unwrap_or(head);
    if let Some(escape) = memchr(ESCAPE, head) {
        return find_in_colours(head, escape);
    }
    head_level::find(head).or_else(|| find_in_head(head))
}

const ESCAPE: u8 = 0x1b;

/// As [`find`], in a line with escape sequences from `escape` on, as terminals take them for colours (ECMA-48, SGR).
#[cold]
#[inline(never)]
fn find_in_colours(head: &[u8], escape: usize) -> Option<Severity> {
    let mut plain = ArrayVec::<u8, SEARCHED_BYTES>::new();
    plain.try_extend_from_slice(head.get(..escape)?).ok()?;
    let mut rest = head.get(escape..)?;
    while let Some((first, behind)) = rest.split_first() {
        let parameters = behind.strip_prefix(b"[").filter(|_| *first == ESCAPE);
        let end = parameters.and_then(|bytes| bytes.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':')));
        rest = match (parameters, end) {
            (Some(parameters), Some(end)) => parameters.get(end + 1..)?,
            _ => {
                plain.try_push(*first).ok()?;
                behind
            }
        };
    }
    head_level::find(&plain).or_else(|| find_in_head(&plain))
}

// The module for Fluent Bit is small; there a call costs no more than what it saves.
#[cfg_attr(target_family = "wasm", inline(never))]
fn find_in_head(head: &[u8]) -> Option<Severity> {
    if !may_have_level(head) {
        return None;
    }
    let (mut from, mut before) = (0, None);
    while let Some(first) = head.get(from) {
        let mut kinds = kind(*first);
        if kinds == SEPARATOR {
            (from, before) = (from + 1, Some(*first));
            continue;
        }
        let start = from;
        let after = loop {
            from += 1;
            let Some(next) = head.get(from) else { break None };
            let kind = kind(*next);
            if kind == SEPARATOR {
                break Some(*next);
            }
            kinds |= kind;
        };
        let word = head.get(start..from)?;
        if kinds == CAPITAL {
            if word.len() >= 3
                && is_open(before)
                && is_close(after)
                && let Some(severity) = Severity::from_word(word)
            {
                return Some(severity);
            }
        } else if kinds == SMALL
            && matches!(word, b"level" | b"lvl" | b"severity" | b"loglevel")
            && let Some(severity) = assigned(head.get(from..)?)
        {
            return Some(severity);
        }
    }
    None
}

/// Whether a level may be in a text: two capitals behind each other, or what may be the end of a name and what stands behind one.
/// Compilers make vector instructions of this; where there are none it would take longer than looking for words.
#[inline]
fn may_have_level(text: &[u8]) -> bool {
    const BLOCK_BYTES: usize = 16;
    if cfg!(target_family = "wasm") {
        return true;
    }
    let is_pair = |first: u8, second: u8| {
        let are_capitals = (first.wrapping_sub(b'A') < 26) & (second.wrapping_sub(b'A') < 26);
        let is_end = (first == b'l') | (first == b'y') | (first == b'"');
        u8::from(are_capitals | is_end & ((second == b'=') | (second == b':')))
    };
    let may_have = |firsts: &[u8], seconds: &[u8]| {
        firsts.iter().zip(seconds).fold(0, |found, (first, second)| found | is_pair(*first, *second)) != 0
    };
    let mut rest = text;
    while let Some((block, behind)) = rest.split_first_chunk::<BLOCK_BYTES>() {
        let Some(next) = rest.get(1..).and_then(|next| next.first_chunk::<BLOCK_BYTES>()) else { break };
        if may_have(block, next) {
            return true;
        }
        rest = behind;
    }
    may_have(rest, rest.get(1..).unwrap_or_default())
}

/// The level in `=warn`, `="warn"`, `: "warn"` or `":"warn"`.
fn assigned(rest: &[u8]) -> Option<Severity> {
    let value = rest.strip_prefix(b"\"").unwrap_or(rest);
    let value = value.strip_prefix(b"=").or_else(|| value.strip_prefix(b":"))?;
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    Severity::from_word(until(value, |byte| !byte.is_ascii_alphabetic()))
}

/// What a byte is within a word: none of it, a capital, a small letter, or another byte of a word.
const SEPARATOR: u8 = 0;
const CAPITAL: u8 = 1;
const SMALL: u8 = 2;
const OTHER: u8 = 4;

#[inline]
fn kind(byte: u8) -> u8 {
    static KINDS: [u8; 256] = {
        let (mut kinds, mut byte) = ([SEPARATOR; 256], 0_u8);
        loop {
            #[expect(clippy::indexing_slicing, reason = "there is one for each byte")]
            {
                kinds[byte as usize] = match byte {
                    b'A'..=b'Z' => CAPITAL,
                    b'a'..=b'z' => SMALL,
                    b'0'..=b'9' | b'_' | b'-' | 0x80.. => OTHER,
                    _ => SEPARATOR,
                };
            }
            if byte == u8::MAX {
                break kinds;
            }
            byte += 1;
        }
    };
    #[expect(clippy::indexing_slicing, reason = "there is one for each byte")]
    KINDS[usize::from(byte)]
}

fn is_open(before: Option<u8>) -> bool {
    matches!(before, None | Some(b' ' | b'\t' | b'[' | b'(' | b'<' | b'|' | b'=' | b'"' | b':'))
}

fn is_close(after: Option<u8>) -> bool {
    matches!(after, None | Some(b' ' | b'\t' | b']' | b')' | b'>' | b'|' | b':' | b',' | b'"' | b'\r' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn levels_are_found_where_loggers_write_them() {
        for (line, expected) in [
            ("[2016-12-19 18:01:53,612] TRACE [Controller 0]: checking", Some(Severity::Trace)),
            ("2026-01-01 00:00:00.000  WARN 1 --- [main] c.e.App : x", Some(Severity::Warn)),
            ("ERROR:root:something", Some(Severity::Error)),
            ("[FATAL] no disk", Some(Severity::Critical)),
            ("ts=1 level=warn msg=\"no ERROR here\"", Some(Severity::Warn)),
            (r#"{"level":"error","msg":"x"}"#, Some(Severity::Error)),
            ("INFO no ERROR was seen", Some(Severity::Info)),
            ("see ERROR_CODE and X-ERROR and /ERROR/ and errors", None),
            ("first line\nERROR second line", None),
            ("error in lower case is prose", None),
            ("\x1b[31mERROR\x1b[0m x", Some(Severity::Error)),
            ("\x1b[32minfo\x1b[39m: listening", Some(Severity::Info)),
            ("\x1b[2m2026-01-02T03:04:05.678Z\x1b[0m \x1b[33m WARN\x1b[0m \x1b[2mapp\x1b[0m: x", Some(Severity::Warn)),
            ("2026-01-02T03:04:05.678Z\t\x1b[34mINFO\x1b[0m\tmain.go:12\tx", Some(Severity::Info)),
            ("x \x1b", None),
            ("x \x1b[31", None),
            ("", None),
        ] {
            assert_eq!(find(line.as_bytes()), expected, "{line}");
        }
    }

    /// As the module says it, word for word.
    fn naive(line: &[u8]) -> Option<Severity> {
        let is_word_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte >= 0x80;
        let head = until(line.get(..SEARCHED_BYTES).unwrap_or(line), |byte| byte == b'\n');
        let mut from = 0;
        while from < head.len() {
            let rest = head.get(from..)?;
            let word = until(rest, |byte| !is_word_byte(byte));
            let before = from.checked_sub(1).and_then(|at| head.get(at)).copied();
            let after = head.get(from + word.len()).copied();
            if matches!(word, b"level" | b"lvl" | b"severity" | b"loglevel") {
                if let Some(severity) = assigned(rest.get(word.len()..)?) {
                    return Some(severity);
                }
            } else if word.len() >= 3
                && is_open(before)
                && is_close(after)
                && word.iter().all(u8::is_ascii_uppercase)
                && let Some(severity) = Severity::from_word(word)
            {
                return Some(severity);
            }
            from += word.len().max(1);
        }
        None
    }

    proptest! {
        #[test]
        fn a_level_is_found_where_the_naive_search_finds_it(
            parts in prop::collection::vec("ERROR|WARN|INFO|level|lvl|severity|[=: \\[\\]\"|\n.]|[a-zA-Z0-9_-]{1,4}|é|x{20}", 0..30),
        ) {
            let line = parts.concat();
            let head = line.as_bytes().get(..SEARCHED_BYTES).unwrap_or(line.as_bytes());
            prop_assert_eq!(find_in_head(until(head, |byte| byte == b'\n')), naive(line.as_bytes()));
        }
    }

    #[test]
    fn a_level_far_into_the_line_is_prose() {
        let line = format!("{} ERROR", "x".repeat(SEARCHED_BYTES));
        assert_eq!(find(line.as_bytes()), None);
    }
}
