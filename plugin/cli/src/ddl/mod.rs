//! `shiwake ddl`: what others have to be told of a lake: query engines, and the bucket that it is in.
//!
//! - [`table`]: a type as a table: its columns, its folder and its first day. [`engines`]: the statements of each engine.
//! - [`iceberg`]: the same as Iceberg tables, and what keeps these small; [`s3_tables`]: the settings of a service that does it itself.
//! - [`merge`]: a closed day as one file, for a lake that stays as it is.
//! - [`lifecycle`]: the rules by which a bucket deletes.
//!
//! Nothing is written into the lake, and nobody is asked but the lake for its names.

mod engines;
mod iceberg;
mod lifecycle;
mod merge;
mod s3_tables;
mod table;

pub(crate) use engines::Engine;
pub(crate) use lifecycle::Selector;
pub(crate) use merge::Merge;

use crate::error::CommandError;
use crate::output_config::output_config;
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::lane::Lane;
use shiwake_delivery::schema::Schemas;
use shiwake_delivery::store::{Environment, Lake, Location, ReadError, S3Options};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use table::{Table, date, table_and_date};

/// Which lake, and which of it.
pub(crate) struct Options<'o> {
    /// The lake.
    pub(crate) lake: &'o str,
    /// The user's rules.
    pub(crate) rules: Option<&'o PathBuf>,
    /// Types to tell of; all when there are none.
    pub(crate) types: &'o [String],
    /// The database of the tables.
    pub(crate) database: Option<&'o str>,
    /// The first day.
    pub(crate) from: Option<&'o str>,
    /// How S3 is reached.
    pub(crate) s3: S3Options,
}

/// What statements are for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose<'p> {
    /// Tables of the lake as it is.
    Tables,
    /// Iceberg tables; Athena's are below the warehouse.
    Iceberg {
        /// A prefix in S3.
        warehouse: Option<&'p str>,
    },
    /// What is to be run on Iceberg tables once a day.
    Upkeep {
        /// The day whose files are made larger; all when there is none.
        day: Option<&'p str>,
    },
    /// A closed day of the lake as one file.
    Merge(Merge<'p>),
}

