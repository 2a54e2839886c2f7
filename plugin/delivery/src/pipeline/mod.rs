//! The two threads of an output instance, and the way in.
//!
//! [`Pipeline::accept`] is called by the host on a stack of 24 KiB: it copies the chunk, hands it to the acceptor's
//! thread and waits for the answer; nothing else happens on the host's stack. The acceptor sorts and spools; the
//! deliverer writes files and stores them. Both end in [`Pipeline::stop`], which joins them; but a disk may hang for ever, and
//! with it whoever asked it for something. Such a thread is left alone, [`END_MARGIN`] behind its time: it says nothing and
//! touches nothing of the host any more, takes back what it has not answered, and ends by itself when the disk comes back.
//!
//! A panic in the acceptor poisons the pipeline: every later chunk is answered RETRY, so the host keeps it.

mod acceptor;
mod backoff;
mod claim;
#[cfg(feature = "datadog")]
mod datadog_delivery;
mod deliverer;
mod delivery_loop;
mod lane_buffer;
mod queues;
mod stop_time;

use crate::clock::Clock;
use crate::config::output::OutputConfig;
use crate::identity::watcher::{Pace, TaskWatcher};
use crate::ledger::Ledger;
use crate::log::{ClosableLog, Level, Log};
use crate::metrics::Metrics;
use crate::spool::{
    Durability, LENT_BYTES, MemoryBudget, MemoryShare, OpenDisk, SealedSegment, Spool, SpoolSettings, folder_of,
    open_folder,
};
use crate::store::{Environment, Lake, OpenError};
use acceptor::Acceptor;
use backoff::Backoff;
use claim::Claim;
#[cfg(feature = "datadog")]
use datadog_delivery::DatadogDelivery;
#[cfg(feature = "datadog")]
pub use datadog_delivery::DatadogError;
use deliverer::LakeDelivery;
use delivery_loop::{Deliverer, DeliveryLoop};
use queues::{QueueEnds, Queues};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use stop_time::StopTime;
use tokio::sync::watch;
use twox_hash::XxHash3_64;

/// How long the host waits for the acceptor: longer than a chunk waits for room.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a thread may take to end beyond the time that the stop has; then it is held to hang, and left alone.
const END_MARGIN: Duration = Duration::from_secs(5);

/// What the host is told about a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// All of its records are in the spool.
    Accepted,
    /// None of it was taken; the host should keep the chunk and hand it over again.
    Retry,
}

/// What reaches the acceptor's thread.
enum Message {
    Chunk {
        bytes: Vec<u8>,
        tag: Arc<str>,
        answer: SyncSender<Answer>,
        claim: Arc<Claim>,
    },
    /// With its records, whose memory is let go of when it is not counted any more.
    Delivered(Box<SealedSegment>),
    StoreFails,
    /// Nothing but that it must be seen: that the acceptor goes on.
    Wake,
    DelivererEnded,
    Stop,
}

/// What an instance is given from outside.
pub struct Outside {
    /// The host's name of the instance; with the lake it names the instance's folder in `store_dir`.
    pub instance: String,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where lines go.
    pub log: Arc<dyn Log>,
    /// The memory that all instances of the process share.
    pub memory: Arc<MemoryBudget>,
    /// Where the sums are shown.
    pub metrics: Arc<dyn Metrics>,
}

/// What both threads use.
#[derive(Clone)]
struct Surroundings {
    config: Arc<OutputConfig>,
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    log: Arc<dyn Log>,
    memory: MemoryShare,
    metrics: Arc<dyn Metrics>,
    is_store_failing: Arc<AtomicBool>,
    /// Memory of a small chunk that was sorted, for the next one.
    spare_chunk: Arc<Mutex<Vec<u8>>>,
    is_datadog_failing: Arc<AtomicBool>,
    /// The instance's folder in `store_dir`.
    folder: Option<PathBuf>,
    /// Whether a host has given up waiting for the acceptor, and it has not moved since.
    is_stuck: Arc<AtomicBool>,
    is_stopping: Arc<AtomicBool>,
    /// Whether a thread was left alone at the exit.
    is_abandoned: Arc<AtomicBool>,
}

impl Surroundings {
    fn spare_chunk(&self) -> MutexGuard<'_, Vec<u8>> {
        self.spare_chunk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty buffer for a chunk of so many bytes.
    fn chunk_buffer(&self, bytes: usize) -> Vec<u8> {
        if bytes < LENT_BYTES { std::mem::take(&mut *self.spare_chunk()) } else { self.memory.buffer(bytes) }
    }

    /// Takes the memory of a chunk back that its records have left.
    fn recycle(&self, mut chunk: Vec<u8>) {
        if chunk.capacity() >= LENT_BYTES {
            self.memory.give_spare(chunk);
        } else if chunk.capacity() > 0 {
            chunk.clear();
            *self.spare_chunk() = chunk;
        }
    }

