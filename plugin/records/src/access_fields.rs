//! What a record of a request says under other names than those that fill the columns of access records.
//!
//! Servers and middlewares write it in maps within each other (`req.method` of pino-http, `request.uri` of Caddy), in fields with dots in
//! their names (`http.request.method` of the Elastic Common Schema and of OpenTelemetry), or under names of their own (`RequestMethod` of
//! Traefik, `cs-method` of IIS, `authority` of Envoy, which ECS Service Connect is). What they write:
//! <https://github.com/pinojs/pino-std-serializers>, <https://caddyserver.com/docs/json/logging/>,
//! <https://doc.traefik.io/traefik/observability/access-logs/>, <https://www.elastic.co/docs/reference/ecs/ecs-field-reference>,
//! <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>, <https://docs.datadoghq.com/standard-attributes/>,
//! <https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest>, <https://www.w3.org/TR/WD-logfile.html>.
//!
//! What is found is said once more under a name that fills its column, unless the record has one that does; the record's own fields stay.
//! Datadog takes a `status` for the log's and a `host` for the machine, so these two are found under other names that fill their columns.

use crate::append::{FoundFields, FoundValue};
use crate::classify::status;
use crate::fields::{FieldIndex, KeySet};
use crate::line::combined::split_port;
use crate::line::load_balancer::add_client;
use crate::line::web_framework::go_duration;
use crate::line::words::{decimal, split_request, split_url};
use crate::msgpack::{Composite, Value};

/// A column, the names that fill it as they are, and where else its value may be: a name at the top, which may have dots in it, or the
/// names of maps within each other with dots between them. The first that is there counts.
struct Source {
    column: &'static str,
    /// What it is found as: the column's name, or one of those that fill it.
    name: &'static str,
    filled_by: &'static [&'static str],
    places: &'static [&'static str],
}

