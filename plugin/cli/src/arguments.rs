//! What the command line takes, and what its help says.

use crate::{convert, ddl, plan, wasm};
use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};
use shiwake_delivery::store::S3Options;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "shiwake", version, about = "Sorts logs and sends each where it belongs")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to use colour; `auto` is on a terminal, when NO_COLOR is not set.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Shows what becomes of log lines: type, severity, the rule that decided, and what was parsed.
    ///
    /// Of a single line, or with --why, it tells all: the conditions that held, the rules that nearly did, and where the
    /// record goes.
    ///
    /// Exits with 0, and with 2 when a file cannot be read or the rules cannot be used.
    Explain {
        /// Files with a log line, or with a JSON object as a record, on each line; standard input when none is given.
        files: Vec<PathBuf>,
        /// Rules of your own, which are tried before the built-in ones.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// The tag that Fluent Bit gives the lines, for rules that ask for it.
        #[arg(long, default_value = "")]
        tag: String,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Tells all of every line.
        #[arg(long)]
        why: bool,
    },
    /// Runs the [[test]]s that stand in rules files.
    ///
    /// Exits with 0 when all pass, with 1 when one fails or there are none, and with 2 when a file cannot be used.
    Test {
        /// Rules files; those that they include are tested too.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Names what is wrong with rules files, and what looks like a mistake.
    ///
    /// Exits with 0 when nothing is wrong, with 1 when there are warnings and --deny-warnings is given, and with 2 when
    /// a file cannot be used.
    Lint {
        /// Rules files; those that they include are looked at too.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Exits with 1 when there are warnings.
        #[arg(long)]
        deny_warnings: bool,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Sorts logs and shows what would be where, without writing anything: the share of each type and rule, what no
    /// rule knows, which rules take the longest, and how many bytes it would be.
    ///
    /// Exits with 0, and with 2 when a file cannot be read or the rules cannot be used.
    DryRun {
        /// Files with a log line, or with a JSON object as a record, on each line; standard input when none is given.
        logs: Vec<PathBuf>,
        /// Rules of your own, which are tried before the built-in ones.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// The tag that Fluent Bit gives the lines, for rules that ask for it.
        #[arg(long, default_value = "")]
        tag: String,
        /// How many examples of lines to show that no rule knows.
        #[arg(long, default_value_t = 10, value_name = "COUNT")]
        examples: usize,
        /// How many such lines there are a day, to tell the bytes of a day.
        #[arg(long, value_name = "LINES")]
        per_day: Option<u64>,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Sorts files of logs into a lake, without a host, by the same code as the plugin.
    ///
    /// A record without a time of its own gets the time at which it is read. Running it again writes all of it again. Exits
    /// with 0 when every record is in the lake, or was dropped by a rule, with 1 when not, and with 2 when a file cannot be
    /// read, the rules cannot be used, or the lake takes nothing.
    Run {
        /// Files with a log line, or with a JSON object as a record, on each line; standard input when none is given.
        logs: Vec<PathBuf>,
        /// The lake: a folder, or s3://bucket/prefix.
        #[arg(long)]
        lake: String,
        /// Rules of your own, which are tried before the built-in ones.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// The tag that Fluent Bit would give the lines: for rules that ask for it, and for the column `tag`.
        #[arg(long, default_value = "")]
        tag: String,
        /// What is held in memory at most; a quarter of it is the largest file, in bytes of records.
        #[arg(long, default_value = convert::DEFAULT_MEMORY_LIMIT, value_name = "SIZE")]
        memory_limit: String,
        #[command(flatten)]
        s3: S3,
        /// How to show the ledger.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Sorts logs and proposes columns for fields that have none, as a part of a rules file, with the share of records of each.
    ///
    /// Exits with 0, and with 2 when a file cannot be read or the rules cannot be used.
    Schema {
        /// Files with a log line, or with a JSON object as a record, on each line; standard input when none is given.
        logs: Vec<PathBuf>,
        /// Rules of your own, which are tried before the built-in ones; columns that they declare are not proposed again.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// The tag that Fluent Bit gives the lines, for rules that ask for it.
        #[arg(long, default_value = "")]
        tag: String,
        /// The least share of a type's records that have the field, in percent.
        #[arg(long, default_value_t = 1.0, value_name = "PERCENT")]
        min_share: f64,
    },
    /// Prints the built-in rules, as a rules file.
    Rules {
        /// A table of their names, types and conditions instead.
        #[arg(long)]
        names: bool,
    },
    /// Adds up a lake from the footers of its files, and names gaps and doubles.
    ///
    /// Exits with 0 when every record is there once and every file was read, with 1 when not, and with 2 when the lake
    /// cannot be listed.
    Ledger {
        /// The lake: a folder, or s3://bucket/prefix.
        lake: String,
        #[command(flatten)]
        s3: S3,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Prints the statements that make a lake's types tables of a query engine, or the lifecycle rules of its bucket.
    ///
    /// Without --from it looks which partitions the lake has, when the statements tell of them. Exits with 0, and with 2 when the lake cannot be listed or has
    /// nothing.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Ddl {
        /// The lake: s3://bucket/prefix, or a folder.
        lake: String,
        /// The engine: athena (and Glue, with partition projection), trino (Hive connector), spark, or duckdb (views).
        #[arg(long, value_enum, group = "what")]
        engine: Option<ddl::Engine>,
        /// What the statements are for.
        #[arg(long, value_enum, default_value_t = Made::Tables, requires = "engine", value_name = "WHAT")]
        make: Made,
        /// With --make iceberg for athena: where the tables' files go, a folder in a bucket.
        #[arg(long, value_name = "S3_URL")]
        warehouse: Option<String>,
        /// With --make merge the day, which is over; with --make upkeep the day whose small files become large ones, instead of all.
        #[arg(long, value_name = "DATE")]
        day: Option<String>,
        /// With --make merge: the first day that was merged; without it this one is.
        #[arg(long, value_name = "DATE")]
        merged_since: Option<String>,
        /// With --make merge: where merged days go, which is not below the lake's types.
        #[arg(long, value_name = "URL")]
        into: Option<String>,
        /// With --make merge: 2 and on when the day was merged before and records have come late.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
        run: u32,
        /// The maintenance of a bucket of S3 Tables instead, as JSON: what its API's calls take, in their order.
        #[arg(long, value_name = "BUCKET_ARN", group = "what")]
        s3_tables: Option<String>,
        /// S3 lifecycle rules from the types' retention classes instead, as JSON for `aws s3api
        /// put-bucket-lifecycle-configuration`: by the tags that `object_tags on` gives objects, or by prefixes.
        #[arg(long, value_enum, value_name = "BY", group = "what")]
        lifecycle: Option<ddl::Selector>,
        /// Rules of your own, for the types and columns that they declare.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Only this type; may be given more than once. `quarantine` is one too.
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// The database, or schema, that tables are to be in.
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        /// The first day of the lake, as in 2026-01-31; the lake is not looked into then.
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        #[command(flatten)]
        s3: S3,
    },
    /// Iceberg tables that adopt a lake's files: create, commit, status; by the program `shiwake-table`, which is installed by itself.
    ///
    /// `shiwake table --help` is that program's help, and its exit codes are the ones. Exits with 2 when it is not installed.
    #[command(disable_help_flag = true)]
    Table {
        /// What `shiwake-table` is given.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
        arguments: Vec<OsString>,
    },
    /// Says what a load becomes: objects, requests, bytes, memory, and what it costs, for each way to write the lake and elsewhere.
    ///
    /// Exits with 0, and with 2 when the load cannot be read.
    Plan {
        #[command(flatten)]
        arguments: plan::PlanArguments,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Shows how Parquet files are laid out: row groups, and of each column the encodings, sizes, bounds and Bloom filters.
    ///
    /// Exits with 0, and with 2 when a file cannot be read.
    Inspect {
        /// Parquet files of this machine.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Prints the rows of Parquet files, a line each, without columns that are null.
    ///
    /// Exits with 0, and with 2 when a file cannot be read.
    Cat {
        /// Parquet files of this machine.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How many rows at most, of all files together.
        #[arg(long, value_name = "COUNT")]
        rows: Option<usize>,
        /// How to show them.
        #[arg(long, value_enum, default_value_t = Format::Json)]
        format: Format,
    },
    /// Brings back what was set aside because it was damaged, could not be read, or the process died of it.
    ///
    /// Nothing is removed, and doing it again doubles nothing. Exits with 0 when all of it was whole, and is in the lake if it was
    /// to be; with 1 when not; and with 2 when something cannot be read or written to.
    #[command(group = clap::ArgGroup::new("purpose").required(true))]
    Restore {
        /// What was set aside: a store_dir (its *.aside files), a lake (what is in quarantine/segments), or single files.
        #[arg(required = true)]
        sources: Vec<String>,
        /// Says what is in each.
        #[arg(long, group = "purpose")]
        list: bool,
        /// Stores the records in this lake, a folder or s3://bucket/prefix, under the names that they would have had.
        #[arg(long, value_name = "LAKE", group = "purpose")]
        into: Option<String>,
        /// Prints all that can be read, damaged or not, one JSON object a line.
        #[arg(long, group = "purpose")]
        export: bool,
        /// The rules that declare types of one's own: their records get the columns that these give them.
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        #[command(flatten)]
        s3: S3,
    },
    /// Puts rules into the module for Fluent Bit's WASM filter, without a compiler.
    ///
    /// Exits with 0, and with 2 when the rules or the module cannot be used.
    Wasm(wasm::WasmArguments),
    /// Looks, inside of the log router's container, at what is most often wrong there, and says what to do.
    ///
    /// It takes the configuration of the Fluent Bit that runs there, or the one that is named. It stores a small object in the
    /// lake under the key _shiwake_doctor, and sends Datadog a payload without a log. Exits with 0 when nothing is wrong, with 1
    /// when something is, and with 2 when the configuration cannot be read.
    Doctor {
        /// Fluent Bit's configuration, classic or YAML.
        config: Option<PathBuf>,
        /// A property of the output, instead of a configuration; may be given more than once.
        #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value, conflicts_with = "config")]
        set: Vec<(String, String)>,
        /// Fluent Bit's program.
        #[arg(long, value_name = "PROGRAM")]
        host: Option<PathBuf>,
        /// Stores nothing in the lake and sends Datadog nothing, and so does not see whether it could.
        #[arg(long)]
        no_store: bool,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// What statements are for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Made {
    /// Tables of the lake as it is.
    Tables,
    /// Iceberg tables, which rows are to be inserted into.
    Iceberg,
    /// What Iceberg tables need once a day: rows go whose retention is over, files are compacted, snapshots expire.
    Upkeep,
    /// A closed day of a lake that is no Iceberg table as one file, with a view that shows each row once at any time.
    Merge,
}

#[derive(Args)]
pub(crate) struct S3 {
    /// Region of the bucket; without it AWS_REGION.
    #[arg(long)]
    region: Option<String>,
    /// Another S3 endpoint than AWS', as in http://localhost:9000.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Role that is assumed to reach the bucket.
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// What its trust policy asks for as sts:ExternalId.
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
}

impl From<S3> for S3Options {
    fn from(S3 { region, endpoint, role_arn, external_id }: S3) -> Self {
        Self { region, endpoint, role_arn, external_id, ..Self::default() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object, or one a line.
    Json,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE, as in lake=s3://logs")?;
    Ok((name.to_owned(), value.to_owned()))
}
