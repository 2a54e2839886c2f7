#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::append::FoundFields;
use crate::classify::read_line;

const ALB: &str = r#"https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"#;
const NLB: &str = "tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 -";
const ACCESS: &str =
    r#"83.149.9.216 - bob [17/May/2015:10:05:03 +0000] "GET /a\"b HTTP/1.1" 200 203023 "http://r/" "Mozilla""#;
const VPC: &str = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
const CLOUDFRONT: &str =
    "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\t-";
const NGINX: &str = "2026/01/02 03:04:05 [error] 31#32: *7 open() failed, client: 1.2.3.4";
const APACHE: &str = "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] File does not exist";
const JSON: &str = r#"{"level": "info", "n": [1.5, true, {"a": "b\"\u00e4"}], "msg": null}"#;
const SYSLOG: &str = "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - failed";
const OLDER_SYSLOG: &str = "<34>Oct 11 22:14:15 mymachine su[7]: failed";

#[track_caller]
fn check(line: &str, expected: Option<(&str, MisreadReason)>) {
    let misread = Misread::of(line.as_bytes());
    assert_eq!(misread.map(|it| (it.format.name(), it.reason)), expected, "{line}");
}

#[test]
fn what_a_line_fails_by_is_told() {
    for (line, from, to, format, reason) in [
        (ALB, "2018-07-02T", "2018-13-02T", "alb", MisreadReason::Time),
        (ACCESS, "\"GET /a\\\"b HTTP/1.1\"", "GET /a", "access", MisreadReason::Request),
        (ACCESS, " 200 ", " - ", "access", MisreadReason::Status),
        (ACCESS, " 203023 ", " big ", "access", MisreadReason::Size),
        (CLOUDFRONT, "2019-12-04", "2019-12-44", "cloudfront", MisreadReason::Time),
        (CLOUDFRONT, "\t200\t", "\tno\t", "cloudfront", MisreadReason::Status),
        (VPC, "ACCEPT", "PERHAPS", "vpc_flow", MisreadReason::Syntax),
        (VPC, "OK", "OK and more", "vpc_flow", MisreadReason::Syntax),
        (NGINX, "[error]", "[bad]", "nginx_error", MisreadReason::Level),
        (NGINX, "31#32:", "31#:", "nginx_error", MisreadReason::Syntax),
        (APACHE, "core:error", "core:bad", "apache_error", MisreadReason::Level),
        (JSON, "true", "True", "json", MisreadReason::Syntax),
        (JSON, ", true, {\"a\": \"b\\\"\\u00e4\"}], \"msg\": null}", ",\n-", "json", MisreadReason::CutOff),
        (JSON, "null}", "null} and more", "json", MisreadReason::Syntax),
        (JSON, "{\"a\"", "[{\"a\"", "json", MisreadReason::Syntax),
        (SYSLOG, "<34>", "<192>", "syslog", MisreadReason::Priority),
        (SYSLOG, "2003-10", "2003-20", "syslog", MisreadReason::Time),
        (OLDER_SYSLOG, "Oct", "Okt", "syslog", MisreadReason::Time),
        (OLDER_SYSLOG, "Oct 11 22:14:15", "2026-13-11T22:14:15Z", "syslog", MisreadReason::Time),
    ] {
        assert!(line.contains(from), "{line}");
        check(&line.replace(from, to), Some((format, reason)));
    }
}

#[test]
fn what_other_lines_begin_with_is_told_of_none() {
    for line in [
        "",
        "plain text",
        "{}",
        "{braces} first",
        "http is down",
        "https 2018-07-02T22:23:00.186641Z net/x",
        "tls handshake failed for net/x",
        "2 files copied",
        "2026/01/02 03:04:05 started",
        "[main] ready",
        "[Fri Sep 09] ready",
        "<b>bold</b>",
        "<3> kept with love",
        "see [1] and [2/3/4]",
        "10.0.0.1 connected",
        r#"10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#,
        "Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in",
        "79a5 mybucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a5 3E57 REST.GET.VERSIONING - \"GET / HTTP/1.1\" 200",
        "2026/01/02 03:04:05 [INFO] agent started",
        "2026/01/02 03:04:05 [info] agent: started",
        "2026/01/02 03:04:05 [main.go:12] hi",
        "[Thu Jul 21 10:43:28 2011] 127.0.0.1:39144 [200]: /favicon.ico",
        "[Thu Jul 21 10:43:28 2011] [main.c:7] x",
        r#"{"init terminating in do_boot",{badarg,[]}}"#,
        r#"{"a"} set of names"#,
        "2 123 eni-abc is attached",
        "2 123456789010 eni-my is attached",
        "<200>OK",
        "<34>1 apple",
    ] {
        check(line, None);
    }
}

#[test]
fn lines_that_are_cut_off_are_told_from_their_heads_on() {
    for (line, format, head) in [
        (ALB, "alb", 38),
        (NLB, "nlb", 32),
        (ACCESS, "access", 38),
        (VPC, "vpc_flow", 19),
        (CLOUDFRONT, "cloudfront", 20),
        (NGINX, "nginx_error", 21),
        (APACHE, "apache_error", 18),
        (JSON, "json", 2),
        (SYSLOG, "syslog", 30),
    ] {
        for length in head..line.len() {
            let part = &line[..length];
            let read = read_line(part.as_bytes(), None, &mut FoundFields::default()).formats;
            let is_read = LineFormat::ALL.into_iter().any(|(name, known)| name == format && read.contains(known));
            let told = Misread::of(part.as_bytes()).map(|it| (it.format.name(), it.reason));
            assert!(is_read || told == Some((format, MisreadReason::CutOff)), "{part}: {told:?}");
        }
        let before = Misread::of(&line.as_bytes()[..head - 1]);
        assert!(before.is_none_or(|it| it.format.name() != format || it.reason != MisreadReason::CutOff), "{line}");
    }
}

#[test]
fn what_is_within_each_other_too_often_is_too_much() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(2_000), "]".repeat(2_000));
    check(&deep, Some(("json", MisreadReason::TooMuch)));
}

#[test]
fn a_line_behind_a_head_of_syslog_counts_too() {
    check("<34>Oct 11 22:14:15 host app[7]: {\"level\": \"info\", ", Some(("json", MisreadReason::CutOff)));
}

#[test]
fn counts_are_kept_by_format_and_reason() {
    let mut counts = MisreadCounts::default();
    for line in [&ALB[..100], "plain", r#"{"a": x}"#, &ALB[..90], ""] {
        counts.count(line.as_bytes());
    }
    let told: Vec<_> = counts.iter().map(|(it, count)| (it.format.name(), it.reason.name(), count)).collect();
    assert_eq!(told, [("json", "syntax", 1), ("alb", "cut_off", 2)]);
    assert_eq!(counts.total(), 3);
    assert_eq!(counts.to_string(), "json (syntax)=1 alb (cut_off)=2");
}

#[test]
fn reasons_stand_in_their_order() {
    for (at, reason) in MisreadReason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, at);
    }
    for (at, (_, format)) in LineFormat::ALL.into_iter().enumerate() {
        assert_eq!(format as usize, at);
    }
}
