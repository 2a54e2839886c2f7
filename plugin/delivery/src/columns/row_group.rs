//! Rows into the columns of a row group.
//!
//! Text and the overflow are written by [`TextChunk`], as they come; numbers wait for the end of the group and are written by the
//! parquet crate. All pages of a group end at the same rows, unless they are full before.

use super::codec::Codec;
use super::page_compressor::PageCompressor;
use super::row::{Cell, Row};
use super::text_chunk::TextChunk;
use crate::schema::{Column, ColumnKind};
use parquet::data_type::{BoolType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::SchemaDescriptor;

/// Rows of a page.
const PAGE_ROWS: usize = 20_000;
/// Rows that are handed to the parquet crate at a time, in which it looks whether a page is full.
const BATCH_ROWS: usize = 4_096;
/// Definition levels of the overflow's values: of an entry without one, and of one with.
const NIL_ENTRY: u8 = 1;
const WHOLE_ENTRY: u8 = 2;

/// The numbers of a column, and which rows have one.
struct Numbers<T> {
    values: Vec<T>,
    definitions: Vec<i16>,
}

enum ColumnRows {
    Time(Vec<i64>),
    Tag(TextChunk),
    Text(TextChunk),
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
    /// Columns that every row has a value of, which is no cell.
    constant: Vec<usize>,
    compressor: PageCompressor,
    rows: usize,
    page_rows: usize,
}

impl RowGroup {
    /// An empty group for these columns, which are those of the schema but for the overflow, of a file of so many rows.
    pub(super) fn new(
        columns: &[Column],
        schema: &SchemaDescriptor,
        properties: &WriterProperties,
        codec: Codec,
        file_rows: usize,
    ) -> Result<Self, ParquetError> {
        let page_rows = file_rows.min(PAGE_ROWS);
        let chunk = |index: usize| TextChunk::new(schema.column(index), properties, page_rows);
        let rows_of = |(index, column): (usize, &Column)| match column.kind {
            ColumnKind::Time => ColumnRows::Time(Vec::new()),
            ColumnKind::Tag => ColumnRows::Tag(chunk(index)),
            ColumnKind::Int32 => ColumnRows::Int32(Numbers::default()),
            ColumnKind::Int64 => ColumnRows::Int64(Numbers::default()),
            ColumnKind::Float64 => ColumnRows::Float64(Numbers::default()),
            ColumnKind::Bool => ColumnRows::Bool(Numbers::default()),
            ColumnKind::Text
            | ColumnKind::Json
            | ColumnKind::Severity
            | ColumnKind::ContainerName
            | ColumnKind::Binary => ColumnRows::Text(chunk(index)),
        };
        let has_overflow = schema.num_columns() > columns.len();
        let is_constant = |column: &Column| matches!(column.kind, ColumnKind::Time | ColumnKind::Tag);
        Ok(Self {
            overflow: has_overflow.then(|| [chunk(columns.len()), chunk(columns.len() + 1)]),
            constant: (0..columns.len()).filter(|index| columns.get(*index).is_some_and(is_constant)).collect(),
            columns: columns.iter().enumerate().map(rows_of).collect(),
            compressor: PageCompressor::new(codec)?,
            rows: 0,
            page_rows: 0,
        })
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

    /// Adds a row.
    pub(super) fn append(&mut self, time_micros: i64, tag: &str, row: &Row<'_>) -> Result<(), ParquetError> {
        let Self { columns, overflow, constant, compressor, rows, .. } = self;
        for index in constant {
            match columns.get_mut(*index) {
                Some(ColumnRows::Time(times)) => times.push(time_micros),
                Some(ColumnRows::Tag(chunk)) => {
                    chunk.begin_row(*rows, compressor)?;
                    chunk.append(tag.as_bytes());
                }
                _ => {}
            }
        }
        for (index, cell) in &row.cells {
            match (columns.get_mut(*index), cell) {
                (Some(ColumnRows::Text(chunk)), Cell::Text(_) | Cell::Bytes(_)) => {
                    chunk.begin_row(*rows, compressor)?;
                    chunk.append(match cell {
                        Cell::Text(text) => text,
                        Cell::Bytes(bytes) => bytes,
                        _ => &[],
                    });
                }
                (Some(ColumnRows::Int32(numbers)), Cell::Int(int)) => {
                    if let Ok(int) = i32::try_from(*int) {
                        numbers.append(*rows, int);
                    }
                }
                (Some(ColumnRows::Int64(numbers)), Cell::Int(int)) => numbers.append(*rows, *int),
                (Some(ColumnRows::Float64(numbers)), Cell::Float(float)) => numbers.append(*rows, *float),
                (Some(ColumnRows::Bool(numbers)), Cell::Bool(flag)) => numbers.append(*rows, *flag),
                // A row's layout makes no cell of another kind than the column's.
                _ => debug_assert!(false, "column {index} has a cell of another kind"),
            }
        }
        if let Some([keys, values]) = overflow {
            keys.begin_list(compressor)?;
            values.begin_list(compressor)?;
            if row.overflow.is_empty() {
                keys.append_entry(true, 0, None);
                values.append_entry(true, 0, None);
            }
            for (number, (key, value)) in row.overflow.iter().enumerate() {
                keys.append_entry(number == 0, 1, Some(key.as_bytes()));
                let value = value.as_deref().map(str::as_bytes);
                values.append_entry(number == 0, if value.is_some() { WHOLE_ENTRY } else { NIL_ENTRY }, value);
            }
        }
        self.rows += 1;
        self.page_rows += 1;
        if self.page_rows == PAGE_ROWS { self.end_pages() } else { Ok(()) }
    }

    fn end_pages(&mut self) -> Result<(), ParquetError> {
        for column in &mut self.columns {
            if let ColumnRows::Text(chunk) | ColumnRows::Tag(chunk) = column {
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
                ColumnRows::Text(chunk) | ColumnRows::Tag(chunk) => {
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
            Self::Text(chunk) | Self::Tag(chunk) => chunk.held_bytes(),
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
    /// The value of row `row`; rows between this one and the last have none.
    fn append(&mut self, row: usize, value: T) {
        self.definitions.resize(row, 0);
        self.definitions.push(1);
        self.values.push(value);
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

fn write_numbers<D: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[D::T],
    definitions: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than the rows".to_owned());
    let mut writer = group.next_column()?.ok_or_else(missing)?;
    let Some(definitions) = definitions else {
        for batch in values.chunks(BATCH_ROWS) {
            writer.typed::<D>().write_batch(batch, None, None)?;
        }
        return writer.close();
    };
    let mut rest = values;
    for levels in definitions.chunks(BATCH_ROWS) {
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
    group.append_column(&bytes, close)
}
