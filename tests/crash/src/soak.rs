//! One long run at a rate, with the memory of the host measured.

use crate::CrashError;
use crate::child::{Feeder, Launch};
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_secs(5);
/// The part of the time, in percent, in which memory may still grow to its working size.
const WARM_UP_PERCENT: usize = 10;
/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 4_096;
/// Growth of the median that is still called flat, in percent.
const FLAT_PERCENT: u64 = 10;

/// The memory of a run.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// Resident bytes, measured each [`INTERVAL`].
    pub samples: Vec<u64>,
}

impl Memory {
    /// Medians of the first and the last third behind the warm-up, and the greatest of all.
    #[must_use]
    pub fn medians(&self) -> (u64, u64, u64) {
        let warm = self.samples.get(self.samples.len() * WARM_UP_PERCENT / 100..).unwrap_or_default();
        let third = warm.len() / 3;
        let (first, last) = (warm.get(..third), warm.get(warm.len() - third..));
        (median(first), median(last), self.samples.iter().copied().max().unwrap_or(0))
    }

    /// Whether it does not grow.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        let (first, last, _) = self.medians();
        last * 100 <= first * (100 + FLAT_PERCENT)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last, most) = self.medians();
        let word = if self.is_flat() { "flat" } else { "GROWING" };
        write!(
            formatter,
            "RSS {word}: median {} kB in the first third after warm-up, {} kB in the last, {} kB at most, {} samples",
            first / 1_000,
            last / 1_000,
            most / 1_000,
            self.samples.len()
        )
    }
}

fn median(samples: Option<&[u64]>) -> u64 {
    let mut sorted = samples.unwrap_or_default().to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// Runs a feeder for a time, and then one that sends again what is not known to be taken. The measurements are also in
/// `rss.csv` in the trial's folder.
///
/// # Errors
/// When the feeder does not start, or ends by itself.
pub fn run(launch: &Launch, layout: &str, rate: u64, duration: Duration) -> Result<Memory, CrashError> {
    let path = launch.folder.join("rss.csv");
    let mut csv = std::fs::File::create(&path).map_err(CrashError::io("make", &path))?;
    let mut write = |line: String| csv.write_all(line.as_bytes()).map_err(CrashError::io("write", &path));
    write("seconds,rss_bytes,spool_bytes\n".to_owned())?;
    let mut feeder = Feeder::start(launch, layout, rate, None)?;
    feeder.wait_for("ok")?;
    let mut memory = Memory::default();
    let began = Instant::now();
    while began.elapsed() < duration {
        let resident = resident_bytes(feeder.id())?;
        memory.samples.push(resident);
        let spool = folder_bytes(&launch.folder.join("spool"));
        write(format!("{},{resident},{spool}\n", began.elapsed().as_secs()))?;
        // Samples are taken at times; nothing is waited for.
        std::thread::sleep(INTERVAL.min(duration.saturating_sub(began.elapsed())));
    }
    feeder.stop();
    feeder.wait_within("exited", Duration::from_secs(1_200))?;
    end(feeder, 1)?;
    let mut last = Feeder::start(launch, layout, rate, Some(1))?;
    last.wait_within("exited", Duration::from_secs(1_200))?;
    end(last, 2)?;
    Ok(memory)
}

fn end(mut feeder: Feeder, run: u64) -> Result<(), CrashError> {
    let status = feeder.wait()?;
    if status.success() { Ok(()) } else { Err(CrashError::Ended { status: status.to_string(), run }) }
}

fn resident_bytes(process: u32) -> Result<u64, CrashError> {
    let path = PathBuf::from(format!("/proc/{process}/statm"));
    let text = std::fs::read_to_string(&path).map_err(CrashError::io("read", &path))?;
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    Ok(pages * PAGE_BYTES)
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |path: PathBuf| {
        if path.is_dir() { folder_bytes(&path) } else { path.metadata().map_or(0, |metadata| metadata.len()) }
    };
    entries.flatten().map(|entry| size(entry.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_from_noise() {
        let noise = Memory { samples: (0..300).map(|n| 50_000_000 + n % 7 * 100_000).collect() };
        assert!(noise.is_flat(), "{noise}");
        let growth = Memory { samples: (0..300).map(|n| 50_000_000 + n * 100_000).collect() };
        assert!(!growth.is_flat(), "{growth}");
        assert!(Memory::default().is_flat());
    }
}
