//! Records of every type, with fields that fill columns and fields that fill none.

use crate::value;
use fastrand::Rng;
use shiwake_delivery::schema::Column;

/// Hours over which the records' times are spread.
const HOURS: u64 = 5;
const ARRAY_OF_TWO: u8 = 0x92;
const FIRST_SECOND: u64 = 1_763_700_000;
/// What programs write as a severity.
const SEVERITIES: [&str; 12] =
    ["info", "WARN", "warning", "Error", "fatal", "debug", "TRACE", "notice", "emergency", "purple", "", "critical"];

/// A type that records may have: its name, and its columns.
pub(crate) struct Kind<'s> {
    pub(crate) name: &'s str,
    pub(crate) columns: &'s [Column],
}

/// Appends the event of record `number`.
pub(crate) fn append(out: &mut Vec<u8>, chance: &mut Rng, number: u64, kind: &Kind<'_>) {
    // Around time and record hosts write the shortest form, by which events are found behind bad bytes.
    out.push(ARRAY_OF_TWO);
    let has_metadata = chance.u8(..5) == 0;
    if has_metadata {
        out.push(ARRAY_OF_TWO);
    }
    time(out, chance);
    if has_metadata {
        let count = chance.usize(..3);
        value::map(out, chance, count);
        for field in 0..count {
            value::text(out, chance, format!("m{field}").as_bytes());
            value::any(out, chance);
        }
    }
    let mut fields: Vec<u8> = Vec::new();
    let mut count = 2;
    value::text(&mut fields, chance, b"n");
    value::int(&mut fields, chance, number.cast_signed());
    // Where the type stands among the fields decides nothing.
    let place = chance.usize(..4);
    let others = chance.usize(1..16);
    for field in 0..others.max(place + 1) {
        if field == place {
            value::text(&mut fields, chance, b"log_type");
            value::text(&mut fields, chance, kind.name.as_bytes());
        }
        if field < others {
            append_field(&mut fields, chance, kind);
            count += 1;
        }
    }
    value::map(out, chance, count);
    out.extend_from_slice(&fields);
}

/// The forms of time that hosts write.
fn time(out: &mut Vec<u8>, chance: &mut Rng) {
    let seconds = FIRST_SECOND + chance.u64(..HOURS * 3_600);
    match chance.u8(..10) {
        0 => {
            out.push(0xce);
            out.extend_from_slice(&(seconds as u32).to_be_bytes());
        }
        1 => {
            out.push(0xcb);
            out.extend_from_slice(&(seconds as f64 + f64::from(chance.u8(..8)) / 8.0).to_be_bytes());
        }
        _ => {
            out.extend_from_slice(&[0xd7, 0x00]);
            out.extend_from_slice(&(seconds as u32).to_be_bytes());
            out.extend_from_slice(&chance.u32(..1_000_000_000).to_be_bytes());
        }
    }
}

fn append_field(out: &mut Vec<u8>, chance: &mut Rng, kind: &Kind<'_>) {
    match chance.u8(..20) {
        // Fields that no column has, some of them twice.
        0..=4 => {
            let name = format!("extra{}", chance.u8(..40));
            value::text(out, chance, name.as_bytes());
            value::any(out, chance);
        }
        // Keys that are no names.
        5 => {
            value::scalar(out, chance);
            value::any(out, chance);
        }
        // Names of columns that no field fills, and names as doubles get them.
        6 => {
            let names = ["time", "tag", "attributes", "type", "metadata", "extra1#2", "extra1#3"];
            let name = names.get(chance.usize(..names.len())).copied().unwrap_or_default();
            value::text(out, chance, name.as_bytes());
            value::any(out, chance);
        }
        _ => {
            let column = kind.columns.get(chance.usize(..kind.columns.len()));
            let fields = column.map(|column| column.from.as_slice()).unwrap_or_default();
            let name = if fields.is_empty() {
                "severity"
            } else {
                fields.get(chance.usize(..fields.len())).map_or("", AsRef::as_ref)
            };
            value::text(out, chance, name.as_bytes());
            if name == "severity" {
                severity(out, chance);
            } else {
                value::any(out, chance);
            }
        }
    }
}

fn severity(out: &mut Vec<u8>, chance: &mut Rng) {
    if chance.u8(..4) == 0 {
        let number = chance.i64(-1..10);
        return value::int(out, chance, number);
    }
    let word = SEVERITIES.get(chance.usize(..SEVERITIES.len())).copied().unwrap_or_default();
    value::text(out, chance, word.as_bytes());
}
