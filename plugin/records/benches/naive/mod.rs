//! The same work as most people would write it: decode into trees, of rmpv or by rmp-serde of serde_json, parse JSON with serde_json,
//! take lines apart with regular expressions one after another, push what was found, encode again.

mod trees;

use regex::bytes::Regex;
use serde::Deserialize;
use trees::Tree;

/// A record as rmp-serde reads it and writes it.
pub(crate) type JsonRecord = serde_json::Map<String, serde_json::Value>;
/// A record of rmpv.
pub(crate) type RmpvRecord = Vec<(rmpv::Value, rmpv::Value)>;

/// Bytes before an event's record: an array's header and a time of Fluent Bit's.
const HEAD_BYTES: usize = 11;

/// Names a record's type may be told by, and its lines.
pub(crate) struct Naive {
    access: Regex,
    syslog: Regex,
    logger: Regex,
    error: Regex,
    /// More patterns, which are all tried.
    patterns: Vec<Regex>,
}

const ACCESS: &str = concat!(
    r#"^(?<remote_addr>\S+) \S+ (?<remote_user>\S+) \[(?<time>[^\]]+)\] "#,
    r#""(?<method>[A-Z]+) (?<path>\S+) (?<protocol>[^"]*)" (?<status>\d{3}) (?<bytes>\d+|-)"#,
    r#"(?: "(?<referer>[^"]*)" "(?<user_agent>[^"]*)")?"#
);
const SYSLOG: &str = concat!(
    r"^(?:<(?<priority>\d{1,3})>)?(?<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?<hostname>\S+) ",
    r"(?<program>[^\[:\s]+)(?:\[(?<pid>\d+)\])?: (?<text>.*)"
);
const LOGGER: &str = r"^\[?(?<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[,.]\d+Z?)\]? +(?<level>[A-Z]+) (?<text>.*)";
const ERROR: &str = r"(?i)\b(?:error|exception|fatal|panic)\b";

impl Naive {
    /// One that tries these patterns too.
    pub(crate) fn new(patterns: &[String]) -> Self {
        Self {
            access: Regex::new(ACCESS).unwrap(),
            syslog: Regex::new(SYSLOG).unwrap(),
            logger: Regex::new(LOGGER).unwrap(),
            error: Regex::new(ERROR).unwrap(),
            patterns: patterns.iter().map(|pattern| Regex::new(pattern).unwrap()).collect(),
        }
    }

    /// Appends the chunk's records, read by rmpv, with their type and what their lines say; gives the number of records.
    pub(crate) fn sort_rmpv(&self, mut chunk: &[u8], out: &mut Vec<u8>) -> usize {
        let mut records = 0;
        while !chunk.is_empty() {
            let mut event = rmpv::decode::read_value(&mut chunk).unwrap();
            if let rmpv::Value::Array(parts) = &mut event
                && let Some(rmpv::Value::Map(record)) = parts.get_mut(1)
            {
                self.enrich(record);
            }
            rmpv::encode::write_value(out, &event).unwrap();
            records += 1;
        }
        records
    }

    /// The same with rmp-serde.
    pub(crate) fn sort_rmp_serde(&self, chunk: &[u8], out: &mut Vec<u8>) -> usize {
        through_rmp_serde(chunk, out, |record| self.enrich(record))
    }

    fn enrich<T: Tree>(&self, record: &mut T) {
        let has = |name: &str| record.find(name).is_some();
        let line =
            record.find("log").or_else(|| record.find("message")).and_then(T::text_of).unwrap_or_default().to_vec();
        let mut found: Vec<(String, T::Value)> = Vec::new();
        let mut push = |name: &str, value: T::Value| found.push((name.to_owned(), value));
        if self.patterns.iter().any(|pattern| pattern.is_match(&line)) {
            push("log_type", "activity".into());
        } else if let Some(log_type) = record.find("log_type") {
            push("log_type", log_type.clone());
        } else if has("status") {
            push("log_type", "access".into());
        } else if has("error_kind") || has("error_stack") {
            push("log_type", "error".into());
        } else if line.first() == Some(&b'{') {
            if let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(&line) {
                object.into_iter().for_each(|(key, value)| push(&key, T::of_json(value)));
            }
            push("log_type", "app".into());
        } else {
            let forms = [(&self.access, "access"), (&self.syslog, "audit"), (&self.logger, "app")];
            let read = forms.into_iter().find_map(|(form, name)| Some((form, form.captures(&line)?, name)));
            if let Some((form, captures, _)) = &read {
                for name in form.capture_names().flatten() {
                    let Some(group) = captures.name(name) else { continue };
                    let text = String::from_utf8_lossy(group.as_bytes());
                    push(name, text.parse::<i64>().map_or_else(|_| text.as_ref().into(), Into::into));
                }
            }
            let name = if self.error.is_match(&line) { "error" } else { read.map_or("app", |(_, _, name)| name) };
            push("log_type", name.into());
        }
        let level = record.find("level").and_then(T::text_of).unwrap_or(b"info");
        push("severity", String::from_utf8_lossy(level).as_ref().into());
        for (name, value) in [("service", "shop"), ("env", "prod"), ("version", "4.11.2"), ("ddsource", "java")] {
            push(name, value.into());
        }
        found.into_iter().for_each(|(name, value)| record.add(name, value));
    }
}

/// Reads each record of a chunk into a tree of serde_json, lets it be changed, and appends it; gives the number of records.
pub(crate) fn through_rmp_serde(mut chunk: &[u8], out: &mut Vec<u8>, mut change: impl FnMut(&mut JsonRecord)) -> usize {
    let mut records = 0;
    while let Some((head, rest)) = chunk.split_at_checked(HEAD_BYTES) {
        chunk = rest;
        let mut record = JsonRecord::deserialize(&mut rmp_serde::Deserializer::new(&mut chunk)).unwrap();
        change(&mut record);
        out.extend_from_slice(head);
        rmp_serde::encode::write(out, &record).unwrap();
        records += 1;
    }
    records
}
