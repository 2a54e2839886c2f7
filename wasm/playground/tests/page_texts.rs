//! What the page says of rules files, and puts into them, holds in them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use shiwake_playground::playground::parse;
use shiwake_records::rules::{Fault, run_test};

fn hints() -> Value {
    serde_json::from_str(include_str!("../page/hints.json")).unwrap()
}

/// The keys that a faulty file is told are known there.
fn known(file: &str) -> Vec<String> {
    let error = parse(file).unwrap_err();
    let found = error.diagnostics.iter().find_map(|diagnostic| match &diagnostic.fault {
        Fault::UnknownKey { known, .. } => Some(known.split(", ").map(str::to_owned).collect()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{error}"))
}

fn sorted(keys: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut keys: Vec<String> = keys.into_iter().collect();
    keys.sort();
    keys
}

#[test]
fn each_key_has_its_hint_and_no_other() {
    let hints = hints();
    for (table, file) in [
        ("rule", "[[rule]]\nname = 'a'\ntype = 'app'\nnothing = 1\n"),
        ("test", "[[test]]\nline = 'a'\nexpect = {}\nnothing = 1\n"),
        ("type", "[type.own]\nnothing = 1\n"),
        ("when", "[[rule]]\nname = 'a'\ntype = 'app'\nwhen = { nothing = 1 }\n"),
    ] {
        let hinted = hints[table].as_object().unwrap().keys().cloned();
        let mut hinted = sorted(hinted);
        let known = sorted(known(file));
        if table == "when" {
            // Tests of a field are known beside a field only.
            hinted.retain(|key| known.contains(key));
        }
        assert_eq!(hinted, known, "{table}");
    }
    let tests = sorted(known("[[rule]]\nname = 'a'\ntype = 'app'\nwhen = { field = 'a', nothing = 1 }\n"));
    let hinted = hints["when"].as_object().unwrap();
    assert!(tests.iter().all(|key| hinted.contains_key(key)), "{tests:?}");
}

#[test]
fn what_is_put_in_for_a_key_can_be_used_and_so_can_each_value_that_is_offered() {
    let hints = hints();
    let mut count = 0;
    for table in ["rule", "test", "type"] {
        for (key, hint) in hints[table].as_object().unwrap() {
            let snippet = hint["snippet"].as_str().unwrap();
            let values = hint["values"].as_array().map(|values| values.iter().map(|it| it.as_str().unwrap()).collect());
            let values: Vec<&str> = values.unwrap_or_default();
            let lines = values.iter().map(|value| format!("{key} = \"{value}\"")).chain([snippet.to_owned()]);
            for line in lines {
                let with = |others: &[(&str, &str)]| {
                    let others =
                        others.iter().filter(|(other, _)| *other != key.as_str()).map(|(_, line)| format!("{line}\n"));
                    others.collect::<String>()
                };
                let file = match (table, key.as_str()) {
                    ("rule", "drop") => format!("[[rule]]\nname = 'a'\nmatch = 'abc'\n{line}\n"),
                    ("rule", _) => format!(
                        "[[rule]]\n{}{line}\n",
                        with(&[("name", "name = 'a'"), ("type", "type = 'app'"), ("match", "match = 'abc'")])
                    ),
                    ("test", "record") => format!("[[test]]\n{line}\nexpect = {{ dropped = false }}\n"),
                    ("test", _) => {
                        format!(
                            "[[test]]\n{}{line}\n",
                            with(&[("line", "line = 'a'"), ("expect", "expect = { dropped = false }")])
                        )
                    }
                    _ => format!("[type.own]\n{line}\n[[rule]]\nname = 'a'\ntype = 'own'\nmatch = 'abc'\n"),
                };
                parse(&file).unwrap_or_else(|error| panic!("{error}\n{file}"));
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn the_rules_of_the_samples_pass_their_tests() {
    let rules = parse(include_str!("../samples/own_rules.toml")).unwrap();
    assert_eq!(rules.own_tests().len(), 2);
    for test in rules.own_tests() {
        assert_eq!(run_test(&rules, test), [], "{}", test.name);
    }
}
