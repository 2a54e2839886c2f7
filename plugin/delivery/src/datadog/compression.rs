//! How payloads are made shorter for the way.

use crate::config::datadog::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write as _};

/// Level of zstd: above 1 logs cost more time than they save bytes.
const ZSTD_LEVEL: i32 = 1;
/// Level of gzip: above 3 logs cost more time than they save bytes.
const GZIP_LEVEL: u32 = 3;

/// Compresses payloads; keeps its memory from one to the next.
pub struct Compressor {
    zstd: Option<zstd::bulk::Compressor<'static>>,
    compression: Compression,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Compressor").field("compression", &self.compression).finish_non_exhaustive()
    }
}

impl Compressor {
    /// A compressor.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(compression: Compression) -> io::Result<Self> {
        let zstd = match compression {
            Compression::Zstd => Some(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
            Compression::None | Compression::Gzip => None,
        };
        Ok(Self { zstd, compression, scratch: Vec::new() })
    }

    /// The compressed bytes, in memory of their length.
    ///
    /// # Errors
    /// When the library fails.
    pub fn compress(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let Self { zstd, compression, scratch } = self;
        scratch.clear();
        match (compression, zstd) {
            (Compression::Zstd, Some(zstd)) => {
                scratch.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
                zstd.compress_to_buffer(bytes, scratch)?;
            }
            (Compression::Gzip, _) => {
                let mut encoder = GzEncoder::new(&mut *scratch, flate2::Compression::new(GZIP_LEVEL));
                encoder.write_all(bytes)?;
                encoder.finish()?;
            }
            (Compression::None | Compression::Zstd, _) => return Ok(bytes.to_vec()),
        }
        Ok(scratch.as_slice().to_vec())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn what_is_compressed_is_read_again_by_others() {
        let text = "a line of a log, ".repeat(10_000);
        for round in 0..2 {
            let zstd = Compressor::new(Compression::Zstd).unwrap().compress(text.as_bytes()).unwrap();
            assert_eq!(zstd::stream::decode_all(zstd.as_slice()).unwrap(), text.as_bytes(), "{round}");
            let mut gzip = Compressor::new(Compression::Gzip).unwrap();
            let packed = gzip.compress(text.as_bytes()).unwrap();
            let again = gzip.compress(text.as_bytes()).unwrap();
            assert!(packed == again && packed.len() < text.len() / 20 && zstd.len() < text.len() / 20);
            let mut unpacked = String::new();
            flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
            assert_eq!(unpacked, text);
        }
        assert_eq!(Compressor::new(Compression::None).unwrap().compress(b"x").unwrap(), b"x");
    }
}
