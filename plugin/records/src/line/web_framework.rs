//! Requests as web frameworks log them.
//!
//! Rails (<https://guides.rubyonrails.org/debugging_rails_applications.html#the-logger>) writes `Started GET "/a?b=c" for 192.0.2.1 at
//! 2026-01-02 03:04:05 +0000` when a request comes and `Completed 200 OK in 12ms (Views: 3.1ms | ActiveRecord: 0.5ms)` when it
//! was answered, behind the head of Ruby's logger, tags in brackets, both or none. Only the second is the record of an
//! answer. The others write one line when it was answered:
//!
//! - uvicorn (<https://www.uvicorn.org/settings/#logging>): `INFO:     192.0.2.1:50000 - "GET /a HTTP/1.1" 200 OK`;
//! - Gin (<https://pkg.go.dev/github.com/gin-gonic/gin#Logger>): `[GIN] 2026/01/02 - 03:04:05 | 200 | 1.2ms | 192.0.2.1 | GET "/a"`;
//! - chi (<https://pkg.go.dev/github.com/go-chi/chi/v5/middleware#Logger>):
//!   `2026/01/02 03:04:05 "GET http://a/b HTTP/1.1" from 192.0.2.1:50000 - 200 10B in 1.2ms`;
//! - morgan, of Express (<https://github.com/expressjs/morgan#predefined-formats>): `GET /a 200 12 - 1.234 ms` is its `tiny`,
//!   `GET /a 200 1.234 ms - 12` its `dev`, with colours.
//!
//! Those of Go have a local time, so the host's stays.

use super::load_balancer::{add_client, push_int};
use super::words::{after, decimal, micros, millis, split_at_byte, split_request, split_url, until};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::parse_rfc3339;
use crate::event::Timestamp;
use memchr::memmem;

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebLine {
    /// A request came, at that time when the line has it with a zone.
    Started(Option<Timestamp>),
    /// A request was answered with this status, or not at all.
    Completed(Option<i64>),
}

/// Adds what a line says; `None` when it is none of these, and then nothing is added.
pub fn parse<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let words = match line.first()? {
        b'I' if line.starts_with(b"INFO: ") => return uvicorn(line.get(6..)?.trim_ascii_start(), found),
        // `I, [2026-01-02T03:04:05.123456 #7]  INFO -- : `
        b'I' if line.starts_with(b"I, [") => split_at_byte(after(line, b"]  INFO -- ")?, b':')?.1.trim_ascii_start(),
        b'[' => match line.strip_prefix(b"[GIN] ") {
            Some(rest) => return gin(rest, found),
            None => line,
        },
        b'S' if line.starts_with(b"Started ") => line,
        b'C' if line.starts_with(b"Completed ") => line,
        b'0'..=b'9' => return chi(line, found),
        b'A'..=b'Z' | b'\x1b' => return morgan(line, found),
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
    // `2026-01-02 03:04:05 +0000`: RFC 3339 but for the space.
    let mut moment = [0; 24];
    let (clock, zone) = time.split_at_checked(19)?;
    moment.get_mut(..19)?.copy_from_slice(clock);
    let zone = zone.strip_prefix(b" ").filter(|zone| zone.len() == 5).unwrap_or(b"-----");
    moment.get_mut(19..)?.copy_from_slice(zone);
    let (path, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
    for (name, text) in [("method", method), ("path", path), ("query", query), ("remote_addr", client)] {
        found.push_text(name, text);
    }
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
    Some(WebLine::Completed(Some(status)))
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
    Some(WebLine::Completed(Some(status)))
}

/// `2026/01/02 - 03:04:05 | 200 |    1.234567ms |   192.0.2.1 | GET      "/a?b=c"`, and what went wrong in lines behind it.
fn gin<'a>(text: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let mut parts = until(text, |byte| byte == b'\n').splitn(5, |byte| *byte == b'|');
    let mut next = || parts.next().map(plain);
    let (time, status, duration, client, request) = (next()?, next()?, next()?, next()?, next()?);
    let is_time =
        [(4, b'/'), (7, b'/'), (11, b'-'), (15, b':'), (18, b':')].iter().all(|(at, byte)| time.get(*at) == Some(byte));
    is_time.then_some(())?;
    let status = decimal(status).filter(|status| (100..=599).contains(status))?;
    let duration = go_duration(duration)?;
    let (method, target) = split_at_byte(request, b' ')?;
    let (method, target) = (plain(method), plain(target));
    is_method(method).then_some(())?;
    let target = target.strip_prefix(b"\"").and_then(|target| target.strip_suffix(b"\"")).unwrap_or(target);
    let (path, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
    for (name, text) in [("remote_addr", client), ("method", method), ("path", path), ("query", query)] {
        found.push_text(name, text);
    }
    found.push("status", FoundValue::Int(status));
    found.push("duration_ms", FoundValue::Float(duration));
    Some(WebLine::Completed(Some(status)))
}

/// `2026/01/02 03:04:05 [host/id-000001] "GET http://a/b HTTP/1.1" from 192.0.2.1:50000 - 200 10B in 1.2ms`
fn chi<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let (time, rest) = line.split_at_checked(20)?;
    let marks = [(4, b'/'), (7, b'/'), (10, b' '), (13, b':'), (16, b':'), (19, b' ')];
    marks.iter().all(|(at, byte)| time.get(*at) == Some(byte)).then_some(())?;
    // Behind the address a client writes nothing, and in front of the request it may have written the id.
    let end = memmem::rfind(rest, FROM)?;
    let (request, rest) = (rest.get(..end)?, rest.get(end + FROM.len()..)?);
    let (id, request) = match request.strip_prefix(b"[") {
        Some(text) => {
            let end = memmem::rfind(text, b"] \"")?;
            (text.get(..end)?, text.get(end + 2..)?)
        }
        None => (&b""[..], request),
    };
    let request = request.strip_prefix(b"\"")?;
    let (method, target, protocol) = split_request(request)?;
    let (client, rest) = split_at_byte(rest, b' ')?;
    let (status, rest) = split_at_byte(rest.strip_prefix(b"- ")?, b' ')?;
    // 0 stands for a handler that wrote nothing.
    let status = decimal(status).filter(|status| matches!(status, 0 | 100..=599))?;
    let status = Some(status).filter(|status| *status != 0);
    let (size, duration) = split_at_byte(rest.trim_ascii_end(), b' ')?;
    let size = decimal(size.strip_suffix(b"B")?)?;
    let duration = go_duration(duration.strip_prefix(b"in ")?)?;
    let (host, path, query) = split_url(target);
    add_client(client, found);
    for (name, text) in [
        ("request_id", id),
        ("method", method),
        ("host", host),
        ("path", path),
        ("query", query),
        ("protocol", protocol),
    ] {
        found.push_text(name, text);
    }
    push_int("status", status, found);
    found.push("bytes", FoundValue::Int(size));
    found.push("duration_ms", FoundValue::Float(duration));
    Some(WebLine::Completed(status))
}

