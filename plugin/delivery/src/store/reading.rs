//! What is in a lake already: its objects by name and size, and the end of an object.
//!
//! A Parquet file tells all about itself at its end, so nothing here reads an object whole. A lake that is read is never
//! made: [`Lake::open_existing`] refuses a folder that is not there.

use super::{Environment, Lake, Location, OpenError, S3Options, chain};
use bytes::Bytes;
use futures_core::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use std::time::Duration;

/// How long the store may take for a page of names, or for the end of an object.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a lake, or an object in it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The lake cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such folder.
    #[error("lake folder '{folder}' is not there: check the path")]
    NoFolder {
        /// The folder.
        folder: String,
    },
    /// The store did not tell what is in it.
    #[error("lake '{lake}' cannot be listed{}: {}", list_advice(.source), line(.source))]
    List {
        /// The location of the lake.
        lake: String,
        /// What the store says.
        source: object_store::Error,
    },
    /// The store did not give an object.
    #[error("cannot be read{}: {}", get_advice(.source), line(.source))]
    Get {
        /// What the store says.
        source: object_store::Error,
    },
    /// The store did not answer.
    #[error("'{what}': no answer within {after:?}")]
    TimedOut {
        /// The location of the lake, or an object's key.
        what: String,
        /// How long it was waited for.
        after: Duration,
    },
}

/// What to do about a lake that is not listed. The client tells the answer to a listing in its text only.
fn list_advice(error: &object_store::Error) -> &'static str {
    let text = chain(error);
    let has = |status: &str| text.contains(&format!("status code: {status}"));
    if has("403") || has("401") {
        " (allow s3:ListBucket on the bucket for these credentials)"
    } else if has("404") {
        " (check the name of the bucket and its region)"
    } else {
        ""
    }
}

/// What to do about an object that is not given.
fn get_advice(error: &object_store::Error) -> &'static str {
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            " (allow s3:GetObject on the bucket and prefix for these credentials)"
        }
        object_store::Error::NotFound { .. } => " (it went away after it was listed: run again)",
        _ => "",
    }
}

/// An error with its causes on one line: a store's answer may have several.
fn line(error: &object_store::Error) -> String {
    chain(error).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An object of a lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key below the lake's prefix.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
    location: Path,
}

/// The objects of a lake, page by page, in no order.
pub struct Listing {
    objects: BoxStream<'static, object_store::Result<ObjectMeta>>,
    lake: String,
    prefix: Path,
}

impl Listing {
    /// The next object; `None` behind the last one.
    ///
    /// # Errors
    /// When the store refuses, fails, or does not answer.
    pub async fn next(&mut self) -> Result<Option<Object>, ReadError> {
        let objects = &mut self.objects;
        let next = std::future::poll_fn(|context| objects.as_mut().poll_next(context));
        let meta = match tokio::time::timeout(READ_TIMEOUT, next).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(meta))) => meta,
            Ok(Some(Err(source))) => return Err(ReadError::List { lake: self.lake.clone(), source }),
            Err(_) => return Err(ReadError::TimedOut { what: self.lake.clone(), after: READ_TIMEOUT }),
        };
        let below = meta.location.prefix_match(&self.prefix).into_iter().flatten();
        let key = below.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
        Ok(Some(Object { key, bytes: meta.size, location: meta.location }))
    }
}

impl Lake {
    /// Opens a lake to read it: as [`Lake::open`], but a folder must be there.
    ///
    /// # Errors
    /// When the folder is not there or the client refuses its configuration.
    pub fn open_existing(
        location: &Location,
        options: &S3Options,
        environment: &Environment,
    ) -> Result<Self, ReadError> {
        match location {
            Location::Folder(folder) if !folder.is_dir() => {
                Err(ReadError::NoFolder { folder: folder.display().to_string() })
            }
            _ => Ok(Self::open(location, options, environment)?),
        }
    }

    /// Lists all objects below the lake's prefix.
    #[must_use]
    pub fn list(&self) -> Listing {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        Listing { objects: self.store.list(prefix), lake: self.shown.clone(), prefix: self.prefix.clone() }
    }

    /// Lists the objects in a folder below the lake's prefix, with all folders in it.
    #[must_use]
    pub fn list_folder(&self, folder: &str) -> Listing {
        let below = self.path(folder);
        Listing { objects: self.store.list(Some(&below)), lake: self.shown.clone(), prefix: self.prefix.clone() }
    }

    /// The object of a key; `None` when there is none.
    ///
    /// # Errors
    /// When the store refuses, fails, or does not answer.
    pub async fn find(&self, key: &str) -> Result<Option<Object>, ReadError> {
        let location = self.path(key);
        match tokio::time::timeout(READ_TIMEOUT, self.store.head(&location)).await {
            Ok(Ok(meta)) => Ok(Some(Object { key: key.to_owned(), bytes: meta.size, location })),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Ok(Err(source)) => Err(ReadError::Get { source }),
            Err(_) => Err(ReadError::TimedOut { what: key.to_owned(), after: READ_TIMEOUT }),
        }
    }

