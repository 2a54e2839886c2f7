//! Longer and longer pauses between tries, with chance in them so that many tasks do not come back at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The pause when the host is about to exit and every try counts.
const LONGEST_WHEN_STOPPING: Duration = Duration::from_millis(500);

/// The pauses of one series of failures.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    chance: u64,
}

impl Backoff {
    /// `seed` makes the pauses of different instances differ.
    pub(super) fn new(seed: u64) -> Self {
        Self { failures: 0, chance: seed | 1 }
    }

    /// The next try succeeded.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after another failure: half of the doubled pause, and a random part of the other half.
    pub(super) fn next(&mut self, is_stopping: bool) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let ceiling = if is_stopping { ceiling.min(LONGEST_WHEN_STOPPING) } else { ceiling };
        // xorshift64 (Marsaglia 2003): spread is all that is asked of it.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let share = (self.chance >> 11) as f64 / (1_u64 << 53) as f64;
        ceiling / 2 + (ceiling / 2).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_again_after_success() {
        let mut backoff = Backoff::new(7);
        for ceiling in [1, 2, 4, 8, 16, 32, 60, 60] {
            let ceiling = Duration::from_secs(ceiling);
            let pause = backoff.next(false);
            assert!(pause >= ceiling / 2 && pause <= ceiling, "{pause:?} of {ceiling:?}");
        }
        assert!(backoff.next(true) <= LONGEST_WHEN_STOPPING);
        backoff.reset();
        assert!(backoff.next(false) <= FIRST);
    }
}
