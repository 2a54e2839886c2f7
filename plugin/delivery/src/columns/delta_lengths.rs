//! Lengths of values as numbers of few bits, as a page has them before the bytes of its values.
//!
//! Their format is "Delta Encoding" of <https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC>, and the
//! page's is "Delta-length byte array" there. Lengths by themselves take next to nothing when they are all the same, as those of
//! ids are, and values without them between compress better and faster.

use super::bits::{append_packed, append_varint};

/// Values of a block, and of each of the parts of it that have a number of bits of their own.
const BLOCK: usize = 128;
const PART: usize = 32;
const PARTS: usize = BLOCK / PART;

/// Appends lengths, which are below 2^31.
pub(super) fn append(out: &mut Vec<u8>, lengths: &[u32]) {
    append_varint(out, BLOCK as u64);
    append_varint(out, PARTS as u64);
    append_varint(out, lengths.len() as u64);
    let Some((first, rest)) = lengths.split_first() else { return append_varint(out, 0) };
    append_varint(out, zigzag(i64::from(*first)));
    let mut before = *first;
    for block in rest.chunks(BLOCK) {
        let mut steps = [0_i64; BLOCK];
        for (step, length) in steps.iter_mut().zip(block) {
            *step = i64::from(*length) - i64::from(before);
            before = *length;
        }
        let steps = steps.get(..block.len()).unwrap_or_default();
        let least = steps.iter().copied().min().unwrap_or(0);
        append_varint(out, zigzag(least));
        let mut widths = [0_u8; PARTS];
        for (width, part) in widths.iter_mut().zip(steps.chunks(PART)) {
            let bits = part.iter().fold(0, |bits, step| bits | (step - least).unsigned_abs());
            *width = (u64::BITS - bits.leading_zeros()) as u8;
        }
        out.extend_from_slice(&widths);
        for (width, part) in widths.iter().zip(steps.chunks(PART)) {
            let above = part.iter().map(|step| (step - least).unsigned_abs());
            append_packed(out, above, PART, u32::from(*width));
        }
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;

    /// What a reader of the format finds, and what is behind.
    fn read(bytes: &[u8]) -> (Vec<u32>, &[u8]) {
        let mut rest = bytes;
        let varint = |rest: &mut &[u8]| {
            let mut value = 0_u64;
            for shift in (0..).step_by(7) {
                let (byte, behind) = rest.split_first().expect("a varint ends");
                *rest = behind;
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            value
        };
        let signed = |value: u64| (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
        assert_eq!((varint(&mut rest), varint(&mut rest)), (128, 4));
        let count = usize::try_from(varint(&mut rest)).expect("a count");
        let mut last = signed(varint(&mut rest));
        let mut lengths = if count == 0 { Vec::new() } else { vec![last] };
        while lengths.len() < count {
            let least = signed(varint(&mut rest));
            let (widths, mut parts) = rest.split_at(4);
            for width in widths.iter().map(|width| usize::from(*width)) {
                if lengths.len() == count {
                    break;
                }
                let (part, behind) = parts.split_at(width * 4);
                parts = behind;
                for number in 0..32.min(count - lengths.len()) {
                    let bit = |place: usize| u64::from(part[place / 8] >> (place % 8) & 1);
                    let step = (0..width).fold(0, |step, place| step | bit(number * width + place) << place);
                    last += least + step.cast_signed();
                    lengths.push(last);
                }
            }
            rest = parts;
        }
        (lengths.into_iter().map(|length| u32::try_from(length).expect("a length")).collect(), rest)
    }

    proptest! {
        #[test]
        fn lengths_are_read_again(lengths in proptest::collection::vec(prop_oneof![Just(32), 0..9_u32, 0..u32::MAX / 2], 0..600)) {
            let mut out = Vec::new();
            append(&mut out, &lengths);
            out.extend_from_slice(b"behind");
            prop_assert_eq!(read(&out), (lengths, b"behind".as_slice()));
        }
    }

    #[test]
    fn lengths_that_are_the_same_take_five_bytes_for_128() {
        let mut out = Vec::new();
        append(&mut out, &[32; 1_281]);
        assert_eq!(out.len(), 7 + 10 * 5 - 1, "{out:?}");
    }
}
