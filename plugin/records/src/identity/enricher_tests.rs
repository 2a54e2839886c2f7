#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use crate::chunk::{Chunk, Item};
use crate::event::{Event, Timestamp};
use crate::fields::FieldIndex;
use crate::identity::labels::LabelField;
use crate::identity::task::TaskIdentity;
use crate::msgpack::{Value, write};
use crate::sorter::{Sorter, SorterConfig};
use std::collections::BTreeMap;

const FARGATE: &[u8] = include_bytes!("../../../../tests/data/ecs/fargate_task.json");
const EC2: &[u8] = include_bytes!("../../../../tests/data/ecs/ec2_task.json");
const FARGATE_ARN: &str = "arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3";
const CURL: &str = "e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603";
const ROUTER: &str = "e9028f8d5d8e4f258373e7b93ce9a3c3-1547240241";

fn event(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = vec![0x92];
    write::event_time(&mut bytes, 1_700_000_000, 0);
    write::map_header(&mut bytes, u32::try_from(fields.len()).unwrap());
    for (key, value) in fields {
        write::str(&mut bytes, key.as_bytes());
        write::str(&mut bytes, value.as_bytes());
    }
    bytes
}

fn sorter(document: &[u8], tags: Option<&str>) -> Sorter {
    let mut sorter = Sorter::new(SorterConfig { tags: tags.map(str::to_owned), ..SorterConfig::default() });
    sorter.set_task(&TaskIdentity::from_task(document).unwrap());
    sorter
}

fn sort(sorter: &mut Sorter, chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sorter.sort_chunk(chunk, Timestamp::default(), &mut out);
    out
}

/// The fields that are text; one that stands in the record twice fails the test.
fn fields(bytes: &[u8]) -> BTreeMap<String, String> {
    let Some(Item::Event(Event { body, .. })) = Chunk::new(bytes).next() else { panic!("no event") };
    let mut index = FieldIndex::default();
    index.fill(&body);
    let mut fields = BTreeMap::new();
    for key in index.keys() {
        let key = body.content.get(key).unwrap();
        if let Some(Value::Str(value)) = index.get(&body, key) {
            let [key, value] = [key, value].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            assert!(fields.insert(key.clone(), value).is_none(), "{key} twice");
        }
    }
    fields
}

fn sorted(sorter: &mut Sorter, record: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields(&sort(sorter, &event(record)))
}

fn tags(fields: &BTreeMap<String, String>) -> Vec<&str> {
    fields.get("ddtags").map(|tags| tags.split(',').collect()).unwrap_or_default()
}

#[test]
fn a_record_of_a_container_gets_all_that_is_known_of_it() {
    let mut sorter = sorter(FARGATE, Some("Team:Shop, tier:web"));
    let found = sorted(&mut sorter, &[("log", "hello"), ("container_id", CURL), ("ecs_task_arn", FARGATE_ARN)]);
    let image = "111122223333.dkr.ecr.us-west-2.amazonaws.com/curltest";
    for (name, value) in [
        ("cluster_name", "default"),
        ("task_arn", FARGATE_ARN),
        ("task_id", "e9028f8d5d8e4f258373e7b93ce9a3c3"),
        ("task_family", "curltest"),
        ("task_version", "3"),
        ("region", "us-west-2"),
        ("aws_account", "111122223333"),
        ("availability_zone", "us-west-2a"),
        ("launch_type", "FARGATE"),
        ("container_name", "curl"),
        ("ecs_container_name", "curl"),
        ("image_name", image),
        ("image_tag", "latest"),
        ("env", "prod"),
        ("service", "curl-api"),
        ("version", "1.4.2"),
    ] {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
    }
    let expected = [
        "team:shop",
        "tier:web",
        "cluster_name:default",
        "ecs_cluster_name:default",
        &format!("task_arn:{FARGATE_ARN}"),
        "task_id:e9028f8d5d8e4f258373e7b93ce9a3c3",
        "task_family:curltest",
        "task_name:curltest",
        "task_version:3",
        "region:us-west-2",
        "aws_account:111122223333",
        "availability_zone:us-west-2a",
        "availability-zone:us-west-2a",
        &format!("container_id:{CURL}"),
        "container_name:curl",
        "ecs_container_name:curl",
        &format!("image_name:{image}"),
        "image_tag:latest",
        "short_image:curltest",
        &format!("docker_image:{image}:latest"),
        "env:prod",
        "service:curl-api",
        "version:1.4.2",
    ];
    assert_eq!(tags(&found), expected);
    assert!(!sorter.take_new_container());
}

