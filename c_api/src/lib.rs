//! The shared object that Fluent Bit loads.
//!
//! One file serves every supported host, under two names: as `shiwake.so` it is an output (a *proxy* plugin with
//! `FLBPluginRegister` and its kin), as `flb-filter_shiwake.so` a native filter (the data symbol
//! `filter_shiwake_plugin`). Which host it is in is found out at load time ([`abi::host`]).
//!
//! Every entry point is one guard around safe code ([`guard`]): nothing unwinds into the host, and an instance in
//! which something did panic is poisoned and from then on gives the answer that loses nothing.

pub mod abi;
pub mod allocator;
pub mod capi;
mod filter_instance;
pub mod guard;
mod output_instance;

/// Of the shared object, not of the host.
#[cfg(not(feature = "plain-malloc"))]
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;
