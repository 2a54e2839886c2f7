//! Chunks of sorted records into the spool, in memory and in files, and out of it again; throughput in bytes of MessagePack. A chunk
//! is what a host hands over at a flush. Files are in the system's folder for what is temporary, and nothing is synced: how long
//! that takes is the disk's affair.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may fail")]

#[path = "../../records/benches/cpu_time/mod.rs"]
mod cpu_time;
#[path = "../../records/benches/shop/mod.rs"]
mod shop;

use bytes::Bytes;
use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shiwake_delivery::lane::{Lane, Lanes};
use shiwake_delivery::spool::{Block, Durability, MemoryBudget, MemoryShare, Spool, SpoolSettings, open_folder};
use shiwake_records::log_type::LogType;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const RECORDS: u64 = 300;
const LANE: Lane = Lane::Typed(LogType::Access);
const LIMIT_BYTES: u64 = 1_000_000_000;
/// Segments are closed and let go of at this size.
const SEGMENT_BYTES: u64 = 8_000_000;

fn spool(folder: Option<&Path>) -> Spool {
    let lanes = Lanes::default();
    let durability = if folder.is_some() { Durability::Flush } else { Durability::Memory };
    let settings = SpoolSettings {
        stream: Arc::from(format!("{:028x}", 1)),
        durability: lanes.each(|| durability),
        lanes,
        sorting: 1,
        memory: MemoryShare::join(&Arc::new(MemoryBudget::default()), LIMIT_BYTES, 0),
        disk_limit_bytes: LIMIT_BYTES,
        folder: folder.map(|folder| ("spool".to_owned(), open_folder(folder.to_path_buf(), "lake".to_owned()))),
        is_stopping: Arc::default(),
        is_abandoned: Arc::default(),
    };
    let mut spool = Spool::new(settings);
    spool.open(Duration::ZERO);
    spool
}

fn append(criterion: &mut Criterion<CpuTime>) {
    let events = Bytes::from(shop::chunk(RECORDS as usize));
    let folder = tempfile::tempdir().unwrap();
    let lanes = Lanes::default();
    let mut group = criterion.benchmark_group("spool");
    group.throughput(Throughput::Bytes(events.len() as u64));
    for (name, place) in [("memory", None), ("files", Some(folder.path().join("spool")))] {
        let mut spool = spool(place.as_deref());
        let mut number = 0_u64;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                // Chunks differ, or they are taken for the same one that came again.
                number += 1;
                let id = spool.identify(&events, &number.to_string());
                let mut blocks = lanes.each(|| None);
                blocks[lanes.index(LANE)] =
                    Some(Block { tag: "app".into(), events: events.clone(), records: RECORDS, places: None });
                spool.append(id, blocks, Duration::ZERO).unwrap();
                spool.sync().unwrap();
                if spool.open_segment(LANE).is_some_and(|segment| segment.bytes >= SEGMENT_BYTES) {
                    let sealed = spool.seal(LANE).unwrap();
                    spool.commit(&sealed.id).unwrap();
                    spool.finish_commits().unwrap();
                }
            });
        });
    }
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = append);
criterion_main!(benches);
