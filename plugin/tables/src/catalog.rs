//! Catalogs: who says which state of a table is the current one.
//!
//! - `sqlite:FILE`: a file of this machine, of the layout that PyIceberg's and Java's SQL catalogs have
//!   (<https://iceberg.apache.org/docs/latest/jdbc/>). For a folder it is the default.
//! - `glue`, `glue:ACCOUNT`: the Glue data catalog ([`crate::glue`]).
//! - `rest:URL`: a REST catalog (<https://iceberg.apache.org/rest-catalog-spec/>).

use crate::error::TableError;
use crate::glue::GlueCatalog;
use crate::storage::LakeStorageFactory;
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
const KNOWN: &str = "sqlite:FILE, glue, glue:ACCOUNT and rest:URL";
/// Property of a Glue catalog that says where Glue is, as Iceberg's other programs call it.
const GLUE_ENDPOINT_PROPERTY: &str = "glue.endpoint";

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

/// Opens a catalog.
///
/// # Errors
/// When nobody knows such a one, or it cannot be reached.
pub(crate) async fn open(
    choice: &CatalogChoice<'_>,
    options: &S3Options,
    environment: &[(String, String)],
) -> Result<Arc<dyn Catalog>, TableError> {
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
            Ok(Arc::new(
                SqlCatalogBuilder::default().with_storage_factory(storage).load(choice.name, properties).await?,
            ))
        }
        "glue" => {
            let endpoint = properties.remove(GLUE_ENDPOINT_PROPERTY);
            let access = AwsAccess::new(options, environment)?;
            let files = FileIOBuilder::new(storage).with_props(properties);
            Ok(Arc::new(GlueCatalog::new(access, place, endpoint, environment, files)))
        }
        "rest" if !place.is_empty() => {
            // The catalog's client asks rustls for its library when it is made.
            let _ = rustls::crypto::ring::default_provider().install_default();
            properties.insert(REST_CATALOG_PROP_URI.to_owned(), place.to_owned());
            Ok(Arc::new(
                RestCatalogBuilder::default().with_storage_factory(storage).load(choice.name, properties).await?,
            ))
        }
        _ => Err(TableError::Catalog { found: choice.catalog.to_owned(), known: KNOWN }),
    }
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
