#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// The fields as another reader of MessagePack sees them.
fn fields_of(line: &[u8]) -> Option<Vec<(rmpv::Value, rmpv::Value)>> {
    let mut fields = LineFields::default();
    if !JsonScanner::default().scan(line, &mut fields) {
        return None;
    }
    let mut bytes = fields.bytes();
    let pairs = (0..fields.count())
        .map(|_| (rmpv::decode::read_value(&mut bytes).unwrap(), rmpv::decode::read_value(&mut bytes).unwrap()))
        .collect();
    assert!(bytes.is_empty(), "{bytes:?} are left");
    Some(pairs)
}

fn value_of(text: &str) -> Option<rmpv::Value> {
    let mut fields = fields_of(format!(r#"{{"v":{text}}}"#).as_bytes())?;
    assert_eq!(fields.len(), 1);
    fields.pop().map(|(_, value)| value)
}

/// What serde_json says that a value is, as MessagePack.
fn expected(value: &Json) -> rmpv::Value {
    match value {
        Json::Null => rmpv::Value::Nil,
        Json::Bool(flag) => (*flag).into(),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => int.into(),
            (_, Some(int)) => int.into(),
            _ => number.as_f64().unwrap().into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => rmpv::Value::Array(items.iter().map(expected).collect()),
        Json::Object(pairs) => {
            rmpv::Value::Map(pairs.iter().map(|(key, value)| (key.as_str().into(), expected(value))).collect())
        }
    }
}

/// Of floats that lie between two texts of the same length, programs write one or the other: 87826604236407.125 is one. The one
/// that Rust would not write stays text here.
fn has_one_shortest_text(float: &f64) -> bool {
    significant_digits(&Json::from(*float).to_string()) == significant_digits(&format!("{float:e}"))
}

fn significant_digits(number: &str) -> String {
    number.split(['e', 'E']).next().unwrap_or_default().replace(['-', '.'], "").trim_matches('0').to_owned()
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_filter("printers agree on its shortest text", has_one_shortest_text).prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        r#"[a-z"\\/\n\t\u{0}\u{1f}\u{7f}é日😀]{0,20}"#.prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 200, 40, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..40).prop_map(Json::from),
            proptest::collection::btree_map(".{0,6}", inner, 0..40).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

#[test]
fn numbers_are_exact_or_stay_text() {
    for (text, expected) in [
        ("0", rmpv::Value::from(0)),
        ("-7", (-7).into()),
        ("-0", (-0.0).into()),
        ("1.0", 1.0.into()),
        ("1.10", 1.1.into()),
        ("1e2", 100.0.into()),
        ("1E+2", 100.0.into()),
        ("100000000000000000000000e-22", 10.0.into()),
        ("0.000", 0.0.into()),
        ("0e9999999999999999999999", 0.0.into()),
        ("1700000000.1234567", 1_700_000_000.123_456_7.into()),
        ("5e-324", 5e-324.into()),
        ("1.7976931348623157e308", f64::MAX.into()),
        ("9223372036854775807", i64::MAX.into()),
        ("-9223372036854775808", i64::MIN.into()),
        ("18446744073709551615", u64::MAX.into()),
        ("18446744073709551616", "18446744073709551616".into()),
        ("-9223372036854775809", "-9223372036854775809".into()),
        ("1e400", "1e400".into()),
        ("1e-400", "1e-400".into()),
        ("4.9e-324", "4.9e-324".into()),
        ("1e99999999999999999999", "1e99999999999999999999".into()),
        ("3.14159265358979323846", "3.14159265358979323846".into()),
        ("87826604236407.13", 87_826_604_236_407.13.into()),
        ("87826604236407.12", "87826604236407.12".into()),
        ("9007199254740993.0", "9007199254740993.0".into()),
    ] {
        assert_eq!(value_of(text), Some(expected), "{text}");
    }
}

#[test]
fn escapes_stand_for_their_characters_and_halves_of_pairs_stay_as_written() {
    for (text, expected) in [
        (r#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u00e9\u65E5\ud83d\ude00""#, "é日😀"),
        (r#""\u0000""#, "\0"),
        (r#""cut \ud83d""#, r"cut \ud83d"),
        (r#""\ude00\ud83dx\ud83d\u0041""#, r"\ude00\ud83dx\ud83dA"),
        ("\"\u{7f}\"", "\u{7f}"),
    ] {
        assert_eq!(value_of(text), Some(expected.into()), "{text}");
    }
    assert_eq!(fields_of(br#"{"\u0061\n":1}"#), Some(vec![("a\n".into(), 1.into())]));
}

#[test]
fn bytes_that_are_not_utf8_stay_what_they_are() {
    let mut fields = LineFields::default();
    assert!(JsonScanner::default().scan(b"{\"k\":\"\xff\xfe\"}", &mut fields));
    assert_eq!(fields.bytes(), b"\xa1k\xa2\xff\xfe");
}

#[test]
fn names_that_come_twice_are_there_twice() {
    let fields = fields_of(br#"{"a":1,"a":{"b":2,"b":3}}"#).unwrap();
    let inner = rmpv::Value::Map(vec![("b".into(), 2.into()), ("b".into(), 3.into())]);
    assert_eq!(fields, vec![("a".into(), 1.into()), ("a".into(), inner)]);
}

#[test]
fn white_space_is_taken_wherever_it_may_stand() {
    let fields = fields_of(b" \t{ \"a\" : [ 1 , { } , [ ] ] ,\r\n\"b\" : { \"c\" : null } } \n").unwrap();
    assert_eq!(fields.len(), 2);
}

#[test]
fn what_is_no_object_with_fields_is_no_json_line() {
    for line in [
        "",
        "{",
        "}",
        "{}",
        " { } ",
        "[1]",
        "7",
        "\"a\"",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"b}",
        "{\"a\":\"b\\",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":{\"b\":1]}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{,}}",
        "{\"a\":[1 2]}",
        "{1:2}",
        "{\"a\" 1}",
        "{\"a\":[",
        "{\"a\":1 /* no */}",
    ] {
        assert_eq!(fields_of(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn what_is_nested_too_deep_stays_text() {
    for extra in [0, 1, 5] {
        let depth = MAX_DEPTH + extra;
        let text = format!("{}{}", r#"{"k":["#.repeat(depth / 2), "]}".repeat(depth / 2));
        let text = if depth % 2 == 1 { format!("[{text}]") } else { text };
        let mut value = &value_of(&format!("[{text},1]")).unwrap();
        let mut levels = 0;
        loop {
            value = match value {
                rmpv::Value::Array(items) if !items.is_empty() => items.first().unwrap(),
                rmpv::Value::Map(pairs) => &pairs.first().unwrap().1,
                _ => break,
            };
            levels += 1;
        }
        assert_eq!(levels, MAX_DEPTH, "{extra}");
        let kept = value.as_str().unwrap();
        serde_json::from_str::<Json>(kept).unwrap();
        assert!(text.contains(kept), "{kept}");
    }
    let far = format!("{}1{}", "[".repeat(MAX_OPEN), "]".repeat(MAX_OPEN));
    assert!(value_of(&far).is_some());
    assert_eq!(value_of(&format!("[{far}]")), None);
}

#[test]
fn long_arrays_and_objects_have_the_header_they_need() {
    for count in [15_u32, 16, 65_535, 65_536] {
        let array: Json = (0..count).collect::<Vec<_>>().into();
        let object: Json =
            (0..count).map(|key| (key.to_string(), json!(key))).collect::<serde_json::Map<_, _>>().into();
        for value in [array, object] {
            assert_eq!(value_of(&value.to_string()), Some(expected(&value)), "{count}");
        }
    }
}

proptest! {
    #[test]
    fn json_is_what_serde_json_says_it_is(value in any_json(), pretty in any::<bool>()) {
        let record = json!({"v": value});
        let line = if pretty { serde_json::to_string_pretty(&record).unwrap() } else { record.to_string() };
        let pairs = fields_of(line.as_bytes());
        prop_assert_eq!(pairs, Some(vec![("v".into(), expected(&value))]));
    }

    #[test]
    fn changed_json_is_json_when_serde_json_says_so(
        value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut line = json!({"v": value}).to_string().into_bytes();
        let at = at.index(line.len());
        if cut { line.truncate(at) } else { line.splice(at..=at, [byte]); }
        let ours = fields_of(&line);
        if let Ok(Json::Object(record)) = serde_json::from_slice::<Json>(&line) {
            // Of names that came to be the same serde_json keeps the last, and it rounds a number that stays text here.
            prop_assert!(ours.is_some() || record.is_empty());
        } else if ours.is_some() {
            // What only serde_json refuses: text that is not UTF-8, halves of pairs, numbers beyond the floats.
            let text = String::from_utf8_lossy(&line);
            let is_half = text.contains("\\ud") || text.contains("\\uD");
            prop_assert!(std::str::from_utf8(&line).is_err() || is_half || text.contains(['e', 'E']), "{}", text);
        }
    }

    #[test]
    fn numbers_are_what_they_were(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        match value_of(&text).unwrap() {
            rmpv::Value::String(kept) => prop_assert_eq!(kept.as_str(), Some(text.as_str())),
            rmpv::Value::F64(float) => {
                prop_assert_eq!(Some(float), text.parse().ok());
                // The digits of the shortest text are those that were written, but for zeros at both ends.
                prop_assert_eq!(significant_digits(&format!("{float:e}")), significant_digits(&text));
            }
            rmpv::Value::Integer(int) => prop_assert_eq!(int.to_string(), text),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), tail in "[\\[\\]{}\",:0-9eE.\\\\u-]{0,80}") {
        let _ = fields_of(&bytes);
        let _ = fields_of(format!("{{\"a\":{tail}").as_bytes());
        let _ = fields_of(&[b"{\"", &bytes[..], b"\":1}"].concat());
    }
}
