//! `docs/rules.md` says what is so: its examples load, their tests pass, and it names everything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use shiwake_records::line::LineFormat;
use shiwake_records::log_type::LogType;
use shiwake_records::rules::{
    MAX_COLUMNS, MAX_FILES, MAX_FROM, MAX_GLOB_BYTES, MAX_RULES, MAX_SET_FIELDS, MAX_TYPES, RuleSet, SourceFile,
    ValueKind, lint, run_test,
};
use shiwake_records::severity::Severity;
use std::sync::Arc;

const DOCUMENT: &str = include_str!("../../../docs/rules.md");
const README: &str = include_str!("../../../README.md");
const SCHEMA: &str = include_str!("../../../docs/schema.md");

fn examples(document: &'static str) -> Vec<&'static str> {
    document.split("```toml\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0).collect()
}

/// Loads an example; the files that it includes are empty.
fn load(number: usize, text: &str) -> Arc<RuleSet> {
    let rules = RuleSet::load("docs/rules.md", &mut |_, included| {
        let (name, text) = included.map_or(("docs/rules.md", text), |included| (included, ""));
        Ok(SourceFile::new(name, text))
    });
    Arc::new(rules.unwrap_or_else(|error| panic!("example {number}: {error}\n{text}")))
}

#[test]
fn every_example_loads_and_its_tests_pass() {
    let (of_document, of_readme, of_schema) = (examples(DOCUMENT), examples(README), examples(SCHEMA));
    assert!(of_document.len() >= 10 && !of_readme.is_empty() && !of_schema.is_empty(), "{}", of_document.len());
    for (number, text) in of_document.iter().chain(&of_readme).chain(&of_schema).enumerate() {
        let rules = load(number, text);
        assert!(!rules.own_tests().is_empty() || number >= of_document.len(), "{text}");
        for test in rules.own_tests() {
            assert_eq!(run_test(&rules, test), [], "{}\n{text}", test.name);
        }
    }
}

#[test]
fn the_first_example_is_one_to_copy() {
    let rules = load(0, examples(DOCUMENT).first().unwrap());
    assert_eq!(lint(&rules), []);
}

#[test]
fn every_name_and_limit_is_told() {
    let formats = LineFormat::ALL.iter().map(|(name, _)| *name);
    let kinds = ValueKind::ALL.iter().map(|(name, _)| *name);
    let severities = Severity::ALL.into_iter().map(Severity::name);
    let types = LogType::BUILT_IN.iter().map(LogType::name);
    for name in formats.chain(kinds).chain(severities).chain(types) {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "{name}");
    }
    let limits = [
        ("files of a set", MAX_FILES),
        ("types of your own", MAX_TYPES),
        ("columns of a type", MAX_COLUMNS),
        ("fields that fill a column", MAX_FROM),
        ("fields that all rules set or take out of lines by their own patterns", MAX_SET_FIELDS),
        ("bytes of a pattern with `*` and `?`", MAX_GLOB_BYTES),
    ];
    for (what, limit) in limits {
        assert!(DOCUMENT.contains(&format!("\n| {what} | {limit} |\n")), "{what}");
    }
    assert!(DOCUMENT.contains("\n| rules of a set | 1,000 |\n") && MAX_RULES == 1_000);
    // What is wrong with a file is told with the keys that are known; so all of them are told here too.
    let unknown = "unknown = 1\n[type.a]\nunknown = 1\n[type.a.columns]\nb = { type = 'text', unknown = 1 }\n\
                   [[rule]]\nname = 'a'\nunknown = 1\nwhen.unknown = 1\nsample.unknown = 1\nparse.unknown = 1\n\
                   [[test]]\nunknown = 1\nexpect.unknown = 1\n";
    let error = RuleSet::parse("rules", unknown).unwrap_err().to_string();
    let known: Vec<&str> =
        error.split("known are: ").skip(1).map(|rest| rest.split_once(';').map_or(rest, |it| it.0)).collect();
    assert_eq!(known.len(), 9, "{error}");
    for key in known.iter().flat_map(|known| known.split(", ")) {
        let told = [format!("`{key}"), format!("[[{key}]]"), format!("[{key}."), format!("{key} = ")];
        assert!(told.iter().any(|told| DOCUMENT.contains(told)), "{key}");
    }
}
