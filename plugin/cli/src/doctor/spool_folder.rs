//! The folder for accepted records: whether it can be used, how much fits, how fast it is, and what waits in it.

use super::finding::Finding;
use rustix::fs::{statfs, statvfs};
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::spool::ASIDE;
use shiwake_records::units::size_in_words;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

const SUBJECT: &str = "store_dir";
/// `TMPFS_MAGIC` of linux/magic.h.
const TMPFS: i64 = 0x0102_1994;
/// What is written to see how fast the disk is.
const SAMPLE_BYTES: usize = 64 * 1024;
/// An fsync that takes longer holds up every chunk of the lanes that wait for it.
const SLOW_SYNC: Duration = Duration::from_millis(200);

/// Looks at the folder that the output has.
pub(super) fn look(config: &OutputConfig) -> Vec<Finding> {
    let Some(folder) = &config.store_dir else {
        let seen = "is not set: a crash loses what is not in the lake yet, audit too";
        return vec![Finding::doubtful(SUBJECT, seen, "set store_dir to a folder of a volume")];
    };
    let existing = folder.ancestors().find(|folder| folder.is_dir());
    let Some(existing) = existing.filter(|folder| !folder.as_os_str().is_empty()) else {
        let seen = format!("no part of '{}' is there", folder.display());
        return vec![Finding::bad(SUBJECT, seen, "mount a volume there, or correct store_dir")];
    };
    let speed = write_speed(existing).map_or_else(
        |error| {
            let seen = format!("'{}' cannot be written to: {error}", existing.display());
            Finding::bad(SUBJECT, seen, "mount it writable and give it to the log router's user")
        },
        |took| match took > SLOW_SYNC {
            true => {
                let seen = format!("writing 64 KiB to the disk takes {took:?}");
                Finding::doubtful(
                    SUBJECT,
                    seen,
                    "records of lanes with durability fsync wait for it: use a faster volume",
                )
            }
            false => {
                Finding::good(SUBJECT, format!("'{}': writing 64 KiB to the disk takes {took:?}", folder.display()))
            }
        },
    );
    let room = room(existing, config.store_dir_limit_bytes);
    [Some(speed), room, waiting(folder)].into_iter().flatten().collect()
}

/// How long it takes until a few bytes are on the disk.
fn write_speed(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".shiwake-doctor-{}", std::process::id()));
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
        let begin = Instant::now();
        file.write_all(&[0; SAMPLE_BYTES])?;
        file.sync_all()?;
        Ok(begin.elapsed())
    };
    let took = write();
    let _ = std::fs::remove_file(&path);
    took
}

fn room(folder: &Path, limit_bytes: u64) -> Option<Finding> {
    let is_memory = statfs(folder).is_ok_and(|found| found.f_type == TMPFS);
    if is_memory {
        let seen = format!("'{}' is in memory (tmpfs)", folder.display());
        return Some(Finding::doubtful(SUBJECT, seen, "use a volume of the disk: this one ends with the container"));
    }
    let found = statvfs(folder).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let seen = format!("{} are free, store_dir_limit_size is {}", size_in_words(free), size_in_words(limit_bytes));
    Some(match free < limit_bytes {
        true => Finding::doubtful(SUBJECT, seen, "lower store_dir_limit_size, so that the disk is not full first"),
        false => Finding::good(SUBJECT, seen),
    })
}

/// What was set aside there, and needs somebody.
fn waiting(folder: &Path) -> Option<Finding> {
    let instances = std::fs::read_dir(folder).ok()?.flatten();
    let files = instances.filter_map(|instance| std::fs::read_dir(instance.path()).ok()).flatten().flatten();
    let aside = files.filter(|file| file.file_name().to_string_lossy().ends_with(ASIDE)).count();
    let advice = format!("see what it is: shiwake restore --list {}", folder.display());
    (aside > 0).then(|| Finding::doubtful(SUBJECT, format!("{aside} segments were set aside"), advice))
}
