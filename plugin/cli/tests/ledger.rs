//! What `shiwake ledger` says of lakes in folders: whole ones, and ones with something missing, twice or broken.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use parquet::basic::Type;
use parquet::data_type::Int64Type;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as SchemaType;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tempfile::TempDir;

/// A file of a lake, as its footer tells.
#[derive(Clone, Copy)]
struct File {
    lane: &'static str,
    stream: &'static str,
    segment: u64,
    first_record: u64,
    segment_records: u64,
    part: u64,
    parts: u64,
    rows: u64,
}

impl File {
    /// A segment in one file.
    fn whole(lane: &'static str, segment: u64, first_record: u64, rows: u64) -> Self {
        Self { lane, stream: "s", segment, first_record, segment_records: rows, part: 0, parts: 1, rows }
    }

    fn key(&self) -> String {
        let (day, hour) = (self.segment + 1, self.part);
        let folder = if self.lane == "quarantine" { "quarantine".to_owned() } else { format!("type={}", self.lane) };
        format!("{folder}/dt=2026-01-{day:02}/hour={hour:02}/{}-{:010}.parquet", self.stream, self.segment)
    }

    fn footer(&self) -> Vec<(&'static str, String)> {
        vec![
            ("shiwake.version", "0.1.0".to_owned()),
            ("shiwake.type", self.lane.to_owned()),
            ("shiwake.stream", self.stream.to_owned()),
            ("shiwake.segment", self.segment.to_string()),
            ("shiwake.records", self.rows.to_string()),
            ("shiwake.first_record", self.first_record.to_string()),
            ("shiwake.segment_records", self.segment_records.to_string()),
            ("shiwake.part", self.part.to_string()),
            ("shiwake.parts", self.parts.to_string()),
        ]
    }
}

/// The lake that adds up: two segments of app, the second in three parts, one of audit, one of quarantine.
fn good() -> Vec<File> {
    let second = File::whole("app", 2, 10, 30);
    let part = |part, rows| File { part, parts: 3, rows, ..second };
    vec![
        File::whole("app", 0, 0, 10),
        File::whole("audit", 1, 0, 5),
        part(0, 10),
        part(1, 12),
        part(2, 8),
        File::whole("quarantine", 3, 0, 2),
        File::whole("app", 4, 40, 1),
    ]
}

struct Lake(TempDir);

impl Lake {
    fn of(files: &[File]) -> Self {
        let lake = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|file| lake.add(&file.key(), &file.footer(), file.rows));
        lake
    }

    fn add(&self, key: &str, footer: &[(&str, String)], rows: u64) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_parquet(&path, footer, rows);
    }

    fn path(&self, key: &str) -> PathBuf {
        self.0.path().join(key)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        ledger(self.0.path(), arguments)
    }

    /// Exit status and text behind the tables.
    fn text(&self) -> (i32, String) {
        let output = self.run(&[]);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    fn json(&self) -> (i32, Value) {
        let output = self.run(&["--format", "json"]);
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
    }
}

fn ledger(lake: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shiwake")).arg("ledger").arg(lake).args(arguments).output().unwrap()
}

fn write_parquet(path: &Path, footer: &[(&str, String)], rows: u64) {
    let column = SchemaType::primitive_type_builder("time", Type::INT64)
        .with_repetition(parquet::basic::Repetition::REQUIRED)
        .build()
        .unwrap();
    let schema = SchemaType::group_type_builder("schema").with_fields(vec![Arc::new(column)]).build().unwrap();
    let pairs = footer.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs)).build();
    let file = fs::File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let values: Vec<i64> = (0..i64::try_from(rows).unwrap()).collect();
    column.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

/// The text from the line on that begins with the word.
fn from<'a>(text: &'a str, word: &str) -> &'a str {
    &text[text.find(&format!("\n{word}")).unwrap_or_else(|| panic!("no {word} in {text}")) + 1..]
}

