//! Structured records: stepping over them, listing their keys, and sorting them, beside decoding them into trees and encoding them
//! again; throughput in bytes of MessagePack.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may fail")]

mod cpu_time;
mod naive;
mod shop;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use naive::{Naive, through_rmp_serde};
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::{Event, Timestamp};
use shiwake_records::fields::FieldIndex;
use shiwake_records::identity::task::{ContainerIdentity, TaskIdentity};
use shiwake_records::msgpack::Reader;
use shiwake_records::sorter::{Sorter, SorterConfig};
use std::hint::black_box;

const RECORDS: usize = 2_000;

fn events(chunk: &[u8]) -> Vec<Event<'_>> {
    let event = |item| match item {
        Item::Event(event) => Some(event),
        Item::Bad(_) => None,
    };
    Chunk::new(chunk).filter_map(event).collect()
}

/// What a filter with Datadog's properties and rules of nobody says of every record.
fn configured() -> SorterConfig {
    let text = |text: &str| Some(text.to_owned());
    SorterConfig {
        service: text("shop"),
        hostname: text("ip-10-0-1-12"),
        source: text("java"),
        tags: text("team:shop,tier:web"),
        env: text("prod"),
        version: text("4.11.2"),
        ..SorterConfig::default()
    }
}

fn task() -> TaskIdentity {
    let text = str::to_owned;
    TaskIdentity {
        cluster_name: text("shop"),
        task_arn: text("arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef0123456789abcdef"),
        task_id: text("0123456789abcdef0123456789abcdef"),
        family: text("web"),
        version: text("42"),
        availability_zone: text("eu-west-1a"),
        region: text("eu-west-1"),
        account: text("123456789012"),
        launch_type: text("FARGATE"),
        containers: vec![ContainerIdentity {
            id: text("5d1d0e8c7b6a59483726150f4e3d2c1b5d1d0e8c7b6a59483726150f4e3d2c1b"),
            name: text("web"),
            image: text("123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:4.11.2"),
            ..ContainerIdentity::default()
        }],
        ..TaskIdentity::default()
    }
}

fn scan(criterion: &mut Criterion<CpuTime>) {
    let chunk = shop::chunk(RECORDS);
    let events = events(&chunk);
    let mut group = criterion.benchmark_group("structured scan");
    group.throughput(Throughput::Bytes(chunk.len() as u64));
    group.bench_function("copy", |bencher| bencher.iter(|| black_box(&chunk).clone()));
    group.bench_function("skip", |bencher| {
        bencher.iter(|| {
            let mut reader = Reader::new(black_box(&chunk));
            while !reader.is_at_end() {
                reader.skip().unwrap();
            }
        });
    });
    group.bench_function("walk events", |bencher| bencher.iter(|| Chunk::new(black_box(&chunk)).count()));
    let mut index = FieldIndex::default();
    group.bench_function("list keys", |bencher| {
        bencher.iter(|| events.iter().for_each(|event| index.fill(black_box(&event.body))));
    });
}

fn sort(criterion: &mut Criterion<CpuTime>) {
    let chunk = shop::chunk(RECORDS);
    let events = events(&chunk);
    let mut group = criterion.benchmark_group("structured");
    group.throughput(Throughput::Bytes(chunk.len() as u64));
    let mut classifier = Sorter::default();
    group.bench_function("classify", |bencher| {
        bencher.iter(|| {
            for event in &events {
                black_box(classifier.sort_alone(black_box(event), |_| ()));
            }
        });
    });
    let mut of_task = Sorter::new(configured());
    of_task.set_task(&task());
    let sorters = [
        ("classify and append", Sorter::default()),
        ("classify and append, with properties", Sorter::new(configured())),
        ("classify and append, with properties and task", of_task),
    ];
    for (name, mut sorter) in sorters {
        let mut out = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                sorter.sort_chunk(black_box(&chunk), Timestamp::default(), &mut out)
            });
        });
    }
    let mut out = Vec::new();
    group.bench_function("naive: rmpv to rmpv", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut rest = black_box(chunk.as_slice());
            while !rest.is_empty() {
                let value = rmpv::decode::read_value(&mut rest).unwrap();
                rmpv::encode::write_value(&mut out, &value).unwrap();
            }
            out.len()
        });
    });
    let naive = Naive::new(&[]);
    group.bench_function("naive: rmpv, classified", |bencher| {
        bencher.iter(|| {
            out.clear();
            naive.sort_rmpv(black_box(&chunk), &mut out)
        });
    });
    group.bench_function("naive: rmp-serde to rmp-serde", |bencher| {
        bencher.iter(|| {
            out.clear();
            through_rmp_serde(black_box(&chunk), &mut out, |_| ())
        });
    });
    group.bench_function("naive: rmp-serde, classified", |bencher| {
        bencher.iter(|| {
            out.clear();
            naive.sort_rmp_serde(black_box(&chunk), &mut out)
        });
    });
}

criterion_group!(name = benches; config = cpu_time::criterion(); targets = scan, sort);
criterion_main!(benches);