    /// Whether the last request to the store or to Datadog failed.
    fn is_store_failing(&self) -> bool {
        self.is_store_failing.load(Ordering::Relaxed) || self.is_datadog_failing.load(Ordering::Relaxed)
    }

    /// Notes how a request to the store ended, and tells how the one before did.
    fn note_store(&self, is_failing: bool) -> bool {
        self.is_store_failing.swap(is_failing, Ordering::Relaxed)
    }
}

/// What a thread does.
type ThreadBody = Box<dyn FnOnce() + Send>;

/// Where objects go.
struct Places {
    lake: Option<Lake>,
    /// Where records go that Datadog refuses.
    #[cfg_attr(not(feature = "datadog"), expect(dead_code, reason = "nothing refuses records in such a build"))]
    quarantine: Option<Lake>,
}

impl Places {
    /// The name of all of it, which with the instance's names its folder.
    fn shown(&self, config: &OutputConfig) -> String {
        let intake = || config.datadog.as_ref().map(|datadog| datadog.intake.to_string());
        self.lake.as_ref().map(Lake::to_string).or_else(intake).unwrap_or_default()
    }
}

/// Why an instance could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The lake cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is sent to Datadog cannot be.
    #[cfg(feature = "datadog")]
    #[error(transparent)]
    Datadog(#[from] DatadogError),
    /// This build has no Datadog destination.
    #[cfg(not(feature = "datadog"))]
    #[error("this build has no Datadog destination: use one with the feature 'datadog', or take out 'apikey'")]
    NoDatadog,
    /// The system gave no thread, timer or random number.
    #[error("{what} could not be had from the system: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A running output instance.
pub struct Pipeline {
    sender: Sender<Message>,
    surroundings: Surroundings,
    /// The log in the surroundings, which is closed when nobody may write to it any more.
    log: Arc<ClosableLog>,
    deadline: watch::Sender<Option<Duration>>,
    threads: Mutex<Vec<Thread>>,
    /// Who asks where records come from.
    task_watcher: Mutex<Option<TaskWatcher>>,
}

/// A thread of an instance.
struct Thread {
    handle: JoinHandle<()>,
    /// Disconnected when the thread is about to end, and let go of what it had.
    ended: Receiver<Infallible>,
}

impl Thread {
    /// Joins the thread if it ends within this time; whether it did.
    fn join_within(self, time: Duration) -> bool {
        let has_ended = matches!(self.ended.recv_timeout(time), Err(RecvTimeoutError::Disconnected));
        if has_ended {
            let _ = self.handle.join();
        }
        has_ended
    }
}

impl Pipeline {
    /// Opens the lake and starts the threads.
    ///
    /// # Errors
    /// When the lake cannot be opened or the system refuses what is needed.
    pub fn start(config: OutputConfig, environment: &Environment, outside: Outside) -> Result<Self, StartError> {
        let open = |location| Lake::open(location, &config.s3, environment);
        let lake = config.location.as_ref().map(open).transpose()?;
        let in_its_place = config.datadog.as_ref().and_then(|datadog| datadog.quarantine.as_ref());
        let quarantine = in_its_place.map(open).transpose()?.or_else(|| lake.clone());
        Self::start_to(Places { lake, quarantine }, config, outside)
    }

    fn start_to(places: Places, config: OutputConfig, outside: Outside) -> Result<Self, StartError> {
        let shown = places.shown(&config);
        Self::start_in(places, config, outside, |folder| open_folder(folder.to_owned(), shown))
    }

    /// Starts the threads on a lake that is already open. A folder for segments that cannot be used stops nothing: the
    /// host is told to keep its chunks until it can be.
    ///
    /// # Errors
    /// When the system refuses what is needed.
    pub fn start_on(lake: Lake, config: OutputConfig, outside: Outside) -> Result<Self, StartError> {
        Self::start_to(Places { quarantine: Some(lake.clone()), lake: Some(lake) }, config, outside)
    }

    /// As [`Pipeline::start_on`], with a way to open the instance's folder in `store_dir`.
    fn start_in(
        places: Places,
        config: OutputConfig,
        outside: Outside,
        open: impl FnOnce(&Path) -> OpenDisk,
    ) -> Result<Self, StartError> {
        let Outside { instance, clock, log, memory, metrics } = outside;
        let log = Arc::new(ClosableLog::new(log));
        let memory = MemoryShare::join(&memory, config.memory_limit_bytes, config.delivery_bytes());
        let stream = new_stream_id(clock.wall_micros())?;
        let [is_stopping, is_abandoned] = [(); 2].map(|()| Arc::<AtomicBool>::default());
        let own_folder =
            config.store_dir.as_ref().map(|store_dir| folder_of(store_dir, &instance, &places.shown(&config)));
        let folder = own_folder.as_deref().map(|folder| (folder.display().to_string(), open(folder)));
        let settings = SpoolSettings {
            stream: Arc::from(stream.as_str()),
            lanes: config.lanes.clone(),
            durability: config.durability.clone(),
            sorting: sorting_of(&config),
            memory: memory.clone(),
            disk_limit_bytes: config.store_dir_limit_bytes,
            folder,
            is_stopping: Arc::clone(&is_stopping),
            is_abandoned: Arc::clone(&is_abandoned),
        };
        let spool = Spool::new(settings);
        let surroundings = Surroundings {
            ledger: Arc::new(Ledger::new(config.lanes.clone(), config.sorter.rules.droppers())),
            clock,
            log: Arc::clone(&log) as Arc<dyn Log>,
            memory,
            metrics,
            is_store_failing: Arc::default(),
            spare_chunk: Arc::default(),
            is_datadog_failing: Arc::default(),
            folder: own_folder,
            is_stuck: Arc::default(),
            is_stopping,
            is_abandoned,
            config: Arc::new(config),
        };
        // A host's metrics are made while it starts the instance, on its own thread.
        surroundings.metrics.update(&surroundings.ledger);
        let (sender, receiver) = channel();
        let (jobs, QueueEnds { lake: lake_queue, datadog: datadog_queue }) = Queues::new(&surroundings.config);
        let (deadline, deadline_of_deliverers) = watch::channel(None);
        let stop = StopTime::new(deadline_of_deliverers, Arc::clone(&surroundings.clock));
        let seed = stream.bytes().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let rounds = |queue| DeliveryLoop {
            lanes: surroundings.config.lanes.clone(),
            queue,
            stop: stop.clone(),
            acceptor: sender.clone(),
            backoff: Backoff::new(seed),
        };
        let mut deliverers: Vec<(&'static str, ThreadBody)> = Vec::new();
        if let (Some(lake), Some(queue)) = (places.lake, lake_queue) {
            let lake = LakeDelivery::new(surroundings.clone(), lake, stop.clone(), sender.clone());
            let deliverer = Deliverer::new(surroundings.clone(), rounds(queue), lake)?;
            deliverers.push(("shiwake-deliver", Box::new(move || deliverer.run())));
        }
        #[cfg(feature = "datadog")]
        if let (Some(config), Some(queue)) = (&surroundings.config.datadog, datadog_queue) {
            let (acceptor, stop) = (sender.clone(), stop.clone());
            let datadog = DatadogDelivery::new(surroundings.clone(), config, places.quarantine, stop, acceptor, seed)?;
            let deliverer = Deliverer::new(surroundings.clone(), rounds(queue), datadog)?;
            deliverers.push(("shiwake-datadog", Box::new(move || deliverer.run())));
        }
        #[cfg(not(feature = "datadog"))]
        if datadog_queue.is_some() {
            return Err(StartError::NoDatadog);
        }
        let endpoint = surroundings.config.metadata_endpoint.clone();
        let task_watcher = endpoint
            .map(|endpoint| TaskWatcher::start(endpoint, Pace::default(), Arc::clone(&surroundings.log)))
            .transpose()
            .map_err(|source| StartError::System { what: "a thread", source })?;
        let task = task_watcher.as_ref().map(TaskWatcher::reader);
        let acceptor = Acceptor::new(surroundings.clone(), spool, jobs, task);
        let task_watcher = Mutex::new(task_watcher);
        let pipeline = Self { sender, surroundings, log, deadline, threads: Mutex::default(), task_watcher };
        // When the second thread cannot be had, dropping the pipeline stops the first.
        pipeline.spawn("shiwake-accept", move || acceptor.run(&receiver))?;
        for (name, run) in deliverers {
            pipeline.spawn(name, run)?;
        }
        Ok(pipeline)
    }

    /// Hands a chunk over and waits until its records are in the spool. May be called from several threads.
    ///
    /// A disk that hangs holds the host only once: after [`PATIENCE`] it is told to keep the chunk, and so are those that
    /// follow, at once, until the acceptor goes on.
    pub fn accept(&self, chunk: &[u8], tag: &str) -> Answer {
        if self.surroundings.is_stuck.load(Ordering::Acquire) {
            return Answer::Retry;
        }
        let (answer, answered) = sync_channel(1);
        let claim = Arc::new(Claim::default());
        let mut bytes = self.surroundings.chunk_buffer(chunk.len());
        bytes.extend_from_slice(chunk);
        let message = Message::Chunk { bytes, tag: Arc::from(tag), answer, claim: Arc::clone(&claim) };
        if self.sender.send(message).is_err() {
            return Answer::Retry;
        }
        // Without a folder nothing hangs between the beginning and the answer, and nothing could be recognised later.
        let has_folder = self.surroundings.config.store_dir.is_some();
        for may_have_begun in [false, has_folder] {
            match answered.recv_timeout(PATIENCE) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Answer::Retry,
                Err(RecvTimeoutError::Timeout) if claim.give_up(may_have_begun) => {
                    self.surroundings.is_stuck.store(true, Ordering::Release);
                    // Seen after that store, so it ends what it says.
                    let _ = self.sender.send(Message::Wake);
                    return Answer::Retry;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        answered.recv().unwrap_or(Answer::Retry)
    }

    /// The sums so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.surroundings.ledger
    }

    /// The time that [`Pipeline::stop`] gives what is pending.
    #[must_use]
    pub fn shutdown_timeout(&self) -> Duration {
        self.surroundings.config.shutdown_timeout
    }

    /// Stops within the shutdown timeout.
    pub fn stop(&self) {
        self.stop_within(self.shutdown_timeout());
    }

    /// Takes no more, writes what is pending as far as the time allows, says what is left, and joins the threads; but one that
    /// hangs in a disk is left alone, [`END_MARGIN`] behind that time. Nothing is logged after this. Doing it again does
    /// nothing.
    pub fn stop_within(&self, time: Duration) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        let task_watcher = self.task_watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(task_watcher);
        let Surroundings { ledger, clock, log, .. } = &self.surroundings;
        self.deadline.send_replace(Some(clock.monotonic() + time));
        self.surroundings.is_stopping.store(true, Ordering::Relaxed);
        let _ = self.sender.send(Message::Stop);
        let begun = clock.monotonic();
        let mut hanging = 0;
        for thread in threads {
            // What one that hangs has used up the next one has had too.
            let left = (time + END_MARGIN).saturating_sub(clock.monotonic().saturating_sub(begun));
            let has_ended = thread.join_within(if hanging == 0 { left } else { Duration::ZERO });
            hanging += usize::from(!has_ended);
            self.surroundings.is_abandoned.fetch_or(!has_ended, Ordering::AcqRel);
        }
        if hanging > 0 {
            let text = format!(
                "{hanging} threads have not ended {END_MARGIN:?} behind their time, as when a disk hangs: they are left alone"
            );
            log.line(Level::Error, &text);
        }
        self.say_what_is_left(time);
        log.line(Level::Info, &format!("ledger at exit: {ledger}"));
        self.log.close();
    }

    fn say_what_is_left(&self, time: Duration) {
        let Surroundings { ledger, log, config, .. } = &self.surroundings;
        let pending_of = |is_kept: bool| -> Vec<(&str, u64)> {
            let lanes = ledger.by_lane().zip(&config.durability);
            let lanes = lanes.filter(|(_, how)| (**how != Durability::Memory) == is_kept);
            lanes.map(|((lane, totals), _)| (lane, totals.pending())).filter(|(_, pending)| *pending > 0).collect()
        };
        let in_words = |pending: &[(&str, u64)]| {
            let total: u64 = pending.iter().map(|(_, records)| records).sum();
            let lanes: Vec<String> = pending.iter().map(|(lane, records)| format!("{lane} {records}")).collect();
            format!("{total} records ({}) could not be written within {time:?}", lanes.join(", "))
        };
        let (kept, lost) = (pending_of(true), pending_of(false));
        if !kept.is_empty() {
            let folder = config.store_dir.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default();
            let text = format!("{}; they stay in '{folder}' and are written at the next start", in_words(&kept));
            log.line(Level::Warn, &text);
        }
        if !lost.is_empty() {
            let text = format!("{} of shutdown_timeout and are lost: they were in memory", in_words(&lost));
            log.line(Level::Error, &text);
        }
    }

    fn spawn(&self, name: &'static str, body: impl FnOnce() + Send + 'static) -> Result<(), StartError> {
        let (running, ended) = sync_channel(0);
        let handle = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _running = running;
                body();
            })
            .map_err(|source| StartError::System { what: "a thread", source })?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(Thread { handle, ended });
        Ok(())
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tells versions and configurations of sorting apart: what was sorted by another one may be sorted otherwise by this.
fn sorting_of(config: &OutputConfig) -> u64 {
    XxHash3_64::oneshot(format!("{} {:?}", env!("CARGO_PKG_VERSION"), config.sorter).as_bytes())
}

/// A name that no other spool has: when it was made, and chance.
fn new_stream_id(wall_micros: i64) -> Result<String, StartError> {
    let mut chance = [0_u8; 8];
    getrandom::fill(&mut chance)
        .map_err(|error| StartError::System { what: "a random number", source: std::io::Error::other(error) })?;
    Ok(format!("{:012x}{:016x}", wall_micros / 1_000, u64::from_ne_bytes(chance)))
}

type Inbox = Receiver<Message>;

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
