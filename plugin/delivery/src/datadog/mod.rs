//! The Datadog destination: records as entries of the logs API, put together to payloads, and the way there.
//!
//! ```text
//! segment ─► entry (JSON) ─► payload (5 MB, 1000 entries) ─► zstd or gzip ─► intake
//! ```
//!
//! What is sent when, and what becomes of what is refused, is the pipeline's.

mod any_entry;
pub mod client;
pub mod compression;
pub mod entry;
mod entry_layout;
mod json_bytes;
mod known_tags;
pub mod payload;
mod usual_entry;
