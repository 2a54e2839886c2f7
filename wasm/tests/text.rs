//! What `TextSorter` does to the text of a record.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::SorterConfig;
use shiwake_wasm::text_sorter::{MAX_RECORD_BYTES, Sorted, TextSorter};
use std::sync::Arc;

fn sorted(config: SorterConfig, text: &str) -> Option<String> {
    let mut sorter = TextSorter::new(config);
    match sorter.sort(b"app", text.as_bytes()) {
        Sorted::Changed(answer) => {
            let (end, answer) = answer.split_last().unwrap();
            assert_eq!((*end, answer.contains(&0)), (0, false), "one zero byte, at the end");
            Some(String::from_utf8(answer.to_vec()).unwrap())
        }
        Sorted::Unchanged => None,
        Sorted::Dropped => Some(String::new()),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(sorted(SorterConfig::default(), text).as_deref(), Some(expected), "{text}");
}

fn with_rules(text: &str) -> SorterConfig {
    SorterConfig { rules: Arc::new(RuleSet::parse("test", text).unwrap()), ..SorterConfig::default() }
}

#[test]
fn fields_are_appended_to_the_text_as_it_came() {
    check(r#"{"log":"hello"}"#, r#"{"log":"hello","log_type":"app"}"#);
    check(r#"{}"#, r#"{"log_type":"app"}"#);
    check(" { } ", r#" { "log_type":"app"}"#);
    // White space, numbers, escapes and doubled names stay.
    check(
        "{ \"b\" : 1.10e+2 ,\t\"a\":\"\\u0041\\/\\\\ \\ud83d\\ude00\",\"b\":[1 , {} ],\"log\":\"x\" }",
        "{ \"b\" : 1.10e+2 ,\t\"a\":\"\\u0041\\/\\\\ \\ud83d\\ude00\",\"b\":[1 , {} ],\"log\":\"x\" ,\"log_type\":\"app\"}",
    );
}

#[test]
fn what_was_found_in_the_line_keeps_its_escapes() {
    check(
        r#"{"log":"::1 - - [17/May/2015:10:05:03 +0000] \"GET /a\\\"b?q=\u00e9 HTTP/1.1\" 404 5 \"-\" \"x \\\"y\\\"\""}"#,
        concat!(
            r#"{"log":"::1 - - [17/May/2015:10:05:03 +0000] \"GET /a\\\"b?q=\u00e9 HTTP/1.1\" 404 5 \"-\" \"x \\\"y\\\"\"","#,
            r#""remote_addr":"::1","method":"GET","path":"/a\\\"b","query":"q=é","protocol":"HTTP/1.1","status":404,"bytes":5,"#,
            r#""user_agent":"x \\\"y\\\"","log_type":"access","severity":"warn"}"#
        ),
    );
}

#[test]
fn a_line_that_names_its_fields_gives_way_to_them() {
    check(
        r#"{"a":"\u0061","log":"{\"level\":\"error\",\"n\":[1,{\"x\":1.5,\"y\":[]}],\"a\":2}","z":0}"#,
        r#"{"a":"\u0061","z":0,"level":"error","n":[1,{"x":1.5,"y":[]}],"line.a":2,"log_type":"error","severity":"error"}"#,
    );
    check(r#"{"log":"{\"a\":1e16}"}"#, r#"{"a":1.0e16,"log_type":"app"}"#);
    check(r#"{"log":"{\"a\":\"\\u0001\"}","b":1}"#, r#"{"b":1,"a":"\u0001","log_type":"app"}"#);
}

#[test]
fn origin_is_taken_apart() {
    check(
        r#"{"ecs_task_arn":"arn:aws:ecs:eu-west-1:123456789012:task/web/0a1b","ecs_task_definition":"shop:7","log":"x"}"#,
        concat!(
            r#"{"ecs_task_arn":"arn:aws:ecs:eu-west-1:123456789012:task/web/0a1b","ecs_task_definition":"shop:7","log":"x","#,
            r#""log_type":"app","task_arn":"arn:aws:ecs:eu-west-1:123456789012:task/web/0a1b","task_id":"0a1b","#,
            r#""region":"eu-west-1","aws_account":"123456789012","cluster_name":"web","task_family":"shop","#,
            r#""task_version":"7","service":"shop"}"#
        ),
    );
}

#[test]
fn settings_add_tags_and_give_way_to_the_records_own() {
    let config = || SorterConfig { env: Some("prod".into()), tags: Some("team:a".into()), ..SorterConfig::default() };
    let answer = |text: &str| serde_json::from_str::<Json>(&sorted(config(), text).unwrap()).unwrap();
    assert_eq!(
        answer(r#"{"ddtags":"own:1","log":"x"}"#),
        json!({"log": "x", "log_type": "app", "env": "prod", "ddtags": "own:1,team:a,env:prod"})
    );
    assert_eq!(
        answer(r#"{"a":1,"ddtags":"own:1"}"#),
        json!({"a": 1, "log_type": "app", "env": "prod", "ddtags": "own:1,team:a,env:prod"})
    );
    // The line that gives way and the field that is replaced stand beside each other, and the other way round.
    for text in [
        r#"{"log":"{\"b\":2}","ddtags":"own:1"}"#,
        r#"{"ddtags":"own:1","log":"{\"b\":2}"}"#,
        r#"{"log":"{\"b\":2,\"ddtags\":\"own:1\"}"}"#,
    ] {
        assert_eq!(
            answer(text),
            json!({"b": 2, "log_type": "app", "env": "prod", "ddtags": "own:1,team:a,env:prod"}),
            "{text}"
        );
    }
    assert_eq!(
        answer(r#"{"log":"{\"b\":2}","ddtags":"own:1","c":3}"#),
        json!({"b": 2, "c": 3, "log_type": "app", "env": "prod", "ddtags": "own:1,team:a,env:prod"})
    );
}

#[test]
fn rules_of_the_users_own_hold() {
    let rules = "[[rule]]\nname = \"health\"\nmatch = 'GET /health'\ndrop = true\n\n[[rule]]\nname = \"shop\"\nmatch = 'order (\\d+)'\ntype = \"activity\"\nset = { team = \"a \\\"b\\\"\\n\", ratio = 2.5 }\n";
    assert_eq!(sorted(with_rules(rules), r#"{"log":"GET /health"}"#).as_deref(), Some(""));
    assert_eq!(
        sorted(with_rules(rules), r#"{"log":"order 17"}"#).as_deref(),
        Some(r#"{"log":"order 17","team":"a \"b\"\n","ratio":2.5,"log_type":"activity"}"#)
    );
}

#[test]
fn what_is_sorted_already_stays_byte_for_byte_and_pieces_are_passed_on() {
    let once = sorted(SorterConfig::default(), r#"{"log":"panic: x"}"#).unwrap();
    assert_eq!(sorted(SorterConfig::default(), &once), Some(once.clone()));
    let piece = r#"{"log":"x","partial_message":"true","partial_id":"a","partial_ordinal":"1","partial_last":"false"}"#;
    assert_eq!(sorted(SorterConfig::default(), piece), None);
}

#[test]
fn text_that_is_no_object_stays_as_it_came() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "[{}]",
        "{",
        "}",
        "{}x",
        "{}{}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a b:1}",
        "{\"a\":01}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"x",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1;}",
    ] {
        assert_eq!(sorted(SorterConfig::default(), text), None, "{text}");
    }
    let large = format!(r#"{{"log":"{}"}}"#, "x".repeat(MAX_RECORD_BYTES));
    assert_eq!(sorted(SorterConfig::default(), &large), None);
}

#[test]
fn what_a_host_writes_and_cannot_read_is_mended() {
    check(
        r#"{"a":nan,1:"\x01","b":[-inf],"log":"error: x"}"#,
        r#"{"a":"NaN","1":"\\x01","b":["-Infinity"],"log":"error: x","log_type":"error","severity":"error"}"#,
    );
}

#[test]
fn large_and_deep_records_are_sorted() {
    for bytes in [10, 8_192, 65_536, 1_000_000, 4_000_000] {
        let text = format!(r#"{{"log":"error: \"{}"}}"#, "é".repeat(bytes / 2));
        let answer = sorted(SorterConfig::default(), &text).unwrap();
        assert!(answer.starts_with(text.strip_suffix('}').unwrap()) && answer.contains(r#","log_type":""#));
    }
    let deep = format!(r#"{{"a":{}1{},"log":"x"}}"#, "[".repeat(1_000), "]".repeat(1_000));
    assert!(sorted(SorterConfig::default(), &deep).unwrap().starts_with(deep.strip_suffix('}').unwrap()));
    let deep_line = json!({"log": format!(r#"{{"a":{}1{}}}"#, "[".repeat(60), "]".repeat(60))}).to_string();
    let answer: Json = serde_json::from_str(&sorted(SorterConfig::default(), &deep_line).unwrap()).unwrap();
    assert_eq!(answer.get("a").unwrap().to_string(), format!("{}1{}", "[".repeat(60), "]".repeat(60)));
}

/// JSON as different printers write it.
fn texts() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|int| int.to_string()),
        (any::<i32>(), 0_u32..1_000_000).prop_map(|(whole, part)| format!("{whole}.{part:06}")),
        any::<String>().prop_map(|text| Json::from(text).to_string()),
        r#"([a-z =:./\[\]{}-]|\\"|\\n|\\\\|\\u00e9|\\ud83d\\ude00|\\ud83d|é|日){0,40}"#
            .prop_map(|text| format!("\"{text}\"")),
    ];
    let value = leaf.prop_recursive(3, 20, 4, |inner| {
        let name = any::<String>().prop_map(|name| Json::from(name).to_string());
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            proptest::collection::vec((name, inner), 0..4).prop_map(|pairs| format!(
                "{{{}}}",
                pairs.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(",")
            )),
        ]
    });
    let name = prop_oneof![
        r#"(log|message|level|status|method|path|log_type|ddtags|user_id|event|[a-z]{1,3}|\\u0061é|\\"x)"#
            .prop_map(|name| format!("\"{name}\"")),
        any::<String>().prop_map(|name| Json::from(name).to_string()),
    ];
    let space = prop_oneof![Just(""), Just(" "), Just("\n\t")];
    (proptest::collection::vec((name, value), 0..8), space).prop_map(|(pairs, space)| {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}{space}:{space}{value}")).collect();
        format!("{space}{{{space}{}{space}}}{space}", pairs.join(&format!("{space},{space}")))
    })
}

proptest! {
    #[test]
    fn an_answer_is_an_object_that_begins_as_the_text_does(text in texts()) {
        let answer = sorted(SorterConfig::default(), &text);
        prop_assert!(answer.is_some(), "an object is always sorted");
        let answer = answer.unwrap();
        let read: Json = serde_json::from_str(&answer).unwrap_or(Json::Null);
        // serde_json knows no half of a surrogate pair.
        prop_assert!(read.is_object() || text.contains(r"\ud83d"), "{answer}");
        if !text.contains("=") && !text.contains("{\\\"") && !text.contains(r#""{"#) {
            let own = text.trim_end().strip_suffix('}').unwrap();
            prop_assert!(answer.starts_with(own), "{answer}");
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_what_is_no_json_stays(text in any::<String>(), cut in 0_usize..200, whole in texts()) {
        let cut: String = whole.chars().take(cut).collect();
        for text in [&text, &cut] {
            let is_object = serde_json::from_str::<Json>(text).is_ok_and(|read| read.is_object());
            let answer = sorted(SorterConfig::default(), text);
            prop_assert!(answer.is_some() || !is_object, "{text}");
            let read = |answer: &str| serde_json::from_str::<Json>(answer).is_ok_and(|read| read.is_object());
            prop_assert!(answer.is_none_or(|answer| read(&answer)) || text.contains(r"\ud83d"), "{text}");
        }
    }
}
