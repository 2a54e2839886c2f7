//! Access lines of proxies: Envoy and HAProxy.
//!
//! Envoy writes its default format
//! (<https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#default-format-string>), ECS Service Connect,
//! which is an Envoy, the same without the response's flags
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-envoy-access-logs.html>), and Istio with more behind the
//! flags and at the end, from 1.9 on (<https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format>). None of
//! them puts a backslash in front of a quote that a client sent.
//!
//! HAProxy writes what `option httplog`, `httpslog` and `tcplog` say (<https://docs.haproxy.org/3.2/configuration.html#8.2>), on standard
//! output without a head of syslog, or with a priority alone. Its time is of no zone, so the host's stays.

use super::combined::split_port;
use super::load_balancer::{add_client, push_int};
use super::words::{decimal, split_at_byte, split_request, split_url, until};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::{month_number, parse_rfc3339};
use crate::event::Timestamp;
use memchr::memmem;

/// What a line says besides its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyLine {
    /// When the request came, when it stands there with its zone.
    pub time: Option<Timestamp>,
    /// Status of the response; `None` when there was none, and for connections.
    pub status: Option<i64>,
}

/// What Istio has behind the flags of a response.
const ISTIO_DETAILS: [&str; 2] = ["response_code_details", "connection_termination_details"];
/// What Istio has behind the address of the server.
const ISTIO_TAIL: [&str; 6] = [
    "upstream_cluster",
    "upstream_local_address",
    "downstream_local_address",
    "downstream_remote_address",
    "requested_server_name",
    "route_name",
];
/// What stands between two fields in quotes.
const BETWEEN: &[u8] = b"\" \"";

/// Adds what a line of Envoy says; `None` when it is none, and then nothing is added.
pub fn envoy<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<ProxyLine> {
    // `[2026-01-02T03:04:05.678Z] "`
    let head = line.strip_prefix(b"[").filter(|head| head.get(10) == Some(&b'T'))?;
    let (time, rest) = split_at_byte(head, b']')?;
    let rest = rest.strip_prefix(b" \"")?;
    let time = parse_rfc3339(time)?;
    let (request, rest) = split_behind_request(rest)?;
    let (numbers, mut quoted) = split_at_byte(rest, b'"')?;
    let mut words = Words(numbers.trim_ascii());
    // 0 stands for a response that there was not.
    let status = decimal(words.next()?).filter(|status| matches!(status, 0 | 100..=599))?;
    let (mut flags, mut details, mut failure) = (&b""[..], [&b""[..]; 2], &b""[..]);
    let sizes = match words.count() {
        4 => words,
        5 => {
            flags = words.next()?;
            words
        }
        3 => {
            (flags, details) = (words.next()?, words.list()?);
            let (reason, rest) = split_at_quote(quoted, |behind| behind.starts_with(b" "))?;
            let (numbers, rest) = split_at_byte(rest, b'"')?;
            (failure, quoted) = (reason, rest);
            Words(numbers.trim_ascii()).filled(4)?
        }
        _ => return None,
    };
    let [received, sent, duration, service] = sizes.list()?;
    let is_number = |text: &[u8]| decimal(text).is_some();
    // A header that the server may have written twice.
    let is_service = service == b"-" || service.split(|byte| *byte == b',').all(is_number);
    ([received, sent, duration].into_iter().all(is_number) && is_service).then_some(())?;
    let (quoted, upstream, tail) = split_at_server(quoted)?;
    let (quoted, authority) = split_last(quoted)?;
    // These a client writes as it likes: one that writes quotes may move what it wrote from one to the other, and no other field.
    let (quoted, request_id) = split_last(quoted)?;
    let at = memmem::find(quoted, BETWEEN)?;
    let (forwarded_for, user_agent) = (quoted.get(..at)?, quoted.get(at + BETWEEN.len()..)?);

    // What was asked for, and not what the path says.
    found.push_text("host", split_port(authority).map_or(authority, |(host, _)| host));
    add_request(request, found);
    let status = Some(status).filter(|status| *status != 0);
    push_int("status", status, found);
    found.push_text("response_flags", flags);
    for (name, text) in ISTIO_DETAILS.into_iter().zip(details) {
        found.push_text(name, text);
    }
    found.push_text("upstream_transport_failure_reason", failure);
    for (name, number) in [("received_bytes", received), ("bytes", sent), ("duration_ms", duration)] {
        push_int(name, decimal(number), found);
    }
    match decimal(service) {
        Some(time) => found.push("upstream_service_time", FoundValue::Int(time)),
        None => found.push_text("upstream_service_time", service),
    }
    for (name, text) in [
        ("x_forwarded_for", forwarded_for),
        ("user_agent", user_agent),
        ("request_id", request_id),
        ("upstream_addr", upstream),
    ] {
        found.push_text(name, text);
    }
    match Words(tail).filled(ISTIO_TAIL.len()) {
        Some(words) => {
            for (name, text) in ISTIO_TAIL.into_iter().zip(words) {
                match name {
                    "downstream_remote_address" => add_client(text, found),
                    _ => found.push_text(name, text),
                }
            }
        }
        None => found.push_text("unknown_fields", tail),
    }
    Some(ProxyLine { time: Some(time), status })
}

