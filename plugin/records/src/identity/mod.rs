//! Where a record comes from: what FireLens wrote into it, what ECS says of the task, and the tags that follow for Datadog.
//!
//! - [`firelens`]: the fields that FireLens adds, taken apart.
//! - [`task`]: the documents of the task metadata endpoint; [`image`]: an image's name, taken apart.
//! - [`origin_fields`]: the table of fields and tags, which code and documentation both follow.
//! - [`labels`]: labels of containers that a user names.
//! - [`tags`]: tags as Datadog wants them.
//! - [`placement`]: where all that is put.
//! - `enricher`: what is known of the task, for one record after another, without allocation.
//! - `origins`: all of that in order; `kept_origins`: what came out, for records like those before.

pub(crate) mod enricher;
pub mod firelens;
pub mod image;
pub(crate) mod kept_origins;
pub mod labels;
pub mod origin_fields;
pub(crate) mod origins;
pub mod placement;
pub(crate) mod tag_lists;
pub mod tags;
pub mod task;
