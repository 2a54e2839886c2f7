//! The host: sends chunks to the plugin and keeps notes of it.
//!
//! At its start it has the chunks of earlier runs to send again that it does not know to be taken, byte for byte, in any
//! order, with new ones in between. Of some it notes the OK only later, as a host does that is killed before it has deleted
//! a chunk. On standard output it tells where it is: `loaded`, `ready` behind the plugin's start, `ok` behind the first OK,
//! `stopping` before its exit, `exited` behind it. It stops when a line, or the end, comes on standard input.

use crate::CrashError;
use crate::chunk::{Plan, twin_of};
use crate::notes::{Known, Notes};
use fastrand::Rng;
use shiwake_harness::{Flush, Host, Layout, Output};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TAG: &str = "app-firelens-0a1b2c";
/// Wait between two tries of a chunk, from the first to the last.
const RETRY_WAITS: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(1);
/// Chunks of which the OK is noted late, in 256.
const LATE_NOTES: u8 = 40;
/// How many chunks later.
const MAX_LATE_CHUNKS: u64 = 20;

/// What a feeder is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The host to play.
    pub layout: Layout,
    /// The shared object.
    pub plugin: PathBuf,
    /// Properties of the output.
    pub properties: Vec<(String, String)>,
    /// What the chunks follow from.
    pub seed: u64,
    /// The file of the notes.
    pub notes: PathBuf,
    /// Where the plugin's lines go.
    pub log: PathBuf,
    /// Records a second at most; 0 for as many as the plugin takes.
    pub rate: u64,
    /// New chunks to send; then it stops by itself, when all is known to be taken.
    pub new_chunks: Option<u64>,
    /// Bytes after which it stops by itself, whatever is left to send.
    pub most_bytes: Option<u64>,
}

/// Runs until it is told to stop.
///
/// # Errors
/// When the plugin refuses to start or answers what it never may, or the system refuses.
pub fn run(settings: &Settings) -> Result<(), CrashError> {
    let known = Known::read(&settings.notes)?;
    let stop = Arc::new(AtomicBool::new(false));
    listen(Arc::clone(&stop));
    let host = Host::start(settings.layout)?;
    let plugin = host.load(&settings.plugin)?;
    say("loaded")?;
    let log = PluginLog::open(settings, host, known.runs + 1)?;
    let properties: Vec<(&str, &str)> =
        settings.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = plugin.output_instance(&properties)?;
    say("ready")?;
    let mut feeder = Feeder::new(settings, &known, output, log, stop)?;
    feeder.feed()?;
    say("stopping")?;
    // What was answered and not noted yet is noted now, as a host does that ends in order.
    feeder.note_late(true)?;
    plugin.exit_all()?;
    feeder.log.take()?;
    say("exited")
}

fn say(word: &str) -> Result<(), CrashError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word}").and_then(|()| out.flush()).map_err(CrashError::io("write", "standard output"))
}

fn listen(stop: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
        stop.store(true, Ordering::Relaxed);
    });
}

/// The plugin's lines, on their way from the harness' memory into a file.
struct PluginLog {
    host: Host,
    file: File,
    path: PathBuf,
    run: u64,
    began: Instant,
}

impl PluginLog {
    fn open(settings: &Settings, host: Host, run: u64) -> Result<Self, CrashError> {
        let path = settings.log.clone();
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(CrashError::io("open", &path))?;
        Ok(Self { host, file, path, run, began: Instant::now() })
    }

    fn take(&mut self) -> Result<(), CrashError> {
        for line in self.host.take_log_lines() {
            let text = format!("run {} {:>9.3} {line}\n", self.run, self.began.elapsed().as_secs_f64());
            self.file.write_all(text.as_bytes()).map_err(CrashError::io("write", &self.path))?;
        }
        Ok(())
    }
}

