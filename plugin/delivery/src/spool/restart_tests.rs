//! Chunks that a host sends again after a restart, when the process had died in the middle of one.

use super::*;
use crate::lane::Lanes;
use crate::spool::disk::SystemDisk;
use crate::spool::memory::MemoryBudget;
use crate::spool::memory::MemoryShare;
use crate::spool::names;
use crate::spool::settings::OpenDisk;
use bytes::Bytes;
use shiwake_records::log_type::LogType;
use std::path::Path;

const AUDIT: Lane = Lane::Typed(LogType::Audit);
const APP: Lane = Lane::Typed(LogType::App);

/// A run of a spool in a folder; streams are named by the time they begin.
fn run(folder: &Path, number: u32) -> Spool {
    let folder = folder.to_path_buf();
    run_with(number, Box::new(move || Ok(OpenedDisk { disk: Arc::new(SystemDisk::open(folder.clone())?), seed: 7 })))
}

fn run_with(number: u32, open: OpenDisk) -> Spool {
    let settings = SpoolSettings {
        stream: Arc::from(format!("{number:028x}")),
        lanes: table(),
        durability: table().each(|| Durability::Flush),
        sorting: 1,
        memory: MemoryShare::join(&Arc::new(MemoryBudget::default()), 48_000_000, 0),
        disk_limit_bytes: 1_000_000,
        folder: Some(("spool".to_owned(), open)),
        is_stopping: Arc::default(),
        is_abandoned: Arc::default(),
    };
    let mut spool = Spool::new(settings);
    spool.open(Duration::ZERO);
    spool
}

fn table() -> Lanes {
    Lanes::default()
}

/// A chunk with three records for a lane each.
fn blocks(lanes: &[Lane]) -> ChunkBlocks {
    let mut blocks = table().each(|| None);
    for lane in lanes {
        blocks[table().index(*lane)] =
            Some(Block { tag: "t".into(), events: Bytes::from_static(b"events"), records: 3, places: None });
    }
    blocks
}

/// Takes a chunk, and tells how many records of audit and app were taken and how many were here.
fn take(spool: &mut Spool, chunk: &[u8], lanes: &[Lane]) -> [u64; 3] {
    let id = spool.identify(chunk, "t");
    let appended = spool.append(id, blocks(lanes), Duration::ZERO).unwrap();
    spool.sync().unwrap();
    [appended.records[table().index(AUDIT)], appended.records[table().index(APP)], appended.recognised_records]
}

/// What a process leaves that dies between the blocks of a chunk: the lane's file without its last block, which here is
/// its only one.
fn lose(folder: &Path, run: u32, lane: Lane) {
    let id = SegmentId { stream: format!("{run:028x}").into(), lane, number: 0 };
    let name = (0..9).map(|number| names::segment(&SegmentId { number, ..id.clone() }));
    let path = name.map(|name| folder.join(name)).find(|path| path.exists()).unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_chunk_that_was_completed_after_one_death_is_known_whole_after_the_next() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(take(&mut run(folder.path(), 1), b"x", &[AUDIT, APP]), [3, 3, 0]);
    lose(folder.path(), 1, APP);
    assert_eq!(take(&mut run(folder.path(), 2), b"x", &[AUDIT, APP]), [0, 3, 3]);
    for number in 3..5 {
        assert_eq!(take(&mut run(folder.path(), number), b"x", &[AUDIT, APP]), [0, 0, 6], "run {number}");
    }
}

#[test]
fn the_rest_of_a_chunk_is_taken_also_when_an_equal_one_is_here_whole() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(take(&mut run(folder.path(), 1), b"x", &[AUDIT, APP]), [3, 3, 0]);
    {
        // Two of the same bytes in one run, of which the second was cut short.
        let mut spool = run(folder.path(), 2);
        assert_eq!(take(&mut spool, b"x", &[AUDIT, APP]), [0, 0, 6]);
        assert_eq!(take(&mut spool, b"x", &[AUDIT, APP]), [3, 3, 0]);
    }
    lose(folder.path(), 2, APP);
    let mut spool = run(folder.path(), 3);
    assert_eq!(take(&mut spool, b"x", &[AUDIT, APP]), [0, 3, 3]);
    assert_eq!(take(&mut spool, b"x", &[AUDIT, APP]), [0, 0, 6]);
}

#[test]
fn a_chunk_that_came_before_the_folder_could_be_used_is_sent_again_and_then_recognised() {
    let (parent, later) = (tempfile::tempdir().unwrap(), REOPEN_INTERVAL);
    let folder = parent.path().join("volume");
    assert_eq!(take(&mut run(&folder, 1), b"x", &[AUDIT, APP]), [3, 3, 0]);
    // A volume that is mounted late.
    let away = parent.path().join("away");
    std::fs::rename(&folder, &away).unwrap();
    let place = folder.clone();
    let mut spool = run_with(
        2,
        Box::new(move || {
            std::fs::metadata(&place)?;
            Ok(OpenedDisk { disk: Arc::new(SystemDisk::open(place.clone())?), seed: 7 })
        }),
    );
    let early = spool.identify(b"x", "t");
    std::fs::rename(&away, &folder).unwrap();
    spool.open(later);
    assert!(spool.append(early, blocks(&[AUDIT, APP]), later).is_err());
    assert_eq!(take(&mut spool, b"x", &[AUDIT, APP]), [0, 0, 6]);
}
