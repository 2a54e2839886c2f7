//! Lines for the operator, through whatever logger the host has.

use shiwake_records::line::misread::MisreadCounts;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is lost or will not work without a change.
    Error,
    /// Something failed and is tried again.
    Warn,
    /// What happens in ordinary operation.
    Info,
    /// For those who look into the plugin.
    Debug,
}

/// Takes lines; each is one line without its end, and holds no secret.
pub trait Log: Send + Sync {
    /// Takes a line.
    fn line(&self, level: Level, text: &str);
}

/// A log that can be closed: for threads that may outlive whoever gave it.
pub struct ClosableLog(RwLock<Option<Arc<dyn Log>>>);

impl ClosableLog {
    /// Passes lines on to a log, until it is closed.
    #[must_use]
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self(RwLock::new(Some(log)))
    }

    /// Waits for lines that are being written, and drops all that come later.
    pub fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Log for ClosableLog {
    fn line(&self, level: Level, text: &str) {
        if let Some(log) = &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            log.line(level, text);
        }
    }
}

/// Lets the first line of a kind through, then at most one an interval, and counts what it held back.
#[derive(Debug, Default)]
pub struct RateLimit {
    last: Option<Duration>,
    held_back: u64,
}

/// Time between two lines of one kind.
pub const LINE_INTERVAL: Duration = Duration::from_secs(60);

impl RateLimit {
    /// Whether a line may be written at `now`, and how many were held back since the last one.
    pub fn admit(&mut self, now: Duration) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_sub(last) < LINE_INTERVAL) {
            self.held_back += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.held_back))
    }
}

/// Tells of lines that begin like a format and are none of it, when there are new ones.
#[derive(Debug, Default)]
pub struct MisreadLines {
    limit: RateLimit,
    told: u64,
}

impl MisreadLines {
    /// Tells of them, unless it was told within the interval before `now`, which is asked only when there are new ones.
    pub fn tell(&mut self, misreads: &MisreadCounts, now: impl FnOnce() -> Duration, log: &dyn Log) {
        if misreads.total() > self.told && self.limit.admit(now()).is_some() {
            self.tell_last(misreads, log);
        }
    }

    /// Tells of them now, as when there are no more to come.
    pub fn tell_last(&mut self, misreads: &MisreadCounts, log: &dyn Log) {
        if misreads.total() > self.told {
            self.told = misreads.total();
            let what = "lines that begin like a format and are none of it, and stay as they are, so far";
            log.line(Level::Info, &format!("{what}: {misreads}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_misread_lines_are_told_once_an_interval_and_at_the_end() {
        #[derive(Default)]
        struct Count(std::sync::atomic::AtomicU64);
        impl Log for Count {
            fn line(&self, _: Level, _: &str) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let (mut lines, mut counts, log) = (MisreadLines::default(), MisreadCounts::default(), Count::default());
        let mut told = |counts: &MisreadCounts, seconds: Option<u64>| {
            match seconds {
                Some(seconds) => lines.tell(counts, || Duration::from_secs(seconds), &log),
                None => lines.tell_last(counts, &log),
            }
            log.0.load(std::sync::atomic::Ordering::Relaxed)
        };
        assert_eq!(told(&counts, Some(1)), 0);
        counts.count(b"{\"a\": ");
        assert_eq!((told(&counts, Some(2)), told(&counts, Some(3)), told(&counts, Some(99))), (1, 1, 1));
        counts.count(b"{\"a\": ");
        assert_eq!((told(&counts, Some(99)), told(&counts, None)), (2, 2));
        counts.count(b"{\"a\": ");
        assert_eq!((told(&counts, Some(100)), told(&counts, None), told(&counts, None)), (2, 3, 3));
    }

    #[test]
    fn one_line_an_interval_and_the_rest_is_counted() {
        let mut limit = RateLimit::default();
        assert_eq!(limit.admit(Duration::from_secs(5)), Some(0));
        assert_eq!(limit.admit(Duration::from_secs(6)), None);
        assert_eq!(limit.admit(Duration::from_secs(64)), None);
        assert_eq!(limit.admit(Duration::from_secs(65)), Some(2));
    }
}
