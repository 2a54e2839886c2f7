//! Level, logger and thread where common loggers write them.
//!
//! Behind a time, in brackets or not, or at the start of the line:
//!
//! | logger | line |
//! |---|---|
//! | Logback's default (<https://logback.qos.ch/manual/layouts.html>) | `10:05:03.123 [main] INFO  a.b.C - text`, and ` -- ` since 1.3 |
//! | Log4j 2's examples (<https://logging.apache.org/log4j/2.x/manual/pattern-layout.html>) | `2026-01-02 03:04:05,678 INFO  [main] a.b.C - text`, `INFO  a.b.C - text` |
//! | Hadoop, Spark (log4j) | `2026-01-02 03:04:05,678 INFO [main] a.b.C: text`, `26/01/02 03:04:05 INFO a.C: text` |
//! | Kafka, ZooKeeper (log4j) | `[2026-01-02 03:04:05,678] INFO text (a.b.C)` |
//! | SLF4J's simple logger (<https://www.slf4j.org/api/org/slf4j/simple/SimpleLogger.html>) | `[main] INFO a.b.C - text` |
//! | Log4j 1's TTCC (<https://logging.apache.org/log4j/1.x/apidocs/org/apache/log4j/TTCCLayout.html>) | `176 [main] INFO  a.b.C - text` |
//! | Spring Boot (<https://docs.spring.io/spring-boot/reference/features/logging.html>) | `2026-01-02T03:04:05.678Z  INFO 1 --- [app] [main] a.b.C : text` |
//! | Python (<https://docs.python.org/3/library/logging.html>, <https://docs.python.org/3/howto/logging.html>) | `WARNING:root:text`, `2026-01-02 03:04:05,678 - a.b - INFO - text` |
//! | Ruby, Rails (<https://docs.ruby-lang.org/en/3.4/Logger/Formatter.html>) | `I, [2026-01-02T03:04:05.123456 #7]  INFO -- name: text` |
//! | glog, klog (<https://github.com/google/glog#log-line-prefix>) | `I0102 03:04:05.678901    7 file.go:12] text` |
//! | zap's console encoder (<https://pkg.go.dev/go.uber.org/zap/zapcore#NewConsoleEncoder>) | `TIME⇥info⇥name⇥file.go:12⇥text` |
//!
//! | gunicorn (<https://docs.gunicorn.org/en/stable/settings.html#logging>) | `[2026-01-02 03:04:05 +0000] [7] [INFO] text` |
//! | Celery (<https://docs.celeryq.dev/en/stable/userguide/configuration.html#worker-log-format>) | `[2026-01-02 03:04:05,678: INFO/MainProcess] text` |
//! | .NET's console (<https://learn.microsoft.com/dotnet/core/extensions/console-log-formatter>) | `fail: A.B.C[13]`, the text in the next line |
//! | Go's log (<https://pkg.go.dev/log#pkg-constants>) | `2009/11/10 23:00:00 file.go:23: text` |
//!
//! What stands elsewhere is left alone: a level alone is found by [`super::level`], and the line stays.

use super::words::{split_at_byte, until};
use crate::append::FoundFields;
use crate::civil_time::parse_rfc3339;
use crate::event::Timestamp;
use crate::severity::Severity;

/// Bytes of the first line in which these are looked for, but for a logger in parentheses at its end.
const SEARCHED_BYTES: usize = 512;
/// Bytes of the longest name of a logger or a thread.
const MAX_NAME_BYTES: usize = 200;

/// What a logger says of itself; what it does not say is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggerLine<'a> {
    /// The level, when there is one.
    pub severity: Option<Severity>,
    /// Name of the logger.
    pub logger: &'a [u8],
    /// Name or number of the thread.
    pub thread: &'a [u8],
    /// File and line that wrote it.
    pub caller: &'a [u8],
    /// When it was written, when the time in front has a zone.
    pub time: Option<Timestamp>,
}

