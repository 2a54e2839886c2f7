//! Where a chunk's sorted records are collected, a lane each.

use crate::spool::{Block, MemoryShare};
use bytes::Bytes;
use std::sync::Arc;

/// Memory a lane's buffer keeps between chunks.
pub(super) const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// Blocks from this size on take the buffer with them, and its memory is used again when they are delivered: pages that are touched
/// for the first time cost as much as sorting the records that are put there.
const HANDED_OVER_BYTES: usize = 128 * 1024;

/// Records of one chunk for one lane; its memory is kept from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct LaneBuffer {
    events: Vec<u8>,
    /// Where each of them ends, while that is below 4 GiB.
    ends: Vec<u32>,
}

impl LaneBuffer {
    pub(super) fn push(&mut self, event: &[u8], memory: &MemoryShare) {
        let needed = self.events.len() + event.len();
        if needed > self.events.capacity() && needed >= HANDED_OVER_BYTES {
            self.take_spare(needed, memory);
        }
        self.events.extend_from_slice(event);
        self.ends.push(u32::try_from(self.events.len()).unwrap_or_default());
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
        self.ends.clear();
        self.ends.shrink_to(KEPT_BUFFER_BYTES / size_of::<u32>());
    }

    /// What was collected as a block, and an empty buffer.
    pub(super) fn take(&mut self, tag: &Arc<str>, memory: &MemoryShare) -> Option<Block> {
        let records = self.ends.len() as u64;
        if records == 0 {
            return None;
        }
        let ends = u32::try_from(self.events.len()).is_ok().then(|| Arc::from(self.ends.as_slice()));
        // What waits in the spool takes no more memory than its bytes: a small block is a copy, and a large one the buffer
        // itself, whose end goes back to the system without a copy.
        let events = if self.events.len() < HANDED_OVER_BYTES {
            Bytes::copy_from_slice(&self.events)
        } else {
            let mut events = std::mem::take(&mut self.events);
            events.shrink_to_fit();
            memory.lend(events)
        };
        let block = Block { tag: Arc::clone(tag), events, records, ends };
        self.clear();
        Some(block)
    }
}
