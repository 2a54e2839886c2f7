//! The memory that the host takes for the tag and the record of a call.
//!
//! Some versions of Fluent Bit give it back and some never do (<https://github.com/fluent/fluent-bit/issues/11072>), so
//! nothing depends on it: when a call is over all of it is free, from the next time on that some is taken; until then the host
//! reads the answer, which may be the record itself. What is in use never moves.

/// Bytes of the smallest block: room for the tag and for most records.
const BLOCK_BYTES: usize = 64 * 1024;
/// Most bytes that are given out at once; above that the host is told that there is no memory.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// A larger block is given back to the allocator when its call is over.
const KEPT_BYTES: usize = 1024 * 1024;
/// Bytes of a word, of which blocks are made and at which pieces begin.
const WORD_BYTES: usize = 8;

/// Memory that is given out piece by piece and is free all at once.
#[derive(Debug, Default)]
pub struct Arena {
    /// The last one is given out of; those before it are full.
    blocks: Vec<Vec<u64>>,
    /// Address of what is given out next, in the last block, and how many bytes are left there; none are when the call is over and
    /// there are blocks to be given back first.
    next: usize,
    left_bytes: usize,
    /// Bytes of all blocks.
    held_bytes: usize,
    is_over: bool,
}

impl Arena {
    /// An arena that holds nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { blocks: Vec::new(), next: 0, left_bytes: 0, held_bytes: 0, is_over: false }
    }

    /// The address of so many bytes; `None` when there is no memory, or too much of it is given out.
    #[inline]
    pub fn take(&mut self, bytes: usize) -> Option<usize> {
        let bytes = bytes.max(1).checked_next_multiple_of(WORD_BYTES)?;
        if bytes > self.left_bytes {
            self.find_room(bytes)?;
        }
        let address = self.next;
        self.next += bytes;
        self.left_bytes -= bytes;
        Some(address)
    }

    /// The call is over.
    #[inline]
    pub fn end_call(&mut self) {
        if self.blocks.len() == 1 && self.held_bytes <= KEPT_BYTES {
            self.begin_last_block();
        } else {
            (self.left_bytes, self.is_over) = (0, true);
        }
    }

    /// What is given out next is at the beginning of the last block.
    #[inline]
    fn begin_last_block(&mut self) {
        if let Some(block) = self.blocks.last() {
            (self.next, self.left_bytes) = (block.as_ptr().addr(), block_bytes(block));
        }
    }

    /// Makes room for so many bytes.
    #[inline(never)]
    fn find_room(&mut self, bytes: usize) -> Option<()> {
        if std::mem::take(&mut self.is_over) {
            self.clear();
        }
        if bytes <= self.left_bytes {
            return Some(());
        }
        self.add_block(bytes.max(BLOCK_BYTES))
    }

    fn add_block(&mut self, bytes: usize) -> Option<()> {
        let held_bytes = self.held_bytes.checked_add(bytes).filter(|held| *held <= MAX_BYTES)?;
        let mut block: Vec<u64> = Vec::new();
        block.try_reserve_exact(bytes / WORD_BYTES).ok()?;
        block.resize(bytes / WORD_BYTES, 0);
        self.blocks.try_reserve(1).ok()?;
        self.blocks.push(block);
        self.held_bytes = held_bytes;
        self.begin_last_block();
        Some(())
    }

    fn clear(&mut self) {
        // The last block is the one in which the largest piece found room.
        let last = self.blocks.pop().filter(|block| block_bytes(block) <= KEPT_BYTES);
        self.blocks.clear();
        self.blocks.extend(last);
        self.held_bytes = self.blocks.iter().map(|block| block_bytes(block)).sum();
        self.left_bytes = 0;
        self.begin_last_block();
    }
}

fn block_bytes(block: &[u64]) -> usize {
    block.len() * WORD_BYTES
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_call_lie_apart_and_the_next_call_takes_their_place() {
        let mut arena = Arena::default();
        let (tag, record) = (arena.take(5).unwrap(), arena.take(300).unwrap());
        assert!(record >= tag + 5 && tag.is_multiple_of(WORD_BYTES) && record.is_multiple_of(WORD_BYTES));
        arena.end_call();
        assert_eq!((arena.take(7).unwrap(), arena.held_bytes), (tag, BLOCK_BYTES));
    }

    #[test]
    fn a_host_that_never_frees_costs_no_memory() {
        let mut arena = Arena::default();
        for (call, bytes) in [10, 20_000, 300, 2_000_000].into_iter().cycle().take(10_000).enumerate() {
            assert!(arena.take(12).is_some() && arena.take(bytes).is_some());
            assert!(arena.held_bytes <= KEPT_BYTES + 2_000_008, "{} after {call} calls", arena.held_bytes);
            arena.end_call();
        }
    }

    #[test]
    fn too_much_is_refused_and_the_next_call_has_room_again() {
        let mut arena = Arena::default();
        assert_eq!(arena.take(usize::MAX), None);
        assert!(arena.take(MAX_BYTES / 2).is_some());
        assert_eq!(arena.take(MAX_BYTES / 2 + 8), None);
        arena.end_call();
        assert!(arena.take(MAX_BYTES).is_some());
    }

    #[test]
    fn what_was_given_out_before_stays_where_it_is() {
        let mut arena = Arena::default();
        let first = arena.take(16).unwrap();
        assert!(arena.take(BLOCK_BYTES).is_some());
        assert_eq!(arena.blocks.first().unwrap().as_ptr().addr(), first);
    }
}
