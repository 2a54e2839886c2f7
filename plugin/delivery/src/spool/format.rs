//! The bytes of a segment file, version 1. Integers are little endian.
//!
//! ```text
//! file    = header block* [seal trailer]
//! header  = magic "SHIWAKE" 0x01 | length u32 | checksum u64 | body of that length
//!           body: stream (u8 length, text) | number u64 | lane (u8 length, text) | first_record u64 | sorting u64
//! block   = length u32 | checksum u64 | 0x01 | chunk u128 | sequence u64 | lanes u8 | records u32
//!           | tag (u16 length, text) | events (the rest of the length: events in MessagePack)
//! seal    = length u32 | checksum u64 | 0x02 | records u64 | (chunk u128 | sequence u64 | lanes u8) for each block
//! trailer = offset of the seal u64 | "SHWSEAL" 0x01
//! ```
//!
//! Checksums are XXH3-64 of what the length counts. Those of blocks and seal are seeded with the header's checksum and
//! the offset in the file, so that bytes of another file, or from another place, are never taken for an entry.
//!
//! Invariants:
//! - A file is only appended to, and cut back only to the end of a block. What is behind the last whole block of a file
//!   without a seal is an append that was never answered OK, and is cut off at recovery.
//! - A file with a seal is never cut: objects of it may be in the store, so what does not check out in it is damage.
//! - Each chunk has at most one block in a file. `lanes` is the number of files that the chunk has blocks in.
//! - `first_record` is the number of records that the stream took for this lane before; with the records of each file
//!   this numbers every record of a lane, without holes.

use super::known::Commit;
use super::segment::{Block, ChunkId, ChunkMark, SegmentId};
use crate::lane::Lane;
use bytes::{Buf, Bytes};
use std::sync::Arc;
use twox_hash::XxHash3_64;

pub(super) const MAGIC: &[u8; 8] = b"SHIWAKE\x01";
const SEAL_MAGIC: &[u8; 8] = b"SHWSEAL\x01";
const BLOCK: u8 = 1;
const SEAL: u8 = 2;
/// Length and checksum before a header's body, a block or a seal.
const FRAME_BYTES: usize = 12;
/// A block without tag and events.
const BLOCK_FIXED_BYTES: usize = 1 + 16 + 8 + 1 + 4 + 2;
const MARK_BYTES: usize = 16 + 8 + 1;
/// Bytes of the trailer.
pub(super) const TRAILER_BYTES: usize = 16;
/// No header is longer.
pub(super) const MAX_HEADER_BYTES: usize = 1_024;
/// Longest tag that is kept; what is longer is cut.
const MAX_TAG_BYTES: usize = u16::MAX as usize;

/// Why bytes are no segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Another kind of file, or another version.
    #[error("it does not begin as a segment of version 1")]
    Magic,
    /// The header is not what was written.
    #[error("its header does not check out")]
    Header,
    /// A lane that this version does not have. Types that nobody declares any more are no such.
    #[error("its lane '{0}' is not known to this version")]
    Lane(String),
    /// A block or seal is not what was written.
    #[error("the entry at offset {offset} does not check out")]
    Entry {
        /// Where it begins in the file.
        offset: usize,
    },
}

/// What a segment file begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: SegmentId,
    pub(super) first_record: u64,
    /// Tells versions and configurations of sorting apart.
    pub(super) sorting: u64,
}

impl Header {
    /// The header's bytes, and the seed of all that follows.
    pub(super) fn encode(&self) -> (Vec<u8>, u64) {
        let mut body = Vec::new();
        put_text(&mut body, &self.id.stream);
        body.extend(self.id.number.to_le_bytes());
        put_text(&mut body, self.id.lane.name());
        body.extend(self.first_record.to_le_bytes());
        body.extend(self.sorting.to_le_bytes());
        let seed = XxHash3_64::oneshot(&body);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        (Vec::from_iter(MAGIC.iter().copied().chain(length.to_le_bytes()).chain(seed.to_le_bytes()).chain(body)), seed)
    }

    /// Reads a header from the beginning of a file: it, its length, and the seed.
    pub(super) fn decode(file: &[u8]) -> Result<(Self, usize, u64), FormatError> {
        let rest = file.strip_prefix(MAGIC).ok_or(FormatError::Magic)?;
        let (body, seed) = frame(rest, 0, 0).ok_or(FormatError::Header)?;
        let length = MAGIC.len() + FRAME_BYTES + body.len();
        let mut body = body;
        let mut read = || -> Option<(String, u64, String, u64, u64)> {
            let stream = take_text(&mut body)?;
            let number = body.try_get_u64_le().ok()?;
            let lane = take_text(&mut body)?;
            Some((stream, number, lane, body.try_get_u64_le().ok()?, body.try_get_u64_le().ok()?))
        };
        let (stream, number, lane, first_record, sorting) = read().ok_or(FormatError::Header)?;
        let lane = Lane::from_name(&lane).ok_or(FormatError::Lane(lane))?;
        Ok((Self { id: SegmentId { stream: stream.into(), lane, number }, first_record, sorting }, length, seed))
    }
}

