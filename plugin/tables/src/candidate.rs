//! An object of the lake that a table may take in, by its key alone.

use crate::hour::Hour;
use crate::set_aside::SetAside;
use shiwake_delivery::store::{Location, Object};

/// An object of a type's folders.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// The object.
    pub(crate) object: Object,
    /// Its address, by which the table knows it.
    pub(crate) address: String,
    /// The hour of its folders.
    pub(crate) hour: Hour,
}

impl Candidate {
    /// Looks at an object's key.
    pub(crate) fn new(object: Object, log_type: &str, lake_address: &str) -> Result<Self, SetAside> {
        let hour = hour(&object.key, log_type).ok_or_else(|| SetAside::Name { log_type: log_type.to_owned() })?;
        let address = format!("{lake_address}/{}", object.key);
        Ok(Self { object, address, hour })
    }
}

/// The hour of a file of this type, by its key.
fn hour(key: &str, log_type: &str) -> Option<Hour> {
    let mut parts = key.split('/');
    let (folder, date, hour, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_file = folder.strip_prefix("type=") == Some(log_type)
        && parts.next().is_none()
        && name.strip_suffix(".parquet").is_some_and(|name| !name.is_empty());
    if is_file { Hour::of_folders(date, hour) } else { None }
}

/// What the addresses of a lake's objects begin with, without a slash at the end. A folder's follows from where it is and not
/// from how it was called.
///
/// # Errors
/// When there is no such folder.
pub(crate) fn lake_address(location: &Location) -> std::io::Result<String> {
    match location {
        Location::Folder(folder) => Ok(format!("file://{}", std::fs::canonicalize(folder)?.display())),
        location @ Location::S3 { .. } => Ok(location.to_string().trim_end_matches('/').to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_a_files_own_key_says_its_hour() {
        let of_access = |key: &str| hour(key, "access").map(|hour| hour.to_string());
        assert_eq!(
            of_access("type=access/dt=2015-05-17/hour=10/s-0000000007.parquet").as_deref(),
            Some("2015-05-17T10Z")
        );
        for key in [
            "type=error/dt=2015-05-17/hour=10/s.parquet",
            "type=access/dt=2015-05-17/hour=10/s.parquet.tmp",
            "type=access/dt=2015-05-17/hour=10/.parquet",
            "type=access/dt=2015-05-17/hour=10/more/s.parquet",
            "type=access/dt=2015-05-17/s.parquet",
            "type=access/hour=10/dt=2015-05-17/s.parquet",
        ] {
            assert_eq!(of_access(key), None, "{key}");
        }
    }

    #[test]
    fn the_same_lake_has_the_same_address() {
        let folder = std::env::temp_dir().join(format!("shiwake-candidate-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("lake")).unwrap();
        let of = |path: &str| lake_address(&Location::Folder(folder.join(path))).unwrap();
        assert_eq!(of("lake"), of("lake/../lake/"));
        assert!(of("lake").starts_with("file:///"));
        assert_eq!(lake_address(&Location::parse("s3://logs/a/").unwrap()).unwrap(), "s3://logs/a");
        assert_eq!(lake_address(&Location::parse("s3://logs").unwrap()).unwrap(), "s3://logs");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
