#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use proptest::prelude::*;

/// Reads the encoding bit by bit, as its description says.
fn read(bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
    let (mut values, mut at) = (Vec::new(), 0);
    while values.len() < count {
        let (mut header, mut shift) = (0_u64, 0);
        loop {
            header |= u64::from(bytes[at] & 0x7f) << shift;
            shift += 7;
            at += 1;
            if bytes[at - 1] & 0x80 == 0 {
                break;
            }
        }
        if header & 1 == 0 {
            let mut value = [0; 4];
            let length = width.div_ceil(8) as usize;
            value[..length].copy_from_slice(&bytes[at..at + length]);
            at += length;
            values.extend(std::iter::repeat_n(u32::from_le_bytes(value), (header >> 1) as usize));
        } else {
            let bits = (header >> 1) as usize * 8 * width as usize;
            let bit = |number: usize| u32::from(bytes[at + number / 8] >> (number % 8) & 1);
            let value = |first: usize| (0..width as usize).map(|place| bit(first + place) << place).sum::<u32>();
            values.extend((0..bits).step_by(width as usize).map(value));
            at += bits / 8;
        }
    }
    assert_eq!(at, bytes.len(), "all bytes are read");
    assert!(values[count..].iter().all(|value| *value == 0), "what the last group lacks is zero");
    values.truncate(count);
    values
}

proptest! {
    #[test]
    fn what_was_appended_is_read(
        width in 1_u32..=32,
        runs in proptest::collection::vec((any::<u32>(), prop_oneof![1_usize..4, 1_usize..40, 900_usize..1_000]), 0..60),
    ) {
        let values: Vec<u32> =
            runs.iter().flat_map(|(value, length)| std::iter::repeat_n(value >> (32 - width), *length)).collect();
        let mut bytes = vec![7];
        append(&mut bytes, &values, width);
        prop_assert_eq!(read(&bytes[1..], width, values.len()), values);
    }
}

#[test]
fn a_page_of_one_value_takes_a_few_bytes() {
    let mut bytes = Vec::new();
    append(&mut bytes, &[1_u8; 20_000], 1);
    assert_eq!(bytes, [0xc0, 0xb8, 0x02, 1]);
}
