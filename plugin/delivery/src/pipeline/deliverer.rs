//! Makes files of segments and stores them until each is stored.
//!
//! A segment is committed when all of its objects are stored. What cannot be made into a file is stored as it is under
//! `quarantine/`, so that nothing blocks what is behind it; for the same reason a segment whose object is refused goes
//! behind the others, and only when all that wait have failed is there a pause. Failed requests are tried again for as
//! long as the host runs; when it exits, until the deadline, and then what is worth most comes first.

use super::backoff::Backoff;
use super::{Message, StartError, Surroundings};
use crate::columns::file::{FileError, FileWriter, plan};
use crate::lane::Lane;
use crate::log::{Level, RateLimit};
use crate::spool::SealedSegment;
use crate::store::{Disposition, Lake, PutError};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// Threads for what the system can only do by waiting: local files, names of hosts.
const BLOCKING_THREADS: usize = 1;
/// How long such a thread may outlive the deadline.
const RUNTIME_END: Duration = Duration::from_secs(1);

/// How an attempt at a segment ended.
enum Attempt {
    /// All of its objects are stored.
    Delivered,
    /// An object was not stored; those before it were.
    Failed,
    /// The deadline came.
    OutOfTime,
}

/// A segment that is being delivered.
struct Entry {
    segment: SealedSegment,
    /// Objects of it that are stored; the next one is the first that is not.
    stored_objects: usize,
}

impl From<SealedSegment> for Entry {
    fn from(segment: SealedSegment) -> Self {
        Self { segment, stored_objects: 0 }
    }
}

pub(super) struct Deliverer {
    runtime: Option<Runtime>,
    work: Option<Work>,
}

struct Work {
    surroundings: Surroundings,
    lake: Lake,
    stream: String,
    writer: FileWriter,
    queue: mpsc::UnboundedReceiver<SealedSegment>,
    deadline: watch::Receiver<Option<Duration>>,
    acceptor: Sender<Message>,
    backoff: Backoff,
    failure_lines: RateLimit,
    last_failure: Option<String>,
}

impl Deliverer {
    pub(super) fn new(
        surroundings: Surroundings,
        lake: Lake,
        stream: String,
        queue: mpsc::UnboundedReceiver<SealedSegment>,
        deadline: watch::Receiver<Option<Duration>>,
        acceptor: Sender<Message>,
    ) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("shiwake-io")
            .build()
            .map_err(|source| StartError::System { what: "a runtime", source })?;
        let seed = stream.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let writer = FileWriter { zstd_level: surroundings.config.zstd_level };
        let work = Work {
            surroundings,
            lake,
            stream,
            writer,
            queue,
            deadline,
            acceptor,
            backoff: Backoff::new(seed),
            failure_lines: RateLimit::default(),
            last_failure: None,
        };
        Ok(Self { runtime: Some(runtime), work: Some(work) })
    }

    /// Runs until the queue is closed and empty, or the deadline has passed.
    pub(super) fn run(&mut self) {
        let (Some(runtime), Some(mut work)) = (self.runtime.take(), self.work.take()) else { return };
        let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work.run())));
        if ended.is_err() {
            let text = "internal error while delivering: this instance writes no more";
            work.surroundings.log.line(Level::Error, text);
        }
        runtime.shutdown_timeout(RUNTIME_END);
    }
}

/// However the work ends, and also when its thread never began, the acceptor learns of it and does not wait.
impl Drop for Work {
    fn drop(&mut self) {
        let _ = self.acceptor.send(Message::DelivererEnded);
    }
}

impl Work {
    async fn run(&mut self) {
        let mut backlog: VecDeque<Entry> = VecDeque::new();
        let mut failed_in_a_row = 0;
        let mut is_in_order_of_worth = false;
        loop {
            while let Ok(segment) = self.queue.try_recv() {
                backlog.push_back(segment.into());
            }
            if backlog.is_empty() {
                match self.queue.recv().await {
                    Some(segment) => backlog.push_back(segment.into()),
                    None => return,
                }
            }
            if self.is_stopping() && !is_in_order_of_worth {
                // The acceptor closes the queue as soon as it has sealed everything.
                while let Some(segment) = self.queue.recv().await {
                    backlog.push_back(segment.into());
                }
                backlog.make_contiguous().sort_by_key(|entry| entry.segment.id.lane.index());
                (is_in_order_of_worth, failed_in_a_row) = (true, 0);
            }
            let Some(mut entry) = backlog.pop_front() else { continue };
            match self.attempt(&mut entry).await {
                Attempt::Delivered => {
                    failed_in_a_row = 0;
                    self.backoff.reset();
                    let _ = self.acceptor.send(Message::Delivered(entry.segment.id));
                }
                Attempt::Failed => {
                    backlog.push_back(entry);
                    failed_in_a_row += 1;
                    if failed_in_a_row >= backlog.len() {
                        failed_in_a_row = 0;
                        let pause = self.backoff.next(self.is_stopping());
                        self.pause(pause).await;
                    }
                }
                Attempt::OutOfTime => return self.say_out_of_time(&entry),
            }
        }
    }

