#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::append::FoundValue;
use proptest::prelude::*;

const ENVOY: &str = r#"[2016-04-15T20:17:00.310Z] "POST /api/v1/locations?a=b HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations:80" "tcp://10.0.2.1:80""#;
const ISTIO: &str = r#"[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 UF via_upstream - "a "b" 0 135 4 3 "-" "curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "127.0.0.1:80" inbound|8000|| 127.0.0.1:41854 10.44.1.27:80 10.44.1.23:37652 outbound_.8000_._.httpbin.foo.svc.cluster.local default"#;
const HAPROXY: &str = r#"10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in~ static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html?a=b HTTP/1.1""#;

fn fields(
    line: &str,
    parse: for<'a> fn(&'a [u8], &mut FoundFields<'a>) -> Option<ProxyLine>,
) -> Option<(ProxyLine, Vec<(String, String)>)> {
    let mut found = FoundFields::default();
    let parsed = parse(line.as_bytes(), &mut found);
    let text = |value: &FoundValue<'_>| match value {
        FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
        FoundValue::Int(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let fields = found.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect::<Vec<_>>();
    assert!(parsed.is_some() || fields.is_empty(), "{line}: {fields:?}");
    Some((parsed?, fields))
}

#[track_caller]
fn check(
    line: &str,
    parse: for<'a> fn(&'a [u8], &mut FoundFields<'a>) -> Option<ProxyLine>,
    status: Option<i64>,
    expected: &[(&str, &str)],
) {
    let (parsed, fields) = fields(line, parse).unwrap_or_else(|| panic!("{line}"));
    assert_eq!(parsed.status, status, "{line}");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(fields, expected, "{line}");
}

#[test]
fn every_field_of_envoy_is_named() {
    let request = [
        ("host", "locations"),
        ("method", "POST"),
        ("path", "/api/v1/locations"),
        ("query", "a=b"),
        ("protocol", "HTTP/2"),
        ("status", "204"),
    ];
    let rest = [
        ("received_bytes", "154"),
        ("bytes", "0"),
        ("duration_ms", "226"),
        ("upstream_service_time", "100"),
        ("x_forwarded_for", "10.0.35.28"),
        ("user_agent", "nsq2http"),
        ("request_id", "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2"),
        ("upstream_addr", "10.0.2.1:80"),
    ];
    check(ENVOY, envoy, Some(204), &[&request[..], &rest].concat());
    let (parsed, _) = fields(ENVOY, envoy).unwrap();
    assert_eq!(parsed.time, Some(Timestamp { seconds: 1_460_751_420, nanoseconds: 310_000_000 }));
    let flags = [("response_flags", "UH,URX")];
    check(&ENVOY.replace("204 -", "204 UH,URX"), envoy, Some(204), &[&request[..], &flags, &rest].concat());
    // ECS Service Connect.
    check(&ENVOY.replace("204 -", "204"), envoy, Some(204), &[&request[..], &rest].concat());
    let more = [("unknown_fields", "1 2 3")];
    check(&format!("{ENVOY} 1 2 3\n"), envoy, Some(204), &[&request[..], &rest, &more].concat());
    let more = [("unknown_fields", "\"10.0.0.7\" x \"y z\"")];
    check(&format!("{ENVOY} \"10.0.0.7\" x \"y z\""), envoy, Some(204), &[&request[..], &rest, &more].concat());
}

#[test]
fn istio_says_more_of_a_request() {
    check(
        ISTIO,
        envoy,
        Some(418),
        &[
            ("host", "httpbin"),
            ("method", "GET"),
            ("path", "/status/418"),
            ("protocol", "HTTP/1.1"),
            ("status", "418"),
            ("response_flags", "UF"),
            ("response_code_details", "via_upstream"),
            ("upstream_transport_failure_reason", "a \"b"),
            ("received_bytes", "0"),
            ("bytes", "135"),
            ("duration_ms", "4"),
            ("upstream_service_time", "3"),
            ("user_agent", "curl/7.73.0-DEV"),
            ("request_id", "84961386-6d84-929d-98bd-c5aee93b5c88"),
            ("upstream_addr", "127.0.0.1:80"),
            ("upstream_cluster", "inbound|8000||"),
            ("upstream_local_address", "127.0.0.1:41854"),
            ("downstream_local_address", "10.44.1.27:80"),
            ("remote_addr", "10.44.1.23"),
            ("client_port", "37652"),
            ("requested_server_name", "outbound_.8000_._.httpbin.foo.svc.cluster.local"),
            ("route_name", "default"),
        ],
    );
}

#[test]
fn a_client_that_writes_quotes_moves_no_field_of_envoy() {
    let names = |line: &str| fields(line, envoy).unwrap().1;
    let plain = names(ENVOY);
    for agent in ["a \"q\" b", "a\" \"b", "\"", "\" 200 - 1 2 3 4 \"", "\" \" \" "] {
        let changed = names(&ENVOY.replace("nsq2http", agent));
        let is_agent = |(name, _): &&(String, String)| name == "user_agent";
        assert_eq!(changed.iter().find(is_agent).map(|(_, text)| text.as_str()), Some(agent));
        assert!(
            changed.iter().filter(|field| !is_agent(field)).eq(plain.iter().filter(|field| !is_agent(field))),
            "{agent}"
        );
    }
    let forged = names(&ENVOY.replace("HTTP/2\"", "\" 403 - 1 2 3 4 \"x HTTP/2\"").replace("/api/v1", "http://evil"));
    let status =
        forged.iter().filter(|(name, text)| name == "status" && text == "204" || name == "host" && text == "locations");
    assert_eq!(status.count(), 2, "{forged:?}");
    let quoted = names(&ENVOY.replace("locations?a=b", "locations\"?a=\"b"));
    assert!(quoted.contains(&("path".to_owned(), "/api/v1/locations\"".to_owned())));
}

#[test]
fn connections_and_requests_without_an_answer_have_no_status() {
    let line = ENVOY.replace("POST /api/v1/locations?a=b HTTP/2", "- - -").replace("204 -", "0 DC");
    let (parsed, found) = fields(&line, envoy).unwrap();
    assert_eq!(parsed.status, None);
    assert!(!found.iter().any(|(name, _)| ["method", "path", "status"].contains(&name.as_str())), "{found:?}");
}

#[test]
fn every_field_of_haproxy_is_named() {
    let head = [
        ("remote_addr", "10.0.1.2"),
        ("client_port", "33317"),
        ("frontend_name", "http-in"),
        ("backend_name", "static"),
        ("backend_server", "srv1"),
    ];
    let times = [
        ("request_ms", "10"),
        ("queue_ms", "0"),
        ("connect_ms", "30"),
        ("response_ms", "69"),
        ("duration_ms", "109"),
        ("status", "200"),
        ("bytes", "2750"),
    ];
    let request = [("method", "GET"), ("path", "/index.html"), ("query", "a=b"), ("protocol", "HTTP/1.1")];
    check(HAPROXY, haproxy, Some(200), &[&head[..], &times, &request].concat());
    let tls = [("domain_name", "1wt.eu"), ("tls_protocol", "TLSv1.3"), ("tls_cipher", "TLS_AES_256_GCM_SHA384")];
    let line = format!("{HAPROXY} 0/0000000000000000/0/0/0 1wt.eu/TLSv1.3/TLS_AES_256_GCM_SHA384\n");
    check(&line, haproxy, Some(200), &[&head[..], &times, &request, &tls].concat());
    // Its log went before the response ended, which is cut off; nothing was captured.
    let line = HAPROXY
        .replace("/109", "/+109")
        .replace("2750", "+2750")
        .replace(" {1wt.eu} {}", "")
        .replace(" HTTP/1.1\"", "");
    check(&line, haproxy, Some(200), &[&head[..], &times].concat());
    // What was captured may have spaces, and what is of one's own behind the request is no TLS.
    let line = HAPROXY.replace("- - ----", "a=b c - ----");
    check(&format!("<134>{line} rid=1 /a/b/c"), haproxy, Some(200), &[&head[..], &times, &request].concat());
    // No server answered.
    let line =
        HAPROXY.replace("10/0/30/69/109 200", "10/0/-1/-1/109 503").replace("srv1", "<NOSRV>").replace("----", "SC--");
    let (parsed, found) = fields(&line, haproxy).unwrap();
    assert_eq!(parsed.status, Some(503));
    let value = |name: &str| found.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str());
    assert_eq!(
        (value("connect_ms"), value("termination_state"), value("backend_server")),
        (None, Some("SC--"), Some("<NOSRV>"))
    );
    check(
        "::1:5 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/+3 0/0",
        haproxy,
        None,
        &[
            ("remote_addr", "::1"),
            ("client_port", "5"),
            ("frontend_name", "fnt"),
            ("backend_name", "bck"),
            ("backend_server", "srv1"),
            ("queue_ms", "0"),
            ("connect_ms", "0"),
            ("duration_ms", "5007"),
            ("bytes", "212"),
        ],
    );
    let (_, of_a_connection) = fields(
        "unix:1 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5 212 -- 0/0/0/0/0 0/0 \"DELETE / HTTP/1.1\"",
        haproxy,
    )
    .unwrap();
    assert!(!of_a_connection.iter().any(|(name, _)| name == "method"), "{of_a_connection:?}");
}

