//! Where a chunk's sorted records are collected, a lane each.

use crate::spool::Block;
use bytes::Bytes;
use std::sync::Arc;

/// Memory a lane's buffer keeps between chunks.
pub(super) const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// Blocks from this size on take the buffer with them: then memory is a mapping of its own.
const HANDED_OVER_BYTES: usize = 128 * 1024;

/// Records of one chunk for one lane; its memory is kept from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct LaneBuffer {
    events: Vec<u8>,
    /// Where each of them ends, while that is below 4 GiB.
    ends: Vec<u32>,
}

impl LaneBuffer {
    pub(super) fn push(&mut self, event: &[u8]) {
        self.events.extend_from_slice(event);
        self.ends.push(u32::try_from(self.events.len()).unwrap_or_default());
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.events.shrink_to(KEPT_BUFFER_BYTES);
        self.ends.clear();
        self.ends.shrink_to(KEPT_BUFFER_BYTES / size_of::<u32>());
    }

    /// What was collected as a block, and an empty buffer.
    pub(super) fn take(&mut self, tag: &Arc<str>) -> Option<Block> {
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
            Bytes::from(events)
        };
        let block = Block { tag: Arc::clone(tag), events, records, ends };
        self.clear();
        Some(block)
    }
}
