//! Access lines of Apache and NGINX against the formats' documented patterns.
//!
//! Apache: `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"` (<https://httpd.apache.org/docs/2.4/logs.html>), with
//! `%v:%p` in front for virtual hosts; ingress-nginx: its "Log format".
//!
//! The parser takes more than the pattern: lines that end behind the size or within a quoted part, what is no time in the
//! brackets, and whatever stands behind the user agent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod oracle;

use oracle::*;
use proptest::prelude::*;
use shiwake_records::append::FoundFields;
use shiwake_records::line::combined::AccessLine;
use std::net::IpAddr;

const QUOTED: &str = r#"(?:[^"\\]|\\.)*"#;

/// Time and fields of a line in the common or combined format.
fn oracle(line: &[u8]) -> Option<(Option<i64>, Fields)> {
    let text = format!(
        r#"^(?:(?P<vhost>[^ ]+) )??(?P<host>[^ ]+) (?P<ident>[^ ]+) (?P<user>[^\[]+) \[(?P<time>[^\]]*)\] "(?P<request>{QUOTED})" (?P<status>[1-9][0-9][0-9]) (?P<size>[0-9]{{1,18}}|-)(?: "(?P<referer>{QUOTED})" "(?P<agent>{QUOTED})")?$"#
    );
    let captures = pattern(&text).captures(line)?;
    let (mut host, mut ident, mut user, mut vhost) =
        (group(&captures, "host"), group(&captures, "ident"), group(&captures, "user"), String::new());
    // A virtual host is in front when the second word is an address.
    if ident.parse::<IpAddr>().is_ok() {
        let rest = user.split_once(' ')?;
        (vhost, host, ident, user) = (host, ident, rest.0.to_owned(), rest.1.to_owned());
    }
    drop(ident);
    let mut fields = Fields::new();
    put(&mut fields, "remote_addr", host);
    put(&mut fields, "remote_user", user);
    put_request(&mut fields, &group(&captures, "request"));
    put(&mut fields, "status", group(&captures, "status"));
    let size = group(&captures, "size");
    put(&mut fields, "bytes", size.parse::<i64>().map_or(size, |size| size.to_string()));
    put(&mut fields, "referer", group(&captures, "referer"));
    put(&mut fields, "user_agent", group(&captures, "agent"));
    if !vhost.is_empty() {
        match vhost.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => {
                put(&mut fields, "host", name);
                put(&mut fields, "server_port", port);
            }
            _ => put(&mut fields, "host", vhost),
        }
    }
    Some((time_of(&group(&captures, "time")), fields))
}

fn time_of(text: &str) -> Option<i64> {
    let captures = pattern("^(?P<d>[0-9]{2})/(?P<m>[A-Z][a-z]{2})/(?P<y>[0-9]{4}):(?P<h>[0-9]{2}):(?P<min>[0-9]{2}):(?P<s>[0-9]{2}) (?P<z>[+-])(?P<zh>[0-9]{2})(?P<zm>[0-9]{2})$").captures(text.as_bytes())?;
    let number = |name: &str| group(&captures, name).parse::<i64>().unwrap();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == group(&captures, "m"))? as i64 + 1;
    let zone = number("zh") * 60 + number("zm");
    let zone = if group(&captures, "z") == "-" { -zone } else { zone };
    seconds_of((number("y"), month, number("d")), (number("h"), number("min"), number("s")), zone)
}

fn parsed(line: &[u8]) -> Option<(Option<i64>, Fields)> {
    let parsed = AccessLine::parse(line)?;
    let mut found = FoundFields::default();
    parsed.add_to(&mut found);
    Some((parsed.time_seconds, fields(&found)))
}

