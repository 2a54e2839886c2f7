//! The host itself: one layout a process.

use std::ffi::c_void;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::error::HarnessError;
use crate::filter_plugin::FilterPlugin;
use crate::functions;
use crate::guarded::GuardedBlock;
use crate::journal::{self, LogLine};
use crate::layout::Layout;
use crate::plugin::Plugin;
use crate::proxy::ProxyPlugin;
use crate::service::Service;

/// A file whose name starts so is loaded as a native plugin, any other as a proxy.
const NATIVE_PREFIX: &[u8] = b"flb-";

/// Name of the input that filters are told their records come from.
const INPUT_NAME: &[u8] = b"harness.0";

static RUNNING: OnceLock<Running> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// What exists once a process plays a layout, until it ends.
#[derive(Debug)]
pub(crate) struct Running {
    layout: Layout,
    log_print: usize,
    config: GuardedBlock,
    service: Service,
    input: GuardedBlock,
}

impl Running {
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The variadic `flb_log_print` itself, for the table of functions a proxy is handed.
    pub(crate) fn log_print(&self) -> *mut c_void {
        self.log_print as *mut c_void
    }

    /// An `flb_config` that has nothing but what `[SERVICE]` sets.
    pub(crate) fn config(&self) -> *mut c_void {
        self.config.as_ptr().cast()
    }

    /// An `flb_input_instance` that has nothing but its name.
    pub(crate) fn input(&self) -> *mut c_void {
        self.input.as_ptr().cast()
    }
}

/// The layout this process plays, if any; for functions that plugins call.
pub(crate) fn running_layout() -> Option<Layout> {
    RUNNING.get().map(Running::layout)
}

/// A host process of one layout. Cheap to copy; all copies are the same host.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    running: &'static Running,
}

impl Host {
    /// Makes this process a host of `layout`, or finds that it is one already.
    ///
    /// # Errors
    ///
    /// [`HarnessError::LayoutTaken`] if the process already plays another layout: plugins
    /// recognise a host by process-wide symbols, so a process can be one host only.
    /// [`HarnessError::HostFunctions`], [`HarnessError::Open`] or [`HarnessError::Map`] if the
    /// system refuses.
    pub fn start(layout: Layout) -> Result<Self, HarnessError> {
        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = RUNNING.get() {
            if running.layout == layout {
                return Ok(Self { running });
            }
            return Err(HarnessError::LayoutTaken { running: running.layout, asked: layout });
        }
        let shape = layout.shape();
        let config = GuardedBlock::zeroed(shape.config_bytes)?;
        let input = GuardedBlock::zeroed(shape.input_instance.bytes)?;
        input.put_bytes(shape.input_instance.name, INPUT_NAME);
        let library = functions::export(layout)?;
        let log_print = library.require(c"flb_log_print")? as usize;
        let service = Service::set_up(&library, &config)?;
        let running = RUNNING.get_or_init(|| Running { layout, log_print, config, service, input });
        Ok(Self { running })
    }

    /// The layout this process plays.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.running.layout
    }

    /// Sets `Grace`, the seconds a host waits at exit for what outputs have not taken; 5 at the
    /// start. For plugins that are initialised after this; the strange host tells nobody.
    ///
    /// It is the process's: tests that run in threads of one process share it.
    pub fn set_grace(&self, seconds: i32) {
        if let Some(offset) = self.running.service.grace() {
            self.running.config.put(offset, seconds);
        }
    }

    /// Loads a plugin the way a host decides it: a file named `flb-filter_NAME.so` is a native
    /// filter, whose struct is the data symbol `filter_NAME_plugin`; any other file is a proxy,
    /// which registers itself.
    ///
    /// The path goes to `dlopen` as it is. Loading runs the plugin's code.
    ///
    /// # Errors
    ///
    /// If the file cannot be loaded, lacks a symbol, refuses to register, or registers as
    /// something a host (or the harness) cannot use.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Plugin, HarnessError> {
        let path = path.as_ref();
        let native = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(NATIVE_PREFIX));
        if native {
            FilterPlugin::load(self.running, path).map(Plugin::from_filter)
        } else {
            ProxyPlugin::load(self.running, path).map(Plugin::from_proxy)
        }
    }

    /// What plugins logged so far, oldest first, since the last [`Self::take_log_lines`].
    ///
    /// The journal is the process's: tests that run in threads of one process share it.
    #[must_use]
    pub fn log_lines(&self) -> Vec<LogLine> {
        journal::lines()
    }

    /// As [`Self::log_lines`], and forgets them.
    #[must_use]
    pub fn take_log_lines(&self) -> Vec<LogLine> {
        journal::take()
    }
}
