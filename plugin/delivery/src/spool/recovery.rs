//! What an earlier run left in the folder.
//!
//! Every run of a spool has a stream of its own and a lock on it. A stream whose lock can be had belongs to a process that
//! is gone: what it left is taken over, under its own stream and numbers, so that its objects have the names they would
//! have had. A stream whose lock is held is somebody else's and is not looked at.
//!
//! A file with a seal is taken as it is, without reading its blocks: they were safe before it was sealed, as far as they had
//! to be. One without is read: what is behind its last whole block was never answered OK and is cut off. Where something
//! else does not check out a copy of the file is kept under the name `.aside`, and what does is delivered. A file that
//! cannot be understood stays where it is and is named; it keeps nothing else from being delivered.

use super::disk::{Disk, DiskFile, DiskLock};
use super::format::{
    FormatError, Header, MAX_HEADER_BYTES, Scan, TRAILER_BYTES, decode_seal, encode_seal, scan, seal_offset,
};
use super::known::{Collector, Commit, CommitLog, KnownChunks, newest, read_log};
use super::names;
use super::segment::{ChunkMark, Content, MAX_TRIES, SealedSegment};
use crate::lane::Lanes;
use crate::spool::Durability;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Streams that are taken over at once: each holds a file descriptor until its last segment is delivered.
const MAX_STREAMS: usize = 256;
/// Files that are named when they cannot be used; of more there is only the number.
const MAX_PROBLEMS: usize = 10;

/// A segment that an earlier run left.
#[derive(Debug)]
pub(super) struct RecoveredSegment {
    pub(super) segment: SealedSegment,
    pub(super) name: String,
    pub(super) sorting: u64,
}

/// What an earlier run left.
#[derive(Debug)]
pub(super) struct Recovered {
    /// In the order in which they were begun.
    pub(super) segments: Vec<RecoveredSegment>,
    pub(super) known: KnownChunks,
    pub(super) commits: CommitLog,
    /// The lock of this run, when the disk had room for it.
    pub(super) own_lock: Option<Box<dyn DiskLock>>,
    /// Those of the streams that were taken over.
    pub(super) locks: HashMap<Arc<str>, Box<dyn DiskLock>>,
    /// Files of theirs that nobody needs when what they say stands in `commits`.
    pub(super) leftovers: Vec<String>,
    /// Lines for the operator: what could not be used, and why.
    pub(super) problems: Vec<String>,
}

/// How recovery goes about its work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Approach<'a> {
    pub(super) sorting: u64,
    pub(super) lanes: &'a Lanes,
    pub(super) durability: &'a [Durability],
    /// Whether a file that cannot be read now makes all of it fail, to be tried again; later it is left where it is.
    pub(super) is_patient: bool,
    /// Set when the host exits: recovery ends with an error.
    pub(super) is_stopping: &'a AtomicBool,
}

/// Why a file was not taken over.
#[derive(Debug, thiserror::Error)]
enum RecoveryError {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("it is a copy of segment '{0}' under another name")]
    Name(String),
    #[error("the process has ended {0} times while it was being read")]
    Deadly(u64),
}

struct Recovery<'a> {
    disk: &'a Arc<dyn Disk>,
    approach: Approach<'a>,
    collector: Collector,
    segments: Vec<RecoveredSegment>,
    problems: Vec<String>,
}

/// Takes over what processes that are gone have left, for a new stream.
pub(super) fn recover(disk: &Arc<dyn Disk>, stream: &str, approach: Approach<'_>) -> io::Result<Recovered> {
    let own_lock = match disk.lock(&names::lock(stream)) {
        Ok(Some(lock)) => Some(lock),
        Ok(None) => return Err(io::Error::other("somebody else has the lock of the new stream")),
        // What fills the disk may be what is to be delivered.
        Err(error) if error.kind() == io::ErrorKind::StorageFull => None,
        Err(error) => return Err(error),
    };
    let TakenOver { segments, known, kept, locks, leftovers, mut problems } =
        take_over(disk, |found| found == stream, approach)?;
    let mut commits = CommitLog::new(names::commits(stream), kept);
    if let Err(error) = commits.create(disk.as_ref()) {
        problems.push(format!("commit log cannot be written yet: {error}"));
    }
    Ok(Recovered { segments, known, commits, own_lock, locks, leftovers, problems })
}

