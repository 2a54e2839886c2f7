//! `shiwake table`: hands over to the program `shiwake-table`, which is built on its own, as what it needs (an older arrow,
//! SQLite) is not to be in this one. It is looked for beside this program, and then in `PATH`, as git looks for its commands.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// The program.
const PROGRAM: &str = "shiwake-table";

/// Why there is nobody to hand over to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// It is not installed.
    #[error(
        "'table' is the program '{PROGRAM}', which is neither beside this one nor in PATH: build it with 'make tables' and put it there"
    )]
    Missing,
    /// The system does not start it.
    #[error("'{}' cannot be started: {source}", program.display())]
    Start {
        /// What was to be started.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Becomes the other program, and does not come back.
///
/// # Errors
/// When it is not there, or the system does not start it.
pub(crate) fn run(arguments: &[OsString]) -> Result<Infallible, TableError> {
    let program = beside().unwrap_or_else(|| PathBuf::from(PROGRAM));
    let source = Command::new(&program).args(arguments).exec();
    Err(match source.kind() {
        io::ErrorKind::NotFound => TableError::Missing,
        _ => TableError::Start { program, source },
    })
}

/// The program beside this one. A link to this one may lie elsewhere: that counts which is linked to.
fn beside() -> Option<PathBuf> {
    let here = std::env::current_exe().and_then(std::fs::canonicalize).ok()?;
    Some(here.with_file_name(PROGRAM)).filter(|program| program.is_file())
}
