//! The Glue data catalog (<https://docs.aws.amazon.com/glue/latest/webapi/WebAPI_Welcome.html>), in which Athena, EMR and Redshift
//! find Iceberg tables: a table of Glue whose parameter `metadata_location` names the current state.
//!
//! A commit writes the new state's file and then moves the parameter, on the version of the Glue table that it has seen
//! (`VersionId`): Glue refuses it when there is a newer one.
//!
//! Iceberg's own crate for it (0.10) refuses columns of time with a zone, as all of ours have one; and it brings AWS' SDK, with
//! credentials of its own.

use crate::glue_table::{GlueTable, table_input};
use crate::service::{Fault, Service, domain};
use crate::table_catalog::{TableCatalog, is_there};
use async_trait::async_trait;
use iceberg::io::{FileIO, FileIOBuilder};
use iceberg::spec::{TableMetadata, TableMetadataBuilder};
use iceberg::table::Table;
use iceberg::{
    Error, ErrorKind, MetadataLocation, Namespace, NamespaceIdent, Result, Runtime, TableCommit, TableCreation,
    TableIdent,
};
use serde::Deserialize;
use serde_json::{Value, json};
use shiwake_delivery::store::AwsAccess;
use std::collections::HashMap;
use std::str::FromStr;
use std::time::Duration;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Where Glue is, when it is not AWS' own, as AWS' SDKs take it.
const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_GLUE", "AWS_ENDPOINT_URL"];

