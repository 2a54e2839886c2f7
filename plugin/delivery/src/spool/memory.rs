//! A spool in memory: nothing outlives the process, and its size has a hard limit: the one it is given, or one chunk.

use super::{Block, ChunkBlocks, OpenSegment, SealedSegment, SegmentId, Spool, SpoolError};
use crate::lane::{LANE_COUNT, Lane};
use std::collections::HashMap;
use std::time::Duration;

/// What a block costs beside its events: its place in the list and its allocation's header.
const BLOCK_OVERHEAD_BYTES: u64 = 128;

#[derive(Debug, Default)]
struct Growing {
    blocks: Vec<Block>,
    bytes: u64,
    records: u64,
    opened_at: Duration,
}

/// Keeps segments in memory.
#[derive(Debug)]
pub struct MemorySpool {
    stream: String,
    limit_bytes: u64,
    held_bytes: u64,
    next_number: u64,
    open: [Growing; LANE_COUNT],
    sealed_bytes: HashMap<SegmentId, u64>,
}

impl MemorySpool {
    /// An empty spool. `stream` must differ from that of every other spool that writes to the same lake.
    #[must_use]
    pub fn new(stream: String, limit_bytes: u64) -> Self {
        let open = std::array::from_fn(|_| Growing::default());
        Self { stream, limit_bytes, held_bytes: 0, next_number: 0, open, sealed_bytes: HashMap::new() }
    }
}

fn cost(block: &Block) -> u64 {
    block.events.len() as u64 + BLOCK_OVERHEAD_BYTES
}

impl Spool for MemorySpool {
    fn stream(&self) -> &str {
        &self.stream
    }

    fn append(&mut self, blocks: ChunkBlocks, now: Duration) -> Result<(), SpoolError> {
        let wanted = blocks.iter().flatten().map(cost).sum();
        let (held, limit) = (self.held_bytes, self.limit_bytes);
        // A chunk above the limit would never fit; it is taken when nothing else is held.
        if held > 0 && held + wanted > limit {
            return Err(SpoolError::Full { held, limit, wanted });
        }
        self.held_bytes += wanted;
        for (growing, block) in self.open.iter_mut().zip(blocks) {
            let Some(block) = block else { continue };
            if growing.blocks.is_empty() {
                growing.opened_at = now;
            }
            growing.bytes += cost(&block);
            growing.records += block.records;
            growing.blocks.push(block);
        }
        Ok(())
    }

    fn open_segment(&self, lane: Lane) -> Option<OpenSegment> {
        let growing = self.open.get(lane.index()).filter(|growing| !growing.blocks.is_empty())?;
        Some(OpenSegment { bytes: growing.bytes, opened_at: growing.opened_at })
    }

    fn seal(&mut self, lane: Lane) -> Option<SealedSegment> {
        let growing = self.open.get_mut(lane.index()).filter(|growing| !growing.blocks.is_empty())?;
        let Growing { blocks, bytes, records, .. } = std::mem::take(growing);
        let id = SegmentId { lane, number: self.next_number };
        self.next_number += 1;
        self.sealed_bytes.insert(id, bytes);
        Some(SealedSegment { id, blocks, records, bytes })
    }

    fn commit(&mut self, id: SegmentId) {
        self.held_bytes -= self.sealed_bytes.remove(&id).unwrap_or(0);
    }

    fn held_bytes(&self) -> u64 {
        self.held_bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use bytes::Bytes;
    use shiwake_records::log_type::LogType;

    const ACCESS: Lane = Lane::Typed(LogType::Access);
    const AUDIT: Lane = Lane::Typed(LogType::Audit);

    fn chunk(parts: &[(Lane, usize)]) -> ChunkBlocks {
        let mut blocks = ChunkBlocks::default();
        for (lane, bytes) in parts {
            let events = Bytes::from(vec![0; *bytes]);
            blocks[lane.index()] = Some(Block { tag: "t".into(), events, records: 1 });
        }
        blocks
    }

    #[test]
    fn a_chunk_is_taken_whole_or_not_at_all() {
        let mut spool = MemorySpool::new("s".into(), 1_000);
        spool.append(chunk(&[(ACCESS, 100), (AUDIT, 100)]), Duration::ZERO).unwrap();
        let held = spool.held_bytes();
        let full = spool.append(chunk(&[(ACCESS, 10), (AUDIT, 700)]), Duration::ZERO).unwrap_err();
        assert!(matches!(full, SpoolError::Full { limit: 1_000, .. }));
        assert_eq!(spool.held_bytes(), held);
        assert_eq!(spool.seal(ACCESS).unwrap().records, 1);
        assert!(spool.append(chunk(&[(ACCESS, 5_000)]), Duration::ZERO).is_err());
    }

    #[test]
    fn a_chunk_above_the_limit_is_taken_when_nothing_else_is_held() {
        let mut spool = MemorySpool::new("s".into(), 1_000);
        spool.append(chunk(&[(ACCESS, 5_000)]), Duration::ZERO).unwrap();
        assert!(spool.append(chunk(&[(ACCESS, 1)]), Duration::ZERO).is_err());
    }

    #[test]
    fn room_comes_back_with_the_commit_and_numbers_are_never_used_again() {
        let mut spool = MemorySpool::new("s".into(), 1_000);
        spool.append(chunk(&[(ACCESS, 100)]), Duration::from_secs(3)).unwrap();
        assert_eq!(spool.open_segment(ACCESS).unwrap().opened_at, Duration::from_secs(3));
        let first = spool.seal(ACCESS).unwrap();
        assert!(spool.open_segment(ACCESS).is_none());
        assert!(spool.seal(ACCESS).is_none());
        assert_eq!(spool.held_bytes(), first.bytes);
        spool.commit(first.id);
        spool.commit(first.id);
        assert_eq!(spool.held_bytes(), 0);
        spool.append(chunk(&[(ACCESS, 1)]), Duration::ZERO).unwrap();
        assert_ne!(spool.seal(ACCESS).unwrap().id, first.id);
    }
}
