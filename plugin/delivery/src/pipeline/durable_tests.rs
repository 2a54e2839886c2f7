//! Instances with a folder, one after the other.

use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

fn start_in(folder: &TempDir, set: &[(&str, &str)]) -> Bench {
    let store_dir = folder.path().to_str().unwrap();
    start(&[&[("store_dir", store_dir), ("shutdown_timeout", "0s")], set].concat())
}

/// An instance whose store takes nothing, so that all it takes stays in its folder.
fn leave_behind(folder: &TempDir, chunks: &[Vec<u8>]) {
    let bench = start_in(folder, &[]);
    bench.store.failures_left.store(u64::MAX, Ordering::Relaxed);
    for chunk in chunks {
        assert_eq!(bench.pipeline.accept(chunk, "app"), Answer::Accepted);
    }
    bench.pipeline.stop();
    assert!(bench.lines.has(Level::Warn, "they stay in '"), "{:?}", bench.lines);
}

fn files(folder: &FilePath, part: &str) -> Vec<PathBuf> {
    let inner = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let files = std::fs::read_dir(inner).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.to_str().unwrap().contains(part)).collect()
}

fn wait_for(bench: &Bench, done: impl Fn(&Totals) -> bool) {
    while !done(&bench.pipeline.ledger().totals()) {
        std::thread::yield_now();
    }
}

#[test]
fn what_one_instance_leaves_the_next_one_writes_once() {
    let folder = tempfile::tempdir().unwrap();
    let chunks = [chunk(&["ERROR x", "hello"]), chunk(&["hello", "hello"]), chunk(&["hello", "hello"])];
    leave_behind(&folder, &chunks);

    let bench = start_in(&folder, &[("shutdown_timeout", "60s")]);
    assert!(bench.pipeline.accept(&chunk(&["new"]), "app") == Answer::Accepted);
    wait_for(&bench, |totals| totals.written == 6);
    // A host that was killed sends again what it does not know to be taken; what is sent once more after that is new.
    for chunk in chunks.iter().chain([&chunks[1]]) {
        assert_eq!(bench.pipeline.accept(chunk, "app"), Answer::Accepted);
    }
    bench.pipeline.stop();
    let ledger = bench.pipeline.ledger();
    assert_eq!((ledger.recovered(), ledger.recognised()), (6, 6));
    assert_eq!((ledger.totals().accepted, ledger.totals().written, ledger.totals().pending()), (9, 9, 0));
    assert!(bench.lines.has(Level::Info, "6 records in 2 segments of an earlier run are delivered"));
    assert!(files(folder.path(), ".segment").is_empty());
}

#[test]
fn chunks_are_recognised_after_their_segment_is_delivered_and_gone_and_after_another_restart() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = chunk(&["hello"]);
    let bench = start_in(&folder, &[("shutdown_timeout", "60s")]);
    assert_eq!(bench.pipeline.accept(&bytes, "app"), Answer::Accepted);
    bench.pipeline.stop();
    for _ in 0..3 {
        start_in(&folder, &[]).pipeline.stop();
    }
    let bench = start_in(&folder, &[("shutdown_timeout", "60s")]);
    for _ in 0..2 {
        assert_eq!(bench.pipeline.accept(&bytes, "app"), Answer::Accepted);
    }
    bench.pipeline.stop();
    assert_eq!((bench.pipeline.ledger().recognised(), bench.pipeline.ledger().totals().written), (1, 1));
    // Of each run there is a lock and a commit log while it runs; only the last one's stay.
    assert_eq!((files(folder.path(), ".lock").len(), files(folder.path(), ".commits").len()), (1, 1));
}

#[test]
fn a_damaged_segment_is_kept_as_it_is_and_the_others_are_written() {
    let folder = tempfile::tempdir().unwrap();
    leave_behind(&folder, &[chunk(&["ERROR x", "hello"])]);
    let damaged = files(folder.path(), ".app.segment").remove(0);
    let mut content = std::fs::read(&damaged).unwrap();
    let at = content.windows(5).position(|window| window == b"hello").unwrap();
    content[at] = b'j';
    std::fs::write(&damaged, &content).unwrap();

    let bench = start_in(&folder, &[("shutdown_timeout", "60s")]);
    wait_for(&bench, |totals| totals.accepted == 2);
    bench.pipeline.stop();
    let totals = bench.pipeline.ledger().totals();
    assert_eq!((totals.accepted, totals.written, totals.quarantined), (2, 1, 1));
    let kept: Vec<String> = keys(&bench.store).into_iter().filter(|key| key.contains("quarantine/segments/")).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(read(&bench.store, &kept[0]), content);
    assert!(bench.lines.has(Level::Error, "is damaged: the entry at offset"));
    assert!(files(folder.path(), ".segment").is_empty());
}

