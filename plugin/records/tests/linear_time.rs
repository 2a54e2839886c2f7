//! No line makes a parser take more than time in proportion to its length.
//!
//! Every parser is given lines of bytes it has to look at again and again (quotes, brackets, backslashes, digits, words that
//! begin what it searches for), behind heads that lead it as deep as it goes, at two lengths. Four times the length may take
//! four times the time; sixteen times would be what looking back costs. The bound lies between. It is the thread's own time, and what is
//! above the bound is measured again, because what others do at the same time empties the processor's caches.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use shiwake_records::append::FoundFields;
use shiwake_records::chunk::Chunk;
use shiwake_records::event::Timestamp;
use shiwake_records::line::apache_error::ApacheErrorLine;
use shiwake_records::line::auth::AuthLine;
use shiwake_records::line::combined::AccessLine;
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::json::JsonScanner;
use shiwake_records::line::logger::LoggerLine;
use shiwake_records::line::misread::Misread;
use shiwake_records::line::nginx_error::NginxErrorLine;
use shiwake_records::line::syslog::SyslogLine;
use shiwake_records::line::{cloudfront, exception, level, load_balancer, logfmt, proxy, vpc_flow, web_framework};
use shiwake_records::msgpack::write;
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::Sorter;
use std::hint::black_box;
use std::time::Duration;

const BYTES: usize = 64 * 1024;
const LONGER: usize = 4;
/// How many times longer a line that is [`LONGER`] times longer may take.
const MOST: u32 = 8;
/// What is faster than this is not measured well, and is linear for every length that Fluent Bit lets through.
const NOISE: Duration = Duration::from_micros(300);
const TRIES: usize = 6;

type Parser = fn(&[u8]);

