//! Asks ECS' task metadata endpoint who the records are from, by a thread of its own.
//!
//! [`endpoint`] speaks the little HTTP that this takes; [`watcher`] asks, again and again while there is no answer and when a
//! container is new, and hands over what is known to whoever sorts. What the answers mean is in
//! [`shiwake_records::identity`].

pub mod endpoint;
pub mod watcher;
