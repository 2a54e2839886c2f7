//! Lines that name an exception or begin a trace.

use super::Exception;
use crate::line::words::{after, split_at_byte, until};
use memchr::memmem::{self, Finder};
use std::sync::LazyLock;

/// What a trace of Python begins with.
pub(super) const PYTHON_BEGINNING: &[u8] = b"Traceback (most recent call last):";
/// Names that are known and end otherwise.
const UNUSUAL_NAMES: [&[u8]; 4] =
    [b"KeyboardInterrupt", b"SystemExit", b"ExceptionGroup", b"UnhandledPromiseRejection"];
/// What runtimes put in front of a name.
const PREFIXES: [&[u8]; 7] = [
    b"Caused by: ",
    b"Suppressed: ",
    b"Unhandled exception. ",
    b"Unhandled Exception: ",
    b"---> ",
    b"[cause]: ",
    b"Uncaught ",
];

/// What Node puts in front of its warnings, and what the warning of an error that nobody caught is called.
const NODE: &[u8] = b"(node:";
const NODE_UNHANDLED: &[u8] = b" UnhandledPromiseRejectionWarning: ";

/// How the names of exceptions end, so that they are known without anything else.
#[inline]
fn has_usual_end(kind: &[u8]) -> bool {
    // One after the other, not in a loop, so that compilers compare without calls.
    kind.ends_with(b"Exception") || kind.ends_with(b"Error") || kind.ends_with(b"Fault") || kind.ends_with(b"Throwable")
}

/// `some.pack.KindException: message`, also behind what runtimes put in front of it. A name with its package may be indented.
pub(super) fn named(line: &[u8]) -> Option<Exception<'_>> {
    let (kind, message) = split_name(line)?;
    let is_rails = || line.ends_with(b"):") && memmem::find(kind, b"::").is_some();
    let is_usual = (kind.len() > 5 && has_usual_end(kind)) || UNUSUAL_NAMES.contains(&kind) || is_rails();
    let is_bare = without_prefixes(line).len() == line.trim_ascii().len();
    let is_usual = is_usual || (!is_bare && line.starts_with(NODE));
    let is_indented = is_bare && line.first().is_some_and(u8::is_ascii_whitespace);
    (is_usual && (!is_indented || kind.contains(&b'.'))).then(|| Exception::new(kind, message))
}

/// As [`named`], for the line in front of a frame, which vouches for it: also plain `Error`, any name with its package, and
/// names of several words (`UnhandledPromiseRejection`).
pub(super) fn unusual(line: &[u8]) -> Option<Exception<'_>> {
    let (kind, message) = split_name(line)?;
    let has_words = || kind.windows(2).any(|pair| matches!(pair, [b'a'..=b'z', b'A'..=b'Z']));
    let is_name = has_usual_end(kind) || kind.iter().any(|byte| matches!(byte, b'.' | b':')) || has_words();
    (is_name && kind.iter().any(u8::is_ascii_lowercase)).then(|| Exception::new(kind, message))
}

/// Any name, for the line behind a trace of Python.
pub(super) fn any(line: &[u8]) -> Option<Exception<'_>> {
    split_name(line).map(|(kind, message)| Exception::new(kind, message))
}

/// A line without what runtimes put in front of a name.
fn without_prefixes(line: &[u8]) -> &[u8] {
    let mut line = line.trim_ascii();
    // What a prefix begins with; few lines do.
    if !matches!(line.first(), Some(b'E' | b'F' | b'C' | b'S' | b'U' | b'-' | b'[' | b'(')) {
        return line;
    }
    // Ruby's logger: `E, [2026-01-02T03:04:05.123456 #7] ERROR -- name: text`.
    if line.get(1..4) == Some(b", [") {
        line = after(line, b" -- ").and_then(|rest| after(rest, b": ")).unwrap_or(line);
    }
    if let Some((_, rest)) = line.strip_prefix(NODE).and_then(|rest| split_at_byte(rest, b')')) {
        return rest.strip_prefix(NODE_UNHANDLED).unwrap_or(line);
    }
    if let Some(rest) = line.strip_prefix(b"Exception in thread \"") {
        line = after(rest, b"\" ").unwrap_or(rest);
    }
    for prefix in PREFIXES {
        line = line.strip_prefix(prefix).unwrap_or(line);
    }
    // Rails writes its tags, as `[request]`, in front of `Kind (message):`.
    while line.first() == Some(&b'[') && line.ends_with(b"):") {
        let Some(rest) = after(line, b"] ") else { break };
        line = rest;
    }
    line
}

