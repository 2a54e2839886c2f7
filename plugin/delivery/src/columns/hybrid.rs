//! The encoding of levels and of indices into dictionaries: runs of one value, and groups of eight values packed into bits.
//!
//! Its format is "Run Length Encoding / Bit-Packing Hybrid" of
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE>.

use super::bits::{self, append_varint};

/// Values of a group.
const GROUP: usize = 8;
/// Values that are compared at once.
const MANY: usize = 32;

/// Appends `values`, none of which has more than `width` bits (1 to 32).
pub(super) fn append<T: Copy + Eq + Into<u32>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    // What is packed begins at `literals` and ends where `rest` begins, at the end of a group.
    let (mut literals, mut rest) = (values, values);
    while let Some(first) = rest.first() {
        let run = run_of(rest, *first);
        let (taken, after) = rest.split_at(if run >= GROUP { run } else { rest.len().min(GROUP) });
        if run >= GROUP {
            append_groups(out, before(literals, rest), width);
            append_run(out, run, (*first).into(), width);
            literals = after;
        }
        debug_assert!(!taken.is_empty());
        rest = after;
    }
    append_groups(out, before(literals, rest), width);
}

/// How many of the first values are that one. Most columns hold one value, or none, for thousands of rows, which are compared many at
/// once; in others a run ends at once.
fn run_of<T: Copy + Eq>(values: &[T], first: T) -> usize {
    let (start, rest) = values.split_at_checked(MANY).unwrap_or((values, &[]));
    let is_same = |value: &&T| **value == first;
    let run = start.iter().take_while(is_same).count();
    if run < MANY {
        return run;
    }
    let (many, _) = rest.as_chunks::<MANY>();
    let is_whole = |values: &&[T; MANY]| !values.iter().fold(false, |differs, value| differs | (*value != first));
    let run = run + many.iter().take_while(is_whole).count() * MANY;
    run + values.iter().skip(run).take(MANY).take_while(is_same).count()
}

/// What stands in `from` before `rest`, which is its end.
fn before<'v, T>(from: &'v [T], rest: &[T]) -> &'v [T] {
    from.get(..from.len() - rest.len()).unwrap_or_default()
}

fn append_run(out: &mut Vec<u8>, length: usize, value: u32, width: u32) {
    append_varint(out, (length as u64) << 1);
    let bytes = width.div_ceil(8) as usize;
    out.extend_from_slice(value.to_le_bytes().get(..bytes).unwrap_or_default());
}

fn append_groups<T: Copy + Into<u32>>(out: &mut Vec<u8>, values: &[T], width: u32) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(GROUP);
    append_varint(out, (groups as u64) << 1 | 1);
    bits::append_packed(out, values.iter().map(|value| u64::from((*value).into())), groups * GROUP, width);
}

#[cfg(test)]
#[path = "hybrid_tests.rs"]
mod tests;
