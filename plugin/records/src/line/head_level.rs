//! The level word at the head of a line, in capitals or not.
//!
//! Small letters are prose anywhere else. It stands in front, with brackets around it or a colon behind it, or behind the time:
//!
//! | logger | line |
//! |---|---|
//! | winston (<https://github.com/winstonjs/logform#simple>), compilers | `error: text` |
//! | spdlog (<https://github.com/gabime/spdlog/wiki/3.-Custom-formatting>) | `[2026-01-02 03:04:05.678] [name] [info] text`, without a name too |
//! | structlog (<https://www.structlog.org/en/stable/console-output.html>) | `2026-01-02 03:04:05 [error    ] text` |
//! | MySQL (<https://dev.mysql.com/doc/refman/8.4/en/error-log-format.html>) | `2026-01-02T03:04:05.678901Z 7 [Warning] [MY-010068] [Server] text` |
//! | Monolog, Laravel (<https://github.com/Seldaek/monolog>) | `[2026-01-02T03:04:05.678901+00:00] app.ERROR: text` |
//! | others | `[info] text`, `<warn> text`, `2026-01-02T03:04:05Z error text` |

use super::logger::behind_time;
use super::words::{split_at_byte, until};
use crate::severity::Severity;

/// What is a level behind a time also with nothing but a space behind it. Capitals are found elsewhere.
const ALONE: [&[u8]; 7] = [b"trace", b"debug", b"info", b"warn", b"warning", b"error", b"fatal"];

/// The level at the head of the first line of a text.
#[cfg_attr(target_family = "wasm", inline(never))]
pub(super) fn find(line: &[u8]) -> Option<Severity> {
    let line = line.trim_ascii_start();
    match line.first()? {
        b'0'..=b'9' => behind(behind_time(line)?.1),
        b'[' => in_brackets(line).or_else(|| behind(behind_time(line)?.1)),
        b'<' => {
            let (word, behind) = split_at_byte(line.get(1..)?, b'>')?;
            // `<error>0</error>` is XML.
            if behind.first().is_some_and(u8::is_ascii_whitespace) { known(word) } else { None }
        }
        b'A'..=b'Z' | b'a'..=b'z' => {
            let word = until(line, |byte| !byte.is_ascii_alphabetic());
            let is_alone = matches!(line.get(word.len()..)?, [b':', b' ' | b'\t', ..]);
            if is_alone { known(word) } else { None }
        }
        _ => None,
    }
}

/// The level behind a time.
#[inline(never)]
fn behind(rest: &[u8]) -> Option<Severity> {
    let rest = rest.trim_ascii_start();
    // Of MySQL a thread's number stands in front of the brackets.
    let thread = until(rest, |byte| !byte.is_ascii_digit()).len();
    let behind_thread = rest.get(thread..)?.trim_ascii_start();
    if behind_thread.first() == Some(&b'[') {
        let behind_brackets = || split_at_byte(behind_thread, b']');
        return in_brackets(behind_thread).or_else(|| in_brackets(behind_brackets()?.1.trim_ascii_start()));
    }
    let word = until(rest, |byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')));
    match (rest.get(word.len()), word.iter().rposition(|byte| *byte == b'.')) {
        (Some(b':'), Some(point)) => known(word.get(point + 1..)?),
        (Some(b':' | b'\t'), None) => known(word),
        // A capital begins a sentence, and of the rarer levels sentences are made, too.
        (Some(b' '), None) if ALONE.contains(&word) => known(word),
        _ => None,
    }
}

/// `[error    ] text`
fn in_brackets(text: &[u8]) -> Option<Severity> {
    known(split_at_byte(text.strip_prefix(b"[")?, b']')?.0.trim_ascii_end())
}

/// The level that a word is, but for those that are prose as well, and for the head of a panic, which is found as one.
fn known(word: &[u8]) -> Option<Severity> {
    let severity = Severity::from_word(word)?;
    let is_prose = ["fine", "finest", "severe", "panic", "dpanic"];
    if is_prose.iter().any(|prose| word.eq_ignore_ascii_case(prose.as_bytes())) { None } else { Some(severity) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::bytes::Regex;

    #[test]
    fn levels_are_found_in_whatever_case() {
        for (line, expected) in [
            ("error: no such table", Some(Severity::Error)),
            ("info: listening", Some(Severity::Info)),
            ("Warning: deprecated", Some(Severity::Warn)),
            ("[error] x", Some(Severity::Error)),
            ("<warn>  [1767323045.1] device", Some(Severity::Warn)),
            ("2026-01-02T03:04:05Z error x", Some(Severity::Error)),
            ("[2026-01-02 03:04:05.678] [info] x", Some(Severity::Info)),
            ("[2026-01-02 03:04:05.678] [db] [critical] x", Some(Severity::Critical)),
            ("2026-01-02 03:04:05 [error    ] x key=1", Some(Severity::Error)),
            ("2026-01-02T03:04:05.678901Z 0 [Warning] [MY-010068] [Server] x", Some(Severity::Warn)),
            ("2026-01-02T03:04:05.678901Z 0 [System] [MY-010116] [Server] x", None),
            ("[2026-01-02T03:04:05.678901+00:00] app.ERROR: x {} []", Some(Severity::Error)),
            ("[2026-01-02 03:04:05] local.INFO: x", Some(Severity::Info)),
            ("error in lower case is prose", None),
            ("errors: 0", None),
            ("info:x", None),
            ("fine: thanks", None),
            ("panic: boom", None),
            ("see [error] there", None),
            ("[errors] x", None),
            ("2026-01-02 03:04:05 errors were 0", None),
            ("2026-01-02 03:04:05 Error handler registered", None),
            ("2026-01-02T03:04:05Z Alert rules loaded: 5", None),
            ("2026-01-02T03:04:05Z alert rules loaded: 5", None),
            ("2026-01-02T03:04:05Z alert: rules are gone", Some(Severity::Alert)),
            ("2026-01-02 03:04:05 Emergency contact updated", None),
            ("<error>0</error>", None),
            ("2026-01-02 03:04:05 app.error", None),
            ("error", None),
            ("[error", None),
            ("", None),
        ] {
            assert_eq!(find(line.as_bytes()), expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_level_in_front_is_found_where_an_expression_finds_it(
            parts in prop::collection::vec("error|Warn|INFO|fatal|fine|[\\[\\]<>:. \t-]|[a-z]{1,3}", 0..9),
        ) {
            let line = parts.concat();
            let word = "(?i:error|warn|info|fatal|err|inf)";
            let form = Regex::new(&format!(r"^[ \t]*(?:\[{word}[ \t]*\]|<{word}>[ \t]|{word}:[ \t])")).unwrap();
            prop_assert_eq!(find(line.as_bytes()).is_some(), form.is_match(line.as_bytes()), "{}", line);
        }
    }
}
