//! What a user can set, parsed once into validated types.
//!
//! [`property`] lists the properties with their defaults and reads sizes, times and flags; [`output`] and [`filter`]
//! make them into the configuration of an instance; [`rules_file`] reads rules from the disk.

mod durability;
pub mod filter;
pub mod output;
pub mod property;
mod rules;

pub use property::{ConfigError, Properties, Property};
pub use rules::rules_file;
