//! `shiwake test`: runs the tests that stand in rules files.

use crate::diagnostics::{self, Kind};
use crate::rules_file;
use crate::terminal::{BAD, DIM, GOOD};
use serde_json::json;
use shiwake_records::rules::{Difference, RuleSet, TestDeclaration, run_test};
use std::io::{self, Write};
use std::path::PathBuf;

/// How the tests of all files went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    /// Tests that were run.
    pub(crate) tests: usize,
    /// Those that found something else than they expect.
    pub(crate) failed: usize,
    /// Files that cannot be used.
    pub(crate) unusable: usize,
}

/// Runs the tests of the files and writes how each went.
pub(crate) fn run(files: &[PathBuf], as_json: bool, out: &mut impl Write) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    for file in files {
        match rules_file::load(file) {
            Ok(rules) => {
                for test in rules.own_tests() {
                    let differences = run_test(&rules, test);
                    outcome.tests += 1;
                    outcome.failed += usize::from(!differences.is_empty());
                    write_test(&rules, test, &differences, as_json, out)?;
                }
            }
            Err(error) => {
                outcome.unusable += 1;
                for diagnostic in &error.diagnostics {
                    diagnostics::write(diagnostic, Kind::Error, as_json, out)?;
                }
            }
        }
    }
    if !as_json {
        let Outcome { tests, failed, unusable } = outcome;
        writeln!(out, "{tests} tests, {failed} failed; files that cannot be used: {unusable}")?;
    }
    out.flush()?;
    Ok(outcome)
}

fn write_test(
    rules: &RuleSet,
    test: &TestDeclaration,
    differences: &[Difference],
    as_json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let position = rules.sources().position(&test.place);
    let (file, line, name) = (position.file, position.line, &test.name);
    if as_json {
        let differences: Vec<_> =
            differences.iter().map(|it| json!({"what": it.what, "expected": it.expected, "found": it.found})).collect();
        let passed = differences.is_empty();
        let test = json!({
            "kind": "test", "file": file, "line": line, "name": name, "passed": passed, "differences": differences,
        });
        return writeln!(out, "{test}");
    }
    if differences.is_empty() {
        return writeln!(out, "{GOOD}ok{GOOD:#}    {DIM}{file}:{line}:{DIM:#} {name}");
    }
    writeln!(out, "{BAD}FAIL{BAD:#}  {file}:{line}: {name}")?;
    for Difference { what, expected, found } in differences {
        writeln!(out, "      {what}: expected {expected}, found {found}")?;
    }
    Ok(())
}
