//! Records like those that are to come, written into memory in files of the size that is planned.

use crate::columns::file::{FileWriter, plan};
use crate::config::output::OutputConfig;
use crate::lane::{Lane, Lanes};
use crate::schema::Schemas;
use crate::spool::{Block, LoadedSegment, SegmentId};
use bytes::Bytes;
use shiwake_records::classify::Fate;
use shiwake_records::event::Event;
use shiwake_records::msgpack::Reader;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of sorted records of each type that are looked at.
const LOOKED_AT_BYTES: usize = 32 * 1024 * 1024;
/// Sorted records of a type.
#[derive(Debug, Default)]
struct Sorted {
    records: Vec<Vec<u8>>,
    bytes: usize,
}

/// A sample.
#[derive(Debug)]
pub struct Sample {
    types: BTreeMap<Lane, Sorted>,
    sorter: Sorter,
    writer: FileWriter,
    line_bytes: u64,
    sorted_bytes: u64,
}

impl Sample {
    /// A sample without a record, for an output of this configuration.
    #[must_use]
    pub fn new(config: &OutputConfig) -> Self {
        let rules = Arc::clone(&config.sorter.rules);
        let lanes = Lanes::new(rules.types().iter().map(|declared| (declared.log_type, declared.like)));
        let schemas = Arc::new(Schemas::new(lanes, rules.types()));
        let writer = FileWriter { codec: config.codec, schemas, rules: rules.fingerprint() };
        let sorter = Sorter::new(SorterConfig { rules, use_line_time: false, ..SorterConfig::default() });
        Self { types: BTreeMap::new(), sorter, writer, line_bytes: 0, sorted_bytes: 0 }
    }

    /// Sorts an event, which is of a line of so many bytes, and takes it if it is kept. All events should lie in one hour: files
    /// of one hour are what is measured.
    pub fn add(&mut self, event: &[u8], line_bytes: u64) {
        let mut sorted = Vec::new();
        let read = Event::read(&mut Reader::new(event));
        let Some(verdict) = read.ok().and_then(|event| self.sorter.sort(&event, &mut sorted)) else { return };
        let of_type = self.types.entry(Lane::Typed(verdict.log_type)).or_default();
        if verdict.fate == Fate::Kept && of_type.bytes < LOOKED_AT_BYTES {
            self.line_bytes += line_bytes;
            self.sorted_bytes += sorted.len() as u64;
            of_type.bytes += sorted.len();
            of_type.records.push(sorted);
        }
    }

    /// Whether no record was kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.values().all(|sorted| sorted.records.is_empty())
    }

    /// Bytes of the lines of a byte of sorted records.
    #[must_use]
    pub fn json_per_sorted(&self) -> Option<f64> {
        (self.sorted_bytes > 0).then(|| self.line_bytes as f64 / self.sorted_bytes as f64)
    }

    /// Bytes of a sorted record.
    #[must_use]
    pub fn record_bytes(&self, lane: Lane) -> Option<f64> {
        let sorted = self.types.get(&lane).filter(|sorted| !sorted.records.is_empty())?;
        Some(sorted.bytes as f64 / sorted.records.len() as f64)
    }

    /// Bytes of a file of so many bytes of sorted records, by writing one; of more than there are in proportion.
    #[must_use]
    pub fn file_bytes(&self, lane: Lane, sorted_bytes: f64) -> Option<f64> {
        let sorted = self.types.get(&lane).filter(|sorted| !sorted.records.is_empty())?;
        let wanted = (sorted_bytes / self.record_bytes(lane)?).max(1.0);
        let most = sorted.records.len();
        if wanted >= most as f64 {
            let (whole, least) = (self.written(lane, sorted, most)?, self.written(lane, sorted, 1)?);
            return Some(least + (whole - least) * wanted / most as f64);
        }
        // Between two whole numbers of records on the line through both.
        let below = wanted.floor();
        let low = self.written(lane, sorted, below as usize)?;
        let high = self.written(lane, sorted, below as usize + 1)?;
        Some(low + (high - low) * (wanted - below))
    }

    /// A file of so many records from all over the sample.
    fn written(&self, lane: Lane, sorted: &Sorted, records: usize) -> Option<f64> {
        let picked = (0..records).filter_map(|number| sorted.records.get(number * sorted.records.len() / records));
        let events: Vec<u8> = picked.flatten().copied().collect();
        let id = SegmentId { stream: Arc::from("0".repeat(28)), lane, number: 0 };
        let records = records as u64;
        let blocks =
            vec![Block { tag: Arc::from("app-firelens-0a1b2c"), events: Bytes::from(events), records, places: None }];
        let segment = LoadedSegment { id, first_record: 0, records, blocks };
        let plans = plan(&segment).ok()?;
        let files = plans.iter().map(|plan| Some(self.writer.write(&segment, plan).ok()?.bytes.len() as f64));
        files.sum()
    }
}
