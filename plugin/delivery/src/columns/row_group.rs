//! Rows into the columns of a row group.
//!
//! Text and the overflow are written by [`TextChunk`], as they come; numbers wait for the end of the group and are written by the
//! parquet crate. All pages of a group end at the same rows, unless they are full before.

use super::codec::Codec;
use super::layout::ROW_GROUP_ROWS;
use super::page_compressor::PageCompressor;
use super::rows::{Cell, Rows};
use super::text_chunk::TextChunk;
use crate::schema::{Column, ColumnKind};
use parquet::data_type::{BoolType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::SchemaDescriptor;

/// Rows of a page.
const PAGE_ROWS: usize = 20_000;
/// Rows that are taken at a time, which with their records fit into a processor's own memory.
const BATCH_ROWS: usize = 256;
/// Rows that are handed to the parquet crate at a time, in which it looks whether a page is full.
const WRITE_ROWS: usize = 4_096;
/// Bytes of memory that are kept from file to file.
const KEPT_BYTES: usize = 1_000_000;
/// Definition levels of the overflow: of an entry's key, of an entry without a value, and of one with.
const WHOLE_KEY: u8 = 1;
const NIL_ENTRY: u8 = 1;
const WHOLE_ENTRY: u8 = 2;

/// The numbers of a column, and which rows have one.
struct Numbers<T> {
    values: Vec<T>,
    definitions: Vec<i16>,
}

/// Memory that a file was made in, kept so that the next one touches no new pages and sets no compressor up.
#[derive(Default)]
pub struct ColumnMemory {
    group: Option<RowGroup>,
}

impl ColumnMemory {
    /// Takes out what there is.
    pub(super) fn take(&mut self) -> Option<RowGroup> {
        self.group.take()
    }

    /// Keeps the memory of a group that is written, unless it is much.
    pub(super) fn keep(&mut self, group: RowGroup) {
        self.group = Some(group).filter(|group| group.rows == 0 && group.capacity() <= KEPT_BYTES);
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.group.is_none()
    }
}

impl std::fmt::Debug for ColumnMemory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.group.as_ref().map_or(0, RowGroup::capacity);
        formatter.debug_struct("ColumnMemory").field("bytes", &bytes).finish()
    }
}

enum ColumnRows {
    Time(Vec<i64>),
    Text(Box<TextChunk>),
    Int32(Numbers<i32>),
    Int64(Numbers<i64>),
    Float64(Numbers<f64>),
    Bool(Numbers<bool>),
}

/// The rows of a group.
pub(super) struct RowGroup {
    columns: Vec<ColumnRows>,
    /// Keys and values of the overflow, of types that have one.
    overflow: Option<[TextChunk; 2]>,
    compressor: PageCompressor,
    rows: usize,
    page_rows: usize,
}

