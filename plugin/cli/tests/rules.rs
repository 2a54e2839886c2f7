//! The commands about rules: explain, test, lint and rules.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use shiwake_records::rules::BUILT_IN_RULES;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A rules file with a rule of every kind.
const RULES: &str = r#"[type.billing]
like = "audit"

[[rule]]
name = "team"
when.tag = "pay-*"
set = { team = "payments" }

[[rule]]
name = "health"
drop = true
when.format = "access"
match = "GET /health"

[[rule]]
name = "bill"
type = "billing"
when = { field = "amount", at_least = 100 }
match = '^bill \w+'

[[test]]
name = "health checks are dropped"
line = '203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] "GET /health HTTP/1.1" 200 2 "-" "curl/8.5"'
expect = { rule = "health", dropped = true }

[[test]]
name = "a bill"
record = { log = "bill maria", amount = 100 }
expect = { rule = "bill", type = "billing" }

[[test]]
line = "x"
tag = "pay-1"
expect.fields.team = "payments"
"#;
const ACCESS_LINE: &str =
    r#"203.0.113.7 - - [29/Nov/2026:10:00:00 +0000] "GET /cart?id=1 HTTP/1.1" 404 512 "-" "curl/8.5""#;

/// What a command says, and its exit code.
struct Answer {
    out: String,
    error: String,
    code: i32,
}

impl Answer {
    fn objects(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn shiwake(arguments: &[&str], input: &str) -> Answer {
    shiwake_in(Path::new("."), arguments, input)
}

fn shiwake_in(folder: &Path, arguments: &[&str], input: &str) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shiwake"))
        .current_dir(folder)
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Commands that read no input may be gone.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { out: text(output.stdout), error: text(output.stderr), code: output.status.code().unwrap() }
}

/// A rules file in a folder of its own.
struct RulesFile {
    name: String,
    folder: TempDir,
}

fn file(text: &str) -> RulesFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rules.toml");
    std::fs::write(&path, text).unwrap();
    RulesFile { name: path.to_str().unwrap().to_owned(), folder }
}

#[test]
fn a_single_line_is_told_whole() {
    let answer = shiwake(&["explain"], &format!("{ACCESS_LINE}\n"));
    let expected = format!(
        "{ACCESS_LINE}
  rule      access-line  built-in rules:{}
  because   format is access (format access)
  type      access
  severity  warn
  fate      kept
  goes to   type=access/dt=2026-11-29/hour=10
  fields    remote_addr=\"203.0.113.7\"
            method=\"GET\"
            path=\"/cart\"
            query=\"id=1\"
            protocol=\"HTTP/1.1\"
            status=404
            bytes=512
            user_agent=\"curl/8.5\"

",
        BUILT_IN_RULES.lines().position(|line| line == "name = \"access-line\"").unwrap() + 1
    );
    assert_eq!((answer.out.as_str(), answer.code), (expected.as_str(), 0));
    // Of several lines it is only told when it is asked for.
    let two = format!("{ACCESS_LINE}\n{ACCESS_LINE}\n");
    assert_eq!(shiwake(&["explain"], &two).out.lines().count(), 2);
    assert_eq!(shiwake(&["explain", "--why"], &two).out, expected.repeat(2));
}

