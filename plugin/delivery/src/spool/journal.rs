//! The lanes that outlive the process: segment files in a folder.
//!
//! A chunk's blocks are appended to the open file of each of its lanes. When one of them cannot be, those before it are
//! taken back, so a chunk is in the spool whole or not at all. [`Journal::sync`] makes all that was appended since the
//! last time safe for the lanes that ask for it, in one go for as many chunks as came together; when it fails, all of
//! them are taken back. A file that could not be made safe, or cut back, is not appended to any more.
//!
//! A file that is there but was committed is removed at the next start: commits are written before files are removed.

use super::disk::{Disk, DiskFile, DiskLock};
use super::format::{Header, block_bytes, encode_block, encode_seal};
use super::known::{Commit, CommitLog, KnownChunks};
use super::names;
use super::recovery::{Approach, Recovered, RecoveredSegment, TakenOver, read_marks, take_over};
use super::segment::{Block, ChunkMark, Content, SealedSegment, SegmentId};
use super::{Durability, SpoolError};
use crate::lane::{Lane, Lanes};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Chunks after which a segment is closed whatever its size: their marks are in memory, and in its seal.
pub(super) const MAX_SEGMENT_CHUNKS: usize = 16_384;

/// What a file costs beside its bytes: the rest of its last block on the disk, its names, and its place in our lists.
const SEGMENT_OVERHEAD_BYTES: u64 = 8_192;
/// Tries at noting that a segment is delivered, a second apart. Without the note its chunks are not recognised after a crash;
/// but a file that stays for ever is what keeps a full disk full.
const MAX_COMMIT_TRIES: u32 = 10;

/// How far a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Extent {
    bytes: u64,
    records: u64,
    chunks: usize,
}

#[derive(Debug)]
struct OpenFile {
    file: Box<dyn DiskFile>,
    name: String,
    header: Header,
    seed: u64,
    extent: Extent,
    /// What a failed sync takes back to.
    safe: Extent,
    marks: Vec<ChunkMark>,
    opened_at: Duration,
    is_broken: bool,
    /// Whether it was cut back since the last sync.
    is_cut: bool,
}

#[derive(Debug)]
struct SealedFile {
    name: String,
    bytes: u64,
    sorting: u64,
}

/// Segment files.
#[derive(Debug)]
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    stream: Arc<str>,
    sorting: u64,
    lanes: Lanes,
    durability: Vec<Durability>,
    open: Vec<Option<OpenFile>>,
    sealed: HashMap<SegmentId, SealedFile>,
    /// Segments that are delivered and could not be noted yet, with the tries.
    uncommitted: Vec<(SegmentId, u32)>,
    /// Files that are committed and could not be removed yet.
    doomed: Vec<String>,
    are_names_safe: bool,
    held_bytes: u64,
    pub(super) known: KnownChunks,
    commits: CommitLog,
    own_lock: Option<Box<dyn DiskLock>>,
    /// Locks of streams that were taken over, until their last file is gone.
    locks: HashMap<Arc<str>, Box<dyn DiskLock>>,
    /// Files of theirs that are to be removed as soon as what they say stands in our own log. A log that were read a second
    /// time would make its chunks be recognised once more than they were taken.
    leftovers: Vec<String>,
}

