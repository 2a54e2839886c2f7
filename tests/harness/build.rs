//! Compiles `shim/host.c` once per layout into a shared library that the crate embeds.
//!
//! The functions a plugin looks up in its host must be visible to `dlsym(RTLD_DEFAULT, ...)`, must
//! differ from layout to layout, and one of them is variadic; so they live in C, in libraries of
//! their own.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};

const SHIM: &str = "shim/host.c";
const TABLE: &str = "shim/service.h";

/// File name and preprocessor symbols of each layout's library.
const LIBRARIES: [(&str, &[&str]); 4] = [
    ("host_1_9_10.so", &["HOST_NAMES", "SERVICE_COLUMN=1", "LOG_FRAME_BYTES=4096"]),
    ("host_4_2_8.so", &["HOST_NAMES", "SERVICE_COLUMN=2", "HOST_EVENTS", "LOG_FRAME_BYTES=4096"]),
    ("host_5_1_1.so", &["HOST_NAMES", "SERVICE_COLUMN=3", "HOST_EVENTS", "HOST_HTTP_SERVER", "LOG_FRAME_BYTES=8192"]),
    ("host_unknown.so", &["LOG_FRAME_BYTES=4096"]),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SHIM}");
    println!("cargo:rerun-if-changed={TABLE}");
    let out_dir = PathBuf::from(env::var("OUT_DIR")?);
    let compiler = cc::Build::new().pic(true).warnings(true).try_get_compiler()?;
    for (file, symbols) in LIBRARIES {
        link_library(&compiler, &out_dir.join(file), symbols)?;
    }
    Ok(())
}

fn link_library(compiler: &cc::Tool, target: &Path, symbols: &[&str]) -> Result<(), Box<dyn Error>> {
    let status = compiler
        .to_command()
        .arg("-shared")
        // A sanitizer in the tests is theirs; a library with one of its own would bring another copy of it.
        .arg("-fno-sanitize=all")
        .args(symbols.iter().map(|symbol| format!("-D{symbol}")))
        .arg(SHIM)
        .arg("-o")
        .arg(target)
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("the C compiler failed on {SHIM}: {status}").into()) }
}
