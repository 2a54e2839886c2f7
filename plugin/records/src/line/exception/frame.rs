//! Lines within a trace.

use super::head::named;
use crate::line::words::{split_at_byte, until};
use memchr::{memmem, memrchr};

/// Whole lines between traces.
const SENTENCES: [&[u8]; 4] = [
    b"The above exception was the direct cause of the following exception:",
    b"During handling of the above exception, another exception occurred:",
    b"stack backtrace:",
    b"--- End of stack trace from previous location ---",
];
/// What only runtimes begin a line with: Rust's advice and assertions, Go's signals.
const BEGINNINGS: [&[u8]; 4] = [
    b"note: run with `RUST_BACKTRACE=",
    b"note: Some details are omitted, run with `RUST_BACKTRACE=",
    b"assertion `left ",
    b"[signal SIG",
];
/// Ends of files that Java's machine runs, in front of the number of a line, and what stands where there is none.
const JAVA_PLACES: [&[u8]; 6] = [b".java:", b".kt:", b".scala:", b".groovy:", b"(Native Method)", b"(Unknown Source)"];
/// What the file of a frame of Node that has no name begins with.
const NODE_PLACES: [&[u8]; 9] =
    [b"/", b"./", b"node:", b"file:", b"internal/", b"webpack", b"[eval]", b"http://", b"https://"];

/// Whether a line is a frame, or stands between frames.
pub(super) fn is_frame(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let is_indented = line.first().is_some_and(u8::is_ascii_whitespace);
    match text.first() {
        Some(b'a') if text.starts_with(b"at ") => is_call(text.get(3..).unwrap_or_default(), is_indented),
        Some(b'.') if is_indented => is_left_out(text),
        Some(b'F') if is_indented => text.starts_with(b"File \"") && memmem::find(text, b", line ").is_some(),
        Some(b'-') => text == b"--- End of inner exception stack trace ---" || SENTENCES.contains(&text),
        Some(b'g') if text.starts_with(b"goroutine ") => is_goroutine(text),
        Some(b'c') if text.starts_with(b"created by ") => is_creator(text),
        Some(b'0'..=b'9') if is_indented => is_numbered(text) || is_go_place(text),
        Some(b'|') if is_indented => is_grouped(text),
        Some(b'+') if is_indented => text.ends_with(b" ----------------") && text.starts_with(b"+-"),
        Some(_) if is_indented => is_ruby(text) || is_go_place(text),
        Some(_) => {
            let may_begin = matches!(text.first(), Some(b'n' | b'a' | b'['));
            let has_beginning = || may_begin && BEGINNINGS.iter().any(|start| text.starts_with(start));
            SENTENCES.contains(&text) || has_beginning() || is_ruby(text) || is_go_call(text)
        }
        None => false,
    }
}

/// Whether a line only points to code above it, as those of Python and Node in front of an exception's name.
pub(super) fn is_marker(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let is_indented = line.first().is_some_and(u8::is_ascii_whitespace);
    is_indented && !text.is_empty() && text.iter().all(|byte| matches!(byte, b'^' | b'~'))
}

/// Whether a line is a place in a file of Go, in front of which the function stands and no exception.
pub(super) fn is_of_go(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_whitespace) && is_go_place(line.trim_ascii())
}

/// What is behind `at `: `a.b.C.d(E.java:1)` of Java, `f (/a.js:1:2)` and `/a.js:1:2` of Node, `N.C.M(T a) in f.cs:line 1` of .NET,
/// `./src/main.rs:1:2` of Rust. Where the indentation is lost more is asked of it.
fn is_call(text: &[u8], is_indented: bool) -> bool {
    let text = text.strip_suffix(b" {").unwrap_or(text);
    let text = text.strip_prefix(b"async ").unwrap_or(text);
    if has_place(text) && NODE_PLACES.iter().any(|start| text.starts_with(start)) {
        return true;
    }
    if let Some((_, place)) = text.strip_suffix(b")").and_then(|text| split_last(text, b" ("))
        && (has_place(place) || place == b"<anonymous>" || place == b"native" || place.starts_with(b"index "))
    {
        return true;
    }
    let name = until(text, |byte| byte == b'(' || byte == b' ');
    let rest = text.get(name.len()..).unwrap_or_default();
    let is_name = rest.first() == Some(&b'(') && rest.contains(&b')') && name.contains(&b'.');
    let has_java_place = || JAVA_PLACES.iter().any(|place| memmem::find(rest, place).is_some());
    is_name && (is_indented || has_java_place() || memmem::find(rest, b":line ").is_some())
}

