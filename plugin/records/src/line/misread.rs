//! Lines that begin as one of a format does and are none.
//!
//! Such a line stays what it is, as any line that nobody knows, but whoever runs the logs will want to know of it: it was cut off, or
//! the program that wrote it has left the format. Only beginnings count that other lines do not have: a brace and a quote, the kind and
//! the name of a load balancer, the time of an access log in its brackets.

use super::cloudfront::is_head as is_cloudfront_head;
use super::find::find_either;
use super::format::LineFormat;
use super::load_balancer::is_alb_kind;
use super::nginx_error::behind_time as behind_nginx_time;
use super::syslog::SyslogLine;
use super::vpc_flow;
use super::words::{decimal, split_at_byte, until};
use crate::civil_time::{month_number, parse_rfc3339};
use crate::severity::Severity;
use serde_core::de::IgnoredAny;
use std::fmt::{Display, Formatter};

/// How far into a line the time of an access log is looked for: a virtual host, an address and a user are in front of it.
const SEARCHED_BYTES: usize = 512;

/// What a line is no good as, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Misread {
    /// The format that it begins like.
    pub format: LineFormat,
    /// Why it is none of it.
    pub reason: MisreadReason,
}

/// Why a line is none of a format that it begins like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MisreadReason {
    /// It ends before all is there that such a line has.
    CutOff,
    /// The time is none.
    Time,
    /// The request is not in quotes.
    Request,
    /// The status is none.
    Status,
    /// The size is no number.
    Size,
    /// The level is none.
    Level,
    /// The priority is none of syslog's.
    Priority,
    /// It breaks the grammar elsewhere.
    Syntax,
    /// It is one, and is nested deeper or has more names that are taken than is taken apart.
    TooMuch,
}

impl MisreadReason {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::CutOff,
        Self::Time,
        Self::Request,
        Self::Status,
        Self::Size,
        Self::Level,
        Self::Priority,
        Self::Syntax,
        Self::TooMuch,
    ];

    /// Its name, for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CutOff => "cut_off",
            Self::Time => "time",
            Self::Request => "request",
            Self::Status => "status",
            Self::Size => "size",
            Self::Level => "level",
            Self::Priority => "priority",
            Self::Syntax => "syntax",
            Self::TooMuch => "too_much",
        }
    }

    /// What is to be said of the line, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::CutOff => "it ends too early",
            Self::Time => "its time is none",
            Self::Request => "its request is not in quotes",
            Self::Status => "its status is none",
            Self::Size => "its size is no number",
            Self::Level => "its level is none",
            Self::Priority => "its priority is none",
            Self::Syntax => "it does not go on as such a line does",
            Self::TooMuch => "it is nested too deep, or too many of its names are taken",
        }
    }
}

impl Misread {
    /// What a line is that is of no format, but for the head of syslog that may be in front of it; `None` when it begins like none.
    #[must_use]
    pub fn of(line: &[u8]) -> Option<Self> {
        let mut text = SyslogLine::parse(line).map_or(line, |head| head.text).trim_ascii_start();
        while let [before @ .., b'\n' | b'\r'] = text {
            text = before;
        }
        let special = match text.first()? {
            b'{' => json(text).map(|reason| (LineFormat::Json, reason)),
            b'h' | b'g' | b'w' => alb(text).map(|reason| (LineFormat::Alb, reason)),
            b't' => nlb(text).map(|reason| (LineFormat::Nlb, reason)),
            b'[' => apache_error(text).map(|reason| (LineFormat::ApacheError, reason)),
            b'<' => syslog(text).map(|reason| (LineFormat::Syslog, reason)),
            b'0'..=b'9' => numbered(text),
            _ => None,
        };
        let (format, reason) = special.or_else(|| Some((LineFormat::Access, access(text)?)))?;
        Some(Self { format, reason })
    }
}

/// How many lines there were of each kind.
#[derive(Debug, Clone, Default)]
pub struct MisreadCounts {
    total: u64,
    by_format: [[u64; MisreadReason::ALL.len()]; LineFormat::ALL.len()],
}

impl MisreadCounts {
    /// Counts a line that is of no format, when it begins like one.
    #[cold]
    pub fn count(&mut self, line: &[u8]) {
        let Some(Misread { format, reason }) = Misread::of(line) else { return };
        let counts = self.by_format.get_mut(format as usize);
        if let Some(count) = counts.and_then(|counts| counts.get_mut(reason as usize)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Those of which there are some.
    pub fn iter(&self) -> impl Iterator<Item = (Misread, u64)> {
        let of_format = |(_, format): (&str, LineFormat)| {
            let counts = self.by_format.get(format as usize).into_iter().flatten();
            MisreadReason::ALL.into_iter().zip(counts).map(move |(reason, count)| (Misread { format, reason }, *count))
        };
        LineFormat::ALL.into_iter().flat_map(of_format).filter(|(_, count)| *count > 0)
    }
}

impl Display for MisreadCounts {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        for (at, (Misread { format, reason }, count)) in self.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(out, "{space}{} ({})={count}", format.name(), reason.name())?;
        }
        Ok(())
    }
}

