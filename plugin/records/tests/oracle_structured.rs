//! JSON and logfmt lines, and what is lifted out of them, against serde_json and a pattern.
//!
//! serde_json rounds numbers that stay text here and keeps the last of equal names; both are left out of the comparison. The
//! pattern of logfmt is the grammar of <https://brandur.org/logfmt>; the parser wants two pairs and one known key, and stops
//! where a word stands without a value.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod oracle;

use oracle::*;
use proptest::prelude::*;
use serde_json::{Map, Value as Json};
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::Timestamp;
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::logfmt::{self, Extent, KNOWN_KEYS};
use shiwake_records::msgpack::{Reader, Value, json, write};
use shiwake_records::sorter::Sorter;

/// A record with the line under `log`, sorted, as JSON, and its time.
fn sorted(line: &[u8]) -> (Map<String, Json>, Timestamp) {
    let (mut event, mut out) = (vec![0x92], Vec::new());
    write::event_time(&mut event, 7, 0);
    write::map_header(&mut event, 1);
    write::str(&mut event, b"log");
    write::str(&mut event, line);
    Sorter::default().sort_chunk(&event, Timestamp::default(), &mut out);
    let Some(Item::Event(event)) = Chunk::new(&out).next() else { unreachable!("one record") };
    let mut text = String::new();
    json::write(&mut text, &Value::Map(event.body)).unwrap();
    (serde_json::from_str(&text).unwrap(), event.time)
}

fn json_lines() -> Vec<Vec<u8>> {
    ["formats/json.ndjson", "formats/audit.ndjson", "deep_nested_nginxplus_status.ndjson"]
        .into_iter()
        .flat_map(lines)
        .collect()
}

/// Whether serde_json and the parser mean the same by all that is in it: up to 15 digits serde_json's number is the nearest one.
fn is_exact(line: &[u8]) -> bool {
    let text = show(line);
    let numbers = pattern(r"[0-9](?:[.]?[0-9]){15}|[0-9][eE]|[.][0-9]*0[,}\]\s]|-0");
    !numbers.is_match(line) && !text.contains("\\ud") && !text.contains("\\uD") && std::str::from_utf8(line).is_ok()
}

/// Whether a name comes twice at the top.
fn has_twice(line: &[u8], object: &Map<String, Json>) -> bool {
    let mut fields = LineFields::default();
    shiwake_records::line::json::JsonScanner::default().scan(line, &mut fields) && fields.count() != object.len()
}

/// Every field of the line is in the record with its value.
fn assert_holds(record: &Map<String, Json>, object: &Map<String, Json>, line: &[u8]) {
    for (name, value) in object {
        assert_eq!(record.get(name), Some(value), "{name}: {}", show(line));
    }
}

#[test]
fn json_lines_are_what_serde_json_says() {
    let mut compared = 0;
    for line in json_lines() {
        let Ok(object) = serde_json::from_slice::<Map<String, Json>>(&line) else { continue };
        if object.is_empty() || !is_exact(&line) || has_twice(&line, &object) {
            continue;
        }
        let (record, _) = sorted(&line);
        assert_holds(&record, &object, &line);
        assert!(!record.contains_key("log") || object.contains_key("log"), "the line gave way");
        compared += 1;
    }
    assert!(compared >= 28, "{compared}");
}

/// Who did what, straight from the tree.
#[test]
fn audit_events_say_what_their_trees_say() {
    for line in lines("formats/audit.ndjson") {
        let event: Json = serde_json::from_slice(&line).unwrap();
        let (record, time) = sorted(&line);
        let text = |pointer: &str| event.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty());
        let is_kubernetes = event.get("auditID").is_some();
        let actor = ["/userIdentity/arn", "/userIdentity/userName", "/user/username"].into_iter().find_map(text);
        assert_eq!(record.get("actor").and_then(Json::as_str), actor);
        let path = ["namespace", "resource", "name", "subresource"]
            .into_iter()
            .filter_map(|part| text(&format!("/objectRef/{part}")));
        let path = path.collect::<Vec<_>>().join("/");
        let resource = [
            Some(path.as_str()).filter(|path| !path.is_empty()),
            text("/requestParameters/instancesSet/items/0/instanceId"),
            text("/requestParameters/bucketName"),
            text("/requestParameters/name"),
        ];
        assert_eq!(record.get("resource").and_then(Json::as_str), resource.into_iter().flatten().next());
        let failed = text("/errorCode").is_some()
            || text("/errorMessage").is_some()
            || text("/responseElements/ConsoleLogin") == Some("Failure");
        let outcome = match event.pointer("/responseStatus/code").and_then(Json::as_i64) {
            Some(code) => Some(if code < 400 { "success" } else { "failure" }),
            None if is_kubernetes => None,
            None => Some(if failed { "failure" } else { "success" }),
        };
        assert_eq!(record.get("outcome").and_then(Json::as_str), outcome);
        assert_eq!(record["log_type"], "audit");
        let moment = text("/eventTime").or(text("/stageTimestamp")).unwrap();
        let number = |from: usize, to: usize| moment[from..to].parse::<i64>().unwrap();
        let seconds = seconds_of(
            (number(0, 4), number(5, 7), number(8, 10)),
            (number(11, 13), number(14, 16), number(17, 19)),
            0,
        );
        assert_eq!(Some(time.seconds), seconds);
    }
}

