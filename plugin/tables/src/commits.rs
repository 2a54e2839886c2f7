//! Single commits to a table: more columns, more files. Each is made on the state of the table that was looked at, and refused
//! when there is a newer one.

use crate::columns::with_columns;
use crate::pinned::{PinnedCatalog, with_schema};
use iceberg::spec::{DataFile, NestedFieldRef};
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::{Catalog, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// Gives a table columns, with the ids that they have in files.
pub(crate) async fn add_columns(
    catalog: &Arc<dyn Catalog>,
    table: &Table,
    columns: &[NestedFieldRef],
) -> Result<Table> {
    let schema = with_columns(table.metadata().current_schema(), columns)?;
    let wished = with_schema(table, &schema)?;
    let transaction = Transaction::new(&wished);
    let transaction = transaction.update_schema().apply(transaction)?;
    transaction.commit(&PinnedCatalog::new(catalog.clone(), wished)).await
}

/// Adds files to a table, as one snapshot.
pub(crate) async fn append(catalog: &Arc<dyn Catalog>, table: &Table, files: Vec<DataFile>) -> Result<Table> {
    let by = HashMap::from([("shiwake.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    let transaction = Transaction::new(table);
    // Iceberg's crate would read all manifests to find doubles; they were looked for where they can be, on this very state.
    let append =
        transaction.fast_append().with_check_duplicate(false).set_snapshot_properties(by).add_data_files(files);
    let transaction = append.apply(transaction)?;
    transaction.commit(&PinnedCatalog::new(catalog.clone(), table.clone())).await
}
