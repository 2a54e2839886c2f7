//! Chunks as hosts hand them over: MessagePack events, one after another.
//!
//! An event is `[time, map]` in the old format, or `[[time, metadata], map]` since Fluent Bit 2.1.
//! A time is an integer, a float, or extension type 0 with eight bytes: seconds and nanoseconds,
//! big endian. Negative seconds mark the start (-1) and the end (-2) of a group of records.

mod builder;
mod json;
mod reader;
mod time;

pub use builder::{ChunkBuilder, ChunkFormat};
pub use reader::{Record, RecordKind, records};
pub use time::Time;

/// A chunk that cannot be built or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// A line is no JSON.
    #[error("the line is no JSON")]
    Json(#[from] serde_json::Error),
    /// A line is JSON but no object, so it cannot be a record.
    #[error("the line is JSON but no object")]
    NotAnObject,
    /// `@time` of a line is no number of seconds an event can carry.
    #[error("@time is {given}, which is no time in seconds")]
    LineTime {
        /// The value.
        given: String,
    },
    /// The bytes of an event are no MessagePack, or are cut off.
    #[error("event {index} cannot be decoded")]
    Decode {
        /// Its place in the chunk, from 0.
        index: usize,
        /// Why.
        source: rmpv::decode::Error,
    },
    /// An event is neither `[time, map]` nor `[[time, metadata], map]`.
    #[error("event {index} is {found}, no pair of header and body")]
    Shape {
        /// Its place in the chunk, from 0.
        index: usize,
        /// The event, shortened.
        found: String,
    },
    /// An event's time is none of the three kinds.
    #[error("event {index} has the time {found}")]
    Time {
        /// Its place in the chunk, from 0.
        index: usize,
        /// The time, shortened.
        found: String,
    },
}
