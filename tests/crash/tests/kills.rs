//! A few kills of each way to be safe; `make crash` does many.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is the test's failure")]

use shiwake_crash::kills::{self, Rounds};
use shiwake_crash::trial::{Given, Trial};
use shiwake_crash::{ledger, notes};
use std::path::{Path, PathBuf};
use std::time::Duration;

const KILLS: u64 = 25;

/// A trial in a folder, with the programs that were built beside this test.
fn trial(folder: &Path, durability: &str, seed: u64) -> Trial {
    let feeder = Path::new(env!("CARGO_BIN_EXE_shiwake-feeder"));
    let command = ledger::beside(feeder);
    let plugin = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/shiwake.so"));
    assert!(plugin.exists(), "{} is not there: run 'make plugin' first", plugin.display());
    assert!(command.exists(), "{} is not there: run 'cargo build -p shiwake-cli' first", command.display());
    let given = Given {
        feeder,
        command: &command,
        plugin: &plugin,
        folder,
        lake: None,
        endpoint: None,
        durability,
        properties: &[],
        seed,
    };
    Trial::new(&given).unwrap()
}

fn kill_and_count(durability: &str) {
    let seed = fastrand::u64(..1 << 40);
    let folder = tempfile::Builder::new().prefix("shiwake-crash-").tempdir().unwrap();
    println!("seed {seed}, folder {}", folder.path().display());
    let trial = trial(folder.path(), durability, seed);
    let rounds = Rounds { kills: KILLS, layout: None, rate: None, longest: Duration::from_millis(300) };
    let is_good = kills::run(&trial.launch, &rounds).map_err(|error| error.to_string()).and_then(|done| {
        let judgement = trial.judge().map_err(|error| error.to_string())?;
        println!("{done:?}\n{judgement}");
        if judgement.is_good() { Ok(()) } else { Err(judgement.to_string()) }
    });
    if let Err(why) = is_good {
        panic!("seed {seed}, all is kept in {}: {why}", folder.keep().display());
    }
}

#[test]
fn what_was_flushed_outlives_kills_and_is_in_the_lake_once() {
    kill_and_count("flush");
}

#[test]
fn what_was_synced_outlives_kills_and_is_in_the_lake_once() {
    kill_and_count("fsync");
}

#[test]
fn a_file_that_is_gone_or_there_twice_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let trial = trial(folder.path(), "", 5);
    let rounds = Rounds { kills: 1, layout: None, rate: Some(0), longest: Duration::from_millis(200) };
    kills::run(&trial.launch, &rounds).unwrap();
    assert!(trial.judge().unwrap().is_good());
    let hours = folder.path().join("lake/type=access/dt=2023-11-14/hour=22");
    // One with another of its stream behind it: of the last one nobody can know that it was ever there.
    let mut names: Vec<String> =
        std::fs::read_dir(&hours).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let stream_of = |name: &str| name.split('-').next().map(str::to_owned);
    let (first, _) = names.iter().zip(names.iter().skip(1)).find(|(a, b)| stream_of(a) == stream_of(b)).unwrap();
    let file = hours.join(first);
    let twin = hours.join("0123456789ab0123456789abcdef-0000000000.parquet");
    std::fs::copy(&file, &twin).unwrap();
    let judgement = trial.judge().unwrap();
    assert!(judgement.verdict.doubled.count > 0 && !judgement.is_good(), "{judgement}");
    std::fs::remove_file(&twin).unwrap();
    std::fs::remove_file(&file).unwrap();
    let judgement = trial.judge().unwrap();
    assert!(judgement.verdict.missing.count > 0 && !judgement.ledger.adds_up, "{judgement}");
    assert!(notes::Known::read(&trial.launch.notes()).unwrap().runs >= 2);
}
