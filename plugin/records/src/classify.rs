//! What a record says of itself, by its fields and by its line; the [`crate::rules`] judge it by that.

use crate::access_fields;
use crate::append::{FoundFields, FoundValue};
use crate::audit_event;
use crate::error_fields;
use crate::event::Timestamp;
use crate::fields::{FieldIndex, KeySet};
use crate::line::apache_error::ApacheErrorLine;
use crate::line::auth::AuthLine;
use crate::line::combined::AccessLine;
use crate::line::logger::LoggerLine;
use crate::line::nginx_error::NginxErrorLine;
use crate::line::syslog::SyslogLine;
use crate::line::web_framework::{self, WebLine};
use crate::line::{LineFormat, LineFormats, cloudfront, exception, level, load_balancer, proxy, vpc_flow};
use crate::log_type::LogType;
use crate::msgpack::{Composite, Value};
use crate::rules::{RuleId, RuleSet};
use crate::severity::Severity;

/// Keys under which the log line or the message stands, the first one that is text counts. `log` is Docker's and
/// FireLens'.
pub const MESSAGE_KEYS: [&str; 3] = ["log", "message", "msg"];
/// Keys under which loggers write a level. A number under `severity` may be syslog's.
///
/// After those of most loggers: ECS' (<https://www.elastic.co/docs/reference/ecs/ecs-log>), OpenTelemetry's
/// (<https://opentelemetry.io/docs/specs/otel/logs/data-model/>) as JSON and as columns, HashiCorp's, .NET's console
/// (<https://learn.microsoft.com/dotnet/core/extensions/console-log-formatter>), Serilog's compact form and its plain one
/// (<https://github.com/serilog/serilog-formatting-compact>).
pub const LEVEL_KEYS: &[&str] = match LEVEL_NAMES.split_last_chunk::<2>() {
    Some((keys, _)) => keys,
    None => &[],
};
/// The keys of which one is there when a record gives itself a level: those above, and those of syslog and journald.
const LEVEL_NAMES: [&str; 15] = [
    "severity",
    "level",
    "log_level",
    "loglevel",
    "levelname",
    "lvl",
    "log.level",
    "severityText",
    "severity_text",
    "@level",
    "LogLevel",
    "@l",
    "Level",
    "PRIORITY",
    "priority",
];
pub(crate) const LEVEL_FIELDS: KeySet = KeySet::new(&LEVEL_NAMES);
/// A key of GELF's records (<https://go2docs.graylog.org/current/getting_in_log_data/gelf.html>), whose `level` is syslog's.
const GELF_KEY: &[u8] = b"short_message";
/// Keys of the status of a response.
pub const STATUS_KEYS: [&str; 9] = [
    "status",
    "status_code",
    "http_status",
    "response_code",
    "statusCode",
    "DownstreamStatus",
    "elb_status_code",
    "sc-status",
    "code",
];
/// Where that status is when none of these is there, as names with dots in them or as names of maps within each other.
const NESTED_STATUS: [&str; 10] = [
    "http.status",
    "http.status_code",
    "http.response.status_code",
    "response.status",
    "response.status_code",
    "response.statusCode",
    "res.statusCode",
    "res.status",
    "httpRequest.status",
    "meta.res.statusCode",
];
pub(crate) const MESSAGE: KeySet = KeySet::new(&MESSAGE_KEYS);

/// What a record was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Its log type.
    pub log_type: LogType,
    /// How bad it is, when anything says so.
    pub severity: Option<Severity>,
    /// The rule that decided.
    pub rule: RuleId,
    /// The time that stands in the line with its zone.
    pub line_time: Option<Timestamp>,
    /// Whether it is kept.
    pub fate: Fate,
}

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Kept,
    /// A rule says `drop`.
    Dropped,
    /// A rule says `sample`, and it is not among those that are kept.
    SampledOut,
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineReading {
    /// What it is written as.
    pub formats: LineFormats,
    /// The record's level, or else what the line says of it.
    pub severity: Option<Severity>,
    /// The time that stands in it with its zone.
    pub line_time: Option<Timestamp>,
}

/// The type that a record names itself, when the rules know it.
#[must_use]
pub fn own_type(index: &FieldIndex, body: &Composite<'_>, rules: &RuleSet) -> Option<LogType> {
    index.get(body, b"log_type").and_then(|value| rules.log_type(value.as_str_bytes()?))
}

/// The line of a record, with the key under which it stands.
#[must_use]
pub fn line_of<'a>(index: &FieldIndex, body: &Composite<'a>) -> Option<(&'static str, &'a [u8])> {
    index.first_text_of(body, &MESSAGE)
}