#[test]
fn other_lines_are_refused_and_add_nothing() {
    for line in [
        "".to_owned(),
        "[2016-04-15T20:17:00.310Z] \"".to_owned(),
        "[2016-04-15T20:17:00.310Z] \"quoted\" text".to_owned(),
        "[2016-04-15T20:17:00.310Z] \"quoted\" 200 OK".to_owned(),
        ENVOY.replace("204 -", "204 - - -"),
        ENVOY.replace("2016-04-15T", "2016-04-15 "),
        ENVOY.replace("\"10.0.35.28\" ", ""),
        ENVOY.replace(" 154", " x"),
        ENVOY.replace(" 100 ", " x "),
        ENVOY.replace(" HTTP/2\"", "\""),
        ENVOY.replace(" 204 ", " 7 "),
        HAPROXY.replace(":33317", ""),
        HAPROXY.replace("10.0.1.2", ""),
        HAPROXY.replace("Feb", "Zzz"),
        HAPROXY.replace(" 200 ", " 999 "),
        HAPROXY.replace("10/0/30", "++10/0/30"),
        HAPROXY.replace("/109", ""),
        HAPROXY.replace("----", "---"),
        HAPROXY.replace("0/0 ", "0 "),
        HAPROXY.replace("06/Feb/2009", "2009-02-06"),
        HAPROXY.replace("static/srv1", "static"),
        HAPROXY.replace(" 200 ", " OK "),
    ] {
        assert_eq!(fields(&line, envoy), None, "{line}");
        assert_eq!(fields(&line, haproxy), None, "{line}");
    }
}

proptest! {
    #[test]
    fn a_cut_or_changed_line_is_taken_or_refused(
        line in prop::sample::select(&[ENVOY, ISTIO, HAPROXY][..]),
        cut in 0_usize..400,
        inserted in "[\" /\\-\\[\\]0-9]{0,6}",
        at in 0_usize..400,
    ) {
        let mut line = line.as_bytes().to_vec();
        line.splice(at.min(line.len())..at.min(line.len()), inserted.bytes());
        line.truncate(cut.max(at));
        let text = String::from_utf8_lossy(&line).into_owned();
        for parse in [envoy as for<'a> fn(&'a [u8], &mut FoundFields<'a>) -> Option<ProxyLine>, haproxy] {
            let _ = fields(&text, parse);
        }
    }
}
