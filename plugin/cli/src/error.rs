//! Why a command could not do its work.

use crate::convert::ConvertError;
use crate::ddl::DdlError;
use crate::doctor::HostConfigError;
use crate::ledger::LedgerError;
use crate::plan::PlanError;
use crate::restore::RestoreError;
use crate::table::TableError;
use crate::wasm::WasmError;
use parquet::errors::ParquetError;
use shiwake_delivery::columns::file::FileError;
use shiwake_delivery::config::ConfigError;
use shiwake_records::rules::RulesError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// A file of logs cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no such file of logs; what stands in its place may be a line.
    #[error("cannot read {}: {source}\nFiles are named here. A line comes by standard input: echo {} | shiwake explain", file.display(), quoted(file))]
    NoSuchLog {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody takes what is written.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// The rules are wrong; all that is wrong with them.
    #[error("the rules cannot be used\n{}", marked(.0))]
    Rules(#[from] RulesError),
    /// Records cannot be written as Parquet.
    #[error("cannot measure the size as Parquet: {0}")]
    Parquet(#[from] FileError),
    /// A file is no Parquet file, or a damaged one.
    #[error("cannot read {} as Parquet: {source}", file.display())]
    NoParquet {
        /// The file.
        file: PathBuf,
        /// What the reader says.
        source: ParquetError,
    },
    /// What was given cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There are no statements for this lake.
    #[error(transparent)]
    Ddl(#[from] DdlError),
    /// There is no program for tables.
    #[error(transparent)]
    Table(#[from] TableError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Files cannot be made into a lake.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A lake cannot be added up.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The host's configuration cannot be read.
    #[error(transparent)]
    HostConfig(#[from] HostConfigError),
    /// What was set aside cannot be brought back.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// There is no module to be had.
    #[error(transparent)]
    Wasm(#[from] WasmError),
}

impl CommandError {
    /// Whether whoever read us has seen enough.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, CommandError::Write(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// As a shell takes it for one word.
fn quoted(file: &Path) -> String {
    format!("'{}'", file.to_string_lossy().replace('\'', r"'\''"))
}

/// Every fault with the line it is in.
fn marked(error: &RulesError) -> String {
    error.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
