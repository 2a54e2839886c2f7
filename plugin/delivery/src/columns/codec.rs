//! How the pages of a file are compressed
//! (<https://parquet.apache.org/docs/file-format/data-pages/compression/>).
//!
//! Only what DuckDB, pyarrow, Spark, Trino and Athena read: not LZ4, of which there are two kinds that readers mix up, and not
//! Brotli.

use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use std::ops::RangeInclusive;

/// zstd above level 1 costs more time than it saves bytes on logs.
const DEFAULT_ZSTD_LEVEL: i32 = 1;
/// gzip's own default.
const DEFAULT_GZIP_LEVEL: i32 = 6;

/// A codec with its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Zstandard, of a level from 1 to 22.
    Zstd(i32),
    /// Snappy, which has no levels.
    Snappy,
    /// DEFLATE with gzip's frame, of a level from 1 to 9.
    Gzip(i32),
    /// Pages as they are.
    None,
}

impl Default for Codec {
    fn default() -> Self {
        Codec::Zstd(DEFAULT_ZSTD_LEVEL)
    }
}

impl Codec {
    /// All of them, of their default levels.
    pub const ALL: [Codec; 4] =
        [Codec::Zstd(DEFAULT_ZSTD_LEVEL), Codec::Snappy, Codec::Gzip(DEFAULT_GZIP_LEVEL), Codec::None];

    /// The word of it in properties.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::Zstd(_) => "zstd",
            Codec::Snappy => "snappy",
            Codec::Gzip(_) => "gzip",
            Codec::None => "none",
        }
    }

    /// The levels that it has.
    #[must_use]
    pub fn levels(self) -> Option<RangeInclusive<i32>> {
        match self {
            Codec::Zstd(_) => Some(1..=22),
            Codec::Gzip(_) => Some(1..=9),
            Codec::Snappy | Codec::None => None,
        }
    }

    /// The same codec of another level, where it has levels.
    #[must_use]
    pub fn with_level(self, level: i32) -> Self {
        match self {
            Codec::Zstd(_) => Codec::Zstd(level),
            Codec::Gzip(_) => Codec::Gzip(level),
            Codec::Snappy | Codec::None => self,
        }
    }

    /// As the parquet crate has it.
    ///
    /// # Errors
    /// When there is no such level.
    pub(super) fn parquet(self) -> Result<Compression, ParquetError> {
        Ok(match self {
            Codec::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
            Codec::Snappy => Compression::SNAPPY,
            Codec::Gzip(level) => Compression::GZIP(GzipLevel::try_new(level.unsigned_abs())?),
            Codec::None => Compression::UNCOMPRESSED,
        })
    }
}