/// Whether the two rightly differ: the parser's idea of an address is looser than the library's, a name with a port in
/// front makes any second word a client, a dash that is the whole virtual host is kept, and no bracket stands in front of the time's.
fn is_doubtful(line: &[u8]) -> bool {
    let text = show(line);
    let mut words = text.split(' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let looks_like = |word: &str| word.matches(['.', ':']).count() >= 2;
    let before_time = text.split(']').next().unwrap_or_default();
    first == "-"
        || before_time.matches('[').count() > 1
        || (second != "-" && (first.contains(':') || (looks_like(second) && second.parse::<IpAddr>().is_err())))
        || second.parse::<IpAddr>().is_ok() && first.contains(':')
}

#[test]
fn the_parser_agrees_with_the_pattern_on_all_samples() {
    let mut compared = 0;
    for file in ["access_apache_combined.log", "formats/access.log"] {
        for line in lines(file) {
            let Some(expected) = oracle(&line).filter(|_| !is_doubtful(&line)) else { continue };
            assert_eq!(parsed(&line), Some(expected), "{}", show(&line));
            compared += 1;
        }
    }
    assert!(compared >= 1_450, "{compared} lines are as the documentation has them");
}

#[test]
fn a_virtual_host_with_a_port_is_the_first_word() {
    for line in lines("formats/access.log").iter().filter(|line| line.starts_with(b"www.example.com")) {
        let found = parsed(line).unwrap().1;
        assert_eq!(found["host"], "www.example.com");
        assert!(found["remote_addr"].parse::<IpAddr>().is_ok());
    }
}

/// Lines written after the documented format.
fn written() -> impl Strategy<Value = Vec<u8>> {
    let quoted = r#"([ -!#-\[\]-~é]|\\["\\nx]){0,30}"#;
    let request = prop_oneof![r"[A-Z]{1,7} /[a-z0-9/?=&%. ]{0,30} HTTP/[0-9.]{1,3}", quoted, Just("-".to_owned())];
    let time = (1970..2100_i64, 0..12_usize, 1..29_u8, 0..24_u8, 0..60_u8, 0..60_u8, "[+-][01][0-9][0-5][0-9]")
        .prop_map(|(year, month, day, hour, minute, second, zone)| {
            let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month];
            format!("{day:02}/{month}/{year}:{hour:02}:{minute:02}:{second:02} {zone}")
        });
    let client = prop_oneof![any::<IpAddr>().prop_map(|address| address.to_string()), "[a-z]{1,9}[.][a-z]{2,9}"];
    let user = prop_oneof![Just("-".to_owned()), "[a-z@.]{1,9}( [a-z]{1,5})?"];
    let size = prop_oneof![Just("-".to_owned()), any::<u32>().prop_map(|size| size.to_string())];
    let ends = proptest::option::of((quoted, quoted));
    (client, user, time, request, 100..600_u16, size, ends).prop_map(
        |(client, user, time, request, status, size, ends)| {
            let ends = ends.map_or(String::new(), |(referer, agent)| format!(r#" "{referer}" "{agent}""#));
            format!(r#"{client} - {user} [{time}] "{request}" {status} {size}{ends}"#).into_bytes()
        },
    )
}

/// The end that ingress-nginx documents.
fn ingress_oracle(line: &[u8]) -> Option<Fields> {
    let text = r#"" (?P<request_length>[0-9]+) (?P<time>[0-9]+[.][0-9]{3}) \[(?P<upstream_name>[^\]]*)\] \[[^\]]*\] (?P<upstream_addr>[^ ]+) (?P<upstream_response_length>[^ ]+) (?P<upstream_response_time>[^ ]+) (?P<upstream_status>[^ ]+) (?P<request_id>[^ ]+)$"#;
    let captures = pattern(text).captures(line)?;
    let mut fields = Fields::new();
    for name in [
        "request_length",
        "upstream_name",
        "upstream_addr",
        "upstream_response_length",
        "upstream_response_time",
        "upstream_status",
        "request_id",
    ] {
        put(&mut fields, name, group(&captures, name));
    }
    put(&mut fields, "duration_ms", (group(&captures, "time").replace('.', "").parse::<f64>().unwrap()).to_string());
    Some(fields)
}

proptest! {
    #[test]
    fn the_parser_agrees_with_the_pattern_on_lines_written_after_it(line in written()) {
        prop_assert_eq!(parsed(&line), Some(oracle(&line).unwrap()), "{}", show(&line));
    }

    #[test]
    fn the_parser_agrees_with_the_pattern_on_changed_lines(line in changed(lines("formats/access.log"))) {
        if let Some(expected) = oracle(&line).filter(|_| !is_doubtful(&line)) {
            let (time, found) = parsed(&line).unwrap();
            prop_assert_eq!(found, expected.1, "{}", show(&line));
            // The oracle knows no dates that are not, and none before 1970.
            prop_assert!(expected.0.is_none() || time == expected.0, "{}", show(&line));
        }
    }

    #[test]
    fn the_end_of_ingress_nginx_is_as_it_is_documented(
        line in written().prop_filter("with a user agent", |line| line.ends_with(b"\"") && !line.ends_with(b"\\\"")),
        length in any::<u16>(), seconds in 0..99_u8, millis in 0..1_000_u16, name in "[a-z0-9-]{1,9}", rest in "[0-9.:]{1,9} [0-9]{1,3} [0-9][.][0-9]{3} [2-5]00 [0-9a-f]{32}",
    ) {
        let whole = [&line[..], format!(" {length} {seconds}.{millis:03} [{name}] [] {rest}").as_bytes()].concat();
        prop_assume!(oracle(&line).is_some_and(|(_, fields)| fields.contains_key("status")) && line.iter().filter(|byte| **byte == b'"').count() >= 6);
        let expected = ingress_oracle(&whole).unwrap();
        let found = parsed(&whole).unwrap().1;
        for (name, text) in expected {
            prop_assert_eq!(found.get(&name), Some(&text), "{}: {}", name, show(&whole));
        }
    }
}