/// Name and message of `Kind: message`, `Kind`, `Kind [CODE]: message`, `Kind (0x80070002): message` and Rails'
/// `Kind (message):`.
fn split_name(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = without_prefixes(line);
    let (kind, rest) = line.split_at_checked(name_length(line))?;
    if kind.is_empty() {
        return None;
    }
    let message = match rest {
        b"" | b":" => b"",
        [b':', b' ', message @ ..] => before_inner(message),
        [b' ', b'[' | b'(', code @ ..] => behind_code(code)?,
        _ => return None,
    };
    Some((kind, message))
}

/// The message of .NET without the exception within, which may stand in the same line.
fn before_inner(message: &[u8]) -> &[u8] {
    let end = memmem::find(message, b" ---> ").unwrap_or(message.len());
    message.get(..end).unwrap_or(message)
}

/// The message behind the rest of `[CODE]: message`, or within that of `(message):`.
fn behind_code(text: &[u8]) -> Option<&[u8]> {
    let code = until(text, |byte| !(byte.is_ascii_alphanumeric() || byte == b'_'));
    match text.get(code.len()..)? {
        [b']' | b')', b':', b' ', message @ ..] if !code.is_empty() => Some(message),
        _ => text.strip_suffix(b"):"),
    }
}

/// Bytes of the name at the beginning of a line: words with `.`, `::`, `$` or `+` between them.
fn name_length(line: &[u8]) -> usize {
    if !line.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
        return 0;
    }
    let mut at = 0;
    while let Some(byte) = line.get(at) {
        if is_name_byte(*byte) {
            at += 1;
        } else if *byte == b':' && line.get(at + 1) == Some(&b':') {
            at += 2;
        } else {
            break;
        }
    }
    at
}

#[inline]
fn is_name_byte(byte: u8) -> bool {
    /// One bit for each byte of ASCII.
    const NAME_BYTES: u128 = {
        let (mut bits, mut byte) = (0, 0_u8);
        while byte < 128 {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'+' | b'`') {
                bits |= 1 << byte;
            }
            byte += 1;
        }
        bits
    };
    const HALVES: [u64; 4] = [NAME_BYTES as u64, (NAME_BYTES >> 64) as u64, 0, 0];
    HALVES.get(usize::from(byte >> 6)).is_some_and(|half| half >> (byte & 63) & 1 == 1)
}

/// Whether a trace of Python begins in a line.
pub(super) fn begins_python(line: &[u8]) -> bool {
    line.ends_with(PYTHON_BEGINNING)
}

/// What Go's web server says of a handler, and its search; preparing one costs more than searching a line.
const SERVING: &[u8] = b" http: panic serving ";
static SERVING_SEARCH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(SERVING));

/// Go's `panic: message`, `fatal error: message` and what its web server says of a handler.
pub(super) fn go(line: &[u8]) -> Option<Exception<'_>> {
    match line.first()? {
        b'p' => Some(Exception::new(b"panic", line.strip_prefix(b"panic: ")?)),
        b'f' => Some(Exception::new(b"fatal error", line.strip_prefix(b"fatal error: ")?)),
        // Go's time is in front of it; other lines are not searched.
        b'0'..=b'9' => {
            let serving = SERVING_SEARCH.find(line)?;
            Some(Exception::new(b"panic", after(line.get(serving + SERVING.len()..)?, b": ")?))
        }
        _ => None,
    }
}

/// The message in `thread 'main' panicked at 'message', src/main.rs:2:5`; empty for `thread 'main' (7) panicked at
/// src/main.rs:2:5:`, which has it in the next line.
pub(super) fn rust(line: &[u8]) -> Option<&[u8]> {
    let rest = after(line.strip_prefix(b"thread '")?, b" panicked at ")?;
    let Some(message) = rest.strip_prefix(b"'") else { return Some(b"") };
    let end = memmem::rfind(message, b"', ").unwrap_or(message.len());
    message.get(..end)
}

/// Ruby's `file.rb:12:in 'm': message (Kind)`, with the older quotes too.
pub(super) fn ruby(line: &[u8]) -> Option<Exception<'_>> {
    let (place, rest) = split_at_byte(line, b' ')?;
    let place = place.strip_suffix(b":in")?;
    let rest = rest.strip_prefix(b"'").or_else(|| rest.strip_prefix(b"`"))?;
    let number = place.iter().rposition(|byte| *byte == b':').and_then(|at| place.get(at + 1..))?;
    let message = after(rest, b"': ").filter(|_| !number.is_empty() && number.iter().all(u8::is_ascii_digit))?;
    let is_kind = |kind: &&[u8]| kind.first().is_some_and(u8::is_ascii_uppercase) && name_length(kind) == kind.len();
    let open = memmem::rfind(message, b" (").unwrap_or(message.len());
    let kind = message.get(open + 2..).and_then(|rest| rest.strip_suffix(b")")).filter(is_kind);
    Some(
        kind.map_or(Exception::new(b"", message), |kind| Exception::new(kind, message.get(..open).unwrap_or_default())),
    )
}
