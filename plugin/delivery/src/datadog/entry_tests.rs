#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::super::any_entry::{AnyEntry, quoted_within};
use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use shiwake_records::msgpack::Reader;

fn event(fields: Vec<(rmpv::Value, rmpv::Value)>, seconds: u32, nanoseconds: u32) -> Vec<u8> {
    let time = [seconds.to_be_bytes(), nanoseconds.to_be_bytes()].concat();
    let event = rmpv::Value::Array(vec![rmpv::Value::Ext(0, time), rmpv::Value::Map(fields)]);
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &event).unwrap();
    bytes
}

fn write(bytes: &[u8], options: EntryOptions, log_type: LogType) -> (String, Written) {
    let mut out = b"before".to_vec();
    let mut index = FieldIndex::default();
    let event = Event::read_indexed(&mut Reader::new(bytes), &mut index).unwrap();
    let mut writer = EntryWriter::new(options.clone());
    let written = writer.write(&mut out, &event, &index, Some(log_type), "app.tag").unwrap();
    let text = String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned();
    if bytes.len() < 10_000 {
        let mut by_long_way = String::new();
        AnyEntry::new(options).write(&mut by_long_way, &event, Some(log_type), "app.tag").unwrap();
        assert_eq!(text, by_long_way);
    }
    (text, written)
}

/// The entry of a record with these fields, as another parser reads it; that no name is there twice is looked at here.
fn entry(fields: &[(&str, rmpv::Value)]) -> Json {
    entry_of(LogType::App, fields)
}

fn entry_of(log_type: LogType, fields: &[(&str, rmpv::Value)]) -> Json {
    let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    let (text, written) = write(&event(fields, 1_700_000_000, 123_500_000), EntryOptions::default(), log_type);
    assert_eq!(written, Written::Whole);
    assert_no_double(&text);
    serde_json::from_str(&text).unwrap()
}

fn assert_no_double(text: &str) {
    struct Names;
    impl<'de> serde::de::Visitor<'de> for Names {
        type Value = Vec<String>;
        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    let mut names = serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(text), Names).unwrap();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "{text}");
}

#[test]
fn the_line_is_the_message_and_fields_are_attributes_exactly() {
    let found = entry(&[
        ("log", "a \"line\"\n\u{1}é".into()),
        ("service", "shop".into()),
        ("ddsource", "nginx".into()),
        ("hostname", "web-1".into()),
        ("severity", "error".into()),
        ("big", u64::MAX.into()),
        ("small", i64::MIN.into()),
        ("float", 0.1.into()),
        ("short", rmpv::Value::F32(0.1)),
        ("nan", f64::NAN.into()),
        ("none", rmpv::Value::Nil),
        ("nested", rmpv::Value::Map(vec![("a".into(), rmpv::Value::Array(vec![1.into(), true.into()]))])),
        ("bytes", rmpv::Value::Binary(vec![0, 255])),
    ]);
    let expected = json!({
        "timestamp": 1_700_000_000_124_u64, "message": "a \"line\"\n\u{1}é", "service": "shop", "ddsource": "nginx",
        "hostname": "web-1", "status": "error", "big": u64::MAX, "small": i64::MIN, "float": 0.1, "short": 0.1,
        "nan": "NaN", "none": null, "nested": {"a": [1, true]}, "bytes": {"$bin": "AP8="},
    });
    assert_eq!(found, expected);
}

#[test]
fn severities_are_datadogs_words_and_one_it_has_none_for_stays_too() {
    for (severity, status) in
        [("warn", "warn"), ("FATAL", "critical"), ("emergency", "emergency"), ("notice", "notice")]
    {
        assert_eq!(entry(&[("severity", severity.into())])["status"], status);
        assert_eq!(entry(&[("severity", severity.into())]).get("severity"), None);
    }
    let found = entry(&[("severity", "trace".into())]);
    assert_eq!((&found["status"], &found["severity"]), (&json!("debug"), &json!("trace")));
    let found = entry(&[("severity", "purple".into())]);
    assert_eq!((found.get("status"), &found["severity"]), (None, &json!("purple")));
}

#[test]
fn an_http_status_is_not_the_entrys_status() {
    let found = entry_of(
        LogType::Access,
        &[("status", 404.into()), ("host", "shop.example".into()), ("severity", "warn".into())],
    );
    assert_eq!(found["status"], "warn");
    assert_eq!(found["http.status_code"], 404);
    assert_eq!((&found["http.url_details.host"], found.get("host")), (&json!("shop.example"), None));
    // A word is one of Datadog's own attribute, unless the severity says it.
    assert_eq!(entry(&[("status", "ok".into())])["status"], "ok");
    assert_eq!(entry(&[("status", "ok".into()), ("severity", "info".into())])["status_2"], "ok");
}

