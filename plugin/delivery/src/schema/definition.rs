//! Which columns there are, and from which fields of a record each is filled.

use crate::lane::Lane;
use shiwake_records::log_type::LogType;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Microseconds since 1970 in UTC; filled from the event's time, never from a field, and never null.
    Time,
    /// The host's tag of the chunk; filled from the chunk, never from a field.
    Tag,
    /// Text; takes any scalar as its text.
    Text,
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
    /// Bytes.
    Binary,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Parquet field id.
    pub id: i32,
    /// Name in the file.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Fields of the record that fill it; of several that are there the first listed wins, and the others go to the
    /// overflow.
    pub from: &'static [&'static str],
    /// Whether the values repeat so that a dictionary pays.
    pub dictionary: bool,
}

/// Name of the time column.
pub const TIME: &str = "time";
/// Name of the column with the host's tag.
pub const TAG: &str = "tag";

/// A column whose values repeat.
const fn repeating(id: i32, name: &'static str, kind: ColumnKind, from: &'static [&'static str]) -> Column {
    Column { id, name, kind, from, dictionary: true }
}

/// A column whose values hardly repeat.
const fn unique(id: i32, name: &'static str, kind: ColumnKind, from: &'static [&'static str]) -> Column {
    Column { id, name, kind, from, dictionary: false }
}

use ColumnKind::{Binary, ContainerName, Float64, Int32, Int64, Severity, Tag, Text, Time};

/// Columns that every log type has.
const SHARED: &[Column] = &[
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
];

const ACCESS: &[Column] = &[
    repeating(100, "remote_addr", Text, &["remote_addr", "client_ip", "remote_ip"]),
    repeating(101, "remote_user", Text, &["remote_user"]),
    repeating(102, "method", Text, &["method", "request_method", "http_method", "verb"]),
    repeating(103, "host", Text, &["host", "http_host", "server_name"]),
    repeating(104, "path", Text, &["path", "uri", "url", "request_uri"]),
    repeating(105, "query", Text, &["query", "query_string"]),
    repeating(106, "protocol", Text, &["protocol"]),
    repeating(107, "status", Int32, &["status", "status_code", "http_status", "response_code", "code"]),
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

const ERROR: &[Column] = &[
    repeating(150, "error_kind", Text, &["error_kind", "error.kind", "exception_class"]),
    repeating(151, "error_message", Text, &["error_message", "error.message"]),
    unique(
        152,
        "error_stack",
        Text,
        &["error_stack", "error.stack", "stack", "stack_trace", "stacktrace", "exception"],
    ),
    repeating(153, "logger", Text, &["logger", "logger_name", "loggerName", "log.logger"]),
    repeating(154, "thread", Text, &["thread", "thread_name", "threadName", "process.thread.name"]),
    unique(155, "request_id", Text, &["request_id", "requestId"]),
    repeating(156, "user_id", Text, &["user_id", "userId"]),
];

const AUDIT: &[Column] = &[
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

const ACTIVITY: &[Column] = &[
    repeating(250, "user_id", Text, &["user_id", "userId", "user"]),
    repeating(251, "event", Text, &["event", "event_name", "event_type", "activity"]),
    repeating(252, "session_id", Text, &["session_id", "sessionId"]),
    unique(253, "properties", Text, &["properties"]),
    unique(254, "request_id", Text, &["request_id", "requestId"]),
];

const TRACE: &[Column] = &[
    unique(300, "parent_span_id", Text, &["parent_span_id", "parent_id"]),
    repeating(301, "span_name", Text, &["span_name", "name", "operation"]),
    unique(302, "duration_ms", Float64, &["duration_ms"]),
    repeating(303, "logger", Text, &["logger", "logger_name", "loggerName", "log.logger"]),
    repeating(304, "thread", Text, &["thread", "thread_name", "threadName", "process.thread.name"]),
];

const APP: &[Column] = &[
    repeating(350, "logger", Text, &["logger", "logger_name", "loggerName", "log.logger"]),
    repeating(351, "thread", Text, &["thread", "thread_name", "threadName", "process.thread.name"]),
    unique(352, "request_id", Text, &["request_id", "requestId"]),
    repeating(353, "user_id", Text, &["user_id", "userId"]),
];

const QUARANTINE: &[Column] = &[
    unique(1, TIME, Time, &[]),
    repeating(9, TAG, Tag, &[]),
    repeating(900, "reason", Text, &["reason"]),
    unique(901, "offset", Int64, &["offset"]),
    unique(902, "raw", Binary, &["raw"]),
    repeating(903, "rule", Text, &["rule"]),
];

/// The columns of a lane's files, without the overflow map, in the order in which they stand in the file.
#[must_use]
pub fn columns(lane: Lane) -> Vec<Column> {
    let own = match lane {
        Lane::Quarantine => return QUARANTINE.to_vec(),
        Lane::Typed(LogType::Access) => ACCESS,
        Lane::Typed(LogType::Error) => ERROR,
        Lane::Typed(LogType::Audit) => AUDIT,
        Lane::Typed(LogType::Activity) => ACTIVITY,
        Lane::Typed(LogType::Trace) => TRACE,
        Lane::Typed(LogType::App) => APP,
    };
    [SHARED, own].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn an_id_belongs_to_one_column_of_one_kind() {
        let mut known: HashMap<i32, (&str, ColumnKind)> = HashMap::new();
        for lane in Lane::BY_WORTH {
            for column in columns(lane) {
                let entry = known.entry(column.id).or_insert((column.name, column.kind));
                assert_eq!(*entry, (column.name, column.kind), "id {}", column.id);
            }
        }
    }

    #[test]
    fn names_and_fields_are_used_once_in_a_lane() {
        for lane in Lane::BY_WORTH {
            let mut names: Vec<&str> = columns(lane).iter().map(|column| column.name).collect();
            let mut fields: Vec<&str> = columns(lane).iter().flat_map(|column| column.from).copied().collect();
            let (all_names, all_fields) = (names.len(), fields.len());
            names.sort_unstable();
            names.dedup();
            fields.sort_unstable();
            fields.dedup();
            assert_eq!((names.len(), fields.len()), (all_names, all_fields), "{lane}");
        }
    }
}
