//! What a run tells: on a terminal a line that is written over and over, and a table at the end; elsewhere an object of JSON a
//! line, as it happens.

use crate::hour::Hour;
use crate::set_aside::SetAside;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two writings of the line.
const INTERVAL: Duration = Duration::from_millis(200);
/// Returns to the line's begin and clears it (ECMA-48, EL).
const CLEAR: &str = "\r\x1b[K";

/// What became of a table's objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Objects that were listed.
    pub(crate) listed: u64,
    /// Objects that the table had.
    pub(crate) known: u64,
    /// Objects that were taken in.
    pub(crate) files: u64,
    /// Their rows.
    pub(crate) rows: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Objects that were set aside.
    pub(crate) set_aside: u64,
    /// Snapshots that were made.
    pub(crate) snapshots: u64,
    /// Commits that others were faster than, or that failed otherwise, and were made anew.
    pub(crate) retries: u64,
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.listed += other.listed;
        self.known += other.known;
        self.files += other.files;
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.set_aside += other.set_aside;
        self.snapshots += other.snapshots;
        self.retries += other.retries;
    }
}

impl Sums {
    /// As an object.
    pub(crate) fn json(&self) -> Value {
        let Self { listed, known, files, rows, bytes, set_aside, snapshots, retries } = self;
        json!({"listed": listed, "known": known, "files": files, "rows": rows, "bytes": bytes, "set_aside": set_aside,
               "snapshots": snapshots, "retries": retries})
    }
}

/// Tells what happens.
#[derive(Debug)]
pub(crate) struct Report {
    is_json: bool,
    shows_progress: bool,
    begun: Instant,
    /// When the line was written last.
    shown: Mutex<Option<Instant>>,
}

impl Report {
    /// Tells it as JSON, or to people.
    pub(crate) fn new(is_json: bool) -> Self {
        let shows_progress = !is_json && io::stderr().is_terminal();
        Self { is_json, shows_progress, begun: Instant::now(), shown: Mutex::default() }
    }

    /// A table was made.
    pub(crate) fn created(&self, table: &str, is_new: bool) -> io::Result<()> {
        let text = format!("{table}: {}", if is_new { "made" } else { "was there" });
        self.say(&text, || json!({"event": "table", "table": table, "new": is_new}))
    }

    /// A table got columns.
    pub(crate) fn evolved(&self, table: &str, columns: &[&str]) -> io::Result<()> {
        let text = format!("{table}: new columns {}", columns.join(", "));
        self.say(&text, || json!({"event": "columns", "table": table, "columns": columns}))
    }

    /// Objects were taken in.
    pub(crate) fn committed(&self, table: &str, snapshot: i64, files: usize, sums: &Sums) -> io::Result<()> {
        if self.is_json {
            // A snapshot's id is more than a JavaScript number holds.
            return self.say("", || {
                json!({"event": "committed", "table": table, "snapshot": snapshot.to_string(), "files": files,
                       "so_far": sums.json()})
            });
        }
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let now = Instant::now();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shows_progress && shown.is_none_or(|shown| now.duration_since(shown) >= INTERVAL) {
            *shown = Some(now);
            let rate = sums.files as f64 / seconds;
            write_progress(&format!("{CLEAR}{table}: {} objects, {} rows, {rate:.0} objects/s", sums.files, sums.rows));
        }
        Ok(())
    }

    /// A commit has to be made anew.
    pub(crate) fn again(&self, table: &str, attempt: u32, reason: &str) -> io::Result<()> {
        if self.is_json {
            return self.say("", || json!({"event": "again", "table": table, "attempt": attempt, "reason": reason}));
        }
        Ok(())
    }

    /// An object was set aside.
    pub(crate) fn set_aside(&self, table: &str, key: &str, reason: &SetAside) -> io::Result<()> {
        let shown: String = key.chars().map(|sign| if sign.is_control() { '?' } else { sign }).collect();
        let text = format!("{table}: {shown} {reason}");
        self.say(&text, || {
            json!({"event": "set_aside", "table": table, "object": key, "why": reason.word(), "reason": reason.to_string()})
        })
    }

    /// A message is left in its queue.
    pub(crate) fn message_left(&self, id: &str, reason: &str) -> io::Result<()> {
        let text = format!("message {id} {reason}");
        self.say(&text, || json!({"event": "set_aside", "message": id, "why": "message", "reason": reason}))
    }

    /// Messages were taken from a queue.
    pub(crate) fn messages(&self, removed: usize, left: usize, sums: &Sums) -> io::Result<()> {
        if self.is_json {
            return self
                .say("", || json!({"event": "messages", "removed": removed, "left": left, "so_far": sums.json()}));
        }
        Ok(())
    }

    /// A table is done with.
    pub(crate) fn table_done(&self, table: &str, sums: &Sums) -> io::Result<()> {
        let Sums { listed, known, files, rows, set_aside, .. } = sums;
        let text = format!(
            "{table}: {files} of {listed} objects taken in ({rows} rows), {known} known, {set_aside} set aside"
        );
        self.say(&text, || {
            let mut event = sums.json();
            if let Some(event) = event.as_object_mut() {
                event.insert("event".to_owned(), json!("table_done"));
                event.insert("table".to_owned(), json!(table));
            }
            event
        })
    }

    /// All is done.
    pub(crate) fn done(&self, sums: &Sums) -> io::Result<()> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let text = format!("{} objects taken in, {} rows, {seconds:.1} s", sums.files, sums.rows);
        self.say(&text, || {
            let mut event = sums.json();
            if let Some(event) = event.as_object_mut() {
                event.insert("event".to_owned(), json!("done"));
                event.insert("seconds".to_owned(), json!(seconds));
            }
            event
        })
    }

    /// How a table is.
    pub(crate) fn status(&self, status: &Status<'_>) -> io::Result<()> {
        let Status { table, snapshots, files, rows, newest, missing, columns } = status;
        let newest = newest.map(|hour| hour.to_string());
        let until = newest.as_deref().unwrap_or("no data");
        let text = format!(
            "{table}: {files} files, {rows} rows, until {until}, {snapshots} snapshots, {columns} columns, {missing} objects not \
             yet in"
        );
        self.say(&text, || {
            json!({"event": "status", "table": table, "snapshots": snapshots, "files": files, "rows": rows,
                   "newest_hour": newest, "columns": columns, "missing": missing})
        })
    }

    fn say(&self, text: &str, event: impl FnOnce() -> Value) -> io::Result<()> {
        if self.shows_progress {
            write_progress(CLEAR);
        }
        let mut out = io::stdout().lock();
        if self.is_json {
            writeln!(out, "{}", event())?;
        } else {
            writeln!(out, "{text}")?;
        }
        out.flush()
    }
}

/// How a table is.
#[derive(Debug)]
pub(crate) struct Status<'s> {
    /// Its name.
    pub(crate) table: &'s str,
    /// Its snapshots.
    pub(crate) snapshots: usize,
    /// Its files.
    pub(crate) files: u64,
    /// Its rows.
    pub(crate) rows: u64,
    /// The last hour of which it has rows.
    pub(crate) newest: Option<Hour>,
    /// Objects of the lake that it has not.
    pub(crate) missing: u64,
    /// Its columns.
    pub(crate) columns: usize,
}

/// A terminal that is gone is nobody's loss.
fn write_progress(text: &str) {
    let mut out = io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
