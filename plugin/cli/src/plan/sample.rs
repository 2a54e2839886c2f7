//! A user's own logs, written into memory in files of the size that is planned.

use super::PlanError;
use crate::error::CommandError;
use crate::input::Lines;
use bytes::Bytes;
use shiwake_delivery::columns::file::{FileWriter, plan};
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::lane::{Lane, Lanes};
use shiwake_delivery::schema::Schemas;
use shiwake_delivery::spool::{Block, LoadedSegment, SegmentId};
use shiwake_records::classify::Fate;
use shiwake_records::event::Event;
use shiwake_records::line_event::EventMaker;
use shiwake_records::msgpack::Reader;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes of sorted records of each type that are looked at.
const LOOKED_AT_BYTES: usize = 32 * 1024 * 1024;
/// The hour that all records are put into, 2026-01-01 00:00 UTC: files of one hour are what is measured.
const HOUR_SECONDS: u64 = 1_767_225_600;

/// Sorted records of a type.
#[derive(Debug, Default)]
struct Sorted {
    records: Vec<Vec<u8>>,
    bytes: usize,
}

/// A sample.
#[derive(Debug)]
pub(super) struct Sample {
    types: BTreeMap<Lane, Sorted>,
    writer: FileWriter,
    line_bytes: u64,
    sorted_bytes: u64,
}

impl Sample {
    /// Sorts the lines of files.
    pub(super) fn read(files: &[PathBuf], config: &OutputConfig) -> Result<Self, CommandError> {
        let rules = Arc::clone(&config.sorter.rules);
        let lanes = Lanes::new(rules.types().iter().map(|declared| (declared.log_type, declared.like)));
        let schemas = Arc::new(Schemas::new(lanes, rules.types()));
        let writer = FileWriter { codec: config.codec, schemas, rules: rules.fingerprint() };
        let mut sample = Self { types: BTreeMap::new(), writer, line_bytes: 0, sorted_bytes: 0 };
        let mut sorter = Sorter::new(SorterConfig { rules, use_line_time: false, ..SorterConfig::default() });
        let (mut maker, mut lines) = (EventMaker::default(), Lines::of(files));
        let (mut line, mut event, mut count) = (Vec::new(), Vec::new(), 0_u64);
        while lines.read(&mut line)? {
            let millisecond = count % 3_600_000;
            let seconds = u32::try_from(HOUR_SECONDS + millisecond / 1_000).unwrap_or_default();
            let nanoseconds = u32::try_from(millisecond % 1_000 * 1_000_000).unwrap_or_default();
            maker.make(&line, (seconds, nanoseconds), &mut event);
            count += 1;
            let mut sorted = Vec::new();
            let read = Event::read(&mut Reader::new(&event));
            let Some(verdict) = read.ok().and_then(|event| sorter.sort(&event, &mut sorted)) else { continue };
            let of_type = sample.types.entry(Lane::Typed(verdict.log_type)).or_default();
            if verdict.fate == Fate::Kept && of_type.bytes < LOOKED_AT_BYTES {
                sample.line_bytes += line.len() as u64;
                sample.sorted_bytes += sorted.len() as u64;
                of_type.bytes += sorted.len();
                of_type.records.push(sorted);
            }
        }
        sample.types.retain(|_, sorted| !sorted.records.is_empty());
        if sample.types.is_empty() {
            return Err(PlanError::EmptySample.into());
        }
        Ok(sample)
    }

    /// Bytes of the lines of a byte of sorted records.
    pub(super) fn json_per_sorted(&self) -> Option<f64> {
        (self.sorted_bytes > 0).then(|| self.line_bytes as f64 / self.sorted_bytes as f64)
    }

    /// Bytes of a sorted record.
    pub(super) fn record_bytes(&self, lane: Lane) -> Option<f64> {
        let sorted = self.types.get(&lane)?;
        Some(sorted.bytes as f64 / sorted.records.len() as f64)
    }

    /// Bytes of a file of so many bytes of sorted records, by writing one; of more than there are in proportion.
    pub(super) fn file_bytes(&self, lane: Lane, sorted_bytes: f64) -> Option<f64> {
        let sorted = self.types.get(&lane)?;
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
        let blocks = vec![Block { tag: Arc::from("app-firelens-0a1b2c"), events: Bytes::from(events), records }];
        let segment = LoadedSegment { id, first_record: 0, records, blocks };
        let plans = plan(&segment).ok()?;
        let files = plans.iter().map(|plan| Some(self.writer.write(&segment, plan).ok()?.bytes.len() as f64));
        files.sum()
    }
}
