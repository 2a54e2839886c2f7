//! What Fluent Bit expects of a plugin, byte by byte.
//!
//! Layouts are those of its headers at v1.9.10, v4.2.8 and v5.1.1; there is no version field anywhere, so [`host`]
//! tells hosts apart by the symbols they export. Nothing is written into a host's struct beyond what the oldest host
//! allocates: `flb_plugin_proxy_def` has 32 bytes in 1.9.10 and grew later, but every host with the larger struct clears
//! it, so the newer fields are left alone.

mod classic_exit;
pub mod filter;
pub mod host;
pub(crate) mod host_buffer;
pub mod kept_properties;
pub mod logger;
mod memory;
pub mod metrics;
pub mod output;
pub mod properties;
pub mod service;

/// The name under which a configuration asks for the filter and the output.
pub(crate) const PLUGIN_NAME: &std::ffi::CStr = c"shiwake";
