//! Which columns the files of a log type have, and from which fields of a record each is filled.
//!
//! Every file of a type has all of the type's columns, in this order, whatever the records held. A column's field id is
//! given once and never to another column; an id that is no longer used stays retired. Adding a column at the end of its
//! range is compatible, changing a type is not.
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
//! | 10000-2147483000 | columns that users declare, see [`declared_id`] |

use crate::log_type::LogType;
use std::borrow::Cow;
use std::ops::Range;
use twox_hash::XxHash3_64;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Microseconds since 1970 in UTC; filled from the event's time, never from a field, and never null.
    Time,
    /// The host's tag of the chunk; filled from the chunk, never from a field.
    Tag,
    /// Text; takes any scalar as its text.
    Text,
    /// Text; takes any scalar as its text, and lists and maps as JSON.
    Json,
    /// Text of one of the severities' names; a word or a number that stands for one is normalised.
    Severity,
    /// Text without one leading `/`, which Docker puts before a container's name.
    ContainerName,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// 64-bit float; takes integers that it holds exactly.
    Float64,
    /// True or false.
    Bool,
    /// Bytes.
    Binary,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Parquet field id.
    pub id: i32,
    /// Name in the file.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub kind: ColumnKind,
    /// Fields of the record that fill it; of several that are there the first listed wins, and the others go to the
    /// overflow.
    pub from: Vec<Cow<'static, str>>,
    /// Whether the values repeat so that a dictionary pays.
    pub dictionary: bool,
}

/// A column that needs no declaration.
#[derive(Debug, Clone, Copy)]
struct BuiltIn {
    id: i32,
    name: &'static str,
    kind: ColumnKind,
    from: &'static [&'static str],
    dictionary: bool,
}

impl From<&BuiltIn> for Column {
    fn from(column: &BuiltIn) -> Self {
        let BuiltIn { id, name, kind, from, dictionary } = *column;
        let from = from.iter().map(|field| Cow::Borrowed(*field)).collect();
        Self { id, name: Cow::Borrowed(name), kind, from, dictionary }
    }
}

/// Name of the time column.
pub const TIME: &str = "time";
/// Name of the column with the host's tag.
pub const TAG: &str = "tag";

