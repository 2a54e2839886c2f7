//! What a log record is, and what Shiwake knows about it.
//!
//! This crate is pure: it borrows the bytes of a chunk, finds the events in it, gives each a log type and a severity,
//! takes known lines apart and appends what it found to a copy of the event. It does no I/O, reads no clock and no
//! environment, and holds no unsafe code; the native filter, the output, the CLI and the WASM filter all call it.
//!
//! The way through it, in order:
//!
//! 1. [`chunk::Chunk`] cuts the host's bytes into [`event::Event`]s; bytes that are no event come out as
//!    [`chunk::BadBytes`] with their offset and the reason, and the events behind them are still found.
//! 2. [`fields::FieldIndex`] lists the top-level keys of one event without copying them.
//! 3. [`pieces`] joins lines that Docker has cut.
//! 4. [`expand::Expander`] puts the fields of a line that names them itself, as JSON does, in the line's place.
//! 5. [`classify::classify`] gives the [`log_type::LogType`] and the [`severity::Severity`], and on the way takes
//!    known lines apart ([`line`]).
//! 6. [`sorter::Sorter`] does all of that for one event and writes the enriched event.
//!
//! It does not: batch, write, send, or decide where a log type goes.

mod access_fields;
pub mod append;
pub mod audit_event;
pub mod chunk;
pub mod civil_time;
pub mod classify;
pub mod columns;
mod digits;
pub mod error_fields;
pub mod event;
pub mod expand;
pub mod explained;
pub mod fields;
pub mod identity;
pub mod line;
pub mod line_event;
pub mod log_type;
pub mod msgpack;
pub mod pieces;
pub mod quarantine;
pub mod record_id;
pub mod record_time;
mod record_trace;
pub mod rules;
pub mod severity;
pub mod sorter;
mod sorter_config;
mod subject;
pub mod trace_ids;
pub mod units;
mod usual_access;