/// Whether a text ends in `:line:column`.
fn has_place(text: &[u8]) -> bool {
    let number = |text| split_last_byte(text, b':').filter(|(_, number)| is_number(number)).map(|(before, _)| before);
    number(text).and_then(number).is_some_and(|file| !file.is_empty())
}

/// `|   File "x.py", line 1` and `| ValueError: a` of Python's exception groups.
fn is_grouped(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"| ").unwrap_or(text);
    (text.starts_with(b"  File \"") && memmem::find(text, b", line ").is_some()) || named(text).is_some()
}

/// Java's `... 12 more`, Logback's `... 12 common frames omitted`, Node's `... 4 lines matching cause stack trace ...`.
fn is_left_out(text: &[u8]) -> bool {
    let Some((number, rest)) = text.strip_prefix(b"... ").and_then(|rest| split_at_byte(rest, b' ')) else {
        return false;
    };
    is_number(number)
        && (matches!(rest, b"more" | b"common frames omitted") || rest.starts_with(b"lines matching cause stack trace"))
}

/// `goroutine 1 [running]:`
fn is_goroutine(text: &[u8]) -> bool {
    let mut words = text.splitn(3, |byte| *byte == b' ').skip(1);
    words.next().is_some_and(is_number)
        && words.next().is_some_and(|state| state.starts_with(b"[") && state.ends_with(b"]:"))
}

/// `created by main.main in goroutine 1`, `created by net/http.(*Server).Serve`
fn is_creator(text: &[u8]) -> bool {
    match split_last(text, b" in goroutine ") {
        Some((_, number)) => is_number(number),
        None => {
            let name = text.get(b"created by ".len()..).unwrap_or_default();
            !name.contains(&b' ')
                && (name.contains(&b'/') || name.starts_with(b"main.") || name.starts_with(b"runtime."))
        }
    }
}

/// `   0: core::panicking::panic` of Rust, `1: from x.rb:5:in 'f'` of Ruby.
fn is_numbered(text: &[u8]) -> bool {
    let Some((number, rest)) = split_at_byte(text, b':') else { return false };
    let Some(name) = rest.strip_prefix(b" ").filter(|_| is_number(number)) else { return false };
    is_ruby(name) || memmem::find(name, b"::").is_some()
}

/// `/src/main.go:8 +0x1d`, and the older one with addresses behind it.
fn is_go_place(text: &[u8]) -> bool {
    let Some((place, rest)) = split_at_byte(text, b' ').or(Some((text, b""))) else { return false };
    let Some((file, number)) = split_last_byte(place, b':') else { return false };
    is_number(number)
        && (file.ends_with(b".go") || file.ends_with(b".s"))
        && (rest.is_empty() || rest.starts_with(b"+0x"))
}

/// `main.f(0xc42, {0x1, 0x2}, ...)`, `main.main()`: nothing but numbers between the parentheses.
fn is_go_call(text: &[u8]) -> bool {
    let Some((name, arguments)) = text.strip_suffix(b")").and_then(|text| split_last_byte(text, b'(')) else {
        return false;
    };
    let is_name = name == b"panic" || (!name.contains(&b' ') && name.iter().any(|byte| matches!(byte, b'.' | b'/')));
    let is_argument =
        |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'x' | b',' | b' ' | b'{' | b'}' | b'.' | b'?' | b'_');
    let is_hexadecimal = || memmem::find(arguments, b"0x").is_some() || arguments == b"...";
    let is_method = || arguments.is_empty() && memmem::find(name, b".(*").is_some();
    (is_name && ((arguments.iter().all(is_argument) && is_hexadecimal()) || is_method()))
        || matches!(text, b"main.main()" | b"runtime.main()" | b"runtime.goexit()")
}

/// `from file.rb:12:in 'm'`, and without `from` as Rails writes it.
fn is_ruby(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"from ").unwrap_or(text);
    let Some((place, method)) = split_at_byte(text, b' ') else { return false };
    let number = place.strip_suffix(b":in").and_then(|place| split_last_byte(place, b':'));
    number.is_some_and(|(_, number)| is_number(number)) && matches!(method.first(), Some(b'\'' | b'`'))
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The text before and after the last `separator`.
fn split_last_byte(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memrchr(separator, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The text before and after the last `separator`.
fn split_last<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::rfind(text, separator)?;
    Some((text.get(..at)?, text.get(at + separator.len()..)?))
}
