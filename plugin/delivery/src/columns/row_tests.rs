#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::lane::Lane;
use crate::schema::Schemas;
use shiwake_records::log_type::LogType;
use shiwake_records::sorter::Sorter;

fn event_bytes(fields: Vec<(rmpv::Value, rmpv::Value)>) -> Vec<u8> {
    let event = rmpv::Value::Array(vec![5.into(), rmpv::Value::Map(fields)]);
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &event).unwrap();
    bytes
}

/// The cells of an access record by column name, and its overflow.
fn lay_out(fields: Vec<(rmpv::Value, rmpv::Value)>) -> (HashMap<String, String>, HashMap<String, Option<String>>) {
    let columns = Schemas::default().columns(Lane::Typed(LogType::Access)).to_vec();
    let (cells, overflow, _) = lay_out_over(&columns, fields);
    (cells, overflow)
}

/// The cells of a record by column name, its overflow, and how many of its values fit their columns not.
fn lay_out_over(
    columns: &[Column],
    fields: Vec<(rmpv::Value, rmpv::Value)>,
) -> (HashMap<String, String>, HashMap<String, Option<String>>, u64) {
    let bytes = event_bytes(fields);
    let event = Event::read(&mut Reader::new(&bytes)).unwrap();
    let mut rows = Rows::new(columns.len());
    RowLayout::new(columns, "access").fill(&event, &mut rows);
    let text = |text: &Text<'_>| String::from_utf8(rows.text(text).to_vec()).unwrap();
    let cells = (0..columns.len()).flat_map(|index| rows.cells(index).iter().map(move |(_, cell)| (index, cell)));
    let cells = cells.map(|(index, cell)| {
        let shown = match cell {
            Cell::Text(value) => text(value),
            Cell::Int(int) => format!("i{int}"),
            Cell::Float(float) => format!("f{float}"),
            Cell::Bool(flag) => format!("{flag}"),
        };
        (columns[index].name.to_string(), shown)
    });
    let overflow = rows.overflows().flatten().map(|(key, value)| (text(key), value.as_ref().map(text)));
    (cells.collect(), overflow.collect(), rows.misfits)
}

#[test]
fn a_value_that_fits_is_in_its_column_and_nowhere_else() {
    let cases: [(&str, rmpv::Value, &str, &str); 9] = [
        ("status", 200.into(), "status", "i200"),
        ("status", "404".into(), "status", "i404"),
        ("status", 200.0.into(), "status", "i200"),
        ("bytes", (1_i64 << 40).into(), "bytes", "i1099511627776"),
        ("duration_ms", 12.into(), "duration_ms", "f12"),
        ("duration_ms", "0.25".into(), "duration_ms", "f0.25"),
        ("user_id", 77.into(), "user_id", "77"),
        ("container_name", "/web".into(), "container_name", "web"),
        ("http_user_agent", "curl".into(), "user_agent", "curl"),
    ];
    for (field, value, column, text) in cases {
        let (cells, overflow) = lay_out(vec![(field.into(), value.clone())]);
        assert_eq!(cells.get(column).map(String::as_str), Some(text), "{field} {value}");
        assert_eq!(overflow, HashMap::new(), "{field} {value}");
    }
}

/// What the output makes of a line under `log`.
fn lay_out_line(line: &str) -> (HashMap<String, String>, HashMap<String, Option<String>>) {
    let bytes = event_bytes(vec![("source".into(), "stdout".into()), ("log".into(), line.into())]);
    let mut sorted = Vec::new();
    let event = Event::read(&mut Reader::new(&bytes)).unwrap();
    let verdict = Sorter::default().sort(&event, &mut sorted).unwrap();
    assert_eq!(verdict.log_type, LogType::Access, "{line}");
    let sorted = rmpv::decode::read_value(&mut sorted.as_slice()).unwrap();
    lay_out(sorted[1].as_map().unwrap().clone())
}

