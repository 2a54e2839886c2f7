//! Structured records laid out over the columns of their types, without files; throughput in bytes of MessagePack.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may fail")]

#[path = "../../records/benches/cpu_time/mod.rs"]
mod cpu_time;
#[path = "../../records/benches/shop/mod.rs"]
mod shop;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shiwake_delivery::columns::row::RowLayout;
use shiwake_delivery::columns::rows::Rows;
use shiwake_delivery::lane::Lane;
use shiwake_delivery::schema::Schemas;
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::log_type::LogType;
use shiwake_records::sorter::Sorter;
use std::hint::black_box;

const RECORDS: usize = 5_000;
/// Rows that a row group takes at a time.
const BATCH_ROWS: usize = 256;

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
        let columns = schemas.columns(Lane::Typed(log_type));
        let layout = RowLayout::new(columns, log_type.name());
        group.throughput(Throughput::Bytes(events.len() as u64));
        group.bench_function(log_type.name(), |bencher| {
            let mut rows = Rows::new(columns.len());
            bencher.iter(|| {
                let mut taken = 0;
                for item in Chunk::new(black_box(&events)) {
                    let Item::Event(event) = item else { continue };
                    layout.fill(&event, &mut rows);
                    if rows.len() == BATCH_ROWS {
                        taken += black_box(&rows).len();
                        rows.clear();
                    }
                }
                taken
            });
        });
    }
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = rows);
criterion_main!(benches);
