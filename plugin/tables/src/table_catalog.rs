//! What a catalog of our own has to do, and how the rest of Iceberg's trait follows from it.
//!
//! The committer makes tables, loads them and commits to them. What else [`Catalog`] has, nobody here asks for.

use async_trait::async_trait;
use iceberg::table::Table;
use iceberg::{Catalog, Error, ErrorKind, Namespace, NamespaceIdent, Result, TableCommit, TableCreation, TableIdent};
use std::collections::HashMap;
use std::fmt::Debug;

/// A catalog, as far as the committer needs one; each as in [`Catalog`].
#[async_trait]
pub(crate) trait TableCatalog: Debug + Send + Sync {
    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace>;

    async fn create_namespace(
        &self,
        namespace: &NamespaceIdent,
        properties: HashMap<String, String>,
    ) -> Result<Namespace>;

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>>;

    async fn load_table(&self, table: &TableIdent) -> Result<Table>;

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        is_there(self.load_table(table).await, ErrorKind::TableNotFound)
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table>;

    async fn update_table(&self, commit: TableCommit) -> Result<Table>;
}

/// Whether something was found; `missing` says that it is not there.
pub(crate) fn is_there<T>(found: Result<T>, missing: ErrorKind) -> Result<bool> {
    match found {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == missing => Ok(false),
        Err(error) => Err(error),
    }
}

/// A catalog of our own, as Iceberg's transactions take one.
#[derive(Debug)]
pub(crate) struct AsCatalog<C>(pub(crate) C);

/// Nobody asks for it here.
fn not_here<T>() -> Result<T> {
    Err(Error::new(ErrorKind::FeatureUnsupported, "tables are made, loaded and committed to, and nothing else"))
}

#[async_trait]
impl<C: TableCatalog> Catalog for AsCatalog<C> {
    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        self.0.get_namespace(namespace).await
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<bool> {
        is_there(self.0.get_namespace(namespace).await, ErrorKind::NamespaceNotFound)
    }

    async fn create_namespace(
        &self,
        namespace: &NamespaceIdent,
        properties: HashMap<String, String>,
    ) -> Result<Namespace> {
        self.0.create_namespace(namespace, properties).await
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        self.0.list_tables(namespace).await
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        self.0.load_table(table).await
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        self.0.table_exists(table).await
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        self.0.create_table(namespace, creation).await
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        self.0.update_table(commit).await
    }

    async fn list_namespaces(&self, _: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        not_here()
    }

    async fn update_namespace(&self, _: &NamespaceIdent, _: HashMap<String, String>) -> Result<()> {
        not_here()
    }

    async fn drop_namespace(&self, _: &NamespaceIdent) -> Result<()> {
        not_here()
    }

    async fn drop_table(&self, _: &TableIdent) -> Result<()> {
        not_here()
    }

    async fn purge_table(&self, _: &TableIdent) -> Result<()> {
        not_here()
    }

    async fn rename_table(&self, _: &TableIdent, _: &TableIdent) -> Result<()> {
        not_here()
    }

    async fn register_table(&self, _: &TableIdent, _: String) -> Result<Table> {
        not_here()
    }
}
