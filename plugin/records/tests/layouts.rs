//! What is kept from record to record changes nothing: an index and a sorter that have seen others give each record the same
//! as new ones do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shiwake_records::event::{Event, Timestamp};
use shiwake_records::fields::{FieldIndex, KeySet};
use shiwake_records::msgpack::{Reader, write};
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::{Sorter, SorterConfig};

/// Keys that built-in rules ask for, keys of one length, of more than sixteen bytes with the same first sixteen, and a nested one.
const KEYS: [&str; 16] = [
    "status",
    "method",
    "level",
    "message",
    "actor",
    "action",
    "eventSource",
    "stack",
    "user_id",
    "event",
    "http.status",
    "http",
    "container_name_long_a",
    "container_name_long_b",
    "",
    "log_type",
];

#[derive(Debug, Clone)]
enum Part {
    Text(&'static str),
    Int(i64),
    Nested(&'static str, i64),
    List(usize),
    Long(usize),
}

/// A key, and whether it is text, text with a longer header than it needs, or a number.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    WideText,
    Number,
}

type Field = (usize, Form, Part);

const TEXTS: [&str; 6] = ["GET", "error", "info", "access", "payload", "a.b.CException: x\n\tat a.b.C.d(C.java:1)"];

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        4 => prop::sample::select(TEXTS.to_vec()).prop_map(Part::Text),
        3 => prop::sample::select(vec![0, 1, 200, 404, 503, -1, 70_000]).prop_map(Part::Int),
        2 => (prop::sample::select(vec!["status", "method"]), 0..600_i64).prop_map(|(key, int)| Part::Nested(key, int)),
        1 => (0..4_usize).prop_map(Part::List),
        1 => (250..70_000_usize).prop_map(Part::Long),
    ]
}

fn field() -> impl Strategy<Value = Field> {
    let form = prop_oneof![12 => Just(Form::Text), 2 => Just(Form::WideText), 1 => Just(Form::Number)];
    (0..KEYS.len(), form, part())
}

/// Records of which many have the keys of the one before, with other values.
fn records() -> impl Strategy<Value = Vec<Vec<Field>>> {
    let first = prop::collection::vec(field(), 0..10);
    let step = (prop::collection::vec(field(), 0..10), prop::collection::vec(part(), 10), 0..7_u8, any::<u16>());
    (first, prop::collection::vec(step, 1..40)).prop_map(|(first, steps)| {
        let mut all = vec![first];
        for (other, parts, kind, left) in steps {
            let before = all.last().cloned().unwrap_or_default();
            let same_keys =
                || before.iter().zip(&parts).map(|((key, form, _), part)| (*key, *form, part.clone())).collect();
            all.push(match kind {
                0 => other,
                1 => all[0].clone(),
                2 => all[left as usize % all.len()].clone(),
                // Fields of one that was before, and some that go on behind it.
                3 | 4 => {
                    let some = |(at, _): &(usize, &Field)| left >> at & 1 == 1;
                    let begin = all[0].iter().enumerate().filter(some).map(|(_, field)| field.clone());
                    begin.chain(other.into_iter().take(usize::from(kind - 3))).collect()
                }
                _ => same_keys(),
            });
        }
        all
    })
}

fn write_part(out: &mut Vec<u8>, part: &Part) {
    match part {
        Part::Text(text) => write::str(out, text.as_bytes()),
        Part::Int(int) => write::int(out, *int),
        Part::Nested(key, int) => {
            write::map_header(out, 1);
            write::str(out, key.as_bytes());
            write::int(out, *int);
        }
        Part::List(count) => {
            out.push(0x90 | *count as u8);
            (0..*count).for_each(|at| write::int(out, at as i64));
        }
        Part::Long(bytes) => write::str(out, "x".repeat(*bytes).as_bytes()),
    }
}

fn event(fields: &[Field]) -> Vec<u8> {
    let mut out = vec![0x92];
    write::event_time(&mut out, 1_772_431_200, 0);
    write::map_header(&mut out, fields.len() as u32);
    for (key, form, part) in fields {
        let text = KEYS[*key].as_bytes();
        match form {
            Form::Text => write::str(&mut out, text),
            Form::WideText => {
                out.extend_from_slice(&[0xda, 0, text.len() as u8]);
                out.extend_from_slice(text);
            }
            Form::Number => write::int(&mut out, *key as i64),
        }
        write_part(&mut out, part);
    }
    out
}

