//! What an account finds, file by file, and in lakes made by chance.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::ledger::findings::{Double, Gap, LaneEnd, Neighbour};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A whole segment in one file.
fn footer(stream: &str, lane: &str, segment: u64, first_record: u64, records: u64) -> Footer {
    Footer {
        table: lane.to_owned(),
        lane: lane.to_owned(),
        stream: stream.to_owned(),
        segment,
        first_record,
        segment_records: records,
        part: 0,
        parts: 1,
        records,
        rows: records,
    }
}

/// A part of a segment, with its own records.
fn part(of: &Footer, (part, parts): (u32, u32), records: u64) -> Footer {
    Footer { part, parts, records, rows: records, ..of.clone() }
}

/// The key of a file that lies where it was written: each part in an hour of its own.
fn key_of(footer: &Footer) -> String {
    let hour = CivilHour { year: 2026, month: 1, day: 1 + u8::try_from(footer.segment).unwrap() % 28, hour: 0 };
    let hour = CivilHour { hour: u8::try_from(footer.part).unwrap(), ..hour };
    key::own(&footer.table, hour, &footer.stream, footer.segment)
}

fn account_of(files: &[(String, Footer)]) -> Report {
    let mut account = Account::default();
    files.iter().for_each(|(key, footer)| account.add(key, 100, footer));
    account.finish()
}

fn report_of(footers: &[Footer]) -> Report {
    account_of(&footers.iter().map(|footer| (key_of(footer), footer.clone())).collect::<Vec<_>>())
}

fn hour(day: u8, hour: u8) -> CivilHour {
    CivilHour { year: 2026, month: 1, day, hour }
}

#[test]
fn segments_side_by_side_add_up_and_say_how_far() {
    let report = report_of(&[
        footer("s", "app", 0, 0, 10),
        footer("s", "audit", 1, 0, 5),
        footer("s", "app", 2, 10, 7),
        footer("r", "app", 0, 0, 1),
    ]);
    assert!(report.adds_up());
    assert_eq!(
        report.total,
        Table { files: Count { objects: 4, bytes: 400 }, rows: 23, hours: Some((hour(1, 0), hour(3, 0))) }
    );
    assert_eq!(report.tables["app"].rows, 18);
    let streams = report.findings.streams;
    assert_eq!(streams.iter().map(|stream| &*stream.stream).collect::<Vec<_>>(), ["r", "s"]);
    let ends = [
        LaneEnd { lane: "app".into(), segment: 2, records: 17 },
        LaneEnd { lane: "audit".into(), segment: 1, records: 5 },
    ];
    assert_eq!(streams[1].lanes, ends);
    assert_eq!(streams[1].not_seen, []);
}

#[test]
fn a_gap_is_named_with_its_records_and_what_is_around() {
    let report = report_of(&[footer("s", "app", 1, 4, 10), footer("s", "app", 6, 20, 7)]);
    let (stream, lane): (Arc<str>, Arc<str>) = ("s".into(), "app".into());
    let first = Neighbour { segment: 1, hour: Some(hour(2, 0)) };
    let second = Neighbour { segment: 6, hour: Some(hour(7, 0)) };
    assert_eq!(
        report.findings.gaps,
        [
            Gap::Records { stream: stream.clone(), lane: lane.clone(), from: 0, to: 4, before: None, after: first },
            Gap::Records { stream, lane, from: 14, to: 20, before: Some(first), after: second },
        ]
    );
    assert_eq!(
        report.findings.gaps.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "app of stream s: records 0 to 3 (4) before segment 1 (2026-01-02 00:00), its first",
            "app of stream s: records 14 to 19 (6) between segment 1 (2026-01-02 00:00) and segment 6 (2026-01-07 00:00)",
        ]
    );
    assert_eq!(report.records_missing(), 10);
    assert_eq!(report.findings.streams[0].not_seen, [(0, 0), (2, 5)]);
}

#[test]
fn missing_parts_are_named_with_what_they_had() {
    let whole = footer("s", "app", 0, 0, 100);
    let report = report_of(&[part(&whole, (1, 6), 10), part(&whole, (4, 6), 20), footer("s", "app", 1, 100, 1)]);
    assert_eq!(
        report.findings.gaps.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "app of stream s: segment 0 (2026-01-01 01:00 to 2026-01-01 04:00) misses of its 6 parts, counted from 0: 0, 2-3, 5 (70 records)"
        ]
    );
    assert!(report.findings.mismatches.is_empty());
}

