//! The functions of the host that a plugin finds by name, as Rust sees them.
//!
//! The library with the exported symbols is C (`shim/host.c`), embedded per layout; it calls the
//! functions of this file through a table.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::Write;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::{fs, io, ptr};

use crate::abi::ListNode;
use crate::dso::{Library, Visibility};
use crate::error::HarnessError;
use crate::guarded::GuardedBlock;
use crate::host;
use crate::instance::find_property;
use crate::journal::{self, LogLevel, LogLine};
use crate::layout::{InstanceShape, Layout};
use crate::metrics::{metric_create, metric_set, output_get_cmt_instance};

/// The table handed to the library, in the order of its C twin.
#[repr(C)]
struct HostFunctions {
    record_log: unsafe extern "C" fn(c_int, *const c_char),
    filter_get_property: unsafe extern "C" fn(*const c_char, *mut c_void) -> *const c_char,
    output_get_property: unsafe extern "C" fn(*const c_char, *mut c_void) -> *const c_char,
    filter_set_context: unsafe extern "C" fn(*mut c_void, *mut c_void),
    filter_name: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    output_name: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    input_name: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    output_log_check: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    output_get_cmt_instance: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    metric_create:
        unsafe extern "C" fn(c_int, *mut c_void, *const *const c_char, c_int, *const *const c_char) -> *mut c_void,
    metric_set: unsafe extern "C" fn(*mut c_void, f64, c_int, *const *const c_char) -> c_int,
}

static TABLE: HostFunctions = HostFunctions {
    record_log,
    filter_get_property,
    output_get_property,
    filter_set_context,
    filter_name,
    output_name,
    input_name,
    output_log_check,
    output_get_cmt_instance,
    metric_create,
    metric_set,
};

type ConnectFn = unsafe extern "C" fn(*const HostFunctions);

fn embedded_library(layout: Layout) -> &'static [u8] {
    match layout {
        Layout::V1_9_10 => include_bytes!(concat!(env!("OUT_DIR"), "/host_1_9_10.so")),
        Layout::V4_2_8 => include_bytes!(concat!(env!("OUT_DIR"), "/host_4_2_8.so")),
        Layout::V5_1_1 => include_bytes!(concat!(env!("OUT_DIR"), "/host_5_1_1.so")),
        Layout::Unknown => include_bytes!(concat!(env!("OUT_DIR"), "/host_unknown.so")),
    }
}

/// Makes the functions of `layout` visible to every plugin loaded from now on, for the rest of the
/// process. Returns the library.
pub(crate) fn export(layout: Layout) -> Result<Library, HarnessError> {
    let refused = |error: &io::Error| HarnessError::HostFunctions { reason: error.to_string() };
    let file = memory_file(embedded_library(layout)).map_err(|error| refused(&error))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let library = Library::open(&path, Visibility::Global)?;
    // SAFETY: the symbol is that function of `shim/host.c`.
    let connect: ConnectFn = unsafe { library.require_function(c"shiwake_harness_connect") }?;
    // SAFETY: the table is of the struct the library expects; it copies it.
    unsafe { connect(&raw const TABLE) };
    Ok(library)
}

