//! Bytes of a host through the sorter: what comes out are events, as many as were counted, and sorting again changes nothing.
//!
//! That holds when no byte was bad: beside bad bytes it is a guess where an event begins, and what was appended to an
//! event that holds the beginning of another can make the guess another one. Nothing may panic in any case.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::Timestamp;
use shiwake_records::sorter::Sorter;

fuzz_target!(|chunk: &[u8]| {
    let received = Timestamp { seconds: 1_700_000_000, nanoseconds: 0 };
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    let mut sorter = Sorter::default();
    let sorted = sorter.sort_chunk(chunk, received, &mut once);
    if sorted.bad > 0 {
        return;
    }
    let events = Chunk::new(&once).filter(|item| matches!(item, Item::Event(_))).count() as u64;
    assert_eq!(events, sorted.records + sorted.markers + sorted.bad);
    let again = sorter.sort_chunk(&once, received, &mut twice);
    assert_eq!(again.bad, 0);
    assert_eq!(once, twice);
});