const fn source(column: &'static str, filled_by: &'static [&'static str], places: &'static [&'static str]) -> Source {
    Source { column, name: column, filled_by, places }
}

impl Source {
    const fn found_as(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

/// The host that was asked.
const HOST: Source = source(
    "host",
    &["http_host", "server_name"],
    &[
        "req.headers.host",
        "request.host",
        "url.domain",
        "server.address",
        "http.host",
        "RequestHost",
        "authority",
        ":authority",
        "cs-host",
    ],
)
.found_as("http_host");
/// The method, which a line of the request names, too.
const METHOD: Source = source(
    "method",
    &["request_method", "http_method", "verb"],
    &[
        "req.method",
        "request.method",
        "http.request.method",
        "http.request_method",
        "http.method",
        "httpRequest.requestMethod",
        "meta.req.method",
        "RequestMethod",
        "requestMethod",
        "httpMethod",
        "request_verb",
        "cs-method",
    ],
);
/// The protocol.
const PROTOCOL: Source = source(
    "protocol",
    &[],
    &["request.proto", "httpRequest.protocol", "RequestProtocol", "server_protocol", "cs-version"],
);
/// What is behind the path.
const QUERY: Source = source("query", &["query_string"], &["url.query", "cs-uri-query"]);
/// Columns of text.
const TEXTS: [Source; 8] = [
    source(
        "remote_addr",
        &["client_ip", "remote_ip"],
        &[
            "req.remoteAddress",
            "request.client_ip",
            "request.remote_ip",
            "ClientHost",
            "client.ip",
            "client.address",
            "source.ip",
            "network.client.ip",
            "http.client_ip",
            "httpRequest.remoteIp",
            "c-ip",
        ],
    ),
    METHOD,
    HOST,
    PROTOCOL,
    QUERY,
    source(
        "referer",
        &["http_referer", "referrer"],
        &[
            "req.headers.referer",
            "request.headers.Referer",
            "http.request.referrer",
            "http.referer",
            "httpRequest.referer",
            "request_Referer",
            "cs(Referer)",
        ],
    ),
    source(
        "user_agent",
        &["http_user_agent", "agent"],
        &[
            "req.headers.user-agent",
            "request.headers.User-Agent",
            "user_agent.original",
            "http.user_agent",
            "http.useragent",
            "httpRequest.userAgent",
            "meta.req.headers.user-agent",
            "userAgent",
            "request_User-Agent",
            "cs(User-Agent)",
        ],
    ),
    // Which server answered a proxy.
    source("upstream_addr", &[], &["upstream_host", "ServiceAddr"]),
];
/// Paths, which may be addresses with a host, and may have a query.
const PATH: Source = source(
    "path",
    &["uri", "url", "request_uri"],
    &[
        "req.url",
        "request.uri",
        "request.url",
        "request.path",
        "url.path",
        "url.original",
        "url.full",
        "http.target",
        "http.url",
        "http.path",
        "httpRequest.requestUrl",
        "meta.req.url",
        "RequestPath",
        "requestPath",
        "x-envoy-origin-path",
        "request_url",
        "cs-uri-stem",
    ],
);
/// The status of the response.
const STATUS: Source = source(
    "status",
    &["status_code", "http_status", "response_code", "statusCode", "code"],
    &[
        "res.statusCode",
        "res.status",
        "response.statusCode",
        "response.status_code",
        "response.status",
        "http.response.status_code",
        "http.status_code",
        "http.status",
        "httpRequest.status",
        "meta.res.statusCode",
        "DownstreamStatus",
        "elb_status_code",
        "sc-status",
    ],
)
.found_as("http_status");
/// How large the response was.
const BYTES: Source = source(
    "bytes",
    &["body_bytes_sent", "bytes_sent", "size"],
    &[
        "http.response.body.bytes",
        "http.response.bytes",
        "http.response.body.size",
        "network.bytes_written",
        "httpRequest.responseSize",
        "DownstreamContentSize",
        "bytes_out",
        "sc-bytes",
    ],
);
/// How long it took, as Echo and what is written for it say it, beside a `latency` of one unit or another.
const GO_DURATION: &str = "latency_human";
/// The client of Envoy, with its port.
const ENVOY_CLIENT: &str = "downstream_remote_address";
/// Where a record says how long it took, how many milliseconds a one there is, and fields of which one is there, as otherwise it is
/// something else.
type Duration = (&'static str, f64, &'static [&'static str]);
const DURATIONS: [Duration; 9] = [
    ("responseTime", 1.0, &[]),
    ("response-time", 1.0, &[]),
    ("meta.responseTime", 1.0, &[]),
    ("request_time", 1_000.0, &["request", "request_method", "body_bytes_sent", "http_user_agent"]),
    ("event.duration", 1e-6, &[]),
    ("httpRequest.latency", 1_000.0, &[]),
    // Traefik's are nanoseconds, Caddy's seconds, Envoy's milliseconds.
    ("Duration", 1e-6, &["DownstreamStatus"]),
    ("duration", 1_000.0, &["resp_headers"]),
    ("duration", 1.0, &["response_flags", "downstream_remote_address", "upstream_host"]),
];
const DURATION: Source = source("duration_ms", &["latency_ms"], &[]);
/// NGINX's `$request`, which is a request line; of others a map.
const REQUEST: &str = "request";
/// What is at the top of a record of which something may be elsewhere. Records that are no requests have some of the outer names too,
/// and requests whose names are those of the columns: such names are not among these.
const OUTER: KeySet = KeySet::new(&[
    "req",
    "request",
    "res",
    "response",
    "http",
    "httpRequest",
    "meta",
    "client",
    "network",
    "client.ip",
    "client.address",
    "source.ip",
    "network.client.ip",
    "network.bytes_written",
    "http.client_ip",
    "http.request.method",
    "http.request_method",
    "http.method",
    "http.host",
    "http.request.referrer",
    "http.referer",
    "http.user_agent",
    "http.useragent",
    "http.target",
    "http.url",
    "http.path",
    "http.response.status_code",
    "http.status_code",
    "http.status",
    "http.response.body.bytes",
    "http.response.body.size",
    "http.response.bytes",
    "request.method",
    "response.status",
    "response.status_code",
    "url.domain",
    "server.address",
    "url.path",
    "url.query",
    "url.original",
    "url.full",
    "user_agent.original",
    "event.duration",
    "ClientHost",
    "RequestMethod",
    "RequestHost",
    "RequestPath",
    "RequestProtocol",
    "DownstreamStatus",
    "DownstreamContentSize",
    "Duration",
    "request_User-Agent",
    "request_Referer",
    "requestMethod",
    "requestPath",
    "httpMethod",
    "userAgent",
    "responseTime",
    "response-time",
    "request_time",
    "response_flags",
    "authority",
    "upstream_host",
    "downstream_remote_address",
    "x-envoy-origin-path",
    ":authority",
    "ServiceAddr",
    "latency_human",
    "bytes_out",
    "server_protocol",
    "request_verb",
    "request_url",
    "elb_status_code",
    "c-ip",
    "cs-method",
    "cs-host",
    "cs-version",
    "cs-uri-stem",
    "cs-uri-query",
    "cs(Referer)",
    "cs(User-Agent)",
    "sc-status",
    "sc-bytes",
]);

/// A record's keys and the record.
type Record<'i, 'a> = (&'i FieldIndex, &'i Composite<'a>);

impl Source {
    /// Whether the record, or what was found, fills the column already with what `read` takes.
    fn is_filled<'a, T>(
        &self,
        (index, body): Record<'_, 'a>,
        found: &FoundFields<'a>,
        read: impl Fn(Value<'a>) -> Option<T>,
    ) -> bool {
        let fills = |name: &&str| index.get(body, name.as_bytes()).is_some_and(|value| read(value).is_some());
        // A name that is taken cannot be given.
        index.contains(self.column.as_bytes())
            || index.contains(self.name.as_bytes())
            || self.filled_by.iter().any(fills)
            || found.get(self.name).is_some()
    }

    /// The first place where something is that `read` takes, unless the column is filled.
    fn find<'a, T>(
        &self,
        record: Record<'_, 'a>,
        found: &FoundFields<'a>,
        read: impl Fn(Value<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = |path: &&str| read(record.0.at_path(record.1, path)?);
        if self.is_filled(record, found, &read) { None } else { self.places.iter().find_map(value) }
    }
}

/// Adds what the record says elsewhere.
pub(crate) fn add_to<'a>(index: &FieldIndex, body: &Composite<'a>, found: &mut FoundFields<'a>) {
    if index.has_any(&OUTER) {
        add_all(index, body, found);
    }
}

#[inline(never)]
fn add_all<'a>(index: &FieldIndex, body: &Composite<'a>, found: &mut FoundFields<'a>) {
    let record = (index, body);
    for source in &TEXTS {
        if let Some(text) = source.find(record, found, text) {
            // What the client asked for may have a port, which addresses of requests lose, too.
            let host = split_port(text).filter(|_| source.column == HOST.column);
            found.push_text(source.name, host.map_or(text, |(host, _)| host));
        }
    }
    let [client, ..] = &TEXTS;
    if let Some(address) = index.get(body, ENVOY_CLIENT.as_bytes()).and_then(text)
        && !client.is_filled(record, found, text)
    {
        add_client(address, found);
    }
    let request = index.get(body, REQUEST.as_bytes()).and_then(|value| split_request(value.as_str_bytes()?));
    let (method, target, protocol) = request.unwrap_or_default();
    let target =
        if PATH.is_filled(record, found, text) { b"" } else { PATH.find(record, found, text).unwrap_or(target) };
    let (host, path, query) = split_url(target);
    for (source, part) in [(METHOD, method), (PROTOCOL, protocol), (PATH, path), (QUERY, query), (HOST, host)] {
        if !source.is_filled(record, found, text) {
            found.push_text(source.name, part);
        }
    }
    let size = BYTES.find(record, found, whole_number);
    for (source, number) in [(STATUS, STATUS.find(record, found, |value| status(&value))), (BYTES, size)] {
        if let Some(number) = number {
            found.push(source.name, FoundValue::Int(number));
        }
    }
    let is_beside = |names: &[&str]| names.is_empty() || names.iter().any(|name| index.contains(name.as_bytes()));
    let milliseconds = |(place, unit, beside): &Duration| {
        let number = index.at_path(body, place).filter(|_| is_beside(beside)).and_then(number)?;
        Some(number * unit).filter(|milliseconds| milliseconds.is_finite() && *milliseconds >= 0.0)
    };
    let human = || go_duration(index.get(body, GO_DURATION.as_bytes())?.as_str_bytes()?);
    if !DURATION.is_filled(record, found, number)
        && let Some(milliseconds) = DURATIONS.iter().find_map(milliseconds).or_else(human)
    {
        found.push(DURATION.column, FoundValue::Float(milliseconds));
    }
}

/// Text that says something, or the first one of a list, as HTTP's headers may be written.
fn text(value: Value<'_>) -> Option<&[u8]> {
    let text = match value {
        Value::Array(list) => list.elements().next()?.as_str_bytes()?,
        value => value.as_str_bytes()?,
    };
    Some(text).filter(|text| !text.is_empty() && *text != b"-")
}

fn whole_number(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Str(digits) => decimal(digits),
        value => value.as_int().filter(|number| *number >= 0),
    }
}

/// A number, or one written as text, with or without Google's `s` of seconds behind it.
fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::F32(number) => Some(f64::from(number)),
        Value::F64(number) => Some(number),
        Value::Str(text) => {
            let digits = text.strip_suffix(b"s").unwrap_or(text);
            let is_number = digits.len() <= 32 && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
            std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
        }
        value => value.as_int().map(|number| number as f64),
    }
}

#[cfg(test)]
#[path = "access_fields_tests.rs"]
mod tests;
