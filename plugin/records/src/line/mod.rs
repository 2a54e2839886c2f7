//! Takes known kinds of log lines apart.
//!
//! A parser borrows the line, answers `None` when the line is of another kind, and never changes it: what it finds is
//! added to the record, the line stays. Each is linear in the line's length.

mod access_tail;
pub mod apache_error;
pub mod auth;
pub mod cloudfront;
pub mod combined;
pub mod exception;
pub mod fields;
mod find;
mod format;
mod head_level;
pub mod json;
pub mod level;
pub mod load_balancer;
pub mod logfmt;
pub mod logger;
pub mod misread;
pub mod nginx_error;
pub mod proxy;
pub mod syslog;
pub mod vpc_flow;
pub mod web_framework;
pub(crate) mod words;

pub use format::{LineFormat, LineFormats};
