//! A record gets the same answer whatever came before it: what is kept of records before, by which access lines are answered, changes
//! nothing. A sorter that has seen no record keeps nothing yet, so it is what the others are compared with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use proptest::sample::select;
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::SorterConfig;
use shiwake_wasm::text_sorter::{Sorted, TextSorter};
use std::sync::Arc;

fn answer(sorter: &mut TextSorter, tag: &str, text: &str) -> String {
    match sorter.sort(tag.as_bytes(), text.as_bytes()) {
        Sorted::Changed(answer) => String::from_utf8_lossy(answer).into_owned(),
        other => format!("{other:?}"),
    }
}

/// Rules with which lines are judged by their format, and others.
const RULES: [&str; 5] = [
    "",
    "[[rule]]\nname = \"a\"\nwhen = { format = \"access\", severity.at_least = \"error\" }\ntype = \"error\"\n\
     set = { query = \"q\", team = \"t\" }\n",
    "[[rule]]\nname = \"a\"\nwhen.format = \"access\"\nset = { path = \"p\", bytes = 1 }\n",
    "[[rule]]\nname = \"a\"\nwhen.tag = \"b*\"\ndrop = true\n",
    "[[rule]]\nname = \"a\"\nwhen.match = 'GET /a'\ntype = \"audit\"\n",
];

fn config(rules: &str) -> SorterConfig {
    let rules = Arc::new(RuleSet::parse("test", rules).unwrap());
    SorterConfig { rules, env: Some("prod".into()), tags: Some("team:a".into()), ..SorterConfig::default() }
}

/// One that is usual most of the time, and an odd one else.
fn mostly<U: Strategy<Value = String> + 'static>(usual: U, odd: &[&'static str]) -> BoxedStrategy<String> {
    prop_oneof![20 => usual, 1 => select(odd.to_vec()).prop_map(str::to_owned)].boxed()
}