impl<'a> LoggerLine<'a> {
    /// Finds them in the first line of a text; `None` when neither a logger, a thread nor a caller is there.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        if text.get(4..6) == Some(b": ") {
            return dotnet(text);
        }
        // Without an early look most lines would be taken for a logger's and left again.
        let first = text.first().filter(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() || **byte == b'[')?;
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let line = text.get(..end)?.trim_ascii_end();
        let head = line.get(..SEARCHED_BYTES).unwrap_or(line);
        if first.is_ascii_uppercase() {
            return glog(head).or_else(|| ruby(head)).or_else(|| python_basic(head)).or_else(|| level_first(head));
        }
        if let Some(celery) = celery(head) {
            return Some(celery);
        }
        let Some((time, rest, is_bracketed)) = behind_time(head) else { return without_time(head) };
        let line = Self::behind_time(rest, is_bracketed, line)?;
        // A local time, as Go's with slashes, is none of RFC 3339.
        Some(Self { time: parse_rfc3339(time), ..line })
    }

    fn behind_time(rest: &'a [u8], is_bracketed: bool, line: &'a [u8]) -> Option<Self> {
        if let Some(fields) = rest.strip_prefix(b"\t") {
            return zap(fields);
        }
        let rest = rest.trim_ascii_start();
        if let Some(rest) = rest.strip_prefix(b"[") {
            return thread_first(rest).or_else(|| gunicorn(rest));
        }
        if let Some(rest) = rest.strip_prefix(b"- ") {
            return python(rest);
        }
        let in_brackets = || is_bracketed.then(|| logger_last(rest, line))?;
        level_first(rest).or_else(in_brackets).or_else(|| go(rest))
    }

    /// Adds what was found to the fields of its record, but for the level.
    pub fn add_to(&self, found: &mut FoundFields<'a>) {
        found.push_text_if_new("logger", self.logger);
        found.push_text_if_new("thread", self.thread);
        found.push_text_if_new("caller", self.caller);
    }

    fn new(severity: Severity, logger: &'a [u8], thread: &'a [u8], caller: &'a [u8]) -> Self {
        Self { severity: Some(severity), logger, thread, caller, time: None }
    }
}

/// The time at the start of a line, what is behind it, and whether it is in brackets.
pub(super) fn behind_time(line: &[u8]) -> Option<(&[u8], &[u8], bool)> {
    let (time, is_bracketed) = match line.strip_prefix(b"[") {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    let is_time_byte =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b',' | b'/' | b'+' | b'T' | b'Z');
    let mut end = until(time, |byte| !is_time_byte(byte)).len();
    // A date and a time may have a space between them, and a zone may stand behind another.
    for _ in 0..2 {
        let Some(next) = time.get(end..).and_then(|rest| rest.strip_prefix(b" ")) else { break };
        let part = until(next, |byte| !is_time_byte(byte));
        if !part.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'+')
            || !part.iter().any(u8::is_ascii_digit)
        {
            break;
        }
        end += 1 + part.len();
    }
    let (time, rest) = time.split_at_checked(end)?;
    let has_clock = time.iter().filter(|byte| **byte == b':').count() >= 1 && time.first()?.is_ascii_digit();
    let rest = if is_bracketed { rest.strip_prefix(b"]")? } else { rest };
    has_clock.then_some((time, rest, is_bracketed))
}

/// `[main] INFO a.b.C - text`, and behind a number of milliseconds
fn without_time(head: &[u8]) -> Option<LoggerLine<'_>> {
    let behind_number = until(head, |byte| !byte.is_ascii_digit()).len();
    thread_first(head.get(behind_number..)?.trim_ascii_start().strip_prefix(b"[")?)
}

/// `main] INFO  a.b.C - text`
fn thread_first(rest: &[u8]) -> Option<LoggerLine<'_>> {
    let (thread, rest) = split_at_byte(rest, b']')?;
    let (severity, rest) = level(rest.trim_ascii_start())?;
    let logger = logger_before(rest.trim_ascii_start())?;
    Some(LoggerLine::new(severity, logger, name(thread)?, b""))
}

