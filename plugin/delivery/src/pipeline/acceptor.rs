//! Takes chunks: decodes, sorts, spools, answers; and decides when a lane's segment is closed.
//!
//! Chunks that come while one is being taken are spooled together with the next one, and made safe in one go.
//!
//! A chunk that finds no room waits for it as long as segments are being delivered, at most [`WAIT_FOR_ROOM`]: the host
//! is held back for that time, which is what stops its inputs when they are faster than the store. It is answered RETRY
//! when the store fails, because hosts give up on a chunk after a few of those: by default after one. A disk that fails is
//! answered RETRY at once.

mod sealing;
mod sorting;

use super::claim::Claim;
use super::lane_buffer::LaneBuffer;
use super::queues::{Owed, Queues};
use super::{Answer, Inbox, Message, Surroundings};
use crate::identity::watcher::TaskReader;
use crate::lane::{Lane, Lanes};
use crate::log::{Level, MisreadLines, RateLimit};
use crate::spool::{Appended, ChunkBlocks, ChunkId, SegmentId, Spool, SpoolError, orphans};
use sealing::MANY_SEGMENTS;
use shiwake_records::msgpack::Room;
use shiwake_records::rules::RuleId;
use shiwake_records::sorter::Sorter;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, SyncSender};
use std::time::Duration;

/// How long a chunk waits for room before the host is asked to try again.
pub(super) const WAIT_FOR_ROOM: Duration = Duration::from_secs(5);
/// Time between two tries at noting what is delivered.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two summary lines.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// How many records of a chunk each rule threw away.
type Dropped = BTreeMap<RuleId, u64>;

/// A chunk that is sorted and waits for room.
struct Waiting {
    id: Option<ChunkId>,
    blocks: ChunkBlocks,
    /// Records that rules threw away.
    dropped: Dropped,
    answer: SyncSender<Answer>,
    claim: Arc<Claim>,
    until: Duration,
}

/// Chunks that are made safe together at most.
const MAX_GROUP: usize = 64;

pub(super) struct Acceptor {
    surroundings: Surroundings,
    lanes: Lanes,
    sorter: Sorter,
    /// What is known of the task that records are from.
    task: Option<TaskReader>,
    spool: Spool,
    jobs: Option<Queues>,
    owed: Owed,
    /// Threads of destinations that have not ended.
    deliverers_left: usize,
    /// An entry a lane.
    buffers: Vec<LaneBuffer>,
    sorted: Room,
    waiting: VecDeque<Waiting>,
    is_poisoned: bool,
    next_summary: Duration,
    next_commits: Duration,
    has_looked_for_orphans: bool,
    summed_up: u64,
    full_lines: RateLimit,
    bad_lines: RateLimit,
    folder_lines: RateLimit,
    commit_lines: RateLimit,
    unclear_lines: RateLimit,
    misread_lines: MisreadLines,
}

impl Acceptor {
    pub(super) fn new(surroundings: Surroundings, spool: Spool, jobs: Queues, task: Option<TaskReader>) -> Self {
        let next_summary = surroundings.clock.monotonic() + SUMMARY_INTERVAL;
        Self {
            lanes: surroundings.config.lanes.clone(),
            sorter: Sorter::new(surroundings.config.sorter.clone()),
            task,
            buffers: surroundings.config.lanes.each(LaneBuffer::default),
            surroundings,
            spool,
            deliverers_left: jobs.count(),
            owed: Owed::default(),
            jobs: Some(jobs),
            sorted: Room::default(),
            waiting: VecDeque::new(),
            is_poisoned: false,
            next_summary,
            next_commits: Duration::ZERO,
            has_looked_for_orphans: false,
            summed_up: 0,
            full_lines: RateLimit::default(),
            bad_lines: RateLimit::default(),
            folder_lines: RateLimit::default(),
            commit_lines: RateLimit::default(),
            unclear_lines: RateLimit::default(),
            misread_lines: MisreadLines::default(),
        }
    }

    /// Runs until the deliverer has ended.
    pub(super) fn run(mut self, inbox: &Inbox) {
        self.deliver_recovered();
        loop {
            let message = match inbox.recv_timeout(self.time_to_next_deadline()) {
                Err(RecvTimeoutError::Disconnected) => break,
                message => message.ok(),
            };
            if !self.round(message, inbox) {
                break;
            }
        }
        self.misread_lines.tell_last(self.sorter.misreads(), self.surroundings.log.as_ref());
    }