struct Feeder<'a> {
    settings: &'a Settings,
    output: Output,
    log: PluginLog,
    stop: Arc<AtomicBool>,
    notes: Notes,
    random: Rng,
    /// Chunks of earlier runs, with their content.
    again: VecDeque<(u64, u64)>,
    next_number: u64,
    first_number: u64,
    /// Accepted chunks by when their OK is noted.
    late: BTreeMap<u64, Vec<u64>>,
    sent_chunks: u64,
    sent_records: u64,
    sent_bytes: u64,
    began: Instant,
}

impl<'a> Feeder<'a> {
    fn new(
        settings: &'a Settings,
        known: &Known,
        output: Output,
        log: PluginLog,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, CrashError> {
        let run = known.runs + 1;
        let mut random = Rng::with_seed(settings.seed ^ run.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let mut again = known.unanswered();
        random.shuffle(&mut again);
        let content = |number: u64| known.chunks.get(&number).map_or(number, |sent| sent.content);
        Ok(Self {
            settings,
            output,
            log,
            stop,
            notes: Notes::begin(&settings.notes, run)?,
            random,
            again: again.into_iter().map(|number| (number, content(number))).collect(),
            next_number: known.next_number(),
            first_number: known.next_number(),
            late: BTreeMap::new(),
            sent_chunks: 0,
            sent_records: 0,
            sent_bytes: 0,
            began: Instant::now(),
        })
    }

    fn feed(&mut self) -> Result<(), CrashError> {
        while !self.is_stopping() {
            let Some((number, content)) = self.next() else { return Ok(()) };
            let plan = Plan::new(self.settings.seed, content);
            let records = plan.kinds.len() as u64;
            let bytes = plan.bytes();
            self.notes.sent(number, content)?;
            if !self.send(number, &bytes)? {
                return Ok(());
            }
            if self.sent_chunks == 0 {
                say("ok")?;
            }
            self.sent_chunks += 1;
            self.sent_records += records;
            self.sent_bytes += bytes.len() as u64;
            if self.random.u8(..) < LATE_NOTES {
                let when = self.sent_chunks + self.random.u64(1..=MAX_LATE_CHUNKS);
                self.late.entry(when).or_default().push(number);
            } else {
                self.notes.ok(number)?;
            }
            self.note_late(false)?;
            self.log.take()?;
            self.keep_pace();
        }
        Ok(())
    }

    /// The next chunk and whose bytes it has.
    fn next(&mut self) -> Option<(u64, u64)> {
        let is_enough = self.settings.new_chunks.is_some_and(|new| self.next_number - self.first_number >= new);
        if is_enough || self.random.bool() {
            if let Some(again) = self.again.pop_front() {
                return Some(again);
            }
            if is_enough {
                return None;
            }
        }
        let number = self.next_number;
        self.next_number += 1;
        // Equal chunks are two chunks when they are of one run; across a restart they could not be told from one.
        let twin = twin_of(number);
        Some((number, if twin >= self.first_number { twin } else { number }))
    }

    /// Sends a chunk until it is taken; whether it was, before the end.
    fn send(&mut self, number: u64, bytes: &[u8]) -> Result<bool, CrashError> {
        let mut wait = *RETRY_WAITS.start();
        loop {
            match self.output.flush(TAG, bytes)? {
                Flush::Ok => return Ok(true),
                Flush::Retry => {
                    self.log.take()?;
                    if self.is_stopping() {
                        return Ok(false);
                    }
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(*RETRY_WAITS.end());
                }
                other => return Err(CrashError::Refused { number, answer: format!("{other:?}") }),
            }
        }
    }

    fn note_late(&mut self, all: bool) -> Result<(), CrashError> {
        let later = if all { BTreeMap::new() } else { self.late.split_off(&(self.sent_chunks + 1)) };
        for number in std::mem::replace(&mut self.late, later).into_values().flatten() {
            self.notes.ok(number)?;
        }
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.settings.most_bytes.is_some_and(|most| self.sent_bytes >= most)
    }

    fn keep_pace(&self) {
        if self.settings.rate > 0 {
            let due = Duration::from_secs_f64(self.sent_records as f64 / self.settings.rate as f64);
            std::thread::sleep(due.saturating_sub(self.began.elapsed()));
        }
    }
}
