//! The spool of one output instance: lanes in memory and lanes in files.

use super::journal::{Journal, Numbers};
use super::known::{LaneSet, Recognition};
use super::memory::room_of;
use super::recovery::{Approach, recover};
use super::segment::{Block, ChunkId, ChunkMark, SealedSegment, SegmentId};
use super::settings::{OpenedDisk, SpoolSettings};
use super::{ChunkBlocks, Durability, SpoolError};
use crate::lane::Lane;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use twox_hash::XxHash3_128;

/// What a block in memory costs beside its events: its place in the list and its allocation's header.
const BLOCK_OVERHEAD_BYTES: u64 = 128;
/// Time between two tries at a folder that cannot be used.
const REOPEN_INTERVAL: Duration = Duration::from_secs(5);

/// Time between two looks at what other processes may have left in the folder since.
const LOOK_INTERVAL: Duration = Duration::from_secs(300);
/// Tries at a folder with a file that cannot be read, before the file is left where it is.
const PATIENT_TRIES: u32 = 6;

/// What is known of an open segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSegment {
    /// Bytes in it.
    pub bytes: u64,
    /// When its first record came, on the clock's monotonic time.
    pub opened_at: Duration,
    /// Whether it can take no more, whatever its size.
    pub must_be_sealed: bool,
}

/// What became of a chunk that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// Records taken, a lane each.
    pub records: Vec<u64>,
    /// Records that were here already, because the host has sent the chunk again after a restart.
    pub recognised_records: u64,
    /// Records that may be doubled: a part of the chunk was here, sorted in a way that is no longer known.
    pub unclear_records: u64,
}

#[derive(Debug, Default)]
struct Growing {
    blocks: Vec<Block>,
    bytes: u64,
    opened_at: Duration,
    first_record: u64,
}

enum Folder {
    None,
    /// It could not be used so far; what the last try said, until the next one.
    Missing {
        error: io::Error,
        next_try: Duration,
        tries: u32,
    },
    Open {
        journal: Box<Journal>,
        seed: u64,
    },
}

/// Keeps records between the host's OK and the store's.
pub struct Spool {
    settings: SpoolSettings,
    numbers: Numbers,
    growing: Vec<Growing>,
    sealed_bytes: HashMap<SegmentId, u64>,
    memory_bytes: u64,
    /// What is in memory and was appended since the last sync, an entry a lane: blocks, bytes.
    unsynced: Vec<(usize, u64)>,
    folder: Folder,
    recovered: Vec<SealedSegment>,
    problems: Vec<String>,
    next_look: Duration,
}

impl Spool {
    /// A spool; its folder is looked at by the first [`Spool::open`].
    #[must_use]
    pub fn new(mut settings: SpoolSettings) -> Self {
        let folder = match &settings.folder {
            None => {
                settings.durability = settings.lanes.each(|| Durability::Memory);
                Folder::None
            }
            Some(_) => Folder::Missing { error: io::Error::other("not tried yet"), next_try: Duration::ZERO, tries: 0 },
        };
        Self {
            numbers: Numbers::new(settings.lanes.clone()),
            growing: settings.lanes.each(Growing::default),
            sealed_bytes: HashMap::new(),
            memory_bytes: 0,
            unsynced: settings.lanes.each(Default::default),
            settings,
            folder,
            recovered: Vec::new(),
            problems: Vec::new(),
            next_look: Duration::ZERO,
        }
    }

    /// Names this run's objects apart from those of every other.
    #[must_use]
    pub fn stream(&self) -> &Arc<str> {
        &self.settings.stream
    }

    /// Segments that an earlier run has left, each once, in the order in which they were begun.
    pub fn take_recovered(&mut self) -> Vec<SealedSegment> {
        std::mem::take(&mut self.recovered)
    }

    /// Lines about files of the folder that cannot be used, each once.
    pub fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    /// Why the folder cannot be used, if it cannot.
    #[must_use]
    pub fn missing_folder(&self) -> Option<String> {
        let (Folder::Missing { error, .. }, Some((folder, _))) = (&self.folder, &self.settings.folder) else {
            return None;
        };
        Some(folder_error(folder, error).to_string())
    }

    /// When a folder that cannot be used is tried again.
    #[must_use]
    pub fn next_try(&self) -> Option<Duration> {
        match &self.folder {
            Folder::Missing { next_try, .. } => Some(*next_try),
            Folder::None | Folder::Open { .. } => None,
        }
    }

