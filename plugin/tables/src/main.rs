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
//! - [`catalog`], [`storage`]: where a table's state and its own files are.

mod bounds;
mod candidate;
mod catalog;
mod columns;
mod commits;
mod committer;
mod create;
mod data_file;
mod error;
mod footer;
mod hour;
mod known;
mod pinned;
mod report;
mod retry;
mod set_aside;
mod status;
mod storage;
mod window;

use clap::{Args, Parser, Subcommand, ValueEnum};
use committer::Committer;
use create::TYPE_PROPERTY;
use error::TableError;
use iceberg::{Catalog, NamespaceIdent, TableIdent};
use report::{Report, Sums};
use shiwake_delivery::config::rules_file;
use shiwake_delivery::lane::{Lane, Lanes};
use shiwake_delivery::schema::Schemas;
use shiwake_delivery::store::{Lake, Location, S3Options};
use shiwake_records::rules::RuleSet;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use storage::LakeStorageFactory;
use window::Window;

/// What was asked for was done, and is not as it should be.
const NOT_AS_IT_SHOULD_BE: u8 = 1;
/// What was asked for could not be done.
const NOT_DONE: u8 = 2;
/// Threads that read and commit: most of the time is spent waiting for a store.
const THREADS: usize = 2;
/// Folder of a lake for what its tables have beside the lake's files.
const TABLES_FOLDER: &str = "_tables";

#[derive(Parser)]
#[command(name = "shiwake-table", version, about = "Lets Iceberg tables adopt the files of a lake")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes the tables of types, partitioned by hour(time), with the field ids that the files have.
    ///
    /// A table that is there gets the columns that it has not. Exits with 0, and with 2 when the catalog refuses.
    Create {
        #[command(flatten)]
        place: Place,
        /// Rules of your own, for the types and columns that they declare.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Only this type; may be given more than once. Without it all types, the declared ones too.
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
    },
    /// Takes objects that tables do not have yet into them. May be killed at any time, and be run by several at once.
    ///
    /// Exits with 0, with 1 when an object was set aside, and with 2 when a lake or a table cannot be read or committed to.
    Commit {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        part: Part,
        /// Files of a snapshot at most.
        #[arg(long, default_value_t = 1_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        batch: u32,
    },
    /// Says of each table how many snapshots, files and rows it has, until when, and how many objects it does not have yet.
    ///
    /// Exits with 0, and with 2 when a lake or a table cannot be read.
    Status {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        part: Part,
    },
}

#[derive(Args)]
struct Place {
    /// The lake: a folder, or s3://bucket/prefix.
    lake: String,
    /// The catalog: sqlite:FILE, or rest:URL where this build has it. Of a folder sqlite:LAKE/_tables/catalog.db.
    #[arg(long, value_name = "CATALOG")]
    catalog: Option<String>,
    /// The catalog's name, by which others that open the same database find it.
    #[arg(long, default_value = "shiwake", value_name = "NAME")]
    catalog_name: String,
    /// What a catalog is to be told beside; may be given more than once.
    #[arg(long = "catalog-property", value_name = "NAME=VALUE", value_parser = name_and_value)]
    catalog_properties: Vec<(String, String)>,
    /// Where the tables' own files go; without it LAKE/_tables.
    #[arg(long, value_name = "ADDRESS")]
    warehouse: Option<String>,
    /// The namespace of the tables.
    #[arg(long, default_value = "logs", value_name = "NAME")]
    namespace: String,
    /// Region of the bucket; without it AWS_REGION.
    #[arg(long)]
    region: Option<String>,
    /// Another S3 endpoint than AWS', as in http://localhost:9000.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// How to show it; without it for people on a terminal, and for programs elsewhere.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Args)]
struct Part {
    /// How far back partitions are looked through, by records' own times, as in 6h or 3d; 'all' is all of the lake.
    #[arg(long, default_value = "24h", value_name = "TIME")]
    since: String,
    /// Only this type; may be given more than once. Without it all that have a table.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

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
    runtime.block_on(async {
        match command {
            Command::Create { place, rules, types } => create(&place, rules.as_ref(), &types).await,
            Command::Commit { place, part, batch } => commit(&place, &part, batch).await,
            Command::Status { place, part } => status(&place, &part).await,
        }
    })
}

/// A lake and its catalog, open.
struct Open {
    lake: Lake,
    lake_address: String,
    catalog: Arc<dyn Catalog>,
    warehouse: String,
    namespace: NamespaceIdent,
    report: Report,
}

impl Open {
    async fn new(place: &Place) -> Result<Self, TableError> {
        let location =
            |option, text: &str| Location::parse(text).map_err(|source| TableError::Location { option, source });
        let lake_location = location("lake", &place.lake)?;
        let options =
            S3Options { region: place.region.clone(), endpoint: place.endpoint.clone(), ..S3Options::default() };
        let environment = environment();
        let lake = Lake::open_existing(&lake_location, &options, &environment)?;
        let address = |location: &Location| {
            candidate::lake_address(location)
                .map_err(|source| TableError::Folder { path: location.to_string(), source })
        };
        let lake_address = address(&lake_location)?;
        let warehouse = match &place.warehouse {
            None => format!("{lake_address}/{TABLES_FOLDER}"),
            Some(text) => {
                let location = location("warehouse", text)?;
                if let Location::Folder(folder) = &location {
                    std::fs::create_dir_all(folder)
                        .map_err(|source| TableError::Folder { path: folder.display().to_string(), source })?;
                }
                address(&location)?
            }
        };
        let in_lake = || match &lake_location {
            Location::Folder(folder) => {
                Some(format!("sqlite:{}", folder.join(TABLES_FOLDER).join("catalog.db").display()))
            }
            Location::S3 { .. } => None,
        };
        let choice = catalog::CatalogChoice {
            catalog: &place.catalog.clone().or_else(in_lake).ok_or(TableError::NoCatalog)?,
            name: &place.catalog_name,
            warehouse: &warehouse,
            properties: &place.catalog_properties,
        };
        let is_name =
            |part: &str| !part.is_empty() && part.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
        let parts: Vec<&str> = place.namespace.split('.').collect();
        if !parts.iter().all(|part| is_name(part)) {
            return Err(TableError::Namespace { found: place.namespace.clone() });
        }
        let namespace = NamespaceIdent::from_strs(parts)?;
        let catalog = catalog::open(&choice, LakeStorageFactory::new(options, environment)).await?;
        let is_json = match place.format {
            Some(format) => format == Format::Json,
            None => !io::stdout().is_terminal(),
        };
        let report = Report::new(is_json);
        Ok(Self { lake, lake_address, catalog, warehouse, namespace, report })
    }