/// `7] [INFO] text`
fn gunicorn(rest: &[u8]) -> Option<LoggerLine<'_>> {
    let (pid, rest) = split_at_byte(rest, b']')?;
    let (word, _) = split_at_byte(rest.strip_prefix(b" [")?, b']')?;
    let is_pid = !pid.is_empty() && pid.iter().all(u8::is_ascii_digit);
    is_pid.then(|| Some(LoggerLine::new(Severity::from_word(word)?, b"", pid, b"")))?
}

/// `[2026-01-02 03:04:05,678: INFO/MainProcess] text`
fn celery(head: &[u8]) -> Option<LoggerLine<'_>> {
    let (inside, _) = split_at_byte(head.strip_prefix(b"[")?, b']')?;
    let (time, rest) = inside.split_at_checked(23)?;
    let (word, process) = split_at_byte(rest.strip_prefix(b": ")?, b'/')?;
    let is_time = time.get(10) == Some(&b' ') && time.get(19) == Some(&b',');
    is_time.then(|| Some(LoggerLine::new(Severity::from_word(word)?, b"", name(process)?, b"")))?
}

/// `fail: A.B.C[13]`
fn dotnet(text: &[u8]) -> Option<LoggerLine<'_>> {
    let severity = match text.get(..4)? {
        b"trce" => Severity::Trace,
        b"dbug" => Severity::Debug,
        b"info" => Severity::Info,
        b"warn" => Severity::Warn,
        b"fail" => Severity::Error,
        b"crit" => Severity::Critical,
        _ => return None,
    };
    let category = until(text.get(6..)?, |byte| byte <= b' ');
    let (logger, id) = split_at_byte(category.strip_suffix(b"]")?, b'[')?;
    let is_number = !id.is_empty() && id.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    (is_number && is_logger(logger)).then(|| LoggerLine::new(severity, logger, b"", b""))
}

/// `file.go:23: text`
fn go(rest: &[u8]) -> Option<LoggerLine<'_>> {
    let caller = until(rest, |byte| byte == b' ').strip_suffix(b":")?;
    let is_go = is_caller(caller) && memchr::memmem::find(caller, b".go:").is_some();
    is_go.then_some(LoggerLine { severity: None, logger: b"", thread: b"", caller, time: None })
}

/// `INFO  [main] a.b.C - text`, `INFO  a.b.C - text`, `INFO 1 --- [app] [main] a.b.C : text`.
fn level_first(rest: &[u8]) -> Option<LoggerLine<'_>> {
    let (severity, rest) = level(rest)?;
    let mut rest = rest.trim_ascii_start();
    if let Some(behind_pid) = rest.strip_prefix(until(rest, |byte| !byte.is_ascii_digit()))
        && let Some(behind) = behind_pid.strip_prefix(b" --- ")
    {
        rest = behind;
    }
    let mut thread: &[u8] = b"";
    while let Some(bracket) = rest.strip_prefix(b"[") {
        let (inside, behind) = split_at_byte(bracket, b']')?;
        (thread, rest) = (name(inside)?, behind.trim_ascii_start());
    }
    // Without a thread, prose looks the same but for the dot in the name.
    let logger = logger_before(rest).filter(|logger| !thread.is_empty() || logger.contains(&b'.'))?;
    Some(LoggerLine::new(severity, logger, thread, b""))
}

/// `INFO text (a.b.C)`
fn logger_last<'a>(rest: &'a [u8], line: &'a [u8]) -> Option<LoggerLine<'a>> {
    let (severity, _) = level(rest)?;
    let inside = line.strip_suffix(b")")?;
    let at = memchr::memrchr(b'(', inside.get(inside.len().saturating_sub(MAX_NAME_BYTES)..)?)?;
    let at = inside.len().saturating_sub(MAX_NAME_BYTES) + at;
    let logger = inside.get(at + 1..).filter(|logger| is_logger(logger) && logger.contains(&b'.'))?;
    (inside.get(..at)?.last() == Some(&b' ')).then(|| LoggerLine::new(severity, logger, b"", b""))
}