/// Rules that ask for what the keys of a record may decide or leave open.
fn rules() -> SorterConfig {
    let text = r#"
        [[rule]]
        name = "nested"
        type = "access"
        when = { field = "http.status", at_least = 100 }

        [[rule]]
        name = "without"
        set = { without = "yes" }
        when.all = [{ field = "level", exists = false }, { field = ["actor", "event"], exists = true }]

        [[rule]]
        name = "not"
        type = "activity"
        when.not = { any = [{ field = "message", exists = true }, { field = "stack", exists = true }, { field = "status", at_least = 1 }] }

        [[rule]]
        name = "first of a run"
        set = { first = "yes" }
        match = "pay"

        [[rule]]
        name = "second of a run"
        type = "audit"
        match = "load$"
        when.field = "level"
        when.exists = true

        [[rule]]
        name = "third of a run"
        set = { third = "yes" }
        match = ["a[.]b", "nothing has this"]

        [[rule]]
        name = "by facts"
        set = { facts = "yes" }
        when = { severity.at_least = "error", format = ["exception", "unknown"] }
    "#;
    let rules = RuleSet::parse("test.toml", text).unwrap();
    SorterConfig { rules: rules.into(), ..SorterConfig::default() }
}

/// Sets of keys, of which records have none to more than are kept.
const SETS: [KeySet; 4] = [
    KeySet::new(&["severity", "level", "status"]),
    KeySet::new(&["absent"]),
    KeySet::new(&["message", "actor", "action", "method", "level", "status", "user_id"]),
    KeySet::new(&["container_name_long_b", ""]),
];
const NAMES: [&[&str]; 4] = [
    &["severity", "level", "status"],
    &["absent"],
    &["message", "actor", "action", "method", "level", "status", "user_id"],
    &["container_name_long_b", ""],
];

proptest! {
    #[test]
    fn an_index_that_has_seen_others_lists_the_same_as_a_new_one(records in records()) {
        let mut used = FieldIndex::default();
        for fields in &records {
            let bytes = event(fields);
            let event = Event::read_indexed(&mut Reader::new(&bytes), &mut used).unwrap();
            let mut new = FieldIndex::default();
            new.fill(&event.body);
            for key in KEYS.iter().copied().chain(["absent", "statuses"]) {
                let naive = fields.iter().position(|(at, form, _)| KEYS[*at] == key && !matches!(form, Form::Number));
                prop_assert_eq!(used.contains(key.as_bytes()), naive.is_some());
                let (value, pair) = (used.get(&event.body, key.as_bytes()), used.pair(&event.body, key.as_bytes()));
                prop_assert_eq!(new.get(&event.body, key.as_bytes()), value);
                prop_assert_eq!(new.pair(&event.body, key.as_bytes()), pair.clone());
                let expected = naive.map(|at| {
                    let before = event.body.content.len() - content(&fields[at..]).len();
                    before..before + content(&fields[at..=at]).len()
                });
                prop_assert_eq!(pair, expected);
                let mut written = Vec::new();
                if let Some(at) = naive {
                    write_part(&mut written, &fields[at].2);
                    prop_assert_eq!(value, Reader::new(&written).value().ok());
                }
            }
            for (set, names) in SETS.iter().zip(NAMES) {
                let get = |name: &&'static str| Some((*name, new.get(&event.body, name.as_bytes())?));
                let text = |name: &&'static str| Some((*name, get(name)?.1.as_str_bytes()?));
                prop_assert_eq!(used.first_of(&event.body, set), names.iter().find_map(get));
                prop_assert_eq!(used.first_text_of(&event.body, set), names.iter().find_map(text));
                prop_assert_eq!(used.has_any(set), names.iter().any(|name| get(name).is_some()));
            }
        }
    }

    #[test]
    fn a_sorter_that_has_seen_others_gives_the_same_as_a_new_one(records in records()) {
        for config in [SorterConfig::default(), rules()] {
            let mut used = Sorter::new(config.clone());
            for fields in &records {
                let bytes = event(fields);
                let (mut by_used, mut by_new) = (Vec::new(), Vec::new());
                used.sort_chunk(&bytes, Timestamp::default(), &mut by_used);
                Sorter::new(config.clone()).sort_chunk(&bytes, Timestamp::default(), &mut by_new);
                prop_assert_eq!(by_used, by_new);
            }
        }
    }

    #[test]
    fn steps_find_the_rule_that_asking_one_condition_after_the_other_finds(records in records()) {
        for config in [SorterConfig::default(), rules()] {
            let (mut by_steps, mut by_conditions) = (Sorter::new(config.clone()), Sorter::new(config.clone()));
            by_steps.set_tag(b"");
            let mut held = vec![0; by_steps.rules().rules().len()];
            for fields in &records {
                let bytes = event(fields);
                let event = Event::read(&mut Reader::new(&bytes)).unwrap();
                let verdict = by_steps.sort(&event, &mut Vec::new()).unwrap();
                let explanation = by_conditions.explain(&event).unwrap();
                prop_assert_eq!(verdict.rule, explanation.rule);
                for at in explanation.held.iter().filter_map(|reason| reason.rule.place()) {
                    held[at] += 1;
                }
            }
            let matched: Vec<u64> = by_steps.rule_counts().iter().map(|counts| counts.matched).collect();
            prop_assert_eq!(matched, held);
        }
    }
}

/// The pairs of a record as MessagePack.
fn content(fields: &[Field]) -> Vec<u8> {
    let bytes = event(fields);
    Event::read(&mut Reader::new(&bytes)).unwrap().body.content.to_vec()
}
