//! Segment files that were set aside, by the spool under the name `.aside` or by the deliverer under `quarantine/segments/`:
//! what of them checks out, and where they are damaged.
//!
//! Blocks that check out are what the file had; what is made of them has the names and bytes that it would have had at once.
//! Records that are missing leave a gap behind the others, as their place among them is not known.

use super::format::{FormatError, Header, Scan, TRAILER_BYTES, decode_seal, scan, seal_offset, slices};
use super::segment::LoadedSegment;
use bytes::Bytes;
use std::ops::Range;

/// Name's end of a file that the spool has set aside.
pub const ASIDE: &str = ".aside";

/// What can be read of a segment file.
#[derive(Debug, Clone)]
pub struct SetAside {
    /// The blocks that check out.
    pub segment: LoadedSegment,
    /// Where each block lies in the file, with all that belongs to it.
    pub places: Vec<Range<usize>>,
    /// Records that the file had when it was sealed; `None` for one without a seal that checks out.
    pub sealed_records: Option<u64>,
    /// Bytes that are no part of a block that checks out, in order.
    pub damaged: Vec<Range<usize>>,
}

impl SetAside {
    /// Reads a file, as far as it can be.
    ///
    /// # Errors
    /// When nothing of it can be told apart without its header, which does not check out.
    pub fn read(file: &Bytes) -> Result<Self, FormatError> {
        let (Header { id, first_record, .. }, start, seed) = Header::decode(file)?;
        let seal = seal(file, seed);
        let end = seal.map_or(file.len(), |(offset, _)| offset);
        let content = file.slice(..end);
        let Scan { blocks, .. } = scan(&content, seed, start);
        let places: Vec<Range<usize>> = blocks.iter().map(|block| block.start..block.end).collect();
        let starts = places.iter().map(|place| place.start).chain([end]);
        let ends = std::iter::once(start).chain(places.iter().map(|place| place.end));
        let damaged = ends.zip(starts).filter(|(end, start)| end < start).map(|(end, start)| end..start).collect();
        let blocks = slices(&content, &blocks);
        let records = blocks.iter().map(|block| block.records).sum();
        let segment = LoadedSegment { id, first_record, records, blocks };
        Ok(Self { segment, places, sealed_records: seal.map(|(_, records)| records), damaged })
    }
}

/// Offset and records of the file's seal, when it has one that checks out.
fn seal(file: &[u8], seed: u64) -> Option<(usize, u64)> {
    let trailer = file.len().checked_sub(TRAILER_BYTES)?;
    let offset = usize::try_from(seal_offset(file.get(trailer..)?)?).ok()?;
    let (records, _) = decode_seal(file.get(offset..trailer)?, seed, offset as u64)?;
    Some((offset, records))
}

#[cfg(test)]
#[path = "set_aside_tests.rs"]
mod tests;
