//! The ledger in the host's own metrics, through its cmetrics: `fluentbit_shiwake_..._total{name="...",type="..."}`.
//!
//! The host walks the lists of its metrics without a lock whenever it copies or prints them. So everything is made while
//! the instance starts, on the host's own thread: the metrics, and in each of them an entry for every set of labels.
//! Afterwards only entries that exist are set, which stores atomically and changes no list. The host refuses to lower a
//! counter; sums are read and set under one lock, so none is ever to be lowered.
//!
//! The host frees its metrics after the instance's exit: [`HostMetrics::close`] is the last that touches them.

use super::host::{MetricCreate, MetricFunctions, MetricSet, host};
use super::logger::name_of;
use shiwake_delivery::ledger::Ledger;
use shiwake_delivery::metrics::Metrics;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

const NAMESPACE: &CStr = c"fluentbit";
const SUBSYSTEM: &CStr = c"shiwake";
/// Labels of what is counted by log type, and of what is not.
const NAME_AND_RULE: &[&CStr] = &[c"name", c"rule"];
const NAME_AND_TYPE: &[&CStr] = &[c"name", c"type"];
const NAME_ALONE: &[&CStr] = &[c"name"];

/// The metrics of one output instance; nothing, in a host that has no way to them.
#[derive(Debug)]
pub struct HostMetrics {
    series: Mutex<Option<Series>>,
}

/// What is shown of a ledger.
#[derive(Debug)]
struct Series {
    accepted: Metric,
    written: Metric,
    quarantined: Metric,
    recovered: Metric,
    set_aside: Metric,
    lost: Metric,
    pending: Metric,
    objects: Metric,
    object_bytes: Metric,
    recognised: Metric,
    spool_bytes: Metric,
    /// The instance's name.
    name: CString,
    misfits: Metric,
    sent: Metric,
    refused: Metric,
    cut: Metric,
    /// Names of the log types, in the order of the ledger; filled when it is shown for the first time, which is while the host
    /// starts the instance.
    types: Vec<CString>,
    dropped: Metric,
    /// Names of the rules that may throw records away, in the order of the ledger.
    rules: Vec<CString>,
}

/// A counter or a gauge of the host.
#[derive(Debug)]
struct Metric {
    handle: *mut c_void,
    set: MetricSet,
}

// SAFETY: the host's metric is bound to no thread, its set functions store atomically, and it lives until the instance has
// exited, before which `close` forgets it.
unsafe impl Send for Metric {}

impl HostMetrics {
    /// Makes the metrics of an output instance; to be called while the host starts it. The first ledger that is shown makes
    /// the entry of every set of labels, and has to be shown before the start ends, on the same thread.
    ///
    /// # Safety
    /// `instance` is the output instance that the host is starting on this thread, and `close` is called before its exit
    /// ends.
    #[must_use]
    pub unsafe fn of_output(instance: *mut c_void) -> Self {
        let series = host().metrics.and_then(|functions| {
            // SAFETY: the caller's promise.
            unsafe { Series::create(&functions, instance) }
        });
        Self { series: Mutex::new(series) }
    }

