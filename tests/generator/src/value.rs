//! Values of every kind that MessagePack has, in every form in which a kind may be written.
//!
//! No number is one of seconds in this century: with a map behind it in a list, in a record with keys that are no text, it would
//! be taken for the time of an event that the record has swallowed.
//!
//! Written by hand and not by Shiwake's own writer, which always takes the shortest form.
//! Format: <https://github.com/msgpack/msgpack/blob/master/spec.md>.

use fastrand::Rng;

/// Deepest nesting; what lies deeper than 64 is kept as bytes.
const MAX_DEPTH: u32 = 90;
/// One text in so many is longer than columns take.
const RARE: usize = 20_000;
const LONG_TEXT_BYTES: usize = 1_100_000;

/// Appends a header whose length field has the least of these widths that holds it, or a larger one.
fn header(out: &mut Vec<u8>, chance: &mut Rng, codes: [Option<u8>; 3], length: usize) {
    let least = match length {
        0..=0xff if codes[0].is_some() => 0,
        0..=0xffff => 1,
        _ => 2,
    };
    let form = if chance.u8(..8) == 0 { chance.usize(least..3) } else { least };
    out.extend(codes.get(form).copied().flatten());
    let bytes = (length as u32).to_be_bytes();
    out.extend_from_slice(bytes.get(4 - (1 << form)..).unwrap_or_default());
}

/// Appends text; its bytes may be no UTF-8.
pub(crate) fn text(out: &mut Vec<u8>, chance: &mut Rng, text: &[u8]) {
    if text.len() < 32 && chance.u8(..8) > 0 {
        out.push(0xa0 | text.len() as u8);
    } else {
        header(out, chance, [Some(0xd9), Some(0xda), Some(0xdb)], text.len());
    }
    out.extend_from_slice(text);
}

/// Appends the header of an array.
pub(crate) fn array(out: &mut Vec<u8>, chance: &mut Rng, count: usize) {
    if count < 16 && chance.u8(..8) > 0 {
        return out.push(0x90 | count as u8);
    }
    header(out, chance, [None, Some(0xdc), Some(0xdd)], count);
}

/// Appends the header of a map.
pub(crate) fn map(out: &mut Vec<u8>, chance: &mut Rng, count: usize) {
    if count < 16 && chance.u8(..8) > 0 {
        return out.push(0x80 | count as u8);
    }
    header(out, chance, [None, Some(0xde), Some(0xdf)], count);
}

/// Appends an integer in any form that holds it.
pub(crate) fn int(out: &mut Vec<u8>, chance: &mut Rng, value: i64) {
    if (-32..128).contains(&value) && chance.bool() {
        return out.push(value as u8);
    }
    let is_unsigned = value >= 0 && chance.bool();
    let least = (0..3).find(|form| {
        let bits = 8_u32 << form;
        if is_unsigned { value < 1 << bits } else { (-(1_i64 << (bits - 1))..1_i64 << (bits - 1)).contains(&value) }
    });
    let form = chance.usize(least.unwrap_or(3)..4);
    out.push(if is_unsigned { 0xcc } else { 0xd0 } + form as u8);
    out.extend_from_slice(value.to_be_bytes().get(8 - (1 << form)..).unwrap_or_default());
}

