//! What rules do to records.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::classify::Fate;
use shiwake_records::event::{Event, Timestamp};
use shiwake_records::msgpack::Reader;
use shiwake_records::rules::{RuleSet, run_test};
use shiwake_records::sorter::{SortedChunk, Sorter, SorterConfig};
use std::sync::Arc;

fn rules(text: &str) -> Arc<RuleSet> {
    let shown = |error: shiwake_records::rules::RulesError| panic!("{error}");
    Arc::new(RuleSet::parse("rules", text).unwrap_or_else(shown))
}

#[test]
fn the_tests_of_the_built_in_rules_hold() {
    let rules = RuleSet::built_in();
    assert!(rules.built_in_tests().len() > 15);
    for test in rules.built_in_tests() {
        assert_eq!(run_test(&rules, test), [], "{}: {test:?}", test.name);
    }
    assert!(rules.own_rules().is_empty());
}

/// Runs the tests that stand in the text.
fn check(text: &str) {
    let rules = rules(text);
    assert!(!rules.own_tests().is_empty());
    for test in rules.own_tests() {
        assert_eq!(run_test(&rules, test), [], "{}", test.name);
    }
}

#[test]
fn a_test_that_expects_something_else_tells_what() {
    let rules = rules(
        "[[test]]\nline = 'x'\nexpect = { rule = 'error-line', type = 'error', severity = 'warn', dropped = true, fields = { a = 1, log = 'y' }, absent = ['log'] }",
    );
    let differences = run_test(&rules, &rules.own_tests()[0]);
    let told: Vec<String> = differences.iter().map(|it| format!("{}: {} {}", it.what, it.expected, it.found)).collect();
    assert_eq!(
        told,
        [
            "rule: error-line otherwise",
            "type: error app",
            "severity: warn none",
            "dropped: true false",
            "a: 1 nothing",
            "log: 'y' 'x'",
            "log: nothing 'x'",
        ]
    );
}

#[test]
fn every_condition_holds_for_what_it_says() {
    check(
        r#"
        [[rule]]
        name = "tag"
        type = "access"
        when.tag = ["web-*", "lb"]
        [[test]]
        line = "x"
        tag = "web-1"
        expect.rule = "tag"
        [[test]]
        line = "x"
        tag = "xlb"
        expect.rule = "otherwise"

        [[rule]]
        name = "container"
        type = "access"
        when = { container = "side*", source = "stderr" }
        [[test]]
        record = { log = "x", container_name = "/sidecar", source = "stderr" }
        expect.rule = "container"
        [[test]]
        record = { log = "x", container_name = "/sidecar", source = "stdout" }
        expect.rule = "otherwise"

        [[rule]]
        name = "number"
        type = "access"
        when = { field = "http.status", at_least = 500, less_than = 600 }
        [[test]]
        record = { http = { status = 500 } }
        expect.rule = "number"
        [[test]]
        record = { http = { status = "599" } }
        expect.rule = "number"
        [[test]]
        record = { "http.status" = 599.5 }
        expect.rule = "number"
        [[test]]
        record = { http = { status = 600 } }
        expect.rule = "otherwise"
        [[test]]
        record = { http = { status = "5xx" } }
        expect.rule = "otherwise"
        [[test]]
        record = { http = "500" }
        expect.rule = "otherwise"

        [[rule]]
        name = "texts"
        type = "access"
        when.any = [
            { field = "a", prefix = ["x-", "y-"] },
            { field = "a", suffix = "-z" },
            { field = "a", contains = ["needle", "q"] },
            { field = "a", glob = "b?d*" },
            { field = "a", regex = '^\d+k$' },
            { field = ["b.c.d", "e"], in = ["one", 2, true] },
            { field = "f", is = "list" },
        ]
        [[test]]
        record = { a = "y-1" }
        expect.rule = "texts"
        [[test]]
        record = { a = "1-z" }
        expect.rule = "texts"
        [[test]]
        record = { a = "hayneedlehay" }
        expect.rule = "texts"
        [[test]]
        record = { a = "bad thing" }
        expect.rule = "texts"
        [[test]]
        record = { a = "12k" }
        expect.rule = "texts"
        [[test]]
        record = { a = "12km" }
        expect.rule = "otherwise"
        [[test]]
        record = { b = { c = { d = "one" } } }
        expect.rule = "texts"
        [[test]]
        record = { b = { "c.d" = 2.0 } }
        expect.rule = "texts"
        [[test]]
        record = { e = true }
        expect.rule = "texts"
        [[test]]
        name = "of several names the first that is there counts"
        record = { b = { c = { d = "two" } }, e = true }
        expect.rule = "otherwise"
        [[test]]
        record = { f = [] }
        expect.rule = "texts"

        [[rule]]
        name = "line"
        type = "audit"
        match = ['^BILL \d+', 'paid']
        when.not = { field = "test", exists = true }
        [[test]]
        line = "BILL 7 sent"
        expect.rule = "line"
        [[test]]
        record = { msg = "it was paid" }
        expect.rule = "line"
        [[test]]
        line = '{"message": "it was paid"}'
        expect.rule = "line"
        [[test]]
        record = { log = "it was paid", test = 1 }
        expect.rule = "otherwise"

        [[rule]]
        name = "json"
        type = "activity"
        when = { format = "json", level = ["none", "info"] }
        [[test]]
        line = '{"a": 1}'
        expect.rule = "json"
        [[test]]
        line = '{"a": 1, "level": "warn"}'
        expect.rule = "otherwise"

        [[rule]]
        name = "bad"
        type = "error"
        when = { severity.at_least = "warn", format = ["unknown", "logger"] }
        [[test]]
        line = "WARN disk is nearly full"
        expect.rule = "bad"
    "#,
    );
}

