//! What the host calls: the filter and memory for its arguments; and what `shiwake wasm` calls before the module is shipped.
//!
//! How Fluent Bit calls: it takes memory by `malloc` for the tag and for the record, both with a zero byte behind them, calls
//! the filter, copies the answer up to its first zero byte, and calls `free`, or does not (`src/wasm/flb_wasm.c` there). An
//! answer of no address, an empty one and a trap all mean that the record is thrown away.
//!
//! A call that trapped left its state borrowed. From then on all records come out as they went in: rather unsorted than lost.

use crate::arena::Arena;
use crate::memory::bytes_at;
use crate::package::Package;
use crate::text_sorter::{Sorted, TextSorter};
use std::cell::RefCell;

/// The answer for a record that is thrown away.
const NOTHING: &[u8] = b"\0";
/// The answer for a record that did not arrive: the host found no memory for it, so what it was is not known here.
const NOT_RECEIVED: &[u8] =
    b"{\"log_type\":\"error\",\"severity\":\"error\",\"message\":\"shiwake: a record was too large to be handed to the WASM filter\"}\0";

thread_local! {
    static ARENA: RefCell<Arena> = const { RefCell::new(Arena::new()) };
    static PACKAGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static SORTER: RefCell<Option<TextSorter>> = const { RefCell::new(None) };
}

/// Memory for the host; 0 when there is none.
#[unsafe(no_mangle)]
extern "C" fn malloc(bytes: usize) -> usize {
    ARENA.with(|arena| arena.try_borrow_mut().ok()?.take(bytes)).unwrap_or(0)
}

/// The host is done with memory; it is free when the call is over, whether the host says so or not.
#[unsafe(no_mangle)]
extern "C" fn free(_address: usize) {}

/// Fluent Bit's filter function: the address of the record's text with its fields, ended by a zero byte.
#[unsafe(no_mangle)]
extern "C" fn filter_shiwake(
    tag: usize,
    tag_bytes: usize,
    _seconds: u32,
    _nanoseconds: u32,
    record: usize,
    record_bytes: usize,
) -> usize {
    ARENA.with(|arena| {
        if let Ok(mut arena) = arena.try_borrow_mut() {
            arena.end_call();
        }
    });
    if record == 0 {
        return NOT_RECEIVED.as_ptr().addr();
    }
    SORTER.with(|sorter| answer(sorter, (tag, tag_bytes), (record, record_bytes))).unwrap_or(record)
}

/// The address of the answer; `None` when the record is to stay as it is.
fn answer(sorter: &RefCell<Option<TextSorter>>, tag: (usize, usize), record: (usize, usize)) -> Option<usize> {
    let mut sorter = sorter.try_borrow_mut().ok()?;
    let tag = bytes_at(tag.0, tag.1)?;
    // A length that is not the text's is none to be believed.
    let (end, text) = bytes_at(record.0, record.1.checked_add(1)?)?.split_last()?;
    if *end != 0 {
        return None;
    }
    match sorter.as_mut()?.sort(tag, text) {
        Sorted::Unchanged => None,
        Sorted::Dropped => Some(NOTHING.as_ptr().addr()),
        Sorted::Changed(answer) => Some(answer.as_ptr().addr()),
    }
}

/// Where `shiwake wasm` is to put a package of so many bytes; 0 when there is no memory.
#[unsafe(no_mangle)]
extern "C" fn shiwake_package(bytes: usize) -> usize {
    let room = |package: &RefCell<Vec<u8>>| {
        let mut package = package.try_borrow_mut().ok()?;
        package.clear();
        package.try_reserve_exact(bytes).ok()?;
        package.resize(bytes, 0);
        Some(package.as_ptr().addr())
    };
    PACKAGE.with(room).unwrap_or(0)
}

/// Builds the rules of the package; 0 when that is done, 1 when the package is none, or its rules cannot be used.
#[unsafe(no_mangle)]
extern "C" fn shiwake_build() -> u32 {
    let package = PACKAGE.with(|package| package.try_borrow_mut().map(|mut bytes| std::mem::take(&mut *bytes)));
    let config = package.ok().and_then(|bytes| Package::read(&bytes)).and_then(|package| package.config().ok());
    let Some(config) = config else { return 1 };
    SORTER.with(|sorter| match sorter.try_borrow_mut() {
        Ok(mut sorter) => {
            *sorter = None;
            *sorter = Some(TextSorter::new(config));
            0
        }
        Err(_) => 1,
    })
}
