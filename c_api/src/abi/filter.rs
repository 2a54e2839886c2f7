//! The native filter: the data symbol `filter_shiwake_plugin` and its callbacks.
//!
//! The host copies its own `sizeof(struct flb_filter_plugin)` from the symbol, so what lies there must have the layout of
//! that very host; it is filled in when the shared object is loaded, before the host looks.

use super::PLUGIN_NAME;
use super::host::{HostKind, host};
use super::logger::HostLog;
use super::properties;
use crate::filter_instance::FilterInstance;
use crate::guard::{guard, silence_panic_hook};
use shiwake_delivery::config::filter::PROPERTIES;
use shiwake_delivery::log::{Level, Log};
use std::cell::UnsafeCell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

const FLB_FILTER_MODIFIED: c_int = 1;
const FLB_FILTER_NOTOUCH: c_int = 2;
/// `event_type` for logs in its lower half, `flags` in the upper one.
const EVENT_TYPE_LOGS: usize = 1;
const STARTED: c_int = 0;
const REFUSED: c_int = -1;

/// Words of the symbol: the largest known struct has 11, and a host with a larger one copies zeroes.
const PLUGIN_WORDS: usize = 64;

type InitCallback = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void) -> c_int;
type FilterCallback = unsafe extern "C" fn(
    *const c_void,
    usize,
    *const c_char,
    c_int,
    *mut *mut c_void,
    *mut usize,
    *mut c_void,
    *mut c_void,
    *mut c_void,
    *mut c_void,
) -> c_int;
type ExitCallback = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;

/// The bytes the host copies.
#[repr(C, align(16))]
#[derive(Debug)]
pub struct FilterPlugin(UnsafeCell<[usize; PLUGIN_WORDS]>);

// SAFETY: it is written once, while the shared object is loaded and nobody else can know of it.
unsafe impl Sync for FilterPlugin {}

/// What the host looks for in a file named `flb-filter_shiwake.so`.
#[unsafe(no_mangle)]
pub static filter_shiwake_plugin: FilterPlugin = FilterPlugin(UnsafeCell::new([0; PLUGIN_WORDS]));

#[used]
// SAFETY: the loader calls what is in .init_array as functions without arguments; ours has none.
#[unsafe(link_section = ".init_array")]
static FILL_AT_LOAD: extern "C" fn() = fill_at_load;

extern "C" fn fill_at_load() {
    guard((), || {
        let words = layout(host().kind);
        // SAFETY: the loader runs this before anybody can look up the symbol.
        unsafe { *filter_shiwake_plugin.0.get() = words };
    });
}

/// The struct as each kind of host lays it out, in words.
fn layout(kind: HostKind) -> [usize; PLUGIN_WORDS] {
    let name = PLUGIN_NAME.as_ptr() as usize;
    let description = c"Sorts and enriches logs".as_ptr() as usize;
    let no_config_map = 0;
    let no_callback = 0;
    let (init, filter, exit) =
        (init as InitCallback as usize, filter as FilterCallback as usize, exit as ExitCallback as usize);
    let refuse = refuse as extern "C" fn() -> c_int as usize;
    let known: [usize; 9] = match kind {
        // flags, name, description, config_map, cb_init, cb_filter, cb_exit, list
        HostKind::Classic => [0, name, description, no_config_map, init, filter, exit, 0, 0],
        // event_type and flags, name, description, config_map, cb_pre_run, cb_init, cb_filter, cb_exit, cb_notification
        HostKind::Modern => [EVENT_TYPE_LOGS, name, description, no_config_map, no_callback, init, filter, exit, 0],
        // Name, description and config_map lie in the same place everywhere; whatever is called behind them refuses.
        HostKind::Unknown => [EVENT_TYPE_LOGS, name, description, no_config_map, refuse, refuse, refuse, refuse, 0],
    };
    let mut words = [0; PLUGIN_WORDS];
    for (word, known) in words.iter_mut().zip(known) {
        *word = known;
    }
    words
}

