//! Access lines of proxies: Envoy and HAProxy.
//!
//! Envoy writes its default format
//! (<https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#default-format-string>), ECS Service Connect,
//! which is an Envoy, the same without the response's flags
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-envoy-access-logs.html>), and Istio with more behind the
//! flags and at the end (<https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format>). None of them puts a
//! backslash in front of a quote that a client sent.
//!
//! HAProxy writes what `option httplog`, `httpslog` and `tcplog` say (<https://docs.haproxy.org/3.2/configuration.html#8.2>), on standard
//! output without a head of syslog. Its time is of no zone, so the host's stays.

use super::load_balancer::{add_client, push_int};
use super::words::{decimal, split_at_byte, split_request, split_url, until, without_port};
use crate::append::FoundFields;
use crate::civil_time::parse_rfc3339;
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
    let (request, rest) = split_at_quote(rest, is_before_status)?;
    let (numbers, quoted) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
    let mut words = Words(numbers.trim_ascii());
    let status = decimal(words.next()?)?;
    let (mut flags, mut details, mut failure, mut quoted) = (&b""[..], [&b""[..]; 2], &b""[..], quoted.get(1..)?);
    let sizes = match words.count() {
        4 => words,
        5 => {
            flags = words.next()?;
            words
        }
        3 => {
            (flags, details) = (words.next()?, words.list()?);
            let (reason, rest) = split_at_quote(quoted, |behind| behind.starts_with(b" "))?;
            let (numbers, rest) = rest.split_at_checked(memchr::memchr(b'"', rest)?)?;
            (failure, quoted) = (reason, rest.get(1..)?);
            Words(numbers.trim_ascii()).filled(4)?
        }
        _ => return None,
    };
    let [received, sent, duration, service] = sizes.list()?;
    [received, sent, duration].iter().all(|number| decimal(number).is_some()).then_some(())?;
    let end = memchr::memrchr(b'"', quoted)?;
    let (quoted, tail) = (quoted.get(..end)?, quoted.get(end + 1..)?.trim_ascii());
    // A client may write quotes into all but the last ones.
    let (quoted, upstream) = split_last(quoted)?;
    let (quoted, authority) = split_last(quoted)?;
    let (quoted, request_id) = split_last(quoted)?;
    let at = memmem::find(quoted, BETWEEN)?;
    let (forwarded_for, user_agent) = (quoted.get(..at)?, quoted.get(at + BETWEEN.len()..)?);

    add_request(request, found);
    // 0 stands for a response that there was not.
    let status = Some(status).filter(|status| *status != 0);
    push_int("status", status, found);
    found.push_text("response_flags", flags);
    for (name, text) in ISTIO_DETAILS.into_iter().zip(details) {
        found.push_text(name, text);
    }
    found.push_text("upstream_transport_failure_reason", failure);
    for (name, number) in
        [("received_bytes", received), ("bytes", sent), ("duration_ms", duration), ("upstream_service_time", service)]
    {
        push_int(name, decimal(number), found);
    }
    for (name, text) in [
        ("x_forwarded_for", forwarded_for),
        ("user_agent", user_agent),
        ("request_id", request_id),
        ("upstream_addr", upstream.strip_prefix(b"tcp://").unwrap_or(upstream)),
    ] {
        found.push_text(name, text);
    }
    found.push_text_if_new("host", without_port(authority));
    match Words(tail).filled(ISTIO_TAIL.len()) {
        Some(words) => {
            for (name, text) in ISTIO_TAIL.into_iter().zip(words) {
                match name {
                    "downstream_remote_address" if text != b"-" => add_client(text, found),
                    _ => found.push_text(name, text),
                }
            }
        }
        None => found.push_text("unknown_fields", tail),
    }
    Some(ProxyLine { time: Some(time), status })
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
    for (name, text) in [("method", method), ("host", host), ("path", path), ("query", query), ("protocol", protocol)] {
        found.push_text(name, text);
    }
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

