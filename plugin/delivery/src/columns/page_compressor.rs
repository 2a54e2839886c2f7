//! One compressor and one buffer for all pages of a file.

use super::codec::Codec;
use bytes::Bytes;
use flate2::write::GzEncoder;
use parquet::errors::ParquetError;
use std::io::Write;
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

/// The level at which zstd takes shorter matches in small pages than in large ones, and bytes of the shortest match that is asked
/// for instead: ids have matches of 5 and 6 bytes by chance, which take longer to write than the bytes themselves and more room.
const FASTEST_LEVEL: i32 = 1;
const SHORTEST_MATCH: u32 = 7;

/// Compresses pages, one behind the other.
pub(super) struct PageCompressor {
    codec: OpenCodec,
    body: Vec<u8>,
    compressed: Vec<u8>,
}

/// A codec with what it keeps from page to page.
enum OpenCodec {
    Zstd(Compressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
    Gzip(flate2::Compression),
    None,
}

impl PageCompressor {
    /// A compressor of that kind.
    ///
    /// # Errors
    /// When zstd has no memory, or no such level.
    pub(super) fn new(codec: Codec) -> Result<Self, ParquetError> {
        let codec = match codec {
            Codec::Zstd(level) => {
                let mut zstd = Compressor::new(level).map_err(refused)?;
                if level == FASTEST_LEVEL {
                    zstd.set_parameter(CParameter::MinMatch(SHORTEST_MATCH)).map_err(refused)?;
                }
                OpenCodec::Zstd(zstd)
            }
            Codec::Snappy => OpenCodec::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Gzip(level) => OpenCodec::Gzip(flate2::Compression::new(level.unsigned_abs())),
            Codec::None => OpenCodec::None,
        };
        Ok(Self { codec, body: Vec::new(), compressed: Vec::new() })
    }

    /// The buffer for the next page's content, empty.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        self.body.clear();
        &mut self.body
    }

    /// The content, compressed, and how many bytes it had before.
    pub(super) fn compress(&mut self) -> Result<(Bytes, usize), ParquetError> {
        let Self { codec, body, compressed } = self;
        compressed.clear();
        match codec {
            OpenCodec::Zstd(zstd) => {
                compressed.reserve(zstd::zstd_safe::compress_bound(body.len()));
                zstd.compress_to_buffer(body.as_slice(), compressed).map_err(refused)?;
            }
            OpenCodec::Snappy(snappy) => {
                compressed.resize(snap::raw::max_compress_len(body.len()), 0);
                let length = snappy.compress(body, compressed).map_err(|error| refused(error.into()))?;
                compressed.truncate(length);
            }
            OpenCodec::Gzip(level) => {
                let mut gzip = GzEncoder::new(&mut *compressed, *level);
                gzip.write_all(body).and_then(|()| gzip.finish().map(drop)).map_err(refused)?;
            }
            OpenCodec::None => return Ok((Bytes::copy_from_slice(body), body.len())),
        }
        Ok((Bytes::copy_from_slice(compressed), body.len()))
    }
}

fn refused(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
