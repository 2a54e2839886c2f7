//! What a user can set, parsed once into validated types.
//!
//! [`datadog`] has those of the Datadog destination, [`site`] where that is, [`api_key`] its key.
//! [`lake`] has those of the lake.
//! [`property`] lists the properties with their defaults and reads sizes, times and flags; [`output`] and [`filter`]
//! make them into the configuration of an instance; [`rules_file`] reads rules from the disk.

pub mod api_key;
pub mod datadog;
mod durability;
pub mod filter;
pub mod lake;
pub mod output;
mod per_type;
pub mod property;
mod rules;
pub mod site;

pub use property::{ConfigError, Properties, Property};
pub use rules::rules_file;
