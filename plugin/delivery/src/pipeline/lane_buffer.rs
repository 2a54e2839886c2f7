//! Where a chunk's sorted records are collected, a lane each.

use crate::spool::Block;
use bytes::Bytes;
use std::sync::Arc;

/// Memory a lane's buffer keeps between chunks.
pub(super) const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// Records of one chunk for one lane; its memory is kept from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct LaneBuffer {
    events: Vec<u8>,
    records: u64,
}

impl LaneBuffer {
    pub(super) fn push(&mut self, event: &[u8]) {
        self.events.extend_from_slice(event);
        self.records += 1;
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.events.shrink_to(KEPT_BUFFER_BYTES);
        self.records = 0;
    }

    /// What was collected as a block, and an empty buffer.
    pub(super) fn take(&mut self, tag: &Arc<str>) -> Option<Block> {
        if self.records == 0 {
            return None;
        }
        // Copied, so that what waits in the spool takes no more memory than its bytes.
        let block = Block { tag: Arc::clone(tag), events: Bytes::copy_from_slice(&self.events), records: self.records };
        self.clear();
        Some(block)
    }
}
