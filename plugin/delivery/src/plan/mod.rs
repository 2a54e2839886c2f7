//! What an output of a configuration makes of a load: how many objects, and how large.
//!
//! `shiwake plan` says it to people; the simulation of many writers (`pipeline/simulation`) is held to it.
//!
//! - [`objects`], [`Writer`]: how many, from ages and sizes. [`Sample`]: bytes of a file, by writing one of real records.
//!
//! Nothing is asked of a store, and nothing is written anywhere.

mod sample;
mod segments;

pub use sample::Sample;
pub use segments::{Flow, Objects, Writer, objects};
