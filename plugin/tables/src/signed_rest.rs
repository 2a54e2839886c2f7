//! A REST catalog (<https://iceberg.apache.org/rest-catalog-spec/>) that takes AWS' signatures: that of S3 Tables, that of Glue, and
//! those of others who speak as they do. Iceberg's own crate for REST has no way to sign.
//!
//! What is asked and answered is in the forms of that crate.

use crate::service::{Fault, domain};
use crate::storage::LakeStorageFactory;
use crate::table_catalog::TableCatalog;
use async_trait::async_trait;
use http::Method;
use iceberg::io::{FileIO, FileIOBuilder};
use iceberg::table::Table;
use iceberg::{Error, ErrorKind, Namespace, NamespaceIdent, Result, Runtime, TableCommit, TableCreation, TableIdent};
use iceberg_catalog_rest::{
    CommitTableRequest, CommitTableResponse, CreateTableRequest, ListTablesResponse, LoadTableResult, NamespaceResponse,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shiwake_delivery::store::{AwsAccess, SignedFor};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a request may take: a commit makes the catalog write a file.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Between the levels of a namespace, in a path.
const LEVELS: &str = "%1F";
/// Property, of the user or the catalog, that stands in paths behind the version.
const PREFIX_PROPERTY: &str = "prefix";
/// Property that names the warehouse to the catalog.
const WAREHOUSE_PROPERTY: &str = "warehouse";

/// A catalog that takes signatures.
#[derive(Debug)]
pub(crate) struct SignedRestCatalog {
    access: AwsAccess,
    signing: Signing,
    /// What paths begin with, without a slash at the end.
    base: String,
    storage: Arc<LakeStorageFactory>,
    /// Of the user and the catalog.
    properties: HashMap<String, String>,
}

/// What requests are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signing {
    /// The service, as signatures name it.
    pub(crate) service: String,
    /// Its region.
    pub(crate) region: String,
}

/// A table bucket of S3 Tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableBucket<'a> {
    arn: &'a str,
    region: &'a str,
}

impl<'a> TableBucket<'a> {
    /// Reads an ARN as in `arn:aws:s3tables:eu-west-1:123456789012:bucket/tables`
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-buckets.html>).
    pub(crate) fn of_arn(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "s3tables", region, account, resource]
                if !region.is_empty()
                    && !account.is_empty()
                    && resource.strip_prefix("bucket/").is_some_and(|name| !name.is_empty()) =>
            {
                Some(Self { arn, region })
            }
            _ => None,
        }
    }

    /// Where its catalog is
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-tables-integrating-open-source.html>).
    pub(crate) fn uri(&self) -> String {
        format!("https://s3tables.{}.{}/iceberg", self.region, domain(self.region))
    }

    /// What its requests are signed for.
    pub(crate) fn signing(&self) -> Signing {
        Signing { service: "s3tables".to_owned(), region: self.region.to_owned() }
    }

    /// How it is named to the catalog.
    pub(crate) fn warehouse(&self) -> (String, String) {
        (WAREHOUSE_PROPERTY.to_owned(), self.arn.to_owned())
    }
}

/// What a catalog says of itself.
#[derive(Debug, Default, Deserialize)]
struct CatalogConfig {
    #[serde(default)]
    defaults: HashMap<String, String>,
    #[serde(default)]
    overrides: HashMap<String, String>,
}