#[test]
fn own_rules_are_told_with_what_they_miss() {
    let rules = file(RULES);
    let record = r#"{"log": "bill maria", "amount": 99}"#;
    let answer = shiwake(&["explain", "--rules", &rules.name, "--tag", "pay-7"], record);
    for line in [
        "  rule      otherwise  built-in rules:",
        "  applied   team: tag like 'pay-*' (tag 'pay-7')",
        "  because   it always holds",
        "  goes to   type=app, in the hour in which Fluent Bit took it",
        "  fields    team=\"payments\"",
        "  nearly    bill misses: amount is at least 100 (amount=99)",
    ] {
        assert!(answer.out.lines().any(|told| told.starts_with(line)), "{line}\n{}", answer.out);
    }
    let answer = shiwake(&["explain", "--rules", &rules.name], r#"{"log": "bill maria", "amount": 100}"#);
    for line in [
        format!("  rule      bill  {}:16", rules.name),
        "  because   amount is at least 100 (amount=100)".to_owned(),
        "            line matches '^bill \\w+' ('bill maria')".to_owned(),
        "  type      billing, like audit".to_owned(),
    ] {
        assert!(answer.out.lines().any(|told| told == line), "{line}\n{}", answer.out);
    }
}

#[test]
fn what_is_not_for_the_lake_is_told_so() {
    let rules = file("[type.pay]\nlake = false\n[[rule]]\nname = 'pay'\ntype = 'pay'\nmatch = '^pay '\n");
    let line = "{\"log\": \"pay 17\", \"time\": \"2026-11-29T10:00:00Z\"}\n";
    let answer = shiwake(&["explain", "--rules", &rules.name], line);
    let told = "  goes to   Datadog, not the lake: [type.pay] says lake = false";
    assert!(answer.out.lines().any(|line| line == told), "{}", answer.out);
    let other = "{\"log\": \"x\", \"time\": \"2026-11-29T10:00:00Z\"}\n";
    let both = shiwake(&["explain", "--format", "json", "--rules", &rules.name], &format!("{line}{other}"));
    let told: Vec<Value> =
        both.objects().iter().map(|it| json!([it["lane"], it["lake"], it["partition"].is_null()])).collect();
    assert_eq!(told, [json!(["pay", false, true]), json!(["app", true, false])]);
}

#[test]
fn a_line_in_place_of_a_file_is_answered_with_how_to_give_it() {
    for line in ["ERROR it's gone".to_owned(), "x".repeat(5_000)] {
        let answer = shiwake(&["explain", &line], "");
        let told = format!("echo '{}' | shiwake explain\n", line.replace('\'', r"'\''"));
        assert!(answer.error.starts_with(&format!("shiwake: cannot read {line}: ")), "{}", answer.error);
        assert!(answer.error.ends_with(&told), "{}", answer.error);
        assert_eq!(answer.code, 2);
    }
}

#[test]
fn objects_tell_reasons_near_misses_and_what_is_not_kept() {
    let rules = file(RULES);
    let health = ACCESS_LINE.replace("/cart?id=1", "/health");
    let input = format!("{health}\n{{\"log\": \"bill maria\", \"amount\": 7}}\n{ACCESS_LINE}\n");
    let answer = shiwake(&["explain", "--format", "json", "--rules", &rules.name, "--tag", "pay-7"], &input);
    let objects = answer.objects();
    let [dropped, missed, kept] = objects.as_slice() else { unreachable!("three lines") };
    let fate = |object: &Value| json!([object["rule"], object["fate"], object["lane"], object["partition"]]);
    assert_eq!(fate(dropped), json!(["health", "dropped", null, null]));
    assert_eq!(dropped["record"], Value::Null);
    assert_eq!(
        dropped["because"],
        json!([
            {"condition": "format is access", "found": "format access"},
            {"condition": "line matches 'GET /health'", "found": "'GET /health'"},
        ])
    );
    assert_eq!(fate(missed), json!(["otherwise", "kept", "app", null]));
    assert_eq!(missed["nearly"], json!([{"rule": "bill", "condition": "amount is at least 100", "found": "amount=7"}]));
    let team = json!([{"rule": "team", "because": [{"condition": "tag like 'pay-*'", "found": "tag 'pay-7'"}]}]);
    assert_eq!(missed["applied"], team);
    assert_eq!(fate(kept), json!(["access-line", "kept", "access", "type=access/dt=2026-11-29/hour=10"]));
    assert_eq!(kept["record"]["team"], "payments");
    // In a line of text what is not kept is told too.
    let answer = shiwake(&["explain", "--rules", &rules.name], &input);
    assert!(answer.out.starts_with("app      warn      health          dropped  | 203.0.113.7"), "{}", answer.out);
}

#[test]
fn colour_is_for_terminals_or_on_demand_and_logs_cannot_steer_them() {
    let line = "\u{1b}[2J ERROR x";
    assert!(!shiwake(&["explain"], line).out.contains('\u{1b}'));
    assert!(!shiwake(&["explain", "--color", "never"], line).out.contains('\u{1b}'));
    let colored = shiwake(&["explain", "--color", "always"], line).out;
    assert!(colored.contains("\u{1b}[32mkept") && !colored.contains("\u{1b}[2J"), "{colored}");
    assert!(colored.starts_with("\\u{1b}[2J ERROR x"), "{colored}");
}

#[test]
fn tests_that_pass_are_told_and_make_0() {
    let rules = file(RULES);
    let answer = shiwake(&["test", &rules.name], "");
    let expected = [(21, "health checks are dropped"), (26, "a bill"), (31, "test 3")];
    let lines = expected.map(|(line, name)| format!("ok    {}:{line}: {name}\n", rules.name)).concat();
    assert_eq!(answer.out, format!("{lines}3 tests, 0 failed; files that cannot be used: 0\n"));
    assert_eq!(answer.code, 0);
}

#[test]
fn tests_that_fail_tell_what_they_found_and_make_1() {
    let rules = file(&RULES.replace("dropped = true }", "dropped = false, type = \"access\" }"));
    let answer = shiwake(&["test", &rules.name], "");
    let told = format!(
        "FAIL  {}:21: health checks are dropped\n      type: expected access, found app\n      dropped: expected false, found true\n",
        rules.name
    );
    assert!(answer.out.starts_with(&told), "{}", answer.out);
    assert!(answer.out.ends_with("3 tests, 1 failed; files that cannot be used: 0\n"), "{}", answer.out);
    assert_eq!(answer.code, 1);

    let answer = shiwake(&["test", "--format", "json", &rules.name], "");
    let objects = answer.objects();
    assert_eq!(
        objects[0],
        json!({"kind": "test", "file": rules.name, "line": 21, "name": "health checks are dropped", "passed": false, "differences": [
            {"what": "type", "expected": "access", "found": "app"},
            {"what": "dropped", "expected": "false", "found": "true"},
        ]})
    );
    assert_eq!((objects.len(), objects[1]["passed"].clone(), answer.code), (3, json!(true), 1));
}

#[test]
fn a_file_without_tests_makes_1_and_an_unusable_one_2() {
    let none = file("[[rule]]\nname = 'a'\ntype = 'app'\nmatch = 'abc'\n");
    assert_eq!(shiwake(&["test", &none.name], "").code, 1);
    let wrong = file("[[rule]]\nname = 'a'\ntype = 'adit'\nmatch = 'abc'\nparze = 'none'\n");
    let answer = shiwake(&["test", &none.name, &wrong.name], "");
    let told = format!("error: {}:3:8: unknown type 'adit', did you mean 'audit'?", wrong.name);
    assert!(answer.out.starts_with(&told), "{}", answer.out);
    let told = format!("\nerror: {}:5:1: unknown key 'parze' in a rule, did you mean 'parse'?", wrong.name);
    assert!(answer.out.contains(&told), "{}", answer.out);
    assert!(answer.out.contains("\n 5 | parze = 'none'\n   | ^^^^^\n"), "{}", answer.out);
    assert_eq!(answer.code, 2);
    let answer = shiwake(&["test", "--format", "json", &wrong.name], "");
    let told: Vec<Value> =
        answer.objects().iter().map(|object| json!([object["kind"], object["line"], object["column"]])).collect();
    assert_eq!(told, [json!(["error", 3, 8]), json!(["error", 5, 1])]);
    assert_eq!(answer.code, 2);
    // For other commands such a file is an error.
    for command in ["explain", "dry-run"] {
        let answer = shiwake(&[command, "--rules", &wrong.name], "x\n");
        assert!(answer.error.starts_with("shiwake: the rules cannot be used\n"), "{}", answer.error);
        assert!(answer.error.contains("\n 5 | parze = 'none'\n   | ^^^^^\n"), "{}", answer.error);
        assert_eq!((answer.out.as_str(), answer.code), ("", 2));
    }
    let answer = shiwake(&["test", "/not/there.toml"], "");
    assert!(answer.out.contains("cannot read /not/there.toml"), "{}", answer.out);
    assert_eq!(answer.code, 2);
}

#[test]
fn lint_tells_warnings_and_denies_them_when_asked() {
    let good = file(RULES);
    let answer = shiwake(&["lint", "--deny-warnings", &good.name], "");
    assert_eq!((answer.out.as_str(), answer.code), ("0 errors, 0 warnings\n", 0));

    let doubtful =
        file("[[rule]]\nname = 'short'\ntype = 'app'\nmatch = '\\d+x'\n[[test]]\nline = '1x'\nexpect.rule = 'short'\n");
    let answer = shiwake(&["lint", &doubtful.name], "");
    let start = format!("warning: {}:2:8: rule 'short': the pattern '\\d+x' has no three bytes", doubtful.name);
    assert!(answer.out.starts_with(&start), "{}", answer.out);
    assert!(
        answer.out.ends_with("\n 2 | name = 'short'\n   |        ^^^^^^^\n0 errors, 1 warnings\n"),
        "{}",
        answer.out
    );
    assert_eq!(answer.code, 0);
    assert_eq!(shiwake(&["lint", "--deny-warnings", &doubtful.name], "").code, 1);
    let answer = shiwake(&["lint", "--format", "json", &doubtful.name], "");
    let object = &answer.objects()[0];
    let keys = json!([object["kind"], object["file"], object["line"], object["column"]]);
    assert_eq!(keys, json!(["warning", doubtful.name, 2, 8]));
    assert!(object["message"].as_str().unwrap().starts_with("rule 'short': the pattern"));

    let wrong = file("[[rule]]\nname = 'a'\ntype = 'app'\nwhen.feild = 'x'\n");
    let answer = shiwake(&["lint", &doubtful.name, &wrong.name], "");
    assert!(answer.out.contains("\n 4 | when.feild = 'x'\n   |      ^^^^^\n"), "{}", answer.out);
    assert!(answer.out.ends_with(" errors, 1 warnings\n"), "{}", answer.out);
    assert_eq!(answer.code, 2);
}

#[test]
fn the_built_in_rules_are_printed_as_they_are_and_pass_as_a_file() {
    let answer = shiwake(&["rules"], "");
    assert_eq!((answer.out.as_str(), answer.code), (BUILT_IN_RULES, 0));
    // A copy of them does as they do.
    let copy = file(&answer.out);
    let tested = shiwake(&["test", &copy.name], "");
    assert!(tested.out.ends_with(" tests, 0 failed; files that cannot be used: 0\n"), "{}", tested.out);
    assert_eq!(tested.code, 0);
    let linted = shiwake(&["lint", "--deny-warnings", &copy.name], "");
    assert_eq!((linted.out.as_str(), linted.code), ("0 errors, 0 warnings\n", 0));
    let explained = |rules: &[&str]| {
        let lines = format!("{ACCESS_LINE}\nERROR x\nhello\n");
        shiwake(&[&["explain", "--format", "json"], rules].concat(), &lines).out
    };
    assert_eq!(explained(&["--rules", &copy.name]), explained(&[]));
    let names = shiwake(&["rules", "--names"], "").out;
    let rules = BUILT_IN_RULES.lines().filter(|line| line.starts_with("name = ")).filter(|line| line.contains('-'));
    assert!(rules.clone().count() > 15);
    for name in
        rules.map(|line| line.trim_start_matches("name = ").trim_matches('"')).filter(|name| !name.contains(' '))
    {
        assert!(names.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}\n{names}");
    }
    let words: Vec<&str> = names.split_whitespace().collect();
    assert!(
        words.join(" ").contains("nginx-error-line error format is nginx_error and severity is error or "),
        "{names}"
    );
}

#[test]
fn whoever_stops_reading_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_shiwake"))
        .arg("explain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    // More than any pipe holds, until the other end is closed.
    while input.write_all(&b"ERROR x\n".repeat(1_000)).is_ok() {}
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

#[test]
fn the_readme_shows_what_explain_says() {
    let readme = include_str!("../../../README.md");
    let block = |start: &str| readme.split(start).nth(1).unwrap().split_once("```").unwrap().0;
    let rules = file(block("```toml\n"));
    let folder = rules.folder.path();
    let answer = shiwake_in(folder, &["explain", "--rules", "rules.toml"], "invoice paid 17 9.50 by maria");
    assert!(readme.contains(&format!("```text\n{}\n```", answer.out.trim_end())), "{}", answer.out);
    assert_eq!(shiwake(&["test", &rules.name], "").code, 0);
    assert_eq!(shiwake(&["lint", "--deny-warnings", &rules.name], "").code, 0);
}
