//! A filter instance: passing chunks through it the way a host does.

use std::ffi::{CString, c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::coroutine::run_on_own_stack;
use crate::error::HarnessError;
use crate::filter_plugin::{FilterCallbacks, FilterPlugin};
use crate::guarded::GuardedBlock;
use crate::host::Running;
use crate::instance::Instance;

/// Stack a filter runs on in a host that calls it from a coroutine: 5.x reads connections, such as those of `forward` and so of
/// FireLens, in coroutines of 64 KiB, of which its own frames have had their part by then.
pub const FILTER_STACK_BYTES: usize = 48 * 1024;

const MODIFIED: c_int = 1;
const NOTOUCH: c_int = 2;

/// What a filter made of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filtered {
    /// The chunk goes on as it is.
    Untouched,
    /// The chunk goes on as these bytes; empty means that every record was dropped.
    Modified(Vec<u8>),
}

impl Filtered {
    /// The bytes that go on, given those that went in.
    #[must_use]
    pub fn or_input(self, chunk: &[u8]) -> Vec<u8> {
        match self {
            Self::Untouched => chunk.to_vec(),
            Self::Modified(bytes) => bytes,
        }
    }
}

/// An initialised filter instance. Cheap to clone; all clones are the same instance.
///
/// Dropping it exits nothing, as a killed host exits nothing.
#[derive(Clone, Debug)]
pub struct Filter {
    plugin: Arc<FilterPlugin>,
    instance: Arc<FilterInstance>,
}

impl Filter {
    pub(crate) fn new(plugin: Arc<FilterPlugin>, instance: Arc<FilterInstance>) -> Self {
        Self { plugin, instance }
    }

    /// The instance's name, like `shiwake.0`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.instance.name
    }

    /// Passes a chunk through the filter, on the caller's own stack, or on one of [`FILTER_STACK_BYTES`] that ends in closed
    /// pages where the layout's hosts may call it from a coroutine. The input may be
    /// read but not written, and is closed when the call returns; the answer is freed with the C
    /// library's `free`.
    ///
    /// A host never calls an instance twice at once: calls from several threads wait.
    ///
    /// # Errors
    ///
    /// [`HarnessError::FilterAnswer`] for any answer but 1 and 2; a `Filter...Output` variant for
    /// an answer that would crash a host or leak; [`HarnessError::Exited`] after the exit;
    /// [`HarnessError::ZeroByte`] for such a tag; [`HarnessError::Map`] if the system refuses.
    pub fn run(&self, tag: &str, chunk: &[u8]) -> Result<Filtered, HarnessError> {
        self.instance.run(tag, chunk)
    }

    /// The most stack that a call on a stack of its own has used so far; 0 when there was none.
    #[must_use]
    pub fn max_stack_used_bytes(&self) -> usize {
        self.instance.max_stack_used_bytes.load(Ordering::Relaxed)
    }

    /// Exits this instance: `cb_exit`, unless it never set a context.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Exited`] the second time.
    pub fn exit(&self) -> Result<(), HarnessError> {
        self.plugin.exit_instance(&self.instance)
    }
}

#[derive(Debug)]
pub(crate) struct FilterInstance {
    running: &'static Running,
    name: String,
    callbacks: FilterCallbacks,
    /// `None` after the exit.
    live: Mutex<Option<Instance>>,
    max_stack_used_bytes: AtomicUsize,
}

impl FilterInstance {
    pub(crate) fn new(running: &'static Running, instance: Instance, callbacks: FilterCallbacks) -> Self {
        Self {
            running,
            name: instance.name().to_owned(),
            callbacks,
            live: Mutex::new(Some(instance)),
            max_stack_used_bytes: AtomicUsize::new(0),
        }
    }

    /// Tells whether the plugin had to be called.
    pub(crate) fn exit(&self) -> Result<bool, HarnessError> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let instance = live.take().ok_or_else(|| self.exited())?;
        let context = self.context_of(&instance);
        let called = match self.callbacks.exit {
            Some(exit) if !context.is_null() => {
                // SAFETY: the context is what the plugin set itself.
                unsafe { exit(context, self.running.config()) };
                true
            }
            _ => false,
        };
        instance.retire();
        Ok(called)
    }

    fn run(&self, tag: &str, chunk: &[u8]) -> Result<Filtered, HarnessError> {
        let tag = CString::new(tag).map_err(|source| HarnessError::ZeroByte { what: "tag", source })?;
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let instance = live.as_ref().ok_or_else(|| self.exited())?;
        let lent_tag = GuardedBlock::read_only_copy(tag.as_bytes_with_nul())?;
        let lent_chunk = GuardedBlock::read_only_copy(chunk)?;

        let mut out: *mut c_void = ptr::null_mut();
        let mut out_bytes = 0_usize;
        let mut code = 0;
        let mut call = || {
            // SAFETY: data, tag, instance, input and config are of this host's layout and open until
            // the call returns; the results point at locals.
            code = unsafe {
                (self.callbacks.run)(
                    lent_chunk.as_ptr().cast(),
                    chunk.len(),
                    lent_tag.as_ptr().cast(),
                    c_int::try_from(tag.as_bytes().len()).unwrap_or(c_int::MAX),
                    &raw mut out,
                    &raw mut out_bytes,
                    instance.as_ptr(),
                    self.running.input(),
                    self.context_of(instance),
                    self.running.config(),
                )
            };
        };
        if self.running.layout().filters_in_coroutines() {
            let used = run_on_own_stack(FILTER_STACK_BYTES, &mut call)?;
            self.max_stack_used_bytes.fetch_max(used, Ordering::Relaxed);
        } else {
            call();
        }
        let answer = match code {
            MODIFIED if lent_chunk.contains(out.addr()) => {
                Err(HarnessError::FilterAliasedOutput { instance: self.name.clone() })
            }
            MODIFIED => self.take_output(out, out_bytes),
            NOTOUCH if out.is_null() => Ok(Filtered::Untouched),
            NOTOUCH => Err(HarnessError::FilterLeakedOutput { instance: self.name.clone() }),
            _ => Err(HarnessError::FilterAnswer { instance: self.name.clone(), code }),
        };
        lent_tag.retire();
        lent_chunk.retire();
        answer
    }

    fn take_output(&self, out: *mut c_void, bytes: usize) -> Result<Filtered, HarnessError> {
        if out.is_null() && bytes > 0 {
            return Err(HarnessError::FilterNullOutput { instance: self.name.clone(), bytes });
        }
        let copied = if bytes == 0 {
            Vec::new()
        } else {
            // SAFETY: the plugin answered with a buffer of that many bytes, as every host relies on.
            unsafe { slice::from_raw_parts(out.cast::<u8>(), bytes) }.to_vec()
        };
        // SAFETY: the buffer is the C library's, by contract, and the plugin gave it away.
        unsafe { libc::free(out) };
        Ok(Filtered::Modified(copied))
    }

    fn context_of(&self, instance: &Instance) -> *mut c_void {
        let shape = &self.running.layout().shape().filter_instance;
        instance.block().get(shape.context)
    }

    fn exited(&self) -> HarnessError {
        HarnessError::Exited { instance: self.name.clone() }
    }
}
