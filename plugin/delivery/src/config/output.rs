//! Properties of the output.

use super::datadog::{self, DatadogConfig};
use super::durability::durability;
use super::filter;
use super::lake;
use super::property::{ConfigError, Properties, Property};
use crate::columns::codec::Codec;
use crate::identity::endpoint::Endpoint;
use crate::lane::{Lane, Lanes};
use crate::spool::{Durability, spool_limit_bytes};
use crate::store::{Location, S3Options, StoredWith};
use shiwake_records::rules::{
    Loader, Policy, Retention, StorageClass, TOTAL_FILE_SIZE_RANGE, TypeDeclaration, UPLOAD_TIMEOUT_RANGE,
};
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
/// The longest a record waits before it is sent, when it goes to Datadog alone.
pub const DEFAULT_DATADOG_TIMEOUT: Duration = Duration::from_secs(5);

const MEMORY_LIMIT_RANGE: RangeInclusive<u64> = 16_000_000..=64_000_000_000;
const STORE_DIR_LIMIT_RANGE: RangeInclusive<u64> = 16_000_000..=16_000_000_000_000;
const SHUTDOWN_TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3_600);

/// Properties that only the output has.
const OWN: [Property; 7] = [
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
];

const GROUPS: [&[Property]; 4] = [&lake::PROPERTIES, &OWN, &datadog::PROPERTIES, &filter::SHARED];

/// All properties of the output.
#[expect(clippy::indexing_slicing, reason = "evaluated at build time, where a wrong index does not compile")]
pub static PROPERTIES: [Property;
    lake::PROPERTIES.len() + OWN.len() + datadog::PROPERTIES.len() + filter::SHARED.len()] = {
    let mut all = [OWN[0]; lake::PROPERTIES.len() + OWN.len() + datadog::PROPERTIES.len() + filter::SHARED.len()];
    let (mut group, mut place, mut index) = (0, 0, 0);
    while index < all.len() {
        if place == GROUPS[group].len() {
            (group, place) = (group + 1, 0);
        }
        all[index] = GROUPS[group][place];
        (place, index) = (place + 1, index + 1);
    }
    all
};

/// The configuration of an output instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputConfig {
    /// Where objects go; `None` when all goes to Datadog.
    pub location: Option<Location>,
    /// The Datadog destination.
    pub datadog: Option<DatadogConfig>,
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
    /// What the rules file says of types.
    pub types: Vec<TypeDeclaration>,
    /// The lanes: those that are always there, and those of declared types.
    pub lanes: Lanes,
    /// How safe each lane's records are, in the order of the lanes.
    pub durability: Vec<Durability>,
    /// Which lanes go to the lake, in the order of the lanes.
    pub lake_lanes: Vec<bool>,
    /// The storage class of each lane's objects, in the order of the lanes.
    pub storage_classes: Vec<Option<StorageClass>>,
    /// Whether objects get their retention class as a tag.
    pub has_object_tags: bool,
    /// Time for what is pending at exit.
    pub shutdown_timeout: Duration,
    /// How files are compressed.
    pub codec: Codec,
    /// For records that no filter saw.
    pub sorter: SorterConfig,
    /// Where the metadata of the task is asked for, for them too.
    pub metadata_endpoint: Option<Endpoint>,
}

impl OutputConfig {
    /// Checks and reads the properties. Rules files come from `load`.
    ///
    /// # Errors
    /// When a value is not allowed, or nothing says where objects go.
    pub fn new(
        properties: &Properties,
        environment: &[(String, String)],
        load: &mut Loader<'_>,
    ) -> Result<Self, ConfigError> {
        let mut sorter = filter::sorter_config(properties, environment, load)?;
        sorter.placement = filter::placement_of_output(sorter.placement)?;
        let types = sorter.rules.types().to_vec();
        let metadata_endpoint = filter::metadata_endpoint(properties, environment)?;
        let mut config = Self::with_types(properties, sorter, types)?;
        let has_lake = config.location.is_some();
        let datadog = DatadogConfig::read(properties, environment, &config.lanes, &config.types, has_lake)?;
        if !has_lake && datadog.is_none() {
            return Err(ConfigError::Missing(NO_LAKE));
        }
        let is_sent = |place| datadog.as_ref().is_some_and(|datadog| datadog.sends(place));
        for (place, lane) in config.lanes.iter().enumerate() {
            if !config.goes_to_lake(lane) && !is_sent(place) {
                return Err(ConfigError::Nowhere { log_type: lane.name().to_owned() });
            }
        }
        // What nobody declares any more goes somewhere in any case.
        if let Some(undeclared) = config.lake_lanes.last_mut().filter(|_| has_lake) {
            *undeclared |= !is_sent(config.lanes.count());
        }
        Ok(Self { metadata_endpoint, datadog, ..config })
    }

