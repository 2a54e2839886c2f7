//! Where a table's own files lie, for Iceberg's crates: folders and S3, through the store that the lake is read with.
//!
//! A file is written whole or not at all, and a folder's is with the disk before it is named in a catalog. Nothing is ever
//! removed: what a commit that did not come through has left is taken away by an engine's `remove_orphan_files`.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use iceberg::io::{
    FileMetadata, FileRead, FileWrite, InputFile, OutputFile, S3_ACCESS_KEY_ID, S3_ENDPOINT, S3_REGION,
    S3_SECRET_ACCESS_KEY, S3_SESSION_TOKEN, Storage, StorageConfig, StorageFactory,
};
use iceberg::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use shiwake_delivery::store::{Lake, Location, Object, S3Options};
use std::collections::HashMap;
use std::fmt::Debug;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What a catalog may say of S3, by the variable of the environment that says the same.
const CREDENTIALS: [(&str, &str); 3] = [
    (S3_ACCESS_KEY_ID, "AWS_ACCESS_KEY_ID"),
    (S3_SECRET_ACCESS_KEY, "AWS_SECRET_ACCESS_KEY"),
    (S3_SESSION_TOKEN, "AWS_SESSION_TOKEN"),
];

/// How S3 is reached. It is left out of what is serialised: it may hold credentials, and nothing here is ever sent anywhere.
#[derive(Clone, Default)]
struct Access {
    options: S3Options,
    environment: Vec<(String, String)>,
}

impl Debug for Access {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Access").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Opens [`LakeStorage`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct LakeStorageFactory {
    #[serde(skip)]
    access: Access,
}

impl LakeStorageFactory {
    /// Storage that is reached as a lake is.
    pub(crate) fn new(options: S3Options, environment: Vec<(String, String)>) -> Self {
        Self { access: Access { options, environment } }
    }
}

#[typetag::serde]
impl StorageFactory for LakeStorageFactory {
    fn build(&self, config: &StorageConfig) -> Result<Arc<dyn Storage>> {
        let mut access = self.access.clone();
        access.options.region = config.get(S3_REGION).cloned().or(access.options.region);
        access.options.endpoint = config.get(S3_ENDPOINT).cloned().or(access.options.endpoint);
        // A catalog that gives credentials gives all of them: none of ours is mixed with them.
        if CREDENTIALS.iter().any(|(key, _)| config.get(key).is_some()) {
            access.environment.retain(|(name, _)| !CREDENTIALS.iter().any(|(_, variable)| name == variable));
            for (key, variable) in CREDENTIALS {
                access.environment.extend(config.get(key).map(|value| (variable.to_owned(), value.clone())));
            }
        }
        Ok(Arc::new(LakeStorage { access, open: Arc::default() }))
    }
}

/// Files by their addresses.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct LakeStorage {
    #[serde(skip)]
    access: Access,
    /// Buckets that are open, by name; that of an empty name is the machine's root folder.
    #[serde(skip)]
    open: Arc<Mutex<HashMap<String, Lake>>>,
}

impl LakeStorage {
    /// The store of an address, and the key there.
    fn place<'p>(&self, address: &'p str) -> Result<(Lake, &'p str)> {
        let (bucket, key) = match address.split_once("://") {
            Some(("s3" | "s3a" | "s3n", rest)) => rest.split_once('/').ok_or_else(|| no_address(address))?,
            Some(("file", rest)) => ("", rest.trim_start_matches('/')),
            None if address.starts_with('/') => ("", address.trim_start_matches('/')),
            _ => return Err(no_address(address)),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lake) = open.get(bucket) {
            return Ok((lake.clone(), key));
        }
        let location = match bucket {
            "" => Location::Folder(PathBuf::from("/")),
            _ => Location::bucket(bucket, "").map_err(|error| no_address(address).with_source(error))?,
        };
        let lake = Lake::open(&location, &self.access.options, &self.access.environment)
            .map_err(|error| failed("open", address).with_source(error))?;
        open.insert(bucket.to_owned(), lake.clone());
        Ok((lake, key))
    }

    async fn find(&self, address: &str) -> Result<Option<(Lake, Object)>> {
        let (lake, key) = self.place(address)?;
        let found = lake.find(key).await.map_err(|error| failed("find", address).with_source(error))?;
        Ok(found.map(|object| (lake, object)))
    }

    async fn existing(&self, address: &str) -> Result<(Lake, Object)> {
        self.find(address).await?.ok_or_else(|| Error::new(ErrorKind::DataInvalid, format!("{address} is not there")))
    }
}

