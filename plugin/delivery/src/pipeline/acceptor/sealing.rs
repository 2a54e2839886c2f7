//! When a lane's open segment is closed: by its size, by its age, for want of room, and at the end.

use super::Acceptor;
use crate::lane::Lane;
use crate::spool::Durability;

/// Segments that wait to be delivered, from which on no more are made than must be.
pub(super) const MANY_SEGMENTS: usize = 512;

impl Acceptor {
    /// Closes the largest segment in memory and the largest in files, unless room is being made there.
    pub(super) fn make_room(&mut self) {
        for is_in_memory in [true, false] {
            if !self.is_making_room(is_in_memory)
                && let Some((lane, _)) = self.largest(is_in_memory)
            {
                self.seal(lane);
            }
        }
    }

    /// Whether a segment is closed beside the one that is being delivered. To close more of them would make no room sooner, and many
    /// small files of them. A store that fails may hold those back and take others.
    fn is_making_room(&self, is_in_memory: bool) -> bool {
        let in_memory = self.spool.sealed_in_memory();
        let sealed = if is_in_memory { in_memory } else { self.spool.sealed_segments() - in_memory };
        sealed > 1 && !self.surroundings.is_store_failing()
    }

    fn largest(&self, is_in_memory: bool) -> Option<(Lane, u64)> {
        let lanes =
            self.lanes.iter().filter(|lane| (self.spool.durability(*lane) == Durability::Memory) == is_in_memory);
        let open = |lane: Lane| Some((lane, self.spool.open_segment(lane)?.bytes));
        lanes.filter_map(open).max_by_key(|(_, bytes)| *bytes)
    }

    pub(super) fn seal_by_size(&mut self) {
        for lane in self.lanes.clone().iter() {
            let config = &self.surroundings.config;
            let limit = if self.spool.sealed_segments() < MANY_SEGMENTS {
                config.segment_limit_bytes(lane)
            } else {
                config.largest_segment_bytes()
            };
            if self.spool.open_segment(lane).is_some_and(|open| open.bytes >= limit || open.must_be_sealed) {
                self.seal(lane);
            }
        }
        // Many lanes that are each below their limit can fill the spool together: the largest goes first, unless it is
        // so small that what takes the room is already on its way.
        for is_in_memory in [true, false] {
            let Some((lane, bytes)) = self.largest(is_in_memory) else { continue };
            let limit = self.surroundings.config.segment_limit_bytes(lane);
            if self.spool.is_tight(lane) && bytes >= limit / 4 && !self.is_making_room(is_in_memory) {
                self.seal(lane);
            }
        }
    }

    /// Closes what is old enough; but not while very many segments wait, each of which takes memory: then they grow instead.
    pub(super) fn seal_by_age(&mut self) {
        if self.spool.sealed_segments() >= MANY_SEGMENTS {
            return;
        }
        let now = self.surroundings.clock.monotonic();
        for lane in self.lanes.clone().iter() {
            let timeout = self.surroundings.config.upload_timeout(lane);
            if self.spool.open_segment(lane).is_some_and(|open| now.saturating_sub(open.opened_at) >= timeout) {
                self.seal(lane);
            }
        }
    }

    pub(super) fn seal_everything(&mut self) {
        for lane in self.lanes.clone().iter() {
            self.seal(lane);
        }
        // The deliverer ends when its queue is closed and empty.
        self.jobs = None;
    }

    fn seal(&mut self, lane: Lane) {
        let Some(jobs) = &self.jobs else { return };
        if let Some(segment) = self.spool.seal(lane) {
            jobs.hand_out(segment, &mut self.owed);
        }
    }
}