#[test]
fn every_effect_does_what_it_says() {
    check(
        r#"
        [type.billing]
        like = "activity"

        [[rule]]
        name = "team"
        when.tag = "pay-*"
        set = { team = "payments", on_call = true, level_of_care = 3 }

        [[rule]]
        name = "noise"
        match = "^healthz"
        drop = true
        [[test]]
        line = "healthz ok"
        expect = { rule = "noise", dropped = true }

        [[rule]]
        name = "bill"
        type = "billing"
        severity = "notice"
        set = { team = "billing", currency = "EUR" }
        parse = { regex = '^BILL (?<number>\d+) (?<amount>\S+) (?<user>\w+)(?: (?<level>\w+))?', types = { number = "int", amount = "float" } }
        match = "^BILL"
        [[test]]
        line = "BILL 17 9.5 maria"
        tag = "pay-1"
        expect = { rule = "bill", type = "billing", severity = "notice", fields = { number = 17, amount = 9.5, user = "maria", team = "billing", on_call = true, level_of_care = 3, log_type = "billing" } }
        [[test]]
        name = "text that is no number stays text, and a line that does not match stays a line"
        line = "BILL 17 lots maria"
        expect = { fields = { amount = "lots" }, absent = ["team2"] }
        [[test]]
        line = "BILLS"
        expect = { rule = "bill", absent = ["number"] }
        [[test]]
        name = "what the record says itself stays"
        record = { log = "BILL 1 2 maria", team = "own" }
        expect = { fields = { team = "own", currency = "EUR" } }

        [[rule]]
        name = "level-group"
        type = "app"
        match = "^LV"
        parse = { regex = '^LV (?<level>\w+)' }
        [[test]]
        line = "LV fatal"
        expect = { rule = "level-group", severity = "critical" }

        [[rule]]
        name = "quiet"
        type = "app"
        parse = "none"
        default_severity = "debug"
        match = '"GET /quiet'
        [[test]]
        line = '203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] "GET /quiet HTTP/1.1" 404 512 "-" "curl/8.5"'
        expect = { rule = "quiet", severity = "debug", absent = ["status"] }

        [[rule]]
        name = "loud"
        type = "error"
        parse = "access"
        match = '/loud'
        [[test]]
        line = '203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] "GET /loud HTTP/1.1" 404 512 "-" "curl/8.5"'
        expect = { rule = "loud", severity = "warn", fields = { status = 404 } }
        [[test]]
        line = "ERROR is not an access line: /loud"
        expect = { rule = "loud", type = "error", absent = ["status"] }

        [[test]]
        name = "a rule that does not decide leaves the built-in ones to it"
        line = 'ERROR x'
        tag = "pay-2"
        expect = { rule = "error-line", fields = { team = "payments" } }
    "#,
    );
}