/// Why there are no statements.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DdlError {
    /// The lake cannot be listed.
    #[error("{0}; with --from it is not looked into")]
    Lake(#[from] ReadError),
    /// The system gives no runtime.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// The lake has no files of these types.
    #[error("lake {lake} has no Parquet file of {what}; with --from it is not looked into")]
    Empty {
        /// The lake.
        lake: String,
        /// What was looked for.
        what: String,
    },
    /// No type has this name.
    #[error("there is no type '{found}'; known are: {known}")]
    Type {
        /// The name.
        found: String,
        /// All names.
        known: String,
    },
    /// It is no date.
    #[error("{option} has the value '{found}': a day as in 2026-01-31 is allowed")]
    Date {
        /// The option.
        option: &'static str,
        /// The text.
        found: String,
    },
    /// It is no name that needs no care.
    #[error("--database has the value '{found}': letters, digits and '_' are allowed")]
    Database {
        /// The text.
        found: String,
    },
    /// An option that this needs.
    #[error("{what} needs {option}")]
    Needs {
        /// What is asked for.
        what: &'static str,
        /// The option, with an example.
        option: &'static str,
    },
    /// What is asked for cannot be.
    #[error("{what}: {why}")]
    Cannot {
        /// What is asked for.
        what: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// What is asked for is for S3 alone.
    #[error("{what} is for lakes in S3, and {lake} is none: give s3://bucket/prefix")]
    NotS3 {
        /// What is asked for.
        what: &'static str,
        /// The lake.
        lake: String,
    },
}

/// Writes the statements for an engine.
pub(crate) fn run(
    options: &Options<'_>,
    engine: Engine,
    purpose: &Purpose<'_>,
    environment: &Environment,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    check(engine, purpose)?;
    let config = output_config(options.lake, options.rules, &options.s3, &[])?;
    if engine == Engine::Athena && !matches!(config.lake()?, Location::S3 { .. }) {
        return Err(DdlError::NotS3 { what: "athena", lake: options.lake.to_owned() }.into());
    }
    let lanes = lanes(options, &config)?;
    // What does not tell where the lake begins does not look.
    let from = match purpose {
        Purpose::Tables => options.from,
        // DuckDB does not read a folder that is not there.
        Purpose::Merge(_) if engine == Engine::Duckdb => options.from,
        _ => Some(options.from.unwrap_or(ANY_DAY)),
    };
    let first_days = match from {
        Some(from) => {
            let from = day("--from", from)?;
            lanes.iter().map(|lane| (lane.name().to_owned(), from.clone())).collect()
        }
        None => first_days(&config, config.lake()?, environment)?,
    };
    let database = match options.database {
        Some(name) if name.is_empty() || !name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_') => {
            return Err(DdlError::Database { found: name.to_owned() }.into());
        }
        database => database,
    };
    let schemas = Schemas::new(config.lanes.clone(), &config.types);
    let location = config.lake()?;
    let tables: Vec<Table<'_>> = lanes
        .iter()
        .filter_map(|lane| {
            let first_day = first_days.get(lane.name())?;
            Some(Table::new(location, database, *lane, schemas.columns(*lane), first_day))
        })
        .collect();
    if tables.is_empty() {
        let what = if options.types.is_empty() { "any type".to_owned() } else { options.types.join(", ") };
        return Err(DdlError::Empty { lake: options.lake.to_owned(), what }.into());
    }
    match purpose {
        Purpose::Tables => engine.write(&tables, out)?,
        Purpose::Iceberg { warehouse } => iceberg::write_tables(engine, &tables, *warehouse, out)?,
        Purpose::Upkeep { day } => {
            let retention = |table: &Table<'_>| {
                config.lanes.iter().find(|lane| lane.name() == table.name).and_then(|lane| config.retention(lane))
            };
            let kept: Vec<_> = tables.into_iter().map(|table| (retention(&table), table)).collect();
            iceberg::write_upkeep(engine, &kept, *day, out)?;
        }
        Purpose::Merge(merge) => merge::write(engine, &tables, merge, out)?,
    }
    out.flush()?;
    Ok(())
}

/// The merging of a day.
pub(crate) fn merge<'m>(
    day: Option<&'m str>,
    first_day: Option<&'m str>,
    into: Option<&'m str>,
    run: u32,
) -> Result<Merge<'m>, CommandError> {
    let needs = |option| DdlError::Needs { what: "--make merge", option };
    let day = day.ok_or_else(|| needs("--day, as in 2026-01-31"))?;
    let into = into.ok_or_else(|| needs("--into, as in s3://my-logs-merged/prod"))?;
    Ok(Merge { day, first_day: first_day.unwrap_or(day), into, run })
}

/// A day that is not printed.
const ANY_DAY: &str = "1970-01-01";

fn day(option: &'static str, text: &str) -> Result<String, DdlError> {
    date(text).ok_or_else(|| DdlError::Date { option, found: text.to_owned() })
}

