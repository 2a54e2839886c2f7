//! What `shiwake schema` proposes, and that the proposal is a rules file that gives the fields their columns.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::Command;

fn shiwake(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_shiwake")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn fields_without_a_column_get_the_narrowest_that_all_values_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (log, rules) = (folder.path().join("a.ndjson"), folder.path().join("rules.toml"));
    let line = |number: usize| {
        let rare = if number == 0 { r#","rare":1"# } else { "" };
        let half = if number.is_multiple_of(2) { r#","cart.total":9.5"# } else { "" };
        format!(
            r#"{{"method":"GET","path":"/","status":200,"team":"t{}","isNew":true,"tries":"{number}","mixed":{},"nonce":"n{number}","tree":{{"a":1}}{half}{rare}}}"#,
            number % 3,
            if number.is_multiple_of(2) { "\"x\"" } else { "1" },
        )
    };
    fs::write(&log, (0..400).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let log = log.display().to_string();
    let proposal = shiwake(&["schema", &log]);
    for expected in [
        "[type.access.columns]",
        "team = { type = \"text\" }  # 100.0%",
        "is_new = { type = \"bool\", from = [\"isNew\"] }  # 100.0%",
        "tries = { type = \"int64\" }  # 100.0%",
        "mixed = { type = \"text\" }  # 100.0%",
        "nonce = { type = \"text\", encoding = \"plain\" }  # 100.0%",
        "cart_total = { type = \"float64\", from = [\"cart.total\"] }  # 50.0%",
    ] {
        assert!(proposal.lines().any(|line| line == expected), "{expected}\n{proposal}");
    }
    assert!(proposal.contains("stay in attributes: \"tree\" (100.0%)"), "{proposal}");
    assert!(!proposal.contains("rare") && !proposal.contains("status"), "{proposal}");
    assert!(shiwake(&["schema", &log, "--min-share", "0.1"]).contains("rare = { type = \"int64\" }  # 0.2%"));

    fs::write(&rules, &proposal).unwrap();
    let rules = rules.display().to_string();
    let again = shiwake(&["schema", &log, "--rules", &rules]);
    assert!(!again.contains("[type."), "what has a column is not proposed again: {again}");
    let lake = folder.path().join("lake").display().to_string();
    shiwake(&["run", &log, "--lake", &lake, "--rules", &rules]);
    let views = shiwake(&["ddl", &lake, "--engine", "spark", "--rules", &rules]);
    assert!(views.contains("`cart_total` double") && views.contains("`is_new` boolean"), "{views}");
}

#[test]
fn proposals_for_the_sample_logs_are_rules_files() {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/formats");
    let folder = tempfile::tempdir().unwrap();
    let mut proposed = 0;
    for (number, log) in
        fs::read_dir(formats).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).enumerate()
    {
        let proposal = shiwake(&["schema", &log.display().to_string(), "--min-share", "0"]);
        if proposal.contains("[type.") {
            let rules = folder.path().join(format!("{number}.toml"));
            fs::write(&rules, &proposal).unwrap();
            shiwake(&["lint", &rules.display().to_string()]);
            proposed += 1;
        }
    }
    assert!(proposed >= 3, "{proposed}");
}
