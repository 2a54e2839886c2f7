//! When the host exits, and how long its exit may take.

use crate::clock::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Tells a destination's thread of the host's exit.
#[derive(Clone)]
pub(super) struct StopTime {
    deadline: watch::Receiver<Option<Duration>>,
    clock: Arc<dyn Clock>,
}

impl StopTime {
    /// `deadline` is set, on the clock's monotonic time, when the host begins to exit.
    pub(super) fn new(deadline: watch::Receiver<Option<Duration>>, clock: Arc<dyn Clock>) -> Self {
        Self { deadline, clock }
    }

    /// Whether the host exits.
    pub(super) fn is_stopping(&self) -> bool {
        self.deadline.borrow().is_some()
    }

    /// Whether its deadline has passed.
    pub(super) fn is_out_of_time(&self) -> bool {
        self.deadline.borrow().is_some_and(|deadline| self.clock.monotonic() >= deadline)
    }

    /// Waits for `pause`, or less when the host begins to exit or its deadline comes.
    pub(super) async fn pause(&self, pause: Duration) {
        let was_stopping = self.is_stopping();
        let mut deadline = self.deadline.clone();
        tokio::select! {
            biased;
            () = tokio::time::sleep(pause) => {}
            _ = deadline.wait_for(Option::is_some), if !was_stopping => {}
            () = self.deadline_passed() => {}
        }
    }

    /// Completes when the host begins to exit.
    pub(super) async fn stop_begun(&self) {
        let mut deadline = self.deadline.clone();
        // When the pipeline is gone without a word nobody waits for us.
        let _ = deadline.wait_for(Option::is_some).await;
    }

    /// Completes when a deadline is set and has passed; never before one is set.
    pub(super) fn deadline_passed(&self) -> impl Future<Output = ()> + use<> {
        let (mut deadline, clock) = (self.deadline.clone(), Arc::clone(&self.clock));
        async move {
            let set = match deadline.wait_for(Option::is_some).await {
                Ok(set) => *set,
                // The pipeline is gone without a word; nobody waits for us.
                Err(_) => return,
            };
            tokio::time::sleep(set.unwrap_or_default().saturating_sub(clock.monotonic())).await;
        }
    }
}