/// What Datadog makes of an attribute `status`
/// (<https://docs.datadoghq.com/logs/log_configuration/processors/?tab=ui#log-status-remapper>), beside its words in full.
fn datadogs_status(value: &Json) -> &'static str {
    const BY_NUMBER: [&str; 8] = ["emergency", "alert", "critical", "error", "warn", "notice", "info", "debug"];
    if let Some(number) = value.as_u64() {
        return BY_NUMBER.get(usize::try_from(number).unwrap()).copied().unwrap_or("info");
    }
    let word = value.as_str().unwrap_or_default().to_ascii_lowercase();
    match word.chars().next() {
        Some('f') => "emergency",
        Some('e') if word.starts_with("emerg") => "emergency",
        Some('a') => "alert",
        Some('c') => "critical",
        Some('e') => "error",
        Some('w') => "warn",
        Some('n') => "notice",
        Some('i') => "info",
        Some('d' | 't' | 'v') => "debug",
        Some('o' | 's') => "ok",
        _ => "info",
    }
}

#[test]
fn datadog_files_an_entry_under_its_severity() {
    for severity in Severity::ALL {
        let expected = if severity == Severity::Trace { "debug" } else { severity.name() };
        let own_words: [rmpv::Value; 6] =
            [200.into(), "503".into(), "failed".into(), 0.into(), "ok".into(), true.into()];
        for own in own_words {
            let found = entry(&[("status", own.clone()), ("severity", severity.name().into())]);
            assert_eq!(datadogs_status(&found["status"]), expected, "{own}");
        }
    }
}

#[test]
fn a_status_of_the_application_never_becomes_that_of_the_log() {
    // Datadog would make emergencies, alerts and criticals of these.
    for own in ["failed", "active", "cancelled", "finished", "pending", "approved"] {
        let found = entry(&[("status", own.into())]);
        assert_eq!((found.get("status"), &found["status_2"]), (None, &json!(own)));
    }
    for number in [0, 1, 7, 99, 600, -1] {
        let found = entry(&[("status", number.into())]);
        assert_eq!((found.get("status"), &found["status_2"]), (None, &json!(number)));
    }
    for code in [200, 404, 503] {
        for own in [rmpv::Value::from(code), code.to_string().into()] {
            let found = entry(&[("status", own)]);
            assert_eq!((found.get("status"), &found["http.status_code"]), (None, &json!(code)));
        }
    }
    for word in ["error", "WARN", "info", "OK", "success"] {
        assert_eq!(entry(&[("status", word.into())])["status"], word, "a logger's own word");
    }
}

