//! Which host this is, and the functions of it that are called.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;

/// `flb_log_print(level, file, line, format, ...)`.
pub type LogPrint = unsafe extern "C" fn(c_int, *const c_char, c_int, *const c_char, ...);
/// `flb_output_log_check(instance, level)`.
pub type OutputLogCheck = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
/// `flb_filter_get_property(name, instance)`; the output's comes with the proxy's API.
pub type GetProperty = unsafe extern "C" fn(*const c_char, *mut c_void) -> *const c_char;
/// `flb_output_set_property(instance, name, value)`.
pub type SetProperty = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> c_int;
/// `flb_filter_set_context(instance, context)`.
pub type SetContext = unsafe extern "C" fn(*mut c_void, *mut c_void);
/// `flb_filter_name(instance)`, `flb_output_name(instance)`.
pub type InstanceName = unsafe extern "C" fn(*mut c_void) -> *const c_char;
/// `flb_output_get_cmt_instance(instance)`.
pub type OutputMetrics = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
/// `cmt_counter_create(cmt, namespace, subsystem, name, help, label_count, label_names)`; `cmt_gauge_create` is the same.
pub type MetricCreate = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    *const c_char,
    *const c_char,
    *const c_char,
    c_int,
    *const *const c_char,
) -> *mut c_void;
/// `cmt_counter_set(metric, nanoseconds, value, label_count, label_values)`; `cmt_gauge_set` is the same.
pub type MetricSet = unsafe extern "C" fn(*mut c_void, u64, f64, c_int, *const *const c_char) -> c_int;

/// Kinds of hosts, by what they expect of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKind {
    /// Up to 2.0: filters without an event type; an exit that is called with the last instance's context for all.
    Classic,
    /// From 2.2 on: filters with an event type and a pre-run callback.
    Modern,
    /// Not a host whose layouts are known: no Fluent Bit, or 2.1, which lies between the two.
    Unknown,
}

/// The host's functions for the metrics of an output; newer hosts only.
#[derive(Debug, Clone, Copy)]
pub struct MetricFunctions {
    /// Where an output's metrics are kept.
    pub of_output: OutputMetrics,
    /// Makes a counter.
    pub counter_create: MetricCreate,
    /// Sets a counter, which never falls.
    pub counter_set: MetricSet,
    /// Makes a gauge.
    pub gauge_create: MetricCreate,
    /// Sets a gauge.
    pub gauge_set: MetricSet,
}

/// The host's functions.
#[derive(Debug, Clone, Copy)]
pub struct Host {
    /// What it expects.
    pub kind: HostKind,
    /// Its logger.
    pub log_print: Option<LogPrint>,
    /// Whether a level is logged for an output; newer hosts only.
    pub output_log_check: Option<OutputLogCheck>,
    /// Sets a property of an output, also one that the host reads itself.
    pub output_set_property: Option<SetProperty>,
    /// Properties of a filter.
    pub filter_get_property: Option<GetProperty>,
    /// Sets what is handed to the filter's callbacks.
    pub filter_set_context: Option<SetContext>,
    /// Name of a filter instance.
    pub filter_name: Option<InstanceName>,
    /// Name of an output instance.
    pub output_name: Option<InstanceName>,
    /// Metrics of an output, when the host has all that is needed for them.
    pub metrics: Option<MetricFunctions>,
    /// Address of its table `service_configs`, which tells where in `flb_config` each key of `[SERVICE]` lies.
    pub service_table: Option<usize>,
}

/// The host this is loaded into, found out once.
pub fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(find_host)
}

fn find_host() -> Host {
    let is_there = |name: &CStr| !symbol(name).is_null();
    let is_fluent_bit =
        [c"flb_output_get_property", c"flb_filter_get_property", c"flb_filter_set_context"].into_iter().all(is_there);
    // The decoder came with 2.1, this function with 2.2; neither is in 1.9 and 2.0.
    let kind = match (is_fluent_bit, is_there(c"flb_log_event_decoder_init"), is_there(c"flb_proxy_output_cb_init")) {
        (true, false, _) => HostKind::Classic,
        (true, true, true) => HostKind::Modern,
        _ => HostKind::Unknown,
    };
    Host {
        kind,
        log_print: function(c"flb_log_print"),
        output_log_check: function(c"flb_output_log_check"),
        output_set_property: function(c"flb_output_set_property"),
        filter_get_property: function(c"flb_filter_get_property"),
        filter_set_context: function(c"flb_filter_set_context"),
        filter_name: function(c"flb_filter_name"),
        output_name: function(c"flb_output_name"),
        metrics: metric_functions(),
        service_table: Some(symbol(c"service_configs") as usize).filter(|address| *address != 0),
    }
}

/// All or none: 1.9 has the metrics but no way to those of an output.
fn metric_functions() -> Option<MetricFunctions> {
    Some(MetricFunctions {
        of_output: function(c"flb_output_get_cmt_instance")?,
        counter_create: function(c"cmt_counter_create")?,
        counter_set: function(c"cmt_counter_set")?,
        gauge_create: function(c"cmt_gauge_create")?,
        gauge_set: function(c"cmt_gauge_set")?,
    })
}

fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends in NUL, and RTLD_DEFAULT searches what the process has loaded.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) }
}

/// A host's function as a pointer of type `F`, which must be a function pointer type of the function's signature.
fn function<F: Copy>(name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    let address = symbol(name);
    if address.is_null() {
        return None;
    }
    // SAFETY: F is a function pointer (each caller names one of the aliases above, whose signatures are those of the
    // host's headers), of the size of the address, which is not null.
    Some(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&address) })
}
