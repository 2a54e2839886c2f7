//! Runs a module until its rules are built, and makes a module of what its memory holds then.
//!
//! Fluent Bit gives a module 8 KiB for the frames of its calls by default, in which rules cannot be read and patterns cannot be
//! compiled. So that is done here, once, in another interpreter, and what the host loads is ready to sort.

use crate::wasm_module::Snapshot;
use crate::wasm_prune;
use shiwake_wasm::package::Package;
use wasmi::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

/// The functions and the memory of the module that are used here.
const PACKAGE_FUNCTION: &str = "shiwake_package";
const BUILD_FUNCTION: &str = "shiwake_build";
const MEMORY: &str = "memory";
/// What the host needs.
const HOST_EXPORTS: [&str; 4] = [MEMORY, "malloc", "free", "filter_shiwake"];
/// A record that every module answers with a type.
const PROBE: &[u8] = br#"{"log":"127.0.0.1 - - [29/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5"}"#;

/// Why no module could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// It cannot be written anew.
    #[error("it cannot be changed: {0}")]
    Write(#[from] wasm_encoder::reencode::Error),
    /// It has no memory that can be looked at.
    #[error("it is not Shiwake's filter: it has no memory of that name")]
    NoMemory,
    /// It cannot be read.
    #[error("it is damaged: {0}")]
    Read(#[from] wasmparser::BinaryReaderError),
    /// It cannot be run, or is not the filter.
    #[error("it is not Shiwake's filter, or a damaged one: {0}")]
    Run(#[from] wasmi::Error),
    /// The package is larger than a module's memory.
    #[error("there is no room for the rules in it")]
    NoRoom,
    /// It refused what was put into it.
    #[error("it could not build the rules; is it of the same version as this command?")]
    Refused,
    /// It gives no answer for a record.
    #[error("with these rules it gives no answer that can be read for the record {}", String::from_utf8_lossy(PROBE))]
    NoAnswer,
}

/// The module with the rules and settings of the package in it, ready to sort.
pub(crate) fn build(module: &[u8], package: &Package) -> Result<Vec<u8>, BuildError> {
    let mut run = Run::new(module)?;
    run.put(&package.to_bytes())?;
    let mut memory = run.memory.data(&run.store).to_vec();
    let unused = wasm_prune::find_unused(module, &memory, &HOST_EXPORTS)?;
    for bytes in unused.memory {
        memory.get_mut(bytes).unwrap_or_default().fill(0);
    }
    let built = Snapshot { memory: &memory, dead: &unused.bodies, exports: &HOST_EXPORTS }.write(module)?;
    // What is written is tried first, so that nobody finds out in production.
    Run::new(&built)?.probe()?;
    Ok(built)
}

/// A module that is being run.
struct Run {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Run {
    fn new(module: &[u8]) -> Result<Self, BuildError> {
        let engine = Engine::default();
        let module = Module::new(&engine, module)?;
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        let memory = instance.get_memory(&store, MEMORY).ok_or(BuildError::NoMemory)?;
        Ok(Self { store, instance, memory })
    }

    fn put(&mut self, package: &[u8]) -> Result<(), BuildError> {
        let take: TypedFunc<u32, u32> = self.instance.get_typed_func(&self.store, PACKAGE_FUNCTION)?;
        let build: TypedFunc<(), u32> = self.instance.get_typed_func(&self.store, BUILD_FUNCTION)?;
        let bytes = u32::try_from(package.len()).map_err(|_| BuildError::NoRoom)?;
        let address = take.call(&mut self.store, bytes)?;
        if address == 0 {
            return Err(BuildError::NoRoom);
        }
        self.memory.write(&mut self.store, address as usize, package).map_err(|_| BuildError::NoRoom)?;
        match build.call(&mut self.store, ())? {
            0 => Ok(()),
            _ => Err(BuildError::Refused),
        }
    }

    /// Hands over a record as Fluent Bit does.
    fn probe(&mut self) -> Result<(), BuildError> {
        let malloc: TypedFunc<u32, u32> = self.instance.get_typed_func(&self.store, "malloc")?;
        let filter: TypedFunc<(u32, u32, u32, u32, u32, u32), u32> =
            self.instance.get_typed_func(&self.store, "filter_shiwake")?;
        let record = [PROBE, b"\0"].concat();
        let (tag_at, record_at) =
            (malloc.call(&mut self.store, 2)?, malloc.call(&mut self.store, record.len() as u32)?);
        let is_written = self.memory.write(&mut self.store, tag_at as usize, b"t\0").is_ok()
            && self.memory.write(&mut self.store, record_at as usize, &record).is_ok();
        let answer = filter.call(&mut self.store, (tag_at, 1, 0, 0, record_at, PROBE.len() as u32))?;
        let answer = self.memory.data(&self.store).get(answer as usize..).unwrap_or_default();
        let answer = answer.split(|byte| *byte == 0).next().unwrap_or_default();
        // Rules of the user's may throw this record away.
        let is_known = answer.is_empty() || (answer.len() > PROBE.len() && answer.ends_with(b"}"));
        if is_written && is_known { Ok(()) } else { Err(BuildError::NoAnswer) }
    }
}
