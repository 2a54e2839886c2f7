//! Catalogs: who says which state of a table is the current one.
//!
//! - `sqlite:FILE`: a file of this machine, of the layout that PyIceberg's and Java's SQL catalogs have
//!   (<https://iceberg.apache.org/docs/latest/jdbc/>). For a folder it is the default.
//! - `glue`, `glue:ACCOUNT`: the Glue data catalog ([`crate::glue`]).
//! - `rest:URL`: a REST catalog (<https://iceberg.apache.org/rest-catalog-spec/>), by a token or by AWS' signatures
//!   ([`crate::signed_rest`]).
//! - `s3tables:ARN`: the REST catalog of a table bucket of S3 Tables, whose tables take in copies ([`crate::copies`]).

use crate::error::TableError;
use crate::glue::GlueCatalog;
use crate::signed_rest::{SignedRestCatalog, Signing, TableBucket};
use crate::storage::LakeStorageFactory;
use crate::table_catalog::AsCatalog;
use iceberg::io::FileIOBuilder;
use iceberg::{Catalog, CatalogBuilder, ErrorKind, NamespaceIdent};
use iceberg_catalog_rest::{REST_CATALOG_PROP_URI, RestCatalogBuilder};
use iceberg_catalog_sql::{
    SQL_CATALOG_PROP_BIND_STYLE, SQL_CATALOG_PROP_URI, SQL_CATALOG_PROP_WAREHOUSE, SqlBindStyle, SqlCatalogBuilder,
};
use shiwake_delivery::store::{AwsAccess, S3Options};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Catalogs of this build.
const KNOWN: &str = "sqlite:FILE, glue, glue:ACCOUNT, rest:URL and s3tables:ARN";
/// Property of a Glue catalog that says where Glue is, as Iceberg's other programs call it.
const GLUE_ENDPOINT_PROPERTY: &str = "glue.endpoint";
/// Property of a REST catalog that says whether requests are signed, as Iceberg's other programs call it.
const SIGNED_PROPERTY: &str = "rest.sigv4-enabled";
/// The one that says for which service.
const SIGNING_NAME_PROPERTY: &str = "rest.signing-name";
/// The service when nothing says it, as in Iceberg's other programs: an API Gateway.
const SIGNING_NAME: &str = "execute-api";
/// The one that says for which region.
const SIGNING_REGION_PROPERTY: &str = "rest.signing-region";
/// Property of a table bucket that says where its catalog is, when it is not AWS' own.
const TABLE_BUCKET_URI_PROPERTY: &str = "uri";

/// Which catalog, and where its tables' own files go.
#[derive(Debug)]
pub(crate) struct CatalogChoice<'c> {
    /// As in `sqlite:FILE`.
    pub(crate) catalog: &'c str,
    /// Its name, which several in one database tell apart.
    pub(crate) name: &'c str,
    /// The address of its tables' own files.
    pub(crate) warehouse: &'c str,
    /// What else it is told.
    pub(crate) properties: &'c [(String, String)],
}

/// A catalog that is open.
pub(crate) struct Opened {
    /// The catalog.
    pub(crate) catalog: Arc<dyn Catalog>,
    /// Whether it says itself where a table's own files go.
    pub(crate) places_tables: bool,
    /// Whether its tables have to own what they are made of.
    pub(crate) owns_files: bool,
}

impl Opened {
    fn with_places(catalog: impl Catalog + 'static) -> Self {
        Self { catalog: Arc::new(catalog), places_tables: true, owns_files: false }
    }

    fn without_places(catalog: impl Catalog + 'static) -> Self {
        Self { catalog: Arc::new(catalog), places_tables: false, owns_files: false }
    }
}

