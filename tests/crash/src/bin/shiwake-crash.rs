//! Kills hosts, or soaks one, and says whether the lake is what was sent.

use clap::Parser;
use shiwake_crash::kills::{self, Rounds};
use shiwake_crash::trial::{Given, Trial};
use shiwake_crash::{CrashError, ledger, soak};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(
    name = "shiwake-crash",
    about = "Kills a host of the plugin again and again and counts every record in the lake"
)]
struct Arguments {
    /// How often the host is killed.
    #[arg(long, default_value_t = 100)]
    kills: u64,
    /// The property of that name; empty for the default of each type.
    #[arg(long, default_value = "")]
    durability: String,
    /// The host to play: 1.9.10, 4.2.8 or 5.1.1; without it any of them in each run.
    #[arg(long)]
    layout: Option<String>,
    /// What all follows from; without it another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Records a second, 0 for as many as the plugin takes; without it another rate in each run.
    #[arg(long)]
    rate: Option<u64>,
    /// Does not kill: runs for so many seconds and measures memory.
    #[arg(long, value_name = "SECONDS")]
    soak: Option<u64>,
    /// Starts nothing: compares the lake with the notes in FOLDER.
    #[arg(long)]
    judge: bool,
    /// The lake, a folder or s3://bucket/prefix; without it a folder in FOLDER.
    #[arg(long)]
    lake: Option<String>,
    /// Where S3 is, as in http://localhost:9000.
    #[arg(long)]
    endpoint: Option<String>,
    /// A property of the output, which wins over the trial's own.
    #[arg(long = "prop", value_name = "NAME=VALUE", value_parser = pair)]
    properties: Vec<(String, String)>,
    /// The shared object.
    #[arg(long, default_value = "dist/shiwake.so")]
    plugin: PathBuf,
    /// The folder for spool, lake, notes and logs; it is removed when all is well, unless it is named here.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[expect(clippy::print_stderr, reason = "a command tells its errors there")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let temporary = std::env::temp_dir().join(format!("shiwake-crash-{seed}"));
    let folder = arguments.folder.clone().unwrap_or_else(|| temporary.clone());
    println!("seed {seed}, folder {}", folder.display());
    match run(&arguments, seed, &folder) {
        Ok(true) => {
            if arguments.folder.is_none() {
                let _ = std::fs::remove_dir_all(&temporary);
            }
            println!("GOOD");
            ExitCode::SUCCESS
        }
        Ok(false) => {
            println!("BAD: seed {seed}, all is kept in {}", folder.display());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("shiwake-crash: {error}; seed {seed}, all is kept in {}", folder.display());
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments, seed: u64, folder: &Path) -> Result<bool, CrashError> {
    let program = std::env::current_exe().map_err(CrashError::io("find", "this program"))?;
    let trial = Trial::new(&Given {
        feeder: &program.with_file_name("shiwake-feeder"),
        command: &ledger::beside(&program),
        plugin: &arguments.plugin,
        folder,
        lake: arguments.lake.as_deref(),
        endpoint: arguments.endpoint.as_deref(),
        durability: &arguments.durability,
        properties: &arguments.properties,
        seed,
    })?;
    let mut is_flat = true;
    if arguments.judge {
        let judgement = trial.judge()?;
        print!("{judgement}");
        return Ok(judgement.is_good());
    }
    if let Some(seconds) = arguments.soak {
        let layout = arguments.layout.as_deref().unwrap_or("4.2.8");
        let memory = soak::run(&trial.launch, layout, arguments.rate.unwrap_or(0), Duration::from_secs(seconds))?;
        println!("{memory}");
        is_flat = memory.is_flat();
    } else {
        let rounds = Rounds {
            kills: arguments.kills,
            layout: arguments.layout.clone(),
            rate: arguments.rate,
            longest: Duration::from_millis(600),
        };
        let done = kills::run(&trial.launch, &rounds)?;
        println!("runs: {:?}", done.moments);
    }
    println!("last exit: {}", ledger::at_exit(&trial.launch.log())?);
    let judgement = trial.judge()?;
    print!("{judgement}");
    Ok(judgement.is_good() && is_flat)
}