    /// Stores the objects of a segment that are not stored yet, each once.
    async fn attempt(&mut self, entry: &mut Entry) -> Attempt {
        let segment = &entry.segment;
        let plans = match guarded(|| plan(segment)) {
            Ok(plans) => plans,
            Err(reason) => {
                let raw = segment.blocks.iter().flat_map(|block| block.events.iter().copied()).collect();
                return self.set_aside(segment, 0, segment.records, raw, &reason).await;
            }
        };
        for (number, plan) in plans.iter().enumerate().skip(entry.stored_objects) {
            if self.is_out_of_time() {
                return Attempt::OutOfTime;
            }
            let attempt = match guarded(|| self.writer.write(&self.stream, segment, plan)) {
                Ok(file) => {
                    let stored = self.store(plan.partition.object_key(&self.stream, segment.id), file).await;
                    if matches!(stored, Attempt::Delivered) {
                        self.count(segment.id.lane, plan.records());
                    }
                    stored
                }
                Err(reason) => {
                    let raw = plan.events(segment).flat_map(|event| event.raw.iter().copied()).collect();
                    self.set_aside(segment, number, plan.records(), raw, &reason).await
                }
            };
            if !matches!(attempt, Attempt::Delivered) {
                return attempt;
            }
            entry.stored_objects = number + 1;
        }
        Attempt::Delivered
    }

    fn count(&self, lane: Lane, records: u64) {
        match lane {
            Lane::Quarantine => self.surroundings.ledger.quarantine(lane, records),
            Lane::Typed(_) => self.surroundings.ledger.write(lane, records),
        }
    }

    /// Stores records that no file could be made of as the MessagePack they are.
    async fn set_aside(
        &mut self,
        segment: &SealedSegment,
        part: usize,
        records: u64,
        raw: Vec<u8>,
        reason: &str,
    ) -> Attempt {
        let lane = segment.id.lane;
        let key = format!("quarantine/segments/{}-{:010}-{lane}-{part}.msgpack", self.stream, segment.id.number);
        let text = format!("{records} {lane} records could not be made into a file and are kept in {key}: {reason}");
        let stored = self.store(key, raw).await;
        if matches!(stored, Attempt::Delivered) {
            self.surroundings.log.line(Level::Error, &text);
            self.surroundings.ledger.quarantine(lane, records);
        }
        stored
    }

    /// Stores one object, trying once.
    async fn store(&mut self, key: String, object: Vec<u8>) -> Attempt {
        let bytes = object.len() as u64;
        let lake = self.lake.clone();
        let put = tokio::select! {
            put = lake.put(&key, object.into()) => put,
            () = self.deadline_passed() => return Attempt::OutOfTime,
        };
        if let Err(error) = put {
            self.note_failure(&error);
            return Attempt::Failed;
        }
        if self.surroundings.note_store(false) {
            self.surroundings.log.line(Level::Info, &format!("lake '{}' takes objects again", self.lake));
        }
        self.surroundings.ledger.store_object(bytes);
        Attempt::Delivered
    }

    fn note_failure(&mut self, error: &PutError) {
        if !self.surroundings.note_store(true) {
            let _ = self.acceptor.send(Message::StoreFails);
        }
        if let Some(held_back) = self.failure_lines.admit(self.surroundings.clock.monotonic()) {
            let fix = match error.disposition() {
                Disposition::NeedsFix(fix) => format!(" To fix it: {fix}."),
                Disposition::Retry => String::new(),
            };
            let text = format!("{error}.{fix} It is tried again ({held_back} such lines were held back)");
            self.surroundings.log.line(Level::Warn, &text);
        }
        self.last_failure = Some(error.to_string());
    }

    fn say_out_of_time(&self, entry: &Entry) {
        let why = self.last_failure.as_deref().unwrap_or("the store has not answered in time");
        let text = format!("time is up while {} records were being stored: {why}", entry.segment.id.lane);
        self.surroundings.log.line(Level::Error, &text);
    }

    fn is_stopping(&self) -> bool {
        self.deadline.borrow().is_some()
    }

    fn is_out_of_time(&self) -> bool {
        self.deadline.borrow().is_some_and(|deadline| self.surroundings.clock.monotonic() >= deadline)
    }

    /// Waits for `pause`, or less when the host begins to exit or its deadline comes.
    async fn pause(&mut self, pause: Duration) {
        let was_stopping = self.is_stopping();
        let mut deadline = self.deadline.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = deadline.wait_for(Option::is_some), if !was_stopping => {}
            () = self.deadline_passed() => {}
        }
    }

    /// Completes when a deadline is set and has passed; never before one is set.
    async fn deadline_passed(&self) {
        let mut deadline = self.deadline.clone();
        let set = match deadline.wait_for(Option::is_some).await {
            Ok(set) => *set,
            // The pipeline is gone without a word; nobody waits for us.
            Err(_) => return,
        };
        let left = set.unwrap_or_default().saturating_sub(self.surroundings.clock.monotonic());
        tokio::time::sleep(left).await;
    }
}

/// Runs what could panic in a library, and gives its error or the fact of the panic as text.
fn guarded<T>(work: impl FnOnce() -> Result<T, FileError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("internal error".to_owned()),
    }
}
