//! Sorting allocates nothing for records of ordinary shapes once its memory is warm.
//!
//! Counting needs an allocator of its own, and that needs `unsafe`: the only one of this package, in a test of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shiwake_records::event::Timestamp;
use shiwake_records::identity::labels::LabelField;
use shiwake_records::identity::placement::{Needs, Placement};
use shiwake_records::identity::task::TaskIdentity;
use shiwake_records::msgpack::write;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts what the thread that asks is given; the harness of tests has threads of its own.
struct Counting;

fn count() {
    // A thread that ends has no counter any more.
    let _ = ALLOCATIONS.try_with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: everything is the system allocator's; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is the one asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ACCESS: &str = r#"83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /images/a.png?x=1 HTTP/1.1" 200 203023 "http://semicomplete.com/" "Mozilla/5.0 (X11; Linux x86_64)""#;

fn record(out: &mut Vec<u8>, fields: &[(&str, &str)]) {
    out.push(0x92);
    write::event_time(out, 1_700_000_000, 0);
    write::map_header(out, u32::try_from(fields.len()).unwrap());
    for (key, value) in fields {
        write::str(out, key.as_bytes());
        write::str(out, value.as_bytes());
    }
}

/// Allocations while `chunk` is sorted, after it was sorted before.
fn allocations(chunk: &[u8]) -> u64 {
    allocations_with(chunk, SorterConfig::default())
}

fn allocations_with(chunk: &[u8], config: SorterConfig) -> u64 {
    let config = SorterConfig { tags: Some("team:shop,tier:web".to_owned()), ..config };
    let (mut sorter, mut out) = (Sorter::new(config), Vec::new());
    let task = TaskIdentity::from_task(include_bytes!("../../../tests/data/ecs/fargate_task.json")).unwrap();
    sorter.set_task(&task);
    sorter.sort_chunk(chunk, Timestamp::default(), &mut out);
    out.clear();
    let before = ALLOCATIONS.get();
    sorter.sort_chunk(chunk, Timestamp::default(), &mut out);
    let counted = ALLOCATIONS.get() - before;
    assert!(out.len() > chunk.len());
    counted
}

/// What FireLens writes into records of the task that is known, of one of its containers or of a new one.
fn of_known_task(container: &'static str) -> [(&'static str, &'static str); 6] {
    [
        ("container_id", container),
        ("container_name", "curl"),
        ("source", "stdout"),
        ("ecs_cluster", "default"),
        ("ecs_task_arn", "arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3"),
        ("ecs_task_definition", "curltest:3"),
    ]
}

#[test]
fn records_of_a_known_task_cost_no_allocation() {
    for container in ["e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603", "new"] {
        for own in [&[][..], &[("ddtags", "own:1,env:prod")], &[("env", "Staging"), ("version", "\u{e9}7")]] {
            let mut chunk = Vec::new();
            for _ in 0..100 {
                record(&mut chunk, &[&of_known_task(container)[..], own, &[("log", ACCESS)]].concat());
            }
            assert_eq!(allocations(&chunk), 0, "{container} {own:?}");
        }
    }
}

#[test]
fn labels_and_another_place_for_fields_cost_no_allocation() {
    let mut chunk = Vec::new();
    for _ in 0..100 {
        record(
            &mut chunk,
            &[&of_known_task("e9028f8d5d8e4f258373e7b93ce9a3c3-2495160603")[..], &[("log", ACCESS)]].concat(),
        );
    }
    let labels = LabelField::parse_list("com.amazonaws.ecs.container-name=piece").unwrap();
    let places = [
        Placement::Flat,
        Placement::Map("origin".to_owned()),
        Placement::FromMap("origin".to_owned()),
        Placement::Only(Needs::CloudWatch),
    ];
    for placement in places {
        let config = SorterConfig { labels: labels.clone(), placement, ..SorterConfig::default() };
        assert_eq!(allocations_with(&chunk, config.clone()), 0, "{:?}", config.placement);
    }
}

#[test]
fn records_of_ordinary_shapes_cost_no_allocation() {
    let ecs = [
        ("container_id", "c0ffee"),
        ("container_name", "/ecs-shop-7-web-c0ffee"),
        ("source", "stdout"),
        ("ecs_cluster", "prod"),
        ("ecs_task_arn", "arn:aws:ecs:eu-west-1:123456789012:task/prod/0a1b"),
        ("ecs_task_definition", "shop:7"),
    ];
    for (name, line) in [
        ("access", ACCESS),
        ("json", r#"{"level":"info","msg":"say \"hello\"","n":1.5,"user":{"id":7,"roles":["a"]},"source":"x"}"#),
        ("logfmt", r#"ts=2024-01-02T03:04:05Z level=info msg="a \"b\"" user=7"#),
        ("logger", "2015-05-17 10:05:03,123 ERROR [main] com.example.Shop: cannot pay"),
        ("exception", "java.lang.IllegalStateException: no\n\tat com.example.Shop.pay(Shop.java:7)"),
        ("syslog", "<34>Oct 11 22:14:15 host sshd[7]: Failed password for root from 1.2.3.4 port 5 ssh2"),
        ("nginx error", "2015/05/17 10:05:03 [error] 7#0: *1 open() failed, client: 1.2.3.4, server: a.org"),
        ("text", "hello"),
    ] {
        let mut chunk = Vec::new();
        for number in 0..100 {
            let number = number.to_string();
            record(&mut chunk, &[&ecs[..], &[("number", &number), ("log", line)]].concat());
        }
        assert_eq!(allocations(&chunk), 0, "{name}");
    }
}

#[test]
fn pieces_of_a_line_cost_no_allocation() {
    let mut chunk = Vec::new();
    for id in ["a", "b", "c"] {
        for (ordinal, last) in [("1", "false"), ("2", "true")] {
            let place = [("partial_id", id), ("partial_ordinal", ordinal), ("partial_last", last)];
            record(&mut chunk, &[&[("log", ACCESS), ("partial_message", "true")], &place[..]].concat());
        }
    }
    let joined = {
        let mut out = Vec::new();
        Sorter::default().sort_chunk(&chunk, Timestamp::default(), &mut out).records
    };
    assert_eq!((joined, allocations(&chunk)), (3, 0));
}

#[test]
fn a_record_that_is_very_wide_is_counted() {
    let names: Vec<String> = (0..5_000).map(|number| format!("field{number}")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let mut chunk = Vec::new();
    record(&mut chunk, &fields);
    assert!(allocations(&chunk) > 0);
}
