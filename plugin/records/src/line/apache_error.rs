//! Lines of Apache's error log.
//!
//! Format: <https://httpd.apache.org/docs/2.4/logs.html#errorlog>, `[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid
//! 4328636416] [client 72.15.99.187] File does not exist: /favicon.ico`, and that of 2.2, which has neither a module nor a
//! process. The time has no zone, so the record keeps the host's.

use super::words::{decimal, split_at_byte};
use crate::append::{FoundFields, FoundValue};
use crate::civil_time::month_number;
use crate::severity::Severity;
use memchr::memmem;

/// What stands in a line of the error log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApacheErrorLine<'a> {
    /// The level; `trace1` to `trace8` are one.
    pub severity: Severity,
    /// Module that wrote it; empty in 2.2.
    pub module: &'a [u8],
    /// Process that wrote it.
    pub pid: Option<i64>,
    /// Thread that wrote it; empty for none.
    pub thread: &'a [u8],
    /// Address of the client, with its port as it is written; empty for none.
    pub client: &'a [u8],
    /// What it says, without the referer.
    pub text: &'a [u8],
    /// Where the client says it came from; empty for none.
    pub referer: &'a [u8],
}

impl<'a> ApacheErrorLine<'a> {
    /// Takes a line apart; `None` when it is none of an error log.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let (time, mut rest) = split_at_byte(line.strip_prefix(b"[")?, b']')?;
        // `Fri Sep 09 10:42:29.902022 2011`
        let is_time = (24..=31).contains(&time.len())
            && time.get(3) == Some(&b' ')
            && month_number(time.get(4..7)?).is_some()
            && [13, 16].iter().all(|at| time.get(*at) == Some(&b':'));
        let (level, behind) = split_at_byte(rest.strip_prefix(b" [").filter(|_| is_time)?, b']')?;
        let (module, level) = split_at_byte(level, b':').unwrap_or((b"", level));
        let level = if level.starts_with(b"trace") { level.get(..5)? } else { level };
        let severity = Severity::from_word(level).filter(|_| level.iter().all(u8::is_ascii_lowercase))?;
        rest = behind;

        let (mut pid, mut thread, mut client) = (None, &b""[..], &b""[..]);
        while let Some((part, behind)) = rest.strip_prefix(b" [").and_then(|rest| bracketed(rest)) {
            if let Some(process) = part.strip_prefix(b"pid ") {
                let (process, of_thread) = split_at_byte(process, b':').unwrap_or((process, b""));
                pid = decimal(process);
                thread = of_thread.strip_prefix(b"tid ").unwrap_or_default();
            } else if let Some(address) = part.strip_prefix(b"client ").or(part.strip_prefix(b"remote ")) {
                client = address;
            } else {
                break;
            }
            rest = behind;
        }
        let text = rest.strip_prefix(b" ").unwrap_or(rest).trim_ascii_end();
        let end = memmem::rfind(text, b", referer: ").unwrap_or(text.len());
        let (text, referer) = text.split_at_checked(end)?;
        Some(Self { severity, module, pid, thread, client, text, referer: referer.get(11..).unwrap_or_default() })
    }

    /// Adds what the line says to the fields of its record.
    pub fn add_to(&self, found: &mut FoundFields<'a>) {
        found.push_text_if_new("error_message", self.text);
        found.push_text_if_new("module", self.module);
        // Behind a head of syslog the process is known.
        if let Some(pid) = self.pid.filter(|_| found.get("pid").is_none()) {
            found.push("pid", FoundValue::Int(pid));
        }
        found.push_text_if_new("thread", self.thread);
        // An address with more colons is one of IPv6, of which nobody can say where a port would begin.
        let mut colons = memchr::memchr_iter(b':', self.client);
        let port = colons.next().filter(|_| colons.next().is_none());
        let (address, port) = self.client.split_at_checked(port.unwrap_or(self.client.len())).unwrap_or_default();
        found.push_text_if_new("remote_addr", address);
        found.push_text_if_new("client_port", port.get(1..).unwrap_or_default());
        found.push_text_if_new("referer", self.referer);
        // `AH01630: client denied by server configuration`
        let (code, behind) = self.text.split_at_checked(7).unwrap_or_default();
        let is_number = code.strip_prefix(b"AH").is_some_and(|number| number.iter().all(u8::is_ascii_digit));
        if is_number && behind.starts_with(b": ") {
            found.push_text_if_new("error_code", code);
        }
    }
}

/// The text up to the bracket that closes it, and what is behind that. An IPv6 address may have brackets of its own.
fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (inside, behind) = split_at_byte(text, b']')?;
    match (inside.contains(&b'['), memchr::memchr(b']', behind)) {
        (true, Some(at)) => Some((text.get(..inside.len() + 1 + at)?, behind.get(at + 1..)?)),
        _ => Some((inside, behind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(line: &str, severity: Severity, expected: &[(&str, &str)]) {
        let parsed = ApacheErrorLine::parse(line.as_bytes());
        assert_eq!(parsed.map(|line| line.severity), Some(severity), "{line}");
        let mut found = FoundFields::default();
        if let Some(parsed) = parsed {
            parsed.add_to(&mut found);
        }
        let text = |value: &FoundValue<'_>| match value {
            FoundValue::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        let fields: Vec<(&str, String)> = found.iter().map(|(name, value)| (*name, text(value))).collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(fields, expected, "{line}");
    }

    #[test]
    fn lines_of_both_versions_are_taken_apart() {
        check(
            "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187] File does not exist: /favicon.ico",
            Severity::Error,
            &[
                ("error_message", "File does not exist: /favicon.ico"),
                ("module", "core"),
                ("pid", "Int(35708)"),
                ("thread", "4328636416"),
                ("remote_addr", "72.15.99.187"),
            ],
        );
        check(
            "[Fri Jan 02 03:04:05.123456 2026] [authz_core:error] [pid 7] [client 192.0.2.1:50000] AH01630: client denied: /x, referer: http://r/",
            Severity::Error,
            &[
                ("error_message", "AH01630: client denied: /x"),
                ("module", "authz_core"),
                ("pid", "Int(7)"),
                ("remote_addr", "192.0.2.1"),
                ("client_port", "50000"),
                ("referer", "http://r/"),
                ("error_code", "AH01630"),
            ],
        );
        check(
            "[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties",
            Severity::Notice,
            &[("error_message", "workerEnv.init() ok /etc/httpd/conf/workers2.properties")],
        );
        check(
            "[Sun Dec 04 04:47:44 2005] [a:trace3] [client ::1] [x] y",
            Severity::Trace,
            &[("error_message", "[x] y"), ("module", "a"), ("remote_addr", "::1")],
        );
    }

    #[test]
    fn other_lines_in_brackets_are_refused() {
        for line in [
            "",
            "[2026-01-02 03:04:05,678] ERROR x",
            "[Sun Dec 04 04:47:44 2005] x",
            "[Sun Dec 04 04:47:44 2005] [main] x",
            "[Sun Dec 04 04:47:44 2005] [ERROR] x",
            "[Sun Dez 04 04:47:44 2005] [error] x",
            "[Sun Dec 04] [error] x",
        ] {
            assert_eq!(ApacheErrorLine::parse(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_taken_or_left(tail in "(\\[|\\]| |pid |tid |client |:|[0-9.]|error|, referer: ){0,30}") {
            if let Some(line) = ApacheErrorLine::parse(format!("[Sun Dec 04 04:47:44 2005]{tail}").as_bytes()) {
                line.add_to(&mut FoundFields::default());
            }
        }
    }
}
