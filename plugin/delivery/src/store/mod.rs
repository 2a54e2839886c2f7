//! Where objects go: a local folder or S3, through one interface.
//!
//! An object is stored whole or not at all, and storing it again under the same key overwrites it: a local file is
//! written beside its place, as `KEY#1`, and renamed; S3 makes an object visible when it is complete. What a process that was
//! killed has left beside its place goes when the object is stored again: its key is one stream's, which one process writes.

mod aws;
mod location;
mod reading;
mod role;
mod s3;
mod sts;

pub use aws::{AwsAccess, AwsAnswer, AwsCall, AwsError, SignedFor};
pub use location::{Location, LocationError};
pub use reading::{Listing, Object, ReadError};
pub use role::Role;
pub use s3::{CannedAcl, S3Options};
pub use sts::RoleError;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore, PutOptions, PutPayload, TagSet};
use role::AssumedRole;
use shiwake_records::rules::{Retention, StorageClass};
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
pub(crate) const CLIENT_RETRY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the store's client tries a request again by itself; longer outages are waited out by the deliverer.
pub(crate) const CLIENT_RETRIES: usize = 3;

/// Key of the tag that says how long an object is kept, as in `retention=1y`.
pub const RETENTION_TAG: &str = "retention";

/// What an object is stored with. A folder keeps none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredWith {
    /// The retention class that it gets as the tag [`RETENTION_TAG`], for lifecycle rules.
    pub retention: Option<Retention>,
    /// The storage class; without one the store's own choice.
    pub storage_class: Option<StorageClass>,
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
        if let Some(error) = refused_role(source) {
            return error.fix().map_or(Disposition::Retry, Disposition::NeedsFix);
        }
        match source {
            object_store::Error::PermissionDenied { .. } => Disposition::NeedsFix(
                "allow s3:PutObject, and with object_tags s3:PutObjectTagging, on the bucket and prefix for the task role (not \
                 the execution role), or for the role of role_arn; of another account's bucket its policy must allow it too",
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

/// Why a role was not assumed, when that is why a request was not made.
fn refused_role(error: &object_store::Error) -> Option<&RoleError> {
    let object_store::Error::Generic { source, .. } = error else { return None };
    source.downcast_ref()
}

/// Parts of an answer to a wrong signature that repeat the request, with its session token.
const REPEATED: [&str; 4] = ["StringToSign", "StringToSignBytes", "CanonicalRequest", "CanonicalRequestBytes"];

/// Text without what repeats a request.
fn without_request(mut text: String) -> String {
    for name in REPEATED {
        let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
        while let Some(from) = text.find(&begin) {
            let rest = text.get(from..).and_then(|rest| rest.find(&end));
            // What was cut off by somebody is left out to its end.
            let to = rest.map_or(text.len(), |length| from + length + end.len());
            text.replace_range(from..to, "");
        }
    }
    text
}

/// An error with its causes, those that it does not name itself.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    without_request(whole_chain(error))
}

fn whole_chain(error: &dyn std::error::Error) -> String {
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
    /// Whose credentials the store has, when they are those of a role.
    role: Option<Arc<AssumedRole>>,
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
                Ok(Self {
                    store: Arc::new(store),
                    prefix: Path::default(),
                    shown,
                    folder: Some(folder.clone()),
                    role: None,
                })
            }
            Location::S3 { bucket, prefix } => {
                let (store, role) = s3::open(bucket, options, environment, &shown)?;
                Ok(Self { store: Arc::new(store), prefix: prefix.clone(), shown, folder: None, role })
            }
        }
    }

    /// A lake on a store that is already open.
    #[must_use]
    pub fn on(store: Arc<dyn ObjectStore>, prefix: Path, shown: String) -> Self {
        Self { store, prefix, shown, folder: None, role: None }
    }

    /// Where a key is in the store: as it is, and not escaped, so that what somebody else has stored is found. What can be no key is
    /// escaped.
    fn path(&self, key: &str) -> Path {
        let below = Path::parse(key).unwrap_or_else(|_| Path::from(key));
        Path::from_iter(self.prefix.parts().chain(below.parts()))
    }

    /// Stores an object under a key below the lake's prefix; what was there is overwritten.
    ///
    /// # Errors
    /// When the store refused it or could not be reached.
    pub async fn put(&self, key: &str, object: Bytes) -> Result<(), PutError> {
        self.put_with(key, object, StoredWith::default()).await
    }

    /// Stores an object with a tag and in a storage class.
    ///
    /// # Errors
    /// As [`Lake::put`].
    pub async fn put_with(&self, key: &str, object: Bytes, with: StoredWith) -> Result<(), PutError> {
        let path = self.path(key);
        let after = PUT_TIMEOUT + Duration::from_secs(object.len() as u64 / SLOWEST_BYTES_PER_SECOND);
        let (lake, key) = (self.shown.clone(), key.to_owned());
        let (mut tags, mut attributes) = (TagSet::default(), Attributes::new());
        if let Some(retention) = with.retention {
            tags.push(RETENTION_TAG, &retention.to_string());
        }
        // A folder refuses what it cannot keep.
        if let Some(class) = with.storage_class.filter(|_| self.folder.is_none()) {
            attributes.insert(Attribute::StorageClass, class.name().into());
        }
        let options = PutOptions { tags, attributes, ..PutOptions::default() };
        let put = async {
            self.store.put_opts(&path, PutPayload::from(object), options).await?;
            if let Some(place) = self.folder.as_ref().map(|folder| folder.join(&key)) {
                // What cannot be removed is in nobody's way.
                let _ = tokio::task::spawn_blocking(move || remove_leftovers(&place)).await;
            }
            Ok(())
        };
        match tokio::time::timeout(after, put).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => {
                if let Some(role) = self.role.as_ref().filter(|_| is_refusal(&source)) {
                    role.forget().await;
                }
                Err(PutError::Store { lake, key, source })
            }
            Err(_) => Err(PutError::TimedOut { lake, key, after }),
        }
    }
}

/// Whether other credentials could make a difference.
fn is_refusal(error: &object_store::Error) -> bool {
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => true,
        // S3 has no status of its own for a session that has ended.
        other => ["ExpiredToken", "InvalidToken"].iter().any(|code| chain(other).contains(code)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_a_request_with_its_token_is_not_shown() {
        let answer = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4 secret</StringToSign><CanonicalRequest>PUT\n\
                      x-amz-security-token:secret</CanonicalRequest><HostId>1</HostId></Error>";
        let shown = chain(&object_store::Error::Generic { store: "S3", source: answer.into() });
        assert!(shown.ends_with("<Error><Code>SignatureDoesNotMatch</Code><HostId>1</HostId></Error>"), "{shown}");
        let cut = without_request("<Error><CanonicalRequest>x-amz-security-token:sec".to_owned());
        assert_eq!(cut, "<Error>");
    }
}