    /// The last bytes of an object, all of it when it is shorter.
    ///
    /// # Errors
    /// When the store refuses, fails, or does not answer.
    pub async fn read_end(&self, object: &Object, bytes: u64) -> Result<Bytes, ReadError> {
        if object.bytes == 0 || bytes == 0 {
            return Ok(Bytes::new());
        }
        let range = object.bytes.saturating_sub(bytes)..object.bytes;
        match tokio::time::timeout(READ_TIMEOUT, self.store.get_range(&object.location, range)).await {
            Ok(Ok(end)) => Ok(end),
            Ok(Err(source)) => Err(ReadError::Get { source }),
            Err(_) => Err(ReadError::TimedOut { what: object.key.clone(), after: READ_TIMEOUT }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    async fn all(lake: &Lake) -> Vec<Object> {
        let (mut listing, mut objects) = (lake.list(), Vec::new());
        while let Some(object) = listing.next().await.unwrap() {
            objects.push(object);
        }
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        objects
    }

    #[test]
    fn objects_have_their_keys_below_the_prefix_and_their_ends() {
        block_on(async {
            let store = Arc::new(InMemory::new());
            let lake = Lake::on(store.clone(), Path::from("a/b"), "memory".to_owned());
            let other = Lake::on(store, Path::from("a/bc"), "memory".to_owned());
            lake.put("type=app/x.parquet", Bytes::from_static(b"0123456789")).await.unwrap();
            lake.put("empty", Bytes::new()).await.unwrap();
            other.put("type=app/y.parquet", Bytes::from_static(b"y")).await.unwrap();
            let objects = all(&lake).await;
            let keys = objects.iter().map(|object| (object.key.as_str(), object.bytes)).collect::<Vec<_>>();
            assert_eq!(keys, [("empty", 0), ("type=app/x.parquet", 10)]);
            assert_eq!(lake.find("type=app/x.parquet").await.unwrap(), objects.last().cloned());
            assert_eq!(lake.find("type=app/y.parquet").await.unwrap(), None);
            let listed = lake.list_folder("type=app").next().await.unwrap();
            assert_eq!(listed, objects.last().cloned());
            for (bytes, end) in [(0, ""), (4, "6789"), (10, "0123456789"), (99, "0123456789")] {
                assert_eq!(lake.read_end(objects.last().unwrap(), bytes).await.unwrap(), end, "{bytes}");
                assert_eq!(lake.read_end(objects.first().unwrap(), bytes).await.unwrap(), "", "{bytes}");
            }
        });
    }

    #[test]
    fn a_key_is_taken_as_it_is_whatever_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Folder(folder.path().to_owned());
        let lake = Lake::open_existing(&location, &S3Options::default(), &[]).unwrap();
        for (number, key) in ["100%.parquet", "a%41b=c.parquet", "x y~[1].parquet"].into_iter().enumerate() {
            block_on(async {
                std::fs::write(folder.path().join(key), "PAR1").unwrap();
                let found = lake.find(key).await.unwrap();
                assert_eq!(found.as_ref().map(|object| object.key.as_str()), Some(key));
                assert!(all(&lake).await.contains(&found.unwrap()), "{key}");
                lake.put(key, Bytes::from_static(b"0123")).await.unwrap();
                assert_eq!(std::fs::read(folder.path().join(key)).unwrap(), b"0123");
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), number + 1, "{key}");
            });
        }
    }

    #[test]
    fn a_folder_is_read_like_a_bucket() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Folder(folder.path().to_owned());
        let lake = Lake::open_existing(&location, &S3Options::default(), &[]).unwrap();
        block_on(async {
            assert_eq!(all(&lake).await, []);
            lake.put("type=app/x.parquet", Bytes::from_static(b"0123456789")).await.unwrap();
            let objects = all(&lake).await;
            assert_eq!(objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["type=app/x.parquet"]);
            assert_eq!(lake.read_end(objects.first().unwrap(), 3).await.unwrap(), "789");
            std::fs::remove_file(folder.path().join("type=app/x.parquet")).unwrap();
            let error = lake.read_end(objects.first().unwrap(), 3).await.unwrap_err().to_string();
            assert!(error.starts_with("cannot be read (it went away"), "{error}");
        });
    }

    #[test]
    fn what_killed_processes_left_beside_an_object_goes_when_it_is_stored_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(&Location::Folder(folder.path().to_owned()), &S3Options::default(), &[]).unwrap();
        let partition = folder.path().join("type=app");
        std::fs::create_dir(&partition).unwrap();
        for leftover in ["x.parquet#1", "x.parquet#2", "y.parquet#1", "x.parquet#mine"] {
            std::fs::write(partition.join(leftover), "PAR1").unwrap();
        }
        block_on(lake.put("type=app/x.parquet", Bytes::from_static(b"0123456789"))).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(&partition).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["x.parquet", "x.parquet#mine", "y.parquet#1"]);
        assert_eq!(std::fs::read(partition.join("x.parquet")).unwrap(), b"0123456789");
    }

    #[test]
    fn a_listing_that_is_refused_says_what_to_allow() {
        for (status, advice) in [
            ("403 Forbidden", " (allow s3:ListBucket on the bucket for these credentials)"),
            ("404 Not Found", " (check the name of the bucket and its region)"),
            ("500 Internal Server Error", ""),
        ] {
            let said = format!("Server returned non-2xx status code: {status}: <Error>\n<Code>X</Code></Error>");
            let source = object_store::Error::Generic { store: "S3", source: said.into() };
            let error = ReadError::List { lake: "s3://b".to_owned(), source }.to_string();
            assert!(error.starts_with(&format!("lake 's3://b' cannot be listed{advice}: ")), "{error}");
            assert!(error.ends_with("<Error> <Code>X</Code></Error>"), "{error}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("lake");
        let location = Location::Folder(missing.clone());
        let error = Lake::open_existing(&location, &S3Options::default(), &[]).unwrap_err().to_string();
        assert!(error.contains("is not there"), "{error}");
        assert!(!missing.exists());
    }
}
