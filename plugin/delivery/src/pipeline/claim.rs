//! Who has the say about a chunk while the host waits for its answer.
//!
//! The host gives up waiting when the disk hangs. Until the acceptor has begun with a chunk that is all there is to it: the
//! chunk is not taken any more. Afterwards it may be taken all the same, and when it is, the acceptor learns here that
//! nobody has heard of it, so that the chunk is recognised when it comes again.

use std::sync::atomic::{AtomicU8, Ordering};

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;
const ANSWERED: u8 = 3;

/// Where a chunk is between the host and the acceptor.
#[derive(Debug, Default)]
pub(super) struct Claim(AtomicU8);

impl Claim {
    /// The acceptor begins to take the chunk; `false` when the host has given up.
    pub(super) fn begin(&self) -> bool {
        self.swap(WAITING, BEGUN)
    }

    /// There was no room: the chunk waits again; `false` when the host has given up.
    pub(super) fn wait_again(&self) -> bool {
        self.swap(BEGUN, WAITING)
    }

    /// The answer is about to be given; `false` when the host has given up and will not hear it.
    pub(super) fn answer(&self) -> bool {
        self.swap(BEGUN, ANSWERED) || self.swap(WAITING, ANSWERED)
    }

    /// The host gives up; `false` when it is too late for that.
    pub(super) fn give_up(&self, may_have_begun: bool) -> bool {
        self.swap(WAITING, GIVEN_UP) || (may_have_begun && self.swap(BEGUN, GIVEN_UP))
    }

    fn swap(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_side_has_its_way() {
        let claim = Claim::default();
        assert!(claim.begin() && claim.wait_again() && claim.begin());
        assert!(!claim.give_up(false));
        assert!(claim.answer() && !claim.give_up(true));
        let claim = Claim::default();
        assert!(claim.give_up(false) && !claim.begin());
        let claim = Claim::default();
        assert!(claim.begin() && claim.give_up(true) && !claim.answer() && !claim.wait_again());
    }
}
