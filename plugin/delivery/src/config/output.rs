//! Properties of the output.

use super::filter;
use super::property::{ConfigError, Properties, Property};
use crate::lane::{LANE_COUNT, Lane};
use crate::spool::{Durability, spool_limit_bytes};
use crate::store::{Location, S3Options};
use shiwake_records::sorter::SorterConfig;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Records of a lane after which its segment is delivered, in bytes of MessagePack.
pub const DEFAULT_TOTAL_FILE_SIZE_BYTES: u64 = 64_000_000;
/// What all lanes of an instance may hold in memory.
pub const DEFAULT_MEMORY_LIMIT_BYTES: u64 = 48_000_000;
/// What segments may take of the disk: a fifth of what a Fargate task has, as images and the application need room too.
pub const DEFAULT_STORE_DIR_LIMIT_BYTES: u64 = 4_000_000_000;
/// Time for what is pending at exit. ECS kills 30 s after the stop signal, and Fluent Bit waits up to 5 s before it
/// lets its plugins exit.
pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);
/// zstd above level 1 costs more time than it saves bytes on logs.
pub const DEFAULT_ZSTD_LEVEL: i32 = 1;

const TOTAL_FILE_SIZE_RANGE: RangeInclusive<u64> = 100_000..=5_000_000_000;
const UPLOAD_TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);
const MEMORY_LIMIT_RANGE: RangeInclusive<u64> = 16_000_000..=64_000_000_000;
const STORE_DIR_LIMIT_RANGE: RangeInclusive<u64> = 16_000_000..=16_000_000_000_000;
const SHUTDOWN_TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);

/// Properties that only the output has.
const OWN: [Property; 12] = [
    Property { name: "lake", default: None, meaning: "where objects go: a folder, or `s3://bucket/prefix`" },
    Property { name: "bucket", default: None, meaning: "short for `lake s3://BUCKET`" },
    Property { name: "region", default: None, meaning: "region of the bucket; without it AWS_REGION" },
    Property {
        name: "endpoint",
        default: None,
        meaning: "another S3 endpoint than AWS', as in `http://localhost:9000`",
    },
    Property {
        name: "total_file_size",
        default: Some("64M"),
        meaning: "bytes of records of one log type after which they are written; sooner when memory is short",
    },
    Property {
        name: "upload_timeout",
        default: None,
        meaning: "longest time a record waits before it is written; without it 1m for audit and error, 5m for the others",
    },
    Property {
        name: "memory_limit",
        default: Some("48M"),
        meaning: "what is held in memory at most, by all outputs of the process together; the largest that is set counts",
    },
    Property {
        name: "store_dir",
        default: None,
        meaning: "folder for accepted records until they are in the lake; what a crash leaves there is delivered at the next \
                  start. Without it they are in memory",
    },
    Property {
        name: "store_dir_limit_size",
        default: Some("4G"),
        meaning: "what this output holds in `store_dir` at most",
    },
    Property {
        name: "durability",
        default: None,
        meaning: "how safe a record is before Fluent Bit is told that it is taken: `fsync` (outlives the machine's power), \
                  `flush` (outlives the process) or `memory`; for all types, or as in `audit=fsync trace=memory`. With \
                  `store_dir` it is fsync for audit and flush for the others, without it memory",
    },
    Property {
        name: "shutdown_timeout",
        default: Some("20s"),
        meaning: "time for writing what is pending when the host exits",
    },
    Property { name: "compression_level", default: Some("1"), meaning: "level of zstd, 1 to 22" },
];

/// All properties of the output.
#[expect(clippy::indexing_slicing, reason = "evaluated at build time, where a wrong index does not compile")]
pub static PROPERTIES: [Property; OWN.len() + filter::PROPERTIES.len()] = {
    let mut all = [OWN[0]; OWN.len() + filter::PROPERTIES.len()];
    let mut index = 1;
    while index < all.len() {
        all[index] = if index < OWN.len() { OWN[index] } else { filter::PROPERTIES[index - OWN.len()] };
        index += 1;
    }
    all
};

/// The configuration of an output instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputConfig {
    /// Where objects go.
    pub location: Location,
    /// How S3 is reached.
    pub s3: S3Options,
    /// Bytes of records after which a lane's segment is sealed.
    pub total_file_size_bytes: u64,
    /// Age after which any lane's segment is sealed, when the user set one.
    pub upload_timeout: Option<Duration>,
    /// What all instances of the process may hold in memory.
    pub memory_limit_bytes: u64,
    /// The folder for segments.
    pub store_dir: Option<PathBuf>,
    /// What this instance may hold in it.
    pub store_dir_limit_bytes: u64,
    /// How safe each lane's records are, in the order of [`Lane::BY_WORTH`].
    pub durability: [Durability; LANE_COUNT],
    /// Time for what is pending at exit.
    pub shutdown_timeout: Duration,
    /// Level of zstd.
    pub zstd_level: i32,
    /// For records that no filter saw.
    pub sorter: SorterConfig,
}

