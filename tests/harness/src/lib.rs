//! A host that loads Fluent Bit plugins the way Fluent Bit does, for tests of plugins.
//!
//! It plays Fluent Bit 1.9.10, 4.2.8 or 5.1.1 (see [`Layout`]) towards a shared object given by its
//! path: it finds the entry points, hands over structs of that version's layout, calls init, flush,
//! filter and exit as that version does, and is stricter where a real host would be silently
//! corrupted:
//!
//! - every struct, chunk and tag ends at a closed page, so a write or read past it is a crash;
//! - chunks are read-only and closed after the call, so a pointer kept is a crash;
//! - a flush runs on a stack of [`FLUSH_STACK_BYTES`] between closed pages;
//! - memory a host does not clear is poisoned, and what a plugin leaves unset there is an error.
//!
//! ```no_run
//! use serde_json::json;
//! use shiwake_harness::{ChunkBuilder, ChunkFormat, Filtered, Flush, Host, Layout, Time, records};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::start(Layout::V4_2_8)?;
//! let plugin = host.load("/usr/lib/fluent-bit/flb-filter_mine.so")?;
//! let filter = plugin.filter_instance(&[("rule", "drop debug")])?;
//!
//! let mut builder = ChunkBuilder::new(ChunkFormat::Legacy);
//! builder.push(Time::Seconds(1_700_000_000), &json!({"log": "hello", "level": "info"}));
//! let chunk = builder.finish();
//! if let Filtered::Modified(bytes) = filter.run("app", &chunk)? {
//!     assert_eq!(records(&bytes)?.len(), 1);
//! }
//!
//! let output_plugin = host.load("/usr/lib/fluent-bit/mine.so")?;
//! let output = output_plugin.output_instance(&[("path", "/tmp/out")])?;
//! assert_eq!(output.flush("app", &chunk)?, Flush::Ok);
//! assert!(output.max_stack_used_bytes() < 16 * 1024);
//!
//! plugin.exit_all()?;
//! let report = output_plugin.exit_all()?;
//! assert!(!report.still_mapped);
//! # Ok(())
//! # }
//! ```
//!
//! # One process, one host
//!
//! Plugins recognise their host by symbols that are visible process-wide, so a process plays one
//! layout only: give each layout a test binary of its own (one file in `tests/` each). All tests of
//! one binary share the host and its journal of log lines.
//!
//! # What a crash looks like
//!
//! A plugin that breaks its contract kills the process, as it would kill a host. A test that wants
//! to see that starts itself again as a child process and looks at its exit status.
//!
//! # Limits
//!
//! 64-bit Linux with glibc. Outputs are proxies, filters are native; native outputs, inputs and
//! customs are not played. Config maps are refused, because only the engine can evaluate them.
//! Environment variables in properties are not expanded. `flb_config` has what `[SERVICE]` sets as
//! far as its table lists it, `flb_input_instance` a name; the rest of both is zeroes. An output
//! instance's `p` is NULL, its metrics are there to be created and set, those of filters are NULL.
//! The harness frees a filter's answer with `free` of the process: if the plugin's own
//! allocator happens to be the same one, a wrong allocation passes here and not in a host that
//! brings its own.

mod abi;
pub mod chunk;
mod coroutine;
mod dso;
mod entry_points;
mod error;
mod filter;
mod filter_plugin;
mod functions;
mod guarded;
mod host;
mod instance;
mod journal;
mod layout;
mod metrics;
mod output;
mod plugin;
mod properties;
mod proxy;
mod registration;
mod service;

pub use chunk::{ChunkBuilder, ChunkError, ChunkFormat, Record, RecordKind, Time, records};
pub use error::HarnessError;
pub use filter::{FILTER_STACK_BYTES, Filter, Filtered};
pub use host::Host;
pub use journal::{LogLevel, LogLine, LogTail};
pub use layout::Layout;
pub use metrics::Sample;
pub use output::{FLUSH_STACK_BYTES, Flush, Output};
pub use plugin::{ExitReport, Plugin};