/// A column whose values repeat.
const fn repeating(id: i32, name: &'static str, kind: ColumnKind, from: &'static [&'static str]) -> BuiltIn {
    BuiltIn { id, name, kind, from, dictionary: true }
}

/// A column whose values hardly repeat.
const fn unique(id: i32, name: &'static str, kind: ColumnKind, from: &'static [&'static str]) -> BuiltIn {
    BuiltIn { id, name, kind, from, dictionary: false }
}

use ColumnKind::{Binary, ContainerName, Float64, Int32, Int64, Json, Severity, Tag, Text, Time};

/// Columns that every log type has.
const SHARED: &[BuiltIn] = &[
    unique(1, TIME, Time, &[]),
    repeating(2, "severity", Severity, &["severity"]),
    unique(3, "message", Text, &["log", "message", "msg"]),
    repeating(4, "service", Text, &["service"]),
    repeating(5, "env", Text, &["env"]),
    repeating(6, "version", Text, &["version"]),
    repeating(7, "hostname", Text, &["hostname"]),
    repeating(8, "source", Text, &["source"]),
    repeating(9, TAG, Tag, &[]),
    repeating(10, "container_id", Text, &["container_id"]),
    repeating(11, "container_name", ContainerName, &["container_name"]),
    repeating(12, "cluster_name", Text, &["cluster_name"]),
    repeating(13, "task_arn", Text, &["task_arn"]),
    repeating(14, "task_id", Text, &["task_id"]),
    repeating(15, "task_family", Text, &["task_family"]),
    repeating(16, "task_version", Text, &["task_version"]),
    repeating(17, "region", Text, &["region"]),
    repeating(18, "aws_account", Text, &["aws_account"]),
    repeating(19, "ddsource", Text, &["ddsource"]),
    repeating(20, "ddtags", Text, &["ddtags"]),
    unique(21, "trace_id", Text, &["trace_id", "dd.trace_id", "traceId", "trace.id"]),
    unique(22, "span_id", Text, &["span_id", "dd.span_id", "spanId", "span.id"]),
    repeating(23, "availability_zone", Text, &["availability_zone"]),
    repeating(24, "ecs_service", Text, &["ecs_service"]),
    repeating(25, "launch_type", Text, &["launch_type"]),
    repeating(26, "ecs_container_name", Text, &["ecs_container_name"]),
    repeating(27, "image_name", Text, &["image_name"]),
    repeating(28, "image_tag", Text, &["image_tag"]),
    repeating(29, "image_digest", Text, &["image_digest"]),
    unique(30, "record_id", Text, &["record_id"]),
];

const ACCESS: &[BuiltIn] = &[
    repeating(100, "remote_addr", Text, &["remote_addr", "client_ip", "remote_ip"]),
    repeating(101, "remote_user", Text, &["remote_user"]),
    repeating(102, "method", Text, &["method", "request_method", "http_method", "verb"]),
    repeating(103, "host", Text, &["host", "http_host", "server_name"]),
    repeating(104, "path", Text, &["path", "uri", "url", "request_uri"]),
    repeating(105, "query", Text, &["query", "query_string"]),
    repeating(106, "protocol", Text, &["protocol"]),
    repeating(107, "status", Int32, &["status", "status_code", "http_status", "response_code", "statusCode", "code"]),
    unique(108, "bytes", Int64, &["bytes", "body_bytes_sent", "bytes_sent", "size"]),
    unique(109, "duration_ms", Float64, &["duration_ms", "latency_ms"]),
    repeating(110, "referer", Text, &["referer", "http_referer", "referrer"]),
    repeating(111, "user_agent", Text, &["user_agent", "http_user_agent", "agent"]),
    unique(112, "request_id", Text, &["request_id", "requestId", "x_request_id"]),
    repeating(113, "upstream_addr", Text, &["upstream_addr"]),
    repeating(114, "upstream_status", Int32, &["upstream_status"]),
    repeating(115, "tls_protocol", Text, &["tls_protocol", "ssl_protocol"]),
    repeating(116, "tls_cipher", Text, &["tls_cipher", "ssl_cipher"]),
    repeating(117, "user_id", Text, &["user_id", "userId"]),
];

const ERROR: &[BuiltIn] = &[
    repeating(150, "error_kind", Text, &["error_kind", "error.kind", "exception_class"]),
    repeating(151, "error_message", Text, &["error_message", "error.message"]),
    unique(
        152,
        "error_stack",
        Text,
        &["error_stack", "error.stack", "error.stack_trace", "stack", "stack_trace", "stacktrace", "exception"],
    ),
    repeating(153, "logger", Text, &["logger", "logger_name", "loggerName", "log.logger"]),
    repeating(154, "thread", Text, &["thread", "thread_name", "threadName", "process.thread.name"]),
    unique(155, "request_id", Text, &["request_id", "requestId"]),
    repeating(156, "user_id", Text, &["user_id", "userId"]),
];

const AUDIT: &[BuiltIn] = &[
    repeating(200, "actor", Text, &["actor"]),
    repeating(201, "action", Text, &["action", "eventName", "verb"]),
    repeating(202, "resource", Text, &["resource", "requestURI"]),
    repeating(203, "outcome", Text, &["outcome"]),
    repeating(204, "source_ip", Text, &["source_ip", "sourceIPAddress"]),
    repeating(205, "program", Text, &["program", "eventSource"]),
    repeating(206, "pid", Int64, &["pid"]),
    unique(207, "event_id", Text, &["event_id", "eventID", "auditID"]),
    repeating(208, "user_agent", Text, &["user_agent", "userAgent"]),
];

const ACTIVITY: &[BuiltIn] = &[
    repeating(250, "user_id", Text, &["user_id", "userId", "user"]),
    repeating(251, "event", Text, &["event", "event_name", "event_type", "activity"]),
    repeating(252, "session_id", Text, &["session_id", "sessionId"]),
    unique(253, "properties", Json, &["properties"]),
    unique(254, "request_id", Text, &["request_id", "requestId"]),
];

const TRACE: &[BuiltIn] = &[
    unique(300, "parent_span_id", Text, &["parent_span_id", "parent_id"]),
    repeating(301, "span_name", Text, &["span_name", "name", "operation"]),
    unique(302, "duration_ms", Float64, &["duration_ms"]),
    repeating(303, "logger", Text, &["logger", "logger_name", "loggerName", "log.logger"]),
    repeating(304, "thread", Text, &["thread", "thread_name", "threadName", "process.thread.name"]),
];

const APP: &[BuiltIn] = &[
    repeating(350, "logger", Text, &["logger", "logger_name", "loggerName", "log.logger"]),
    repeating(351, "thread", Text, &["thread", "thread_name", "threadName", "process.thread.name"]),
    unique(352, "request_id", Text, &["request_id", "requestId"]),
    repeating(353, "user_id", Text, &["user_id", "userId"]),
];

const QUARANTINE: &[BuiltIn] = &[
    unique(1, TIME, Time, &[]),
    repeating(9, TAG, Tag, &[]),
    repeating(900, "reason", Text, &["reason"]),
    unique(901, "offset", Int64, &["offset"]),
    unique(902, "raw", Binary, &["raw"]),
    repeating(903, "rule", Text, &["rule"]),
];

/// Name of the overflow map.
pub const OVERFLOW: &str = "attributes";
/// Id of the overflow map.
pub const OVERFLOW_ID: i32 = 50;
/// Id of its keys.
pub const OVERFLOW_KEY_ID: i32 = 51;
/// Id of its values.
pub const OVERFLOW_VALUE_ID: i32 = 52;

/// Ids of columns that users declare. Above them Iceberg has ids of its own
/// (<https://iceberg.apache.org/spec/#reserved-field-ids>).
pub const DECLARED_IDS: Range<i32> = 10_000..2_147_483_000;

/// The id of a column that a user declares. It follows from the names of its type and itself alone, so it stays the same
/// whatever else changes in the file. That no two columns of a rule set have one id is checked when it is read.
#[must_use]
pub fn declared_id(log_type: &str, column: &str) -> i32 {
    let count = u64::from(DECLARED_IDS.end.abs_diff(DECLARED_IDS.start));
    let hash = XxHash3_64::oneshot(format!("{log_type}.{column}").as_bytes());
    DECLARED_IDS.start.saturating_add_unsigned(u32::try_from(hash % count).unwrap_or(0))
}

/// The columns that every log type has.
#[must_use]
pub fn shared() -> Vec<Column> {
    SHARED.iter().map(Column::from).collect()
}

/// The columns of a built-in log type's files, without the overflow map, in the order in which they stand in the file; of a
/// type of the user's own those that every type has.
#[must_use]
pub fn of_type(log_type: LogType) -> Vec<Column> {
    let own = match log_type {
        LogType::Access => ACCESS,
        LogType::Error => ERROR,
        LogType::Audit => AUDIT,
        LogType::Activity => ACTIVITY,
        LogType::Trace => TRACE,
        LogType::App => APP,
        LogType::Own(_) => &[],
    };
    SHARED.iter().chain(own).map(Column::from).collect()
}

/// The columns of files under `quarantine/`, which have no overflow map.
#[must_use]
pub fn of_quarantine() -> Vec<Column> {
    QUARANTINE.iter().map(Column::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn all() -> impl Iterator<Item = Vec<Column>> {
        LogType::BUILT_IN.into_iter().map(of_type).chain([of_quarantine()])
    }

    #[test]
    fn an_id_belongs_to_one_column_of_one_kind() {
        let mut known: HashMap<i32, (Cow<'_, str>, ColumnKind)> = HashMap::new();
        for column in all().flatten() {
            let entry = known.entry(column.id).or_insert((column.name.clone(), column.kind));
            assert_eq!(*entry, (column.name, column.kind), "id {}", column.id);
            assert!(column.id < DECLARED_IDS.start && !(OVERFLOW_ID..=OVERFLOW_VALUE_ID).contains(&column.id));
        }
    }

    #[test]
    fn names_and_fields_are_used_once_in_a_type() {
        for columns in all() {
            let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_ref()).collect();
            let mut fields: Vec<&str> = columns.iter().flat_map(|column| &column.from).map(AsRef::as_ref).collect();
            let (all_names, all_fields) = (names.len(), fields.len());
            names.sort_unstable();
            names.dedup();
            fields.sort_unstable();
            fields.dedup();
            assert_eq!((names.len(), fields.len()), (all_names, all_fields));
        }
    }

    #[test]
    fn a_declared_id_is_the_same_for_ever() {
        assert_eq!(declared_id("billing", "amount"), 294_164_288);
        assert_ne!(declared_id("billing", "amount"), declared_id("billing", "currency"));
        assert_ne!(declared_id("billing", "amount"), declared_id("shop", "amount"));
    }
}
