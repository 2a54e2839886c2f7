//! Many writers to one lake, on a clock that only goes on when all of them wait: their acceptors, spools, deliverers and store code
//! are those that ship, on one thread; disks and the bucket are in memory.
//!
//! - [`weather`]: what happens when. [`bucket`]: a bucket with S3's limits, and each writer's way to it.
//! - [`records`]: what is logged. [`writer`]: a task, its host, and the lives of its output. [`findings`]: what came of it.
//! - [`seeds`]: the cases that are run, and where one goes that fails.
//!
//! First nothing is wrong for an hour, and the bucket gets the requests and objects that [`crate::plan`] says. Then answers are slow
//! and are lost, parts of the writers do not reach the bucket for minutes, some are killed and some restarted; then the bucket is away.
//! What a host was not told to be taken it sends again. At the end each record is in the bucket once.
//!
//! All of it follows from the seed: one thread, no time but the clock's, and `select!`s that look at their branches in order.
//!
//! `make bench-simulation` is the large one: `SHIWAKE_WRITERS=1000`. `SHIWAKE_SEED=7` takes another seed, and `SHIWAKE_SEEDS=200`
//! tries so many that nobody has tried.

mod bucket;
mod findings;
mod records;
mod seeds;
mod weather;
mod writer;

use super::*;
use crate::config::Properties;
use bucket::{Bucket, Way};
use findings::Findings;
use records::Kind;
use seeds::Case;
use std::panic::AssertUnwindSafe;
use tokio::task::LocalSet;
use tokio::time::Instant;
use weather::Weather;
use writer::Writer;

/// 2023-11-14T22:00:00Z.
const BEGIN_MICROS: i64 = 1_699_999_200_000_000;

/// Numbers by chance, the same for the same seed.
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    fn new(seed: u64, of: u64) -> Self {
        let mut chance =
            Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(of.wrapping_mul(0xD134_2543_DE82_EF95)));
        chance.next();
        chance
    }

    /// SplitMix64 (Steele, Lea and Flood 2014, <https://doi.org/10.1145/2714064.2660195>).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to 1, without 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// Time to the next of what comes so often a second, independently of each other.
    fn wait(&mut self, per_second: f64) -> Duration {
        Duration::from_secs_f64(-(1.0 - self.share()).ln() / per_second)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

#[derive(Debug, Clone, Copy)]
struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall_micros(&self) -> i64 {
        BEGIN_MICROS + i64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}

/// The output's configuration, of which nothing is set that says when objects are made.
fn configuration() -> OutputConfig {
    let properties = Properties::new(&PROPERTIES, [("lake", "unused"), ("store_dir", "unused")]).unwrap();
    OutputConfig::new(&properties, &[], &mut crate::config::rules_file).unwrap()
}

async fn run(case: Case, writers: usize, weather: Weather) -> Findings {
    let clock = VirtualClock(Instant::now());
    let bucket = Arc::new(Bucket::new(case, clock, writers, weather));
    let config = Arc::new(configuration());
    let begin = |number: usize| {
        let way = Way::new(Arc::clone(&bucket), number, Chance::new(case.seed, 3 * number as u64 + 1));
        let lake = Lake::on(Arc::new(way), Path::default(), "bucket".into());
        let chance = Chance::new(case.seed, 3 * number as u64 + 2);
        tokio::task::spawn_local(Writer::new(number, Arc::clone(&config), lake, Arc::clone(&bucket), chance).run())
    };
    let running: Vec<_> = (0..writers).map(begin).collect();
    let mut sums = Vec::new();
    for writer in running {
        sums.push(writer.await.unwrap());
    }
    let traffic = std::mem::take(&mut *bucket.traffic());
    Findings::new(case, weather, &config, traffic, &sums)
}

fn simulate(case: Case, writers: usize, weather: Weather) -> Findings {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, run(case, writers, weather))
}

#[test]
fn many_writers_to_one_lake_lose_and_double_nothing_while_they_die_and_the_bucket_is_away() {
    let (writers, weather) = match seeds::number("SHIWAKE_WRITERS") {
        Some(writers) => (usize::try_from(writers).unwrap(), Weather::LARGE),
        None => (seeds::WRITERS, Weather::SMALL),
    };
    for case in seeds::cases(writers) {
        println!("seed {} with {} of the limit, {writers} writers", case.seed, case.share);
        seeds::save_if_it_fails(case, writers, || {
            let findings = simulate(case, writers, weather);
            println!("{findings}");
            findings.check();
        });
    }
}

#[test]
fn one_seed_gives_the_same_trace_twice_and_another_gives_another() {
    let trace = |seed| simulate(Case { seed, share: 0.02 }, 2, Weather::SMALL).trace();
    let (one, again, other) = (trace(5), trace(5), trace(6));
    assert!(one.events > 100, "{one:?}");
    assert_eq!(one, again);
    assert_ne!(one.digest, other.digest);
}

/// What tells the findings from a lake that is not as it should be.
#[test]
fn a_lost_a_doubled_and_a_changed_record_are_found() {
    let findings = || simulate(Case { seed: 5, share: 1.0 }, 2, Weather::SMALL);
    type Harm = fn(&mut Findings);
    let harms: [(&str, Harm); 4] = [
        ("lost", |findings| findings.rows[1][7] = 0),
        ("doubled", |findings| findings.rows[0][0] = 2),
        ("stored again with other bytes", |findings| findings.changed_objects = 1),
        ("requests", |findings| findings.requests_in_measured *= 1.5),
    ];
    let found = findings();
    found.check();
    for (name, harm) in harms {
        let mut harmed = found.clone();
        harm(&mut harmed);
        let said = std::panic::catch_unwind(AssertUnwindSafe(|| harmed.check())).unwrap_err();
        let said = said.downcast_ref::<String>().unwrap();
        assert!(said.contains(name), "{name}: {said}");
    }
}