#[test]
fn a_lake_that_adds_up_is_shown_by_type_and_exits_with_0() {
    let lake = Lake::of(&good());
    let (code, text) = lake.text();
    assert_eq!(code, 0, "{text}");
    let bytes_free: Vec<String> = text
        .lines()
        .skip(2)
        .take(5)
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words
                .iter()
                .enumerate()
                .filter(|(place, _)| *place != 3)
                .map(|(_, word)| *word)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    assert_eq!(
        bytes_free,
        [
            "type files rows first hour last hour",
            "app 5 41 2026-01-01 00:00 2026-01-05 00:00",
            "audit 1 5 2026-01-02 00:00 2026-01-02 00:00",
            "quarantine 1 2 2026-01-04 00:00 2026-01-04 00:00",
            "total 7 48 2026-01-01 00:00 2026-01-05 00:00",
        ]
    );
    assert_eq!(
        from(&text, "streams"),
        "streams: 1\n  s: app up to segment 4 (41 records), audit up to segment 1 (5 records), quarantine up to segment 3 \
         (2 records)\ngaps: none\ndoubles: none\ncontradictions: none\nnot read: none\n"
    );
    let (code, report) = lake.json();
    assert_eq!(code, 0, "{report}");
    let bytes: u64 = good().iter().map(|file| fs::metadata(lake.path(&file.key())).unwrap().len()).sum();
    assert_eq!(report["adds_up"], true);
    assert_eq!(
        report["total"],
        json!({"files": 7, "rows": 48, "bytes": bytes, "first_hour": "2026-01-01 00:00", "last_hour": "2026-01-05 00:00"})
    );
    assert_eq!(report["types"].as_array().unwrap().len(), 3);
    assert_eq!(report["streams"][0]["types"][0], json!({"type": "app", "up_to_segment": 4, "records": 41}));
    for list in ["gaps", "doubles", "contradictions", "not_read"] {
        assert_eq!(report[list], json!([]), "{list}");
    }
}

#[test]
fn a_missing_segment_is_a_gap_between_its_neighbours() {
    let files: Vec<File> = good().into_iter().filter(|file| file.segment != 2).collect();
    let lake = Lake::of(&files);
    let (code, text) = lake.text();
    assert_eq!(code, 1);
    assert!(
        text.contains(
            "quarantine up to segment 3 (2 records); segments that no file has, in a gap, or lost or still to come behind these: 2\n"
        ),
        "{text}"
    );
    assert_eq!(
        from(&text, "gaps"),
        "gaps: 1, 30 records\n  app of stream s: records 10 to 39 (30) between segment 0 (2026-01-01 00:00) and segment 4 \
         (2026-01-05 00:00)\ndoubles: none\ncontradictions: none\nnot read: none\n"
    );
    let (code, report) = lake.json();
    assert_eq!((code, &report["adds_up"], &report["records_missing"]), (1, &json!(false), &json!(30)));
    assert_eq!(
        report["gaps"],
        json!([{
            "stream": "s", "type": "app", "first": 10, "last": 39, "records": 30,
            "before": {"segment": 0, "hour": "2026-01-01 00:00"}, "after": {"segment": 4, "hour": "2026-01-05 00:00"},
        }])
    );
}

#[test]
fn a_missing_part_is_a_gap_with_its_number_and_records() {
    let files: Vec<File> = good().into_iter().filter(|file| file.part != 1).collect();
    let lake = Lake::of(&files);
    let (code, text) = lake.text();
    assert_eq!(code, 1);
    assert!(
        text.contains(
            "gaps: 1, 12 records\n  app of stream s: segment 2 (2026-01-03 00:00 to 2026-01-03 02:00) misses of its 3 parts, \
             counted from 0: 1 (12 records)\ndoubles: none\n"
        ),
        "{text}"
    );
    let (_, report) = lake.json();
    assert_eq!(report["gaps"][0]["missing_parts"], json!([[1, 1]]));
    assert_eq!((&report["gaps"][0]["parts"], &report["gaps"][0]["records"]), (&json!(3), &json!(12)));
}

