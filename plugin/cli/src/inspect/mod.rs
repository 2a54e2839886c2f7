//! `shiwake inspect`: how a Parquet file is laid out: row groups, and of each column the encodings, sizes, statistics and
//! Bloom filters, with what its footer says.
//!
//! - [`column`]: a column over all row groups. [`report`]: text and JSON.

mod column;
mod report;

use crate::error::CommandError;
use crate::parquet_file::open;
use column::Column;
use parquet::file::metadata::{FileMetaData, ParquetMetaData};
use parquet::file::reader::FileReader;
use std::io::Write;
use std::path::PathBuf;

/// A file's layout.
struct Layout<'f> {
    file: &'f PathBuf,
    bytes: u64,
    metadata: &'f ParquetMetaData,
    columns: Vec<Column>,
}

impl Layout<'_> {
    fn about(&self) -> &FileMetaData {
        self.metadata.file_metadata()
    }
}

/// Looks at the files and writes what is found.
pub(crate) fn run(files: &[PathBuf], as_json: bool, out: &mut impl Write) -> Result<(), CommandError> {
    for (number, file) in files.iter().enumerate() {
        let about = std::fs::metadata(file).map_err(|source| CommandError::Read { file: file.clone(), source })?;
        let reader = open(file)?;
        let metadata = reader.metadata();
        let columns = 0..metadata.file_metadata().schema_descr().num_columns();
        let columns = columns.map(|place| Column::of(metadata, place)).collect();
        let layout = Layout { file, bytes: about.len(), metadata, columns };
        if as_json {
            writeln!(out, "{}", report::to_json(&layout))?;
        } else {
            if number > 0 {
                writeln!(out)?;
            }
            report::write_text(&layout, out)?;
        }
    }
    out.flush()?;
    Ok(())
}
