//! Segments: what they are named by, what they hold, and how it is had for delivery.

use super::disk::Disk;
use super::format::{FormatError, read_blocks};
use super::names;
use super::record_place::RecordPlace;
use crate::lane::Lane;
use bytes::Bytes;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use twox_hash::XxHash3_64;

/// Deaths of the process while it delivers a segment, after which the segment is held to be the cause.
pub const MAX_TRIES: u64 = 5;

/// Bytes of a note of what was sent: first record, record behind the last, and a hash of both, little endian.
const PROGRESS_BYTES: usize = 24;

fn encode_progress(records: &Range<u64>) -> [u8; PROGRESS_BYTES] {
    let mut note = [0; PROGRESS_BYTES];
    let (places, hash) = note.split_at_mut(16);
    let (start, end) = places.split_at_mut(8);
    start.copy_from_slice(&records.start.to_le_bytes());
    end.copy_from_slice(&records.end.to_le_bytes());
    hash.copy_from_slice(&XxHash3_64::oneshot(places).to_le_bytes());
    note
}

fn decode_progress(note: &[u8; PROGRESS_BYTES]) -> Option<Range<u64>> {
    let (places, hash) = note.split_at(16);
    let (start, end) = places.split_at(8);
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).ok();
    let records = number(start)?..number(end)?;
    (number(hash)? == XxHash3_64::oneshot(places) && records.start < records.end).then_some(records)
}

/// Names a segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SegmentId {
    /// The stream: one run of one spool.
    pub stream: Arc<str>,
    /// The lane it belongs to.
    pub lane: Lane,
    /// Its number, counted up over all lanes of the stream.
    pub number: u64,
}

/// What a chunk is recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChunkId(pub u128);

/// A chunk that has records in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkMark {
    /// What it is recognised by.
    pub id: ChunkId,
    /// Its number in the stream.
    pub sequence: u64,
    /// How many lanes it has records in that outlive the process.
    pub lanes: u8,
}

/// The events of one chunk that go to one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The host's tag of the chunk.
    pub tag: Arc<str>,
    /// Sorted events, one behind the other.
    pub events: Bytes,
    /// How many they are.
    pub records: u64,
    /// Where each of them lies, when it was put there in this process; of what was in a file it is not known.
    pub places: Option<Arc<[RecordPlace]>>,
}

/// A closed segment.
#[derive(Debug, Clone)]
pub struct SealedSegment {
    /// Its name.
    pub id: SegmentId,
    /// Records that the stream had taken for this lane before the segment.
    pub first_record: u64,
    /// Records in it.
    pub records: u64,
    /// Bytes that it holds in the spool.
    pub bytes: u64,
    pub(super) content: Content,
}

/// Where the blocks are.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Memory(Vec<Block>),
    File {
        disk: Arc<dyn Disk>,
        name: String,
        /// Bytes of header and blocks; what is behind them is the seal, or was taken back.
        bytes: u64,
        /// Whether it has no seal because something between its blocks does not check out.
        may_have_holes: bool,
        /// How often the process died while it was delivered; `None` for a segment of this run.
        tries: Option<u64>,
    },
}

/// A segment with its blocks in memory.
#[derive(Debug, Clone)]
pub struct LoadedSegment {
    /// Its name.
    pub id: SegmentId,
    /// Records that the stream had taken for this lane before the segment.
    pub first_record: u64,
    /// Records in it.
    pub records: u64,
    /// Its blocks in the order in which they came.
    pub blocks: Vec<Block>,
}

/// Why a segment's blocks could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read, now.
    #[error("spool file '{name}' cannot be read: {source}")]
    Read {
        /// The file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// What is in the file is not what was put there.
    #[error("spool file '{name}' is damaged: {source}")]
    Damaged {
        /// The file.
        name: String,
        /// What is wrong.
        source: FormatError,
    },
    /// There are fewer or more records than were put there.
    #[error("spool file '{name}' is damaged: it has {found} records and not {expected}")]
    Records {
        /// The file.
        name: String,
        /// Records in its blocks.
        found: u64,
        /// Records that were put there.
        expected: u64,
    },
}

impl SealedSegment {
    /// A segment in memory.
    #[must_use]
    pub fn in_memory(id: SegmentId, first_record: u64, blocks: Vec<Block>, bytes: u64) -> Self {
        let records = blocks.iter().map(|block| block.records).sum();
        Self { id, first_record, records, bytes, content: Content::Memory(blocks) }
    }

