#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::super::format::{encode_block, encode_seal};
use super::super::segment::{Block, ChunkId, ChunkMark, SegmentId};
use super::*;
use crate::lane::Lane;
use proptest::prelude::*;

/// A file with blocks of these events, each a record, and where the blocks end: the first one where the header does.
fn file(blocks: &[Vec<u8>], is_sealed: bool) -> (Vec<u8>, Vec<usize>) {
    let id = SegmentId { stream: "0123456789abcdef0123456789ab".into(), lane: Lane::Quarantine, number: 7 };
    let (mut file, seed) = Header { id, first_record: 11, sorting: 13 }.encode();
    let (mut ends, mark) = (vec![file.len()], ChunkMark { id: ChunkId(5), sequence: 6, lanes: 1 });
    for events in blocks {
        let block = Block { tag: "t".into(), events: Bytes::copy_from_slice(events), records: 1, places: None };
        file.extend(encode_block(seed, file.len() as u64, &mark, &block));
        file.extend(events);
        ends.push(file.len());
    }
    if is_sealed {
        file.extend(encode_seal(seed, file.len() as u64, blocks.len() as u64, &vec![mark; blocks.len()]));
    }
    (file, ends)
}

proptest! {
    #[test]
    fn each_byte_behind_the_header_is_of_a_block_that_was_written_or_named_as_damaged(
        blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6),
        is_sealed: bool,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..4),
    ) {
        let (whole, ends) = file(&blocks, is_sealed);
        let mut bytes = whole.clone();
        for (place, change) in &changes {
            let place = ends[0] + place.index(bytes.len() - ends[0]);
            bytes[place] ^= change;
        }
        let bytes = Bytes::from(bytes);
        let read = SetAside::read(&bytes).unwrap();
        let has_seal = read.sealed_records == Some(blocks.len() as u64);
        prop_assert!(has_seal || read.sealed_records.is_none());
        let mut pieces: Vec<_> = read.places.iter().chain(&read.damaged).cloned().collect();
        pieces.sort_by_key(|piece| piece.start);
        let end = if has_seal { ends[blocks.len()] } else { bytes.len() };
        prop_assert_eq!(pieces.first().unwrap().start, ends[0]);
        prop_assert_eq!(pieces.last().unwrap().end, end);
        prop_assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
        for (place, block) in read.places.iter().zip(&read.segment.blocks) {
            prop_assert_eq!(&whole[place.clone()], &bytes[place.clone()]);
            prop_assert!(bytes[place.clone()].ends_with(&block.events));
        }
        prop_assert_eq!(read.segment.records, read.places.len() as u64);
        if bytes == whole {
            prop_assert_eq!((read.places.len(), read.damaged.len(), has_seal), (blocks.len(), 0, is_sealed));
        }
    }
}

#[test]
fn a_file_whose_header_is_damaged_is_no_segment() {
    let (mut bytes, _) = file(&[b"one".to_vec()], true);
    bytes[25] ^= 1;
    assert_eq!(SetAside::read(&Bytes::from(bytes)).unwrap_err(), FormatError::Header);
    assert_eq!(SetAside::read(&Bytes::new()).unwrap_err(), FormatError::Magic);
}