#[test]
fn what_a_document_lacks_is_no_field_and_no_tag() {
    let mut ec2 = sorter(EC2, None);
    let id = "ee08638adaaf009d78c248913f629e38299471d45fe7dc944d1039077e3424ca";
    let found = sorted(&mut ec2, &[("log", "hello"), ("container_id", id)]);
    assert_eq!(found.get("ecs_service").map(String::as_str), Some("MyService"));
    assert_eq!(found.get("service").map(String::as_str), Some("curltest"), "the family");
    assert!(tags(&found).contains(&"ecs_service:myservice") && !found.contains_key("env"));
    let found = sorted(&mut sorter(FARGATE, None), &[("log", "hello"), ("container_id", ROUTER)]);
    assert!(found.get("image_digest").unwrap().starts_with("sha256:25f3"));
    assert!(!found.contains_key("image_tag") && !found.contains_key("ecs_service"));
    assert!(tags(&found).iter().all(|tag| !tag.starts_with("image_tag") && !tag.ends_with(':')));
}

#[test]
fn the_records_own_fields_stay_and_its_env_service_and_version_are_its_tags() {
    let record = [("log", "hello"), ("container_id", CURL), ("env", "Staging"), ("region", "own")];
    let found = sorted(&mut sorter(FARGATE, None), &record);
    assert_eq!((found["env"].as_str(), found["region"].as_str()), ("Staging", "own"));
    assert!(tags(&found).contains(&"env:staging") && !tags(&found).contains(&"env:prod"));
}

#[test]
fn tags_in_the_record_are_kept_in_front_and_nothing_is_there_twice() {
    let own = "Own:1,region:us-west-2,free";
    let record = [("ddtags", own), ("log", "hello"), ("container_id", CURL)];
    let found = sorted(&mut sorter(FARGATE, Some("own:1,team:shop")), &record);
    let found = tags(&found);
    assert_eq!(found[..4], ["Own:1", "region:us-west-2", "free", "team:shop"]);
    assert_eq!(found.iter().filter(|tag| tag.starts_with("region:")).count(), 1);
}

#[test]
fn only_records_of_the_task_get_what_is_known_of_it() {
    let mut sorter = sorter(FARGATE, None);
    let other = "arn:aws:ecs:eu-west-1:1:task/other/0a1b";
    for record in [
        &[("log", "x"), ("ecs_task_arn", other)][..],
        &[("log", "x"), ("ecs_task_arn", other), ("container_id", CURL)],
        &[("log", "x"), ("container_id", "of another host")],
    ] {
        let found = sorted(&mut sorter, record);
        assert!(!found.contains_key("availability_zone") && !found.contains_key("ddtags"), "{record:?}");
        assert!(!sorter.take_new_container());
    }
    let found = sorted(&mut sorter, &[("log", "x")]);
    assert_eq!(found["availability_zone"], "us-west-2a");
    assert!(!found.contains_key("image_name"));
    let record = [("log", "x"), ("ecs_task_arn", FARGATE_ARN), ("container_id", "new"), ("container_name", "/web")];
    let found = sorted(&mut sorter, &record);
    assert_eq!(found["availability_zone"], "us-west-2a");
    assert!(tags(&found).contains(&"container_name:web"));
    assert!(sorter.take_new_container() && !sorter.take_new_container());
}

#[test]
fn tags_of_another_task_are_those_that_firelens_gives_when_the_configuration_wants_tags() {
    let record =
        [("log", "x"), ("ecs_task_arn", "arn:aws-cn:ecs:cn-north-1:1:task/other/0a1b"), ("ecs_cluster", "other")];
    let found = sorted(&mut sorter(FARGATE, Some("team:shop")), &record);
    let expected = [
        "team:shop",
        "cluster_name:other",
        "ecs_cluster_name:other",
        "task_arn:arn:aws-cn:ecs:cn-north-1:1:task/other/0a1b",
        "task_id:0a1b",
        "region:cn-north-1",
        "aws_account:1",
    ];
    // A tag begins with a letter, but a value may begin with a digit.
    assert_eq!(tags(&found), expected);
}

#[test]
fn what_was_given_its_origin_comes_out_unchanged() {
    let mut sorter = sorter(FARGATE, Some("team:shop"));
    for own in [&[][..], &[("ddtags", "a:b,")], &[("ddtags", "")], &[("env", "x"), ("service", "y")]] {
        let record = [&[("log", "ERROR x"), ("container_id", CURL)], own].concat();
        let once = sort(&mut sorter, &event(&record));
        assert_eq!(sort(&mut sorter, &once), once, "{own:?}");
    }
}

