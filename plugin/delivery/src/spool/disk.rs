//! The folder that a spool lives in, behind a trait: what the spool may ask of a file system, and no more.
//!
//! Files are read and written by their owner alone. Nothing here follows from the content of a record: names are made of
//! numbers and fixed words.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A folder.
pub trait Disk: Debug + Send + Sync {
    /// Names of all files.
    ///
    /// # Errors
    /// What the system says; so for all of these functions.
    fn names(&self) -> io::Result<Vec<String>>;
    /// Makes a file, which must not be there.
    ///
    /// # Errors
    /// When it is there already, or cannot be made.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading and appending.
    ///
    /// # Errors
    /// When it is not there or cannot be opened.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Removes a file.
    ///
    /// # Errors
    /// When it is not there or cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Gives a file another name, in place of what has that name.
    ///
    /// # Errors
    /// When it cannot be renamed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes the names of files safe against a power cut.
    ///
    /// # Errors
    /// When they may not be.
    fn sync_names(&self) -> io::Result<()>;
    /// Locks a file, which is made when it is not there, against everybody else; `None` when somebody has it. The lock
    /// ends with the value, and with the process.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DiskLock>>>;
}

/// A file that only grows at its end.
pub trait DiskFile: Debug + Send {
    /// Its size in bytes.
    ///
    /// # Errors
    /// When it cannot be had.
    fn size(&self) -> io::Result<u64>;
    /// Writes at the end. When it fails a part may have been written.
    ///
    /// # Errors
    /// When not all was written.
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()>;
    /// Fills `bytes` from an offset.
    ///
    /// # Errors
    /// When the file ends before, or cannot be read.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    /// Cuts the file off.
    ///
    /// # Errors
    /// When it keeps its size.
    fn truncate(&mut self, size: u64) -> io::Result<()>;
    /// Makes its content safe against a power cut.
    ///
    /// # Errors
    /// When it may not be, now or ever.
    fn sync(&self) -> io::Result<()>;
}

/// A lock that is held.
pub trait DiskLock: Debug + Send {}

/// A folder of this machine.
#[derive(Debug)]
pub struct SystemDisk {
    folder: PathBuf,
}

impl SystemDisk {
    /// Takes a folder, which is made when it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or others may write to it.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        const OTHERS_WRITE: u32 = 0o022;
        let is_new = !folder.exists();
        std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(&folder)?;
        let found = std::fs::symlink_metadata(&folder)?;
        if !found.is_dir() || found.permissions().mode() & OTHERS_WRITE != 0 {
            return Err(io::Error::other(
                "it is a link, or others may write to it: give it to the log router's user alone",
            ));
        }
        if is_new && let Some(parent) = folder.parent() {
            // That the folder is there must outlive the power too, as far as the file system can say so.
            let _ = File::open(parent).and_then(|parent| parent.sync_all());
        }
        Ok(Self { folder })
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).mode(FILE_MODE).custom_flags(libc::O_NOFOLLOW);
    options
}

impl Disk for SystemDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            // What is no text was not made here.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(options().append(true).create_new(true).open(self.folder.join(name))?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(options().append(true).open(self.folder.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.folder.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn sync_names(&self) -> io::Result<()> {
        match File::open(&self.folder)?.sync_all() {
            // A file system that has no such thing.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::ENOTSUP)) => Ok(()),
            synced => synced,
        }
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn DiskLock>>> {
        let path = self.folder.join(name);
        loop {
            let file = options().write(true).create(true).truncate(false).open(&path)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
                // Between the two it may have been removed by whoever had it: then this is no lock any more.
                Ok(()) if is_the_file_at(&file, &path) => return Ok(Some(Box::new(FileLock(file)))),
                Ok(()) => {}
            }
        }
    }
}

fn is_the_file_at(file: &File, path: &Path) -> bool {
    let (Ok(own), Ok(there)) = (file.metadata(), std::fs::symlink_metadata(path)) else { return false };
    (own.dev(), own.ino()) == (there.dev(), there.ino())
}

impl DiskFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        parts.iter().try_for_each(|part| io::Write::write_all(self, part))
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The file is locked as long as it is open.
#[derive(Debug)]
struct FileLock(#[expect(dead_code, reason = "it is there to be dropped")] File);

impl DiskLock for FileLock {}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn files_and_the_folder_are_their_owners_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        let disk = SystemDisk::open(folder.clone()).unwrap();
        disk.create("x").unwrap().append(&[b"ab", b"c"]).unwrap();
        let _lock = disk.lock("l").unwrap();
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.clone()), 0o700);
        assert_eq!((mode(folder.join("x")), mode(folder.join("l"))), (0o600, 0o600));
        assert_eq!(disk.open("x").unwrap().size().unwrap(), 3);
    }

    #[test]
    fn a_lock_is_had_once_and_again_after_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = [(); 2].map(|()| SystemDisk::open(folder.path().to_path_buf()).unwrap()).into();
        let lock = one.lock("l").unwrap();
        assert!(lock.is_some());
        assert!(two.lock("l").unwrap().is_none());
        drop(lock);
        assert!(two.lock("l").unwrap().is_some());
    }

    #[test]
    fn a_link_that_somebody_laid_is_not_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = elsewhere.path().join("secret");
        std::fs::write(&target, "x").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join("x")).unwrap();
        let disk = SystemDisk::open(folder.path().to_path_buf()).unwrap();
        assert!(disk.create("x").is_err());
        assert!(disk.open("x").is_err());
        assert!(disk.lock("x").is_err());
    }
}
