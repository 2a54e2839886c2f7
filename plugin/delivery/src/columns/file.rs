//! A segment into one Parquet file a partition.
//!
//! The rows of a file lie in order of time. What a file holds, and its bytes, follow from the segment and the rules alone, so
//! that writing it again gives the same file. One partition is written at a time: what is held beside the segment is one row
//! group, bounded by [`ROW_GROUP_BYTES`], and the compressed file.

use super::codec::Codec;
use super::layout::{self, ROW_GROUP_BYTES, ROW_GROUP_ROWS};
use super::row::RowLayout;
use super::row_group::{ColumnMemory, RowGroup};
use super::rows::Rows;
use crate::lane::Lane;
use crate::partition::Partition;
use crate::schema::{Column, Schemas, arrow_schema};
use crate::spool::{Block, LoadedSegment, RecordPlace};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use shiwake_records::event::Event;
use shiwake_records::msgpack::Reader;
use shiwake_records::quarantine;
use shiwake_records::sorter::Sorter;
use std::sync::Arc;

/// Bytes of events after which it is looked how much the row group holds.
const LOOK_BYTES: usize = 512 * 1024;

/// Bytes of events after which rows are taken over.
const BATCH_BYTES: usize = 256 * 1024;
/// An hour, in microseconds.
const HOUR_MICROS: i64 = 3_600_000_000;

/// Why a segment could not be made into files.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Parquet refused the rows.
    #[error("parquet file could not be written: {0}")]
    Parquet(#[from] ParquetError),
    /// What is in the segment is not what was put there.
    #[error("segment is damaged: no event at offset {offset} of block {block}")]
    Damaged {
        /// Number of the block in its segment.
        block: usize,
        /// Offset in the block.
        offset: usize,
    },
}

/// Where a record lies in its segment.
#[derive(Debug, Clone, Copy)]
struct Place {
    time_micros: i64,
    block: u32,
    offset: u32,
    /// Where the record's pairs begin, how many bytes they take, and how many they are.
    content: u32,
    length: u32,
    pairs: u32,
    has_metadata: bool,
}

/// The records of a partition, in order of time.
#[derive(Debug)]
pub struct PartitionPlan {
    /// The partition.
    pub partition: Partition,
    /// Its number among those of the segment, and how many those are.
    part: (usize, usize),
    places: Vec<Place>,
}

impl PartitionPlan {
    /// Records of the partition.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.places.len() as u64
    }

    /// Its events, in order of time.
    pub fn events<'a>(&'a self, segment: &'a LoadedSegment) -> impl Iterator<Item = Event<'a>> {
        self.places.iter().filter_map(|place| {
            let block = segment.blocks.get(place.block as usize)?;
            Event::read(&mut Reader::at(&block.events, place.offset as usize)).ok()
        })
    }
}

/// Finds the partitions of a segment.
///
/// # Errors
/// When the segment holds what is no event.
pub fn plan(segment: &LoadedSegment) -> Result<Vec<PartitionPlan>, FileError> {
    let mut places = Vec::with_capacity(usize::try_from(segment.records).unwrap_or(0));
    for (number, block) in segment.blocks.iter().enumerate() {
        // Blocks were written event by event, so they are read strictly; looking for events is for chunks from outside.
        let mut known = block.places.iter().flat_map(|places| places.iter());
        let mut start = 0;
        while start < block.events.len() {
            let place = place_at(block, number, start, known.next());
            let place = place.ok_or(FileError::Damaged { block: number, offset: start })?;
            start = place.content as usize + place.length as usize;
            places.push(place);
        }
    }
    // Stable: records of the same microsecond stay in the order in which they came.
    places.sort_by_key(|place| place.time_micros);
    let hour = |place: &Place| place.time_micros.div_euclid(HOUR_MICROS);
    let hours = if places.first().map(hour) == places.last().map(hour) {
        vec![places]
    } else {
        places.chunk_by(|a, b| hour(a) == hour(b)).map(<[Place]>::to_vec).collect()
    };
    let parts = hours.len();
    let plans = hours.into_iter().enumerate().filter_map(|(number, places)| {
        let partition = Partition::of(segment.id.lane, places.first()?.time_micros);
        Some(PartitionPlan { partition, part: (number, parts), places })
    });
    Ok(plans.collect())
}

