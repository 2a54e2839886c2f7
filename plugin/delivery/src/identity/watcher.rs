//! The thread that asks for the task's documents, and what it knows.
//!
//! It asks at the start and, while the task's document is not there, again with growing pauses; then when a record came from a
//! container that is not known, at most once in [`Pace::refresh`]. What the container's document says is used as well, and
//! while there is nothing else. It says once that something is wrong. Dropping the watcher cuts off whatever the thread waits
//! for and joins it.

use super::endpoint::{Endpoint, FetchError};
use crate::log::{Level, Log};
use shiwake_records::identity::task::TaskIdentity;
use shiwake_records::sorter::Sorter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// How long a start waits for the first answer, so that the first records have their origin too. The agent answers within
/// milliseconds.
const PATIENCE_AT_START: Duration = Duration::from_millis(500);
/// Containers that are remembered, those that are gone included, whose last lines may still come.
const MAX_CONTAINERS: usize = 256;

/// How often is asked.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The pause after the first failure, which is doubled with each.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// The least time between asking for new containers.
    pub refresh: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            refresh: Duration::from_secs(10),
        }
    }
}

/// What the thread and its readers share.
#[derive(Debug, Default)]
struct Shared {
    task: Mutex<Option<Arc<TaskIdentity>>>,
    /// Grows when the task above changes.
    edition: AtomicU64,
    has_new_container: Notify,
    is_stopping: Notify,
}

/// The running thread.
#[derive(Debug)]
pub struct TaskWatcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl TaskWatcher {
    /// Starts the thread, and waits half a second at most for the first answer.
    ///
    /// # Errors
    /// When the system gives no thread or no timer.
    pub fn start(endpoint: Endpoint, pace: Pace, log: Arc<dyn Log>) -> std::io::Result<Self> {
        let shared: Arc<Shared> = Arc::default();
        let (asked, has_asked) = sync_channel(1);
        let asker = Asker { endpoint, pace, log, shared: Arc::clone(&shared), has_complained: false };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let is_stopped = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("shiwake-ecs".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = is_stopped.is_stopping.notified() => {}
                    () = asker.run(asked) => {}
                }
            });
        })?;
        let _ = has_asked.recv_timeout(PATIENCE_AT_START);
        Ok(Self { shared, thread: Some(thread) })
    }

    /// A way to what is known.
    #[must_use]
    pub fn reader(&self) -> TaskReader {
        TaskReader { shared: Arc::clone(&self.shared), edition: 0 }
    }
}

impl Drop for TaskWatcher {
    fn drop(&mut self) {
        self.shared.is_stopping.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Hands what is known to a sorter. Costs the reading of a number while nothing changes.
#[derive(Debug)]
pub struct TaskReader {
    shared: Arc<Shared>,
    /// The edition that the sorter has.
    edition: u64,
}

impl TaskReader {
    /// To be called before a chunk: tells the sorter what has become known.
    pub fn tell(&mut self, sorter: &mut Sorter) {
        let edition = self.shared.edition.load(Ordering::Acquire);
        if edition != self.edition {
            self.edition = edition;
            let task = self.shared.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(task) = task {
                sorter.set_task(&task);
            }
        }
    }

    /// To be called after a chunk: has the thread ask again if the sorter saw a container that is not known.
    pub fn ask(&self, sorter: &mut Sorter) {
        if sorter.take_new_container() {
            self.shared.has_new_container.notify_one();
        }
    }
}

/// The thread's side.
struct Asker {
    endpoint: Endpoint,
    pace: Pace,
    log: Arc<dyn Log>,
    shared: Arc<Shared>,
    has_complained: bool,
}

impl Asker {
    async fn run(mut self, asked: SyncSender<()>) {
        let mut pause = self.pace.first_pause;
        loop {
            let begun = Instant::now();
            let has_task = self.ask().await;
            let _ = asked.try_send(());
            if has_task {
                pause = self.pace.first_pause;
                self.shared.has_new_container.notified().await;
                sleep_until(begun + self.pace.refresh).await;
            } else {
                sleep(pause).await;
                pause = (pause * 2).min(self.pace.longest_pause);
            }
        }
    }

    /// Asks for both documents; whether the task's was there.
    async fn ask(&mut self) -> bool {
        let task = self.endpoint.task_document().await;
        let task = task.and_then(|document| Ok(TaskIdentity::from_task(&document)?));
        let container = self.endpoint.container_document().await;
        let container = container.and_then(|document| Ok(TaskIdentity::from_container(&document)?));
        let has_task = task.is_ok();
        for (what, error) in [("task", task.as_ref().err()), ("container", container.as_ref().err())] {
            if let Some(error) = error {
                self.complain(what, error);
            }
        }
        let known = task.ok().into_iter().chain(container.ok()).reduce(|mut known, other| {
            known.fill_from(other);
            known
        });
        if let Some(known) = known {
            self.publish(known);
        }
        has_task
    }

    fn publish(&self, mut known: TaskIdentity) {
        let mut place = self.shared.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = place.as_deref() {
            known.fill_from(before.clone());
            known.containers.truncate(MAX_CONTAINERS);
        }
        if place.as_deref() == Some(&known) {
            return;
        }
        let text = format!("ECS task {} with {} containers", known.task_arn, known.containers.len());
        *place = Some(Arc::new(known));
        drop(place);
        self.shared.edition.fetch_add(1, Ordering::Release);
        self.log.line(Level::Debug, &text);
    }

    fn complain(&mut self, what: &str, error: &FetchError) {
        if !std::mem::replace(&mut self.has_complained, true) {
            let address = self.endpoint.address();
            let text = format!(
                "ECS metadata of the {what} at {address}: {error}; records get the fields that are known, and it is tried \
                 again (this is said once; 'ecs_metadata off' does without)"
            );
            self.log.line(Level::Warn, &text);
        }
    }
}

#[cfg(test)]
#[path = "watcher_tests.rs"]
mod tests;
