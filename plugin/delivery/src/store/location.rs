//! The address of a lake: a folder, or a bucket and a prefix.

use object_store::path::Path;
use std::path::PathBuf;

/// Where a lake is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of S3, or of what speaks like it, and the prefix of all keys.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What every key begins with.
        prefix: Path,
    },
}

/// Why text is not the address of a lake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing there.
    #[error("is empty: give a folder, or s3://bucket/prefix")]
    Empty,
    /// A scheme that is not spoken.
    #[error(
        "'{found}' has the scheme '{scheme}', which is not known: give a folder, file:///folder or s3://bucket/prefix"
    )]
    Scheme {
        /// The text.
        found: String,
        /// Its scheme.
        scheme: String,
    },
    /// No name of a bucket.
    #[error("'{found}' has no valid bucket: a name has 3 to 63 lower-case letters, digits, dots and hyphens")]
    Bucket {
        /// The text.
        found: String,
    },
    /// A prefix that cannot be part of a key.
    #[error("'{found}' has a prefix that is no valid key: {reason}")]
    Prefix {
        /// The text.
        found: String,
        /// What is wrong.
        reason: String,
    },
}

impl Location {
    /// Reads an address: `s3://bucket/prefix`, `file:///folder`, or a folder.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Location::Folder(PathBuf::from(text)));
        };
        match scheme {
            "file" => Ok(Location::Folder(PathBuf::from(rest))),
            "s3" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                Self::bucket(bucket, prefix)
            }
            _ => Err(LocationError::Scheme { found: text.to_owned(), scheme: scheme.to_owned() }),
        }
    }

    /// A bucket and a prefix.
    ///
    /// # Errors
    /// When the bucket's name or the prefix is not valid.
    pub fn bucket(bucket: &str, prefix: &str) -> Result<Self, LocationError> {
        let is_name = (3..=63).contains(&bucket.len())
            && bucket
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        if !is_name {
            return Err(LocationError::Bucket { found: bucket.to_owned() });
        }
        let prefix = Path::parse(prefix.trim_matches('/'))
            .map_err(|error| LocationError::Prefix { found: prefix.to_owned(), reason: error.to_string() })?;
        Ok(Location::S3 { bucket: bucket.to_owned(), prefix })
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Location::Folder(folder) => write!(formatter, "{}", folder.display()),
            Location::S3 { bucket, prefix } if prefix.as_ref().is_empty() => write!(formatter, "s3://{bucket}"),
            Location::S3 { bucket, prefix } => write!(formatter, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn folders_and_buckets_are_told_apart() {
        for (text, shown) in [
            ("/var/lake", "/var/lake"),
            ("lake", "lake"),
            ("file:///var/lake", "/var/lake"),
            ("s3://my-logs", "s3://my-logs"),
            ("s3://my-logs/a/b/", "s3://my-logs/a/b"),
        ] {
            assert_eq!(Location::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_what_would_be() {
        for (text, part) in [
            ("", "is empty"),
            ("gs://x", "scheme 'gs'"),
            ("s3://", "no valid bucket"),
            ("s3://My_Bucket/x", "no valid bucket"),
            ("s3://my-logs/a//b", "no valid key"),
            ("s3://my-logs/../x", "no valid key"),
        ] {
            let error = Location::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