    /// Takes a message and those that wait behind it, and does all that is due; whether there is more to come.
    pub(super) fn round(&mut self, mut message: Option<Message>, inbox: &Inbox) -> bool {
        let mut chunks = 0;
        let mut is_stopping = false;
        let is_idle = message.is_none();
        loop {
            match message.take() {
                Some(Message::Chunk { bytes, tag, answer, claim }) => {
                    self.take_guarded(bytes, &tag, answer, claim);
                }
                Some(Message::Delivered(segment)) => self.commit(&segment.id),
                Some(Message::Stop) => is_stopping = true,
                Some(Message::DelivererEnded) => {
                    self.deliverers_left = self.deliverers_left.saturating_sub(1);
                    // One that ends while more is to come has failed, and nothing can be committed without it.
                    if self.deliverers_left == 0 || self.jobs.is_some() {
                        return false;
                    }
                }
                // Those that wait are answered below.
                Some(Message::StoreFails | Message::Wake) | None => {}
            }
            chunks += 1;
            if is_stopping || chunks >= MAX_GROUP {
                break;
            }
            message = inbox.try_recv().ok();
            if message.is_none() {
                break;
            }
        }
        self.answer_waiting();
        self.seal_by_size();
        self.seal_by_age();
        if is_stopping {
            self.seal_everything();
            self.answer_waiting();
        }
        self.deliver_recovered();
        self.finish_commits();
        self.sum_up();
        let held_bytes = self.spool.memory_bytes() + self.spool.disk_bytes();
        self.surroundings.ledger.hold(held_bytes);
        if is_idle && held_bytes == 0 {
            self.surroundings.memory.drop_spares();
        }
        self.surroundings.metrics.update(&self.surroundings.ledger);
        self.surroundings.is_stuck.store(false, Ordering::Release);
        true
    }

    fn commit(&mut self, segment: &SegmentId) {
        if !self.owed.settle(segment) {
            return;
        }
        let committed = self.spool.commit(segment);
        self.say_uncommitted(committed);
    }

    /// Says what lies in `store_dir` that no instance takes: once, when all of them have started.
    fn name_orphans(&self) {
        let Surroundings { config, folder, log, .. } = &self.surroundings;
        if let (Some(store_dir), Some(own)) = (&config.store_dir, folder) {
            orphans(store_dir, own).iter().for_each(|line| log.line(Level::Error, line));
        }
    }

    /// Tries again what could not be noted, once a second.
    fn finish_commits(&mut self) {
        let now = self.surroundings.clock.monotonic();
        if self.spool.has_uncommitted() && now >= self.next_commits {
            self.next_commits = now + COMMIT_INTERVAL;
            let committed = self.spool.finish_commits();
            self.say_uncommitted(committed);
        }
    }

    fn say_uncommitted(&mut self, committed: Result<(), SpoolError>) {
        if let Err(error) = committed
            && let Some(held_back) = self.commit_lines.admit(self.surroundings.clock.monotonic())
        {
            let text = format!("{error}. It is tried again ({held_back} such lines were held back)");
            self.surroundings.log.line(Level::Warn, &text);
        }
    }

    /// Hands over what an earlier run has left, as soon as the folder can be used, and says what is the matter with it.
    fn deliver_recovered(&mut self) {
        let Surroundings { log, ledger, clock, .. } = &self.surroundings;
        self.spool.open(clock.monotonic());
        if let Some(problem) = self.spool.missing_folder()
            && let Some(held_back) = self.folder_lines.admit(clock.monotonic())
        {
            let text = format!("{problem}. Nothing is taken until it can be ({held_back} such lines were held back)");
            log.line(Level::Error, &text);
        }
        for problem in self.spool.take_problems() {
            log.line(Level::Error, &problem);
        }
        let Some(jobs) = &self.jobs else { return };
        let segments = self.spool.take_recovered();
        if segments.is_empty() {
            return;
        }
        let records: u64 = segments.iter().map(|segment| segment.records).sum();
        log.line(
            Level::Info,
            &format!("{records} records in {} segments of an earlier run are delivered", segments.len()),
        );
        let undeclared: BTreeMap<Lane, u64> = segments.iter().filter(|segment| !self.lanes.has(segment.id.lane)).fold(
            BTreeMap::new(),
            |mut sums, segment| {
                *sums.entry(segment.id.lane).or_default() += segment.records;
                sums
            },
        );
        for (lane, records) in undeclared {
            let text = format!(
                "{records} of them are of the type '{lane}', which the rules do not declare any more: they are delivered as that \
                 type, with the columns that all types have and the rest in attributes"
            );
            log.line(Level::Warn, &text);
        }
        for segment in segments {
            ledger.recover(segment.id.lane, segment.records);
            jobs.hand_out(segment, &mut self.owed);
        }
    }

    /// Takes a chunk; a panic on the way poisons this instance and nothing else.
    fn take_guarded(&mut self, bytes: Vec<u8>, tag: &Arc<str>, answer: SyncSender<Answer>, claim: Arc<Claim>) {
        if self.is_poisoned || self.jobs.is_none() {
            let _ = answer.send(Answer::Retry);
            return;
        }
        let id = self.spool.identify(&bytes, tag);
        let sorted = catch_unwind(AssertUnwindSafe(|| self.sort(bytes, tag)));
        let Ok((blocks, dropped)) = sorted else {
            self.is_poisoned = true;
            let text = "internal error while sorting a chunk: this instance takes no more, the host keeps its chunks";
            self.surroundings.log.line(Level::Error, text);
            let _ = answer.send(Answer::Retry);
            return;
        };
        let until = self.surroundings.clock.monotonic() + WAIT_FOR_ROOM;
        self.waiting.push_back(Waiting { id, blocks, dropped, answer, claim, until });
    }

