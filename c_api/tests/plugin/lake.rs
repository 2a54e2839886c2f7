//! Reads a lake back.

use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Every Parquet file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All values of a text column in the files below a folder, those that are there.
pub fn texts(folder: &Path, column: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for file in files(folder) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            let values = batch.column_by_name(column).unwrap().as_string::<i32>().clone();
            texts.extend(values.iter().flatten().map(str::to_owned));
        }
    }
    texts.sort();
    texts
}

/// Rows of the files below a folder.
pub fn rows(folder: &Path) -> u64 {
    let count = |file: PathBuf| {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
        builder.metadata().file_metadata().num_rows() as u64
    };
    files(folder).into_iter().map(count).sum()
}
