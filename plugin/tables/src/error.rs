//! Why a command could not do its work.

use crate::service::Fault;
use shiwake_delivery::store::{LocationError, OpenError, ReadError};
use shiwake_records::rules::RulesError;
use std::io;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// It is no address of a lake.
    #[error("--{option} {source}")]
    Location {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        source: LocationError,
    },
    /// The lake cannot be read.
    #[error(transparent)]
    Lake(#[from] ReadError),
    /// AWS cannot be called.
    #[error(transparent)]
    Access(#[from] OpenError),
    /// It is no address of a queue.
    #[error(
        "--queue has the value '{found}': the URL of a queue is expected, as in https://sqs.eu-west-1.amazonaws.com/123456789012/lake"
    )]
    QueueAddress {
        /// The text.
        found: String,
    },
    /// Notifications are of a bucket.
    #[error("--queue is for a lake in S3: a folder sends no notifications")]
    QueueOfFolder,
    /// The queue cannot be used.
    #[error("the queue cannot be used: {0}")]
    Queue(#[source] Fault),
    /// Lambda's runtime API does not answer as it should.
    #[error("the runtime API of Lambda at '{address}' cannot be used: {reason}")]
    Lambda {
        /// Where it is.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The lake's folder, or the catalog's, cannot be used.
    #[error("'{path}' cannot be used: {source}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody knows such a catalog.
    #[error("--catalog has the value '{found}': {known} are known")]
    Catalog {
        /// The text.
        found: String,
        /// What is known.
        known: &'static str,
    },
    /// It is no table bucket.
    #[error(
        "--catalog s3tables: has the value '{found}': the ARN of a table bucket is expected, as in \
         arn:aws:s3tables:eu-west-1:123456789012:bucket/tables"
    )]
    TableBucket {
        /// The text.
        found: String,
    },
    /// A lake in S3 has no place of its own for a catalog.
    #[error("--catalog is not given: a lake in S3 needs one, as in glue or sqlite:FILE")]
    NoCatalog,
    /// It is no name of a namespace.
    #[error("--namespace has the value '{found}': letters, digits, '_' and '.' are allowed")]
    Namespace {
        /// The text.
        found: String,
    },
    /// It is no time.
    #[error("--since has the value '{found}': a number of hours or days as in 6h or 3d, or 'all', is allowed")]
    Since {
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
    /// The rules are wrong.
    #[error("the rules cannot be used\n{}", .0.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(#[from] RulesError),
    /// The namespace has none of the tables.
    #[error("namespace '{namespace}' has no table{of}: make them with 'create'")]
    NoTable {
        /// The namespace.
        namespace: String,
        /// Which were looked for.
        of: String,
    },
    /// A table is not partitioned by the hour.
    #[error("table {table} is not partitioned by hour(time): objects of the lake are not taken in by other partitions")]
    Partition {
        /// The table.
        table: String,
    },
    /// Others were always faster.
    #[error("table {table} was changed by others {attempts} times while its commit was made; the last time: {source}")]
    Contended {
        /// The table.
        table: String,
        /// How often it was tried.
        attempts: u32,
        /// What the catalog says.
        source: Box<iceberg::Error>,
    },
    /// The catalog, or a table's own files, cannot be used.
    #[error("{}", line(.0))]
    Iceberg(Box<iceberg::Error>),
    /// An entry of a table cannot be made.
    #[error("an entry cannot be made: {0}")]
    Entry(#[from] iceberg::spec::DataFileBuilderError),
    /// Nobody takes what is written, or the system gives no runtime.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl From<iceberg::Error> for TableError {
    fn from(error: iceberg::Error) -> Self {
        TableError::Iceberg(Box::new(error))
    }
}

/// What Iceberg's crate says, with the causes that it does not name itself, on one line.
fn line(error: &iceberg::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = source.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
