//! MessagePack over borrowed bytes.
//!
//! Format: <https://github.com/msgpack/msgpack/blob/master/spec.md>. Nothing here builds a tree: [`Reader`] steps over
//! values, [`Value`] borrows them, [`write`] appends new ones, and [`json`] prints one as JSON text.
//!
//! Invariants: no input makes a function here recurse without a bound, panic, or allocate more than a constant factor
//! of the input's size; every error names the offset of the byte that is to blame.

pub mod json;
mod nested;
mod reader;
pub(crate) mod room;
mod same;
mod value;
pub mod write;

pub use reader::{MsgpackError, Reader};
pub(crate) use reader::{plain_text, plain_value, value_bytes};
pub use room::Room;
pub use same::is_same;
pub use value::{Composite, Value};
