//! The thread of a destination: takes segments from its queue and has them delivered until each is.
//!
//! A segment that fails goes behind the others, so that nothing blocks what is behind it, and only when all that wait have
//! failed is there a pause. When the host exits what is worth most comes first, until the deadline.

use super::backoff::Backoff;
use super::stop_time::StopTime;
use super::{Message, StartError, Surroundings};
use crate::lane::Lanes;
use crate::log::Level;
use crate::spool::SealedSegment;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Threads for what the system can only do by waiting: local files, names of hosts.
const BLOCKING_THREADS: usize = 1;
/// How long such a thread may outlive the deadline.
const RUNTIME_END: Duration = Duration::from_secs(1);

/// How long memory is kept for the next segment.
const KEPT_MEMORY: Duration = Duration::from_secs(1);

/// How an attempt at a segment ended.
pub(super) enum Attempt {
    /// The destination has all of it, or will never have the rest.
    Delivered,
    /// It does not have all of it.
    Failed,
    /// The host began to exit: what is worth more may have to come first.
    Interrupted,
    /// The deadline came.
    OutOfTime,
}

/// Where segments are delivered.
pub(super) trait Destination {
    /// A segment that is being delivered, with what is known of that.
    type Entry: From<SealedSegment>;

    /// Its segment.
    fn segment(entry: &Self::Entry) -> &SealedSegment;

    /// Delivers what is missing of a segment. Unless the host exits and `is_in_order_of_worth`, an exit interrupts it.
    async fn attempt(&mut self, entry: &mut Self::Entry, is_in_order_of_worth: bool) -> Attempt;

    /// Whether it keeps memory for segments to come.
    fn keeps_memory(&self) -> bool {
        false
    }

    /// Gives it back.
    fn give_memory_back(&mut self) {}

    /// How long the destination wants to be left alone, since the last attempt.
    fn take_wanted_pause(&mut self) -> Option<Duration>;

    /// Says that the deadline came at this segment.
    fn say_out_of_time(&self, entry: &Self::Entry);
}

/// What the loop is made of.
pub(super) struct DeliveryLoop {
    pub(super) lanes: Lanes,
    pub(super) queue: mpsc::UnboundedReceiver<SealedSegment>,
    pub(super) stop: StopTime,
    pub(super) acceptor: Sender<Message>,
    pub(super) backoff: Backoff,
}

/// However the loop ends, and also when its thread never began, the acceptor learns of it and does not wait.
impl Drop for DeliveryLoop {
    fn drop(&mut self) {
        let _ = self.acceptor.send(Message::DelivererEnded);
    }
}

/// The loop and the destination of a thread that has not begun.
pub(super) struct Deliverer<D> {
    runtime: Runtime,
    rounds: DeliveryLoop,
    destination: D,
    surroundings: Surroundings,
}

impl<D: Destination> Deliverer<D> {
    pub(super) fn new(surroundings: Surroundings, rounds: DeliveryLoop, destination: D) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("shiwake-io")
            .build()
            .map_err(|source| StartError::System { what: "a runtime", source })?;
        Ok(Self { runtime, rounds, destination, surroundings })
    }

    /// Runs until the queue is closed and empty, or the deadline has passed.
    pub(super) fn run(self) {
        let Self { runtime, mut rounds, mut destination, surroundings } = self;
        let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(rounds.run(&mut destination))));
        if ended.is_err() {
            let text = "internal error while delivering: this instance delivers no more there";
            surroundings.log.line(Level::Error, text);
        }
        // Connections and what they hold end with the runtime, before the acceptor learns of the end.
        drop(destination);
        runtime.shutdown_timeout(RUNTIME_END);
    }
}

impl DeliveryLoop {
    pub(super) async fn run<D: Destination>(&mut self, destination: &mut D) {
        let mut backlog: VecDeque<D::Entry> = VecDeque::new();
        let mut failed_in_a_row = 0;
        let mut is_in_order_of_worth = false;
        loop {
            while let Ok(segment) = self.queue.try_recv() {
                backlog.push_back(segment.into());
            }
            if backlog.is_empty() {
                let deadline_passed = self.stop.deadline_passed();
                let next = tokio::select! {
                    biased;
                    segment = self.queue.recv() => segment,
                    () = tokio::time::sleep(KEPT_MEMORY), if destination.keeps_memory() => {
                        destination.give_memory_back();
                        continue;
                    }
                    // An acceptor that hangs does not close the queue.
                    () = deadline_passed => None,
                };
                match next {
                    Some(segment) => backlog.push_back(segment.into()),
                    None => return,
                }
            }
            if self.stop.is_stopping() && !is_in_order_of_worth {
                // The acceptor closes the queue as soon as it has sealed everything.
                let mut deadline_passed = std::pin::pin!(self.stop.deadline_passed());
                loop {
                    tokio::select! {
                        biased;
                        segment = self.queue.recv() => match segment {
                            Some(segment) => backlog.push_back(segment.into()),
                            None => break,
                        },
                        // An acceptor that hangs must not take the time of what is here.
                        () = &mut deadline_passed => break,
                    }
                }
                backlog.make_contiguous().sort_by_key(|entry| self.lanes.index(D::segment(entry).id.lane));
                (is_in_order_of_worth, failed_in_a_row) = (true, 0);
            }
            let Some(mut entry) = backlog.pop_front() else { continue };
            match destination.attempt(&mut entry, is_in_order_of_worth).await {
                Attempt::Delivered => {
                    failed_in_a_row = 0;
                    self.backoff.reset();
                    let _ = self.acceptor.send(Message::Delivered(Box::new(D::segment(&entry).clone())));
                }
                Attempt::Failed => {
                    // When time is short only the next one goes before it, so that what is worth most is tried often.
                    let place = if is_in_order_of_worth { backlog.len().min(1) } else { backlog.len() };
                    backlog.insert(place, entry);
                    failed_in_a_row += 1;
                    let wanted = destination.take_wanted_pause();
                    // One type that is refused must not hold up the others, but a long backlog is not tried in one go.
                    if wanted.is_some() || failed_in_a_row >= backlog.len().min(self.lanes.slots()) {
                        failed_in_a_row = 0;
                        let pause = self.backoff.next(self.stop.is_stopping());
                        self.stop.pause(wanted.unwrap_or_default().max(pause)).await;
                    }
                }
                Attempt::Interrupted => backlog.push_front(entry),
                Attempt::OutOfTime => return destination.say_out_of_time(&entry),
            }
        }
    }
}