impl RowGroup {
    /// An empty group for these columns, which are those of the schema but for the overflow, of a file of so many rows; in the
    /// memory of one that was written, if there is one.
    pub(super) fn new(
        columns: &[Column],
        schema: &SchemaDescriptor,
        properties: &WriterProperties,
        codec: Codec,
        file_rows: usize,
        written: Option<Self>,
    ) -> Result<Self, ParquetError> {
        let page_rows = file_rows.min(PAGE_ROWS);
        let chunk = |index: usize, written: Option<TextChunk>| match written {
            Some(mut chunk) => {
                chunk.begin_again(schema.column(index), properties, page_rows);
                chunk
            }
            None => TextChunk::new(schema.column(index), properties, page_rows),
        };
        let (mut columns_before, mut overflow_before, mut compressor) = (Vec::new(), [None, None], None);
        if let Some(Self { columns, overflow, compressor: before, .. }) = written {
            columns_before = columns;
            overflow_before = overflow.map_or([None, None], |chunks| chunks.map(Some));
            compressor = Some(before).filter(|before| before.is_of(codec));
        }
        // Lanes have their first columns in common.
        let mut columns_before = columns_before.into_iter();
        let rows_of = |(index, column): (usize, &Column)| match (column.kind, columns_before.next()) {
            (ColumnKind::Time, Some(ColumnRows::Time(times))) => ColumnRows::Time(times),
            (ColumnKind::Time, _) => ColumnRows::Time(Vec::new()),
            (ColumnKind::Int32, Some(ColumnRows::Int32(numbers))) => ColumnRows::Int32(numbers),
            (ColumnKind::Int32, _) => ColumnRows::Int32(Numbers::default()),
            (ColumnKind::Int64, Some(ColumnRows::Int64(numbers))) => ColumnRows::Int64(numbers),
            (ColumnKind::Int64, _) => ColumnRows::Int64(Numbers::default()),
            (ColumnKind::Float64, Some(ColumnRows::Float64(numbers))) => ColumnRows::Float64(numbers),
            (ColumnKind::Float64, _) => ColumnRows::Float64(Numbers::default()),
            (ColumnKind::Bool, Some(ColumnRows::Bool(numbers))) => ColumnRows::Bool(numbers),
            (ColumnKind::Bool, _) => ColumnRows::Bool(Numbers::default()),
            (
                ColumnKind::Tag
                | ColumnKind::Text
                | ColumnKind::Json
                | ColumnKind::Severity
                | ColumnKind::ContainerName
                | ColumnKind::Binary,
                before,
            ) => {
                let before = match before {
                    Some(ColumnRows::Text(chunk)) => Some(*chunk),
                    _ => None,
                };
                ColumnRows::Text(Box::new(chunk(index, before)))
            }
        };
        let has_overflow = schema.num_columns() > columns.len();
        let [keys, values] = overflow_before;
        let overflow = || [chunk(columns.len(), keys), chunk(columns.len() + 1, values)];
        Ok(Self {
            overflow: has_overflow.then(overflow),
            columns: columns.iter().enumerate().map(rows_of).collect(),
            compressor: compressor.map_or_else(|| PageCompressor::new(codec), Ok)?,
            rows: 0,
            page_rows: 0,
        })
    }

    /// Bytes of memory that it has, of columns of text and pages, which are nearly all of it.
    fn capacity(&self) -> usize {
        let columns = self.columns.iter().map(|column| match column {
            ColumnRows::Text(chunk) => chunk.capacity(),
            numbers => numbers.held_bytes(),
        });
        let overflow = self.overflow.iter().flatten().map(TextChunk::capacity);
        columns.chain(overflow).sum::<usize>() + self.compressor.capacity()
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that are held, as a measure of what the group will take in the file and takes in memory.
    pub(super) fn held_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(ColumnRows::held_bytes).sum();
        columns + self.overflow.iter().flatten().map(TextChunk::held_bytes).sum::<usize>()
    }

    /// How many rows may be added at once.
    pub(super) fn room(&self) -> usize {
        BATCH_ROWS.min(PAGE_ROWS - self.page_rows).min(ROW_GROUP_ROWS - self.rows)
    }

    /// Adds rows, as many as there is room for at most.
    pub(super) fn append(&mut self, rows: &Rows<'_>) -> Result<(), ParquetError> {
        let first = self.rows;
        self.rows += rows.len();
        self.page_rows += rows.len();
        for (index, column) in self.columns.iter_mut().enumerate() {
            let cells = rows.cells(index);
            match column {
                ColumnRows::Text(chunk) => chunk.append(first, rows, cells, &mut self.compressor)?,
                ColumnRows::Time(times) => times.extend(cells.iter().filter_map(|(_, cell)| as_int(cell))),
                ColumnRows::Int32(numbers) => {
                    numbers.append(first, cells, |cell| as_int(cell).and_then(|int| i32::try_from(int).ok()));
                }
                ColumnRows::Int64(numbers) => numbers.append(first, cells, as_int),
                ColumnRows::Float64(numbers) => numbers.append(first, cells, |cell| match cell {
                    Cell::Float(float) => Some(*float),
                    _ => None,
                }),
                ColumnRows::Bool(numbers) => numbers.append(first, cells, |cell| match cell {
                    Cell::Bool(flag) => Some(*flag),
                    _ => None,
                }),
            }
        }
        if let Some([keys, values]) = &mut self.overflow {
            keys.append_lists(rows, |(name, _)| (WHOLE_KEY, Some(name)), &mut self.compressor)?;
            values.append_lists(
                rows,
                |(_, value)| (if value.is_some() { WHOLE_ENTRY } else { NIL_ENTRY }, value.as_ref()),
                &mut self.compressor,
            )?;
        }
        if self.page_rows >= PAGE_ROWS { self.end_pages() } else { Ok(()) }
    }

