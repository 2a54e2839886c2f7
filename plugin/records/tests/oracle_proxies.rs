//! Access lines of proxies against an expression for each: what the expression takes the parser takes, field for field.
//!
//! The expressions want quotes only where the formats have them; what clients write into the fields is in the parser's own tests.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod oracle;

use oracle::*;
use proptest::prelude::*;
use shiwake_records::append::FoundFields;
use shiwake_records::line::proxy;

const ENVOY: &str = r#"^\[(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})[.][0-9]{3}Z\] "(?P<request>[^"]* (?:HTTP/[^" ]*|-))" (?P<status>0|[1-5][0-9]{2}) (?:(?P<response_flags>[^ "]+) (?:(?P<response_code_details>[^ "]+) (?P<connection_termination_details>[^ "]+) "(?P<upstream_transport_failure_reason>[^"]*)" )?)?(?P<received_bytes>[0-9]{1,18}) (?P<bytes>[0-9]{1,18}) (?P<duration_ms>[0-9]{1,18}) (?P<upstream_service_time>[0-9]{1,18}|-) "(?P<x_forwarded_for>[^"]*)" "(?P<user_agent>[^"]*)" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" "(?:tcp://)?(?P<upstream_addr>-|/[^"]*|(?:[^":]+|[^"]*\]):0*(?:[0-9]{1,4}|[1-5][0-9]{4}))"(?: (?P<tail>[^"]*))?$"#;
const HAPROXY: &str = r#"^(?P<remote_addr>[^ <]+):(?P<client_port>[0-9]{1,18}) \[[0-9]{2}/(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}\] (?P<frontend_name>[^ ]*?)~? (?P<backend_name>[^ /]*)/(?P<backend_server>[^ ]*) (?:(?P<request_times>(?:(?:-1|[+]?[0-9]{1,18})/){4}(?:-1|[+]?[0-9]{1,18})) (?P<status>-1|[1-5][0-9]{2}) (?P<bytes>-1|[+]?[0-9]{1,18}) [^ ]* [^ ]* (?P<state>[^ ]{4})|(?P<connection_times>(?:(?:-1|[+]?[0-9]{1,18})/){2}(?:-1|[+]?[0-9]{1,18})) (?P<connection_bytes>-1|[+]?[0-9]{1,18}) (?P<connection_state>[^ ]{2})) (?:[+]?[0-9]{1,18}/){4}[+]?[0-9]{1,18} [+]?[0-9]{1,18}/[+]?[0-9]{1,18}(?: (?P<more>.*))?$"#;

type Parse = for<'a> fn(&'a [u8], &mut FoundFields<'a>) -> Option<proxy::ProxyLine>;

fn parsed(line: &[u8], parse: Parse) -> Option<Fields> {
    let mut found = FoundFields::default();
    parse(line, &mut found).map(|_| fields(&found))
}

/// Host and port of `host:port`, or a host alone; one with colons has brackets in front of a port.
fn host_and_port(text: &str) -> (String, String) {
    let form = pattern(r"^([^:]+|.*\]):([0-9]{1,18})$");
    let captures = form.captures(text.as_bytes());
    let parts = captures.map(|parts| (show(&parts[1]), show(&parts[2])));
    parts
        .filter(|(_, port)| port.parse::<u64>().is_ok_and(|port| port <= 65_535))
        .unwrap_or((text.to_owned(), String::new()))
}

/// `address:port`, or an address.
fn put_client(fields: &mut Fields, client: &str) {
    let (address, port) = host_and_port(client);
    let inner = address.strip_prefix('[').and_then(|address| address.strip_suffix(']'));
    put(fields, "remote_addr", inner.unwrap_or(&address));
    put(fields, "client_port", port);
}

fn envoy_oracle(line: &[u8]) -> Option<Fields> {
    let captures = pattern(ENVOY).captures(line)?;
    let number = |name: &str| group(&captures, name).parse::<i64>().unwrap();
    let date = (number("year"), number("month"), number("day"));
    seconds_of(date, (number("hour"), number("minute"), number("second")), 0)?;
    let request = group(&captures, "request");
    let mut fields = Fields::new();
    put_request(&mut fields, &request);
    for name in pattern(ENVOY).capture_names().flatten().filter(|name| {
        !["year", "month", "day", "hour", "minute", "second", "request", "status", "tail", "authority"].contains(name)
    }) {
        let text = group(&captures, name);
        let is_number = ["received_bytes", "bytes", "duration_ms", "upstream_service_time"].contains(&name);
        put(
            &mut fields,
            name,
            text.parse::<i64>().ok().filter(|_| is_number).map_or(text, |number| number.to_string()),
        );
    }
    put(&mut fields, "host", host_and_port(&group(&captures, "authority")).0);
    if number("status") != 0 {
        put(&mut fields, "status", number("status").to_string());
    }
    let tail = group(&captures, "tail");
    let words: Vec<&str> = tail.trim_ascii().split(' ').collect();
    if let [cluster, local, downstream, remote, server_name, route] = words[..] {
        for (name, text) in [
            ("upstream_cluster", cluster),
            ("upstream_local_address", local),
            ("downstream_local_address", downstream),
            ("requested_server_name", server_name),
            ("route_name", route),
        ] {
            put(&mut fields, name, text);
        }
        put_client(&mut fields, remote);
    } else {
        put(&mut fields, "unknown_fields", tail.trim_ascii());
    }
    (!request.contains("://")).then_some(fields)
}

