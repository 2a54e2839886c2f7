//! Bytes as Parquet, by writing files as the plugin does, into memory.

use bytes::Bytes;
use shiwake_delivery::columns::codec::Codec;
use shiwake_delivery::columns::file::{FileError, FileWriter, plan};
use shiwake_delivery::lane::{Lane, Lanes};
use shiwake_delivery::schema::Schemas;
use shiwake_delivery::spool::{Block, LoadedSegment, SegmentId};
use shiwake_records::log_type::LogType;
use shiwake_records::rules::RuleSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of records of each type that are written; what more there is, is taken to be like them.
const WRITTEN_BYTES: usize = 8 * 1024 * 1024;

/// Sorted records of a type.
#[derive(Debug, Default)]
struct Records {
    events: Vec<u8>,
    records: u64,
    /// Bytes of the first one.
    first_bytes: usize,
}

/// Collects sorted records.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    types: BTreeMap<LogType, Records>,
}

/// What records of a type take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Bytes of the records as MessagePack.
    record_bytes: u64,
    /// Bytes of the same records as one Parquet file.
    file_bytes: u64,
    /// Bytes of a file with the first of them alone, which is hardly more than what each file has.
    empty_file_bytes: u64,
}

impl Size {
    /// Bytes of so many bytes of records, as so many Parquet files.
    pub(super) fn of(self, record_bytes: f64, files: f64) -> f64 {
        let growth = self.file_bytes.saturating_sub(self.empty_file_bytes) as f64;
        files * self.empty_file_bytes as f64 + growth * record_bytes / self.record_bytes.max(1) as f64
    }
}

impl Sizes {
    /// Adds a sorted record.
    pub(super) fn add(&mut self, log_type: LogType, sorted: &[u8]) {
        let records = self.types.entry(log_type).or_default();
        if records.events.len() < WRITTEN_BYTES {
            if records.records == 0 {
                records.first_bytes = sorted.len();
            }
            records.events.extend_from_slice(sorted);
            records.records += 1;
        }
    }

    /// Writes the files and tells their sizes.
    pub(super) fn measure(self, rules: &RuleSet, tag: &str) -> Result<BTreeMap<LogType, Size>, FileError> {
        let lanes = Lanes::new(rules.types().iter().map(|declared| (declared.log_type, declared.like)));
        let schemas = Arc::new(Schemas::new(lanes, rules.types()));
        let writer = FileWriter { codec: Codec::default(), schemas, rules: rules.fingerprint() };
        let file_bytes = |log_type, events, records| {
            let id = SegmentId { stream: Arc::from("dry-run"), lane: Lane::Typed(log_type), number: 0 };
            let blocks = vec![Block { tag: Arc::from(tag), events, records, places: None }];
            let segment = LoadedSegment { id, first_record: 0, records, blocks };
            let mut file_bytes = 0;
            for plan in plan(&segment)? {
                file_bytes += writer.write(&segment, &plan)?.bytes.len() as u64;
            }
            Ok::<u64, FileError>(file_bytes)
        };
        let measure = |(log_type, Records { events, records, first_bytes })| {
            let events = Bytes::from(events);
            let first = events.slice(..first_bytes);
            let size = Size {
                record_bytes: events.len() as u64,
                file_bytes: file_bytes(log_type, events, records)?,
                empty_file_bytes: file_bytes(log_type, first, 1)?,
            };
            Ok((log_type, size))
        };
        self.types.into_iter().map(measure).collect()
    }
}
