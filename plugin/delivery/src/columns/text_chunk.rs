//! A column of text or bytes in a row group: values into pages, pages into the bytes of a column chunk.
//!
//! What the parquet crate's own writer does, with less to do for a value: a value is looked up in the dictionary once, where it
//! was read; nulls are counted and not written one by one; bounds are those of the distinct values of a page. Page headers,
//! the chunk's metadata and Bloom filters are the crate's.
//!
//! - A chunk begins with a dictionary when its column has one, and goes over to plain values when the dictionary is full, or
//!   when the first page shows that values hardly repeat. When no page was written by then, none has a dictionary.
//! - Plain values stand behind all of their lengths, so that they compress better than with a length before each.
//! - Rows end with pages. Pages are compressed as they end, so what is held is one page and what is compressed.
//! - A Bloom filter is made when the chunk goes over to plain values, of all that it has.
//!
//! The format: <https://parquet.apache.org/docs/file-format/data-pages/> and its neighbours.

use super::bounds::Bounds;
use super::chunk_description::ChunkDescription;
use super::dictionary::{Dictionary, LENGTH_BYTES};
use super::page_compressor::PageCompressor;
use super::rows::{Cell, Entry, Rows, Text};
use super::text_page::OpenPage;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// Bytes of a page's values after which it ends.
const PAGE_BYTES: usize = 1024 * 1024;
/// Bytes up to which a dictionary is kept whatever its values are.
const SMALL_DICTIONARY_BYTES: usize = 16 * 1024;
/// Bytes of a chunk up to which its memory is kept for the next one.
const SPARE_BYTES: usize = 16 * 1024;
/// Bytes after which a dictionary is given up of which no value was met again.
const TRIED_DICTIONARY_BYTES: usize = 64 * 1024;

/// What a column's chunks are like.
#[derive(Debug, Clone)]
struct Settings {
    descr: ColumnDescPtr,
    compression: Compression,
    /// Bytes of a dictionary after which values are plain; `None` for a column without one.
    dictionary_bytes: Option<usize>,
    statistics: EnabledStatistics,
    /// Rows that a page will have.
    expected_rows: usize,
    /// The Bloom filter's rate of errors and most values.
    bloom_filter: Option<(f64, u64)>,
}

/// A column chunk that is being written.
pub(super) struct TextChunk {
    settings: Settings,
    page: OpenPage,
    page_bounds: Bounds,
    // The chunk.
    /// Memory of a chunk that was written.
    spare: Vec<u8>,
    dictionary: Dictionary,
    has_dictionary: bool,
    dictionary_pages: i32,
    plain_pages: i32,
    null_pages: i32,
    filter: Option<Sbbf>,
    sink: TrackedWrite<Vec<u8>>,
    uncompressed_bytes: i64,
    levels: i64,
    nulls: i64,
    finished_rows: usize,
    bounds: Bounds,
    column_index: ColumnIndexBuilder,
    offset_index: OffsetIndexBuilder,
}

impl Settings {
    fn new(descr: ColumnDescPtr, properties: &WriterProperties, expected_rows: usize) -> Self {
        let path = descr.path();
        Self {
            compression: properties.compression(path),
            dictionary_bytes: properties
                .dictionary_enabled(path)
                .then(|| properties.column_dictionary_page_size_limit(path)),
            statistics: properties.statistics_enabled(path),
            expected_rows,
            bloom_filter: properties.bloom_filter_properties(path).map(|filter| (filter.fpp(), filter.ndv())),
            descr,
        }
    }
}

impl TextChunk {
    /// An empty chunk of a column, of whose pages the first will have so many rows.
    pub(super) fn new(descr: ColumnDescPtr, properties: &WriterProperties, expected_rows: usize) -> Self {
        Self::with(Settings::new(descr, properties, expected_rows))
    }

    fn with(settings: Settings) -> Self {
        Self {
            has_dictionary: settings.dictionary_bytes.is_some(),
            settings,
            page: OpenPage::default(),
            page_bounds: Bounds::default(),
            spare: Vec::new(),
            dictionary: Dictionary::default(),
            dictionary_pages: 0,
            plain_pages: 0,
            null_pages: 0,
            filter: None,
            sink: TrackedWrite::new(Vec::new()),
            uncompressed_bytes: 0,
            levels: 0,
            nulls: 0,
            finished_rows: 0,
            bounds: Bounds::default(),
            column_index: ColumnIndexBuilder::new(Type::BYTE_ARRAY),
            offset_index: OffsetIndexBuilder::new(),
        }
    }

