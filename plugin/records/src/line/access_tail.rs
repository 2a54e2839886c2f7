//! What stands behind the user agent of an access line.
//!
//! There is no standard; taken is what NGINX's documentation shows and what is common:
//!
//! - addresses in quotes, `$http_x_forwarded_for` (`main` in NGINX's own nginx.conf);
//! - then seconds with a dot, `$request_time` and `$upstream_response_time`, in this order, with or without quotes; a whole number
//!   could be Apache's microseconds (`%D`) or its seconds (`%T`), so it is left alone;
//! - or the same with names in front, `rt=0.005 urt="0.004"`
//!   (<https://www.f5.com/company/blog/nginx/using-nginx-logging-for-application-performance-monitoring>);
//! - or all that ingress-nginx writes
//!   (<https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/>).
//!
//! The first part that is none of these ends it. The line stays, so nothing is lost.

use super::words::{decimal, micros, millis, split_at_byte, until};
use crate::append::{FoundFields, FoundValue};

/// Names in front of seconds and what they are: as in the blog, and NGINX's own.
const NAMES: [(&[u8], &str); 10] = [
    (b"rt", REQUEST_TIME),
    (b"request_time", REQUEST_TIME),
    (b"uct", "upstream_connect_time"),
    (b"upstream_connect_time", "upstream_connect_time"),
    (b"uht", "upstream_header_time"),
    (b"upstream_header_time", "upstream_header_time"),
    (b"urt", "upstream_response_time"),
    (b"upstream_response_time", "upstream_response_time"),
    (b"upstream_addr", "upstream_addr"),
    (b"upstream_status", "upstream_status"),
];
/// Seconds that become `duration_ms`.
const REQUEST_TIME: &str = "request_time";

/// Adds what the end of an access line says.
pub(super) fn add_to<'a>(tail: &'a [u8], found: &mut FoundFields<'a>) {
    let mut parts = Parts { rest: tail };
    if ingress(Parts { rest: tail }, found).is_some() {
        return;
    }
    let mut next = parts.next();
    if let Some(Part::Quoted(text)) = next
        && (text == b"-" || is_address_list(text))
    {
        found.push_text("x_forwarded_for", text);
        next = parts.next();
    }
    let mut position = 0;
    while let Some(part) = next {
        let is_known = match part {
            Part::Bare(text) => match split_at_byte(text, b'=') {
                Some((name, value)) => add_named(name, unquoted(value), found),
                None => add_seconds(position, text, found),
            },
            Part::Quoted(text) => add_seconds(position, text, found),
            Part::Bracketed(_) => false,
        };
        if !is_known {
            return;
        }
        position += 1;
        next = parts.next();
    }
}

/// All parts of ingress-nginx; nothing is added when one is missing or another.
fn ingress<'a>(mut parts: Parts<'a>, found: &mut FoundFields<'a>) -> Option<()> {
    let length = decimal(parts.bare()?)?;
    let duration = micros(parts.bare()?)?;
    let (Part::Bracketed(upstream), Part::Bracketed(_)) = (parts.next()?, parts.next()?) else { return None };
    let names =
        ["upstream_addr", "upstream_response_length", "upstream_response_time", "upstream_status", "request_id"];
    found.push("request_length", FoundValue::Int(length));
    found.push("duration_ms", FoundValue::Float(millis(duration)));
    found.push_text("upstream_name", upstream);
    for name in names {
        found.push_text(name, parts.bare().unwrap_or_default());
    }
    Some(())
}

fn add_named<'a>(name: &[u8], value: &'a [u8], found: &mut FoundFields<'a>) -> bool {
    let Some((_, field)) = NAMES.iter().find(|(known, _)| *known == name) else { return false };
    if *field == REQUEST_TIME {
        return add_duration(value, found);
    }
    found.push_text_if_new(field, value);
    true
}

fn add_seconds<'a>(position: usize, text: &'a [u8], found: &mut FoundFields<'a>) -> bool {
    let first = until(text, |byte| matches!(byte, b',' | b' ' | b':'));
    let is_seconds = text == b"-" || (first.contains(&b'.') && micros(first).is_some());
    match position {
        0 if is_seconds => text == b"-" || add_duration(text, found),
        1 if is_seconds => {
            found.push_text_if_new("upstream_response_time", text);
            true
        }
        _ => false,
    }
}

fn add_duration(seconds: &[u8], found: &mut FoundFields<'_>) -> bool {
    let Some(micros) = micros(seconds).filter(|_| found.get("duration_ms").is_none()) else { return false };
    found.push("duration_ms", FoundValue::Float(millis(micros)));
    true
}