/// A Glue data catalog.
#[derive(Debug)]
pub(crate) struct GlueCatalog {
    service: Service,
    /// The account whose catalog it is; without one that of the credentials.
    account: Option<String>,
    files: FileIO,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Database {
    #[serde(default)]
    parameters: HashMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetDatabase {
    database: Database,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetTable {
    table: GlueTable,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetTables {
    #[serde(default)]
    table_list: Vec<GlueTable>,
    next_token: Option<String>,
}

/// What an operation answers that has nothing to say.
#[derive(Deserialize)]
struct Nothing {}

impl GlueCatalog {
    /// The catalog of an account, or of the credentials' own; `endpoint` is another place than AWS'.
    pub(crate) fn new(
        access: AwsAccess,
        account: &str,
        endpoint: Option<String>,
        environment: &[(String, String)],
        files: FileIOBuilder,
    ) -> Self {
        let variable = |name: &&str| environment.iter().find(|(known, value)| known == name && !value.is_empty());
        let of_environment = || ENDPOINT_VARIABLES.iter().find_map(variable).map(|(_, value)| value.clone());
        let region = access.region().to_owned();
        let of_aws = || format!("https://glue.{region}.{}", domain(&region));
        let endpoint = endpoint.or_else(of_environment).unwrap_or_else(of_aws);
        let service = Service::new(access, ("glue", "AWSGlue", "1.1"), region.clone(), endpoint);
        let account = Some(account).filter(|account| !account.is_empty()).map(str::to_owned);
        Self { service, account, files: files.build() }
    }

    async fn call<A: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        mut body: Value,
    ) -> std::result::Result<A, Fault> {
        if let (Some(account), Some(body)) = (&self.account, body.as_object_mut()) {
            body.insert("CatalogId".to_owned(), json!(account));
        }
        self.service.call(operation, &body, TIMEOUT).await
    }

    async fn glue_table(&self, table: &TableIdent) -> Result<GlueTable> {
        let body = json!({"DatabaseName": database(table.namespace())?, "Name": table.name()});
        let found = self.call("GetTable", body).await;
        found.map(|found: GetTable| found.table).map_err(|fault| failed(fault, ErrorKind::TableNotFound))
    }

    async fn table(&self, ident: &TableIdent, location: &str) -> Result<Table> {
        let metadata = TableMetadata::read_from(&self.files, location).await?;
        self.build(ident, location, metadata)
    }

    fn build(&self, ident: &TableIdent, location: &str, metadata: TableMetadata) -> Result<Table> {
        Table::builder()
            .file_io(self.files.clone())
            .metadata_location(location.to_owned())
            .metadata(metadata)
            .identifier(ident.clone())
            .runtime(Runtime::try_current()?)
            .build()
    }
}

/// The name of a database: Glue has one level of them.
fn database(namespace: &NamespaceIdent) -> Result<&str> {
    match namespace.as_ref().as_slice() {
        [name] => Ok(name),
        _ => Err(Error::new(
            ErrorKind::FeatureUnsupported,
            format!("namespace {namespace} has levels, and Glue has one"),
        )),
    }
}

/// A fault in Iceberg's terms; `missing` is what it is when there is no such thing.
fn failed(fault: Fault, missing: ErrorKind) -> Error {
    let kind = match fault.code() {
        Some("EntityNotFoundException") => missing,
        Some("AlreadyExistsException") if missing == ErrorKind::NamespaceNotFound => ErrorKind::NamespaceAlreadyExists,
        Some("AlreadyExistsException") => ErrorKind::TableAlreadyExists,
        Some("ConcurrentModificationException") => ErrorKind::CatalogCommitConflicts,
        _ if fault.may_pass() => ErrorKind::Unexpected,
        _ => ErrorKind::PreconditionFailed,
    };
    Error::new(kind, fault.to_string()).with_source(fault)
}

#[async_trait]
impl TableCatalog for GlueCatalog {
    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        let found = self.call("GetDatabase", json!({"Name": database(namespace)?})).await;
        let found: GetDatabase = found.map_err(|fault| failed(fault, ErrorKind::NamespaceNotFound))?;
        Ok(Namespace::with_properties(namespace.clone(), found.database.parameters))
    }

    async fn create_namespace(
        &self,
        namespace: &NamespaceIdent,
        properties: HashMap<String, String>,
    ) -> Result<Namespace> {
        let body = json!({"DatabaseInput": {"Name": database(namespace)?, "Parameters": properties}});
        let made = self.call("CreateDatabase", body).await;
        made.map(|Nothing {}| ()).map_err(|fault| failed(fault, ErrorKind::NamespaceNotFound))?;
        Ok(Namespace::with_properties(namespace.clone(), properties))
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let mut body = json!({"DatabaseName": database(namespace)?});
            if let (Some(token), Some(body)) = (next, body.as_object_mut()) {
                body.insert("NextToken".to_owned(), json!(token));
            }
            let page = self.call("GetTables", body).await;
            let page: GetTables = page.map_err(|fault| failed(fault, ErrorKind::NamespaceNotFound))?;
            let tables = page.table_list.into_iter().filter(GlueTable::is_iceberg);
            found.extend(tables.map(|table| TableIdent::new(namespace.clone(), table.name)));
            next = page.next_token.filter(|token: &String| !token.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let found = self.glue_table(table).await?;
        self.table(table, found.metadata_location()?).await
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        is_there(self.glue_table(table).await, ErrorKind::TableNotFound)
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        let ident = TableIdent::new(namespace.clone(), creation.name.clone());
        let no_place = || Error::new(ErrorKind::DataInvalid, format!("table {ident} has no place"));
        let place = creation.location.clone().ok_or_else(no_place)?;
        let metadata = TableMetadataBuilder::from_table_creation(creation)?.build()?.metadata;
        let location = MetadataLocation::new_with_metadata(place, &metadata);
        metadata.write_to(&self.files, &location).await?;
        let location = location.to_string();
        let input = table_input(ident.name(), &metadata, &location, None);
        let body = json!({"DatabaseName": database(namespace)?, "TableInput": input});
        let made = self.call("CreateTable", body).await;
        made.map(|Nothing {}| ()).map_err(|fault| failed(fault, ErrorKind::TableNotFound))?;
        self.build(&ident, &location, metadata)
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        let ident = commit.identifier().clone();
        let before = self.glue_table(&ident).await?;
        let version = before.version_id.clone().ok_or_else(|| {
            Error::new(ErrorKind::DataInvalid, format!("Glue does not say the version of table {ident}"))
        })?;
        // What the commit was made on is compared with the state that this version has.
        let current = self.table(&ident, before.metadata_location()?).await?;
        let staged = commit.apply(current)?;
        let location = staged.metadata_location_result()?.to_owned();
        staged.metadata().write_to(&self.files, &MetadataLocation::from_str(&location)?).await?;
        let input = table_input(ident.name(), staged.metadata(), &location, Some(&before));
        let body = json!({
            "DatabaseName": database(ident.namespace())?,
            "TableInput": input,
            "VersionId": version,
            "SkipArchive": true,
        });
        let moved = self.call("UpdateTable", body).await;
        moved.map(|Nothing {}| ()).map_err(|fault| failed(fault, ErrorKind::TableNotFound))?;
        Ok(staged)
    }
}
