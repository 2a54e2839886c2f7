//! Adds up a whole lake from the footers of its Parquet files, and names gaps and doubles.
//!
//! - [`key`]: what an object's key says. [`footer`]: what a file's footer says.
//! - [`account`]: the sum of all. [`tiling`]: gaps and doubles, by the segments' records. [`findings`]: what they are.
//! - [`report`]: text and JSON.
//!
//! Nothing is written into the lake, and no file is read whole.

mod account;
mod findings;
pub(crate) mod footer;
mod key;
mod report;
mod tiling;

use account::{Account, Report};
use footer::{Footer, NotRead};
use key::Kind;
use shiwake_delivery::store::{Environment, Lake, Location, LocationError, Object, ReadError, S3Options};
use std::io::{self, BufWriter, Write};
use tokio::task::{JoinError, JoinSet};

/// Footers that are read at a time: a store far away answers late, but many at once.
const FOOTERS_AT_A_TIME: usize = 16;

/// Why a lake could not be added up at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    /// What was given is no lake.
    #[error("lake {0}")]
    Location(#[from] LocationError),
    /// The lake cannot be opened or listed.
    #[error(transparent)]
    Lake(#[from] ReadError),
    /// The system gives no runtime.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// A reader ended without an answer.
    #[error("reading stopped: {0}")]
    Stopped(#[from] JoinError),
    /// Nobody takes the report.
    #[error("cannot write: {0}")]
    Write(io::Error),
}

/// Adds up a lake and prints the report; whether it adds up.
pub(crate) fn run(
    lake: &str,
    options: &S3Options,
    environment: &Environment,
    as_json: bool,
) -> Result<bool, LedgerError> {
    let lake = Lake::open_existing(&Location::parse(lake)?, options, environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LedgerError::Start)?;
    let report = runtime.block_on(add_up(&lake))?;
    match print(&report, &lake.to_string(), as_json) {
        // Whoever read us has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LedgerError::Write(error)),
        _ => Ok(report.adds_up()),
    }
}

async fn add_up(lake: &Lake) -> Result<Report, LedgerError> {
    let mut account = Account::default();
    let mut reading: JoinSet<(Object, Result<Footer, NotRead>)> = JoinSet::new();
    let mut listing = lake.list();
    while let Some(object) = listing.next().await? {
        match key::kind(&object.key) {
            Kind::RawRecords => account.add_raw_records(object.bytes),
            Kind::Other => account.add_other(object.bytes),
            Kind::File => {
                if reading.len() >= FOOTERS_AT_A_TIME
                    && let Some(read) = reading.join_next().await
                {
                    let (object, footer) = read?;
                    account.add_file(object, footer);
                }
                let lake = lake.clone();
                reading.spawn(async move {
                    let footer = footer::read(&lake, &object).await;
                    (object, footer)
                });
            }
        }
    }
    while let Some(read) = reading.join_next().await {
        let (object, footer) = read?;
        account.add_file(object, footer);
    }
    Ok(account.finish())
}

fn print(report: &Report, lake: &str, as_json: bool) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if as_json {
        writeln!(out, "{}", report::to_json(report, lake))?;
    } else {
        report::write_text(report, lake, &mut out)?;
    }
    out.flush()
}