/// `a.b - INFO - text`
fn python(rest: &[u8]) -> Option<LoggerLine<'_>> {
    let (logger, rest) = split_at_byte(rest, b' ').filter(|(logger, _)| is_logger(logger))?;
    let (severity, rest) = level(rest.strip_prefix(b"- ")?)?;
    rest.starts_with(b" - ").then(|| LoggerLine::new(severity, logger, b"", b""))
}

/// `WARNING:root:text`
fn python_basic(head: &[u8]) -> Option<LoggerLine<'_>> {
    let (word, rest) = split_at_byte(head, b':').filter(|(word, _)| word.iter().all(u8::is_ascii_uppercase))?;
    // An address is no name.
    let is_named = |(logger, text): &(&[u8], &[u8])| is_logger(logger) && !text.starts_with(b"//");
    let (logger, _) = split_at_byte(rest, b':').filter(is_named)?;
    Some(LoggerLine::new(Severity::from_word(word)?, logger, b"", b""))
}

/// `I, [2026-01-02T03:04:05.123456 #7]  INFO -- name: text`
fn ruby(head: &[u8]) -> Option<LoggerLine<'_>> {
    let rest = head
        .get(1..)?
        .strip_prefix(b", [")
        .filter(|_| matches!(head.first(), Some(b'D' | b'I' | b'W' | b'E' | b'F' | b'A')))?;
    let (_, rest) = split_at_byte(rest, b']')?;
    let (word, rest) = split_at_byte(rest.trim_ascii_start(), b' ')?;
    let severity = if word == b"ANY" { Severity::Info } else { Severity::from_word(word)? };
    let (logger, _) = split_at_byte(rest.strip_prefix(b"-- ")?, b':')?;
    (!logger.is_empty()).then(|| Some(LoggerLine::new(severity, name(logger)?, b"", b"")))?
}

/// `I0102 03:04:05.678901    7 file.go:12] text`
fn glog(head: &[u8]) -> Option<LoggerLine<'_>> {
    let severity = match head.first()? {
        b'I' => Severity::Info,
        b'W' => Severity::Warn,
        b'E' => Severity::Error,
        b'F' => Severity::Critical,
        _ => return None,
    };
    let (date, rest) = split_at_byte(head.get(1..)?, b' ')?;
    let is_date = matches!(date.len(), 4 | 8) && date.iter().all(u8::is_ascii_digit);
    let (time, rest) = split_at_byte(rest, b' ').filter(|_| is_date)?;
    if time.get(2) != Some(&b':') || time.get(5) != Some(&b':') {
        return None;
    }
    let (thread, rest) = split_at_byte(rest.trim_ascii_start(), b' ')?;
    let (caller, _) = split_at_byte(rest, b']')?;
    let is_caller = thread.iter().all(u8::is_ascii_digit) && is_caller(caller);
    is_caller.then(|| LoggerLine::new(severity, b"", thread, caller))
}

/// `info⇥name⇥file.go:12⇥text`, with or without the name and the file.
fn zap(fields: &[u8]) -> Option<LoggerLine<'_>> {
    let (word, rest) = split_at_byte(fields, b'\t')?;
    let severity = Severity::from_word(word)?;
    let (first, rest) = split_at_byte(rest, b'\t')?;
    if is_caller(first) {
        return Some(LoggerLine::new(severity, b"", b"", first));
    }
    let logger = Some(first).filter(|first| is_logger(first))?;
    let caller = split_at_byte(rest, b'\t').map(|(caller, _)| caller).filter(|caller| is_caller(caller));
    Some(LoggerLine::new(severity, logger, b"", caller?))
}

/// The level at the start of a text, and what is behind it, which begins with a space.
fn level(text: &[u8]) -> Option<(Severity, &[u8])> {
    let word = until(text, |byte| !byte.is_ascii_uppercase());
    let rest = text.get(word.len()..).filter(|rest| rest.first() == Some(&b' '))?;
    Some((Severity::from_word(word)?, rest))
}

