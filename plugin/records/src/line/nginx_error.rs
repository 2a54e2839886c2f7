//! Lines of NGINX's error log.
//!
//! Format: `2026/01/02 03:04:05 [error] 31#31: *7 text, client: 1.2.3.4, server: x, request: "GET / HTTP/1.1", upstream: "u", host: "h"`
//! (<https://nginx.org/en/docs/ngx_core_module.html#error_log>); the parts are written by `ngx_log_error_core`,
//! `ngx_http_log_error` and `ngx_stream_log_error`
//! (<https://github.com/nginx/nginx/blob/master/src/http/ngx_http_request.c>). The time has no zone, so the record keeps the
//! host's. Parts that are not known here stay in the line.

use super::words::{decimal, split_at_byte, split_request};
use crate::append::{FoundFields, FoundValue};
use crate::severity::Severity;
use memchr::memmem;

/// What stands before the parts that say whose request it was.
const FIRST_PART: &[u8] = b", client: ";

/// A line's level and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NginxErrorLine<'a> {
    /// The level.
    pub severity: Severity,
    pid: Option<i64>,
    connection: &'a [u8],
    text: &'a [u8],
    parts: &'a [u8],
}

impl<'a> NginxErrorLine<'a> {
    /// Takes a line apart; `None` when it is none.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let rest = behind_time(line)?;
        let (level, rest) = split_at_byte(rest.strip_prefix(b"[")?, b']')?;
        let severity = Severity::from_word(level)?;
        let (process, rest) = split_at_byte(rest.strip_prefix(b" ")?, b':')?;
        let (pid, thread) = split_at_byte(process, b'#')?;
        decimal(thread)?;
        let pid = Some(decimal(pid)?);
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let (connection, rest) = match rest.strip_prefix(b"*").and_then(|rest| split_at_byte(rest, b' ')) {
            Some((number, text)) if decimal(number).is_some() => (number, text),
            _ => (&b""[..], rest),
        };
        let parts_start = memmem::find(rest, FIRST_PART).unwrap_or(rest.len());
        let (text, parts) = rest.split_at_checked(parts_start)?;
        Some(Self { severity, pid, connection, text: text.trim_ascii_end(), parts })
    }

    /// Adds what the line says to the fields of its record.
    pub fn add_to(&self, found: &mut FoundFields<'a>) {
        found.push_text("error_message", self.text);
        // Behind a head of syslog the process is known.
        if let Some(pid) = self.pid.filter(|_| found.get("pid").is_none()) {
            found.push("pid", FoundValue::Int(pid));
        }
        found.push_text("connection", self.connection);
        let mut rest = self.parts;
        while let Some((name, value, behind)) = part(rest) {
            rest = behind;
            match name {
                b"client" => found.push_text_if_new("remote_addr", value),
                b"server" => found.push_text_if_new("server", value),
                b"upstream" => found.push_text_if_new("upstream", value),
                b"host" => found.push_text_if_new("host", value),
                b"referrer" => found.push_text_if_new("referer", value),
                b"request" if found.get("method").is_none() && found.get("request").is_none() => {
                    add_request(value, found)
                }
                _ => {}
            }
        }
    }
}

/// What is behind the time.
pub(super) fn behind_time(line: &[u8]) -> Option<&[u8]> {
    let (time, rest) = line.split_at_checked(20)?;
    let separators = [(4, b'/'), (7, b'/'), (10, b' '), (13, b':'), (16, b':'), (19, b' ')];
    separators.iter().all(|(at, byte)| time.get(*at) == Some(byte)).then_some(rest)
}

fn add_request<'a>(request: &'a [u8], found: &mut FoundFields<'a>) {
    let Some((method, target, protocol)) = split_request(request) else {
        return found.push_text_if_new("request", request);
    };
    let (path, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
    for (name, text) in [("method", method), ("path", path), ("query", query), ("protocol", protocol)] {
        found.push_text(name, text);
    }
}