fn haproxy_oracle(line: &[u8]) -> Option<Fields> {
    let captures = pattern(HAPROXY).captures(line.trim_ascii_end())?;
    let mut fields = Fields::new();
    for name in ["remote_addr", "client_port", "frontend_name", "backend_name", "backend_server"] {
        put(&mut fields, name, group(&captures, name));
    }
    let (prefix, times, names) = match captures.name("request_times") {
        Some(times) => ("", times, &["request_ms", "queue_ms", "connect_ms", "response_ms", "duration_ms"][..]),
        None => ("connection_", captures.name("connection_times")?, &["queue_ms", "connect_ms", "duration_ms"][..]),
    };
    let put_number = |fields: &mut Fields, name: &str, text: &str, least: i64| {
        let number = text.trim_start_matches('+').parse::<i64>().ok().filter(|number| *number >= least);
        put(fields, name, number.map_or(String::new(), |number| number.to_string()));
    };
    for (name, time) in names.iter().zip(show(times.as_bytes()).split('/')) {
        put_number(&mut fields, name, time, 0);
    }
    put_number(&mut fields, "status", &group(&captures, "status"), 1);
    put_number(&mut fields, "bytes", &group(&captures, &format!("{prefix}bytes")), 0);
    let state = group(&captures, &format!("{prefix}state"));
    put(&mut fields, "termination_state", if state.trim_matches('-').is_empty() { "" } else { &state });
    let more = group(&captures, "more");
    let mut quoted = more.splitn(3, '"').skip(1);
    let request = quoted.next().unwrap_or_default();
    put_request(&mut fields, request);
    let mut words = quoted.next().unwrap_or_default().trim_ascii().split(' ');
    let is_security = words.next().is_some_and(|errors| errors.split('/').count() == 5) && prefix.is_empty();
    let security: Vec<&str> = words.next().unwrap_or_default().rsplitn(3, '/').collect();
    if let [cipher, protocol, name] = security[..]
        && is_security
    {
        for (column, text) in [("domain_name", name), ("tls_protocol", protocol), ("tls_cipher", cipher)] {
            put(&mut fields, column, text);
        }
    }
    (!request.contains("://")).then_some(fields)
}

/// The lines; heads of syslog are taken off before the parser sees them.
fn samples() -> Vec<Vec<u8>> {
    let behind_head = |line: Vec<u8>| {
        let text = show(&line);
        text.split_once("]: ")
            .filter(|_| text.contains("haproxy["))
            .map_or(line.clone(), |(_, rest)| rest.as_bytes().to_vec())
    };
    lines("formats/proxy.log").into_iter().map(behind_head).collect()
}

#[test]
fn lines_of_proxies_are_as_their_expressions_say() {
    let (mut of_envoy, mut of_haproxy) = (0, 0);
    for line in samples() {
        assert_eq!(parsed(&line, proxy::haproxy), haproxy_oracle(&line), "{}", show(&line));
        of_haproxy += usize::from(haproxy_oracle(&line).is_some());
        // A client wrote quotes into one of them.
        if !show(&line).contains("\"quoted\"") {
            assert_eq!(parsed(&line, proxy::envoy), envoy_oracle(&line), "{}", show(&line));
            of_envoy += usize::from(envoy_oracle(&line).is_some());
        }
    }
    assert_eq!((of_envoy, of_haproxy), (4, 4));
}

proptest! {
    #[test]
    fn changed_lines_of_proxies_are_as_their_expressions_say(line in changed(samples())) {
        // Other white space than spaces parts no words here and is trimmed there.
        if std::str::from_utf8(&line).is_ok_and(|text| !text.contains(['\t', '\n', '\r', '\x0c'])) {
            if let Some(expected) = envoy_oracle(&line) {
                prop_assert_eq!(parsed(&line, proxy::envoy), Some(expected), "{}", show(&line));
            }
            if let Some(expected) = haproxy_oracle(&line) {
                prop_assert_eq!(parsed(&line, proxy::haproxy), Some(expected), "{}", show(&line));
            }
        }
    }
}
