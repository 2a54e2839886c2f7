//! What is said of rules files, for people and for programs.

use crate::terminal::{BAD, DOUBTFUL};
use serde_json::{Value, json};
use shiwake_records::rules::Diagnostic;
use std::fmt::Display;
use std::io::{self, Write};

/// How bad it is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// The file cannot be used.
    Error,
    /// The file can be used.
    Warning,
}

/// Writes one, as text with the line it is about, or as a JSON object.
pub(crate) fn write<F: Display>(
    diagnostic: &Diagnostic<F>,
    kind: Kind,
    as_json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    if as_json {
        return writeln!(out, "{}", to_json(diagnostic, kind));
    }
    match kind {
        Kind::Error => writeln!(out, "{BAD}error{BAD:#}: {diagnostic}"),
        Kind::Warning => writeln!(out, "{DOUBTFUL}warning{DOUBTFUL:#}: {diagnostic}"),
    }
}

fn to_json<F: Display>(diagnostic: &Diagnostic<F>, kind: Kind) -> Value {
    let kind = match kind {
        Kind::Error => "error",
        Kind::Warning => "warning",
    };
    let Diagnostic { file, line, column, fault, .. } = diagnostic;
    json!({"kind": kind, "file": file, "line": line, "column": column, "message": fault.to_string()})
}