    /// Forgets the host's metrics; updates do nothing from here on.
    pub fn close(&self) {
        *self.series.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Metrics for HostMetrics {
    fn update(&self, ledger: &Ledger) {
        if let Some(series) = &mut *self.series.lock().unwrap_or_else(PoisonError::into_inner) {
            series.show(ledger);
        }
    }
}

impl Series {
    /// # Safety
    /// As [`HostMetrics::of_output`].
    unsafe fn create(functions: &MetricFunctions, instance: *mut c_void) -> Option<Self> {
        // SAFETY: the host's function and the host's instance.
        let context = unsafe { (functions.of_output)(instance) };
        if context.is_null() {
            return None;
        }
        // SAFETY: the instance is an output.
        let name = unsafe { name_of(host().output_name, instance) };
        let make = |create: MetricCreate, set: MetricSet, name: &CStr, help: &CStr, labels: &[&CStr]| {
            // SAFETY: the host's own context of this instance, on the thread that is starting it.
            let handle = unsafe { create_metric(create, context, name, help, labels) };
            (!handle.is_null()).then_some(Metric { handle, set })
        };
        let counter = |name, help, labels| make(functions.counter_create, functions.counter_set, name, help, labels);
        let gauge = |name, help, labels| make(functions.gauge_create, functions.gauge_set, name, help, labels);
        let series = Self {
            accepted: counter(c"accepted_records_total", c"Records that were taken from the host.", NAME_AND_TYPE)?,
            written: counter(c"written_records_total", c"Records in stored objects of their log type.", NAME_AND_TYPE)?,
            quarantined: counter(
                c"quarantined_records_total",
                c"Records and runs of bytes that are none, in stored objects under quarantine/.",
                NAME_AND_TYPE,
            )?,
            recovered: counter(
                c"recovered_records_total",
                c"Records that an earlier run had taken and left in the spool.",
                NAME_AND_TYPE,
            )?,
            set_aside: counter(
                c"set_aside_records_total",
                c"Records in files of the spool that cannot be read and were put aside.",
                NAME_AND_TYPE,
            )?,
            lost: counter(
                c"lost_records_total",
                c"Records in files of the spool that somebody has removed.",
                NAME_AND_TYPE,
            )?,
            pending: gauge(c"pending_records", c"Records that wait to be stored.", NAME_AND_TYPE)?,
            objects: counter(c"objects_total", c"Objects that were stored.", NAME_ALONE)?,
            object_bytes: counter(c"object_bytes_total", c"Bytes of the objects that were stored.", NAME_ALONE)?,
            recognised: counter(
                c"recognised_records_total",
                c"Records that the host sent again after a restart and that were not taken twice.",
                NAME_ALONE,
            )?,
            spool_bytes: gauge(c"spool_bytes", c"Bytes in the spool, in memory and on disk.", NAME_ALONE)?,
            name: CString::new(name).unwrap_or_default(),
            misfits: counter(
                c"misfit_fields_total",
                c"Fields of written records whose value does not fit their column and is in the overflow.",
                NAME_AND_TYPE,
            )?,
            sent: counter(c"datadog_sent_records_total", c"Records that Datadog has.", NAME_AND_TYPE)?,
            refused: counter(
                c"datadog_refused_records_total",
                c"Records that Datadog has refused, or that could not be sent to it.",
                NAME_AND_TYPE,
            )?,
            cut: counter(
                c"datadog_cut_records_total",
                c"Records that Datadog has of which the entry was too long and was cut.",
                NAME_AND_TYPE,
            )?,
            dropped: counter(c"dropped_records_total", c"Records that a rule threw away.", NAME_AND_RULE)?,
            types: Vec::new(),
            rules: Vec::new(),
        };
        Some(series)
    }

    /// Sets every value. May run on the host's small stack.
    fn show(&mut self, ledger: &Ledger) {
        let now = nanoseconds_now();
        if self.types.is_empty() {
            self.types = ledger.by_lane().map(|(name, _)| CString::new(name).unwrap_or_default()).collect();
        }
        for ((_, totals), log_type) in ledger.by_lane().zip(&self.types) {
            let labels = [self.name.as_ptr(), log_type.as_ptr()];
            self.accepted.set(now, totals.accepted.saturating_sub(totals.recovered), &labels);
            self.recovered.set(now, totals.recovered, &labels);
            self.set_aside.set(now, totals.set_aside, &labels);
            self.lost.set(now, totals.lost, &labels);
            self.written.set(now, totals.written, &labels);
            self.quarantined.set(now, totals.quarantined, &labels);
            self.pending.set(now, totals.pending(), &labels);
            self.misfits.set(now, totals.misfits, &labels);
            self.sent.set(now, totals.sent, &labels);
            self.refused.set(now, totals.refused, &labels);
            self.cut.set(now, totals.cut, &labels);
        }
        let dropped = ledger.dropped();
        if self.rules.is_empty() {
            self.rules = dropped.keys().map(|name| CString::new(name.as_str()).unwrap_or_default()).collect();
        }
        for (records, rule) in dropped.values().zip(&self.rules) {
            self.dropped.set(now, *records, &[self.name.as_ptr(), rule.as_ptr()]);
        }
        let (objects, bytes) = ledger.objects();
        let labels = [self.name.as_ptr()];
        self.objects.set(now, objects, &labels);
        self.object_bytes.set(now, bytes, &labels);
        self.recognised.set(now, ledger.recognised(), &labels);
        self.spool_bytes.set(now, ledger.held_bytes(), &labels);
    }
}

impl Metric {
    /// Sets the value of an entry; `labels` are as many as the metric was made with and end in NUL.
    #[expect(clippy::cast_precision_loss, reason = "the host's values are floats; exact up to 9,007,199,254,740,992")]
    fn set(&self, now: u64, value: u64, labels: &[*const c_char]) {
        // SAFETY: the metric lives until `close` (see above); the host reads the labels and keeps none of them.
        unsafe { (self.set)(self.handle, now, value as f64, count(labels), labels.as_ptr()) };
    }
}

/// # Safety
/// `create` is one of the host's, `context` the metrics of an instance that it is starting on this thread.
unsafe fn create_metric(
    create: MetricCreate,
    context: *mut c_void,
    name: &CStr,
    help: &CStr,
    labels: &[&CStr],
) -> *mut c_void {
    let labels: Vec<*const c_char> = labels.iter().map(|label| label.as_ptr()).collect();
    let (namespace, subsystem) = (NAMESPACE.as_ptr(), SUBSYSTEM.as_ptr());
    // SAFETY: the caller's promise; all texts end in NUL, and the host copies them.
    unsafe { create(context, namespace, subsystem, name.as_ptr(), help.as_ptr(), count(&labels), labels.as_ptr()) }
}

fn count(labels: &[*const c_char]) -> c_int {
    c_int::try_from(labels.len()).unwrap_or(0)
}

/// The time as the host stamps its own metrics.
fn nanoseconds_now() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
