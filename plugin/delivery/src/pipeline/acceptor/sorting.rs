//! Sorts chunks into the lanes' buffers.

use super::{Acceptor, Dropped};
use crate::lane::Lane;
use crate::log::Level;
use crate::pipeline::lane_buffer::{KEPT_BUFFER_BYTES, LaneBuffer};
use crate::spool::ChunkBlocks;
use shiwake_records::event::Timestamp;
use shiwake_records::log_type::LogType;
use shiwake_records::sorter::SortedItem;
use std::sync::Arc;

/// What became of a chunk's records.
struct SortedIntoLanes {
    /// Runs of bytes that were no event.
    bad_runs: u64,
    dropped: Dropped,
    /// Where all of its records are when they were not copied.
    unchanged: Option<Unchanged>,
}

/// The first so many bytes of a chunk are records of one lane as that lane has them.
#[derive(Clone, Copy)]
struct Unchanged {
    lane: usize,
    length: usize,
}

impl Acceptor {
    /// Sorts a chunk's records into blocks, one a lane, and counts those that rules throw away.
    pub(super) fn sort(&mut self, mut bytes: Vec<u8>, tag: &Arc<str>) -> (ChunkBlocks, Dropped) {
        self.sorter.set_tag(tag.as_bytes());
        let SortedIntoLanes { bad_runs: bad, dropped, unchanged } = self.sort_into_buffers(&bytes);
        let memory = &self.surroundings.memory;
        let buffers = self.buffers.iter_mut().enumerate();
        let blocks = buffers.map(|(place, buffer)| match unchanged {
            Some(Unchanged { lane, length }) if lane == place => {
                bytes.truncate(length);
                buffer.take_from(&mut bytes, tag, memory)
            }
            _ => buffer.take(tag, memory),
        });
        let blocks = blocks.collect();
        self.surroundings.recycle(bytes);
        if bad > 0
            && let Some(held_back) = self.bad_lines.admit(self.surroundings.clock.monotonic())
        {
            let text = format!(
                "chunk of tag '{tag}' has {bad} runs of bytes that are no event; they are kept under quarantine/ \
                 ({held_back} such lines were held back)"
            );
            self.surroundings.log.line(Level::Warn, &text);
        }
        (blocks, dropped)
    }

    /// Sorts a chunk's records into the lanes' buffers.
    ///
    /// What our filter has sorted comes out as it went in, and mostly a chunk's records are of one lane: then they need not be
    /// copied. They are from the first one that is changed or another lane's on.
    fn sort_into_buffers(&mut self, bytes: &[u8]) -> SortedIntoLanes {
        let (mut bad_runs, mut dropped) = (0, Dropped::new());
        let (mut unchanged, mut is_copied) = (None::<Unchanged>, false);
        // A chunk that panicked half-way may have left something.
        self.buffers.iter_mut().for_each(LaneBuffer::clear);
        self.sorted.clear();
        let Self { sorter, sorted, buffers, surroundings, lanes, task, .. } = self;
        if let Some(task) = task {
            task.tell(sorter);
        }
        let received = Timestamp::from_micros(surroundings.clock.wall_micros());
        sorter.sort_items(bytes, received, sorted, |item, sorted| {
            let lane = match item {
                SortedItem::Record(verdict) => Lane::Typed(verdict.log_type),
                SortedItem::Quarantined { is_new } => {
                    bad_runs += u64::from(is_new);
                    Lane::Quarantine
                }
                // No lane keeps these; the output's sorter makes a record of every piece.
                SortedItem::Marker => return sorted.clear(),
                SortedItem::Dropped(rule) => return *dropped.entry(rule).or_default() += 1,
                SortedItem::Piece => Lane::Typed(LogType::App),
            };
            let place = match lanes.index(lane) {
                // A type that nobody has declared has no lane of its own.
                place if place == lanes.count() => lanes.index(Lane::Typed(LogType::App)),
                place => place,
            };
            let event = sorted.bytes();
            if !is_copied {
                let (lane, start) = unchanged.map_or((place, 0), |unchanged| (unchanged.lane, unchanged.length));
                is_copied = lane != place || !bytes.get(start..).is_some_and(|rest| rest.starts_with(event));
                if !is_copied {
                    unchanged = Some(Unchanged { lane, length: start + event.len() });
                } else if let (Some(copied), Some(buffer)) = (bytes.get(..start), buffers.get_mut(lane)) {
                    buffer.extend(copied, &surroundings.memory);
                }
            }
            if let Some(buffer) = buffers.get_mut(place) {
                if is_copied {
                    buffer.extend(event, &surroundings.memory);
                }
                buffer.note(event);
            }
            sorted.clear();
        });
        if let Some(task) = task {
            task.ask(sorter);
        }
        self.sorted.shrink_to(KEPT_BUFFER_BYTES);
        SortedIntoLanes { bad_runs, dropped, unchanged: unchanged.filter(|_| !is_copied) }
    }
}
