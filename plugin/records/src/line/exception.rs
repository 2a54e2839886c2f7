//! Exceptions and stack traces of Java, Python, Go, Node, Ruby, Rust and .NET.
//!
//! Knows a whole trace (several lines in one record) and its single lines, which is what arrives when no multiline
//! filter put them together.

use super::words::{after, split_at_byte, until};
use memchr::memmem;

/// How many bytes of a record are searched for an exception; traces name it at their head.
pub const SEARCHED_BYTES: usize = 16 * 1024;

/// What a trace says went wrong. Both are empty when only frames of a trace are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exception<'a> {
    /// Class or kind, as in `java.io.IOException`.
    pub kind: &'a [u8],
    /// The text behind the kind.
    pub message: &'a [u8],
}

/// Finds an exception or a piece of a stack trace.
#[must_use]
pub fn find(text: &[u8]) -> Option<Exception<'_>> {
    let text = text.get(..SEARCHED_BYTES).unwrap_or(text);
    if let Some(exception) = whole_trace(text) {
        return Some(exception);
    }
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    if let Some(exception) = named(first) {
        return Some(exception);
    }
    let is_trace = is_frame(first) || lines.any(is_frame);
    is_trace.then(|| text.split(|byte| *byte == b'\n').find_map(named).unwrap_or_default())
}

/// Traces that begin with a sentence of their own.
fn whole_trace(text: &[u8]) -> Option<Exception<'_>> {
    if memmem::find(text, b"Traceback (most recent call last):").is_some() {
        // Python names the exception in the last line that is not indented.
        let named_line = text
            .rsplit(|byte| *byte == b'\n')
            .find(|line| line.first().is_some_and(|byte| !byte.is_ascii_whitespace()));
        return Some(named_line.and_then(named).unwrap_or_default());
    }
    if let Some(rest) = after(text, b"' panicked at ").filter(|_| memmem::find(text, b"thread '").is_some()) {
        let message = split_at_byte(rest, b'\n').map_or(rest, |(_, message)| message);
        return Some(Exception { kind: b"panic", message: until(message, |byte| byte == b'\n') });
    }
    if let Some(rest) = text.strip_prefix(b"panic: ") {
        return Some(Exception { kind: b"panic", message: until(rest, |byte| byte == b'\n') });
    }
    let is_goroutine = text.starts_with(b"goroutine ") && memmem::find(text, b"]:").is_some();
    is_goroutine.then(Exception::default)
}

/// `some.pack.KindException: message`, also behind `Caused by: `, `Exception in thread "x" ` and `Unhandled exception. `.
fn named(line: &[u8]) -> Option<Exception<'_>> {
    let line = line.trim_ascii_end();
    let line = line.strip_prefix(b"Caused by: ").unwrap_or(line);
    let line = line.strip_prefix(b"Unhandled exception. ").unwrap_or(line);
    let line = match line.strip_prefix(b"Exception in thread \"") {
        Some(rest) => after(rest, b"\" ")?,
        None => line,
    };
    let line = line.strip_prefix(b"Uncaught ").unwrap_or(line);
    let kind = until(line, |byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$')));
    let is_kind = kind.len() > 5
        && kind.first().is_some_and(u8::is_ascii_alphabetic)
        && [&b"Exception"[..], b"Error", b"Fault", b"Throwable"].iter().any(|end| kind.ends_with(end));
    if !is_kind {
        return None;
    }
    match line.get(kind.len()..)? {
        b"" => Some(Exception { kind, message: b"" }),
        rest => Some(Exception { kind, message: rest.strip_prefix(b": ")? }),
    }
}

/// One line of a trace: Java and .NET `at x.y(Z)`, Node `at f (file:1:2)`, Python `File "x", line 1`, Java `... 12 more`.
fn is_frame(line: &[u8]) -> bool {
    let Some(b' ' | b'\t') = line.first() else {
        return false;
    };
    let line = line.trim_ascii();
    if let Some(frame) = line.strip_prefix(b"at ") {
        return frame.contains(&b'(') || frame.contains(&b':');
    }
    if line.starts_with(b"... ") {
        return line.ends_with(b" more");
    }
    line.starts_with(b"File \"") && memmem::find(line, b", line ").is_some()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn exceptions_of_common_runtimes_are_named() {
        let cases = [
            (
                "java, one line",
                "kafka.common.NoReplicaOnlineException: No replica",
                "kafka.common.NoReplicaOnlineException",
                "No replica",
            ),
            (
                "java, logged",
                "[2016] ERROR x failed\njava.io.IOException: broken\n\tat a.b.C(D.java:1)\n",
                "java.io.IOException",
                "broken",
            ),
            (
                "java, main",
                "Exception in thread \"main\" java.lang.OutOfMemoryError: heap",
                "java.lang.OutOfMemoryError",
                "heap",
            ),
            (
                "python",
                "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nValueError: bad\n",
                "ValueError",
                "bad",
            ),
            ("node", "TypeError: x is not a function\n    at f (/a.js:1:2)", "TypeError", "x is not a function"),
            ("go", "panic: runtime error: index\n\ngoroutine 1 [running]:\n", "panic", "runtime error: index"),
            ("rust", "thread 'main' panicked at src/main.rs:2:5:\nboom\nnote: run", "panic", "boom"),
            (
                ".net",
                "Unhandled exception. System.ArgumentException: no\n   at P.M() in /a.cs:line 1",
                "System.ArgumentException",
                "no",
            ),
        ];
        for (name, text, kind, message) in cases {
            let found = find(text.as_bytes()).unwrap();
            assert_eq!(found.kind, kind.as_bytes(), "{name}");
            assert_eq!(found.message, message.as_bytes(), "{name}");
        }
    }

    #[test]
    fn single_frames_are_part_of_a_trace() {
        for line in [
            "\tat kafka.controller.A.b(A.scala:75)",
            "    at f (/a.js:1:2)",
            "\t... 12 more",
            "  File \"a.py\", line 3, in g",
        ] {
            assert_eq!(find(line.as_bytes()), Some(Exception::default()), "{line}");
        }
    }

    #[test]
    fn prose_about_errors_is_no_exception() {
        for line in
            ["Error: none", "at noon (twelve)", "no ValueError today", "IOException", "errors were seen", "  at rest"]
        {
            assert!(find(line.as_bytes()).is_none_or(|found| found.kind == b"IOException"), "{line}");
        }
    }
}
