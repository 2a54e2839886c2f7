//! Lines of `key=value` pairs.
//!
//! Format: logfmt as <https://brandur.org/logfmt> tells it and <https://pkg.go.dev/github.com/kr/logfmt> reads it: pairs with
//! spaces between them, a value either without spaces or in quotes with escapes; Go's `log/slog`, Grafana's tools and Heroku's
//! router write it. Prose has equal signs too, so a line counts from two pairs at its beginning on, of which one is
//! what loggers (or, as lograge, loggers of requests) write ([`KNOWN_KEYS`]).
//!
//! Values are text, as they are written; a quoted one without its quotes and escapes, unless an escape is none of JSON's:
//! then it stays as it is written. A name without a value (`debug`, or the second word of a message that nobody
//! quoted) ends the pairs: the line then has more than its pairs say, and a value without quotes in front of it may go on there,
//! so that pair is left out.

use super::fields::LineFields;
use super::json;
use super::words::until;
use memchr::memchr2;

/// Keys of which a line has one or more.
pub const KNOWN_KEYS: [&[u8]; 19] = [
    b"level",
    b"lvl",
    b"severity",
    b"loglevel",
    b"msg",
    b"message",
    b"ts",
    b"time",
    b"t",
    b"timestamp",
    b"logger",
    b"caller",
    b"err",
    b"error",
    b"at",
    b"component",
    b"trace_id",
    b"span_id",
    b"method",
];
/// Bytes of the longest key; programs do not write longer ones.
const MAX_KEY_BYTES: usize = 128;

/// How much of a line its pairs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its beginning.
    Beginning,
}

/// Writes the pairs at the beginning of a line; `None` when it is no logfmt, and then the fields are in no particular state.
pub fn scan(line: &[u8], fields: &mut LineFields) -> Option<Extent> {
    // Most lines end here, at the first space in front of an equal sign.
    key_at(line)?;
    fields.clear();
    let mut rest = line.trim_ascii_end();
    let (mut pairs, mut known, mut extent) = (0, 0, Extent::Whole);
    while !rest.is_empty() {
        let Some((key, value, behind)) = pair(rest) else {
            extent = Extent::Beginning;
            break;
        };
        let is_known = usize::from(KNOWN_KEYS.contains(&key));
        let next = behind.trim_ascii_start();
        match value {
            Value::Bare(_) if !next.is_empty() && key_at(next).is_none() => {
                extent = Extent::Beginning;
                break;
            }
            Value::Bare(text) => fields.push_text(key, text),
            Value::Quoted(raw) => fields.push_escaped(key, raw, json::unescape),
        }
        (pairs, known, rest) = (pairs + 1, known + is_known, next);
    }
    (pairs >= 2 && known > 0).then_some(extent)
}

