//! Appends MessagePack values to a buffer.

/// Appends the header of a map with `count` pairs.
pub fn map_header(out: &mut Vec<u8>, count: u32) {
    match count {
        0..=15 => out.push(0x80 | count as u8),
        16..=0xffff => {
            out.push(0xde);
            out.extend_from_slice(&(count as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdf);
            out.extend_from_slice(&count.to_be_bytes());
        }
    }
}

/// Appends the header of an array with `count` elements.
pub fn array_header(out: &mut Vec<u8>, count: u32) {
    match count {
        0..=15 => out.push(0x90 | count as u8),
        16..=0xffff => {
            out.push(0xdc);
            out.extend_from_slice(&(count as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdd);
            out.extend_from_slice(&count.to_be_bytes());
        }
    }
}

/// Appends `true` or `false`.
pub fn bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

/// Appends a string; its bytes are taken as they are, so that what was not UTF-8 stays what it was.
///
/// A string above 4 GiB cannot be written in MessagePack; it is cut there.
pub fn str(out: &mut Vec<u8>, bytes: &[u8]) {
    // In WebAssembly a copy of any size is one instruction and no call.
    if bytes.len() < SHORT_BYTES && !cfg!(target_family = "wasm") {
        return short_str(out, bytes);
    }
    let bytes = bytes.get(..u32::MAX as usize).unwrap_or(bytes);
    str_header(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends the header of a string of so many bytes, at most 4 GiB; they are to be appended next.
pub fn str_header(out: &mut Vec<u8>, length: usize) {
    match length {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length @ 32..=0xff => out.extend_from_slice(&[0xd9, length as u8]),
        length @ 0x100..=0xffff => {
            out.push(0xda);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(0xdb);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
}

/// A text shorter than this has its length in its first byte.
const SHORT_BYTES: usize = 32;

/// Appends a short text. Names and most values are short, and copying a number of bytes that is only known here would cost
/// a call each; so room for the longest is taken, and written to in moves of fixed size that may overlap.
#[inline]
fn short_str(out: &mut Vec<u8>, bytes: &[u8]) {
    let (start, length) = (out.len(), bytes.len());
    out.extend_from_slice(&[0; SHORT_BYTES]);
    if let Some([head, room @ ..]) = out.get_mut(start..) {
        *head = 0xa0 | length as u8;
        let room = room.get_mut(..length).unwrap_or_default();
        match length {
            16.. => copy_ends::<16>(room, bytes),
            8.. => copy_ends::<8>(room, bytes),
            4.. => copy_ends::<4>(room, bytes),
            _ => {
                for (to, from) in room.iter_mut().zip(bytes) {
                    *to = *from;
                }
            }
        }
    }
    out.truncate(start + 1 + length);
}

/// Copies the first and the last `N` bytes, which are all of up to twice as many.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

/// Appends a byte string; above 4 GiB it is cut, as [`str`] is.
pub fn bin(out: &mut Vec<u8>, bytes: &[u8]) {
    let bytes = bytes.get(..u32::MAX as usize).unwrap_or(bytes);
    match bytes.len() {
        length @ 0..=0xff => out.extend_from_slice(&[0xc4, length as u8]),
        length @ 0x100..=0xffff => {
            out.push(0xc5);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0xc6);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

/// Appends an integer in its shortest form.
pub fn int(out: &mut Vec<u8>, int: i64) {
    match int {
        0..=0x7f => out.push(int as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, int as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(int as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(int as u32).to_be_bytes());
        }
        -32..=-1 => out.push(int as u8),
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&int.to_be_bytes());
        }
    }
}

/// Appends an integer of any size up to 64 bits without a sign.
pub fn uint(out: &mut Vec<u8>, value: u64) {
    match i64::try_from(value) {
        Ok(value) => int(out, value),
        Err(_) => {
            out.push(0xcf);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Appends a 64-bit float.
pub fn float(out: &mut Vec<u8>, float: f64) {
    out.push(0xcb);
    out.extend_from_slice(&float.to_be_bytes());
}

/// Appends a Fluent Bit EventTime: extension type 0 of eight bytes, seconds and nanoseconds.
pub fn event_time(out: &mut Vec<u8>, seconds: u32, nanoseconds: u32) {
    out.extend_from_slice(&[0xd7, 0x00]);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&nanoseconds.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msgpack::{Reader, Value};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_read_back_as_written(value in any::<i64>()) {
            let mut out = Vec::new();
            int(&mut out, value);
            prop_assert_eq!(Reader::new(&out).value(), Ok(Value::Int(value)));
        }

        #[test]
        fn small_integers_read_back_as_written(value in -70_000_i64..5_000_000_000) {
            let mut out = Vec::new();
            int(&mut out, value);
            prop_assert_eq!(Reader::new(&out).value(), Ok(Value::Int(value)));
        }

        #[test]
        fn integers_without_a_sign_read_back_as_written(value in any::<u64>()) {
            let mut out = Vec::new();
            uint(&mut out, value);
            let expected = i64::try_from(value).map_or(Value::UInt(value), Value::Int);
            prop_assert_eq!(Reader::new(&out).value(), Ok(expected));
        }

        #[test]
        fn strings_read_back_as_written(length in prop_oneof![0_usize..300, 65_000_usize..66_000]) {
            let bytes = vec![b'x'; length];
            let mut out = Vec::new();
            str(&mut out, &bytes);
            prop_assert_eq!(Reader::new(&out).value(), Ok(Value::Str(&bytes)));
            out.clear();
            bin(&mut out, &bytes);
            prop_assert_eq!(Reader::new(&out).value(), Ok(Value::Bin(&bytes)));
        }
    }

    #[test]
    fn map_headers_take_the_shortest_form_that_holds_the_count() {
        for (count, expected) in [(15, vec![0x8f]), (16, vec![0xde, 0, 16]), (65_536, vec![0xdf, 0, 1, 0, 0])] {
            let mut out = Vec::new();
            map_header(&mut out, count);
            assert_eq!(out, expected);
        }
    }
}
