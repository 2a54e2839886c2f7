//! The functions a proxy plugin exports, found by their names.

use crate::abi::{
    ExitCtxFn, ExitFn, FlushCtxFn, FlushFn, InitFn, PreExitFn, PreRegisterFn, PreRunFn, RegisterFn, UnregisterFn,
};
use crate::dso::Library;
use crate::error::HarnessError;

/// What the host needs before the plugin is registered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RegisterPoints {
    pub(crate) pre_register: Option<PreRegisterFn>,
    pub(crate) register: RegisterFn,
}

impl RegisterPoints {
    pub(crate) fn of(library: &Library) -> Result<Self, HarnessError> {
        Ok(Self {
            // SAFETY: the name is that of a function of this type in every proxy plugin.
            pre_register: unsafe { library.find_function(c"FLBPluginPreRegister") },
            // SAFETY: as above.
            register: unsafe { library.require_function(c"FLBPluginRegister") }?,
        })
    }
}

/// What the host needs of an output afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryPoints {
    pub(crate) init: InitFn,
    pub(crate) flush: Option<FlushFn>,
    pub(crate) flush_ctx: Option<FlushCtxFn>,
    pub(crate) exit: Option<ExitFn>,
    pub(crate) exit_ctx: Option<ExitCtxFn>,
    pub(crate) pre_run: Option<PreRunFn>,
    pub(crate) pre_exit: Option<PreExitFn>,
    pub(crate) unregister: Option<UnregisterFn>,
}

impl EntryPoints {
    pub(crate) fn of_output(library: &Library) -> Result<Self, HarnessError> {
        let entry = Self {
            // SAFETY: the name is that of a function of this type in every proxy plugin.
            init: unsafe { library.require_function(c"FLBPluginInit") }?,
            // SAFETY: as above.
            flush: unsafe { library.find_function(c"FLBPluginFlush") },
            // SAFETY: as above.
            flush_ctx: unsafe { library.find_function(c"FLBPluginFlushCtx") },
            // SAFETY: as above.
            exit: unsafe { library.find_function(c"FLBPluginExit") },
            // SAFETY: as above.
            exit_ctx: unsafe { library.find_function(c"FLBPluginExitCtx") },
            // SAFETY: as above.
            pre_run: unsafe { library.find_function(c"FLBPluginOutputPreRun") },
            // SAFETY: as above.
            pre_exit: unsafe { library.find_function(c"FLBPluginOutputPreExit") },
            // SAFETY: as above.
            unregister: unsafe { library.find_function(c"FLBPluginUnregister") },
        };
        if entry.flush.is_none() && entry.flush_ctx.is_none() {
            library.require(c"FLBPluginFlushCtx")?;
        }
        Ok(entry)
    }
}
