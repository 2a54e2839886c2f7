//! Rounds of starting and killing, and then one that ends in order.

use crate::CrashError;
use crate::child::{Feeder, Launch};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;

/// New chunks of the last run, which also sends again all that is not known to be taken.
const LAST_CHUNKS: u64 = 50;
/// Rates of runs when none is said, in records a second.
const RATES: [u64; 4] = [500, 3_000, 8_000, 30_000];

/// When a feeder is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// While chunks come in and objects go out.
    Running,
    /// Right behind the first OK, while what is sent again comes in.
    Early,
    /// While the plugin starts and takes over what is left.
    Starting,
    /// While it exits.
    Exiting,
    /// Not at all: it ends in order.
    Never,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Rounds {
    /// How often it is killed.
    pub kills: u64,
    /// The host to play, or any of them when none is said.
    pub layout: Option<String>,
    /// Records a second; when none is said another one in each run.
    pub rate: Option<u64>,
    /// The longest time from the first OK to the kill.
    pub longest: Duration,
}

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Runs by when they were ended.
    pub moments: BTreeMap<Moment, u64>,
}

/// Starts and kills feeders, and has a last one end in order.
///
/// # Errors
/// When a feeder does not start, or ends by itself.
pub fn run(launch: &Launch, rounds: &Rounds) -> Result<Done, CrashError> {
    let mut random = Rng::with_seed(launch.seed);
    let mut done = Done::default();
    let mut run = 0;
    while done.moments.iter().filter(|(moment, _)| **moment != Moment::Never).map(|(_, count)| count).sum::<u64>()
        < rounds.kills
    {
        run += 1;
        let moment = match random.u8(0..100) {
            0..50 => Moment::Running,
            50..70 => Moment::Early,
            70..84 => Moment::Starting,
            84..96 => Moment::Exiting,
            _ => Moment::Never,
        };
        let (layout, rate) = how(rounds, &mut random);
        let mut feeder = Feeder::start(launch, layout, rate, None)?;
        end(&mut feeder, moment, rounds.longest, &mut random, run)?;
        *done.moments.entry(moment).or_default() += 1;
    }
    let (layout, _) = how(rounds, &mut random);
    let mut feeder = Feeder::start(launch, layout, 0, Some(LAST_CHUNKS))?;
    feeder.wait_within("exited", Duration::from_secs(600))?;
    check(feeder.wait()?, run + 1)?;
    Ok(done)
}

fn how<'a>(rounds: &'a Rounds, random: &mut Rng) -> (&'a str, u64) {
    const LAYOUTS: [&str; 3] = ["1.9.10", "4.2.8", "5.1.1"];
    let any_layout = LAYOUTS.get(random.usize(0..LAYOUTS.len())).copied().unwrap_or_default();
    let any_rate = RATES.get(random.usize(0..RATES.len())).copied().unwrap_or_default();
    (rounds.layout.as_deref().unwrap_or(any_layout), rounds.rate.unwrap_or(any_rate))
}

fn end(feeder: &mut Feeder, moment: Moment, longest: Duration, random: &mut Rng, run: u64) -> Result<(), CrashError> {
    let mut some_time = |millis: std::ops::Range<u64>| {
        // The moment shall be any; nothing is waited for here.
        std::thread::sleep(Duration::from_micros(random.u64(millis.start * 1_000..millis.end * 1_000)));
    };
    let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).max(21);
    match moment {
        Moment::Starting => {
            feeder.wait_for("loaded")?;
            some_time(0..60);
        }
        Moment::Running => {
            feeder.wait_for("ok")?;
            some_time(20..longest);
        }
        Moment::Early => {
            feeder.wait_for("ok")?;
            some_time(0..20);
        }
        Moment::Exiting | Moment::Never => {
            feeder.wait_for("ok")?;
            some_time(20..longest);
            feeder.stop();
            feeder.wait_for("stopping")?;
            if moment == Moment::Never {
                feeder.wait_for("exited")?;
                return check(feeder.wait()?, run);
            }
            some_time(0..120);
        }
    }
    let status = feeder.kill()?;
    // Nothing but the kill may have ended it, or its own exit when that was faster.
    let was_killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
    if was_killed || (moment == Moment::Exiting && status.success()) {
        return Ok(());
    }
    Err(CrashError::Ended { status: status.to_string(), run })
}

fn check(status: std::process::ExitStatus, run: u64) -> Result<(), CrashError> {
    if status.success() { Ok(()) } else { Err(CrashError::Ended { status: status.to_string(), run }) }
}