/// The logger at the start of a text, in front of ` - ` or ` : `, which may have more spaces in front to fill a column, or of `: `
/// when it has a package.
fn logger_before(text: &[u8]) -> Option<&[u8]> {
    let logger = until(text, |byte| byte == b' ');
    if let Some(logger) = logger.strip_suffix(b":") {
        return (is_logger(logger) && logger.contains(&b'.')).then_some(logger);
    }
    let rest = text.get(logger.len()..)?.trim_ascii_start();
    // Logback since 1.3 has pairs of keys and values between two dashes, as a rule none.
    let rest = rest.strip_prefix(b"-").filter(|rest| rest.starts_with(b"-")).unwrap_or(rest);
    // The line's end was cut, and a text may be empty.
    (is_logger(logger) && matches!(rest, [b'-' | b':'] | [b'-' | b':', b' ', ..])).then_some(logger)
}

fn is_logger(text: &[u8]) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.first().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'))
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'-' | b'/' | b'[' | b']'))
}

/// `path/file.go:12`
fn is_caller(text: &[u8]) -> bool {
    let line = text.iter().rposition(|byte| *byte == b':').and_then(|at| text.split_at_checked(at));
    line.is_some_and(|(file, line)| {
        file.contains(&b'.')
            && !file.contains(&b' ')
            && line.len() > 1
            && line.iter().skip(1).all(u8::is_ascii_digit)
            && text.len() <= MAX_NAME_BYTES
    })
}

