#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::chunk::{Chunk, Item};
use crate::event::Event;
use crate::msgpack::{Reader, Value, json};
use crate::sorter::Sorter;
use proptest::prelude::*;

fn event_bytes(record: &[(&str, &str)]) -> Vec<u8> {
    let map = record.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let event = rmpv::Value::Array(vec![1_700_000_000_u32.into(), rmpv::Value::Map(map)]);
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &event).unwrap();
    bytes
}

fn sort(bytes: &[u8]) -> Vec<u8> {
    let Some(Item::Event(event)) = Chunk::new(bytes).next() else { panic!("no event") };
    let mut out = Vec::new();
    Sorter::default().sort(&event, &mut out).unwrap();
    out
}

fn shown(bytes: &[u8]) -> String {
    let event = Event::read(&mut Reader::new(bytes)).unwrap();
    let mut text = String::new();
    json::write(&mut text, &Value::Map(event.body)).unwrap();
    text
}

#[track_caller]
fn check(record: &[(&str, &str)], expected: &str) {
    let once = sort(&event_bytes(record));
    assert_eq!(shown(&once), expected);
    assert_eq!(sort(&once), once, "sorted again");
}

#[test]
fn a_json_line_gives_way_to_its_fields_which_say_what_the_record_is() {
    for (line, expected) in [
        (
            r#"{"level":"error","msg":"no disk","n":{"a":[1,2.5,null]}}"#,
            r#"{"source":"stdout","level":"error","msg":"no disk","n":{"a":[1,2.5,null]},"log_type":"error","severity":"error"}"#,
        ),
        (
            r#"{"method":"GET","path":"/a","status":404}"#,
            r#"{"source":"stdout","method":"GET","path":"/a","status":404,"log_type":"access","severity":"warn"}"#,
        ),
        (
            r#"{"actor":"eve","action":"delete"}"#,
            r#"{"source":"stdout","actor":"eve","action":"delete","log_type":"audit"}"#,
        ),
        (
            r#"{"span_id":"1","parent_span_id":"0"}"#,
            r#"{"source":"stdout","span_id":"1","parent_span_id":"0","log_type":"trace"}"#,
        ),
        (
            r#"{"user_id":7,"event":"cart.add"}"#,
            r#"{"source":"stdout","user_id":7,"event":"cart.add","log_type":"activity"}"#,
        ),
        (
            r#"{"message":"java.io.IOException: x"}"#,
            r#"{"source":"stdout","message":"java.io.IOException: x","error_kind":"java.io.IOException","error_message":"x","log_type":"error","severity":"error"}"#,
        ),
        (r#"{"log_type":"activity","a":1}"#, r#"{"source":"stdout","log_type":"activity","a":1}"#),
    ] {
        check(&[("log", line), ("source", "stdout")], expected);
    }
}

#[test]
fn a_logfmt_line_gives_way_to_its_fields_when_they_are_all_of_it() {
    check(
        &[("log", r#"time=12:00 level=error msg="no disk" source=db"#), ("source", "stdout")],
        r#"{"source":"stdout","time":"12:00","level":"error","msg":"no disk","line.source":"db","log_type":"error","severity":"error"}"#,
    );
    check(
        &[("log", "time=12:00 level=warn msg=no disk")],
        r#"{"log":"time=12:00 level=warn msg=no disk","time":"12:00","level":"warn","log_type":"app","severity":"warn"}"#,
    );
    check(
        &[("log", "logger=context t=1 level=info method=GET path=/a status=404 size=29")],
        r#"{"logger":"context","t":"1","level":"info","method":"GET","path":"/a","status":"404","size":"29","log_type":"access","severity":"info"}"#,
    );
}

#[test]
fn the_record_keeps_its_names_and_the_line_gets_others() {
    check(
        &[("a", "own"), ("log", r#"{"a":1,"b":2,"a":3,"log":"x","line.b":4,"b":5}"#), ("line.a", "own")],
        r#"{"a":"own","line.a":"own","line.a#2":1,"b":2,"line.a#3":3,"log":"x","line.b":4,"line.b#2":5,"log_type":"app"}"#,
    );
    // A new name may be what another field would be given.
    check(
        &[("log", r#"{"a":1,"a":2,"a#2":3,"a#2":4,"a":5}"#)],
        r##"{"a":1,"line.a":2,"a#2":3,"line.a#2":4,"line.a#3":5,"log_type":"app"}"##,
    );
}

#[test]
fn the_line_may_stand_under_message_or_msg_behind_a_log_that_is_no_text() {
    check(&[("msg", r#"{"a":1}"#), ("b", "x")], r#"{"b":"x","a":1,"log_type":"app"}"#);
    check(
        &[("message", "ERROR"), ("msg", r#"{"a":1}"#)],
        r#"{"message":"ERROR","msg":"{\"a\":1}","log_type":"error","severity":"error"}"#,
    );
}

#[test]
fn what_names_its_type_and_what_is_broken_stays_a_line() {
    check(&[("log", r#"{"a":1}"#), ("log_type", "audit")], r#"{"log":"{\"a\":1}","log_type":"audit"}"#);
    check(&[("log", r#"{"a":1"#)], r#"{"log":"{\"a\":1","log_type":"app"}"#);
    check(&[("log", "{}")], r#"{"log":"{}","log_type":"app"}"#);
    check(&[("log", r#"{"log":"{\"b\":1}"}"#)], r#"{"log":"{\"b\":1}","log_type":"app"}"#);
}

#[test]
fn a_line_with_too_many_taken_names_stays_a_line() {
    for (count, expected) in [(super::MAX_TAKEN + 1, false), (super::MAX_TAKEN + 2, true)] {
        let line = format!("{{{}}}", vec![r#""a":1"#; count].join(","));
        let sorted = shown(&sort(&event_bytes(&[("log", &line)])));
        assert_eq!(sorted.starts_with(r#"{"log":"#), expected, "{count}");
    }
}

#[test]
fn a_type_that_is_none_is_no_mark_of_a_record_that_was_sorted() {
    for line in [
        r#"level=info log_type=GET msg=two words"#,
        r#"{"log_type":"x","msg":"a=b"}"#,
        r#"{"log_type":"x","log_type":"y","line.log_type":1}"#,
        "<14>Jan  2 03:04:05 h a: {\"log_type\":\"x\",\"a\":1}",
    ] {
        for own in [&[][..], &[("log_type", "payment")]] {
            let record: Vec<(&str, &str)> = [("log", line)].iter().chain(own).copied().collect();
            let once = sort(&event_bytes(&record));
            assert_eq!(shown(&sort(&once)), shown(&once), "{line} {own:?}");
        }
    }
    let nested = event_bytes(&[("log", r#"{"log_type":"x","log":"{\"log_type\":7,\"a\":1}"}"#)]);
    assert_eq!(shown(&sort(&sort(&nested))), shown(&sort(&nested)));
    let once = shown(&sort(&event_bytes(&[("log", r#"level=info log_type=GET msg="x""#)])));
    assert!(once.contains(r#""line.log_type":"GET""#) && once.contains(r#""log_type":"app""#), "{once}");
}

/// Time that this thread has had on a processor, which does not count what others do.
fn thread_time() -> std::time::Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn wide_lines_take_time_in_proportion() {
    let line = |fields: usize| {
        let pairs: Vec<String> = (0..fields).map(|at| format!(r#""prefix_of_all_{at}":1"#)).collect();
        event_bytes(&[("log", &format!("{{{}}}", pairs.join(",")))])
    };
    let (small, large) = (line(1_000), line(64_000));
    let time = |bytes: &[u8]| {
        let start = thread_time();
        let sorted = sort(bytes);
        assert!(!shown(&sorted).starts_with(r#"{"log":"#));
        thread_time() - start
    };
    let short = (0..5).map(|_| time(&small)).min().unwrap();
    // 64 times the fields; comparing each with each would be 4096 times the work.
    assert!(time(&large) < short * 64 * 8, "{short:?}");
}

proptest! {
    #[test]
    fn nothing_is_lost_and_a_second_time_changes_nothing(
        own in proptest::collection::btree_map("[a-d]|line\\.[ab](#2)?|log", "x|[a-z\"\\\\é]{0,5}", 0..6),
        line in proptest::collection::vec(("[a-d]|line\\.[ab](#[23])?|log|msg|level", any::<i32>()), 1..12),
    ) {
        let text: Vec<String> = line.iter().map(|(key, value)| format!("{key:?}:{value}")).collect();
        let text = format!("{{{}}}", text.join(","));
        let mut record: Vec<(&str, &str)> =
            own.iter().filter(|(key, _)| *key != "log").map(|(key, value)| (key.as_str(), value.as_str())).collect();
        record.insert(record.len() / 2, ("log", &text));
        let once = sort(&event_bytes(&record));
        let event = Event::read(&mut Reader::new(&once)).unwrap();
        let mut reader = Reader::new(event.body.content);
        let (mut names, mut values) = (Vec::new(), Vec::new());
        while let (Ok(Value::Str(key)), Ok(value)) = (reader.value(), reader.value()) {
            names.push(key);
            values.extend(value.as_int());
        }
        prop_assert_eq!(values, line.iter().map(|(_, value)| i64::from(*value)).collect::<Vec<_>>());
        for (key, value) in record.iter().filter(|(key, _)| *key != "log") {
            let pair = format!("{key:?}:{}", serde_json::Value::from(*value));
            prop_assert!(shown(&once).contains(&pair));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), count);
        prop_assert_eq!(sort(&once), once);
    }
}
