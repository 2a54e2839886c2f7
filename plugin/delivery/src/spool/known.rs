//! Chunks that were taken before the restart, for recognising those that the host sends again.
//!
//! A host that was killed does not know which of its chunks were taken, and sends all again, byte for byte. So the mark of
//! every chunk stands in the seal of its segments, or in the commit log when a segment is delivered and gone. They are
//! read at the start, at most [`MAX_KNOWN_CHUNKS`] of them, the newest; each is recognised once. What is taken in this run
//! is not compared: the host sends a chunk again only when it was answered RETRY, so two equal chunks are two chunks.
//!
//! The commit log is a file of frames, one a committed segment: `length u32 | checksum u64 | stream (u8 length, text)
//! | number u64 | lane (u8 length, text) | sorting u64 | marks`, with the encodings of the segment file. What is behind the
//! last frame that checks out is cut off.

use super::disk::{Disk, DiskFile};
use super::format::{append_commit, read_commit};
use super::segment::{ChunkId, ChunkMark, SegmentId};
use crate::lane::{Lane, Lanes};
use shiwake_records::rules::MAX_TYPES;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

/// Chunks that are recognised after a restart: 32 bytes each in memory, 25 on disk and up to twice as many there.
pub const MAX_KNOWN_CHUNKS: usize = 32_768;

/// A set of lanes, by their places in [`Lanes`]. Those that nobody declares any more are in it together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LaneSet(u32);

// All lanes must have a place in a set.
const _: () = assert!(Lane::BY_WORTH.len() + MAX_TYPES < u32::BITS as usize);

impl LaneSet {
    pub(super) fn insert(&mut self, place: usize) {
        self.0 |= u32::try_from(place).ok().and_then(|place| 1_u32.checked_shl(place)).unwrap_or(0);
    }

    pub(super) fn contains(self, place: usize) -> bool {
        let mut one = LaneSet::default();
        one.insert(place);
        !self.both(one).is_empty()
    }

    fn without(self, other: LaneSet) -> LaneSet {
        LaneSet(self.0 & !other.0)
    }

    fn both(self, other: LaneSet) -> LaneSet {
        LaneSet(self.0 & other.0)
    }

    fn and(self, other: LaneSet) -> LaneSet {
        LaneSet(self.0 | other.0)
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A segment that was delivered: of its chunks the marks are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) id: SegmentId,
    pub(super) sorting: u64,
    pub(super) marks: Vec<ChunkMark>,
}

/// What is known of a chunk: what of it is here, and whether it would be sorted the same way again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    id: ChunkId,
    present: LaneSet,
    is_complete: bool,
    is_sorted_the_same: bool,
    /// Lanes of it that were recognised in this run.
    recognised: LaneSet,
}

impl Known {
    fn left(&self) -> LaneSet {
        self.present.without(self.recognised)
    }
}

/// What to do with a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recognition {
    /// It is new.
    New,
    /// What goes to these lanes is here already.
    Present(LaneSet),
    /// All of it is.
    Whole,
    /// A part of it is here, but nobody can tell which: it was sorted in another way. Taking it doubles that part.
    Unclear,
}

/// Puts marks of one chunk, which stand in several files, together.
#[derive(Debug)]
pub(super) struct Collector {
    sorting: u64,
    lanes: Lanes,
    /// A segment may stand in two logs, or in a log and in the folder.
    seen: HashSet<SegmentId>,
    /// With the lanes that are there, and those that there must be. Streams are named by the time they began, so this is the
    /// order of time.
    chunks: BTreeMap<(Arc<str>, u64), (Known, u8, u8)>,
}

