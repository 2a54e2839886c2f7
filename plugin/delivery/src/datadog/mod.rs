//! The Datadog destination: records as entries of the logs API, put together to payloads, and the way there.
//!
//! ```text
//! segment ─► entry (JSON) ─► payload (5 MB, 1000 entries) ─► zstd or gzip ─► intake
//! ```
//!
//! What is sent when, and what becomes of what is refused, is the pipeline's.

pub mod client;
pub mod compression;
pub mod entry;
pub mod payload;
