//! The head of syslog lines; what is behind it is a line of its own.
//!
//! RFC 5424 (<https://www.rfc-editor.org/rfc/rfc5424>), `<34>1 2003-10-11T22:14:15.003Z host app 7 ID47 [x a="b"] text`, and RFC 3164
//! (<https://www.rfc-editor.org/rfc/rfc3164>), `<34>Oct 11 22:14:15 host su[7]: text`, also without the priority, as it stands in
//! files, and with a time of RFC 3339, as rsyslog writes it
//! (<https://www.rsyslog.com/doc/configuration/templates.html>, `RSYSLOG_FileFormat`). The older time has neither a year nor a
//! zone, so the record keeps the host's time.

use super::words::{decimal, split_at_byte, until};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::{month_number, parse_rfc3339};
use crate::event::Timestamp;
use crate::severity::Severity;

/// Names of the facilities, from 0 on (RFC 5424, table 1, with the names of syslog.h).
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

/// A line behind its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyslogLine<'a> {
    /// The number in front: eight times the facility, and the severity.
    pub priority: Option<u8>,
    /// When it was written, when the time has a zone.
    pub time: Option<Timestamp>,
    /// Host that wrote the line; `-` for none.
    pub host: &'a [u8],
    /// Program that wrote the line; empty or `-` for none.
    pub program: &'a [u8],
    /// Its process id, which some programs fill with other words; empty or `-` for none.
    pub process: &'a [u8],
    /// Kind of the message (RFC 5424); empty or `-` for none.
    pub message_id: &'a [u8],
    /// Structured data as it is written (RFC 5424); empty or `-` for none.
    pub structured_data: &'a [u8],
    /// What it says.
    pub text: &'a [u8],
}

/// `name[123]:`
fn is_tag_with_process(word: &[u8]) -> bool {
    let process = word.strip_suffix(b"]:").and_then(|word| split_at_byte(word, b'['));
    process.is_some_and(|(name, process)| !name.is_empty() && decimal(process).is_some())
}

impl<'a> SyslogLine<'a> {
    /// Takes a line apart; `None` when it has no such head.
    #[must_use]
    #[inline]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        if may_begin(line) { Self::parse_whole(line) } else { None }
    }

    fn parse_whole(line: &'a [u8]) -> Option<Self> {
        let (priority, rest) = match line.strip_prefix(b"<") {
            Some(rest) => {
                let (priority, rest) = rest
                    .get(..4)
                    .unwrap_or(rest)
                    .iter()
                    .position(|byte| *byte == b'>')
                    .and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?)))?;
                (Some(u8::try_from(decimal(priority)?).ok().filter(|priority| *priority <= 191)?), rest)
            }
            None => (None, line),
        };
        if let Some(rest) = rest.strip_prefix(b"1 ").filter(|_| priority.is_some()) {
            return Self::new_form(priority, rest);
        }
        Self::old_form(priority, rest)
    }

    fn new_form(priority: Option<u8>, rest: &'a [u8]) -> Option<Self> {
        let (time, rest) = split_at_byte(rest, b' ')?;
        let time = if time == b"-" { None } else { Some(parse_rfc3339(time)?) };
        let (host, rest) = split_at_byte(rest, b' ')?;
        let (program, rest) = split_at_byte(rest, b' ')?;
        let (process, rest) = split_at_byte(rest, b' ')?;
        let (message_id, rest) = split_at_byte(rest, b' ').unwrap_or((rest, b""));
        let data_end = structured_data_end(rest)?;
        let (structured_data, rest) = rest.split_at_checked(data_end)?;
        let text = rest.strip_prefix(b" ").unwrap_or(rest);
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Some(Self { priority, time, host, program, process, message_id, structured_data, text })
    }

    fn old_form(priority: Option<u8>, rest: &'a [u8]) -> Option<Self> {
        let (time, has_old_time, rest) = if rest.first()?.is_ascii_digit() {
            let (time, rest) = split_at_byte(rest, b' ')?;
            (Some(parse_rfc3339(time)?), false, rest)
        } else {
            let (time, rest) = rest.split_at_checked(16)?;
            let is_time = month_number(time.get(..3)?).is_some()
                && time.get(3) == Some(&b' ')
                && [9, 12].iter().all(|at| time.get(*at) == Some(&b':'))
                && time.get(15) == Some(&b' ');
            if !is_time {
                return None;
            }
            (None, true, rest)
        };
        let (host, behind) = split_at_byte(rest, b' ')?;
        // HAProxy leaves the host out unless it is told to write one.
        let (host, rest) = if is_tag_with_process(host) { (&b""[..], rest) } else { (host, behind) };
        let tag = until(rest, |byte| byte <= b' ');
        let mut line = Self {
            priority,
            time,
            host,
            program: b"",
            process: b"",
            message_id: b"",
            structured_data: b"",
            text: rest,
        };
        if let Some(tag) = tag.strip_suffix(b":").filter(|tag| !tag.is_empty()) {
            let (program, process) = split_at_byte(tag, b'[').unwrap_or((tag, b""));
            line.program = program;
            line.process = process.strip_suffix(b"]").unwrap_or(process);
            let text = rest.get(tag.len() + 1..)?;
            line.text = text.strip_prefix(b" ").unwrap_or(text);
        }
        // A time, a word and a text are what loggers write too. Syslog it is with a priority, with the name of a program behind
        // the time of old, or with a process id behind the other.
        let is_syslog =
            priority.is_some() || (!line.program.is_empty() && has_old_time) || decimal(line.process).is_some();
        is_syslog.then_some(line)
    }

    /// The severity in the priority.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        Severity::from_syslog(i64::from(self.priority? % 8))
    }

    /// Adds what the head says to the fields of its record.
    pub fn add_to(&self, found: &mut FoundFields<'a>) {
        if let Some(facility) = self.priority.and_then(|priority| FACILITIES.get(usize::from(priority / 8))) {
            found.push_text("facility", facility.as_bytes());
        }
        found.push_text("hostname", self.host);
        found.push_text("program", self.program);
        match decimal(self.process) {
            Some(pid) => found.push("pid", FoundValue::Int(pid)),
            None => found.push_text("process", self.process),
        }
        found.push_text("message_id", self.message_id);
        found.push_text("structured_data", self.structured_data);
    }
}

