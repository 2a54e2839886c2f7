//! What can go wrong with a run, beside the plugin itself.

use std::path::PathBuf;

/// Why a run could not be made, or what it found.
#[derive(Debug, thiserror::Error)]
pub enum CrashError {
    /// The system did not do what it was asked for.
    #[error("{what} '{path}': {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The harness or the plugin refused.
    #[error(transparent)]
    Harness(#[from] shiwake_harness::HarnessError),
    /// A line of the notes is none that a feeder writes.
    #[error("line {line} of the notes is not understood: {found:?}")]
    Notes {
        /// Its number.
        line: usize,
        /// What stands there.
        found: String,
    },
    /// The feeder did not say what was waited for.
    #[error("the feeder did not say {expected:?} within {seconds} s; its exit status is {status}")]
    Silent {
        /// What was waited for.
        expected: &'static str,
        /// How long.
        seconds: u64,
        /// How it ended, if it did.
        status: String,
    },
    /// The feeder ended otherwise than asked.
    #[error("the feeder ended with {status} in run {run}")]
    Ended {
        /// Its exit status.
        status: String,
        /// The run.
        run: u64,
    },
    /// The plugin answered ERROR, which it never may.
    #[error("chunk {number} was answered {answer}")]
    Refused {
        /// The chunk.
        number: u64,
        /// The answer.
        answer: String,
    },
    /// The lake cannot be opened or read.
    #[error("lake: {0}")]
    Lake(#[from] shiwake_delivery::store::ReadError),
    /// What was given is no lake.
    #[error("lake {0}")]
    Location(#[from] shiwake_delivery::store::LocationError),
    /// An object is not a file of the plugin.
    #[error("object '{key}' is no file of the plugin: {reason}")]
    Object {
        /// Its key.
        key: String,
        /// What is wrong.
        reason: String,
    },
}

impl CrashError {
    /// Makes an error of what the system says about a file.
    pub fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| CrashError::Io { what, path, source }
    }
}