/// Opens a catalog.
///
/// # Errors
/// When nobody knows such a one, or it cannot be reached.
pub(crate) async fn open(
    choice: &CatalogChoice<'_>,
    options: &S3Options,
    environment: &[(String, String)],
) -> Result<Opened, TableError> {
    let storage = Arc::new(LakeStorageFactory::new(options.clone(), environment.to_vec()));
    let mut properties: HashMap<String, String> = choice.properties.iter().cloned().collect();
    let (kind, place) = choice.catalog.split_once(':').unwrap_or((choice.catalog, ""));
    match kind {
        "sqlite" if !place.is_empty() => {
            if let Some(folder) = Path::new(place).parent().filter(|folder| !folder.as_os_str().is_empty()) {
                let failed = |source| TableError::Folder { path: folder.display().to_string(), source };
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            properties.insert(SQL_CATALOG_PROP_URI.to_owned(), format!("sqlite:{place}?mode=rwc"));
            properties.insert(SQL_CATALOG_PROP_WAREHOUSE.to_owned(), choice.warehouse.to_owned());
            properties.insert(SQL_CATALOG_PROP_BIND_STYLE.to_owned(), SqlBindStyle::QMark.to_string());
            // One at a time is all that SQLite does.
            properties.insert("pool.max-connections".to_owned(), "1".to_owned());
            let builder = SqlCatalogBuilder::default().with_storage_factory(storage);
            Ok(Opened::without_places(builder.load(choice.name, properties).await?))
        }
        "glue" => {
            let endpoint = properties.remove(GLUE_ENDPOINT_PROPERTY);
            let access = AwsAccess::new(options, environment)?;
            let files = FileIOBuilder::new(storage).with_props(properties);
            Ok(Opened::without_places(AsCatalog(GlueCatalog::new(access, place, endpoint, environment, files))))
        }
        "rest" if !place.is_empty() && is_signed(&properties) => {
            let access = AwsAccess::new(options, environment)?;
            let service = properties.remove(SIGNING_NAME_PROPERTY).unwrap_or_else(|| SIGNING_NAME.to_owned());
            let region = properties.remove(SIGNING_REGION_PROPERTY).unwrap_or_else(|| access.region().to_owned());
            let signing = Signing { service, region };
            let catalog = SignedRestCatalog::open(access, place, signing, storage, properties).await?;
            Ok(Opened::with_places(AsCatalog(catalog)))
        }
        "rest" if !place.is_empty() => {
            // The catalog's client asks rustls for its library when it is made.
            let _ = rustls::crypto::ring::default_provider().install_default();
            properties.insert(REST_CATALOG_PROP_URI.to_owned(), place.to_owned());
            let builder = RestCatalogBuilder::default().with_storage_factory(storage);
            Ok(Opened::with_places(builder.load(choice.name, properties).await?))
        }
        "s3tables" => {
            let bucket =
                TableBucket::of_arn(place).ok_or_else(|| TableError::TableBucket { found: place.to_owned() })?;
            let access = AwsAccess::new(options, environment)?;
            let uri = properties.remove(TABLE_BUCKET_URI_PROPERTY).unwrap_or_else(|| bucket.uri());
            properties.extend([bucket.warehouse()]);
            let catalog = SignedRestCatalog::open(access, &uri, bucket.signing(), storage, properties).await?;
            Ok(Opened { owns_files: true, ..Opened::with_places(AsCatalog(catalog)) })
        }
        _ => Err(TableError::Catalog { found: choice.catalog.to_owned(), known: KNOWN }),
    }
}

fn is_signed(properties: &HashMap<String, String>) -> bool {
    properties.get(SIGNED_PROPERTY).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Makes a namespace if it is not there.
///
/// # Errors
/// When the catalog refuses.
pub(crate) async fn ensure_namespace(catalog: &dyn Catalog, namespace: &NamespaceIdent) -> iceberg::Result<()> {
    if catalog.namespace_exists(namespace).await? {
        return Ok(());
    }
    match catalog.create_namespace(namespace, HashMap::new()).await {
        // Somebody else was faster; SQL says so in its own words.
        Err(error)
            if error.kind() != ErrorKind::NamespaceAlreadyExists && !catalog.namespace_exists(namespace).await? =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}
