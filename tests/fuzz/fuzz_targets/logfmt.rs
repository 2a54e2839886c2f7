//! The logfmt scanner: what it writes is whole MessagePack of texts, and every key is in the line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::line::fields::LineFields;
use shiwake_records::line::logfmt;
use shiwake_records::msgpack::Reader;

fuzz_target!(|line: &[u8]| {
    let mut fields = LineFields::default();
    if logfmt::scan(line, &mut fields).is_none() {
        return;
    }
    let mut reader = Reader::new(fields.bytes());
    for _ in 0..fields.count() {
        let key = reader.value().expect("a key").as_str_bytes().expect("a text");
        assert!(line.windows(key.len()).any(|part| part == key));
        reader.value().expect("a value").as_str_bytes().expect("a text");
    }
    assert!(reader.is_at_end() && fields.count() >= 2);
});
