//! Access lines under 0, 5, 50 and 200 rules of one's own, none of which holds, so that every line is asked all of them; and the
//! patterns of these rules tried one after another, as a program without this would.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros make the items, and a bench may fail")]

mod cpu_time;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use regex::bytes::Regex;
use shiwake_records::event::Timestamp;
use shiwake_records::msgpack::write;
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

/// A pattern as people write them, that no line of the sample has.
fn pattern(number: usize) -> String {
    match number % 4 {
        0 => format!("payment {number} (failed|refused)"),
        1 => format!("order-{number}[a-f0-9]{{8}}"),
        2 => format!("user=\\d+ tenant=t{number}\\b"),
        _ => format!("^JOB{number} "),
    }
}

/// A rules file: of five rules two ask for the line, and one each for a field, for nested fields and for the tag.
fn rules(count: usize) -> String {
    let condition = |number: usize| match number % 5 {
        0 | 1 => format!("match = '{}'", pattern(number)),
        2 => format!("when = {{ field = 'path', prefix = '/internal/{number}/' }}"),
        3 => format!("when = {{ field = 'http.route.{number}', exists = true }}"),
        _ => format!("when.tag = 'team{number}-*'"),
    };
    let rule = |number| format!("[[rule]]\nname = 'r{number}'\ntype = 'activity'\n{}\n", condition(number));
    (0..count).map(rule).collect()
}

fn lines() -> Vec<Vec<u8>> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/access_apache_combined.log"));
    std::fs::read(path).unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

fn chunk(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        out.push(0x92);
        write::event_time(&mut out, 1_700_000_000, 0);
        write::map_header(&mut out, 1);
        write::str(&mut out, b"log");
        write::str(&mut out, line);
    }
    out
}

fn sort(criterion: &mut Criterion<CpuTime>) {
    let lines = lines();
    let chunk = chunk(&lines);
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Bytes(chunk.len() as u64));
    for count in [0, 5, 50, 200] {
        let rules = Arc::new(RuleSet::parse("rules", &rules(count)).unwrap());
        let mut sorter = Sorter::new(SorterConfig { rules, ..SorterConfig::default() });
        sorter.set_tag(b"app-firelens-0a1b2c");
        let mut out = Vec::new();
        group.bench_function(format!("{count}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                sorter.sort_chunk(black_box(&chunk), Timestamp::default(), &mut out)
            });
        });
    }
    for count in [5, 50, 200] {
        let asked = (0..count).filter(|number| number % 5 < 2);
        let patterns: Vec<Regex> = asked.map(|number| Regex::new(&pattern(number)).unwrap()).collect();
        group.bench_function(format!("the patterns of {count} one by one"), |bencher| {
            bencher.iter(|| {
                let hits = |line: &Vec<u8>| patterns.iter().filter(|pattern| pattern.is_match(black_box(line))).count();
                lines.iter().map(hits).sum::<usize>()
            });
        });
    }
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = sort);
criterion_main!(benches);
