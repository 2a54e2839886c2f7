//! Writes generated records into a lake, and the same records as they were sent into a file beside it.
//!
//! What becomes of them is looked at by others, who know nothing of this code: `tests/end-to-end/test_readback.py` reads the
//! lake with DuckDB and pyarrow and the file with a MessagePack library of its own.

mod record;
mod value;

use clap::Parser;
use fastrand::Rng;
use record::Kind;
use shiwake_delivery::clock::SystemClock;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::config::{ConfigError, Properties};
use shiwake_delivery::lane::Lane;
use shiwake_delivery::log::{Level, Log};
use shiwake_delivery::metrics::NoMetrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline, StartError};
use shiwake_delivery::schema::Schemas;
use shiwake_records::log_type::LogType;
use shiwake_records::rules::SourceFile;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a chunk, as Fluent Bit hands them over at most.
const CHUNK_BYTES: usize = 2_000_000;
/// How long what is pending may take at the end.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// The type that is declared beside the built-in ones.
const DECLARED: &str = "billing";
/// Its declaration: a type like `audit` with a column of each kind that may be declared.
const RULES: &str = r#"
[type.billing]
like = "audit"
columns.note = { type = "text", from = ["note", "remark"] }
columns.amount = { type = "float64", from = ["amount", "amt"] }
columns.items = { type = "int32" }
columns.total = { type = "int64" }
columns.paid = { type = "bool", from = ["paid", "is_paid"] }
"#;
/// A type that nobody declares: records that name it are sorted anew.
const UNDECLARED: &str = "moods";

#[derive(Parser)]
#[command(name = "shiwake-generate", about = "Writes generated records into a lake and into a file")]
struct Arguments {
    /// How many.
    #[arg(long)]
    records: u64,
    /// What all follows from.
    #[arg(long)]
    seed: u64,
    /// The lake's folder.
    lake: PathBuf,
    /// The file for the records as they were sent: events of Fluent Bit, one behind the other.
    file: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum GenerateError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("a chunk was refused")]
    Refused,
    #[error("not everything was written: {0}")]
    Unwritten(String),
}

/// Lines of the output, to the console.
struct Console;

impl Log for Console {
    fn line(&self, level: Level, text: &str) {
        // A console that is gone is nobody's loss.
        let _ = writeln!(std::io::stderr(), "{level:?}: {text}");
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "shiwake-generate: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), GenerateError> {
    let Arguments { records, seed, lake, file } = arguments;
    let lake = lake.to_string_lossy().into_owned();
    let properties = Properties::new(
        &PROPERTIES,
        [("lake", lake.as_str()), ("total_file_size", "16M"), ("rules", "rules"), ("line_time", "off")],
    )?;
    let mut load = |name: &str, _: Option<&str>| Ok(SourceFile::new(name, RULES));
    let config = OutputConfig::new(&properties, &[], &mut load)?;
    let schemas = Schemas::new(config.lanes.clone(), &config.types);
    let columns_of = |name: &str| Lane::from_name(name).map(|lane| schemas.columns(lane)).unwrap_or_default();
    let names = LogType::BUILT_IN.iter().map(LogType::name).chain([DECLARED, UNDECLARED]);
    let kinds: Vec<Kind<'_>> = names.map(|name| Kind { name, columns: columns_of(name) }).collect();
    let outside = Outside {
        instance: "generated".to_owned(),
        clock: Arc::new(SystemClock::default()),
        log: Arc::new(Console),
        memory: Arc::default(),
        metrics: Arc::new(NoMetrics),
    };
    let pipeline = Pipeline::start(config, &[], outside)?;

    let failed = |source| GenerateError::File { path: file.clone(), source };
    let mut sent = BufWriter::new(File::create(file).map_err(failed)?);
    let mut chance = Rng::with_seed(*seed);
    let mut chunk = Vec::new();
    for number in 0..*records {
        if let Some(kind) = kinds.get(chance.usize(..kinds.len())) {
            record::append(&mut chunk, &mut chance, number, kind);
        }
        if chunk.len() >= CHUNK_BYTES || number + 1 == *records {
            sent.write_all(&chunk).map_err(failed)?;
            if pipeline.accept(&chunk, "generated") != Answer::Accepted {
                return Err(GenerateError::Refused);
            }
            chunk.clear();
        }
    }
    sent.flush().map_err(failed)?;
    pipeline.stop_within(PATIENCE);
    let totals = pipeline.ledger().totals();
    if (totals.accepted, totals.written) != (*records, *records) {
        return Err(GenerateError::Unwritten(totals.to_string()));
    }
    Ok(())
}