#[test]
fn a_copied_file_is_a_double_with_both_keys() {
    let lake = Lake::of(&good());
    let (key, copy) = (good()[0].key(), "type=app/dt=2026-01-01/hour=00/copy.parquet");
    fs::copy(lake.path(&key), lake.path(copy)).unwrap();
    let (code, text) = lake.text();
    assert_eq!(code, 1);
    let line =
        format!("doubles: 1, 10 rows too many\n  app of stream s: part 0 of segment 0 is {key} and {copy}, 10 rows");
    assert!(text.contains(&line), "{text}");
    assert!(text.contains("gaps: none"), "{text}");
    let (_, report) = lake.json();
    assert_eq!(
        report["doubles"],
        json!([{"stream": "s", "type": "app", "segment": 0, "part": 0, "keys": [key, copy], "rows": 10}])
    );
    assert_eq!((&report["rows_doubled"], &report["total"]["rows"]), (&json!(10), &json!(58)));
}

#[test]
fn files_that_cannot_be_added_up_are_named_with_the_reason_and_do_not_stop_the_rest() {
    let lake = Lake::of(&good());
    let whole = File::whole("app", 9, 41, 3);
    let pairs = |without: &str| whole.footer().into_iter().filter(|(key, _)| *key != without).collect::<Vec<_>>();
    let with =
        |key: &'static str, value: &str| pairs(key).into_iter().chain([(key, value.to_owned())]).collect::<Vec<_>>();
    lake.add("a-foreign.parquet", &[], 3);
    lake.add("b-older.parquet", &pairs("shiwake.first_record"), 3);
    lake.add("c-number.parquet", &with("shiwake.segment", "nine"), 3);
    lake.add("d-part.parquet", &with("shiwake.part", "1"), 3);
    lake.add("e-truncated.parquet", &whole.footer(), 3);
    let bytes = fs::read(lake.path("e-truncated.parquet")).unwrap();
    fs::write(lake.path("e-truncated.parquet"), &bytes[..bytes.len() - 20]).unwrap();
    fs::write(lake.path("f-empty.parquet"), "").unwrap();
    fs::write(lake.path("g-long.parquet"), [&bytes[..100], &[0xff, 0xff, 0xff, 0x7f], b"PAR1"].concat()).unwrap();
    fs::create_dir_all(lake.path("quarantine/segments")).unwrap();
    fs::write(lake.path("quarantine/segments/s-0000000007-app-0.msgpack"), "12345").unwrap();
    fs::write(lake.path("_SUCCESS"), "").unwrap();
    let (code, report) = lake.json();
    assert_eq!(code, 1);
    let not_read = report["not_read"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let expected = [
        ("a-foreign.parquet", "foreign", "no shiwake.stream"),
        ("b-older.parquet", "older", "no shiwake.first_record"),
        ("c-number.parquet", "unreadable", "shiwake.segment = 'nine', where a whole number"),
        ("d-part.parquet", "unreadable", "shiwake.part = '1', where a number below shiwake.parts"),
        ("e-truncated.parquet", "unreadable", "damaged"),
        ("f-empty.parquet", "unreadable", "damaged"),
        ("g-long.parquet", "unreadable", "damaged"),
    ];
    assert_eq!(not_read.len(), expected.len(), "{not_read:#?}");
    for (found, (key, kind, reason)) in not_read.iter().zip(expected) {
        assert_eq!((text(&found["key"]), text(&found["kind"])), (key.to_owned(), kind.to_owned()));
        assert!(text(&found["reason"]).contains(reason), "{found}");
    }
    assert_eq!(report["total"]["rows"], 48);
    assert_eq!(report["raw_records"], json!({"objects": 1, "bytes": 5}));
    assert_eq!(report["other_objects"], json!({"objects": 1, "bytes": 0}));
    let (_, text) = lake.text();
    assert!(text.contains("raw records under quarantine/segments: 1 objects, 5 bytes"), "{text}");
    assert!(from(&text, "not read").starts_with("not read: 7\n  a-foreign.parquet: not of Shiwake"), "{text}");
    assert!(text.contains("gaps: none\ndoubles: none\n"), "{text}");
}

#[test]
fn the_records_of_a_truncated_file_are_a_gap_too() {
    let lake = Lake::of(&good());
    let key = good()[2].key();
    let bytes = fs::read(lake.path(&key)).unwrap();
    fs::write(lake.path(&key), &bytes[..bytes.len() / 2]).unwrap();
    let (code, report) = lake.json();
    assert_eq!((code, &report["records_missing"], &report["not_read"][0]["key"]), (1, &json!(10), &json!(key)));
    assert_eq!(report["gaps"][0]["missing_parts"], json!([[0, 0]]));
}

#[test]
fn a_rejected_part_fills_its_place_in_the_lane_that_it_came_from() {
    let lake = Lake::of(&good().into_iter().filter(|file| file.part != 1).collect::<Vec<_>>());
    let part = good().into_iter().find(|file| file.part == 1).unwrap();
    let rejected = File { lane: "quarantine", ..part };
    let footer = rejected.footer().into_iter().chain([("shiwake.origin_type", "app".to_owned())]).collect::<Vec<_>>();
    lake.add(&rejected.key(), &footer, rejected.rows);
    let (code, report) = lake.json();
    assert_eq!(code, 0, "{report}");
    let rows = report["types"].as_array().unwrap().iter().map(|table| (&table["type"], &table["rows"]));
    let expected = [("app", 29), ("audit", 5), ("quarantine", 14)].map(|(name, rows)| (json!(name), json!(rows)));
    assert!(rows.eq(expected.iter().map(|(name, rows)| (name, rows))), "{report}");
}

#[test]
fn a_footer_longer_than_the_first_read_is_read_whole() {
    let lake = Lake::of(&[]);
    let file = File::whole("app", 0, 0, 3);
    let padding = [("padding", "x".repeat(300_000))];
    lake.add(&file.key(), &file.footer().into_iter().chain(padding).collect::<Vec<_>>(), 3);
    let (code, report) = lake.json();
    assert_eq!((code, &report["total"]["rows"]), (0, &json!(3)), "{report}");
}

#[test]
fn more_files_than_are_read_at_a_time_are_all_counted() {
    let files: Vec<File> = (0..100).map(|number| File::whole("own", number, number * 2, 2)).collect();
    let (code, report) = Lake::of(&files).json();
    assert_eq!((code, &report["total"]["files"], &report["total"]["rows"]), (0, &json!(100), &json!(200)));
}

#[test]
fn an_empty_lake_adds_up() {
    let lake = Lake::of(&[]);
    let (code, text) = lake.text();
    assert_eq!(code, 0);
    assert!(text.ends_with("streams: 0\ngaps: none\ndoubles: none\ncontradictions: none\nnot read: none\n"), "{text}");
    let (code, report) = lake.json();
    assert_eq!((code, &report["total"]["files"], &report["total"]["first_hour"]), (0, &json!(0), &Value::Null));
}

#[test]
fn what_cannot_be_listed_is_said_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for (lake, says) in [
        (folder.path().join("not-there"), "is not there: check the path"),
        (PathBuf::from("gs://bucket"), "scheme 'gs'"),
    ] {
        let output = ledger(&lake, &[]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.starts_with("shiwake: lake ") && error.contains(says), "{error}");
        assert!(output.stdout.is_empty());
    }
    assert!(!folder.path().join("not-there").exists());
}

#[test]
fn a_store_that_does_not_answer_is_said_and_exits_with_2() {
    // Nobody listens at a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let output = Command::new(env!("CARGO_BIN_EXE_shiwake"))
        .args([
            "ledger",
            "s3://my-logs/prod",
            "--region",
            "eu-west-1",
            "--endpoint",
            &format!("http://127.0.0.1:{port}"),
        ])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.starts_with("shiwake: lake 's3://my-logs/prod' cannot be listed"), "{error}");
}
