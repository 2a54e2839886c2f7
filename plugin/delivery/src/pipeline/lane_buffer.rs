//! Where a chunk's sorted records are collected, a lane each.

use crate::spool::{Block, LENT_BYTES, MemoryShare, RecordPlace};
use bytes::Bytes;
use std::sync::Arc;

/// Memory a lane's buffer keeps between chunks.
pub(super) const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// Records of one chunk for one lane; its memory is kept from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct LaneBuffer {
    /// Copies of them.
    events: Vec<u8>,
    /// Bytes of those that are noted.
    bytes: usize,
    /// Where each of them lies, while that is below 4 GiB.
    places: Vec<RecordPlace>,
}

impl LaneBuffer {
    /// Notes the next event, which is copied here before or stays in its chunk.
    pub(super) fn note(&mut self, event: &[u8]) {
        self.bytes += event.len();
        self.places.push(RecordPlace::of(event, u32::try_from(self.bytes).unwrap_or_default()));
    }

    /// Copies events.
    pub(super) fn extend(&mut self, events: &[u8], memory: &MemoryShare) {
        let needed = self.events.len() + events.len();
        if needed > self.events.capacity() && needed >= LENT_BYTES {
            self.take_spare(needed, memory);
        }
        self.events.extend_from_slice(events);
    }

    /// Goes over to memory that a block has left, if there is such.
    #[cold]
    fn take_spare(&mut self, needed: usize, memory: &MemoryShare) {
        if let Some(mut spare) = memory.take_spare(needed) {
            spare.extend_from_slice(&self.events);
            self.events = spare;
        }
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.events.shrink_to(KEPT_BUFFER_BYTES);
        self.bytes = 0;
        self.places.clear();
        self.places.shrink_to(KEPT_BUFFER_BYTES / size_of::<RecordPlace>());
    }

    /// What was copied here as a block, and an empty buffer.
    pub(super) fn take(&mut self, tag: &Arc<str>, memory: &MemoryShare) -> Option<Block> {
        let mut events = std::mem::take(&mut self.events);
        let block = self.take_from(&mut events, tag, memory);
        self.events = events;
        self.clear();
        block
    }

    /// What was noted, and is all that is in `events`, as a block, and an empty buffer.
    pub(super) fn take_from(&mut self, events: &mut Vec<u8>, tag: &Arc<str>, memory: &MemoryShare) -> Option<Block> {
        let records = self.places.len() as u64;
        if records == 0 {
            return None;
        }
        // What waits in the spool takes hardly more memory than its bytes: a small block is a copy, and a large one the buffer
        // itself, whose memory is used again when it is delivered: pages that are touched for the first time cost as much as
        // sorting the records that are put there.
        let events = if events.len() < LENT_BYTES {
            Bytes::copy_from_slice(events)
        } else {
            memory.lend(std::mem::take(events))
        };
        let places = u32::try_from(events.len()).is_ok().then(|| Arc::from(self.places.as_slice()));
        let block = Block { tag: Arc::clone(tag), events, records, places };
        self.clear();
        Some(block)
    }
}
