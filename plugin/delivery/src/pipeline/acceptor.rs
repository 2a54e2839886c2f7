//! Takes chunks: decodes, sorts, spools, answers; and decides when a lane's segment is closed.
//!
//! A chunk that finds no room waits for it as long as segments are being delivered, at most [`WAIT_FOR_ROOM`]: the host
//! is held back for that time, which is what stops its inputs when they are faster than the store. It is answered RETRY
//! when the store fails, because hosts give up on a chunk after a few of those: by default after one.

use super::{Answer, Inbox, Message, Surroundings};
use crate::lane::{LANE_COUNT, Lane};
use crate::log::{Level, RateLimit};
use crate::spool::{Block, ChunkBlocks, SealedSegment, Spool, SpoolError};
use bytes::Bytes;
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::Timestamp;
use shiwake_records::quarantine;
use shiwake_records::sorter::Sorter;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// How long a chunk waits for room before the host is asked to try again.
pub(super) const WAIT_FOR_ROOM: Duration = Duration::from_secs(5);
/// Time between two summary lines.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// Records of one chunk for one lane; its memory is kept from chunk to chunk.
#[derive(Debug, Default)]
struct LaneBuffer {
    events: Vec<u8>,
    records: u64,
}

/// A chunk that is sorted and waits for room.
struct Waiting {
    blocks: ChunkBlocks,
    answer: SyncSender<Answer>,
    until: Duration,
}

/// Memory a lane's buffer keeps between chunks.
const KEPT_BUFFER_BYTES: usize = 256 * 1024;

pub(super) struct Acceptor {
    surroundings: Surroundings,
    sorter: Sorter,
    spool: Box<dyn Spool>,
    jobs: Option<UnboundedSender<SealedSegment>>,
    buffers: [LaneBuffer; LANE_COUNT],
    sorted: Vec<u8>,
    waiting: VecDeque<Waiting>,
    is_poisoned: bool,
    next_summary: Duration,
    summed_up: u64,
    full_lines: RateLimit,
    bad_lines: RateLimit,
}

impl Acceptor {
    pub(super) fn new(surroundings: Surroundings, spool: Box<dyn Spool>, jobs: UnboundedSender<SealedSegment>) -> Self {
        let next_summary = surroundings.clock.monotonic() + SUMMARY_INTERVAL;
        Self {
            sorter: Sorter::new(surroundings.config.sorter.clone()),
            surroundings,
            spool,
            jobs: Some(jobs),
            buffers: Default::default(),
            sorted: Vec::new(),
            waiting: VecDeque::new(),
            is_poisoned: false,
            next_summary,
            summed_up: 0,
            full_lines: RateLimit::default(),
            bad_lines: RateLimit::default(),
        }
    }

    /// Runs until the deliverer has ended.
    pub(super) fn run(mut self, inbox: &Inbox) {
        loop {
            let message = match inbox.recv_timeout(self.time_to_next_deadline()) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match message {
                Some(Message::Chunk { bytes, tag, answer }) => self.take_guarded(&bytes, &tag, answer),
                Some(Message::Delivered(segment)) => self.spool.commit(segment),
                Some(Message::Stop) => self.seal_everything(),
                Some(Message::DelivererEnded) => return,
                // Those that wait are answered below.
                Some(Message::StoreFails) | None => {}
            }
            self.answer_waiting();
            self.seal_by_size();
            self.seal_by_age();
            self.sum_up();
        }
    }

    /// Takes a chunk; a panic on the way poisons this instance and nothing else.
    fn take_guarded(&mut self, bytes: &[u8], tag: &Arc<str>, answer: SyncSender<Answer>) {
        if self.is_poisoned || self.jobs.is_none() {
            let _ = answer.send(Answer::Retry);
            return;
        }
        let sorted = catch_unwind(AssertUnwindSafe(|| self.sort(bytes, tag)));
        let Ok(blocks) = sorted else {
            self.is_poisoned = true;
            let text = "internal error while sorting a chunk: this instance takes no more, the host keeps its chunks";
            self.surroundings.log.line(Level::Error, text);
            let _ = answer.send(Answer::Retry);
            return;
        };
        let until = self.surroundings.clock.monotonic() + WAIT_FOR_ROOM;
        self.waiting.push_back(Waiting { blocks, answer, until });
    }

    /// Spools what waits, in the order in which it came, as far as there is room, and answers it.
    fn answer_waiting(&mut self) {
        while let Some(first) = self.waiting.front() {
            let now = self.surroundings.clock.monotonic();
            let counts = first.blocks.each_ref().map(|block| block.as_ref().map_or(0, |block| block.records));
            let answer = match self.spool.append(first.blocks.clone(), now) {
                Ok(()) => {
                    for (lane, records) in Lane::BY_WORTH.into_iter().zip(counts) {
                        self.surroundings.ledger.accept(lane, records);
                    }
                    Answer::Accepted
                }
                Err(error) => {
                    let is_over = self.jobs.is_none() || now >= first.until || self.surroundings.is_store_failing();
                    self.make_room();
                    if !is_over {
                        return;
                    }
                    self.say_full(error, now);
                    Answer::Retry
                }
            };
            if let Some(Waiting { answer: asked, .. }) = self.waiting.pop_front() {
                let _ = asked.send(answer);
            }
        }
    }

