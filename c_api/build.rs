//! Marks the shared object as never to be unloaded.
//!
//! Hosts may call `dlclose` on a plugin and go on; thread-local data of ours can then still have destructors to run. All
//! threads are joined by then, and mapped code costs nothing.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,shiwake.so");
}
