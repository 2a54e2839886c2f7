//! Records into columns, and columns into Parquet.
//!
//! [`row`] decides for one record which value goes to which column and what is left for the overflow map; [`rows`] has a few hundred
//! of them column by column, and `row_group` collects those, text in `text_chunk`, which makes the pages of a column as it comes;
//! [`file`] orders a segment's records by partition and time and writes a Parquet file for each partition, as [`layout`] says;
//! [`object`] makes an object of one in any case.

mod bits;
mod bounds;
mod chunk_description;
pub mod codec;
mod delta_lengths;
mod dictionary;
pub mod file;
mod fit;
mod hybrid;
pub mod layout;
pub mod object;
mod page_compressor;
pub mod row;
mod row_group;
pub mod rows;
mod text_chunk;
mod text_page;

pub use row_group::ColumnMemory;