    /// The namespace's tables and their types, of those that are asked for.
    async fn tables(&self, types: &[String]) -> Result<Vec<(TableIdent, String)>, TableError> {
        let none = || TableError::NoTable {
            namespace: self.namespace.to_string(),
            of: if types.is_empty() { String::new() } else { format!(" of {}", types.join(", ")) },
        };
        if !self.catalog.namespace_exists(&self.namespace).await? {
            return Err(none());
        }
        let mut idents = self.catalog.list_tables(&self.namespace).await?;
        idents.sort();
        let mut tables = Vec::new();
        for ident in idents {
            let table = self.catalog.load_table(&ident).await?;
            let log_type = table.metadata().properties().get(TYPE_PROPERTY);
            let asked = log_type.filter(|log_type| types.is_empty() || types.contains(log_type));
            tables.extend(asked.map(|log_type| (ident, log_type.clone())));
        }
        let has_all = types.iter().all(|asked| tables.iter().any(|(_, log_type)| log_type == asked));
        if tables.is_empty() || !has_all { Err(none()) } else { Ok(tables) }
    }

    fn committer(&self, part: &Part, batch_files: u32) -> Result<Committer<'_>, TableError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let window = Window::parse(&part.since, i64::try_from(now).unwrap_or(i64::MAX))?;
        Ok(Committer {
            lake: &self.lake,
            lake_address: &self.lake_address,
            catalog: &self.catalog,
            window,
            batch_files: usize::try_from(batch_files).unwrap_or(usize::MAX),
            report: &self.report,
        })
    }
}

async fn create(place: &Place, rules: Option<&PathBuf>, types: &[String]) -> Result<u8, TableError> {
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
    let open = Open::new(place).await?;
    catalog::ensure_namespace(open.catalog.as_ref(), &open.namespace).await?;
    for lane in asked {
        let ident = TableIdent::new(open.namespace.clone(), lane.name().to_owned());
        let fields = columns::fields(schemas.columns(lane));
        let location = format!("{}/{}/{}", open.warehouse, open.namespace.join("/"), lane.name());
        create::create(&open.catalog, &ident, lane.name(), &fields, &location, &open.report).await?;
    }
    Ok(0)
}

async fn commit(place: &Place, part: &Part, batch: u32) -> Result<u8, TableError> {
    let open = Open::new(place).await?;
    let committer = open.committer(part, batch)?;
    let mut sums = Sums::default();
    for (ident, log_type) in open.tables(&part.types).await? {
        sums += committer.commit(&ident, &log_type).await?;
    }
    open.report.done(&sums)?;
    Ok(if sums.set_aside > 0 { NOT_AS_IT_SHOULD_BE } else { 0 })
}

async fn status(place: &Place, part: &Part) -> Result<u8, TableError> {
    let open = Open::new(place).await?;
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

fn name_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE, as in token=...")?;
    Ok((name.to_owned(), value.to_owned()))
}
