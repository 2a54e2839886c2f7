//! Takes sorted records to where their log type belongs.
//!
//! ```text
//! chunk ─► pipeline::acceptor ─► sort ─► spool (one open segment a lane) ─► OK to the host
//!                                            │ sealed by size, age, memory, exit
//!                                            ▼
//!          pipeline::deliverer ─► columns ─► Parquet, an object a partition ─► store ─► commit
//! ```
//!
//! - [`config`]: properties, parsed once into validated types.
//! - [`spool`]: where accepted records wait, in segments; a segment is the unit that is delivered and committed.
//! - [`schema`]: the columns of each log type. [`columns`]: records into columns, and into Parquet files.
//! - [`store`]: a local folder or S3, one code path.
//! - `datadog`: records as entries of Datadog's logs API, payloads, and the way there.
//! - [`pipeline`]: the two threads of an output instance.
//! - [`plan`]: how many objects a load becomes, and how large.
//! - [`identity`]: what ECS says of the task that the records are from.
//! - [`ledger`]: the sums that must add up; [`metrics`]: where machines see them.
//!
//! Clock, log and environment are passed in. There is no unsafe code here.

pub mod clock;
pub mod columns;
pub mod config;
#[cfg(feature = "datadog")]
pub mod datadog;
pub mod identity;
pub mod lane;
pub mod ledger;
pub mod log;
pub mod metrics;
pub mod partition;
pub mod pipeline;
pub mod plan;
pub mod record_stream;
pub mod schema;
pub mod spool;
pub mod store;
