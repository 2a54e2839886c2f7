#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;

/// `time` as given, then the record `{"a": 1}`.
fn legacy(time: &[u8]) -> Vec<u8> {
    [&[0x92], time, &[0x81, 0xa1, b'a', 0x01]].concat()
}

fn read(bytes: &[u8]) -> Result<Event<'_>, EventError> {
    Event::read(&mut Reader::new(bytes))
}

#[test]
fn every_form_of_time_is_read() {
    let cases: [(&str, Vec<u8>, i64, u32); 6] = [
        ("int", vec![0xce, 0x65, 0x00, 0x00, 0x00], 0x6500_0000, 0),
        ("float", [&[0xcb][..], &1_500_000_000.25_f64.to_be_bytes()].concat(), 1_500_000_000, 250_000_000),
        ("float before 1970", [&[0xcb][..], &(-10.25_f64).to_be_bytes()].concat(), -11, 750_000_000),
        ("event time", vec![0xd7, 0, 0x65, 0, 0, 0, 0, 0, 0, 7], 0x6500_0000, 7),
        ("event time as ext 8", vec![0xc7, 8, 0, 0x65, 0, 0, 0, 0, 0, 0, 7], 0x6500_0000, 7),
        ("nanoseconds above a second", vec![0xd7, 0, 0, 0, 0, 1, 0x3b, 0x9a, 0xca, 0x01], 2, 1),
    ];
    for (name, time, seconds, nanoseconds) in cases {
        let bytes = legacy(&time);
        let event = read(&bytes).unwrap();
        assert_eq!(event.time, Timestamp { seconds, nanoseconds }, "{name}");
        assert_eq!(event.kind, EventKind::Record, "{name}");
        assert_eq!(event.body.count, 1, "{name}");
        assert_eq!(event.time_raw, time, "{name}");
        assert_eq!(event.raw, bytes, "{name}");
    }
}

#[test]
fn the_newer_form_carries_metadata() {
    let bytes = [0x92, 0x92, 0x05, 0x81, 0xa1, b'm', 0xc3, 0x80];
    let event = read(&bytes).unwrap();
    assert_eq!(event.metadata.unwrap().whole, &bytes[3..7]);
    assert_eq!(event.time.seconds, 5);
    assert_eq!(event.body.count, 0);
}

#[test]
fn metadata_without_anything_are_read_in_each_form() {
    let time = [0xd7, 0, 0x67, 0x41, 0x1b, 0, 0, 0, 0, 7];
    for head in [&[0x92, 0x92][..], &[0xdd, 0, 0, 0, 2, 0xdd, 0, 0, 0, 2], &[0xdc, 0, 2, 0x92]] {
        for empty in [&[0x80][..], &[0xde, 0, 0], &[0xdf, 0, 0, 0, 0]] {
            let bytes = [head, &time, empty, &[0x81, 0xa1, b'k', 1]].concat();
            let event = read(&bytes).unwrap();
            let metadata = event.metadata.unwrap();
            assert_eq!((metadata.count, metadata.whole, metadata.content), (0, empty, &[][..]));
            assert_eq!((event.time.seconds, event.time.nanoseconds, event.time_raw), (0x6741_1b00, 7, &time[..]));
            assert_eq!((event.raw, event.body.count, event.body.content.len()), (&bytes[..], 1, 3));
        }
    }
}

#[test]
fn group_markers_are_told_from_records() {
    for (time, kind) in [
        (vec![0xff], EventKind::GroupStart),
        (vec![0xfe], EventKind::GroupEnd),
        (vec![0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], EventKind::GroupStart),
        (vec![0xd7, 0, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0], EventKind::GroupEnd),
    ] {
        assert_eq!(read(&legacy(&time)).unwrap().kind, kind);
    }
}

#[test]
fn what_is_no_event_says_what_was_expected_and_where() {
    let cases: [(&str, Vec<u8>, EventError); 6] = [
        ("not an array", vec![0x01], EventError::Shape { offset: 0, expected: "an array of a time and a record" }),
        (
            "array of three",
            vec![0x93, 1, 0x80, 0x80],
            EventError::Shape { offset: 0, expected: "an array of a time and a record" },
        ),
        ("time is text", legacy(&[0xa1, b'x']), EventError::Time { offset: 1 }),
        ("time is NaN", legacy(&[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]), EventError::Time { offset: 1 }),
        ("year 10000", legacy(&[0xcf, 0, 0, 0, 0x3a, 0xff, 0xf4, 0x41, 0x80]), EventError::Time { offset: 1 }),
        ("record is no map", vec![0x92, 0x05, 0x07], EventError::Shape { offset: 2, expected: "a map as the record" }),
    ];
    for (name, bytes, expected) in cases {
        let error = read(&bytes).unwrap_err();
        assert_eq!(error, expected, "{name}");
    }
}
