//! A folder in memory that fails when it is told to, and forgets what was not made safe.

use super::disk::{Disk, DiskFile, DiskLock};
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

/// An operation that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A part is written, then there is no room.
    ShortWrite,
    Sync,
    SyncNames,
    Create,
    Open,
    Read,
    Remove,
    Truncate,
}

#[derive(Debug, Default, Clone)]
struct Content {
    cached: Vec<u8>,
    /// What is on the disk.
    safe: Vec<u8>,
}

type Inode = Arc<Mutex<Content>>;

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<String, Inode>,
    safe_names: BTreeMap<String, Inode>,
    locked: HashSet<String>,
    /// The next operations of these kinds fail, once each.
    faults: Vec<Fault>,
    /// Counted up at each crash: what was opened before is gone.
    process: u64,
    /// Spreads what a power cut leaves.
    chance: u64,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct FakeDisk(Arc<Mutex<State>>);

impl FakeDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The next operation of this kind fails. A cut fails once at a time: it is tried twice, and what a disk keeps that
    /// neither syncs nor cuts nobody can know.
    pub(crate) fn fail(&self, fault: Fault) {
        let faults = &mut self.state().faults;
        if fault != Fault::Truncate || !faults.contains(&fault) {
            faults.push(fault);
        }
    }

    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// The process ends: locks are gone, what it wrote is there.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        state.locked.clear();
        state.process += 1;
    }

    /// The machine loses its power: of what was not made safe a part is there, at random.
    pub(crate) fn cut_power(&self, chance: u64) {
        self.kill();
        let mut state = self.state();
        state.chance = chance | 1;
        let (cached, mut names) = (state.names.clone(), state.safe_names.clone());
        for name in cached.keys().chain(state.safe_names.clone().keys()) {
            if state.flip() {
                match cached.get(name) {
                    Some(inode) => drop(names.insert(name.clone(), Arc::clone(inode))),
                    None => drop(names.remove(name)),
                }
            }
        }
        for inode in names.values() {
            let mut content = inode.lock().unwrap();
            let Content { cached, safe } = content.clone();
            let mut left = if cached.starts_with(&safe) && state.flip() { cached } else { safe.clone() };
            let written = left.len().saturating_sub(safe.len());
            if written > 0 {
                // Some of what came behind is there; in between there may be nothing but zeroes.
                left.truncate(safe.len() + state.below(written + 1));
                let hole = safe.len() + state.below(left.len() - safe.len() + 1);
                if state.flip() {
                    let end = (hole + state.below(40)).min(left.len());
                    left[hole..end].fill(0);
                }
            }
            *content = Content { cached: left.clone(), safe: left };
        }
        state.names.clone_from(&names);
        state.safe_names = names;
    }

    pub(crate) fn content(&self, name: &str) -> Vec<u8> {
        self.state().names[name].lock().unwrap().cached.clone()
    }

    /// Changes a file behind the back of whoever wrote it.
    pub(crate) fn edit(&self, name: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        let state = self.state();
        let mut content = state.names[name].lock().unwrap();
        edit(&mut content.cached);
        content.safe = content.cached.clone();
    }

    fn check(&self, fault: Fault) -> io::Result<()> {
        let mut state = self.state();
        let Some(at) = state.faults.iter().position(|next| *next == fault) else { return Ok(()) };
        state.faults.remove(at);
        Err(match fault {
            Fault::ShortWrite | Fault::Create => io::Error::from(io::ErrorKind::StorageFull),
            _ => io::Error::from_raw_os_error(libc::EIO),
        })
    }
}

impl State {
    fn below(&mut self, limit: usize) -> usize {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 16) as usize % limit.max(1)
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }
}

impl Disk for FakeDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.check(Fault::Create)?;
        let mut state = self.state();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = Inode::default();
        state.names.insert(name.to_owned(), Arc::clone(&inode));
        Ok(Box::new(FakeFile { disk: self.clone(), inode, process: state.process }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.check(Fault::Open)?;
        let state = self.state();
        let inode = state.names.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(FakeFile { disk: self.clone(), inode, process: state.process }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.check(Fault::Remove)?;
        self.state().names.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.check(Fault::SyncNames)?;
        let mut state = self.state();
        state.safe_names = state.names.clone();
        Ok(())
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DiskLock>>> {
        let mut state = self.state();
        state.names.entry(name.to_owned()).or_default();
        let process = state.process;
        Ok(state
            .locked
            .insert(name.to_owned())
            .then(|| Box::new(FakeLock { disk: self.clone(), name: name.to_owned(), process }) as Box<dyn DiskLock>))
    }
}

#[derive(Debug)]
struct FakeFile {
    disk: FakeDisk,
    inode: Inode,
    process: u64,
}

impl FakeFile {
    fn content(&self) -> MutexGuard<'_, Content> {
        assert_eq!(self.disk.state().process, self.process, "a file of a process that is gone");
        self.inode.lock().unwrap()
    }
}

impl DiskFile for FakeFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.content().cached.len() as u64)
    }

    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let bytes = parts.concat();
        let checked = self.disk.check(Fault::ShortWrite);
        let written = if checked.is_ok() { bytes.len() } else { bytes.len() / 2 };
        self.content().cached.extend(&bytes[..written]);
        checked
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.check(Fault::Read)?;
        let content = self.content();
        let from = content.cached.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.disk.check(Fault::Truncate)?;
        let mut content = self.content();
        content.cached.truncate(size as usize);
        // A size reaches the disk with the next sync; until then a power cut may bring back more.
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.check(Fault::Sync)?;
        let mut content = self.content();
        content.safe = content.cached.clone();
        Ok(())
    }
}

#[derive(Debug)]
struct FakeLock {
    disk: FakeDisk,
    name: String,
    process: u64,
}

impl DiskLock for FakeLock {}

impl Drop for FakeLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.process == self.process {
            state.locked.remove(&self.name);
        }
    }
}