/// The name and the value of `, name: value` or `, name: "value"`, and what is behind them. NGINX escapes no quotes, so a value
/// ends at a quote with a comma or nothing behind it.
fn part(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, value) = split_at_byte(text.strip_prefix(b", ")?, b':')?;
    let value = value.strip_prefix(b" ").unwrap_or(value);
    let Some(content) = value.strip_prefix(b"\"") else {
        let end = memmem::find(value, b", ").unwrap_or(value.len());
        return Some((name, value.get(..end)?.trim_ascii_end(), value.get(end..)?));
    };
    let is_end = |at: &usize| content.get(at + 1).is_none_or(|byte| matches!(byte, b',' | b'\n' | b'\r'));
    let end = memchr::memchr_iter(b'"', content).find(is_end).unwrap_or(content.len());
    Some((name, content.get(..end)?, content.get(end + 1..).unwrap_or_default()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = r#"2026/01/02 03:04:05 [error] 31#32: *7 open() "/srv/a, b" failed (2: No such file or directory), client: 1.2.3.4, server: x.org, request: "GET /a?q="1" HTTP/1.1", upstream: "http://10.0.0.1:80/a", host: "x.org", referrer: "http://r/""#;

    fn fields_of(line: &str) -> Option<(Severity, Vec<(&str, String)>)> {
        let parsed = NginxErrorLine::parse(line.as_bytes())?;
        let mut found = FoundFields::default();
        parsed.add_to(&mut found);
        let text = |value: &FoundValue<'_>| match value {
            FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        Some((parsed.severity, found.iter().map(|(name, value)| (*name, text(value))).collect()))
    }

    #[track_caller]
    fn check(line: &str, severity: Severity, expected: &[(&str, &str)]) {
        let (is, fields) = fields_of(line).unwrap();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!((is, &fields[..]), (severity, expected), "{line}");
    }

    #[test]
    fn a_request_that_failed_is_taken_apart() {
        check(
            LINE,
            Severity::Error,
            &[
                ("error_message", r#"open() "/srv/a, b" failed (2: No such file or directory)"#),
                ("pid", "Int(31)"),
                ("connection", "7"),
                ("remote_addr", "1.2.3.4"),
                ("server", "x.org"),
                ("method", "GET"),
                ("path", "/a"),
                ("query", "q=\"1\""),
                ("protocol", "HTTP/1.1"),
                ("upstream", "http://10.0.0.1:80/a"),
                ("host", "x.org"),
                ("referer", "http://r/"),
            ],
        );
    }

    #[test]
    fn lines_without_a_request_and_of_streams_are_taken() {
        check(
            "2026/01/02 03:04:05 [emerg] 1#1: host not found in upstream \"app\" in /etc/nginx/nginx.conf:7",
            Severity::Emergency,
            &[("error_message", "host not found in upstream \"app\" in /etc/nginx/nginx.conf:7"), ("pid", "Int(1)")],
        );
        check(
            "2026/01/02 03:04:05 [info] 9#9: *3 client disconnected, client: 10.0.0.9, server: 0.0.0.0:443, upstream: \"10.0.0.1:80\", bytes from/to client:0/0",
            Severity::Info,
            &[
                ("error_message", "client disconnected"),
                ("pid", "Int(9)"),
                ("connection", "3"),
                ("remote_addr", "10.0.0.9"),
                ("server", "0.0.0.0:443"),
                ("upstream", "10.0.0.1:80"),
            ],
        );
    }

    #[test]
    fn other_lines_with_such_a_time_are_refused() {
        for line in [
            "",
            "2026/01/02 03:04:05 listening on :80",
            "2026/01/02 03:04:05 [main] 1#1: x",
            "2026/01/02 03:04:05 [error] text",
            "2026/01/02 03:04:05 [error] a#b: text",
            "2026-01-02 03:04:05 [error] 1#1: x",
        ] {
            assert_eq!(fields_of(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_or_changed_line_is_taken_or_refused(at in 0_usize..300, bytes in proptest::collection::vec(any::<u8>(), 0..9)) {
            let mut line = LINE.as_bytes().to_vec();
            let at = at.min(line.len());
            for line in [line.get(..at).unwrap().to_vec(), { line.splice(at..at, bytes); line }] {
                if let Some(parsed) = NginxErrorLine::parse(&line) {
                    parsed.add_to(&mut FoundFields::default());
                }
            }
        }
    }
}