/// A request, and what is behind the quote at its end: a request ends with its protocol, or with the dash that stands for none.
fn split_behind_request(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_protocol = |word: &[u8]| word == b"-" || word.starts_with(b"HTTP/");
    let is_end = |at: &usize| {
        // Where that holds a space is near, so that looking for one in front takes no longer.
        text.get(at + 1..).is_some_and(is_before_status)
            && text.get(..*at).and_then(|request| request.rsplit(|byte| *byte == b' ').next()).is_some_and(is_protocol)
    };
    let end = memchr::memchr_iter(b'"', text).find(is_end)?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// What is in front of the address of the server, the address, and what is behind it. Envoy may be told to write more behind it, in
/// quotes or not, so the last field with the form of an address counts.
fn split_at_server(quoted: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    const MOST_BEHIND: usize = 16;
    let mut end = memchr::memrchr(b'"', quoted)?;
    for _ in 0..MOST_BEHIND {
        let (front, field) = split_last(quoted.get(..end)?)?;
        let field = field.strip_prefix(b"tcp://").unwrap_or(field);
        let is_address =
            split_port(field).is_some() || field == b"-" || field.starts_with(b"/") || field.starts_with(b"envoy://");
        if is_address {
            return Some((front, field, quoted.get(end + 1..)?.trim_ascii()));
        }
        end = front.len();
    }
    None
}

/// Whether a text is what is behind a request: a status and more.
fn is_before_status(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b" ") else { return false };
    let digits = until(rest.get(..4).unwrap_or(rest), |byte| !byte.is_ascii_digit()).len();
    (1..=3).contains(&digits) && rest.get(digits) == Some(&b' ')
}

/// The text up to the first quote behind which `is_end` finds what belongs there, and what is behind the quote.
fn split_at_quote(text: &[u8], is_end: impl Fn(&[u8]) -> bool) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr_iter(b'"', text).find(|at| text.get(at + 1..).is_some_and(&is_end))?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// The last of fields in quotes, and those in front of it.
fn split_last(quoted: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memmem::rfind(quoted, BETWEEN)?;
    Some((quoted.get(..at)?, quoted.get(at + BETWEEN.len()..)?))
}

fn add_request<'a>(request: &'a [u8], found: &mut FoundFields<'a>) {
    let Some((method, target, protocol)) = split_request(request) else { return };
    let (host, path, query) = split_url(target);
    for (name, text) in [("method", method), ("path", path), ("query", query), ("protocol", protocol)] {
        found.push_text(name, text);
    }
    found.push_text_if_new("host", host);
}

/// Words with a space between them.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// Those that are left, when there are so many.
    fn filled(self, count: usize) -> Option<Self> {
        (self.count() == count).then_some(self)
    }

    /// All that are left.
    fn list<const N: usize>(mut self) -> Option<[&'a [u8]; N]> {
        let mut list = [&b""[..]; N];
        for word in &mut list {
            *word = self.next()?;
        }
        Some(list)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (word, rest) = split_at_byte(self.0, b' ').unwrap_or((self.0, b""));
        self.0 = rest;
        Some(word)
    }
}

/// Times of a request, and of a connection, in their order.
const REQUEST_TIMES: [&str; 5] = ["request_ms", "queue_ms", "connect_ms", "response_ms", "duration_ms"];
const CONNECTION_TIMES: [&str; 3] = ["queue_ms", "connect_ms", "duration_ms"];

/// How many words may be in front of the state at the end of a request: two cookies that were captured, in which there may be spaces.
const MOST_COOKIE_WORDS: usize = 64;