/// Whether a head may begin a line: a priority, a time of RFC 3339, or the letter of a month. Most other lines end here.
#[inline]
fn may_begin(line: &[u8]) -> bool {
    match line.first() {
        Some(b'0'..=b'9') => line.get(4) == Some(&b'-') && line.get(10) == Some(&b'T'),
        Some(b'<' | b'J' | b'F' | b'M' | b'A' | b'S' | b'O' | b'N' | b'D') => true,
        _ => false,
    }
}

/// Where the structured data at the start of a text ends: `-`, or elements in brackets, whose values have quotes around them.
/// A text without any, which careless programs write, has none.
fn structured_data_end(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'[') {
        return Some(usize::from(text.first() == Some(&b'-')));
    }
    let (mut is_element, mut is_value, mut is_escaped) = (false, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_value => is_escaped = true,
            b'"' if is_element => is_value = !is_value,
            _ if is_value => {}
            b'[' if !is_element => is_element = true,
            b']' if is_element => is_element = false,
            _ if !is_element => return Some(at),
            _ => {}
        }
    }
    // The line was cut off within them.
    Some(text.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(line: &str) -> Option<[String; 7]> {
        let line = SyslogLine::parse(line.as_bytes())?;
        let texts = [line.host, line.program, line.process, line.message_id, line.structured_data, line.text];
        let [host, program, process, id, data, text] = texts.map(|text| String::from_utf8_lossy(text).into_owned());
        Some([
            line.priority.map_or("-".to_owned(), |priority| priority.to_string()),
            host,
            program,
            process,
            id,
            data,
            text,
        ])
    }

    #[test]
    fn the_examples_of_rfc_5424_are_taken_apart() {
        for (line, expected) in [
            (
                "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{feff}'su root' failed for lonvick on /dev/pts/8",
                ["34", "mymachine.example.com", "su", "-", "ID47", "-", "'su root' failed for lonvick on /dev/pts/8"],
            ),
            (
                "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
                ["165", "192.0.2.1", "myproc", "8710", "-", "-", "%% It's time to make the do-nuts."],
            ),
            (
                r#"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Appli]\"cation"][examplePriority@32473 class="high"]"#,
                [
                    "165",
                    "mymachine.example.com",
                    "evntslog",
                    "-",
                    "ID47",
                    r#"[exampleSDID@32473 iut="3" eventSource="Appli]\"cation"][examplePriority@32473 class="high"]"#,
                    "",
                ],
            ),
            ("<0>1 - - - - - - x", ["0", "-", "-", "-", "-", "-", "x"]),
        ] {
            assert_eq!(parts(line).unwrap(), expected, "{line}");
        }
        let line = b"<34>1 2003-10-11T22:14:15.003Z h a - - - x";
        let time = SyslogLine::parse(line).unwrap().time;
        assert_eq!(time, Some(Timestamp { seconds: 1_065_910_455, nanoseconds: 3_000_000 }));
    }

    #[test]
    fn lines_of_rfc_3164_are_taken_apart_with_and_without_a_priority() {
        for (line, expected) in [
            (
                "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
                ["34", "mymachine", "su", "", "", "", "'su root' failed"],
            ),
            ("<13>Feb  5 17:32:18 10.0.0.99 Use the BFG!", ["13", "10.0.0.99", "", "", "", "", "Use the BFG!"]),
            ("Mar 27 13:06:56 h sshd[1291]: text: x", ["-", "h", "sshd", "1291", "", "", "text: x"]),
            ("Mar 27 13:06:56 h sudo:   bob : TTY", ["-", "h", "sudo", "", "", "", "  bob : TTY"]),
            ("2026-01-02T03:04:05.123456+00:00 h CRON[7]: x", ["-", "h", "CRON", "7", "", "", "x"]),
            ("<30>2026-01-02T03:04:05Z h docker: x", ["30", "h", "docker", "", "", "", "x"]),
        ] {
            assert_eq!(parts(line).unwrap(), expected, "{line}");
        }
    }

    #[test]
    fn other_lines_are_refused() {
        for line in [
            "",
            "<",
            "<1",
            "<192>Oct 11 22:14:15 h su: x",
            "<a>Oct 11 22:14:15 h su: x",
            "<34>text",
            "<34>1 yesterday h a - - - x",
            "Xyz 27 13:06:56 h sshd[1]: no month",
            "Mar 27 sshd[1]: short",
            "May 27 13:06:56 somebody said so",
            "2026-01-02T03:04:05Z ERROR main: x",
            "2026-01-02 03:04:05",
            "<b>bold</b>",
        ] {
            assert_eq!(parts(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60), tail in "[ a\\[\\]\"\\\\:=-]{0,60}") {
            let _ = SyslogLine::parse(&bytes);
            for head in ["<34>1 2003-10-11T22:14:15.003Z h a 1 -", "<34>Oct 11 22:14:15 ", "2003-10-11T22:14:15.003Z "] {
                let line = format!("{head}{tail}");
                if let Some(parsed) = SyslogLine::parse(line.as_bytes()) {
                    prop_assert!(line.as_bytes().ends_with(parsed.text));
                    parsed.add_to(&mut FoundFields::default());
                }
            }
        }
    }
}
