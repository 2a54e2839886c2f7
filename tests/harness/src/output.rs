//! An output instance: handing it chunks the way a host does.

use std::ffi::{CString, c_int, c_void};
use std::mem::offset_of;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::abi::ProxyContext;
use crate::coroutine::run_on_own_stack;
use crate::entry_points::EntryPoints;
use crate::error::HarnessError;
use crate::guarded::GuardedBlock;
use crate::instance::Instance;
use crate::metrics::{Sample, Shown};
use crate::proxy::ProxyPlugin;

/// Stack a flush runs on unless [`Output::set_flush_stack_bytes`] says otherwise: what hosts up to
/// 4.x give it by default. Newer ones give at least 64 KiB, but a plugin cannot count on that.
pub const FLUSH_STACK_BYTES: usize = 24 * 1024;

/// A plugin's answer to a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flush {
    /// 1: the chunk is delivered, the host forgets it.
    Ok,
    /// 2: the host keeps the chunk and flushes it again later, byte for byte the same.
    Retry,
    /// 0, or any number a host does not know: the host drops the chunk.
    Error,
}

impl Flush {
    fn from_code(code: c_int) -> Self {
        match code {
            1 => Self::Ok,
            2 => Self::Retry,
            _ => Self::Error,
        }
    }
}

/// An initialised output instance. Cheap to clone; all clones are the same instance.
///
/// Dropping it exits nothing, as a killed host exits nothing.
#[derive(Clone, Debug)]
pub struct Output {
    plugin: Arc<ProxyPlugin>,
    instance: Arc<OutputInstance>,
}

impl Output {
    pub(crate) fn new(plugin: Arc<ProxyPlugin>, instance: Arc<OutputInstance>) -> Self {
        Self { plugin, instance }
    }

    /// The instance's name, like `shiwake.0`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.instance.name
    }

    /// Flushes a chunk: the plugin's `FLBPluginFlushCtx` (or `FLBPluginFlush`) on a stack of
    /// [`FLUSH_STACK_BYTES`] between closed pages, with data it may read but not write.
    ///
    /// Chunk and tag are closed when the call returns: a plugin that kept a pointer crashes when
    /// it uses it. May be called from several threads at once, like workers.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Exited`] after the exit, [`HarnessError::ZeroByte`] for such a tag,
    /// [`HarnessError::Map`] or [`HarnessError::StackSwitch`] if the system refuses. What the
    /// plugin answers is no error.
    pub fn flush(&self, tag: &str, chunk: &[u8]) -> Result<Flush, HarnessError> {
        self.instance.flush(tag, chunk)
    }

    /// Sets the stack of later flushes; rounded up to whole pages.
    pub fn set_flush_stack_bytes(&self, bytes: usize) {
        self.instance.stack_bytes.store(bytes, Ordering::Relaxed);
    }

    /// The most stack any flush of this instance has used so far, by what it wrote.
    ///
    /// Includes some hundred bytes of the harness, about as much as a host's own frames there.
    #[must_use]
    pub fn max_stack_used_bytes(&self) -> usize {
        self.instance.max_used_bytes.load(Ordering::Relaxed)
    }

    /// What the instance shows in its host's metrics, or showed when it was exited, in the order in
    /// which it was made.
    ///
    /// The host has nothing of its own in there. On 1.9.10 a plugin has no way to an instance's
    /// metrics.
    #[must_use]
    pub fn metrics(&self) -> Vec<Sample> {
        self.instance.shown.samples()
    }

    /// Exits this instance alone, with its own context, after flushes under way have returned.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NoSingleExit`] on 1.9.10, which has no such thing: use
    /// [`Plugin::exit_all`](crate::Plugin::exit_all). [`HarnessError::Exited`] the second time.
    pub fn exit(&self) -> Result<(), HarnessError> {
        self.plugin.exit_instance(&self.instance)
    }
}

#[derive(Debug)]
pub(crate) struct OutputInstance {
    name: String,
    entry: EntryPoints,
    shown: Arc<Shown>,
    /// Read by flushes, written by the exit; `None` after it.
    live: RwLock<Option<LiveOutput>>,
    stack_bytes: AtomicUsize,
    max_used_bytes: AtomicUsize,
}

/// The memory of an instance that was not exited.
#[derive(Debug)]
pub(crate) struct LiveOutput {
    instance: Instance,
    pub(crate) context: GuardedBlock,
}

impl LiveOutput {
    pub(crate) fn retire(self) {
        self.instance.retire();
        self.context.retire();
    }
}

impl OutputInstance {
    pub(crate) fn new(instance: Instance, context: GuardedBlock, entry: EntryPoints) -> Self {
        Self {
            name: instance.name().to_owned(),
            entry,
            shown: instance.shown(),
            live: RwLock::new(Some(LiveOutput { instance, context })),
            stack_bytes: AtomicUsize::new(FLUSH_STACK_BYTES),
            max_used_bytes: AtomicUsize::new(0),
        }
    }

    /// Waits for flushes under way and lets no more begin.
    pub(crate) fn end(&self) -> Result<LiveOutput, HarnessError> {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        live.take().ok_or_else(|| self.exited())
    }

    fn flush(&self, tag: &str, chunk: &[u8]) -> Result<Flush, HarnessError> {
        let tag = CString::new(tag).map_err(|source| HarnessError::ZeroByte { what: "tag", source })?;
        let live = self.live.read().unwrap_or_else(PoisonError::into_inner);
        let context = &live.as_ref().ok_or_else(|| self.exited())?.context;
        let remote_context: *mut c_void = context.get(offset_of!(ProxyContext, remote_context));
        let lent_tag = GuardedBlock::copy(tag.as_bytes_with_nul())?;
        let lent_chunk = GuardedBlock::read_only_copy(chunk)?;

        let (data, tag) = (lent_chunk.as_ptr(), lent_tag.as_ptr());
        let mut code = 0;
        let mut body = || {
            code = if let Some(flush) = self.entry.flush_ctx {
                // SAFETY: the context is the plugin's own; data and tag are open until it returns.
                unsafe { flush(remote_context, data.cast(), chunk.len(), tag.cast()) }
            } else if let Some(flush) = self.entry.flush {
                // SAFETY: data and tag are open until the call returns.
                unsafe { flush(data.cast(), chunk.len(), tag.cast()) }
            } else {
                0
            };
        };
        let used_bytes = run_on_own_stack(self.stack_bytes.load(Ordering::Relaxed), &mut body)?;
        self.max_used_bytes.fetch_max(used_bytes, Ordering::Relaxed);
        lent_tag.retire();
        lent_chunk.retire();
        Ok(Flush::from_code(code))
    }

    fn exited(&self) -> HarnessError {
        HarnessError::Exited { instance: self.name.clone() }
    }
}
