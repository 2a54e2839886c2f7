#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::columns;
use crate::log_type::LogType;
use crate::msgpack::Reader;

/// The record with one value where a path leads: nested, or with the dots in its name.
fn record_with(path: &str, is_nested: bool, value: rmpv::Value, beside: &[&str]) -> Vec<u8> {
    let names: Vec<&str> = if is_nested { path.split('.').collect() } else { vec![path] };
    let pair = |name: &str, value| rmpv::Value::Map(vec![(rmpv::Value::from(name), value)]);
    let mut record = names.iter().rev().fold(value, |value, name| pair(name, value));
    // What lets the record be looked at, and what has to be beside the value.
    if let rmpv::Value::Map(pairs) = &mut record {
        let more = ["response-time", "request"]
            .into_iter()
            .chain(beside.iter().take(1).copied())
            .filter(|name| names.first() != Some(name));
        pairs.extend(more.map(|name| (rmpv::Value::from(name), rmpv::Value::Nil)));
    }
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &record).unwrap();
    bytes
}

fn found_in(record: &[u8], column: &str) -> Option<String> {
    let body = Reader::new(record).value().unwrap().as_map().unwrap();
    let (mut index, mut found) = (FieldIndex::default(), FoundFields::default());
    index.fill(&body);
    add_to(&index, &body, &mut found);
    Some(match found.get(column)? {
        FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
        FoundValue::Int(number) => number.to_string(),
        FoundValue::Float(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

fn sources() -> impl Iterator<Item = &'static Source> {
    TEXTS.iter().chain([&PATH, &STATUS, &BYTES, &DURATION])
}

#[test]
fn the_names_that_fill_a_column_are_those_of_the_columns() {
    let columns = columns::of_type(LogType::Access);
    for source in sources() {
        let column = columns.iter().find(|column| column.name == source.column).unwrap();
        let names: Vec<&str> = column.from.iter().map(AsRef::as_ref).collect();
        assert_eq!(names, [&[source.column], source.filled_by].concat());
        assert!(names.contains(&source.name), "{}", source.name);
    }
}

#[test]
fn each_place_is_found_as_it_is_written() {
    for source in TEXTS.iter().chain([&PATH]) {
        for place in source.places {
            for is_nested in [true, false] {
                let record = record_with(place, is_nested, "some-text".into(), &[]);
                // A map under the column's own name keeps it.
                let is_own = is_nested && place.split('.').next() == Some(source.column);
                let expected = (!is_own).then_some("some-text");
                assert_eq!(found_in(&record, source.name).as_deref(), expected, "{place}");
            }
        }
    }
    for source in [&STATUS, &BYTES] {
        for (place, value) in
            source.places.iter().flat_map(|place| [(place, rmpv::Value::from(204)), (place, "204".into())])
        {
            for is_nested in [true, false] {
                let record = record_with(place, is_nested, value.clone(), &[]);
                assert_eq!(found_in(&record, source.name).as_deref(), Some("204"), "{place}");
            }
        }
    }
    for (place, unit, beside) in &DURATIONS {
        for value in [rmpv::Value::from(1.5), "1.5".into()] {
            let record = record_with(place, true, value, beside);
            let expected = (1.5 * unit).to_string();
            assert_eq!(found_in(&record, "duration_ms").as_ref(), Some(&expected), "{place}");
        }
    }
}

#[test]
fn what_may_be_elsewhere_is_looked_for() {
    // Names that records have which fill their columns under the names that they have.
    const OF_MANY: [&str; 6] = ["source", "url", "user_agent", "event", "duration", "server"];
    let places = sources().flat_map(|source| source.places).chain(DURATIONS.iter().map(|(place, ..)| place));
    let places = places.chain(&[GO_DURATION, ENVOY_CLIENT]);
    for place in places {
        let outer = place.split('.').next().unwrap();
        let is_looked_for = |name: &str| OUTER.names().contains(&name);
        assert!(is_looked_for(outer) || OF_MANY.contains(&outer), "{place}");
        let is_of_caddy = ["req.", "res.", "meta.", "httpRequest.", "request.", "response."]
            .iter()
            .any(|outer| place.starts_with(outer));
        assert!(is_looked_for(place) || is_of_caddy || OF_MANY.contains(place), "{place}");
    }
}

#[test]
fn what_the_record_says_itself_stays() {
    let record = |pairs: &[(&str, rmpv::Value)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect();
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &rmpv::Value::Map(pairs)).unwrap();
        bytes
    };
    let nested = |name: &str, value: &str| rmpv::Value::Map(vec![(name.into(), value.into())]);
    let both = record(&[("req", nested("method", "GET")), ("method", "PUT".into())]);
    assert_eq!(found_in(&both, "method"), None);
    let other_name = record(&[("req", nested("method", "GET")), ("verb", "PUT".into())]);
    assert_eq!(found_in(&other_name, "method"), None);
    // A map under a name that fills a column fills nothing.
    let map = record(&[("url", nested("path", "/a?b=c")), ("http.request.method", "GET".into())]);
    assert_eq!(found_in(&map, "path").as_deref(), Some("/a"));
    assert_eq!(found_in(&map, "query").as_deref(), Some("b=c"));
    let aliases = record(&[
        ("request", "GET /a?b=c HTTP/1.1".into()),
        ("request_method", "POST".into()),
        ("uri", "/a".into()),
        ("query_string", "z=1".into()),
    ]);
    for column in ["method", "path", "query"] {
        assert_eq!(found_in(&aliases, column), None, "{column}");
    }
    // What is no status hides none.
    let word = record(&[("res", rmpv::Value::Map(vec![("statusCode".into(), 500.into())])), ("code", "E_FAIL".into())]);
    assert_eq!(found_in(&word, "http_status").as_deref(), Some("500"));
    let nginx =
        record(&[("request_method", "GET".into()), ("request_uri", "/a".into()), ("request_time", "0.25".into())]);
    assert_eq!(found_in(&nginx, "duration_ms").as_deref(), Some("250"));
    let line = record(&[("request", "GET /a?b HTTP/1.1".into()), ("protocol", "https".into())]);
    assert_eq!(found_in(&line, "method").as_deref(), Some("GET"));
    assert_eq!(found_in(&line, "path").as_deref(), Some("/a"));
    assert_eq!(found_in(&line, "protocol"), None);
    let address = record(&[("request_url", "https://x.example:443/a".into()), ("http_host", "y.example".into())]);
    assert_eq!(found_in(&address, "path").as_deref(), Some("/a"));
    assert_eq!(found_in(&address, "http_host"), None);
    let dashes = record(&[("cs-method", "-".into()), ("sc-status", "-".into()), ("responseTime", "-1".into())]);
    for column in ["method", "http_status", "duration_ms"] {
        assert_eq!(found_in(&dashes, column), None, "{column}");
    }
}
