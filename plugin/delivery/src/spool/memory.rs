//! The memory that all instances of a process share.
//!
//! `memory_limit` is what Shiwake may take of the process. Accepted records that wait in memory count against all but what
//! writing needs, and only one instance writes files at a time. An instance whose spool is empty is always let in with
//! one chunk, so that none starves.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// What of the limit is for writing one file: a segment's place list, a row group, its columns and the compressed file.
const WRITING_BYTES: u64 = 20_000_000;

/// The memory of a process.
#[derive(Debug)]
pub struct MemoryBudget {
    held_bytes: AtomicU64,
    limits: Mutex<Vec<Weak<u64>>>,
    writing: Semaphore,
    /// Bytes of segments that were brought in to be delivered.
    loaded_bytes: Mutex<u64>,
    less_is_loaded: Notify,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self {
            held_bytes: AtomicU64::new(0),
            limits: Mutex::default(),
            writing: Semaphore::new(1),
            loaded_bytes: Mutex::default(),
            less_is_loaded: Notify::new(),
        }
    }
}

/// An instance's part in it.
#[derive(Debug, Clone)]
pub struct MemoryShare {
    budget: Arc<MemoryBudget>,
    own_limit: Arc<u64>,
}

impl MemoryShare {
    /// Joins with the limit that the instance was given in bytes; the largest of all instances is that of the process.
    #[must_use]
    pub fn join(budget: &Arc<MemoryBudget>, limit_bytes: u64) -> Self {
        let own_limit = Arc::new(limit_bytes);
        let mut limits = budget.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limits.retain(|limit| limit.strong_count() > 0);
        limits.push(Arc::downgrade(&own_limit));
        drop(limits);
        Self { budget: Arc::clone(budget), own_limit }
    }

    /// Bytes that records may take which wait in memory, of all instances together.
    #[must_use]
    pub fn spool_limit_bytes(&self) -> u64 {
        let limits = self.budget.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = limits.iter().filter_map(Weak::upgrade).map(|limit| *limit).max().unwrap_or(*self.own_limit);
        spool_limit_bytes(limit)
    }

    /// Bytes that wait in memory, of all instances together.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.budget.held_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn hold(&self, bytes: u64) {
        self.budget.held_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn release(&self, bytes: u64) {
        self.budget.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Waits until no other instance writes files.
    pub async fn begin_writing(&self) -> WritingPermit<'_> {
        // The semaphore is never closed.
        WritingPermit { _permit: self.budget.writing.acquire().await.ok() }
    }

    /// Waits until there is room to bring in a segment of so many bytes, which are counted for as long as the value lives. One
    /// is always let in.
    pub async fn begin_loading(&self, bytes: u64) -> CountedBytes {
        loop {
            // Made before looking, so that what is let go of in between is not missed.
            let less_is_loaded = self.budget.less_is_loaded.notified();
            if self.try_load(bytes) {
                self.hold(bytes);
                return CountedBytes { share: self.clone(), bytes };
            }
            less_is_loaded.await;
        }
    }

    fn try_load(&self, bytes: u64) -> bool {
        let limit = self.spool_limit_bytes();
        let mut loaded = self.budget.loaded_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = *loaded == 0 || *loaded + bytes <= limit;
        if has_room {
            *loaded += bytes;
        }
        has_room
    }
}

/// While it lives no other instance writes files.
#[derive(Debug)]
pub struct WritingPermit<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

/// Bytes that are counted.
#[derive(Debug)]
pub struct CountedBytes {
    share: MemoryShare,
    bytes: u64,
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.share.release(self.bytes);
        *self.share.budget.loaded_bytes.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.share.budget.less_is_loaded.notify_waiters();
    }
}

/// What of a memory limit records may take that wait.
#[must_use]
pub(crate) fn spool_limit_bytes(memory_limit_bytes: u64) -> u64 {
    memory_limit_bytes.saturating_sub(WRITING_BYTES).max(memory_limit_bytes / 3)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_largest_limit_of_the_instances_that_are_there_counts() {
        let budget = Arc::new(MemoryBudget::default());
        let small = MemoryShare::join(&budget, 48_000_000);
        assert_eq!(small.spool_limit_bytes(), 28_000_000);
        let large = MemoryShare::join(&budget, 100_000_000);
        assert_eq!(small.spool_limit_bytes(), 80_000_000);
        drop(large);
        assert_eq!(small.spool_limit_bytes(), 28_000_000);
    }

    #[test]
    fn segments_are_brought_in_as_far_as_there_is_room_and_one_always() {
        let budget = Arc::new(MemoryBudget::default());
        let share = MemoryShare::join(&budget, 48_000_000);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let large = share.begin_loading(100_000_000).await;
            let mut second = std::pin::pin!(share.begin_loading(1));
            let poll = std::future::poll_fn(|context| std::task::Poll::Ready(second.as_mut().poll(context).is_ready()));
            assert!(!poll.await);
            drop(large);
            let _second = second.await;
            let _third = share.begin_loading(27_000_000).await;
            assert_eq!(share.held_bytes(), 27_000_001);
        });
        assert_eq!(share.held_bytes(), 0);
    }

    #[test]
    fn what_is_held_is_the_sum_of_all() {
        let budget = Arc::new(MemoryBudget::default());
        let (one, two) = (MemoryShare::join(&budget, 1), MemoryShare::join(&budget, 1));
        one.hold(5);
        two.hold(7);
        one.release(5);
        assert_eq!(one.held_bytes(), 7);
    }
}