impl OutputConfig {
    /// Checks and reads the properties.
    ///
    /// # Errors
    /// When a value is not allowed, or nothing says where objects go.
    pub fn new(properties: &Properties, environment: &[(String, String)]) -> Result<Self, ConfigError> {
        Ok(Self {
            location: location(properties)?,
            s3: S3Options { region: properties.text("region"), endpoint: endpoint(properties)? },
            total_file_size_bytes: properties
                .size("total_file_size", TOTAL_FILE_SIZE_RANGE)?
                .unwrap_or(DEFAULT_TOTAL_FILE_SIZE_BYTES),
            upload_timeout: properties.time("upload_timeout", UPLOAD_TIMEOUT_RANGE)?,
            memory_limit_bytes: properties
                .size("memory_limit", MEMORY_LIMIT_RANGE)?
                .unwrap_or(DEFAULT_MEMORY_LIMIT_BYTES),
            store_dir: properties.text("store_dir").map(PathBuf::from),
            store_dir_limit_bytes: properties
                .size("store_dir_limit_size", STORE_DIR_LIMIT_RANGE)?
                .unwrap_or(DEFAULT_STORE_DIR_LIMIT_BYTES),
            durability: durability(properties)?,
            shutdown_timeout: properties
                .time("shutdown_timeout", SHUTDOWN_TIMEOUT_RANGE)?
                .unwrap_or(DEFAULT_SHUTDOWN_TIMEOUT),
            zstd_level: properties.number("compression_level", 1..=22)?.unwrap_or(DEFAULT_ZSTD_LEVEL),
            sorter: filter::sorter_config(properties, environment)?,
        })
    }

    /// The longest a record of this lane waits.
    #[must_use]
    pub fn upload_timeout(&self, lane: Lane) -> Duration {
        self.upload_timeout.unwrap_or_else(|| lane.default_upload_timeout())
    }

    /// Bytes after which a lane's segment is sealed: the size the user wants, but no more than leaves room to take records
    /// while it is written. One in memory is there beside others; one in a file is brought into memory for that, and its
    /// object may be as long.
    #[must_use]
    pub fn segment_limit_bytes(&self) -> u64 {
        self.total_file_size_bytes.min(self.largest_segment_bytes())
    }

    /// The largest segment that the memory has room for.
    #[must_use]
    pub fn largest_segment_bytes(&self) -> u64 {
        spool_limit_bytes(self.memory_limit_bytes) / 3
    }

    /// What the largest segment that is brought into memory from a file takes there, with its object; 0 when none is in a
    /// file.
    #[must_use]
    pub fn delivery_bytes(&self) -> u64 {
        let has_files = self.durability.iter().any(|durability| *durability != Durability::Memory);
        if has_files { 2 * self.largest_segment_bytes() } else { 0 }
    }
}

/// Reads `durability`.
fn durability(properties: &Properties) -> Result<[Durability; LANE_COUNT], ConfigError> {
    const NAME: &str = "durability";
    const ALL: [Durability; 3] = [Durability::Fsync, Durability::Flush, Durability::Memory];
    let has_folder = properties.get("store_dir").is_some();
    let by_default = |lane: Lane| if has_folder { lane.default_durability() } else { Durability::Memory };
    let mut durability = Lane::BY_WORTH.map(by_default);
    let Some(value) = properties.get(NAME) else { return Ok(durability) };
    let refuse = || {
        let lanes = Lane::BY_WORTH.map(Lane::name).join(", ");
        let allowed = format!("fsync, flush or memory is allowed, or type=one of them for the types {lanes}");
        ConfigError::Value { name: NAME, found: value.to_owned(), allowed }
    };
    let find = |name: &str| ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name)).ok_or_else(refuse);
    for part in value.split([' ', ',', '\t']).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            None => durability = [find(part)?; LANE_COUNT],
            Some((lane, name)) => {
                let lane = Lane::from_name(&lane.to_ascii_lowercase()).ok_or_else(refuse)?;
                if let Some(slot) = durability.get_mut(lane.index()) {
                    *slot = find(name)?;
                }
            }
        }
    }
    if !has_folder && durability.iter().any(|durability| *durability != Durability::Memory) {
        return Err(ConfigError::Missing(
            "property 'durability' asks for records to be kept on disk but 'store_dir' is not set: set it to a folder",
        ));
    }
    Ok(durability)
}