/// What was taken over of streams that belong to nobody any more.
pub(super) struct TakenOver {
    pub(super) segments: Vec<RecoveredSegment>,
    pub(super) known: KnownChunks,
    /// What their commit logs say; to be noted before `leftovers` are removed.
    pub(super) kept: Vec<Commit>,
    pub(super) locks: HashMap<Arc<str>, Box<dyn DiskLock>>,
    /// Files that nobody needs when what they say is noted in our own log.
    pub(super) leftovers: Vec<String>,
    pub(super) problems: Vec<String>,
}

/// Takes over the streams that belong to nobody any more, but for those that are ours.
pub(super) fn take_over(
    disk: &Arc<dyn Disk>,
    is_ours: impl Fn(&str) -> bool,
    approach: Approach<'_>,
) -> io::Result<TakenOver> {
    let mut streams: BTreeMap<Arc<str>, Vec<String>> = BTreeMap::new();
    for name in disk.names()? {
        if let Some(found) = names::stream_of(&name).filter(|found| !is_ours(found)) {
            streams.entry(Arc::from(found)).or_default().push(name);
        }
    }
    let collector = Collector::new(approach.sorting, approach.lanes.clone());
    let mut recovery = Recovery { disk, approach, collector, segments: Vec::new(), problems: Vec::new() };
    let mut locks = HashMap::new();
    let mut kept = Vec::new();
    for found in streams.keys() {
        if locks.len() >= MAX_STREAMS {
            break;
        }
        match disk.lock(&names::lock(found)) {
            Ok(Some(lock)) => drop(locks.insert(Arc::clone(found), lock)),
            Ok(None) => continue,
            Err(error) => {
                recovery.problems.push(format!("lock of stream {found} cannot be had: {error}"));
                continue;
            }
        }
        kept.extend(recovery.commits_of(found)?);
    }
    // A segment may be noted in the log of a later stream than its own: all logs are read before any segment.
    let committed: HashSet<String> = kept.iter().map(|commit: &Commit| names::segment(&commit.id)).collect();
    let mut leftovers = Vec::new();
    for (found, files) in streams.iter_mut().filter(|(found, _)| locks.contains_key(*found)) {
        files.sort();
        leftovers.push(names::commits(found));
        leftovers.extend(files.iter().filter(|name| name.ends_with(names::TEMPORARY)).cloned());
        leftovers.extend(recovery.take_over(files, &committed)?);
    }
    disk.sync_names()?;
    let Recovery { mut collector, segments, mut problems, .. } = recovery;
    let kept = newest(kept);
    kept.iter().for_each(|Commit { id, sorting, marks }| collector.add(id, *sorting, marks));
    if problems.len() > MAX_PROBLEMS {
        let more = problems.len() - MAX_PROBLEMS;
        problems.truncate(MAX_PROBLEMS);
        problems.push(format!("{more} more files of the spool cannot be used"));
    }
    Ok(TakenOver { segments, known: collector.finish(), kept, locks, leftovers, problems })
}

