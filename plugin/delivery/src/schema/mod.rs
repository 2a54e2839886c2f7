//! The columns of each log type: stable names, types and field ids.
//!
//! Every file of a log type has all of the type's columns, in this order, whatever the records held. A column's field
//! id is given once and never to another column; an id that is no longer used stays retired. Adding a column at the
//! end of its range is compatible, changing a type is not.
//!
//! | ids | for |
//! |---|---|
//! | 1-49 | columns every log type has |
//! | 50-52 | the overflow map `attributes`, its keys and its values |
//! | 100-149 | `access` |
//! | 150-199 | `error` |
//! | 200-249 | `audit` |
//! | 250-299 | `activity` |
//! | 300-349 | `trace` |
//! | 350-399 | `app` |
//! | 900-949 | quarantine |

mod arrow;
mod definition;

pub use arrow::{OVERFLOW, arrow_schema, overflow_key_field, overflow_value_field};
pub use definition::{Column, ColumnKind, TAG, TIME, columns};