#[test]
fn a_field_that_says_something_else_than_its_tag_stays() {
    let tags = "region:eu-west-1,task_family:shop,task_version:3,container_name:web,cluster_name:prod";
    let said = |fields: &[(&str, &str)]| {
        let all: Vec<_> =
            fields.iter().map(|(name, value)| (*name, (*value).into())).chain([("ddtags", tags.into())]).collect();
        let found = entry(&all);
        fields
            .iter()
            .filter(|(name, _)| found.get(*name).is_none())
            .map(|(name, _)| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let same = [
        ("region", "EU-west-1"),
        ("ecs_task_definition", "arn:aws:ecs:r:1:task-definition/shop:3"),
        ("container_name", "/web"),
        ("ecs_cluster", "arn:aws:ecs:r:1:cluster/prod"),
    ];
    assert_eq!(said(&same), same.map(|(name, _)| name));
    let others = [
        ("region", "north"),
        ("ecs_task_definition", "shop:4"),
        ("container_name", "web2"),
        ("ecs_cluster", "test"),
        ("task_id", "0a1b"),
        ("task_family", ""),
    ];
    assert_eq!(said(&others), [""; 0]);
}

/// Names that mean something to entries, and some that do not.
const NAMES: [&str; 32] = [
    "log",
    "message",
    "msg",
    "text",
    "severity",
    "status",
    "status_2",
    "http.status_code",
    "host",
    "http.url_details.host",
    "ddtags",
    "region",
    "ecs_cluster",
    "task_family",
    "container_name",
    "trace_id",
    "traceId",
    "span_id",
    "dd.trace_id",
    "dd.span_id",
    "timestamp",
    "timestamp_2",
    "date",
    "tagkey",
    "message_2",
    "message_bytes",
    "service",
    "x",
    "x_2",
    "\"q\"",
    "",
    "ecs_task_definition",
];

fn any_value() -> impl Strategy<Value = rmpv::Value> {
    prop_oneof![
        "[a-z\"\\\n\u{1}\u{e9}]{0,40}".prop_map(rmpv::Value::from),
        proptest::sample::select(vec![
            "info",
            "error",
            "ok",
            "200",
            "099",
            "5759e988bd862e3fe1be46a994272793",
            "53995c3f42cd8ad8",
            "region:r,x:y",
            "r",
            "/r",
            "a/r",
            "r:1",
            "trace",
        ])
        .prop_map(rmpv::Value::from),
        any::<i64>().prop_map(rmpv::Value::from),
        (0..700_i64).prop_map(rmpv::Value::from),
        any::<f64>().prop_map(rmpv::Value::from),
        Just(rmpv::Value::Nil),
        Just(rmpv::Value::from(true)),
        Just(rmpv::Value::Array(vec![1.into(), "a".into()])),
        Just(rmpv::Value::String(rmpv::Utf8String::from("x"))),
    ]
}

proptest! {
    #[test]
    fn usual_records_are_written_as_any_record_is(
        records in prop::collection::vec(prop::collection::vec((proptest::sample::select(NAMES.to_vec()), any_value()), 0..12), 1..5),
        date_key in proptest::sample::select(vec!["timestamp", "date", "message", "status"]),
        tag_key in proptest::sample::select(vec![None, Some("tagkey"), Some("x"), Some("date")]),
        message_key in proptest::sample::select(vec![None, Some("text"), Some("msg"), Some("status"), Some("date")]),
        is_access in any::<bool>(),
    ) {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        let options = EntryOptions { date_key: date_key.into(), tag_key: owned(tag_key), message_key: owned(message_key) };
        let log_type = if is_access { LogType::Access } else { LogType::App };
        let (mut writer, mut any) = (EntryWriter::new(options.clone()), AnyEntry::new(options));
        let mut index = FieldIndex::default();
        // Of keys that came before it is known what they are.
        let again = records.clone();
        for fields in records.into_iter().chain(again) {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
            let bytes = event(fields, 1_700_000_000, 0);
            let event = Event::read_indexed(&mut Reader::new(&bytes), &mut index).unwrap();
            let (mut out, mut expected) = (Vec::new(), String::new());
            writer.write(&mut out, &event, &index, Some(log_type), "a\"tag").unwrap();
            any.write(&mut expected, &event, Some(log_type), "a\"tag").unwrap();
            assert_no_double(&expected);
            prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}

#[test]
fn no_name_is_there_twice() {
    let found = entry(&[
        ("timestamp", "own".into()),
        ("log", "line".into()),
        ("message", "other".into()),
        ("msg", "third".into()),
        ("x", 1.into()),
        ("x", 2.into()),
        ("x_2", 3.into()),
    ]);
    let expected = json!({
        "timestamp": 1_700_000_000_124_u64, "timestamp_2": "own", "message": "line", "message_2": "other", "msg": "third",
        "x": 1, "x_2": 2, "x_2_2": 3,
    });
    assert_eq!(found, expected);
}

#[test]
fn keys_that_are_no_text_are_kept_as_the_lake_keeps_them() {
    let fields = vec![(7.into(), "a".into()), (rmpv::Value::Nil, "b".into()), ("7".into(), "c".into())];
    let (text, _) = write(&event(fields, 1, 0), EntryOptions::default(), LogType::App);
    assert_no_double(&text);
    assert_eq!(
        serde_json::from_str::<Json>(&text).unwrap(),
        json!({"timestamp": 1000, "7": "a", "null": "b", "7_2": "c"})
    );
}

#[test]
fn a_line_that_is_no_utf8_is_readable_and_its_bytes_are_there() {
    let bytes = b"\x92\x01\x81\xa3log\xa3a\xffb".to_vec();
    let (text, _) = write(&bytes, EntryOptions::default(), LogType::App);
    let found: Json = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["message"], &found["message_bytes"]), (&json!("a\u{fffd}b"), &json!({"$bin": "Yf9i"})));
}

#[test]
fn what_the_tags_say_is_no_attribute_too() {
    let tags = "team:shop,task_arn:arn:aws:ecs:x,cluster_name:prod,container_id:0a1b";
    let found = entry(&[
        ("log", "x".into()),
        ("task_arn", "arn:aws:ecs:x".into()),
        ("ecs_task_arn", "arn:aws:ecs:x".into()),
        ("ecs_cluster", "prod".into()),
        ("container_id", "0a1b".into()),
        ("region", "eu-west-1".into()),
        ("ddtags", tags.into()),
    ]);
    let expected = json!({"timestamp": 1_700_000_000_124_u64, "message": "x", "region": "eu-west-1", "ddtags": tags});
    assert_eq!(found, expected);
    assert_eq!(entry(&[("task_arn", "x".into())])["task_arn"], "x");
}

#[test]
fn a_trace_is_linked_in_datadogs_own_names() {
    let trace = "5759e988bd862e3fe1be46a994272793";
    let found =
        entry(&[("trace_id", "1-5759e988-bd862e3fe1be46a994272793".into()), ("span_id", "53995c3f42cd8ad8".into())]);
    assert_eq!((&found["dd.trace_id"], &found["dd.span_id"]), (&json!(trace), &json!("6023947403358210776")));
    let found = entry(&[("dd.trace_id", "123".into()), ("trace_id", trace.into()), ("dd.span_id", "5".into())]);
    assert_eq!((&found["dd.trace_id"], &found["dd.span_id"]), (&json!("123"), &json!("5")));
    assert_eq!(entry(&[("trace_id", "no id".into())]).get("dd.trace_id"), None);
}

#[test]
fn names_are_those_that_the_user_wants() {
    let options =
        EntryOptions { date_key: "date".into(), tag_key: Some("tagkey".into()), message_key: Some("text".into()) };
    let fields = vec![("log".into(), "l".into()), ("text".into(), "t".into())];
    let (text, _) = write(&event(fields, 5, 0), options, LogType::App);
    let expected = json!({"date": 5000, "tagkey": "app.tag", "message": "t", "log": "l"});
    assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), expected);
}