    /// What a chunk will be recognised by; `None` when nothing outlives the process, or the folder cannot be used.
    #[must_use]
    pub fn identify(&self, chunk: &[u8], tag: &str) -> Option<ChunkId> {
        match &self.folder {
            Folder::Open { seed, .. } => {
                let mut hasher = XxHash3_128::with_seed(*seed);
                hasher.write(tag.as_bytes());
                hasher.write(&[0]);
                hasher.write(chunk);
                Some(ChunkId(hasher.finish_128()))
            }
            Folder::None | Folder::Missing { .. } => None,
        }
    }

    /// Takes the blocks of one chunk, all or none; what of it is here since before a restart is passed over. It is safe after
    /// [`Spool::sync`].
    ///
    /// # Errors
    /// When there is no room, or the folder does not take it.
    pub fn append(
        &mut self,
        id: Option<ChunkId>,
        mut blocks: ChunkBlocks,
        now: Duration,
    ) -> Result<Appended, SpoolError> {
        let lanes = self.settings.lanes.clone();
        let mut appended = Appended { records: lanes.each(|| 0), ..Appended::default() };
        let recognition = match (&self.folder, id) {
            (Folder::Open { journal, .. }, Some(id)) => journal.known.look_up(id),
            (Folder::Open { .. }, None) => return Err(SpoolError::Unidentified),
            (Folder::None | Folder::Missing { .. }, _) => Recognition::New,
        };
        for (place, slot) in blocks.iter_mut().enumerate() {
            let records = slot.as_ref().map_or(0, |block| block.records);
            let is_here = match recognition {
                Recognition::New => false,
                Recognition::Present(lanes) => lanes.contains(place),
                Recognition::Whole => true,
                Recognition::Unclear => {
                    appended.unclear_records += records;
                    false
                }
            };
            if is_here {
                appended.recognised_records += records;
                *slot = None;
            }
        }
        let taken = || lanes.iter().zip(&blocks).filter_map(|(lane, block)| Some((lane, block.as_ref()?)));
        let (in_memory, in_files): (Vec<_>, Vec<_>) =
            taken().partition(|(lane, _)| self.durability(*lane) == Durability::Memory);
        let memory_wanted = in_memory.iter().map(|(_, block)| cost(block)).sum();
        self.check_memory(memory_wanted)?;
        self.append_to_files(id, &in_files, now)?;
        if let (Folder::Open { journal, .. }, Some(id)) = (&mut self.folder, id) {
            journal.known.recognised(id);
        }
        for (records, block) in appended.records.iter_mut().zip(&blocks) {
            *records = block.as_ref().map_or(0, |block| block.records);
        }
        for (lane, block) in lanes.iter().zip(blocks) {
            let Some(block) = block else { continue };
            if self.durability(lane) == Durability::Memory {
                self.append_to_memory(lane, block, now);
            }
        }
        for (lane, records) in lanes.iter().zip(&appended.records) {
            self.numbers.add(lane, *records);
        }
        Ok(appended)
    }

