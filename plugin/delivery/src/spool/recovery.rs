//! What an earlier run left in the folder.
//!
//! Every run of a spool has a stream of its own and a lock on it. A stream whose lock can be had belongs to a process that
//! is gone: what it left is taken over, under its own stream and numbers, so that its objects have the names they would
//! have had. A stream whose lock is held is somebody else's and is not looked at.
//!
//! A file with a seal is taken as it is, without reading its blocks. One without is read: what is behind its last whole
//! block was never answered OK and is cut off. A file that cannot be understood stays where it is and is named; it keeps
//! nothing else from being delivered.

use super::disk::{Disk, DiskLock};
use super::format::{
    FormatError, Header, MAGIC, MAX_HEADER_BYTES, Scan, TRAILER_BYTES, decode_seal, encode_seal, scan, seal_offset,
};
use super::known::{Collector, Commit, CommitLog, KnownChunks, newest, read_log};
use super::segment::{ChunkMark, Content, SealedSegment};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

/// Names of files in the folder; every one begins with the stream it belongs to.
pub(super) mod names {
    use crate::spool::segment::SegmentId;

    pub(in crate::spool) const SEGMENT: &str = ".segment";
    const COMMITS: &str = ".commits";

    pub(in crate::spool) fn segment(id: &SegmentId) -> String {
        format!("{}-{:010}.{}{SEGMENT}", id.stream, id.number, id.lane)
    }

    pub(in crate::spool) fn commits(stream: &str) -> String {
        format!("{stream}{COMMITS}")
    }

    pub(in crate::spool) fn lock(stream: &str) -> String {
        format!("{stream}.lock")
    }

    pub(in crate::spool) fn tries(segment: &str) -> String {
        format!("{segment}.tries")
    }

    pub(in crate::spool) fn aside(segment: &str) -> String {
        format!("{segment}.aside")
    }

    /// The stream a file belongs to; `None` for what is no stream's.
    pub(in crate::spool) fn stream_of(name: &str) -> Option<&str> {
        let end = name.find(['-', '.'])?;
        let stream = name.get(..end)?;
        (stream.len() == super::super::STREAM_ID_LENGTH && stream.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .then_some(stream)
    }
}

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
    pub(super) locks: Vec<Box<dyn DiskLock>>,
    /// Lines for the operator: what could not be used, and why.
    pub(super) problems: Vec<String>,
}

/// Takes over what processes that are gone have left, for a new stream.
///
/// While `is_patient` a file that cannot be read makes all of it fail, to be tried again; later it is left where it is.
pub(super) fn recover(disk: &Arc<dyn Disk>, stream: &str, sorting: u64, is_patient: bool) -> io::Result<Recovered> {
    let own_lock = disk.lock(&names::lock(stream))?;
    let mut locks: Vec<_> = own_lock.into_iter().collect();
    let mut streams: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in disk.names()? {
        if let Some(found) = names::stream_of(&name).filter(|found| *found != stream) {
            streams.entry(found.to_owned()).or_default().push(name);
        }
    }
    let mut collector = Collector::new(sorting);
    let (mut segments, mut kept, mut finished, mut problems) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (found, mut files) in streams {
        let Some(lock) = disk.lock(&names::lock(&found))? else { continue };
        files.sort();
        let commits = match read_log(disk.as_ref(), &names::commits(&found)) {
            Ok(commits) => commits,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) if is_patient => return Err(error),
            Err(error) => {
                problems.push(format!("commit log of stream {found} cannot be read: {error}"));
                Vec::new()
            }
        };
        let is_left = recover_stream(disk, &files, &commits, &mut collector, &mut segments, &mut problems, is_patient)?;
        kept.extend(commits);
        if is_left {
            locks.push(lock);
        } else {
            finished.push(names::lock(&found));
        }
        finished.push(names::commits(&found));
    }
    disk.sync_names()?;
    let kept = newest(kept);
    kept.iter().for_each(|Commit { id, sorting, marks }| collector.add(id, *sorting, marks));
    let mut commits = CommitLog::new(names::commits(stream), kept);
    match commits.create(disk.as_ref()) {
        // Only now: what they say stands in the new log.
        Ok(()) => finished.iter().for_each(|name| drop(disk.remove(name))),
        // A full disk must not keep from being delivered what fills it.
        Err(error) => problems.push(format!("commit log cannot be written yet: {error}")),
    }
    Ok(Recovered { segments, known: collector.finish(), commits, locks, problems })
}