impl SignedRestCatalog {
    /// Asks the catalog at an address what it says of itself.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub(crate) async fn open(
        access: AwsAccess,
        uri: &str,
        signing: Signing,
        storage: Arc<LakeStorageFactory>,
        properties: HashMap<String, String>,
    ) -> Result<Self> {
        let base = |uri: &str| format!("{}/v1", uri.trim_end_matches('/'));
        let mut catalog = Self { access, signing, base: base(uri), storage, properties };
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(warehouse) = catalog.properties.get(WAREHOUSE_PROPERTY) {
            query.append_pair(WAREHOUSE_PROPERTY, warehouse);
        }
        let path = format!("/config?{}", query.finish());
        let config: CatalogConfig = catalog
            .call(Method::GET, path.trim_end_matches('?'), None::<&Value>)
            .await
            .map_err(|fault| failed(fault, ErrorKind::DataInvalid))?;
        if let Some(other) = config.overrides.get("uri") {
            catalog.base = base(other);
        }
        let mut properties = config.defaults;
        properties.extend(std::mem::take(&mut catalog.properties));
        properties.extend(config.overrides);
        if let Some(prefix) = properties.get(PREFIX_PROPERTY) {
            catalog.base = format!("{}/{prefix}", catalog.base);
        }
        catalog.properties = properties;
        Ok(catalog)
    }

    async fn call<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> std::result::Result<A, Fault> {
        let address = format!("{}{path}", self.base);
        let unusable = |source| Fault::Answer { operation: "REST", endpoint: self.base.clone(), source };
        let body = body.map(serde_json::to_string).transpose().map_err(unusable)?.unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(&address)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::ACCEPT, "application/json")
            .body(body)
            .map_err(|source| Fault::Address { address: address.clone(), source })?;
        let signed_for = SignedFor { service: &self.signing.service, region: &self.signing.region };
        let answer = self.access.send(signed_for, request, TIMEOUT).await?;
        if !(200..300).contains(&answer.status) {
            return Err(refusal(&self.base, answer.status, &answer.body));
        }
        let body = if answer.body.is_empty() { b"{}" } else { &answer.body[..] };
        serde_json::from_slice(body).map_err(unusable)
    }

    /// What reads and writes a table's own files; a catalog may give credentials for it.
    fn files(&self, of_table: HashMap<String, String>) -> FileIO {
        let properties = of_table.into_iter().chain(self.properties.clone());
        FileIOBuilder::new(self.storage.clone()).with_props(properties).build()
    }

    fn table(&self, ident: &TableIdent, found: LoadTableResult) -> Result<Table> {
        let no_place =
            || Error::new(ErrorKind::DataInvalid, format!("the catalog does not say where table {ident} is"));
        Table::builder()
            .identifier(ident.clone())
            .metadata_location(found.metadata_location.ok_or_else(no_place)?)
            .metadata(found.metadata)
            .file_io(self.files(found.config))
            .runtime(Runtime::try_current()?)
            .build()
    }
}

fn namespace_path(namespace: &NamespaceIdent) -> String {
    format!("/namespaces/{}", namespace.join(LEVELS))
}

fn table_path(table: &TableIdent) -> String {
    format!("{}/tables/{}", namespace_path(table.namespace()), table.name())
}

/// A refusal in the words of the catalog (`ErrorModel` of the specification).
fn refusal(endpoint: &str, status: u16, body: &[u8]) -> Fault {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    Fault::refused("REST", endpoint, status, text("/error/type"), text("/error/message"))
}

/// A fault in Iceberg's terms; `missing` is what it is when there is no such thing.
fn failed(fault: Fault, missing: ErrorKind) -> Error {
    let kind = match fault.status() {
        Some(404) => missing,
        Some(409) if missing == ErrorKind::NamespaceNotFound => ErrorKind::NamespaceAlreadyExists,
        Some(409) => ErrorKind::CatalogCommitConflicts,
        _ if fault.may_pass() => ErrorKind::Unexpected,
        _ => ErrorKind::PreconditionFailed,
    };
    Error::new(kind, fault.to_string()).with_source(fault)
}

