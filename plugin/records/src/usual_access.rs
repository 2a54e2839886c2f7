//! Access lines as most of them are, whose fields go from the line to the end of the record with no list in between.
//!
//! A record is a usual one when its keys leave nothing to ask but what its line is: they name no type, level or trace, none is of
//! those that an access line gives, and one of them holds the line. What becomes of it is the same as of all others
//! ([`crate::sorter`]); this is the short way there.

use crate::classify::{LEVEL_FIELDS, LineReading, MESSAGE, Verdict};
use crate::event::Timestamp;
use crate::fields::{FieldIndex, KeySet};
use crate::identity::placement::Placement;
use crate::line::combined::AccessLine;
use crate::line::{LineFormat, LineFormats};
use crate::log_type::LogType;
use crate::msgpack::room::{self, FIELD_BYTES, Room};
use crate::msgpack::{Composite, write};
use crate::record_trace::TRACE_KEYS;
use crate::severity::Severity;
use crate::sorter::SorterConfig;

/// What an access line gives, and what says which type a record has and whether it is a piece.
const FIELDS: [&str; 12] = [
    "remote_addr",
    "remote_user",
    "method",
    "path",
    "query",
    "protocol",
    "status",
    "bytes",
    "referer",
    "user_agent",
    "log_type",
    "partial_id",
];
/// Keys of records that are no usual ones: these, and those of a level and of a trace.
const UNUSUAL: KeySet = KeySet::new(&NAMES);
const NAMES: [&str; FIELDS.len() + LEVEL_FIELDS.names().len() + TRACE_KEYS.names().len()] =
    joined([&FIELDS, LEVEL_FIELDS.names(), TRACE_KEYS.names()]);

/// Sets of names as one; `N` is how many they are together.
#[expect(clippy::indexing_slicing, reason = "the compiler runs this, and says so when a place is none")]
const fn joined<const N: usize>(sets: [&[&'static str]; 3]) -> [&'static str; N] {
    let (mut names, mut place, mut set) = ([""; N], 0, 0);
    while set < sets.len() {
        let mut rest = sets[set];
        while let [name, behind @ ..] = rest {
            names[place] = *name;
            place += 1;
            rest = behind;
        }
        set += 1;
    }
    assert!(place == N, "the names are of another number");
    names
}

/// Whether what is configured gives no field that an access line gives too, and takes none from a filter's map.
pub(crate) fn is_apart_from(config: &SorterConfig) -> bool {
    let map = match &config.placement {
        Placement::FromMap(_) => return false,
        Placement::Map(name) => Some(name),
        Placement::Flat | Placement::Only(_) => None,
    };
    !config.labels.iter().map(|label| &label.field).chain(map).any(|name| NAMES.contains(&name.as_str()))
}

/// An access line, of which it is known what becomes of it.
#[derive(Debug)]
pub(crate) struct UsualAccess<'e, 'a> {
    line: &'e AccessLine<'a>,
    request: Option<[&'a [u8]; 4]>,
    seconds: i64,
    severity: Severity,
}

/// What is written of a usual record behind its own fields.
#[derive(Debug)]
pub(crate) struct UsualFields<'e, 'a> {
    access: &'e UsualAccess<'e, 'a>,
    log_type: LogType,
    severity: Severity,
}

/// The line of a record that may be a usual one, by its keys.
#[inline]
pub(crate) fn line_of<'a>(index: &FieldIndex, body: &Composite<'a>) -> Option<&'a [u8]> {
    if index.has_any(&UNUSUAL) {
        return None;
    }
    let line = index.text_of_only(body, &MESSAGE)?;
    // The others have a longer way: a head of syslog, tabs, or a name where the address is, which other formats may begin with too.
    match line {
        [b'0'..=b'9', _, _, _, _, _, _, _, _, _, after_ten, ..] if !matches!(after_ten, b'T' | b'\t') => Some(line),
        _ => None,
    }
}

impl<'e, 'a> UsualAccess<'e, 'a> {
    /// What was read of a line of [`line_of`], when that is all of it.
    #[inline(always)]
    pub(crate) fn of(line: &'e AccessLine<'a>) -> Option<Self> {
        if !line.virtual_host.is_empty() || !line.tail.trim_ascii().is_empty() {
            return None;
        }
        let (seconds, severity) = (line.time_seconds?, Severity::from_http_status(line.status)?);
        Some(Self { line, request: line.request_parts(), seconds, severity })
    }

    /// What [`crate::classify::read_line`] says of it.
    #[inline(always)]
    pub(crate) fn reading(&self) -> LineReading {
        let formats = const { LineFormats::only(LineFormat::Access) };
        let time = Timestamp { seconds: self.seconds, nanoseconds: 0 };
        LineReading { formats, severity: Some(self.severity), line_time: Some(time) }
    }
}

impl<'e, 'a> UsualFields<'e, 'a> {
    pub(crate) fn new(access: &'e UsualAccess<'e, 'a>, verdict: &Verdict) -> Self {
        Self { access, log_type: verdict.log_type, severity: verdict.severity.unwrap_or(access.severity) }
    }

    /// How many fields there are.
    #[inline]
    pub(crate) fn count(&self) -> u32 {
        let UsualAccess { line, request, .. } = self.access;
        let texts = [line.remote_addr, line.remote_user, line.referer, line.user_agent].into_iter();
        let texts = texts.chain(request.iter().flatten().copied()).filter(|text| is_said(text)).count();
        // Status, type and severity are always there.
        3 + u32::from(line.bytes.is_some()) + texts as u32
    }

    /// Appends them, in the order in which [`AccessLine::add_to`] and the sorter give them.
    #[inline(never)]
    pub(crate) fn append_to(&self, room: &mut Room) {
        let UsualAccess { line, request, .. } = self.access;
        text("remote_addr", line.remote_addr, room);
        text("remote_user", line.remote_user, room);
        if let Some([method, path, query, protocol]) = request {
            text("method", method, room);
            text("path", path, room);
            text("query", query, room);
            text("protocol", protocol, room);
        }
        int("status", line.status, room);
        if let Some(bytes) = line.bytes {
            int("bytes", bytes, room);
        }
        text("referer", line.referer, room);
        text("user_agent", line.user_agent, room);
        text("log_type", self.log_type.name().as_bytes(), room);
        text("severity", self.severity.name().as_bytes(), room);
    }
}

/// As [`crate::append::FoundFields::push_text`] has it.
#[inline(always)]
fn is_said(text: &[u8]) -> bool {
    !matches!(text, [] | [b'-'])
}

#[inline(always)]
fn text(name: &'static str, text: &[u8], room: &mut Room) {
    if is_said(text) {
        field(name, room, |name, room| room::text_field(room, name, text), |out| write::str(out, text));
    }
}

#[inline(always)]
fn int(name: &'static str, int: i64, room: &mut Room) {
    field(name, room, |name, room| room::int_field(room, name, int), |out| write::int(out, int));
}

// Where the name is known to the compiler, writing it is a move or two.
#[inline(always)]
fn field(
    name: &'static str,
    room: &mut Room,
    short: impl FnOnce(&[u8], &mut [u8; FIELD_BYTES]) -> Option<usize>,
    value: impl FnOnce(&mut Vec<u8>),
) {
    let name = name.as_bytes();
    room.field(
        |room| short(name, room),
        |out| {
            write::str(out, name);
            value(out);
        },
    );
}
