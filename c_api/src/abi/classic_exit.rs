//! Keeps Fluent Bit 1.9 from reading what it has freed.
//!
//! With several instances of one proxy plugin, 1.9 frees its record of the proxy when the first instance exits, and
//! reads it again for each of the others: it crashes at exit, before the outputs that are still to come have written
//! what they hold. It asks the plugin's record for an exit callback each time; taking that callback out of the record at
//! the first exit leads it past what it has freed. Our instances have all ended by then.
//!
//! The record is written to only when all of it looks as 1.9 lays it out: our name, a proxy, and a callback that lies in
//! the host's own code.

use super::PLUGIN_NAME;
use super::memory::{read_name, read_words};
use std::ffi::c_void;
use std::mem::MaybeUninit;

/// `p` in `struct flb_output_instance`.
const PLUGIN_OFFSET: usize = 0x90;
/// `proxy`, `name` and `cb_exit` in `struct flb_output_plugin`.
const PROXY_OFFSET: usize = 8;
const NAME_OFFSET: usize = 24;
const EXIT_OFFSET: usize = 120;

/// Takes the exit callback out of the plugin's record that the instance points to.
///
/// # Safety
/// `instance` is an output instance of the host that is exiting on this thread.
pub(super) unsafe fn forget_exit_callback(instance: usize) {
    let Some(callback) = find_exit_callback(instance) else { return };
    // SAFETY: checked to be the callback in the host's record of this plugin, which only the thread that is exiting uses.
    unsafe { (callback as *mut usize).write_volatile(0) };
}

/// Where the callback lies, when everything around it is as expected.
fn find_exit_callback(instance: usize) -> Option<usize> {
    let word = |address: Option<usize>| Some(read_words::<1>(address?)?[0]);
    let plugin = word(instance.checked_add(PLUGIN_OFFSET))?;
    let proxy = word(plugin.checked_add(PROXY_OFFSET))?;
    let name = read_name(word(plugin.checked_add(NAME_OFFSET))?)?;
    let slot = plugin.checked_add(EXIT_OFFSET)?;
    let callback = word(Some(slot))?;
    // SAFETY: the name ends in NUL.
    let known = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"flb_output_get_property".as_ptr()) } as usize;
    let is_hosts_code = object_of(callback).is_some() && object_of(callback) == object_of(known);
    (proxy != 0 && name.as_c_str() == PLUGIN_NAME && is_hosts_code).then_some(slot)
}

/// Where the shared object or executable begins in which an address lies.
fn object_of(address: usize) -> Option<usize> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr takes any address and fills in the struct when it knows it.
    let is_known = unsafe { libc::dladdr(address as *const c_void, info.as_mut_ptr()) } != 0;
    // SAFETY: zeroed, which is valid for its pointers, and filled in when known.
    let info = unsafe { info.assume_init() };
    (is_known && !info.dli_fbase.is_null()).then_some(info.dli_fbase as usize)
}