impl Collector {
    pub(super) fn new(sorting: u64, lanes: Lanes) -> Self {
        Self { sorting, lanes, seen: HashSet::new(), chunks: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, id: &SegmentId, sorting: u64, marks: &[ChunkMark]) {
        if !self.seen.insert(id.clone()) {
            return;
        }
        for mark in marks {
            let new = Known {
                id: mark.id,
                present: LaneSet::default(),
                is_complete: false,
                is_sorted_the_same: sorting == self.sorting,
                recognised: LaneSet::default(),
            };
            let (known, here, lanes) =
                self.chunks.entry((Arc::clone(&id.stream), mark.sequence)).or_insert((new, 0, mark.lanes));
            known.present.insert(self.lanes.index(id.lane));
            // Each chunk has at most one block in a segment, and one segment a lane.
            *here = here.saturating_add(1);
            known.is_complete = *here >= *lanes;
            if self.chunks.len() > MAX_KNOWN_CHUNKS {
                self.chunks.pop_first();
            }
        }
    }

    pub(super) fn finish(self) -> KnownChunks {
        let mut chunks: Vec<Known> = self.chunks.into_values().map(|(known, ..)| known).collect();
        chunks.sort_by_key(|known| known.id);
        KnownChunks { chunks, unsynced: Vec::new() }
    }
}

/// The chunks that were taken before the restart.
///
/// A chunk may stand here several times: because equal ones were taken, or because a part of it was taken before one crash and
/// the rest before the next. What counts is how often each lane has it: a lane that has it less often than another lacks the
/// rest of one that was cut short, which the host is sure to send again.
#[derive(Debug, Default)]
pub(super) struct KnownChunks {
    chunks: Vec<Known>,
    /// What was recognised before, of those that were since the last sync.
    unsynced: Vec<(usize, LaneSet)>,
}

impl KnownChunks {
    /// What is known of a chunk. Asking changes nothing.
    pub(super) fn look_up(&self, id: ChunkId) -> Recognition {
        let mut otherwise = Recognition::New;
        let mut left = Vec::new();
        for (_, known) in self.find(id).filter(|(_, known)| !known.left().is_empty()) {
            if known.is_sorted_the_same {
                left.push(known.left());
            } else if known.is_complete {
                otherwise = Recognition::Whole;
            } else if otherwise == Recognition::New {
                otherwise = Recognition::Unclear;
            }
        }
        let present = most_often(&left);
        if present.is_empty() { otherwise } else { Recognition::Present(present) }
    }

    /// The chunk was taken, or was here already: it is not recognised again. That counts from the next sync on.
    pub(super) fn recognised(&mut self, id: ChunkId) {
        let recognition = self.look_up(id);
        let (mut recognised, mut changes) = (LaneSet::default(), Vec::new());
        for (index, known) in self.find(id) {
            let left = known.left();
            let now = match recognition {
                Recognition::Present(lanes) if known.is_sorted_the_same => left.both(lanes).without(recognised),
                Recognition::Whole if known.is_complete && !known.is_sorted_the_same => left,
                Recognition::Unclear => left,
                _ => continue,
            };
            recognised = recognised.and(now);
            changes.push((index, known.recognised, known.recognised.and(now)));
            if recognition == Recognition::Whole {
                break;
            }
        }
        for (index, before, after) in changes {
            self.set_recognised(index, after);
            self.unsynced.push((index, before));
        }
    }

    /// A chunk was taken whose answer the host did not wait for: it sends it again in this run.
    pub(super) fn add_unanswered(&mut self, id: ChunkId, present: LaneSet) {
        let known = Known { id, present, is_complete: true, is_sorted_the_same: true, recognised: LaneSet::default() };
        let at = self.chunks.partition_point(|known| known.id < id);
        // Only between syncs, when no place is noted.
        self.chunks.insert(at, known);
    }

    /// Whether something was recognised since the last sync; its places must not change then.
    pub(super) fn has_unsynced(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// Adds what another stream had taken that is ours from now on; between syncs.
    pub(super) fn merge(&mut self, other: KnownChunks) {
        self.chunks.extend(other.chunks);
        self.chunks.sort_by_key(|known| known.id);
        // The bound is for what is there at a start; this comes from time to time.
        self.chunks.retain(|known| !known.left().is_empty());
    }

    /// What was recognised since the last sync is answered OK, or else will be sent again.
    pub(super) fn synced(&mut self, is_safe: bool) {
        for (index, before) in std::mem::take(&mut self.unsynced).into_iter().rev() {
            if !is_safe {
                self.set_recognised(index, before);
            }
        }
    }

    fn set_recognised(&mut self, index: usize, recognised: LaneSet) {
        if let Some(known) = self.chunks.get_mut(index) {
            known.recognised = recognised;
        }
    }

    fn find(&self, id: ChunkId) -> impl Iterator<Item = (usize, &Known)> {
        let first = self.chunks.partition_point(|known| known.id < id);
        self.chunks.iter().enumerate().skip(first).take_while(move |(_, known)| known.id == id)
    }
}

/// The lanes that are in the most of these sets.
fn most_often(sets: &[LaneSet]) -> LaneSet {
    let places = 0..u32::BITS as usize;
    let count = |place: usize| sets.iter().filter(|set| set.contains(place)).count();
    let most = places.clone().map(count).max().filter(|most| *most > 0);
    let mut lanes = LaneSet::default();
    places.filter(|place| Some(count(*place)) == most).for_each(|place| lanes.insert(place));
    lanes
}

/// The file of committed segments of one stream.
#[derive(Debug)]
pub(super) struct CommitLog {
    name: String,
    file: Option<Box<dyn DiskFile>>,
    bytes: u64,
    marks: usize,
    /// What is to be kept of older logs, as long as there is no file.
    unwritten: Vec<Commit>,
}

impl CommitLog {
    /// A log with what is to be kept of older ones; the file is not made yet.
    pub(super) fn new(name: String, kept: Vec<Commit>) -> Self {
        Self { name, file: None, bytes: 0, marks: 0, unwritten: kept }
    }