    /// From now on this is a chunk as [`TextChunk::new`] gives it, in the memory that this one has; it is finished.
    pub(super) fn begin_again(&mut self, descr: ColumnDescPtr, properties: &WriterProperties, expected_rows: usize) {
        let next = Self::new(descr, properties, expected_rows);
        let Self { page, dictionary, spare, sink, .. } = std::mem::replace(self, next);
        (self.page, self.dictionary, self.spare, self.sink) = (page, dictionary, spare, sink);
    }

    /// Bytes of memory that it has.
    pub(super) fn capacity(&self) -> usize {
        self.page.capacity() + self.dictionary.capacity() + self.sink.inner().capacity() + self.spare.capacity()
    }

    /// Bytes that are held: pages that are done, and what the others would take at most.
    pub(super) fn held_bytes(&self) -> usize {
        let numbers = (self.page.indices.len() + self.page.lengths.len()) * 2;
        self.sink.bytes_written() + self.dictionary.page().len() + self.page.plain.len() + numbers
    }

    /// The values of rows, of which the first is row `first` of the group, for a column that holds one value a row at most. Rows
    /// without one are null.
    pub(super) fn append(
        &mut self,
        first: usize,
        rows: &Rows<'_>,
        cells: &[(u32, Cell<'_>)],
        compressor: &mut PageCompressor,
    ) -> Result<(), ParquetError> {
        if cells.is_empty() {
            return Ok(());
        }
        self.make_room(compressor)?;
        if cells.len() == rows.len() {
            self.fill_up_to(first);
            self.page.definitions.resize(self.page.definitions.len() + rows.len(), 1);
        } else {
            for (row, _) in cells {
                self.page.definitions.resize(first + *row as usize - self.finished_rows, 0);
                self.page.definitions.push(1);
            }
        }
        self.page.rows = self.page.definitions.len();
        let texts = cells.iter().filter_map(|(_, cell)| match cell {
            Cell::Text(text) => Some(rows.text(text)),
            _ => None,
        });
        self.append_values(texts);
        Ok(())
    }

    /// A list of each of some rows: an entry is its definition level, and its value when that is the highest.
    pub(super) fn append_lists<'r, 'a: 'r>(
        &mut self,
        rows: &'r Rows<'a>,
        entry: impl Fn(&'r Entry<'a>) -> (u8, Option<&'r Text<'a>>),
        compressor: &mut PageCompressor,
    ) -> Result<(), ParquetError> {
        self.make_room(compressor)?;
        self.page.rows += rows.len();
        for list in rows.overflows() {
            if list.is_empty() {
                self.page.repetitions.push(0);
                self.page.definitions.push(0);
            }
            for (number, of_list) in list.iter().enumerate() {
                self.page.repetitions.push(u8::from(number > 0));
                self.page.definitions.push(entry(of_list).0);
            }
        }
        let texts = rows.overflows().flatten().filter_map(|of_list| entry(of_list).1);
        self.append_values(texts.map(|text| rows.text(text)));
        Ok(())
    }

    /// Makes room for the values of a page like this one. Memory that is not written to is not taken.
    fn reserve(&mut self, value_bytes: usize) {
        if self.page.indices.capacity() + self.page.lengths.capacity() > 0 {
            return;
        }
        let rows = self.settings.expected_rows;
        if self.has_dictionary {
            self.page.indices.reserve(rows);
        } else {
            self.page.lengths.reserve(rows);
            self.page.plain.reserve((rows * value_bytes).min(PAGE_BYTES));
        }
    }

    fn append_values<'v>(&mut self, values: impl Iterator<Item = &'v [u8]>) {
        let mut values = values.peekable();
        let Some(first) = values.peek() else { return };
        self.reserve(first.len());
        if self.has_dictionary {
            for value in values {
                self.page.plain_bytes += value.len() + LENGTH_BYTES;
                self.page.indices.push(self.dictionary.intern(value));
            }
            return;
        }
        let has_statistics = self.settings.statistics != EnabledStatistics::None;
        for value in values {
            self.page.lengths.push(value.len() as u32);
            self.page.plain.extend_from_slice(value);
            if let Some(filter) = &mut self.filter {
                filter.insert(value);
            }
            if has_statistics {
                self.page_bounds.add(value);
            }
        }
    }

    /// Ends the page before rows when it is full, or the dictionary is.
    fn make_room(&mut self, compressor: &mut PageCompressor) -> Result<(), ParquetError> {
        if self.has_dictionary && self.is_dictionary_in_vain() {
            self.go_over_to_plain(compressor)?;
        }
        // A page of indices is as large as what a reader makes of it.
        if self.page.plain.len() + self.page.lengths.len() * LENGTH_BYTES >= PAGE_BYTES
            || self.page.plain_bytes >= 16 * PAGE_BYTES
        {
            self.end_page(compressor)?;
        }
        Ok(())
    }