    /// Reads what is left of the properties when it is known what the rules say of types.
    pub(super) fn with_types(
        properties: &Properties,
        sorter: SorterConfig,
        types: Vec<TypeDeclaration>,
    ) -> Result<Self, ConfigError> {
        let lanes = Lanes::new(types.iter().map(|declared| (declared.log_type, declared.like)));
        let location = lake::location(properties)?;
        Ok(Self {
            s3: lake::s3(properties)?,
            lake_lanes: lake::lake_lanes(properties, &lanes, &types, location.is_some())?,
            storage_classes: lake::storage_classes(properties, &lanes, &types, |lane| retention(&lanes, &types, lane))?,
            location,
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
            durability: durability(properties, &lanes, &types)?,
            lanes,
            types,
            has_object_tags: properties.flag("object_tags")?.unwrap_or(false),
            shutdown_timeout: properties
                .time("shutdown_timeout", SHUTDOWN_TIMEOUT_RANGE)?
                .unwrap_or(DEFAULT_SHUTDOWN_TIMEOUT),
            codec: lake::codec(properties)?,
            sorter,
            metadata_endpoint: None,
            datadog: None,
        })
    }

    /// Where objects go.
    ///
    /// # Errors
    /// When all goes to Datadog.
    pub fn lake(&self) -> Result<&Location, ConfigError> {
        self.location.as_ref().ok_or(ConfigError::Missing(NO_LAKE))
    }

    /// Whether a lane's records go to the lake.
    #[must_use]
    pub fn goes_to_lake(&self, lane: Lane) -> bool {
        self.lake_lanes.get(self.lanes.index(lane)).copied().unwrap_or(false)
    }

    /// What a lane's objects are stored with.
    #[must_use]
    pub fn stored_with(&self, lane: Lane) -> StoredWith {
        StoredWith {
            retention: self.retention(lane).filter(|_| self.has_object_tags),
            storage_class: self.storage_classes.get(self.lanes.index(lane)).copied().flatten(),
        }
    }

    /// The longest a record of this lane waits.
    #[must_use]
    pub fn upload_timeout(&self, lane: Lane) -> Duration {
        let by_default = || match self.goes_to_lake(lane) {
            true => self.lanes.like(lane).unwrap_or(lane).default_upload_timeout(),
            // Payloads are small, and somebody looks at them now.
            false => DEFAULT_DATADOG_TIMEOUT,
        };
        policy(&self.types, lane).upload_timeout.or(self.upload_timeout).unwrap_or_else(by_default)
    }

    /// How long the lane's objects are kept; `None` for types that nobody declares any more, which nothing should delete.
    #[must_use]
    pub fn retention(&self, lane: Lane) -> Option<Retention> {
        retention(&self.lanes, &self.types, lane)
    }

    /// Bytes after which a lane's segment is sealed: the size the user wants, but no more than leaves room to take records
    /// while it is written. One in memory is there beside others; one in a file is brought into memory for that, and its
    /// object may be as long.
    #[must_use]
    pub fn segment_limit_bytes(&self, lane: Lane) -> u64 {
        let wanted = policy(&self.types, lane).total_file_size_bytes.unwrap_or(self.total_file_size_bytes);
        wanted.min(self.largest_segment_bytes())
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
        let has_files =
            self.durability.iter().take(self.lanes.count()).any(|durability| *durability != Durability::Memory);
        if has_files { 2 * self.largest_segment_bytes() } else { 0 }
    }
}

/// What the rules file says of a lane's worth.
fn policy(types: &[TypeDeclaration], lane: Lane) -> Policy {
    let said = types.iter().find(|said| Lane::Typed(said.log_type) == lane);
    said.map(|said| said.policy).unwrap_or_default()
}

fn retention(lanes: &Lanes, types: &[TypeDeclaration], lane: Lane) -> Option<Retention> {
    match lanes.like(lane)? {
        Lane::Quarantine => Some(Retention::QUARANTINE),
        Lane::Typed(like) => Some(policy(types, lane).retention.unwrap_or(Retention::of_type(like))),
    }
}

