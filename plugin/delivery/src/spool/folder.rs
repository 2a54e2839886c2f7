//! Which folder of `store_dir` is whose: one for each output instance and lake, `INSTANCE-HASH/`.
//!
//! It has the segments' files, and `lake` with the lake's address for people, and `seed` which makes the identity of
//! chunks a secret. Several processes may use one folder at the same time: each has a stream of its own.

use super::disk::{Disk, SystemDisk};
use super::names;
use super::settings::{OpenDisk, OpenedDisk};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use twox_hash::XxHash3_64;

const SEED: &str = "seed";
const LAKE: &str = "lake";
/// Hexadecimal digits of a seed.
const SEED_DIGITS: usize = 16;

/// The folder of an instance that writes to a lake.
#[must_use]
pub fn folder_of(store_dir: &Path, instance: &str, lake: &str) -> PathBuf {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    let instance: String = instance.chars().map(|c| if is_plain(c) { c } else { '_' }).take(64).collect();
    store_dir.join(format!("{instance}-{:016x}", XxHash3_64::oneshot(lake.as_bytes())))
}

/// How to open that folder.
#[must_use]
pub fn open_folder(folder: PathBuf, lake: String) -> OpenDisk {
    Box::new(move || {
        let disk = SystemDisk::open(folder.clone())?;
        let seed = match read_seed(&disk)? {
            Some(seed) => seed,
            None => {
                let _ = write_whole(&disk, LAKE, &lake);
                let seed = chance()?;
                write_whole(&disk, SEED, &format!("{seed:016x}"))?;
                // Somebody else may have begun at the same moment: the last one's counts.
                read_seed(&disk)?.unwrap_or(seed)
            }
        };
        Ok(OpenedDisk { disk: Arc::new(disk), seed })
    })
}

/// Lines about other folders of `store_dir` with records that nobody delivers: their instance has another name now, or another
/// lake, or is gone.
#[must_use]
pub fn orphans(store_dir: &Path, own: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(store_dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let others = folders.filter(|folder| folder != own && folder.join(LAKE).is_file());
    others.filter_map(|folder| orphan(&folder)).collect()
}

fn orphan(folder: &Path) -> Option<String> {
    let disk = SystemDisk::open(folder.to_path_buf()).ok()?;
    let names = disk.names().ok()?;
    let segments = names.iter().filter(|name| name.ends_with(names::SEGMENT));
    // One that somebody has locked is being delivered.
    let is_free = |name: &&String| {
        names::stream_of(name).is_some_and(|stream| matches!(disk.lock(&names::lock(stream)), Ok(Some(_))))
    };
    let left = segments.filter(is_free).count();
    let lake = std::fs::read_to_string(folder.join(LAKE)).unwrap_or_default();
    let (folder, lake) = (folder.display(), lake.escape_debug());
    (left > 0).then(|| {
        format!(
            "{left} segments in '{folder}' are not delivered: they are of an output with another name or lake ('{lake}'). \
             To deliver them: give an output that lake, and by Alias the name the folder begins with"
        )
    })
}

fn chance() -> io::Result<u64> {
    let mut chance = [0_u8; 8];
    getrandom::fill(&mut chance).map_err(io::Error::other)?;
    Ok(u64::from_ne_bytes(chance))
}

/// The seed; `None` when there is none, or it was not written to its end.
fn read_seed(disk: &dyn Disk) -> io::Result<Option<u64>> {
    let mut digits = [0_u8; SEED_DIGITS];
    match disk.open(SEED).and_then(|file| file.read_at(0, &mut digits)) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
            return Ok(None);
        }
        // A new one would make every chunk that comes again a new chunk.
        Err(error) => return Err(error),
    }
    Ok(std::str::from_utf8(&digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok()))
}

fn write_whole(disk: &dyn Disk, name: &str, text: &str) -> io::Result<()> {
    let temporary = format!("{name}.{:016x}.new", chance()?);
    let write = || {
        let mut file = disk.create(&temporary)?;
        file.append(&[text.as_bytes()])?;
        file.sync()?;
        disk.rename(&temporary, name)
    };
    let written = write();
    if written.is_err() {
        let _ = disk.remove(&temporary);
    }
    written
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_a_folder_a_lake_and_nothing_gets_out_of_store_dir() {
        let folder = |instance, lake| folder_of(Path::new("/s"), instance, lake);
        assert_ne!(folder("shiwake.0", "s3://a"), folder("shiwake.0", "s3://b"));
        assert_ne!(folder("shiwake.0", "s3://a"), folder("shiwake.1", "s3://a"));
        assert_eq!(folder("../../x/y", "s3://a").parent(), Some(Path::new("/s")));
    }

    #[test]
    fn records_that_nobody_delivers_are_named_with_what_to_do() {
        let store_dir = tempfile::tempdir().unwrap();
        let folder = |instance| folder_of(store_dir.path(), instance, "s3://a");
        for instance in ["one", "two"] {
            open_folder(folder(instance), "s3://a".into())().unwrap();
        }
        assert!(orphans(store_dir.path(), &folder("one")).is_empty());
        let stream = "0".repeat(28);
        std::fs::write(folder("two").join(format!("{stream}-0000000001.app.segment")), "x").unwrap();
        let lines = orphans(store_dir.path(), &folder("one"));
        assert!(lines[0].contains("1 segments in '") && lines[0].contains("('s3://a')"), "{lines:?}");
        assert!(orphans(store_dir.path(), &folder("two")).is_empty());
        // Somebody has them.
        let disk = SystemDisk::open(folder("two")).unwrap();
        let _lock = disk.lock(&format!("{stream}.lock")).unwrap();
        assert!(orphans(store_dir.path(), &folder("one")).is_empty());
    }

    #[test]
    fn the_seed_is_made_once() {
        let parent = tempfile::tempdir().unwrap();
        let open = open_folder(parent.path().join("x"), "s3://a".into());
        let seed = open().unwrap().seed;
        assert_eq!(open().unwrap().seed, seed);
        assert_eq!(std::fs::read_to_string(parent.path().join("x/lake")).unwrap(), "s3://a");
        std::fs::write(parent.path().join("x/seed"), "torn").unwrap();
        assert_ne!(open().unwrap().seed, seed);
    }
}
