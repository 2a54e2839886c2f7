#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::twin::append_pairs;
use std::collections::{HashMap, HashSet};

fn records(seed: u64, count: usize) -> Vec<u8> {
    let mut shop = Shop::new(seed);
    let mut bytes = Vec::new();
    (0..count).for_each(|_| append_pairs(&mut bytes, &shop.next()));
    bytes
}

fn text<'a>(fields: &'a Pairs<'_>, name: &str) -> Option<&'a str> {
    fields.iter().find_map(|(key, value)| match value {
        Field::Text(text) if *key == name => Some(text.as_ref()),
        _ => None,
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert!(records(1, 2_000) == records(1, 2_000));
    assert!(records(1, 2_000) != records(2, 2_000));
}

#[test]
fn stacks_of_a_failure_differ_in_their_message_only() {
    let (mut shop, mut frames, mut stacks) = (Shop::new(1), HashSet::new(), 0);
    for _ in 0..20_000 {
        let fields = shop.next();
        if let Some(stack) = text(&fields, "error_stack") {
            let first =
                format!("{}: {}", text(&fields, "error_kind").unwrap(), text(&fields, "error_message").unwrap());
            frames.insert(stack.strip_prefix(&first).unwrap().to_owned());
            stacks += 1;
        }
    }
    assert!(stacks > 1_800 && (40..=failures::FAILURES).contains(&frames.len()), "{stacks} of {}", frames.len());
}

#[test]
fn a_user_has_one_address_and_two_browsers_and_ids_come_once() {
    let (mut shop, mut addresses, mut agents, mut ids) = (Shop::new(1), HashMap::new(), HashMap::new(), HashSet::new());
    let (mut requests, mut traced) = (0, 0);
    for _ in 0..20_000 {
        let fields = shop.next();
        let Some(user) = text(&fields, "user_id").filter(|_| text(&fields, "method").is_some()) else { continue };
        addresses
            .entry(user.to_owned())
            .or_insert_with(HashSet::new)
            .insert(text(&fields, "remote_addr").unwrap().to_owned());
        agents
            .entry(user.to_owned())
            .or_insert_with(HashSet::new)
            .insert(text(&fields, "user_agent").unwrap().to_owned());
        assert!(ids.insert(text(&fields, "request_id").unwrap().to_owned()));
        requests += 1;
        traced += i32::from(text(&fields, "trace_id").is_some());
    }
    assert!(addresses.values().all(|of_one| of_one.len() == 1));
    assert!(agents.values().all(|of_one| of_one.len() <= 2));
    assert!((23..27).contains(&(100 * traced / requests)), "{traced} of {requests}");
}

#[test]
fn a_file_has_the_same_length_each_time() {
    let (mut shop, mut lengths) = (Shop::new(1), HashMap::new());
    for _ in 0..20_000 {
        let fields = shop.next();
        let ints: HashMap<&str, i64> = fields
            .iter()
            .filter_map(|(key, value)| if let Field::Int(int) = value { Some((*key, *int)) } else { None })
            .collect();
        if text(&fields, "host") == Some(site::STATIC_HOST) && ints.get("status") == Some(&200) {
            let path = text(&fields, "path").unwrap().to_owned();
            let length = ints.get("bytes").copied().unwrap();
            assert_eq!(*lengths.entry(path).or_insert(length), length);
        }
    }
    assert!(lengths.len() > 300);
}
