//! The plugin's own account: what `shiwake ledger` says of the lake, and the plugin's lines.

use crate::CrashError;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `shiwake ledger` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Whether all adds up.
    pub adds_up: bool,
    /// Its report.
    pub text: String,
}

/// Has the command add up a lake.
///
/// # Errors
/// When the command cannot be run.
pub fn add_up(command: &Path, lake: &str, endpoint: Option<&str>) -> Result<Ledger, CrashError> {
    let mut ledger = Command::new(command);
    ledger.args(["ledger", lake]);
    if let Some(endpoint) = endpoint {
        ledger.args(["--region", "eu-west-1", "--endpoint", endpoint]);
        ledger.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    }
    let output =
        ledger.output().map_err(CrashError::io("run (build it with 'cargo build -p shiwake-cli')", command))?;
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ok(Ledger { adds_up: output.status.success(), text })
}

/// The command `shiwake` that was built beside a program of this workspace.
#[must_use]
pub fn beside(program: &Path) -> PathBuf {
    let folder = program.parent().unwrap_or(Path::new("."));
    // Tests lie one folder deeper than programs.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    folder.join("shiwake")
}

/// Lines of the plugin that tell of something that may not be: an internal error, a file it cannot use, a possible double.
///
/// # Errors
/// When the log cannot be read.
pub fn alarms(log: &Path) -> Result<Vec<String>, CrashError> {
    const ALARMS: [&str; 6] =
        ["internal error", "cannot be used", "may be doubled", "will not be recognised", "is damaged", "are lost"];
    let text = std::fs::read_to_string(log).map_err(CrashError::io("read", log))?;
    Ok(text.lines().filter(|line| ALARMS.iter().any(|alarm| line.contains(alarm))).map(str::to_owned).collect())
}

/// The numbers of the plugin's line at its last exit: in, written, quarantined, pending, recovered, recognised.
///
/// # Errors
/// When the log cannot be read.
pub fn at_exit(log: &Path) -> Result<Value, CrashError> {
    let text = std::fs::read_to_string(log).map_err(CrashError::io("read", log))?;
    let line = text.lines().rev().find(|line| line.contains("ledger at exit")).unwrap_or_default();
    let pairs = line.split(' ').filter_map(|word| word.split_once('='));
    Ok(pairs.filter_map(|(name, value)| Some((name.to_owned(), Value::from(value.parse::<u64>().ok()?)))).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_last_exit_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, "[info] ledger at exit: in=1 pending=0\n[info] ledger at exit: in=7 pending=2 app=3\n")
            .unwrap();
        let found = at_exit(&log).unwrap();
        assert_eq!(found, serde_json::json!({"in": 7, "pending": 2, "app": 3}));
        assert_eq!(alarms(&log).unwrap(), Vec::<String>::new());
    }
}