#[async_trait]
impl TableCatalog for SignedRestCatalog {
    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        let found = self.call(Method::GET, &namespace_path(namespace), None::<&Value>).await;
        let found: NamespaceResponse = found.map_err(|fault| failed(fault, ErrorKind::NamespaceNotFound))?;
        Ok(Namespace::from(found))
    }

    async fn create_namespace(
        &self,
        namespace: &NamespaceIdent,
        properties: HashMap<String, String>,
    ) -> Result<Namespace> {
        let body = json!({"namespace": namespace, "properties": properties});
        let made = self.call(Method::POST, "/namespaces", Some(&body)).await;
        let made: NamespaceResponse = made.map_err(|fault| failed(fault, ErrorKind::NamespaceNotFound))?;
        Ok(Namespace::from(made))
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        let (mut found, mut query) = (Vec::new(), String::new());
        loop {
            let path = format!("{}/tables{query}", namespace_path(namespace));
            let page = self.call(Method::GET, &path, None::<&Value>).await;
            let page: ListTablesResponse = page.map_err(|fault| failed(fault, ErrorKind::NamespaceNotFound))?;
            found.extend(page.identifiers);
            let Some(token) = page.next_page_token.filter(|token| !token.is_empty()) else { return Ok(found) };
            let mut next = form_urlencoded::Serializer::new(String::new());
            query = format!("?{}", next.append_pair("pageToken", &token).finish());
        }
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let found = self.call(Method::GET, &table_path(table), None::<&Value>).await;
        self.table(table, found.map_err(|fault| failed(fault, ErrorKind::TableNotFound))?)
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        let ident = TableIdent::new(namespace.clone(), creation.name.clone());
        let body = CreateTableRequest {
            name: creation.name,
            location: creation.location,
            schema: creation.schema,
            partition_spec: creation.partition_spec,
            write_order: creation.sort_order,
            stage_create: Some(false),
            properties: creation.properties,
        };
        let made = self.call(Method::POST, &format!("{}/tables", namespace_path(namespace)), Some(&body)).await;
        self.table(&ident, made.map_err(|fault| failed(fault, ErrorKind::TableNotFound))?)
    }

    async fn update_table(&self, mut commit: TableCommit) -> Result<Table> {
        let ident = commit.identifier().clone();
        let body = CommitTableRequest {
            identifier: Some(ident.clone()),
            requirements: commit.take_requirements(),
            updates: commit.take_updates(),
        };
        let made = self.call(Method::POST, &table_path(&ident), Some(&body)).await;
        let made: CommitTableResponse = made.map_err(|fault| failed(fault, ErrorKind::TableNotFound))?;
        Table::builder()
            .identifier(ident)
            .metadata_location(made.metadata_location)
            .metadata(made.metadata)
            .file_io(self.files(HashMap::new()))
            .runtime(Runtime::try_current()?)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_bucket_says_its_region_and_where_its_catalog_is() {
        let arn = "arn:aws:s3tables:eu-west-1:123456789012:bucket/tables";
        let bucket =
            TableBucket::of_arn(arn).map(|bucket| (bucket.uri(), bucket.signing().region, bucket.warehouse().1));
        let uri = "https://s3tables.eu-west-1.amazonaws.com/iceberg".to_owned();
        assert_eq!(bucket, Some((uri, "eu-west-1".to_owned(), arn.to_owned())));
        for wrong in [
            "",
            "tables",
            "arn:aws:s3:::tables",
            "arn:aws:s3tables:eu-west-1:123456789012:bucket/",
            "arn:aws:s3tables:eu-west-1:123456789012:table/x",
            "arn:aws:s3tables::123456789012:bucket/tables",
        ] {
            assert_eq!(TableBucket::of_arn(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_refusal_is_in_the_catalogs_words_and_says_whether_to_look_again() {
        let body = br#"{"error": {"message": "main was\n moved", "type": "CommitFailedException", "code": 409}}"#;
        let fault = refusal("https://catalog/v1", 409, body);
        assert_eq!(fault.to_string(), "REST: 'https://catalog/v1' answers 409 CommitFailedException: main was moved");
        for (status, missing, kind) in [
            (409, ErrorKind::TableNotFound, ErrorKind::CatalogCommitConflicts),
            (409, ErrorKind::NamespaceNotFound, ErrorKind::NamespaceAlreadyExists),
            (404, ErrorKind::TableNotFound, ErrorKind::TableNotFound),
            (503, ErrorKind::TableNotFound, ErrorKind::Unexpected),
            (429, ErrorKind::TableNotFound, ErrorKind::Unexpected),
            (403, ErrorKind::TableNotFound, ErrorKind::PreconditionFailed),
        ] {
            assert_eq!(failed(refusal("https://catalog/v1", status, b"<html>"), missing).kind(), kind, "{status}");
        }
    }
}
