//! The shared object in a host it cannot know, in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unused_imports,
    unused_macros,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a failure is the test's failure, and modules shared by tests have no public"
)]

mod plugin;

use plugin::dist;
use shiwake_harness::{Host, Layout};

#[test]
fn it_refuses_with_a_line_and_touches_nothing() {
    let host = Host::start(Layout::Unknown).unwrap();
    let filter = host.load(dist("flb-filter_shiwake.so")).unwrap();
    assert!(filter.filter_instance(&[]).is_err());
    assert!(host.load(dist("shiwake.so")).is_err());
    let lines = host.log_lines();
    for what in ["the filter is not started", "the output is not registered"] {
        assert!(lines.iter().any(|line| line.text.contains(what)), "{what}: {lines:?}");
    }
}
