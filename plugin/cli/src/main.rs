//! The command `shiwake`.
//!
//! `shiwake explain` shows how log lines are sorted, by the same code as the plugin.

mod explain;

use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

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
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for people.
    Text,
    /// A JSON object a line: the record as the filter makes it, under `record`, and the rule.
    Json,
}

fn main() -> ExitCode {
    let Arguments { command: Command::Explain { files, format } } = Arguments::parse();
    match explain::run(&files, format == Format::Json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a command tells its errors there")]
            {
                eprintln!("shiwake: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
