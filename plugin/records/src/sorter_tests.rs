#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::identity::labels::LabelField;
use crate::identity::placement::{Needs, Placement};
use crate::log_type::LogType;
use crate::msgpack::{Value, write};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Instant;

#[path = "sorter_short_way_tests.rs"]
mod short_way;

const RECEIVED: Timestamp = Timestamp { seconds: 1_700_000_000, nanoseconds: 0 };

fn event_bytes(record: &[(&str, &str)]) -> Vec<u8> {
    let map = record.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let event = rmpv::Value::Array(vec![1_700_000_000_u32.into(), rmpv::Value::Map(map)]);
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &event).unwrap();
    bytes
}

fn only_event(bytes: &[u8]) -> Event<'_> {
    match Chunk::new(bytes).next() {
        Some(Item::Event(event)) => event,
        other => panic!("no event: {other:?}"),
    }
}

fn text_of(bytes: &[u8], key: &str) -> Option<String> {
    let event = only_event(bytes);
    let mut index = FieldIndex::default();
    index.fill(&event.body);
    match index.get(&event.body, key.as_bytes())? {
        Value::Str(text) => Some(String::from_utf8_lossy(text).into_owned()),
        other => Some(format!("{other:?}")),
    }
}

#[test]
fn a_time_that_the_host_would_take_for_a_marker_is_left_to_the_line() {
    let received = 1_700_000_000;
    for (line_time, expected) in [
        ("31/Dec/1969:23:59:59 +0000", received),
        ("01/Jan/1970:00:00:00 +0000", 0),
        ("19/Jan/2038:03:14:07 +0000", i64::from(i32::MAX)),
        ("19/Jan/2038:03:14:08 +0000", received),
        ("07/Feb/2106:06:28:14 +0000", received),
        ("07/Feb/2106:06:28:15 +0000", received),
    ] {
        let bytes =
            event_bytes(&[("log", &format!(r#"1.2.3.4 - - [{line_time}] "GET /a HTTP/1.1" 200 5 "-" "curl""#))]);
        let mut out = Vec::new();
        let verdict = Sorter::default().sort(&only_event(&bytes), &mut out).unwrap();
        let sorted = only_event(&out);
        assert_eq!((sorted.kind, sorted.time.seconds), (EventKind::Record, expected), "{line_time}");
        assert_eq!(verdict.log_type, LogType::Access);
    }
}

#[test]
fn a_firelens_record_gets_its_type_its_parts_and_its_origin() {
    let bytes = event_bytes(&[
        ("log", r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl""#),
        ("container_name", "/ecs-shop-7-web-aa"),
        ("source", "stdout"),
        ("ecs_cluster", "prod"),
        ("ecs_task_arn", "arn:aws-cn:ecs:cn-north-1:123456789012:task/prod/0a1b"),
        ("ecs_task_definition", "shop:7"),
    ]);
    let mut out = Vec::new();
    Sorter::default().sort(&only_event(&bytes), &mut out).unwrap();
    for (key, expected) in [
        ("log_type", "access"),
        ("severity", "info"),
        ("remote_addr", "1.2.3.4"),
        ("service", "shop"),
        ("task_family", "shop"),
        ("task_version", "7"),
        ("task_id", "0a1b"),
        ("region", "cn-north-1"),
        ("aws_account", "123456789012"),
        ("cluster_name", "prod"),
        ("status", "Int(200)"),
    ] {
        assert_eq!(text_of(&out, key).as_deref(), Some(expected), "{key}");
    }
    assert_eq!(only_event(&out).time.seconds, 1_431_857_103);
}

#[test]
fn the_records_own_words_win_and_configuration_fills_the_gaps() {
    let config = SorterConfig {
        service: Some("shop".into()),
        env: Some("prod".into()),
        use_line_time: false,
        ..SorterConfig::default()
    };
    let bytes = event_bytes(&[("log", "ERROR x"), ("service", "own")]);
    let mut out = Vec::new();
    Sorter::new(config).sort(&only_event(&bytes), &mut out).unwrap();
    assert_eq!(text_of(&out, "service").as_deref(), Some("own"));
    assert_eq!(text_of(&out, "env").as_deref(), Some("prod"));
    assert_eq!(only_event(&out).time.seconds, 1_700_000_000);
}

#[test]
fn sorting_twice_changes_nothing_the_second_time() {
    let bytes = event_bytes(&[("log", "ERROR x"), ("ecs_task_definition", "shop:7")]);
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    let mut sorter = Sorter::default();
    sorter.sort_chunk(&bytes, RECEIVED, &mut once);
    sorter.sort_chunk(&once, RECEIVED, &mut twice);
    assert_eq!(once, twice);
}

#[test]
fn markers_pass_through_and_bad_bytes_become_events_that_keep_them() {
    let marker = [0x92, 0x92, 0xff, 0x80, 0x80];
    let chunk = [&marker[..], &[0xc1], &event_bytes(&[("log", "x")]), &[0x92, 0x05]].concat();
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    let sorted = Sorter::default().sort_chunk(&chunk, RECEIVED, &mut once);
    assert_eq!(sorted, SortedChunk { records: 1, dropped: 0, markers: 1, bad: 2 });
    assert!(once.starts_with(&marker));
    assert!(Chunk::new(&once).all(|item| matches!(item, Item::Event(_))));
    let again = Sorter::default().sort_chunk(&once, RECEIVED, &mut twice);
    assert_eq!(again, SortedChunk { records: 3, dropped: 0, markers: 1, bad: 0 });
    assert_eq!(twice, once);
}

#[test]
fn long_lines_of_every_kind_take_time_in_proportion() {
    const BYTES: usize = 512 * 1024;
    let heads = [
        "",
        r#"{"a":"#,
        r#"{"a":""#,
        "level=info msg=x ",
        "https 2018-07-02T22:23:00Z app/x 1:2 3:4 0 0 0 200 200 1 2 ",
        "tls 2.0 2018-12-20T02:59:40 net/x y 1:2 3:4 5 2 98 246 ",
        "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td\t/\t200\t",
        "2026/01/02 03:04:05 [error] 31#31: *7 x, client: 1, ",
        "<34>1 2003-10-11T22:14:15.003Z h a p i ",
        "<34>Oct 11 22:14:15 h ",
        "Oct 11 22:14:15 h sshd[1]: ",
        r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl" "#,
        "[2026-01-02 03:04:05,678] INFO ",
        "I0102 03:04:05.678901 7 ",
    ];
    let pieces = [
        "[",
        "]",
        "{",
        "\"",
        "\\",
        "\\\"",
        "{\"a\":",
        "[[],",
        "\"a\":1,",
        "a=b ",
        "uct=1.0 ",
        "a=\"",
        " ",
        "\t",
        "\n",
        ", ",
        ", a: \"",
        ", request: \"x\"",
        "[x y=\"",
        "1, ",
        "(",
        ") ",
        ": ",
        " by ",
        " from ",
        "Error: ",
        "\n\tat x.y(z)",
        "0",
        "1.",
        "e",
        "ERROR ",
        "\u{e9}",
        "://",
        "/",
        ";Root",
        "\"\"",
        "\" \"",
    ];
    for head in heads {
        for piece in pieces {
            let line = head.to_owned() + &piece.repeat(BYTES / piece.len());
            let bytes = event_bytes(&[("log", &line)]);
            let start = Instant::now();
            Sorter::default().sort(&only_event(&bytes), &mut Vec::new());
            // Looking at each byte once takes milliseconds, at each for each other byte minutes.
            assert!(start.elapsed().as_secs() < 3, "{head}{piece}...: {:?}", start.elapsed());
        }
    }
}

/// Lines as they are, cut anywhere and with other bytes in them.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let formats = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/formats"));
    let lines: Vec<Vec<u8>> = std::fs::read_dir(formats)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .flat_map(|file| file.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect();
    let change = (any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 0..4), any::<bool>());
    (prop::sample::select(lines), change).prop_map(|(mut line, (at, bytes, cut))| {
        let at = at.index(line.len() + 1);
        if cut {
            line.truncate(at);
        }
        line.splice(at..at, bytes);
        line
    })
}

proptest! {
    #[test]
    fn a_line_of_any_format_is_kept_or_gives_way_and_sorting_again_changes_nothing(line in any_line()) {
        let mut bytes = vec![0x92, 0x05];
        write::map_header(&mut bytes, 2);
        for (key, value) in [(&b"source"[..], &b"stdout"[..]), (b"log", &line)] {
            write::str(&mut bytes, key);
            write::str(&mut bytes, value);
        }
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        let mut sorter = Sorter::default();
        sorter.sort(&only_event(&bytes), &mut once).unwrap();
        sorter.sort(&only_event(&once), &mut twice).unwrap();
        prop_assert_eq!(&once, &twice);
        let event = only_event(&once);
        let mut index = FieldIndex::default();
        index.fill(&event.body);
        let kept = index.get(&event.body, b"log") == Some(Value::Str(&line));
        let text = String::from_utf8_lossy(&line);
        let is_json = serde_json::from_str::<serde_json::Map<_, serde_json::Value>>(&text).is_ok();
        prop_assert!(kept || is_json || line.contains(&b'='), "{}", text);
        let mut names: Vec<_> = index.keys().map(|key| &event.body.content[key]).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }

    #[test]
    fn what_a_record_holds_is_never_changed(pairs in proptest::collection::vec((".{0,12}", ".{0,80}"), 0..30)) {
        let record: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let bytes = event_bytes(&record);
        let event = only_event(&bytes);
        let mut out = Vec::new();
        Sorter::default().sort(&event, &mut out).unwrap();
        let sorted = only_event(&out);
        prop_assert!(sorted.body.content.starts_with(event.body.content));
        prop_assert_eq!(sorted.raw.len(), out.len());
        prop_assert!(text_of(&out, "log_type").is_some());
    }

    #[test]
    fn any_bytes_come_out_as_events(bytes in proptest::collection::vec(any::<u8>(), 0..1_000)) {
        let mut out = Vec::new();
        let sorted = Sorter::default().sort_chunk(&bytes, RECEIVED, &mut out);
        let events = Chunk::new(&out).filter(|item| matches!(item, Item::Event(_))).count() as u64;
        prop_assert_eq!(events, sorted.records + sorted.markers + sorted.bad);
    }
}

#[test]
fn a_trace_is_in_one_form_wherever_it_was_named() {
    const TRACE: &str = "5759e988bd862e3fe1be46a994272793";
    let sorted = |fields: &[(&str, &str)]| {
        let mut bytes = vec![0x92, 0x05];
        write::map_header(&mut bytes, u32::try_from(fields.len()).unwrap());
        for (key, value) in fields {
            write::str(&mut bytes, key.as_bytes());
            write::str(&mut bytes, value.as_bytes());
        }
        let mut out = Vec::new();
        Sorter::default().sort_chunk(&bytes, Timestamp::default(), &mut out);
        let event = Event::read(&mut Reader::new(&out)).unwrap();
        let mut index = FieldIndex::default();
        index.fill(&event.body);
        let text = |key: &str| {
            let value = index.get(&event.body, key.as_bytes())?;
            Some(String::from_utf8(value.as_str_bytes()?.to_vec()).unwrap())
        };
        (text("trace_id"), text("span_id"), event.body.count)
    };
    let both = |count| (Some(TRACE.to_owned()), Some("53995c3f42cd8ad8".to_owned()), count);
    let w3c = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
    let xray = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    assert_eq!(sorted(&[("log", "x"), ("traceparent", w3c)]), both(5));
    assert_eq!(sorted(&[("log", "x"), ("X-Amzn-Trace-Id", xray)]), both(5));
    assert_eq!(sorted(&[("trace_id", xray), ("log", "x")]), both(4), "it takes the place of the record's own");
    assert_eq!(sorted(&[("trace_id", TRACE), ("span_id", "s")]).1.as_deref(), Some("s"));
    assert_eq!(sorted(&[("trace_id", "1234")]).0.as_deref(), Some("1234"), "no form that is known");
    assert_eq!(sorted(&[("traceparent", "00-x")]).0, None);
    assert_eq!(sorted(&[("dd.trace_id", "7"), ("traceparent", w3c)]).0, None, "the column has that of Datadog");
}

#[test]
fn each_kept_record_gets_an_id_of_its_own_and_one_that_has_one_keeps_it() {
    let rules = "[[rule]]\nname = 'noise'\nmatch = 'noise'\ndrop = true\n";
    let rules = Arc::new(RuleSet::parse("rules.toml", rules).unwrap());
    let mut sorter = Sorter::new(SorterConfig { rules, ..SorterConfig::default() });
    sorter.set_record_ids("s");
    let chunk = ["one", "noise", "two"].map(|line| event_bytes(&[("log", line)])).concat();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    sorter.sort_chunk(&chunk, RECEIVED, &mut first);
    let own = event_bytes(&[("log", "three"), ("record_id", "mine")]);
    sorter.sort_chunk(&own, RECEIVED, &mut first);
    let line = event_bytes(&[("log", r#"{"msg":"four","record_id":"s-0"}"#)]);
    sorter.sort_chunk(&line, RECEIVED, &mut first);
    let ids: Vec<Option<String>> = Chunk::new(&first)
        .map(|item| match item {
            Item::Event(event) => text_of(event.raw, "record_id"),
            Item::Bad(bad) => panic!("{bad:?}"),
        })
        .collect();
    assert_eq!(
        ids.iter().map(Option::as_deref).collect::<Vec<_>>(),
        [Some("s-0"), Some("s-1"), Some("mine"), Some("s-0")]
    );
    assert_eq!(sorter.last_record_id().as_deref(), Some("s-1"), "what is dropped takes no number");
    Sorter::default().sort_chunk(&first, RECEIVED, &mut second);
    assert_eq!(second, first, "an output changes none");
}