/// Adds what a line of HAProxy says; `None` when it is none, and then nothing is added.
pub fn haproxy<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<ProxyLine> {
    // `192.0.2.1:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 `
    let (client, rest) = split_at_byte(line, b' ')?;
    let (date, rest) = rest.strip_prefix(b"[")?.split_at_checked(24)?;
    let is_date = [(2, b'/'), (6, b'/'), (11, b':'), (20, b'.')].iter().all(|(at, byte)| date.get(*at) == Some(byte));
    let port = client.get(client.iter().rposition(|byte| *byte == b':')? + 1..)?;
    (is_date && decimal(port).is_some()).then_some(())?;
    let mut words = Words(rest.strip_prefix(b"] ")?.trim_ascii_end());
    let (frontend, server, times) = (words.next()?, words.next()?, words.next()?);
    let (backend, server) = split_at_byte(server, b'/')?;
    let count = times.split(|byte| *byte == b'/').map(|time| time_of(time).map(|_| 1)).sum::<Option<usize>>()?;
    let names = match count {
        5 => &REQUEST_TIMES[..],
        3 => &CONNECTION_TIMES[..],
        _ => return None,
    };
    let is_request = count == REQUEST_TIMES.len();
    let status = if is_request { number_of(words.next()?)? } else { -1 };
    let bytes = number_of(words.next()?)?;
    // The cookies that were captured.
    let state = if is_request { words.by_ref().nth(2)? } else { words.next()? };
    (state.len() == if is_request { 4 } else { 2 }).then_some(())?;
    let (connections, queues) = (words.next()?, words.next()?);
    let is_list = |text: &[u8], parts: usize| {
        let is_number = |part: &[u8]| decimal(part.strip_prefix(b"+").unwrap_or(part)).is_some();
        text.split(|byte| *byte == b'/').count() == parts && text.split(|byte| *byte == b'/').all(is_number)
    };
    (is_list(connections, 5) && is_list(queues, 2)).then_some(())?;
    let (_, request) = split_at_byte(words.0, b'"').unwrap_or_default();
    let (request, behind) = split_at_byte(request, b'"').unwrap_or((request, b""));

    add_client(client, found);
    found.push_text("frontend_name", frontend.strip_suffix(b"~").unwrap_or(frontend));
    found.push_text("backend_name", backend);
    found.push_text("backend_server", server);
    for (name, time) in names.iter().zip(times.split(|byte| *byte == b'/')) {
        push_int(name, time_of(time).filter(|time| *time >= 0), found);
    }
    let status = Some(status).filter(|status| *status > 0);
    push_int("status", status, found);
    push_int("bytes", Some(bytes).filter(|bytes| *bytes >= 0), found);
    if state.iter().any(|byte| *byte != b'-') {
        found.push_text("termination_state", state);
    }
    add_request(request, found);
    // `0/0000000000000000/0/0/0 example.com/TLSv1.3/TLS_AES_128_GCM_SHA256`
    let mut parts = Words(behind.trim_ascii()).nth(1).unwrap_or_default().rsplit(|byte| *byte == b'/');
    if let (Some(cipher), Some(protocol), Some(name)) = (parts.next(), parts.next(), parts.next()) {
        for (name, text) in [("domain_name", name), ("tls_protocol", protocol), ("tls_cipher", cipher)] {
            found.push_text(name, text);
        }
    }
    Some(ProxyLine { time: None, status })
}

/// A time in milliseconds, -1 where there was none, with a plus in front of it when it went on.
fn time_of(text: &[u8]) -> Option<i64> {
    number_of(text.strip_prefix(b"+").unwrap_or(text))
}

/// A number, or -1.
fn number_of(text: &[u8]) -> Option<i64> {
    if text == b"-1" { Some(-1) } else { decimal(text.strip_prefix(b"+").unwrap_or(text)) }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
