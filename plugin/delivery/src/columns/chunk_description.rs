//! What a file says of a column chunk of text.

use super::bounds::Bounds;
use parquet::basic::{Compression, Encoding, PageType};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

/// A chunk whose pages are written: the dictionary's first, when it has one, then those of values.
pub(super) struct ChunkDescription<'c> {
    pub(super) descr: ColumnDescPtr,
    pub(super) compression: Compression,
    pub(super) has_statistics: bool,
    pub(super) bounds: &'c Bounds,
    /// Pages of indices, of plain values, and of nothing but nulls.
    pub(super) dictionary_pages: i32,
    pub(super) plain_pages: i32,
    pub(super) null_pages: i32,
    /// Where the first page of values begins in the chunk.
    pub(super) data_offset: i64,
    pub(super) compressed_bytes: i64,
    /// Bytes of the pages with their headers, before they were compressed.
    pub(super) uncompressed_bytes: i64,
    /// Values, with those that are null.
    pub(super) levels: i64,
    pub(super) nulls: i64,
}

impl ChunkDescription<'_> {
    /// The description as Parquet has it, of a chunk that begins at offset 0.
    pub(super) fn build(self) -> Result<ColumnChunkMetaData, ParquetError> {
        let counts = [
            (PageType::DICTIONARY_PAGE, Encoding::PLAIN, i32::from(self.dictionary_pages > 0)),
            (PageType::DATA_PAGE, Encoding::RLE_DICTIONARY, self.dictionary_pages),
            (PageType::DATA_PAGE, Encoding::DELTA_LENGTH_BYTE_ARRAY, self.plain_pages),
            // What every reader knows, as there is nothing to encode.
            (PageType::DATA_PAGE, Encoding::PLAIN, self.null_pages),
        ];
        let counts = counts.into_iter().filter(|(.., count)| *count > 0);
        let counts: Vec<PageEncodingStats> =
            counts.map(|(page_type, encoding, count)| PageEncodingStats { page_type, encoding, count }).collect();
        let mut encodings: Vec<Encoding> = counts.iter().map(|count| count.encoding).collect();
        encodings.push(Encoding::RLE);
        encodings.sort();
        encodings.dedup();
        let mut metadata = ColumnChunkMetaData::builder(self.descr)
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(counts)
            .set_total_compressed_size(self.compressed_bytes)
            .set_total_uncompressed_size(self.uncompressed_bytes)
            .set_num_values(self.levels)
            .set_data_page_offset(self.data_offset)
            .set_dictionary_page_offset((self.dictionary_pages > 0).then_some(0));
        if self.has_statistics {
            metadata = metadata.set_statistics(statistics(self.bounds, self.nulls));
        }
        metadata.build()
    }
}

fn statistics(bounds: &Bounds, nulls: i64) -> Statistics {
    let nulls = Some(nulls.unsigned_abs());
    let Some([(low, is_low), (high, is_high)]) = bounds.shortened() else {
        return Statistics::ByteArray(ValueStatistics::new(None, None, None, nulls, false));
    };
    let statistics = ValueStatistics::new(Some(ByteArray::from(low)), Some(ByteArray::from(high)), None, nulls, false);
    Statistics::ByteArray(statistics.with_min_is_exact(is_low).with_max_is_exact(is_high))
}
