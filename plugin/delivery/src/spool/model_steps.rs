//! What may happen to the model's spool.

use crate::spool::fake_disk::Fault;
use proptest::prelude::*;

/// A step.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The host sends a chunk with records of these lanes.
    Send(Vec<usize>),
    /// The host sends again what it was asked to.
    SendAgain,
    /// What was sent is made safe and answered.
    Answer,
    Seal(usize),
    /// The oldest sealed segment is stored.
    Deliver,
    /// The oldest stored one is committed.
    Commit,
    Fail(Fault),
    Kill {
        notes_are_lost: bool,
    },
    CutPower {
        chance: u64,
        notes_are_lost: bool,
    },
}

/// Any step; power is cut in some only when that is asked for.
pub(super) fn step(with_power_cuts: bool) -> impl Strategy<Value = Step> {
    let lanes =
        proptest::collection::btree_set(0_usize..4, 1..4).prop_map(|lanes| Step::Send(lanes.into_iter().collect()));
    let fault = prop_oneof![
        Just(Fault::ShortWrite),
        Just(Fault::Sync),
        Just(Fault::SyncNames),
        Just(Fault::Create),
        Just(Fault::Open),
        Just(Fault::Read),
        Just(Fault::Remove),
        Just(Fault::Truncate),
    ];
    let cut = (any::<u64>(), any::<bool>()).prop_map(move |(chance, notes_are_lost)| {
        if with_power_cuts { Step::CutPower { chance, notes_are_lost } } else { Step::Kill { notes_are_lost } }
    });
    prop_oneof![
        8 => lanes,
        2 => Just(Step::SendAgain),
        6 => Just(Step::Answer),
        3 => (0_usize..4).prop_map(Step::Seal),
        3 => Just(Step::Deliver),
        2 => Just(Step::Commit),
        1 => fault.prop_map(Step::Fail),
        1 => any::<bool>().prop_map(|notes_are_lost| Step::Kill { notes_are_lost }),
        1 => cut,
    ]
}
