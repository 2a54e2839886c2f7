//! The C API for programs that embed Shiwake without a Fluent Bit: sorting of chunks and of JSON records, and a lake.
//!
//! `include/shiwake.h` is made from these files by cbindgen; a test keeps it so. A handle has one owner, is made by `_new` or
//! `_open` and let go of once; results are written only on success. Every function is one guard around safe code: a panic
//! poisons its handle, which from then on answers [`status::SHIWAKE_INTERNAL`]. Handles may be used by several threads; calls on
//! one sorter wait for each other. No pointer that was handed over is kept beyond the call, but for the log's.
//!
//! - [`status`]: what functions answer. [`last_error`]: what was wrong, in words. [`argument`]: pointers made into values.
//! - [`sorter`], [`buffer`]: sorting. [`lake`], [`log`]: writing.

pub mod argument;
pub mod buffer;
pub mod lake;
pub mod last_error;
pub mod log;
pub mod sorter;
pub mod status;

use std::ffi::c_char;

/// The version, as in `0.1.0`. It lives as long as the process.
#[unsafe(no_mangle)]
pub extern "C" fn shiwake_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
