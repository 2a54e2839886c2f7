//! Any text as a rules file: it is read, or refused with a place that lies in it and a summary of one line. What was read sorts
//! a record without a panic, and its own tests can be run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::rules::{RuleSet, run_test};
use std::sync::Arc;

fuzz_target!(|text: &str| {
    match RuleSet::parse("rules", text) {
        Ok(rules) => {
            let rules = Arc::new(rules);
            for test in rules.own_tests().iter().take(8) {
                let _ = run_test(&rules, test);
            }
        }
        Err(error) => {
            assert!(!error.diagnostics.is_empty());
            for diagnostic in &error.diagnostics {
                assert!(diagnostic.line >= 1 && diagnostic.line <= text.matches('\n').count() + 1);
                assert!(diagnostic.column >= 1 && diagnostic.width >= 1);
                assert!(!diagnostic.to_string().is_empty());
            }
        }
    }
});
