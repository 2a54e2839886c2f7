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
/// Bytes of a page's values, on average, from which they are taken for long texts: stack traces, documents. What repeats in them is
/// long too, and is found by looking for matches of two lengths as level 3 does, at the cost of level 1 when its tables are small.
const LONG_VALUE_BYTES: usize = 512;
const LONG_LEVEL: i32 = 3;
const LONG_PARAMETERS: [CParameter; 3] = [CParameter::HashLog(14), CParameter::ChainLog(13), CParameter::MinMatch(6)];

/// Compresses pages, one behind the other.
pub(super) struct PageCompressor {
    kind: Codec,
    codec: OpenCodec,
    body: Vec<u8>,
    compressed: Vec<u8>,
}

/// A codec with what it keeps from page to page.
enum OpenCodec {
    Zstd { short: Compressor<'static>, long: Option<Compressor<'static>> },
    Snappy(Box<snap::raw::Encoder>),
    Gzip(flate2::Compression),
    None,
}

impl PageCompressor {
    /// A compressor of that kind.
    ///
    /// # Errors
    /// When zstd has no memory, or no such level.
    pub(super) fn new(kind: Codec) -> Result<Self, ParquetError> {
        let codec = match kind {
            Codec::Zstd(level) => {
                if level == FASTEST_LEVEL {
                    let short = zstd_with(level, [CParameter::MinMatch(SHORTEST_MATCH)])?;
                    OpenCodec::Zstd { short, long: Some(zstd_with(LONG_LEVEL, LONG_PARAMETERS)?) }
                } else {
                    OpenCodec::Zstd { short: zstd_with(level, [])?, long: None }
                }
            }
            Codec::Snappy => OpenCodec::Snappy(Box::new(snap::raw::Encoder::new())),
            Codec::Gzip(level) => OpenCodec::Gzip(flate2::Compression::new(level.unsigned_abs())),
            Codec::None => OpenCodec::None,
        };
        Ok(Self { kind, codec, body: Vec::new(), compressed: Vec::new() })
    }

    /// Whether it is of that kind.
    pub(super) fn is_of(&self, kind: Codec) -> bool {
        self.kind == kind
    }

    /// The buffer for the next page's content, empty.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        self.body.clear();
        &mut self.body
    }

    /// The content, which is so many values, compressed, and how many bytes it had before.
    /// [`PageCompressor::take_back`] takes them when they are written.
    pub(super) fn compress(&mut self, values: usize) -> Result<(Bytes, usize), ParquetError> {
        let Self { codec, body, compressed, .. } = self;
        compressed.clear();
        match codec {
            OpenCodec::Zstd { short, long } => {
                let is_long = body.len() / values.max(1) >= LONG_VALUE_BYTES;
                let zstd = long.as_mut().filter(|_| is_long).unwrap_or(short);
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
            OpenCodec::None => compressed.extend_from_slice(body),
        }
        Ok((Bytes::from(std::mem::take(compressed)), body.len()))
    }

    /// Takes the memory of a compressed page back, of which nobody else has anything.
    pub(super) fn take_back(&mut self, page: Bytes) {
        self.compressed = page.into();
    }

    /// Bytes of memory that it has, beside what the codec has.
    pub(super) fn capacity(&self) -> usize {
        self.body.capacity() + self.compressed.capacity()
    }
}

fn zstd_with(
    level: i32,
    parameters: impl IntoIterator<Item = CParameter>,
) -> Result<Compressor<'static>, ParquetError> {
    let mut zstd = Compressor::new(level).map_err(refused)?;
    for parameter in parameters {
        zstd.set_parameter(parameter).map_err(refused)?;
    }
    Ok(zstd)
}

fn refused(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Knuth's generator: <https://en.wikipedia.org/wiki/Linear_congruential_generator>.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, count: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % count
        }

        fn word(&mut self, words: &str) -> String {
            let all: Vec<&str> = words.split(' ').collect();
            all.get(self.below(all.len() as u64) as usize).copied().unwrap_or_default().to_owned()
        }
    }

    /// Stack traces, each of so many of 400 places, of which the first are there far more often than the last.
    fn stacks(count: usize, depth: usize) -> Vec<u8> {
        let mut chance = Chance(7);
        let places: Vec<String> = (0..400)
            .map(|_| {
                let noun = chance
                    .word("products orders users carts invoices reviews images search offers stock labels returns");
                let service = chance.word("shop cart search login payment mail");
                let class = noun.clone() + &chance.word("Controller Service Store Client Mapper");
                let (method, line) = (chance.below(40), 20 + chance.below(880));
                format!("\tat com.example.{service}.{noun}.{class}.handle{method}({class}.java:{line})\n")
            })
            .collect();
        let mut place = || ((chance.below(4_096).pow(2) * 400) >> 24) as usize;
        (0..count * depth).flat_map(|_| places.get(place()).cloned().unwrap_or_default().into_bytes()).collect()
    }

    fn compressed(content: &[u8], values: usize) -> Result<Bytes, ParquetError> {
        let mut compressor = PageCompressor::new(Codec::Zstd(FASTEST_LEVEL))?;
        compressor.begin().extend_from_slice(content);
        let (bytes, length) = compressor.compress(values)?;
        assert_eq!(length, content.len());
        assert_eq!(zstd::bulk::decompress(&bytes, length).map_err(refused)?, content);
        Ok(bytes)
    }

    #[test]
    fn long_texts_take_a_tenth_less_room_than_the_same_bytes_as_short_ones() -> Result<(), ParquetError> {
        let content = stacks(600, 16);
        let (as_long, as_short) = (compressed(&content, 600)?, compressed(&content, 600 * 16)?);
        assert!(as_long.len() * 10 < as_short.len() * 9, "{} and {}", as_long.len(), as_short.len());
        Ok(())
    }

    #[test]
    fn a_page_does_not_depend_on_the_pages_before_it() -> Result<(), ParquetError> {
        let (long, short) = (stacks(300, 16), stacks(3_000, 1));
        let mut compressor = PageCompressor::new(Codec::default())?;
        for (content, values) in [(&long, 300), (&short, 3_000), (&long, 300), (&short, 3_000)] {
            compressor.begin().extend_from_slice(content);
            assert_eq!(compressor.compress(values)?.0, compressed(content, values)?);
        }
        Ok(())
    }
}