/// The bytes of a block before its events.
pub(super) fn encode_block(seed: u64, offset: u64, mark: &ChunkMark, block: &Block) -> Vec<u8> {
    let tag = block.tag.as_bytes();
    let tag = tag.get(..MAX_TAG_BYTES).unwrap_or(tag);
    let mut entry = vec![0; FRAME_BYTES];
    entry.push(BLOCK);
    put_mark(&mut entry, mark);
    entry.extend(u32::try_from(block.records).unwrap_or(u32::MAX).to_le_bytes());
    entry.extend(u16::try_from(tag.len()).unwrap_or(u16::MAX).to_le_bytes());
    entry.extend(tag);
    set_frame(&mut entry, &block.events, seed, offset);
    entry
}

/// The bytes of a seal with its trailer, to be written at `offset`.
pub(super) fn encode_seal(seed: u64, offset: u64, records: u64, marks: &[ChunkMark]) -> Vec<u8> {
    let mut entry = vec![0; FRAME_BYTES];
    entry.push(SEAL);
    entry.extend(records.to_le_bytes());
    marks.iter().for_each(|mark| put_mark(&mut entry, mark));
    set_frame(&mut entry, &[], seed, offset);
    entry.extend(offset.to_le_bytes());
    entry.extend(SEAL_MAGIC);
    entry
}

/// Bytes that a block takes in the file.
pub(super) fn block_bytes(block: &Block) -> u64 {
    (FRAME_BYTES + BLOCK_FIXED_BYTES + block.tag.len().min(MAX_TAG_BYTES)) as u64 + block.events.len() as u64
}

/// The offset of the seal, when the last bytes of a file are a trailer.
pub(super) fn seal_offset(trailer: &[u8]) -> Option<u64> {
    let (offset, magic) = trailer.split_first_chunk::<8>()?;
    (magic == SEAL_MAGIC).then(|| u64::from_le_bytes(*offset))
}

/// Reads a seal: the records, and the chunks.
pub(super) fn decode_seal(bytes: &[u8], seed: u64, offset: u64) -> Option<(u64, Vec<ChunkMark>)> {
    let (body, _) = frame(bytes, seed, offset)?;
    let mut body = body.strip_prefix(&[SEAL])?;
    let records = body.try_get_u64_le().ok()?;
    let mut marks = Vec::with_capacity(body.len() / MARK_BYTES);
    while !body.is_empty() {
        marks.push(take_mark(&mut body)?);
    }
    Some((records, marks))
}

/// A block in a file.
pub(super) struct BlockAt<'a> {
    pub(super) mark: ChunkMark,
    pub(super) records: u64,
    tag: &'a [u8],
    events: &'a [u8],
    /// Where it begins in the file.
    pub(super) start: usize,
    /// Where the next entry begins.
    pub(super) end: usize,
}

/// Reads the block at an offset; `None` when what is there does not check out.
pub(super) fn block_at(file: &[u8], seed: u64, offset: usize) -> Option<BlockAt<'_>> {
    let (body, _) = frame(file.get(offset..)?, seed, offset as u64)?;
    let end = offset + FRAME_BYTES + body.len();
    let mut body = body.strip_prefix(&[BLOCK])?;
    let mark = take_mark(&mut body)?;
    let records = u64::from(body.try_get_u32_le().ok()?);
    let tag_length = body.try_get_u16_le().ok()?;
    let (tag, events) = body.split_at_checked(usize::from(tag_length))?;
    Some(BlockAt { mark, records, tag, events, start: offset, end })
}

/// The blocks of a file without a seal.
pub(super) struct Scan<'a> {
    pub(super) blocks: Vec<BlockAt<'a>>,
    /// End of the last whole block.
    pub(super) end: usize,
    /// Whether bytes between blocks do not check out: a power cut may leave such a hole, behind which there is more.
    pub(super) has_holes: bool,
}

/// How often each byte of a file is summed up at most while blocks are looked for behind one that does not check out.
const SEARCH_FACTOR: usize = 16;

/// Bytes of an entry whose length field has this value.
pub(super) fn entry_bytes(length: u32) -> usize {
    (length as usize).saturating_add(FRAME_BYTES)
}

/// Finds the blocks of a file without a seal. Behind a block that does not check out the next one is looked for at every
/// place, as the length of that block may be what is wrong; the seed makes sure that nothing else is taken for one.
pub(super) fn scan(file: &[u8], seed: u64, start: usize) -> Scan<'_> {
    let mut found = Scan { blocks: Vec::new(), end: start, has_holes: false };
    let mut offset = start;
    let mut budget = file.len().saturating_mul(SEARCH_FACTOR);
    while let Some(rest) = file.get(offset..).filter(|rest| rest.len() > FRAME_BYTES) {
        let length = rest.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
        let is_credible = entry_bytes(length) <= rest.len() && rest.get(FRAME_BYTES) == Some(&BLOCK);
        if is_credible {
            let Some(left) = budget.checked_sub(entry_bytes(length)) else { break };
            budget = left;
            if let Some(block) = block_at(file, seed, offset) {
                found.has_holes |= offset > found.end;
                (offset, found.end) = (block.end, block.end);
                found.blocks.push(block);
                continue;
            }
        }
        offset += 1;
    }
    found
}

