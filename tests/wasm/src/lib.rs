//! Calls the WASM filter as Fluent Bit's `filter_wasm` does (`src/wasm/flb_wasm.c` at v4.2.8 and v5.1.1), in another
//! interpreter.
//!
//! One instance lives as long as the host. For each record the tag and the record's JSON text are copied into memory that the
//! module's own `malloc` gives, each with a zero byte behind it; without memory the filter is called with address 0. The answer is
//! copied up to its first zero byte. [`Frees`] says whether the host gives memory back: some versions never do.

use std::path::PathBuf;
use wasmi::{CompilationMode, Config, Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

/// Whether a host gives back the memory of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frees {
    /// After each call, as 4.2.8 does.
    AfterTheCall,
    /// Never, as versions before did.
    Never,
}

/// Why a module cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// There is none.
    #[error("cannot read {}: {source}; `make wasm` builds it", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It cannot be run, or trapped.
    #[error(transparent)]
    Run(#[from] wasmi::Error),
    /// It has no memory of the name that the host asks for.
    #[error("the module exports no memory")]
    NoMemory,
    /// Memory that it gave lies outside of its memory.
    #[error("the module gave memory at {address} that it has not")]
    Outside {
        /// Where it is said to be.
        address: u32,
    },
    /// The answer has no end; the host would not take it.
    #[error("the answer at {address} is no text with a zero byte behind it")]
    NoText {
        /// Where it begins.
        address: u32,
    },
}

type FilterFunction = TypedFunc<(u32, u32, u32, u32, u32, u32), u32>;

/// How far a call gets that is to be cut off: a record is being sorted then.
const FUEL_OF_A_TRAP: u64 = 2_000;

/// A host with one instance of the filter.
pub struct Host {
    store: Store<()>,
    memory: Memory,
    malloc: TypedFunc<u32, u32>,
    free: TypedFunc<u32, ()>,
    filter: FilterFunction,
    frees: Frees,
    traps_next: bool,
    used_fuel: u64,
}

/// The module that ships, in `dist/` or in the folder that `SHIWAKE_DIST` names.
#[must_use]
pub fn shipped(name: &str) -> PathBuf {
    let folder = std::env::var_os("SHIWAKE_DIST").map(PathBuf::from);
    folder.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist"))).join(name)
}

/// The bytes of a file that ships.
///
/// # Errors
/// When it is not there.
pub fn read_shipped(name: &str) -> Result<Vec<u8>, HostError> {
    let file = shipped(name);
    std::fs::read(&file).map_err(|source| HostError::Read { file, source })
}

impl Host {
    /// Starts a module.
    ///
    /// # Errors
    /// When it is no module, wants something of the host, or has not what the host needs.
    pub fn start(module: &[u8], frees: Frees) -> Result<Self, HostError> {
        let mut config = Config::default();
        config.consume_fuel(true).compilation_mode(CompilationMode::Eager);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, module)?;
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX)?;
        let instance: Instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        Ok(Self {
            memory: instance.get_memory(&store, "memory").ok_or(HostError::NoMemory)?,
            malloc: instance.get_typed_func(&store, "malloc")?,
            free: instance.get_typed_func(&store, "free")?,
            filter: instance.get_typed_func(&store, "filter_shiwake")?,
            store,
            frees,
            traps_next: false,
            used_fuel: 0,
        })
    }

    /// Filters one record: the answer, which is empty when the record is thrown away.
    ///
    /// # Errors
    /// When the host would lose the record.
    pub fn filter(&mut self, tag: &[u8], record: &[u8]) -> Result<Vec<u8>, HostError> {
        let (tag_at, record_at) = (self.copy(tag)?, self.copy(record)?);
        let answer = self.call((tag_at, tag.len() as u32), (record_at, record.len() as u32))?;
        if self.frees == Frees::AfterTheCall {
            for address in [tag_at, record_at].into_iter().filter(|address| *address != 0) {
                self.free.call(&mut self.store, address)?;
            }
        }
        Ok(answer)
    }

    /// Calls the filter with these addresses and lengths, whatever they are.
    ///
    /// # Errors
    /// When the host would lose the record.
    pub fn call(&mut self, tag: (u32, u32), record: (u32, u32)) -> Result<Vec<u8>, HostError> {
        let arguments = (tag.0, tag.1, 1_700_000_000, 5, record.0, record.1);
        let fuel = if std::mem::take(&mut self.traps_next) { FUEL_OF_A_TRAP } else { u64::MAX };
        self.store.set_fuel(fuel)?;
        let called = self.filter.call(&mut self.store, arguments);
        self.used_fuel = fuel - self.store.get_fuel()?;
        self.store.set_fuel(u64::MAX)?;
        let address = called?;
        let rest = self.memory.data(&self.store).get(address as usize..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == 0).filter(|_| address != 0);
        let answer = end.and_then(|end| rest.get(..end)).ok_or(HostError::NoText { address })?;
        Ok(answer.to_vec())
    }

    /// Copies bytes and a zero byte into the module's memory; 0 when it has no room.
    ///
    /// # Errors
    /// When the module gives memory that it has not.
    pub fn copy(&mut self, bytes: &[u8]) -> Result<u32, HostError> {
        let address = self.malloc.call(&mut self.store, bytes.len() as u32 + 1)?;
        let ended = [bytes, b"\0"].concat();
        if address != 0 {
            self.memory.write(&mut self.store, address as usize, &ended).map_err(|_| HostError::Outside { address })?;
        }
        Ok(address)
    }

    /// What the last call of the filter cost, in wasmi's units: one for an instruction of WebAssembly, but for those of control flow,
    /// and one for some dozen bytes that are copied at once.
    #[must_use]
    pub fn used_fuel(&self) -> u64 {
        self.used_fuel
    }

    /// The next call of the filter ends in the middle, as with a trap.
    pub fn trap_in_the_next_call(&mut self) {
        self.traps_next = true;
    }

    /// Asks the module for memory.
    ///
    /// # Errors
    /// When it traps.
    pub fn malloc(&mut self, bytes: u32) -> Result<u32, HostError> {
        Ok(self.malloc.call(&mut self.store, bytes)?)
    }

    /// Bytes of the module's memory.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory.data(&self.store).len()
    }
}
