#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::chunk::{Chunk, Item};
use crate::event::{Event, Timestamp};
use crate::identity::task::TaskIdentity;
use crate::sorter::{Sorter, SorterConfig};
use std::collections::BTreeMap;

const FARGATE: &[u8] = include_bytes!("../../../../tests/data/ecs/fargate_task.json");
const CURL: &str = "e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603";
const ACCESS: &str = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a.png HTTP/1.1" 200 203023 "-" "curl""#;

fn event(fields: &[(&str, rmpv::Value)]) -> Vec<u8> {
    let map = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    let mut bytes = Vec::new();
    let event = rmpv::Value::Array(vec![1_700_000_000.into(), rmpv::Value::Map(map)]);
    rmpv::encode::write_value(&mut bytes, &event).unwrap();
    bytes
}

fn record(own: &[(&str, &str)]) -> Vec<u8> {
    let all = [&[("log", ACCESS), ("container_id", CURL), ("ecs_cluster", "default")], own].concat();
    let all: Vec<(&str, rmpv::Value)> = all.iter().map(|(name, value)| (*name, (*value).into())).collect();
    event(&all)
}

fn sorter(placement: Placement) -> Sorter {
    let config = SorterConfig {
        tags: Some("team:shop".into()),
        placement,
        hostname: Some("web".into()),
        ..SorterConfig::default()
    };
    let mut sorter = Sorter::new(config);
    sorter.set_task(&TaskIdentity::from_task(FARGATE).unwrap());
    sorter
}

fn sort(placement: Placement, chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    sorter(placement).sort_chunk(chunk, Timestamp::default(), &mut out);
    out
}

/// The fields by name; one that is there twice fails the test.
fn fields(bytes: &[u8]) -> BTreeMap<String, rmpv::Value> {
    let Some(Item::Event(Event { body, .. })) = Chunk::new(bytes).next() else { panic!("no event") };
    let rmpv::Value::Map(pairs) = rmpv::decode::read_value(&mut &*body.whole).unwrap() else { panic!("no map") };
    let mut fields = BTreeMap::new();
    for (name, value) in pairs {
        let name = name.as_str().unwrap().to_owned();
        assert!(fields.insert(name.clone(), value).is_none(), "{name} twice");
    }
    fields
}

fn map() -> Placement {
    Placement::Map("origin".into())
}

fn from_map() -> Placement {
    Placement::FromMap("origin".into())
}

/// What stands flat in one and under the map in the other.
fn inner(fields: &BTreeMap<String, rmpv::Value>) -> BTreeMap<String, rmpv::Value> {
    let pairs = fields.get("origin").unwrap().as_map().unwrap().iter();
    pairs.map(|(name, value)| (name.as_str().unwrap().to_owned(), value.clone())).collect()
}

#[test]
fn the_map_holds_the_fields_of_the_origin_and_nothing_else() {
    let chunk = record(&[("region", "own")]);
    let flat = fields(&sort(Placement::Flat, &chunk));
    let folded = fields(&sort(map(), &chunk));
    let inside = inner(&folded);
    let mut together = folded;
    together.remove("origin");
    for name in ["log_type", "severity", "status", "remote_addr", "container_id", "region"] {
        assert!(together.contains_key(name) && !inside.contains_key(name), "{name}");
    }
    for name in ["task_arn", "image_name", "env", "service", "version", "hostname", "ddtags"] {
        assert!(inside.contains_key(name), "{name}");
    }
    together.extend(inside);
    assert_eq!(together, flat, "the same fields in all");
}

#[test]
fn an_output_has_the_same_record_whether_fields_were_flat_or_in_a_map() {
    for own in [&[][..], &[("ddtags", "own:1,team:shop")], &[("region", "own"), ("env", "x")], &[("trace_id", "1-5f")]]
    {
        let chunk = record(own);
        let flat = sort(Placement::Flat, &chunk);
        let folded = sort(map(), &chunk);
        assert_ne!(folded, flat, "{own:?}");
        let unfolded = sort(from_map(), &folded);
        assert_eq!(fields(&unfolded), fields(&flat), "{own:?}");
        assert_eq!(sort(from_map(), &unfolded), unfolded, "{own:?}");
        assert_eq!(sort(map(), &folded), folded, "{own:?}: a second filter changes nothing");
        assert_eq!(fields(&sort(from_map(), &chunk)), fields(&flat), "{own:?}: what no filter saw");
    }
}

#[test]
fn a_map_that_is_the_records_own_stays_and_hides_nothing() {
    let own_map = rmpv::Value::Map(vec![("x".into(), 1.into())]);
    for own in [own_map, "text".into()] {
        let chunk = event(&[("log", "hello".into()), ("container_id", CURL.into()), ("origin", own.clone())]);
        let flat = fields(&sort(Placement::Flat, &chunk));
        assert_eq!(fields(&sort(map(), &chunk)), flat);
        assert_eq!(fields(&sort(from_map(), &chunk)), flat);
        assert_eq!(flat.get("origin"), Some(&own));
    }
}

#[test]
fn of_a_map_nothing_is_lost_when_a_filter_behind_has_changed_the_record() {
    let known = |pairs: &[(&str, &str)]| {
        rmpv::Value::Map(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    };
    let both = known(&[("region", "of the map"), ("image_tag", "7")]);
    let chunk = event(&[("log_type", "app".into()), ("region", "other".into()), ("origin", both.clone())]);
    let found = fields(&sort(from_map(), &chunk));
    assert_eq!(found.get("origin"), Some(&both), "it stays, as its region would be lost");
    assert_eq!(found.get("region").unwrap().as_str(), Some("other"));
    assert_eq!(found.get("image_tag").unwrap().as_str(), Some("7"));
    let many: Vec<(String, String)> = (0..60).map(|number| (format!("f{number}"), "x".to_owned())).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([("env", "y")]).collect();
    let chunk = event(&[("log_type", "app".into()), ("origin", known(&many))]);
    assert_eq!(fields(&sort(from_map(), &chunk)).get("origin"), Some(&known(&many)), "more than any filter makes");
}

#[test]
fn a_destination_gets_what_it_needs_and_the_records_own_fields_stay() {
    let names = |needs: Needs, own: &[(&str, &str)]| {
        let before = fields(&sort(Placement::Flat, &record(own)));
        let after = fields(&sort(Placement::Only(needs), &record(own)));
        assert!(after.iter().all(|(name, value)| before.get(name) == Some(value)), "{needs:?}");
        before.into_keys().filter(|name| !after.contains_key(name)).collect::<Vec<_>>()
    };
    let origin = |but: &[&str]| {
        let mut all: Vec<&str> = ORIGIN_FIELDS.iter().filter_map(|field| field.name).collect();
        all.extend(["env", "service", "version", "hostname", "ddtags"]);
        // What the document has not, and what the record has itself.
        all.retain(|name| !["ecs_service", "image_digest", "container_id"].contains(name) && !but.contains(name));
        all.sort_unstable();
        all
    };
    assert_eq!(names(Needs::Lake, &[]), ["ddtags"]);
    assert_eq!(names(Needs::Datadog, &[]), origin(&["ddtags", "service", "hostname"]));
    assert_eq!(names(Needs::CloudWatch, &[]), origin(Needs::CloudWatch.fields().unwrap()));
    assert_eq!(names(Needs::Lake, &[("ddtags", "own:1")]), [""; 0], "its own tags stay, with ours");
}