/// Whether the engine can be told that, and all is given that it needs.
fn check(engine: Engine, purpose: &Purpose<'_>) -> Result<(), DdlError> {
    const NO_ICEBERG: &str = "DuckDB makes no Iceberg tables here; it reads those that others make";
    match purpose {
        Purpose::Tables => {}
        Purpose::Iceberg { .. } if engine == Engine::Duckdb => {
            return Err(DdlError::Cannot { what: "--make iceberg", why: NO_ICEBERG });
        }
        Purpose::Iceberg { warehouse } => {
            let is_place = warehouse.is_some_and(|place| place.trim_end_matches('/').split('/').nth(3).is_some());
            if engine == Engine::Athena && !is_place {
                let option =
                    "--warehouse, a folder in a bucket as in s3://my-tables/logs: Athena's VACUUM takes no bucket";
                return Err(DdlError::Needs { what: "--make iceberg for athena", option });
            }
        }
        Purpose::Upkeep { day } => {
            if engine == Engine::Duckdb {
                return Err(DdlError::Cannot { what: "--make upkeep", why: NO_ICEBERG });
            }
            day.map(|text| self::day("--day", text)).transpose()?;
        }
        Purpose::Merge(merge) => {
            day("--day", merge.day)?;
            day("--merged-since", merge.first_day)?;
            if merge.first_day > merge.day {
                let why = "the first merged day is behind the day";
                return Err(DdlError::Cannot { what: "--merged-since", why });
            }
            if engine == Engine::Trino && merge.run > 1 {
                let why =
                    "Trino changes the place of a partition in two steps: use spark or athena on the same catalog";
                return Err(DdlError::Cannot { what: "--run", why });
            }
        }
    }
    Ok(())
}

/// Writes the maintenance of a bucket of S3 Tables.
pub(crate) fn write_s3_tables(
    options: &Options<'_>,
    bucket_arn: &str,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let Some(namespace) = options.database else {
        let option = "--database, the namespace of the tables";
        return Err(DdlError::Needs { what: "--s3-tables", option }.into());
    };
    let config = output_config(options.lake, options.rules, &options.s3, &[])?;
    let schemas = Schemas::new(config.lanes.clone(), &config.types);
    let location = config.lake()?;
    let tables: Vec<Table<'_>> = lanes(options, &config)?
        .into_iter()
        .map(|lane| Table::new(location, None, lane, schemas.columns(lane), ANY_DAY))
        .collect();
    writeln!(out, "{:#}", s3_tables::calls(bucket_arn, namespace, &tables))?;
    out.flush()?;
    Ok(())
}

/// Writes the lifecycle rules of the lake's bucket.
pub(crate) fn write_lifecycle(options: &Options<'_>, by: Selector, out: &mut impl Write) -> Result<(), CommandError> {
    let config = output_config(options.lake, options.rules, &options.s3, &[])?;
    let Location::S3 { prefix, .. } = config.lake()? else {
        return Err(DdlError::NotS3 { what: "a lifecycle rule", lake: options.lake.to_owned() }.into());
    };
    let rules = lifecycle::rules(&config, &lanes(options, &config)?, prefix.as_ref(), by);
    writeln!(out, "{rules:#}")?;
    out.flush()?;
    Ok(())
}

/// The lanes that are asked for, in the order of the lanes.
fn lanes(options: &Options<'_>, config: &OutputConfig) -> Result<Vec<Lane>, DdlError> {
    let known = || config.lanes.iter();
    for name in options.types {
        if known().all(|lane| lane.name() != name) {
            let known = known().map(|lane| lane.name().to_owned()).collect::<Vec<_>>().join(", ");
            return Err(DdlError::Type { found: name.clone(), known });
        }
    }
    let is_asked = |lane: &Lane| options.types.is_empty() || options.types.iter().any(|name| name == lane.name());
    Ok(known().filter(is_asked).collect())
}

/// The first day of each type that the lake has.
fn first_days(
    config: &OutputConfig,
    location: &Location,
    environment: &Environment,
) -> Result<BTreeMap<String, String>, DdlError> {
    let lake = Lake::open_existing(location, &config.s3, environment)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DdlError::Start)?;
    runtime.block_on(async {
        let mut first_days = BTreeMap::new();
        let mut listing = lake.list();
        while let Some(object) = listing.next().await? {
            let Some((table, day)) = table_and_date(&object.key) else { continue };
            let first = first_days.entry(table.to_owned()).or_insert_with(|| day.clone());
            if day < *first {
                *first = day;
            }
        }
        Ok(first_days)
    })
}
