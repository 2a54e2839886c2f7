//! The command `shiwake`.
//!
//! `explain`, `test`, `lint`, `dry-run` and `rules` are about rules, by the same code as the plugin. `run` makes a lake of files,
//! `ledger` adds one up, `restore` brings back what was set aside, `inspect` and `cat` show what is in its files,
//! `ddl` tells others of it, `table` hands over to `shiwake-table` for Iceberg tables, `plan` says what a load becomes and costs,
//! `schema` proposes columns, `wasm` makes the module for Fluent Bit's WASM filter, `doctor` looks at what is most often wrong in a log router's container.

mod arguments;
mod cat;
mod convert;
mod ddl;
mod diagnostics;
mod doctor;
mod dry_run;
mod error;
mod explain;
mod input;
mod inspect;
mod ledger;
mod lint;
mod output_config;
mod parquet_file;
mod plan;
mod restore;
mod rule_tests;
mod rules;
mod rules_file;
mod schema;
mod table;
mod terminal;
mod wasm;
mod wasm_build;
mod wasm_module;
mod wasm_prune;

use arguments::{Arguments, Command, Format, Made};
use clap::{ColorChoice, Parser};
use error::CommandError;
use restore::Purpose;
use std::process::ExitCode;

/// What was asked for was done, and is not as it should be.
const NOT_AS_IT_SHOULD_BE: u8 = 1;
/// What was asked for could not be done.
const NOT_DONE: u8 = 2;

fn main() -> ExitCode {
    let Arguments { command, color } = Arguments::parse();
    match run(command, color) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Runs a command; its exit code.
fn run(command: Command, color: ColorChoice) -> Result<u8, CommandError> {
    let out = || terminal::output(color);
    match command {
        Command::Explain { files, rules, tag, format, why } => {
            let as_json = format == Format::Json;
            explain::run(
                &explain::Options { files: &files, rules: rules.as_ref(), tag: &tag, as_json, why },
                &mut out(),
            )?;
        }
        Command::Test { files, format } => {
            let outcome = rule_tests::run(&files, format == Format::Json, &mut out())?;
            return Ok(match outcome {
                rule_tests::Outcome { unusable: 1.., .. } => NOT_DONE,
                rule_tests::Outcome { failed: 1.., .. } | rule_tests::Outcome { tests: 0, .. } => NOT_AS_IT_SHOULD_BE,
                _ => 0,
            });
        }
        Command::Lint { files, deny_warnings, format } => {
            let outcome = lint::run(&files, format == Format::Json, &mut out())?;
            return Ok(match outcome {
                lint::Outcome { errors: 1.., .. } => NOT_DONE,
                lint::Outcome { warnings: 1.., .. } if deny_warnings => NOT_AS_IT_SHOULD_BE,
                _ => 0,
            });
        }
        Command::DryRun { logs, rules, tag, examples, per_day, format } => {
            let options = dry_run::Options { logs: &logs, rules: rules.as_ref(), tag: &tag, examples, per_day };
            dry_run::run(&options, format == Format::Json, &mut out())?;
        }
        Command::Run { logs, lake, rules, tag, memory_limit, s3, format } => {
            let options = convert::Options {
                logs: &logs,
                lake: &lake,
                rules: rules.as_ref(),
                tag: &tag,
                memory_limit: &memory_limit,
                s3: s3.into(),
            };
            let adds_up = convert::run(&options, &environment(), format == Format::Json, &mut out())?;
            return Ok(if adds_up { 0 } else { NOT_AS_IT_SHOULD_BE });
        }
        Command::Schema { logs, rules, tag, min_share } => {
            schema::run(&schema::Options { logs: &logs, rules: rules.as_ref(), tag: &tag, min_share }, &mut out())?;
        }
        Command::Rules { names: true } => rules::write_names(&mut out())?,
        Command::Rules { names: false } => rules::write_file(&mut out())?,
        Command::Ledger { lake, s3, format } => {
            let adds_up = ledger::run(&lake, &s3.into(), &environment(), format == Format::Json)?;
            return Ok(if adds_up { 0 } else { NOT_AS_IT_SHOULD_BE });
        }
        Command::Ddl {
            lake,
            engine,
            make,
            warehouse,
            day,
            merged_since,
            into,
            run,
            s3_tables,
            lifecycle,
            rules,
            types,
            database,
            from,
            s3,
        } => {
            let options = ddl::Options {
                lake: &lake,
                rules: rules.as_ref(),
                types: &types,
                database: database.as_deref(),
                from: from.as_deref(),
                s3: s3.into(),
            };
            let day = day.as_deref();
            let purpose = match make {
                Made::Tables => ddl::Purpose::Tables,
                Made::Iceberg => ddl::Purpose::Iceberg { warehouse: warehouse.as_deref() },
                Made::Upkeep => ddl::Purpose::Upkeep { day },
                Made::Merge => {
                    let first_day = merged_since.as_deref().or(day);
                    ddl::Purpose::Merge(ddl::merge(day, first_day, into.as_deref(), run)?)
                }
            };
            match (engine, lifecycle, s3_tables) {
                (Some(engine), ..) => ddl::run(&options, engine, &purpose, &environment(), &mut out())?,
                (None, Some(by), _) => ddl::write_lifecycle(&options, by, &mut out())?,
                (None, None, Some(bucket)) => ddl::write_s3_tables(&options, &bucket, &mut out())?,
                (None, None, None) => {}
            }
        }
        Command::Table { arguments } => match table::run(&arguments)? {},
        Command::Plan { arguments, format } => plan::run(&arguments, format == Format::Json, &mut out())?,
        Command::Inspect { files, format } => inspect::run(&files, format == Format::Json, &mut out())?,
        Command::Cat { files, rows, format } => cat::run(&files, rows, format == Format::Json, &mut out())?,
        Command::Restore { sources, list: _, into, export, rules, s3 } => {
            let purpose = match into {
                Some(lake) => Purpose::Deliver(lake),
                None if export => Purpose::Export,
                None => Purpose::List,
            };
            let is_whole = restore::run(&sources, &purpose, rules.as_ref(), &s3.into(), &environment())?;
            return Ok(if is_whole { 0 } else { NOT_AS_IT_SHOULD_BE });
        }
        Command::Wasm(arguments) => wasm::run(arguments, &mut out())?,
        Command::Doctor { config, set, host, no_store, format } => {
            let options =
                doctor::Options { config: config.as_deref(), set: &set, host: host.as_deref(), stores: !no_store };
            let is_well = doctor::run(&options, &environment(), format == Format::Json, &mut out())?;
            return Ok(if is_well { 0 } else { NOT_AS_IT_SHOULD_BE });
        }
    }
    Ok(0)
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[expect(clippy::print_stderr, reason = "a command tells its errors there")]
fn fail(error: &CommandError) -> ExitCode {
    eprintln!("shiwake: {error}");
    ExitCode::from(NOT_DONE)
}
