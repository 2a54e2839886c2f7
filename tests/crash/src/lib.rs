//! Kills a host of the plugin again and again, and then counts every record in the lake.
//!
//! Two programs. `shiwake-feeder` is the host: it loads the shared object, sends chunks that follow from a seed, and keeps
//! [`notes`] of what it has sent and what was answered, as a host with filesystem storage does. `shiwake-crash` starts it,
//! kills it at random moments, starts it again on the same spool and lake, and in the end compares the lake with the notes.
//!
//! - [`chunk`]: what is sent. [`notes`]: what the host knows. [`feeder`]: how it sends.
//! - [`child`]: a feeder as a process. [`kills`]: the rounds. [`soak`]: one long round, with its memory measured.
//! - [`trial`]: all of one trial. [`ledger`]: what the plugin itself says.
//! - [`expectation`], [`found`], [`verdict`]: what must be in the lake, what is there, and whether that is the same.
//!
//! What cannot be told apart: a chunk that was under way when the host was killed, and another with the very same bytes
//! that was taken before. The plugin must hold the one for the other, so of such twins one may be missing ([`expectation`]
//! says how many); everything else must be there exactly once.

pub mod child;
pub mod chunk;
pub mod error;
pub mod expectation;
pub mod feeder;
pub mod found;
pub mod kills;
pub mod ledger;
pub mod notes;
pub mod soak;
pub mod trial;
pub mod verdict;

pub use error::CrashError;