fn memory_file(bytes: &[u8]) -> io::Result<fs::File> {
    // SAFETY: the name is a C string; the call only makes a descriptor.
    let descriptor = unsafe { libc::memfd_create(c"shiwake-host".as_ptr(), libc::MFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was made just now and is owned by nobody else.
    let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
    let mut file = fs::File::from(descriptor);
    file.write_all(bytes)?;
    Ok(file)
}

/// Builds the `flb_api` table: one pointer on old hosts, nine on newer ones.
pub(crate) fn api_table(layout: Layout, log_print: *mut c_void) -> Result<GuardedBlock, HarnessError> {
    let functions: [*const c_void; 9] = [
        output_get_property as *const c_void,
        answer_null as *const c_void,
        output_get_cmt_instance as *const c_void,
        answer_null as *const c_void,
        log_print.cast_const(),
        answer_false as *const c_void,
        output_log_check as *const c_void,
        answer_null as *const c_void,
        answer_false as *const c_void,
    ];
    let slots = layout.shape().api_slots;
    let table = GuardedBlock::zeroed(slots * size_of::<*const c_void>())?;
    for (slot, function) in functions.into_iter().take(slots).enumerate() {
        table.put(slot * size_of::<*const c_void>(), function);
    }
    Ok(table)
}

/// Stands for the functions of the table that concern inputs and customs.
extern "C" fn answer_null() -> *const c_void {
    ptr::null()
}

extern "C" fn answer_false() -> c_int {
    0
}

unsafe extern "C" fn record_log(level: c_int, text: *const c_char) {
    // SAFETY: the library passes a buffer that ends in a zero.
    let text = unsafe { CStr::from_ptr(text) };
    journal::append(LogLine {
        level: LogLevel::from_number(level),
        text: text.to_string_lossy().trim_end_matches('\n').to_owned(),
    });
}

unsafe extern "C" fn output_get_property(key: *const c_char, instance: *mut c_void) -> *const c_char {
    let Some(layout) = host::running_layout() else {
        return ptr::null();
    };
    // SAFETY: the plugin passes the instance it was given, as it must to a real host.
    unsafe { property_of(&layout.shape().output_instance, key, instance) }
}

unsafe extern "C" fn filter_get_property(key: *const c_char, instance: *mut c_void) -> *const c_char {
    let Some(layout) = host::running_layout() else {
        return ptr::null();
    };
    // SAFETY: the plugin passes the instance it was given, as it must to a real host.
    unsafe { property_of(&layout.shape().filter_instance, key, instance) }
}

unsafe fn property_of(shape: &InstanceShape, key: *const c_char, instance: *mut c_void) -> *const c_char {
    let head = instance.wrapping_byte_add(shape.properties).cast::<ListNode>();
    // SAFETY: an instance of the harness has a list there; the key is the plugin's C string.
    unsafe { find_property(head, key) }
}

unsafe extern "C" fn filter_set_context(instance: *mut c_void, context: *mut c_void) {
    let Some(layout) = host::running_layout() else {
        return;
    };
    let offset = layout.shape().filter_instance.context;
    let slot = instance.wrapping_byte_add(offset).cast::<*mut c_void>();
    // SAFETY: the plugin passes the instance it was given, which has its context there.
    unsafe { slot.write(context) };
}

unsafe extern "C" fn filter_name(instance: *mut c_void) -> *const c_char {
    let shape = host::running_layout().map(|layout| &layout.shape().filter_instance);
    // SAFETY: the plugin passes the instance it was given.
    shape.map_or(ptr::null(), |shape| unsafe { name_of(instance, shape.alias, shape.name) })
}

unsafe extern "C" fn output_name(instance: *mut c_void) -> *const c_char {
    let shape = host::running_layout().map(|layout| &layout.shape().output_instance);
    // SAFETY: the plugin passes the instance it was given.
    shape.map_or(ptr::null(), |shape| unsafe { name_of(instance, shape.alias, shape.name) })
}

unsafe extern "C" fn input_name(instance: *mut c_void) -> *const c_char {
    let shape = host::running_layout().map(|layout| &layout.shape().input_instance);
    // SAFETY: the plugin passes the instance it was given.
    shape.map_or(ptr::null(), |shape| unsafe { name_of(instance, shape.alias, shape.name) })
}

/// The alias if there is one, else the name.
unsafe fn name_of(instance: *mut c_void, alias: usize, name: usize) -> *const c_char {
    let slot = instance.wrapping_byte_add(alias).cast::<*const c_char>();
    // SAFETY: the caller passes an instance with its alias there.
    let alias = unsafe { slot.read() };
    if alias.is_null() { instance.wrapping_byte_add(name).cast() } else { alias }
}

unsafe extern "C" fn output_log_check(instance: *mut c_void, level: c_int) -> c_int {
    let Some(layout) = host::running_layout() else {
        return 0;
    };
    let offset = layout.shape().output_instance.log_level;
    let slot = instance.wrapping_byte_add(offset).cast::<c_int>();
    // SAFETY: the plugin passes the instance it was given, which has its level there.
    c_int::from(level <= unsafe { slot.read() })
}
