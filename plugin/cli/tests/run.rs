//! What `shiwake run` makes of logs: a lake that has every line once and that `shiwake ledger` adds up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn logs() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    ["access_apache_combined.log", "audit_auth.log", "error_kafka_state_change.log", "formats/json.ndjson"]
        .map(|log| data.join(log))
        .to_vec()
}

fn lines(logs: &[PathBuf]) -> u64 {
    logs.iter().map(|log| fs::read(log).unwrap().iter().filter(|byte| **byte == b'\n').count() as u64).sum()
}

fn shiwake(arguments: &[&str], logs: &[PathBuf]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shiwake")).args(arguments).args(logs).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_line_is_in_the_lake_once_and_the_ledger_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let output = shiwake(&["run", "--lake", &lake, "--format", "json"], &logs());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "no progress where nobody looks at it");
    let report = json(&output);
    assert_eq!(report["total"]["in"], lines(&logs()));
    assert_eq!(report["total"]["written"], lines(&logs()));
    let ledger = shiwake(&["ledger", &lake, "--format", "json"], &[]);
    assert_eq!(ledger.status.code(), Some(0));
    let ledger = json(&ledger);
    assert_eq!(ledger["total"]["rows"], lines(&logs()));
    assert_eq!(ledger["total"]["files"], report["objects"]);
    for of_type in report["types"].as_array().unwrap() {
        let tables = ledger["types"].as_array().unwrap();
        let table = tables.iter().find(|table| table["type"] == of_type["type"]).unwrap();
        assert_eq!(table["rows"], of_type["written"], "{of_type}");
    }
}

#[test]
fn rules_sort_and_drop_and_need_no_store_dir() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    let text = "[type.logins]\nlike = 'audit'\ndurability = 'fsync'\n[[rule]]\nname = 'logins'\ntype = 'logins'\n\
                match = 'sshd'\n[[rule]]\nname = 'images'\nmatch = '\\.png'\ndrop = true\n";
    fs::write(&rules, text).unwrap();
    let lake = folder.path().join("lake");
    let (lake_name, rules) = (lake.display().to_string(), rules.display().to_string());
    let output = shiwake(&["run", "--lake", &lake_name, "--rules", &rules, "--format", "json"], &logs());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json(&output);
    let total = &report["total"];
    let dropped = total["dropped"].as_u64().unwrap();
    assert!(dropped > 0 && report["dropped_by"]["images"] == dropped, "{report}");
    assert_eq!(total["written"].as_u64().unwrap() + dropped, lines(&logs()));
    assert!(lake.join("type=logins").is_dir());
}

#[test]
fn standard_input_is_read_when_no_file_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let mut shiwake = Command::new(env!("CARGO_BIN_EXE_shiwake"))
        .args(["run", "--lake", &lake])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    shiwake.stdin.take().unwrap().write_all(b"one\n{\"level\":\"error\",\"msg\":\"two\"}\nthree").unwrap();
    let output = shiwake.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.lines().any(|line| line.starts_with("total") && line.contains(" 3 ")), "{text}");
    assert!(text.ends_with("every record is accounted for\n"), "{text}");
}

#[test]
fn what_cannot_be_done_exits_with_2_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let missing = folder.path().join("missing.log").display().to_string();
    for (arguments, says) in [
        (vec!["run", "--lake", &lake, &missing], "missing.log: No such file"),
        (vec!["run", "--lake", &lake, "--rules", &missing], "cannot read"),
        (vec!["run", "--lake", "gs://x"], "has the scheme 'gs'"),
        (vec!["run", "--lake", &lake, "--memory-limit", "1k"], "a size from 16M to 64G is allowed"),
    ] {
        let output = shiwake(&arguments, &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
    assert!(!Path::new(&lake).exists());
}
