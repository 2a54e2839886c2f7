//! Exceptions and stack traces of Java, Python, Go, Node, Ruby, Rust and .NET.
//!
//! Knows a whole trace (several lines in one record) and its single lines, which is what arrives when no multiline
//! filter put them together. What each runtime prints is its own documentation: Java's `Throwable.printStackTrace`
//! (<https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/lang/Throwable.html#printStackTrace()>), Python's
//! `traceback` (<https://docs.python.org/3/library/traceback.html>), Go's runtime
//! (<https://pkg.go.dev/runtime#hdr-Environment_Variables>), V8's stack trace API (<https://v8.dev/docs/stack-trace-api>), Ruby's
//! `Exception#full_message` (<https://docs.ruby-lang.org/en/3.4/Exception.html>), Rust's `std::panic`
//! (<https://doc.rust-lang.org/std/macro.panic.html>), .NET's `Exception.ToString`
//! (<https://learn.microsoft.com/dotnet/api/system.exception.tostring>).
//!
//! Of exceptions with causes the outermost gives its kind and its message: the first of Java, Node and .NET, the last of Python.

mod frame;
mod head;

use self::frame::{is_frame, is_marker, is_of_go};
use memchr::{memchr, memmem};

/// How many bytes of a record are searched for where a trace begins; traces name the exception at their head.
pub const SEARCHED_BYTES: usize = 16 * 1024;

/// What a trace says went wrong. Kind and message are empty when only frames of a trace are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exception<'a> {
    /// Class or kind, as in `java.io.IOException`; `panic` for Go and Rust.
    pub kind: &'a [u8],
    /// The first line of the text behind the kind.
    pub message: &'a [u8],
    /// The whole trace, from the line that names the exception on, when the record has several lines of it.
    pub stack: &'a [u8],
}

impl<'a> Exception<'a> {
    fn new(kind: &'a [u8], message: &'a [u8]) -> Self {
        Self { kind, message, stack: b"" }
    }

    /// The exception with its trace, when that has several lines.
    fn with_stack(self, stack: &'a [u8]) -> Self {
        Self { stack: if memchr(b'\n', stack).is_some() { stack } else { b"" }, ..self }
    }
}

/// Finds an exception or a piece of a stack trace.
#[must_use]
pub fn find(text: &[u8]) -> Option<Exception<'_>> {
    let text = text.trim_ascii_end();
    let searched = text.get(..SEARCHED_BYTES).unwrap_or(text);
    if memchr(b'\n', searched).is_none() { of_line(searched) } else { of_lines(text, searched) }
}

/// A line that stands alone.
fn of_line(line: &[u8]) -> Option<Exception<'_>> {
    let named = || head::named(line).or_else(|| head::go(line)).or_else(|| head::ruby(line));
    let whole = || head::rust(line).map(|message| Exception::new(b"panic", message));
    let is_piece = || head::begins_python(line) || is_frame(line) || is_marker(line);
    named().or_else(whole).or_else(|| is_piece().then(Exception::default))
}

/// Several lines, of which only those that begin within `searched` are looked at.
fn of_lines<'a>(text: &'a [u8], searched: &'a [u8]) -> Option<Exception<'a>> {
    let mut candidate: Option<(usize, Exception<'a>)> = None;
    let mut before: Option<(usize, &[u8])> = None;
    let mut first_frame: Option<usize> = None;
    for (start, line) in Lines::of(searched) {
        let rest = text.get(start..)?;
        if head::begins_python(line) {
            return Some(python(rest).with_stack(rest));
        }
        if let Some(message) = head::rust(line) {
            // The older form has the message in the same line.
            let next = || Lines::of(rest).nth(1).map_or(&b""[..], |(_, line)| line);
            let message = if message.is_empty() { next() } else { message };
            return Some(Exception::new(b"panic", message.trim_ascii()).with_stack(rest));
        }
        if let Some(exception) = head::go(line).or_else(|| head::ruby(line)) {
            return Some(exception.with_stack(rest));
        }
        if candidate.is_none() {
            candidate = head::named(line).map(|exception| (start, exception));
        }
        match (candidate, first_frame) {
            // SyntaxError of Python, and the cause of a trace whose head is missing.
            (Some((_, exception)), Some(start)) => return Some(exception.with_stack(text.get(start..)?)),
            (_, None) if is_frame(line) => {
                let is_of_go = is_of_go(line);
                // In front of a place of Go stands a function.
                let head = before.filter(|_| !is_of_go);
                let is_function = |start: usize| is_of_go && before.is_some_and(|(before, _)| before == start);
                candidate = candidate.filter(|(start, _)| !is_function(*start));
                let unusual = || head.and_then(|(start, line)| Some((start, head::unusual(line)?)));
                if let Some((start, exception)) = candidate.or_else(unusual) {
                    return Some(exception.with_stack(text.get(start..)?));
                }
                first_frame = Some(if is_of_go { before.map_or(start, |(before, _)| before) } else { start });
            }
            _ => {}
        }
        if !line.trim_ascii().is_empty() {
            before = Some((start, line));
        }
    }
    if let Some(start) = first_frame {
        return Some(Exception::default().with_stack(text.get(start..)?));
    }
    // Without a frame it is one when nothing else could stand there: at the beginning, with its package, or as Rails writes it.
    let is_sure = |(start, exception): &(usize, Exception<'_>)| {
        let is_rails = || text.get(*start..).is_some_and(|rest| split_line(rest).0.ends_with(b"):"));
        *start == 0 || exception.kind.iter().any(|byte| matches!(byte, b'.' | b':')) || is_rails()
    };
    candidate.filter(is_sure).map(|(_, exception)| exception)
}

/// The exception of a trace of Python, which stands behind its frames, as the first line that is not indented. Of traces that
/// follow each other the last is that of the exception that was not caught; a group is told first, behind bars, and what it
/// holds after it.
fn python(text: &[u8]) -> Exception<'_> {
    let (first_line, _) = split_line(text);
    let is_group = memmem::find(first_line, b"Exception Group Traceback").is_some();
    let last = memmem::rfind(text, head::PYTHON_BEGINNING).filter(|_| !is_group).unwrap_or(0);
    let content = |line| if is_group { behind_bar(line) } else { Some(line) };
    let is_flush = |line: &&[u8]| line.first().is_some_and(|byte| !byte.is_ascii_whitespace());
    let mut lines = Lines::of(text.get(last..).unwrap_or(text)).skip(1);
    let named = lines.find_map(|(_, line)| content(line).filter(is_flush)).unwrap_or_default();
    // Ruby 2.5 to 2.7 begins a trace with the same words.
    head::ruby(named).or_else(|| head::any(named)).unwrap_or_default()
}

/// What stands behind the bar in front of a line about an exception group.
fn behind_bar(line: &[u8]) -> Option<&[u8]> {
    line.trim_ascii_start().strip_prefix(b"| ")
}

/// The first line, without its end, and where the next one begins.
fn split_line(text: &[u8]) -> (&[u8], usize) {
    let end = memchr(b'\n', text).unwrap_or(text.len());
    (text.get(..end).unwrap_or(text).trim_ascii_end(), end + 1)
}

/// The lines of a text and where each begins, without white space at their ends.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (line, length) = split_line(rest);
        let start = self.at;
        self.at += length;
        Some((start, line))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