/// Where the level is that a record gives itself, as its keys say: the first of [`LEVEL_KEYS`] that is there, else the priority of
/// syslog, which is one beside its facility, and journald's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LevelPlace {
    /// There is none.
    #[default]
    Nowhere,
    /// It is the value of that key, counted from the first.
    Key(usize),
    /// As above, and a small number there is syslog's.
    SyslogKey(usize),
}

impl LevelPlace {
    /// The first place in a record with the keys that the index holds.
    pub(crate) fn of(index: &FieldIndex) -> Self {
        Self::all(index).next().unwrap_or_default()
    }

    /// All of them, the one that counts first.
    pub(crate) fn all(index: &FieldIndex) -> impl Iterator<Item = Self> {
        let of_key = |key: &&str| {
            let place = index.place(key.as_bytes())?;
            let is_syslogs = *key == "severity" || *key == "level" && index.contains(GELF_KEY);
            Some(if is_syslogs { Self::SyslogKey(place) } else { Self::Key(place) })
        };
        let priority = || {
            let beside_facility = || index.place(b"priority").filter(|_| index.contains(b"facility"));
            index.place(b"PRIORITY").or_else(beside_facility).map(Self::SyslogKey)
        };
        let keys = if index.has_any(&LEVEL_FIELDS) { LEVEL_KEYS } else { &[] };
        keys.iter().filter_map(of_key).chain((!keys.is_empty()).then(priority).flatten())
    }
}

/// A warning when what was tried failed.
pub(crate) fn by_outcome(found: &FoundFields<'_>) -> Option<Severity> {
    (found.get("outcome") == Some(FoundValue::Text(b"failure"))).then_some(Severity::Warn)
}

/// Adds what a record with fields says elsewhere of what its type's columns hold: who did what in an audit event, what
/// went wrong in an error, what was asked for in a request. A record whose line was read has that from there.
#[inline]
pub(crate) fn lift<'a>(
    log_type: LogType,
    index: &FieldIndex,
    body: &Composite<'a>,
    line: &'a [u8],
    found: &mut FoundFields<'a>,
) {
    match log_type {
        LogType::Audit => audit_event::add_to(index, body, found),
        LogType::Error => error_fields::add_to(index, body, line, found),
        LogType::Access => access_fields::add_to(index, body, found),
        _ => {}
    }
}

/// Reads the head of syslog, if there is one, and adds what it says to `found`.
#[inline]
pub(crate) fn read_head<'a>(line: &'a [u8], found: &mut FoundFields<'a>) -> Option<Timestamp> {
    let head = SyslogLine::parse(line)?;
    head.add_to(found);
    head.time
}

/// Reads a line and adds what it says to `found`. `level` is the level that the record gives itself.
pub(crate) fn read_line<'a>(line: &'a [u8], level: Option<Severity>, found: &mut FoundFields<'a>) -> LineReading {
    let Some(head) = SyslogLine::parse(line) else { return read_text(line, level, found) };
    head.add_to(found);
    let mut reading = read_behind_syslog(&head, level, found);
    reading.line_time = reading.line_time.or(head.time);
    reading
}

/// A line behind a head of syslog. What the text says of its severity is the program's own word; many programs leave the
/// priority at what the library writes.
fn read_behind_syslog<'a>(head: &SyslogLine<'a>, level: Option<Severity>, found: &mut FoundFields<'a>) -> LineReading {
    let by_priority = head.severity();
    let syslog = LineFormats::default().with(LineFormat::Syslog);
    if let Some(auth) = AuthLine::of(head) {
        auth.add_to(found);
        // What failed is at least a warning, and more when the priority says so.
        let by_outcome = || by_outcome(found).max(by_priority);
        let severity = level.or_else(|| auth.severity()).or_else(by_outcome).or(Some(Severity::Info));
        return LineReading { formats: syslog.with(LineFormat::Auth), severity, line_time: None };
    }
    let reading = read_text(head.text, level, found);
    let formats = reading.formats.with(LineFormat::Syslog);
    LineReading { formats, severity: reading.severity.or(by_priority), ..reading }
}

