//! Reads of the host's memory that the kernel checks, so that a wrong address is an answer and not a crash.

use std::ffi::{CString, c_void};

/// Bytes of a name, at most.
const MAX_NAME_BYTES: usize = 128;

/// `N` words at an address.
pub(super) fn read_words<const N: usize>(address: usize) -> Option<[usize; N]> {
    let mut words = [0_usize; N];
    copy_from(address, words.as_mut_ptr().cast(), size_of::<[usize; N]>()).then_some(words)
}

/// `N` bytes at an address.
pub(super) fn read_bytes<const N: usize>(address: usize) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    copy_from(address, bytes.as_mut_ptr(), N).then_some(bytes)
}

/// Text that is printable, not empty and not long, and ends in NUL.
pub(super) fn read_name(address: usize) -> Option<CString> {
    let mut name = Vec::new();
    // Byte by byte, because the page behind the text may be closed.
    while name.len() <= MAX_NAME_BYTES {
        let mut byte = 0_u8;
        if !copy_from(address.checked_add(name.len())?, &raw mut byte, 1) {
            return None;
        }
        match byte {
            0 => return if name.is_empty() { None } else { CString::new(name).ok() },
            b'!'..=b'~' => name.push(byte),
            _ => return None,
        }
    }
    None
}

/// Copies from any address of this process; `false` when it is not readable.
fn copy_from(address: usize, target: *mut u8, length: usize) -> bool {
    let local = libc::iovec { iov_base: target.cast(), iov_len: length };
    let remote = libc::iovec { iov_base: address as *mut c_void, iov_len: length };
    // SAFETY: getpid has no preconditions.
    let this_process = unsafe { libc::getpid() };
    // SAFETY: the local part is the caller's place for `length` bytes; the remote part is checked by the kernel.
    let copied = unsafe { libc::process_vm_readv(this_process, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(copied) == Ok(length)
}
