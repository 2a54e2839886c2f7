//! The memory that all instances of a process share.
//!
//! `memory_limit` is what Shiwake may take of the process. Accepted records that wait in memory count against all but what
//! writing needs, and only one instance writes files at a time. An instance whose spool is empty is always let in with
//! one chunk, so that none starves.
//!
//! A segment that is in a file is brought into memory to be delivered. Where an instance has such, room for one and its
//! object is kept free of records that wait in memory. The first segment that is loaded and the first object that is made are always
//! let in; others beside them, of other instances, as far as there is room. An object is there for as long as its store
//! takes, so a slow store holds up the other instances when memory is short, and only then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

/// What of the limit is for writing one file: a segment's place list, a row group, its columns and the compressed file.
const WRITING_BYTES: u64 = 20_000_000;

/// The memory of a process.
#[derive(Debug)]
pub struct MemoryBudget {
    /// Of records that wait in memory.
    waiting_bytes: AtomicU64,
    /// Of segments that were brought into memory from files.
    loaded_bytes: AtomicU64,
    /// Of objects that are being stored.
    object_bytes: AtomicU64,
    /// Told when there is less of one of these.
    released: Notify,
    claims: Mutex<Vec<Weak<Claim>>>,
    writing: Semaphore,
}

/// What an instance asks for at its start, in bytes.
#[derive(Debug, Clone, Copy)]
struct Claim {
    limit: u64,
    /// The largest segment that it brings into memory from a file, and the object that is made of it.
    delivery: u64,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self {
            waiting_bytes: AtomicU64::new(0),
            loaded_bytes: AtomicU64::new(0),
            object_bytes: AtomicU64::new(0),
            released: Notify::new(),
            claims: Mutex::default(),
            writing: Semaphore::new(1),
        }
    }
}

/// An instance's part in it.
#[derive(Debug, Clone)]
pub struct MemoryShare {
    budget: Arc<MemoryBudget>,
    own: Arc<Claim>,
}

impl MemoryShare {
    /// Joins with the limit that the instance was given in bytes, and the bytes of the largest segment that it brings into
    /// memory from a file with its object, 0 if it has none in files. Of both the largest of all instances is that of the
    /// process.
    #[must_use]
    pub fn join(budget: &Arc<MemoryBudget>, limit_bytes: u64, delivery_bytes: u64) -> Self {
        let own = Arc::new(Claim { limit: limit_bytes, delivery: delivery_bytes });
        let mut claims = budget.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|claim| claim.strong_count() > 0);
        claims.push(Arc::downgrade(&own));
        drop(claims);
        Self { budget: Arc::clone(budget), own }
    }

    /// The largest of what the instances claim.
    fn largest(&self, of: impl Fn(&Claim) -> u64) -> u64 {
        let claims = self.budget.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.iter().filter_map(Weak::upgrade).map(|claim| of(&claim)).max().unwrap_or(of(&self.own))
    }

    /// Bytes that records may take which wait in memory, of all instances together.
    #[must_use]
    pub fn spool_limit_bytes(&self) -> u64 {
        spool_limit_bytes(self.largest(|claim| claim.limit))
    }

    /// Bytes of that limit that are taken: by what waits in memory and what is delivered, of all instances together, and
    /// by the room that is kept for a segment from a file and its object.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        let Counts { waiting, loaded, objects } = self.counts();
        waiting + (loaded + objects).max(self.largest(|claim| claim.delivery))
    }

    fn counts(&self) -> Counts {
        let MemoryBudget { waiting_bytes, loaded_bytes, object_bytes, .. } = self.budget.as_ref();
        let [waiting, loaded, objects] =
            [waiting_bytes, loaded_bytes, object_bytes].map(|bytes| bytes.load(Ordering::Relaxed));
        Counts { waiting, loaded, objects }
    }

    pub(super) fn hold(&self, bytes: u64) {
        self.budget.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn release(&self, bytes: u64) {
        self.budget.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.budget.released.notify_waiters();
    }

    /// Waits until no other instance writes files and there is room for a segment of so many bytes that is brought into
    /// memory from a file; 0 if it is there already.
    pub async fn begin_loading(&self, bytes: u64) -> WritingPermit<'_> {
        self.begin(bytes, |Counts { loaded, objects, .. }| bytes == 0 || loaded + objects == 0).await
    }

    /// Waits until no other instance writes files and there is room for an object of so many bytes.
    pub async fn begin_writing(&self, bytes: u64) -> WritingPermit<'_> {
        self.begin(bytes, |Counts { objects, .. }| objects == 0).await
    }

    async fn begin(&self, bytes: u64, is_let_in: impl Fn(Counts) -> bool) -> WritingPermit<'_> {
        loop {
            // Made before the look, so that what is released behind it is not missed.
            let released = self.budget.released.notified();
            // The semaphore is never closed.
            let permit = WritingPermit { _permit: self.budget.writing.acquire().await.ok() };
            let counts = self.counts();
            let Counts { waiting, loaded, objects } = counts;
            if is_let_in(counts) || waiting + loaded + objects + bytes <= self.spool_limit_bytes() {
                return permit;
            }
            drop(permit);
            released.await;
        }
    }

    /// Counts a segment that is brought into memory from a file for as long as the value lives.
    #[must_use]
    pub fn count_loaded(&self, bytes: u64) -> CountedBytes {
        self.count(bytes, |budget| &budget.loaded_bytes)
    }

    /// Counts an object that is being stored for as long as the value lives.
    #[must_use]
    pub fn count_object(&self, bytes: u64) -> CountedBytes {
        self.count(bytes, |budget| &budget.object_bytes)
    }

    fn count(&self, bytes: u64, of: fn(&MemoryBudget) -> &AtomicU64) -> CountedBytes {
        of(&self.budget).fetch_add(bytes, Ordering::Relaxed);
        CountedBytes { budget: Arc::clone(&self.budget), bytes, of }
    }
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    waiting: u64,
    loaded: u64,
    objects: u64,
}