    /// Whether the dictionary is full, or values do not repeat at all.
    fn is_dictionary_in_vain(&self) -> bool {
        let bytes = self.dictionary.page().len();
        let repeats_nothing =
            || self.is_judged() && bytes > TRIED_DICTIONARY_BYTES && bytes > self.page.plain_bytes / 64 * 63;
        Some(bytes) > self.settings.dictionary_bytes || repeats_nothing()
    }

    /// Whether the values decide if there is a dictionary, and no page was written. Ids stay with a small dictionary or have none,
    /// so that they have a filter or need none.
    fn is_judged(&self) -> bool {
        self.dictionary_pages == 0 && self.settings.bloom_filter.is_none()
    }

    fn go_over_to_plain(&mut self, compressor: &mut PageCompressor) -> Result<(), ParquetError> {
        if self.dictionary_pages > 0 {
            self.write_page(compressor)?;
        }
        self.has_dictionary = false;
        if let Some((error_rate, values)) = self.settings.bloom_filter {
            let mut filter = Sbbf::new_with_ndv_fpp(values, error_rate)?;
            self.dictionary.values().for_each(|value| filter.insert(value));
            self.filter = Some(filter);
        }
        if self.settings.statistics == EnabledStatistics::Chunk {
            self.bounds.add_all(&self.dictionary);
        }
        if self.dictionary_pages > 0 {
            return Ok(());
        }
        if self.settings.statistics == EnabledStatistics::Page {
            self.page_bounds.add_all(&self.dictionary);
        }
        for index in &self.page.indices {
            let value = self.dictionary.value(*index);
            self.page.lengths.push(value.len() as u32);
            self.page.plain.extend_from_slice(value);
        }
        self.page.indices.clear();
        self.dictionary.clear();
        Ok(())
    }

    /// Ends the page, of which rows up to `rows` of the group belong.
    pub(super) fn end_page_at(&mut self, rows: usize, compressor: &mut PageCompressor) -> Result<(), ParquetError> {
        if self.settings.descr.max_rep_level() == 0 {
            self.fill_up_to(rows);
        }
        self.end_page(compressor)
    }

    /// Rows of the group that have no value yet are null.
    fn fill_up_to(&mut self, rows: usize) {
        self.page.rows = rows - self.finished_rows;
        self.page.definitions.resize(self.page.rows, 0);
    }

    fn end_page(&mut self, compressor: &mut PageCompressor) -> Result<(), ParquetError> {
        let dictionary_bytes = self.dictionary.page().len();
        if self.has_dictionary
            && self.is_judged()
            && dictionary_bytes > SMALL_DICTIONARY_BYTES
            && dictionary_bytes > self.page.plain_bytes / 4 * 3
        {
            self.go_over_to_plain(compressor)?;
        }
        self.write_page(compressor)
    }

