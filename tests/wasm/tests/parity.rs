//! The native filter and the WASM filter give the same record, in the same order, for every line of the sample logs and for
//! generated records.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod records;

use proptest::prelude::*;
use records::{Compared, any_record, as_json, as_msgpack};
use rmpv::Value;
use shiwake_records::event::Event;
use shiwake_records::msgpack::Reader;
use shiwake_records::rules::RuleSet;
use shiwake_records::sorter::{Pieces, Sorter, SorterConfig};
use shiwake_wasm_host::{Frees, Host, read_shipped};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const TAG: &[u8] = b"app-firelens-0a1b2c";

/// What the native filter makes of a record: its fields, or nothing when a rule throws it away.
fn native(sorter: &mut Sorter, record: &[(String, Value)]) -> Vec<(Value, Value)> {
    let chunk = as_msgpack(record);
    let mut out = Vec::new();
    sorter.set_tag(TAG);
    sorter.sort_chunk(&chunk, Default::default(), &mut out);
    if out.is_empty() {
        return Vec::new();
    }
    let event = Event::read(&mut Reader::new(&out)).unwrap();
    match rmpv::decode::read_value(&mut &*event.body.whole).unwrap() {
        Value::Map(fields) => fields,
        other => panic!("{other} is no record"),
    }
}

fn native_sorter(rules: Arc<RuleSet>) -> Sorter {
    Sorter::new(SorterConfig { rules, pieces: Pieces::JoinOrPass, ..SorterConfig::default() })
}

/// A host, and the native filter beside it.
struct Both {
    host: Host,
    sorter: Sorter,
}

impl Both {
    fn built_in() -> Self {
        let host = Host::start(&read_shipped("shiwake.wasm").unwrap(), Frees::AfterTheCall).unwrap();
        Self { host, sorter: native_sorter(RuleSet::built_in()) }
    }

    fn compare(&mut self, record: &[(String, Value)]) -> Compared {
        let text = as_json(record);
        let answer = self.host.filter(TAG, text.as_bytes());
        let answer = answer.unwrap_or_else(|error| panic!("{text} is lost: {error}"));
        Compared { native: native(&mut self.sorter, record), wasm: String::from_utf8(answer).unwrap(), text }
    }
}

fn data() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../data")).to_path_buf()
}

/// All sample lines, as a record with the line, and as a record with its fields when the line is JSON.
fn sample_records() -> Vec<Vec<(String, Value)>> {
    let mut records = Vec::new();
    for folder in [data(), data().join("formats"), data().join("ecs")] {
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let is_log = file.extension().is_some_and(|name| name == "log" || name == "ndjson");
            let Some(text) = is_log.then(|| std::fs::read_to_string(&file).unwrap()) else { continue };
            for line in text.lines() {
                records.push(vec![("log".to_owned(), Value::from(line))]);
                if let Some(fields) = records::fields_of(line) {
                    records.push(fields);
                }
            }
        }
    }
    records
}

#[test]
fn sample_records_come_out_the_same() {
    let mut both = Both::built_in();
    let records = sample_records();
    assert!(records.len() > 4_000, "{} samples", records.len());
    for record in records {
        both.compare(&record).check();
    }
}

#[test]
fn records_come_out_the_same_with_rules_of_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    let (rules_file, module_file) = (folder.path().join("rules.toml"), folder.path().join("own.wasm"));
    std::fs::write(&rules_file, records::RULES).unwrap();
    let command = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/shiwake");
    let command = std::env::var_os("SHIWAKE_COMMAND").map_or(command, PathBuf::from);
    let built = Command::new(&command)
        .args(["wasm", "--rules"])
        .arg(&rules_file)
        .arg("--module")
        .arg(shiwake_wasm_host::shipped("shiwake-unbuilt.wasm"))
        .arg("-o")
        .arg(&module_file)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let host = Host::start(&std::fs::read(&module_file).unwrap(), Frees::Never).unwrap();
    let rules = Arc::new(RuleSet::parse("rules.toml", records::RULES).unwrap());
    let mut both = Both { host, sorter: native_sorter(rules.clone()) };
    let mut dropped = 0;
    for record in sample_records() {
        let compared = both.compare(&record);
        dropped += usize::from(compared.wasm.is_empty());
        compared.check();
    }
    assert!(dropped > 0, "a rule throws records away");
    let own = both.sorter.rule_counts().iter().take(rules.own_rules().len());
    assert!(own.map(|counts| counts.matched).all(|matched| matched > 0), "every rule held for some record");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]
    #[test]
    fn generated_records_come_out_the_same(record in any_record()) {
        thread_local!(static BOTH: RefCell<Both> = RefCell::new(Both::built_in()));
        BOTH.with_borrow_mut(|both| both.compare(&record)).check();
    }
}