fn no_address(address: &str) -> Error {
    let message = format!("{address} is no address of a file: s3://bucket/key and file:///path are known");
    Error::new(ErrorKind::FeatureUnsupported, message)
}

fn failed(what: &str, address: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("cannot {what} {address}"))
}

fn nothing_is_removed(address: &str) -> Error {
    Error::new(ErrorKind::FeatureUnsupported, format!("{address} is kept: this command removes nothing"))
}

#[async_trait]
#[typetag::serde]
impl Storage for LakeStorage {
    async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.find(path).await?.is_some())
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        let (_, object) = self.existing(path).await?;
        Ok(FileMetadata { size: object.bytes })
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let (lake, object) = self.existing(path).await?;
        lake.read_end(&object, object.bytes).await.map_err(|error| failed("read", path).with_source(error))
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        let (lake, object) = self.existing(path).await?;
        Ok(Box::new(Reader { lake, object }))
    }

    async fn write(&self, path: &str, bs: Bytes) -> Result<()> {
        let (lake, key) = self.place(path)?;
        lake.put(key, bs).await.map_err(|error| failed("write", path).with_source(error))
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        Ok(Box::new(Writer { storage: self.clone(), path: path.to_owned(), content: Some(BytesMut::new()) }))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        Err(nothing_is_removed(path))
    }

    async fn delete_prefix(&self, path: &str) -> Result<()> {
        Err(nothing_is_removed(path))
    }

    async fn delete_stream(&self, _paths: BoxStream<'static, String>) -> Result<()> {
        Err(nothing_is_removed("a list of files"))
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

/// A file that is read in ranges.
struct Reader {
    lake: Lake,
    object: Object,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let cannot = || failed("read", &self.object.key);
        let from_end = self.object.bytes.checked_sub(range.start).ok_or_else(cannot)?;
        let end = self.lake.read_end(&self.object, from_end).await.map_err(|error| cannot().with_source(error))?;
        let length = range.end.checked_sub(range.start).and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| *length <= end.len()).ok_or_else(cannot)?;
        Ok(end.slice(..length))
    }
}

/// A file that is stored when it is closed.
struct Writer {
    storage: LakeStorage,
    path: String,
    content: Option<BytesMut>,
}

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, bs: Bytes) -> Result<()> {
        let content = self.content.as_mut().ok_or_else(|| failed("go on with", &self.path))?;
        content.extend_from_slice(&bs);
        Ok(())
    }

    async fn close(&mut self) -> Result<()> {
        let content = self.content.take().ok_or_else(|| failed("close again", &self.path))?;
        self.storage.write(&self.path, content.freeze()).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn storage(config: StorageConfig) -> Arc<dyn Storage> {
        LakeStorageFactory::new(S3Options::default(), Vec::new()).build(&config).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_there_when_it_is_closed_and_read_whole_or_in_part() {
        let folder = std::env::temp_dir().join(format!("shiwake-storage-{}", std::process::id()));
        let storage = storage(StorageConfig::new());
        let address = format!("file://{}/metadata/a.avro", folder.display());
        let mut writer = storage.writer(&address).await.unwrap();
        writer.write(Bytes::from_static(b"01234")).await.unwrap();
        writer.write(Bytes::from_static(b"56789")).await.unwrap();
        assert!(!storage.exists(&address).await.unwrap());
        writer.close().await.unwrap();
        assert!(writer.close().await.is_err());
        assert_eq!(storage.metadata(&address).await.unwrap().size, 10);
        assert_eq!(storage.read(&address).await.unwrap(), "0123456789");
        let reader = storage.reader(&address).await.unwrap();
        assert_eq!(reader.read(2..5).await.unwrap(), "234");
        assert!(reader.read(8..11).await.is_err());
        assert!(storage.delete(&address).await.is_err());
        assert!(storage.exists(&address).await.unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused_by_name() {
        let storage = storage(StorageConfig::new());
        for address in ["gs://bucket/a", "relative/a", "s3://bucket", "s3://B_/a"] {
            let error = storage.read(address).await.unwrap_err().to_string();
            assert!(error.contains(address), "{error}");
        }
    }

    #[test]
    fn credentials_are_in_no_text() {
        let environment = vec![("AWS_SECRET_ACCESS_KEY".to_owned(), "hush".to_owned())];
        let factory = LakeStorageFactory::new(S3Options::default(), environment);
        let config = StorageConfig::new().with_prop(S3_SESSION_TOKEN, "hush too");
        let storage = factory.build(&config).unwrap();
        let shown = format!("{factory:?} {storage:?} {}", serde_json::to_string(&factory).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
