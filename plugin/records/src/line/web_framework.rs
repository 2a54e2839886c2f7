//! Requests as Rails and uvicorn log them.
//!
//! Rails (<https://guides.rubyonrails.org/debugging_rails_applications.html#the-logger>) writes `Started GET "/a?b=c" for 192.0.2.1 at
//! 2026-01-02 03:04:05 +0000` when a request comes and `Completed 200 OK in 12ms (Views: 3.1ms | ActiveRecord: 0.5ms)` when it
//! was answered, behind the head of Ruby's logger, tags in brackets, both or none. Only the second is the record of an
//! answer. Uvicorn (<https://www.uvicorn.org/settings/#logging>) writes `INFO:     192.0.2.1:50000 - "GET /a HTTP/1.1" 200 OK`.

use super::words::{after, decimal, micros, millis, split_at_byte, split_request, until};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::parse_rfc3339;
use crate::event::Timestamp;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebLine {
    /// A request came, at that time when the line has it with a zone.
    Started(Option<Timestamp>),
    /// A request was answered with this status.
    Completed(i64),
}

/// Adds what a line says; `None` when it is none of these, and then nothing is added.
pub fn parse<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let words = match line.first()? {
        b'I' if line.starts_with(b"INFO: ") => return uvicorn(line.get(6..)?.trim_ascii_start(), found),
        // `I, [2026-01-02T03:04:05.123456 #7]  INFO -- : `
        b'I' if line.starts_with(b"I, [") => split_at_byte(after(line, b"]  INFO -- ")?, b':')?.1.trim_ascii_start(),
        b'[' | b'S' | b'C' => line,
        _ => return None,
    };
    let words = behind_tags(words);
    match words.first()? {
        b'S' => started(words.strip_prefix(b"Started ")?, found),
        b'C' => completed(words.strip_prefix(b"Completed ")?, found),
        _ => None,
    }
}

/// What is behind `[tag] [tag] `.
fn behind_tags(mut text: &[u8]) -> &[u8] {
    while let Some((_, rest)) = text.strip_prefix(b"[").and_then(|rest| split_at_byte(rest, b']')) {
        match rest.strip_prefix(b" ") {
            Some(rest) => text = rest,
            None => break,
        }
    }
    text
}

/// `GET "/a?b=c" for 192.0.2.1 at 2026-01-02 03:04:05 +0000`
fn started<'a>(text: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let (method, rest) = split_at_byte(text, b' ')?;
    let (target, rest) = split_at_byte(rest.strip_prefix(b"\"")?, b'"')?;
    let (client, time) = split_at_byte(rest.strip_prefix(b" for ")?, b' ')?;
    let time = time.strip_prefix(b"at ")?.trim_ascii_end();
    if !method.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let (path, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
    for (name, text) in [("method", method), ("path", path), ("query", query), ("remote_addr", client)] {
        found.push_text(name, text);
    }
    // `2026-01-02 03:04:05 +0000`: RFC 3339 but for the space.
    let mut moment = [0; 24];
    let (clock, zone) = time.split_at_checked(19)?;
    moment.get_mut(..19)?.copy_from_slice(clock);
    let zone = zone.strip_prefix(b" ").filter(|zone| zone.len() == 5).unwrap_or(b"-----");
    moment.get_mut(19..)?.copy_from_slice(zone);
    Some(WebLine::Started(parse_rfc3339(&moment)))
}

/// `200 OK in 12ms (Views: 3.1ms | ActiveRecord: 0.5ms | Allocations: 123)`, and without the reason or the times.
fn completed<'a>(text: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let (status, rest) = split_at_byte(text, b' ')?;
    let status = decimal(status).filter(|status| (100..=599).contains(status))?;
    let time = match rest.strip_prefix(b"in ") {
        Some(time) => time,
        None => after(rest, b" in ")?,
    };
    let number = until(time, |byte| !(byte.is_ascii_digit() || byte == b'.'));
    let unit = time.get(number.len()..)?;
    let duration = micros(number).filter(|_| unit.starts_with(b"ms"))?;
    found.push("status", FoundValue::Int(status));
    found.push("duration_ms", milliseconds(duration));
    let (_, parts) = split_at_byte(unit, b'(').unwrap_or_default();
    for part in parts.split(|byte| *byte == b'|') {
        let Some((name, value)) = split_at_byte(part.trim_ascii(), b':') else { continue };
        let value = until(value.trim_ascii(), |byte| !(byte.is_ascii_digit() || byte == b'.'));
        let name = match name {
            b"Views" => "view_ms",
            b"ActiveRecord" => "db_ms",
            b"Allocations" => "allocations",
            _ => continue,
        };
        match (name, decimal(value), micros(value)) {
            ("allocations", Some(count), _) => push_new(name, FoundValue::Int(count), found),
            (_, _, Some(micros)) if name != "allocations" => {
                push_new(name, milliseconds(micros), found);
            }
            _ => {}
        }
    }
    Some(WebLine::Completed(status))
}

