//! What an error record with fields says of its exception.
//!
//! Loggers write it as a stack in a field, as an object (`err` of pino and bunyan, `error` of Datadog's and others, Serilog's
//! `exception`), as plain text (`error` of logrus, zap and zerolog), in fields with dots in their names (`error.type` of the Elastic
//! Common Schema), or in the message. What is found becomes `error_kind`,
//! `error_message` and `error_stack`; fields with these names, which stand at the top, win.

use crate::append::FoundFields;
use crate::fields::{FieldIndex, KeySet};
use crate::line::exception::{self, Exception};
use crate::msgpack::{Composite, Value};

/// Keys of an object about the exception, or of its text.
const ERROR: KeySet = KeySet::new(&["err", "error", "exception"]);
/// Keys of a trace as text that are no column's.
const TRACE: KeySet = KeySet::new(&["exc_info", "exc_text"]);
/// Keys of a stack trace.
const STACK: KeySet = KeySet::new(&[
    "stack",
    "stack_trace",
    "stacktrace",
    "error.stack_trace",
    "exception",
    "error.stack",
    "error_stack",
]);
/// Keys of a message and of a kind as the Elastic Common Schema names them.
const DOTTED: KeySet = KeySet::new(&["error.message", "error.type"]);
const KIND_KEYS: [&str; 4] = ["type", "kind", "name", "class"];
const TEXT_KEYS: [&str; 2] = ["message", "msg"];
const NESTED_STACK_KEYS: [&str; 4] = ["stack", "stack_trace", "stackTrace", "stacktrace"];

/// The fields that are added.
const OWN: [&[u8]; 3] = [b"error_kind", b"error_message", b"error_stack"];

/// Adds what fields and line say. Of several places the first that says anything counts.
pub fn add_to<'a>(index: &FieldIndex, body: &Composite<'a>, line: &'a [u8], found: &mut FoundFields<'a>) {
    // A record that has them all keeps its own.
    if OWN.iter().all(|name| index.contains(name)) {
        return;
    }
    let of_dotted = || {
        if !index.has_any(&DOTTED) {
            return None;
        }
        let text = |key: &[u8]| index.get(body, key).and_then(|value| value.as_str_bytes()).unwrap_or_default();
        Some(Exception { kind: text(b"error.type"), message: text(b"error.message"), stack: b"" })
    };
    let of_stack = || {
        let (_, stack) = index.first_text_of(body, &STACK)?;
        // The record has the stack already.
        exception::find(stack).map(|exception| Exception { stack: b"", ..exception })
    };
    let of_trace = || {
        let (_, trace) = index.first_text_of(body, &TRACE)?;
        exception::find(trace).map(|exception| Exception { stack: trace, ..exception })
    };
    let of_field = || match index.first_of(body, &ERROR)? {
        (_, Value::Map(error)) => of_object(&error),
        // What is in `exception` is taken for a stack above.
        (key, Value::Str(text)) if key != "exception" => {
            let named = exception::find(text);
            named.or(Some(Exception { kind: b"", message: text, stack: b"" }))
        }
        _ => None,
    };
    // A stack may be of frames alone, as zap writes it; what went wrong is said elsewhere then.
    let says_what = |exception: &Exception<'_>| !exception.kind.is_empty() || !exception.message.is_empty();
    let beside_trace = || {
        let trace = of_trace();
        let said = trace.filter(says_what).or_else(of_field).or_else(|| exception::find(line));
        let stack = trace.map_or(&b""[..], |trace| trace.stack);
        let with_stack = |said: Exception<'a>| if said.stack.is_empty() { Exception { stack, ..said } } else { said };
        said.map(with_stack).or(trace)
    };
    let said = of_dotted().filter(says_what).or_else(|| of_stack().filter(says_what));
    if let Some(Exception { kind, message, stack }) = said.or_else(beside_trace) {
        found.push_text("error_kind", kind);
        found.push_text("error_message", message);
        found.push_text("error_stack", stack);
    }
}

fn of_object<'a>(error: &Composite<'a>) -> Option<Exception<'a>> {
    let text = |keys: &[&str]| error.first_text_of(keys).unwrap_or_default();
    let exception = Exception { kind: text(&KIND_KEYS), message: text(&TEXT_KEYS), stack: text(&NESTED_STACK_KEYS) };
    (exception != Exception::default()).then_some(exception)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::append::FoundValue;
    use crate::msgpack::{Reader, write};

    const TRACE_TEXT: &str = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nValueError: bad";

    const ZAP_STACK: &str = "main.main\n\t/a.go:1\nruntime.main\n\t/proc.go:250";

    #[test]
    fn kind_message_and_stack_are_taken_from_where_loggers_write_them() {
        type Fields = &'static [(&'static str, &'static str)];
        let cases: [(Fields, &str, &str, &str); 8] = [
            (&[("error", "EOF"), ("stacktrace", ZAP_STACK)], "", "EOF", ""),
            (&[("error", "EOF"), ("exc_info", ZAP_STACK)], "", "EOF", ZAP_STACK),
            (&[("stacktrace", ZAP_STACK)], "", "", ""),
            (
                &[("error.type", "E"), ("error.message", "m"), ("error.stack_trace", "x.YError: z\n\tat a")],
                "E",
                "m",
                "",
            ),
            (&[("error.stack_trace", "x.YError: z\n\tat a.B.c(B.java:7)")], "x.YError", "z", ""),
            (&[("error", "no card"), ("stack", "TypeError: x\n    at f (/a.js:1:2)")], "TypeError", "x", ""),
            (&[("exc_info", TRACE_TEXT)], "ValueError", "bad", TRACE_TEXT),
            (&[("error", "a.BException: c")], "a.BException", "c", ""),
        ];
        for (fields, kind, message, stack) in cases {
            let mut record = Vec::new();
            write::map_header(&mut record, u32::try_from(fields.len()).unwrap());
            for (name, text) in fields {
                write::str(&mut record, name.as_bytes());
                write::str(&mut record, text.as_bytes());
            }
            let body = Reader::new(&record).value().unwrap().as_map().unwrap();
            let (mut index, mut found) = (FieldIndex::default(), FoundFields::default());
            index.fill(&body);
            add_to(&index, &body, b"", &mut found);
            for (name, text) in [("error_kind", kind), ("error_message", message), ("error_stack", stack)] {
                let expected = (!text.is_empty()).then_some(FoundValue::Text(text.as_bytes()));
                assert_eq!(found.get(name), expected, "{name} of {fields:?}");
            }
        }
    }
}