/// The place of the record whose event begins at `start`, of which it may be known where it ends and more; `None` when there is none.
fn place_at(block: &Block, number: usize, start: usize, known: Option<&RecordPlace>) -> Option<Place> {
    let (block_number, offset) = (u32::try_from(number).ok()?, u32::try_from(start).ok()?);
    if let Some(RecordPlace { end, plain: Some(plain) }) = known {
        let content = offset.checked_add(u32::from(plain.head_bytes.get()))?;
        return Some(Place {
            time_micros: plain.time_micros(),
            block: block_number,
            offset,
            content,
            length: end.checked_sub(content).filter(|_| *end as usize <= block.events.len())?,
            pairs: u32::from(plain.pairs),
            has_metadata: false,
        });
    }
    let mut reader = Reader::at(&block.events, start);
    let event = match known {
        Some(place) => Event::read_until(&mut reader, place.end as usize),
        None => Event::read(&mut reader),
    };
    let event = event.ok()?;
    let length = event.body.content.len();
    Some(Place {
        time_micros: event.time.micros(),
        block: block_number,
        offset,
        // The record is what an event ends with.
        content: u32::try_from(reader.position() - length).ok()?,
        length: u32::try_from(length).ok()?,
        pairs: event.body.count,
        // Hosts since 2.1 write a map, and mostly an empty one.
        has_metadata: event.metadata.is_some_and(|metadata| metadata.count > 0),
    })
}

/// Writes lanes' files.
#[derive(Debug, Clone)]
pub struct FileWriter {
    /// How pages are compressed.
    pub codec: Codec,
    /// The columns of each lane.
    pub schemas: Arc<Schemas>,
    /// The fingerprint of the rules that the columns are of ([`RuleSet::fingerprint`]), for footers.
    ///
    /// [`RuleSet::fingerprint`]: shiwake_records::rules::RuleSet::fingerprint
    pub rules: u64,
}

/// A Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Fields of its records that are in the overflow because their value does not fit their column.
    pub misfits: u64,
}

impl FileWriter {
    /// Writes the Parquet file of one partition of a segment.
    ///
    /// # Errors
    /// When Arrow or Parquet refuse the rows, or the segment is damaged.
    pub fn write(&self, segment: &LoadedSegment, plan: &PartitionPlan) -> Result<WrittenFile, FileError> {
        self.write_in(segment, plan, &mut ColumnMemory::default())
    }

    /// As [`FileWriter::write`], in the memory of files before, which is kept for the next one.
    ///
    /// # Errors
    /// As [`FileWriter::write`].
    pub fn write_in(
        &self,
        segment: &LoadedSegment,
        plan: &PartitionPlan,
        memory: &mut ColumnMemory,
    ) -> Result<WrittenFile, FileError> {
        let lane = segment.id.lane;
        let columns = self.schemas.columns(lane);
        let layout = RowLayout::new(columns, lane.name());
        let properties = self.properties(lane, segment, plan, columns)?;
        let mut file = OpenFile::new(lane, columns, self.codec, plan.places.len(), properties, memory)?;
        let mut rows = Rows::new(columns.len());
        for place in &plan.places {
            let block = block_of(segment, place)?;
            if place.has_metadata {
                layout.fill(&event_at(block, place)?, &mut rows);
            } else {
                // The event was read when the file was planned.
                let content = place.content as usize..place.content as usize + place.length as usize;
                let content = block.events.get(content).ok_or_else(|| damaged(place))?;
                layout.fill_plain(place.pairs, content, &mut rows);
            }
            layout.stamp(place.time_micros, &block.tag, &mut rows);
            file.take(place, &mut rows)?;
        }
        file.append(&mut rows)?;
        file.finish(memory)
    }

    /// Writes the file of records that [`FileWriter::write`] could not write: under `quarantine/`, with the reason, and
    /// each as the bytes it is. Gives the object's key too.
    ///
    /// # Errors
    /// As [`FileWriter::write`].
    pub fn write_rejected(
        &self,
        segment: &LoadedSegment,
        plan: &PartitionPlan,
        reason: &str,
    ) -> Result<(String, Vec<u8>), FileError> {
        let mut memory = ColumnMemory::default();
        let columns = self.schemas.columns(Lane::Quarantine);
        let layout = RowLayout::new(columns, quarantine::LOG_TYPE);
        let properties = self.properties(Lane::Quarantine, segment, plan, columns)?;
        let mut file =
            OpenFile::new(Lane::Quarantine, columns, self.codec, plan.places.len(), properties, &mut memory)?;
        let (mut sorted, mut sorter) = (Vec::new(), Sorter::default());
        for place in &plan.places {
            let block = block_of(segment, place)?;
            let event = event_at(block, place)?;
            sorted.clear();
            let verdict = sorter.sort(&event, &mut sorted);
            let rule = verdict.map_or("", |verdict| sorter.rules().name(verdict.rule));
            let mut kept = Vec::new();
            quarantine::append_rejected(&mut kept, &event, reason, u64::from(place.offset), rule);
            let kept = Event::read(&mut Reader::new(&kept)).map_err(|_| damaged(place))?;
            let mut rows = Rows::new(columns.len());
            layout.fill(&kept, &mut rows);
            layout.stamp(place.time_micros, &block.tag, &mut rows);
            file.take(place, &mut rows)?;
            file.append(&mut rows)?;
        }
        let partition = Partition { lane: Lane::Quarantine, ..plan.partition };
        Ok((partition.object_key(&segment.id), file.finish(&mut memory)?.bytes))
    }

