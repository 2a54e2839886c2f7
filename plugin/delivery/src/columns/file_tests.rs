#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::lane::Lane;
use crate::spool::{Block, SegmentId};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::ParquetMetaData;
use shiwake_records::log_type::LogType;

const ACCESS: Lane = Lane::Typed(LogType::Access);
const HOUR: i64 = 3_600;

/// An event at `seconds` with a method, a status and a path.
fn event(seconds: i64, status: i64) -> Vec<u8> {
    let record = rmpv::Value::Map(vec![
        ("method".into(), "GET".into()),
        ("status".into(), status.into()),
        ("path".into(), format!("/{status}").into()),
        ("extra".into(), "x".into()),
    ]);
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &rmpv::Value::Array(vec![seconds.into(), record])).unwrap();
    bytes
}

fn segment(blocks: &[Vec<(i64, i64)>]) -> LoadedSegment {
    let blocks: Vec<Block> = blocks
        .iter()
        .map(|events| {
            let bytes: Vec<u8> = events.iter().flat_map(|(seconds, status)| event(*seconds, *status)).collect();
            Block { tag: "app".into(), events: Bytes::from(bytes), records: events.len() as u64, places: None }
        })
        .collect();
    let records = blocks.iter().map(|block| block.records).sum();
    LoadedSegment { id: id(3), first_record: 40, records, blocks }
}

fn id(number: u64) -> SegmentId {
    SegmentId { stream: "s".into(), lane: ACCESS, number }
}

fn writer() -> FileWriter {
    FileWriter { codec: Codec::default(), schemas: Arc::default(), rules: 0xabc }
}

/// Seconds and statuses of a file, in its order.
fn read_back(file: Vec<u8>) -> (Vec<(i64, i32)>, ParquetMetaData) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    let metadata = builder.metadata().as_ref().clone();
    let mut rows = Vec::new();
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let times = batch.column_by_name("time").unwrap().as_primitive::<TimestampMicrosecondType>().clone();
        let statuses = batch.column_by_name("status").unwrap().as_primitive::<Int32Type>().clone();
        rows.extend(times.values().iter().map(|time| time / 1_000_000).zip(statuses.values().iter().copied()));
    }
    (rows, metadata)
}

#[test]
fn a_segment_becomes_a_file_an_hour_with_rows_in_order_of_time() {
    let segment = segment(&[vec![(HOUR + 5, 200), (HOUR + 1, 201), (10, 404)], vec![(HOUR + 3, 500), (HOUR + 1, 202)]]);
    let plans = plan(&segment).unwrap();
    assert_eq!(plans.iter().map(PartitionPlan::records).collect::<Vec<_>>(), [1, 4]);
    let (rows, _) = read_back(writer().write(&segment, &plans[1]).unwrap().bytes);
    assert_eq!(rows, [(HOUR + 1, 201), (HOUR + 1, 202), (HOUR + 3, 500), (HOUR + 5, 200)]);
}

#[test]
fn what_is_known_of_places_is_believed_and_makes_no_difference() {
    let found = segment(&[vec![(HOUR + 5, 200), (HOUR + 1, 201), (10, 404)], vec![(HOUR + 3, 500)]]);
    let mut told = LoadedSegment { blocks: found.blocks.clone(), ..segment(&[]) };
    told.records = found.records;
    for block in &mut told.blocks {
        let mut reader = Reader::new(&block.events);
        let mut places = Vec::new();
        while let Ok(event) = Event::read(&mut reader) {
            places.push(RecordPlace::of(event.raw, reader.position() as u32));
        }
        assert_eq!(places.len() as u64, block.records);
        assert!(places.iter().all(|place| place.plain.is_some()));
        block.places = Some(places.into());
    }
    let (plans, told_plans) = (plan(&found).unwrap(), plan(&told).unwrap());
    assert_eq!(format!("{plans:?}"), format!("{told_plans:?}"));
    for plan in &plans {
        assert_eq!(writer().write(&found, plan).unwrap(), writer().write(&told, plan).unwrap());
    }
    // One that cannot be right is no reason to read behind the block.
    for wrong in [0, 3, u32::MAX] {
        for plain in [None, RecordPlace::of(&event(7, 200), 0).plain] {
            told.blocks[0].places = Some([RecordPlace { end: wrong, plain }].as_slice().into());
            assert!(plan(&told).is_err(), "{wrong} {plain:?}");
        }
    }
}

#[test]
fn writing_a_segment_again_gives_the_same_bytes() {
    let segment = segment(&[(0..5_000).map(|number| (number % 100, 200 + number % 7)).collect()]);
    let plans = plan(&segment).unwrap();
    assert_eq!(writer().write(&segment, &plans[0]).unwrap(), writer().write(&segment, &plans[0]).unwrap());
}

