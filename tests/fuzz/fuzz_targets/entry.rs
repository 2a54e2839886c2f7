//! Records as entries of Datadog's logs API: each is one JSON object that serde_json takes, no name is there twice, none is too long,
//! and every field of the record is there with its value, under its name or one that Datadog has for it.
//!
//! The first byte picks what entries are like; the rest are events, for one writer one after another, as it remembers names and
//! tags.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Number, Value as Json};
use shiwake_delivery::config::datadog::EntryOptions;
use shiwake_delivery::datadog::entry::{EntryWriter, MAX_ENTRY_BYTES, Written};
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::{Event, EventKind};
use shiwake_records::fields::FieldIndex;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::{Composite, Reader, Value};
use std::collections::BTreeMap;

/// An object of which no name is there twice.
struct Entry(BTreeMap<String, Json>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Entry;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let mut entry = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    assert!(!entry.contains_key(&name), "{name} twice");
                    entry.insert(name, value);
                }
                Ok(Entry(entry))
            }
        }
        source.deserialize_map(Once)
    }
}

/// A value as JSON; `None` for what JSON has no word for.
fn json_of(value: &Value<'_>, depth: usize) -> Option<Json> {
    let items = |items: &Composite<'_>, values: u64| {
        let mut reader = Reader::new(items.content);
        (0..values).map(|_| json_of(&reader.value().expect("an item"), depth + 1)).collect::<Option<Vec<Json>>>()
    };
    Some(match value {
        Value::Nil => Json::Null,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) => Json::from(*number),
        Value::UInt(number) => Json::from(*number),
        Value::F64(float) => Json::Number(Number::from_f64(*float)?),
        Value::Str(_) => Json::String(value.as_str()?.to_owned()),
        Value::Array(array) if depth < 60 => Json::Array(items(array, u64::from(array.count))?),
        Value::Map(map) if depth < 60 => {
            let pairs = items(map, u64::from(map.count) * 2)?;
            let names: Option<Vec<String>> =
                pairs.iter().step_by(2).map(|name| Some(name.as_str()?.to_owned())).collect();
            let mut names = names?.into_iter();
            let object: serde_json::Map<String, Json> =
                pairs.iter().skip(1).step_by(2).map(|value| (names.next().expect("a name"), value.clone())).collect();
            // Of two that are equal serde_json keeps one.
            (object.len() * 2 == pairs.len()).then_some(Json::Object(object))?
        }
        _ => return None,
    })
}

/// Whether two values are equal, but for the last bit of a float, as which serde_json may read another.
fn is_equal(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Number(found), Json::Number(expected)) => match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => (found - expected).abs() <= expected.abs() * 1e-15,
            _ => false,
        },
        (Json::Array(found), Json::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| is_equal(found, expected))
        }
        (Json::Object(found), Json::Object(expected)) => {
            let has = |(name, value): (&String, &Json)| found.get(name).is_some_and(|found| is_equal(found, value));
            found.len() == expected.len() && expected.iter().all(has)
        }
        _ => found == expected,
    }
}

/// Names under which a field may be found, beside its own and its own with a number.
fn others(name: &str, options: &EntryOptions) -> &'static [&'static str] {
    match name {
        "log" | "message" | "msg" => &["message"],
        "severity" => &["status"],
        "status" => &["http.status_code"],
        "host" => &["http.url_details.host"],
        _ if options.message_key.as_deref() == Some(name) => &["message"],
        _ => &[],
    }
}

/// Fields that are not there when a tag says what they say.
const TAGGED: [&str; 17] = [
    "cluster_name",
    "task_arn",
    "task_id",
    "task_family",
    "task_version",
    "region",
    "aws_account",
    "availability_zone",
    "ecs_service",
    "container_id",
    "ecs_container_name",
    "image_name",
    "image_tag",
    "ecs_cluster",
    "ecs_task_arn",
    "ecs_task_definition",
    "container_name",
];

fn check(event: &Event<'_>, entry: &BTreeMap<String, Json>, options: &EntryOptions) {
    let mut reader = Reader::new(event.body.content);
    for _ in 0..event.body.count {
        let (key, value) = (reader.value().expect("a key"), reader.value().expect("a value"));
        let (Some(name), Some(expected)) = (key.as_str(), json_of(&value, 0)) else { continue };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_its = |found: &str| {
            let numbered = |base: &str| {
                let rest = found.strip_prefix(base).and_then(|rest| rest.strip_prefix('_'));
                found == base || rest.is_some_and(|rest| rest.split('_').all(digits))
            };
            numbered(name) || others(name, options).iter().any(|other| numbered(other))
        };
        // The digits of a status are a number.
        let is_code =
            |found: &Json| name == "status" && expected.as_str().is_some_and(|text| found.to_string() == text);
        let is_same = |found: &Json| is_equal(found, &expected) || is_code(found);
        let is_there = entry.iter().any(|(found, value)| is_its(found) && is_same(value));
        // A severity is there in Datadog's word.
        let is_said = name == "severity" && entry.contains_key("status")
            || TAGGED.contains(&name) && entry.contains_key("ddtags");
        assert!(is_there || is_said, "{name} is not in {entry:?}");
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, chunk)) = input.split_first() else { return };
    let options = EntryOptions {
        date_key: if choice & 1 == 0 { "timestamp" } else { "date" }.to_owned(),
        tag_key: (choice & 2 != 0).then(|| "tagkey".to_owned()),
        message_key: (choice & 4 != 0).then(|| "text".to_owned()),
    };
    let log_type = if choice & 8 == 0 { LogType::App } else { LogType::Access };
    let mut writer = EntryWriter::new(options.clone());
    let mut index = FieldIndex::default();
    let mut out = Vec::new();
    for item in Chunk::new(chunk) {
        let Item::Event(event) = item else { continue };
        if event.kind != EventKind::Record {
            continue;
        }
        out.clear();
        index.fill(&event.body);
        let written = writer.write(&mut out, &event, &index, Some(log_type), "a tag").expect("a whole record");
        assert!(out.len() <= MAX_ENTRY_BYTES);
        // serde_json goes 127 values deep.
        let Ok(Entry(entry)) = serde_json::from_slice::<Entry>(&out) else {
            panic!("no JSON: {}", String::from_utf8_lossy(&out))
        };
        assert!(entry.contains_key(&options.date_key));
        if written == Written::Whole {
            check(&event, &entry, &options);
        }
    }
});