/// Addresses with commas between them, as proxies add them.
fn is_address_list(text: &[u8]) -> bool {
    text.split(|byte| *byte == b',').all(|address| is_address(address.trim_ascii()))
}

/// An IPv4 or IPv6 address, loosely; a word of a log line is none.
pub(super) fn is_address(text: &[u8]) -> bool {
    (2..=45).contains(&text.len())
        && text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':'))
        && text.iter().filter(|byte| matches!(byte, b'.' | b':')).count() >= 2
}

fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text)
}

enum Part<'a> {
    Bare(&'a [u8]),
    Quoted(&'a [u8]),
    Bracketed(&'a [u8]),
}

/// Parts with spaces between them.
struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn next(&mut self) -> Option<Part<'a>> {
        let text = self.rest.trim_ascii_start();
        let enclosed = match text.first()? {
            b'"' => split_at_byte(text.get(1..)?, b'"').map(|(content, rest)| (Part::Quoted(content), rest)),
            b'[' => split_at_byte(text.get(1..)?, b']').map(|(content, rest)| (Part::Bracketed(content), rest)),
            _ => None,
        };
        let (part, rest) = match enclosed {
            Some(enclosed) => enclosed,
            None => bare(text)?,
        };
        self.rest = rest;
        Some(part)
    }

    fn bare(&mut self) -> Option<&'a [u8]> {
        match self.next()? {
            Part::Bare(text) => Some(text),
            Part::Quoted(_) | Part::Bracketed(_) => None,
        }
    }
}

/// A part up to a space that is neither in quotes nor behind a comma or around a colon, as in NGINX's lists of several upstreams:
/// `0.003, 0.100 : 0.020`.
fn bare(text: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let mut is_quoted = false;
    let is_end = |(at, byte): (usize, &u8)| {
        is_quoted ^= *byte == b'"';
        let (before, behind) = text.split_at_checked(at).unwrap_or_default();
        let is_in_list = before.ends_with(b",") || before.ends_with(b" :") || behind.starts_with(b" : ");
        byte.is_ascii_whitespace() && !is_quoted && !is_in_list
    };
    let end = text.iter().enumerate().position(is_end).unwrap_or(text.len());
    Some((Part::Bare(text.get(..end)?), text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(tail: &str, expected: &[(&str, &str)]) {
        let mut found = FoundFields::default();
        add_to(tail.as_bytes(), &mut found);
        let text = |value: &FoundValue<'_>| match value {
            FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        let fields: Vec<(&str, String)> = found.iter().map(|(name, value)| (*name, text(value))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(fields, expected, "{tail}");
    }

    #[test]
    fn common_ends_are_taken() {
        let both = [("duration_ms", "Float(5.0)"), ("upstream_response_time", "0.004")];
        check(" 0.005 0.004", &both);
        check(r#" "0.005" "0.004""#, &both);
        check(r#" rt=0.005 urt="0.004""#, &both);
        check(" request_time=0.005 upstream_response_time=0.004\n", &both);
        check(
            r#" "10.0.0.1, 2001:db8::1" 0.005 0.003, 0.001"#,
            &[
                ("x_forwarded_for", "10.0.0.1, 2001:db8::1"),
                ("duration_ms", "Float(5.0)"),
                ("upstream_response_time", "0.003, 0.001"),
            ],
        );
        check(r#" "-" 0.005 -"#, &[("duration_ms", "Float(5.0)")]);
        check(
            " 0.500 0.003, 0.100 : 0.020",
            &[("duration_ms", "Float(500.0)"), ("upstream_response_time", "0.003, 0.100 : 0.020")],
        );
    }

    #[test]
    fn the_end_of_an_ingress_line_is_taken() {
        check(
            " 315 0.005 [default-web-80] [] 10.0.0.1:80, 10.0.0.2:80 0, 612 0.001, 0.004 502, 200 7b0c",
            &[
                ("request_length", "Int(315)"),
                ("duration_ms", "Float(5.0)"),
                ("upstream_name", "default-web-80"),
                ("upstream_addr", "10.0.0.1:80, 10.0.0.2:80"),
                ("upstream_response_length", "0, 612"),
                ("upstream_response_time", "0.001, 0.004"),
                ("upstream_status", "502, 200"),
                ("request_id", "7b0c"),
            ],
        );
    }

    #[test]
    fn other_ends_are_left_alone() {
        for tail in ["", " ", " 1234", " \"extra\"", " 1234 5", " x=0.005", " [a]", " \"open", " face 0.005"] {
            check(tail, &[]);
        }
    }

    proptest! {
        #[test]
        fn any_end_is_taken_or_left(tail in "[ 0-9.,\"\\[\\]=rtu:-]{0,60}") {
            add_to(tail.as_bytes(), &mut FoundFields::default());
        }
    }
}
