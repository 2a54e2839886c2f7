//! The host's metrics, as far as an output can show something in them.
//!
//! Stricter than the real ones where those would be corrupted in silence: a metric touched after its
//! instance was freed is a crash, and so is a set of labels that another thread adds than the one
//! that made the metric, because the host walks its lists without a lock.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::{self, Write as _};
use std::mem::size_of;
use std::process;
use std::ptr;
use std::slice;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::error::HarnessError;
use crate::guarded::GuardedBlock;
use crate::host;

/// A value that an output shows in its host's metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The full name, like `fluentbit_output_errors_total`.
    pub name: String,
    /// Names and values of the labels, in the plugin's order.
    pub labels: Vec<(String, String)>,
    /// The value set last.
    pub value: f64,
}

/// Whether a value may fall, by the number the library passes.
const COUNTER: c_int = 0;
/// What a host's create answers when it cannot, and its set.
const REFUSED: c_int = -1;

static CONTEXTS: LazyLock<Mutex<HashMap<usize, Arc<Shown>>>> = LazyLock::new(Mutex::default);
static METRICS: LazyLock<Mutex<HashMap<usize, Arc<Metric>>>> = LazyLock::new(Mutex::default);

/// The metrics of one instance; what was shown stays readable for tests after the instance is freed.
#[derive(Debug)]
pub(crate) struct Context {
    block: GuardedBlock,
    shown: Arc<Shown>,
}

/// What an instance shows.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    metrics: Mutex<Vec<Arc<Metric>>>,
    handles: Mutex<Vec<GuardedBlock>>,
}

#[derive(Debug)]
struct Metric {
    name: String,
    label_names: Vec<String>,
    may_fall: bool,
    thread: ThreadId,
    entries: Mutex<Vec<(Vec<String>, f64)>>,
}

impl Context {
    pub(crate) fn new() -> Result<Self, HarnessError> {
        let block = GuardedBlock::zeroed(size_of::<usize>())?;
        let shown = Arc::<Shown>::default();
        lock(&CONTEXTS).insert(block.as_ptr().addr(), Arc::clone(&shown));
        Ok(Self { block, shown })
    }

    pub(crate) fn as_ptr(&self) -> *mut c_void {
        self.block.as_ptr().cast()
    }

    pub(crate) fn shown(&self) -> &Arc<Shown> {
        &self.shown
    }

    /// Closes the context and every metric in it for whoever still holds their addresses.
    pub(crate) fn retire(self) {
        lock(&CONTEXTS).remove(&self.block.as_ptr().addr());
        for handle in lock(&self.shown.handles).drain(..) {
            lock(&METRICS).remove(&handle.as_ptr().addr());
            handle.retire();
        }
        self.block.retire();
    }
}

impl Shown {
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        for metric in &*lock(&self.metrics) {
            samples.extend(lock(&metric.entries).iter().map(|(values, value)| Sample {
                name: metric.name.clone(),
                labels: metric.label_names.iter().cloned().zip(values.iter().cloned()).collect(),
                value: *value,
            }));
        }
        samples
    }
}

/// `flb_output_get_cmt_instance`.
pub(crate) unsafe extern "C" fn output_get_cmt_instance(instance: *mut c_void) -> *mut c_void {
    let offset = host::running_layout().and_then(|layout| layout.shape().output_instance.metrics);
    let Some(offset) = offset else {
        return ptr::null_mut();
    };
    // SAFETY: the plugin passes the instance it was given, which has its metrics there.
    unsafe { instance.wrapping_byte_add(offset).cast::<*mut c_void>().read() }
}

/// `cmt_counter_create` and `cmt_gauge_create`.
pub(crate) unsafe extern "C" fn metric_create(
    kind: c_int,
    context: *mut c_void,
    parts: *const *const c_char,
    label_count: c_int,
    label_names: *const *const c_char,
) -> *mut c_void {
    // Namespace, subsystem, name and help.
    // SAFETY: the library passes these four.
    let parts = unsafe { texts(parts, 4) };
    // SAFETY: the plugin passes as many names as it says.
    let label_names = unsafe { texts(label_names, label_count) };
    let (Some(parts), Some(label_names)) = (parts, label_names) else {
        return ptr::null_mut();
    };
    let (Some(shown), [namespace, subsystem, name, help]) = (lock(&CONTEXTS).get(&context.addr()).cloned(), &parts[..])
    else {
        return ptr::null_mut();
    };
    let Some(handle) = GuardedBlock::zeroed(size_of::<usize>()).ok().filter(|_| !name.is_empty() && !help.is_empty())
    else {
        return ptr::null_mut();
    };
    let full_name = [namespace, subsystem, name].into_iter().filter(|part| !part.is_empty());
    let metric = Arc::new(Metric {
        name: full_name.map(String::as_str).collect::<Vec<_>>().join("_"),
        label_names,
        may_fall: kind != COUNTER,
        thread: thread::current().id(),
        entries: Mutex::default(),
    });
    let address = handle.as_ptr();
    lock(&METRICS).insert(address.addr(), Arc::clone(&metric));
    lock(&shown.metrics).push(metric);
    lock(&shown.handles).push(handle);
    address.cast()
}

/// `cmt_counter_set` and `cmt_gauge_set`.
pub(crate) unsafe extern "C" fn metric_set(
    handle: *mut c_void,
    value: f64,
    label_count: c_int,
    labels: *const *const c_char,
) -> c_int {
    // SAFETY: a metric of a living instance; that of a freed one is closed, which is what is to be found out.
    let _touched = unsafe { handle.cast::<usize>().read_volatile() };
    let metric = lock(&METRICS).get(&handle.addr()).cloned();
    // SAFETY: the plugin passes as many labels as it says.
    let (Some(metric), Some(labels)) = (metric, unsafe { texts(labels, label_count) }) else {
        return REFUSED;
    };
    if labels.len() != metric.label_names.len() {
        return REFUSED;
    }
    let mut entries = lock(&metric.entries);
    if let Some((_, shown)) = entries.iter_mut().find(|(known, _)| *known == labels) {
        if value < *shown && !metric.may_fall {
            return REFUSED;
        }
        *shown = value;
        return 0;
    }
    if thread::current().id() != metric.thread {
        let told = format!("shiwake-harness: {labels:?} added to {} on another thread than its own\n", metric.name);
        let _ = io::stderr().write_all(told.as_bytes());
        process::abort();
    }
    entries.push((labels, value));
    0
}

/// # Safety
///
/// `texts` are `count` pointers to C strings or NULL.
unsafe fn texts(texts: *const *const c_char, count: c_int) -> Option<Vec<String>> {
    let count = usize::try_from(count).ok()?;
    if count == 0 {
        return Some(Vec::new());
    }
    if texts.is_null() {
        return None;
    }
    // SAFETY: the caller's promise, and not NULL.
    let texts = unsafe { slice::from_raw_parts(texts, count) };
    // SAFETY: the caller's promise.
    let text = |text: &*const c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(*text) });
    texts.iter().map(|part| text(part).map(|part| part.to_string_lossy().into_owned())).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
