//! The `shiwake-host` program, from its command line to its summary.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a failure is the test's failure, and modules shared by tests have no public"
)]

mod fixtures;

use std::path::Path;
use std::process::{Command, Output};

use fixtures::Fixtures;
use serde_json::{Value, json};

const LINES: &str = "\
{\"@time\": 1700000000.25, \"log\": \"one\"}

{\"log\": \"two\", \"n\": 2}
{\"@time\": 1700000001, \"log\": \"three\"}
";

fn run(fixtures: &Fixtures, lines: &str, args: &[&str]) -> Output {
    let file = fixtures.directory().join("lines.ndjson");
    std::fs::write(&file, lines).unwrap();
    Command::new(env!("CARGO_BIN_EXE_shiwake-host"))
        .args(["--retry-wait-ms", "0"])
        .args(args)
        .arg(file)
        .output()
        .unwrap()
}

fn summary(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.lines().count(), 1, "{output:?}");
    serde_json::from_str(&text).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn lines_go_through_filter_and_output() {
    let fixtures = Fixtures::new();
    let output = fixtures.build("echo.so", &[]);
    let filter = fixtures.build("flb-filter_echo.so", &[]);
    for layout in ["1.9.10", "4.2.8", "5.1.1"] {
        let ran = run(
            &fixtures,
            LINES,
            &[
                "--layout",
                layout,
                "--filter",
                text(&filter),
                "--filter-prop",
                "mode=twice",
                "--output",
                text(&output),
                "--prop",
                "id=a",
                "--tag",
                "app",
                "--chunk-bytes",
                "1",
            ],
        );
        assert!(ran.status.success(), "{layout}: {ran:?}");
        let expected = json!({
            "records_in": 3, "chunks": 3, "filter_records_out": 6,
            "flush_ok": 3, "flush_retry": 0, "flush_error": 0,
        });
        assert_eq!(summary(&ran), expected, "{layout}");
        let log = String::from_utf8_lossy(&ran.stderr);
        assert!(log.contains("[info] flush id=a tag=app"), "{log}");
        assert!(log.contains("[info] exit id=a"), "{log}");
    }
}

#[test]
fn retries_are_bounded_and_errors_fail_the_run() {
    let fixtures = Fixtures::new();
    let output = fixtures.build("echo.so", &[]);
    let cases =
        [("mode=retry once", "5", (1, 1, 0)), ("mode=retry once", "0", (0, 1, 1)), ("mode=refuse", "5", (0, 0, 1))];
    for (mode, retries, (ok, retry, error)) in cases {
        let args = ["--output", text(&output), "--prop", mode, "--retries", retries];
        let ran = run(&fixtures, LINES, &args);
        let found = summary(&ran);
        let counts = json!([found["flush_ok"], found["flush_retry"], found["flush_error"]]);
        assert_eq!(counts, json!([ok, retry, error]), "{mode} {retries}");
        assert_eq!(ran.status.code(), Some(i32::from(error > 0)), "{mode} {retries}");
    }
}

#[test]
fn a_chunk_the_filter_emptied_is_not_flushed() {
    let fixtures = Fixtures::new();
    let output = fixtures.build("echo.so", &[]);
    let filter = fixtures.build("flb-filter_echo.so", &[]);
    let args = ["--filter", text(&filter), "--filter-prop", "mode=drop", "--output", text(&output)];
    let ran = run(&fixtures, LINES, &args);
    assert!(ran.status.success(), "{ran:?}");
    let found = summary(&ran);
    assert_eq!(json!([found["filter_records_out"], found["flush_ok"]]), json!([0, 0]));
}

#[test]
fn a_bad_line_or_a_plugin_that_refuses_fails_the_run_and_says_why() {
    let fixtures = Fixtures::new();
    let output = fixtures.build("echo.so", &[]);
    let cases = [
        ("{\"log\": 1}\n[2]\n", "id=a", "lines.ndjson line 2: the line is JSON but no object"),
        (LINES, "colour=red", "unknown property colour=red"),
    ];
    for (lines, property, expected) in cases {
        let ran = run(&fixtures, lines, &["--output", text(&output), "--prop", property]);
        assert_eq!(ran.status.code(), Some(1));
        let log = String::from_utf8_lossy(&ran.stderr);
        assert!(log.contains(expected), "{log}");
    }
    let ran = run(&fixtures, LINES, &["--colour", "red"]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
}
