//! The level word at the head of a line.
//!
//! Looks for a level in capitals that stands for itself (`[..] ERROR [..]`, `WARN:`, `|INFO|`), or behind `level=`, in
//! the first [`SEARCHED_BYTES`] of the first line. The first one wins, so that "INFO no ERROR was seen" is information.

use super::words::until;
use crate::severity::Severity;

/// How far into a line a level is looked for; loggers write it behind the time and the thread.
pub const SEARCHED_BYTES: usize = 160;

/// The severity that a line gives itself.
#[must_use]
pub fn find(line: &[u8]) -> Option<Severity> {
    let head = until(line.get(..SEARCHED_BYTES).unwrap_or(line), |byte| byte == b'\n');
    let mut from = 0;
    while from < head.len() {
        let rest = head.get(from..)?;
        let word = until(rest, |byte| !is_word_byte(byte));
        if word.is_empty() {
            from += 1;
            continue;
        }
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
        from += word.len();
    }
    None
}

/// The level in `=warn`, `="warn"`, `: "warn"` or `":"warn"`.
fn assigned(rest: &[u8]) -> Option<Severity> {
    let value = rest.strip_prefix(b"\"").unwrap_or(rest);
    let value = value.strip_prefix(b"=").or_else(|| value.strip_prefix(b":"))?;
    let value = value.trim_ascii_start();
    let value = value.strip_prefix(b"\"").unwrap_or(value);
    Severity::from_word(until(value, |byte| !byte.is_ascii_alphabetic()))
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || byte >= 0x80
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
            ("", None),
        ] {
            assert_eq!(find(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn a_level_far_into_the_line_is_prose() {
        let line = format!("{} ERROR", "x".repeat(SEARCHED_BYTES));
        assert_eq!(find(line.as_bytes()), None);
    }
}
