//! What the command line takes.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "shiwake-table", version, about = "Lets Iceberg tables adopt the files of a lake")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
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
        /// A queue of SQS that the bucket's notifications go to: objects are taken from there instead of listings.
        #[arg(long, value_name = "URL", conflicts_with = "since")]
        queue: Option<String>,
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
pub(crate) struct Place {
    /// The lake: a folder, or s3://bucket/prefix.
    pub(crate) lake: String,
    /// The catalog: glue, glue:ACCOUNT, rest:URL, s3tables:ARN or sqlite:FILE. Of a folder sqlite:LAKE/_tables/catalog.db.
    #[arg(long, value_name = "CATALOG")]
    pub(crate) catalog: Option<String>,
    /// The catalog's name, by which others that open the same database find it.
    #[arg(long, default_value = "shiwake", value_name = "NAME")]
    pub(crate) catalog_name: String,
    /// What a catalog is to be told beside; may be given more than once.
    #[arg(long = "catalog-property", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) catalog_properties: Vec<(String, String)>,
    /// Where the tables' own files go; without it LAKE/_tables, and where a REST catalog says.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) warehouse: Option<String>,
    /// The namespace of the tables.
    #[arg(long, default_value = "logs", value_name = "NAME")]
    pub(crate) namespace: String,
    /// Region of the bucket; without it AWS_REGION.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Another S3 endpoint than AWS', as in http://localhost:9000.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// ARN of a role that is assumed for the bucket, a Glue catalog and a queue.
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,
    /// What that role's trust policy may ask for as sts:ExternalId.
    #[arg(long, value_name = "ID", requires = "role_arn")]
    pub(crate) external_id: Option<String>,
    /// How to show it; without it for people on a terminal, and for programs elsewhere.
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}

#[derive(Args)]
pub(crate) struct Part {
    /// How far back partitions are looked through, by records' own times, as in 6h or 3d; 'all' is all of the lake.
    #[arg(long, default_value = "24h", value_name = "TIME")]
    pub(crate) since: String,
    /// Only this type; may be given more than once. Without it all that have a table.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

fn name_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE, as in token=...")?;
    Ok((name.to_owned(), value.to_owned()))
}
