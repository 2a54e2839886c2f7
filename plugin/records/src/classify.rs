//! Gives a record its log type and its severity.
//!
//! The rules are tried in the order of [`Rule`]; the first that holds decides. A record that names its own type in
//! `log_type` has decided itself. What is structured is judged by its fields, what is a line by the line.

use crate::append::{FoundFields, FoundValue};
use crate::audit_event;
use crate::error_fields;
use crate::event::Timestamp;
use crate::fields::FieldIndex;
use crate::line::apache_error::ApacheErrorLine;
use crate::line::auth::AuthLine;
use crate::line::combined::AccessLine;
use crate::line::logger::LoggerLine;
use crate::line::nginx_error::NginxErrorLine;
use crate::line::syslog::SyslogLine;
use crate::line::web_framework::{self, WebLine};
use crate::line::{cloudfront, exception, level, load_balancer, vpc_flow};
use crate::log_type::LogType;
use crate::msgpack::{Composite, Value};
use crate::severity::Severity;

/// Keys under which the log line or the message stands, the first one that is text counts. `log` is Docker's and
/// FireLens'.
pub const MESSAGE_KEYS: [&str; 3] = ["log", "message", "msg"];
/// Keys under which loggers write a level. A number under `severity` may be syslog's.
pub const LEVEL_KEYS: [&str; 7] = ["severity", "level", "log_level", "loglevel", "levelname", "lvl", "log.level"];
/// Keys of the status of a response.
pub const STATUS_KEYS: [&str; 5] = ["status", "status_code", "http_status", "response_code", "code"];
/// Keys of the method of a request.
pub const METHOD_KEYS: [&str; 4] = ["method", "request_method", "http_method", "verb"];
/// Keys of what was requested.
pub const PATH_KEYS: [&str; 5] = ["path", "uri", "url", "request_uri", "request"];
/// Keys of the user who did something.
pub const USER_KEYS: [&str; 3] = ["user_id", "userId", "user"];
/// Keys of what a user did.
pub const EVENT_KEYS: [&str; 4] = ["event", "event_name", "event_type", "activity"];
/// Keys of a stack trace.
pub const STACK_KEYS: [&str; 6] = ["stack", "stack_trace", "stacktrace", "exception", "error.stack", "error_stack"];

/// Why a record is of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Its field `log_type` says so.
    OwnField,
    /// Fields of an audit event: actor and action, CloudTrail's, Kubernetes'.
    AuditFields,
    /// A status beside a method or a path.
    AccessFields,
    /// A span: `span_id` with a parent, a name or a duration.
    SpanFields,
    /// A level of error or worse in a field.
    ErrorLevel,
    /// A field that holds a stack trace.
    StackField,
    /// A level of trace in a field.
    TraceLevel,
    /// Who did what.
    ActivityFields,
    /// A line in the Common or Combined Log Format.
    AccessLine,
    /// An access line of an AWS Application Load Balancer.
    ApplicationBalancerLine,
    /// A connection of an AWS Network Load Balancer.
    NetworkBalancerLine,
    /// An access line of CloudFront.
    CloudFrontLine,
    /// A flow of a VPC.
    VpcFlowLine,
    /// A request as Rails or uvicorn logs it.
    WebFrameworkLine,
    /// A line of Apache's error log.
    ApacheErrorLine,
    /// A line of NGINX's error log.
    NginxErrorLine,
    /// A line of the authentication log.
    AuthLine,
    /// A syslog line, by its priority.
    SyslogLine,
    /// An exception or a piece of a stack trace in the line.
    ExceptionLine,
    /// A level word of error or worse in the line.
    ErrorWord,
    /// A level word of trace in the line.
    TraceWord,
    /// Nothing else held.
    Otherwise,
}

impl Rule {
    /// The name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::OwnField => "own-field",
            Rule::AuditFields => "audit-fields",
            Rule::AccessFields => "access-fields",
            Rule::SpanFields => "span-fields",
            Rule::ErrorLevel => "error-level",
            Rule::StackField => "stack-field",
            Rule::TraceLevel => "trace-level",
            Rule::ActivityFields => "activity-fields",
            Rule::AccessLine => "access-line",
            Rule::ApplicationBalancerLine => "alb-line",
            Rule::NetworkBalancerLine => "nlb-line",
            Rule::CloudFrontLine => "cloudfront-line",
            Rule::VpcFlowLine => "vpc-flow-line",
            Rule::WebFrameworkLine => "web-framework-line",
            Rule::ApacheErrorLine => "apache-error-line",
            Rule::NginxErrorLine => "nginx-error-line",
            Rule::AuthLine => "auth-line",
            Rule::SyslogLine => "syslog-line",
            Rule::ExceptionLine => "exception-line",
            Rule::ErrorWord => "error-word",
            Rule::TraceWord => "trace-word",
            Rule::Otherwise => "otherwise",
        }
    }
}

/// What a record was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Its log type.
    pub log_type: LogType,
    /// How bad it is, when anything says so.
    pub severity: Option<Severity>,
    /// The rule that decided.
    pub rule: Rule,
    /// The time that stands in the line with its zone.
    pub line_time: Option<Timestamp>,
}

