//! Sorted sample logs into Parquet files; throughput in bytes of MessagePack.

#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros make the items, and a bench may fail")]

#[path = "../../records/benches/cpu_time/mod.rs"]
mod cpu_time;

use bytes::Bytes;
use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shiwake_delivery::columns::codec::Codec;
use shiwake_delivery::columns::file::{FileWriter, plan};
use shiwake_delivery::lane::Lane;
use shiwake_delivery::spool::{Block, LoadedSegment, SegmentId};
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::write;
use shiwake_records::sorter::Sorter;
use std::hint::black_box;
use std::path::Path;

const LOGS: [(&str, LogType); 3] = [
    ("access_apache_combined.log", LogType::Access),
    ("audit_auth.log", LogType::Audit),
    ("app_kafka_controller.log", LogType::App),
];
/// How often a file's lines are repeated, so that a segment has megabytes.
const REPEATED: usize = 20;

fn segment(file: &str, log_type: LogType) -> (LoadedSegment, u64) {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data")).join(file);
    let text = std::fs::read(path).unwrap();
    let (mut sorter, mut event, mut events, mut records) = (Sorter::default(), Vec::new(), Vec::new(), 0);
    for line in std::iter::repeat_n(text.split(|byte| *byte == b'\n'), REPEATED).flatten() {
        event.clear();
        event.push(0x92);
        write::event_time(&mut event, 1_700_000_000, 0);
        write::map_header(&mut event, 2);
        for (key, value) in [("ecs_task_definition", &b"shop:7"[..]), ("log", line)] {
            write::str(&mut event, key.as_bytes());
            write::str(&mut event, value);
        }
        let Some(Item::Event(raw)) = Chunk::new(&event).next() else { continue };
        let before = events.len();
        match sorter.sort(&raw, &mut events) {
            Some(verdict) if verdict.log_type == log_type => records += 1,
            _ => events.truncate(before),
        }
    }
    let bytes = events.len() as u64;
    let block = Block { tag: "app".into(), events: Bytes::from(events), records, places: None };
    let id = SegmentId { stream: "s".into(), lane: Lane::Typed(log_type), number: 0 };
    (LoadedSegment { id, first_record: 0, records, blocks: vec![block] }, bytes)
}

fn files(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("files");
    group.sample_size(10);
    let writer = FileWriter { codec: Codec::default(), schemas: Default::default(), rules: 0 };
    for (file, log_type) in LOGS {
        let (segment, bytes) = segment(file, log_type);
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(file, |bencher| {
            bencher.iter(|| {
                let plans = plan(black_box(&segment)).unwrap();
                plans.iter().map(|plan| writer.write(&segment, plan).unwrap().bytes.len()).sum::<usize>()
            });
        });
    }
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = files);
criterion_main!(benches);
