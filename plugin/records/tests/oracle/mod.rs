//! What the oracles share: the sample lines, records that a parser found as a map, and changed lines.
//!
//! An oracle is a straight implementation, most often the regular expression that the format's own documentation gives. It
//! knows what is written to the letter; the parsers are tolerant. So what an oracle takes a parser must take with the same
//! fields, and what a parser takes beyond that is named in each test.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; none uses all of this"
)]

use proptest::prelude::*;
use regex::bytes::{Captures, Regex};
use shiwake_records::append::{FoundFields, FoundValue};
use std::collections::BTreeMap;
use std::path::Path;

/// Fields by their names, all as text.
pub(crate) type Fields = BTreeMap<String, String>;

/// The lines of a file of `tests/data`. Of a JSON record the text under `log`.
pub(crate) fn lines(file: &str) -> Vec<Vec<u8>> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data")).join(file);
    let bytes = std::fs::read(path).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let inner = |line: &[u8]| match serde_json::from_slice::<serde_json::Value>(line) {
        Ok(record) => record["log"].as_str().map_or(line.to_vec(), |log| log.as_bytes().to_vec()),
        Err(_) => line.to_vec(),
    };
    lines.map(inner).collect()
}

/// What was found, as text.
pub(crate) fn fields(found: &FoundFields<'_>) -> Fields {
    let text = |value: &FoundValue<'_>| match value {
        FoundValue::Text(text) => show(text),
        FoundValue::Int(int) => int.to_string(),
        FoundValue::Float(float) => float.to_string(),
        FoundValue::Bool(flag) => flag.to_string(),
        FoundValue::Object(_) | FoundValue::Map(..) => "object".to_owned(),
    };
    found.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
}

/// Bytes as text, one way for all.
pub(crate) fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A regular expression over bytes, in which `.` is any byte.
pub(crate) fn pattern(text: &str) -> Regex {
    regex::bytes::RegexBuilder::new(text).unicode(false).dot_matches_new_line(true).build().unwrap()
}

/// A group as text, empty when it took no part.
pub(crate) fn group(captures: &Captures<'_>, name: &str) -> String {
    captures.name(name).map_or(String::new(), |found| show(found.as_bytes()))
}

/// Puts in a field as the parsers do: not when it is empty or a dash.
pub(crate) fn put(fields: &mut Fields, name: &str, text: impl Into<String>) {
    let text = text.into();
    if !text.is_empty() && text != "-" {
        fields.insert(name.to_owned(), text);
    }
}

/// Method, target and protocol of a request, and the target's parts.
pub(crate) fn put_request(fields: &mut Fields, request: &str) {
    let parts = pattern("^(?P<method>[A-Z]+) (?P<path>[^?]*?)(?:[?](?P<query>.*))? (?P<protocol>HTTP/[^ ]*)$");
    if let Some(captures) = parts.captures(request.as_bytes()) {
        for name in ["method", "path", "query", "protocol"] {
            put(fields, name, group(&captures, name));
        }
    }
}

/// Lines as they are, cut, with other bytes in them, or with a part twice.
pub(crate) fn changed(lines: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\"", "\\", " ", "[", "]", "-", ":", "\t", "/", "=", "(", ")", "'", "0", "7", "a", "é", "\n", ",", "?"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..3),
    ];
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece, 0..5_u8);
    (prop::sample::select(lines), proptest::collection::vec(change, 0..3)).prop_map(|(mut line, changes)| {
        for (from, to, piece, kind) in changes {
            let from = from.index(line.len() + 1);
            let to = (from + to.index(20)).min(line.len());
            match kind {
                0 => line.truncate(from),
                1 => drop(line.splice(from..from, piece)),
                2 => drop(line.splice(from..to, piece)),
                3 => {
                    let part = line[from..to].to_vec();
                    drop(line.splice(from..from, part));
                }
                _ => {}
            }
        }
        line
    })
}

/// Seconds since 1970, counted day by day.
pub(crate) fn seconds_of(date: (i64, i64, i64), clock: (i64, i64, i64), zone_minutes: i64) -> Option<i64> {
    let (year, month, day) = date;
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = |year| [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths(year).get(usize::try_from(month - 1).ok()?)?;
    if !(1970..3000).contains(&year) || !(1..=length).contains(&day) || clock.0 > 23 || clock.1 > 59 || clock.2 > 59 {
        return None;
    }
    let years: i64 = (1970..year).map(|year| lengths(year).iter().sum::<i64>()).sum();
    let months: i64 = lengths(year).iter().take(usize::try_from(month - 1).ok()?).sum();
    let days = years + months + day - 1;
    Some(((days * 24 + clock.0) * 60 + clock.1 - zone_minutes) * 60 + clock.2)
}
