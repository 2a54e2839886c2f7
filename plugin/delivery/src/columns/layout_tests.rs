#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::columns::codec::Codec;
use crate::columns::file::{FileWriter, plan};
use crate::lane::Lane;
use crate::spool::{Block, LoadedSegment, SegmentId};
use arrow_array::cast::AsArray;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::write;
use std::sync::Arc;

/// A file of records a millisecond apart with these fields.
fn file(records: usize, fields: impl Fn(usize) -> Vec<(&'static str, String)>) -> Bytes {
    let mut events = Vec::new();
    for number in 0..records {
        events.push(0x92);
        let number_32 = u32::try_from(number).unwrap();
        write::event_time(&mut events, 1_800_000_000 + number_32 / 1_000, number_32 % 1_000 * 1_000_000);
        let fields = fields(number);
        write::map_header(&mut events, u32::try_from(fields.len()).unwrap());
        for (name, value) in fields {
            write::str(&mut events, name.as_bytes());
            write::str(&mut events, value.as_bytes());
        }
    }
    let id = SegmentId { stream: "s".into(), lane: Lane::Typed(LogType::Access), number: 1 };
    let block = Block { tag: "app".into(), events: Bytes::from(events), records: records as u64, places: None };
    let segment = LoadedSegment { id, first_record: 0, records: records as u64, blocks: vec![block] };
    let plans = plan(&segment).unwrap();
    assert_eq!(plans.len(), 1);
    let writer = FileWriter { codec: Codec::default(), schemas: Arc::default(), rules: 0xabc };
    Bytes::from(writer.write(&segment, &plans[0]).unwrap().bytes)
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required).parse_and_finish(file).unwrap()
}

/// Where a column stands in the file.
fn place(metadata: &ParquetMetaData, name: &str) -> usize {
    let columns = metadata.file_metadata().schema_descr().columns();
    columns.iter().position(|column| column.path().string() == name).unwrap()
}

fn filter(file: &Bytes, metadata: &ParquetMetaData, name: &str) -> Option<Sbbf> {
    Sbbf::read_from_column_chunk(metadata.row_group(0).column(place(metadata, name)), file).unwrap()
}

