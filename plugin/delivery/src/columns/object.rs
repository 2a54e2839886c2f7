//! The object that a partition of a segment becomes, whatever its records are like.
//!
//! A Parquet file of their type; when none can be made of them, one of rejected records under `quarantine/`; when that too
//! cannot be, their events as they are.

use super::ColumnMemory;
use super::file::{FileError, FileWriter, PartitionPlan, WrittenFile};
use crate::partition::raw_key;
use crate::spool::LoadedSegment;
use shiwake_records::civil_time::CivilHour;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An object, to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionObject {
    /// Its key below the lake's prefix.
    pub key: String,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Fields that are in the overflow because their value does not fit their column.
    pub misfits: u64,
    /// Why it is not a file of the records' own type, when it is not.
    pub rejected: Option<String>,
}

/// Makes the object of a partition, in the memory of those before.
#[must_use]
pub fn write_object(
    writer: &FileWriter,
    segment: &LoadedSegment,
    plan: &PartitionPlan,
    memory: &mut ColumnMemory,
) -> PartitionObject {
    let reason = match guarded(|| writer.write_in(segment, plan, memory)) {
        Ok(WrittenFile { bytes, misfits }) => {
            let key = plan.partition.object_key(&segment.id);
            return PartitionObject { key, bytes, misfits, rejected: None };
        }
        Err(reason) => reason,
    };
    match guarded(|| writer.write_rejected(segment, plan, &reason)) {
        Ok((key, bytes)) => PartitionObject { key, bytes, misfits: 0, rejected: Some(reason) },
        Err(second) => {
            let bytes = plan.events(segment).flat_map(|event| event.raw.iter().copied()).collect();
            let CivilHour { year, month, day, hour } = plan.partition.hour;
            let key = raw_key(&segment.id, &format!("-{year:04}{month:02}{day:02}{hour:02}.msgpack"));
            PartitionObject { key, bytes, misfits: 0, rejected: Some(format!("{reason}; {second}")) }
        }
    }
}

/// Runs what could panic in a library.
///
/// # Errors
/// Its error, or the fact of the panic, as text.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, FileError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("internal error".to_owned()),
    }
}
