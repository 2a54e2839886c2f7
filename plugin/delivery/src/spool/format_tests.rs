#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use proptest::prelude::*;
use shiwake_records::log_type::LogType;

const AUDIT: Lane = Lane::Typed(LogType::Audit);

fn header() -> Header {
    let id = SegmentId { stream: "0123456789abcdef0123456789ab".into(), lane: AUDIT, number: 7 };
    Header { id, first_record: 11, sorting: 13 }
}

fn block(tag: &str, events: &[u8], records: u64) -> Block {
    Block { tag: tag.into(), events: Bytes::copy_from_slice(events), records, places: None }
}

/// A file of these blocks, and where each begins.
fn file(blocks: &[Block]) -> (Vec<u8>, u64, Vec<usize>) {
    let (mut file, seed) = header().encode();
    let mut starts = Vec::new();
    for (sequence, block) in (0..).zip(blocks) {
        starts.push(file.len());
        let mark = ChunkMark { id: ChunkId(1 << 100), sequence, lanes: 2 };
        let head = encode_block(seed, file.len() as u64, &mark, block);
        assert_eq!(block_bytes(block), (head.len() + block.events.len()) as u64);
        file.extend(head);
        file.extend(&block.events);
    }
    (file, seed, starts)
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let block = ("[a-z.]{0,9}", proptest::collection::vec(any::<u8>(), 0..40), 0_u64..9)
        .prop_map(|(tag, events, records)| block(&tag, &events, records));
    proptest::collection::vec(block, 1..6)
}

proptest! {
    #[test]
    fn what_was_written_is_read(blocks in blocks()) {
        let (bytes, seed, _) = file(&blocks);
        let (read, start, read_seed) = Header::decode(&bytes).unwrap();
        prop_assert_eq!((read, read_seed), (header(), seed));
        prop_assert_eq!(scan(&bytes, seed, start).end, bytes.len());
        prop_assert_eq!(read_blocks(&Bytes::from(bytes), false).unwrap(), blocks);
    }

    #[test]
    fn a_file_cut_anywhere_has_the_blocks_before_the_cut(blocks in blocks(), cut in any::<prop::sample::Index>()) {
        let (bytes, seed, starts) = file(&blocks);
        let cut = starts[0] + cut.index(bytes.len() - starts[0]);
        let found = scan(&bytes[..cut], seed, starts[0]);
        let ends = starts[1..].iter().copied().chain([bytes.len()]);
        let whole = ends.filter(|end| *end <= cut).count();
        prop_assert_eq!(found.blocks.len(), whole);
        prop_assert!(!found.has_holes);
    }

    #[test]
    fn a_changed_byte_costs_its_block_and_is_noticed(
        blocks in blocks(), place in any::<prop::sample::Index>(), change in 1_u8..,
    ) {
        let (mut bytes, seed, starts) = file(&blocks);
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        if place < starts[0] {
            prop_assert!(Header::decode(&bytes).is_err());
            return Ok(());
        }
        let damaged = starts.iter().rposition(|start| *start <= place).unwrap();
        let found = scan(&bytes, seed, starts[0]);
        // Every block that is found is one that was written.
        let (whole, _, _) = file(&blocks);
        prop_assert!(found.blocks.iter().all(|block| whole[block.start..block.end] == bytes[block.start..block.end]));
        prop_assert!(found.blocks.len() >= damaged && found.blocks.len() < blocks.len());
        prop_assert!(read_blocks(&Bytes::from(bytes), false).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (start, seed) = header().encode();
        let mut rest = bytes.as_slice();
        let _ = std::iter::from_fn(|| read_commit(&mut rest)).count();
        let _ = (Header::decode(&bytes).is_ok(), decode_seal(&bytes, seed, 0), seal_offset(&bytes));
        let file = [start.clone(), bytes].concat();
        prop_assert!(scan(&file, seed, start.len()).blocks.is_empty());
    }
}

#[test]
fn a_block_behind_a_hole_is_found_and_a_file_with_a_seal_may_have_none() {
    let blocks = [block("a", b"one", 1), block("b", b"two", 1), block("c", b"three", 1)];
    let (mut bytes, seed, starts) = file(&blocks);
    bytes[starts[1] + FRAME_BYTES + 3] ^= 1;
    let found = scan(&bytes, seed, starts[0]);
    assert_eq!((found.blocks.len(), found.has_holes, found.end), (2, true, bytes.len()));
    let bytes = Bytes::from(bytes);
    assert_eq!(read_blocks(&bytes, true).unwrap(), [blocks[0].clone(), blocks[2].clone()]);
    assert_eq!(read_blocks(&bytes, false), Err(FormatError::Entry { offset: starts[1] }));
}

#[test]
fn blocks_of_another_file_or_another_place_are_none_here() {
    let (bytes, seed, starts) = file(&[block("a", b"one", 1), block("a", b"one", 1)]);
    assert!(block_at(&bytes, seed, starts[0]).is_some());
    assert!(block_at(&bytes, seed ^ 1, starts[0]).is_none());
    let moved = [&bytes[..starts[0]], &bytes[starts[1]..]].concat();
    assert!(block_at(&moved, seed, starts[0]).is_none());
}

#[test]
fn a_seal_tells_records_and_chunks() {
    let marks = [ChunkMark { id: ChunkId(5), sequence: 6, lanes: 7 }; 3];
    let seal = encode_seal(9, 1_000, 42, &marks);
    let (entry, trailer) = seal.split_at(seal.len() - TRAILER_BYTES);
    assert_eq!(seal_offset(trailer), Some(1_000));
    assert_eq!(decode_seal(entry, 9, 1_000), Some((42, marks.to_vec())));
    assert_eq!(decode_seal(entry, 9, 1_001), None);
}

#[test]
fn a_lane_that_this_version_does_not_have_is_named() {
    assert_eq!(Header::decode(&header_of(b"Moods")), Err(FormatError::Lane("Moods".into())));
}

#[test]
fn a_lane_that_only_a_rules_file_declares_is_known_by_its_name() {
    let (read, ..) = Header::decode(&header_of(b"moods")).unwrap();
    assert_eq!(Some(read.id.lane), Lane::from_name("moods"));
    assert_eq!(read.encode().0, header_of(b"moods"));
}

/// A header with another lane of five letters.
fn header_of(lane: &[u8]) -> Vec<u8> {
    let (file, _) = header().encode();
    let at = file.windows(5).position(|window| window == b"audit").unwrap();
    let mut body = file[MAGIC.len() + FRAME_BYTES..].to_vec();
    body[at - MAGIC.len() - FRAME_BYTES..][..5].copy_from_slice(lane);
    let mut other = MAGIC.to_vec();
    other.extend((body.len() as u32).to_le_bytes());
    other.extend(XxHash3_64::oneshot(&body).to_le_bytes());
    other.extend(body);
    other
}

#[test]
fn a_commit_is_read_back_and_one_that_is_torn_is_not() {
    let commit =
        Commit { id: header().id, sorting: 3, marks: vec![ChunkMark { id: ChunkId(5), sequence: 6, lanes: 1 }] };
    let frame = append_commit(&commit);
    assert_eq!(read_commit(&mut frame.as_slice()), Some(commit));
    for cut in 0..frame.len() {
        assert_eq!(read_commit(&mut &frame[..cut]), None);
    }
}
