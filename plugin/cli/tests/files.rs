//! What `shiwake inspect` and `shiwake cat` say of files that `shiwake run` wrote.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn shiwake(arguments: &[&str], files: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shiwake")).args(arguments).args(files).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// One access file of 3,000 requests with a trace id each.
fn file() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let line = |number: u64| {
        let trace_id = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        format!(
            r#"{{"time":"2026-03-01T10:00:{:02}Z","method":"GET","path":"/item/{}","status":{},"trace_id":"{trace_id:032x}","team":"web"}}"#,
            number % 60,
            number % 7,
            200 + number % 2 * 304,
        )
    };
    let log = folder.path().join("access.ndjson");
    fs::write(&log, (0..3_000).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let lake = folder.path().join("lake");
    text(&shiwake(&["run", "--lake", &lake.display().to_string()], &[&log]));
    let hour = lake.join("type=access/dt=2026-03-01/hour=10");
    let file = fs::read_dir(hour).unwrap().next().unwrap().unwrap().path();
    (folder, file)
}

#[test]
fn inspect_tells_sizes_encodings_bounds_and_filters() {
    let (_folder, file) = file();
    let layout: Value = serde_json::from_str(&text(&shiwake(&["inspect", "--format", "json"], &[&file]))).unwrap();
    assert_eq!((&layout["rows"], &layout["row_groups"][0]["rows"]), (&3_000.into(), &3_000.into()));
    assert_eq!(layout["bytes"], fs::metadata(&file).unwrap().len());
    assert_eq!(layout["footer"]["shiwake.type"], "access");
    assert!(layout["footer"].get("ARROW:schema").is_none());
    let columns = layout["columns"].as_array().unwrap();
    let column = |name: &str| columns.iter().find(|column| column["name"] == name).unwrap();
    let (time, trace_id) = (column("time"), column("trace_id"));
    assert_eq!((&time["min"], &time["max"]), (&"2026-03-01T10:00:00Z".into(), &"2026-03-01T10:00:59Z".into()));
    assert_eq!(time["encodings"], serde_json::json!(["DELTA_BINARY_PACKED"]));
    assert_eq!((&column("status")["min"], &column("status")["max"]), (&"200".into(), &"504".into()));
    assert_eq!((&trace_id["bloom_filters"], &trace_id["nulls"]), (&1.into(), &0.into()));
    assert!(trace_id["bloom_filter_bytes"].as_u64().unwrap() > 1_000);
    assert_eq!(column("user_id")["nulls"], 3_000);
    let in_columns: i64 = columns.iter().map(|column| column["bytes"].as_i64().unwrap()).sum();
    assert!(in_columns > 0 && in_columns < layout["bytes"].as_i64().unwrap());
    let shown = text(&shiwake(&["inspect"], &[&file]));
    assert!(shown.contains("row group 0: 3000 rows") && shown.contains("sorted by time"), "{shown}");
    assert!(shown.contains("2026-03-01T10:00:00Z .. 2026-03-01T10:00:59Z"), "{shown}");
}

#[test]
fn cat_prints_rows_with_their_columns_and_what_has_none() {
    let (_folder, file) = file();
    let all = text(&shiwake(&["cat"], &[&file]));
    let rows: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3_000);
    let first = &rows[0];
    assert_eq!(first["time"], "2026-03-01T10:00:00Z");
    assert_eq!((&first["path"], &first["status"]), (&"/item/0".into(), &200.into()));
    assert_eq!(first["attributes"]["team"], "web");
    assert!(first.get("user_id").is_none(), "null columns are left out");
    let some = text(&shiwake(&["cat", "--rows", "4", "--format", "text"], &[&file, &file]));
    assert_eq!(some.lines().count(), 4, "of all files together");
    assert!(some.lines().next().unwrap().contains("path=/item/0  status=200"), "{some}");
    assert_eq!(text(&shiwake(&["cat", "--rows", "3001"], &[&file, &file])).lines().count(), 3_001);
}

#[test]
fn what_is_no_parquet_file_is_named_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let (log, cut_off) = (folder.path().join("a.log"), folder.path().join("cut.parquet"));
    fs::write(&log, "no parquet").unwrap();
    let (_kept, file) = file();
    let bytes = fs::read(file).unwrap();
    fs::write(&cut_off, &bytes[..bytes.len() / 2]).unwrap();
    for command in ["inspect", "cat"] {
        for bad in [&log, &cut_off, &folder.path().join("missing")] {
            let output = shiwake(&[command], &[bad]);
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command}: {error}");
            assert!(error.starts_with(&format!("shiwake: cannot read {}", bad.display())), "{error}");
        }
    }
}
