//! What the plugin takes of its host's memory under load, at most.
//!
//! The memory of a process is measured with the plugin loaded and an instance that has nothing to do, and then the most
//! it had while chunks were handed over as fast as they were taken. The harness makes its chunks in one buffer that it
//! has from the start; its copy of the chunk that is being handed over, two million bytes at most for each output, counts
//! as the plugin's.

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
use process::load::Load;
use process::{alone, forget_peak, peak_resident_bytes, resident_bytes};
use shiwake_harness::{Flush, Layout, Output};
use std::time::Instant;
use tempfile::TempDir;

/// What the plugin may take beyond what it takes when it has nothing to do.
const BOUND_BYTES: u64 = 64_000_000;
/// Bytes of chunks that are handed over, to all outputs together.
const LOAD_BYTES: u64 = 1_000_000_000;
const SEED: u64 = 0x5b1_4a51;

/// Hands chunks over until the output has taken so many bytes, and tells how many chunks it took.
fn hand_over(output: &Output, load: &mut Load, bytes: u64) -> u64 {
    let (mut taken, mut chunks) = (0, 0);
    while taken < bytes {
        let chunk = load.next_chunk();
        while output.flush("app.wide", chunk).unwrap() == Flush::Retry {
            std::thread::yield_now();
        }
        taken += chunk.len() as u64;
        chunks += 1;
    }
    chunks
}

/// Loads outputs that have these folders for their records, and measures.
fn outputs_stay_within_the_bound(store_dirs: &[Option<TempDir>]) {
    let turn = Turn::new(Layout::V4_2_8);
    let plugin = turn.host.load(dist("shiwake.so")).unwrap();
    let lakes: Vec<TempDir> = store_dirs.iter().map(|_| tempfile::tempdir().unwrap()).collect();
    let outputs: Vec<Output> = lakes
        .iter()
        .zip(store_dirs)
        .map(|(lake, store_dir)| {
            let mut properties = vec![
                ("lake", lake.path().to_str().unwrap()),
                ("memory_limit", "48M"),
                // Not the time is tested here, which the host's Grace would bound.
                ("shutdown_timeout", "60s"),
            ];
            properties.extend(store_dir.as_ref().map(|folder| ("store_dir", folder.path().to_str().unwrap())));
            plugin.output_instance(&properties).unwrap()
        })
        .collect();
    let mut loads: Vec<Load> = (0..outputs.len() as u64).map(|number| Load::new(SEED + number)).collect();
    println!("seeds from {SEED:#x}, {} outputs", outputs.len());
    let empty = resident_bytes();
    forget_peak();

    let began = Instant::now();
    let share = LOAD_BYTES / outputs.len() as u64;
    std::thread::scope(|scope| {
        for (output, load) in outputs.iter().zip(&mut loads) {
            scope.spawn(move || {
                let chunks = hand_over(output, load, share);
                println!("{}: {share} bytes in {chunks} chunks", output.name());
            });
        }
    });
    let taken = began.elapsed();
    plugin.exit_all().unwrap();
    let peak = peak_resident_bytes();
    let above = peak.saturating_sub(empty);
    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "empty {:.1} MB, at most {:.1} MB, {:.1} MB above empty; {taken:.1?} to take the load",
        mb(empty),
        mb(peak),
        mb(above)
    );

    for (lake, [accepted, written, quarantined, pending]) in lakes.iter().zip(turn.ledgers()) {
        assert_eq!((accepted, pending), (written + quarantined, 0));
        for folder in ["access", "activity", "error", "trace", "audit", "app"].map(|name| format!("type={name}")) {
            assert!(rows(&lake.path().join(&folder)) > accepted / 100, "{folder}");
        }
        assert_eq!(rows(&lake.path().join("quarantine")), quarantined);
        assert_eq!(rows(lake.path()), accepted);
    }
    assert!(above <= BOUND_BYTES, "{above} bytes above empty, {BOUND_BYTES} are allowed");
}

#[test]
fn records_that_wait_in_memory_stay_within_the_bound() {
    alone("records_that_wait_in_memory_stay_within_the_bound", || outputs_stay_within_the_bound(&[None]));
}

#[test]
fn records_that_wait_in_files_stay_within_the_bound() {
    alone("records_that_wait_in_files_stay_within_the_bound", || {
        outputs_stay_within_the_bound(&[Some(tempfile::tempdir().unwrap())]);
    });
}

#[test]
fn an_output_in_memory_and_one_in_files_stay_within_the_bound_together() {
    alone("an_output_in_memory_and_one_in_files_stay_within_the_bound_together", || {
        outputs_stay_within_the_bound(&[None, Some(tempfile::tempdir().unwrap())]);
    });
}

#[test]
fn two_outputs_in_memory_stay_within_the_bound_together() {
    alone("two_outputs_in_memory_stay_within_the_bound_together", || outputs_stay_within_the_bound(&[None, None]));
}
