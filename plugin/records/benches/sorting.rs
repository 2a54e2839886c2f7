//! Scanning and sorting the sample logs as FireLens records; throughput in bytes of MessagePack.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros make the items, and a bench may fail")]

mod cpu_time;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shiwake_records::chunk::Chunk;
use shiwake_records::event::Timestamp;
use shiwake_records::msgpack::write;
use shiwake_records::sorter::Sorter;
use std::hint::black_box;
use std::path::Path;

const LOGS: [&str; 4] =
    ["access_apache_combined.log", "audit_auth.log", "app_kafka_controller.log", "error_kafka_state_change.log"];

fn chunk(file: &str) -> Vec<u8> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data")).join(file);
    chunk_of(std::fs::read(path).unwrap().split(|byte| *byte == b'\n'))
}

fn chunk_of<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        out.push(0x92);
        write::event_time(&mut out, 1_700_000_000, 0);
        write::map_header(&mut out, 4);
        for (key, value) in [
            ("container_name", &b"/ecs-shop-7-web-c0ffee"[..]),
            ("source", b"stdout"),
            ("ecs_task_definition", b"shop:7"),
            ("log", line),
        ] {
            write::str(&mut out, key.as_bytes());
            write::str(&mut out, value);
        }
    }
    out
}

/// A line of a JSON logger and the same as logfmt, as they stand in a record.
const STRUCTURED: [(&str, &str); 2] = [
    (
        "json",
        r#"{"level":"info","ts":1494567715.911,"logger":"api","caller":"shop/main.go:24","msg":"request \"done\"","method":"GET","path":"/cart","status":200,"duration_ms":12.5,"user":{"id":7,"roles":["a","b"]}}"#,
    ),
    (
        "logfmt",
        r#"ts=1494567715.911 level=info logger=api caller=shop/main.go:24 msg="request \"done\"" method=GET path=/cart status=200 duration_ms=12.5 user=7"#,
    ),
];

fn scan(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("scan");
    for file in LOGS {
        let chunk = chunk(file);
        group.throughput(Throughput::Bytes(chunk.len() as u64));
        group.bench_function(file, |bencher| bencher.iter(|| Chunk::new(black_box(&chunk)).count()));
    }
}

fn sort(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("sort");
    let files = LOGS.map(|file| (file, chunk(file)));
    let structured = STRUCTURED.map(|(name, line)| (name, chunk_of(std::iter::repeat_n(line.as_bytes(), 1_000))));
    for (file, chunk) in files.into_iter().chain(structured) {
        let (mut sorter, mut out) = (Sorter::default(), Vec::new());
        group.throughput(Throughput::Bytes(chunk.len() as u64));
        group.bench_function(file, |bencher| {
            bencher.iter(|| {
                out.clear();
                sorter.sort_chunk(black_box(&chunk), Timestamp::default(), &mut out)
            });
        });
        let sorted = out.clone();
        group.throughput(Throughput::Bytes(sorted.len() as u64));
        group.bench_function(format!("{file}, sorted before"), |bencher| {
            bencher.iter(|| {
                out.clear();
                sorter.sort_chunk(black_box(&sorted), Timestamp::default(), &mut out)
            });
        });
    }
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = scan, sort);
criterion_main!(benches);
