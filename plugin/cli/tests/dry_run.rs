//! What `shiwake dry-run` says of logs, checked against what `shiwake explain` says of each line.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const LOGS: [&str; 7] = [
    "access_apache_combined.log",
    "audit_auth.log",
    "app_kafka_server.log",
    "error_kafka_state_change.log",
    "formats/json.ndjson",
    "formats/load_balancer.log",
    "formats/exceptions.ndjson",
];
/// Rules that drop, sample, parse what is not there, and pass a record on.
const RULES: &str = r#"[type.kafka]
like = "trace"

[[rule]]
name = "team"
match = "sshd"
set = { team = "web" }

[[rule]]
name = "images"
drop = true
when.format = "access"
match = '\.(png|jpg)'

[[rule]]
name = "some"
type = "access"
sample = 0.5
when.format = "access"

[[rule]]
name = "kafka"
type = "kafka"
match = "kafka"
parse = { regex = 'Partition (?<partition>\d+)' }
"#;

fn logs() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    LOGS.iter().map(|log| data.join(log)).collect()
}

fn shiwake(command: &str, rules: Option<&Path>, more: &[&str]) -> String {
    let mut shiwake = Command::new(env!("CARGO_BIN_EXE_shiwake"));
    shiwake.arg(command).args(logs()).args(more);
    if let Some(rules) = rules {
        shiwake.arg("--rules").arg(rules);
    }
    let output = shiwake.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// Counts by name, of a list of objects.
fn counts(list: &Value, name: &str, count: &str) -> BTreeMap<String, u64> {
    let pair = |object: &Value| (object[name].as_str().unwrap().to_owned(), number(&object[count]));
    list.as_array().unwrap().iter().map(pair).filter(|(_, count)| *count > 0).collect()
}

/// Checks the sums of a report against single lines.
fn check(report: &Value, rules: Option<&Path>) {
    let text: Vec<u8> = logs().iter().flat_map(|log| std::fs::read(log).unwrap()).collect();
    let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!((number(&report["lines"]), number(&report["line_bytes"])), (lines, text.len() as u64 - lines));
    let sum = |list: &Value, key: &str| list.as_array().unwrap().iter().map(|object| number(&object[key])).sum::<u64>();
    for key in ["lines", "line_bytes"] {
        let all = sum(&report["types"], key) + number(&report["dropped"][key]) + number(&report["sampled_out"][key]);
        assert_eq!(all, number(&report[key]), "{key}");
    }
    assert_eq!(sum(&report["rules"], "decided"), lines);
    let thrown = number(&report["dropped"]["lines"]) + number(&report["sampled_out"]["lines"]);
    assert_eq!(sum(&report["rules"], "thrown_away"), thrown);

    let (mut types, mut decided, mut fates) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut misread = BTreeMap::new();
    for line in shiwake("explain", rules, &["--format", "json"]).lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        let count = |to: &mut BTreeMap<String, u64>, key: &str| {
            *to.entry(object[key].as_str().unwrap().to_owned()).or_default() += 1;
        };
        count(&mut decided, "rule");
        count(&mut fates, "fate");
        if let Some(format) = object["misread"]["format"].as_str() {
            *misread.entry(format.to_owned()).or_default() += 1;
        }
        if object["fate"] == "kept" {
            count(&mut types, "type");
        }
    }
    assert_eq!(counts(&report["types"], "type", "lines"), types);
    assert_eq!(counts(&report["rules"], "rule", "decided"), decided);
    let told = counts(&report["misread"], "format", "lines");
    assert!(told == misread && told.contains_key("json"), "{told:?}");
    for fate in ["dropped", "sampled_out"] {
        assert_eq!(number(&report[fate]["lines"]), fates.get(fate).copied().unwrap_or(0), "{fate}");
    }
    assert_eq!(number(&report["unknown"]["lines"]), decided.get("otherwise").copied().unwrap_or(0));
}

#[test]
fn the_sums_are_those_of_the_lines() {
    let report: Value = serde_json::from_str(&shiwake("dry-run", None, &["--format", "json"])).unwrap();
    check(&report, None);
    let examples = report["unknown"]["examples"].as_array().unwrap();
    assert!(!examples.is_empty() && examples.len() <= 10);
    for kind in report["types"].as_array().unwrap() {
        // Parquet is smaller than what it was made of, but for a handful of lines.
        assert!(number(&kind["record_bytes"]) > 0, "{kind}");
        let (parquet, lines) = (kind["parquet_bytes"].as_f64().unwrap(), number(&kind["lines"]));
        assert!(parquet > 1_000.0 && (lines < 100 || parquet < kind["line_bytes"].as_f64().unwrap()), "{kind}");
        assert_eq!(kind["parquet_bytes_a_day"], Value::Null);
    }
    assert!(report["slowest"]["rules"].is_array());
    assert!((500..=1_000).contains(&number(&report["slowest"]["measured_lines"])));
}

#[test]
fn what_rules_throw_away_and_cannot_parse_is_counted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), RULES).unwrap();
    let more = ["--format", "json", "--per-day", "1000000", "--examples", "1"];
    let report: Value = serde_json::from_str(&shiwake("dry-run", Some(file.path()), &more)).unwrap();
    check(&report, Some(file.path()));
    let rule =
        |name: &str| report["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == name).cloned().unwrap();
    assert!(number(&report["dropped"]["lines"]) > 50 && number(&report["sampled_out"]["lines"]) > 50);
    assert_eq!(rule("images")["thrown_away"], report["dropped"]["lines"]);
    assert_eq!(rule("some")["thrown_away"], report["sampled_out"]["lines"]);
    // A rule that decides nothing is told by how often it held.
    assert_eq!(rule("team")["decided"], 0);
    assert!(number(&rule("team")["held"]) > 500);
    let unparsed = number(&rule("kafka")["not_parsed"]);
    assert!(unparsed > 0 && unparsed <= number(&rule("kafka")["decided"]));
    assert_eq!(report["unknown"]["examples"].as_array().unwrap().len(), 1);
    for kind in report["types"].as_array().unwrap() {
        let a_day = kind["record_bytes"].as_f64().unwrap() * 1e6 / report["lines"].as_f64().unwrap();
        assert!((kind["record_bytes_a_day"].as_f64().unwrap() - a_day).abs() <= 1.0, "{kind}");
    }
}

#[test]
fn the_text_has_the_same_numbers() {
    let text = shiwake("dry-run", None, &["--per-day", "1000000"]);
    let report: Value = serde_json::from_str(&shiwake("dry-run", None, &["--format", "json"])).unwrap();
    let row = |name: &str| {
        let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        words.into_iter().find(|words| words.first() == Some(&name)).unwrap_or_default()
    };
    for kind in report["types"].as_array().unwrap() {
        let words = row(kind["type"].as_str().unwrap());
        assert_eq!(
            [words[1], words[3], words[4]].map(|word| word.parse::<u64>().unwrap()),
            ["lines", "line_bytes", "record_bytes"].map(|key| number(&kind[key]))
        );
    }
    assert_eq!(row("total")[1], report["lines"].to_string());
    for rule in report["rules"].as_array().unwrap() {
        assert_eq!(row(rule["rule"].as_str().unwrap())[1], rule["decided"].to_string());
    }
    assert!(text.contains(&format!("\nlines that no rule knows: {}\n", report["unknown"]["lines"])), "{text}");
    assert!(text.contains("\na day of 1000000 lines: "), "{text}");
}

#[test]
fn nothing_is_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_shiwake")).args(["dry-run", "/dev/null"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("\ntotal                0    0.0 "));
}
