//! `shiwake lint`: what is wrong with rules files, and what looks like a mistake.

use crate::diagnostics::{self, Kind};
use crate::rules_file;
use shiwake_records::rules::lint;
use std::io::{self, Write};
use std::path::PathBuf;

/// What was found in all files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    /// Faults, which make a file unusable.
    pub(crate) errors: usize,
    /// What looks like a mistake.
    pub(crate) warnings: usize,
}

/// Looks at the files and writes what is found.
pub(crate) fn run(files: &[PathBuf], as_json: bool, out: &mut impl Write) -> io::Result<Outcome> {
    let mut outcome = Outcome::default();
    for file in files {
        match rules_file::load(file) {
            Ok(rules) => {
                for warning in lint(&rules) {
                    outcome.warnings += 1;
                    diagnostics::write(&warning, Kind::Warning, as_json, out)?;
                }
            }
            Err(error) => {
                for diagnostic in &error.diagnostics {
                    outcome.errors += 1;
                    diagnostics::write(diagnostic, Kind::Error, as_json, out)?;
                }
            }
        }
    }
    if !as_json {
        writeln!(out, "{} errors, {} warnings", outcome.errors, outcome.warnings)?;
    }
    out.flush()?;
    Ok(outcome)
}
