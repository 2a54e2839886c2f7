//! A record costs the interpreter no more than it did: against slow decay, which no time measured on a busy machine would show.
//!
//! Counted are wasmi's units of fuel. The host's interpreter makes one instruction of three to five of them, as it has none for constants
//! and local variables.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use shiwake_wasm_host::{Frees, Host, read_shipped};
use std::path::Path;

/// How much more than what is kept here is allowed: a compiler's version makes about so much of a difference.
const MORE_ALLOWED: f64 = 1.1;
/// What is better than this should be kept, or it may be lost again unseen.
const LESS_EXPECTED: f64 = 0.8;

fn sample_lines(file: &str) -> Vec<String> {
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data")).join(file);
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).take(500).collect()
}

/// What a record costs in the mean when all of them come for the first time, and when they have come twice before: then it is
/// known what follows from their keys.
fn costs(records: impl Iterator<Item = String>) -> [f64; 2] {
    let mut host = Host::start(&read_shipped("shiwake.wasm").unwrap(), Frees::AfterTheCall).unwrap();
    let records: Vec<String> = records.collect();
    let [first, _, third] = [(); 3].map(|()| {
        let fuel = |record: &String| {
            host.filter(b"tail.0", record.as_bytes()).unwrap();
            host.used_fuel() as f64
        };
        records.iter().map(fuel).sum::<f64>() / records.len() as f64
    });
    [first, third]
}

fn line_record(line: &str) -> String {
    json!({"log": line}).to_string()
}

#[track_caller]
fn check(records: impl Iterator<Item = String>, kept: [f64; 2]) {
    let now = costs(records);
    for (now, kept) in now.into_iter().zip(kept) {
        assert!(now <= kept * MORE_ALLOWED, "{now:.0} a record, {kept} are kept here");
        assert!(now >= kept * LESS_EXPECTED, "{now:.0} a record, {kept} are kept here; keep the new number");
    }
}

#[test]
fn access_lines() {
    check(sample_lines("access_apache_combined.log").iter().map(|line| line_record(line)), [3_473.0, 2_753.0]);
}

#[test]
fn access_lines_of_firelens() {
    let record = |line: &String| {
        json!({
            "container_id": "0123456789abcdef0123456789abcdef-1234567890", "container_name": "/web", "source": "stdout", "log": line,
            "ecs_cluster": "shop", "ecs_task_definition": "web:42",
            "ecs_task_arn": "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef0123456789abcdef",
        })
        .to_string()
    };
    check(sample_lines("access_apache_combined.log").iter().map(record), [4_547.0, 3_391.0]);
}

#[test]
fn records_with_fields() {
    let lines = sample_lines("formats/json.ndjson");
    let records = lines.iter().map(|record| {
        let record: Value = serde_json::from_str(record).unwrap();
        record.get("log").and_then(Value::as_str).unwrap().to_owned()
    });
    check(records.filter(|text| text.starts_with('{')), [78_464.0, 42_256.0]);
}

#[test]
fn lines_of_json() {
    check(sample_lines("formats/json.ndjson").into_iter(), [135_855.0, 88_804.0]);
}

#[test]
fn lines_of_a_logger() {
    check(sample_lines("app_kafka_server.log").iter().map(|line| line_record(line)), [42_223.0, 39_788.0]);
}
