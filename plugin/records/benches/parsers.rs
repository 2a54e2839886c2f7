//! Each parser of lines on the sample lines of its kind, and the forms of three of them as regular expressions; throughput in
//! bytes of lines. Found fields are put into their list, as in a record.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros make the items, and a bench may fail")]

mod cpu_time;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use regex::bytes::Regex;
use shiwake_records::append::FoundFields;
use shiwake_records::line::apache_error::ApacheErrorLine;
use shiwake_records::line::auth::AuthLine;
use shiwake_records::line::combined::AccessLine;
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::json::JsonScanner;
use shiwake_records::line::logger::LoggerLine;
use shiwake_records::line::nginx_error::NginxErrorLine;
use shiwake_records::line::syslog::SyslogLine;
use shiwake_records::line::{cloudfront, exception, level, load_balancer, logfmt, proxy, vpc_flow, web_framework};
use std::hint::black_box;
use std::path::Path;

/// Reads a line and says whether it is of the parser's kind.
type Parser = for<'a> fn(&'a [u8], &mut FoundFields<'a>) -> bool;

/// Writes the fields that a line names itself, and says whether it is of the scanner's kind.
type Scanner<'s> = dyn FnMut(&[u8], &mut LineFields) -> bool + 's;

/// Bytes of lines that a parser is given at a time: the samples again and again.
const BYTES: usize = 64 * 1024;

const PARSERS: [(&str, &str, Parser); 14] = [
    ("access", "access_apache_combined.log", |line, found| {
        AccessLine::parse(line).map(|read| read.add_to(found)).is_some()
    }),
    ("syslog", "formats/syslog.log", |line, found| SyslogLine::parse(line).map(|read| read.add_to(found)).is_some()),
    ("auth", "audit_auth.log", |line, found| {
        let head = SyslogLine::parse(line);
        head.and_then(|head| AuthLine::of(&head)).map(|read| read.add_to(found)).is_some()
    }),
    ("logger", "app_kafka_server.log", |line, found| LoggerLine::parse(line).map(|read| read.add_to(found)).is_some()),
    ("loggers of all kinds", "formats/logger.log", |line, found| {
        LoggerLine::parse(line).map(|read| read.add_to(found)).is_some()
    }),
    ("nginx error", "formats/nginx_error.log", |line, found| {
        NginxErrorLine::parse(line).map(|read| read.add_to(found)).is_some()
    }),
    ("apache error", "formats/apache_error.log", |line, found| {
        ApacheErrorLine::parse(line).map(|read| read.add_to(found)).is_some()
    }),
    ("web framework", "formats/web_framework.log", |line, found| web_framework::parse(line, found).is_some()),
    ("load balancer", "formats/load_balancer.log", |line, found| {
        load_balancer::alb(line, found).is_some() || load_balancer::nlb(line, found).is_some()
    }),
    ("cloudfront", "formats/cloudfront.log", |line, found| cloudfront::parse(line, found).is_some()),
    ("proxies", "formats/proxy.log", |line, found| {
        proxy::envoy(line, found).is_some() || proxy::haproxy(line, found).is_some()
    }),
    ("vpc flow", "formats/vpc_flow.log", |line, found| vpc_flow::parse(line, found).is_some()),
    ("exception", "formats/exception_lines.log", |line, _| exception::find(line).is_some()),
    ("word of a level", "app_kafka_controller.log", |line, _| level::find(line).is_some()),
];

/// The same as a regular expression with groups.
const REGEXES: [(&str, &str, &str); 3] = [
    (
        "access",
        "access_apache_combined.log",
        r#"^(\S+) \S+ (\S+) \[([^\]]+)\] "([A-Z]+) (\S+) ([^"]*)" (\d{3}) (\d+|-)(?: "([^"]*)" "([^"]*)")?"#,
    ),
    (
        "syslog",
        "audit_auth.log",
        r"^(?:<(\d{1,3})>)?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (\S+) ([^\[:\s]+)(?:\[(\d+)\])?: (.*)",
    ),
    ("logger", "app_kafka_server.log", r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+)\] ([A-Z]+) (.*)"),
];

fn lines(file: &str) -> Vec<Vec<u8>> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data")).join(file);
    let text = std::fs::read(path).unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec);
    let mut left = BYTES;
    let within = |line: &Vec<u8>| {
        let is_within = left > 0;
        left = left.saturating_sub(line.len());
        is_within
    };
    lines.collect::<Vec<_>>().into_iter().cycle().take_while(within).collect()
}

fn bytes_of(lines: &[Vec<u8>]) -> Throughput {
    Throughput::Bytes(lines.iter().map(|line| line.len() as u64).sum())
}

fn parsers(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("parsers");
    for (name, file, parse) in PARSERS {
        let lines = lines(file);
        group.throughput(bytes_of(&lines));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let is_read = |line: &&Vec<u8>| {
                    let mut found = FoundFields::default();
                    let is_read = parse(black_box(line), &mut found);
                    black_box(&found);
                    is_read
                };
                lines.iter().filter(is_read).count()
            });
        });
    }
    let (mut scanner, mut fields) = (JsonScanner::default(), LineFields::default());
    let mut scan_json = |line: &[u8], fields: &mut LineFields| scanner.scan(line, fields);
    let mut scan_logfmt = |line: &[u8], fields: &mut LineFields| logfmt::scan(line, fields).is_some();
    let scanners: [(&str, &str, &mut Scanner<'_>); 2] =
        [("json", "formats/json.ndjson", &mut scan_json), ("logfmt", "formats/logfmt.log", &mut scan_logfmt)];
    for (name, file, scan) in scanners {
        let lines = lines(file);
        group.throughput(bytes_of(&lines));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let is_read = |line: &&Vec<u8>| {
                    fields.clear();
                    scan(black_box(line), &mut fields)
                };
                lines.iter().filter(is_read).count()
            });
        });
    }
    let lines = lines("formats/json.ndjson");
    group.throughput(bytes_of(&lines));
    group.bench_function("json by serde_json", |bencher| {
        bencher.iter(|| {
            lines.iter().filter(|line| serde_json::from_slice::<serde_json::Value>(black_box(line)).is_ok()).count()
        });
    });
    for (name, file, pattern) in REGEXES {
        let (lines, regex) = (self::lines(file), Regex::new(pattern).unwrap());
        group.throughput(bytes_of(&lines));
        group.bench_function(format!("{name} by regex"), |bencher| {
            bencher.iter(|| lines.iter().filter(|line| black_box(regex.captures(black_box(line))).is_some()).count());
        });
    }
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = parsers);
criterion_main!(benches);