impl Journal {
    /// Goes on with what recovery found.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        stream: Arc<str>,
        approach: Approach<'_>,
        recovered: Recovered,
    ) -> (Self, Vec<SealedSegment>) {
        let Recovered { segments, known, commits, own_lock, locks, leftovers, .. } = recovered;
        let mut journal = Self {
            disk,
            stream,
            sorting: approach.sorting,
            lanes: approach.lanes.clone(),
            durability: approach.durability.to_vec(),
            open: approach.lanes.each(|| None),
            sealed: HashMap::new(),
            uncommitted: Vec::new(),
            doomed: Vec::new(),
            are_names_safe: true,
            held_bytes: 0,
            known,
            commits,
            own_lock,
            locks,
            leftovers,
        };
        let segments = journal.enter(segments);
        journal.remove_leftovers();
        (journal, segments)
    }

    /// Counts segments in that were taken over.
    fn enter(&mut self, segments: Vec<RecoveredSegment>) -> Vec<SealedSegment> {
        let enter = |RecoveredSegment { segment, name, sorting }: RecoveredSegment| {
            self.held_bytes += segment.bytes + SEGMENT_OVERHEAD_BYTES;
            self.sealed.insert(segment.id.clone(), SealedFile { name, bytes: segment.bytes, sorting });
            segment
        };
        segments.into_iter().map(enter).collect()
    }

    /// Takes over the streams that have become nobody's since the last time; what is the matter with them is in the second
    /// list. To be called between syncs.
    pub(super) fn take_over_again(&mut self, approach: Approach<'_>) -> io::Result<(Vec<SealedSegment>, Vec<String>)> {
        let is_ours = |found: &str| *found == *self.stream || self.locks.contains_key(found);
        let TakenOver { segments, known, kept, locks, leftovers, problems } = take_over(&self.disk, is_ours, approach)?;
        for commit in &kept {
            self.commits.append(self.disk.as_ref(), commit)?;
        }
        self.known.merge(known);
        self.locks.extend(locks);
        self.leftovers.extend(leftovers);
        let segments = self.enter(segments);
        self.remove_leftovers();
        Ok((segments, problems))
    }

    pub(super) fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// Bytes and time of the lane's open segment, and whether it has as many chunks as it may.
    pub(super) fn open_segment(&self, lane: Lane) -> Option<(u64, Duration, bool)> {
        let open = self.open.get(self.lanes.index(lane))?.as_ref().filter(|open| open.extent.chunks > 0)?;
        Some((open.extent.bytes, open.opened_at, open.extent.chunks >= MAX_SEGMENT_CHUNKS))
    }

    /// Appends a chunk's blocks, all or none. `next_number` and `first_records` are what new segments begin with.
    pub(super) fn append(
        &mut self,
        mark: ChunkMark,
        blocks: &[(Lane, &Block)],
        numbers: &mut Numbers,
        now: Duration,
    ) -> Result<(), SpoolError> {
        if self.own_lock.is_none() {
            let lock = self.disk.lock(&names::lock(&self.stream));
            self.own_lock =
                lock.map_err(|source| SpoolError::disk("the spool's stream could not be locked", source))?;
        }
        for (done, (lane, block)) in blocks.iter().enumerate() {
            if let Err(source) = self.append_block(*lane, mark, block, numbers, now) {
                for (lane, block) in blocks.iter().take(done) {
                    self.take_back_block(*lane, block);
                }
                return Err(SpoolError::disk("records could not be written to the spool", source));
            }
        }
        Ok(())
    }

    fn append_block(
        &mut self,
        lane: Lane,
        mark: ChunkMark,
        block: &Block,
        numbers: &mut Numbers,
        now: Duration,
    ) -> io::Result<()> {
        let Some(slot) = self.open.get_mut(self.lanes.index(lane)) else { return Ok(()) };
        let open = match slot {
            Some(open) if !open.is_broken => open,
            // A broken file with records is sealed before anything else is appended.
            Some(open) if open.extent.chunks > 0 => {
                return Err(io::Error::other(format!("file '{}' cannot be written to", open.name)));
            }
            _ => {
                if let Some(unused) = slot.take() {
                    self.held_bytes -= unused.extent.bytes + SEGMENT_OVERHEAD_BYTES;
                    self.doomed.push(unused.name);
                }
                let id = SegmentId { stream: Arc::clone(&self.stream), lane, number: numbers.next_segment };
                let header = Header { id, first_record: numbers.first_record(lane), sorting: self.sorting };
                let open = create(self.disk.as_ref(), header, now)?;
                numbers.next_segment += 1;
                self.are_names_safe = false;
                self.held_bytes += open.extent.bytes + SEGMENT_OVERHEAD_BYTES;
                slot.insert(open)
            }
        };
        if open.extent.chunks == 0 {
            open.opened_at = now;
        }
        let head = encode_block(open.seed, open.extent.bytes, &mark, block);
        if let Err(error) = open.file.append(&[&head, &block.events]) {
            open.cut_to(open.extent);
            return Err(error);
        }
        open.extent.bytes += head.len() as u64 + block.events.len() as u64;
        open.extent.records += block.records;
        open.extent.chunks += 1;
        open.marks.push(mark);
        self.held_bytes += block_bytes(block);
        Ok(())
    }

    fn take_back_block(&mut self, lane: Lane, block: &Block) {
        let Some(open) = self.open.get_mut(self.lanes.index(lane)).and_then(Option::as_mut) else { return };
        let Extent { bytes, records, chunks } = open.extent;
        let before = Extent { bytes: bytes - block_bytes(block), records: records - block.records, chunks: chunks - 1 };
        open.cut_to(before);
        self.held_bytes -= block_bytes(block);
    }

    /// Makes safe what was appended since the last time; when it cannot be, or took so long that nobody waits for it, takes it
    /// back. Gives the records taken back, a lane each, with the error.
    pub(super) fn sync(&mut self, is_abandoned: &AtomicBool) -> Result<(), (SpoolError, Vec<u64>)> {
        let mut result = Ok(());
        for (open, durability) in self.open.iter_mut().zip(&self.durability) {
            let Some(open) = open.as_mut().filter(|open| open.extent != open.safe || open.is_cut) else { continue };
            if *durability == Durability::Fsync && result.is_ok() {
                result = open.file.sync();
                if result.is_ok() && !self.are_names_safe {
                    result = self.disk.sync_names();
                    self.are_names_safe = result.is_ok();
                }
                // What the system did with the pages after a failed sync cannot be known.
                open.is_broken |= result.is_err();
            }
        }
        if is_abandoned.load(Ordering::Acquire) {
            result = result.and(Err(io::ErrorKind::TimedOut.into()));
        }
        let Err(source) = result else {
            self.open.iter_mut().flatten().for_each(|open| (open.safe, open.is_cut) = (open.extent, false));
            return Ok(());
        };
        let mut taken_back = self.lanes.each(|| 0);
        for (open, taken_back) in self.open.iter_mut().zip(&mut taken_back) {
            let Some(open) = open.as_mut().filter(|open| open.extent != open.safe) else { continue };
            *taken_back = open.extent.records - open.safe.records;
            self.held_bytes -= open.extent.bytes - open.safe.bytes;
            open.cut_to(open.safe);
            // What was taken back must not come back after a power cut: the host sends it again.
            open.is_broken |= open.file.sync().is_err();
        }
        Err((SpoolError::disk("the spool could not be made safe", source), taken_back))
    }

    /// Whether the lane's file can no longer be written to and must be sealed.
    pub(super) fn is_broken(&self, lane: Lane) -> bool {
        self.open
            .get(self.lanes.index(lane))
            .and_then(Option::as_ref)
            .is_some_and(|open| open.is_broken && open.extent.chunks > 0)
    }

    /// Closes the lane's file.
    pub(super) fn seal(&mut self, lane: Lane) -> Option<SealedSegment> {
        let mut open = self.open.get_mut(self.lanes.index(lane))?.take_if(|open| open.extent.chunks > 0)?;
        let Extent { bytes, records, .. } = open.extent;
        // What could not be cut off before is in the way of a seal, and would be delivered after a crash.
        let is_clean = !open.is_broken || open.file.truncate(bytes).is_ok();
        if is_clean {
            let seal = encode_seal(open.seed, bytes, records, &open.marks);
            // Without a seal the file is read to its end at the next start; nothing is lost.
            if open.file.append(&[&seal]).is_err() {
                let _ = open.file.truncate(bytes);
            }
        }
        let OpenFile { name, header, .. } = open;
        let file = SealedFile { name: name.clone(), bytes, sorting: self.sorting };
        self.sealed.insert(header.id.clone(), file);
        let content = Content::File { disk: Arc::clone(&self.disk), name, bytes, may_have_holes: false, tries: None };
        Some(SealedSegment { id: header.id, first_record: header.first_record, records, bytes, content })
    }

    /// Forgets a segment of which every object is stored, or which was put aside. What cannot be noted of it is tried again
    /// at the next commit, a few times; until then its file stays.
    pub(super) fn commit(&mut self, id: &SegmentId) -> Result<(), SpoolError> {
        if self.sealed.contains_key(id) {
            self.uncommitted.push((id.clone(), 0));
        }
        self.finish_commits()
    }

    /// Tries again what could not be noted or removed.
    pub(super) fn finish_commits(&mut self) -> Result<(), SpoolError> {
        let disk = Arc::clone(&self.disk);
        let disk = disk.as_ref();
        let mut result = Ok(());
        for (id, tries) in std::mem::take(&mut self.uncommitted) {
            let Some(file) = self.sealed.get(&id) else { continue };
            // The marks of a long backlog would take much memory; they are in the file.
            let logged = read_marks(disk, &file.name, file.bytes).and_then(|marks| {
                let commit = Commit { id: id.clone(), sorting: file.sorting, marks };
                self.commits.append(disk, &commit)
            });
            let is_put_aside = logged.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
            if let Err(source) = logged
                && !is_put_aside
            {
                result = Err(SpoolError::disk("a delivered segment could not be noted in the spool", source));
                if tries < MAX_COMMIT_TRIES {
                    self.uncommitted.push((id, tries + 1));
                    continue;
                }
            }
            if let Some(SealedFile { name, bytes, .. }) = self.sealed.remove(&id) {
                self.held_bytes -= bytes + SEGMENT_OVERHEAD_BYTES;
                self.doomed.push(name);
            }
        }
        self.doomed.retain(|name| !is_gone(disk, name));
        if !self.leftovers.is_empty() && !self.commits.is_written() {
            let created = self.commits.create(disk);
            result =
                result.and(created.map_err(|source| SpoolError::disk("the spool's log cannot be written", source)));
        }
        self.remove_leftovers();
        result
    }

    /// Whether anything could not be noted or removed yet.
    pub(super) fn has_uncommitted(&self) -> bool {
        !self.uncommitted.is_empty() || !self.doomed.is_empty() || !self.leftovers.is_empty()
    }

    /// Segments that are sealed and not let go of yet.
    pub(super) fn sealed_segments(&self) -> usize {
        self.sealed.len()
    }

    fn remove_leftovers(&mut self) {
        let disk = Arc::clone(&self.disk);
        if self.commits.is_written() {
            self.leftovers.retain(|name| !is_gone(disk.as_ref(), name));
        }
        self.let_go_of_streams();
    }

    /// Ends the taking over of streams of which nothing is left: no segment, and no file that could not be removed, which would
    /// be taken for one that was never delivered.
    fn let_go_of_streams(&mut self) {
        let Self { locks, sealed, doomed, leftovers, disk, .. } = self;
        locks.retain(|stream, _| {
            let is_left = sealed.keys().any(|id| id.stream == *stream)
                || doomed.iter().chain(&*leftovers).any(|name| names::stream_of(name) == Some(stream.as_ref()));
            if !is_left {
                // Removed while it is held, so that nobody gets a lock on a file that is going.
                let _ = disk.remove(&names::lock(stream));
            }
            is_left
        });
    }
}

