//! Access lines in the Common and Combined Log Format of Apache and NGINX.
//!
//! Format: `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"`, as in
//! <https://httpd.apache.org/docs/2.4/logs.html#combined>; the last two are missing in the common format. A line that
//! is cut off behind the size is still an access line. Quotes inside a quoted part are escaped with a backslash. In front of it may
//! stand the name of the virtual host, with or without its port (`vhost_combined` of Debian's Apache), and behind it what NGINX
//! adds ([`super::access_tail`]).

use super::access_tail;
use super::find::find_either;
use super::words::{decimal, split_at_byte, split_request};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::{KnownLogDate, parse_common_log_time};
use crate::digits::short_number;

/// What stands in an access line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLine<'a> {
    /// Host or address of the client.
    pub remote_addr: &'a [u8],
    /// Virtual host in front of the line, as it is written; empty for none.
    pub virtual_host: &'a [u8],
    /// User the client authenticated as; `-` for none.
    pub remote_user: &'a [u8],
    /// When the request came, in seconds since 1970; `None` when the text in brackets is no time.
    pub time_seconds: Option<i64>,
    /// The request line as the client sent it.
    pub request: &'a [u8],
    /// Status of the response.
    pub status: i64,
    /// Size of the response's body in bytes; `None` for `-`.
    pub bytes: Option<i64>,
    /// Where the client says it came from; empty in the common format, `-` for none.
    pub referer: &'a [u8],
    /// What the client says it is; empty in the common format, `-` for none.
    pub user_agent: &'a [u8],
    /// What is behind the user agent.
    pub tail: &'a [u8],
}

impl<'a> AccessLine<'a> {
    /// Takes a line apart; `None` when it is no access line.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        Self::parse_on(line, &mut KnownLogDate::default())
    }

    /// As [`AccessLine::parse`], of lines that come one after another.
    pub(crate) fn parse_on(line: &'a [u8], known_date: &mut KnownLogDate) -> Option<Self> {
        let (remote_addr, rest) = split_at_byte(line, b' ')?;
        let [virtual_host, remote_addr, remote_user, rest] = match rest.strip_prefix(NOBODY) {
            Some(rest) => [b"", remote_addr, b"-", rest],
            None => client(remote_addr, rest)?,
        };
        let (time_seconds, rest) = time(rest, known_date)?;
        let (request, rest) = quoted(rest.strip_prefix(b" ")?)?;
        let (status, rest) = status(rest.strip_prefix(b" ")?)?;
        let (bytes, rest) = size(rest)?;
        if remote_addr.is_empty() || remote_user.is_empty() {
            return None;
        }
        let (referer, rest) = quoted(rest).unwrap_or((b"", rest));
        let (user_agent, tail) = quoted(rest.trim_ascii_start()).unwrap_or((b"", b""));
        Some(Self {
            remote_addr,
            virtual_host,
            remote_user,
            time_seconds,
            request,
            status,
            bytes,
            referer,
            user_agent,
            tail,
        })
    }

    /// Method, path, query and protocol, when the client sent a request line.
    #[inline]
    pub(crate) fn request_parts(&self) -> Option<[&'a [u8]; 4]> {
        let (method, target, protocol) = split_request(self.request)?;
        let (path, query) = split_at_byte(target, b'?').unwrap_or((target, b""));
        Some([method, path, query, protocol])
    }

    /// Adds what the line says to the fields of its record.
    pub fn add_to(&self, found: &mut FoundFields<'a>) {
        found.push_text("remote_addr", self.remote_addr);
        found.push_text("remote_user", self.remote_user);
        if let Some([method, path, query, protocol]) = self.request_parts() {
            found.push_text("method", method);
            found.push_text("path", path);
            found.push_text("query", query);
            found.push_text("protocol", protocol);
        }
        found.push("status", FoundValue::Int(self.status));
        if let Some(bytes) = self.bytes {
            found.push("bytes", FoundValue::Int(bytes));
        }
        found.push_text("referer", self.referer);
        found.push_text("user_agent", self.user_agent);
        if !self.virtual_host.is_empty() {
            let (host, port) = split_port(self.virtual_host).unwrap_or((self.virtual_host, b""));
            found.push_text("host", host);
            found.push_text("server_port", port);
        }
        if !self.tail.trim_ascii().is_empty() {
            access_tail::add_to(self.tail, found);
        }
    }
}

