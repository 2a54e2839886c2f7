//! Lines into the host's log.

use super::host::{Host, InstanceName, host};
use shiwake_delivery::log::{Level, Log};
use std::ffi::{CStr, CString, c_int, c_void};
use std::io::Write as _;

/// The host's numbers of levels.
const FLB_LOG_ERROR: c_int = 1;
const FLB_LOG_WARN: c_int = 2;
const FLB_LOG_INFO: c_int = 3;
const FLB_LOG_DEBUG: c_int = 4;

/// Writes lines as the host writes those of its own plugins: `[output:shiwake:shiwake.0] text`.
#[derive(Debug)]
pub struct HostLog {
    prefix: String,
    instance_name: String,
    /// The output instance, whose level is asked for; null for filters and while no instance is there.
    instance: *mut c_void,
}

// SAFETY: the pointer is only handed to `flb_output_log_check`, which reads an integer that the host sets before it
// calls us and does not change; the instance outlives the plugin's threads, which are joined in its exit.
unsafe impl Send for HostLog {}
// SAFETY: as above.
unsafe impl Sync for HostLog {}

impl HostLog {
    /// For what is no instance's.
    #[must_use]
    pub fn of_plugin() -> Self {
        Self { prefix: "[shiwake]".to_owned(), instance_name: String::new(), instance: std::ptr::null_mut() }
    }

    /// For a filter instance.
    ///
    /// # Safety
    /// `instance` is the filter instance that the host handed over.
    #[must_use]
    pub unsafe fn of_filter(instance: *mut c_void) -> Self {
        // SAFETY: the caller's promise.
        let name = unsafe { name_of(host().filter_name, instance) };
        Self { prefix: format!("[filter:shiwake:{name}]"), instance_name: name, instance: std::ptr::null_mut() }
    }

    /// For an output instance.
    ///
    /// # Safety
    /// `instance` is the output instance that the host handed over, and outlives this log.
    #[must_use]
    pub unsafe fn of_output(instance: *mut c_void) -> Self {
        // SAFETY: the caller's promise.
        let name = unsafe { name_of(host().output_name, instance) };
        Self { prefix: format!("[output:shiwake:{name}]"), instance_name: name, instance }
    }

    /// The host's name of the instance, as in `shiwake.0`; empty for what is no instance's.
    #[must_use]
    pub fn instance_name(&self) -> &str {
        &self.instance_name
    }

    fn is_wanted(&self, host: &Host, level: c_int) -> bool {
        match host.output_log_check {
            // SAFETY: the instance is one of the host's, by the promise of `of_output`.
            Some(check) if !self.instance.is_null() => unsafe { check(self.instance, level) != 0 },
            // A host that cannot be asked gets what it logs by default.
            _ => level <= FLB_LOG_INFO,
        }
    }
}

impl Log for HostLog {
    fn line(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => FLB_LOG_ERROR,
            Level::Warn => FLB_LOG_WARN,
            Level::Info => FLB_LOG_INFO,
            Level::Debug => FLB_LOG_DEBUG,
        };
        let host = host();
        if !self.is_wanted(host, level) {
            return;
        }
        let line = one_line(&self.prefix, text);
        match (host.log_print, CString::new(line)) {
            // SAFETY: the format takes one string that ends in NUL; the file is only printed by levels we do not use.
            (Some(print), Ok(line)) => unsafe { print(level, std::ptr::null(), 0, c"%s".as_ptr(), line.as_ptr()) },
            (None, Ok(line)) => {
                let _ = writeln!(std::io::stderr(), "{}", line.to_string_lossy());
            }
            (_, Err(_)) => {}
        }
    }
}

/// A line is one line, whatever was in it: a NUL would cut it, and a terminal obeys other control characters.
fn one_line(prefix: &str, text: &str) -> String {
    format!("{prefix} {text}").replace(char::is_control, " ")
}

/// # Safety
/// `instance` is of the kind that `function` takes.
pub(super) unsafe fn name_of(function: Option<InstanceName>, instance: *mut c_void) -> String {
    let Some(function) = function else { return "shiwake".to_owned() };
    // SAFETY: the caller's promise.
    let name = unsafe { function(instance) };
    if name.is_null() {
        return "shiwake".to_owned();
    }
    // SAFETY: the host gives a name that ends in NUL and lives as long as the instance.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_puts_into_a_line_cannot_end_it_or_command_a_terminal() {
        assert_eq!(one_line("[p]", "tag 'a\n\0\x1b[31mé\u{9b}'"), "[p] tag 'a   [31mé '");
    }
}