/// The pairs at the beginning of a line, and whether they are all of it.
fn logfmt_oracle(line: &str) -> Option<(Vec<(String, String)>, bool)> {
    let pair = regex::Regex::new(r#"^([A-Za-z_@][^\x00-\x20="(\[{,]{0,126})=(?:"((?:[^"\\]|(?s:\\.))*)"|([^\x00-\x20"][^\x00-\x20]*|))(?:[ \t]|$)"#).unwrap();
    let key = regex::Regex::new(r#"^[A-Za-z_@][^\x00-\x20="(\[{,]{0,126}="#).unwrap();
    let mut rest = line.trim_ascii_end();
    let mut pairs: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let Some(captures) = pair.captures(rest) else { break };
        let behind = rest[captures[0].len()..].trim_ascii_start();
        let is_bare = captures.get(3).is_some();
        // A value without quotes may go on in the next word.
        if is_bare && !behind.is_empty() && !key.is_match(behind) {
            break;
        }
        let value = match captures.get(2) {
            Some(raw) => serde_json::from_str::<String>(&format!(
                "\"{}\"",
                raw.as_str().replace('\n', "\\n").replace('\t', "\\t")
            ))
            .unwrap_or_else(|_| raw.as_str().to_owned()),
            None => captures[3].to_owned(),
        };
        pairs.push((captures[1].to_owned(), value));
        rest = behind;
    }
    let is_known = pairs.iter().any(|(key, _)| KNOWN_KEYS.contains(&key.as_bytes()));
    (pairs.len() >= 2 && is_known).then_some((pairs, rest.is_empty()))
}

fn logfmt_parsed(line: &str) -> Option<(Vec<(String, String)>, bool)> {
    let mut fields = LineFields::default();
    let extent = logfmt::scan(line.as_bytes(), &mut fields)?;
    let mut reader = Reader::new(fields.bytes());
    let mut text = || show(reader.value().unwrap().as_str_bytes().unwrap());
    Some(((0..fields.count()).map(|_| (text(), text())).collect(), extent == Extent::Whole))
}

fn logfmt_lines() -> Vec<Vec<u8>> {
    ["formats/logfmt.log", "formats/web_framework.log", "formats/logger.log"].into_iter().flat_map(lines).collect()
}

#[test]
fn logfmt_lines_are_what_the_pattern_says() {
    let mut taken = 0;
    for line in logfmt_lines() {
        let line = show(&line);
        let expected = logfmt_oracle(&line);
        taken += usize::from(expected.is_some());
        assert_eq!(logfmt_parsed(&line), expected, "{line}");
    }
    assert!(taken >= 7, "{taken}");
}

proptest! {
    #[test]
    fn changed_json_lines_are_what_serde_json_says(line in changed(json_lines())) {
        let object = serde_json::from_slice::<Map<String, Json>>(&line).ok().filter(|object| !object.is_empty());
        let (record, _) = sorted(&line);
        match object {
            Some(object) if is_exact(&line) && !has_twice(&line, &object) => {
                // Names of what is found give way to the line's own.
                for (name, value) in &object {
                    prop_assert_eq!(record.get(name), Some(value), "{}: {}", name, show(&line));
                }
            }
            Some(_) => {}
            None if std::str::from_utf8(&line).is_ok() && is_exact(&line) => {
                let kept = record.get("log").and_then(Json::as_str);
                let text = show(&line);
                prop_assert_eq!(kept, Some(text.as_str()));
            }
            None => {}
        }
    }

    #[test]
    fn changed_logfmt_lines_are_what_the_pattern_says(line in changed(logfmt_lines())) {
        // The parser takes escapes of any bytes; the oracle asks serde_json, which wants text.
        let Ok(line) = String::from_utf8(line) else { return Ok(()) };
        prop_assume!(!line.contains("\\u") && line.bytes().all(|byte| byte >= b' ' || byte == b'\t' || byte == b'\n'));
        prop_assert_eq!(logfmt_parsed(&line), logfmt_oracle(&line), "{}", line);
    }
}