/// The parsers by name, each with heads that it takes.
const PARSERS: [(&str, Parser, &[&str]); 20] = [
    (
        "no format",
        |line| consume(&Misread::of(line).map(|misread| misread.reason)),
        &[
            "",
            "{\"a\":",
            "{\"",
            "h - - [17/May/2015:10:05:03 +0000] \"",
            "2026/01/02 03:04:05 [",
            "[Fri Sep 09 10:42:29 2011] [",
            "2 123456789010 eni-1 ",
            "<34>1 2003-10-11T22:14:15Z ",
        ],
    ),
    (
        "access line",
        |line| {
            if let Some(line) = black_box(AccessLine::parse(line)) {
                line.add_to(&mut FoundFields::default());
            }
        },
        &[
            "",
            "h - ",
            "h - - [17/May/2015:10:05:03 +0000] \"",
            "h - - [17/May/2015:10:05:03 +0000] \"GET /",
            "h - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"",
            "h - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\" ",
            "h - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\" 1 0.1 [a] [] ",
        ],
    ),
    (
        "alb",
        |line| consume(&load_balancer::alb(line, &mut FoundFields::default())),
        &[
            "https 2018-07-02T22:23:00Z app/x 1:2 3:4 0 0 0 200 200 1 2 ",
            "https 2018-07-02T22:23:00Z app/x 1:2 3:4 0 0 0 200 200 1 2 \"GET http://",
        ],
    ),
    (
        "nlb",
        |line| consume(&load_balancer::nlb(line, &mut FoundFields::default())),
        &["tls 2.0 2018-12-20T02:59:40 net/x y 1:2 3:4 5 2 98 246 "],
    ),
    (
        "cloudfront",
        |line| consume(&cloudfront::parse(line, &mut FoundFields::default())),
        &["2019-12-04\t21:02:31\t", "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td\t/\t200\t"],
    ),
    (
        "envoy",
        |line| consume(&proxy::envoy(line, &mut FoundFields::default())),
        &[
            "[2016-04-15T",
            "[2016-04-15T20:17:00.310Z] \"",
            "[2016-04-15T20:17:00.310Z] \"GET / HTTP/1.1\" 200 - 1 2 3 4 \"",
            "[2016-04-15T20:17:00.310Z] \"GET / HTTP/1.1\" 200 - via_upstream - \"",
        ],
    ),
    (
        "haproxy",
        |line| consume(&proxy::haproxy(line, &mut FoundFields::default())),
        &[
            "",
            "1.2.3.4:5 [06/Feb/2009:12:14:14.655] a b/",
            "1.2.3.4:5 [06/Feb/2009:12:14:14.655] a b/c 1/2/3/4/5 200 5 - - ---- 1/1/1/1/0 0/0 {",
            "1.2.3.4:5 [06/Feb/2009:12:14:14.655] a b/c 1/2/3/4/5 200 5 - - ---- 1/1/1/1/0 0/0 \"GET ",
        ],
    ),
    ("vpc flow", |line| consume(&vpc_flow::parse(line, &mut FoundFields::default())), &["2 ", "2 123456789010 eni-1 "]),
    (
        "apache error",
        |line| {
            if let Some(line) = black_box(ApacheErrorLine::parse(line)) {
                line.add_to(&mut FoundFields::default());
            }
        },
        &[
            "[",
            "[Sun Dec 04 04:47:44 2005] [",
            "[Sun Dec 04 04:47:44 2005] [a:error] ",
            "[Sun Dec 04 04:47:44 2005] [a:error] [client ",
        ],
    ),
    (
        "nginx error",
        |line| {
            if let Some(line) = black_box(NginxErrorLine::parse(line)) {
                line.add_to(&mut FoundFields::default());
            }
        },
        &["2026/01/02 03:04:05 [error] 31#31: *7 ", "2026/01/02 03:04:05 [error] 31#31: *7 x, client: 1, "],
    ),
    (
        "syslog",
        |line| {
            if let Some(line) = black_box(SyslogLine::parse(line)) {
                line.add_to(&mut FoundFields::default());
            }
        },
        &[
            "<34>1 2003-10-11T22:14:15.003Z h a p i ",
            "<34>1 2003-10-11T22:14:15.003Z h a p i [x y=\"",
            "<34>Oct 11 22:14:15 ",
            "Oct 11 22:14:15 h a[",
        ],
    ),
    (
        "auth",
        |line| {
            if let Some(line) = SyslogLine::parse(line).and_then(|line| AuthLine::of(&line)) {
                line.add_to(&mut FoundFields::default());
            }
        },
        &["Oct 11 22:14:15 h sshd[1]: ", "Oct 11 22:14:15 h sudo: "],
    ),
    (
        "json",
        |line| consume(&JsonScanner::default().scan(line, &mut LineFields::default())),
        &["{\"a\":", "{\"a\":[", "{\"a\":\"", "{\"", "{\"a\":-"],
    ),
    (
        "logfmt",
        |line| consume(&logfmt::scan(line, &mut LineFields::default())),
        &["level=info ", "level=info msg=\"", "level=info a="],
    ),
    (
        "logger",
        |line| consume(&LoggerLine::parse(line)),
        &[
            "[2026-01-02 03:04:05,678] INFO ",
            "I0102 03:04:05.678901 7 ",
            "2026-01-02T03:04:05Z\tinfo\t",
            "I, [",
            "fail: ",
            "WARNING:",
            "2026-01-02 03:04:05,678 - ",
        ],
    ),
    ("level", |line| consume(&level::find(line)), &["", "level"]),
    (
        "exception",
        |line| consume(&exception::find(line)),
        &[
            "",
            "Traceback (most recent call last):\n",
            "  + Exception Group Traceback (most recent call last):\n",
            "thread 'main' panicked at '",
            "panic: x\n",
            "a.rb:1:in 'f': ",
            "x\n  ^\n",
            "java.io.IOException: x\n",
        ],
    ),
    (
        "web framework",
        |line| consume(&web_framework::parse(line, &mut FoundFields::default())),
        &[
            "I, [",
            "[",
            "Started GET \"",
            "Completed 200 OK in 5ms (",
            "INFO: 1:2 - \"GET ",
            "[GIN] a | 200 | ",
            "[GIN] a | 200 | 1ms | ",
            "2026/01/02 03:04:05 \"GET ",
            "2026/01/02 03:04:05 \"GET / HTTP/1.1\" from 1:2 - 200 1B in ",
            "GET /",
            "\u{1b}[0m",
        ],
    ),
    ("sorter", sort, &["", "<34>Oct 11 22:14:15 h a: ", "2026-01-02 03:04:05 ", "{\"log\":", "\t", "ERROR "]),
    ("chunk", |bytes| consume(&Chunk::new(bytes).count()), &["", "\u{0}"]),
];

