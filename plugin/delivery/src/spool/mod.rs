//! Where accepted records wait until their object is in the store.
//!
//! Each lane has one open segment that grows, and sealed ones that are being delivered. A segment is the unit of
//! delivery: its objects' names follow from it, and it is let go of as a whole when all of them are stored.
//!
//! The order that every spool keeps: [`Spool::append`] takes the records of a chunk all or none and comes back when
//! they are as safe as the spool promises; only then is the host answered OK. [`Spool::seal`] closes a segment,
//! [`Spool::commit`] forgets it.

mod memory;

pub use memory::MemorySpool;

use crate::lane::{LANE_COUNT, Lane};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// Names a segment within its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SegmentId {
    /// The lane it belongs to.
    pub lane: Lane,
    /// Its number, counted up over all lanes of the stream.
    pub number: u64,
}

/// The events of one chunk that go to one lane.
#[derive(Debug, Clone)]
pub struct Block {
    /// The host's tag of the chunk.
    pub tag: Arc<str>,
    /// Sorted events, one behind the other.
    pub events: Bytes,
    /// How many they are.
    pub records: u64,
}

/// A closed segment, ready to be delivered.
#[derive(Debug, Clone)]
pub struct SealedSegment {
    /// Its name.
    pub id: SegmentId,
    /// Its blocks in the order in which they came.
    pub blocks: Vec<Block>,
    /// Records in all blocks.
    pub records: u64,
    /// Bytes that it holds in the spool.
    pub bytes: u64,
}

/// What is known of an open segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSegment {
    /// Bytes in it.
    pub bytes: u64,
    /// When its first record came, on the clock's monotonic time.
    pub opened_at: Duration,
}

/// Why records were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// There is no room; the host should keep the chunk and try again.
    #[error("spool is full: {held} of {limit} bytes are held and {wanted} more do not fit")]
    Full {
        /// Bytes held, open and sealed.
        held: u64,
        /// The limit in bytes.
        limit: u64,
        /// Bytes of the chunk.
        wanted: u64,
    },
}

/// The blocks of one chunk, an entry a lane.
pub type ChunkBlocks = [Option<Block>; LANE_COUNT];

/// Keeps records between the host's OK and the store's.
pub trait Spool: Send {
    /// Names this spool's objects apart from those of every other spool.
    fn stream(&self) -> &str;

    /// Takes the blocks of one chunk, all or none.
    ///
    /// # Errors
    /// When there is no room.
    fn append(&mut self, blocks: ChunkBlocks, now: Duration) -> Result<(), SpoolError>;

    /// The lane's open segment, if it holds anything.
    fn open_segment(&self, lane: Lane) -> Option<OpenSegment>;

    /// Closes the lane's open segment; `None` when there is nothing in it.
    fn seal(&mut self, lane: Lane) -> Option<SealedSegment>;

    /// Forgets a segment of which every object is stored.
    fn commit(&mut self, id: SegmentId);

    /// Bytes held, open and sealed.
    fn held_bytes(&self) -> u64;
}
