//! Why an object is left out of its table. It stays where it is, and is named each time it is found.

use crate::hour::Hour;
use parquet::errors::ParquetError;
use shiwake_delivery::store::ReadError;

/// Why an object is left out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetAside {
    /// Its key is not one that Shiwake gives.
    #[error("is not named as Shiwake names a file of this type: type={log_type}/dt=DATE/hour=HOUR/NAME.parquet")]
    Name {
        /// The type of its folder.
        log_type: String,
    },
    /// The store does not give it.
    #[error(transparent)]
    Store(#[from] ReadError),
    /// It is no whole Parquet file.
    #[error("is damaged, or no Parquet file: {0}")]
    Damaged(ParquetError),
    /// Its footer is longer than any of ours.
    #[error("has a footer of {bytes} bytes; up to {limit} are read")]
    Long {
        /// Bytes that its footer has.
        bytes: u64,
        /// Bytes that are read.
        limit: u64,
    },
    /// Somebody else wrote it.
    #[error("is not of Shiwake: its footer has no shiwake.type")]
    Foreign,
    /// It is of another type than its folder.
    #[error("is of the type '{found}', and lies among those of '{log_type}'")]
    OtherType {
        /// The type that it says.
        found: String,
        /// The type of its folder.
        log_type: String,
    },
    /// Its columns have no ids, or are none that Iceberg knows.
    #[error("has columns that no table can have: {0}")]
    Columns(Box<iceberg::Error>),
    /// It has no rows.
    #[error("has no rows")]
    Empty,
    /// It does not say of which time its rows are.
    #[error("does not say from when to when its rows are: a column 'time' of id 1 with statistics is expected")]
    NoTime,
    /// Its rows do not lie in the hour of its folder.
    #[error("has rows of {found}, and lies in the folder of {hour}")]
    OtherHour {
        /// An hour in which it has rows.
        found: Hour,
        /// The hour of its folder.
        hour: Hour,
    },
    /// One of its columns is of another type in the table.
    #[error("column '{column}' (id {id}) is {file} here and {table} in the table")]
    ColumnType {
        /// The column's name in the file.
        column: String,
        /// Its id.
        id: i32,
        /// Its type in the file.
        file: String,
        /// Its type in the table.
        table: String,
    },
    /// The table has another column of the same name.
    #[error("column '{column}' has id {id} here, and the table has another of this name with id {table_id}")]
    ColumnName {
        /// The column's name.
        column: String,
        /// Its id in the file.
        id: i32,
        /// The id of the table's column.
        table_id: i32,
    },
}

impl SetAside {
    /// One word for programs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            SetAside::Name { .. } => "name",
            SetAside::Store(_) => "unreadable",
            SetAside::Damaged(_) | SetAside::Long { .. } => "damaged",
            SetAside::Foreign => "foreign",
            SetAside::OtherType { .. } => "other_type",
            SetAside::Columns(_) => "columns",
            SetAside::Empty => "empty",
            SetAside::NoTime => "no_time",
            SetAside::OtherHour { .. } => "other_hour",
            SetAside::ColumnType { .. } => "column_type",
            SetAside::ColumnName { .. } => "column_name",
        }
    }
}
