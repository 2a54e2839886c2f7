//! The same work as most people would write it: decode into trees of rmpv, parse JSON with serde_json, take lines apart with
//! regular expressions one after another, push what was found, encode again.

use regex::bytes::Regex;
use rmpv::Value;

/// Names a record's type may be told by, and its lines.
pub(crate) struct Naive {
    access: Regex,
    syslog: Regex,
    logger: Regex,
    error: Regex,
    /// More patterns, which are all tried.
    patterns: Vec<Regex>,
}

const ACCESS: &str = r#"^(?<remote_addr>\S+) \S+ (?<remote_user>\S+) \[(?<time>[^\]]+)\] "(?<method>[A-Z]+) (?<path>\S+) (?<protocol>[^"]*)" (?<status>\d{3}) (?<bytes>\d+|-)(?: "(?<referer>[^"]*)" "(?<user_agent>[^"]*)")?"#;
const SYSLOG: &str = r"^(?:<(?<priority>\d{1,3})>)?(?<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?<hostname>\S+) (?<program>[^\[:\s]+)(?:\[(?<pid>\d+)\])?: (?<text>.*)";
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

    /// Appends the chunk's records with their type and what their lines say; gives the number of records.
    pub(crate) fn sort_chunk(&self, mut chunk: &[u8], out: &mut Vec<u8>) -> usize {
        let mut records = 0;
        while !chunk.is_empty() {
            let mut event = rmpv::decode::read_value(&mut chunk).unwrap();
            if let Value::Array(parts) = &mut event
                && let Some(Value::Map(record)) = parts.get_mut(1)
            {
                self.enrich(record);
            }
            rmpv::encode::write_value(out, &event).unwrap();
            records += 1;
        }
        records
    }

    fn enrich(&self, record: &mut Vec<(Value, Value)>) {
        let find = |name: &str| record.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
        let has = |name: &str| find(name).is_some();
        let line = find("log").or_else(|| find("message")).and_then(text_of).unwrap_or_default().to_vec();
        let mut found: Vec<(Value, Value)> = Vec::new();
        if self.patterns.iter().any(|pattern| pattern.is_match(&line)) {
            found.push(("log_type".into(), "activity".into()));
        } else if let Some(log_type) = find("log_type") {
            found.push(("log_type".into(), log_type.clone()));
        } else if has("status") {
            found.push(("log_type".into(), "access".into()));
        } else if has("error_kind") || has("error_stack") {
            found.push(("log_type".into(), "error".into()));
        } else if line.first() == Some(&b'{') {
            found.extend(json_fields(&line));
            found.push(("log_type".into(), "app".into()));
        } else {
            let forms = [(&self.access, "access"), (&self.syslog, "audit"), (&self.logger, "app")];
            let read = forms.into_iter().find_map(|(form, name)| Some((form, form.captures(&line)?, name)));
            if let Some((form, captures, _)) = &read {
                for name in form.capture_names().flatten() {
                    let Some(group) = captures.name(name) else { continue };
                    let text = String::from_utf8_lossy(group.as_bytes());
                    found.push((name.into(), text.parse::<i64>().map_or_else(|_| text.as_ref().into(), Value::from)));
                }
            }
            let name = if self.error.is_match(&line) { "error" } else { read.map_or("app", |(_, _, name)| name) };
            found.push(("log_type".into(), name.into()));
        }
        let level = find("level").and_then(Value::as_str).unwrap_or("info").to_owned();
        found.push(("severity".into(), level.into()));
        for (name, value) in [("service", "shop"), ("env", "prod"), ("version", "4.11.2"), ("ddsource", "java")] {
            found.push((name.into(), value.into()));
        }
        found.retain(|(name, _)| !record.iter().any(|(key, _)| key == name));
        record.extend(found);
    }
}

/// The fields of a line of JSON.
fn json_fields(line: &[u8]) -> Vec<(Value, Value)> {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(line) else { return Vec::new() };
    object.into_iter().map(|(key, value)| (key.into(), of_json(value))).collect()
}

fn of_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => flag.into(),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().unwrap_or_default().into(), Value::from)
        }
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => Value::Array(items.into_iter().map(of_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(key, value)| (key.into(), of_json(value))).collect())
        }
    }
}

/// Text, also when it is no UTF-8.
fn text_of(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) => Some(text.as_bytes()),
        _ => None,
    }
}
