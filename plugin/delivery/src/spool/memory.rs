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
//!
//! What records leave is kept for the next ones while there is room beside all that.

use super::spare_buffers::SpareBuffers;
use crate::columns::ColumnMemory;
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;

/// What of the limit is for writing one file: a segment's place list, a row group, its columns and the compressed file.
const WRITING_BYTES: u64 = 20_000_000;

/// The memory of a process.
#[derive(Debug)]
pub struct MemoryBudget {
    counts: Mutex<Counts>,
    /// Told when one of them has become less.
    released: Notify,
    claims: Mutex<Vec<Weak<Claim>>>,
    /// Of whoever writes files, one at a time.
    writing: tokio::sync::Mutex<ColumnMemory>,
    spares: Mutex<SpareBuffers>,
}

/// What is in memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    /// Of records that wait in memory.
    waiting: u64,
    /// Of segments that were brought into memory from files.
    loaded: u64,
    /// Of objects that are being stored.
    objects: u64,
}

impl Counts {
    fn sum(self) -> u64 {
        self.waiting + self.loaded + self.objects
    }
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
            counts: Mutex::default(),
            released: Notify::new(),
            claims: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            spares: Mutex::default(),
        }
    }
}

impl MemoryBudget {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spares(&self) -> MutexGuard<'_, SpareBuffers> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, bytes: u64, of: fn(&mut Counts) -> &mut u64) {
        *of(&mut self.counts()) -= bytes;
        self.released.notify_waiters();
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
        let Counts { waiting, loaded, objects } = *self.budget.counts();
        waiting + (loaded + objects).max(self.largest(|claim| claim.delivery))
    }

    pub(super) fn hold(&self, bytes: u64) {
        self.budget.counts().waiting += bytes;
        self.make_room();
    }

    /// Gives spare memory back that is beyond the limit.
    fn make_room(&self) {
        if self.budget.spares().bytes() > 0 {
            let room = self.spool_limit_bytes().saturating_sub(self.budget.counts().sum());
            self.budget.spares().shrink_to(usize::try_from(room).unwrap_or(usize::MAX));
        }
    }

    /// Gives memory back that is kept for records to come.
    pub fn drop_spares(&self) {
        self.budget.spares().shrink_to(0);
    }

    /// Whether memory is kept for files to come.
    #[must_use]
    pub fn has_column_memory(&self) -> bool {
        self.budget.writing.try_lock().is_ok_and(|memory| !memory.is_empty())
    }

    /// Gives it back, unless it is in use.
    pub fn drop_column_memory(&self) {
        if let Ok(mut memory) = self.budget.writing.try_lock() {
            *memory = ColumnMemory::default();
        }
    }

    /// An empty buffer with room for so many bytes, if there is one.
    #[must_use]
    pub fn take_spare(&self, needed: usize) -> Option<Vec<u8>> {
        self.budget.spares().take(needed)
    }

    /// An empty buffer with room for so many bytes: one that there is, or a new one.
    #[must_use]
    pub fn buffer(&self, needed: usize) -> Vec<u8> {
        self.take_spare(needed).unwrap_or_else(|| Vec::with_capacity(room_of(needed)))
    }

    /// Keeps a buffer's memory for others.
    pub fn give_spare(&self, buffer: Vec<u8>) {
        self.budget.spares().give(buffer);
    }

    /// Bytes whose memory is kept for others when the last who has them lets go.
    #[must_use]
    pub fn lend(&self, mut bytes: Vec<u8>) -> Bytes {
        bytes.shrink_to(room_of(bytes.len()));
        Bytes::from_owner(Lent { bytes, budget: Arc::clone(&self.budget) })
    }

    pub(super) fn release(&self, bytes: u64) {
        self.budget.release(bytes, |counts| &mut counts.waiting);
    }

    /// Waits until there is room for a segment of so many bytes that is brought into memory from a file, 0 if it is there
    /// already; they are counted for as long as the value lives. One is always let in.
    pub async fn begin_loading(&self, bytes: u64) -> CountedBytes {
        loop {
            // Made before the look, so that what is released behind it is not missed.
            let released = self.budget.released.notified();
            if self.try_load(bytes) {
                return CountedBytes { budget: Arc::clone(&self.budget), bytes, of: |counts| &mut counts.loaded };
            }
            released.await;
        }
    }

    /// Waits until no other instance writes files and there is room for an object of so many bytes; one is always let in.
    pub async fn begin_writing(&self, bytes: u64) -> WritingPermit<'_> {
        loop {
            let released = self.budget.released.notified();
            let permit = WritingPermit { memory: self.budget.writing.lock().await };
            // It is counted when it is made and its size is known; until then nobody else writes.
            let counts = *self.budget.counts();
            if counts.objects == 0 || counts.sum() + bytes <= self.spool_limit_bytes() {
                return permit;
            }
            drop(permit);
            released.await;
        }
    }

    /// Counts an object that is being stored for as long as the value lives.
    #[must_use]
    pub fn count_object(&self, bytes: u64) -> CountedBytes {
        self.budget.counts().objects += bytes;
        self.make_room();
        CountedBytes { budget: Arc::clone(&self.budget), bytes, of: |counts| &mut counts.objects }
    }

    fn try_load(&self, bytes: u64) -> bool {
        let limit = self.spool_limit_bytes();
        let mut counts = self.budget.counts();
        let is_first = counts.loaded + counts.objects == 0;
        let is_let_in = bytes == 0 || is_first || counts.sum() + bytes <= limit;
        if is_let_in {
            counts.loaded += bytes;
            drop(counts);
            self.make_room();
        }
        is_let_in
    }
}