fn is_gone(disk: &dyn Disk, name: &str) -> bool {
    let _ = disk.remove(&names::tries(name));
    let _ = disk.remove(&names::progress(name));
    match disk.remove(name) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn create(disk: &dyn Disk, header: Header, now: Duration) -> io::Result<OpenFile> {
    let name = names::segment(&header.id);
    // A file of this name can only be a try that failed half-way.
    let _ = disk.remove(&name);
    let mut file = disk.create(&name)?;
    let (bytes, seed) = header.encode();
    if let Err(error) = file.append(&[&bytes]) {
        let _ = disk.remove(&name);
        return Err(error);
    }
    let extent = Extent { bytes: bytes.len() as u64, ..Extent::default() };
    Ok(OpenFile {
        file,
        name,
        header,
        seed,
        extent,
        safe: extent,
        marks: Vec::new(),
        opened_at: now,
        is_broken: false,
        is_cut: false,
    })
}

impl OpenFile {
    fn cut_to(&mut self, extent: Extent) {
        let cut = self.file.truncate(extent.bytes).or_else(|_| self.file.truncate(extent.bytes));
        self.is_broken |= cut.is_err();
        self.is_cut = true;
        self.extent = extent;
        self.marks.truncate(extent.chunks);
    }
}

/// What is counted up over a stream.
#[derive(Debug)]
pub(super) struct Numbers {
    pub(super) next_segment: u64,
    pub(super) next_chunk: u64,
    lanes: Lanes,
    records: Vec<u64>,
}

impl Numbers {
    pub(super) fn new(lanes: Lanes) -> Self {
        Self { next_segment: 0, next_chunk: 0, records: lanes.each(|| 0), lanes }
    }

    /// Records that the lane has taken.
    pub(super) fn first_record(&self, lane: Lane) -> u64 {
        self.records.get(self.lanes.index(lane)).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, lane: Lane, records: u64) {
        if let Some(count) = self.records.get_mut(self.lanes.index(lane)) {
            *count += records;
        }
    }

    pub(super) fn take_back(&mut self, lane: Lane, records: u64) {
        if let Some(count) = self.records.get_mut(self.lanes.index(lane)) {
            *count = count.saturating_sub(records);
        }
    }
}
