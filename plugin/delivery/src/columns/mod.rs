//! Records into columns, and columns into Parquet.
//!
//! [`row`] decides for one record which value goes to which column and what is left for the overflow map; [`builder`]
//! collects rows into Arrow arrays; [`file`] orders a segment's records by partition and time and writes a Parquet file
//! for each partition, as [`layout`] says; [`object`] makes an object of one in any case.

pub mod builder;
pub mod file;
pub mod layout;
pub mod object;
pub mod row;