#[test]
fn what_a_rule_sets_takes_the_place_of_what_firelens_tells() {
    check(
        r#"
        [[rule]]
        name = "here"
        match = "x"
        set = { region = "here", cluster_name = "ours" }
        [[test]]
        record = { log = "x", ecs_cluster = "web", ecs_task_arn = "arn:aws:ecs:eu-west-1:123456789012:task/web/0a1b" }
        expect = { fields = { region = "here", cluster_name = "ours", task_id = "0a1b" } }
    "#,
    );
}

#[test]
fn without_the_built_in_rules_what_no_rule_takes_is_app() {
    check(
        "builtin = false\n[[test]]\nline = 'ERROR x'\nexpect = { rule = 'otherwise', type = 'app', severity = 'error' }",
    );
}

/// A chunk of records with one field, whose value is text.
fn chunk(field: &str, values: impl Iterator<Item = String>) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        let record = rmpv::Value::Map(vec![(field.into(), value.into())]);
        rmpv::encode::write_value(&mut out, &rmpv::Value::Array(vec![7.into(), record])).unwrap();
    }
    out
}

#[test]
fn what_is_dropped_is_counted_and_gone() {
    let rules = rules("[[rule]]\nname = 'noise'\ndrop = true\nmatch = 'noise'");
    let mut sorter = Sorter::new(SorterConfig { rules, ..SorterConfig::default() });
    let lines = ["noise", "good", "more noise"];
    let mut out = Vec::new();
    let sorted =
        sorter.sort_chunk(&chunk("log", lines.iter().map(|line| (*line).to_owned())), Timestamp::default(), &mut out);
    assert_eq!(sorted, SortedChunk { records: 1, dropped: 2, markers: 0, bad: 0 });
    assert_eq!(Chunk::new(&out).filter(|item| matches!(item, Item::Event(_))).count(), 1);
    assert_eq!((sorter.rule_counts()[0].matched, sorter.rule_counts()[0].dropped), (2, 2));
}

