//! How much stack the module's own code has.

/// Bytes for Rust's stack in the module's memory: what building rules takes at most, many times over. It lies in front of
/// everything else, so what is too deep traps and writes over nothing.
const STACK_BYTES: u32 = 256 * 1024;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size={STACK_BYTES}");
    }
}
