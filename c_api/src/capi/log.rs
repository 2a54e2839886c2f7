//! Lines for whoever embeds a lake.

use shiwake_delivery::log::{Level, Log};
use std::ffi::{CString, c_char, c_int, c_void};

/// Something is lost, or will not work without a change.
pub const SHIWAKE_LOG_ERROR: c_int = 1;
/// Something failed and is tried again.
pub const SHIWAKE_LOG_WARN: c_int = 2;
/// What happens in ordinary operation.
pub const SHIWAKE_LOG_INFO: c_int = 3;
/// For those who look into the library.
pub const SHIWAKE_LOG_DEBUG: c_int = 4;

/// Takes a line with its level; called by any thread until the lake is closed, also by several at once. The line lives for the
/// time of the call.
pub type LogCallback = Option<unsafe extern "C" fn(level: c_int, line: *const c_char, data: *mut c_void)>;

/// A log that somebody else keeps.
#[derive(Debug)]
pub(super) struct ForeignLog {
    callback: LogCallback,
    data: *mut c_void,
}

impl ForeignLog {
    /// # Safety
    /// The function may be called with the data by any thread until the lake is closed.
    pub(super) unsafe fn new(callback: LogCallback, data: *mut c_void) -> Self {
        Self { callback, data }
    }
}

// SAFETY: `new`'s caller promised that any thread may call.
unsafe impl Send for ForeignLog {}
// SAFETY: as above.
unsafe impl Sync for ForeignLog {}

impl Log for ForeignLog {
    fn line(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => SHIWAKE_LOG_ERROR,
            Level::Warn => SHIWAKE_LOG_WARN,
            Level::Info => SHIWAKE_LOG_INFO,
            Level::Debug => SHIWAKE_LOG_DEBUG,
        };
        let (Some(callback), Ok(line)) = (self.callback, CString::new(text.replace('\0', "\\0"))) else { return };
        // SAFETY: `new`'s caller promised that it may be called.
        unsafe { callback(level, line.as_ptr(), self.data) };
    }
}
