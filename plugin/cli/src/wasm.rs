//! `shiwake wasm`: puts rules and settings into the module for Fluent Bit's `filter_wasm`.

use crate::error::CommandError;
use crate::wasm_build::{self, BuildError};
use clap::Args;
use shiwake_delivery::config::rules_file;
use shiwake_wasm::package::{Package, Settings};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How the module is called.
const MODULE_NAME: &str = "shiwake.wasm";

#[derive(Args)]
pub(crate) struct WasmArguments {
    /// Rules of your own, which are tried before the built-in ones.
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The module to put them into; shiwake.wasm beside this command when none is given.
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// `service` for records that name none.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// `ddsource` for records that name none.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Tags for `ddtags` of all records, with commas between them.
    #[arg(long, value_name = "TAGS")]
    tags: Option<String>,
    /// `env` for records that name none.
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// `version` for records that name none.
    #[arg(long = "service-version", value_name = "VERSION")]
    service_version: Option<String>,
}

/// Why no module was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WasmError {
    /// The module cannot be read.
    #[error("cannot read the module {}: {source} (name it with --module; `make wasm` builds dist/{MODULE_NAME})", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The module cannot be used.
    #[error("cannot use the module {}: {source}", file.display())]
    Build {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: BuildError,
    },
    /// The new module cannot be written.
    #[error("cannot write {}: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Writes the module and says what is in it.
pub(crate) fn run(arguments: WasmArguments, out: &mut impl Write) -> Result<(), CommandError> {
    let WasmArguments { rules, module, output, service, source, tags, env, service_version } = arguments;
    let mut package = Package::new(Settings { service, source, tags, env, version: service_version });
    let own_rules = match &rules {
        Some(file) => package.add_rules(&file.to_string_lossy(), &mut rules_file)?.own_rules().len(),
        None => 0,
    };
    let module_file = module.unwrap_or_else(beside_this);
    let read = |source| WasmError::Read { file: module_file.clone(), source };
    let module = fs::read(&module_file).map_err(read)?;
    let refused = |source| WasmError::Build { file: module_file.clone(), source };
    let built = wasm_build::build(&module, &package).map_err(refused)?;
    write_whole(&output, &built).map_err(|source| WasmError::Write { file: output.clone(), source })?;
    writeln!(
        out,
        "{}: {} bytes, {own_rules} rules of your own before the built-in ones",
        output.display(),
        built.len()
    )?;
    Ok(out.flush()?)
}

fn beside_this() -> PathBuf {
    let folder = std::env::current_exe().ok().and_then(|command| command.parent().map(Path::to_path_buf));
    folder.unwrap_or_default().join(MODULE_NAME)
}

/// Writes a file that is there whole or not at all: a host that is started meanwhile must not load half of it.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    fs::write(&new, bytes)?;
    fs::rename(&new, file)
}