impl Recovery<'_> {
    fn commits_of(&mut self, stream: &str) -> io::Result<Vec<Commit>> {
        let name = names::commits(stream);
        match read_log(self.disk.as_ref(), &name) {
            Ok(commits) => Ok(commits),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) if self.approach.is_patient && may_pass(&error) => Err(named(&name, &error)),
            Err(error) => {
                self.problems.push(format!("commit log '{name}' cannot be read: {error}"));
                Ok(Vec::new())
            }
        }
    }

    /// Takes over the segments of one stream; gives the files that were to be removed and could not be.
    fn take_over(&mut self, files: &[String], committed: &HashSet<String>) -> io::Result<Vec<String>> {
        let mut leftovers = Vec::new();
        for name in files.iter().filter(|name| name.ends_with(names::SEGMENT)) {
            if self.approach.is_stopping.load(Ordering::Relaxed) {
                return Err(io::Error::other("the host exits"));
            }
            let tries = names::tries(name);
            let has_tries = files.binary_search(&tries).is_ok();
            if committed.contains(name) {
                if has_tries {
                    let _ = self.disk.remove(&tries);
                }
                let progress = names::progress(name);
                if files.binary_search(&progress).is_ok() {
                    let _ = self.disk.remove(&progress);
                }
                if self.disk.remove(name).is_err() {
                    leftovers.push(name.clone());
                }
                continue;
            }
            match self.take_over_file(name, has_tries) {
                Ok(Some((segment, sorting, marks))) => {
                    self.collector.add(&segment.id, sorting, &marks);
                    self.segments.push(RecoveredSegment { segment, name: name.clone(), sorting });
                }
                Ok(None) => {}
                Err(RecoveryError::Disk(error)) if self.approach.is_patient && may_pass(&error) => {
                    return Err(named(name, &error));
                }
                Err(reason) => {
                    self.problems.push(format!("spool file '{name}' cannot be used and stays where it is: {reason}"));
                }
            }
        }
        Ok(leftovers)
    }

    /// A file's segment, its way of sorting, and its chunks; `None` for one without records, which is removed.
    fn take_over_file(&mut self, name: &str, has_tries: bool) -> Result<Option<Readable>, RecoveryError> {
        let disk = self.disk;
        let mut file = disk.open(name)?;
        let size = file.size()?;
        let start = read(file.as_ref(), 0, size.min(MAX_HEADER_BYTES as u64))?;
        let (header, header_bytes, seed) = match Header::decode(&start) {
            Ok(header) => header,
            // A file that was being made when the process ended.
            Err(_) if size < LEAST_WITH_BLOCK_BYTES && is_cut_header(&start) => {
                let _ = disk.remove(name);
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let own_name = names::segment(&header.id);
        if own_name != name {
            return Err(RecoveryError::Name(own_name));
        }
        let tries = if has_tries { disk.open(&names::tries(name)).and_then(|file| file.size())? } else { 0 };
        if tries >= 2 * MAX_TRIES {
            return Err(RecoveryError::Deadly(tries));
        }
        let segment = |records: u64, bytes: u64, may_have_holes: bool| {
            let content = Content::File {
                disk: Arc::clone(disk),
                name: name.to_owned(),
                bytes,
                may_have_holes,
                tries: Some(tries),
            };
            SealedSegment { id: header.id.clone(), first_record: header.first_record, records, bytes, content }
        };
        if let Some((offset, records, marks)) = read_seal(file.as_ref(), size, seed)? {
            return Ok(Some((segment(records, offset, false), header.sorting, marks)));
        }
        // The size of such a file is not known to be bearable.
        let noted = segment(0, size, false);
        let _ = noted.begin_try();
        let content = read(file.as_ref(), 0, size)?;
        noted.end_try();
        let Scan { blocks, end, has_holes } = scan(&content, seed, header_bytes);
        let tail = content.get(end..).unwrap_or_default();
        if has_holes || !is_torn(tail) {
            self.keep_copy(name, &content, tail.len());
        }
        if blocks.is_empty() {
            let _ = disk.remove(name);
            return Ok(None);
        }
        let records = blocks.iter().map(|block| block.records).sum();
        let marks: Vec<ChunkMark> = blocks.iter().map(|block| block.mark).collect();
        // When the disk is full or cannot be written to, the file is read up to there all the same.
        let is_cut = file.truncate(end as u64).is_ok();
        // A chunk that is recognised is answered OK, and must be as safe as one that is taken.
        let Approach { lanes, durability, .. } = self.approach;
        if durability.get(lanes.index(header.id.lane)) == Some(&Durability::Fsync) {
            file.sync()?;
        }
        if is_cut {
            let seal = encode_seal(seed, end as u64, records, &marks);
            if !has_holes && file.append(&[&seal]).is_err() {
                let _ = file.truncate(end as u64);
            }
        }
        Ok(Some((segment(records, end as u64, has_holes), header.sorting, marks)))
    }

    /// Keeps a file of which not everything checks out, as it is, beside what is delivered of it.
    fn keep_copy(&mut self, name: &str, content: &[u8], behind: usize) {
        let aside = names::aside(name);
        let _ = self.disk.remove(&aside);
        let kept = self.disk.create(&aside).and_then(|mut file| file.append(&[content]));
        let kept = match kept {
            Ok(()) => format!("all of it is kept in '{aside}'"),
            Err(error) => format!("it could not be copied: {error}"),
        };
        self.problems.push(format!(
            "spool file '{name}' is damaged: what checks out in it is delivered, the rest is not ({behind} bytes of it \
             behind the last whole block); {kept}"
        ));
    }
}

type Readable = (SealedSegment, u64, Vec<ChunkMark>);

/// Errors that may be gone with the next try.
fn may_pass(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::ESTALE | libc::ETIMEDOUT))
}

