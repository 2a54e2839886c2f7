//! The columns as an Arrow schema, with the field ids that Parquet keeps.

use super::{Column, ColumnKind, OVERFLOW};
use crate::lane::Lane;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use shiwake_records::columns::{OVERFLOW_ID, OVERFLOW_KEY_ID, OVERFLOW_VALUE_ID};
use std::collections::HashMap;
use std::sync::Arc;

fn with_id(field: Field, id: i32) -> FieldRef {
    let metadata = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string())]);
    Arc::new(field.with_metadata(metadata))
}

fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnKind::Tag | ColumnKind::Text | ColumnKind::Json | ColumnKind::Severity | ColumnKind::ContainerName => {
            DataType::Utf8
        }
        ColumnKind::Int32 => DataType::Int32,
        ColumnKind::Int64 => DataType::Int64,
        ColumnKind::Float64 => DataType::Float64,
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::Binary => DataType::Binary,
    }
}

/// The field of the overflow map's keys.
#[must_use]
pub fn overflow_key_field() -> FieldRef {
    with_id(Field::new("key", DataType::Utf8, false), OVERFLOW_KEY_ID)
}

/// The field of the overflow map's values; null for a field whose value was nil.
#[must_use]
pub fn overflow_value_field() -> FieldRef {
    with_id(Field::new("value", DataType::Utf8, true), OVERFLOW_VALUE_ID)
}

/// The schema of a lane's files.
#[must_use]
pub fn arrow_schema(lane: Lane, columns: &[Column]) -> Arc<Schema> {
    let mut fields: Vec<FieldRef> = columns
        .iter()
        .map(|column| {
            with_id(
                Field::new(column.name.as_ref(), data_type(column.kind), column.kind != ColumnKind::Time),
                column.id,
            )
        })
        .collect();
    if lane != Lane::Quarantine {
        let entries = DataType::Struct(Fields::from(vec![overflow_key_field(), overflow_value_field()]));
        let entries = Field::new("key_value", entries, false);
        fields.push(with_id(Field::new(OVERFLOW, DataType::Map(Arc::new(entries), false), false), OVERFLOW_ID));
    }
    Arc::new(Schema::new(fields))
}
