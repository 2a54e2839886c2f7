//! The command `shiwake-table`: lets Iceberg tables (<https://iceberg.apache.org/spec/>) adopt the files of a lake as they are.
//!
//! There is a table a log type. `create` makes it, `commit` takes in objects of the lake that it does not have yet, `status` says
//! how far behind it is. No file of the lake is written, moved or removed; of each one that is taken in the footer is read, and
//! nothing else.
//!
//! - [`window`], [`candidate`], [`hour`]: what is listed, and what a key says. [`footer`], [`data_file`], [`bounds`]: what a
//!   file says of itself. [`set_aside`]: why one is left out.
//! - [`columns`]: columns by their field ids. [`known`]: what a table has. [`committer`], [`commits`], [`retry`]: how it gets
//!   more. [`pinned`]: commits on the very state that was looked at.
//! - [`queue`], [`notification`], [`intake`]: objects that a bucket's notifications name. [`lambda`]: events of Lambda.
//! - [`catalog`], [`table_catalog`], [`glue`], [`glue_table`], [`signed_rest`], [`service`], [`storage`]: where a table's state and its own files are.
//!   [`copies`]: a table that takes in copies, and not what lies elsewhere.

mod arguments;
mod bounds;
mod candidate;
mod catalog;
mod columns;
mod commits;
mod committer;
mod copies;
mod create;
mod data_file;
mod error;
mod footer;
mod glue;
mod glue_table;
mod hour;
mod intake;
mod known;
mod lambda;
mod notification;
mod open;
mod pinned;
mod queue;
mod report;
mod retry;
mod service;
mod set_aside;
mod signed_rest;
mod status;
mod storage;
mod table_catalog;
mod window;

use arguments::{Arguments, Command, Part, Place};
use clap::Parser;
use error::TableError;
use iceberg::TableIdent;
use intake::Intake;
use lambda::Event;
use open::Open;
use queue::Queue;
use report::Sums;
use serde_json::Value;
use shiwake_delivery::config::rules_file;
use shiwake_delivery::lane::{Lane, Lanes};
use shiwake_delivery::schema::Schemas;
use shiwake_records::rules::RuleSet;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What was asked for was done, and is not as it should be.
const NOT_AS_IT_SHOULD_BE: u8 = 1;
/// What was asked for could not be done.
const NOT_DONE: u8 = 2;
/// Threads that read and commit: most of the time is spent waiting for a store.
const THREADS: usize = 2;

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match run(command) {
        Ok(code) => ExitCode::from(code),
        // Whoever read us has seen enough.
        Err(TableError::System(source)) if source.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stderr, reason = "a command tells its errors there")]
fn fail(error: &TableError) -> ExitCode {
    eprintln!("shiwake-table: {error}");
    ExitCode::from(NOT_DONE)
}

fn run(command: Command) -> Result<u8, TableError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let environment = environment();
    let api = environment.iter().find(|(name, _)| name == lambda::API_VARIABLE).map(|(_, address)| address.clone());
    runtime.block_on(async {
        match command {
            Command::Create { place, rules, types } => create(&place, environment, rules.as_ref(), &types).await,
            Command::Commit { place, part, batch, queue } => {
                let work = Work { place: &place, part: &part, batch, queue: queue.as_deref() };
                match api {
                    Some(api) => lambda::serve(&api, async |event| work.answer(event, environment.clone()).await)
                        .await
                        .map(|()| 0),
                    None => {
                        let sums = work.commit(environment).await?;
                        Ok(if sums.set_aside > 0 { NOT_AS_IT_SHOULD_BE } else { 0 })
                    }
                }
            }
            Command::Status { place, part } => status(&place, environment, &part).await,
        }
    })
}

/// What `commit` is to do.
struct Work<'w> {
    place: &'w Place,
    part: &'w Part,
    batch: u32,
    queue: Option<&'w str>,
}

impl Work<'_> {
    /// Takes in what is listed, or what a queue names.
    async fn commit(&self, environment: Vec<(String, String)>) -> Result<Sums, TableError> {
        let open = Open::new(self.place, environment).await?;
        let committer = open.committer(self.part, self.batch)?;
        let tables = open.tables(&self.part.types).await?;
        let sums = match self.queue {
            Some(url) => {
                let queue = Queue::new(open.access()?, url)?;
                let batch_messages = committer.batch_files;
                let intake = Intake::new(committer, tables, &open.location, &open.report)?;
                intake.empty(&queue, batch_messages).await?
            }
            None => {
                let mut sums = Sums::default();
                for (ident, log_type) in &tables {
                    sums += committer.commit(ident, log_type).await?;
                }
                sums
            }
        };
        open.report.done(&sums)?;
        Ok(sums)
    }

    /// Does what an event of Lambda asks for, and gives the answer.
    async fn answer(&self, event: Event, environment: Vec<(String, String)>) -> Result<Value, TableError> {
        let Event::Messages(messages) = event else { return Ok(self.commit(environment).await?.json()) };
        let open = Open::new(self.place, environment).await?;
        let (committer, tables) = (open.committer(self.part, self.batch)?, open.tables(&self.part.types).await?);
        let intake = Intake::new(committer, tables, &open.location, &open.report)?;
        let said: Vec<(&str, &str)> = messages.iter().map(|(id, body)| (id.as_str(), body.as_str())).collect();
        let outcome = intake.take_in(&said).await?;
        open.report.done(&outcome.sums)?;
        Ok(lambda::failures(outcome.left.iter().map(String::as_str)))
    }
}

async fn create(
    place: &Place,
    environment: Vec<(String, String)>,
    rules: Option<&PathBuf>,
    types: &[String],
) -> Result<u8, TableError> {
    let rules = match rules {
        Some(file) => Arc::new(RuleSet::load(&file.to_string_lossy(), &mut rules_file)?),
        None => RuleSet::built_in(),
    };
    let lanes = Lanes::new(rules.types().iter().map(|declared| (declared.log_type, declared.like)));
    let schemas = Schemas::new(lanes.clone(), rules.types());
    let known: Vec<Lane> = lanes.iter().filter(|lane| *lane != Lane::Quarantine).collect();
    let of = |name: &String| {
        let lane = known.iter().find(|lane| lane.name() == name).copied();
        lane.ok_or_else(|| {
            let known = known.iter().map(|lane| lane.name()).collect::<Vec<_>>().join(", ");
            TableError::Type { found: name.clone(), known }
        })
    };
    let asked = if types.is_empty() { known.clone() } else { types.iter().map(of).collect::<Result<_, _>>()? };
    let open = Open::new(place, environment).await?;
    catalog::ensure_namespace(open.catalog.as_ref(), &open.namespace).await?;
    for lane in asked {
        let ident = TableIdent::new(open.namespace.clone(), lane.name().to_owned());
        let fields = columns::fields(schemas.columns(lane));
        let folder = |warehouse: &String| format!("{warehouse}/{}/{}", open.namespace.join("/"), lane.name());
        let location = open.warehouse.as_ref().map(folder);
        create::create(&open.catalog, &ident, lane.name(), &fields, location, &open.report).await?;
    }
    Ok(0)
}

async fn status(place: &Place, environment: Vec<(String, String)>, part: &Part) -> Result<u8, TableError> {
    let open = Open::new(place, environment).await?;
    let committer = open.committer(part, 1)?;
    for (ident, log_type) in open.tables(&part.types).await? {
        let table = open.catalog.load_table(&ident).await?;
        let missing = committer.count_missing(&table, &log_type).await?;
        open.report.status(&status::look(&table, &ident.to_string(), missing).await?)?;
    }
    Ok(0)
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
