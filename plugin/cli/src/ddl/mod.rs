//! `shiwake ddl`: what others have to be told of a lake: query engines, and the bucket that it is in.
//!
//! - [`table`]: a type as a table: its columns, its folder and its first day. [`engines`]: the statements of each engine.
//! - [`lifecycle`]: the rules by which a bucket deletes.
//!
//! Nothing is written into the lake, and nobody is asked but the lake for its names.

mod engines;
mod lifecycle;
mod table;

pub(crate) use engines::Engine;
pub(crate) use lifecycle::Selector;

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
    #[error("--from has the value '{found}': a day as in 2026-01-31 is allowed")]
    Date {
        /// The text.
        found: String,
    },
    /// It is no name that needs no care.
    #[error("--database has the value '{found}': letters, digits and '_' are allowed")]
    Database {
        /// The text.
        found: String,
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
    environment: &Environment,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let config = output_config(options.lake, options.rules, &options.s3, &[])?;
    if engine == Engine::Athena && !matches!(config.lake()?, Location::S3 { .. }) {
        return Err(DdlError::NotS3 { what: "athena", lake: options.lake.to_owned() }.into());
    }
    let lanes = lanes(options, &config)?;
    let first_days = match options.from {
        Some(from) => {
            let from = date(from).ok_or_else(|| DdlError::Date { found: from.to_owned() })?;
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
    engine.write(&tables, out)?;
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
