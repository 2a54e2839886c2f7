#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::event::Timestamp;
use crate::identity::labels::LabelField;
use crate::identity::placement::{Needs, Placement};
use crate::identity::task::TaskIdentity;
use crate::msgpack::write;
use crate::rules::RuleSet;
use crate::sorter::{Sorter, SorterConfig};
use proptest::prelude::*;
use std::sync::Arc;

const FARGATE: &[u8] = include_bytes!("../../../../tests/data/ecs/fargate_task.json");
const EC2: &[u8] = include_bytes!("../../../../tests/data/ecs/ec2_task.json");
const CURL: &str = "e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603";
const ARN: &str = "arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3";
const RULES: &str = "
[[rule]]
name = 'sets'
when = { field = 'ruled', exists = true }
set = { service = 'of the rule', task_family = 'ruled', ddtags = 'own:1', note = 'x' }
";

/// Fields that records have or not, with the values that they have.
const FIELDS: [(&str, &[&str]); 16] = [
    (
        "log",
        &["hello", r#"1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5"#, r#"{"service":"own","a":1}"#],
    ),
    ("container_id", &[CURL, "other"]),
    ("container_name", &["/web", "/ecs-web"]),
    ("ecs_cluster", &["default", "arn:aws:ecs:us-west-2:1:cluster/b"]),
    ("ecs_task_arn", &[ARN, "arn:aws:ecs:us-west-2:1:task/b/0a1b", "none"]),
    ("ecs_task_definition", &["curltest:3", "web"]),
    ("service", &["shop", "cart"]),
    ("env", &["prod", "Prod"]),
    ("version", &["1", ""]),
    ("ddtags", &["own:1,env:prod", ""]),
    ("log_type", &["none", "access", "access", "access"]),
    ("task_arn", &[ARN]),
    ("hostname", &["web-1"]),
    ("team", &["a", "b"]),
    ("origin", &["map", "text"]),
    ("ruled", &["1"]),
];

fn record() -> impl Strategy<Value = Vec<u8>> {
    // Most records of a sequence have the same values.
    let value = |values: &'static [&'static str]| prop_oneof![6 => Just(values[0]), 1 => prop::sample::select(values)];
    let field = FIELDS.map(|(name, values)| (Just(name), value(values)));
    // And the same keys.
    let which = prop_oneof![Just(0x1f_u16), Just(0x3f), Just(0x7ff), Just(0x441f), any::<u16>()];
    (field.to_vec(), which, any::<bool>()).prop_map(|(fields, which, is_reversed)| {
        let mut fields: Vec<_> = fields.into_iter().enumerate().filter(|(at, _)| which >> at & 1 == 1).collect();
        if is_reversed {
            fields.reverse();
        }
        let mut out = vec![0x92];
        write::event_time(&mut out, 1_700_000_000, 0);
        write::map_header(&mut out, u32::try_from(fields.len()).unwrap());
        for (_, (name, value)) in fields {
            write::str(&mut out, name.as_bytes());
            if value == "map" {
                write::map_header(&mut out, 1);
                write::str(&mut out, b"region");
            }
            write::str(&mut out, value.as_bytes());
        }
        out
    })
}

fn config() -> impl Strategy<Value = SorterConfig> {
    let placement = prop_oneof![
        Just(Placement::Flat),
        Just(Placement::Map("origin".to_owned())),
        Just(Placement::FromMap("origin".to_owned())),
        Just(Placement::Only(Needs::Datadog)),
        Just(Placement::Only(Needs::Lake)),
    ];
    let text = |text: &'static str| proptest::option::of(Just(text.to_owned()));
    let labels = prop_oneof![Just(""), Just("team"), Just("com.amazonaws.ecs.container-name=piece,team=record_id")];
    (placement, text("shop"), text("web"), text("team:web"), labels).prop_map(
        |(placement, service, hostname, tags, labels)| {
            let rules = Arc::new(RuleSet::parse("rules", RULES).unwrap());
            let labels = LabelField::parse_list(labels).unwrap();
            SorterConfig { placement, service, hostname, tags, labels, rules, ..SorterConfig::default() }
        },
    )
}

fn sort(sorter: &mut Sorter, chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sorter.sort_chunk(chunk, Timestamp::default(), &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_kept_of_other_records_changes_nothing(
        config in config(),
        parts in proptest::collection::vec(
            (proptest::option::of(prop::sample::select(&[FARGATE, EC2][..])), proptest::collection::vec(record(), 1..30)), 1..4
        ),
    ) {
        let mut keeping = Sorter::new(config.clone());
        let mut task = None;
        for (document, records) in parts {
            if let Some(document) = document {
                let known = TaskIdentity::from_task(document).unwrap();
                keeping.set_task(&known);
                task = Some(known);
            }
            // Each kind comes a second time at least.
            for record in records.iter().chain(&records) {
                let mut fresh = Sorter::new(config.clone());
                task.iter().for_each(|task| fresh.set_task(task));
                prop_assert_eq!(sort(&mut keeping, record), sort(&mut fresh, record));
                prop_assert_eq!(keeping.take_new_container(), fresh.take_new_container());
            }
        }
    }
}

#[test]
fn a_label_that_is_the_record_id_stays_it_for_records_like_the_first() {
    let labels = LabelField::parse_list("com.example.id=record_id").unwrap();
    let mut sorter = Sorter::new(SorterConfig { labels, ..SorterConfig::default() });
    sorter.set_record_ids("stream");
    let mut record = vec![0x92];
    write::event_time(&mut record, 1_700_000_000, 0);
    write::map_header(&mut record, 2);
    for (name, value) in [("com.example.id", "7"), ("log", "hello")] {
        write::str(&mut record, name.as_bytes());
        write::str(&mut record, value.as_bytes());
    }
    let first = sort(&mut sorter, &record);
    assert!((0..3).all(|_| sort(&mut sorter, &record) == first));
    assert_eq!(sorter.last_record_id(), None);
}