/// Takes over the segments of one stream; whether any file of it stays in the spool.
fn recover_stream(
    disk: &Arc<dyn Disk>,
    files: &[String],
    commits: &[Commit],
    collector: &mut Collector,
    segments: &mut Vec<RecoveredSegment>,
    problems: &mut Vec<String>,
    is_patient: bool,
) -> io::Result<bool> {
    let committed: HashSet<String> = commits.iter().map(|commit| names::segment(&commit.id)).collect();
    let mut is_left = false;
    for name in files.iter().filter(|name| name.ends_with(names::SEGMENT)) {
        if committed.contains(name) {
            let _ = disk.remove(&names::tries(name));
            is_left |= disk.remove(name).is_err();
            continue;
        }
        match recover_file(disk, name) {
            Ok(Some((segment, sorting, marks))) => {
                collector.add(&segment.id, sorting, &marks);
                segments.push(RecoveredSegment { segment, name: name.clone(), sorting });
                is_left = true;
            }
            Ok(None) => {}
            Err(RecoveryError::Disk(error)) if is_patient => return Err(error),
            Err(reason) => {
                problems.push(format!("spool file '{name}' cannot be used and stays where it is: {reason}"));
                is_left = true;
            }
        }
    }
    Ok(is_left)
}

/// Why a file was not taken over.
#[derive(Debug, thiserror::Error)]
enum RecoveryError {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Format(#[from] FormatError),
}

type TakenOver = (SealedSegment, u64, Vec<ChunkMark>);

/// A file's segment, its way of sorting, and its chunks; `None` for one without records, which is removed.
fn recover_file(disk: &Arc<dyn Disk>, name: &str) -> Result<Option<TakenOver>, RecoveryError> {
    let mut file = disk.open(name)?;
    let size = file.size()?;
    let read = |offset: u64, bytes: u64| -> io::Result<Vec<u8>> {
        let mut content = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        file.read_at(offset, &mut content)?;
        Ok(content)
    };
    let start = read(0, size.min(MAX_HEADER_BYTES as u64))?;
    let (header, header_bytes, seed) = match Header::decode(&start) {
        Ok(header) => header,
        // A file that was being made when the process ended.
        Err(_) if is_cut_header(&start) => {
            let _ = disk.remove(name);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let tries = disk.open(&names::tries(name)).and_then(|file| file.size()).unwrap_or(0);
    let segment = |records: u64, bytes: u64, may_have_holes: bool| {
        let content =
            Content::File { disk: Arc::clone(disk), name: name.to_owned(), bytes, may_have_holes, tries: Some(tries) };
        SealedSegment { id: header.id.clone(), first_record: header.first_record, records, bytes, content }
    };
    if let Some((offset, records, marks)) = read_seal(read, size, seed)? {
        file.sync()?;
        return Ok(Some((segment(records, offset, false), header.sorting, marks)));
    }
    let content = read(0, size)?;
    let Scan { blocks, end, has_holes } = scan(&content, seed, header_bytes);
    if blocks.is_empty() {
        let _ = disk.remove(name);
        return Ok(None);
    }
    let records = blocks.iter().map(|block| block.records).sum();
    let marks: Vec<ChunkMark> = blocks.iter().map(|block| block.mark).collect();
    // When the disk is full or cannot be written to, the file is read up to there all the same.
    if file.truncate(end as u64).is_ok() && !has_holes {
        let seal = encode_seal(seed, end as u64, records, &marks);
        if file.append(&[&seal]).is_err() {
            let _ = file.truncate(end as u64);
        }
    }
    // A chunk that is recognised is answered OK, and must be as safe as one that is taken.
    file.sync()?;
    Ok(Some((segment(records, end as u64, has_holes), header.sorting, marks)))
}

/// Offset, records and chunks of a file's seal, if it has one.
fn read_seal(
    read: impl Fn(u64, u64) -> io::Result<Vec<u8>>,
    size: u64,
    seed: u64,
) -> io::Result<Option<(u64, u64, Vec<ChunkMark>)>> {
    let Some(end) = size.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let Some(offset) = seal_offset(&read(end, TRAILER_BYTES as u64)?).filter(|offset| *offset < end) else {
        return Ok(None);
    };
    let seal = read(offset, end - offset)?;
    Ok(decode_seal(&seal, seed, offset).map(|(records, marks)| (offset, records, marks)))
}

/// The chunks of a segment file: from its seal, or from its blocks where it has none.
pub(super) fn read_marks(disk: &dyn Disk, name: &str) -> io::Result<Vec<ChunkMark>> {
    let file = disk.open(name)?;
    let size = file.size()?;
    let read = |offset: u64, bytes: u64| -> io::Result<Vec<u8>> {
        let mut content = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        file.read_at(offset, &mut content)?;
        Ok(content)
    };
    let start = read(0, size.min(MAX_HEADER_BYTES as u64))?;
    let (_, header_bytes, seed) = Header::decode(&start).map_err(io::Error::other)?;
    if let Some((_, _, marks)) = read_seal(read, size, seed)? {
        return Ok(marks);
    }
    let content = read(0, size)?;
    Ok(scan(&content, seed, header_bytes).blocks.iter().map(|block| block.mark).collect())
}

/// No file with a block is this short.
const LEAST_WITH_BLOCK_BYTES: usize = 100;

/// Whether these bytes are what is left of a header whose writing was cut short: it, or zeroes where nothing was written.
fn is_cut_header(start: &[u8]) -> bool {
    let written = start.len() - start.iter().rev().take_while(|byte| **byte == 0).count();
    let common = written.min(MAGIC.len());
    written < LEAST_WITH_BLOCK_BYTES && start.get(..common) == MAGIC.get(..common)
}
