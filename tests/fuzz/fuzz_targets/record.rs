//! A line as FireLens hands it over, through all of the sorter: nothing of the record is lost, no name is there twice, and
//! sorting again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::Timestamp;
use shiwake_records::fields::FieldIndex;
use shiwake_records::msgpack::{Reader, write};
use shiwake_records::sorter::Sorter;

fuzz_target!(|line: &[u8]| {
    let mut event = vec![0x92];
    write::event_time(&mut event, 1_700_000_000, 0);
    write::map_header(&mut event, 2);
    for (key, value) in [(&b"source"[..], &b"stdout"[..]), (b"log", line)] {
        write::str(&mut event, key);
        write::str(&mut event, value);
    }
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    let mut sorter = Sorter::default();
    sorter.sort_chunk(&event, Timestamp::default(), &mut once);
    sorter.sort_chunk(&once, Timestamp::default(), &mut twice);
    assert_eq!(once, twice);

    let Some(Item::Event(sorted)) = Chunk::new(&once).next() else { panic!("no event") };
    let mut index = FieldIndex::default();
    index.fill(&sorted.body);
    assert!(index.contains(b"log_type") && index.contains(b"source"));
    let is_kept = index.get(&sorted.body, b"log").and_then(|value| value.as_str_bytes()) == Some(line);
    assert!(is_kept || line.contains(&b'=') || line.contains(&b'{'));
    let mut reader = Reader::new(sorted.body.content);
    let mut names = Vec::new();
    while let Ok(key) = reader.value() {
        names.extend(key.as_str_bytes());
        reader.skip().expect("a value");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
});