/// Reads a file of header and blocks; the blocks are slices of it. Only a file without a seal may have holes.
pub(super) fn read_blocks(file: &Bytes, may_have_holes: bool) -> Result<Vec<Block>, FormatError> {
    let (_, start, seed) = Header::decode(file)?;
    let Scan { blocks: found, end, has_holes } = scan(file, seed, start);
    if end < file.len() || (has_holes && !may_have_holes) {
        let starts = std::iter::once(start).chain(found.iter().map(|block| block.end));
        let offset = starts.zip(found.iter().map(|block| Some(block.start)).chain([None]));
        let offset = offset.into_iter().find(|(end, next)| Some(*end) != *next).map_or(end, |(end, _)| end);
        return Err(FormatError::Entry { offset });
    }
    Ok(slices(file, &found))
}

/// Blocks that were found in a file, as slices of it.
pub(super) fn slices(file: &Bytes, found: &[BlockAt<'_>]) -> Vec<Block> {
    let mut tag: Arc<str> = Arc::from("");
    let blocks = found.iter().map(|block| {
        let text = String::from_utf8_lossy(block.tag);
        if *text != *tag {
            tag = Arc::from(text);
        }
        Block { tag: Arc::clone(&tag), events: file.slice_ref(block.events), records: block.records, places: None }
    });
    blocks.collect()
}

fn checksum(parts: [&[u8]; 2], seed: u64, offset: u64) -> u64 {
    let mut hasher = XxHash3_64::with_seed(seed ^ offset);
    parts.iter().for_each(|part| std::hash::Hasher::write(&mut hasher, part));
    std::hash::Hasher::finish(&hasher)
}

/// Fills in length and checksum of an entry that is continued by `more`.
fn set_frame(entry: &mut [u8], more: &[u8], seed: u64, offset: u64) {
    let Some((frame, body)) = entry.split_first_chunk_mut::<FRAME_BYTES>() else { return };
    let length = u32::try_from(body.len() + more.len()).unwrap_or(u32::MAX);
    let (length_bytes, checksum_bytes) = frame.split_at_mut(4);
    length_bytes.copy_from_slice(&length.to_le_bytes());
    checksum_bytes.copy_from_slice(&checksum([body, more], seed, offset).to_le_bytes());
}

/// What is behind length and checksum, if it is whole; and the checksum.
fn frame(bytes: &[u8], seed: u64, offset: u64) -> Option<(&[u8], u64)> {
    let mut rest = bytes;
    let length = rest.try_get_u32_le().ok()?;
    let expected = rest.try_get_u64_le().ok()?;
    let body = rest.get(..usize::try_from(length).ok()?)?;
    (!body.is_empty() && checksum([body, &[]], seed, offset) == expected).then_some((body, expected))
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend(text.bytes().take(usize::from(u8::MAX)));
}

fn take_text(body: &mut &[u8]) -> Option<String> {
    let length = body.try_get_u8().ok()?;
    let (text, rest) = body.split_at_checked(usize::from(length))?;
    *body = rest;
    String::from_utf8(text.to_vec()).ok()
}

fn put_mark(out: &mut Vec<u8>, mark: &ChunkMark) {
    out.extend(mark.id.0.to_le_bytes());
    out.extend(mark.sequence.to_le_bytes());
    out.push(mark.lanes);
}

fn take_mark(body: &mut &[u8]) -> Option<ChunkMark> {
    let id = ChunkId(body.try_get_u128_le().ok()?);
    Some(ChunkMark { id, sequence: body.try_get_u64_le().ok()?, lanes: body.try_get_u8().ok()? })
}

/// The frame of a commit in the commit log.
pub(super) fn append_commit(commit: &Commit) -> Vec<u8> {
    let mut entry = vec![0; FRAME_BYTES];
    put_text(&mut entry, &commit.id.stream);
    entry.extend(commit.id.number.to_le_bytes());
    put_text(&mut entry, commit.id.lane.name());
    entry.extend(commit.sorting.to_le_bytes());
    commit.marks.iter().for_each(|mark| put_mark(&mut entry, mark));
    set_frame(&mut entry, &[], 0, 0);
    entry
}

/// Takes a commit from the front of the log's rest; `None` at its end, or at what does not check out. A commit of a lane
/// that this version does not have is passed over.
pub(super) fn read_commit(rest: &mut &[u8]) -> Option<Commit> {
    loop {
        let (mut body, _) = frame(rest, 0, 0)?;
        *rest = rest.get(FRAME_BYTES + body.len()..)?;
        let stream = take_text(&mut body)?.into();
        let number = body.try_get_u64_le().ok()?;
        let lane = take_text(&mut body)?;
        let sorting = body.try_get_u64_le().ok()?;
        let mut marks = Vec::with_capacity(body.len() / MARK_BYTES);
        while !body.is_empty() {
            marks.push(take_mark(&mut body)?);
        }
        if let Some(lane) = Lane::from_name(&lane) {
            return Some(Commit { id: SegmentId { stream, lane, number }, sorting, marks });
        }
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