fn location(properties: &Properties) -> Result<Location, ConfigError> {
    const MISSING: &str =
        "property 'lake' is not set: set it to a folder or to s3://bucket/prefix, or set 'bucket' to a bucket's name";
    let (name, found, parsed) = match (properties.get("lake"), properties.get("bucket")) {
        (Some(_), Some(_)) => return Err(ConfigError::Both { first: "lake", second: "bucket" }),
        (Some(lake), None) => ("lake", lake, Location::parse(lake)),
        (None, Some(bucket)) => ("bucket", bucket, Location::bucket(bucket, "")),
        (None, None) => return Err(ConfigError::Missing(MISSING)),
    };
    parsed.map_err(|error| ConfigError::Value { name, found: found.to_owned(), allowed: error.to_string() })
}

fn endpoint(properties: &Properties) -> Result<Option<String>, ConfigError> {
    let Some(endpoint) = properties.get("endpoint") else { return Ok(None) };
    let has_host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
    if has_host.is_none_or(str::is_empty) {
        let allowed = "a URL that begins with https:// or http:// is allowed".to_owned();
        return Err(ConfigError::Value { name: "endpoint", found: endpoint.to_owned(), allowed });
    }
    Ok(Some(endpoint.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn config(set: &[(&str, &str)]) -> Result<OutputConfig, ConfigError> {
        OutputConfig::new(&Properties::new(&PROPERTIES, set.iter().copied())?, &[])
    }

    #[test]
    fn defaults_are_what_the_properties_say() {
        let config = config(&[("bucket", "logs")]).unwrap();
        let by_default: Vec<(&str, &str)> = PROPERTIES
            .iter()
            .filter_map(|property| Some((property.name, property.default?)))
            .chain([("bucket", "logs")])
            .collect();
        assert_eq!(config, self::config(&by_default).unwrap());
        assert_eq!(config.location.to_string(), "s3://logs");
    }

    #[test]
    fn every_property_has_a_name_of_its_own_and_a_meaning() {
        let names: HashSet<&str> = PROPERTIES.iter().map(|property| property.name).collect();
        assert_eq!(names.len(), PROPERTIES.len());
        assert!(PROPERTIES.iter().all(|property| !property.meaning.is_empty()));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (set, part) in [
            (&[][..], "property 'lake' is not set: set it to a folder or to s3://bucket/prefix"),
            (&[("lake", "x"), ("bucket", "logs")], "'lake' and 'bucket' are both set"),
            (&[("lake", "gs://x")], "property 'lake' has the value 'gs://x'"),
            (&[("lake", "x"), ("upload_timeout", "soon")], "a time from 1s to 86400s is allowed"),
            (&[("lake", "x"), ("memory_limit", "1M")], "a size from 16M to 64G is allowed"),
            (&[("lake", "x"), ("compression_level", "23")], "a number from 1 to 22 is allowed"),
            (&[("lake", "x"), ("endpoint", "localhost")], "https:// or http:// is allowed"),
            (&[("lake", "x"), ("line_time", "maybe")], "on or off is allowed"),
        ] {
            let error = config(set).unwrap_err().to_string();
            assert!(error.contains(part), "{set:?}: {error}");
        }
    }

    #[test]
    fn a_segment_leaves_room_for_records_that_come_while_it_is_written() {
        for limit in ["16M", "48M", "1G"] {
            let config = config(&[("lake", "x"), ("memory_limit", limit)]).unwrap();
            let for_spool = spool_limit_bytes(config.memory_limit_bytes);
            assert!(config.segment_limit_bytes() * 3 <= for_spool, "{limit}");
            assert!(for_spool < config.memory_limit_bytes, "{limit}");
        }
    }

    #[test]
    fn durability_is_for_all_types_or_for_one() {
        use Durability::{Flush, Fsync, Memory};
        let of = |set: &[(&str, &str)]| {
            config(&[&[("lake", "x")], set].concat()).map(|config| config.durability).map_err(|error| error.to_string())
        };
        assert_eq!(of(&[]), Ok([Memory; LANE_COUNT]));
        let with_folder = [("store_dir", "/x")];
        assert_eq!(of(&with_folder).unwrap()[0], Fsync);
        assert!(of(&with_folder).unwrap()[1..].iter().all(|durability| *durability == Flush));
        let mixed = of(&[("store_dir", "/x"), ("durability", "fsync, trace=memory Quarantine=flush")]).unwrap();
        assert_eq!(mixed, [Fsync, Fsync, Fsync, Fsync, Flush, Fsync, Memory]);
        for (set, part) in [
            (&[("durability", "flush")][..], "'store_dir' is not set"),
            (&[("store_dir", "/x"), ("durability", "safe")], "fsync, flush or memory is allowed"),
            (&[("store_dir", "/x"), ("durability", "moods=flush")], "for the types audit, error"),
        ] {
            assert!(of(set).unwrap_err().contains(part), "{set:?}");
        }
    }
}
