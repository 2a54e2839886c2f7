//! What was wrong with the last call of a thread, in words.

use std::cell::RefCell;
use std::ffi::{CString, c_char};

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

pub(super) fn set(text: String) {
    let text = CString::new(text.replace('\0', "\\0")).unwrap_or_default();
    LAST.with(|last| last.replace(text));
}

/// What was wrong with this thread's last call that failed, one line for each thing, and what would be right; never null, and
/// valid until this thread's next call that fails.
#[unsafe(no_mangle)]
pub extern "C" fn shiwake_last_error() -> *const c_char {
    LAST.with(|last| last.borrow().as_ptr())
}
