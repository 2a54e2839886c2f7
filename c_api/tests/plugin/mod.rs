//! What the shared object promises to every host; `promises!` makes a test of each for a layout.
//!
//! The object tested is the one that ships, in `dist/`; or in the folder that `SHIWAKE_DIST` names, where it was built in
//! another way.

pub mod configuration;
pub mod fuzz;
pub mod lake;
pub mod main_job;
pub mod service;

use shiwake_harness::{Host, Layout};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file of the plugin that is tested.
pub fn dist(file: &str) -> PathBuf {
    let folder = std::env::var_os("SHIWAKE_DIST").map(PathBuf::from);
    let path = folder.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../dist").into()).join(file);
    assert!(path.exists(), "{} is not there: run 'make plugin' first", path.display());
    path
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The host, to oneself: the tests of a binary share it and its log.
pub struct Turn {
    pub host: Host,
    _alone: MutexGuard<'static, ()>,
}

impl Turn {
    pub fn new(layout: Layout) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let host = Host::start(layout).unwrap();
        let _of_earlier_tests = host.take_log_lines();
        Self { host, _alone: alone }
    }

    pub fn has_line(&self, part: &str) -> bool {
        self.host.log_lines().iter().any(|line| line.text.contains(part))
    }

    /// In, written, quarantined and pending of each instance that has exited.
    pub fn ledgers(&self) -> Vec<[u64; 4]> {
        let number = |line: &str, name: &str| -> u64 {
            let rest = &line[line.find(&format!(" {name}=")).unwrap() + name.len() + 2..];
            rest.split(' ').next().unwrap().parse().unwrap()
        };
        self.host
            .log_lines()
            .iter()
            .filter(|line| line.text.contains("ledger at exit"))
            .map(|line| ["in", "written", "quarantined", "pending"].map(|name| number(&line.text, name)))
            .collect()
    }
}

macro_rules! promises {
    ($layout:expr) => {
        $crate::plugin::promises!($layout, main_job: [
            records_go_through_filter_and_output_into_the_lake,
            a_flush_stays_far_below_the_stack_it_has,
            a_filter_stays_below_the_stack_of_a_coroutine,
            several_instances_write_their_own_lakes,
            workers_hand_over_at_the_same_time,
            markers_pass_through_and_are_no_rows,
            starting_and_exiting_again_and_again_works,
        ]);
        $crate::plugin::promises!($layout, configuration: [
            what_is_wrong_is_refused_in_one_line,
            a_refused_instance_leaves_the_others_alone,
        ]);
        $crate::plugin::promises!($layout, service: [
            the_host_s_metrics_are_the_ledger,
            the_shutdown_timeout_follows_the_host_s_grace_unless_it_is_set,
        ]);
        $crate::plugin::promises!($layout, fuzz: [random_and_mutated_chunks_lose_no_good_record]);
    };
    ($layout:expr, $module:ident: [$($name:ident),* $(,)?]) => {
        $(#[test]
        fn $name() {
            $crate::plugin::$module::$name($layout);
        })*
    };
}
pub(crate) use promises;