enum Value<'a> {
    Bare(&'a [u8]),
    /// What stands between quotes, with its escapes.
    Quoted(&'a [u8]),
}

/// The key, the value and what is behind them, which is nothing or begins with white space.
fn pair(text: &[u8]) -> Option<(&[u8], Value<'_>, &[u8])> {
    let key = key_at(text)?;
    let value = text.get(key.len() + 1..)?;
    let is_end = |rest: &[u8]| rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t'));
    if let Some(content) = value.strip_prefix(b"\"") {
        let mut at = 0;
        loop {
            at += memchr2(b'"', b'\\', content.get(at..)?)?;
            if content.get(at) == Some(&b'"') {
                let behind = content.get(at + 1..).filter(|behind| is_end(behind))?;
                return Some((key, Value::Quoted(content.get(..at)?), behind));
            }
            at += 2;
        }
    }
    let bare = until(value, |byte| byte <= b' ');
    let behind = value.get(bare.len()..).filter(|behind| is_end(behind))?;
    Some((key, Value::Bare(bare), behind))
}

/// The key at the beginning of a text, when an equal sign is behind it.
fn key_at(text: &[u8]) -> Option<&[u8]> {
    text.first().filter(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'@'))?;
    let head = text.get(..MAX_KEY_BYTES).unwrap_or(text);
    let key = until(head, |byte| byte <= b' ' || matches!(byte, b'=' | b'"' | b'(' | b'[' | b'{' | b','));
    (text.get(key.len()) == Some(&b'=')).then_some(key)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::msgpack::{Reader, Value as Msgpack};
    use proptest::prelude::*;

    fn pairs_of(line: &str) -> Option<(Vec<(String, String)>, Extent)> {
        let mut fields = LineFields::default();
        let extent = scan(line.as_bytes(), &mut fields)?;
        let mut reader = Reader::new(fields.bytes());
        let mut text = || match reader.value().unwrap() {
            Msgpack::Str(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        Some(((0..fields.count()).map(|_| (text(), text())).collect(), extent))
    }

    #[track_caller]
    fn check(line: &str, expected: &[(&str, &str)], extent: Extent) {
        let expected = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(pairs_of(line), Some((expected, extent)), "{line}");
    }

    #[test]
    fn pairs_are_taken_with_and_without_quotes() {
        check(
            r#"time=2022-11-08T15:28:26.000-05:00 level=INFO msg="say \"hi\"\n" empty= q="" url=http://x/?a=b  dur=3ms"#,
            &[
                ("time", "2022-11-08T15:28:26.000-05:00"),
                ("level", "INFO"),
                ("msg", "say \"hi\"\n"),
                ("empty", ""),
                ("q", ""),
                ("url", "http://x/?a=b"),
                ("dur", "3ms"),
            ],
            Extent::Whole,
        );
        check("level=info a=\"\\x1b[0m\"\n", &[("level", "info"), ("a", r"\x1b[0m")], Extent::Whole);
    }

    #[test]
    fn what_is_behind_the_pairs_is_seen() {
        check("ts=1 level=info msg=two words a=b", &[("ts", "1"), ("level", "info")], Extent::Beginning);
        check("ts=1 level=info msg=\"x\" debug", &[("ts", "1"), ("level", "info"), ("msg", "x")], Extent::Beginning);
        check("ts=1 level=info msg=\"cut off", &[("ts", "1"), ("level", "info")], Extent::Beginning);
        check("ts=1 level=info a=1\n\tat x", &[("ts", "1"), ("level", "info")], Extent::Beginning);
    }

    #[test]
    fn prose_with_equal_signs_is_no_logfmt() {
        for line in [
            "",
            "level=info",
            "a=1 b=2",
            "level=info started",
            "Started level=info msg=x",
            "level =info msg= x",
            "f(level=1) msg=2",
            "=1 level=2",
            "\"level\"=1 msg=2",
            "Mar 27 13:06:56 h sudo: x : TTY=pts/0 ; PWD=/",
        ] {
            assert_eq!(pairs_of(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            pairs in proptest::collection::vec(("[a-z_][a-z0-9_.-]{0,10}", "[ -~é\\n\\t]{0,20}"), 1..10),
        ) {
            let written = pairs.iter().fold("level=info".to_owned(), |line, (key, value)| {
                let is_bare = !value.is_empty() && value.bytes().all(|byte| byte > b' ' && byte != b'"');
                let value = if is_bare { value.clone() } else { serde_json::to_string(value).unwrap() };
                format!("{line} {key}={value}")
            });
            let mut expected = vec![("level".to_owned(), "info".to_owned())];
            expected.extend(pairs);
            prop_assert_eq!(pairs_of(&written), Some((expected, Extent::Whole)));
        }

        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100), tail in "[a-c=\" \\\\\n]{0,60}") {
            let mut fields = LineFields::default();
            let _ = scan(&bytes, &mut fields);
            let _ = scan(format!("level=info {tail}").as_bytes(), &mut fields);
        }
    }
}
