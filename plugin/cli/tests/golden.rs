//! What `shiwake explain` says of sample lines, kept in `tests/data/golden` and looked at by people.
//!
//! `UPDATE_GOLDEN=1 cargo test -p shiwake-cli --test golden` writes the files anew; the difference is then for review.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const LOGS: [&str; 21] = [
    "access_apache_combined.log",
    "audit_auth.log",
    "error_kafka_state_change.log",
    "app_kafka_controller.log",
    "app_kafka_server.log",
    "deep_nested_nginxplus_status.ndjson",
    "formats/json.ndjson",
    "formats/logfmt.log",
    "formats/load_balancer.log",
    "formats/cloudfront.log",
    "formats/proxy.log",
    "formats/nginx_error.log",
    "formats/apache_error.log",
    "formats/syslog.log",
    "formats/access.log",
    "formats/logger.log",
    "formats/audit.ndjson",
    "formats/web_framework.log",
    "formats/vpc_flow.log",
    "formats/exceptions.ndjson",
    "formats/exception_lines.log",
];
/// Lines taken of each file of real logs: the first ones, and then every so many. Examples of formats are taken whole.
const FIRST: usize = 20;
const EVERY: usize = 37;
/// Bytes of an explanation that are kept; nested records are long.
const KEPT_BYTES: usize = 600;

fn explain(lines: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shiwake"))
        .arg("explain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines = lines.to_owned();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn sample_lines_are_explained_as_before() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data"));
    for log in LOGS {
        let text = std::fs::read_to_string(data.join(log)).unwrap();
        let is_format = log.starts_with("formats/");
        let is_taken = |number: usize| is_format || number < FIRST || number.is_multiple_of(EVERY);
        let sample = text.lines().enumerate().filter(|(number, _)| is_taken(*number));
        let lines = sample.fold(String::new(), |lines, (_, line)| lines + line + "\n");
        let explained = explain(&lines).lines().fold(String::new(), |mut kept, line| {
            let kept_bytes = if is_format { usize::MAX } else { KEPT_BYTES };
            let _ = writeln!(kept, "{}", line.chars().take(kept_bytes).collect::<String>());
            kept
        });
        let golden = data.join("golden").join(format!("{}.txt", log.replace('/', "_")));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &explained).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(&golden).unwrap();
        for (number, (is, was)) in explained.lines().zip(expected.lines()).enumerate() {
            assert_eq!(is, was, "{log}, sample {}", number + 1);
        }
        assert_eq!(explained.lines().count(), expected.lines().count(), "{log}");
    }
}

#[test]
fn a_file_that_is_not_there_is_said_and_fails() {
    let output = Command::new(env!("CARGO_BIN_EXE_shiwake")).args(["explain", "/not/there"]).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("shiwake: cannot read /not/there: "), "{error}");
}

#[test]
fn json_is_one_object_a_line_with_the_rule_and_the_record() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shiwake"))
        .args(["explain", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"[x] ERROR y\n{\"level\": 50, \"msg\": \"z\"}\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let objects: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = objects.iter().map(|object| serde_json::json!({"rule": object["rule"], "record": object["record"]}));
    let expected = [
        serde_json::json!({"rule": "error-line", "record": {"log": "[x] ERROR y", "log_type": "error", "severity": "error"}}),
        serde_json::json!({"rule": "error-level", "record": {"level": 50, "msg": "z", "log_type": "error", "severity": "error"}}),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}
