//! Where objects go: a local folder or S3, through one interface.
//!
//! An object is stored whole or not at all, and storing it again under the same key overwrites it: a local file is
//! written beside its place and renamed, S3 makes an object visible when it is complete.

mod location;

pub use location::{Location, LocationError};

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, PutPayload, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// How long one request may take before it counts as failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How often the store's client tries a request again by itself; longer outages are waited out by the deliverer.
const CLIENT_RETRIES: usize = 3;

/// What a user can say about S3 beside the location; everything else comes from the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Options {
    /// Region, as in `eu-west-1`.
    pub region: Option<String>,
    /// Another endpoint than AWS', as in `http://localhost:9000`.
    pub endpoint: Option<String>,
}

/// Variables of the environment, passed in by whoever may read it.
pub type Environment = [(String, String)];

/// Why the store cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or used.
    #[error("lake folder '{folder}' cannot be used: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The store's client refused its configuration.
    #[error("lake '{lake}' cannot be opened: {source}")]
    Client {
        /// The location.
        lake: String,
        /// What the client says.
        source: object_store::Error,
    },
    /// Nothing says in which region the bucket lies.
    #[error("region is not set and neither is AWS_REGION: set 'region' to the region of bucket '{bucket}'")]
    NoRegion {
        /// The bucket.
        bucket: String,
    },
}

/// What to do about a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It may work later without anybody's doing.
    Retry,
    /// Somebody must change something; it is tried again all the same, and nothing is lost while the spool has room.
    NeedsFix(&'static str),
}

/// Why an object was not stored.
#[derive(Debug, thiserror::Error)]
#[error("object '{key}' was not stored in '{lake}': {source}")]
pub struct PutError {
    /// The location of the lake.
    pub lake: String,
    /// The object's key below it.
    pub key: String,
    /// What the store says.
    pub source: object_store::Error,
}

impl PutError {
    /// What to do about it.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match &self.source {
            object_store::Error::PermissionDenied { .. } => Disposition::NeedsFix(
                "allow s3:PutObject on the bucket and prefix for the task role (not the execution role)",
            ),
            object_store::Error::Unauthenticated { .. } => {
                Disposition::NeedsFix("give the task a role, or credentials in the environment")
            }
            object_store::Error::NotFound { .. } => {
                Disposition::NeedsFix("create the bucket, or correct 'bucket', 'lake' or 'region'")
            }
            _ => Disposition::Retry,
        }
    }
}

/// An open lake.
#[derive(Debug, Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    shown: String,
}

impl Lake {
    /// Opens the lake at a location. A folder is made if it is not there; a bucket is not asked for anything yet.
    ///
    /// # Errors
    /// When the folder cannot be used or the client refuses its configuration.
    pub fn open(location: &Location, options: &S3Options, environment: &Environment) -> Result<Self, OpenError> {
        let shown = location.to_string();
        match location {
            Location::Folder(folder) => {
                let folder_error = |source| OpenError::Folder { folder: shown.clone(), source };
                std::fs::create_dir_all(folder).map_err(folder_error)?;
                let store = LocalFileSystem::new_with_prefix(folder)
                    .map_err(|source| OpenError::Client { lake: shown.clone(), source })?;
                Ok(Self { store: Arc::new(store), prefix: Path::default(), shown })
            }
            Location::S3 { bucket, prefix } => {
                let store = s3(bucket, options, environment, &shown)?;
                Ok(Self { store: Arc::new(store), prefix: prefix.clone(), shown })
            }
        }
    }

    /// A lake on a store that is already open.
    #[must_use]
    pub fn on(store: Arc<dyn ObjectStore>, prefix: Path, shown: String) -> Self {
        Self { store, prefix, shown }
    }

    /// Stores an object under a key below the lake's prefix; what was there is overwritten.
    ///
    /// # Errors
    /// When the store refused it or could not be reached.
    pub async fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        let path = Path::from_iter(self.prefix.parts().chain(Path::from(key).parts()));
        let put = self.store.put(&path, PutPayload::from(object)).await;
        put.map(|_| ()).map_err(|source| PutError { lake: self.shown.clone(), key: key.to_owned(), source })
    }
}

impl std::fmt::Display for Lake {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.shown)
    }
}

fn s3(
    bucket: &str,
    options: &S3Options,
    environment: &Environment,
    shown: &str,
) -> Result<impl ObjectStore + use<>, OpenError> {
    // rustls asks which library to use when two could be; there is one, and it is set once a process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = AmazonS3Builder::new();
    for (name, value) in environment {
        if let Some(key) = name.starts_with("AWS_").then(|| name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>().ok())
        {
            builder = key.into_iter().fold(builder, |builder, key| builder.with_config(key, value));
        }
    }
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    let has_region = [AmazonS3ConfigKey::Region, AmazonS3ConfigKey::DefaultRegion]
        .iter()
        .any(|key| builder.get_config_value(key).is_some());
    let has_endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint).is_some();
    if !has_region && !has_endpoint {
        return Err(OpenError::NoRegion { bucket: bucket.to_owned() });
    }
    let retry = RetryConfig { max_retries: CLIENT_RETRIES, retry_timeout: REQUEST_TIMEOUT, ..RetryConfig::default() };
    let client = ClientOptions::new()
        .with_timeout(REQUEST_TIMEOUT)
        .with_allow_http(options.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://")));
    builder
        .with_bucket_name(bucket)
        .with_retry(retry)
        .with_client_options(client)
        .build()
        .map_err(|source| OpenError::Client { lake: shown.to_owned(), source })
}
