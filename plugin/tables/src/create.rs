//! Makes the tables of types.
//!
//! A table begins with its column `time` and gets the others in a second commit. A run that ends between the two leaves a table
//! that is as good: whoever comes next adds what is missing.

use crate::columns::{first_schema, missing, partition_spec, sort_order};
use crate::commits::add_columns;
use crate::error::TableError;
use crate::report::Report;
use crate::retry::Retry;
use iceberg::spec::{FormatVersion, NestedFieldRef};
use iceberg::table::Table;
use iceberg::{Catalog, ErrorKind, TableCreation, TableIdent};
use std::sync::Arc;

/// Property of a table that says of which type its rows are.
pub(crate) const TYPE_PROPERTY: &str = "shiwake.type";
/// How often a table's columns are tried to be added.
const ATTEMPTS: u32 = 20;

/// Properties of new tables. Engines that write to them write as Shiwake does, and of the metadata that each commit leaves the
/// last ones are kept.
const PROPERTIES: [(&str, &str); 3] = [
    ("write.parquet.compression-codec", "zstd"),
    ("write.metadata.delete-after-commit.enabled", "true"),
    ("write.metadata.previous-versions-max", "100"),
];

/// Makes a type's table, or adds the columns to one that is there.
///
/// # Errors
/// When the catalog refuses, or the table is another's.
pub(crate) async fn create(
    catalog: &Arc<dyn Catalog>,
    table: &TableIdent,
    log_type: &str,
    fields: &[NestedFieldRef],
    location: Option<String>,
    report: &Report,
) -> Result<(), TableError> {
    let (mut made, is_new) = match catalog.load_table(table).await {
        Ok(table) => (table, false),
        Err(error) if error.kind() == ErrorKind::TableNotFound => make(catalog, table, log_type, location).await?,
        Err(error) => return Err(error.into()),
    };
    let mut retry = Retry::new(ATTEMPTS);
    loop {
        let missing = match missing(made.metadata(), fields) {
            Ok(missing) => missing,
            Err(reason) => {
                report.set_aside(&table.to_string(), "the type's columns", &reason)?;
                break;
            }
        };
        if missing.is_empty() {
            break;
        }
        match add_columns(catalog, &made, &missing).await {
            Ok(_) => break,
            Err(error) => retry.wait(&table.to_string(), error, report).await?,
        }
        made = catalog.load_table(table).await?;
    }
    report.created(&table.to_string(), is_new)?;
    Ok(())
}

async fn make(
    catalog: &Arc<dyn Catalog>,
    table: &TableIdent,
    log_type: &str,
    location: Option<String>,
) -> Result<(Table, bool), TableError> {
    let properties = PROPERTIES.into_iter().chain([(TYPE_PROPERTY, log_type)]);
    let creation = TableCreation::builder()
        .name(table.name().to_owned())
        .location_opt(location)
        .schema(first_schema()?)
        .partition_spec(partition_spec()?)
        .sort_order(sort_order()?)
        .properties(properties.map(|(key, value)| (key.to_owned(), value.to_owned())))
        .format_version(FormatVersion::V2)
        .build();
    match catalog.create_table(table.namespace(), creation).await {
        Ok(made) => Ok((made, true)),
        // Somebody else was faster; SQL says so in its own words.
        Err(error) => match catalog.load_table(table).await {
            Ok(made) => Ok((made, false)),
            Err(_) => Err(error.into()),
        },
    }
}
