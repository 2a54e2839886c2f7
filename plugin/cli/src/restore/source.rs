//! Where files are that were set aside: `*.aside` in the folders of a `store_dir`, objects below `quarantine/segments/` in a
//! lake, and whatever file is named itself.

use super::RestoreError;
use bytes::Bytes;
use shiwake_delivery::partition::RAW_FOLDER;
use shiwake_delivery::spool::ASIDE;
use shiwake_delivery::store::{Environment, Lake, Location, Object, S3Options};
use std::io;
use std::path::{Path, PathBuf};

/// Whose doing it is that a file is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The spool left it in its folder.
    Spool,
    /// The deliverer stored it in the lake.
    Lake,
}

/// A file.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its path, or its address.
    pub(crate) name: String,
    /// Where it was found.
    pub(crate) origin: Origin,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Object { lake: Lake, object: Object },
}

impl Found {
    fn file(path: PathBuf) -> Self {
        let is_aside = path.extension().is_some_and(|extension| format!(".{}", extension.display()) == ASIDE);
        let origin = if is_aside { Origin::Spool } else { Origin::Lake };
        Self { name: path.display().to_string(), origin, place: Place::File(path) }
    }

    /// Its content.
    pub(crate) async fn read(&self) -> Result<Bytes, RestoreError> {
        match &self.place {
            Place::File(path) => std::fs::read(path).map(Bytes::from).map_err(|error| unreadable(path, error)),
            Place::Object { lake, object } => Ok(lake.read_end(object, object.bytes).await?),
        }
    }
}

/// Finds what was set aside at a path or an address, in order of the names.
pub(crate) async fn find(
    source: &str,
    options: &S3Options,
    environment: &Environment,
) -> Result<Vec<Found>, RestoreError> {
    let location = Location::parse(source)?;
    let mut found = match &location {
        Location::Folder(path) if !path.is_dir() => vec![Found::file(path.clone())],
        Location::Folder(folder) => in_folder(folder)?,
        Location::S3 { .. } => in_lake(&Lake::open(&location, options, environment)?).await?,
    };
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// In a `store_dir`, one folder of it, or a lake that is a folder.
fn in_folder(folder: &Path) -> Result<Vec<Found>, RestoreError> {
    let raw = folder.join(RAW_FOLDER);
    let mut paths = if raw.is_dir() { entries(&raw)? } else { Vec::new() };
    let is_aside = |path: &PathBuf| path.to_string_lossy().ends_with(ASIDE);
    for path in entries(folder)? {
        if path.is_dir() {
            paths.extend(entries(&path)?.into_iter().filter(is_aside));
        } else if is_aside(&path) {
            paths.push(path);
        }
    }
    Ok(paths.into_iter().filter(|path| path.is_file()).map(Found::file).collect())
}

async fn in_lake(lake: &Lake) -> Result<Vec<Found>, RestoreError> {
    let (mut listing, mut found) = (lake.list_folder(RAW_FOLDER), Vec::new());
    while let Some(object) = listing.next().await? {
        let name = format!("{lake}/{}", object.key);
        found.push(Found { name, origin: Origin::Lake, place: Place::Object { lake: lake.clone(), object } });
    }
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, RestoreError> {
    let entries = std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    entries.map_err(|error| unreadable(folder, error))
}

fn unreadable(path: &Path, source: io::Error) -> RestoreError {
    RestoreError::File { path: path.display().to_string(), source }
}
