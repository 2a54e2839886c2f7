#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::event::EventKind;
use proptest::prelude::*;
use std::time::Duration;

/// An event with its number in it.
fn event(number: u32) -> Vec<u8> {
    let mut bytes = vec![0x92, 0xd7, 0, 0x65, 0, 0, 0, 0, 0, 0, 0, 0x82, 0xa1, b'n', 0xce];
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(&[0xa3, b'l', b'o', b'g', 0xa5]);
    bytes.extend_from_slice(b"hello");
    bytes
}

/// The same as Fluent Bit's own encoder writes it.
fn encoder_event(number: u32) -> Vec<u8> {
    let older = event(number);
    let header = [0xdd, 0, 0, 0, 2];
    [&header[..], &header, &older[1..11], &[0xdf, 0, 0, 0, 0, 0xdf, 0, 0, 0, 2], &older[12..]].concat()
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    Chunk::new(bytes)
        .filter_map(|item| match item {
            Item::Event(event) => Some(u32::from_be_bytes(event.body.content.get(3..7)?.try_into().unwrap())),
            Item::Bad(_) => None,
        })
        .collect()
}

fn covers(bytes: &[u8]) -> bool {
    let mut at = 0;
    for item in Chunk::new(bytes) {
        let (offset, raw) = match item {
            Item::Event(event) => (event.offset, event.raw),
            Item::Bad(bad) => (bad.offset, bad.bytes),
        };
        if offset != at || raw.is_empty() {
            return false;
        }
        at += raw.len();
    }
    at == bytes.len()
}

#[test]
fn the_good_events_around_a_bad_one_are_kept() {
    let bad: [(&str, Vec<u8>); 7] = [
        ("reserved byte", vec![0xc1]),
        ("whole value that is no event", vec![0xa3, b'a', b'b', b'c']),
        ("array of three", vec![0x93, 0x01, 0x02, 0x03]),
        ("time is text", vec![0x92, 0xa1, b'x', 0x80]),
        ("event cut inside its record", event(9)[..16].to_vec()),
        ("encoder's event cut inside its record", encoder_event(9)[..38].to_vec()),
        ("map that claims four billion pairs", vec![0x92, 0x05, 0xdf, 0xff, 0xff, 0xff, 0xff]),
    ];
    let forms = [event, encoder_event];
    for ((name, middle), event) in bad.iter().flat_map(|bad| forms.map(|form| (bad, form))) {
        let chunk = [event(1), event(2), middle.clone(), event(3), event(4)].concat();
        assert!(covers(&chunk), "{name}");
        assert_eq!(numbers(&chunk), [1, 2, 3, 4], "{name}");
        let bad_bytes: Vec<u8> = Chunk::new(&chunk)
            .filter_map(|item| if let Item::Bad(bad) = item { Some(bad.bytes.to_vec()) } else { None })
            .flatten()
            .collect();
        assert_eq!(&bad_bytes, middle, "{name}");
    }
}

#[test]
fn an_event_that_lost_its_last_byte_does_not_take_the_first_one_behind_it() {
    fn newer(number: u32) -> Vec<u8> {
        let older = event(number);
        [&[0x92, 0x92], &older[1..11], &[0x80], &older[11..]].concat()
    }
    // {"log": 1} without its last byte: the 0x92 behind it is a whole value. Without its last five: so are the encoder's.
    let cuts = [
        (newer(9)[..13].to_vec(), newer as fn(u32) -> Vec<u8>, vec![0xd0]),
        (encoder_event(9)[..25].to_vec(), encoder_event, vec![0xc4, 5]),
    ];
    for (head, event, value) in cuts {
        let cut = [&head[..], &[0x81, 0xa3, b'l', b'o', b'g'], &value].concat();
        let chunk = [event(1), cut.clone(), event(2), event(3)].concat();
        assert!(covers(&chunk));
        let lengths: Vec<usize> = Chunk::new(&chunk)
            .map(|item| match item {
                Item::Event(event) => event.raw.len(),
                Item::Bad(bad) => bad.bytes.len(),
            })
            .collect();
        let whole = event(1).len();
        assert_eq!(lengths, [whole, cut.len(), whole, whole]);
    }
}

#[test]
fn a_number_and_a_map_within_a_record_are_no_event() {
    // A key that is no text, and an array of seconds and a map; then the number as the end of a key, and the map behind it.
    let list = [&[0x92, 0xce, 0x65, 0, 0, 0, 0x81, 0xa1, b'a', 1][..], &[0xa1, b'b', 2]].concat();
    let key_and_map =
        [&[1, 0xa8, b'k', b'e', 0x92, 0xce, 0x65, 0, 0, 0, 0x81, 0xa1, b'a', 1][..], &[0xa1, b'b', 2]].concat();
    for pairs in [[&[1, 7, 0xd2, 0, 0, 0, 9][..], &list].concat(), [&[7][..], &key_and_map].concat()] {
        let odd = [&event(0)[..11], &[0x83], &pairs[..]].concat();
        let chunk = [event(1), odd.clone(), event(2), event(3)].concat();
        let items: Vec<Item<'_>> = Chunk::new(&chunk).collect();
        assert!(items.len() == 4 && items.iter().all(|item| matches!(item, Item::Event(_))), "{items:?}");
        // The same, when it has taken what is behind it.
        let mut greedy = odd;
        greedy[11] += 1;
        let chunk = [event(1), greedy, event(2), event(3), event(4)].concat();
        assert_eq!(numbers(&chunk), [1, 2, 3, 4]);
    }
}

