//! The proxy output: `FLBPluginRegister`, `FLBPluginInit`, `FLBPluginFlushCtx`, `FLBPluginExitCtx`.
//!
//! The context that the host keeps for us is the number of an instance, not a pointer: 1.9 calls the exit once an
//! instance, but always with the context of the last one, and newer hosts call it with null for an instance that was
//! never started.

use super::PLUGIN_NAME;
use super::classic_exit::forget_exit_callback;
use super::host::{GetProperty, HostKind, host};
use super::logger::HostLog;
use super::metrics::HostMetrics;
use super::{kept_properties, properties, service};
use crate::guard::{guard, silence_panic_hook};
use crate::output_instance::{self, HostSide, OutputInstance};
use shiwake_delivery::config::output::PROPERTIES;
use shiwake_delivery::log::{Level, Log};
use shiwake_delivery::pipeline::Answer;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

const FLB_PROXY_OUTPUT_PLUGIN: c_int = 2;
const FLB_PROXY_GOLANG: c_int = 11;
const FLB_IO_OPT_TLS: c_int = 4;
const FLB_ERROR: c_int = 0;
const FLB_OK: c_int = 1;
const FLB_RETRY: c_int = 2;
/// What registration and initialisation answer when they refuse.
const REFUSED: c_int = -1;

/// `struct flb_plugin_proxy_def`, as far as every version has it: 32 bytes.
#[repr(C)]
#[derive(Debug)]
pub struct ProxyDef {
    kind: c_int,
    proxy: c_int,
    flags: c_int,
    name: *const c_char,
    description: *const c_char,
}

/// `struct flbgo_output_plugin`, as far as it is read.
#[repr(C)]
#[derive(Debug)]
pub struct OutputPlugin {
    name: *mut c_char,
    api: *const Api,
    instance: *mut c_void,
    context: *mut ProxyContext,
}

/// `struct flb_api`, as far as every version has it.
#[repr(C)]
#[derive(Debug)]
pub struct Api {
    output_get_property: Option<GetProperty>,
}

/// `struct flb_plugin_proxy_context`, as far as it is written.
#[repr(C)]
#[derive(Debug)]
pub struct ProxyContext {
    remote_context: *mut c_void,
}

/// Tells the host what this plugin is.
///
/// # Safety
/// `def` is the host's struct of at least 32 bytes, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FLBPluginRegister(def: *mut ProxyDef) -> c_int {
    silence_panic_hook();
    // SAFETY: the caller's promise.
    guard(REFUSED, || unsafe { register(def) })
}

/// Starts an instance.
///
/// # Safety
/// `plugin` is the host's struct of the instance, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FLBPluginInit(plugin: *mut OutputPlugin) -> c_int {
    // SAFETY: the caller's promise.
    guard(REFUSED, || unsafe { init(plugin) })
}

/// Takes a chunk. Runs on a stack of 24 KiB with nothing below it.
///
/// # Safety
/// `context` is what was set in `FLBPluginInit`; `data` has `size` bytes, `tag` ends in NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FLBPluginFlushCtx(
    context: *mut c_void,
    data: *const c_void,
    size: usize,
    tag: *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    guard(FLB_RETRY, || unsafe { flush(context, data, size, tag) })
}

/// Ends an instance.
///
/// # Safety
/// `context` is what was set in `FLBPluginInit`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn FLBPluginExitCtx(context: *mut c_void) -> c_int {
    // SAFETY: called by a host that is exiting.
    guard(FLB_ERROR, || unsafe { exit(context) })
}

unsafe fn register(def: *mut ProxyDef) -> c_int {
    if host().kind == HostKind::Unknown {
        let text =
            "this host is not recognised (known are Fluent Bit 1.9, 2.0, and 2.2 to 5.1): the output is not registered";
        HostLog::of_plugin().line(Level::Error, text);
        return REFUSED;
    }
    let ours = ProxyDef {
        kind: FLB_PROXY_OUTPUT_PLUGIN,
        proxy: FLB_PROXY_GOLANG,
        // Hosts refuse `tls on` for a plugin without.
        flags: FLB_IO_OPT_TLS,
        name: PLUGIN_NAME.as_ptr(),
        description: c"Sorts logs by type into typed Parquet and Datadog".as_ptr(),
    };
    if def.is_null() {
        return REFUSED;
    }
    // SAFETY: not null, and of at least our size by the caller's promise. Hosts copy the texts and do not free them.
    unsafe { def.write(ours) };
    0
}

