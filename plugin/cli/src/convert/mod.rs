//! `shiwake run`: files of logs into a lake, without a host.
//!
//! The lines go through the plugin's own pipeline, chunk by chunk as a host would hand them over, so the lake is the one that the
//! plugin would have written. What is under way is in memory: a run that is killed has to be repeated, into an empty lake.
//!
//! - [`progress`]: how far it is, for who looks at a terminal. [`report`]: the ledger, as text and JSON.

mod progress;
mod report;

use crate::error::CommandError;
use crate::input::Lines;
use crate::output_config::output_config;
use progress::Progress;
use shiwake_delivery::clock::{Clock, SystemClock};
use shiwake_delivery::metrics::NoMetrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline, StartError};
use shiwake_delivery::store::{Environment, S3Options};
use shiwake_records::line_event::EventMaker;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of events in a chunk, as large as Fluent Bit's.
const CHUNK_BYTES: usize = 2_000_000;
/// What is held in memory at most unless the user says otherwise: with it a file can have 64 MB of records.
pub(crate) const DEFAULT_MEMORY_LIMIT: &str = "256M";
/// The longest upload timeout that there is: files are written when they are full.
const UPLOAD_TIMEOUT: &str = "86400s";
/// How long a lake may take nothing until the run ends.
const REFUSAL_LIMIT: Duration = Duration::from_secs(300);
/// Pause before a chunk is handed over again.
const REFUSAL_PAUSE: Duration = Duration::from_millis(500);
/// How long what is pending at the end may take.
const END_LIMIT: Duration = Duration::from_secs(3_600);

/// What goes where.
pub(crate) struct Options<'o> {
    /// Files with a line or a JSON object on each line; standard input when there are none.
    pub(crate) logs: &'o [PathBuf],
    /// The lake.
    pub(crate) lake: &'o str,
    /// The user's rules.
    pub(crate) rules: Option<&'o PathBuf>,
    /// The host's tag.
    pub(crate) tag: &'o str,
    /// What is held in memory at most.
    pub(crate) memory_limit: &'o str,
    /// How S3 is reached.
    pub(crate) s3: S3Options,
}

/// Why files could not be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// The lake cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The lake takes nothing.
    #[error("{lines} lines were taken, but then nothing was for {REFUSAL_LIMIT:?}; what was written stays in the lake")]
    Refused {
        /// Lines of the chunks before.
        lines: u64,
    },
}

/// Converts the files and writes the ledger; whether every record is in the lake or was dropped by a rule.
pub(crate) fn run(
    options: &Options<'_>,
    environment: &Environment,
    as_json: bool,
    out: &mut impl Write,
) -> Result<bool, CommandError> {
    let clock = Arc::new(SystemClock::default());
    let progress = Arc::new(Progress::new(options.logs, Arc::clone(&clock) as Arc<dyn Clock>)?);
    let outside = Outside {
        instance: "run".to_owned(),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        log: Arc::clone(&progress) as Arc<_>,
        memory: Arc::default(),
        metrics: Arc::new(NoMetrics),
    };
    let properties = [("memory_limit", options.memory_limit), ("upload_timeout", UPLOAD_TIMEOUT)];
    let config = output_config(options.lake, options.rules, &options.s3, &properties)?;
    let pipeline = Pipeline::start(config, environment, outside).map_err(ConvertError::from)?;
    let fed = feed(&pipeline, options, &progress, &*clock);
    pipeline.stop_within(END_LIMIT);
    progress.end();
    let ledger = pipeline.ledger();
    if as_json {
        writeln!(out, "{}", report::to_json(ledger, options.lake))?;
    } else {
        report::write_text(ledger, options.lake, out)?;
    }
    out.flush()?;
    fed?;
    Ok(report::adds_up(ledger))
}

/// Hands all lines over.
fn feed(
    pipeline: &Pipeline,
    options: &Options<'_>,
    progress: &Progress,
    clock: &impl Clock,
) -> Result<(), CommandError> {
    let (mut maker, mut lines) = (EventMaker::default(), Lines::of(options.logs));
    let (mut line, mut event, mut chunk) = (Vec::new(), Vec::new(), Vec::new());
    let (mut taken, mut read) = (0, 0);
    loop {
        let is_more = lines.read(&mut line)?;
        if is_more {
            maker.make(&line, time_of(clock), &mut event);
            chunk.extend_from_slice(&event);
            read += 1;
            progress.read(line.len() as u64 + 1);
        }
        if chunk.len() >= CHUNK_BYTES || (!is_more && !chunk.is_empty()) {
            if !hand_over(pipeline, &chunk, options.tag, clock) {
                return Err(ConvertError::Refused { lines: taken }.into());
            }
            chunk.clear();
            taken = read;
        }
        if !is_more {
            return Ok(());
        }
    }
}

/// Hands a chunk over until it is taken; whether it was.
fn hand_over(pipeline: &Pipeline, chunk: &[u8], tag: &str, clock: &impl Clock) -> bool {
    let begun = clock.monotonic();
    while pipeline.accept(chunk, tag) != Answer::Accepted {
        if clock.monotonic().saturating_sub(begun) > REFUSAL_LIMIT {
            return false;
        }
        std::thread::sleep(REFUSAL_PAUSE);
    }
    true
}

/// The time of a line that has none of its own: when it was read, as with a host.
fn time_of(clock: &impl Clock) -> (u32, u32) {
    let micros = clock.wall_micros();
    let seconds = u32::try_from(micros.div_euclid(1_000_000)).unwrap_or(0);
    (seconds, u32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0))
}
