//! How often the built-in rules are right, by lines that people have labelled.
//!
//! The labels are `tests/data/labels`, one file for each file of samples: the line's number, the type that somebody who
//! knows logs gives it, the severity when the line says one (`-` where it says none, `*` where it is not judged), and the
//! beginning of the line. The numbers are in `docs/accuracy.md`; they must be as measured, so neither a fall nor a rise passes
//! unseen. `UPDATE_ACCURACY=1 cargo test -p shiwake-records --test accuracy` writes them anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::json::JsonScanner;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::write;
use shiwake_records::sorter::Sorter;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where the tables stand in the document.
const MARKS: (&str, &str) = ("<!-- measured -->", "<!-- /measured -->");

struct Label {
    file: String,
    number: usize,
    log_type: String,
    severity: String,
    start: String,
}

struct Judged {
    label: Label,
    log_type: LogType,
    severity: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The labels of all files, in the order of their names.
fn labels() -> Vec<Label> {
    let folder = root().join("tests/data/labels");
    let mut names: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".tsv"));
    names.sort();
    let read = |name: String| {
        let file = name.trim_end_matches(".tsv").replacen("formats_", "formats/", 1);
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        rows.map(|row| {
            let parts: Vec<&str> = row.splitn(4, '\t').collect();
            Label {
                file: file.clone(),
                number: parts[0].parse().unwrap(),
                log_type: parts[1].to_owned(),
                severity: parts[2].to_owned(),
                start: parts[3].to_owned(),
            }
        })
        .collect::<Vec<_>>()
    };
    names.into_iter().flat_map(read).collect()
}

/// The event of a line: its fields when it is a JSON object, as the samples of records are, else the line under `log`.
fn event_of(line: &[u8]) -> Vec<u8> {
    let (mut event, mut fields) = (vec![0x92], LineFields::default());
    write::event_time(&mut event, 1_700_000_000, 0);
    if JsonScanner::default().scan(line, &mut fields) {
        write::map_header(&mut event, u32::try_from(fields.count()).unwrap());
        event.extend_from_slice(fields.bytes());
    } else {
        write::map_header(&mut event, 1);
        write::str(&mut event, b"log");
        write::str(&mut event, line);
    }
    event
}

fn judged() -> Vec<Judged> {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut sorter = Sorter::default();
    let mut judge = |label: Label| {
        let lines = files.entry(label.file.clone()).or_insert_with(|| {
            let text = std::fs::read_to_string(root().join("tests/data").join(&label.file)).unwrap();
            text.split('\n').map(str::to_owned).collect()
        });
        let line = &lines[label.number - 1];
        let start: String = line.chars().take(70).collect::<String>().replace('\t', "\\t");
        assert_eq!(
            start, label.start,
            "{}:{} is another line than the one that was labelled",
            label.file, label.number
        );
        let event = event_of(line.as_bytes());
        let Some(Item::Event(event)) = Chunk::new(&event).next() else { unreachable!("one event") };
        let verdict = sorter.sort(&event, &mut Vec::new()).unwrap();
        let severity = verdict.severity.map_or("-", |severity| severity.name()).to_owned();
        Judged { label, log_type: verdict.log_type, severity }
    };
    labels().into_iter().map(&mut judge).collect()
}

fn percent(part: usize, whole: usize) -> String {
    // Down, so that 100 is only what is wholly right.
    (part * 1_000).checked_div(whole).map_or("-".to_owned(), |mille| format!("{}.{}", mille / 10, mille % 10))
}

/// The tables of the document.
fn tables(judged: &[Judged]) -> String {
    let is_right = |judged: &&Judged| judged.log_type.name() == judged.label.log_type;
    let mut text = String::from("\n| log type | labelled | given | precision % | recall % |\n|---|---|---|---|---|\n");
    for log_type in LogType::BUILT_IN {
        let labelled = judged.iter().filter(|judged| judged.label.log_type == log_type.name()).count();
        let given = judged.iter().filter(|judged| judged.log_type == log_type).count();
        let right = judged.iter().filter(is_right).filter(|judged| judged.log_type == log_type).count();
        let (precision, recall) = (percent(right, given), percent(right, labelled));
        let _ = writeln!(text, "| {log_type} | {labelled} | {given} | {precision} | {recall} |");
    }
    text.push_str("\n| file | lines | type right % | severity judged | severity right % |\n|---|---|---|---|---|\n");
    let mut files: Vec<&str> = judged.iter().map(|judged| judged.label.file.as_str()).collect();
    files.dedup();
    for file in files.into_iter().chain(["all"]) {
        let of_file = || judged.iter().filter(|judged| file == "all" || judged.label.file == file);
        let with_severity = || of_file().filter(|judged| judged.label.severity != "*");
        let right_severity = with_severity().filter(|judged| judged.severity == judged.label.severity).count();
        let (lines, severities) = (of_file().count(), with_severity().count());
        let right = percent(of_file().filter(is_right).count(), lines);
        let _ =
            writeln!(text, "| {file} | {lines} | {right} | {severities} | {} |", percent(right_severity, severities));
    }
    text.push('\n');
    text
}

#[test]
fn the_built_in_rules_are_as_right_as_the_document_says() {
    let judged = judged();
    let measured = tables(&judged);
    println!("{measured}");
    for judged in &judged {
        let Judged { label: Label { file, number, log_type, severity, start }, .. } = judged;
        let is_severity = severity == "*" || *severity == judged.severity;
        if *log_type != judged.log_type.name() || !is_severity {
            println!("{file}:{number} is {log_type} {severity}, not {} {}: {start}", judged.log_type, judged.severity);
        }
    }
    let path = root().join("docs/accuracy.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(MARKS.0).unwrap();
    let (committed, after) = rest.split_once(MARKS.1).unwrap();
    if std::env::var_os("UPDATE_ACCURACY").is_some() {
        std::fs::write(&path, [before, MARKS.0, &measured, MARKS.1, after].concat()).unwrap();
        return;
    }
    assert_eq!(committed, measured, "docs/accuracy.md has other numbers than were measured");
}

#[test]
fn at_least_a_hundred_lines_of_each_log_are_labelled() {
    let labels = labels();
    let data = root().join("tests/data");
    for entry in std::fs::read_dir(&data).unwrap().chain(std::fs::read_dir(data.join("formats")).unwrap()) {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log" && extension != "ndjson") {
            continue;
        }
        let file = path.strip_prefix(&data).unwrap().to_str().unwrap().to_owned();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        let labelled = labels.iter().filter(|label| label.file == file).count();
        assert!(labelled >= lines.min(100), "{file}: {labelled} of {lines} lines");
    }
}
