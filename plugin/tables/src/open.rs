//! A lake and its catalog, open.

use crate::arguments::{Format, Part, Place};
use crate::candidate;
use crate::catalog::{self, CatalogChoice, Opened};
use crate::committer::Committer;
use crate::create::TYPE_PROPERTY;
use crate::error::TableError;
use crate::report::Report;
use crate::window::Window;
use iceberg::{Catalog, NamespaceIdent, TableIdent};
use shiwake_delivery::store::{AwsAccess, Lake, Location, S3Options};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Folder of a lake for what its tables have beside the lake's files.
const TABLES_FOLDER: &str = "_tables";

/// A lake and its catalog, open.
pub(crate) struct Open {
    /// The lake.
    pub(crate) lake: Lake,
    /// Where it is.
    pub(crate) location: Location,
    /// What its objects' addresses begin with.
    pub(crate) lake_address: String,
    /// The catalog.
    pub(crate) catalog: Arc<dyn Catalog>,
    /// Whether its tables take in copies instead of the lake's objects.
    copies: bool,
    /// The address of its tables' own files; without one the catalog knows it.
    pub(crate) warehouse: Option<String>,
    /// The namespace of its tables.
    pub(crate) namespace: NamespaceIdent,
    /// Who is told.
    pub(crate) report: Report,
    options: S3Options,
    environment: Vec<(String, String)>,
}

impl Open {
    /// Opens what the command line names.
    ///
    /// # Errors
    /// When the lake or the catalog cannot be used.
    pub(crate) async fn new(place: &Place, environment: Vec<(String, String)>) -> Result<Self, TableError> {
        let location =
            |option, text: &str| Location::parse(text).map_err(|source| TableError::Location { option, source });
        let lake_location = location("lake", &place.lake)?;
        let options = S3Options {
            region: place.region.clone(),
            endpoint: place.endpoint.clone(),
            role_arn: place.role_arn.clone(),
            external_id: place.external_id.clone(),
            ..S3Options::default()
        };
        let lake = Lake::open_existing(&lake_location, &options, &environment)?;
        let address = |location: &Location| {
            candidate::lake_address(location)
                .map_err(|source| TableError::Folder { path: location.to_string(), source })
        };
        let lake_address = address(&lake_location)?;
        let asked = match &place.warehouse {
            None => None,
            Some(text) => {
                let location = location("warehouse", text)?;
                if let Location::Folder(folder) = &location {
                    std::fs::create_dir_all(folder)
                        .map_err(|source| TableError::Folder { path: folder.display().to_string(), source })?;
                }
                Some(address(&location)?)
            }
        };
        let warehouse = asked.clone().unwrap_or_else(|| format!("{lake_address}/{TABLES_FOLDER}"));
        let in_lake = || match &lake_location {
            Location::Folder(folder) => {
                Some(format!("sqlite:{}", folder.join(TABLES_FOLDER).join("catalog.db").display()))
            }
            Location::S3 { .. } => None,
        };
        let choice = CatalogChoice {
            catalog: &place.catalog.clone().or_else(in_lake).ok_or(TableError::NoCatalog)?,
            name: &place.catalog_name,
            warehouse: &warehouse,
            properties: &place.catalog_properties,
        };
        let is_name =
            |part: &str| !part.is_empty() && part.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
        let parts: Vec<&str> = place.namespace.split('.').collect();
        if !parts.iter().all(|part| is_name(part)) {
            return Err(TableError::Namespace { found: place.namespace.clone() });
        }
        let namespace = NamespaceIdent::from_strs(parts)?;
        let Opened { catalog, places_tables, owns_files } = catalog::open(&choice, &options, &environment).await?;
        let warehouse = if places_tables { asked } else { Some(warehouse) };
        let is_json = match place.format {
            Some(format) => format == Format::Json,
            None => !io::stdout().is_terminal(),
        };
        let report = Report::new(is_json);
        let location = lake_location;
        let copies = owns_files;
        Ok(Self { lake, location, lake_address, catalog, copies, warehouse, namespace, report, options, environment })
    }

    /// The namespace's tables and their types, of those that are asked for.
    ///
    /// # Errors
    /// When there is none, or the catalog cannot be read.
    pub(crate) async fn tables(&self, types: &[String]) -> Result<Vec<(TableIdent, String)>, TableError> {
        let none = || TableError::NoTable {
            namespace: self.namespace.to_string(),
            of: if types.is_empty() { String::new() } else { format!(" of {}", types.join(", ")) },
        };
        if !self.catalog.namespace_exists(&self.namespace).await? {
            return Err(none());
        }
        let mut idents = self.catalog.list_tables(&self.namespace).await?;
        idents.sort();
        let mut tables = Vec::new();
        for ident in idents {
            let table = self.catalog.load_table(&ident).await?;
            let log_type = table.metadata().properties().get(TYPE_PROPERTY);
            let asked = log_type.filter(|log_type| types.is_empty() || types.contains(log_type));
            tables.extend(asked.map(|log_type| (ident, log_type.clone())));
        }
        let has_all = types.iter().all(|asked| tables.iter().any(|(_, log_type)| log_type == asked));
        if tables.is_empty() || !has_all { Err(none()) } else { Ok(tables) }
    }

    /// What services of AWS are called with.
    ///
    /// # Errors
    /// When nothing says the region.
    pub(crate) fn access(&self) -> Result<AwsAccess, TableError> {
        Ok(AwsAccess::new(&self.options, &self.environment)?)
    }

    /// Who takes objects of a part of the lake in.
    ///
    /// # Errors
    /// When the part is none.
    pub(crate) fn committer(&self, part: &Part, batch_files: u32) -> Result<Committer<'_>, TableError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let window = Window::parse(&part.since, i64::try_from(now).unwrap_or(i64::MAX))?;
        Ok(Committer {
            lake: &self.lake,
            lake_address: &self.lake_address,
            catalog: &self.catalog,
            copies: self.copies,
            window,
            batch_files: usize::try_from(batch_files).unwrap_or(usize::MAX),
            report: &self.report,
        })
    }
}