    fn properties(
        &self,
        lane: Lane,
        segment: &LoadedSegment,
        plan: &PartitionPlan,
        columns: &[Column],
    ) -> Result<WriterProperties, ParquetError> {
        let footer = [
            ("shiwake.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("shiwake.type", lane.name().to_owned()),
            ("shiwake.origin_type", segment.id.lane.name().to_owned()),
            ("shiwake.stream", segment.id.stream.to_string()),
            ("shiwake.segment", segment.id.number.to_string()),
            ("shiwake.first_record", segment.first_record.to_string()),
            ("shiwake.segment_records", segment.records.to_string()),
            ("shiwake.part", plan.part.0.to_string()),
            ("shiwake.parts", plan.part.1.to_string()),
            ("shiwake.records", plan.records().to_string()),
            ("shiwake.rules", format!("{:016x}", self.rules)),
        ];
        let footer = footer.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
        layout::properties(self.codec, columns, plan.records(), footer)
    }
}

/// A file that rows are appended to.
struct OpenFile {
    group: RowGroup,
    writer: SerializedFileWriter<Vec<u8>>,
    /// Bytes of events since it was looked how much the row group holds, and of rows that are not in it yet.
    bytes: usize,
    batch_bytes: usize,
    misfits: u64,
}

impl OpenFile {
    fn new(
        lane: Lane,
        columns: &[Column],
        codec: Codec,
        rows: usize,
        properties: WriterProperties,
        memory: &mut ColumnMemory,
    ) -> Result<Self, FileError> {
        // Arrow's own description of the schema says nothing that Parquet's does not.
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), arrow_schema(lane, columns), options)?;
        let (writer, _) = writer.into_serialized_writer()?;
        let (schema, properties) = (writer.schema_descr(), writer.properties());
        let group = RowGroup::new(columns, schema, properties, codec, rows, memory.take())?;
        Ok(Self { group, writer, bytes: 0, batch_bytes: 0, misfits: 0 })
    }

    /// Takes rows over when there are enough, of which the last is of the record at `place`.
    fn take(&mut self, place: &Place, rows: &mut Rows<'_>) -> Result<(), FileError> {
        self.batch_bytes += place.length as usize;
        if self.batch_bytes >= BATCH_BYTES || rows.len() >= self.group.room() { self.append(rows) } else { Ok(()) }
    }

    /// Takes rows over; none are left.
    fn append(&mut self, rows: &mut Rows<'_>) -> Result<(), FileError> {
        self.group.append(rows)?;
        self.misfits += std::mem::take(&mut rows.misfits);
        rows.clear();
        self.bytes += std::mem::take(&mut self.batch_bytes);
        let is_full = self.bytes >= LOOK_BYTES && {
            self.bytes = 0;
            self.group.held_bytes() >= ROW_GROUP_BYTES
        };
        if is_full || self.group.rows() >= ROW_GROUP_ROWS {
            self.group.write(&mut self.writer)?;
        }
        Ok(())
    }

    fn finish(mut self, memory: &mut ColumnMemory) -> Result<WrittenFile, FileError> {
        if self.group.rows() > 0 {
            self.group.write(&mut self.writer)?;
        }
        memory.keep(self.group);
        let misfits = self.misfits;
        self.writer.append_key_value_metadata(KeyValue::new("shiwake.misfits".to_owned(), misfits.to_string()));
        Ok(WrittenFile { bytes: self.writer.into_inner()?, misfits })
    }
}

fn damaged(place: &Place) -> FileError {
    FileError::Damaged { block: place.block as usize, offset: place.offset as usize }
}

fn block_of<'a>(segment: &'a LoadedSegment, place: &Place) -> Result<&'a Block, FileError> {
    segment.blocks.get(place.block as usize).ok_or_else(|| damaged(place))
}

fn event_at<'a>(block: &'a Block, place: &Place) -> Result<Event<'a>, FileError> {
    Event::read(&mut Reader::at(&block.events, place.offset as usize)).map_err(|_| damaged(place))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
