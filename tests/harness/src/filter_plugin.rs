//! A native filter plugin: a data symbol of which the host copies as much as its own struct has.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::abi::{FilterExitFn, FilterInitFn, FilterRunFn};
use crate::dso::{Library, Visibility, as_function, symbol_bytes};
use crate::error::HarnessError;
use crate::filter::FilterInstance;
use crate::guarded::GuardedBlock;
use crate::host::Running;
use crate::instance::Instance;
use crate::journal;
use crate::plugin::ExitReport;
use crate::properties::SortedProperties;

const NATIVE_PREFIX: &str = "flb-";
const NATIVE_SUFFIX: &str = ".so";
const FILTER_PREFIX: &str = "filter_";
const SYMBOL_SUFFIX: &str = "_plugin";

/// The callbacks of a filter's struct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterCallbacks {
    pre_run: Option<FilterInitFn>,
    init: Option<FilterInitFn>,
    pub(crate) run: FilterRunFn,
    pub(crate) exit: Option<FilterExitFn>,
}

/// A loaded native filter.
#[derive(Debug)]
pub(crate) struct FilterPlugin {
    running: &'static Running,
    library: Library,
    callbacks: FilterCallbacks,
    name: String,
    /// `None` once the plugin was exited.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    /// The host's copy of the plugin's struct.
    record: GuardedBlock,
    instances: Vec<Arc<FilterInstance>>,
    next_id: usize,
}

impl FilterPlugin {
    pub(crate) fn load(running: &'static Running, path: &Path) -> Result<Arc<Self>, HarnessError> {
        let symbol = symbol_of(path)?;
        let library = Library::open(path, Visibility::Local)?;
        let source = library.require(&symbol)?;
        let shape = &running.layout().shape().filter_plugin;
        if let Some(actual) = symbol_bytes(source)
            && actual < shape.bytes
        {
            return Err(HarnessError::FilterStructTooSmall {
                symbol: symbol.to_string_lossy().into_owned(),
                expected: shape.bytes,
                actual,
            });
        }
        let record = GuardedBlock::zeroed(shape.bytes)?;
        // SAFETY: the symbol has at least as many bytes as its ELF entry says, checked above, and
        // the block is freshly mapped.
        unsafe { ptr::copy_nonoverlapping(source.cast::<u8>(), record.as_ptr(), shape.bytes) };

        let config_map: *mut c_void = record.get(shape.config_map);
        if !config_map.is_null() {
            return Err(HarnessError::ConfigMap { path: path.to_owned() });
        }
        let name: *mut c_char = record.get(shape.name);
        let null_field = |field| HarnessError::NullField { path: path.to_owned(), field };
        if name.is_null() {
            return Err(null_field("name"));
        }
        // SAFETY: the plugin's struct has a C string there, as every host relies on.
        let name = unsafe { CStr::from_ptr(name) };
        let callback = |offset: usize| -> Option<*mut c_void> {
            let address: *mut c_void = record.get(offset);
            (!address.is_null()).then_some(address)
        };
        let run = callback(shape.cb_filter).ok_or_else(|| null_field("cb_filter"))?;
        let pre_run = shape.cb_pre_run.and_then(callback);
        let callbacks = FilterCallbacks {
            // SAFETY: the host's struct has a callback of this type at that offset.
            pre_run: pre_run.map(|address| unsafe { as_function(address) }),
            // SAFETY: as above.
            init: callback(shape.cb_init).map(|address| unsafe { as_function(address) }),
            // SAFETY: as above.
            run: unsafe { as_function(run) },
            // SAFETY: as above.
            exit: callback(shape.cb_exit).map(|address| unsafe { as_function(address) }),
        };
        Ok(Arc::new(Self {
            running,
            callbacks,
            name: name.to_string_lossy().into_owned(),
            library,
            open: Mutex::new(Some(Open { record, instances: Vec::new(), next_id: 0 })),
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        self.library.path()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Builds an instance and has the plugin initialise it: `cb_pre_run` where the host has it,
    /// then `cb_init`.
    pub(crate) fn start_instance(&self, given: &[(&str, &str)]) -> Result<Arc<FilterInstance>, HarnessError> {
        let mut guard = self.lock();
        let open = guard.as_mut().ok_or_else(|| self.exited())?;
        let layout = self.running.layout();
        let shape = &layout.shape().filter_instance;
        let sorted = SortedProperties::of_filter(layout, given)?;
        let config = self.running.config();
        let instance = Instance::build(shape, &self.name, open.next_id, &sorted, config)?;
        open.next_id += 1;
        instance.block().put(shape.plugin, open.record.as_ptr());

        let steps = [("cb_pre_run", self.callbacks.pre_run), ("cb_init", self.callbacks.init)];
        for (function, callback) in steps {
            let Some(callback) = callback else {
                continue;
            };
            let mark = journal::mark();
            // SAFETY: instance and config are of this host's layout and stay mapped until the exit.
            let code = unsafe { callback(instance.as_ptr(), config, ptr::null_mut()) };
            if code != 0 {
                let name = instance.name().to_owned();
                instance.retire();
                return Err(HarnessError::InitRefused { instance: name, function, code, log: journal::since(mark) });
            }
        }
        let filter = Arc::new(FilterInstance::new(self.running, instance, self.callbacks));
        open.instances.push(Arc::clone(&filter));
        Ok(filter)
    }

    pub(crate) fn exit_instance(&self, instance: &Arc<FilterInstance>) -> Result<(), HarnessError> {
        let mut guard = self.lock();
        let open = guard.as_mut().ok_or_else(|| self.exited())?;
        open.instances.retain(|other| !Arc::ptr_eq(other, instance));
        instance.exit().map(|_called| ())
    }

    pub(crate) fn exit_all(&self) -> Result<ExitReport, HarnessError> {
        let mut guard = self.lock();
        let open = guard.take().ok_or_else(|| self.exited())?;
        let mut exit_calls = 0;
        for instance in open.instances {
            exit_calls += usize::from(instance.exit()?);
        }
        let still_mapped = self.library.close();
        open.record.retire();
        Ok(ExitReport { exit_calls, still_mapped })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exited(&self) -> HarnessError {
        HarnessError::Exited { instance: self.name.clone() }
    }
}

/// `flb-filter_NAME.so` has the symbol `filter_NAME_plugin`.
fn symbol_of(path: &Path) -> Result<CString, HarnessError> {
    let stem = path
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.strip_prefix(NATIVE_PREFIX))
        .and_then(|name| name.strip_suffix(NATIVE_SUFFIX))
        .ok_or_else(|| HarnessError::NativeName { path: path.to_owned() })?;
    if !stem.starts_with(FILTER_PREFIX) {
        return Err(HarnessError::NativeKind { path: path.to_owned() });
    }
    CString::new(format!("{stem}{SYMBOL_SUFFIX}")).map_err(|source| HarnessError::ZeroByte { what: "path", source })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's failure")]

    use super::*;

    #[test]
    fn the_symbol_is_named_after_the_file() {
        let symbol = symbol_of(Path::new("/lib/flb-filter_tag_it.so")).unwrap();
        assert_eq!(symbol.as_c_str(), c"filter_tag_it_plugin");
        for wrong in ["/lib/flb-filter_x.dylib", "/lib/x.so"] {
            let refused = symbol_of(Path::new(wrong));
            assert!(matches!(refused, Err(HarnessError::NativeName { .. })), "{wrong}");
        }
        let refused = symbol_of(Path::new("flb-out_x.so"));
        assert!(matches!(refused, Err(HarnessError::NativeKind { .. })));
    }
}
