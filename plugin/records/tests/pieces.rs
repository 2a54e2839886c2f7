//! Lines that Docker has cut come out whole, and nothing of them is lost when they cannot.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::Timestamp;
use shiwake_records::msgpack::write;
use shiwake_records::sorter::{Pieces, Sorter, SorterConfig};

type Fields = Vec<(String, String)>;

/// A record at a time, its fields in the order given.
fn event(seconds: u32, fields: &[(String, String)]) -> Vec<u8> {
    let mut out = vec![0x92];
    write::event_time(&mut out, seconds, 0);
    write::map_header(&mut out, u32::try_from(fields.len()).unwrap());
    for (key, value) in fields {
        write::str(&mut out, key.as_bytes());
        write::str(&mut out, value.as_bytes());
    }
    out
}

fn record(container: &str, log: &str) -> Fields {
    [("container_id", container), ("container_name", "/web"), ("source", "stdout"), ("log", log)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

/// The pieces of a line as Docker's fluentd driver sends them.
fn pieces(container: &str, id: &str, parts: &[&str]) -> Vec<Fields> {
    let piece = |(number, part): (usize, &&str)| {
        let mut fields = record(container, part);
        let place = [
            ("partial_message", "true".to_owned()),
            ("partial_id", id.to_owned()),
            ("partial_ordinal", (number + 1).to_string()),
            ("partial_last", (number + 1 == parts.len()).to_string()),
        ];
        fields.extend(place.map(|(key, value)| (key.to_owned(), value)));
        fields
    };
    parts.iter().enumerate().map(piece).collect()
}

fn sorted(pieces: Pieces, chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sorter = Sorter::new(SorterConfig { pieces, ..SorterConfig::default() });
    sorter.sort_chunk(chunk, Timestamp::default(), &mut out);
    out
}

fn text(bytes: &[u8]) -> String {
    let event = rmpv::decode::read_value(&mut &bytes[..]).unwrap();
    event.as_array().unwrap()[1].to_string()
}

fn events(chunk: &[u8]) -> Vec<Vec<u8>> {
    Chunk::new(chunk)
        .map(|item| match item {
            Item::Event(event) => event.raw.to_vec(),
            Item::Bad(bad) => bad.bytes.to_vec(),
        })
        .collect()
}

#[test]
fn a_json_line_in_pieces_is_the_record_it_would_have_been() {
    let line = r#"{"level":"error","msg":"long","user_id":7}"#;
    let [first, second, third] = pieces("a", "x1", &[&line[..10], &line[10..30], &line[30..]]).try_into().unwrap();
    let other = record("b", "between");
    let chunk = [event(5, &first), event(6, &other), event(7, &second), event(8, &third)].concat();
    let whole = [event(6, &other), event(5, &record("a", line))].concat();
    assert_eq!(sorted(Pieces::Join, &chunk), sorted(Pieces::Join, &whole));
    assert!(text(&events(&sorted(Pieces::Join, &chunk))[1]).contains(r#""log_type": "error""#));
    assert_eq!(sorted(Pieces::JoinOrPass, &chunk), sorted(Pieces::Join, &whole));
    assert_eq!(events(&sorted(Pieces::Separate, &chunk)).len(), 4);
}

#[test]
fn pieces_that_do_not_make_a_line_are_kept_and_marked() {
    let [first, second, third] = pieces("a", "x1", &["one ", "two ", "three"]).try_into().unwrap();
    let with = |piece: &Fields, key: &str, value: &str| {
        let mut changed = piece.clone();
        changed.iter_mut().find(|(known, _)| known == key).unwrap().1 = value.to_owned();
        changed
    };
    let cases: [(&str, Vec<Fields>); 10] = [
        ("the last is missing", vec![first.clone(), second.clone()]),
        ("the first is missing", vec![second.clone(), third.clone()]),
        ("one in the middle is missing", vec![first.clone(), third.clone()]),
        ("one is there twice", vec![first.clone(), second.clone(), second.clone(), third.clone()]),
        ("another container", vec![first.clone(), with(&second, "container_id", "b"), third.clone()]),
        ("another stream", vec![first.clone(), second.clone(), with(&third, "source", "stderr")]),
        (
            "another field",
            vec![first.clone(), [second.clone(), record("a", "x")[..1].to_vec()].concat(), third.clone()],
        ),
        ("two ends", vec![first.clone(), with(&second, "partial_last", "true"), third.clone()]),
        ("only one", vec![second.clone()]),
        ("one that reads as a line of fields", vec![with(&second, "log", "level=info msg=two ")]),
    ];
    for (name, case) in cases {
        let chunk: Vec<u8> = case.iter().flat_map(|fields| event(5, fields)).collect();
        let out = sorted(Pieces::Join, &chunk);
        let out_events = events(&out);
        assert_eq!(out_events.len(), case.len(), "{name}");
        for (fields, out) in case.iter().zip(&out_events) {
            let out = text(out);
            let has = |key: &str, value: &str| out.contains(&format!("\"{key}\": \"{value}\""));
            assert!(fields.iter().all(|(key, value)| has(key, value)), "{name}: {out}");
            assert!(has("partial_incomplete", "true") && has("log_type", "app"), "{name}: {out}");
        }
        assert_eq!(sorted(Pieces::Join, &out), out, "{name}: sorted again");
        assert_eq!(sorted(Pieces::JoinOrPass, &chunk), chunk, "{name}: passed on");
    }
}

#[test]
fn records_that_only_look_like_pieces_are_records() {
    let [first, second] = pieces("a", "x1", &["one ", "two"]).try_into().unwrap();
    for (key, value) in
        [("partial_message", "no"), ("partial_id", ""), ("partial_ordinal", "second"), ("partial_last", "")]
    {
        let mut odd = second.clone();
        odd.iter_mut().find(|(known, _)| known == key).unwrap().1 = value.to_owned();
        let chunk = [event(5, &first), event(6, &odd)].concat();
        let out: Vec<String> = events(&sorted(Pieces::Join, &chunk)).iter().map(|event| text(event)).collect();
        let marked: Vec<bool> = out.iter().map(|text| text.contains("partial_incomplete")).collect();
        assert_eq!(marked, [true, false], "{key}");
    }
}

#[derive(Debug, Clone)]
struct Message {
    container: usize,
    line: String,
    cuts: Vec<prop::sample::Index>,
    turn: u64,
}

fn message() -> impl Strategy<Value = Message> {
    let line = prop_oneof!["[a-zé ]{1,40}", r#"\{"level":"(info|error)","m":"[a-z ]{0,30}"\}"#];
    let cuts = proptest::collection::vec(any::<prop::sample::Index>(), 0..6);
    (0..3_usize, line, cuts, any::<u64>()).prop_map(|(container, line, cuts, turn)| Message {
        container,
        line,
        cuts,
        turn,
    })
}

/// A line cut at characters, as texts here are strings; the joiner does not look at them.
fn cut<'a>(line: &'a str, cuts: &[prop::sample::Index]) -> Vec<&'a str> {
    let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
    let mut at: Vec<usize> = cuts.iter().map(|cut| *cut.get(&places)).chain([0, line.len()]).collect();
    at.sort_unstable();
    at.windows(2).map(|range| &line[range[0]..range[1]]).collect()
}

proptest! {
    /// Several containers write at once: each one's pieces stay in order, between them are others'. One and the same chunk
    /// goes to the output at once, and record for record through a filter first.
    #[test]
    fn whatever_was_cut_comes_out_as_it_was_written(
        messages in proptest::collection::vec(message(), 1..12), left_out in any::<prop::sample::Index>(), shuffle in any::<u64>()
    ) {
        let mut queues: Vec<Vec<(usize, Fields)>> = vec![Vec::new(); 3];
        let mut wholes = Vec::new();
        for (number, message) in messages.iter().enumerate() {
            let container = format!("container{}", message.container);
            let parts = cut(&message.line, &message.cuts);
            let fields = if parts.len() == 1 {
                vec![record(&container, &message.line)]
            } else {
                pieces(&container, &format!("id{number}"), &parts)
            };
            queues[message.container].extend(fields.into_iter().map(|mut fields| {
                let places = fields.len();
                fields.rotate_left((shuffle as usize).wrapping_add(number) % places);
                (number, fields)
            }));
            wholes.push(record(&container, &message.line));
        }
        // Takes turns by chance that the messages bring.
        let (mut order, mut turn) = (Vec::new(), messages.iter().fold(shuffle, |sum, message| sum.rotate_left(7) ^ message.turn));
        while queues.iter().any(|queue| !queue.is_empty()) {
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let queue = &mut queues[(turn >> 33) as usize % 3];
            if !queue.is_empty() {
                order.push(queue.remove(0));
            }
        }

        let chunk: Vec<u8> = order.iter().flat_map(|(number, fields)| event(*number as u32, fields)).collect();
        let joined = sorted(Pieces::Join, &chunk);
        let lines = |chunk: &[u8]| -> Vec<String> {
            events(chunk).iter().map(|event| {
                let value = rmpv::decode::read_value(&mut &event[..]).unwrap();
                let mut fields: Vec<String> = value[1].as_map().unwrap().iter().map(|(key, value)| format!("{key}={value}")).collect();
                fields.sort();
                format!("{} {}", value[0], fields.join(" "))
            }).collect()
        };
        // A message stands where its last piece does.
        let mut expected = Vec::new();
        for (at, (number, _)) in order.iter().enumerate() {
            if !order[at + 1..].iter().any(|(later, _)| later == number) {
                expected.extend(event(*number as u32, &wholes[*number]));
            }
        }
        prop_assert_eq!(lines(&joined), lines(&sorted(Pieces::Join, &expected)));

        let filtered: Vec<u8> =
            order.iter().flat_map(|(number, fields)| sorted(Pieces::JoinOrPass, &event(*number as u32, fields))).collect();
        prop_assert_eq!(lines(&sorted(Pieces::Join, &filtered)), lines(&joined));

        // Without one of the events all others are still there, and every byte of their text.
        let missing = left_out.index(order.len());
        let rest: Vec<_> = order.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, event)| event).collect();
        let chunk: Vec<u8> = rest.iter().flat_map(|(number, fields)| event(*number as u32, fields)).collect();
        let out = sorted(Pieces::Join, &chunk);
        let gap = order[missing].0;
        let marked = lines(&out).iter().filter(|line| line.contains("partial_incomplete")).count();
        prop_assert_eq!(marked, rest.iter().filter(|(number, _)| *number == gap).count());
    }
}
