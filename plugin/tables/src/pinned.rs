//! A catalog in which one table is as we have looked at it.
//!
//! Iceberg's transactions load the table anew before they commit, so that what was decided on an older state would be done to
//! a newer one: two committers that both found an object missing would both add it. Through a [`PinnedCatalog`] a transaction
//! is made on the state that was looked at, and the real catalog refuses it when there is a newer one; who is refused looks
//! again.
//!
//! It is also how a column gets the field id that the files have: a transaction gives new columns the next free ids, and there
//! is no public way to say others. One that changes nothing commits the schema that the table has; so the table is handed over
//! with the schema that it shall have, and the commit says just that.

use async_trait::async_trait;
use iceberg::spec::{Schema, TableMetadata};
use iceberg::table::Table;
use iceberg::{
    Catalog, Error, ErrorKind, Namespace, NamespaceIdent, Result, Runtime, TableCommit, TableCreation, TableIdent,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// A catalog, of which one table is pinned.
#[derive(Debug)]
pub(crate) struct PinnedCatalog {
    real: Arc<dyn Catalog>,
    table: Table,
}

impl PinnedCatalog {
    /// Pins a table as it is here.
    pub(crate) fn new(real: Arc<dyn Catalog>, table: Table) -> Self {
        Self { real, table }
    }
}

/// The table as if its current schema were this one.
///
/// # Errors
/// When Iceberg's crate does not take such a table.
pub(crate) fn with_schema(table: &Table, schema: &Schema) -> Result<Table> {
    let metadata = table.metadata();
    let unexpected =
        |error: serde_json::Error| Error::new(ErrorKind::Unexpected, "schema is no JSON").with_source(error);
    let mut document = serde_json::to_value(metadata).map_err(unexpected)?;
    let current = metadata.current_schema_id();
    let mut changed = serde_json::to_value(schema).map_err(unexpected)?;
    if let Some(id) = changed.get_mut("schema-id") {
        *id = json!(current);
    }
    let schemas = document.get_mut("schemas").and_then(Value::as_array_mut);
    let place = schemas.and_then(|all| all.iter_mut().find(|one| one.get("schema-id") == Some(&json!(current))));
    let missing = || Error::new(ErrorKind::DataInvalid, format!("the table has no schema {current}, its current one"));
    *place.ok_or_else(missing)? = changed;
    if let Some(last) = document.get_mut("last-column-id") {
        *last = json!(metadata.last_column_id().max(schema.highest_field_id()));
    }
    let changed: TableMetadata = serde_json::from_value(document).map_err(unexpected)?;
    let builder = Table::builder()
        .file_io(table.file_io().clone())
        .identifier(table.identifier().clone())
        .metadata(changed)
        .metadata_location(table.metadata_location_result()?)
        .runtime(Runtime::try_current()?);
    builder.build()
}

/// Nobody asks a pinned catalog for this.
fn not_here<T>() -> Result<T> {
    Err(Error::new(ErrorKind::FeatureUnsupported, "a pinned catalog loads and commits one table"))
}

#[async_trait]
impl Catalog for PinnedCatalog {
    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        if table == self.table.identifier() { Ok(self.table.clone()) } else { not_here() }
    }

    /// Commits, once: a transaction that tried again by itself would do it on the same state again.
    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        self.real.update_table(commit).await.map_err(|error| error.with_retryable(false))
    }

    async fn list_namespaces(&self, _: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        not_here()
    }

    async fn create_namespace(&self, _: &NamespaceIdent, _: HashMap<String, String>) -> Result<Namespace> {
        not_here()
    }

    async fn get_namespace(&self, _: &NamespaceIdent) -> Result<Namespace> {
        not_here()
    }

    async fn namespace_exists(&self, _: &NamespaceIdent) -> Result<bool> {
        not_here()
    }

    async fn update_namespace(&self, _: &NamespaceIdent, _: HashMap<String, String>) -> Result<()> {
        not_here()
    }

    async fn drop_namespace(&self, _: &NamespaceIdent) -> Result<()> {
        not_here()
    }

    async fn list_tables(&self, _: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        not_here()
    }

    async fn create_table(&self, _: &NamespaceIdent, _: TableCreation) -> Result<Table> {
        not_here()
    }

    async fn drop_table(&self, _: &TableIdent) -> Result<()> {
        not_here()
    }

    async fn purge_table(&self, _: &TableIdent) -> Result<()> {
        not_here()
    }

    async fn table_exists(&self, _: &TableIdent) -> Result<bool> {
        not_here()
    }

    async fn rename_table(&self, _: &TableIdent, _: &TableIdent) -> Result<()> {
        not_here()
    }

    async fn register_table(&self, _: &TableIdent, _: String) -> Result<Table> {
        not_here()
    }
}
