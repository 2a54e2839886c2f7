#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use proptest::prelude::*;

fn arbitrary_value() -> impl Strategy<Value = rmpv::Value> {
    let leaf = prop_oneof![
        Just(rmpv::Value::Nil),
        any::<bool>().prop_map(rmpv::Value::from),
        any::<i64>().prop_map(rmpv::Value::from),
        any::<u64>().prop_map(rmpv::Value::from),
        any::<f32>().prop_map(rmpv::Value::from),
        any::<f64>().prop_map(rmpv::Value::from),
        ".{0,40}".prop_map(rmpv::Value::from),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(rmpv::Value::from),
        (any::<i8>(), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(kind, data)| rmpv::Value::Ext(kind, data)),
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(rmpv::Value::Array),
            proptest::collection::vec((inner.clone(), inner), 0..20).prop_map(rmpv::Value::Map),
        ]
    })
}

fn encode(value: &rmpv::Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

/// Whether our borrowed value says the same as the tree another crate decoded.
fn agrees(ours: &Value<'_>, oracle: &rmpv::Value) -> bool {
    match (ours, oracle) {
        (Value::Nil, rmpv::Value::Nil) => true,
        (Value::Bool(a), rmpv::Value::Boolean(b)) => a == b,
        (Value::Int(a), rmpv::Value::Integer(b)) => b.as_i64() == Some(*a),
        (Value::UInt(a), rmpv::Value::Integer(b)) => b.as_u64() == Some(*a),
        (Value::F32(a), rmpv::Value::F32(b)) => a.to_bits() == b.to_bits(),
        (Value::F64(a), rmpv::Value::F64(b)) => a.to_bits() == b.to_bits(),
        (Value::Str(a), rmpv::Value::String(b)) => *a == b.as_bytes(),
        (Value::Bin(a), rmpv::Value::Binary(b)) => a == b,
        (Value::Ext(kind, a), rmpv::Value::Ext(oracle_kind, b)) => kind == oracle_kind && a == b,
        (Value::Array(array), rmpv::Value::Array(items)) => {
            let mut reader = Reader::new(array.content);
            let all = items.iter().all(|item| agrees(&reader.value().unwrap(), item));
            all && reader.is_at_end() && array.count as usize == items.len()
        }
        (Value::Map(map), rmpv::Value::Map(items)) => {
            let mut reader = Reader::new(map.content);
            let all = items
                .iter()
                .all(|(key, value)| agrees(&reader.value().unwrap(), key) && agrees(&reader.value().unwrap(), value));
            all && reader.is_at_end() && map.count as usize == items.len()
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn reads_whatever_another_encoder_wrote(value in arbitrary_value()) {
        let bytes = encode(&value);
        let mut reader = Reader::new(&bytes);
        let read = reader.value().unwrap();
        prop_assert!(reader.is_at_end());
        prop_assert!(agrees(&read, &value));
    }

    #[test]
    fn every_cut_is_an_error_inside_the_value(value in arbitrary_value(), cut in any::<prop::sample::Index>()) {
        let bytes = encode(&value);
        let length = cut.index(bytes.len());
        let error = Reader::new(&bytes[..length]).skip().unwrap_err();
        prop_assert!(error.offset() <= length);
        let agrees = matches!(error, MsgpackError::Truncated { .. });
        prop_assert!(agrees, "{error}");
    }

    #[test]
    fn random_bytes_agree_with_another_decoder_on_being_whole(mut bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        // rmpv reads the reserved byte as nil; we do not.
        bytes.retain(|byte| *byte != 0xc1);
        let mut reader = Reader::new(&bytes);
        let ours = reader.skip().map(|()| reader.position()).ok();
        let mut rest = bytes.as_slice();
        let oracle = rmpv::decode::read_value_with_max_depth(&mut rest, 200).ok().map(|_| bytes.len() - rest.len());
        prop_assert_eq!(ours, oracle);
    }
}

#[test]
fn a_million_nested_arrays_take_no_stack() {
    let mut bytes = vec![0x91; 1_000_000];
    bytes.push(0xc0);
    let mut reader = Reader::new(&bytes);
    reader.skip().unwrap();
    assert!(reader.is_at_end());
}

#[test]
fn a_count_above_the_bytes_left_fails_at_once() {
    let error = Reader::new(&[0xdf, 0xff, 0xff, 0xff, 0xff, 0x01]).skip().unwrap_err();
    assert_eq!(error, MsgpackError::Truncated { offset: 5, needed: 8_589_934_590, left: 1 });
}

#[test]
fn the_reserved_byte_is_named_with_its_offset() {
    assert_eq!(Reader::new(&[0x92, 0x01, 0xc1]).skip().unwrap_err(), MsgpackError::Reserved { offset: 2 });
}

#[test]
fn every_value_is_stepped_over_as_it_is_read() {
    for marker in 0..=u8::MAX {
        for rest in [0, 3] {
            let bytes = [&[marker][..], &[rest; 300]].concat();
            for length in [1, 2, 3, 9, 17, bytes.len()] {
                let bytes = &bytes[..length];
                let (mut skipping, mut reading) = (Reader::new(bytes), Reader::new(bytes));
                let (skipped, read) = (skipping.skip(), reading.value().map(drop));
                assert_eq!((skipped, skipping.position()), (read, reading.position()), "{marker:#x} {rest} {length}");
            }
        }
    }
}