#[test]
fn what_is_appended_to_a_record_does_not_make_an_event_of_what_is_in_it() {
    // A key that is no text, and as its value the beginning of an event: up to its first pair, and its header.
    let inside = [0x92, 0xce, 0x65, 0, 0, 0, 0x82, 0xa1, b'a', 1];
    let pair = [0xa1, b'c', 0xa1, b'd'];
    for (cut, pairs) in [(inside.len(), 1), (7, 2)] {
        let value = [&[7, 0xc4, u8::try_from(cut).unwrap()][..], &inside[..cut]].concat();
        let is_taken = |count: u8, appended: &[u8]| {
            let odd = [&event(0)[..11], &[0x80 + count], &value, appended].concat();
            let chunk = [event(1), odd.clone(), event(2), event(3)].concat();
            assert!(covers(&chunk));
            Chunk::new(&chunk).any(|item| matches!(item, Item::Event(event) if event.raw == odd))
        };
        let before_and_after = (is_taken(1, &[]), is_taken(1 + pairs, &pair.repeat(usize::from(pairs))));
        assert_eq!(before_and_after, (false, false), "cut to {cut} bytes");
    }
}

#[test]
fn arrays_within_each_other_are_no_events() {
    // Each could begin an event whose time is an array; a key that is no text makes them looked at.
    for depth in [1, 30, 300] {
        let nested = [vec![0x92; depth], vec![0xc0; depth + 1]].concat();
        let odd = [&event(0)[..11], &[0x81, 7], &nested[..]].concat();
        let chunk = [event(1), odd, event(2)].concat();
        let items: Vec<Item<'_>> = Chunk::new(&chunk).collect();
        assert!(items.len() == 3 && items.iter().all(|item| matches!(item, Item::Event(_))), "{depth}");
    }
}

#[test]
fn a_cut_off_tail_is_bad_and_what_came_before_is_kept() {
    let whole = [event(1), event(2)].concat();
    let chunk = &whole[..whole.len() - 1];
    assert_eq!(numbers(chunk), [1]);
    assert!(covers(chunk));
}

#[test]
fn group_markers_come_out_as_markers() {
    let start = [0x92, 0x92, 0xff, 0x80, 0x80];
    let chunk = [&start[..], &event(1)].concat();
    let kinds: Vec<EventKind> = Chunk::new(&chunk)
        .map(|item| if let Item::Event(event) = item { event.kind } else { panic!("bad bytes") })
        .collect();
    assert_eq!(kinds, [EventKind::GroupStart, EventKind::Record]);
}

/// CPU time of this thread: other work on the machine does not count.
fn cpu_time() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn a_hostile_chunk_takes_linear_work() {
    // Each header may begin an event whose time is an array, and so on: the naive search reads n bytes n times.
    for header in ARRAYS_OF_TWO {
        let chunk = header.repeat(2_000_000 / header.len());
        let started = cpu_time();
        assert!(covers(&chunk));
        let took = cpu_time() - started;
        assert!(took < Duration::from_secs(20), "took {took:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_covered_without_a_gap(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(covers(&bytes));
    }

    #[test]
    fn a_mutated_byte_costs_only_the_events_whose_bytes_it_makes_its_own(
        at in any::<prop::sample::Index>(), value in any::<u8>(), is_encoders in any::<bool>()
    ) {
        let event = if is_encoders { encoder_event } else { event };
        let mut chunk: Vec<u8> = (0..20).flat_map(event).collect();
        let at = at.index(chunk.len());
        chunk[at] = value;
        prop_assert!(covers(&chunk));
        // A byte that becomes the header of a map can make the following events its values: whole and well-formed. What
        // lies outside of the item that holds the byte must come out as it went in.
        let event_length = event(0).len();
        let items: Vec<(usize, usize, bool)> = Chunk::new(&chunk)
            .map(|item| match item {
                Item::Event(event) => (event.offset, event.offset + event.raw.len(), true),
                Item::Bad(bad) => (bad.offset, bad.offset + bad.bytes.len(), false),
            })
            .collect();
        let (start, end, _) = *items.iter().find(|(start, end, _)| (*start..*end).contains(&at)).unwrap();
        for number in 0..20 {
            let original = (number * event_length, (number + 1) * event_length);
            let is_touched = original.0 < end && start < original.1;
            prop_assert!(is_touched || items.contains(&(original.0, original.1, true)), "lost {} to byte {}", number, at);
        }
    }
}