/// `{"name":`, as far as it is there, and no JSON object that was taken apart.
fn json(text: &[u8]) -> Option<MisreadReason> {
    let name = text.get(1..)?.trim_ascii_start().strip_prefix(b"\"")?;
    let behind = end_of_quoted(name).and_then(|end| name.get(end + 1..)).unwrap_or_default().trim_ascii_start();
    matches!(behind, [] | [b':', ..]).then_some(())?;
    let Err(error) = serde_json::from_slice::<IgnoredAny>(text) else { return Some(MisreadReason::TooMuch) };
    let last_line = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_at_end = error.column() == last_line.len() && error.line() == memchr::memchr_iter(b'\n', text).count() + 1;
    let is_cut_off = error.is_eof() || is_at_end && ends_within_number(text);
    Some(if is_cut_off { MisreadReason::CutOff } else { MisreadReason::Syntax })
}

/// Whether a text ends with the beginning of a number that is none yet, like `-` or `1.`.
fn ends_within_number(text: &[u8]) -> bool {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let number = text.rsplit(|byte| !is_part(byte)).next().unwrap_or_default();
    matches!(number, [b'0'..=b'9' | b'-', ..]) && !number.last().is_some_and(u8::is_ascii_digit)
}

fn alb(text: &[u8]) -> Option<MisreadReason> {
    let mut words = text.split(|byte| *byte == b' ');
    let (kind, time, elb) = (words.next()?, words.next()?, words.next()?);
    (is_alb_kind(kind) && elb.starts_with(b"app/")).then_some(())?;
    Some(if parse_rfc3339(time).is_none() { MisreadReason::Time } else { MisreadReason::CutOff })
}

fn nlb(text: &[u8]) -> Option<MisreadReason> {
    let mut words = text.split(|byte| *byte == b' ');
    let (kind, elb) = (words.next()?, words.nth(2)?);
    (kind == b"tls" && elb.starts_with(b"net/")).then_some(MisreadReason::CutOff)
}

/// A line that begins with a number.
fn numbered(text: &[u8]) -> Option<(LineFormat, MisreadReason)> {
    if is_cloudfront_head(text) {
        let mut fields = text.split(|byte| *byte == b'\t');
        let is_time = match (fields.next(), fields.next()) {
            (Some(date), Some(time)) => parse_rfc3339(&[date, b"T", time, b"Z"].concat()).is_some(),
            _ => false,
        };
        let reason = match fields.nth(6) {
            _ if !is_time => MisreadReason::Time,
            None | Some(b"") => MisreadReason::CutOff,
            Some(status) if decimal(status).is_none() => MisreadReason::Status,
            Some(_) => MisreadReason::Syntax,
        };
        return Some((LineFormat::CloudFront, reason));
    }
    if let Some(rest) = behind_nginx_time(text) {
        return Some((LineFormat::NginxError, nginx_error(rest.strip_prefix(b"[")?)?));
    }
    let mut words = text.strip_prefix(b"2 ")?.split(|byte| *byte == b' ');
    let (account, interface) = (words.next()?, words.next()?);
    let is_account = account == b"unknown" || account.len() == 12 && decimal(account).is_some();
    let is_interface = interface.strip_prefix(b"eni-").is_some_and(|id| id.iter().all(u8::is_ascii_hexdigit));
    (is_account && is_interface).then_some(())?;
    let (fields, last) = words.fold((0, &b""[..]), |(fields, _), word| (fields + 1, word));
    let is_begun = |status: &&[u8]| *status != last && status.starts_with(last);
    let is_cut_off = fields < 11 || fields == 11 && vpc_flow::STATUSES.iter().any(is_begun);
    Some((LineFormat::VpcFlow, if is_cut_off { MisreadReason::CutOff } else { MisreadReason::Syntax }))
}

/// What is wrong with `error] 31#32: text`, a level in small letters and who wrote it, as far as they are there.
fn nginx_error(text: &[u8]) -> Option<MisreadReason> {
    let (level, behind) = split_at_byte(text, b']').unwrap_or((text, b""));
    level.iter().all(u8::is_ascii_lowercase).then_some(())?;
    if level.len() == text.len() || b" ".starts_with(behind) {
        return Some(MisreadReason::CutOff);
    }
    let process = behind.strip_prefix(b" ")?;
    let digits = |text: &[u8]| until(text, |byte| !byte.is_ascii_digit()).len();
    let behind_pid = process.get(digits(process)..).filter(|rest| rest.len() < process.len())?;
    let thread = if behind_pid.is_empty() { b"" } else { behind_pid.strip_prefix(b"#")? };
    Some(match thread.get(digits(thread)..)? {
        [] => MisreadReason::CutOff,
        _ if Severity::from_word(level).is_none() => MisreadReason::Level,
        _ => MisreadReason::Syntax,
    })
}

