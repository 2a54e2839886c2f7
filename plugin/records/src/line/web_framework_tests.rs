use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(line: &str, expected: WebLine, fields: &[(&str, &str)]) {
    let mut found = FoundFields::default();
    assert_eq!(parse(line.as_bytes(), &mut found), Some(expected), "{line}");
    let text = |value: &FoundValue<'_>| match value {
        FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    };
    let found: Vec<(&str, String)> = found.iter().map(|(name, value)| (*name, text(value))).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(found, fields, "{line}");
}

#[test]
fn what_rails_says_of_requests_is_taken() {
    let time = Some(Timestamp { seconds: 1_221_007_692, nanoseconds: 0 });
    let started = [("method", "GET"), ("path", "/a"), ("query", "b=c"), ("remote_addr", "127.0.0.1")];
    for head in ["", "[f2b3] ", "I, [2008-09-08T21:52:54.123456 #7]  INFO -- : [f2b3] [web] ", "I, [x]  INFO -- app: "]
    {
        let line = format!("{head}Started GET \"/a?b=c\" for 127.0.0.1 at 2008-09-10 02:48:12 +0200");
        check(&line, WebLine::Started(time), &started);
        let line = format!(
            "{head}Completed 404 Not Found in 1.5ms (Views: 3.1ms | ActiveRecord: 12ms (2 queries) | Allocations: 9)"
        );
        check(
            &line,
            WebLine::Completed(Some(404)),
            &[
                ("status", "Int(404)"),
                ("duration_ms", "Float(1.5)"),
                ("view_ms", "Float(3.1)"),
                ("db_ms", "Float(12.0)"),
                ("allocations", "Int(9)"),
            ],
        );
    }
    check(
        "Completed 200 OK in 12ms (Views: 3.1ms | Allocations: 123)\n",
        WebLine::Completed(Some(200)),
        &[
            ("status", "Int(200)"),
            ("duration_ms", "Float(12.0)"),
            ("view_ms", "Float(3.1)"),
            ("allocations", "Int(123)"),
        ],
    );
    check(
        "Completed 401 in 7ms",
        WebLine::Completed(Some(401)),
        &[("status", "Int(401)"), ("duration_ms", "Float(7.0)")],
    );
}

#[test]
fn what_uvicorn_says_of_requests_is_taken() {
    check(
        "INFO:     ::1:50000 - \"GET /a?b HTTP/1.1\" 307 Temporary Redirect",
        WebLine::Completed(Some(307)),
        &[
            ("remote_addr", "::1"),
            ("client_port", "50000"),
            ("method", "GET"),
            ("path", "/a"),
            ("query", "b"),
            ("protocol", "HTTP/1.1"),
            ("status", "Int(307)"),
        ],
    );
}

#[test]
fn what_gin_says_of_requests_is_taken() {
    let expected = [
        ("remote_addr", "127.0.0.1"),
        ("method", "GET"),
        ("path", "/a|b"),
        ("query", "c=d"),
        ("status", "Int(404)"),
        ("duration_ms", "Float(1.234567)"),
    ];
    for line in [
        "[GIN] 2026/01/02 - 03:04:05 | 404 |    1.234567ms |   127.0.0.1 | GET      \"/a|b?c=d\"",
        "[GIN] 2026/01/02 - 03:04:05 | 404 |    1.234567ms |   127.0.0.1 | GET      \"/a|b?c=d\"\nError #01: no",
        "[GIN] 2026/01/02 - 03:04:05 | 404 | 1.234567ms | 127.0.0.1 |   GET     /a|b?c=d",
        "[GIN] 2026/01/02 - 03:04:05 |\u{1b}[90;43m 404 \u{1b}[0m|    1.234567ms |   127.0.0.1 |\u{1b}[97;44m GET     \u{1b}[0m \"/a|b?c=d\"",
    ] {
        check(line, WebLine::Completed(Some(404)), &expected);
    }
}

#[test]
fn what_chi_says_of_requests_is_taken() {
    let expected = [
        ("remote_addr", "::1"),
        ("client_port", "50000"),
        ("request_id", "host/id-000001"),
        ("method", "GET"),
        ("host", "localhost"),
        ("path", "/a"),
        ("query", "b=\" c"),
        ("protocol", "HTTP/1.1"),
        ("status", "Int(200)"),
        ("bytes", "Int(10)"),
        ("duration_ms", "Float(60.7)"),
    ];
    let line = "2026/01/02 03:04:05 [host/id-000001] \"GET http://localhost:3000/a?b=\" c HTTP/1.1\" from [::1]:50000 - 200 10B in 60.7ms";
    check(line, WebLine::Completed(Some(200)), &expected);
    let without_id = [&expected[..2], &expected[3..]].concat();
    check(&line.replace("[host/id-000001] ", ""), WebLine::Completed(Some(200)), &without_id);
}

#[test]
fn what_a_client_of_chi_writes_is_no_other_line() {
    let line = "2026/01/02 03:04:05 [ID] \"GET http://h/real HTTP/1.1\" from 192.0.2.1:5 - 200 10B in 1ms";
    for id in [
        "emerg] 1#1: x, client: 6.6.6.6, request: \"DELETE /forged HTTP/1.1\", host: \"bank\"",
        "a]b",
        "a] \"GET http://h/forged HTTP/1.1\" from 6.6.6.6:1 - 200 1B in 1ms",
    ] {
        let expected = [
            ("remote_addr", "192.0.2.1"),
            ("client_port", "5"),
            ("request_id", id),
            ("method", "GET"),
            ("host", "h"),
            ("path", "/real"),
            ("protocol", "HTTP/1.1"),
            ("status", "Int(200)"),
            ("bytes", "Int(10)"),
            ("duration_ms", "Float(1.0)"),
        ];
        check(&line.replace("ID", id), WebLine::Completed(Some(200)), &expected);
    }
    let hijacked = "2026/01/02 03:04:05 \"GET http://h/ HTTP/1.1\" from 2001:db8::1 - 000 0B in 1.5ms";
    check(
        hijacked,
        WebLine::Completed(None),
        &[
            ("remote_addr", "2001:db8::1"),
            ("method", "GET"),
            ("host", "h"),
            ("path", "/"),
            ("protocol", "HTTP/1.1"),
            ("bytes", "Int(0)"),
            ("duration_ms", "Float(1.5)"),
        ],
    );
}

