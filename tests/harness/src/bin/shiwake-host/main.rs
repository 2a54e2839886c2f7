//! Runs a plugin over files of JSON lines without Fluent Bit.
//!
//! Lines become chunks, chunks go through the filter and are flushed to the output, as a host of
//! the chosen layout would. What the plugin logs goes to standard error, one JSON line of counts to
//! standard output. The exit code is 1 if anything failed, 2 if the command line is wrong.

mod args;
mod input;
mod pipeline;
mod summary;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Args, Command, USAGE};
use pipeline::Pipeline;
use shiwake_harness::Host;
use summary::Summary;

const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Run(args)) => args,
        Ok(Command::Help) => {
            return match io::stdout().write_all(USAGE.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            };
        }
        Err(error) => {
            report(&error);
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let host = match Host::start(args.layout) {
        Ok(host) => host,
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    };
    let mut summary = Summary::default();
    let outcome = run(host, &args, &mut summary);
    for line in host.log_lines() {
        say(&line.to_string());
    }
    if let Err(error) = &outcome {
        report(error.as_ref());
    }
    let printed = writeln!(io::stdout(), "{}", summary.to_json());
    if outcome.is_ok() && printed.is_ok() && summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(host: Host, args: &Args, summary: &mut Summary) -> Result<(), Box<dyn std::error::Error>> {
    let pipeline = Pipeline::start(host, args)?;
    let outcome = input::for_each_chunk(&args.files, args.chunk_bytes, summary, |summary, chunk| {
        pipeline.pass(summary, &chunk).map_err(Into::into)
    });
    pipeline.exit()?;
    outcome
}

fn report(error: &dyn std::error::Error) {
    let mut text = format!("shiwake-host: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    say(&text);
}

/// Standard error may be closed; there is nowhere left to say so.
fn say(text: &str) {
    let _closed = writeln!(io::stderr(), "{text}");
}
