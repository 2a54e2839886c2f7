//! One zstd context and one buffer for all pages of a file.

use bytes::Bytes;
use parquet::errors::ParquetError;
use zstd::bulk::Compressor;

/// Compresses pages, one behind the other.
pub(super) struct PageCompressor {
    zstd: Compressor<'static>,
    body: Vec<u8>,
    compressed: Vec<u8>,
}

impl PageCompressor {
    /// A compressor of that level.
    ///
    /// # Errors
    /// When zstd has no memory, or no such level.
    pub(super) fn new(level: i32) -> Result<Self, ParquetError> {
        let zstd = Compressor::new(level).map_err(refused)?;
        Ok(Self { zstd, body: Vec::new(), compressed: Vec::new() })
    }

    /// The buffer for the next page's content, empty.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        self.body.clear();
        &mut self.body
    }

    /// The content, compressed, and how many bytes it had before.
    pub(super) fn compress(&mut self) -> Result<(Bytes, usize), ParquetError> {
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(self.body.len()));
        self.zstd.compress_to_buffer(&self.body, &mut self.compressed).map_err(refused)?;
        Ok((Bytes::copy_from_slice(&self.compressed), self.body.len()))
    }
}

fn refused(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