fn apache_error(text: &[u8]) -> Option<MisreadReason> {
    // `[Fri Sep 09 10:42:29.902022 2011] [core:error]`
    let time = text.get(1..)?;
    let is_time = time.get(3) == Some(&b' ')
        && month_number(time.get(4..7)?).is_some()
        && [13, 16].iter().all(|at| time.get(*at) == Some(&b':'));
    is_time.then_some(())?;
    let Some((_, rest)) = split_at_byte(time, b']') else { return Some(MisreadReason::CutOff) };
    if b" [".starts_with(rest) {
        return Some(MisreadReason::CutOff);
    }
    // Others write other things behind such a time.
    let text = rest.strip_prefix(b" [")?;
    let (level, _) = split_at_byte(text, b']').unwrap_or((text, b""));
    let is_level = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b':' | b'_');
    level.iter().all(is_level).then_some(())?;
    if level.len() == text.len() {
        return Some(MisreadReason::CutOff);
    }
    let (_, level) = split_at_byte(level, b':').unwrap_or((b"", level));
    Some(if Severity::from_word(level).is_none() { MisreadReason::Level } else { MisreadReason::Syntax })
}

fn syslog(text: &[u8]) -> Option<MisreadReason> {
    let (priority, rest) = split_at_byte(text.get(1..)?, b'>')?;
    let priority = decimal(priority).filter(|_| (1..=3).contains(&priority.len()))?;
    let reason = match rest.strip_prefix(b"1 ") {
        Some(rest) => newer_syslog(rest)?,
        None => older_syslog(rest)?,
    };
    Some(if priority > 191 { MisreadReason::Priority } else { reason })
}

/// What is wrong with what is behind priority and version.
fn newer_syslog(rest: &[u8]) -> Option<MisreadReason> {
    let (time, rest) = split_at_byte(rest, b' ').unwrap_or((rest, b""));
    (time == b"-" || time.get(4) == Some(&b'-')).then_some(())?;
    Some(match rest {
        _ if time != b"-" && parse_rfc3339(time).is_none() => MisreadReason::Time,
        // Host, program, process and message.
        rest if rest.split(|byte| *byte == b' ').count() < 4 => MisreadReason::CutOff,
        _ => MisreadReason::Syntax,
    })
}

/// What is wrong with what is behind a priority, when it begins like a time; other numbers are in such brackets, too.
fn older_syslog(rest: &[u8]) -> Option<MisreadReason> {
    let has = |places: [usize; 2], byte: u8| places.iter().all(|at| rest.get(*at) == Some(&byte));
    let is_time = if has([4, 7], b'-') {
        parse_rfc3339(until(rest, |byte| byte == b' ')).is_some()
    } else if has([9, 12], b':') {
        month_number(rest.get(..3)?).is_some() && has([3, 15], b' ')
    } else {
        return None;
    };
    Some(if is_time { MisreadReason::CutOff } else { MisreadReason::Time })
}

/// A line with a time in brackets as access logs have it.
fn access(text: &[u8]) -> Option<MisreadReason> {
    let searched = text.get(..SEARCHED_BYTES).unwrap_or(text);
    let time = memchr::memchr_iter(b'[', searched).find_map(|at| {
        let (before, time) = text.split_at_checked(at)?;
        let time = time.get(1..)?;
        let separators = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':')];
        let is_time = separators.iter().all(|(at, byte)| time.get(*at) == Some(byte))
            && month_number(time.get(3..6)?).is_some()
            // Behind the seconds there are a zone and the bracket, as far as they are there; HAProxy has milliseconds.
            && time.get(20).is_none_or(|byte| *byte == b' ')
            && time.get(26).is_none_or(|byte| *byte == b']');
        // Who asked: an address, an identity and a user, which S3 has not.
        let words = before.strip_suffix(b" ")?.split(|byte| *byte == b' ').count();
        (is_time && words >= 3).then_some(time)
    })?;
    let Some((_, rest)) = split_at_byte(time, b']') else { return Some(MisreadReason::CutOff) };
    let Some(request) = rest.strip_prefix(b" \"") else {
        return Some(if b" \"".starts_with(rest) { MisreadReason::CutOff } else { MisreadReason::Request });
    };
    let Some(end) = end_of_quoted(request) else { return Some(MisreadReason::CutOff) };
    let mut words = request.get(end + 1..)?.split(|byte| *byte == b' ').skip(1);
    let is_status = |word: &[u8]| decimal(word).is_some_and(|status| (100..=999).contains(&status));
    Some(match (words.next(), words.next()) {
        (None, _) => MisreadReason::CutOff,
        (Some(status), size) if !is_status(status) => {
            let is_begun = size.is_none() && status.len() < 3 && status.iter().all(u8::is_ascii_digit);
            if is_begun { MisreadReason::CutOff } else { MisreadReason::Status }
        }
        (_, None | Some(b"")) => MisreadReason::CutOff,
        (_, Some(size)) if size != b"-" && decimal(size).is_none() => MisreadReason::Size,
        _ => MisreadReason::Syntax,
    })
}

/// Where the quote is that ends a quoted text.
fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find_either(text.get(from..)?, b'"', b'\\')?;
        match text.get(at) {
            Some(b'"') => return Some(at),
            _ => from = at + 2,
        }
    }
}

#[cfg(test)]
#[path = "misread_tests.rs"]
mod tests;
