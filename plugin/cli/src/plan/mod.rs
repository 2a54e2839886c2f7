//! `shiwake plan`: what a load becomes: objects, requests, bytes, memory and what all of it costs, in each shape that it can have.
//!
//! - [`load`]: what is logged. [`measured`]: how many bytes that becomes, as measured, or by the user's own logs.
//! - [`shape`]: the shapes, and which to choose. [`others`]: the same load elsewhere.
//! - [`prices`]: what things cost. [`report`]: text and JSON.
//!
//! How many objects a writer makes, and how large, is said by [`shiwake_delivery::plan`], which takes sizes and ages from the output's
//! own configuration, so a plan is for the version it comes with.
//! Nothing is asked of AWS.

mod load;
mod measured;
mod others;
mod prices;
mod report;
mod shape;

use crate::error::CommandError;
use crate::input::Lines;
use crate::output_config::output_config;
use load::{Load, Said};
use measured::Records;
use prices::Prices;
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::plan::Sample;
use shiwake_delivery::store::S3Options;
use shiwake_records::line_event::EventMaker;
use std::io::{self, Write};
use std::path::PathBuf;

/// A lake that is planned; nobody looks whether it is there.
const LAKE: &str = "s3://planned-lake/logs";
/// The hour that all records of a sample are put into, 2026-01-01 00:00 UTC.
const HOUR_SECONDS: u64 = 1_767_225_600;

/// What is to be planned.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArguments {
    /// The load, in TOML: `tasks`, and `[type.NAME]` with `bytes_per_day` or `records_per_second`, and
    /// `record_bytes` if it is known.
    load: Option<PathBuf>,
    /// How many tasks there are, each with a log router.
    #[arg(long, value_name = "NUMBER")]
    tasks: Option<u64>,
    /// What all of them log of a type in a day as JSON, and bytes of a record, as in access=20G or access=20G:700; may be given more
    /// than once.
    #[arg(long, value_name = "TYPE=SIZE")]
    daily: Vec<String>,
    /// How old a record may be when it gets into the lake; without it the output's own `upload_timeout` of each type.
    #[arg(long, value_name = "TIME")]
    age: Option<String>,
    /// The region whose prices are taken.
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Another price than the one written down; may be given more than once.
    #[arg(long, value_name = "NAME=VALUE")]
    price: Vec<String>,
    /// Questions a day, each for two columns of a day of the largest type.
    #[arg(long, default_value_t = 100.0, value_name = "NUMBER")]
    queries: f64,
    /// `memory_limit` of a task's log router.
    #[arg(long, value_name = "SIZE")]
    memory_limit: Option<String>,
    /// `total_file_size` of a task's log router.
    #[arg(long, value_name = "SIZE")]
    total_file_size: Option<String>,
    /// Lines of your own, by which sizes are measured instead of taking those of the documents; may be given more than once.
    #[arg(long, value_name = "FILE")]
    sample: Vec<PathBuf>,
    /// Rules of your own, for the types that they declare.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// The load cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The load is wrong.
    #[error("{}: {why}", file.display())]
    Load {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// There is nothing to plan.
    #[error("say what is logged: --tasks 100 --daily access=20G, or a file; shiwake plan --help tells more")]
    Nothing,
    /// It is no amount.
    #[error(
        "--daily has the value '{found}': TYPE=SIZE is allowed, as in access=20G, or access=20G:700 with bytes of a record"
    )]
    Daily {
        /// The text.
        found: String,
    },
    /// No type has this name.
    #[error("there is no type '{found}'; known are: {known}")]
    Type {
        /// The name.
        found: String,
        /// All names.
        known: String,
    },
    /// No prices are known.
    #[error(
        "no prices are known of the region '{found}', but of {known}: take one of these and give others with --price"
    )]
    Region {
        /// The name.
        found: String,
        /// All names.
        known: String,
    },
    /// It is no price.
    #[error("--price has the value '{found}': NAME=VALUE is allowed, with the names {known}")]
    Price {
        /// The text.
        found: String,
        /// All names.
        known: String,
    },
    /// A sample without a record.
    #[error("the sample has no record that is kept")]
    EmptySample,
    /// A file that is part of this program.
    #[error("{what} of this build cannot be read, which its tests should have found")]
    Damaged {
        /// The file.
        what: &'static str,
    },
}

/// Writes the plan.
pub(crate) fn run(arguments: &PlanArguments, as_json: bool, out: &mut impl Write) -> Result<(), CommandError> {
    let optional = [
        ("upload_timeout", arguments.age.as_deref()),
        ("memory_limit", arguments.memory_limit.as_deref()),
        ("total_file_size", arguments.total_file_size.as_deref()),
    ];
    let set: Vec<(&str, &str)> = optional.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let router = output_config(LAKE, arguments.rules.as_ref(), &S3Options::default(), &set)?;
    let mut set = shape::AGGREGATOR_PROPERTIES.to_vec();
    set.extend(arguments.age.as_deref().map(|age| ("upload_timeout", age)));
    let aggregator = output_config(LAKE, arguments.rules.as_ref(), &S3Options::default(), &set)?;

    let said = Said { file: arguments.load.as_deref(), tasks: arguments.tasks, daily: &arguments.daily };
    let load = Load::new(said, &router.lanes)?;
    let prices = Prices::new(&arguments.region, &arguments.price)?;
    let sample = (!arguments.sample.is_empty()).then(|| read_sample(&arguments.sample, &router)).transpose()?;
    let has_sample = sample.is_some();
    let records = Records::new(sample)?;
    let asked = shape::Asked { load: &load, records: &records, prices: &prices, queries_per_day: arguments.queries };
    let shapes = shape::shapes(asked, &router, &aggregator);
    let others = others::others(asked, &router);
    let report = report::Report { asked, shapes: &shapes, others: &others, has_sample };
    if as_json {
        writeln!(out, "{:#}", report.to_json())?;
    } else {
        report.write_text(out)?;
    }
    out.flush()?;
    Ok(())
}

/// Sorts the lines of files, all of them in one hour.
fn read_sample(files: &[PathBuf], config: &OutputConfig) -> Result<Sample, CommandError> {
    let mut sample = Sample::new(config);
    let (mut maker, mut lines) = (EventMaker::default(), Lines::of(files));
    let (mut line, mut event, mut count) = (Vec::new(), Vec::new(), 0_u64);
    while lines.read(&mut line)? {
        let millisecond = count % 3_600_000;
        let seconds = u32::try_from(HOUR_SECONDS + millisecond / 1_000).unwrap_or_default();
        let nanoseconds = u32::try_from(millisecond % 1_000 * 1_000_000).unwrap_or_default();
        maker.make(&line, (seconds, nanoseconds), &mut event);
        count += 1;
        sample.add(&event, line.len() as u64);
    }
    if sample.is_empty() { Err(PlanError::EmptySample.into()) } else { Ok(sample) }
}