#[test]
fn a_copy_is_a_double_with_both_keys_and_nothing_else() {
    let file = footer("s", "app", 0, 0, 9);
    for copy in [
        "copy.parquet",
        "type=app/dt=2026-01-01/hour=00/copy.parquet",
        "type=app/dt=2027-01-01/hour=00/s-0000000000.parquet",
    ] {
        let report = account_of(&[(copy.to_owned(), file.clone()), (key_of(&file), file.clone())]);
        let Findings { gaps, doubles, mismatches, streams: _ } = report.findings;
        let [Double::Files { keys, rows, .. }] = doubles.as_slice() else { panic!("{copy}: {doubles:?}") };
        assert_eq!(keys.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&key_of(&file), &copy.to_owned()]), "{copy}");
        assert_eq!((*rows, gaps.len(), mismatches.len()), (9, 0, 0), "{copy}");
    }
}

#[test]
fn segments_that_claim_the_same_records_are_doubles() {
    let report = report_of(&[
        footer("s", "app", 0, 0, 100),
        footer("s", "app", 1, 10, 20),
        footer("s", "app", 2, 90, 20),
        footer("s", "app", 3, 110, 1),
    ]);
    let found = report.findings.doubles.iter().map(|double| match double {
        Double::Records { from, to, segments, .. } => (*from, *to, *segments),
        Double::Files { .. } => panic!("{double}"),
    });
    assert_eq!(found.collect::<Vec<_>>(), [(10, 30, [0, 1]), (90, 100, [0, 2])]);
    assert_eq!(report.rows_doubled(), 30);
    assert!(report.findings.gaps.is_empty());
}

#[test]
fn a_part_in_quarantine_counts_there_and_fills_its_place_in_its_lane() {
    let whole = footer("s", "app", 0, 0, 10);
    let rejected = Footer { table: "quarantine".to_owned(), ..part(&whole, (1, 2), 4) };
    let report = report_of(&[
        part(&whole, (0, 2), 6),
        rejected,
        footer("s", "app", 2, 10, 1),
        footer("s", "quarantine", 1, 0, 3),
    ]);
    assert!(report.adds_up(), "{:?}", report.findings);
    assert_eq!((report.tables["app"].rows, report.tables["quarantine"].rows), (7, 7));
}

#[test]
fn what_contradicts_itself_is_named() {
    let whole = footer("s", "app", 0, 0, 10);
    for (name, files, says) in [
        ("rows", vec![Footer { rows: 9, ..whole.clone() }], "says 10 records and has 9"),
        ("too few", vec![part(&whole, (0, 2), 4), part(&whole, (1, 2), 4)], "had 10 records, its files say 8"),
        ("too many", vec![part(&whole, (0, 2), 4), part(&whole, (1, 2), 9)], "had 10 records, its files say 13"),
        (
            "lanes",
            vec![part(&whole, (0, 2), 4), Footer { lane: "audit".to_owned(), ..part(&whole, (1, 2), 6) }],
            "do not say the same",
        ),
        (
            "numbers of parts",
            vec![part(&whole, (0, 2), 4), part(&whole, (1, 2), 6), part(&whole, (7, 9), 0)],
            "do not say the same",
        ),
    ] {
        let report = report_of(&files);
        let Findings { gaps, doubles, mismatches, streams: _ } = report.findings;
        let [mismatch] = mismatches.as_slice() else { panic!("{name}: {mismatches:?}") };
        assert!(mismatch.to_string().contains(says), "{name}: {mismatch}");
        assert_eq!((gaps.len(), doubles.len()), (0, 0), "{name}");
    }
}

#[test]
fn numbers_at_the_edge_do_not_overflow() {
    let edge = Footer { segment_records: u64::MAX, ..footer("s", "app", u64::MAX, u64::MAX, 1) };
    let edge = Footer { parts: u32::MAX, part: u32::MAX - 1, records: u64::MAX, rows: u64::MAX, ..edge };
    let report = account_of(&[("a.parquet".to_owned(), edge.clone()), ("b.parquet".to_owned(), edge)]);
    assert_eq!(report.total.rows, u64::MAX);
    assert_eq!(report.findings.doubles.len(), 1);
}

/// For each segment of a stream: its lane, and the records of its parts.
fn streams() -> impl Strategy<Value = Vec<Vec<(usize, Vec<u64>)>>> {
    let segment = (0..3_usize, prop::collection::vec(1..50_u64, 1..5));
    prop::collection::vec(prop::collection::vec(segment, 1..25), 1..4)
}

const LANES: [&str; 3] = ["app", "audit", "own"];

