//! The cases that are run: those of `seeds.txt`, which a case that fails is written into; and others when they are asked for.

use super::Chance;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

/// So many, when nobody says.
pub(super) const WRITERS: usize = 4;
/// Of S3's limit of requests, what the lake has when the seed says that others use its prefixes too.
const CROWDED: f64 = 0.02;

/// A seed, and the share of S3's limit that the lake has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) share: f64,
}

impl Case {
    /// As a line of the file has it.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split('#').next()?.split_whitespace();
        Some(Self { seed: words.next()?.parse().unwrap(), share: words.next()?.parse().unwrap() })
    }
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/pipeline/simulation/seeds.txt")
}

/// A number in the environment.
pub(super) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// What is to be run with so many writers. Few run what was saved, and many a case that has much to do.
pub(super) fn cases(writers: usize) -> Vec<Case> {
    if let Some(seed) = number("SHIWAKE_SEED") {
        return [1.0, CROWDED].map(|share| Case { seed, share }).to_vec();
    }
    if let Some(count) = number("SHIWAKE_SEEDS") {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let mut chance = Chance::new(now.as_nanos() as u64, 0);
        return (0..count)
            .map(|number| Case { seed: chance.below(1 << 32), share: if number % 2 == 0 { 1.0 } else { CROWDED } })
            .collect();
    }
    let saved = fs::read_to_string(file()).unwrap();
    let mut saved: Vec<_> = saved.lines().filter_map(Case::read).collect();
    if writers != WRITERS {
        saved.truncate(2);
    }
    saved
}

/// Runs a case; one that fails and is not in the file yet is written into it, for whoever changes the code next.
pub(super) fn save_if_it_fails(case: Case, writers: usize, run: impl FnOnce()) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else { return };
    let known = fs::read_to_string(file()).unwrap();
    if !known.lines().filter_map(Case::read).any(|known| known == case) {
        let mut file = fs::OpenOptions::new().append(true).open(file()).unwrap();
        writeln!(file, "{} {} # failed with {writers} writers", case.seed, case.share).unwrap();
        println!("seed {} is saved in seeds.txt: commit it", case.seed);
    }
    resume_unwind(panic);
}
