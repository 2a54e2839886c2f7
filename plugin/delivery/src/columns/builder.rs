//! Rows into Arrow arrays.

use super::row::{Cell, Row};
use crate::lane::Lane;
use crate::schema::{Column, ColumnKind, arrow_schema, overflow_key_field, overflow_value_field};
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, MapBuilder, MapFieldNames,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use std::sync::Arc;

enum ColumnBuilder {
    Time(TimestampMicrosecondBuilder),
    Tag(StringBuilder),
    Text(StringBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float64(Float64Builder),
    Bool(BooleanBuilder),
    Binary(BinaryBuilder),
}

/// Collects rows of one lane.
pub struct BatchBuilder {
    schema: SchemaRef,
    columns: Vec<ColumnBuilder>,
    overflow: Option<MapBuilder<StringBuilder, StringBuilder>>,
    rows: usize,
    bytes: usize,
}

impl BatchBuilder {
    /// An empty builder for a lane's columns.
    #[must_use]
    pub fn new(lane: Lane, columns: &[Column]) -> Self {
        let overflow = (lane != Lane::Quarantine).then(|| {
            let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
            MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
                .with_keys_field(overflow_key_field())
                .with_values_field(overflow_value_field())
        });
        Self {
            schema: arrow_schema(lane, columns),
            columns: columns.iter().map(|column| ColumnBuilder::new(column.kind)).collect(),
            overflow,
            rows: 0,
            bytes: 0,
        }
    }

    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Rows since the last batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of text since the last batch, as a measure of what the builders hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When Arrow refuses an entry of the overflow map, which has as many keys as values.
    pub fn append(&mut self, time_micros: i64, tag: &str, row: &Row<'_>) -> Result<(), ArrowError> {
        for (builder, cell) in self.columns.iter_mut().zip(&row.cells) {
            self.bytes += builder.append(time_micros, tag, cell.as_ref());
        }
        if let Some(overflow) = &mut self.overflow {
            for (key, value) in &row.overflow {
                overflow.keys().append_value(key);
                overflow.values().append_option(value.as_deref());
                self.bytes += key.len() + value.as_ref().map_or(0, |value| value.len());
            }
            overflow.append(true)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// The rows so far as a batch; the builder is empty afterwards.
    ///
    /// # Errors
    /// When the arrays do not fit the schema.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut arrays: Vec<ArrayRef> = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        if let Some(overflow) = &mut self.overflow {
            arrays.push(Arc::new(overflow.finish()));
        }
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }
}

impl ColumnBuilder {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            ColumnKind::Tag => Self::Tag(StringBuilder::new()),
            ColumnKind::Text | ColumnKind::Json | ColumnKind::Severity | ColumnKind::ContainerName => {
                Self::Text(StringBuilder::new())
            }
            ColumnKind::Int32 => Self::Int32(Int32Builder::new()),
            ColumnKind::Int64 => Self::Int64(Int64Builder::new()),
            ColumnKind::Float64 => Self::Float64(Float64Builder::new()),
            ColumnKind::Bool => Self::Bool(BooleanBuilder::new()),
            ColumnKind::Binary => Self::Binary(BinaryBuilder::new()),
        }
    }

    /// Adds a cell and tells the bytes it takes. A cell of another kind than the column's, which the row's layout does
    /// not make, is null.
    fn append(&mut self, time_micros: i64, tag: &str, cell: Option<&Cell<'_>>) -> usize {
        match self {
            Self::Time(builder) => builder.append_value(time_micros),
            Self::Tag(builder) => builder.append_value(tag),
            Self::Text(builder) => {
                let text = cell.and_then(|cell| if let Cell::Text(text) = cell { Some(text.as_ref()) } else { None });
                builder.append_option(text);
                return text.map_or(1, str::len);
            }
            Self::Int32(builder) => builder.append_option(int_of(cell).and_then(|int| i32::try_from(int).ok())),
            Self::Int64(builder) => builder.append_option(int_of(cell)),
            Self::Float64(builder) => {
                let float = cell.and_then(|cell| if let Cell::Float(float) = cell { Some(*float) } else { None });
                builder.append_option(float);
            }
            Self::Bool(builder) => {
                let flag = cell.and_then(|cell| if let Cell::Bool(flag) = cell { Some(*flag) } else { None });
                builder.append_option(flag);
                return 1;
            }
            Self::Binary(builder) => {
                let bytes = cell.and_then(|cell| if let Cell::Bytes(bytes) = cell { Some(*bytes) } else { None });
                builder.append_option(bytes);
                return bytes.map_or(1, <[u8]>::len);
            }
        }
        8
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Tag(builder) | Self::Text(builder) => Arc::new(builder.finish()),
            Self::Int32(builder) => Arc::new(builder.finish()),
            Self::Int64(builder) => Arc::new(builder.finish()),
            Self::Float64(builder) => Arc::new(builder.finish()),
            Self::Bool(builder) => Arc::new(builder.finish()),
            Self::Binary(builder) => Arc::new(builder.finish()),
        }
    }
}

fn int_of(cell: Option<&Cell<'_>>) -> Option<i64> {
    if let Some(Cell::Int(int)) = cell { Some(*int) } else { None }
}
