//! Types of the user's own, from the chunk to the object.

use super::*;
use crate::lane::Lane;
use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use shiwake_records::log_type::LogType;

fn own(name: &str) -> LogType {
    LogType::from_name(name).unwrap()
}

/// A type like audit with a column of its own.
const BILLING: &str =
    "[type.billing]\nlike = 'audit'\ncolumns.amount = { type = 'float64', from = ['amount', 'amt'] }\n";

fn record(fields: &[(&str, rmpv::Value)]) -> Vec<u8> {
    let map = fields.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
    let mut bytes = Vec::new();
    let event = rmpv::Value::Array(vec![1_700_000_000_u32.into(), rmpv::Value::Map(map)]);
    rmpv::encode::write_value(&mut bytes, &event).unwrap();
    bytes
}

fn billed(amount: rmpv::Value) -> Vec<u8> {
    record(&[("log_type", "billing".into()), ("actor", "eva".into()), ("amt", amount), ("log", "paid".into())])
}

fn key_of(bench: &Bench, log_type: &str) -> String {
    let keys = keys(&bench.store);
    let part = format!("type={log_type}/");
    keys.iter().find(|key| key.contains(&part)).unwrap_or_else(|| panic!("no {part} in {keys:?}")).clone()
}

/// Names of the columns of the only object of a type, and the batch.
fn object(bench: &Bench, log_type: &str) -> (Vec<String>, arrow_array::RecordBatch) {
    let bytes = bytes::Bytes::from(read(&bench.store, &key_of(bench, log_type)));
    let batch = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap().next().unwrap().unwrap();
    (batch.schema().fields().iter().map(|field| field.name().clone()).collect(), batch)
}

fn overflow(batch: &arrow_array::RecordBatch, row: usize) -> Vec<(String, String)> {
    let entries = batch.column_by_name("attributes").unwrap().as_map().value(row);
    let texts = |column: usize| -> Vec<String> {
        entries.column(column).as_string::<i32>().iter().map(|text| text.unwrap_or("null").to_owned()).collect()
    };
    texts(0).into_iter().zip(texts(1)).collect()
}

#[test]
fn records_of_a_declared_type_have_a_lane_columns_and_sums_of_their_own() {
    let bench = start_with(&[("object_tags", "on")], BILLING);
    let chunk =
        [billed(12.5.into()), billed("much".into()), record(&[("log_type", "moods".into()), ("log", "x".into())])];
    assert_eq!(bench.pipeline.accept(&chunk.concat(), "app"), Answer::Accepted);
    bench.pipeline.stop();
    let ledger = bench.pipeline.ledger();
    let totals = ledger.lane(Lane::Typed(own("billing")));
    assert_eq!((totals.accepted, totals.written, totals.misfits), (2, 2, 1));
    assert_eq!(
        ledger.lane(Lane::Typed(LogType::App)).written,
        1,
        "what names a type that nobody declares is sorted anew"
    );
    assert!(bench.lines.has(Level::Info, "objects=2"), "{:?}", bench.lines);
    assert!(bench.lines.has(Level::Info, " misfits=1 billing=2 app=1"), "{:?}", bench.lines);
    let (names, batch) = object(&bench, "billing");
    assert!(names.contains(&"actor".to_owned()) && names.contains(&"amount".to_owned()), "{names:?}");
    let amounts = batch.column_by_name("amount").unwrap().as_primitive::<arrow_array::types::Float64Type>();
    assert_eq!(amounts.iter().collect::<Vec<_>>(), [Some(12.5), None]);
    assert_eq!(overflow(&batch, 0), []);
    assert_eq!(overflow(&batch, 1), [("amt".to_owned(), "much".to_owned())]);
    let (_, batch) = object(&bench, "app");
    assert_eq!(overflow(&batch, 0)[0], ("log_type".to_owned(), "moods".to_owned()));
    let tags = bench.store.tags.lock().unwrap();
    let tag = |log_type: &str| tags.iter().find(|(key, _)| *key == key_of(&bench, log_type)).unwrap().1.clone();
    assert_eq!((tag("billing").as_str(), tag("app").as_str()), ("retention=5y", "retention=3mo"));
}

#[test]
fn without_object_tags_no_object_has_a_tag() {
    let bench = start(&[]);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert_eq!(bench.store.tags.lock().unwrap()[0].1, "");
}

