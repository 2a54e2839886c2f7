//! What `shiwake table` hands over to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// Tells what it was given, and ends as `shiwake-table` does when it has set something aside.
const PROGRAM: &str = "#!/bin/sh\nprintf '%s|' \"$0\" \"$@\"\nexit 1\n";

fn program(folder: &Path) -> String {
    let file = folder.join("shiwake-table");
    fs::write(&file, PROGRAM).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file.display().to_string()
}

/// The command as it is installed in a folder.
fn run(folder: &Path, path: &Path, arguments: &[&str]) -> Output {
    let command = folder.join("shiwake");
    if !command.exists() {
        fs::hard_link(env!("CARGO_BIN_EXE_shiwake"), &command)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_shiwake"), &command).map(|_| ()))
            .unwrap();
    }
    Command::new(command).arg("table").args(arguments).env_clear().env("PATH", path).output().unwrap()
}

#[test]
fn it_becomes_the_program_beside_it_or_the_one_in_path_with_all_arguments() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let arguments = ["commit", "s3://my logs/prod", "--since", "all", "--help", "-x", "--color", "--"];
    let in_path = program(elsewhere.path());
    let answer = run(folder.path(), elsewhere.path(), &arguments);
    let told = |program: &str| format!("{program}|{}|", arguments.join("|"));
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), told(&in_path));
    assert_eq!(answer.status.code(), Some(1), "its exit code is ours");
    let beside = program(folder.path());
    let answer = run(folder.path(), elsewhere.path(), &arguments);
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), told(&beside));
}

#[test]
fn where_it_is_not_installed_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let answer = run(folder.path(), folder.path(), &["status", "lake"]);
    assert_eq!(answer.status.code(), Some(2));
    let said = String::from_utf8(answer.stderr).unwrap();
    assert!(said.contains("neither beside this one nor in PATH: build it with 'make tables'"), "{said}");
    fs::write(folder.path().join("shiwake-table"), "no program").unwrap();
    let answer = run(folder.path(), folder.path(), &["status", "lake"]);
    assert_eq!(answer.status.code(), Some(2));
    assert!(String::from_utf8(answer.stderr).unwrap().contains("shiwake-table' cannot be started"));
}
