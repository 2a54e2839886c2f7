//! How a table is, and how far behind its lake.

use crate::error::TableError;
use crate::hour::Hour;
use crate::known::hours;
use crate::report::Status;
use iceberg::table::Table;

/// Key of a snapshot's summary that says how many files the table has (<https://iceberg.apache.org/spec/#snapshots>).
const FILES_KEY: &str = "total-data-files";
/// The one that says how many rows.
const ROWS_KEY: &str = "total-records";

/// Looks at a table.
///
/// # Errors
/// When its list of manifests cannot be read.
pub(crate) async fn look<'s>(table: &Table, name: &'s str, missing: u64) -> Result<Status<'s>, TableError> {
    let metadata = table.metadata();
    let current = metadata.current_snapshot();
    let total = |key: &str| {
        let said = current.and_then(|snapshot| snapshot.summary().additional_properties.get(key));
        said.and_then(|said| said.parse().ok()).unwrap_or(0)
    };
    let mut newest: Option<Hour> = None;
    if let Some(current) = current {
        let manifests = table.manifest_list_reader(current).load().await?;
        newest = manifests.entries().iter().filter_map(|manifest| Some(hours(metadata, manifest)?.1)).max();
    }
    Ok(Status {
        table: name,
        snapshots: metadata.snapshots().len(),
        files: total(FILES_KEY),
        rows: total(ROWS_KEY),
        newest,
        missing,
        columns: metadata.current_schema().as_struct().fields().len(),
    })
}
