//! What is said of a rules file: faults with their places, else warnings and how its tests went; and the names that the numbers
//! of sorted lines stand for.

use crate::playground::types;
use serde_json::{Value, json};
use shiwake_records::rules::{Diagnostic, Fault, RuleSet, RulesError, lint, run_test};
use std::fmt::Display;
use std::sync::Arc;

/// Tests that are run; a file may have more than a page has time for while somebody types.
pub const MAX_TESTS: usize = 1_000;

/// The report, as JSON. `rules` are those that lines are sorted by: those of the file, or, when it cannot be used, others.
///
/// Places are in lines and characters from 1, as the command tells them. `fix` is what would have to stand for `found` there.
#[must_use]
pub fn report(rules: &Arc<RuleSet>, error: Option<&RulesError>) -> String {
    let faults = error.map(|error| error.diagnostics.iter().map(fault).collect::<Vec<_>>()).unwrap_or_default();
    let mut tried = (Value::Null, Value::Null, 0);
    if error.is_none() {
        let warnings = lint(rules).iter().map(diagnostic).collect();
        tried = (warnings, tests(rules), rules.own_tests().len().saturating_sub(MAX_TESTS));
    }
    let (warnings, tests, untried) = tried;
    json!({
        "usable": error.is_none(),
        "faults": faults,
        "types": types(rules).iter().map(|log_type| log_type.name().to_owned()).collect::<Vec<_>>(),
        "rules": names(rules),
        "warnings": warnings,
        "tests": tests,
        "untriedTests": untried,
    })
    .to_string()
}

fn fault(found: &Diagnostic) -> Value {
    let mut value = diagnostic(found);
    if let (Some(value), Fault::UnknownKey { found, nearest, .. } | Fault::UnknownName { found, nearest, .. }) =
        (value.as_object_mut(), &found.fault)
    {
        value.insert("found".to_owned(), found.as_str().into());
        value.insert("nearest".to_owned(), nearest.as_deref().into());
    }
    value
}

fn diagnostic<F: Display>(found: &Diagnostic<F>) -> Value {
    let Diagnostic { line, column, width, text, fault, .. } = found;
    json!({
        "line": line,
        "column": column,
        "width": width,
        "text": text,
        "message": fault.to_string(),
        "caret": found.to_string(),
    })
}

fn names(rules: &RuleSet) -> Value {
    let own = rules.own_rules().len();
    let rules = rules.rules().iter().enumerate().map(|(at, rule)| {
        let line = (at < own).then(|| rules.sources().position(&rule.place).line);
        json!({"name": rule.name, "line": line})
    });
    rules.collect()
}

fn tests(rules: &Arc<RuleSet>) -> Value {
    let tests = rules.own_tests().iter().take(MAX_TESTS).map(|test| {
        let differences = run_test(rules, test);
        let position = rules.sources().position(&test.place);
        let shown: Vec<_> =
            differences.iter().map(|it| json!({"what": it.what, "expected": it.expected, "found": it.found})).collect();
        json!({"name": test.name, "line": position.line, "passed": differences.is_empty(), "differences": shown})
    });
    tests.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::playground::parse;
    use shiwake_records::rules::RuleSet;

    fn report_of(text: &str) -> Value {
        let loaded = parse(text);
        let report = match &loaded {
            Ok(rules) => report(rules, None),
            Err(error) => report(&RuleSet::built_in(), Some(error)),
        };
        serde_json::from_str(&report).unwrap()
    }

    #[test]
    fn a_fault_is_told_as_the_command_tells_it() {
        let text = "[[rule]]\nname = \"a\"\ntype = \"adit\"\n";
        let report = report_of(text);
        let fault = &report["faults"][0];
        assert_eq!((&fault["line"], &fault["column"], &fault["width"]), (&json!(3), &json!(8), &json!(6)));
        assert_eq!(fault["caret"], parse(text).unwrap_err().diagnostics[0].to_string());
        assert_eq!((&fault["found"], &fault["nearest"]), (&json!("adit"), &json!("audit")));
    }

    #[test]
    fn tests_are_run_and_what_no_test_tries_is_told() {
        let text = "
            [[rule]]\nname = 'pays'\ntype = 'audit'\nmatch = '^pay '
            [[rule]]\nname = 'untried'\ntype = 'audit'\nmatch = '^refund '
            [[test]]\nline = 'pay 17'\nexpect = { type = 'audit' }
            [[test]]\nname = 'wrong'\nline = 'pay 18'\nexpect = { type = 'error' }";
        let report = report_of(text);
        let tests = report["tests"].as_array().unwrap();
        assert_eq!(tests.iter().map(|test| test["passed"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false]);
        assert_eq!(tests[1]["differences"][0], json!({"what": "type", "expected": "error", "found": "audit"}));
        assert!(report["warnings"][0]["message"].as_str().unwrap().contains("'untried'"));
        assert_eq!(report["rules"][1], json!({"name": "untried", "line": 7}));
        assert!(report["rules"][2]["line"].is_null());
    }
}
