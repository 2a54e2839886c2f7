//! Pointers that a caller gives, made into values; the only place that looks behind them.

use super::status::{Failure, SHIWAKE_INVALID_ARGUMENT};
use std::ffi::{CStr, c_char};

/// A property, as a plugin's section of Fluent Bit's configuration has it.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// Its name, ended by a zero byte.
    pub name: *const c_char,
    /// Its value, ended by a zero byte.
    pub value: *const c_char,
}

fn invalid(what: &str, why: &str) -> Failure {
    Failure::new(SHIWAKE_INVALID_ARGUMENT, format!("argument '{what}' {why}"))
}

/// Bytes; null is allowed when there are none.
///
/// # Safety
/// `bytes` points to as many bytes, or is null, and they stay as they are for the time of the call.
pub(super) unsafe fn bytes<'a>(what: &str, bytes: *const u8, length: usize) -> Result<&'a [u8], Failure> {
    match (bytes.is_null(), length) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(invalid(what, "is null")),
        (false, _) if length > isize::MAX.unsigned_abs() => Err(invalid(what, "is longer than memory")),
        // SAFETY: the caller's promise; the length is one that a slice may have.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(bytes, length) }),
    }
}

/// Text that ends with a zero byte; null is the empty text.
///
/// # Safety
/// `text` ends with a zero byte, or is null, and stays as it is for the time of the call.
pub(super) unsafe fn text<'a>(what: &str, text: *const c_char) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Ok("");
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| invalid(what, "is no UTF-8"))
}

/// Bytes that are UTF-8.
pub(super) fn utf8<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| invalid(what, "is no UTF-8"))
}

/// Names and values of properties.
///
/// # Safety
/// `properties` points to as many, or is null when there are none; each has text.
pub(super) unsafe fn properties(properties: *const Property, count: usize) -> Result<Vec<(String, String)>, Failure> {
    const WHAT: &str = "properties";
    if count == 0 {
        return Ok(Vec::new());
    }
    if properties.is_null() {
        return Err(invalid(WHAT, "is null"));
    }
    // SAFETY: the caller's promise.
    let properties = unsafe { std::slice::from_raw_parts(properties, count) };
    let mut read = Vec::new();
    for Property { name, value } in properties {
        // SAFETY: the caller's promise.
        let name = unsafe { text(WHAT, *name) }?;
        // SAFETY: the caller's promise.
        let value = unsafe { text(WHAT, *value) }?;
        read.push((name.to_owned(), value.to_owned()));
    }
    Ok(read)
}

/// What a handle or a place for a result points to.
///
/// # Safety
/// `pointer` is null or points to one that lives for the time of the call.
pub(super) unsafe fn at<'a, T>(what: &str, pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| invalid(what, "is null"))
}

/// What a place for a result points to.
///
/// # Safety
/// `pointer` is null or points to one that lives for the time of the call, and that nobody else uses meanwhile.
pub(super) unsafe fn at_mut<'a, T>(what: &str, pointer: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_mut() }.ok_or_else(|| invalid(what, "is null"))
}
