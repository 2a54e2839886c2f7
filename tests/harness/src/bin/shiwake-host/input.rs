//! JSON lines of files, gathered into chunks.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use shiwake_harness::{ChunkBuilder, ChunkError, ChunkFormat, Time};

use crate::summary::Summary;

/// A file or line that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} line {line}", path.display())]
    Line { path: PathBuf, line: usize, source: ChunkError },
}

/// Calls `pass` with every chunk; a chunk is closed once it reaches `chunk_bytes`. Blank lines are
/// skipped; a line that is no record ends it all.
pub(crate) fn for_each_chunk(
    files: &[PathBuf],
    chunk_bytes: usize,
    summary: &mut Summary,
    mut pass: impl FnMut(&mut Summary, Vec<u8>) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = ChunkBuilder::new(ChunkFormat::Legacy);
    for path in files {
        let reader = BufReader::new(File::open(path).map_err(|source| unreadable(path, source))?);
        for (index, line) in reader.lines().enumerate() {
            let line = line.map_err(|source| unreadable(path, source))?;
            if line.trim().is_empty() {
                continue;
            }
            builder.push_json_line(&line, now()).map_err(|source| InputError::Line {
                path: path.clone(),
                line: index + 1,
                source,
            })?;
            summary.records_in += 1;
            if builder.len_bytes() >= chunk_bytes {
                pass(summary, builder.finish())?;
            }
        }
    }
    if builder.records() > 0 {
        pass(summary, builder.finish())?;
    }
    Ok(())
}

fn unreadable(path: &Path, source: std::io::Error) -> InputError {
    InputError::Read { path: path.to_owned(), source }
}

fn now() -> Time {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::Event { secs: i32::try_from(since_epoch.as_secs()).unwrap_or(i32::MAX), nanos: since_epoch.subsec_nanos() }
}
