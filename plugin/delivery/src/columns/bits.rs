//! What Parquet's encodings of whole numbers have in common: varints, and values packed into as many bits as they need, the
//! lowest first (<https://parquet.apache.org/docs/file-format/data-pages/encodings/>).

/// Appends `value` as ULEB128.
pub(super) fn append_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends values, none of which has more than `width` bits (0 to 32), and zeros in the place of those that lack to `count`
/// of them, which is a multiple of eight.
pub(super) fn append_packed(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, count: usize, width: u32) {
    let end = out.len() + count * width as usize / 8;
    let (mut buffer, mut bits) = (0_u64, 0);
    for value in values {
        // A value takes 32 bits at most, and fewer than 32 are in the buffer.
        buffer |= value << bits;
        bits += width;
        if bits >= u32::BITS {
            let [a, b, c, d, ..] = buffer.to_le_bytes();
            out.extend_from_slice(&[a, b, c, d]);
            buffer >>= u32::BITS;
            bits -= u32::BITS;
        }
    }
    // The last bits, and zeros for what lacks.
    out.extend_from_slice(&buffer.to_le_bytes());
    out.resize(end, 0);
}
