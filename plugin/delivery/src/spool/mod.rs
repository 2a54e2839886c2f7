//! Where accepted records wait until their objects are in the store.
//!
//! Each lane has one open segment that grows, and sealed ones that are being delivered. A segment is the unit of
//! delivery: its objects' names follow from it, and it is let go of as a whole when all of them are stored.
//!
//! How safe a lane's records are before the host is answered OK is its [`Durability`]. With a folder (`store_dir`) segments
//! are files ([`format`] has their bytes), and what a process leaves is taken over by the next one; without one, or for a
//! lane that chose so, they are in memory and end with the process.
//!
//! The order that is kept: [`Spool::append`] takes the records of a chunk all or none, [`Spool::sync`] makes those that
//! were appended as safe as they shall be, and only then is the host answered OK. [`Spool::seal`] closes a segment,
//! [`Spool::commit`] forgets it.

mod disk;
mod folder;
mod format;
mod journal;
mod known;
mod memory;
mod names;
mod record_place;
mod recovery;
mod segment;
mod set_aside;
mod settings;
mod spare_buffers;
mod waiting_place;

pub use disk::{Disk, DiskFile, DiskLock, SystemDisk};
pub use folder::{folder_of, open_folder, orphans};
pub use format::FormatError;
pub use known::MAX_KNOWN_CHUNKS;
pub use memory::{CountedBytes, MemoryBudget, MemoryShare, WritingPermit};
pub(crate) use memory::{LENT_BYTES, spool_limit_bytes};
pub use record_place::{PlainRecord, RecordPlace};
pub use segment::{Block, ChunkId, ChunkMark, LoadError, LoadedSegment, MAX_TRIES, SealedSegment, SegmentId};
pub use set_aside::{ASIDE, SetAside};
pub use settings::{OpenDisk, OpenedDisk, SpoolSettings};
pub use shiwake_records::rules::Durability;
pub use waiting_place::{Appended, OpenSegment, Spool};

use std::io;

/// The blocks of one chunk, an entry a lane in the order of [`crate::lane::Lanes`].
pub type ChunkBlocks = Vec<Option<Block>>;

/// Characters of a stream's name: when it began in 12 hexadecimal digits of milliseconds, and 16 of chance.
pub const STREAM_ID_LENGTH: usize = 28;

/// Why records were not taken; the host should keep the chunk and try again.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// There is no room.
    #[error("spool is full: {held} of {limit} bytes of {what} are held and {wanted} more do not fit")]
    Full {
        /// `memory` or `store_dir`.
        what: &'static str,
        /// Bytes held, open and sealed.
        held: u64,
        /// The limit in bytes.
        limit: u64,
        /// Bytes of the chunk.
        wanted: u64,
    },
    /// The disk did not do what it was asked for.
    #[error("{what}: {source}{}", hint(.source))]
    Disk {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The folder could not be used when the chunk came, and now it can be.
    #[error("spool folder could not be used when the chunk came")]
    Unidentified,
    /// The folder cannot be used, since the start.
    #[error("spool folder '{folder}' cannot be used: {source}{}", hint(.source))]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        source: io::Error,
    },
}

impl SpoolError {
    fn disk(what: &'static str, source: io::Error) -> Self {
        SpoolError::Disk { what, source }
    }

    /// Whether room that comes with the next delivery would help.
    #[must_use]
    pub fn may_pass_soon(&self) -> bool {
        match self {
            SpoolError::Full { .. } => true,
            SpoolError::Disk { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            SpoolError::Folder { .. } | SpoolError::Unidentified => false,
        }
    }
}

/// What a user can do about it.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ". To fix it: give the volume of store_dir more room, or set store_dir_limit_size below what it has"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            ". To fix it: mount a volume that can be written to at store_dir (readonlyRootFilesystem needs one)"
        }
        io::ErrorKind::PermissionDenied => ". To fix it: let the user of the log router write to store_dir",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => ". To fix it: set store_dir to a folder",
        _ => "",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
pub(crate) mod fake_disk;
#[cfg(test)]
mod model_tests;
