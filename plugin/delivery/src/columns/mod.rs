//! Records into columns, and columns into Parquet.
//!
//! [`row`] decides for one record which value goes to which column and what is left for the overflow map; `row_group` collects
//! rows, text in `text_chunk`, which makes the pages of a column as it comes; [`file`] orders a segment's records by partition
//! and time and writes a Parquet file for each partition, as [`layout`] says; [`object`] makes an object of one in any case.

mod bounds;
pub mod codec;
mod dictionary;
pub mod file;
mod hybrid;
pub mod layout;
pub mod object;
mod page_compressor;
pub mod row;
mod row_group;
mod text_chunk;
