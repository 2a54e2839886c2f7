//! What is said of rules as never reached or never matching is so: random conditions are tried on random records.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shiwake_records::rules::{RuleSet, run_test};
use std::sync::Arc;

/// Texts that are often found in each other.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[ab]{0,3}", 1 => "[+-]?[0-2](\\.0)?", 1 => "[aü/]{1,2}"]
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[ab]{0,3}",
        3 => "(\\(\\?i\\))?\\^?(a|b|ab|a\\*|\\(a\\|b\\)|\\(ab\\)\\?|\\.){1,3}\\$?",
        1 => "a\\^b|\\[\\^\\\\s\\\\S\\]",
    ]
}

fn field() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("x"), 1 => Just("container_name")]
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![4 => text().prop_map(|text| format!("'{text}'")), 1 => "[0-2]", 1 => "true|false"]
}

/// A list of quoted texts.
fn list(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::collection::vec(item, 1..3).prop_map(|items| format!("['{}']", items.join("', '")))
}

fn test() -> impl Strategy<Value = String> {
    prop_oneof![
        "exists = (true|false)",
        "is = '(text|number|bool|list)'",
        proptest::collection::vec(scalar(), 1..3).prop_map(|scalars| format!("in = [{}]", scalars.join(", "))),
        list(text()).prop_map(|texts| format!("prefix = {texts}")),
        list(text()).prop_map(|texts| format!("suffix = {texts}")),
        list(text()).prop_map(|texts| format!("contains = {texts}")),
        list("[abü*?]{0,3}".boxed()).prop_map(|globs| format!("glob = {globs}")),
        list(pattern()).prop_map(|patterns| format!("regex = {patterns}")),
        "at_least = [0-2]",
        "less_than = [0-2]",
    ]
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => (field(), test()).prop_map(|(field, test)| format!("{{ field = '{field}', {test} }}")),
        2 => list(pattern()).prop_map(|patterns| format!("{{ match = {patterns} }}")),
        1 => list("[ab*?]{0,3}".boxed()).prop_map(|globs| format!("{{ tag = {globs} }}")),
        1 => "\\{ source = (\\['stdout', 'stderr'\\]|'stdout'|'stderr') \\}",
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("{{ not = {inner} }}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{{ any = [{one}, {other}] }}")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("{{ all = [{one}, {other}] }}")),
        ]
    })
}

/// A test for some record, without what it expects.
fn record() -> impl Strategy<Value = String> {
    let value = || prop_oneof![4 => scalar(), 1 => Just("[1]".to_owned())];
    let fields = (text(), proptest::option::of(value()), proptest::option::of(value()), "stdout|stderr|x", "[ab]{0,3}");
    fields.prop_map(|(log, x, container, source, tag)| {
        let x = x.map(|x| format!(", x = {x}")).unwrap_or_default();
        let container = container.map(|name| format!(", container_name = {name}")).unwrap_or_default();
        format!("[[test]]\ntag = '{tag}'\nrecord = {{ log = '{log}', source = '{source}'{x}{container} }}\n")
    })
}

/// Whether the condition holds for the record; `None` when it cannot be used alone.
fn holds(condition: &str, record: &str) -> Option<bool> {
    let text = format!(
        "builtin = false\n[[rule]]\nname = 'a'\ntype = 'audit'\nwhen = {condition}\n{record}expect.rule = 'a'\n"
    );
    let rules = Arc::new(RuleSet::parse("r", &text).ok()?);
    Some(run_test(&rules, rules.own_tests().first().unwrap()).is_empty())
}

fn refusal(rules: &str) -> String {
    RuleSet::parse("r", rules).err().map(|error| error.to_string()).unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_never_reached_or_never_matches_is_so(
        first in condition(), second in condition(), third in condition(), records in proptest::collection::vec(record(), 4),
    ) {
        let rule = |name: &str, when: &str| format!("[[rule]]\nname = '{name}'\ntype = 'app'\nwhen = {when}\n");
        let refused = refusal(&format!("{}{}{}", rule("a", &first), rule("b", &second), rule("c", &third)));
        let together = refusal(&rule("a", &format!("[{first}, {second}]")));
        for record in &records {
            let answers = [&first, &second, &third].map(|condition| holds(condition, record));
            let [Some(one), Some(two), Some(three)] = answers else { return Ok(()) };
            if together.contains("can never match") {
                prop_assert!(!one || !two, "{together}\n{record}");
            }
            if refused.contains("rule 'b' is never reached") {
                prop_assert!(!two || one, "{refused}\n{record}");
            }
            if refused.contains("rule 'c' is never reached") {
                prop_assert!(!three || one || two, "{refused}\n{record}");
            }
        }
    }
}
