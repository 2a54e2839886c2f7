//! Lines of VPC flow logs in the default format.
//!
//! Format: fourteen fields with spaces between them, version 2:
//! <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>. Formats of the user's own have no mark by which
//! they could be told from other lines, so they are left alone. A window without traffic has dashes.

use super::words::{decimal, split_at_byte};
use crate::append::{FoundFields, FoundValue};
use crate::event::Timestamp;

/// The fields behind the version, in their order. Those that access lines have too get their names.
const FIELDS: [&str; 13] = [
    "aws_account",
    "interface_id",
    "remote_addr",
    "server_addr",
    "client_port",
    "server_port",
    "protocol",
    "packets",
    "bytes",
    "flow_start",
    "flow_end",
    "action",
    "log_status",
];

/// What the last field may be.
pub(super) const STATUSES: [&[u8]; 3] = [b"OK", b"NODATA", b"SKIPDATA"];

/// Adds what a line says and answers when its window ended; `None` when it is no such line, and then nothing is added.
pub fn parse<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<Timestamp> {
    let mut rest = line.strip_prefix(b"2 ")?.trim_ascii_end();
    let mut fields = [&b""[..]; FIELDS.len()];
    for field in &mut fields {
        (*field, rest) = split_at_byte(rest, b' ').unwrap_or((rest, b""));
    }
    let [account, interface, .., start, end, action, status] = fields;
    let is_account = account == b"unknown" || (account.len() == 12 && decimal(account).is_some());
    let is_action = matches!(action, b"ACCEPT" | b"REJECT" | b"-");
    let is_status = STATUSES.contains(&status);
    if !rest.is_empty() || !is_account || !interface.starts_with(b"eni-") || !is_action || !is_status {
        return None;
    }
    let (start, end) = (decimal(start)?, decimal(end)?);
    for (name, field) in FIELDS.into_iter().zip(fields) {
        match (name, decimal(field)) {
            ("packets" | "bytes" | "flow_start" | "flow_end", Some(number)) => {
                found.push(name, FoundValue::Int(number))
            }
            _ => found.push_text_if_new(name, field),
        }
    }
    if let Some(window_ms) = end.checked_sub(start).and_then(|seconds| seconds.checked_mul(1_000)) {
        found.push("duration_ms", FoundValue::Int(window_ms));
    }
    Some(Timestamp { seconds: end, nanoseconds: 0 })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const LINE: &str = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";

    #[test]
    fn every_field_is_named() {
        let mut found = FoundFields::default();
        assert_eq!(parse(LINE.as_bytes(), &mut found).unwrap().seconds, 1_418_530_070);
        for (name, expected) in [
            ("aws_account", FoundValue::Text(b"123456789010")),
            ("remote_addr", FoundValue::Text(b"172.31.16.139")),
            ("server_addr", FoundValue::Text(b"172.31.16.21")),
            ("server_port", FoundValue::Text(b"22")),
            ("protocol", FoundValue::Text(b"6")),
            ("bytes", FoundValue::Int(4_249)),
            ("duration_ms", FoundValue::Int(60_000)),
            ("action", FoundValue::Text(b"ACCEPT")),
        ] {
            assert_eq!(found.get(name), Some(expected), "{name}");
        }
        let empty = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA";
        let mut found = FoundFields::default();
        assert!(parse(empty.as_bytes(), &mut found).is_some());
        assert_eq!(found.get("remote_addr"), None);
    }

    #[test]
    fn other_lines_are_refused_and_add_nothing() {
        for line in
            ["", "2 ", "2 files copied", "3 123456789010 eni-1 x", &format!("{LINE} more"), &LINE[..LINE.len() - 3]]
        {
            let mut found = FoundFields::default();
            assert_eq!(parse(line.as_bytes(), &mut found), None, "{line}");
            assert_eq!(found.iter().count(), 0, "{line}");
        }
    }
}
