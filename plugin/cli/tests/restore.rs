//! `shiwake restore` over what real instances have set aside.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failure is the test's failure")]

use serde_json::Value;
use shiwake_delivery::clock::SystemClock;
use shiwake_delivery::config::Properties;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::log::{Level, Log};
use shiwake_delivery::metrics::NoMetrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline};
use shiwake_records::msgpack::write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tempfile::TempDir;

/// 2023-11-14T22:13:20Z.
const SECONDS: u32 = 1_700_000_000;
/// What a segment's seal ends with, behind its offset.
const SEAL_END_BYTES: usize = 8;

struct NoLog;

impl Log for NoLog {
    fn line(&self, _level: Level, _text: &str) {}
}

/// A lake and a store_dir, in which an instance has left three segments of app with two records each, `r0` to `r5`, each
/// record in a block of its own.
struct Scene {
    parent: TempDir,
    segments: Vec<PathBuf>,
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self { parent: tempfile::tempdir().unwrap(), segments: Vec::new() };
        let instance = scene.start("0s");
        // Nothing can be stored in what is no folder.
        fs::remove_dir_all(scene.lake()).unwrap();
        fs::write(scene.lake(), "").unwrap();
        for number in 0..6 {
            // Two of them are as long as a file may be.
            assert_eq!(instance.accept(&chunk(&format!("r{number} {}", "x".repeat(60_000))), "app"), Answer::Accepted);
        }
        instance.stop();
        fs::remove_file(scene.lake()).unwrap();
        scene.segments = files(&scene.store_dir(), ".segment");
        assert_eq!(scene.segments.len(), 3);
        scene
    }

    fn lake(&self) -> PathBuf {
        self.parent.path().join("lake")
    }

    fn store_dir(&self) -> PathBuf {
        self.parent.path().join("spool")
    }

    fn start(&self, shutdown_timeout: &str) -> Pipeline {
        let (lake, store_dir) = (self.lake(), self.store_dir());
        let set = [
            ("lake", lake.to_str().unwrap()),
            ("store_dir", store_dir.to_str().unwrap()),
            ("total_file_size", "100k"),
            ("shutdown_timeout", shutdown_timeout),
        ];
        let config = OutputConfig::new(
            &Properties::new(&PROPERTIES, set).unwrap(),
            &[],
            &mut shiwake_delivery::config::rules_file,
        )
        .unwrap();
        let outside = Outside {
            instance: "shiwake.0".into(),
            clock: Arc::new(SystemClock::default()),
            log: Arc::new(NoLog),
            memory: Arc::default(),
            metrics: Arc::new(NoMetrics),
        };
        Pipeline::start(config, &[], outside).unwrap()
    }

    /// The next instance delivers what it can of so many records, or sets it aside.
    fn deliver(&self, records: u64) {
        let instance = self.start("60s");
        while instance.ledger().totals().accepted < records {
            std::thread::yield_now();
        }
        instance.stop();
        assert_eq!(instance.ledger().totals().pending(), 0);
    }

    /// Changes a byte of the record in the segment's file.
    fn damage(&self, segment: usize, record: &str) {
        let mut content = fs::read(&self.segments[segment]).unwrap();
        let at = content.windows(3).position(|bytes| bytes == format!("{record} ").as_bytes()).unwrap();
        content[at + 10] ^= 1;
        fs::write(&self.segments[segment], content).unwrap();
    }

    /// What the ledger's exit status is, and how many records it misses.
    fn ledger(&self) -> (i32, u64) {
        let output = shiwake(&["ledger", self.lake().to_str().unwrap(), "--format", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), report["records_missing"].as_u64().unwrap())
    }

    fn restore(&self, source: &Path, arguments: &[&str]) -> (i32, String) {
        let output = shiwake(&[&["restore", source.to_str().unwrap()], arguments].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    }

    fn bring_back(&self, source: &Path) -> (i32, String) {
        self.restore(source, &["--into", self.lake().to_str().unwrap()])
    }
}

