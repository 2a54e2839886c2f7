//! The JSON scanner: what serde_json takes it takes, what it writes is whole MessagePack, and the keys are the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::json::JsonScanner;
use shiwake_records::msgpack::Reader;

fuzz_target!(|line: &[u8]| {
    let mut fields = LineFields::default();
    let is_taken = JsonScanner::default().scan(line, &mut fields);
    let expected = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line);
    if !is_taken {
        assert!(expected.is_err() || expected.is_ok_and(|object| object.is_empty()));
        return;
    }
    let mut reader = Reader::new(fields.bytes());
    for _ in 0..fields.count() {
        let key = reader.value().expect("a key");
        reader.skip().expect("a value");
        if let (Ok(object), Some(key)) = (&expected, key.as_str()) {
            assert!(object.contains_key(key));
        }
    }
    assert!(reader.is_at_end());
});
