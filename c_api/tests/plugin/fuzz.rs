//! Random and mutated chunks: no crash, no hang, the good records kept, and sums that add up.

use super::lake::{rows, texts};
use super::{Turn, dist};
use fastrand::Rng;
use serde_json::json;
use shiwake_harness::{ChunkBuilder, ChunkFormat, Flush, Layout, Time};
use std::collections::HashSet;

/// Chunks in each layout; together more than 100,000.
const CHUNKS: u32 = 40_000;

/// Each layout has chunks of its own.
fn seed(layout: Layout) -> u64 {
    match layout {
        Layout::V1_9_10 => 0x5b1_4a4e,
        Layout::V4_2_8 => 0x5b1_4a4f,
        Layout::V5_1_1 | Layout::Unknown => 0x5b1_4a50,
    }
}

/// Good records with a bad part behind the first of them.
struct Specimen {
    chunk: Vec<u8>,
    bad_start: usize,
    /// Name and place of each good record.
    good: Vec<(String, std::ops::Range<usize>)>,
}

impl Specimen {
    fn new(random: &mut Rng, number: u32) -> Self {
        let format = if random.bool() { ChunkFormat::Legacy } else { ChunkFormat::WithMetadata };
        let mut good = Vec::new();
        let mut builder = ChunkBuilder::new(format);
        let mut push_good = |builder: &mut ChunkBuilder, random: &mut Rng, part: u32| {
            let name = format!("good-{number}-{part}");
            let time = Time::Event { secs: 1_700_000_000 + random.i32(0..3_600), nanos: random.u32(0..1_000_000_000) };
            let filler = "é\u{0}x".repeat(random.usize(0..20));
            let start = builder.len_bytes();
            builder
                .push(time, &json!({"log": name, "filler": filler, "n": random.i64(..), "deep": [[[random.bool()]]]}));
            good.push((name, start..builder.len_bytes()));
        };
        push_good(&mut builder, random, 0);
        let bad_start = builder.len_bytes();
        builder.push_raw(&bad_part(random, format));
        for part in 1..=random.u32(1..3) {
            push_good(&mut builder, random, part);
        }
        Self { chunk: builder.finish(), bad_start, good }
    }

    /// The good records that nobody can tell from content of the bad part: its bytes, with those of the records behind
    /// it, are one whole event by the rules of MessagePack, up to where another event begins or the chunk ends. Judged by
    /// a decoder of somebody else.
    fn is_excused(&self, place: &std::ops::Range<usize>) -> bool {
        let mut rest = &self.chunk[self.bad_start..];
        let Ok(rmpv::Value::Array(parts)) = rmpv::decode::read_value(&mut rest) else { return false };
        let end = self.chunk.len() - rest.len();
        let is_event = parts.len() == 2 && parts[1].is_map();
        let is_at_border = rest.is_empty() || self.good.iter().any(|(_, place)| place.start == end);
        is_event && is_at_border && place.start > self.bad_start && place.end <= end
    }
}

fn bad_part(random: &mut Rng, format: ChunkFormat) -> Vec<u8> {
    match random.u8(0..3) {
        // Garbage between good records.
        0 => {
            let length = random.usize(1..200);
            std::iter::repeat_with(|| random.u8(..)).take(length).collect()
        }
        // A record cut off anywhere.
        1 => {
            let mut whole = ChunkBuilder::new(format)
                .push(Time::Seconds(1_700_000_000), &json!({"log": "cut", "filler": "y".repeat(random.usize(0..300))}))
                .finish();
            whole.truncate(random.usize(1..whole.len()));
            whole
        }
        // A record with bytes changed.
        _ => {
            let mut whole = ChunkBuilder::new(format)
                .push(Time::Seconds(1_700_000_000), &json!({"log": "changed", "list": [1, "two", {"three": 4.5}]}))
                .finish();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(0..whole.len());
                whole[at] = random.u8(..);
            }
            whole
        }
    }
}

pub fn random_and_mutated_chunks_lose_no_good_record(layout: Layout) {
    println!("{CHUNKS} chunks from seed {:#x}", seed(layout));
    let turn = Turn::new(layout);
    let lake = tempfile::tempdir().unwrap();
    let filter_plugin = turn.host.load(dist("flb-filter_shiwake.so")).unwrap();
    let filter = filter_plugin.filter_instance(&[]).unwrap();
    let output_plugin = turn.host.load(dist("shiwake.so")).unwrap();
    // Not the time is tested here, which the host's Grace would bound.
    let properties = [("lake", lake.path().to_str().unwrap()), ("shutdown_timeout", "60s")];
    let output = output_plugin.output_instance(&properties).unwrap();

    let mut random = Rng::with_seed(seed(layout));
    let mut expected = HashSet::new();
    let mut excused = HashSet::new();
    for number in 0..CHUNKS {
        let specimen = Specimen::new(&mut random, number);
        let sorted = filter.run("app", &specimen.chunk).unwrap().or_input(&specimen.chunk);
        // The store is slower than this loop; the host would wait and try again.
        while output.flush("app", &sorted).unwrap() == Flush::Retry {
            std::thread::yield_now();
        }
        for (name, place) in &specimen.good {
            let set = if specimen.is_excused(place) { &mut excused } else { &mut expected };
            set.insert(name.clone());
        }
    }
    filter_plugin.exit_all().unwrap();
    output_plugin.exit_all().unwrap();

    let [accepted, written, quarantined, pending] = turn.ledgers()[0];
    assert_eq!((accepted, pending), (written + quarantined, 0));
    let typed: u64 = std::fs::read_dir(lake.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("type="))
        .map(|path| rows(&path))
        .sum();
    assert_eq!(typed, written);
    assert_eq!(rows(&lake.path().join("quarantine")), quarantined);
    assert!(quarantined > u64::from(CHUNKS) / 10, "{quarantined} of {CHUNKS} chunks had bad bytes");

    let mut found = HashSet::new();
    let mut doubled = 0;
    for entry in std::fs::read_dir(lake.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "quarantine" {
            for message in texts(&path, "message").into_iter().filter(|message| message.starts_with("good-")) {
                doubled += u64::from(!found.insert(message));
            }
        }
    }
    assert_eq!(doubled, 0);
    let missing: Vec<&String> = expected.difference(&found).take(20).collect();
    println!("{} good records, {} more inside of whole events", expected.len(), excused.len());
    assert!(missing.is_empty(), "{missing:?}");
    // About one changed record in thirty comes out whole.
    assert!(excused.len() * 50 < expected.len(), "{} records are excused", excused.len());
}