/// The type that a record names itself.
#[must_use]
pub fn own_type(index: &FieldIndex, body: &Composite<'_>) -> Option<LogType> {
    index.get(body, b"log_type").and_then(|value| LogType::from_name(value.as_str_bytes()?))
}

/// The line of a record, with the key under which it stands.
#[must_use]
pub fn line_of<'a>(index: &FieldIndex, body: &Composite<'a>) -> Option<(&'static str, &'a [u8])> {
    index.first_text_of(body, &MESSAGE_KEYS)
}

/// Classifies a record and adds what its line says to `found`. `own` is what [`own_type`] says of it.
#[must_use]
pub fn classify<'a>(
    index: &FieldIndex,
    body: &Composite<'a>,
    own: Option<LogType>,
    line: &'a [u8],
    found: &mut FoundFields<'a>,
) -> Verdict {
    let level = level(index, body);
    let structured = own.map(|log_type| (log_type, Rule::OwnField)).or_else(|| by_fields(index, body, level));
    let Some((log_type, rule)) = structured else { return by_line(line, level, found) };
    let head = SyslogLine::parse(line);
    if let Some(head) = head {
        head.add_to(found);
    }
    if rule == Rule::AuditFields {
        audit_event::add_to(index, body, found);
    }
    // What was sorted before has them.
    if log_type == LogType::Error && rule != Rule::OwnField {
        error_fields::add_to(index, body, line, found);
    }
    let from_status =
        || status(index, body).filter(|_| log_type == LogType::Access).and_then(Severity::from_http_status);
    let by_rule = (rule == Rule::StackField).then_some(Severity::Error);
    let severity = level.or_else(from_status).or(by_rule).or_else(|| by_outcome(found));
    Verdict { log_type, severity, rule, line_time: head.and_then(|head| head.time) }
}

/// A warning when what was tried failed.
fn by_outcome(found: &FoundFields<'_>) -> Option<Severity> {
    (found.get("outcome") == Some(FoundValue::Text(b"failure"))).then_some(Severity::Warn)
}

/// The level that a record gives itself: the first of [`LEVEL_KEYS`] that is there, else the priority of syslog, which is one
/// beside its facility, and journald's.
fn level(index: &FieldIndex, body: &Composite<'_>) -> Option<Severity> {
    match index.first_of(body, &LEVEL_KEYS) {
        Some(("severity", value)) => Severity::from_syslog_value(&value),
        Some((_, value)) => Severity::from_value(&value),
        None => {
            let has_facility = || index.contains(body, b"facility");
            let priority =
                index.get(body, b"PRIORITY").or_else(|| index.get(body, b"priority").filter(|_| has_facility()));
            Severity::from_syslog_value(&priority?)
        }
    }
}

fn by_line<'a>(line: &'a [u8], level: Option<Severity>, found: &mut FoundFields<'a>) -> Verdict {
    let Some(head) = SyslogLine::parse(line) else { return by_text(line, level, found) };
    head.add_to(found);
    let mut verdict = by_syslog(&head, level, found);
    verdict.line_time = verdict.line_time.or(head.time);
    verdict
}

/// A line behind a head of syslog. What the text says of its severity is the program's own word; many programs leave the
/// priority at what the library writes.
fn by_syslog<'a>(head: &SyslogLine<'a>, level: Option<Severity>, found: &mut FoundFields<'a>) -> Verdict {
    let by_priority = head.severity();
    if let Some(auth) = AuthLine::of(head) {
        auth.add_to(found);
        let severity =
            level.or_else(|| auth.severity()).or_else(|| by_outcome(found)).or(by_priority).or(Some(Severity::Info));
        return Verdict { log_type: LogType::Audit, severity, rule: Rule::AuthLine, line_time: None };
    }
    let verdict = by_text(head.text, level, found);
    let severity = verdict.severity.or(by_priority);
    if verdict.rule != Rule::Otherwise {
        return Verdict { severity, ..verdict };
    }
    let is_error = severity.is_some_and(Severity::is_error);
    let log_type = if is_error { LogType::Error } else { LogType::App };
    Verdict { log_type, severity, rule: Rule::SyslogLine, ..verdict }
}