#[test]
fn the_layout_is_what_an_analyst_expects() {
    let segment = segment(&[(0..5_000).map(|number| (number % 3_000, 200)).collect()]);
    let plans = plan(&segment).unwrap();
    let (_, metadata) = read_back(writer().write(&segment, &plans[0]).unwrap().bytes);
    let schema = metadata.file_metadata().schema_descr();
    let columns: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
    assert_eq!(columns[0], "time");
    assert!(columns.contains(&"attributes.key_value.key".to_owned()), "{columns:?}");
    for column in schema.columns() {
        assert!(column.self_type().get_basic_info().has_id(), "{} has no field id", column.path());
    }
    let group = metadata.row_group(0);
    assert_eq!(group.sorting_columns().unwrap()[0].column_idx, 0);
    let time = group.column(0);
    assert!(time.encodings().any(|encoding| encoding == Encoding::DELTA_BINARY_PACKED));
    assert!(time.statistics().is_some());
    assert!(matches!(time.compression(), Compression::ZSTD(_)));
    let footer = metadata.file_metadata().key_value_metadata().unwrap();
    let value = |key: &str| footer.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.clone());
    assert_eq!(value("shiwake.records").as_deref(), Some("5000"));
    assert_eq!(value("shiwake.type").as_deref(), Some("access"));
    assert_eq!(value("shiwake.segment").as_deref(), Some("3"));
    assert_eq!(value("shiwake.misfits").as_deref(), Some("0"));
}

#[test]
fn wide_rows_close_row_groups_before_memory_runs_out() {
    // What does not compress and does not repeat: about 24 MB of it.
    let mut chance = 7_u64;
    let mut text = || -> String {
        let step = || {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            char::from(b' ' + (chance % 95) as u8)
        };
        std::iter::repeat_with(step).take(100_000).collect()
    };
    let events: Vec<u8> = (0..240)
        .flat_map(|number: i64| {
            let record = rmpv::Value::Map(vec![("log".into(), text().into()), ("status".into(), 200.into())]);
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, &rmpv::Value::Array(vec![number.into(), record])).unwrap();
            bytes
        })
        .collect();
    let block = Block { tag: "app".into(), events: Bytes::from(events), records: 240, places: None };
    let segment = LoadedSegment { id: id(0), first_record: 0, records: 240, blocks: vec![block] };
    let plans = plan(&segment).unwrap();
    let (rows, metadata) = read_back(writer().write(&segment, &plans[0]).unwrap().bytes);
    assert_eq!(rows.len(), 240);
    assert!(metadata.num_row_groups() >= 2, "{} row groups", metadata.num_row_groups());
}

#[test]
fn values_that_do_not_fit_are_counted_in_the_footer() {
    let segment = segment(&[vec![(1, 200), (2, 1 << 40), (3, 404), (4, -(1 << 40))]]);
    let plans = plan(&segment).unwrap();
    let file = writer().write(&segment, &plans[0]).unwrap();
    assert_eq!(file.misfits, 2);
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file.bytes)).unwrap();
    let footer = builder.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let counted = footer.iter().find(|entry| entry.key == "shiwake.misfits").and_then(|entry| entry.value.clone());
    assert_eq!(counted.as_deref(), Some("2"));
}

#[test]
fn a_damaged_segment_is_an_error_that_says_where() {
    let mut segment = segment(&[vec![(1, 200)]]);
    segment.blocks.push(Block {
        tag: "app".into(),
        events: Bytes::from_static(&[0x92, 0x05]),
        records: 1,
        places: None,
    });
    let error = plan(&segment).unwrap_err().to_string();
    assert_eq!(error, "segment is damaged: no event at offset 0 of block 1");
}

#[test]
fn rejected_records_are_kept_with_reason_place_and_rule() {
    let segment = segment(&[vec![(HOUR + 1, 200), (HOUR + 2, 500)]]);
    let plans = plan(&segment).unwrap();
    let (key, file) = writer().write_rejected(&segment, &plans[0], "because").unwrap();
    assert_eq!(key, "quarantine/dt=1970-01-01/hour=01/s-0000000003.parquet");
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file)).unwrap();
    let footer = builder.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let value = |key: &str| footer.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.clone());
    assert_eq!(value("shiwake.type").as_deref(), Some("quarantine"));
    assert_eq!(value("shiwake.origin_type").as_deref(), Some("access"));
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    let texts = |name: &str| -> Vec<String> {
        let column = batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        column.iter().map(|text| text.unwrap().to_owned()).collect()
    };
    assert_eq!(texts("reason"), ["because", "because"]);
    assert_eq!(texts("rule"), ["access-fields", "access-fields"]);
    let raw = batch.column_by_name("raw").unwrap().as_binary::<i32>().clone();
    assert_eq!(raw.value(1), event(HOUR + 2, 500));
}

#[test]
fn every_codec_gives_the_same_rows_and_is_that_of_every_column() {
    let segment = segment(&[(0..5_000).map(|number| (number % 3_000, 200 + number % 7)).collect()]);
    let plan = &plan(&segment).unwrap()[0];
    let expected = read_back(writer().write(&segment, plan).unwrap().bytes).0;
    let mut sizes = Vec::new();
    for codec in Codec::ALL.into_iter().chain([Codec::Zstd(19), Codec::Gzip(9)]) {
        let file = FileWriter { codec, ..writer() }.write(&segment, plan).unwrap().bytes;
        sizes.push((codec.name(), file.len()));
        let (rows, metadata) = read_back(file);
        assert!(rows == expected, "{codec:?}");
        let expected = std::mem::discriminant(&codec.parquet().unwrap());
        let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
        for column in columns {
            assert_eq!(std::mem::discriminant(&column.compression()), expected, "{codec:?} {}", column.column_path());
        }
    }
    let none = sizes.iter().find(|(name, _)| *name == "none").unwrap().1;
    assert!(sizes.iter().all(|(name, size)| *name == "none" || *size < none), "{sizes:?}");
}
