//! How payloads are made shorter for the way.

use crate::config::datadog::Compression;
use libdeflater::CompressionLvl;
use std::io;
use zstd::zstd_safe::CParameter;

/// Level of zstd: above 1 logs cost more time than they save bytes.
const ZSTD_LEVEL: i32 = 1;
/// Its table of places that were seen, as a power of two: of payloads as they are a larger one finds no more, and this one stays
/// near the core.
const ZSTD_HASH_LOG: u32 = 13;
/// Bytes of the shortest repetition that it looks for: entries repeat each other in whole names and values.
const ZSTD_MIN_MATCH: u32 = 7;
/// Level of gzip: above 1 logs cost more time than they save bytes.
const GZIP_LEVEL: i32 = 1;

/// Compresses payloads; keeps its memory from one to the next.
pub struct Compressor {
    kind: Kind,
    scratch: Vec<u8>,
}

enum Kind {
    None,
    /// By libdeflate, which takes less than half of zlib's time for the same bytes, and wants all of the text at once.
    Gzip(libdeflater::Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Compressor").finish_non_exhaustive()
    }
}

impl Compressor {
    /// A compressor.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(compression: Compression) -> io::Result<Self> {
        let kind = match compression {
            Compression::None => Kind::None,
            Compression::Gzip => {
                let level = CompressionLvl::new(GZIP_LEVEL).map_err(|_| io::Error::other("no such level of gzip"))?;
                Kind::Gzip(libdeflater::Compressor::new(level))
            }
            Compression::Zstd => {
                let mut zstd = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                zstd.set_parameter(CParameter::HashLog(ZSTD_HASH_LOG))?;
                zstd.set_parameter(CParameter::MinMatch(ZSTD_MIN_MATCH))?;
                Kind::Zstd(zstd)
            }
        };
        Ok(Self { kind, scratch: Vec::new() })
    }

    /// The compressed bytes, in memory of their length.
    ///
    /// # Errors
    /// When the library fails.
    pub fn compress(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let Self { kind, scratch } = self;
        let length = match kind {
            Kind::None => return Ok(bytes.to_vec()),
            Kind::Gzip(gzip) => {
                make_room(scratch, gzip.gzip_compress_bound(bytes.len()));
                gzip.gzip_compress(bytes, scratch).map_err(io::Error::other)?
            }
            Kind::Zstd(zstd) => {
                make_room(scratch, zstd::zstd_safe::compress_bound(bytes.len()));
                zstd.compress_to_buffer(bytes, scratch.as_mut_slice())?
            }
        };
        Ok(scratch.get(..length).unwrap_or_default().to_vec())
    }
}

fn make_room(scratch: &mut Vec<u8>, length: usize) {
    if scratch.len() < length {
        scratch.resize(length, 0);
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