/// Millionths of a millisecond, as [`micros`] reads a number of milliseconds, as milliseconds.
fn milliseconds(millionths: i64) -> FoundValue<'static> {
    FoundValue::Float(millis(millionths) / 1_000.0)
}

fn push_new<'a>(name: &'static str, value: FoundValue<'a>, found: &mut FoundFields<'a>) {
    if found.get(name).is_none() {
        found.push(name, value);
    }
}

/// `192.0.2.1:50000 - "GET /a HTTP/1.1" 200 OK`
fn uvicorn<'a>(text: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let (client, rest) = split_at_byte(text, b' ')?;
    let (request, rest) = split_at_byte(rest.strip_prefix(b"- \"")?, b'"')?;
    let (method, target, protocol) = split_request(request)?;
    let status = until(rest.strip_prefix(b" ")?, |byte| byte == b' ');
    let status = decimal(status).filter(|status| (100..=599).contains(status))?;
    let at = client.iter().rposition(|byte| *byte == b':')?;
    let (path, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
    for (name, text) in [
        ("remote_addr", client.get(..at)?),
        ("client_port", client.get(at + 1..)?),
        ("method", method),
        ("path", path),
        ("query", query),
        ("protocol", protocol),
    ] {
        found.push_text(name, text);
    }
    found.push("status", FoundValue::Int(status));
    Some(WebLine::Completed(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(line: &str, expected: WebLine, fields: &[(&str, &str)]) {
        let mut found = FoundFields::default();
        assert_eq!(parse(line.as_bytes(), &mut found), Some(expected), "{line}");
        let text = |value: &FoundValue<'_>| match value {
            FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        let found: Vec<(&str, String)> = found.iter().map(|(name, value)| (*name, text(value))).collect();
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(found, fields, "{line}");
    }

    #[test]
    fn what_rails_says_of_requests_is_taken() {
        let time = Some(Timestamp { seconds: 1_221_007_692, nanoseconds: 0 });
        let started = [("method", "GET"), ("path", "/a"), ("query", "b=c"), ("remote_addr", "127.0.0.1")];
        for head in
            ["", "[f2b3] ", "I, [2008-09-08T21:52:54.123456 #7]  INFO -- : [f2b3] [web] ", "I, [x]  INFO -- app: "]
        {
            let line = format!("{head}Started GET \"/a?b=c\" for 127.0.0.1 at 2008-09-10 02:48:12 +0200");
            check(&line, WebLine::Started(time), &started);
            let line = format!(
                "{head}Completed 404 Not Found in 1.5ms (Views: 3.1ms | ActiveRecord: 12ms (2 queries) | Allocations: 9)"
            );
            check(
                &line,
                WebLine::Completed(404),
                &[
                    ("status", "Int(404)"),
                    ("duration_ms", "Float(1.5)"),
                    ("view_ms", "Float(3.1)"),
                    ("db_ms", "Float(12.0)"),
                    ("allocations", "Int(9)"),
                ],
            );
        }
        check(
            "Completed 200 OK in 12ms (Views: 3.1ms | Allocations: 123)\n",
            WebLine::Completed(200),
            &[
                ("status", "Int(200)"),
                ("duration_ms", "Float(12.0)"),
                ("view_ms", "Float(3.1)"),
                ("allocations", "Int(123)"),
            ],
        );
        check(
            "Completed 401 in 7ms",
            WebLine::Completed(401),
            &[("status", "Int(401)"), ("duration_ms", "Float(7.0)")],
        );
    }

    #[test]
    fn what_uvicorn_says_of_requests_is_taken() {
        check(
            "INFO:     ::1:50000 - \"GET /a?b HTTP/1.1\" 307 Temporary Redirect",
            WebLine::Completed(307),
            &[
                ("remote_addr", "::1"),
                ("client_port", "50000"),
                ("method", "GET"),
                ("path", "/a"),
                ("query", "b"),
                ("protocol", "HTTP/1.1"),
                ("status", "Int(307)"),
            ],
        );
    }

    #[test]
    fn other_lines_are_refused_and_add_nothing() {
        for line in [
            "",
            "Started reading",
            "Started GET \"/a\" for 127.0.0.1",
            "Started get \"/a\" for 127.0.0.1 at 2008-09-10 02:48:12 +0200",
            "Completed 200 files in 3 s",
            "Completed 99 x in 3ms",
            "Completed the job in 3ms",
            "Completed 200 OK in ms",
            "INFO:     Started server process [1]",
            "INFO: a - \"b\" 200",
            "[tag] Started",
            "I, [x]  INFO -- : Processing by A#b as HTML",
        ] {
            let mut found = FoundFields::default();
            assert_eq!(parse(line.as_bytes(), &mut found), None, "{line}");
            assert_eq!(found.iter().count(), 0, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(head in "(Started GET \"/\" for |Completed 200 |INFO: |I, \\[|\\[)?", tail in "( in |at |ms|[0-9\"(|):\\]\\[ +-]|Views|INFO -- ){0,30}") {
            let _ = parse(format!("{head}{tail}").as_bytes(), &mut FoundFields::default());
        }
    }
}