/// Adds what a line of HAProxy says; `None` when it is none, and then nothing is added.
pub fn haproxy<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<ProxyLine> {
    // `192.0.2.1:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 `
    let (client, rest) = split_at_byte(behind_priority(line), b' ')?;
    let (date, rest) = rest.strip_prefix(b"[")?.split_at_checked(24)?;
    let at = client.iter().rposition(|byte| *byte == b':').filter(|at| *at > 0)?;
    let (address, port) = (client.get(..at)?, client.get(at + 1..)?);
    (is_date(date) && decimal(port).is_some()).then_some(())?;
    let mut words = Words(rest.strip_prefix(b"] ")?.trim_ascii_end());
    let (frontend, server, times) = (words.next()?, words.next()?, words.next()?);
    let (backend, server) = split_at_byte(server, b'/')?;
    let count = times.split(|byte| *byte == b'/').map(|time| number_of(time).map(|_| 1)).sum::<Option<usize>>()?;
    let names = match count {
        5 => &REQUEST_TIMES[..],
        3 => &CONNECTION_TIMES[..],
        _ => return None,
    };
    let is_request = count == REQUEST_TIMES.len();
    let status =
        if is_request { number_of(words.next()?).filter(|status| matches!(status, -1 | 100..=599))? } else { -1 };
    let bytes = number_of(words.next()?)?;
    let (state, rest) = if is_request { split_at_state(words, MOST_COOKIE_WORDS)? } else { split_at_state(words, 0)? };
    let (_, request) = split_at_byte(rest.0, b'"').filter(|_| is_request).unwrap_or_default();
    let (request, behind) = split_at_byte(request, b'"').unwrap_or((request, b""));

    found.push_text("remote_addr", address);
    found.push_text("client_port", port);
    found.push_text("frontend_name", frontend.strip_suffix(b"~").unwrap_or(frontend));
    found.push_text("backend_name", backend);
    found.push_text("backend_server", server);
    for (name, time) in names.iter().zip(times.split(|byte| *byte == b'/')) {
        push_int(name, number_of(time).filter(|time| *time >= 0), found);
    }
    let status = Some(status).filter(|status| *status > 0);
    push_int("status", status, found);
    push_int("bytes", Some(bytes).filter(|bytes| *bytes >= 0), found);
    if state.iter().any(|byte| *byte != b'-') {
        found.push_text("termination_state", state);
    }
    add_request(request, found);
    add_tls(behind, found);
    Some(ProxyLine { time: None, status })
}

/// The line behind `<134>`, as syslog's short form has it.
fn behind_priority(line: &[u8]) -> &[u8] {
    let priority = line.strip_prefix(b"<").and_then(|rest| split_at_byte(rest, b'>'));
    priority.filter(|(number, _)| number.len() <= 3 && decimal(number).is_some()).map_or(line, |(_, rest)| rest)
}

/// `06/Feb/2009:12:14:14.655`
fn is_date(date: &[u8]) -> bool {
    let mark = |at: usize| match at {
        2 | 6 => Some(b'/'),
        11 | 14 | 17 => Some(b':'),
        20 => Some(b'.'),
        _ => None,
    };
    let is_right = |(at, byte): (usize, &u8)| match mark(at) {
        Some(mark) => *byte == mark,
        None => (3..6).contains(&at) || byte.is_ascii_digit(),
    };
    date.iter().enumerate().all(is_right) && date.get(3..6).and_then(month_number).is_some()
}

/// The state at the end of a request or a connection, `----` or `--`, which is in front of the numbers of connections and those of queues,
/// and what is behind them. It is the first such behind the cookies, of which a client may write one.
fn split_at_state(mut words: Words<'_>, most_before: usize) -> Option<(&[u8], Words<'_>)> {
    let (length, least) = if most_before > 0 { (4, 2) } else { (2, 0) };
    let is_list = |text: &[u8], parts: usize| {
        text.split(|byte| *byte == b'/').count() == parts
            && text.split(|byte| *byte == b'/').all(|part| number_of(part).is_some())
    };
    for before in 0..=most_before {
        let state = words.next()?;
        let mut behind = words;
        if before >= least && state.len() == length && is_list(behind.next()?, 5) && is_list(behind.next()?, 2) {
            return Some((state, behind));
        }
    }
    None
}

/// `0/0000000000000000/0/0/0 example.com/TLSv1.3/TLS_AES_128_GCM_SHA256`, errors and what was agreed on.
fn add_tls<'a>(text: &'a [u8], found: &mut FoundFields<'a>) {
    let mut words = Words(text.trim_ascii());
    let (errors, agreed) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut parts = agreed.rsplitn(3, |byte| *byte == b'/');
    let (Some(cipher), Some(protocol), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return };
    if errors.split(|byte| *byte == b'/').count() == 5 {
        for (name, text) in [("domain_name", name), ("tls_protocol", protocol), ("tls_cipher", cipher)] {
            found.push_text(name, text);
        }
    }
}

/// A number, with a plus in front of it where the line was written before its end, or the -1 of what there was not.
fn number_of(text: &[u8]) -> Option<i64> {
    if text == b"-1" { Some(-1) } else { decimal(text.strip_prefix(b"+").unwrap_or(text)) }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