fn chunk(log: &str) -> Vec<u8> {
    let mut bytes = vec![0x92];
    write::event_time(&mut bytes, SECONDS, 0);
    write::map_header(&mut bytes, 1);
    write::str(&mut bytes, b"log");
    write::str(&mut bytes, log.as_bytes());
    bytes
}

fn shiwake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shiwake")).args(arguments).output().unwrap()
}

/// Files below a folder whose names end so, in order of their paths.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn a_segment_that_the_process_died_of_is_delivered_under_its_own_name_and_the_lake_adds_up() {
    let scene = Scene::new();
    fs::write(format!("{}.tries", scene.segments[1].display()), "xxxxx").unwrap();
    let first = fs::read(&scene.segments[0]).unwrap();
    scene.deliver(6);
    assert_eq!(scene.ledger(), (1, 2));
    let (code, said) = scene.restore(&scene.lake(), &["--list"]);
    assert!(said.contains("-0000000001-app.segment: app segment 1 of stream "), "{said}");
    assert!(said.contains("2 of 2 records from record 2 on; whole, set aside as the process had died of it"), "{said}");
    assert_eq!((code, scene.ledger()), (0, (1, 2)));

    for (objects, there) in [(1, 0), (0, 1)] {
        let (code, said) = scene.bring_back(&scene.lake());
        assert!(said.contains(&format!("{objects} objects stored, {there} were there")), "{said}");
        assert_eq!((code, scene.ledger()), (0, (0, 0)));
    }

    // The object is the one that the instance would have stored, to the byte.
    let (copy, other) = (scene.parent.path().join("copy"), scene.parent.path().join("other"));
    fs::write(&copy, first).unwrap();
    assert_eq!(scene.restore(&copy, &["--into", other.to_str().unwrap()]).0, 0);
    let (stored, restored) = (files(&scene.lake(), ".parquet"), files(&other, ".parquet"));
    assert_eq!((stored.len(), restored.len()), (3, 1));
    assert_eq!(stored[0].strip_prefix(scene.lake()).unwrap(), restored[0].strip_prefix(&other).unwrap());
    assert_eq!(fs::read(&stored[0]).unwrap(), fs::read(&restored[0]).unwrap());
}

#[test]
fn a_file_that_the_disk_did_not_give_is_delivered_from_the_spool() {
    let scene = Scene::new();
    fs::rename(&scene.segments[1], format!("{}.aside", scene.segments[1].display())).unwrap();
    scene.deliver(4);
    assert_eq!(scene.ledger(), (1, 2));
    let (code, said) = scene.bring_back(&scene.store_dir());
    assert!(said.contains("whole, set aside as the disk did not give it: 1 objects stored"), "{said}");
    assert_eq!((code, scene.ledger()), (0, (0, 0)));
}

#[test]
fn of_a_damaged_segment_the_rest_is_delivered_and_the_gap_is_what_is_damaged() {
    let scene = Scene::new();
    let whole = fs::read(&scene.segments[1]).unwrap();
    scene.damage(1, "r2");
    scene.deliver(6);
    assert_eq!(scene.ledger(), (1, 2));
    let (code, said) = scene.bring_back(&scene.lake());
    assert!(said.contains("1 of 2 records from record 2 on; damaged, first at offset "), "{said}");
    assert!(said.contains("in 1 places): 1 objects stored, 0 were there"), "{said}");
    assert_eq!((code, scene.ledger()), (1, (1, 1)));

    // A better copy that turns up later must not make the lake say two things.
    let copy = scene.parent.path().join("copy.segment");
    fs::write(&copy, whole).unwrap();
    let (code, said) = scene.bring_back(&copy);
    assert!(
        said.contains("not delivered, ") && said.contains("counts the records of this segment otherwise"),
        "{said}"
    );
    assert_eq!((code, scene.ledger()), (1, (1, 1)));
}

