//! Where the ledger is shown to machines.
//!
//! The ledger is the truth and is only read here. Whoever implements [`Metrics`] shows its sums somewhere, such as in
//! the host's own metrics; how fresh they are is up to whoever calls [`Metrics::update`].

use crate::ledger::Ledger;

/// Shows the sums of a ledger.
pub trait Metrics: Send + Sync {
    /// Takes over the sums as they are now. Cheap: may be called after every chunk and every delivery, from any thread.
    fn update(&self, ledger: &Ledger);
}

/// Shows nothing, for hosts without metrics.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn update(&self, _ledger: &Ledger) {}
}