    /// Whether it outlives the process.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        matches!(self.content, Content::File { .. })
    }

    /// Bytes of memory that [`SealedSegment::load`] takes beyond what the segment holds already.
    #[must_use]
    pub fn load_bytes(&self) -> u64 {
        if self.is_durable() { self.bytes } else { 0 }
    }

    /// Makes a file safe against a power cut, before anything of it is stored: once an object of the segment is in the
    /// store, the file must not come back shorter than that object.
    ///
    /// # Errors
    /// When it may not be.
    pub fn make_safe(&self) -> Result<(), LoadError> {
        let Content::File { disk, name, .. } = &self.content else { return Ok(()) };
        let sync = || disk.open(name)?.sync().and_then(|()| disk.sync_names());
        sync().map_err(|source| LoadError::Read { name: name.clone(), source })
    }

    /// Brings the blocks into memory.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn load(&self) -> Result<LoadedSegment, LoadError> {
        let blocks = match &self.content {
            Content::Memory(blocks) => blocks.clone(),
            Content::File { disk, name, bytes, may_have_holes, .. } => {
                let read = || -> io::Result<Vec<u8>> {
                    let file = disk.open(name)?;
                    let mut content = vec![0; usize::try_from(*bytes).map_err(io::Error::other)?];
                    file.read_at(0, &mut content)?;
                    Ok(content)
                };
                let content = read().map_err(|source| LoadError::Read { name: name.clone(), source })?;
                let blocks = read_blocks(&Bytes::from(content), *may_have_holes)
                    .map_err(|source| LoadError::Damaged { name: name.clone(), source })?;
                let found = blocks.iter().map(|block| block.records).sum();
                if found != self.records {
                    return Err(LoadError::Records { name: name.clone(), found, expected: self.records });
                }
                blocks
            }
        };
        let Self { id, first_record, records, .. } = self.clone();
        Ok(LoadedSegment { id, first_record, records, blocks })
    }

    /// What it is, for keeping it elsewhere when it cannot be delivered: its file, or its events when it is in memory.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn raw(&self) -> io::Result<Vec<u8>> {
        match &self.content {
            Content::Memory(blocks) => Ok(blocks.iter().flat_map(|block| block.events.iter().copied()).collect()),
            Content::File { disk, name, .. } => {
                let file = disk.open(name)?;
                let mut content = vec![0; usize::try_from(file.size()?).map_err(io::Error::other)?];
                file.read_at(0, &mut content)?;
                Ok(content)
            }
        }
    }

    /// How often the process has died while it delivered this segment.
    #[must_use]
    pub fn tries(&self) -> u64 {
        match &self.content {
            Content::File { tries: Some(tries), .. } => *tries,
            _ => 0,
        }
    }

    /// Notes that this segment is being made into files, so that it is known at the next start if the process dies of
    /// it. Only for what an earlier run left: it is the first such death that makes a segment suspect.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn begin_try(&self) -> io::Result<()> {
        let Content::File { disk, name, tries: Some(_), .. } = &self.content else { return Ok(()) };
        let name = names::tries(name);
        let mut file = disk.open(&name).or_else(|_| disk.create(&name))?;
        file.append(&[b"x"])
    }

    /// Notes that the process has survived it.
    pub fn end_try(&self) {
        if let Content::File { disk, name, tries: Some(_), .. } = &self.content {
            // When it stays the segment is only suspected for longer.
            let _ = disk.remove(&names::tries(name));
        }
    }

    /// Notes beside the file which records a second destination has, by their places in the segment, so that they are not sent
    /// again after a restart. It is with the system and not on the disk: after a power cut some may be sent twice.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn note_sent(&self, records: &Range<u64>) -> io::Result<()> {
        let Content::File { disk, name, .. } = &self.content else { return Ok(()) };
        let name = names::progress(name);
        let mut file = disk.open(&name).or_else(|_| disk.create(&name))?;
        file.append(&[&encode_progress(records)])
    }

    /// What [`SealedSegment::note_sent`] has noted; of a file that cannot be read, nothing.
    #[must_use]
    pub fn sent(&self) -> Vec<Range<u64>> {
        let Content::File { disk, name, .. } = &self.content else { return Vec::new() };
        let read = || -> io::Result<Vec<u8>> {
            let file = disk.open(&names::progress(name))?;
            let mut content = vec![0; usize::try_from(file.size()?).map_err(io::Error::other)?];
            file.read_at(0, &mut content)?;
            Ok(content)
        };
        let content = read().unwrap_or_default();
        let notes = content.as_chunks::<PROGRESS_BYTES>().0.iter();
        // Behind a note that was cut off nothing can be told apart any more.
        notes.map_while(decode_progress).filter(|records| records.end <= self.records).collect()
    }

    /// Takes the file out of the spool but keeps it, and gives its new name; `None` for a segment in memory.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn put_aside(&self) -> io::Result<Option<String>> {
        let Content::File { disk, name, .. } = &self.content else { return Ok(None) };
        let aside = names::aside(name);
        disk.rename(name, &aside)?;
        let _ = disk.remove(&names::progress(name));
        Ok(Some(aside))
    }
}
