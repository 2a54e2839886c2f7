//! What a spool is told at its start.

use super::Durability;
use super::disk::Disk;
use super::memory::MemoryShare;
use crate::lane::Lanes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Gives the folder; asked again and again as long as it fails.
pub type OpenDisk = Box<dyn Fn() -> io::Result<OpenedDisk> + Send>;

/// A folder for segments.
#[derive(Debug)]
pub struct OpenedDisk {
    /// The folder.
    pub disk: Arc<dyn Disk>,
    /// Makes the identity of chunks a secret of this folder, so that nobody can make two chunks that have the same one.
    pub seed: u64,
}

/// What a spool is told at its start.
pub struct SpoolSettings {
    /// Names this run apart from every other, of every spool that writes to the same lake.
    pub stream: Arc<str>,
    /// The lanes.
    pub lanes: Lanes,
    /// How safe each lane's records are, in the order of the lanes. Without a folder all are in memory.
    pub durability: Vec<Durability>,
    /// Tells versions and configurations of sorting apart.
    pub sorting: u64,
    /// What may be held in memory.
    pub memory: MemoryShare,
    /// What may be held in the folder, in bytes.
    pub disk_limit_bytes: u64,
    /// How to get the folder, and its name for people.
    pub folder: Option<(String, OpenDisk)>,
    /// Set when the host exits: nothing is looked for in the folder any more.
    pub is_stopping: Arc<AtomicBool>,
    /// Set when nobody waits for an answer any more: what has none by then is taken back, and not kept for a host that will
    /// send it to another.
    pub is_abandoned: Arc<AtomicBool>,
}