const PIECES: [&str; 48] = [
    "\"",
    "\\",
    "\\\"",
    "\"\"",
    "\" \"",
    "\" ",
    "[",
    "]",
    "[]",
    "[[],",
    "{",
    "}",
    "{\"a\":",
    "\"a\":1,",
    "(",
    ")",
    " (",
    ") ",
    " ",
    "\t",
    "\n",
    "\n\n",
    "  x\n",
    " at ",
    "\n\tat x.y(z)",
    "\n    at f (/a.js:1:2)",
    "at ",
    "0",
    "9",
    "1.",
    "1, ",
    ":1",
    "e",
    "a=b ",
    "a=\"",
    "=",
    ", ",
    ", a: \"",
    ", client: ",
    ": ",
    " - ",
    " by ",
    " from ",
    " in ",
    "Error: ",
    "a.",
    "| ",
    "\u{e9}",
];

/// Keeps what was computed from being left out.
fn consume<T>(value: &T) {
    black_box(value);
}

/// The line as FireLens hands it over.
fn sort(line: &[u8]) {
    let mut event = vec![0x92];
    write::event_time(&mut event, 1_700_000_000, 0);
    write::map_header(&mut event, 1);
    write::str(&mut event, b"log");
    write::str(&mut event, line);
    let mut out = Vec::new();
    Sorter::default().sort_chunk(&event, Timestamp::default(), &mut out);
    black_box(out);
}

/// Time that this thread has had on a processor, which does not count what others do.
fn thread_time() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap()
}

fn time(parser: Parser, line: &[u8], times: usize) -> Duration {
    let once = || {
        let start = thread_time();
        parser(black_box(line));
        thread_time() - start
    };
    (0..times).map(|_| once()).min().unwrap()
}

/// How long the shorter and the longer of two such lines take.
fn measure(parser: Parser, head: &str, piece: &str, times: usize) -> (Duration, Duration) {
    let line = |bytes: usize| (head.to_owned() + &piece.repeat(bytes / piece.len())).into_bytes();
    let longer = time(parser, &line(BYTES * LONGER), times);
    if longer < NOISE { (longer, longer) } else { (time(parser, &line(BYTES), times), longer) }
}

/// The first measure that is in proportion, or the last one.
fn find_linear(parser: Parser, head: &str, piece: &str) -> Result<(), (Duration, Duration)> {
    let mut measured = (Duration::ZERO, Duration::ZERO);
    for tried in 0..TRIES {
        measured = measure(parser, head, piece, 1 + 2 * tried);
        if measured.1 <= measured.0.max(NOISE / 4) * MOST {
            return Ok(());
        }
    }
    Err(measured)
}

#[test]
fn four_times_the_line_takes_about_four_times_the_time() {
    for (name, parser, heads) in PARSERS {
        for head in heads {
            for piece in PIECES {
                let found = find_linear(parser, head, piece);
                assert_eq!(found, Ok(()), "{name}: {head:?} and {piece:?} again and again");
            }
        }
    }
}

#[test]
fn lists_of_four_times_the_values_take_about_four_times_the_time_to_check() {
    let parse: Parser = |values| {
        let values = std::str::from_utf8(values).unwrap();
        let rule = |number: usize| {
            let list = format!("{{ field = 'x', in = [{values}] }}, {{ field = 'y{number}', exists = true }}");
            format!("[[rule]]\nname = '{number}'\ntype = 'app'\nwhen.all = [{list}]\n")
        };
        assert!(RuleSet::parse("rules", &(0..8).map(rule).collect::<String>()).is_ok());
    };
    let values = |count: usize| (0..count).map(|number| format!("'{number:04}',")).collect::<String>().into_bytes();
    let is_linear = |tried: usize| {
        let [some, more] = [250, 250 * LONGER].map(|count| time(parse, &values(count), 1 + 2 * tried));
        more <= some * MOST
    };
    assert!((0..TRIES).any(is_linear));
}

#[test]
fn the_measure_finds_what_is_not_linear() {
    let looks_back: Parser = |line| {
        let mut sum = 0_usize;
        for end in (0..line.len()).step_by(1024) {
            sum += black_box(line.get(..end).unwrap()).iter().filter(|byte| **byte == b'x').count();
        }
        black_box(sum);
    };
    assert!(find_linear(looks_back, "", "x").is_err());
}
