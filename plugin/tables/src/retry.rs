//! When a commit that did not come through is made anew.
//!
//! A commit that others were faster than is made anew as often as it takes, up to a bound: each time somebody has got on. What
//! else goes wrong may have been done all the same, as when an answer is lost; it is tried a few times. Either way the table is
//! loaded again first, and what is in it by then is left out.

use crate::error::TableError;
use crate::report::Report;
use iceberg::{Error, ErrorKind};
use std::time::Duration;

/// How often what is no conflict is tried.
const FAILURES: u32 = 4;
/// The longest first pause; it is doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Counts attempts and pauses between them.
#[derive(Debug)]
pub(crate) struct Retry {
    attempts: u32,
    failures: u32,
    limit: u32,
}

impl Retry {
    /// Gives up after so many conflicts.
    pub(crate) fn new(limit: u32) -> Self {
        Self { attempts: 0, failures: 0, limit }
    }

    /// Waits a while that is up to chance, so that those who collided do not do so again.
    ///
    /// # Errors
    /// With the error, when trying again is of no use.
    pub(crate) async fn wait(&mut self, table: &str, error: Error, report: &Report) -> Result<(), TableError> {
        if !self.may_go_on(error.kind()) {
            return Err(match error.kind() {
                ErrorKind::CatalogCommitConflicts => {
                    TableError::Contended { table: table.to_owned(), attempts: self.attempts, source: Box::new(error) }
                }
                _ => error.into(),
            });
        }
        report.again(table, self.attempts, error.message())?;
        tokio::time::sleep(self.pause(getrandom::u32().unwrap_or(u32::MAX))).await;
        Ok(())
    }

    /// Counts an attempt that failed, and says whether another is worth it.
    fn may_go_on(&mut self, kind: ErrorKind) -> bool {
        self.attempts += 1;
        match kind {
            ErrorKind::CatalogCommitConflicts => self.attempts < self.limit,
            ErrorKind::Unexpected => {
                self.failures += 1;
                self.failures < FAILURES
            }
            _ => false,
        }
    }

    /// The pause before the next attempt: at most twice the last one, at least nothing.
    fn pause(&self, chance: u32) -> Duration {
        let longest = FIRST_PAUSE.saturating_mul(1 << self.attempts.min(10)).min(LONGEST_PAUSE);
        longest.mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_are_tried_long_failures_a_few_times_and_refusals_never() {
        for (kind, expected) in
            [(ErrorKind::CatalogCommitConflicts, 19), (ErrorKind::Unexpected, 3), (ErrorKind::DataInvalid, 0)]
        {
            let mut retry = Retry::new(20);
            assert_eq!((0..100).take_while(|_| retry.may_go_on(kind)).count(), expected, "{kind:?}");
        }
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let pause = |attempts: u32, chance: u32| Retry { attempts, failures: 0, limit: 0 }.pause(chance);
        assert_eq!(pause(1, 0), Duration::ZERO);
        assert_eq!(pause(1, u32::MAX), Duration::from_millis(100));
        assert_eq!(pause(60, u32::MAX), LONGEST_PAUSE);
    }
}