#[test]
fn all_that_can_be_read_of_a_damaged_segment_is_exported_with_its_offset() {
    let scene = Scene::new();
    scene.damage(1, "r2");
    let content = fs::read(&scene.segments[1]).unwrap();
    let output = shiwake(&["restore", scene.segments[1].to_str().unwrap(), "--export"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    // What frames the damaged block, its record, and the record that checks out.
    let records: Vec<&Value> = lines.iter().filter(|line| line["record"].is_object()).collect();
    assert_eq!((lines.len(), records.len()), (3, 2), "{lines:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("damaged, first at offset {}", lines[0]["offset"])), "{said}");
    assert!(lines[0]["raw"]["$bin"].is_string());
    for (record, (name, is_checked)) in records.iter().zip([("r2 ", false), ("r3 ", true)]) {
        assert!(record["record"]["log"].as_str().unwrap().starts_with(name));
        assert_eq!(record["checked"], is_checked);
        assert_eq!(record["time_micros"], 1_700_000_000_000_000_u64);
        assert_eq!(record["tag"], if is_checked { Value::from("app") } else { Value::Null });
        let at = usize::try_from(record["offset"].as_u64().unwrap()).unwrap();
        assert_eq!(content[at], 0x92);
    }
}

#[test]
fn what_recovery_has_delivered_of_a_damaged_file_is_there_and_not_delivered_again() {
    let scene = Scene::new();
    scene.damage(2, "r4");
    // The process had not come to sealing it.
    let content = fs::read(&scene.segments[2]).unwrap();
    let end = content.len() - SEAL_END_BYTES;
    let seal = u64::from_le_bytes(*content[..end].last_chunk().unwrap());
    fs::write(&scene.segments[2], &content[..usize::try_from(seal).unwrap()]).unwrap();
    scene.deliver(5);
    assert_eq!(scene.ledger(), (0, 0));
    let (code, said) = scene.bring_back(&scene.store_dir());
    assert!(said.contains(".segment.aside: app segment 2 of stream "), "{said}");
    assert!(said.contains("1 records from record 4 on; damaged, first at offset "), "{said}");
    assert!(said.contains("0 objects stored, 1 were there"), "{said}");
    assert_eq!((code, scene.ledger()), (1, (0, 0)));
}

#[test]
fn bytes_that_are_no_segment_are_exported_and_not_delivered() {
    let scene = Scene::new();
    let file = scene.parent.path().join("raw.msgpack");
    fs::write(&file, [chunk("one"), vec![0xc1, 0xc1], chunk("two")].concat()).unwrap();
    let first_damage = chunk("one").len();
    let says = format!(
        "no segment (it does not begin as a segment of version 1); 2 records can be read, other bytes from offset {first_damage} on"
    );
    for arguments in [&["--list"][..], &["--into", scene.lake().to_str().unwrap()], &["--export"]] {
        let (code, said) = scene.restore(&file, arguments);
        assert!(said.contains(&says), "{said}");
        assert_eq!(
            (code, said.matches(r#""record":{"log":"#).count()),
            (1, if arguments[0] == "--export" { 2 } else { 0 })
        );
    }
    assert!(files(&scene.lake(), ".parquet").is_empty());
}

#[test]
fn what_is_not_there_is_said() {
    let scene = Scene::new();
    let (code, said) = scene.restore(&scene.store_dir(), &["--list"]);
    assert!(said.ends_with("nothing is set aside here\n"), "{said}");
    assert_eq!(code, 0);
    let (code, said) = scene.restore(&scene.parent.path().join("none.aside"), &["--list"]);
    assert!(said.starts_with("shiwake: cannot read ") && said.contains("none.aside"), "{said}");
    assert_eq!(code, 2);
    assert_eq!(scene.restore(&scene.store_dir(), &[]).0, 2);
}