/// An instance that has taken records of a declared type and written none of them.
fn leave_behind(store_dir: &str, rules: &str) {
    let bench = start_with(&[("store_dir", store_dir), ("shutdown_timeout", "0s")], rules);
    bench.store.failures_left.store(u64::MAX, Ordering::Relaxed);
    let chunk = [billed(12.5.into()), chunk(&["hello"])].concat();
    assert_eq!(bench.pipeline.accept(&chunk, "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert!(bench.lines.has(Level::Warn, "billing 1"), "{:?}", bench.lines);
}

#[test]
fn what_is_left_of_a_type_that_nobody_declares_any_more_is_written_as_that_type() {
    let folder = tempfile::tempdir().unwrap();
    let store_dir = folder.path().to_str().unwrap();
    leave_behind(store_dir, BILLING);
    let bench = start(&[("store_dir", store_dir), ("object_tags", "on")]);
    while bench.pipeline.ledger().totals().written < 2 {
        std::thread::yield_now();
    }
    // The host sends again what it does not know to be taken: all of it is there, whatever its types are called now.
    let sent_again = [billed(12.5.into()), chunk(&["hello"])].concat();
    assert_eq!(bench.pipeline.accept(&sent_again, "app"), Answer::Accepted);
    bench.pipeline.stop();
    let ledger = bench.pipeline.ledger();
    assert_eq!((ledger.totals().accepted, ledger.totals().written, ledger.recognised()), (2, 2, 2));
    assert!(
        bench.lines.has(Level::Warn, "1 of them are of the type 'billing', which the rules do not declare any more")
    );
    assert!(bench.lines.has(Level::Info, " app=1 undeclared=1"), "{:?}", bench.lines);
    let (names, batch) = object(&bench, "billing");
    assert!(names.contains(&"service".to_owned()) && !names.contains(&"amount".to_owned()), "{names:?}");
    let expected = [("actor", "eva"), ("amt", "12.5")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(overflow(&batch, 0), expected);
    let tags = bench.store.tags.lock().unwrap();
    let tag = tags.iter().find(|(key, _)| key.contains("type=billing/")).unwrap().1.clone();
    assert_eq!(tag, "", "nobody knows how long it is to be kept");
}

#[test]
fn what_is_left_of_a_type_with_other_columns_gets_those_of_now() {
    let folder = tempfile::tempdir().unwrap();
    let store_dir = folder.path().to_str().unwrap();
    leave_behind(store_dir, "[type.billing]\nlike = 'app'\n");
    let bench = start_with(&[("store_dir", store_dir)], BILLING);
    while bench.pipeline.ledger().totals().written < 2 {
        std::thread::yield_now();
    }
    bench.pipeline.stop();
    let (_, batch) = object(&bench, "billing");
    let amounts = batch.column_by_name("amount").unwrap().as_primitive::<arrow_array::types::Float64Type>();
    assert_eq!(amounts.iter().collect::<Vec<_>>(), [Some(12.5)]);
}

#[test]
fn as_many_types_as_may_be_declared_have_their_lanes_and_the_worth_of_those_they_are_like() {
    use shiwake_records::rules::MAX_TYPES;
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..MAX_TYPES).map(|number| format!("t{number}")).collect();
    let rules: String = names.iter().map(|name| format!("[type.{name}]\nlike = 'audit'\n")).collect();
    let store_dir = folder.path().to_str().unwrap();
    let chunk: Vec<u8> =
        names.iter().flat_map(|name| record(&[("log_type", name.as_str().into()), ("log", "x".into())])).collect();
    // Once in memory and once in files, where the host sends the chunk again.
    for set in [&[][..], &[("store_dir", store_dir)][..]] {
        let bench = start_with(set, &rules);
        assert_eq!(bench.pipeline.accept(&chunk, "app"), Answer::Accepted);
        bench.pipeline.stop();
        assert_eq!(keys(&bench.store).len(), MAX_TYPES);
        assert_eq!(bench.pipeline.ledger().totals().written, MAX_TYPES as u64);
    }
    let bench = start_with(&[("store_dir", store_dir)], &rules);
    assert_eq!(bench.pipeline.accept(&chunk, "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().recognised(), MAX_TYPES as u64);
}

#[test]
fn what_rules_throw_away_is_in_the_sums_and_nowhere_else() {
    let rules = "[[rule]]\nname = 'noise'\ndrop = true\nwhen.tag = 'web-*'\nmatch = '^healthz'\n\
                 [[rule]]\nname = 'bills'\ntype = 'billing'\nmatch = '^BILL'\n";
    let bench = start_with(&[], &format!("{rules}{BILLING}"));
    let lines = ["healthz ok", "BILL 7", "hello", "healthz"];
    assert_eq!(bench.pipeline.accept(&chunk(&lines), "web-1"), Answer::Accepted);
    assert_eq!(bench.pipeline.accept(&chunk(&["healthz"]), "web-1"), Answer::Accepted, "nothing is left of it");
    assert_eq!(bench.pipeline.accept(&chunk(&["healthz"]), "app"), Answer::Accepted);
    bench.pipeline.stop();
    let totals = bench.pipeline.ledger().totals();
    assert_eq!((totals.accepted, totals.written, totals.dropped, totals.pending()), (6, 3, 3, 0));
    assert!(bench.lines.has(Level::Info, " dropped=3 "), "{:?}", bench.lines);
    assert!(bench.lines.has(Level::Info, " dropped_by_noise=3 billing=1 app=2"), "{:?}", bench.lines);
    assert_eq!(keys(&bench.store).len(), 2);
}
