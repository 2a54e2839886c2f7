//! How the columns of a file are laid out: what a reader needs to leave out most of a file without reading it.
//!
//! - Times are delta-coded and sorted, so statistics of pages find an hour's minute.
//! - Statistics of pages are for what is filtered by ranges or has few values. Ids are in no order, so they have statistics of
//!   chunks only, and Bloom filters (<https://parquet.apache.org/docs/file-format/bloomfilter/>); nobody asks for ranges of
//!   free text, which says of chunks only how many values are null and how they begin.
//! - A column of ids begins with a small dictionary. When its values fit there, as when it has none, that is shorter than a
//!   filter and says the same; when they do not, the writer goes over to plain values and the filter is written.
//! - A filter is as large as the values that it has need, and row groups have a bound in rows, so that it has one too.
//!
//! Nothing here follows from anything but the columns and the number of rows.

use super::codec::Codec;
use crate::schema::{Column, ColumnKind, OVERFLOW, TIME};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Encoded bytes after which a row group is closed.
pub const ROW_GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Rows after which it is, which bounds Bloom filters: to 256 KiB a column.
pub const ROW_GROUP_ROWS: usize = 256 * 1024;
/// How often at most a Bloom filter sends a reader to a row group without the value. It takes 7 to 13 bits a value, as sizes are
/// powers of two; an id itself takes 128.
const FALSE_POSITIVES: f64 = 0.05;
/// Bytes of a dictionary of ids after which their values are written plain, and a Bloom filter is.
const ID_DICTIONARY_BYTES: usize = 16 * 1024;

/// Names of columns by which single records are looked for among all: each value is in few row groups. A span is looked for
/// by its trace.
const IDS: [&str; 6] = ["trace_id", "request_id", "event_id", "session_id", "user_id", "container_id"];
/// Names of other columns whose values nobody asks for ranges of: free text, and ids in no order.
const NO_RANGES: [&str; 7] =
    ["message", "error_message", "error_stack", "properties", "query", "span_id", "parent_span_id"];

/// The properties of a file of so many rows.
///
/// # Errors
/// When the codec has no such level.
pub(super) fn properties(
    codec: Codec,
    columns: &[Column],
    rows: u64,
    footer: Vec<KeyValue>,
) -> Result<WriterProperties, ParquetError> {
    let by_time = SortingColumn { column_idx: 0, descending: false, nulls_first: false };
    let distinct = rows.clamp(1, ROW_GROUP_ROWS as u64);
    let mut properties = WriterProperties::builder()
        .set_compression(codec.parquet()?)
        .set_created_by(concat!("shiwake ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(footer))
        .set_sorting_columns(Some(vec![by_time]))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_bloom_filter_for_dictionary_encoded_chunks(false)
        .set_column_encoding(ColumnPath::from(TIME), Encoding::DELTA_BINARY_PACKED);
    for part in ["key", "value"] {
        let path = ColumnPath::new([OVERFLOW, "key_value", part].map(str::to_owned).to_vec());
        properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    for column in columns {
        let path = || ColumnPath::from(column.name.as_ref());
        let is_id = IDS.contains(&column.name.as_ref());
        if is_id {
            properties = properties
                .set_column_bloom_filter_fpp(path(), FALSE_POSITIVES)
                .set_column_bloom_filter_max_ndv(path(), distinct);
        }
        if is_id && !column.dictionary {
            properties = properties.set_column_dictionary_page_size_limit(path(), ID_DICTIONARY_BYTES);
        }
        properties = properties.set_column_dictionary_enabled(path(), column.dictionary || is_id);
        if let Some(statistics) = statistics(column, is_id) {
            properties = properties.set_column_statistics_enabled(path(), statistics);
        }
    }
    Ok(properties.build())
}

/// Which statistics a column has when they are not those of pages.
fn statistics(column: &Column, is_id: bool) -> Option<EnabledStatistics> {
    match column.kind {
        ColumnKind::Binary => Some(EnabledStatistics::None),
        ColumnKind::Json => Some(EnabledStatistics::Chunk),
        _ if is_id || NO_RANGES.contains(&column.name.as_ref()) => Some(EnabledStatistics::Chunk),
        _ => None,
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
