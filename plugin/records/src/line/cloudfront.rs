//! Standard (access) lines of CloudFront.
//!
//! Format: 33 fields with tabs between them, times in UTC:
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html>. A line with fewer has
//! what it has; what it has more is kept under `unknown_fields`. Values stay as they are written, with their `%20`.

use super::words::{decimal, micros, millis};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::parse_rfc3339;
use crate::event::Timestamp;

/// Fields behind date and time, in their order. Those that other access lines have too get their names.
const FIELDS: [&str; 31] = [
    "edge_location",
    "bytes",
    "remote_addr",
    "method",
    "distribution",
    "path",
    "status",
    "referer",
    "user_agent",
    "query",
    "cookie",
    "edge_result_type",
    "request_id",
    "host",
    "scheme",
    "received_bytes",
    "duration_ms",
    "x_forwarded_for",
    "tls_protocol",
    "tls_cipher",
    "edge_response_result_type",
    "protocol",
    "fle_status",
    "fle_encrypted_fields",
    "client_port",
    "time_to_first_byte",
    "edge_detailed_result_type",
    "content_type",
    "content_length",
    "range_start",
    "range_end",
];
/// Fields that a line has at least: up to the status.
const LEAST_FIELDS: usize = 7;

/// Bytes of the date and the time, with the tabs behind them.
const HEAD_BYTES: usize = 20;

/// Time and status of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudFrontLine {
    /// When the answer was sent.
    pub time: Timestamp,
    /// Status of the response, 0 when the client went before there was one.
    pub status: i64,
}

/// Adds what a line says; `None` when it is none of CloudFront, and then nothing is added.
pub fn parse<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<CloudFrontLine> {
    // 2019-12-04<tab>21:02:31<tab>
    let mut moment = *b"0000-00-00T00:00:00Z";
    let (head, fields) = line.split_at_checked(HEAD_BYTES).filter(|(head, _)| is_head(head))?;
    moment.get_mut(..19)?.copy_from_slice(head.get(..19)?);
    *moment.get_mut(10)? = b'T';
    let time = parse_rfc3339(&moment)?;
    let fields = fields.trim_ascii_end();
    let is_field = |at: usize| fields.split(|byte| *byte == b'\t').nth(at);
    let status = decimal(is_field(LEAST_FIELDS - 1)?).filter(|status| *status <= 999)?;

    let mut rest = Some(fields);
    for name in FIELDS {
        let Some(text) = rest else { break };
        let (field, behind) = match memchr::memchr(b'\t', text) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)),
            None => (text, None),
        };
        rest = behind;
        match name {
            "status" => found.push(name, FoundValue::Int(status)),
            "bytes" | "received_bytes" => match decimal(field) {
                Some(size) => found.push(name, FoundValue::Int(size)),
                None => found.push_text(name, field),
            },
            "duration_ms" => match micros(field) {
                Some(micros) => found.push(name, FoundValue::Float(millis(micros))),
                None => found.push_text(name, field),
            },
            _ => found.push_text(name, field),
        }
    }
    found.push_text("unknown_fields", rest.unwrap_or_default());
    Some(CloudFrontLine { time, status })
}

/// Whether a line begins with a date, a time and the tabs behind them, whatever the digits say.
pub(super) fn is_head(line: &[u8]) -> bool {
    [10, 19].iter().all(|at| line.get(*at) == Some(&b'\t'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\t-\tMozilla/5.0%20(Windows%20NT)\ta=1\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\twww.example.com\thttps\t23\t0.001\t-\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.001\tHit\ttext/html\t78\t-\t-";

    #[test]
    fn every_field_is_named_and_more_are_kept() {
        let line = format!("{LINE}\tnew\tnewer\n");
        let mut found = FoundFields::default();
        let parsed = parse(line.as_bytes(), &mut found).unwrap();
        assert_eq!(parsed.time, Timestamp { seconds: 1_575_493_351, nanoseconds: 0 });
        for (name, expected) in [
            ("remote_addr", FoundValue::Text(b"192.0.2.100")),
            ("host", FoundValue::Text(b"www.example.com")),
            ("path", FoundValue::Text(b"/index.html")),
            ("query", FoundValue::Text(b"a=1")),
            ("status", FoundValue::Int(200)),
            ("bytes", FoundValue::Int(392)),
            ("duration_ms", FoundValue::Float(1.0)),
            ("protocol", FoundValue::Text(b"HTTP/2.0")),
            ("client_port", FoundValue::Text(b"11040")),
            ("content_length", FoundValue::Text(b"78")),
            ("unknown_fields", FoundValue::Text(b"new\tnewer")),
        ] {
            assert_eq!(found.get(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn other_lines_with_tabs_are_refused() {
        for line in ["", "#Version: 1.0", "2019-12-04\t21:02:31\tx", "2019-13-04\t21:02:31\ta\t1\tb\tc\td\te\t200"] {
            assert_eq!(parse(line.as_bytes(), &mut FoundFields::default()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_line_is_taken_or_refused(at in 0_usize..400, byte in any::<u8>()) {
            let mut line = LINE.as_bytes().to_vec();
            let at = at.min(line.len());
            let _ = parse(line.get(..at).unwrap(), &mut FoundFields::default());
            line.insert(at, byte);
            let _ = parse(&line, &mut FoundFields::default());
        }
    }
}
