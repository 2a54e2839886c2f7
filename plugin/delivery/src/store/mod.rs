//! Where objects go: a local folder or S3, through one interface.
//!
//! An object is stored whole or not at all, and storing it again under the same key overwrites it: a local file is
//! written beside its place, as `KEY#1`, and renamed; S3 makes an object visible when it is complete. What a process that was
//! killed has left beside its place goes when the object is stored again: its key is one stream's, which one process writes.

mod location;
mod reading;

pub use location::{Location, LocationError};
pub use reading::{Listing, Object, ReadError};

use bytes::Bytes;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, PutPayload, RetryConfig, TagSet};
use shiwake_records::rules::Retention;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the store may take to let us connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long storing an object may take, beside the time its bytes need.
const PUT_TIMEOUT: Duration = Duration::from_secs(30);
/// The slowest line that is worth waiting for, in bytes a second.
const SLOWEST_BYTES_PER_SECOND: u64 = 50_000;
/// How long the store's client goes on trying by itself.
const CLIENT_RETRY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the store's client tries a request again by itself; longer outages are waited out by the deliverer.
const CLIENT_RETRIES: usize = 3;

/// Key of the tag that says how long an object is kept, as in `retention=1y`.
pub const RETENTION_TAG: &str = "retention";

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
pub enum PutError {
    /// The store refused it or could not be reached.
    #[error("object '{key}' was not stored in '{lake}': {}", chain(.source))]
    Store {
        /// The location of the lake.
        lake: String,
        /// The object's key below it.
        key: String,
        /// What the store says.
        source: object_store::Error,
    },
    /// The store did not answer.
    #[error("object '{key}' was not stored in '{lake}': no answer within {after:?}")]
    TimedOut {
        /// The location of the lake.
        lake: String,
        /// The object's key below it.
        key: String,
        /// How long it was waited for.
        after: Duration,
    },
}

impl PutError {
    /// What to do about it.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        let PutError::Store { source, .. } = self else { return Disposition::Retry };
        match source {
            object_store::Error::PermissionDenied { .. } => Disposition::NeedsFix(
                "allow s3:PutObject, and with object_tags s3:PutObjectTagging, on the bucket and prefix for the task role (not \
                 the execution role)",
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

/// An error with its causes, those that it does not name itself.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// An open lake.
#[derive(Debug, Clone)]
pub struct Lake {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    shown: String,
    /// Where the lake is, when it is a folder.
    folder: Option<PathBuf>,
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
                    .map_err(|source| OpenError::Client { lake: shown.clone(), source })?
                    // The spool lets go of what is stored: it must be as safe as it was there.
                    .with_fsync(true);
                Ok(Self { store: Arc::new(store), prefix: Path::default(), shown, folder: Some(folder.clone()) })
            }
            Location::S3 { bucket, prefix } => {
                let store = s3(bucket, options, environment, &shown)?;
                Ok(Self { store: Arc::new(store), prefix: prefix.clone(), shown, folder: None })
            }
        }
    }

    /// A lake on a store that is already open.
    #[must_use]
    pub fn on(store: Arc<dyn ObjectStore>, prefix: Path, shown: String) -> Self {
        Self { store, prefix, shown, folder: None }
    }

    /// Stores an object under a key below the lake's prefix; what was there is overwritten.
    ///
    /// # Errors
    /// When the store refused it or could not be reached.
    pub async fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        self.put_tagged(key, object, None).await
    }

    /// Stores an object with its retention class as the tag [`RETENTION_TAG`], for lifecycle rules; a folder has no tags.
    ///
    /// # Errors
    /// As [`Lake::put`].
    pub async fn put_tagged(&self, key: &str, object: Bytes, retention: Option<Retention>) -> Result<(), PutError> {
        let path = Path::from_iter(self.prefix.parts().chain(Path::from(key).parts()));
        let after = PUT_TIMEOUT + Duration::from_secs(object.len() as u64 / SLOWEST_BYTES_PER_SECOND);
        let (lake, key) = (self.shown.clone(), key.to_owned());
        let mut tags = TagSet::default();
        if let Some(retention) = retention {
            tags.push(RETENTION_TAG, &retention.to_string());
        }
        let put = async {
            self.store.put_opts(&path, PutPayload::from(object), tags.into()).await?;
            if let Some(place) = self.folder.as_ref().map(|folder| folder.join(&key)) {
                // What cannot be removed is in nobody's way.
                let _ = tokio::task::spawn_blocking(move || remove_leftovers(&place)).await;
            }
            Ok(())
        };
        match tokio::time::timeout(after, put).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(PutError::Store { lake, key, source }),
            Err(_) => Err(PutError::TimedOut { lake, key, after }),
        }
    }
}

/// Removes what stands beside an object's place under the names that are taken while it is written.
fn remove_leftovers(object: &std::path::Path) {
    let leftover = |number: u32| {
        let mut path = object.as_os_str().to_owned();
        path.push(format!("#{number}"));
        path
    };
    let _ = (1..).map(leftover).take_while(|path| std::fs::remove_file(path).is_ok()).count();
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
    let retry =
        RetryConfig { max_retries: CLIENT_RETRIES, retry_timeout: CLIENT_RETRY_TIMEOUT, ..RetryConfig::default() };
    // How long a request may take depends on its size, which the client does not know.
    let client = ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout_disabled();
    let mut builder = AmazonS3Builder::new().with_retry(retry).with_client_options(client);
    for (name, value) in environment.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &options.endpoint {
        // Of the two keys for an endpoint this is the one that wins.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    let value = |key: AmazonS3ConfigKey| builder.get_config_value(&key);
    let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
    let has_region = value(AmazonS3ConfigKey::Region).or_else(|| value(AmazonS3ConfigKey::DefaultRegion)).is_some();
    if !has_region && endpoint.is_none() {
        return Err(OpenError::NoRegion { bucket: bucket.to_owned() });
    }
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    builder.with_bucket_name(bucket).build().map_err(|source| OpenError::Client { lake: shown.to_owned(), source })
}
