//! The C structs and signatures that host and plugin share and that are alike in every layout.

use std::ffi::{c_char, c_int, c_void};

/// A list node: head and members alike form a ring.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListNode {
    pub(crate) prev: *mut ListNode,
    pub(crate) next: *mut ListNode,
}

/// A key with its value, as a member of a list of properties.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyValue {
    pub(crate) key: *mut c_char,
    pub(crate) value: *mut c_char,
    pub(crate) link: ListNode,
}

/// What precedes the characters of a host's string.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct StringHeader {
    pub(crate) bytes: u64,
    pub(crate) capacity: u64,
}

/// The part of a proxy's definition that every host has; newer hosts append fields.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) kind: c_int,
    pub(crate) proxy: c_int,
    pub(crate) flags: c_int,
    pub(crate) name: *mut c_char,
    pub(crate) description: *mut c_char,
}

/// The host's record of a loaded proxy plugin.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProxyRecord {
    pub(crate) definition: *mut c_void,
    pub(crate) api: *mut c_void,
    pub(crate) instance: *mut c_void,
    pub(crate) dso_handle: *mut c_void,
    pub(crate) data: *mut c_void,
    pub(crate) link: ListNode,
}

/// What an output instance's `context` points at; the plugin sets `remote_context` in its init.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProxyContext {
    pub(crate) remote_context: *mut c_void,
    pub(crate) proxy: *mut c_void,
}

/// What `FLBPluginInit` is handed: one per loaded plugin, re-pointed for every instance.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoOutput {
    pub(crate) name: *mut c_char,
    pub(crate) api: *mut c_void,
    pub(crate) instance: *mut c_void,
    pub(crate) context: *mut c_void,
    pub(crate) cb_init: Option<InitFn>,
    pub(crate) cb_flush: Option<FlushFn>,
    pub(crate) cb_flush_ctx: Option<FlushCtxFn>,
    pub(crate) cb_exit: Option<ExitFn>,
    pub(crate) cb_exit_ctx: Option<ExitCtxFn>,
}

const _: () = assert!(size_of::<KeyValue>() == 32);
const _: () = assert!(size_of::<Definition>() == 32);
const _: () = assert!(size_of::<ProxyRecord>() == 56);
const _: () = assert!(size_of::<ProxyContext>() == 16);
const _: () = assert!(size_of::<GoOutput>() == 72);

pub(crate) type PreRegisterFn = unsafe extern "C" fn(hot_reloading: c_int) -> c_int;
pub(crate) type RegisterFn = unsafe extern "C" fn(definition: *mut c_void) -> c_int;
pub(crate) type UnregisterFn = unsafe extern "C" fn(definition: *mut c_void);
pub(crate) type InitFn = unsafe extern "C" fn(plugin: *mut GoOutput) -> c_int;
pub(crate) type FlushFn = unsafe extern "C" fn(data: *const c_void, bytes: usize, tag: *const c_char) -> c_int;
pub(crate) type FlushCtxFn =
    unsafe extern "C" fn(context: *mut c_void, data: *const c_void, bytes: usize, tag: *mut c_char) -> c_int;
pub(crate) type ExitFn = unsafe extern "C" fn() -> c_int;
pub(crate) type ExitCtxFn = unsafe extern "C" fn(context: *mut c_void) -> c_int;
pub(crate) type PreRunFn = unsafe extern "C" fn(hot_reload_enabled: c_int) -> c_int;
pub(crate) type PreExitFn = unsafe extern "C" fn(hot_reloading: c_int);

/// `cb_init` and `cb_pre_run` of a filter.
pub(crate) type FilterInitFn =
    unsafe extern "C" fn(instance: *mut c_void, config: *mut c_void, data: *mut c_void) -> c_int;
pub(crate) type FilterRunFn = unsafe extern "C" fn(
    data: *const c_void,
    bytes: usize,
    tag: *const c_char,
    tag_bytes: c_int,
    out_data: *mut *mut c_void,
    out_bytes: *mut usize,
    instance: *mut c_void,
    input: *mut c_void,
    context: *mut c_void,
    config: *mut c_void,
) -> c_int;
pub(crate) type FilterExitFn = unsafe extern "C" fn(context: *mut c_void, config: *mut c_void) -> c_int;