const NO_LAKE: &str = "property 'lake' is not set: set it to a folder or to s3://bucket/prefix, or set 'bucket' to a bucket's \
                       name, or 'apikey' to send to Datadog alone";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use shiwake_records::log_type::LogType;
    use shiwake_records::rules::Place;
    use std::collections::HashSet;

    fn config(set: &[(&str, &str)]) -> Result<OutputConfig, ConfigError> {
        OutputConfig::new(&Properties::new(&PROPERTIES, set.iter().copied())?, &[], &mut crate::config::rules_file)
    }

    #[test]
    fn defaults_are_what_the_properties_say() {
        let config = config(&[("bucket", "logs")]).unwrap();
        let by_default: Vec<(&str, &str)> = PROPERTIES
            .iter()
            .filter_map(|property| Some((property.name, property.default?)))
            .chain([("bucket", "logs")])
            // They say how something is sent to Datadog.
            .filter(|(name, _)| datadog::PROPERTIES.iter().all(|property| property.name != *name))
            .collect();
        assert_eq!(config, self::config(&by_default).unwrap());
        assert_eq!(config.lake().unwrap().to_string(), "s3://logs");
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
            let app = Lane::Typed(LogType::App);
            assert!(config.segment_limit_bytes(app) * 3 <= for_spool, "{limit}");
            assert!(for_spool < config.memory_limit_bytes, "{limit}");
        }
    }

    /// What the rules file says of a type.
    fn said(name: &str, like: LogType, policy: Policy) -> TypeDeclaration {
        let log_type = LogType::from_name(name).unwrap();
        TypeDeclaration { log_type, place: Place { file: 0, bytes: 0..0 }, like, policy, columns: Vec::new() }
    }

    #[test]
    fn what_names_a_type_goes_before_what_is_for_all_and_the_property_before_the_file() {
        let types = vec![
            said("billing", LogType::Audit, Policy::default()),
            said(
                "access",
                LogType::Access,
                Policy {
                    durability: Some(Durability::Memory),
                    upload_timeout: Some(Duration::from_secs(7)),
                    total_file_size_bytes: Some(200_000),
                    retention: Retention::parse("6mo"),
                    ..Policy::default()
                },
            ),
        ];
        let config = |set: &[(&str, &str)]| {
            let set = [&[("lake", "x")], set].concat();
            OutputConfig::with_types(
                &Properties::new(&PROPERTIES, set.iter().copied()).unwrap(),
                SorterConfig::default(),
                types.clone(),
            )
        };
        let lane = |name: &str| Lane::from_name(name).unwrap();
        let found = config(&[("store_dir", "/x")]).unwrap();
        let durability = |config: &OutputConfig, name| config.durability[config.lanes.index(lane(name))];
        assert_eq!(durability(&found, "billing"), Durability::Fsync, "like audit");
        assert_eq!(durability(&found, "access"), Durability::Memory, "the file");
        assert_eq!(found.upload_timeout(lane("billing")), Duration::from_secs(60));
        assert_eq!(found.upload_timeout(lane("access")), Duration::from_secs(7));
        assert_eq!(found.segment_limit_bytes(lane("access")), 200_000);
        assert_eq!(found.segment_limit_bytes(lane("billing")), found.largest_segment_bytes());
        let retention = |name: &str| found.retention(lane(name)).map(|class| class.to_string());
        assert_eq!(retention("billing").as_deref(), Some("5y"));
        assert_eq!(retention("access").as_deref(), Some("6mo"));
        assert_eq!(retention("quarantine").as_deref(), Some("1y"));
        assert_eq!(retention("moods"), None, "nobody declares it");
        let set = [("store_dir", "/x"), ("durability", "flush billing=memory"), ("upload_timeout", "9s")];
        let found = config(&set).unwrap();
        assert_eq!(durability(&found, "billing"), Durability::Memory, "the property that names it");
        assert_eq!(durability(&found, "access"), Durability::Memory, "the file, before the property for all");
        assert_eq!(durability(&found, "audit"), Durability::Flush, "the property for all");
        assert_eq!(found.upload_timeout(lane("access")), Duration::from_secs(7));
        assert_eq!(found.upload_timeout(lane("billing")), Duration::from_secs(9));
        let found = config(&[("store_dir", "/x"), ("durability", "access=fsync")]).unwrap();
        assert_eq!(durability(&found, "access"), Durability::Fsync, "the property that names it");
    }
}
