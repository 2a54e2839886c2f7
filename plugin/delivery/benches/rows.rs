//! Structured records laid out over the columns of their types, without files; throughput in bytes of MessagePack.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may fail")]

#[path = "../../records/benches/cpu_time/mod.rs"]
mod cpu_time;
#[path = "../../records/benches/shop/mod.rs"]
mod shop;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shiwake_delivery::columns::row::{Row, RowLayout};
use shiwake_delivery::lane::Lane;
use shiwake_delivery::schema::Schemas;
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::log_type::LogType;
use shiwake_records::sorter::Sorter;
use std::hint::black_box;

const RECORDS: usize = 5_000;

/// The sorted events of one type.
fn sorted(log_type: LogType) -> Vec<u8> {
    let (chunk, mut sorter, mut events) = (shop::chunk(RECORDS), Sorter::default(), Vec::new());
    for item in Chunk::new(&chunk) {
        let Item::Event(event) = item else { continue };
        let before = events.len();
        if sorter.sort(&event, &mut events).is_none_or(|verdict| verdict.log_type != log_type) {
            events.truncate(before);
        }
    }
    events
}

fn rows(criterion: &mut Criterion<CpuTime>) {
    let schemas = Schemas::default();
    let mut group = criterion.benchmark_group("rows");
    for log_type in [LogType::Access, LogType::App, LogType::Error, LogType::Audit] {
        let events = sorted(log_type);
        let layout = RowLayout::new(schemas.columns(Lane::Typed(log_type)));
        group.throughput(Throughput::Bytes(events.len() as u64));
        group.bench_function(log_type.name(), |bencher| {
            let mut row = Row::default();
            bencher.iter(|| {
                let mut cells = 0;
                for item in Chunk::new(black_box(&events)) {
                    let Item::Event(event) = item else { continue };
                    layout.fill(&event, log_type.name(), &mut row);
                    cells += row.cells.len() + row.overflow.len();
                }
                cells
            });
        });
    }
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = rows);
criterion_main!(benches);
