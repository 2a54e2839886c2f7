//! Makes files of segments and stores them, one after the other, until each is stored.
//!
//! A segment is committed when all of its objects are stored. What cannot be made into a file is stored as it is under
//! `quarantine/`, so that nothing blocks what is behind it. Failed requests are tried again for as long as the host
//! runs; when it exits, until the deadline, and then what is worth most comes first.

use super::acceptor::delivered;
use super::backoff::Backoff;
use super::{Message, StartError, Surroundings};
use crate::columns::file::{FileError, FileWriter, plan};
use crate::lane::Lane;
use crate::log::{Level, RateLimit};
use crate::spool::SealedSegment;
use crate::store::{Disposition, Lake};
use bytes::Bytes;
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

/// Marks that the deadline came before the segment was stored.
struct OutOfTime;

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
        let mut backlog = VecDeque::new();
        loop {
            if backlog.is_empty() {
                match self.queue.recv().await {
                    Some(segment) => backlog.push_back(segment),
                    None => return,
                }
            }
            if self.is_stopping() {
                // The acceptor closes the queue as soon as it has sealed everything.
                while let Some(segment) = self.queue.recv().await {
                    backlog.push_back(segment);
                }
                backlog.make_contiguous().sort_by_key(|segment| segment.id.lane.index());
            }
            let Some(segment) = backlog.pop_front() else { continue };
            if self.deliver(&segment).await.is_err() {
                return;
            }
            let _ = self.acceptor.send(delivered(&segment));
        }
    }

    async fn deliver(&mut self, segment: &SealedSegment) -> Result<(), OutOfTime> {
        let plans = match guarded(|| plan(segment)) {
            Ok(plans) => plans,
            Err(reason) => {
                let raw = segment.blocks.iter().flat_map(|block| block.events.iter().copied()).collect();
                return self.set_aside(segment, 0, segment.records, raw, &reason).await;
            }
        };
        for (number, plan) in plans.iter().enumerate() {
            match guarded(|| self.writer.write(&self.stream, segment, plan)) {
                Ok(file) => {
                    self.store(plan.partition.object_key(&self.stream, segment.id), file).await?;
                    self.count(segment.id.lane, plan.records());
                }
                Err(reason) => {
                    let raw = plan.events(segment).flat_map(|event| event.raw.iter().copied()).collect();
                    self.set_aside(segment, number, plan.records(), raw, &reason).await?;
                }
            }
        }
        Ok(())
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
    ) -> Result<(), OutOfTime> {
        let lane = segment.id.lane;
        let key = format!("quarantine/segments/{}-{:010}-{lane}-{part}.msgpack", self.stream, segment.id.number);
        let text = format!("{records} {lane} records could not be made into a file and are kept in {key}: {reason}");
        self.surroundings.log.line(Level::Error, &text);
        self.store(key, raw).await?;
        self.surroundings.ledger.quarantine(lane, records);
        Ok(())
    }

    async fn store(&mut self, key: String, object: Vec<u8>) -> Result<(), OutOfTime> {
        let object = Bytes::from(object);
        let bytes = object.len() as u64;
        loop {
            let lake = self.lake.clone();
            let put = tokio::select! {
                put = lake.put(&key, object.clone()) => put,
                () = self.deadline_passed() => return Err(OutOfTime),
            };
            match put {
                Ok(()) => break,
                Err(error) => {
                    let now = self.surroundings.clock.monotonic();
                    if let Some(held_back) = self.failure_lines.admit(now) {
                        let fix = match error.disposition() {
                            Disposition::NeedsFix(fix) => format!(" To fix it: {fix}."),
                            Disposition::Retry => String::new(),
                        };
                        let text = format!("{error}.{fix} It is tried again ({held_back} such lines were held back)");
                        self.surroundings.log.line(Level::Warn, &text);
                    }
                    if !self.surroundings.note_store(true) {
                        let _ = self.acceptor.send(Message::StoreFails);
                    }
                    let pause = self.backoff.next(self.is_stopping());
                    self.pause(pause).await?;
                }
            }
        }
        self.backoff.reset();
        if self.surroundings.note_store(false) {
            self.surroundings.log.line(Level::Info, &format!("lake '{}' takes objects again", self.lake));
        }
        self.surroundings.ledger.store_object(bytes);
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.deadline.borrow().is_some()
    }

    /// Waits for `pause`, or less when the host begins to exit.
    async fn pause(&mut self, pause: Duration) -> Result<(), OutOfTime> {
        let was_stopping = self.is_stopping();
        let mut deadline = self.deadline.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            _ = deadline.wait_for(Option::is_some), if !was_stopping => Ok(()),
            () = self.deadline_passed() => Err(OutOfTime),
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
