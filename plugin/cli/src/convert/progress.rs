//! How far a run is: a line on a terminal that is written over and over, with rate and time to go. Where nobody looks at it, in
//! a pipe or a file, there is none. What the pipeline has to warn of goes to the same place, each on a line of its own.

use crate::error::CommandError;
use shiwake_delivery::clock::Clock;
use shiwake_delivery::log::{Level, Log};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time between two writings of the line.
const INTERVAL: Duration = Duration::from_millis(200);
/// Returns to the line's begin and clears it (ECMA-48, EL).
const CLEAR: &str = "\r\x1b[K";

/// Shows how far a run is.
pub(super) struct Progress {
    clock: Arc<dyn Clock>,
    begun: Duration,
    /// Bytes of all files; `None` when one of them is no plain file, as a pipe.
    total_bytes: Option<u64>,
    is_terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: u64,
    lines: u64,
    shown: Option<Duration>,
}

impl Progress {
    /// Looks at the files that are to be read.
    pub(super) fn new(logs: &[PathBuf], clock: Arc<dyn Clock>) -> Result<Self, CommandError> {
        let mut total_bytes = (!logs.is_empty()).then_some(0);
        for file in logs {
            let about = std::fs::metadata(file).map_err(|source| CommandError::Read { file: file.clone(), source })?;
            total_bytes = total_bytes.filter(|_| about.is_file()).map(|sum| sum + about.len());
        }
        let begun = clock.monotonic();
        Ok(Self { clock, begun, total_bytes, is_terminal: io::stderr().is_terminal(), state: Mutex::default() })
    }

    /// A line of so many bytes was read.
    pub(super) fn read(&self, bytes: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes += bytes;
        state.lines += 1;
        // The time is asked for now and then only: lines come by the million.
        if self.is_terminal && state.lines.is_multiple_of(1_024) {
            let now = self.clock.monotonic();
            if state.shown.is_none_or(|shown| now.saturating_sub(shown) >= INTERVAL) {
                state.shown = Some(now);
                let text = text(state.bytes, state.lines, self.total_bytes, now.saturating_sub(self.begun));
                write(&format!("{CLEAR}{text}"));
            }
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        if self.is_terminal {
            write(CLEAR);
        }
    }
}

/// Lines of the pipeline; of those that say that all is well there are none, as the ledger is shown at the end.
impl Log for Progress {
    fn line(&self, level: Level, text: &str) {
        let word = match level {
            Level::Error => "error",
            Level::Warn => "warning",
            Level::Info | Level::Debug => return,
        };
        // The line that shows how far it is comes again by itself.
        let _state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if self.is_terminal { CLEAR } else { "" };
        write(&format!("{clear}shiwake: {word}: {text}\n"));
    }
}

/// A terminal that is gone is nobody's loss.
fn write(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The line: how much of how much, how fast, and how long still.
fn text(bytes: u64, lines: u64, total_bytes: Option<u64>, elapsed: Duration) -> String {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let rate = bytes as f64 / elapsed.as_secs_f64().max(0.001);
    let speed = format!("{lines} lines, {:.1} MB/s", rate / 1e6);
    let Some(total) = total_bytes.filter(|total| *total > 0) else {
        return format!("{:.1} MB, {speed}", megabytes(bytes));
    };
    let share = (bytes as f64 / total as f64 * 100.0).min(100.0);
    let left_seconds = total.saturating_sub(bytes) as f64 / rate.max(1.0);
    let (minutes, seconds) = ((left_seconds / 60.0).floor(), (left_seconds % 60.0).floor());
    let (bytes, total) = (megabytes(bytes), megabytes(total));
    format!("{share:3.0}% of {total:.1} MB, {bytes:.1} MB, {speed}, {minutes:.0}:{seconds:02.0} to go")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_share_rate_and_time_to_go() {
        let ten_seconds = Duration::from_secs(10);
        for (bytes, total, expected) in [
            (50_000_000, Some(400_000_000), " 12% of 400.0 MB, 50.0 MB, 7 lines, 5.0 MB/s, 1:10 to go"),
            (50_000_000, Some(50_000_000), "100% of 50.0 MB, 50.0 MB, 7 lines, 5.0 MB/s, 0:00 to go"),
            (50_000_000, None, "50.0 MB, 7 lines, 5.0 MB/s"),
            (0, Some(0), "0.0 MB, 7 lines, 0.0 MB/s"),
        ] {
            assert_eq!(text(bytes, 7, total, ten_seconds), expected);
        }
    }
}
