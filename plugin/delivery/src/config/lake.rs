//! Properties of the lake: where it is, how it is reached, what goes there and how it is kept. Names that Fluent Bit's `out_s3`
//! has mean the same here.

use super::per_type::{PerType, switch};
use super::property::{ConfigError, Properties, Property};
use crate::columns::codec::Codec;
use crate::lane::{Lane, Lanes};
use crate::store::{CannedAcl, Location, S3Options};
use shiwake_records::rules::{Retention, StorageClass, TypeDeclaration};

/// The properties.
pub const PROPERTIES: [Property; 14] = [
    Property { name: "lake", default: None, meaning: "where objects go: a folder, or `s3://bucket/prefix`" },
    Property { name: "bucket", default: None, meaning: "short for `lake s3://BUCKET`" },
    Property {
        name: "to_lake",
        default: None,
        meaning: "which types go to the lake: `on`, or as in `on trace=off`; the others go to Datadog alone. What could not be \
                  decoded goes to the lake unless `quarantine` is named",
    },
    Property { name: "region", default: None, meaning: "region of the bucket; without it AWS_REGION" },
    Property {
        name: "endpoint",
        default: None,
        meaning: "another S3 endpoint than AWS', as in `http://localhost:9000`",
    },
    Property {
        name: "role_arn",
        default: None,
        meaning: "role that is assumed to reach the bucket, of [another account](cross-account.md) for instance",
    },
    Property { name: "external_id", default: None, meaning: "what its trust policy asks for as `sts:ExternalId`" },
    Property {
        name: "sts_endpoint",
        default: None,
        meaning: "another STS endpoint than the region's, which gives the role's credentials",
    },
    Property {
        name: "sse_kms_key_id",
        default: None,
        meaning: "KMS key that S3 encrypts objects with: its ARN, its id or an alias; without it the bucket's own way",
    },
    Property {
        name: "canned_acl",
        default: None,
        meaning: "`private`, `bucket-owner-read`, `bucket-owner-full-control` or `aws-exec-read`; buckets that have ACLs switched \
                  off, as new ones have, take the third alone",
    },
    Property {
        name: "storage_class",
        default: None,
        meaning: "S3's storage class, as in `STANDARD_IA`; for all types, or by type or retention class, as in \
                  `audit=GLACIER_IR 1y=STANDARD_IA`",
    },
    Property {
        name: "object_tags",
        default: Some("off"),
        meaning: "whether each object in S3 gets its type's retention class as a tag, as in `retention=1y`, for lifecycle rules; \
                  the task role then needs `s3:PutObjectTagging` too",
    },
    Property {
        name: "compression",
        default: Some("zstd"),
        meaning: "how the pages of files are compressed: `zstd`, `snappy`, `gzip` or `none`",
    },
    Property {
        name: "compression_level",
        default: None,
        meaning: "level of zstd, 1 to 22 (1 when it is not set), or of gzip, 1 to 9 (6)",
    },
];

/// Where objects go; `None` when nothing says so.
pub(super) fn location(properties: &Properties) -> Result<Option<Location>, ConfigError> {
    let (name, found, parsed) = match (properties.get("lake"), properties.get("bucket")) {
        (Some(_), Some(_)) => return Err(ConfigError::Both { first: "lake", second: "bucket" }),
        (Some(lake), None) => ("lake", lake, Location::parse(lake)),
        (None, Some(bucket)) => ("bucket", bucket, Location::bucket(bucket, "")),
        (None, None) => return Ok(None),
    };
    parsed.map(Some).map_err(|error| ConfigError::Value { name, found: found.to_owned(), allowed: error.to_string() })
}

/// How S3 is reached.
pub(super) fn s3(properties: &Properties) -> Result<S3Options, ConfigError> {
    if properties.get("role_arn").is_none()
        && let Some(name) = ["external_id", "sts_endpoint"].into_iter().find(|name| properties.get(name).is_some())
    {
        return Err(ConfigError::Needs { name, needs: "role_arn" });
    }
    let checked = |name: &'static str, allowed: &str, is_allowed: fn(&str) -> bool| match properties.get(name) {
        Some(found) if !is_allowed(found) => {
            let allowed = allowed.to_owned();
            Err(ConfigError::Value { name, found: found.to_owned(), allowed })
        }
        found => Ok(found.map(str::to_owned)),
    };
    let url = "a URL that begins with https:// or http:// is allowed";
    let key = "a key's ARN, its id, or an alias as in alias/logs is allowed";
    Ok(S3Options {
        region: properties.text("region"),
        endpoint: checked("endpoint", url, is_url)?,
        role_arn: checked("role_arn", "an ARN as in arn:aws:iam::111122223333:role/logs is allowed", is_role)?,
        // The service says itself what else it does not like of it, and this is not shown to everybody.
        external_id: match properties.get("external_id") {
            Some(id) if !is_external_id(id) => {
                let allowed = "2 to 1224 letters, digits and +=,.@:/-_ are allowed".to_owned();
                return Err(ConfigError::Secret { name: "external_id", allowed });
            }
            id => id.map(str::to_owned),
        },
        sts_endpoint: checked("sts_endpoint", url, is_url)?,
        sse_kms_key_id: checked("sse_kms_key_id", key, is_kms_key)?,
        canned_acl: properties.get("canned_acl").map(canned_acl).transpose()?,
    })
}

fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty())
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>
fn is_role(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts.as_slice() else { return false };
    (*arn, *service, *region) == ("arn", "iam", "")
        && (*partition == "aws" || partition.starts_with("aws-"))
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        && resource.bytes().all(|byte| byte.is_ascii_graphic())
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
fn is_external_id(text: &str) -> bool {
    (2..=1224).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@:/-_".contains(&byte))
}

fn is_kms_key(text: &str) -> bool {
    text.len() <= 2_048 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte))
}

fn canned_acl(found: &str) -> Result<CannedAcl, ConfigError> {
    let known = CannedAcl::ALL.into_iter().find(|acl| acl.name().eq_ignore_ascii_case(found));
    known.ok_or_else(|| {
        let names = CannedAcl::ALL.map(CannedAcl::name).join(", ");
        let allowed = format!("{names} are allowed, and none that lets everybody read logs");
        ConfigError::Value { name: "canned_acl", found: found.to_owned(), allowed }
    })
}

/// How files are compressed.
pub(super) fn codec(properties: &Properties) -> Result<Codec, ConfigError> {
    let codec = match properties.get("compression") {
        None => Codec::default(),
        Some(found) => {
            let known = Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(found));
            known.ok_or_else(|| ConfigError::Value {
                name: "compression",
                found: found.to_owned(),
                allowed: format!("{} are allowed", Codec::ALL.map(Codec::name).join(", ")),
            })?
        }
    };
    const LEVEL: &str = "compression_level";
    let Some(levels) = codec.levels() else {
        return match properties.get(LEVEL) {
            None => Ok(codec),
            Some(found) => {
                let allowed = format!("{} has no levels: leave it out", codec.name());
                Err(ConfigError::Value { name: LEVEL, found: found.to_owned(), allowed })
            }
        };
    };
    Ok(properties.number(LEVEL, levels)?.map_or(codec, |level| codec.with_level(level)))
}

/// Which lanes go to the lake, in the order of the lanes: what names a type goes before the rules file, and that before what
/// is for all types. What neither of them names of an earlier run's types goes where most do.
pub(super) fn lake_lanes(
    properties: &Properties,
    lanes: &Lanes,
    types: &[TypeDeclaration],
    has_lake: bool,
) -> Result<Vec<bool>, ConfigError> {
    const NAME: &str = "to_lake";
    if !has_lake {
        return match properties.get(NAME) {
            None => Ok(vec![false; lanes.slots()]),
            Some(_) => Err(ConfigError::Needs { name: NAME, needs: "lake" }),
        };
    }
    let said = PerType::read(properties, NAME, "on or off is allowed", lanes, switch, |_| None::<Lane>)?;
    let of_all = said.of_all.unwrap_or(true);
    let of_lane = |lane: Lane| {
        let by_file = || types.iter().find(|said| Lane::Typed(said.log_type) == lane)?.policy.lake;
        // What could not be decoded is no log, and of no type that somebody wants elsewhere.
        let by_default = lane == Lane::Quarantine || of_all;
        said.of_lane(lane).or_else(by_file).unwrap_or(by_default)
    };
    Ok(lanes.iter().map(of_lane).chain([of_all]).collect())
}

/// The storage classes of lanes, by type and by retention class.
pub(super) fn storage_classes(
    properties: &Properties,
    lanes: &Lanes,
    types: &[TypeDeclaration],
    retention: impl Fn(Lane) -> Option<Retention>,
) -> Result<Vec<Option<StorageClass>>, ConfigError> {
    let find = |word: &str| StorageClass::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(word));
    let names = StorageClass::ALL.map(StorageClass::name).join(", ");
    let allowed = format!("{names} are allowed, and as in 1y=STANDARD_IA for a retention class");
    let said = PerType::read(properties, "storage_class", &allowed, lanes, find, Retention::parse)?;
    let of_lane = |lane: Lane| {
        let by_file = || types.iter().find(|said| Lane::Typed(said.log_type) == lane)?.policy.storage_class;
        let by_retention = || said.of_other(&retention(lane)?);
        said.of_lane(lane).or_else(by_file).or_else(by_retention).or(said.of_all)
    };
    Ok(lanes.iter().map(of_lane).chain([said.of_all]).collect())
}

#[cfg(test)]
#[path = "lake_tests.rs"]
mod tests;