    /// Sorts a chunk's records into blocks, one a lane.
    fn sort(&mut self, bytes: &[u8], tag: &Arc<str>) -> ChunkBlocks {
        let bad = self.sort_into_buffers(bytes);
        let mut blocks = ChunkBlocks::default();
        for (block, buffer) in blocks.iter_mut().zip(&mut self.buffers) {
            *block = buffer.take(tag);
        }
        if bad > 0
            && let Some(held_back) = self.bad_lines.admit(self.surroundings.clock.monotonic())
        {
            let text = format!(
                "chunk of tag '{tag}' has {bad} runs of bytes that are no event; they are kept under quarantine/ \
                 ({held_back} such lines were held back)"
            );
            self.surroundings.log.line(Level::Warn, &text);
        }
        blocks
    }

    /// Sorts a chunk's records into the lanes' buffers and tells how many runs of bytes were no event.
    fn sort_into_buffers(&mut self, bytes: &[u8]) -> u64 {
        let mut bad_runs = 0;
        // A chunk that panicked half-way may have left something.
        self.buffers.iter_mut().for_each(LaneBuffer::clear);
        for item in Chunk::new(bytes) {
            let lane = match item {
                // The filter has kept bad bytes in this form already.
                Item::Event(event) if quarantine::keeps_bad_bytes(&event) => {
                    self.sorted.clear();
                    self.sorted.extend_from_slice(event.raw);
                    Lane::Quarantine
                }
                Item::Event(event) => {
                    self.sorted.clear();
                    let Some(verdict) = self.sorter.sort(&event, &mut self.sorted) else { continue };
                    Lane::Typed(verdict.log_type)
                }
                Item::Bad(bad) => {
                    bad_runs += 1;
                    self.sorted.clear();
                    let received = Timestamp::from_micros(self.surroundings.clock.wall_micros());
                    quarantine::append_event(&mut self.sorted, &bad, received);
                    Lane::Quarantine
                }
            };
            if let Some(buffer) = self.buffers.get_mut(lane.index()) {
                buffer.events.extend_from_slice(&self.sorted);
                buffer.records += 1;
            }
        }
        self.sorted.shrink_to(KEPT_BUFFER_BYTES);
        bad_runs
    }

    fn say_full(&mut self, error: SpoolError, now: Duration) {
        if let Some(held_back) = self.full_lines.admit(now) {
            let text = format!(
                "{error}; the host is asked to try again, and gives up after its Retry_Limit, which is 1 unless it is set \
                 ({held_back} such lines were held back)"
            );
            self.surroundings.log.line(Level::Warn, &text);
        }
    }

    fn make_room(&mut self) {
        if let Some((lane, _)) = self.largest() {
            self.seal(lane);
        }
    }

    fn largest(&self) -> Option<(Lane, u64)> {
        let open = |lane: Lane| Some((lane, self.spool.open_segment(lane)?.bytes));
        Lane::BY_WORTH.into_iter().filter_map(open).max_by_key(|(_, bytes)| *bytes)
    }

    fn seal_by_size(&mut self) {
        let limit = self.surroundings.config.segment_limit_bytes();
        for lane in Lane::BY_WORTH {
            if self.spool.open_segment(lane).is_some_and(|open| open.bytes >= limit) {
                self.seal(lane);
            }
        }
        // Many lanes that are each below their limit can fill the spool together: the largest goes first, unless it is
        // so small that what holds the memory is already on its way.
        let is_tight = self.spool.held_bytes() >= self.surroundings.config.spool_limit_bytes() / 3 * 2;
        if is_tight && let Some((lane, _)) = self.largest().filter(|(_, bytes)| *bytes >= limit / 4) {
            self.seal(lane);
        }
    }

    fn seal_by_age(&mut self) {
        let now = self.surroundings.clock.monotonic();
        for lane in Lane::BY_WORTH {
            let timeout = self.surroundings.config.upload_timeout(lane);
            if self.spool.open_segment(lane).is_some_and(|open| now.saturating_sub(open.opened_at) >= timeout) {
                self.seal(lane);
            }
        }
    }

    fn seal_everything(&mut self) {
        for lane in Lane::BY_WORTH {
            self.seal(lane);
        }
        // The deliverer ends when its queue is closed and empty.
        self.jobs = None;
    }

    fn seal(&mut self, lane: Lane) {
        let Some(jobs) = &self.jobs else { return };
        if let Some(segment) = self.spool.seal(lane) {
            let _ = jobs.send(segment);
        }
    }

    fn time_to_next_deadline(&self) -> Duration {
        let config = &self.surroundings.config;
        let deadline = |lane: Lane| Some(self.spool.open_segment(lane)?.opened_at + config.upload_timeout(lane));
        let oldest = Lane::BY_WORTH.into_iter().filter_map(deadline).min();
        let waiting = self.waiting.front().map(|waiting| waiting.until);
        let next = oldest.into_iter().chain(waiting).fold(self.next_summary, Duration::min);
        next.saturating_sub(self.surroundings.clock.monotonic())
    }

    fn sum_up(&mut self) {
        let Surroundings { ledger, clock, log, .. } = &self.surroundings;
        let now = clock.monotonic();
        if now < self.next_summary {
            return;
        }
        self.next_summary = now + SUMMARY_INTERVAL;
        let accepted = ledger.totals().accepted;
        if accepted != self.summed_up || ledger.totals().pending() > 0 {
            log.line(Level::Info, &format!("ledger: {ledger}"));
        }
        self.summed_up = accepted;
    }
}

impl LaneBuffer {
    fn clear(&mut self) {
        self.events.clear();
        self.events.shrink_to(KEPT_BUFFER_BYTES);
        self.records = 0;
    }

    fn take(&mut self, tag: &Arc<str>) -> Option<Block> {
        if self.records == 0 {
            return None;
        }
        // Copied, so that what waits in the spool takes no more memory than its bytes.
        let block = Block { tag: Arc::clone(tag), events: Bytes::copy_from_slice(&self.events), records: self.records };
        self.clear();
        Some(block)
    }
}
