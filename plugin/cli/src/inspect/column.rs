//! A column over all row groups of a file.

use crate::parquet_file::time_text;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;
use std::collections::BTreeSet;

/// What is known of a column without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Column {
    /// Its path, as in `attributes.key_value.key`.
    pub(super) name: String,
    /// Its type: the logical one, or the physical one.
    pub(super) kind: String,
    /// Its encodings, without those of levels.
    pub(super) encodings: BTreeSet<String>,
    /// Bytes in the file.
    pub(super) bytes: i64,
    /// Bytes before compression.
    pub(super) plain_bytes: i64,
    /// Values that are null, when all row groups say so.
    pub(super) nulls: Option<u64>,
    /// The least value that statistics name in any row group, perhaps cut off, with the greatest.
    pub(super) bounds: Option<(String, String)>,
    /// Row groups with a Bloom filter.
    pub(super) filters: usize,
    /// Their bytes.
    pub(super) filter_bytes: i64,
    /// Whether pages have statistics.
    pub(super) has_page_statistics: bool,
}

impl Column {
    /// Adds up the chunks of a column.
    pub(super) fn of(metadata: &ParquetMetaData, place: usize) -> Self {
        let description = metadata.file_metadata().schema_descr().column(place);
        let chunks = || metadata.row_groups().iter().filter_map(|group| group.columns().get(place));
        let filters = || chunks().filter(|chunk| chunk.bloom_filter_offset().is_some());
        let null_counts = chunks().map(|chunk| chunk.statistics().and_then(Statistics::null_count_opt));
        Self {
            name: description.path().string(),
            kind: kind(&description),
            encodings: chunks().flat_map(encodings).collect(),
            bytes: chunks().map(ColumnChunkMetaData::compressed_size).sum(),
            plain_bytes: chunks().map(ColumnChunkMetaData::uncompressed_size).sum(),
            nulls: null_counts.sum(),
            bounds: bounds(chunks(), &description),
            filters: filters().count(),
            filter_bytes: filters().filter_map(|chunk| chunk.bloom_filter_length()).map(i64::from).sum(),
            has_page_statistics: chunks().any(|chunk| chunk.column_index_offset().is_some()),
        }
    }
}

fn kind(description: &ColumnDescriptor) -> String {
    match (description.logical_type_ref(), description.converted_type()) {
        (Some(LogicalType::Timestamp(_)), _) => "TIMESTAMP".to_owned(),
        (Some(LogicalType::String), _) | (None, ConvertedType::UTF8) => "STRING".to_owned(),
        (None, ConvertedType::NONE) => description.physical_type().to_string(),
        (Some(logical), _) => format!("{logical:?}"),
        (None, converted) => converted.to_string(),
    }
}

/// The encodings of a chunk's data pages, where that is said; where not, all that it has.
fn encodings(chunk: &ColumnChunkMetaData) -> BTreeSet<String> {
    match chunk.page_encoding_stats_mask() {
        Some(mask) => mask.encodings().map(|encoding| encoding.to_string()).collect(),
        None => chunk.encodings().map(|encoding| encoding.to_string()).collect(),
    }
}

/// The least and the greatest value that statistics name.
fn bounds<'m>(
    chunks: impl Iterator<Item = &'m ColumnChunkMetaData>,
    description: &ColumnDescriptor,
) -> Option<(String, String)> {
    // Of different chunks that have bounds: those of the whole column are the outermost ones.
    let bounded = chunks.filter_map(ColumnChunkMetaData::statistics).filter_map(|statistics| match statistics {
        Statistics::Boolean(of) => {
            outermost(of.min_opt(), of.max_opt(), |flag| f64::from(u8::from(*flag)), bool::to_string)
        }
        Statistics::Int32(of) => outermost(of.min_opt(), of.max_opt(), |number| f64::from(*number), i32::to_string),
        Statistics::Int64(of) => {
            outermost(of.min_opt(), of.max_opt(), |number| *number as f64, |number| int64_text(*number, description))
        }
        Statistics::Float(of) => outermost(of.min_opt(), of.max_opt(), |number| f64::from(*number), f32::to_string),
        Statistics::Double(of) => outermost(of.min_opt(), of.max_opt(), |number| *number, f64::to_string),
        Statistics::Int96(_) => None,
        Statistics::ByteArray(of) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((Bound::text(text(of.min_opt()?.data())), Bound::text(text(of.max_opt()?.data()))))
        }
        Statistics::FixedLenByteArray(of) => {
            let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
            Some((Bound::text(text(of.min_opt()?.data())), Bound::text(text(of.max_opt()?.data()))))
        }
    });
    let widest = bounded.reduce(|(least, greatest), (low, high)| {
        let least = if low.is_below(&least) { low } else { least };
        let greatest = if greatest.is_below(&high) { high } else { greatest };
        (least, greatest)
    });
    widest.map(|(least, greatest)| (least.text, greatest.text))
}

/// A bound with what it is compared by: its number, or its text when it has none.
struct Bound {
    number: Option<f64>,
    text: String,
}

impl Bound {
    fn text(text: String) -> Self {
        Self { number: None, text }
    }

    fn is_below(&self, other: &Self) -> bool {
        match (self.number, other.number) {
            (Some(own), Some(other)) => own < other,
            _ => self.text < other.text,
        }
    }
}

fn outermost<T>(
    least: Option<&T>,
    greatest: Option<&T>,
    number: impl Fn(&T) -> f64,
    text: impl Fn(&T) -> String,
) -> Option<(Bound, Bound)> {
    let bound = |value: &T| Bound { number: Some(number(value)), text: text(value) };
    Some((bound(least?), bound(greatest?)))
}

fn int64_text(number: i64, description: &ColumnDescriptor) -> String {
    match description.logical_type_ref() {
        Some(LogicalType::Timestamp(kind)) => match kind.unit {
            TimeUnit::MILLIS => time_text(number.saturating_mul(1_000)),
            TimeUnit::MICROS => time_text(number),
            TimeUnit::NANOS => time_text(number.div_euclid(1_000)),
        },
        _ => number.to_string(),
    }
}