/// While it lives no other instance writes files.
#[derive(Debug)]
pub struct WritingPermit<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

/// Bytes that are counted.
#[derive(Debug)]
pub struct CountedBytes {
    budget: Arc<MemoryBudget>,
    bytes: u64,
    of: fn(&MemoryBudget) -> &AtomicU64,
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        (self.of)(&self.budget).fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget.released.notify_waiters();
    }
}

/// What of a memory limit records may take that wait.
#[must_use]
pub(crate) fn spool_limit_bytes(memory_limit_bytes: u64) -> u64 {
    memory_limit_bytes.saturating_sub(WRITING_BYTES).max(memory_limit_bytes / 3)
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn is_ready<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
    }

    #[test]
    fn the_largest_limit_of_the_instances_that_are_there_counts() {
        let budget = Arc::new(MemoryBudget::default());
        let small = MemoryShare::join(&budget, 48_000_000, 0);
        assert_eq!(small.spool_limit_bytes(), 28_000_000);
        let large = MemoryShare::join(&budget, 100_000_000, 0);
        assert_eq!(small.spool_limit_bytes(), 80_000_000);
        drop(large);
        assert_eq!(small.spool_limit_bytes(), 28_000_000);
    }

    #[test]
    fn what_is_held_is_the_sum_of_all() {
        let budget = Arc::new(MemoryBudget::default());
        let (one, two) = (MemoryShare::join(&budget, 1, 0), MemoryShare::join(&budget, 1, 0));
        one.hold(5);
        two.hold(7);
        one.release(5);
        assert_eq!(one.held_bytes(), 7);
    }

    #[test]
    fn room_for_a_segment_from_a_file_is_kept_as_long_as_an_instance_may_have_one() {
        let budget = Arc::new(MemoryBudget::default());
        let in_memory = MemoryShare::join(&budget, 48_000_000, 0);
        in_memory.hold(1_000);
        assert_eq!(in_memory.held_bytes(), 1_000);
        let in_files = MemoryShare::join(&budget, 48_000_000, 14_000_000);
        assert_eq!(in_memory.held_bytes(), 14_001_000);
        let counted = in_files.count_loaded(14_000_000);
        assert_eq!(in_memory.held_bytes(), 14_001_000);
        drop((counted, in_files));
        assert_eq!(in_memory.held_bytes(), 1_000);
    }

    #[test]
    fn what_is_delivered_beside_the_first_waits_for_room() {
        let budget = Arc::new(MemoryBudget::default());
        let [one, two] = [(); 2].map(|()| MemoryShare::join(&budget, 48_000_000, 9_000_000));
        let may_load = |share: &MemoryShare, bytes| is_ready(pin!(share.begin_loading(bytes)));
        let may_write = |share: &MemoryShare| is_ready(pin!(share.begin_writing(9_000_000)));
        one.hold(25_000_000);
        assert!(may_load(&one, 9_000_000), "the first waits");
        let loaded = one.count_loaded(9_000_000);
        assert!(!may_load(&two, 9_000_000), "the second does not wait");
        assert!(may_load(&two, 0), "what was in memory all the time waits");
        assert!(may_write(&two), "the first object waits");
        let object = one.count_object(8_000_000);
        assert!(!may_write(&two), "there are two objects and no room");

        let mut waiting = pin!(two.begin_writing(9_000_000));
        assert!(!is_ready(waiting.as_mut()));
        drop(object);
        assert!(is_ready(waiting.as_mut()), "it waits on though there is room");

        let _object = one.count_object(8_000_000);
        drop(loaded);
        one.release(25_000_000);
        assert!(may_load(&two, 9_000_000) && may_write(&two), "there is room for both");
    }

    #[test]
    fn only_one_instance_writes_at_a_time() {
        let budget = Arc::new(MemoryBudget::default());
        let share = MemoryShare::join(&budget, 48_000_000, 0);
        let Poll::Ready(permit) = pin!(share.begin_writing(0)).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nobody writes");
        };
        assert!(!is_ready(pin!(share.begin_writing(0))));
        drop(permit);
        assert!(is_ready(pin!(share.begin_writing(0))));
    }
}
