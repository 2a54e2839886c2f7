#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::spool::{Block, SegmentId};
use shiwake_records::log_type::LogType;

fn segment(blocks: &[Vec<String>]) -> LoadedSegment {
    let block = |lines: &Vec<String>| {
        let mut events = Vec::new();
        for line in lines {
            let map = rmpv::Value::Map(vec![("log".into(), line.as_str().into())]);
            rmpv::encode::write_value(&mut events, &rmpv::Value::Array(vec![1_700_000_000.into(), map])).unwrap();
        }
        Block { tag: "t".into(), events: events.into(), records: lines.len() as u64, places: None }
    };
    let blocks: Vec<Block> = blocks.iter().map(block).collect();
    let id = SegmentId { stream: "s".into(), lane: Lane::Typed(LogType::App), number: 0 };
    LoadedSegment { id, first_record: 0, records: blocks.iter().map(|block| block.records).sum(), blocks }
}

fn payloads(segment: &LoadedSegment, is_done: impl Fn(u64) -> bool) -> Vec<(Range<u64>, Vec<String>)> {
    let mut writer = PayloadWriter::new(EntryOptions::default(), Compression::None).unwrap();
    let mut position = Position::default();
    let mut found = Vec::new();
    while let Some(payload) = writer.next(segment, &mut position, &is_done).unwrap() {
        assert_eq!(payload.body.len() as u64, payload.json_bytes);
        assert!(payload.body.len() <= MAX_PAYLOAD_BYTES);
        let entries: Vec<serde_json::Value> = serde_json::from_slice(&payload.body).unwrap();
        assert!(entries.len() as u64 <= MAX_PAYLOAD_ENTRIES);
        assert_eq!(entries.len() as u64, payload.records.end - payload.records.start);
        let messages = entries.iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect();
        found.push((payload.records, messages));
    }
    found
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("line {number}")).collect()
}

#[test]
fn every_record_is_in_one_payload_in_order() {
    let lines = numbered(2_500);
    let segment = segment(&[lines[..700].to_vec(), Vec::new(), lines[700..].to_vec(), Vec::new()]);
    let found = payloads(&segment, |_| false);
    assert_eq!(found.iter().map(|(records, _)| records.clone()).collect::<Vec<_>>(), [0..1000, 1000..2000, 2000..2500]);
    assert_eq!(found.into_iter().flat_map(|(_, messages)| messages).collect::<Vec<_>>(), lines);
}

#[test]
fn a_payload_ends_before_five_megabytes_also_by_one_byte() {
    let line = |bytes: usize| "x".repeat(bytes);
    let around = |bytes: usize| {
        let mut lines = vec![line(900_000); 5];
        lines.push(line(bytes));
        payloads(&segment(&[lines]), |_| false).len()
    };
    let overhead =
        serde_json::to_vec(&serde_json::json!({"timestamp": 1_700_000_000_000_u64, "message": ""})).unwrap().len();
    // Six entries, five commas, two brackets.
    let room = MAX_PAYLOAD_BYTES - 7 - 6 * overhead - 5 * 900_000;
    assert_eq!((around(room), around(room + 1)), (1, 2));
}

#[test]
fn what_is_done_is_left_out_and_payloads_have_no_holes() {
    let segment = segment(&[numbered(10)]);
    let found = payloads(&segment, |record| matches!(record, 0 | 3 | 4 | 9));
    let lines = |numbers: &[u64]| numbers.iter().map(|number| format!("line {number}")).collect::<Vec<_>>();
    assert_eq!(found, [(1..3, lines(&[1, 2])), (5..9, lines(&[5, 6, 7, 8]))]);
    assert_eq!(payloads(&segment, |_| true), []);
}

#[test]
fn what_is_cut_is_told_and_its_line_is_whole() {
    let segment = segment(&[vec!["a".into(), "b".repeat(1_200_000), "c".into()]]);
    let mut writer = PayloadWriter::new(EntryOptions::default(), Compression::None).unwrap();
    let payload = writer.next(&segment, &mut Position::default(), |_| false).unwrap().unwrap();
    assert_eq!((payload.records, payload.cut), (0..3, vec![1]));
    let mut lines = Vec::new();
    writer.lines(&segment, |record| record == 1, |line| lines.push(line.to_vec())).unwrap();
    let found: serde_json::Value = serde_json::from_slice(&lines[0]).unwrap();
    assert_eq!((lines.len(), found["message"].as_str().unwrap().len()), (1, 1_200_000));
}

#[test]
fn a_damaged_segment_is_an_error_with_its_place() {
    let mut segment = segment(&[numbered(2)]);
    let mut events = segment.blocks[0].events.to_vec();
    let length = events.len();
    events.push(0xc1);
    segment.blocks[0].events = events.into();
    let mut writer = PayloadWriter::new(EntryOptions::default(), Compression::None).unwrap();
    let error = writer.next(&segment, &mut Position::default(), |_| false).unwrap_err();
    assert_eq!(error.to_string(), format!("segment is damaged: no event at offset {length} of block 0"));
}