    /// Spools what waits, in the order in which it came, as far as there is room, and answers it.
    fn answer_waiting(&mut self) {
        loop {
            let mut taken = Vec::new();
            let mut refused = None;
            while let Some(first) = self.waiting.pop_front() {
                // A host that has given up keeps the chunk.
                if !first.claim.begin() {
                    continue;
                }
                let now = self.surroundings.clock.monotonic();
                match self.spool.append(first.id, first.blocks.clone(), now) {
                    Ok(appended) => taken.push((first, appended)),
                    Err(error) => {
                        refused = Some((error, now, first));
                        break;
                    }
                }
            }
            self.finish(taken);
            let Some((error, now, first)) = refused else { return };
            self.make_room();
            if !self.is_hopeless(&error) && now < first.until {
                if first.claim.wait_again() {
                    self.waiting.push_front(first);
                }
                return;
            }
            self.say_refused(&error, now);
            if first.claim.answer() {
                let _ = first.answer.send(Answer::Retry);
            }
        }
    }

    /// Whether waiting will make no room.
    fn is_hopeless(&self, error: &SpoolError) -> bool {
        let is_under_way = self.spool.sealed_segments() > 0;
        self.jobs.is_none() || self.surroundings.is_store_failing() || !error.may_pass_soon() || !is_under_way
    }

    /// Makes chunks safe that were appended, and answers them.
    fn finish(&mut self, taken: Vec<(Waiting, Appended)>) {
        let synced = self.spool.sync();
        for (Waiting { id, blocks, dropped, answer, claim, .. }, appended) in taken {
            let is_heard = claim.answer();
            if synced.is_err() {
                let _ = answer.send(Answer::Retry);
                continue;
            }
            if let (false, Some(id)) = (is_heard, id) {
                let lanes = self.lanes.iter().zip(&blocks).filter(|(_, block)| block.is_some());
                self.spool.note_unanswered(id, lanes.map(|(lane, _)| lane));
            }
            let Surroundings { ledger, log, clock, .. } = &self.surroundings;
            for (lane, records) in self.lanes.iter().zip(appended.records) {
                ledger.accept(lane, records);
            }
            ledger.recognise(appended.recognised_records);
            // A chunk that comes again had its records dropped the first time.
            if appended.recognised_records == 0 {
                let rules = self.sorter.rules();
                dropped.iter().for_each(|(rule, records)| ledger.drop_by(rules.name(*rule), *records));
            }
            if appended.unclear_records > 0
                && let Some(held_back) = self.unclear_lines.admit(clock.monotonic())
            {
                let text = format!(
                    "up to {} records may be doubled: of their chunk a part was taken before the restart, sorted by another \
                     version or configuration ({held_back} such lines were held back)",
                    appended.unclear_records
                );
                log.line(Level::Warn, &text);
            }
            let _ = answer.send(Answer::Accepted);
        }
        if let Err(error) = synced {
            self.say_refused(&error, self.surroundings.clock.monotonic());
        }
    }

    fn say_refused(&mut self, error: &SpoolError, now: Duration) {
        if let Some(held_back) = self.full_lines.admit(now) {
            let text = format!(
                "{error}; the host is asked to try again, and gives up after its Retry_Limit, which is 1 unless it is set \
                 ({held_back} such lines were held back)"
            );
            self.surroundings.log.line(Level::Warn, &text);
        }
    }

    /// How long nothing is due, unless a message comes.
    pub(super) fn time_to_next_deadline(&self) -> Duration {
        let config = &self.surroundings.config;
        let deadline = |lane: Lane| Some(self.spool.open_segment(lane)?.opened_at + config.upload_timeout(lane));
        let oldest = if self.spool.sealed_segments() < MANY_SEGMENTS {
            self.lanes.iter().filter_map(deadline).min()
        } else {
            None
        };
        let waiting = self.waiting.front().map(|waiting| waiting.until);
        let waiting = waiting.into_iter().chain(self.spool.next_try());
        let waiting = waiting.chain(self.spool.has_uncommitted().then_some(self.next_commits));
        let next = oldest.into_iter().chain(waiting).fold(self.next_summary, Duration::min);
        next.saturating_sub(self.surroundings.clock.monotonic())
    }

    fn sum_up(&mut self) {
        let now = self.surroundings.clock.monotonic();
        if now < self.next_summary {
            return;
        }
        self.next_summary = now + SUMMARY_INTERVAL;
        if !std::mem::replace(&mut self.has_looked_for_orphans, true) {
            self.name_orphans();
        }
        let Surroundings { ledger, log, .. } = &self.surroundings;
        let accepted = ledger.totals().accepted;
        if accepted != self.summed_up || ledger.totals().pending() > 0 {
            log.line(Level::Info, &format!("ledger: {ledger}"));
        }
        self.summed_up = accepted;
        self.misread_lines.tell(self.sorter.misreads(), || now, log.as_ref());
    }
}
