#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::config::output::{self, OutputConfig};
use shiwake_records::rules::SourceFile;
use std::time::Duration;

const ROLE: (&str, &str) = ("role_arn", "arn:aws:iam::111122223333:role/logs");
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn output_with(set: &[(&str, &str)], rules: &str) -> Result<OutputConfig, ConfigError> {
    let set = set.iter().copied().chain((!rules.is_empty()).then_some(("rules", "rules.toml")));
    let properties = Properties::new(&output::PROPERTIES, set)?;
    let mut load = |name: &str, _: Option<&str>| Ok(SourceFile::new(name, rules));
    OutputConfig::new(&properties, &[], &mut load)
}

fn output(set: &[(&str, &str)]) -> Result<OutputConfig, ConfigError> {
    output_with(&[&[("lake", "/l")], set].concat(), "")
}

#[test]
fn files_are_compressed_as_the_words_say() {
    for (set, codec) in [
        (&[][..], Codec::Zstd(1)),
        (&[("compression", "ZSTD"), ("compression_level", "19")], Codec::Zstd(19)),
        (&[("compression_level", "22")], Codec::Zstd(22)),
        (&[("compression", "gzip")], Codec::Gzip(6)),
        (&[("compression", "gzip"), ("compression_level", "9")], Codec::Gzip(9)),
        (&[("compression", "snappy")], Codec::Snappy),
        (&[("compression", "none")], Codec::None),
    ] {
        assert_eq!(output(set).unwrap().codec, codec, "{set:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    for (set, part) in [
        (
            &[("compression", "lz4")][..],
            "property 'compression' has the value 'lz4': zstd, snappy, gzip, none are allowed",
        ),
        (&[("compression", "gzip"), ("compression_level", "10")], "a number from 1 to 9 is allowed"),
        (&[("compression", "snappy"), ("compression_level", "1")], "snappy has no levels: leave it out"),
        (&[("storage_class", "COLD")], "GLACIER_IR, GLACIER, DEEP_ARCHIVE are allowed, and as in 1y=STANDARD_IA"),
        (&[("storage_class", "moods=STANDARD")], "for the types audit, error"),
        (&[("storage_class", "1y")], "STANDARD, STANDARD_IA"),
        (&[("to_lake", "perhaps")], "on or off is allowed, or type=one of them for the types audit"),
        (&[("to_lake", "trace=off")], "records of the type 'trace' go nowhere: let them go to a lake or to Datadog"),
        (
            &[("canned_acl", "public-read")],
            "bucket-owner-full-control, aws-exec-read are allowed, and none that lets everybody",
        ),
        (&[("role_arn", "arn:aws:iam::1111:role/logs")], "an ARN as in arn:aws:iam::111122223333:role/logs"),
        (&[("role_arn", "arn:aws:iam::111122223333:user/logs")], "an ARN as in"),
        (&[("role_arn", "logs")], "an ARN as in"),
        (&[ROLE, ("external_id", "no id")], "property 'external_id' cannot be used: 2 to 1224 letters"),
        (&[("external_id", "abc")], "'external_id' means nothing without 'role_arn'"),
        (&[("sts_endpoint", "https://x")], "'sts_endpoint' means nothing without 'role_arn'"),
        (&[ROLE, ("sts_endpoint", "sts")], "a URL that begins with https:// or http://"),
        (&[("sse_kms_key_id", "a key")], "a key's ARN, its id, or an alias"),
    ] {
        let error = output(set).unwrap_err().to_string();
        assert!(error.contains(part), "{set:?}: {error}");
        assert!(!error.contains("no id"), "{error}");
    }
    let error = output_with(&[("apikey", KEY), ("to_lake", "off")], "").unwrap_err().to_string();
    assert!(error.contains("'to_lake' means nothing without 'lake'"), "{error}");
}

#[test]
fn a_role_is_one_of_any_partition() {
    for partition in ["aws", "aws-cn", "aws-us-gov"] {
        let arn = format!("arn:{partition}:iam::111122223333:role/path/logs");
        assert_eq!(output(&[("role_arn", &arn)]).unwrap().s3.role_arn, Some(arn));
    }
}

#[test]
fn a_storage_class_is_chosen_by_type_then_by_the_file_then_by_retention_then_for_all() {
    let rules =
        "[type.billing]\nlike = 'audit'\nstorage_class = 'ONEZONE_IA'\n[type.error]\nstorage_class = 'ONEZONE_IA'\n";
    let class = "intelligent_tiering 5y=GLACIER_IR, 1y=STANDARD_IA audit=DEEP_ARCHIVE error=STANDARD";
    let config = output_with(&[("lake", "/l"), ("storage_class", class)], rules).unwrap();
    let class = |name: &str| config.stored_with(Lane::from_name(name).unwrap()).storage_class.map(StorageClass::name);
    assert_eq!(class("audit"), Some("DEEP_ARCHIVE"), "the property that names it");
    assert_eq!(class("error"), Some("STANDARD"), "the property that names it, before the file");
    assert_eq!(class("billing"), Some("ONEZONE_IA"), "the file, before its retention class");
    assert_eq!(class("access"), Some("STANDARD_IA"), "its retention class");
    assert_eq!(class("quarantine"), Some("STANDARD_IA"), "its retention class");
    assert_eq!(class("trace"), Some("INTELLIGENT_TIERING"), "all others");
    assert_eq!(class("gone"), Some("INTELLIGENT_TIERING"), "what nobody declares any more");
    assert_eq!(output(&[]).unwrap().storage_classes, [None; 8]);
}

#[test]
fn types_go_to_the_lake_by_name_then_by_the_file_then_all() {
    let kept = |set: &[(&str, &str)], rules: &str| {
        let config = output_with(&[&[("lake", "/l"), ("apikey", KEY)], set].concat(), rules).unwrap();
        let kept = config.lanes.names().zip(&config.lake_lanes).filter(|(_, is_kept)| **is_kept);
        kept.map(|(name, _)| name.to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kept(&[], ""), "audit error activity access quarantine app trace undeclared");
    assert_eq!(kept(&[("to_lake", "off audit=on")], ""), "audit quarantine");
    assert_eq!(kept(&[("to_lake", "trace=off")], ""), "audit error activity access quarantine app undeclared");
    assert_eq!(kept(&[("to_lake", "off"), ("datadog", "quarantine=on")], ""), "quarantine");
    assert_eq!(kept(&[("to_lake", "off quarantine=off"), ("datadog", "quarantine=on")], ""), "");
    let rules = "[type.billing]\nlike = 'audit'\nlake = false\n[type.trace]\nlake = true\n";
    assert_eq!(kept(&[("to_lake", "off access=on")], rules), "access quarantine trace");
    assert_eq!(
        kept(&[("to_lake", "billing=on")], rules),
        "audit billing error activity access quarantine app trace undeclared"
    );
    // Types of an earlier run go to the lake when Datadog does not get them.
    let set = [("to_lake", "off audit=on error=on activity=on access=on app=on trace=on"), ("datadog", "off audit=on")];
    assert_eq!(kept(&set, ""), "audit error activity access quarantine app trace undeclared");
}

#[test]
fn what_goes_to_datadog_alone_does_not_wait_as_long_as_a_file() {
    let config = output_with(&[("lake", "/l"), ("apikey", KEY), ("to_lake", "trace=off")], "").unwrap();
    let timeout = |name: &str| config.upload_timeout(Lane::from_name(name).unwrap());
    assert_eq!((timeout("trace"), timeout("access")), (Duration::from_secs(5), Duration::from_secs(300)));
}
