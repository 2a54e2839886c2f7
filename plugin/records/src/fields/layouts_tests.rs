//! Which layouts are kept, found by the index's own ids: equal ones mean that nothing was listed anew.

use super::layouts::KEPT_KEYS;
use super::*;
use crate::msgpack::write;

/// A record with these keys, with a number under each.
fn record(keys: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    write::map_header(&mut out, keys.len() as u32);
    for (number, key) in keys.iter().enumerate() {
        write::str(&mut out, key.as_bytes());
        write::int(&mut out, number as i64);
    }
    out
}

/// The layout of a record, whose keys the index is found to hold.
fn layout_of(index: &mut FieldIndex, keys: &[&str]) -> LayoutId {
    let bytes = record(keys);
    let (body, all_text) = index.read(&mut Reader::new(&bytes)).unwrap().unwrap();
    assert!(all_text);
    for (number, key) in keys.iter().enumerate() {
        assert_eq!(index.get(&body, key.as_bytes()), Some(Value::Int(number as i64)), "{key} of {keys:?}");
    }
    assert_eq!(index.keys().count(), keys.len());
    assert!(!index.contains(b"absent"));
    index.layout_id()
}

/// All records in which each of four fields is there or not, in the middle of others and at the end.
fn with_and_without() -> Vec<Vec<&'static str>> {
    let optional = ["trace_id", "a field with quite a long name", "b", "user"];
    (0..16_usize)
        .map(|which| {
            let has = |at: usize| (which >> at & 1 == 1).then_some(optional[at]);
            let keys = [Some("time"), has(0), Some("level"), has(1), has(2), Some("message"), has(3)];
            keys.into_iter().flatten().collect()
        })
        .collect()
}

#[test]
fn records_with_fields_that_come_and_go_are_listed_once() {
    let (mut index, records) = (FieldIndex::default(), with_and_without());
    let first: Vec<LayoutId> = records.iter().map(|keys| layout_of(&mut index, keys)).collect();
    for stride in [1, 3, 5, 7, 11] {
        for step in 0..64 {
            let at = step * stride % records.len();
            assert_eq!(layout_of(&mut index, &records[at]), first[at], "{:?}", records[at]);
        }
    }
    for (at, layout) in first.iter().enumerate() {
        assert!(!first[..at].contains(layout));
    }
}

#[test]
fn what_no_record_had_lately_goes_first() {
    let mut index = FieldIndex::default();
    let frequent = ["time", "level", "message"];
    let kept = layout_of(&mut index, &frequent);
    for number in 0..5 * LAYOUTS {
        let other = format!("field {number}");
        let rare = layout_of(&mut index, &["time", &other, "message"]);
        assert_ne!(rare.slot, kept.slot);
        assert_eq!(layout_of(&mut index, &frequent), kept);
        assert!(index.layouts.len() <= LAYOUTS);
    }
    for number in 0..2 * LAYOUTS {
        layout_of(&mut index, &[format!("field {number}").as_str()]);
    }
    assert_ne!(layout_of(&mut index, &frequent), kept);
}

#[test]
fn records_that_are_wide_or_odd_take_nothing_from_others() {
    let mut index = FieldIndex::default();
    let kept = layout_of(&mut index, &["time", "level"]);
    let wide: Vec<String> = (0..3 * KEPT_KEYS).map(|number| format!("field {number}")).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    // {1: 2, "level": "x"}
    let odd = [0x82, 0x01, 0x02, 0xa5, b'l', b'e', b'v', b'e', b'l', 0xa1, b'x'];
    for _ in 0..2 * LAYOUTS {
        layout_of(&mut index, &wide);
        let (body, all_text) = index.read(&mut Reader::new(&odd)).unwrap().unwrap();
        assert!(!all_text && index.get(&body, b"level") == Some(Value::Str(b"x")) && index.keys().count() == 1);
    }
    assert_eq!(layout_of(&mut index, &["time", "level"]), kept);
    assert!(index.value_starts.capacity() <= KEPT_KEYS && index.layouts.len() == 2);
}

#[test]
fn more_keys_than_two_bytes_count_are_found() {
    let wide: Vec<String> = (0..70_000).map(|number| number.to_string()).collect();
    let bytes = record(&wide.iter().map(String::as_str).collect::<Vec<_>>());
    let Ok(Value::Map(body)) = Reader::new(&bytes).value() else { panic!("a map") };
    let mut index = FieldIndex::default();
    index.fill(&body);
    for number in [0, 255, 256, 65_534, 65_535, 65_536, 69_999] {
        assert_eq!(index.get(&body, number.to_string().as_bytes()), Some(Value::Int(number)));
    }
}

#[test]
fn a_set_is_asked_for_anew_for_each_layout() {
    const SET: KeySet = KeySet::new(&["a", "b", "c", "d"]);
    let mut index = FieldIndex::default();
    for keys in [&["d", "b"][..], &["x"], &["c", "b", "a", "d"], &["d"], &["x", "a", "a"]] {
        for _ in 0..3 {
            layout_of_any(&mut index, keys);
            let first = SET.names.iter().find(|name| keys.contains(name));
            let bytes = record(keys);
            let Ok(Value::Map(body)) = Reader::new(&bytes).value() else { panic!("a map") };
            let found = index.first_of(&body, &SET);
            assert_eq!(found.map(|(name, _)| name), first.copied());
            let place = first.and_then(|name| keys.iter().position(|key| key == name));
            assert_eq!(found.map(|(_, value)| value), place.map(|place| Value::Int(place as i64)));
            assert_eq!(index.has_any(&SET), first.is_some());
            assert_eq!(index.first_text_of(&body, &SET), None);
        }
    }
}

fn layout_of_any(index: &mut FieldIndex, keys: &[&str]) {
    index.read(&mut Reader::new(&record(keys))).unwrap();
}