/// A name that may have spaces around it to fill a column.
fn name(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii();
    (!text.is_empty() && text.len() <= MAX_NAME_BYTES).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_of_common_loggers_are_taken() {
        let cases: [(&str, Severity, &str, &str, &str); 25] = [
            ("[main] INFO a.b.C - x", Severity::Info, "a.b.C", "main", ""),
            ("10:05:03.123 [main] INFO  a.b.C -- x", Severity::Info, "a.b.C", "main", ""),
            ("176 [main] INFO  a.b.C - x", Severity::Info, "a.b.C", "main", ""),
            ("2026-01-02T03:04:05.678Z  INFO 7 --- [main] a.b.C : ", Severity::Info, "a.b.C", "main", ""),
            ("2015-10-18 18:01:47,978 INFO [main] org.apache.A: x", Severity::Info, "org.apache.A", "main", ""),
            ("17/06/09 20:10:40 WARN executor.Backend: x", Severity::Warn, "executor.Backend", "", ""),
            ("fail: A.B[13]\n      x", Severity::Error, "A.B", "", ""),
            ("[2026-01-02 03:04:05 +0000] [7] [INFO] Booting worker with pid: 7", Severity::Info, "", "7", ""),
            ("[2026-01-02 03:04:05,678: WARNING/MainProcess] x", Severity::Warn, "", "MainProcess", ""),
            ("10:05:03.123 [main] INFO  a.b.C - x", Severity::Info, "a.b.C", "main", ""),
            ("2026-01-02 03:04:05.678 [http-nio-1 x] WARN  a.b.C - x", Severity::Warn, "a.b.C", "http-nio-1 x", ""),
            ("2026-01-02 03:04:05,678 INFO  [main] a.b.C - x", Severity::Info, "a.b.C", "main", ""),
            ("2026-01-02 03:04:05,678 ERROR a.b.C - x", Severity::Error, "a.b.C", "", ""),
            ("INFO  a.b.C - x", Severity::Info, "a.b.C", "", ""),
            ("[2026-01-02 03:04:05,678] INFO [Controller 0]: x y (kafka.C)", Severity::Info, "kafka.C", "", ""),
            ("2026-01-02T03:04:05.678Z  INFO 7 --- [app] [   main] a.b.C    : x", Severity::Info, "a.b.C", "main", ""),
            ("2026-01-02 03:04:05.678 DEBUG 7 --- [  main] a.b.C : x", Severity::Debug, "a.b.C", "main", ""),
            ("WARNING:root:x", Severity::Warn, "root", "", ""),
            ("2026-01-02 03:04:05,678 - a.b - INFO - x", Severity::Info, "a.b", "", ""),
            ("I, [2026-01-02T03:04:05.123456 #7]  INFO -- web: x", Severity::Info, "web", "", ""),
            ("I0102 03:04:05.678901       7 file.go:12] x", Severity::Info, "", "7", "file.go:12"),
            ("E20260102 03:04:05.678901 7 a.cc:3] x", Severity::Error, "", "7", "a.cc:3"),
            ("2026-01-02T03:04:05.678Z\tinfo\tapi\tcmd/main.go:12\tx", Severity::Info, "api", "", "cmd/main.go:12"),
            ("2026-01-02T03:04:05.678+0100\tERROR\tcmd/main.go:12\tx", Severity::Error, "", "", "cmd/main.go:12"),
            ("2026-01-02 03:04:05,678 INFO a.b.C - x\nERROR d - y", Severity::Info, "a.b.C", "", ""),
        ];
        for (line, severity, logger, thread, caller) in cases {
            let expected = LoggerLine::new(severity, logger.as_bytes(), thread.as_bytes(), caller.as_bytes());
            let found = LoggerLine::parse(line.as_bytes()).map(|found| LoggerLine { time: None, ..found });
            assert_eq!(found, Some(expected), "{line}");
        }
    }

    #[test]
    fn a_time_with_its_zone_is_taken() {
        for (line, seconds) in [
            ("2026-01-02T03:04:05.678Z  INFO 7 --- [app] [main] a.b.C : x", Some(1_767_323_045)),
            ("2026-01-02T03:04:05.678+0100\tinfo\tapi\tcmd/main.go:12\tx", Some(1_767_319_445)),
            ("2026-01-02 03:04:05,678 INFO  [main] a.b.C - x", None),
            ("2009/11/10 23:00:00 a.go:2: x", None),
        ] {
            let time = LoggerLine::parse(line.as_bytes()).and_then(|line| line.time);
            assert_eq!(time.map(|time| time.seconds), seconds, "{line}");
        }
    }

    #[test]
    fn gos_own_log_has_a_caller_and_no_level() {
        for (line, caller) in [
            ("2009/11/10 23:00:00 file.go:23: x", Some("file.go:23")),
            ("2009/01/23 01:23:23.123123 /a/b/c/d.go:23: x", Some("/a/b/c/d.go:23")),
            ("2009/11/10 23:00:00 x", None),
            ("2009/11/10 23:00:00 http: x", None),
            ("2009/11/10 23:00:00 a.go:x: x", None),
        ] {
            let found = LoggerLine::parse(line.as_bytes());
            assert!(found.is_none_or(|found| found.severity.is_none()), "{line}");
            assert_eq!(found.map(|found| found.caller), caller.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn what_stands_elsewhere_is_left_alone() {
        for line in [
            "",
            "INFO started",
            "INFO: started - x",
            "ERROR:http://x is gone",
            "2026-01-02 03:04:05 INFO started - x",
            "INFO started - x y",
            "[2026-01-02 03:04:05,678] INFO KafkaConfig values:",
            "[2026-01-02 03:04:05,678] INFO done (in 3 ms)",
            "2026-01-02 03:04:05 INFO said so (a.b.C)",
            "10:05 is the time - not a logger",
            "2026/01/02 03:04:05 [error] 31#31: *7 x",
            "Error: x - y",
            "E, x",
            "I, [x]  INFO -- : x",
            "Item 5 - x",
            "2026-01-02T03:04:05Z\thello\tworld\tx",
            "\u{feff}INFO a - x",
            "info: see [1]",
            "fail: it[x]",
            "note: A.B[13]",
        ] {
            assert_eq!(LoggerLine::parse(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
            tail in "(INFO|\\[|\\]| |-|:|\\(|\\)|a\\.b|\t|[0-9]){0,30}",
        ) {
            let _ = LoggerLine::parse(&bytes);
            for head in ["", "[2026-01-02 03:04:05,678] ", "2026-01-02T03:04:05Z", "INFO ", "I0102 03:04:05 ", "W, ["] {
                let _ = LoggerLine::parse(format!("{head}{tail}").as_bytes());
            }
        }
    }
}
