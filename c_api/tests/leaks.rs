//! What is left of an instance that was exited: nothing that adds up.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unused_imports,
    unused_macros,
    unreachable_pub,
    reason = "a failure is the test's failure, and modules shared by tests have no public"
)]

mod plugin;
mod process;

use plugin::lake::rows;
use plugin::{Turn, dist};
use process::{alone, entries, resident_bytes};
use serde_json::json;
use shiwake_harness::{ChunkBuilder, ChunkFormat, Flush, Layout, Time};
use std::collections::BTreeSet;
use std::path::Path;

/// Rounds after which everything is there that is made once: caches, arenas, the harness's closed mappings.
const FIRST_ROUNDS: u64 = 100;
const ROUNDS: u64 = 1_000;
/// What may be more after the last round: the allocator's noise, and an instance that kept one thing a round would show,
/// be it a kilobyte.
const NOISE_BYTES: u64 = 900_000;
/// Mappings that may be more: the allocator splits and joins its own.
const NOISE_MAPPINGS: usize = 12;

#[derive(Debug)]
struct Belongings {
    resident_bytes: u64,
    threads: usize,
    files: usize,
    mappings: usize,
}

impl Belongings {
    fn now() -> Self {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        Self {
            resident_bytes: resident_bytes(),
            threads: entries("/proc/self/task"),
            files: entries("/proc/self/fd"),
            mappings: maps.lines().count(),
        }
    }
}

/// Loads the plugin, has an instance take a chunk and deliver it, exits it and unloads the plugin.
fn round(turn: &Turn, number: u64, lake: &Path, store_dir: Option<&Path>) {
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let mut properties = vec![("lake", lake.to_str().unwrap()), ("shutdown_timeout", "60s")];
    properties.extend(store_dir.map(|folder| ("store_dir", folder.to_str().unwrap())));
    let output = plugin.output_instance(&properties).unwrap();
    let mut chunk = ChunkBuilder::new(ChunkFormat::Legacy);
    for line in ["hello", "[x] ERROR y"] {
        // The same chunk again would be recognised, and not be taken.
        let record = json!({"log": line, "number": number, "filler": "z".repeat(1_000)});
        chunk.push(Time::Seconds(1_700_000_000), &record);
    }
    assert_eq!(output.flush("app", &chunk.finish()).unwrap(), Flush::Ok);
    plugin.exit_all().unwrap();
}

/// The files of the only instance's folder, without the names of streams.
fn kinds_of_files(store_dir: &Path) -> Vec<String> {
    let folders: Vec<_> = std::fs::read_dir(store_dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    let names = std::fs::read_dir(&folders[0]).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut kinds: Vec<String> =
        names.map(|name| name.rsplit_once('.').map_or(name.clone(), |(_, kind)| format!("*.{kind}"))).collect();
    kinds.sort();
    kinds
}

fn rounds_leave_nothing(layout: Layout, store_dir: Option<&Path>) {
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let mut after_first = None;
    for number in 1..=ROUNDS {
        round(&turn, number, lake.path(), store_dir);
        let ledgers = turn.ledgers();
        assert_eq!(ledgers, [[2, 2, 0, 0]], "round {number}");
        let _lines = turn.host.take_log_lines();
        if number == FIRST_ROUNDS {
            after_first = Some(Belongings::now());
        }
    }
    let (first, last) = (after_first.unwrap(), Belongings::now());
    println!("{layout:?}: after {FIRST_ROUNDS} rounds {first:?}, after {ROUNDS} {last:?}");
    if let Some(store_dir) = store_dir {
        let kinds = kinds_of_files(store_dir);
        println!("in store_dir: {kinds:?}");
        assert_eq!(kinds, ["*.commits", "*.lock", "lake", "seed"]);
    }
    assert_eq!(rows(lake.path()), 2 * ROUNDS);
    assert!(last.resident_bytes < first.resident_bytes + NOISE_BYTES, "memory");
    // A thread that was joined may be listed for a moment.
    assert!(last.threads <= first.threads + 1, "threads");
    assert_eq!(last.files, first.files, "open files");
    assert!(last.mappings <= first.mappings + NOISE_MAPPINGS, "mappings");
}

macro_rules! leave_nothing {
    ($($name:ident: $layout:expr, $has_store_dir:expr;)*) => {
        $(#[test]
        fn $name() {
            alone(stringify!($name), || {
                let store_dir = tempfile::tempdir().unwrap();
                rounds_leave_nothing($layout, $has_store_dir.then_some(store_dir.path()));
            });
        })*
    };
}

leave_nothing! {
    a_thousand_rounds_in_memory_leave_nothing_in_1_9_10: Layout::V1_9_10, false;
    a_thousand_rounds_in_files_leave_nothing_in_1_9_10: Layout::V1_9_10, true;
    a_thousand_rounds_in_memory_leave_nothing_in_4_2_8: Layout::V4_2_8, false;
    a_thousand_rounds_in_files_leave_nothing_in_4_2_8: Layout::V4_2_8, true;
}