/// What chi has behind a request.
const FROM: &[u8] = b"\" from ";

/// `GET /a 200 12 - 1.234 ms` and `GET /a 200 1.234 ms - 12`; a dash stands for a size that there is not, and for the status and the time
/// of a request that was not answered.
fn morgan<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<WebLine> {
    let mut words = plain(line).split(|byte| *byte == b' ').map(plain);
    let mut next = || words.next();
    let method = next().filter(|method| is_method(method))?;
    let target = next().filter(|target| !target.is_empty())?;
    let number = |text: &[u8]| if text == b"-" { Some(None) } else { decimal(text).map(Some) };
    let status = number(next()?).filter(|status| status.is_none_or(|status| (100..=599).contains(&status)))?;
    let (size, duration) = match [next()?, next()?, next()?, next()?] {
        [size, b"-", duration, b"ms"] | [duration, b"ms", b"-", size] => (number(size)?, duration),
        _ => return None,
    };
    let duration = if duration == b"-" { None } else { Some(micros(duration)?) };
    next().is_none().then_some(())?;
    let (host, path, query) = split_url(target);
    for (name, text) in [("method", method), ("host", host), ("path", path), ("query", query)] {
        found.push_text(name, text);
    }
    push_int("status", status, found);
    push_int("bytes", size, found);
    if let Some(duration) = duration {
        found.push("duration_ms", milliseconds(duration));
    }
    Some(WebLine::Completed(status))
}

/// Whether a word is a method of HTTP: all are in capitals.
fn is_method(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_uppercase)
        && word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
}

/// The text without spaces and colours around it (`ESC [32m`).
fn plain(text: &[u8]) -> &[u8] {
    let is_colour = |code: &[u8]| code.iter().all(|byte| byte.is_ascii_digit() || *byte == b';');
    let mut text = text.trim_ascii();
    while let Some((code, rest)) = text.strip_prefix(b"\x1b[").and_then(|rest| split_at_byte(rest, b'm')) {
        if !is_colour(code) {
            break;
        }
        text = rest.trim_ascii_start();
    }
    while let Some(before) = text.strip_suffix(b"m") {
        let code = before.iter().rev().take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
        match before.get(..before.len() - code).and_then(|rest| rest.strip_suffix(b"\x1b[")) {
            Some(rest) => text = rest.trim_ascii_end(),
            None => break,
        }
    }
    text
}

/// A duration as Go writes it, `1h2m3.5s`, `1.2ms`, `60.7\u{b5}s` or `943ns`, in milliseconds.
pub(crate) fn go_duration(text: &[u8]) -> Option<f64> {
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let number = until(rest, |byte| !(byte.is_ascii_digit() || byte == b'.'));
        let behind = rest.get(number.len()..)?;
        let unit = until(behind, |byte| byte.is_ascii_digit());
        let milliseconds = match unit {
            b"h" => 3_600_000.0,
            b"m" => 60_000.0,
            b"s" => 1_000.0,
            b"ms" => 1.0,
            b"\xc2\xb5s" | b"us" => 1e-3,
            b"ns" => 1e-6,
            _ => return None,
        };
        // Millionths of that unit.
        sum += micros(number)? as f64 * milliseconds / 1e6;
        rest = behind.get(unit.len()..)?;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
#[path = "web_framework_tests.rs"]
mod tests;