/// An id as tracers make them, of which no two begin alike.
fn id(number: usize) -> String {
    format!("{:032x}", (number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

#[test]
fn a_bloom_filter_knows_the_ids_and_hardly_any_other() {
    let file = file(5_000, |number| vec![("trace_id", id(number)), ("request_id", format!("r{}", number % 9))]);
    let metadata = metadata(&file);
    let known = filter(&file, &metadata, "trace_id").unwrap();
    assert!((0..5_000).all(|number| known.check(&id(number).as_str())));
    let wrong = (5_000..15_000).filter(|number| known.check(&id(*number).as_str())).count();
    assert!(wrong < 600, "{wrong} of 10,000");
    let length = metadata.row_group(0).column(place(&metadata, "trace_id")).bloom_filter_length().unwrap();
    assert!(length < 8_300, "{length} bytes for 5,000 ids");
    for name in ["request_id", "span_id", "user_id", "container_id", "path"] {
        assert!(filter(&file, &metadata, name).is_none(), "{name}: few values or none, so its dictionary says it all");
    }
}

#[test]
fn a_small_file_has_no_filter_and_is_small() {
    let file = file(20, |number| vec![("trace_id", id(number)), ("path", "/".to_owned())]);
    let metadata = metadata(&file);
    let has_filter = metadata.row_group(0).columns().iter().any(|column| column.bloom_filter_offset().is_some());
    assert!(!has_filter);
    let group = metadata.row_group(0);
    let encodings = group.column(place(&metadata, "trace_id")).encodings().collect::<Vec<_>>();
    assert!(encodings.contains(&Encoding::RLE_DICTIONARY), "{encodings:?}");
}

#[test]
fn pages_say_what_is_filtered_by_and_nothing_of_free_text() {
    let file = file(50_000, |number| {
        vec![
            ("trace_id", id(number)),
            ("status", (200 + number / 25_000).to_string()),
            ("log", id(number)),
            ("x", id(number)),
        ]
    });
    let metadata = metadata(&file);
    let pages = metadata.page_index_for_row_group(0);
    let index = |name| pages.column_index(place(&metadata, name));
    let Some(ColumnIndexMetaData::INT64(times)) = index("time") else { unreachable!("{:?}", index("time")) };
    assert!(times.num_pages() >= 2);
    let firsts: Vec<i64> = times.min_values_iter().map(|first| *first.unwrap()).collect();
    assert!(firsts.is_sorted() && firsts.first() < firsts.last(), "{firsts:?}");
    assert!(matches!(index("status"), Some(ColumnIndexMetaData::INT32(_))));
    for name in ["trace_id", "message", "attributes.key_value.key", "attributes.key_value.value"] {
        assert!(index(name).is_none(), "{name}");
        let located = pages.offset_index(place(&metadata, name)).unwrap().page_locations().len();
        assert!(located > 1, "{name}: a reader skips its pages by those of others");
    }
    let statistics = |name| metadata.row_group(0).column(place(&metadata, name)).statistics();
    assert_eq!(statistics("message").unwrap().null_count_opt(), Some(0));
    assert_eq!(statistics("span_id").unwrap().null_count_opt(), Some(50_000));
    assert!(statistics("attributes.key_value.value").is_none());
}

/// The values of a column of text.
fn texts(file: &Bytes, name: &str) -> Vec<Option<String>> {
    let batches = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap().build().unwrap();
    let texts = batches.flat_map(|batch| {
        let column = batch.unwrap().column_by_name(name).unwrap().as_string::<i32>().clone();
        column.iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
    });
    texts.collect()
}

#[test]
fn texts_of_every_layout_are_read_again() {
    // Ids that leave their dictionary within the first page, text that gives its up, that has none, that keeps it, with nulls.
    let values = |number: usize| {
        let mut fields = vec![
            ("trace_id", id(number)),
            ("log", format!("{number} é {}", "x".repeat(number % 90))),
            ("path", format!("/{}", number % 40)),
        ];
        if number % 3 == 1 {
            fields.push(("referer", id(number).repeat(9)));
        }
        if number > 24_000 {
            fields.push(("query", String::new()));
        }
        fields
    };
    let file = file(30_000, values);
    let metadata = metadata(&file);
    for (field, column, has_lengths) in [
        ("trace_id", "trace_id", true),
        ("log", "message", true),
        ("path", "path", false),
        ("referer", "referer", true),
        ("query", "query", false),
    ] {
        let encodings: Vec<Encoding> = metadata.row_group(0).column(place(&metadata, column)).encodings().collect();
        assert_eq!(encodings.contains(&Encoding::DELTA_LENGTH_BYTE_ARRAY), has_lengths, "{column}: {encodings:?}");
        let expected = (0..30_000).map(|number| {
            let fields = values(number).into_iter();
            fields.filter(|(name, _)| *name == field).map(|(_, value)| value).next()
        });
        assert!(texts(&file, column).into_iter().eq(expected), "{column}");
    }
}

#[test]
fn row_groups_have_a_bound_in_rows() {
    let file = file(ROW_GROUP_ROWS + 1, |_| Vec::new());
    let rows: Vec<i64> = metadata(&file).row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(rows, [256 * 1024, 1]);
}

#[test]
fn the_footer_names_the_rules() {
    let file = file(1, |_| Vec::new());
    let footer = metadata(&file).file_metadata().key_value_metadata().unwrap().clone();
    let rules = footer.iter().find(|pair| pair.key == "shiwake.rules").unwrap();
    assert_eq!(rules.value.as_deref(), Some("0000000000000abc"));
}