fn float(out: &mut Vec<u8>, chance: &mut Rng) {
    let value = match chance.u8(..10) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => -0.0,
        4 => f64::from(chance.i32(-900_000_000..900_000_000)),
        5 => f64::from_bits(chance.u64(..)),
        6 => 1e300,
        _ => f64::from(chance.i32(..)) / 1000.0,
    };
    if chance.bool() {
        out.push(0xca);
        out.extend_from_slice(&(value as f32).to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn any_int(out: &mut Vec<u8>, chance: &mut Rng) {
    match chance.u8(..8) {
        0 => {
            out.push(0xcf);
            out.extend_from_slice(&chance.u64(1 << 63..).to_be_bytes());
        }
        1 => {
            let value = if chance.bool() { i64::MAX } else { i64::MIN };
            int(out, chance, value);
        }
        2 => {
            let value = i64::from(i32::MIN) + chance.i64(-1..2);
            int(out, chance, value);
        }
        3 => {
            let value = chance.i64(..);
            int(out, chance, value);
        }
        _ => {
            let value = chance.i64(-70_000..70_000);
            int(out, chance, value);
        }
    }
}

/// Text of all kinds: words, numbers, flags, other scripts, what has to be escaped, what is no UTF-8, long ones.
fn any_text(out: &mut Vec<u8>, chance: &mut Rng) {
    const TEXTS: [&str; 22] = [
        "",
        "GET",
        "/a/b?c=d",
        "true",
        "false",
        "True",
        "200",
        "0200",
        "-7",
        "+7",
        "0.25",
        "-0",
        "1e3",
        "nan",
        "12.50",
        "9223372036854775808",
        "é ü 日本 \u{1f600}",
        "tab\tquote\"back\\slash\nline\r",
        "\u{0}\u{1}\u{7f}\u{2028}",
        "/web",
        "//web",
        " padded ",
    ];
    if chance.usize(..RARE) == 0 {
        return text(out, chance, "x".repeat(LONG_TEXT_BYTES).as_bytes());
    }
    match chance.u8(..12) {
        0 => {
            let length = chance.usize(..40);
            let bytes: Vec<u8> = (0..length).map(|_| chance.u8(..)).collect();
            text(out, chance, &bytes);
        }
        1 => {
            let length = if chance.u8(..50) == 0 { chance.usize(65_530..65_540) } else { chance.usize(..600) };
            let bytes: Vec<u8> = (0..length).map(|_| chance.u8(b' '..0x7f)).collect();
            text(out, chance, &bytes);
        }
        2..=5 => {
            let word = format!("w{:x}", chance.u32(..));
            text(out, chance, word.as_bytes());
        }
        _ => {
            let chosen = TEXTS.get(chance.usize(..TEXTS.len())).copied().unwrap_or_default();
            text(out, chance, chosen.as_bytes());
        }
    }
}

fn bytes(out: &mut Vec<u8>, chance: &mut Rng) {
    let length = chance.usize(..300);
    header(out, chance, [Some(0xc4), Some(0xc5), Some(0xc6)], length);
    out.extend((0..length).map(|_| chance.u8(..)));
}

fn extension(out: &mut Vec<u8>, chance: &mut Rng) {
    let length = if chance.bool() { 1 << chance.usize(..5) } else { chance.usize(..40) };
    // Type -1 is a time to some readers, who then do not give its bytes.
    let kind = chance.u8(1..128);
    match length {
        1 | 2 | 4 | 8 | 16 => out.push(0xd4 + length.trailing_zeros() as u8),
        _ => header(out, chance, [Some(0xc7), Some(0xc8), Some(0xc9)], length),
    }
    out.push(kind);
    out.extend((0..length).map(|_| chance.u8(..)));
}

/// Appends a value of any kind but a list and a map.
pub(crate) fn scalar(out: &mut Vec<u8>, chance: &mut Rng) {
    match chance.u8(..24) {
        0 => out.push(0xc0),
        1 => out.push(0xc2 + chance.u8(..2)),
        2 => bytes(out, chance),
        3 => extension(out, chance),
        4..=6 => float(out, chance),
        7..=11 => any_int(out, chance),
        _ => any_text(out, chance),
    }
}

/// Appends a value of any kind.
pub(crate) fn any(out: &mut Vec<u8>, chance: &mut Rng) {
    if chance.u8(..8) > 0 {
        return scalar(out, chance);
    }
    if chance.u8(..40) == 0 {
        // One value in many lists and maps.
        let depth = chance.u32(50..MAX_DEPTH);
        for _ in 0..depth {
            if chance.bool() {
                array(out, chance, 1);
            } else {
                map(out, chance, 1);
                text(out, chance, b"in");
            }
        }
        return scalar(out, chance);
    }
    nested(out, chance, 0);
}

fn nested(out: &mut Vec<u8>, chance: &mut Rng, depth: u32) {
    let is_map = chance.bool();
    let count = if chance.u8(..30) == 0 { chance.usize(14..20) } else { chance.usize(..5) };
    if is_map {
        map(out, chance, count);
    } else {
        array(out, chance, count);
    }
    for _ in 0..count {
        if is_map && chance.u8(..10) == 0 {
            scalar(out, chance);
        } else if is_map {
            let key = format!("k{}", chance.u8(..6));
            text(out, chance, key.as_bytes());
        }
        if depth < 4 && chance.u8(..4) == 0 {
            nested(out, chance, depth + 1);
        } else {
            scalar(out, chance);
        }
    }
}
