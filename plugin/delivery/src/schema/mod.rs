//! The columns of each lane: stable names, types and field ids, as [`shiwake_records::columns`] has them.

mod arrow;
mod schemas;

pub use arrow::{arrow_schema, overflow_key_field, overflow_value_field};
pub use schemas::Schemas;
pub use shiwake_records::columns::{Column, ColumnKind, OVERFLOW, TAG, TIME};
