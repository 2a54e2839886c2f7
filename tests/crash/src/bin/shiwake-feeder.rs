//! A host that sends chunks to the plugin until it is stopped or killed.

use clap::Parser;
use shiwake_crash::feeder::{Settings, run};
use shiwake_harness::Layout;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "shiwake-feeder", about = "Sends chunks that follow from a seed to the plugin, and keeps notes")]
struct Arguments {
    /// The host to play: 1.9.10, 4.2.8 or 5.1.1.
    #[arg(long, default_value = "4.2.8")]
    layout: Layout,
    /// The shared object.
    #[arg(long)]
    plugin: PathBuf,
    /// A property of the output, as in lake=/tmp/lake.
    #[arg(long = "prop", value_name = "NAME=VALUE", value_parser = pair)]
    properties: Vec<(String, String)>,
    /// What the chunks follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The file in which it notes what it sent and what was taken.
    #[arg(long)]
    notes: PathBuf,
    /// The file that gets the plugin's lines.
    #[arg(long)]
    log: PathBuf,
    /// Records a second at most; 0 for as many as the plugin takes.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// New chunks to send before it ends by itself, with all of them taken.
    #[arg(long)]
    new_chunks: Option<u64>,
    /// Bytes to send before it ends by itself.
    #[arg(long)]
    most_bytes: Option<u64>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[expect(clippy::print_stderr, reason = "a command tells its errors there")]
fn main() -> ExitCode {
    let Arguments { layout, plugin, properties, seed, notes, log, rate, new_chunks, most_bytes } = Arguments::parse();
    match run(&Settings { layout, plugin, properties, seed, notes, log, rate, new_chunks, most_bytes }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shiwake-feeder: {error}");
            ExitCode::FAILURE
        }
    }
}
