//! `shiwake rules`: the built-in rules.

use crate::terminal::{DIM, NAME};
use shiwake_records::rules::{BUILT_IN_RULES, RuleDeclaration, RuleSet};
use std::io::{self, Write};

/// Writes the file of the built-in rules, byte for byte.
pub(crate) fn write_file(out: &mut impl Write) -> io::Result<()> {
    out.write_all(BUILT_IN_RULES.as_bytes())?;
    out.flush()
}

/// Writes a table of the built-in rules: name, type, and when each holds.
pub(crate) fn write_names(out: &mut impl Write) -> io::Result<()> {
    let rules = RuleSet::built_in();
    let name_of_type = |rule: &RuleDeclaration| rule.effect.log_type.map(|log_type| log_type.name().to_owned());
    let width = rules.rules().iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    writeln!(out, "{DIM}{:<width$}  {:<8}  when{DIM:#}", "rule", "type")?;
    for rule in rules.rules() {
        let log_type = name_of_type(rule).unwrap_or_default();
        writeln!(out, "{NAME}{:<width$}{NAME:#}  {log_type:<8}  {}", rule.name, rule.condition)?;
    }
    out.flush()
}