    /// Makes all that was appended since the last time as safe as it shall be. When that fails all of it is taken back,
    /// and the host must be told so for each of those chunks.
    ///
    /// # Errors
    /// When the disk may not have it.
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        let lanes = self.settings.lanes.clone();
        let unsynced = std::mem::replace(&mut self.unsynced, lanes.each(Default::default));
        let Folder::Open { journal, .. } = &mut self.folder else { return Ok(()) };
        let synced = journal.sync(&self.settings.is_abandoned);
        journal.known.synced(synced.is_ok());
        let Err((error, records_in_files)) = synced else { return Ok(()) };
        for (lane, records) in lanes.iter().zip(records_in_files) {
            self.numbers.take_back(lane, records);
        }
        for ((lane, (blocks, bytes)), growing) in lanes.iter().zip(unsynced).zip(&mut self.growing) {
            let records: u64 =
                growing.blocks.drain(growing.blocks.len().saturating_sub(blocks)..).map(|b| b.records).sum();
            self.numbers.take_back(lane, records);
            growing.bytes -= bytes;
            self.memory_bytes -= bytes;
            self.settings.memory.release(bytes);
        }
        Err(error)
    }

    /// The lane's open segment, if it holds anything.
    #[must_use]
    pub fn open_segment(&self, lane: Lane) -> Option<OpenSegment> {
        if let Some(growing) =
            self.growing.get(self.settings.lanes.index(lane)).filter(|growing| !growing.blocks.is_empty())
        {
            let Growing { bytes, opened_at, .. } = *growing;
            return Some(OpenSegment { bytes, opened_at, must_be_sealed: false });
        }
        let Folder::Open { journal, .. } = &self.folder else { return None };
        let (bytes, opened_at, is_at_its_end) = journal.open_segment(lane)?;
        Some(OpenSegment { bytes, opened_at, must_be_sealed: is_at_its_end || journal.is_broken(lane) })
    }

    /// Closes the lane's open segment; `None` when there is nothing in it. What was appended must be synced.
    pub fn seal(&mut self, lane: Lane) -> Option<SealedSegment> {
        let growing = self.growing.get_mut(self.settings.lanes.index(lane))?;
        if growing.blocks.is_empty() {
            let Folder::Open { journal, .. } = &mut self.folder else { return None };
            return journal.seal(lane);
        }
        let Growing { blocks, bytes, first_record, .. } = std::mem::take(growing);
        let id = SegmentId { stream: Arc::clone(&self.settings.stream), lane, number: self.numbers.next_segment };
        self.numbers.next_segment += 1;
        self.sealed_bytes.insert(id.clone(), bytes);
        Some(SealedSegment::in_memory(id, first_record, blocks, bytes))
    }

    /// Forgets a segment of which every object is stored, or which was put aside.
    ///
    /// # Errors
    /// When that could not be noted; it is tried again.
    pub fn commit(&mut self, id: &SegmentId) -> Result<(), SpoolError> {
        if let Some(bytes) = self.sealed_bytes.remove(id) {
            self.memory_bytes -= bytes;
            self.settings.memory.release(bytes);
            return Ok(());
        }
        let Folder::Open { journal, .. } = &mut self.folder else { return Ok(()) };
        journal.commit(id)
    }

    /// Tries again what could not be noted or removed.
    ///
    /// # Errors
    /// When it still cannot be.
    pub fn finish_commits(&mut self) -> Result<(), SpoolError> {
        let Folder::Open { journal, .. } = &mut self.folder else { return Ok(()) };
        journal.finish_commits()
    }

    /// Notes a chunk that was taken, but whose answer the host did not wait for: it will send it again.
    pub fn note_unanswered(&mut self, id: ChunkId, lanes: impl Iterator<Item = Lane>) {
        let mut present = LaneSet::default();
        lanes.for_each(|lane| present.insert(self.settings.lanes.index(lane)));
        if let Folder::Open { journal, .. } = &mut self.folder {
            journal.known.add_unanswered(id, present);
        }
    }

    /// Whether [`Spool::finish_commits`] has something to do.
    #[must_use]
    pub fn has_uncommitted(&self) -> bool {
        matches!(&self.folder, Folder::Open { journal, .. } if journal.has_uncommitted())
    }

    /// Segments that are sealed and not let go of yet.
    #[must_use]
    pub fn sealed_segments(&self) -> usize {
        let in_files = match &self.folder {
            Folder::Open { journal, .. } => journal.sealed_segments(),
            Folder::None | Folder::Missing { .. } => 0,
        };
        self.sealed_in_memory() + in_files
    }

    /// Those of them that are in memory.
    #[must_use]
    pub fn sealed_in_memory(&self) -> usize {
        self.sealed_bytes.len()
    }

    /// Bytes held in memory by this spool, open and sealed.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Bytes held in the folder, open and sealed.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        match &self.folder {
            Folder::Open { journal, .. } => journal.held_bytes(),
            Folder::None | Folder::Missing { .. } => 0,
        }
    }

    /// Whether so much is held, of memory or of the folder, that segments should be closed before their time; for a lane, as
    /// closing one in memory makes no room in the folder.
    #[must_use]
    pub fn is_tight(&self, lane: Lane) -> bool {
        let (held, limit) = match self.durability(lane) {
            Durability::Memory => (self.settings.memory.held_bytes(), self.settings.memory.spool_limit_bytes()),
            Durability::Flush | Durability::Fsync => (self.disk_bytes(), self.settings.disk_limit_bytes),
        };
        held >= limit / 3 * 2
    }

    /// How safe a lane's records are.
    #[must_use]
    pub fn durability(&self, lane: Lane) -> Durability {
        self.settings.durability.get(self.settings.lanes.index(lane)).copied().unwrap_or(Durability::Memory)
    }

    fn check_memory(&self, wanted: u64) -> Result<(), SpoolError> {
        let (held, limit) = (self.settings.memory.held_bytes(), self.settings.memory.spool_limit_bytes());
        // A chunk above the limit would never fit; it is taken when nothing else is held here.
        if wanted > 0 && self.memory_bytes > 0 && held + wanted > limit {
            return Err(SpoolError::Full { what: "memory", held, limit, wanted });
        }
        Ok(())
    }

    fn append_to_files(
        &mut self,
        id: Option<ChunkId>,
        blocks: &[(Lane, &Block)],
        now: Duration,
    ) -> Result<(), SpoolError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let (journal, id) = match (&mut self.folder, &self.settings.folder, id) {
            (Folder::Open { journal, .. }, _, Some(id)) => (journal, id),
            (Folder::Missing { error, .. }, Some((folder, _)), _) => return Err(folder_error(folder, error)),
            // Without a folder every lane is in memory.
            _ => return Ok(()),
        };
        let wanted: u64 = blocks.iter().map(|(_, block)| cost(block)).sum();
        let (held, limit) = (journal.held_bytes(), self.settings.disk_limit_bytes);
        if held > 0 && held + wanted > limit {
            return Err(SpoolError::Full { what: "store_dir", held, limit, wanted });
        }
        let lanes = u8::try_from(blocks.len()).unwrap_or(u8::MAX);
        let mark = ChunkMark { id, sequence: self.numbers.next_chunk, lanes };
        journal.append(mark, blocks, &mut self.numbers, now)?;
        self.numbers.next_chunk += 1;
        Ok(())
    }

    fn append_to_memory(&mut self, lane: Lane, block: Block, now: Duration) {
        let first_record = self.numbers.first_record(lane);
        let bytes = cost(&block);
        let place = self.settings.lanes.index(lane);
        let (Some(growing), Some(unsynced)) = (self.growing.get_mut(place), self.unsynced.get_mut(place)) else {
            return;
        };
        if growing.blocks.is_empty() {
            (growing.opened_at, growing.first_record) = (now, first_record);
        }
        growing.bytes += bytes;
        growing.blocks.push(block);
        *unsynced = (unsynced.0 + 1, unsynced.1 + bytes);
        self.memory_bytes += bytes;
        self.settings.memory.hold(bytes);
    }

    /// Looks at the folder, if that has not succeeded yet and it is time for the next try; what an earlier run has left in it is
    /// then in [`Spool::take_recovered`]. As long as it cannot be used only lanes in memory take records.
    pub fn open(&mut self, now: Duration) {
        let SpoolSettings { stream, sorting, lanes, durability, is_stopping, folder, .. } = &self.settings;
        let approach = |is_patient: bool| Approach { sorting: *sorting, lanes, durability, is_patient, is_stopping };
        let tries = match (&mut self.folder, folder) {
            (Folder::Open { journal, .. }, _) if now >= self.next_look && !journal.known.has_unsynced() => {
                self.next_look = now + LOOK_INTERVAL;
                // What fails here is looked at again the next time.
                if let Ok((segments, problems)) = journal.take_over_again(approach(true)) {
                    self.recovered.extend(segments);
                    self.problems.extend(problems);
                }
                return;
            }
            (Folder::Missing { next_try, tries, .. }, Some(_)) if now >= *next_try => *tries + 1,
            _ => return,
        };
        let Some((_, open)) = folder else { return };
        let opened = open().and_then(|OpenedDisk { disk, seed }| {
            let approach = approach(tries < PATIENT_TRIES);
            let mut recovered = recover(&disk, stream, approach)?;
            let problems = std::mem::take(&mut recovered.problems);
            let (journal, segments) = Journal::new(disk, Arc::clone(stream), approach, recovered);
            Ok((Folder::Open { journal: Box::new(journal), seed }, segments, problems))
        });
        match opened {
            Ok((folder, segments, problems)) => {
                self.folder = folder;
                self.next_look = now + LOOK_INTERVAL;
                self.recovered.extend(segments);
                self.problems.extend(problems);
            }
            Err(error) => self.folder = Folder::Missing { error, next_try: now + REOPEN_INTERVAL, tries },
        }
    }
}

/// What this instance held is the others' again.
impl Drop for Spool {
    fn drop(&mut self) {
        self.settings.memory.release(self.memory_bytes);
    }
}

fn cost(block: &Block) -> u64 {
    let places = block.places.as_ref().map_or(0, |places| size_of_val(&**places));
    (room_of(block.events.len()) + places) as u64 + BLOCK_OVERHEAD_BYTES
}

fn folder_error(folder: &str, error: &io::Error) -> SpoolError {
    let source = match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    };
    SpoolError::Folder { folder: folder.to_owned(), source }
}

#[cfg(test)]
#[path = "restart_tests.rs"]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod restart_tests;