unsafe fn init(plugin: *mut OutputPlugin) -> c_int {
    // SAFETY: null or the host's struct by the caller's promise.
    let Some(plugin) = (unsafe { plugin.as_ref() }) else { return REFUSED };
    // SAFETY: the instance is the host's and outlives ours.
    let log = Arc::new(unsafe { HostLog::of_output(plugin.instance) });
    // SAFETY: null or the host's struct, of which every version has the first field.
    let api = unsafe { plugin.api.as_ref() };
    // SAFETY: null or the host's struct.
    let context = unsafe { plugin.context.as_mut() };
    let (Some(get_property), Some(context)) = (api.and_then(|api| api.output_get_property), context) else {
        log.line(Level::Error, "the host gave no way to read properties: the output is not started");
        return REFUSED;
    };
    // SAFETY: the host's function and the host's instance.
    let mut set = unsafe { properties::read(get_property, plugin.instance, &PROPERTIES) };
    if let Some(set_property) = host().output_set_property.filter(|_| set.asks_for_datadog()) {
        // SAFETY: the host's function, and the instance that it is starting on this thread.
        set.values.extend(unsafe { kept_properties::read(set_property, plugin.instance) });
    }
    // SAFETY: the host is starting this instance here; stopping ours, which its exit does first, closes the metrics.
    let metrics = Arc::new(unsafe { HostMetrics::of_output(plugin.instance) });
    let side = HostSide { instance: plugin.instance as usize, grace: service::grace(plugin.instance), metrics };
    let name = log.instance_name().to_owned();
    match OutputInstance::start(set, name, Arc::clone(&log) as Arc<dyn Log>, side) {
        Ok(instance) => {
            // SAFETY: the instance is the host's.
            unsafe { do_without_workers(plugin.instance) };
            context.remote_context = output_instance::enter(instance) as *mut c_void;
            FLB_OK
        }
        Err(error) => {
            error.lines().iter().for_each(|line| log.line(Level::Error, line));
            REFUSED
        }
    }
}

/// Takes back the workers that a user asked for.
///
/// From 2.2 to 5.1 at least the host starts the workers of a proxy output twice and knows only of the second ones when it
/// exits: the first ones go on with what it has freed, and it crashes while outputs still write what they hold. A flush
/// only hands over, so it needs no worker.
///
/// # Safety
/// `instance` is the output instance that the host is starting.
unsafe fn do_without_workers(instance: *mut c_void) {
    if let (HostKind::Modern, Some(set_property)) = (host().kind, host().output_set_property) {
        // SAFETY: the host's function and instance; name and value end in NUL and are copied.
        unsafe { set_property(instance, c"workers".as_ptr(), c"0".as_ptr()) };
    }
}

unsafe fn flush(context: *mut c_void, data: *const c_void, size: usize, tag: *const c_char) -> c_int {
    let Some(instance) = output_instance::find(context as usize) else { return FLB_RETRY };
    if data.is_null() || tag.is_null() {
        return FLB_ERROR;
    }
    // SAFETY: `size` bytes by the caller's promise, not null, and not kept beyond this call.
    let chunk = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) };
    // SAFETY: ends in NUL by the caller's promise.
    let tag = unsafe { CStr::from_ptr(tag) };
    match instance.accept(chunk, tag) {
        Answer::Accepted => FLB_OK,
        Answer::Retry => FLB_RETRY,
    }
}

unsafe fn exit(context: *mut c_void) -> c_int {
    match host().kind {
        // The host names the last instance each time; it exits as a whole, so all end with the first call.
        HostKind::Classic => {
            let ended = output_instance::leave_all();
            ended.iter().for_each(|instance| instance.stop());
            if let [first, _, ..] = ended.as_slice() {
                // SAFETY: the host is exiting, which is why it called this.
                unsafe { forget_exit_callback(first.host_instance()) };
            }
        }
        HostKind::Modern | HostKind::Unknown => {
            output_instance::leave(context as usize).iter().for_each(|instance| instance.stop());
        }
    }
    FLB_OK
}