/// What most lines have behind the client: neither identity nor user, and the time.
const NOBODY: &[u8] = b"- - [";
/// Bytes of the time.
const TIME_BYTES: usize = 26;

/// Virtual host, client and user, by the line's first word and what is behind it; and what is behind the bracket of the time.
fn client<'a>(first: &'a [u8], rest: &'a [u8]) -> Option<[&'a [u8]; 4]> {
    let (ident, rest) = split_at_byte(rest, b' ')?;
    // A user name may hold spaces, never a bracket.
    let (user, rest) = split_at_byte(rest, b'[')?;
    let user = user.strip_suffix(b" ")?;
    // What stands where the identity does is an address when the virtual host stands where the address does.
    Some(match split_at_byte(user, b' ') {
        Some((_ident, user)) if is_client(ident, first) => [first, ident, user, rest],
        _ => [b"", first, user, rest],
    })
}

/// The time, when it is one, and what is behind its bracket.
fn time<'a>(text: &'a [u8], known_date: &mut KnownLogDate) -> Option<(Option<i64>, &'a [u8])> {
    if let Some((time, [b']', rest @ ..])) = text.split_first_chunk::<TIME_BYTES>()
        && let Some(seconds) = known_date.parse(time)
    {
        return Some((Some(seconds), rest));
    }
    let (time, rest) = split_at_byte(text, b']')?;
    Some((parse_common_log_time(time), rest))
}

/// The status, and what is behind the space behind it.
fn status(text: &[u8]) -> Option<(i64, &[u8])> {
    if let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', rest @ ..] = text {
        return Some((i64::from(a - b'0') * 100 + i64::from(b - b'0') * 10 + i64::from(c - b'0'), rest));
    }
    let (status, rest) = split_at_byte(text, b' ')?;
    let status = decimal(status).filter(|status| (100..=999).contains(status))?;
    Some((status, rest))
}

/// The size, `None` for a dash, and what is behind the space behind it.
fn size(text: &[u8]) -> Option<(Option<i64>, &[u8])> {
    if let Some((number, [b' ', rest @ ..])) = short_number(text) {
        return Some((Some(i64::from(number)), rest));
    }
    // As many digits always fit.
    const DIGITS: usize = 18;
    let mut number = 0;
    for (at, byte) in text.iter().take(DIGITS).enumerate() {
        match byte {
            b'0'..=b'9' => number = number * 10 + i64::from(byte - b'0'),
            b' ' if at > 0 => return Some((Some(number), text.get(at + 1..)?)),
            _ => break,
        }
    }
    let (size, rest) = split_at_byte(text, b' ').unwrap_or((text, b""));
    let bytes = match size.trim_ascii_end() {
        b"-" => None,
        digits => Some(decimal(digits)?),
    };
    Some((bytes, rest))
}

/// Whether the second word of a line is its client: an address, or a name behind a virtual host with its port.
fn is_client(word: &[u8], before: &[u8]) -> bool {
    access_tail::is_address(word) || (word != b"-" && split_port(before).is_some())
}

/// Name and port of `name:port`; an IPv6 address without brackets has no port.
pub(crate) fn split_port(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let (host, port) = name.split_at_checked(name.iter().rposition(|byte| *byte == b':')?)?;
    let port = port.get(1..)?;
    decimal(port).filter(|port| *port <= 65_535)?;
    (!host.is_empty() && (!host.contains(&b':') || host.ends_with(b"]"))).then_some((host, port))
}

