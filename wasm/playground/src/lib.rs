//! What the page asks of the sorter: rules in, their faults, warnings and tests out; a line in, what becomes of it and why out.
//!
//! - [`playground`]: the state behind the page, and lines by the block.
//! - [`rules_report`]: what is said of a rules file. [`line_report`]: what is said of a line.
//! - [`suggestion`]: a rule for a line, with its test. [`pattern`]: the pattern in it. `toml_text`: values in it.
//! - `bindings`: the same for JavaScript, in a browser only.
//!
//! Answers are JSON texts, as they go to JavaScript in one copy. Nothing here does I/O or reads a clock. What a line holds is
//! anybody's: it is only ever data here and in the page.

#[cfg(target_family = "wasm")]
mod bindings;
pub mod line_report;
pub mod pattern;
pub mod playground;
pub mod rules_report;
pub mod suggestion;
mod toml_text;
