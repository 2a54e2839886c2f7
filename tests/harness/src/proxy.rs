//! A proxy plugin: an output that registers itself through `FLBPluginRegister`.

use std::ffi::c_void;
use std::mem::{offset_of, size_of};
use std::path::Path;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::abi::{GoOutput, ListNode, ProxyContext, ProxyRecord};
use crate::dso::{Library, Visibility};
use crate::entry_points::EntryPoints;
use crate::error::HarnessError;
use crate::functions;
use crate::guarded::GuardedBlock;
use crate::host::Running;
use crate::instance::Instance;
use crate::journal;
use crate::output::OutputInstance;
use crate::plugin::ExitReport;
use crate::properties::SortedProperties;
use crate::registration;

/// A loaded proxy plugin and the memory the host shares with it.
#[derive(Debug)]
pub(crate) struct ProxyPlugin {
    running: &'static Running,
    library: Library,
    entry: EntryPoints,
    name: String,
    /// `None` once the plugin was exited.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    definition: GuardedBlock,
    api: GuardedBlock,
    record: GuardedBlock,
    go_output: GuardedBlock,
    go_output_name: GuardedBlock,
    instances: Vec<Arc<OutputInstance>>,
    next_id: usize,
}

impl ProxyPlugin {
    pub(crate) fn load(running: &'static Running, path: &Path) -> Result<Arc<Self>, HarnessError> {
        let layout = running.layout();
        let library = Library::open(path, Visibility::Local)?;
        let api = functions::api_table(layout, running.log_print())?;
        let registered = registration::register(layout, &library)?;
        let entry = EntryPoints::of_output(&library)?;
        let (go_output_name, go_output) = go_output(&registered.name, &entry)?;
        let record = GuardedBlock::zeroed(size_of::<ProxyRecord>())?;
        let link = record.at(offset_of!(ProxyRecord, link), size_of::<ListNode>()).cast::<ListNode>();
        record.put(
            0,
            ProxyRecord {
                definition: registered.definition.as_ptr().cast(),
                api: api.as_ptr().cast(),
                instance: ptr::null_mut(),
                dso_handle: library.handle(),
                data: go_output.as_ptr().cast(),
                link: ListNode { prev: link, next: link },
            },
        );
        Ok(Arc::new(Self {
            running,
            library,
            entry,
            name: registered.name,
            open: Mutex::new(Some(Open {
                definition: registered.definition,
                api,
                record,
                go_output,
                go_output_name,
                instances: Vec::new(),
                next_id: 0,
            })),
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        self.library.path()
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Builds an instance and has the plugin initialise it.
    pub(crate) fn start_instance(&self, given: &[(&str, &str)]) -> Result<Arc<OutputInstance>, HarnessError> {
        let mut guard = self.lock();
        let open = guard.as_mut().ok_or_else(|| self.exited())?;
        let (instance, context) = self.build_instance(open, given)?;

        let go_output = &open.go_output;
        open.record.put(offset_of!(ProxyRecord, instance), instance.as_ptr());
        go_output.put(offset_of!(GoOutput, api), open.api.as_ptr());
        go_output.put(offset_of!(GoOutput, instance), instance.as_ptr());
        go_output.put(offset_of!(GoOutput, context), context.as_ptr());

        let mark = journal::mark();
        // SAFETY: the struct is of the layout the plugin expects and stays mapped until its exit.
        let code = unsafe { (self.entry.init)(go_output.as_ptr().cast()) };
        if code <= 0 {
            // The context stays: on old hosts it is what a later exit of others is called with.
            let name = instance.name().to_owned();
            instance.retire();
            return Err(HarnessError::InitRefused {
                instance: name,
                function: "FLBPluginInit",
                code,
                log: journal::since(mark),
            });
        }
        if let Some(pre_run) = self.hook(self.entry.pre_run) {
            // SAFETY: the plugin exports the function under its documented name; hosts ignore the
            // answer.
            unsafe { pre_run(0) };
        }
        let output = Arc::new(OutputInstance::new(instance, context, self.entry));
        open.instances.push(Arc::clone(&output));
        Ok(output)
    }

    /// Exits one instance with its own context, where the host can do that.
    pub(crate) fn exit_instance(&self, instance: &Arc<OutputInstance>) -> Result<(), HarnessError> {
        let layout = self.running.layout();
        if !layout.exits_each_context() {
            return Err(HarnessError::NoSingleExit { layout });
        }
        let mut guard = self.lock();
        let open = guard.as_mut().ok_or_else(|| self.exited())?;
        open.instances.retain(|other| !Arc::ptr_eq(other, instance));
        let live = instance.end()?;
        self.exit_context(&live.context);
        live.retire();
        Ok(())
    }

    /// Calls the exit of an instance that was made but never initialised.
    pub(crate) fn exit_uninitialised(&self, given: &[(&str, &str)]) -> Result<(), HarnessError> {
        let layout = self.running.layout();
        if !layout.exits_each_context() {
            return Err(HarnessError::NoSingleExit { layout });
        }
        let mut guard = self.lock();
        let open = guard.as_mut().ok_or_else(|| self.exited())?;
        let (instance, context) = self.build_instance(open, given)?;
        self.exit_context(&context);
        instance.retire();
        context.retire();
        Ok(())
    }

    /// Exits every instance as the host of this layout does, then unloads the plugin.
    pub(crate) fn exit_all(&self) -> Result<ExitReport, HarnessError> {
        let mut guard = self.lock();
        let mut open = guard.take().ok_or_else(|| self.exited())?;
        let instances = std::mem::take(&mut open.instances);
        let exit_calls = instances.len();
        if self.running.layout().exits_each_context() {
            for instance in instances {
                let live = instance.end()?;
                self.exit_context(&live.context);
                live.retire();
            }
            self.unregister(&open.definition);
        } else {
            self.exit_shared(&open, &instances)?;
        }
        let still_mapped = self.library.close();
        open.retire();
        Ok(ExitReport { exit_calls, still_mapped })
    }

    /// The way of 1.9.10: the struct shared by all instances points at the context of the one
    /// initialised last, and each instance's exit goes through it, followed by an unregistering.
    ///
    /// The real host unloads the plugin and frees the struct after the first of these exits and
    /// still goes on; that part, a use after free of its own, is not played.
    fn exit_shared(&self, open: &Open, instances: &[Arc<OutputInstance>]) -> Result<(), HarnessError> {
        let mut ended = Vec::new();
        for instance in instances {
            ended.push(instance.end()?);
            let shared: *mut c_void = open.go_output.get(offset_of!(GoOutput, context));
            let slot = shared.wrapping_byte_add(offset_of!(ProxyContext, remote_context));
            // SAFETY: the shared pointer is that of a context block, and those are retired below.
            let remote_context = unsafe { slot.cast::<*mut c_void>().read() };
            self.exit_remote(remote_context);
            self.unregister(&open.definition);
        }
        for live in ended {
            live.retire();
        }
        Ok(())
    }

    fn exit_context(&self, context: &GuardedBlock) {
        if let Some(pre_exit) = self.hook(self.entry.pre_exit) {
            // SAFETY: the plugin exports the function under its documented name.
            unsafe { pre_exit(0) };
        }
        self.exit_remote(context.get(offset_of!(ProxyContext, remote_context)));
    }

    fn exit_remote(&self, remote_context: *mut c_void) {
        if let Some(exit) = self.entry.exit_ctx {
            // SAFETY: the context is what the plugin stored itself.
            unsafe { exit(remote_context) };
        } else if let Some(exit) = self.entry.exit {
            // SAFETY: the plugin exports the function under its documented name.
            unsafe { exit() };
        }
    }

    fn unregister(&self, definition: &GuardedBlock) {
        if let Some(unregister) = self.entry.unregister {
            // SAFETY: the definition is the one the plugin registered with.
            unsafe { unregister(definition.as_ptr().cast()) };
        }
    }

    fn build_instance(
        &self,
        open: &mut Open,
        given: &[(&str, &str)],
    ) -> Result<(Instance, GuardedBlock), HarnessError> {
        let layout = self.running.layout();
        let shape = &layout.shape().output_instance;
        let sorted = SortedProperties::of_output(layout, given)?;
        let config = self.running.config();
        let instance = Instance::build(shape, &self.name, open.next_id, &sorted, config)?;
        open.next_id += 1;
        let context = GuardedBlock::zeroed(size_of::<ProxyContext>())?;
        context.put(offset_of!(ProxyContext, proxy), open.record.as_ptr());
        instance.block().put(shape.context, context.as_ptr());
        Ok((instance, context))
    }

    fn hook<F>(&self, function: Option<F>) -> Option<F> {
        function.filter(|_| self.running.layout().has_modern_hooks())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exited(&self) -> HarnessError {
        HarnessError::Exited { instance: self.name.clone() }
    }
}

impl Open {
    fn retire(self) {
        self.definition.retire();
        self.api.retire();
        self.record.retire();
        self.go_output.retire();
        self.go_output_name.retire();
    }
}

/// The struct every `FLBPluginInit` is called with, and the name it points at. What only an init
/// sets is left as garbage, as in the host.
fn go_output(name: &str, entry: &EntryPoints) -> Result<(GuardedBlock, GuardedBlock), HarnessError> {
    let text = GuardedBlock::zeroed(name.len() + 1)?;
    text.put_bytes(0, name.as_bytes());
    let garbage = ptr::without_provenance_mut(registration::POISON_WORD);
    let block = GuardedBlock::zeroed(size_of::<GoOutput>())?;
    block.put(
        0,
        GoOutput {
            name: text.as_ptr().cast(),
            api: garbage,
            instance: garbage,
            context: garbage,
            cb_init: Some(entry.init),
            cb_flush: entry.flush,
            cb_flush_ctx: entry.flush_ctx,
            cb_exit: entry.exit,
            cb_exit_ctx: entry.exit_ctx,
        },
    );
    Ok((text, block))
}
