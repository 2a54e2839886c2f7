//! A segment into one Parquet file a partition.
//!
//! The rows of a file lie in order of time. What a file holds, and its bytes, follow from the segment alone, so that
//! writing it again gives the same file. One partition is written at a time: what is held beside the segment is one row
//! group, bounded by [`ROW_GROUP_BYTES`], and the compressed file.

use super::builder::BatchBuilder;
use super::row::{Row, RowLayout};
use crate::partition::Partition;
use crate::schema::{Column, TIME, columns};
use crate::spool::SealedSegment;
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use shiwake_records::event::Event;
use shiwake_records::msgpack::Reader;

/// Encoded bytes after which a row group is closed.
pub const ROW_GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Rows after which the builders are handed to the writer.
const BATCH_ROWS: usize = 4_096;
/// Bytes of text after which they are, when rows are wide.
const BATCH_BYTES: usize = 1024 * 1024;

/// Why a segment could not be made into files.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Arrow refused the rows.
    #[error("rows do not fit their columns: {0}")]
    Arrow(#[from] ArrowError),
    /// Parquet refused the batch.
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
}

/// The records of a partition, in order of time.
#[derive(Debug)]
pub struct PartitionPlan {
    /// The partition.
    pub partition: Partition,
    places: Vec<Place>,
}

impl PartitionPlan {
    /// Records of the partition.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.places.len() as u64
    }

    /// Its events, in order of time.
    pub fn events<'a>(&'a self, segment: &'a SealedSegment) -> impl Iterator<Item = Event<'a>> {
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
pub fn plan(segment: &SealedSegment) -> Result<Vec<PartitionPlan>, FileError> {
    let mut places = Vec::with_capacity(usize::try_from(segment.records).unwrap_or(0));
    for (number, block) in segment.blocks.iter().enumerate() {
        // Blocks were written event by event, so they are read strictly; looking for events is for chunks from outside.
        let mut reader = Reader::new(&block.events);
        while !reader.is_at_end() {
            let start = reader.position();
            let damaged = || FileError::Damaged { block: number, offset: start };
            let event = Event::read(&mut reader).map_err(|_| damaged())?;
            places.push(Place {
                time_micros: event.time.micros(),
                block: u32::try_from(number).map_err(|_| damaged())?,
                offset: u32::try_from(start).map_err(|_| damaged())?,
            });
        }
    }
    // Stable: records of the same microsecond stay in the order in which they came.
    places.sort_by_key(|place| place.time_micros);
    let plans = places
        .chunk_by(|a, b| Partition::of(segment.id.lane, a.time_micros) == Partition::of(segment.id.lane, b.time_micros))
        .filter_map(|places| {
            let partition = Partition::of(segment.id.lane, places.first()?.time_micros);
            Some(PartitionPlan { partition, places: places.to_vec() })
        });
    Ok(plans.collect())
}

/// Writes lanes' files.
#[derive(Debug, Clone, Copy)]
pub struct FileWriter {
    /// Level of zstd, 1 to 22.
    pub zstd_level: i32,
}

impl FileWriter {
    /// Writes the Parquet file of one partition of a segment.
    ///
    /// # Errors
    /// When Arrow or Parquet refuse the rows, or the segment is damaged.
    pub fn write(&self, stream: &str, segment: &SealedSegment, plan: &PartitionPlan) -> Result<Vec<u8>, FileError> {
        let lane = segment.id.lane;
        let columns = columns(lane);
        let layout = RowLayout::new(&columns);
        let mut builder = BatchBuilder::new(lane, &columns);
        let properties = self.properties(stream, segment, plan, &columns)?;
        let mut writer = ArrowWriter::try_new(Vec::new(), builder.schema(), Some(properties))?;
        let mut row = Row::default();
        for place in &plan.places {
            let damaged = FileError::Damaged { block: place.block as usize, offset: place.offset as usize };
            let Some(block) = segment.blocks.get(place.block as usize) else { return Err(damaged) };
            let mut reader = Reader::at(&block.events, place.offset as usize);
            let event = Event::read(&mut reader).map_err(|_| damaged)?;
            layout.fill(&event, lane.name(), &mut row);
            builder.append(place.time_micros, &block.tag, &row)?;
            if builder.rows() >= BATCH_ROWS || builder.bytes() >= BATCH_BYTES {
                writer.write(&builder.finish()?)?;
                if writer.in_progress_size() >= ROW_GROUP_BYTES {
                    writer.flush()?;
                }
            }
        }
        if builder.rows() > 0 {
            writer.write(&builder.finish()?)?;
        }
        Ok(writer.into_inner()?)
    }

    fn properties(
        &self,
        stream: &str,
        segment: &SealedSegment,
        plan: &PartitionPlan,
        columns: &[Column],
    ) -> Result<WriterProperties, FileError> {
        let footer = [
            ("shiwake.version", env!("CARGO_PKG_VERSION").to_owned()),
            ("shiwake.type", segment.id.lane.name().to_owned()),
            ("shiwake.stream", stream.to_owned()),
            ("shiwake.segment", segment.id.number.to_string()),
            ("shiwake.records", plan.records().to_string()),
        ];
        let footer = footer.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value)).collect();
        let by_time = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(self.zstd_level)?))
            .set_created_by(concat!("shiwake ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(footer))
            .set_sorting_columns(Some(vec![by_time]))
            .set_max_row_group_row_count(None)
            .set_column_dictionary_enabled(ColumnPath::from(TIME), false)
            .set_column_encoding(ColumnPath::from(TIME), Encoding::DELTA_BINARY_PACKED);
        for column in columns.iter().filter(|column| !column.dictionary) {
            properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name), false);
        }
        Ok(properties.build())
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
