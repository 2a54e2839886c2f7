//! What is in the lake: every row of every file, counted by its identity.

use crate::CrashError;
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shiwake_delivery::store::{Environment, Lake, Location, Object, S3Options};
use std::collections::HashMap;

const NAMED: &str = "container_id";
const RAW: &str = "raw";

/// Where a record was found, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// How often.
    pub times: u32,
    /// The folder of the first time, as a place in [`FOLDERS`].
    pub folder: u8,
}

/// Folders of a lake.
pub const FOLDERS: [&str; 7] =
    ["type=audit", "type=error", "type=access", "type=activity", "type=trace", "type=app", "quarantine"];

/// All that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// By chunk, and by the place of the record in it.
    pub records: HashMap<u64, Vec<Seen>>,
    /// Files read.
    pub files: u64,
    /// Rows read.
    pub rows: u64,
    /// Rows without an identity, and objects that are no Parquet files: what they are.
    pub strange: Vec<String>,
}

/// Reads a lake whole.
///
/// # Errors
/// When the lake cannot be listed, or an object not read.
pub fn read(lake: &str, options: &S3Options, environment: &Environment) -> Result<Found, CrashError> {
    let lake = Lake::open_existing(&Location::parse(lake)?, options, environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(CrashError::io("start", "a runtime"))?;
    runtime.block_on(async {
        let mut found = Found::default();
        let mut listing = lake.list();
        while let Some(object) = listing.next().await? {
            if object.key.ends_with(".parquet") && !object.key.starts_with("quarantine/segments/") {
                let content = lake.read_end(&object, object.bytes).await?;
                found.add(&object, content)?;
            } else {
                found.strange.push(format!("object '{}' of {} bytes", object.key, object.bytes));
            }
        }
        Ok(found)
    })
}

impl Found {
    fn add(&mut self, object: &Object, content: Bytes) -> Result<(), CrashError> {
        let refuse = |reason: String| CrashError::Object { key: object.key.clone(), reason };
        let folder = FOLDERS.iter().position(|folder| object.key.starts_with(&format!("{folder}/")));
        let folder =
            folder.and_then(|folder| u8::try_from(folder).ok()).ok_or_else(|| refuse("its folder".to_owned()))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(content).map_err(|error| refuse(error.to_string()))?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), [NAMED, RAW]);
        let reader = builder.with_projection(mask).build().map_err(|error| refuse(error.to_string()))?;
        for batch in reader {
            let batch = batch.map_err(|error| refuse(error.to_string()))?;
            self.rows += batch.num_rows() as u64;
            for row in 0..batch.num_rows() {
                match identity(&batch, row) {
                    Some((chunk, record)) => self.count(chunk, record, folder),
                    None => self.strange.push(format!("row {row} of '{}'", object.key)),
                }
            }
        }
        self.files += 1;
        Ok(())
    }

    fn count(&mut self, chunk: u64, record: usize, folder: u8) {
        let records = self.records.entry(chunk).or_default();
        if records.len() <= record {
            records.resize(record + 1, Seen::default());
        }
        if let Some(seen) = records.get_mut(record) {
            if seen.times == 0 {
                seen.folder = folder;
            }
            seen.times += 1;
        }
    }
}

/// The chunk and the record that a row is, by its column or by its bytes.
fn identity(batch: &RecordBatch, row: usize) -> Option<(u64, usize)> {
    let named = batch.column_by_name(NAMED).and_then(|column| column.as_string_opt::<i32>());
    if let Some(column) = named.filter(|column| !column.is_null(row)) {
        return parse(column.value(row));
    }
    let raw = batch.column_by_name(RAW)?.as_binary_opt::<i32>().filter(|column| !column.is_null(row))?;
    let raw = raw.value(row).strip_prefix(b"\xc1bad ")?;
    let end = raw.iter().position(|byte| *byte == b' ')?;
    parse(std::str::from_utf8(raw.get(..end)?).ok()?)
}

fn parse(identity: &str) -> Option<(u64, usize)> {
    let (chunk, record) = identity.strip_prefix('c')?.split_once("-r")?;
    let record = record.parse().ok().filter(|record| *record < 1_000_000)?;
    Some((chunk.parse().ok()?, record))
}