fn by_text<'a>(line: &'a [u8], level: Option<Severity>, found: &mut FoundFields<'a>) -> Verdict {
    let verdict = |log_type, severity, rule| Verdict { log_type, severity, rule, line_time: None };
    if let Some((rule, status, line_time)) = aws_access(line, found) {
        let severity = level.or_else(|| Severity::from_http_status(status?));
        return Verdict { line_time, ..verdict(LogType::Access, severity, rule) };
    }
    if let Some(access) = AccessLine::parse(line) {
        access.add_to(found);
        let severity = level.or_else(|| Severity::from_http_status(access.status));
        return Verdict {
            line_time: access.time_seconds.map(|seconds| Timestamp { seconds, nanoseconds: 0 }),
            ..verdict(LogType::Access, severity, Rule::AccessLine)
        };
    }
    match web_framework::parse(line, found) {
        Some(WebLine::Completed(status)) => {
            let severity = level.or_else(|| Severity::from_http_status(status));
            return verdict(LogType::Access, severity, Rule::WebFrameworkLine);
        }
        Some(WebLine::Started(line_time)) => {
            let severity = level.or_else(|| level::find(line));
            return Verdict { line_time, ..verdict(LogType::App, severity, Rule::WebFrameworkLine) };
        }
        None => {}
    }
    if let Some(nginx) = NginxErrorLine::parse(line) {
        nginx.add_to(found);
        let severity = level.unwrap_or(nginx.severity);
        let log_type = if severity.is_error() { LogType::Error } else { LogType::App };
        return verdict(log_type, Some(severity), Rule::NginxErrorLine);
    }
    if let Some(apache) = ApacheErrorLine::parse(line) {
        apache.add_to(found);
        let severity = level.unwrap_or(apache.severity);
        let log_type = match severity {
            Severity::Trace => LogType::Trace,
            severity if severity.is_error() => LogType::Error,
            _ => LogType::App,
        };
        return verdict(log_type, Some(severity), Rule::ApacheErrorLine);
    }
    let logger = LoggerLine::parse(line);
    if let Some(logger) = logger {
        logger.add_to(found);
    }
    let verdict = |log_type, severity, rule| Verdict {
        line_time: logger.and_then(|logger| logger.time),
        ..verdict(log_type, severity, rule)
    };
    let word = level.or(logger.and_then(|logger| logger.severity)).or_else(|| level::find(line));
    if let Some(exception) = exception::find(line) {
        found.push_text("error_kind", exception.kind);
        found.push_text("error_message", exception.message);
        found.push_text("error_stack", exception.stack);
        let severity = word.filter(|severity| severity.is_error()).unwrap_or(Severity::Error);
        return verdict(LogType::Error, Some(severity), Rule::ExceptionLine);
    }
    match word {
        Some(severity) if severity.is_error() => verdict(LogType::Error, word, Rule::ErrorWord),
        Some(Severity::Trace) => verdict(LogType::Trace, word, Rule::TraceWord),
        _ => verdict(LogType::App, word, Rule::Otherwise),
    }
}

/// An access line of AWS, its status and its time; what its first byte cannot begin is not looked at.
fn aws_access<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<(Rule, Option<i64>, Option<Timestamp>)> {
    match line.first()? {
        b'h' | b'g' | b'w' => {
            load_balancer::alb(line, found).map(|line| (Rule::ApplicationBalancerLine, line.status, line.time))
        }
        b't' => load_balancer::nlb(line, found).map(|line| (Rule::NetworkBalancerLine, line.status, line.time)),
        b'0'..=b'9' => cloudfront::parse(line, found)
            .map(|line| (Rule::CloudFrontLine, Some(line.status), Some(line.time)))
            .or_else(|| vpc_flow::parse(line, found).map(|time| (Rule::VpcFlowLine, None, Some(time)))),
        _ => None,
    }
}

fn by_fields(index: &FieldIndex, body: &Composite<'_>, level: Option<Severity>) -> Option<(LogType, Rule)> {
    let has = |key: &str| index.contains(body, key.as_bytes());
    let has_text = |keys: &[&str]| matches!(index.first_of(body, keys), Some((_, Value::Str(_))));
    let has_any = |keys: &[&str]| keys.iter().any(|key| has(key));

    if (has("actor") && has("action")) || (has("eventSource") && has("eventName")) || has("auditID") {
        return Some((LogType::Audit, Rule::AuditFields));
    }
    if status(index, body).is_some() && (has_text(&METHOD_KEYS) || has_text(&PATH_KEYS)) {
        return Some((LogType::Access, Rule::AccessFields));
    }
    if has("span_id") && has_any(&["parent_span_id", "parent_id", "span_name", "duration_ms", "duration", "start_time"])
    {
        return Some((LogType::Trace, Rule::SpanFields));
    }
    match level {
        Some(severity) if severity.is_error() => return Some((LogType::Error, Rule::ErrorLevel)),
        Some(Severity::Trace) => return Some((LogType::Trace, Rule::TraceLevel)),
        _ => {}
    }
    if has_text(&STACK_KEYS) {
        return Some((LogType::Error, Rule::StackField));
    }
    (has_any(&USER_KEYS) && has_text(&EVENT_KEYS)).then_some((LogType::Activity, Rule::ActivityFields))
}

/// The status of a response: a number, or digits as parsers leave them, from 100 to 599.
fn status(index: &FieldIndex, body: &Composite<'_>) -> Option<i64> {
    let (_, value) = index.first_of(body, &STATUS_KEYS)?;
    let status = match value {
        Value::Str(digits) if digits.len() == 3 => std::str::from_utf8(digits).ok()?.parse().ok()?,
        value => value.as_int()?,
    };
    (100..=599).contains(&status).then_some(status)
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
