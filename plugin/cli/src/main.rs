//! The command `shiwake`.
//!
//! `shiwake explain` shows how log lines are sorted, by the same code as the plugin. `shiwake ledger` adds up a lake.
//! `shiwake restore` brings back what was set aside.

mod explain;
mod ledger;
mod restore;

use clap::{Args, Parser, Subcommand, ValueEnum};
use restore::Purpose;
use shiwake_delivery::store::S3Options;
use std::path::PathBuf;
use std::process::ExitCode;

/// The lake does not add up, or not all could be brought back.
const NOT_ADDED_UP: u8 = 1;
/// The lake or a file cannot be read, or not be written to.
const NOT_READ: u8 = 2;

#[derive(Parser)]
#[command(name = "shiwake", version, about = "Sorts logs and sends each where it belongs")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows for each log line its type, its severity, the rule that decided, and what was parsed.
    Explain {
        /// Files with a log line, or with a JSON object as a record, on each line; standard input when none is given.
        files: Vec<PathBuf>,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Adds up a lake from the footers of its files, and names gaps and doubles.
    ///
    /// Exits with 0 when every record is there once and every file was read, with 1 when not, and with 2 when the lake
    /// cannot be listed.
    Ledger {
        /// The lake: a folder, or s3://bucket/prefix.
        lake: String,
        #[command(flatten)]
        s3: S3,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Brings back what was set aside because it was damaged, could not be read, or the process died of it.
    ///
    /// Nothing is removed, and doing it again doubles nothing. Exits with 0 when all of it was whole, and is in the lake if it was
    /// to be; with 1 when not; and with 2 when something cannot be read or written to.
    #[command(group = clap::ArgGroup::new("purpose").required(true))]
    Restore {
        /// What was set aside: a store_dir (its *.aside files), a lake (what is in quarantine/segments), or single files.
        #[arg(required = true)]
        sources: Vec<String>,
        /// Says what is in each.
        #[arg(long, group = "purpose")]
        list: bool,
        /// Stores the records in this lake, a folder or s3://bucket/prefix, under the names that they would have had.
        #[arg(long, value_name = "LAKE", group = "purpose")]
        into: Option<String>,
        /// Prints all that can be read, damaged or not, one JSON object a line.
        #[arg(long, group = "purpose")]
        export: bool,
        #[command(flatten)]
        s3: S3,
    },
}

#[derive(Args)]
struct S3 {
    /// Region of the bucket; without it AWS_REGION.
    #[arg(long)]
    region: Option<String>,
    /// Another S3 endpoint than AWS', as in http://localhost:9000.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

impl From<S3> for S3Options {
    fn from(S3 { region, endpoint }: S3) -> Self {
        Self { region, endpoint }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object, or one a line.
    Json,
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Explain { files, format } => match explain::run(&files, format == Format::Json) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, ExitCode::FAILURE),
        },
        Command::Ledger { lake, s3, format } => {
            answer(ledger::run(&lake, &s3.into(), &environment(), format == Format::Json))
        }
        Command::Restore { sources, list: _, into, export, s3 } => {
            let purpose = match into {
                Some(lake) => Purpose::Deliver(lake),
                None if export => Purpose::Export,
                None => Purpose::List,
            };
            answer(restore::run(&sources, &purpose, &s3.into(), &environment()))
        }
    }
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn answer(result: Result<bool, impl std::fmt::Display>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_ADDED_UP),
        Err(error) => fail(&error, ExitCode::from(NOT_READ)),
    }
}

#[expect(clippy::print_stderr, reason = "a command tells its errors there")]
fn fail(error: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    eprintln!("shiwake: {error}");
    code
}
