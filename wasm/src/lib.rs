//! The filter for places where native code may not go: a WebAssembly module for Fluent Bit's `filter_wasm`.
//!
//! Fluent Bit hands over one record at a time as JSON text, and takes JSON text back
//! (<https://docs.fluentbit.io/manual/data-pipeline/filters/wasm>). [`text_sorter::TextSorter`] goes over that text once, lets
//! the same code as the native filter judge it, and appends the fields that were found to the text as it came: order of keys,
//! numbers, escapes and doubled names of what is not touched stay byte for byte. What it appended to access lines it appends to others
//! like them without being judged again (`shortcut.rs`).
//!
//! Invariants: on any doubt a record comes out as it went in, as the host drops a record whose answer it cannot read; memory is
//! taken back with each call, whatever the host frees, and is bounded; nothing recurses. It does not: read the network, a clock
//! or the environment, hold records for the next call, or change a record's time, which the host takes from nobody.

mod answer;
pub mod arena;
mod combined_text;
#[cfg(target_family = "wasm")]
mod exports;
#[cfg(target_family = "wasm")]
mod memory;
pub mod package;
mod record;
mod repair;
mod shortcut;
pub mod text_sorter;
mod words;