fn one_of(known: &[&'static str]) -> BoxedStrategy<String> {
    select(known.to_vec()).prop_map(str::to_owned).boxed()
}

/// What may stand in the places of a line, rarely or wrongly.
const ODD_ADDRESSES: &[&str] =
    &["1", "2", "::1", "a.org", "2026-11-29T10:00:00Z", "1.2.3.4.5.6.7.8.9", "<1>2", "", "17/May", "1.2.3.-", "a"];
const ODD_USERS: &[&str] = &[" - bob [", " a - - [", " - -  [", "  - - [", " 10.0.0.9 - ["];
const ODD_TIMES: &[&str] =
    &["17/May/2015", "17/May/2015:10:05]03 +0000", "17/May/2015:10:05\\\\03 +000", "no time, 26 bytes of text."];
const ODD_METHODS: &[&str] = &["GET  ", "get ", "PROPFIND ", "-", "GET", ""];
const ODD_TARGETS: &[&str] =
    &["", "*", "/?", "/?-", "/a b", "/é", "/\\\\", "/\\\"", "/?a?b", "http://a/b", "/\\n", "?", "//"];
const ODD_PROTOCOLS: &[&str] =
    &[" HTTP/1.1 ", "HTTP/1.1", " http/1.1", "", " HTTP/1.?", "?HTTP/1.1", " HTTP/1. ", " HTTP/11", " FTP/1.10"];
const ODD_STATUSES: &[&str] = &["099", "1000", "2x0", "-", "20", "999", "404"];
const ODD_SIZES: &[&str] = &["12345678", "123456789012", "007", "00", "", "5x", "--", "5-", "5:", "-", "0"];
const ODD_QUOTED: &[&str] = &["", "-", "--", "é", "\\\"", "\\\\", "\\\\\\\"x", "\\u0041", "a\\tb"];
const ODD_TAILS: &[&str] = &[
    " ",
    "\\n",
    " \\\"-\\\"",
    " \\\"--\\\"",
    " \\\"\\\"",
    " \\\"203.0.113.7\\\"",
    " \\\"255.255.255.255\\\"",
    " \\\"1.2\\\"",
    " \\\"1.2.\\\"",
    " \\\"..\\\"",
    " \\\"1/2.3.4\\\"",
    " \\\"1.2.3.4, 5.6.7.8\\\"",
    " \\\"2001:db8::1\\\"",
    " \\\"1.2.3.4\\\" ",
    " \\\"1.2.3.4",
    " \\\"1.2.3.4\\\\\\\"",
    "\\\"1.2.3.4\\\"",
    " \\\"12345678.12345678\\\"",
    " \\\"1234567.\\\"",
    " 0.005 0.004",
    " x",
    " \\\"1.2.x.4\\\"",
    "x",
];

fn line_of(parts: &[&str; 10]) -> String {
    let [address, user, time, method, target, protocol, status, size, referer, agent] = parts;
    format!(r#"{address}{user}{time}] \"{method}{target}{protocol}\" {status} {size} \"{referer}\" \"{agent}\""#)
}

/// Lines of which most are access lines, as they stand in JSON text, with something wrong or rare in many of them.
fn lines() -> impl Strategy<Value = String> {
    let address = mostly(one_of(&["10.0.0.1", "203.0.113.77", "198.51.100.7"]), ODD_ADDRESSES);
    let user = mostly(one_of(&[" - - ["]), ODD_USERS);
    let time = mostly("[0-3][0-9]/(May|Nov)/20[0-2][0-9]:[0-2][0-9]:[0-5][0-9]:[0-5][0-9] \\+0000", ODD_TIMES);
    let method = mostly(one_of(&["GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "PATCH ", "OPTIONS "]), ODD_METHODS);
    let target = prop_oneof![
        12 => r"/[a-z/.]{0,30}(\?[a-z=&-]{0,9})?",
        1 => r"[a-z /?*é日-]{0,20}",
        1 => r#"/(\\\\\\"|\\"|\\u00e9|\\\\|\\n|\\/|[ -~&&[^"\\]]){0,6}"#,
    ];
    let protocol = mostly(one_of(&[" HTTP/1.1", " HTTP/1.0", " HTTP/2.0"]), ODD_PROTOCOLS);
    let status = mostly(one_of(&["200", "200", "404", "503"]), ODD_STATUSES);
    let size = mostly(one_of(&["0", "5", "4711", "1234567", "-"]), ODD_SIZES);
    let quoted = prop_oneof![
        4 => Just("-".to_owned()),
        8 => "(http://[a-z./]{0,40}|Mozilla/5.0 \\([A-Za-z ;]{0,80}\\))",
        1 => r#"(\\\\\\"|\\"|\\t|\\u0041|\\\\|é|日|[ -~&&[^"\\]]){0,12}"#,
        1 => Just(String::new()),
    ];
    let tail = mostly(one_of(&["", "", r#" \"-\""#, r#" \"10.0.0.1\""#]), ODD_TAILS);
    let line = ((address, user, time, method, target), (protocol, status, size, quoted.clone(), quoted, tail))
        .prop_map(|((address, user, time, method, target), (protocol, status, size, referer, agent, tail))| {
            line_of(&[&address, &user, &time, &method, &target, &protocol, &status, &size, &referer, &agent]) + &tail
        });
    prop_oneof![
        8 => line.clone(),
        1 => (line, any::<proptest::sample::Index>()).prop_map(|(line, at)| {
            let cut = at.index(line.len() + 1);
            (0..=cut).rev().find_map(|cut| line.get(..cut)).unwrap_or_default().trim_end_matches('\\').to_owned()
        }),
        1 => select(vec!["hello", "panic: x", r#"{\"path\":\"/a\",\"level\":\"error\"}"#, "level=warn msg=x"]).prop_map(str::to_owned),
    ]
}

fn records() -> impl Strategy<Value = (&'static str, String)> {
    let around = select(vec![
        (r#"{"log":""#, r#""}"#),
        (r#"{"log":""#, r#""}"#),
        (r#"{"log":""#, r#""}"#),
        (
            r#"{"container_id":"0a","log":""#,
            r#"","source":"stdout","ecs_task_arn":"arn:aws:ecs:eu-west-1:123456789012:task/web/0a1b"}"#,
        ),
        (r#"{"container_id":"0b","log":""#, r#"","source":"stdout"}"#),
        (r#" { "log" : ""#, r#"" , "a" : 1 } "#),
        (r#"{"level":"error","message":""#, r#""}"#),
        (r#"{"log":""#, r#"","query":"own"}"#),
        (r#"{"log":""#, r#"","status":500,"path":"/own"}"#),
        (r#"{"log":""#, r#"","log_type":"access"}"#),
        (r#"{"log":""#, r#"","ddtags":"own:1"}"#),
        (r#"{"message":"x","log":""#, r#""}"#),
        (r#"{"log":"x","message":""#, r#""}"#),
    ]);
    let tag = select(vec!["app", "app", "app", "b"]);
    (tag, around, lines()).prop_map(|(tag, (before, behind), line)| (tag, format!("{before}{line}{behind}")))
}

proptest! {
    #[test]
    fn what_came_before_changes_no_answer(records in proptest::collection::vec(records(), 1..40), rules in select(RULES.to_vec())) {
        let config = config(rules);
        let mut warm = TextSorter::new(config.clone());
        for (tag, text) in &records {
            let expected = answer(&mut TextSorter::new(config.clone()), tag, text);
            prop_assert_eq!(answer(&mut warm, tag, text), expected.clone(), "{}", text);
            // Once more, when it may be known.
            prop_assert_eq!(answer(&mut warm, tag, text), expected, "{}", text);
        }
    }

    #[test]
    fn no_byte_of_a_known_line_can_be_wrong_unnoticed(text in records(), at in any::<proptest::sample::Index>(), byte in 1_u8..) {
        let (tag, known) = text;
        let mut warm = TextSorter::new(SorterConfig::default());
        answer(&mut warm, tag, &known);
        let mut changed = known.into_bytes();
        let at = at.index(changed.len());
        *changed.get_mut(at).unwrap() = byte;
        let of = |sorted: Sorted<'_>| match sorted {
            Sorted::Changed(answer) => Some(answer.to_vec()),
            _ => None,
        };
        let expected = of(TextSorter::new(SorterConfig::default()).sort(tag.as_bytes(), &changed));
        prop_assert_eq!(of(warm.sort(tag.as_bytes(), &changed)), expected, "{}", String::from_utf8_lossy(&changed));
    }
}

#[test]
fn more_kinds_and_statuses_than_are_kept_are_answered_like_the_first() {
    let mut warm = TextSorter::new(SorterConfig::default());
    for round in 0..3 {
        for kind in 0..20 {
            for status in (200..600).step_by(19) {
                let line = format!(
                    "10.0.0.{round} - - [17/May/2015:10:05:03 +0000] 'GET /{round} HTTP/1.1' {status} 5 '-' '-'"
                );
                let text = format!(r#"{{"container_id":"{kind}","log":"{}"}}"#, line.replace('\'', "\\\""));
                let expected = answer(&mut TextSorter::new(SorterConfig::default()), "app", &text);
                assert_eq!(answer(&mut warm, "app", &text), expected);
            }
        }
    }
}

#[test]
fn odd_parts_behind_a_usual_line_are_answered_as_they_are_alone() {
    for target in ["/a?b", "/a"] {
        check_odd_parts([
            "10.0.0.1",
            " - - [",
            "17/May/2015:10:05:03 +0000",
            "GET ",
            target,
            " HTTP/1.1",
            "200",
            "5",
            "http://r/",
            "curl",
        ]);
    }
}

fn check_odd_parts(usual: [&str; 10]) {
    let odd = [
        ODD_ADDRESSES,
        ODD_USERS,
        ODD_TIMES,
        ODD_METHODS,
        ODD_TARGETS,
        ODD_PROTOCOLS,
        ODD_STATUSES,
        ODD_SIZES,
        ODD_QUOTED,
        ODD_QUOTED,
    ];
    let record = |line: String| format!(r#"{{"log":"{line}"}}"#);
    let mut warm = TextSorter::new(SorterConfig::default());
    let check = |warm: &mut TextSorter, text: &str| {
        let alone = answer(&mut TextSorter::new(SorterConfig::default()), "app", text);
        assert!(!answer(warm, "app", &record(line_of(&usual))).is_empty());
        assert_eq!(answer(warm, "app", text), alone, "{text}");
    };
    for (at, parts) in odd.into_iter().enumerate() {
        for part in parts {
            let mut line = usual;
            *line.get_mut(at).unwrap() = *part;
            check(&mut warm, &record(line_of(&line)));
        }
    }
    for tail in ODD_TAILS {
        check(&mut warm, &record(line_of(&usual) + tail));
    }
}
