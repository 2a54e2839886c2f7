//! Twenty patterns on lines of 300 bytes: as rules of the filter, which parses and copies the record too, as a set of regular
//! expressions, and one after another; throughput in records.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros make the items, and a bench may fail")]

mod cpu_time;
mod naive;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use naive::Naive;
use regex::bytes::{Regex, RegexSet};
use shiwake_records::event::Timestamp;
use shiwake_records::msgpack::write;
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::hint::black_box;
use std::sync::Arc;

const LINES: usize = 1_000;
const LINE_BYTES: usize = 300;
/// One line in so many has what one of the patterns asks for.
const HITS: usize = 20;

/// Patterns as people write them.
const PATTERNS: [&str; 20] = [
    r"payment \d+ (failed|refused)",
    r"order-[a-f0-9]{8} (created|cancelled)",
    r"user=\d+ tenant=t\d+\b",
    r"checkout (started|completed) for cart \d+",
    r"(?i)login (succeeded|failed)",
    r"session [a-f0-9]{16} expired",
    r"slow query: \d{4,} ms",
    r"deadlock (found|detected)",
    r"connection pool exhausted after \d+ ms",
    r"circuit breaker \S+ (opened|closed)",
    r"retry \d+ of \d+ for \S+",
    r"cache (hit|miss) ratio [0-9.]+",
    r"rate limit of \d+ exceeded",
    r"feature flag \S+ (on|off)",
    r"invoice \d+ (sent|paid)",
    r"stock of \S+ is below \d+",
    r"certificate \S+ expires in \d+ days",
    r"GC pause of \d+ ms",
    r"job \S+ finished in \d+ s",
    r"webhook to \S+ answered \d{3}",
];

fn lines() -> Vec<Vec<u8>> {
    let line = |number: usize| {
        let mut line = format!("2026-03-02 09:{:02}:{:02},{:03} ", number / 60 % 60, number % 60, number % 1_000);
        line.push_str("INFO [worker-3] com.example.shop.orders.OrdersController - ");
        if number.is_multiple_of(HITS) {
            line.push_str(&format!("payment {number} refused, "));
        }
        line.push_str(&format!("handled request {number:08x} of the customer with 17 items in the basket "));
        line.push_str(
            "from the warehouse in the north, by the carrier of the day, with a discount of the season and a card ",
        );
        line.push_str("that is kept; all of it was written to the table of orders, and the mail is on its way to them");
        line.truncate(LINE_BYTES);
        line.extend(std::iter::repeat_n('.', LINE_BYTES.saturating_sub(line.len())));
        line.into_bytes()
    };
    (0..LINES).map(line).collect()
}

fn chunk(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        out.push(0x92);
        write::event_time(&mut out, 1_772_431_200, 0);
        write::map_header(&mut out, 1);
        write::str(&mut out, b"log");
        write::str(&mut out, line);
    }
    out
}

fn patterns(criterion: &mut Criterion<CpuTime>) {
    let lines = lines();
    let chunk = chunk(&lines);
    let mut group = criterion.benchmark_group("20 patterns on 300 bytes");
    group.throughput(Throughput::Elements(LINES as u64));
    let rule = |pattern: &str| format!("[[rule]]\nname = '{pattern}'\nmatch = '{pattern}'\ntype = 'activity'\n");
    for (name, text) in [("sorter without rules", String::new()), ("sorter", PATTERNS.map(rule).concat())] {
        let rules = Arc::new(RuleSet::parse("rules", &text).unwrap());
        let mut sorter = Sorter::new(SorterConfig { rules, ..SorterConfig::default() });
        let mut out = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                sorter.sort_chunk(black_box(&chunk), Timestamp::default(), &mut out)
            });
        });
    }
    let naive = Naive::new(&PATTERNS.map(str::to_owned));
    let mut out = Vec::new();
    group.bench_function("naive: rmpv, patterns one by one", |bencher| {
        bencher.iter(|| {
            out.clear();
            naive.sort_rmpv(black_box(&chunk), &mut out)
        });
    });
    group.bench_function("naive: rmp-serde, patterns one by one", |bencher| {
        bencher.iter(|| {
            out.clear();
            naive.sort_rmp_serde(black_box(&chunk), &mut out)
        });
    });
    let set = RegexSet::new(PATTERNS).unwrap();
    group.bench_function("RegexSet alone", |bencher| {
        bencher.iter(|| lines.iter().filter(|line| set.is_match(black_box(line))).count());
    });
    let alone = PATTERNS.map(|pattern| Regex::new(pattern).unwrap());
    group.bench_function("one by one alone", |bencher| {
        let is_hit = |line: &&Vec<u8>| alone.iter().any(|pattern| pattern.is_match(black_box(line)));
        bencher.iter(|| lines.iter().filter(is_hit).count());
    });
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = patterns);
criterion_main!(benches);