/// The files of streams, nothing missing.
fn tiled(streams: &[Vec<(usize, Vec<u64>)>]) -> Vec<Footer> {
    let mut files = Vec::new();
    for (number, segments) in streams.iter().enumerate() {
        let mut taken = [0; LANES.len()];
        for ((lane, parts), segment) in segments.iter().zip(0..) {
            let records = parts.iter().sum();
            let whole = footer(&format!("s{number}"), LANES[*lane], segment, taken[*lane], records);
            taken[*lane] += records;
            let count = u32::try_from(parts.len()).unwrap();
            files.extend(parts.iter().zip(0..).map(|(records, number)| part(&whole, (number, count), *records)));
        }
    }
    files
}

/// Which records of each stream and lane are missing and can be known to be, found record by record.
fn missing_records(files: &[Footer], kept: &[bool]) -> BTreeMap<(String, String), BTreeSet<u64>> {
    let mut missing = BTreeMap::<_, BTreeSet<u64>>::new();
    let segment_of = |file: &Footer| (file.stream.clone(), file.lane.clone(), file.segment);
    let seen: BTreeSet<_> =
        files.iter().zip(kept).filter(|(_, kept)| **kept).map(|(file, _)| segment_of(file)).collect();
    for file in files {
        let (stream, lane, segment) = segment_of(file);
        let followed = seen.iter().any(|(of, at, number)| (of, at) == (&stream, &lane) && *number > segment);
        if followed && !seen.contains(&(stream.clone(), lane.clone(), segment)) {
            let records = file.first_record..file.first_record + file.segment_records;
            missing.entry((stream, lane)).or_default().extend(records);
        }
    }
    missing
}

proptest! {
    #[test]
    fn exactly_what_was_taken_away_or_copied_is_named(
        streams in streams(),
        fates in prop::collection::vec(0..10_u8, 300),
        turn in 0..300_usize,
    ) {
        let files = tiled(&streams);
        // Some files are lost, some copied.
        let kept: Vec<bool> = files.iter().zip(&fates).map(|(_, fate)| *fate > 2).collect();
        let copied: Vec<bool> = files.iter().zip(&fates).map(|(_, fate)| *fate == 9).collect();
        let mut given = Vec::new();
        for ((file, kept), copied) in files.iter().zip(&kept).zip(&copied) {
            if *kept {
                given.push((key_of(file), file.clone()));
            }
            if *copied {
                given.push((format!("copies/{}", key_of(file)), file.clone()));
            }
        }
        let turn = turn % given.len().max(1);
        given.rotate_left(turn);
        let report = account_of(&given);

        let mut gaps = BTreeMap::<_, BTreeSet<u64>>::new();
        let mut parts = BTreeMap::new();
        for gap in &report.findings.gaps {
            match gap {
                Gap::Records { stream, lane, from, to, .. } => {
                    let new = gaps.entry((stream.to_string(), lane.to_string())).or_default();
                    for record in *from..*to {
                        prop_assert!(new.insert(record), "record {record} is named twice");
                    }
                }
                Gap::Parts { stream, segment, missing, records, .. } => {
                    let numbers: Vec<u64> = missing.iter().flat_map(|(first, last)| *first..=*last).collect();
                    parts.insert((stream.to_string(), *segment), (numbers, *records));
                }
            }
        }
        prop_assert_eq!(gaps, missing_records(&files, &kept));

        let mut lost_parts = BTreeMap::<_, (Vec<u64>, u64)>::new();
        for (file, _) in files.iter().zip(&kept).filter(|(_, kept)| !**kept) {
            let is_of_segment = |other: &Footer| (&other.stream, other.segment) == (&file.stream, file.segment);
            if files.iter().zip(&kept).any(|(other, kept)| *kept && is_of_segment(other)) {
                let lost = lost_parts.entry((file.stream.clone(), file.segment)).or_default();
                lost.0.push(u64::from(file.part));
                lost.1 += file.records;
            }
        }
        prop_assert_eq!(parts, lost_parts);

        let doubles: BTreeSet<Vec<String>> = report.findings.doubles.iter().map(|double| match double {
            Double::Files { keys, .. } => keys.clone(),
            Double::Records { .. } => vec![double.to_string()],
        }).collect();
        let copies = files.iter().zip(&copied).filter(|(_, copied)| **copied);
        let copies = copies.map(|(file, _)| vec![key_of(file), format!("copies/{}", key_of(file))]);
        prop_assert_eq!(doubles, copies.collect::<BTreeSet<_>>());
        prop_assert!(report.findings.mismatches.is_empty());
    }
}
