//! What can go wrong between host and plugin.

use std::ffi::NulError;
use std::io;
use std::path::PathBuf;

use crate::journal::LogTail;
use crate::layout::Layout;

/// A failure of the harness, or a plugin that breaks its contract with the host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessError {
    /// A layout name that [`Layout`] does not have.
    #[error("no layout is called {given:?}: expected 1.9.10, 4.2.8, 5.1.1 or unknown")]
    UnknownLayout {
        /// The name given.
        given: String,
    },
    /// The process already plays another layout; a process is one host only.
    #[error("this process already plays {running}, it cannot become {asked}")]
    LayoutTaken {
        /// The layout this process plays.
        running: Layout,
        /// The layout that was asked for.
        asked: Layout,
    },
    /// The library with the host's own functions could not be loaded.
    #[error("the functions of the host could not be loaded: {reason}")]
    HostFunctions {
        /// What the dynamic linker said.
        reason: String,
    },
    /// Memory could not be mapped or protected.
    #[error("could not map {bytes} bytes")]
    Map {
        /// Bytes asked for, guard pages included.
        bytes: usize,
        /// The system's answer.
        source: io::Error,
    },
    /// The switch to the flush's stack failed.
    #[error("could not switch to another stack")]
    StackSwitch {
        /// The system's answer.
        source: io::Error,
    },
    /// A path, property or tag contains a zero byte, which no host could hand to a plugin.
    #[error("a {what} contains a zero byte")]
    ZeroByte {
        /// What contains it.
        what: &'static str,
        /// Where.
        source: NulError,
    },
    /// The dynamic linker refused the file.
    #[error("cannot load {}: {reason}", path.display())]
    Open {
        /// The plugin.
        path: PathBuf,
        /// What the dynamic linker said.
        reason: String,
    },
    /// The plugin lacks a symbol the host needs.
    #[error("{} has no symbol {symbol}", path.display())]
    MissingSymbol {
        /// The plugin.
        path: PathBuf,
        /// The symbol.
        symbol: String,
    },
    /// A file whose name starts with `flb-` is not called `flb-TYPE_NAME.so`.
    #[error("{} is not named flb-filter_NAME.so", path.display())]
    NativeName {
        /// The plugin.
        path: PathBuf,
    },
    /// A native plugin that is no filter: the harness plays those hosts for filters only.
    #[error("{} is a native plugin but no filter", path.display())]
    NativeKind {
        /// The plugin.
        path: PathBuf,
    },
    /// The filter's struct is smaller than what this host copies from it.
    #[error("{symbol} has {actual} bytes, the host copies {expected}")]
    FilterStructTooSmall {
        /// The data symbol.
        symbol: String,
        /// Bytes the host copies.
        expected: usize,
        /// Bytes the symbol has, as its ELF symbol says.
        actual: usize,
    },
    /// A pointer the host needs is NULL in the plugin's struct.
    #[error("{field} is NULL in the struct of {}", path.display())]
    NullField {
        /// The plugin.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// The plugin brings a config map, which the harness cannot evaluate as the host would.
    #[error("{} brings a config map, which the harness cannot evaluate", path.display())]
    ConfigMap {
        /// The plugin.
        path: PathBuf,
    },
    /// `FLBPluginPreRegister` or `FLBPluginRegister` answered -1.
    #[error("{function} of {} refused{log}", path.display())]
    RegisterRefused {
        /// The plugin.
        path: PathBuf,
        /// The function that refused.
        function: &'static str,
        /// What was logged meanwhile.
        log: LogTail,
    },
    /// A field of the definition was left as the host handed it over, on a host that does not
    /// clear the struct.
    #[error("{} left {field} of its definition uninitialised", path.display())]
    DefinitionUnset {
        /// The plugin.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// The definition names a proxy other than 11, the only one a host knows.
    #[error("{} registered with proxy {actual}, the host knows {expected} only", path.display())]
    NotGolang {
        /// The plugin.
        path: PathBuf,
        /// The one proxy there is.
        expected: i32,
        /// The proxy given.
        actual: i32,
    },
    /// The definition is not that of an output.
    #[error("{} registered as type {actual}, an output is {expected}", path.display())]
    NotAnOutput {
        /// The plugin.
        path: PathBuf,
        /// An output's type.
        expected: i32,
        /// The type given.
        actual: i32,
    },
    /// The wrong kind of instance was asked of a plugin.
    #[error("{} is loaded as {actual}, not as {wanted}", path.display())]
    WrongKind {
        /// The plugin.
        path: PathBuf,
        /// What was asked for.
        wanted: &'static str,
        /// What it is.
        actual: &'static str,
    },
    /// The host refuses the value of one of its own properties.
    #[error("the host cannot read {value:?} as {key}")]
    PropertyValue {
        /// The property.
        key: String,
        /// Its value.
        value: String,
    },
    /// The plugin refused to initialise an instance.
    #[error("{instance} refused to start: {function} answered {code}{log}")]
    InitRefused {
        /// The instance, like `shiwake.0`.
        instance: String,
        /// The function that refused.
        function: &'static str,
        /// Its answer.
        code: i32,
        /// What was logged meanwhile.
        log: LogTail,
    },
    /// The instance, or its plugin, was exited before.
    #[error("{instance} was exited before")]
    Exited {
        /// The instance or plugin.
        instance: String,
    },
    /// This host has no way to exit one instance by itself.
    #[error("a host of layout {layout} cannot exit one instance: use Plugin::exit_all")]
    NoSingleExit {
        /// The layout played.
        layout: Layout,
    },
    /// The filter answered neither MODIFIED (1) nor NOTOUCH (2).
    #[error("{instance} answered {code}, expected 1 (modified) or 2 (untouched)")]
    FilterAnswer {
        /// The instance.
        instance: String,
        /// The answer.
        code: i32,
    },
    /// The filter answered MODIFIED with a size but no data.
    #[error("{instance} answered {bytes} modified bytes at a NULL pointer")]
    FilterNullOutput {
        /// The instance.
        instance: String,
        /// The size given.
        bytes: usize,
    },
    /// The filter answered with the memory it was given, which the host would free twice.
    #[error("{instance} answered with the memory of its own input")]
    FilterAliasedOutput {
        /// The instance.
        instance: String,
    },
    /// The filter answered NOTOUCH but set a buffer, which no host frees.
    #[error("{instance} answered 2 (untouched) but set an output buffer, which leaks")]
    FilterLeakedOutput {
        /// The instance.
        instance: String,
    },
}
