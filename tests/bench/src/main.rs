//! Makes records, and writes them into a lake. `tests/bench/lake.py` runs it, measures the process from outside, and sets
//! other programs beside it.

mod frames;
mod make;
mod shop;
mod twin;
mod write;

use clap::{Parser, Subcommand};
use shiwake_delivery::columns::file::FileError;
use shiwake_delivery::config::ConfigError;
use shiwake_delivery::pipeline::StartError;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "shiwake-bench", about = "Makes records and writes them into a lake, to be measured")]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Makes the records, as files in a folder: sent.msgpack, sorted.msgpack, type-NAME.msgpack, sent.ndjson
    Make {
        /// How many.
        #[arg(long)]
        records: u64,
        /// What all follows from.
        #[arg(long)]
        seed: u64,
        folder: PathBuf,
    },
    /// Hands a file's chunks to an output instance, as a host does
    Output {
        /// A property of the output.
        #[arg(long = "set", value_parser = property, value_name = "NAME=VALUE")]
        settings: Vec<(String, String)>,
        chunks: PathBuf,
        lake: PathBuf,
    },
    /// Makes Parquet files of a folder's type-NAME.msgpack
    Columns {
        /// Bytes of MessagePack that are made into files at a time.
        #[arg(long, default_value_t = 9_333_333)]
        segment_bytes: usize,
        folder: PathBuf,
        lake: PathBuf,
    },
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error(transparent)]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Parquet(#[from] FileError),
    #[error("what was made is no event")]
    NoEvent,
    #[error("a chunk was refused again and again")]
    Refused,
    #[error("not everything was written: {0}")]
    Unwritten(String),
}

fn property(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("a property is written NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    match run(Arguments::parse().work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "shiwake-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(work: Work) -> Result<(), BenchError> {
    let mut out = std::io::stdout().lock();
    match work {
        Work::Make { records, seed, folder } => {
            for (name, bytes) in make::make(&folder, records, seed)? {
                writeln!(out, "{name}\t{bytes}")?;
            }
        }
        Work::Output { settings, chunks, lake } => {
            writeln!(out, "records\t{}", write::through_output(&chunks, &lake, &settings)?)?;
        }
        Work::Columns { segment_bytes, folder, lake } => {
            writeln!(out, "records\t{}", write::through_columns(&folder, &lake, segment_bytes)?)?;
        }
    }
    Ok(())
}