#[test]
fn what_begins_like_a_format_and_is_none_is_counted_when_it_is_read() {
    let rules = rules("[[rule]]\nname = 'raw'\nparse = 'none'\ntype = 'trace'\nmatch = '^\\{\"raw'");
    let mut sorter = Sorter::new(SorterConfig { rules, ..SorterConfig::default() });
    let lines =
        [r#"{"a": 1, "#, r#"{"a": 1}"#, "plain", r#"{"raw": "#, r#"[ERROR] {"a": "#, r#"{"a": x}"#, r#"{"a": "#];
    let chunk = chunk("log", lines.iter().map(|line| (*line).to_owned()));
    let mut out = Vec::new();
    sorter.sort_chunk(&chunk, Timestamp::default(), &mut out);
    let counts = |sorter: &Sorter| {
        sorter.misreads().iter().map(|(it, count)| (it.format.name(), it.reason.name(), count)).collect::<Vec<_>>()
    };
    let expected = [("json", "cut_off", 2), ("json", "syntax", 1)];
    assert_eq!(counts(&sorter), expected);
    // A piece of a line is none by itself.
    let piece = rmpv::Value::Map(vec![("log".into(), "{\"a\": ".into()), ("partial_id".into(), "7".into())]);
    let mut event = Vec::new();
    rmpv::encode::write_value(&mut event, &rmpv::Value::Array(vec![7.into(), piece])).unwrap();
    sorter.sort_chunk(&event, Timestamp::default(), &mut Vec::new());
    assert_eq!(counts(&sorter), expected);
    // What was sorted is not read again, and what is only told counts as nothing.
    sorter.sort_chunk(&out, Timestamp::default(), &mut Vec::new());
    let Some(Item::Event(event)) = Chunk::new(&chunk).next() else { panic!("the chunk has an event") };
    let misread = sorter.explain(&event).unwrap().misread.unwrap();
    assert_eq!((misread.format.name(), misread.reason.name()), ("json", "cut_off"));
    assert_eq!(counts(&sorter), expected);
}

#[test]
fn a_sample_keeps_all_records_of_a_value_or_none_and_about_its_share() {
    const VALUES: usize = 4_000;
    let rules = rules("[[rule]]\nname = 'some'\nsample = { keep = 0.25, by = 'trace_id' }");
    let fates = |field: &str| -> Vec<Fate> {
        let mut sorter = Sorter::new(SorterConfig { rules: Arc::clone(&rules), ..SorterConfig::default() });
        let chunk = chunk(field, (0..VALUES).map(|number| format!("id{number}")));
        let events: Vec<Event<'_>> = Chunk::new(&chunk)
            .filter_map(|item| if let Item::Event(event) = item { Some(event) } else { None })
            .collect();
        events
            .iter()
            .map(|event| {
                let mut out = Vec::new();
                let fate = sorter.sort(event, &mut out).unwrap().fate;
                let text = String::from_utf8_lossy(&out).into_owned();
                assert_eq!(fate == Fate::Kept, !out.is_empty());
                assert_eq!(text.contains("sample_rate"), fate == Fate::Kept && field == "trace_id");
                if fate == Fate::Kept {
                    Event::read(&mut Reader::new(&out)).unwrap();
                }
                fate
            })
            .collect()
    };
    let first = fates("trace_id");
    assert_eq!(first, fates("trace_id"));
    let kept = first.iter().filter(|fate| **fate == Fate::Kept).count();
    assert!((VALUES * 23 / 100..VALUES * 27 / 100).contains(&kept), "{kept}");
    assert!(fates("other").iter().all(|fate| *fate == Fate::Kept), "nothing says what they belong to");
}

#[test]
fn the_sample_rate_is_the_share_that_is_kept_of_several_samples() {
    let rate = |samples: &str| -> (f64, f64) {
        const VALUES: usize = 4_000;
        let rules = rules(samples);
        let mut sorter = Sorter::new(SorterConfig { rules, ..SorterConfig::default() });
        let (mut kept, mut told) = (0, 1.0);
        for number in 0..VALUES {
            let record = rmpv::Value::Map(vec![("a".into(), format!("a{number}").into()), ("b".into(), number.into())]);
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, &rmpv::Value::Array(vec![7.into(), record])).unwrap();
            let mut out = Vec::new();
            if sorter.sort(&Event::read(&mut Reader::new(&bytes)).unwrap(), &mut out).unwrap().fate == Fate::Kept {
                kept += 1;
                let sorted = rmpv::decode::read_value(&mut out.as_slice()).unwrap();
                told = sorted[1]
                    .as_map()
                    .unwrap()
                    .iter()
                    .find(|(key, _)| key.as_str() == Some("sample_rate"))
                    .unwrap()
                    .1
                    .as_f64()
                    .unwrap();
            }
        }
        (f64::from(kept) / VALUES as f64, told)
    };
    let rule = |name: &str, keep: f64, by: &str| {
        format!("[[rule]]\nname = '{name}'\nsample = {{ keep = {keep}, by = '{by}' }}\n")
    };
    for (samples, expected) in [
        (rule("x", 0.5, "a") + &rule("y", 0.5, "a"), 0.5),
        (rule("x", 0.5, "a") + &rule("y", 0.2, "a"), 0.2),
        (rule("x", 0.2, "a") + &rule("y", 0.5, "a"), 0.2),
        (rule("x", 0.5, "a") + &rule("y", 0.5, "b"), 0.25),
        (rule("x", 0.5, "a") + &rule("y", 0.5, "b") + &rule("z", 0.25, "a"), 0.125),
    ] {
        let (kept, told) = rate(&samples);
        assert!((kept - expected).abs() < 0.03, "{samples}: {kept}");
        assert!((told - expected).abs() < 1e-9, "{samples}: {told}");
    }
}

#[test]
fn a_declared_type_that_a_record_names_itself_is_believed() {
    let rules = rules(
        "[type.billing]\n[[test]]\nrecord = { log_type = 'billing' }\nexpect = { rule = 'own-field', type = 'billing' }\n[[test]]\nrecord = { log_type = 'biling' }\nexpect = { rule = 'otherwise', type = 'app' }",
    );
    for test in rules.own_tests() {
        assert_eq!(run_test(&rules, test), []);
    }
}