/// Bytes that go back.
struct Lent {
    bytes: Vec<u8>,
    budget: Arc<MemoryBudget>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.budget.spares().give(std::mem::take(&mut self.bytes));
    }
}

/// While it lives no other instance writes files.
#[derive(Debug)]
pub struct WritingPermit<'a> {
    memory: tokio::sync::MutexGuard<'a, ColumnMemory>,
}

impl WritingPermit<'_> {
    /// The memory that the last file was made in.
    pub fn memory(&mut self) -> &mut ColumnMemory {
        &mut self.memory
    }
}

/// Bytes that are counted.
#[derive(Debug)]
pub struct CountedBytes {
    budget: Arc<MemoryBudget>,
    bytes: u64,
    of: fn(&mut Counts) -> &mut u64,
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.budget.release(self.bytes, self.of);
    }
}

/// Bytes from which on a buffer is lent and used again; what is smaller is copied.
pub(crate) const LENT_BYTES: usize = 128 * 1024;

/// The room that a buffer of so many bytes has: a sixteenth more at most, so that what comes next finds room in it.
pub(crate) fn room_of(bytes: usize) -> usize {
    if bytes < LENT_BYTES { bytes } else { bytes.next_multiple_of((bytes / 32).next_power_of_two()) }
}

/// What of a memory limit records may take that wait.
#[must_use]
pub(crate) fn spool_limit_bytes(memory_limit_bytes: u64) -> u64 {
    memory_limit_bytes.saturating_sub(WRITING_BYTES).max(memory_limit_bytes / 3)
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
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
    fn memory_of_records_is_used_again_while_there_is_room_for_it() {
        let budget = Arc::new(MemoryBudget::default());
        let share = MemoryShare::join(&budget, 48_000_000, 0);
        let lend = || share.lend(vec![7; 2_000_000]);
        let (lent, other) = (lend(), lend().slice(5..10));
        assert_eq!((lent.len(), other.as_ref()), (2_000_000, &[7; 5][..]));
        assert!(share.take_spare(1).is_none());
        drop(lent);
        assert_eq!(share.take_spare(1_000_000).map(|spare| (spare.len(), spare.capacity())), Some((0, 2_000_000)));
        drop(other);
        share.hold(26_000_000);
        assert_eq!(budget.spares().bytes(), 2_000_000);
        let object = share.count_object(1);
        assert_eq!(budget.spares().bytes(), 0);
        drop((object, lend()));
        assert!(share.take_spare(2_000_001).is_none());
        share.drop_spares();
        assert_eq!(budget.spares().bytes(), 0);
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
        let object = in_files.count_object(10_000_000);
        assert_eq!(in_memory.held_bytes(), 14_001_000);
        drop((object, in_files));
        assert_eq!(in_memory.held_bytes(), 1_000);
    }

    #[test]
    fn segments_are_brought_in_as_far_as_there_is_room_and_one_always() {
        let budget = Arc::new(MemoryBudget::default());
        let share = MemoryShare::join(&budget, 48_000_000, 0);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let large = share.begin_loading(100_000_000).await;
            let mut second = pin!(share.begin_loading(1));
            assert!(!is_ready(second.as_mut()));
            assert!(is_ready(pin!(share.begin_loading(0))), "what was in memory all the time waits");
            drop(large);
            let _second = second.await;
            let _third = share.begin_loading(27_000_000).await;
            assert_eq!(share.held_bytes(), 27_000_001);
        });
        assert_eq!(share.held_bytes(), 0);
    }

    #[test]
    fn a_second_object_is_made_when_there_is_room_for_it() {
        let budget = Arc::new(MemoryBudget::default());
        let [one, two] = [(); 2].map(|()| MemoryShare::join(&budget, 48_000_000, 0));
        let may_write = |share: &MemoryShare| is_ready(pin!(share.begin_writing(9_000_000)));
        one.hold(27_000_000);
        assert!(may_write(&two), "the first waits");
        let object = one.count_object(8_000_000);
        let mut second = pin!(two.begin_writing(9_000_000));
        assert!(!is_ready(second.as_mut()), "there are two and no room");
        drop(object);
        assert!(is_ready(second.as_mut()), "it waits on though there is room");
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