#[test]
fn tags_are_those_of_the_record_whatever_came_before_it() {
    let fields = [
        ("ecs_task_arn", [FARGATE_ARN, "arn:aws:ecs:eu-west-1:444455556666:task/other/aa"]),
        ("container_id", [CURL, "new"]),
        ("container_name", ["/a", "b"]),
        ("env", ["Prod", "test"]),
        ("ddtags", ["own:1", "team:shop,x:y"]),
    ];
    // Every choice of none, the first and the second value, each followed by all kinds of others.
    let choices = 3_usize.pow(u32::try_from(fields.len()).unwrap());
    let record = |mut choice: usize| {
        let mut record = vec![("log", "hello")];
        for (name, values) in fields {
            record.extend((choice % 3).checked_sub(1).map(|at| (name, values[at])));
            choice /= 3;
        }
        record
    };
    for has_task in [false, true] {
        let new = || {
            let mut sorter = Sorter::new(SorterConfig { tags: Some("team:shop".into()), ..SorterConfig::default() });
            if has_task {
                sorter.set_task(&TaskIdentity::from_task(FARGATE).unwrap());
            }
            sorter
        };
        let mut used = new();
        for number in 0..4 * choices {
            let record = record(number * 77 % choices);
            // Twice: made, and taken from the last one.
            assert_eq!(sorted(&mut used, &record), sorted(&mut new(), &record), "{record:?}");
            assert_eq!(sorted(&mut used, &record), sorted(&mut new(), &record), "{record:?}");
        }
        let before = sorted(&mut used, &[("log", "hello")]);
        used.set_task(&TaskIdentity::from_task(EC2).unwrap());
        assert_ne!(sorted(&mut used, &[("log", "hello")]), before, "another task");
    }
}

fn labelled(document: &[u8], named: &str) -> Sorter {
    let labels = LabelField::parse_list(named).unwrap();
    let mut sorter = Sorter::new(SorterConfig { labels, ..SorterConfig::default() });
    sorter.set_task(&TaskIdentity::from_task(document).unwrap());
    sorter
}

#[test]
fn labels_that_the_user_names_are_fields_and_tags() {
    let named = "com.amazonaws.ecs.container-name=piece com.datadoghq.tags.service=of.label,com.example.none=none";
    let mut sorter = labelled(FARGATE, named);
    let found = sorted(&mut sorter, &[("log", "x"), ("container_id", CURL)]);
    assert_eq!((found["piece"].as_str(), found["of.label"].as_str()), ("curl", "curl-api"));
    assert!(!found.contains_key("none"));
    let tags_of_labels = ["piece:curl", "of.label:curl-api"];
    assert!(tags_of_labels.iter().all(|tag| tags(&found).contains(tag)), "{:?}", tags(&found));
    assert!(tags(&found).iter().all(|tag| !tag.starts_with("none")));
    let of_task = sorted(&mut sorter, &[("log", "x")]);
    assert!(!of_task.contains_key("piece"), "a label is its container's");
}

#[test]
fn a_label_that_the_log_driver_wrote_counts_more_and_a_field_of_the_record_most() {
    let named = "com.amazonaws.ecs.container-name=piece";
    for mut sorter in [labelled(FARGATE, named), {
        let labels = LabelField::parse_list(named).unwrap();
        Sorter::new(SorterConfig { labels, ..SorterConfig::default() })
    }] {
        let by_driver = [("log", "x"), ("container_id", CURL), ("com.amazonaws.ecs.container-name", "Mine")];
        let found = sorted(&mut sorter, &by_driver);
        assert_eq!(found["piece"], "Mine");
        assert!(tags(&found).contains(&"piece:mine"));
        let found = sorted(&mut sorter, &[&by_driver[..], &[("piece", "own")]].concat());
        assert_eq!(found["piece"], "own");
        assert!(tags(&found).contains(&"piece:own") && !tags(&found).contains(&"piece:mine"));
    }
}

#[test]
fn a_label_may_fill_a_field_of_unified_tagging_that_nothing_else_fills() {
    let mut ec2 = labelled(EC2, "com.amazonaws.ecs.task-definition-version=version");
    let id = "ee08638adaaf009d78c248913f629e38299471d45fe7dc944d1039077e3424ca";
    let found = sorted(&mut ec2, &[("log", "x"), ("container_id", id)]);
    assert_eq!(found["version"], "26");
    assert_eq!(tags(&found).iter().filter(|tag| tag.starts_with("version:")).count(), 1);
    let mut fargate = labelled(FARGATE, "com.amazonaws.ecs.task-definition-version=version");
    let found = sorted(&mut fargate, &[("log", "x"), ("container_id", CURL)]);
    assert_eq!(found["version"], "1.4.2", "Datadog's own label goes first");
}