#[test]
fn a_segment_of_which_the_process_died_again_and_again_is_kept_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    leave_behind(&folder, &[chunk(&["hello"])]);
    let segment = files(folder.path(), ".app.segment").remove(0);
    std::fs::write(format!("{}.tries", segment.display()), "xxxxx").unwrap();
    let bench = start_in(&folder, &[("shutdown_timeout", "60s")]);
    wait_for(&bench, |totals| totals.accepted == 1);
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().quarantined, 1);
    assert!(bench.lines.has(Level::Error, "the process has ended 5 times while it was being delivered"));
    assert!(files(folder.path(), ".segment").is_empty());
}

#[test]
fn a_folder_that_cannot_be_used_stops_nothing_but_its_own_lanes() {
    let parent = tempfile::tempdir().unwrap();
    let store_dir = parent.path().join("spool");
    std::fs::write(&store_dir, "not a folder").unwrap();
    let bench = start(&[("store_dir", store_dir.to_str().unwrap()), ("durability", "app=memory")]);
    assert_eq!(bench.pipeline.accept(&chunk(&["ERROR x"]), "app"), Answer::Retry);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    assert!(bench.lines.has(Level::Error, "cannot be used"), "{:?}", bench.lines);
    std::fs::remove_file(&store_dir).unwrap();
    bench.clock.seconds.store(100, Ordering::Relaxed);
    while bench.pipeline.accept(&chunk(&["ERROR x"]), "app") == Answer::Retry {
        std::thread::yield_now();
    }
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().written, 2);
}

#[test]
fn a_full_folder_answers_retry_while_the_store_fails_and_memory_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let bench = start_in(&folder, &[("store_dir_limit_size", "16M"), ("shutdown_timeout", "60s")]);
    fills_up_and_empties(&bench, 14..17, "bytes of store_dir are held");
}

#[test]
fn two_instances_at_once_have_streams_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let benches = [start_in(&folder, &[]), start_in(&folder, &[])];
    for bench in &benches {
        assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    }
    for bench in &benches {
        bench.pipeline.stop_within(Duration::from_secs(60));
        assert_eq!((bench.pipeline.ledger().totals().written, bench.pipeline.ledger().recovered()), (1, 0));
    }
    assert_ne!(keys(&benches[0].store), keys(&benches[1].store));
}

#[test]
fn a_record_that_is_not_worth_the_disk_stays_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let bench = start_in(&folder, &[("durability", "memory error=fsync")]);
    bench.store.failures_left.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello", "ERROR x"]), "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert!(bench.lines.has(Level::Error, "1 records (app 1) could not be written within 0ns of shutdown_timeout"));
    assert!(bench.lines.has(Level::Warn, "1 records (error 1) could not be written within 0ns; they stay in"));
}

#[test]
fn what_another_process_leaves_while_this_one_runs_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let leaving = start_in(&folder, &[]);
    leaving.store.failures_left.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(leaving.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    let staying = start_in(&folder, &[("shutdown_timeout", "60s")]);
    assert_eq!(staying.pipeline.accept(&chunk(&["mine"]), "app"), Answer::Accepted);
    leaving.pipeline.stop();
    staying.clock.seconds.store(1_000, Ordering::Relaxed);
    assert_eq!(staying.pipeline.accept(&chunk(&["mine"]), "app"), Answer::Accepted);
    wait_for(&staying, |totals| totals.recovered == 1);
    // A host that was moved to this process sends again what it does not know to be taken.
    assert_eq!(staying.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    staying.pipeline.stop();
    let ledger = staying.pipeline.ledger();
    assert_eq!((ledger.recognised(), ledger.totals().written, ledger.totals().pending()), (1, 3, 0));
}

#[test]
fn a_file_that_somebody_removed_is_lost_and_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let bench = start_in(&folder, &[("shutdown_timeout", "60s")]);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    std::fs::remove_file(files(folder.path(), ".segment").remove(0)).unwrap();
    bench.pipeline.stop();
    let totals = bench.pipeline.ledger().totals();
    assert_eq!((totals.accepted, totals.lost, totals.pending()), (1, 1, 0));
    assert!(bench.lines.has(Level::Error, "1 app records are lost"));
}

#[test]
fn an_acceptor_that_hangs_holds_the_host_once_and_takes_no_chunk_that_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let bench = start_in(&folder, &[("shutdown_timeout", "60s")]);
    assert_eq!(bench.pipeline.accept(&chunk(&["before"]), "app"), Answer::Accepted);
    // It asks for the time when a chunk comes, before it begins to take it.
    bench.clock.hang_at(1);
    assert_eq!(bench.pipeline.accept(&chunk(&["given up"]), "app"), Answer::Retry);
    let begun = std::time::Instant::now();
    assert_eq!(bench.pipeline.accept(&chunk(&["at once"]), "app"), Answer::Retry);
    assert!(begun.elapsed() < PATIENCE);
    bench.clock.go_on();
    while bench.pipeline.accept(&chunk(&["after"]), "app") == Answer::Retry {
        std::thread::yield_now();
    }
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().written, 2);
}
