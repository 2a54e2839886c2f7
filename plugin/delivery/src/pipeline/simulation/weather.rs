//! What happens when, by the time since the beginning.

use std::ops::Range;
use std::time::Duration;

const MINUTE: u64 = 60;
/// One begins as often as this, while there is disorder.
const PARTITION_EVERY: Duration = Duration::from_secs(10 * MINUTE);
/// How long it lasts.
const PARTITION: Duration = Duration::from_secs(5 * MINUTE);
/// How many of the writers do not reach the bucket then.
const CUT_OFF: f64 = 0.3;

/// The stretches. They follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// When the measured hour begins; before, writers have come to their usual pace.
    measured_from: u64,
    /// When disorder begins, which stays: slow and lost answers, deaths, writers that do not reach the bucket. In seconds, as all here.
    disorder_from: u64,
    /// When the bucket goes away: for one half it refuses, for the other it does not answer.
    outage_from: u64,
    outage_to: u64,
    /// When nothing is logged any more.
    end: u64,
    /// Which share of the writers dies or is restarted in an hour of disorder.
    pub(super) ends_an_hour: f64,
}

impl Weather {
    pub(super) const LARGE: Self = Self {
        measured_from: 25 * MINUTE,
        disorder_from: 85 * MINUTE,
        outage_from: 115 * MINUTE,
        outage_to: 175 * MINUTE,
        end: 180 * MINUTE,
        ends_an_hour: 0.1,
    };
    /// With few writers more must happen to each.
    pub(super) const SMALL: Self = Self {
        measured_from: 15 * MINUTE,
        disorder_from: 75 * MINUTE,
        outage_from: 95 * MINUTE,
        outage_to: 107 * MINUTE,
        end: 112 * MINUTE,
        ends_an_hour: 4.0,
    };

    fn seconds(from: u64, to: u64) -> Range<Duration> {
        Duration::from_secs(from)..Duration::from_secs(to)
    }

    /// An hour in which nothing is wrong, with an end of an hour in it.
    pub(super) fn measured(&self) -> Range<Duration> {
        Self::seconds(self.measured_from, self.disorder_from)
    }

    /// Disorder before the outage.
    pub(super) fn disorder(&self) -> Range<Duration> {
        Self::seconds(self.disorder_from, self.outage_from)
    }

    pub(super) fn outage(&self) -> Range<Duration> {
        Self::seconds(self.outage_from, self.outage_to)
    }

    /// What comes at once when the bucket is there again.
    pub(super) fn storm(&self) -> Range<Duration> {
        Self::seconds(self.outage_to, self.outage_to + 5 * MINUTE)
    }

    pub(super) fn end(&self) -> Duration {
        Duration::from_secs(self.end)
    }

    pub(super) fn is_disorder(&self, now: Duration) -> bool {
        now >= self.disorder().start
    }

    pub(super) fn refuses(&self, now: Duration) -> bool {
        let Range { start, end } = self.outage();
        (start..start + (end - start) / 2).contains(&now)
    }

    pub(super) fn is_silent(&self, now: Duration) -> bool {
        self.outage().contains(&now) && !self.refuses(now)
    }

    /// Which writers do not reach the bucket now: those whose lot for the number of this time is below the share. None from the outage
    /// on, so that the time to recover is that of the outage.
    pub(super) fn partition(&self, now: Duration) -> Option<(u64, f64)> {
        let since = self.disorder().contains(&now).then(|| now - self.disorder().start)?;
        let number = since.as_secs() / PARTITION_EVERY.as_secs();
        let is_cut = since.as_secs() % PARTITION_EVERY.as_secs() < PARTITION.as_secs();
        is_cut.then_some((number, CUT_OFF))
    }
}