#[test]
fn a_long_entry_is_cut_in_its_message_with_a_mark() {
    for line in ["x".repeat(1_500_000), "\"\u{1}é\n".repeat(400_000), "😀".repeat(300_000)] {
        let fields =
            vec![("log".into(), line.as_str().into()), ("service".into(), "shop".into()), ("n".into(), 7.into())];
        let (text, written) = write(&event(fields, 5, 0), EntryOptions::default(), LogType::App);
        assert_eq!(written, Written::Cut);
        assert!((900_000..=MAX_ENTRY_BYTES).contains(&text.len()), "{}", text.len());
        let found: Json = serde_json::from_str(&text).unwrap();
        let message = found["message"].as_str().unwrap().strip_suffix(CUT_MARK).unwrap();
        assert!(line.starts_with(message) && message.len() > 100_000);
        assert_eq!((&found["service"], &found["n"]), (&json!("shop"), &json!(7)));
        assert!(found[CUT_FROM].as_u64().unwrap() > 1_000_000);
    }
}

#[test]
fn where_the_rest_is_too_long_what_it_is_filed_under_stays() {
    let mut fields: Vec<(rmpv::Value, rmpv::Value)> =
        (0..50_000).map(|n| (format!("field{n}").into(), "a value of it".into())).collect();
    fields.extend([("log".into(), "line".into()), ("service".into(), "shop".into()), ("ddtags".into(), "a:b".into())]);
    let (text, written) = write(&event(fields, 5, 0), EntryOptions::default(), LogType::App);
    assert_eq!(written, Written::Cut);
    let found: Json = serde_json::from_str(&text).unwrap();
    let length = found[CUT_FROM].as_u64().unwrap();
    let expected = json!({"timestamp": 5000, "ddtags": "a:b", "service": "shop", CUT_FROM: length, "message": "line"});
    assert_eq!(found, expected);
}

#[test]
fn quoting_within_a_room_never_exceeds_it() {
    let text = "a\"\u{1}é😀".repeat(50);
    for room in 2..text.len() * 3 {
        let mut out = String::new();
        quoted_within(&mut out, &text, room);
        let shown: String = serde_json::from_str(&out).unwrap();
        let kept = shown.strip_suffix(CUT_MARK).unwrap_or(&shown);
        assert!(text.starts_with(kept) && out.len() <= room + CUT_MARK.len(), "{room}");
    }
}
