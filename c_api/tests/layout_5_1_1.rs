//! The shared object in a host of layout 5.1.1, in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a failure is the test's failure, and modules shared by tests have no public"
)]

mod plugin;

plugin::promises!(shiwake_harness::Layout::V5_1_1);