    fn end_pages(&mut self) -> Result<(), ParquetError> {
        for column in &mut self.columns {
            if let ColumnRows::Text(chunk) = column {
                chunk.end_page_at(self.rows, &mut self.compressor)?;
            }
        }
        for chunk in self.overflow.iter_mut().flatten() {
            chunk.end_page_at(self.rows, &mut self.compressor)?;
        }
        self.page_rows = 0;
        Ok(())
    }

    /// Writes the rows as a group of the file; none are left.
    pub(super) fn write(&mut self, file: &mut SerializedFileWriter<Vec<u8>>) -> Result<(), ParquetError> {
        let mut group = file.next_row_group()?;
        let rows = std::mem::take(&mut self.rows);
        self.page_rows = 0;
        for column in &mut self.columns {
            match column {
                ColumnRows::Text(chunk) => {
                    append_chunk(&mut group, chunk, rows, &mut self.compressor)?;
                }
                ColumnRows::Time(times) => {
                    write_numbers::<Int64Type>(&mut group, times, None)?;
                    times.clear();
                }
                ColumnRows::Int32(numbers) => numbers.write::<Int32Type>(&mut group, rows)?,
                ColumnRows::Int64(numbers) => numbers.write::<Int64Type>(&mut group, rows)?,
                ColumnRows::Float64(numbers) => numbers.write::<DoubleType>(&mut group, rows)?,
                ColumnRows::Bool(numbers) => numbers.write::<BoolType>(&mut group, rows)?,
            }
        }
        for chunk in self.overflow.iter_mut().flatten() {
            append_chunk(&mut group, chunk, rows, &mut self.compressor)?;
        }
        group.close()?;
        Ok(())
    }
}

impl ColumnRows {
    fn held_bytes(&self) -> usize {
        match self {
            Self::Text(chunk) => chunk.held_bytes(),
            Self::Time(times) => times.len() * 8,
            Self::Int32(numbers) => numbers.values.len() * 6,
            Self::Int64(numbers) => numbers.values.len() * 10,
            Self::Float64(numbers) => numbers.values.len() * 10,
            Self::Bool(numbers) => numbers.values.len() * 3,
        }
    }
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: Vec::new(), definitions: Vec::new() }
    }
}

impl<T> Numbers<T> {
    /// The values of rows behind `first`; rows without one have none.
    fn append<'c>(&mut self, first: usize, cells: &[(u32, Cell<'c>)], value: impl Fn(&Cell<'c>) -> Option<T>) {
        for (row, cell) in cells {
            // A row's layout makes no cell of another kind than the column's.
            let Some(value) = value(cell) else {
                debug_assert!(false, "a cell of another kind");
                continue;
            };
            self.definitions.resize(first + *row as usize, 0);
            self.definitions.push(1);
            self.values.push(value);
        }
    }

    fn write<D: DataType<T = T>>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
        rows: usize,
    ) -> Result<(), ParquetError> {
        self.definitions.resize(rows, 0);
        write_numbers::<D>(group, &self.values, Some(&self.definitions))?;
        self.values.clear();
        self.definitions.clear();
        Ok(())
    }
}

fn as_int(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Int(int) => Some(*int),
        _ => None,
    }
}

fn write_numbers<D: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[D::T],
    definitions: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than the rows".to_owned());
    let mut writer = group.next_column()?.ok_or_else(missing)?;
    let Some(definitions) = definitions else {
        for batch in values.chunks(WRITE_ROWS) {
            writer.typed::<D>().write_batch(batch, None, None)?;
        }
        return writer.close();
    };
    let mut rest = values;
    for levels in definitions.chunks(WRITE_ROWS) {
        let written = writer.typed::<D>().write_batch(rest, Some(levels), None)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    writer.close()
}

fn append_chunk(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    chunk: &mut TextChunk,
    rows: usize,
    compressor: &mut PageCompressor,
) -> Result<(), ParquetError> {
    let (bytes, close) = chunk.finish(rows, compressor)?;
    group.append_column(&bytes, close)?;
    chunk.take_back(bytes);
    Ok(())
}