    fn write_page(&mut self, compressor: &mut PageCompressor) -> Result<(), ParquetError> {
        if self.page.definitions.is_empty() {
            return Ok(());
        }
        let has_indices = self.has_dictionary && self.dictionary.len() > 0;
        let has_values = !self.page.lengths.is_empty();
        let descr = &self.settings.descr;
        let max_definition = descr.max_def_level();
        let distinct = has_indices.then(|| self.dictionary.len());
        self.page.append_to(compressor.begin(), descr.max_rep_level(), max_definition, distinct);
        let (encoding, pages) = match (has_indices, has_values) {
            (true, _) => (Encoding::RLE_DICTIONARY, &mut self.dictionary_pages),
            (_, true) => (Encoding::DELTA_LENGTH_BYTE_ARRAY, &mut self.plain_pages),
            (_, false) => (Encoding::PLAIN, &mut self.null_pages),
        };
        *pages += 1;
        let levels = self.page.definitions.len();
        let highest = u8::try_from(max_definition).unwrap_or(u8::MAX);
        let nulls = self.page.definitions.iter().filter(|level| **level != highest).count();
        let (buf, uncompressed_bytes) = compressor.compress(levels - nulls)?;
        let page = Page::DataPage {
            buf,
            num_values: levels as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let written = write(&mut self.sink, &mut self.uncompressed_bytes, page, uncompressed_bytes, compressor)?;
        self.offset_index.append_row_count(self.page.rows as i64);
        self.offset_index.append_offset_and_size(written.0, written.1);
        self.note_bounds(nulls == levels, nulls as i64);
        self.levels += levels as i64;
        self.nulls += nulls as i64;
        self.finished_rows += self.page.rows;
        self.page.clear();
        Ok(())
    }

    /// The page's bounds into the chunk's, and into the index of pages.
    fn note_bounds(&mut self, is_null: bool, nulls: i64) {
        if self.settings.statistics == EnabledStatistics::None {
            return;
        }
        let is_by_page = self.settings.statistics == EnabledStatistics::Page;
        let mut bounds = std::mem::take(&mut self.page_bounds);
        if self.has_dictionary && is_by_page {
            let mut is_known = vec![false; self.dictionary.len()];
            for index in &self.page.indices {
                let known = is_known.get_mut(*index as usize);
                if known.is_some_and(|known| !std::mem::replace(known, true)) {
                    bounds.add(self.dictionary.value(*index));
                }
            }
        }
        self.bounds.extend(&bounds);
        if is_by_page {
            let [low, high] = bounds.shortened().map_or_else(Default::default, |bounds| bounds.map(|(bound, _)| bound));
            self.column_index.append(is_null, low, high, nulls, None);
        }
    }

    /// Ends the chunk after `rows` rows: its bytes, and what the file has to know of it. What follows is the next row group's.
    pub(super) fn finish(
        &mut self,
        rows: usize,
        compressor: &mut PageCompressor,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        self.end_page_at(rows, compressor)?;
        let descr = self.settings.descr.clone();
        let next = Self::with(self.settings.clone());
        let mut done = std::mem::replace(self, next);
        if done.has_dictionary && done.settings.statistics == EnabledStatistics::Chunk {
            done.bounds.add_all(&done.dictionary);
        }
        let mut sink = TrackedWrite::new(done.spare);
        if done.dictionary_pages > 0 {
            compressor.begin().extend_from_slice(done.dictionary.page());
            let (buf, uncompressed_bytes) = compressor.compress(done.dictionary.len())?;
            let num_values = done.dictionary.len() as u32;
            let page = Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
            write(&mut sink, &mut done.uncompressed_bytes, page, uncompressed_bytes, compressor)?;
        }
        let (mut bytes, mut pages) = (sink.into_inner()?, done.sink.into_inner()?);
        let data_offset = bytes.len() as i64;
        if bytes.is_empty() {
            std::mem::swap(&mut bytes, &mut pages);
        } else {
            bytes.append(&mut pages);
        }
        self.sink = TrackedWrite::new(pages);
        self.page = done.page;
        let mut offset_index = done.offset_index.build();
        offset_index.page_locations.iter_mut().for_each(|place| place.offset += data_offset);
        if let (Some(filter), Some((error_rate, _))) = (&mut done.filter, done.settings.bloom_filter) {
            filter.fold_to_target_fpp(error_rate);
        }

        let metadata = ChunkDescription {
            descr,
            compression: done.settings.compression,
            has_statistics: done.settings.statistics != EnabledStatistics::None,
            bounds: &done.bounds,
            dictionary_pages: done.dictionary_pages,
            plain_pages: done.plain_pages,
            null_pages: done.null_pages,
            data_offset,
            compressed_bytes: bytes.len() as i64,
            uncompressed_bytes: done.uncompressed_bytes,
            levels: done.levels,
            nulls: done.nulls,
        };
        let metadata = metadata.build()?;
        done.dictionary.clear();
        self.dictionary = done.dictionary;
        let is_by_page = done.settings.statistics == EnabledStatistics::Page;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: done.filter,
            column_index: is_by_page.then(|| done.column_index.build()).transpose()?,
            offset_index: Some(offset_index),
        };
        Ok((bytes.into(), close))
    }

    /// Takes the memory of the chunk's bytes back, of which nobody else has anything, unless it is much beside the other chunks of
    /// the group, which are still to be written.
    pub(super) fn take_back(&mut self, bytes: Bytes) {
        if bytes.len() <= SPARE_BYTES {
            self.spare = bytes.into();
            self.spare.clear();
        }
    }
}

/// Writes a page; gives where it begins and how long it is with its header.
fn write(
    sink: &mut TrackedWrite<Vec<u8>>,
    chunk_bytes: &mut i64,
    page: Page,
    uncompressed_bytes: usize,
    compressor: &mut PageCompressor,
) -> Result<(i64, i32), ParquetError> {
    let content = page.buffer().clone();
    let compressed_bytes = content.len();
    let written = SerializedPageWriter::new(sink).write_page(CompressedPage::new(page, uncompressed_bytes))?;
    compressor.take_back(content);
    let header = written.bytes_written as usize - compressed_bytes;
    *chunk_bytes += (header + uncompressed_bytes) as i64;
    let length = i32::try_from(written.bytes_written).map_err(|error| ParquetError::External(Box::new(error)))?;
    Ok((written.offset as i64, length))
}
