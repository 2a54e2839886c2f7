//! Stack traces: kind and message are in the text, the stack is its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shiwake_records::line::exception;

fuzz_target!(|text: &[u8]| {
    let Some(found) = exception::find(text) else { return };
    let is_in = |part: &[u8]| part.is_empty() || text.windows(part.len()).any(|window| window == part);
    assert!(is_in(found.kind) || found.kind == b"panic");
    assert!(is_in(found.message) && !found.message.contains(&b'\n'));
    assert!(text.trim_ascii_end().ends_with(found.stack));
    assert!(found.stack.is_empty() || found.stack.contains(&b'\n'));
});