fn named(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("'{name}': {error}"))
}

fn read(file: &dyn DiskFile, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut content = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    file.read_at(offset, &mut content)?;
    Ok(content)
}

/// Offset, records and chunks of a file's seal, if it has one.
fn read_seal(file: &dyn DiskFile, size: u64, seed: u64) -> io::Result<Option<(u64, u64, Vec<ChunkMark>)>> {
    let Some(end) = size.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let trailer = read(file, end, TRAILER_BYTES as u64)?;
    let Some(offset) = seal_offset(&trailer).filter(|offset| *offset < end) else { return Ok(None) };
    let seal = read(file, offset, end - offset)?;
    Ok(decode_seal(&seal, seed, offset).map(|(records, marks)| (offset, records, marks)))
}

/// The chunks of a segment file: from its seal, or from its blocks up to `bytes` where it has none.
pub(super) fn read_marks(disk: &dyn Disk, name: &str, bytes: u64) -> io::Result<Vec<ChunkMark>> {
    let file = disk.open(name)?;
    let size = file.size()?;
    let start = read(file.as_ref(), 0, size.min(MAX_HEADER_BYTES as u64))?;
    let (_, header_bytes, seed) = Header::decode(&start).map_err(io::Error::other)?;
    if let Some((_, _, marks)) = read_seal(file.as_ref(), size, seed)? {
        return Ok(marks);
    }
    let content = read(file.as_ref(), 0, size.min(bytes))?;
    Ok(scan(&content, seed, header_bytes).blocks.iter().map(|block| block.mark).collect())
}

/// No file with a block is this short.
const LEAST_WITH_BLOCK_BYTES: u64 = 100;

/// Whether these bytes are what is left of a header whose writing was cut short: it, or zeroes where nothing was written.
fn is_cut_header(start: &[u8]) -> bool {
    let written = start.len() - start.iter().rev().take_while(|byte| **byte == 0).count();
    let common = written.min(super::format::MAGIC.len());
    start.get(..common) == super::format::MAGIC.get(..common)
}

/// Whether the bytes behind the last whole block can be an append that was cut short: nothing, an entry that is longer than
/// what is there, or zeroes.
fn is_torn(tail: &[u8]) -> bool {
    let Some(length) = tail.first_chunk::<4>() else { return true };
    super::format::entry_bytes(u32::from_le_bytes(*length)) > tail.len() || tail.iter().all(|byte| *byte == 0)
}