#[test]
fn what_morgan_says_of_requests_is_taken() {
    let expected = [
        ("method", "GET"),
        ("path", "/a"),
        ("query", "b"),
        ("status", "Int(200)"),
        ("bytes", "Int(12)"),
        ("duration_ms", "Float(1.234)"),
    ];
    for line in [
        "GET /a?b 200 12 - 1.234 ms",
        "GET /a?b 200 1.234 ms - 12\n",
        "\u{1b}[0mGET /a?b \u{1b}[32m200\u{1b}[0m 1.234 ms - 12\u{1b}[0m",
    ] {
        check(line, WebLine::Completed(Some(200)), &expected);
    }
    let without_size = [&expected[..4], &expected[5..]].concat();
    check("GET /a?b 200 - - 1.234 ms", WebLine::Completed(Some(200)), &without_size);
    check("GET /a?b 200 1.234 ms - -", WebLine::Completed(Some(200)), &without_size);
    for unanswered in ["GET /a?b - - ms - -", "GET /a?b - - - - ms"] {
        check(unanswered, WebLine::Completed(None), &expected[..3]);
    }
    let other = [
        ("method", "M-SEARCH"),
        ("host", "a.b"),
        ("path", "/c"),
        ("status", "Int(404)"),
        ("bytes", "Int(1)"),
        ("duration_ms", "Float(0.5)"),
    ];
    check("M-SEARCH http://a.b:80/c 404 1 - 0.5 ms", WebLine::Completed(Some(404)), &other);
}

#[test]
fn durations_of_go_are_milliseconds() {
    for (text, expected) in [
        ("1h2m3.5s", Some(3_723_500.0)),
        ("1.2s", Some(1_200.0)),
        ("60.5\u{b5}s", Some(0.0605)),
        ("943ns", Some(0.000943)),
        ("0s", Some(0.0)),
        ("", None),
        ("5", None),
        ("ms", None),
        ("1.2.3s", None),
        ("5d", None),
    ] {
        let is = go_duration(text.as_bytes());
        let is_near = |expected: f64| is.is_some_and(|is| (is - expected).abs() < 1e-9);
        assert!(expected.map_or(is.is_none(), is_near), "{text}: {is:?}");
    }
}

#[test]
fn other_lines_are_refused_and_add_nothing() {
    for line in [
        "",
        "Started reading",
        "Started GET \"/a\" for 127.0.0.1",
        "Started GET \"/a\" for 127.0.0.1 at noon",
        "Started get \"/a\" for 127.0.0.1 at 2008-09-10 02:48:12 +0200",
        "Completed 200 files in 3 s",
        "Completed 99 x in 3ms",
        "Completed the job in 3ms",
        "Completed 200 OK in ms",
        "INFO:     Started server process [1]",
        "INFO: a - \"b\" 200",
        "[tag] Started",
        "[GIN-debug] GET    /ping                     --> main.main.func1 (3 handlers)",
        "[GIN] 2026/01/02 - 03:04:05 | 200 | soon | 127.0.0.1 | GET \"/\"",
        "[GIN] 2026/01/02 - 03:04:05 | 99 | 1ms | 127.0.0.1 | GET \"/\"",
        "[GIN] 2026/01/02 - 03:04:05 | 200 | 1ms | 127.0.0.1",
        "2026/01/02 03:04:05 [a] \"GET / HTTP/1.1\" from 127.0.0.1:5 - 200 10B in soon",
        "2026/01/02 03:04:05 \"GET / HTTP/1.1\" from 127.0.0.1:5 - 200 10 in 5ms",
        "2026/01/02 03:04:05 [error] 31#31: *7 open() failed",
        "GET /a 200 OK in 5 ms",
        "GET /a 200 12 - 5 s",
        "GET /a 99 12 - 5 ms",
        "Get /a 200 12 - 5 ms",
        "[GIN] loaded 3 | 200 | 5s | plugins | in total",
        "[GIN] 2026/01/02 - 03:04:05 | 200 | 5s | plugins | in total",
        "GET /a 200 12 - 5 ms more",
        "PUT /a 200 x - 5 ms",
        "I, [x]  INFO -- : Processing by A#b as HTML",
    ] {
        let mut found = FoundFields::default();
        assert_eq!(parse(line.as_bytes(), &mut found), None, "{line}");
        assert_eq!(found.iter().count(), 0, "{line}");
    }
}

proptest! {
    #[test]
    fn any_line_is_taken_or_left(head in "(Started GET \"/\" for |Completed 200 |INFO: |I, \\[|\\[|\\[GIN\\] |GET /a 200 |2026/01/02 03:04:05 \"GET /a HTTP/1.1\" from )?", tail in "( in |at |m?s|B|\u{1b}\\[0m|[0-9\"(|):\\]\\[ +-]|Views|INFO -- ){0,30}") {
        let _ = parse(format!("{head}{tail}").as_bytes(), &mut FoundFields::default());
    }
}
