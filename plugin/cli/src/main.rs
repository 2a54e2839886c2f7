//! The command `shiwake`.
//!
//! `shiwake explain` shows how log lines are sorted, by the same code as the plugin. `shiwake ledger` adds up a lake.

mod explain;
mod ledger;

use clap::{Parser, Subcommand, ValueEnum};
use shiwake_delivery::store::S3Options;
use std::path::PathBuf;
use std::process::ExitCode;

/// The lake does not add up.
const NOT_ADDED_UP: u8 = 1;
/// The lake cannot be listed.
const NOT_LISTED: u8 = 2;

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
        /// Region of the bucket; without it AWS_REGION.
        #[arg(long)]
        region: Option<String>,
        /// Another S3 endpoint than AWS', as in http://localhost:9000.
        #[arg(long, value_name = "URL")]
        endpoint: Option<String>,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
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
        Command::Ledger { lake, region, endpoint, format } => {
            let environment: Vec<(String, String)> = std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect();
            match ledger::run(&lake, &S3Options { region, endpoint }, &environment, format == Format::Json) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::from(NOT_ADDED_UP),
                Err(error) => fail(&error, ExitCode::from(NOT_LISTED)),
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command tells its errors there")]
fn fail(error: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    eprintln!("shiwake: {error}");
    code
}