#[test]
fn lines_that_name_their_fields_fill_the_columns() {
    for line in [
        r#"{"method":"GET","path":"/a","status":404,"msg":"done","source":"own","n":{"a":[1,"b"]}}"#,
        r#"level=warn method=GET path=/a status=404 msg=done source=own n="{\"a\":[1,\"b\"]}""#,
    ] {
        let (cells, overflow) = lay_out_line(line);
        let expected = [
            ("method", "GET"),
            ("path", "/a"),
            ("status", "i404"),
            ("message", "done"),
            ("source", "stdout"),
            ("severity", "warn"),
        ];
        for (column, text) in expected {
            assert_eq!(cells.get(column).map(String::as_str), Some(text), "{column} of {line}");
        }
        assert_eq!(overflow.get("line.source"), Some(&Some("own".to_owned())), "{line}");
        assert_eq!(overflow.get("n"), Some(&Some(r#"{"a":[1,"b"]}"#.to_owned())), "{line}");
    }
}

#[test]
fn an_access_line_of_a_load_balancer_fills_the_columns() {
    let line = r#"https 2018-07-02T22:23:00.186641Z app/my/50 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/a?b=c HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my/73 "Root=1-58337281-1d84f3d73c47ec4e58577259""#;
    let (cells, _) = lay_out_line(line);
    for (column, text) in [
        ("message", line),
        ("remote_addr", "192.168.131.39"),
        ("method", "GET"),
        ("host", "www.example.com"),
        ("path", "/a"),
        ("query", "b=c"),
        ("status", "i200"),
        ("bytes", "i57"),
        ("duration_ms", "f171"),
        ("user_agent", "curl/7.46.0"),
        ("upstream_addr", "10.0.0.1:80"),
        ("upstream_status", "i200"),
        ("tls_protocol", "TLSv1.2"),
        ("tls_cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("trace_id", "583372811d84f3d73c47ec4e58577259"),
    ] {
        assert_eq!(cells.get(column).map(String::as_str), Some(text), "{column}");
    }
}

#[test]
fn a_list_or_a_map_keeps_no_text_out_of_its_column() {
    let nested = rmpv::Value::Map(vec![("level".into(), "info".into())]);
    let (cells, overflow) = lay_out(vec![("log".into(), nested), ("message".into(), "x".into())]);
    assert_eq!(cells.get("message").map(String::as_str), Some("x"));
    assert_eq!(overflow.get("log"), Some(&Some(r#"{"level":"info"}"#.to_owned())));
}

#[test]
fn a_value_that_does_not_fit_is_in_the_overflow_as_text() {
    let cases: [(&str, rmpv::Value, &str); 12] = [
        ("status", "teapot".into(), "teapot"),
        ("status", "0200".into(), "0200"),
        ("status", (1_i64 << 40).into(), "1099511627776"),
        ("status", 200.5.into(), "200.5"),
        ("bytes", u64::MAX.into(), "18446744073709551615"),
        ("duration_ms", f64::NAN.into(), "NaN"),
        ("duration_ms", "1e3".into(), "1e3"),
        ("path", rmpv::Value::Array(vec![1.into(), "b".into()]), r#"[1,"b"]"#),
        ("severity", "purple".into(), "purple"),
        ("elsewhere", true.into(), "true"),
        ("nested", rmpv::Value::Map(vec![("a".into(), rmpv::Value::Nil)]), r#"{"a":null}"#),
        ("time", "noon".into(), "noon"),
    ];
    for (field, value, text) in cases {
        let (cells, overflow) = lay_out(vec![(field.into(), value.clone())]);
        assert_eq!(cells, HashMap::new(), "{field} {value}");
        assert_eq!(overflow.get(field), Some(&Some(text.to_owned())), "{field} {value}");
    }
}

#[test]
fn severities_are_normalised_and_their_own_word_is_kept() {
    let (cells, overflow) = lay_out(vec![("severity".into(), "WARNING".into())]);
    assert_eq!(cells.get("severity").map(String::as_str), Some("warn"));
    assert_eq!(overflow.get("severity"), Some(&Some("WARNING".to_owned())));
    let (cells, overflow) = lay_out(vec![("severity".into(), 3.into())]);
    assert_eq!(cells.get("severity").map(String::as_str), Some("error"));
    assert_eq!(overflow.get("severity"), Some(&Some("3".to_owned())));
    let (_, overflow) = lay_out(vec![("severity".into(), "warn".into())]);
    assert!(overflow.is_empty());
}

#[test]
fn of_several_fields_for_one_column_the_first_listed_wins_and_none_is_lost() {
    let (cells, overflow) =
        lay_out(vec![("msg".into(), "c".into()), ("log".into(), "a".into()), ("message".into(), "b".into())]);
    assert_eq!(cells.get("message").map(String::as_str), Some("a"));
    assert_eq!(overflow.get("msg"), Some(&Some("c".to_owned())));
    assert_eq!(overflow.get("message"), Some(&Some("b".to_owned())));
}

#[test]
fn doubled_keys_odd_keys_and_nil_are_kept_apart() {
    let (_, overflow) = lay_out(vec![
        ("x".into(), 1.into()),
        ("x".into(), 2.into()),
        ("x#2".into(), 3.into()),
        (7.into(), 4.into()),
        ("n".into(), rmpv::Value::Nil),
        ("log_type".into(), "payment".into()),
    ]);
    let expected = [
        ("x", Some("1")),
        ("x#3", Some("2")),
        ("x#2", Some("3")),
        ("7", Some("4")),
        ("n", None),
        ("log_type", Some("payment")),
    ];
    for (key, value) in expected {
        assert_eq!(overflow.get(key), Some(&value.map(str::to_owned)), "{key}");
    }
    assert_eq!(overflow.len(), expected.len());
}

#[test]
fn a_record_of_nothing_but_doubles_takes_time_in_proportion() {
    // Names that the doubles would take, and then the doubles.
    let taken = (2..30_000).map(|number| (format!("x#{number}").into(), rmpv::Value::Nil));
    let doubles = (0..30_000).map(|_| ("x".into(), rmpv::Value::Nil));
    let started = std::time::Instant::now();
    let (_, overflow) = lay_out(taken.chain(doubles).collect());
    assert_eq!(overflow.len(), 29_998 + 30_000);
    // A search that begins anew for each double would take minutes.
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "took {:?}", started.elapsed());
}

/// Text that is not UTF-8, as a program writes it that knows no better.
fn broken_text() -> rmpv::Value {
    rmpv::decode::read_value(&mut &b"\xa2a\xff"[..]).unwrap()
}

/// A column of each kind that a user may declare.
fn declared() -> Vec<Column> {
    let kinds = [
        ("text", ColumnKind::Text),
        ("json", ColumnKind::Json),
        ("int32", ColumnKind::Int32),
        ("int64", ColumnKind::Int64),
        ("float64", ColumnKind::Float64),
        ("bool", ColumnKind::Bool),
    ];
    let column = |(name, kind): (&'static str, _)| Column {
        id: 0,
        name: name.into(),
        kind,
        from: vec![name.into()],
        dictionary: true,
    };
    kinds.map(column).to_vec()
}

#[test]
fn every_value_that_does_not_fit_is_counted_once_and_kept_whole() {
    let long = "x".repeat(20_000_000);
    let nested = rmpv::Value::Map(vec![("a".into(), rmpv::Value::Array(vec![1.into(), "b".into()]))]);
    let cases: Vec<(&str, rmpv::Value, String)> = vec![
        ("int32", "word".into(), "word".into()),
        ("int32", (i64::from(i32::MAX) + 1).into(), "2147483648".into()),
        ("int32", true.into(), "true".into()),
        ("int32", "".into(), String::new()),
        ("int64", (1_u64 << 63).into(), "9223372036854775808".into()),
        ("int64", 1e300.into(), "1e300".into()),
        ("int64", (-0.0).into(), "-0.0".into()),
        ("int64", f64::NAN.into(), "NaN".into()),
        ("float64", f64::NAN.into(), "NaN".into()),
        ("float64", f64::NEG_INFINITY.into(), "-Infinity".into()),
        ("float64", (i64::MAX).into(), "9223372036854775807".into()),
        ("float64", "1e3".into(), "1e3".into()),
        ("bool", 1.into(), "1".into()),
        ("bool", "True".into(), "True".into()),
        ("text", broken_text(), r#"{"$bin":"Yf8="}"#.into()),
        ("text", rmpv::Value::Binary(vec![0, 255]), r#"{"$bin":"AP8="}"#.into()),
        ("text", rmpv::Value::Ext(5, vec![1]), r#"{"$ext":5,"data":"AQ=="}"#.into()),
        ("text", nested.clone(), r#"{"a":[1,"b"]}"#.into()),
        ("json", rmpv::Value::Array(vec![long.as_str().into()]), format!("[\"{long}\"]")),
        ("text", long.as_str().into(), long.clone()),
    ];
    for (field, value, kept) in cases {
        let (cells, overflow, misfits) = lay_out_over(&declared(), vec![(field.into(), value)]);
        let shown = kept.chars().take(40).collect::<String>();
        assert_eq!((cells.len(), misfits), (0, 1), "{field} {shown}");
        assert!(overflow.get(field) == Some(&Some(kept)), "{field} {shown}");
    }
    let fits: Vec<(&str, rmpv::Value, &str)> = vec![
        ("int32", i32::MIN.into(), "i-2147483648"),
        ("int64", i64::MAX.into(), "i9223372036854775807"),
        ("float64", rmpv::Value::F32(0.5), "f0.5"),
        ("bool", "false".into(), "false"),
        ("bool", true.into(), "true"),
        ("json", nested, r#"{"a":[1,"b"]}"#),
        ("json", "plain".into(), "plain"),
        ("text", 7.into(), "7"),
    ];
    for (field, value, cell) in fits {
        let (cells, overflow, misfits) = lay_out_over(&declared(), vec![(field.into(), value)]);
        assert_eq!((cells.get(field).map(String::as_str), overflow.len(), misfits), (Some(cell), 0, 0), "{field}");
    }
    let (cells, overflow, misfits) =
        lay_out_over(&declared(), vec![("int32".into(), rmpv::Value::Nil), ("other".into(), f64::NAN.into())]);
    assert_eq!((cells.len(), overflow.len(), misfits), (0, 1, 0), "nil and what has no column are no misfits");
}

#[test]
fn text_as_long_as_may_be_is_in_its_column() {
    for (length, misfits) in [(MAX_TEXT_BYTES, 0), (MAX_TEXT_BYTES + 1, 1)] {
        let (cells, _, counted) = lay_out_over(&declared(), vec![("text".into(), "x".repeat(length).into())]);
        assert_eq!((cells.len() as u64, counted), (1 - misfits, misfits), "{length}");
    }
}

#[test]
fn of_what_is_no_misfit_nothing_is_counted() {
    let columns = Schemas::default().columns(Lane::Typed(LogType::Access)).to_vec();
    for fields in [
        vec![("severity".into(), "WARNING".into())],
        vec![("msg".into(), "c".into()), ("log".into(), "a".into())],
        vec![("x".into(), rmpv::Value::Map(Vec::new()))],
    ] {
        assert_eq!(lay_out_over(&columns, fields.clone()).2, 0, "{fields:?}");
    }
    assert_eq!(lay_out_over(&columns, vec![("severity".into(), "purple".into())]).2, 1);
}
