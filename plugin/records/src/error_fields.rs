//! What an error record with fields says of its exception.
//!
//! Loggers write it as a stack in a field, as an object (`err` of pino and bunyan, `error` of Datadog's and others, Serilog's
//! `exception`), as plain text (`error` of logrus and zerolog), or in the message. What is found becomes `error_kind`,
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
const STACK: KeySet = KeySet::new(&["stack", "stack_trace", "stacktrace", "exception", "error.stack", "error_stack"]);
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
    let exception = of_stack().or_else(of_trace).or_else(of_field).or_else(|| exception::find(line));
    if let Some(Exception { kind, message, stack }) = exception {
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