extern "C" fn refuse() -> c_int {
    guard(REFUSED, || {
        let text =
            "this host is not recognised (known are Fluent Bit 1.9, 2.0, and 2.2 to 5.1): the filter is not started";
        HostLog::of_plugin().line(Level::Error, text);
        REFUSED
    })
}

unsafe extern "C" fn init(instance: *mut c_void, _config: *mut c_void, _data: *mut c_void) -> c_int {
    silence_panic_hook();
    // SAFETY: the instance is the host's.
    guard(REFUSED, || unsafe { start(instance) })
}

unsafe extern "C" fn filter(
    data: *const c_void,
    bytes: usize,
    tag: *const c_char,
    tag_length: c_int,
    out: *mut *mut c_void,
    out_bytes: *mut usize,
    _filter: *mut c_void,
    _input: *mut c_void,
    context: *mut c_void,
    _config: *mut c_void,
) -> c_int {
    // SAFETY: what the host hands over: `bytes` bytes of data, a tag of that length, two places for the answer, and the
    // context we set.
    guard(FLB_FILTER_NOTOUCH, || unsafe { sort(data, bytes, (tag, tag_length), out, out_bytes, context) })
}

unsafe extern "C" fn exit(context: *mut c_void, _config: *mut c_void) -> c_int {
    guard(REFUSED, || {
        if !context.is_null() {
            // SAFETY: the context is the box that `start` gave away, and the host is done with it.
            drop(unsafe { Box::from_raw(context.cast::<FilterInstance>()) });
        }
        0
    })
}

unsafe fn start(instance: *mut c_void) -> c_int {
    // SAFETY: the instance is the host's, by the caller's promise.
    let log = Box::new(unsafe { HostLog::of_filter(instance) });
    let (Some(get_property), Some(set_context)) = (host().filter_get_property, host().filter_set_context) else {
        log.line(Level::Error, "the host gave no way to read properties: the filter is not started");
        return REFUSED;
    };
    // SAFETY: the host's function and the host's instance.
    let set = unsafe { properties::read(get_property, instance, &PROPERTIES) };
    // SAFETY: as above; one log speaks of the error, the other goes into the instance.
    let own_log = Arc::new(unsafe { HostLog::of_filter(instance) });
    match FilterInstance::start(set, own_log) {
        Ok(started) => {
            let context = Box::into_raw(Box::new(started)).cast::<c_void>();
            // SAFETY: the host's function and the host's instance.
            unsafe { set_context(instance, context) };
            STARTED
        }
        Err(error) => {
            error.lines().iter().for_each(|line| log.line(Level::Error, line));
            REFUSED
        }
    }
}

unsafe fn sort(
    data: *const c_void,
    bytes: usize,
    (tag, tag_length): (*const c_char, c_int),
    out: *mut *mut c_void,
    out_bytes: *mut usize,
    context: *mut c_void,
) -> c_int {
    // SAFETY: null or the box that `start` gave away, which lives until `exit`.
    let instance = unsafe { context.cast::<FilterInstance>().as_ref() };
    let Some(instance) = instance.filter(|_| !data.is_null() && !out.is_null() && !out_bytes.is_null()) else {
        return FLB_FILTER_NOTOUCH;
    };
    // SAFETY: `bytes` bytes by the caller's promise, not null, and not kept beyond this call.
    let chunk = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), bytes) };
    let tag = match usize::try_from(tag_length) {
        // SAFETY: as many bytes as the host says, not null, and not kept beyond this call.
        Ok(length) if !tag.is_null() => unsafe { std::slice::from_raw_parts(tag.cast::<u8>(), length) },
        _ => b"",
    };
    let Some(answer) = instance.sort(chunk, tag) else { return FLB_FILTER_NOTOUCH };
    // A host that is told of no bytes forgets the memory.
    let (answer, length) = if answer.length() == 0 { (std::ptr::null_mut(), 0) } else { answer.give_away() };
    // SAFETY: not null, and the host's place for the answer.
    unsafe { out.write(answer) };
    // SAFETY: not null, and the host's place for its length.
    unsafe { out_bytes.write(length) };
    FLB_FILTER_MODIFIED
}