    /// Makes the file. When it cannot be, that is tried again at each commit.
    pub(super) fn create(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let _ = disk.remove(&self.name);
        let (file, bytes, marks) = write_new(disk, &self.name, &self.unwritten)?;
        (self.file, self.bytes, self.marks) = (Some(file), bytes, marks);
        self.unwritten = Vec::new();
        Ok(())
    }

    /// Whether what was kept of older logs stands in this one.
    pub(super) fn is_written(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn append(&mut self, disk: &dyn Disk, commit: &Commit) -> io::Result<()> {
        if self.file.is_none() {
            self.create(disk)?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let frame = append_commit(commit);
        // Safe before the segment's file is removed: after a power cut its chunks must still be known.
        if let Err(error) = file.append(&[&frame]).and_then(|()| file.sync()) {
            // What cannot be cut off is in the way of all that would follow.
            if file.truncate(self.bytes).is_err() {
                self.unwritten = read_log(disk, &self.name).unwrap_or_default();
                self.file = None;
            }
            return Err(error);
        }
        self.bytes += frame.len() as u64;
        self.marks += commit.marks.len();
        if self.marks > 2 * MAX_KNOWN_CHUNKS {
            // It is tried again at the next commit; this one is noted.
            let _ = self.compact(disk);
        }
        Ok(())
    }

    /// Writes the log anew with the newest marks alone.
    fn compact(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let commits = newest(read_log(disk, &self.name)?);
        let new_name = format!("{}.new", self.name);
        let _ = disk.remove(&new_name);
        let (file, bytes, marks) = write_new(disk, &new_name, &commits)?;
        disk.rename(&new_name, &self.name)?;
        disk.sync_names()?;
        (self.file, self.bytes, self.marks) = (Some(file), bytes, marks);
        Ok(())
    }
}

fn write_new(disk: &dyn Disk, name: &str, commits: &[Commit]) -> io::Result<(Box<dyn DiskFile>, u64, usize)> {
    let mut file = disk.create(name)?;
    let content: Vec<u8> = commits.iter().flat_map(append_commit).collect();
    file.append(&[&content])?;
    file.sync()?;
    disk.sync_names()?;
    Ok((file, content.len() as u64, commits.iter().map(|commit| commit.marks.len()).sum()))
}

/// The commits of a log, as far as they check out.
pub(super) fn read_log(disk: &dyn Disk, name: &str) -> io::Result<Vec<Commit>> {
    let file = disk.open(name)?;
    let mut content = vec![0; usize::try_from(file.size()?).map_err(io::Error::other)?];
    file.read_at(0, &mut content)?;
    let mut rest = content.as_slice();
    Ok(std::iter::from_fn(|| read_commit(&mut rest)).collect())
}

/// The last commits that together have as many marks as are kept.
pub(super) fn newest(mut commits: Vec<Commit>) -> Vec<Commit> {
    let mut marks = 0;
    let kept = commits.iter().rev().take_while(|commit| {
        marks += commit.marks.len();
        marks <= MAX_KNOWN_CHUNKS
    });
    let kept = kept.count();
    commits.drain(..commits.len() - kept);
    commits
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::spool::disk::SystemDisk;
    use shiwake_records::log_type::LogType;

    const AUDIT: Lane = Lane::Typed(LogType::Audit);
    const APP: Lane = Lane::Typed(LogType::App);

    fn place(lane: Lane) -> usize {
        Lanes::default().index(lane)
    }

    fn segment(stream: &str, lane: Lane, number: u64) -> SegmentId {
        SegmentId { stream: stream.into(), lane, number }
    }

    fn mark(id: u128, sequence: u64, lanes: u8) -> ChunkMark {
        ChunkMark { id: ChunkId(id), sequence, lanes }
    }

    #[test]
    fn a_chunk_is_recognised_as_often_as_it_was_taken() {
        let mut collector = Collector::new(1, Lanes::default());
        collector.add(&segment("a", APP, 0), 1, &[mark(7, 0, 1), mark(9, 1, 1), mark(7, 2, 1)]);
        let mut known = collector.finish();
        for _ in 0..2 {
            let Recognition::Present(lanes) = known.look_up(ChunkId(7)) else { panic!("not recognised") };
            assert!(lanes.contains(place(APP)) && !lanes.contains(place(AUDIT)));
            known.recognised(ChunkId(7));
        }
        assert_eq!(known.look_up(ChunkId(7)), Recognition::New);
        assert_eq!(known.look_up(ChunkId(8)), Recognition::New);
        assert!(matches!(known.look_up(ChunkId(9)), Recognition::Present(_)));
    }

    #[test]
    fn a_chunk_that_was_taken_in_parts_is_put_together() {
        let mut collector = Collector::new(1, Lanes::default());
        collector.add(&segment("a", APP, 0), 1, &[mark(7, 0, 2)]);
        collector.add(&segment("b", AUDIT, 0), 1, &[mark(7, 0, 1)]);
        let mut known = collector.finish();
        let Recognition::Present(lanes) = known.look_up(ChunkId(7)) else { panic!("not recognised") };
        assert!(lanes.contains(place(APP)) && lanes.contains(place(AUDIT)));
        known.recognised(ChunkId(7));
        assert_eq!(known.look_up(ChunkId(7)), Recognition::New);
        known.synced(false);
        assert_eq!(known.look_up(ChunkId(7)), Recognition::Present(lanes));
    }

    #[test]
    fn what_was_sorted_in_another_way_is_here_when_all_of_it_is() {
        let mut collector = Collector::new(1, Lanes::default());
        collector.add(&segment("a", APP, 0), 2, &[mark(7, 0, 2), mark(8, 1, 2)]);
        collector.add(&segment("a", AUDIT, 1), 2, &[mark(7, 0, 2)]);
        let known = collector.finish();
        assert_eq!(known.look_up(ChunkId(7)), Recognition::Whole);
        assert_eq!(known.look_up(ChunkId(8)), Recognition::Unclear);
    }

    #[test]
    fn lanes_that_nobody_declares_any_more_are_counted_one_by_one_and_a_segment_once() {
        let [billing, moods] = ["billing", "moods"].map(|name| Lane::from_name(name).unwrap());
        let mut collector = Collector::new(1, Lanes::default());
        // Each is named in two logs.
        for _ in 0..2 {
            collector.add(&segment("a", billing, 0), 2, &[mark(7, 0, 2), mark(8, 1, 2)]);
        }
        collector.add(&segment("a", moods, 1), 2, &[mark(7, 0, 2)]);
        let known = collector.finish();
        assert_eq!(known.look_up(ChunkId(7)), Recognition::Whole);
        assert_eq!(known.look_up(ChunkId(8)), Recognition::Unclear);
    }

    #[test]
    fn the_newest_are_kept() {
        let mut collector = Collector::new(1, Lanes::default());
        let marks: Vec<ChunkMark> = (0..MAX_KNOWN_CHUNKS as u64).map(|n| mark(u128::from(n), n, 1)).collect();
        collector.add(&segment("b", APP, 0), 1, &marks);
        collector.add(&segment("a", APP, 0), 1, &[mark(1 << 100, 0, 1)]);
        collector.add(&segment("c", APP, 0), 1, &[mark(1 << 101, 0, 1)]);
        let known = collector.finish();
        assert_eq!(known.chunks.len(), MAX_KNOWN_CHUNKS);
        assert_eq!(known.look_up(ChunkId(1 << 100)), Recognition::New);
        assert_eq!(known.look_up(ChunkId(0)), Recognition::New);
        assert_ne!(known.look_up(ChunkId(1)), Recognition::New);
        assert_ne!(known.look_up(ChunkId(1 << 101)), Recognition::New);
    }

    #[test]
    fn the_log_is_read_as_far_as_it_checks_out_and_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let disk = SystemDisk::open(folder.path().to_path_buf()).unwrap();
        let commit = |number: u64| Commit {
            id: segment("a", APP, number),
            sorting: 5,
            marks: (0..1_000).map(|n| mark(u128::from(n), n, 1)).collect(),
        };
        let mut log = CommitLog::new("log".into(), vec![commit(0)]);
        log.create(&disk).unwrap();
        for number in 1..200 {
            log.append(&disk, &commit(number)).unwrap();
        }
        disk.open("log").unwrap().append(&[b"torn"]).unwrap();
        let commits = read_log(&disk, "log").unwrap();
        assert_eq!(commits.last(), Some(&commit(199)));
        let marks: usize = commits.iter().map(|commit| commit.marks.len()).sum();
        assert!((MAX_KNOWN_CHUNKS - 1_000..=2 * MAX_KNOWN_CHUNKS).contains(&marks), "{marks}");
    }
}
