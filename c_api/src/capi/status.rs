//! What functions answer. Numbers are never used again for something else.

use super::last_error;
use crate::guard::Poison;
use std::ffi::c_int;

/// Done.
pub const SHIWAKE_OK: c_int = 0;
/// A rule throws the record away: there is nothing in the buffer.
pub const SHIWAKE_DROPPED: c_int = 1;
/// Nothing was taken, for want of memory, of disk, or because the lake does not answer: keep it, and try again later.
pub const SHIWAKE_RETRY: c_int = 2;
/// A pointer is null that may not be, or text is not UTF-8.
pub const SHIWAKE_INVALID_ARGUMENT: c_int = 3;
/// A property or a rule is wrong.
pub const SHIWAKE_INVALID_CONFIG: c_int = 4;
/// The lake or the folder cannot be opened, or the system gives no thread.
pub const SHIWAKE_CANNOT_START: c_int = 5;
/// The time was not enough: what is not written is in `store_dir`, or lost when there is none.
pub const SHIWAKE_INCOMPLETE: c_int = 6;
/// Something that cannot happen: the handle answers nothing else any more, and can only be let go of.
pub const SHIWAKE_INTERNAL: c_int = 7;

/// Why a call was not done: the number, and the words for [`last_error::shiwake_last_error`].
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: c_int,
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(status: c_int, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

/// Runs a call within the guard of its handle, and notes what was wrong.
pub(super) fn call(poison: &Poison, work: impl FnOnce() -> Result<c_int, Failure>) -> c_int {
    const INTERNAL: &str = "internal error: this handle can only be let go of";
    let internal = || Err(Failure::new(SHIWAKE_INTERNAL, format!("{INTERNAL} ({})", crate::guard::last_panic())));
    match poison.guard(None, || {}, || Some(work())).unwrap_or_else(internal) {
        Ok(status) => status,
        Err(Failure { status, text }) => {
            last_error::set(text);
            status
        }
    }
}