fn read_text<'a>(line: &'a [u8], level: Option<Severity>, found: &mut FoundFields<'a>) -> LineReading {
    let reading =
        |format, severity, line_time| LineReading { formats: LineFormats::default().with(format), severity, line_time };
    if let Some((format, status, line_time)) = proxy_access(line, found) {
        return reading(format, level.or_else(|| Severity::from_http_status(status?)), line_time);
    }
    if let Some(access) = AccessLine::parse(line) {
        access.add_to(found);
        let time = access.time_seconds.map(|seconds| Timestamp { seconds, nanoseconds: 0 });
        return reading(LineFormat::Access, level.or_else(|| Severity::from_http_status(access.status)), time);
    }
    match web_framework::parse(line, found) {
        Some(WebLine::Completed(status)) => {
            return reading(LineFormat::WebRequest, level.or_else(|| Severity::from_http_status(status?)), None);
        }
        Some(WebLine::Started(line_time)) => {
            return reading(LineFormat::WebStart, level.or_else(|| level::find(line)), line_time);
        }
        None => {}
    }
    if let Some(nginx) = NginxErrorLine::parse(line) {
        nginx.add_to(found);
        return reading(LineFormat::NginxError, Some(level.unwrap_or(nginx.severity)), None);
    }
    if let Some(apache) = ApacheErrorLine::parse(line) {
        apache.add_to(found);
        return reading(LineFormat::ApacheError, Some(level.unwrap_or(apache.severity)), None);
    }
    let logger = LoggerLine::parse(line);
    if let Some(logger) = logger {
        logger.add_to(found);
    }
    let line_time = logger.and_then(|logger| logger.time);
    let word = level.or(logger.and_then(|logger| logger.severity)).or_else(|| level::find(line));
    if let Some(exception) = exception::find(line) {
        found.push_text("error_kind", exception.kind);
        found.push_text("error_message", exception.message);
        found.push_text("error_stack", exception.stack);
        let severity = word.filter(|severity| severity.is_error()).unwrap_or(Severity::Error);
        return reading(LineFormat::Exception, Some(severity), line_time);
    }
    match logger {
        Some(_) => reading(LineFormat::Logger, word, line_time),
        None => LineReading { severity: word, ..LineReading::default() },
    }
}

/// An access line of AWS, Envoy or HAProxy, its status and its time; what its first byte cannot begin is not looked at.
fn proxy_access<'a>(
    line: &'a [u8],
    found: &mut FoundFields<'a>,
) -> Option<(LineFormat, Option<i64>, Option<Timestamp>)> {
    let of_aws = match line.first()? {
        b'[' => return proxy::envoy(line, found).map(|line| (LineFormat::Envoy, line.status, line.time)),
        b'h' | b'g' | b'w' => load_balancer::alb(line, found).map(|line| (LineFormat::Alb, line.status, line.time)),
        b't' => load_balancer::nlb(line, found).map(|line| (LineFormat::Nlb, line.status, line.time)),
        b'0'..=b'9' => cloudfront::parse(line, found)
            .map(|line| (LineFormat::CloudFront, Some(line.status), Some(line.time)))
            .or_else(|| vpc_flow::parse(line, found).map(|time| (LineFormat::VpcFlow, None, Some(time)))),
        _ => None,
    };
    // The address of a client, with its port, or a priority; a client on this machine is `unix`.
    match line.first()? {
        b'0'..=b'9' | b'a'..=b'f' | b':' | b'u' | b'<' if of_aws.is_none() => {
            proxy::haproxy(line, found).map(|line| (LineFormat::Haproxy, line.status, line.time))
        }
        _ => of_aws,
    }
}

/// Where the status of a response is, as the record's keys say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum StatusPlace {
    /// There is none.
    #[default]
    Nowhere,
    /// It is the value of that key, counted from the first: of the first of [`STATUS_KEYS`] that is there.
    Key(usize),
    /// It is one of [`NESTED_STATUS`], or there is none: that depends on the record.
    Nested,
}

impl StatusPlace {
    /// The place in a record with the keys that the index holds.
    pub(crate) fn of(index: &FieldIndex) -> Self {
        let outer = |path: &str| path.split_once('.').is_some_and(|(outer, _)| index.contains(outer.as_bytes()));
        match STATUS_KEYS.iter().find_map(|key| index.place(key.as_bytes())) {
            Some(place) => Self::Key(place),
            None if NESTED_STATUS.iter().any(|path| index.contains(path.as_bytes()) || outer(path)) => Self::Nested,
            None => Self::Nowhere,
        }
    }
}

/// The first status of a response anywhere: that under another key may be none, and hides no other.
#[cold]
pub(crate) fn any_status(index: &FieldIndex, body: &Composite<'_>) -> Option<i64> {
    let status_at = |path: &&str| status(&index.at_path(body, path)?);
    STATUS_KEYS.iter().chain(&NESTED_STATUS).find_map(status_at)
}

/// The status of a response: a number, or digits as parsers leave them, from 100 to 599.
pub(crate) fn status(value: &Value<'_>) -> Option<i64> {
    let status = match value {
        Value::Str(digits) if digits.len() == 3 => std::str::from_utf8(digits).ok()?.parse().ok()?,
        value => value.as_int()?,
    };
    (100..=599).contains(&status).then_some(status)
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