/// The content of a quoted text at the start of `text`, and what is behind it. A missing end quote is no error: the
/// line was cut off there.
#[inline]
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let content = text.strip_prefix(b"\"")?;
    if let [b'-', b'"', rest @ ..] = content {
        return Some((b"-", rest));
    }
    let mut from = 0;
    while let Some(found) = find_either(content.get(from..)?, b'"', b'\\') {
        let at = from + found;
        if content.get(at) == Some(&b'"') {
            return Some((content.get(..at)?, content.get(at + 1..)?));
        }
        from = (at + 2).min(content.len());
    }
    Some((content, b""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_combined_line_is_taken_apart() {
        let line = br#"83.149.9.216 - bob smith [17/May/2015:10:05:03 +0000] "GET /a b?x=\"1\" HTTP/1.1" 200 203023 "http://r/" "Mozilla \"5\"" "extra""#;
        let parsed = AccessLine::parse(line).unwrap();
        assert_eq!(parsed.remote_user, b"bob smith");
        assert_eq!(parsed.time_seconds, Some(1_431_857_103));
        assert_eq!(parsed.referer, b"http://r/");
        let mut found = FoundFields::default();
        parsed.add_to(&mut found);
        for (name, text) in [
            ("remote_addr", &b"83.149.9.216"[..]),
            ("method", b"GET"),
            ("path", b"/a b"),
            ("query", br#"x=\"1\""#),
            ("protocol", b"HTTP/1.1"),
            ("user_agent", br#"Mozilla \"5\""#),
        ] {
            assert_eq!(found.get(name), Some(FoundValue::Text(text)), "{name}");
        }
        assert_eq!(found.get("status"), Some(FoundValue::Int(200)));
        assert_eq!(found.get("bytes"), Some(FoundValue::Int(203_023)));
    }

    #[test]
    fn a_virtual_host_in_front_is_no_client() {
        for (head, host, client, user) in [
            ("a.org:443 1.2.3.4 - -", "a.org:443", "1.2.3.4", "-"),
            ("a.org 2001:db8::1 - bob smith", "a.org", "2001:db8::1", "bob smith"),
            ("[::1]:80 client.example.org - -", "[::1]:80", "client.example.org", "-"),
            ("2001:db8::1 - -", "", "2001:db8::1", "-"),
            ("2001:db8::1 - bob smith", "", "2001:db8::1", "bob smith"),
            ("1.2.3.4 ident bob smith", "", "1.2.3.4", "bob smith"),
        ] {
            let line = format!("{head} [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5");
            let parsed = AccessLine::parse(line.as_bytes()).unwrap();
            assert_eq!(
                (parsed.virtual_host, parsed.remote_addr, parsed.remote_user),
                (host.as_bytes(), client.as_bytes(), user.as_bytes())
            );
        }
        assert_eq!(split_port(b"a.org:443"), Some((&b"a.org"[..], &b"443"[..])));
    }

    #[test]
    fn common_lines_cut_lines_and_odd_requests_are_still_access_lines() {
        for line in [
            &br#"::1 - - [17/May/2015:10:05:03 +0000] "-" 408 -"#[..],
            br#"h - - [17/May/2015:10:05:03 +0000] "\x16\x03\x01" 400 226 "-" "-""#,
            br#"h - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0 (cut"#,
            br#"h - - [no time] "GET / HTTP/1.1" 200 1"#,
        ] {
            assert!(AccessLine::parse(line).is_some(), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn other_lines_are_not_access_lines() {
        for line in [
            &b""[..],
            b"hello world",
            b"a b c [d] e",
            br#"h - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 20x 1"#,
            br#"h - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 many"#,
            br#"2016 INFO x [main] "quoted" 12 13"#,
        ] {
            assert!(AccessLine::parse(line).is_none(), "{}", String::from_utf8_lossy(line));
        }
    }
}
