//! Access lines as most of them are, whose fields go from the line to the end of the record with no list in between.
//!
//! A record is a usual one when its keys leave nothing to ask but what its line is: they name no type, level or trace, none is of
//! those that an access line gives, and one of them holds the line. What becomes of it is the same as of all others
//! ([`crate::sorter`]); this is the short way there.

use crate::append::{FoundFields, FoundValue};
use crate::classify::{LEVEL_FIELDS, LineReading, MESSAGE};
use crate::event::Timestamp;
use crate::fields::{FieldIndex, KeySet};
use crate::identity::placement::Placement;
use crate::line::combined::AccessLine;
use crate::line::{LineFormat, LineFormats};
use crate::log_type::LogType;
use crate::msgpack::Composite;
use crate::msgpack::room::{KnownField, Room, ShortFields};
use crate::record_trace::TRACE_KEYS;
use crate::rules::Decided;
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
    /// The line, and what stands in it.
    whole: &'a [u8],
    line: &'e AccessLine<'a>,
    request: Option<[&'a [u8]; 4]>,
    seconds: i64,
    severity: Severity,
}

static ACCESS: KnownField = KnownField::new("log_type", LogType::Access.built_in_name());
static SEVERITIES: [KnownField; Severity::ALL.len()] = known_severities();

#[expect(clippy::indexing_slicing, reason = "the compiler runs this, and says so when a place is none")]
const fn known_severities() -> [KnownField; Severity::ALL.len()] {
    let mut known = [const { KnownField::new("severity", Severity::Trace.name()) }; Severity::ALL.len()];
    let mut place = 0;
    while place < known.len() {
        known[place] = KnownField::new("severity", Severity::ALL[place].name());
        place += 1;
    }
    known
}

/// How many fields are always there: status, type and severity.
pub(crate) const LEAST_FIELDS: u32 = 3;
pub(crate) const MOST_FIELDS: u32 = 12;

/// What is written of a usual record behind its own fields.
#[derive(Debug)]
pub(crate) struct UsualFields<'e, 'a> {
    access: &'e UsualAccess<'e, 'a>,
    log_type: &'e LogType,
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
    pub(crate) fn of(whole: &'a [u8], line: &'e AccessLine<'a>) -> Option<Self> {
        if !line.virtual_host.is_empty() || !line.tail.trim_ascii().is_empty() {
            return None;
        }
        let (seconds, severity) = (line.time_seconds?, Severity::from_http_status(line.status)?);
        Some(Self { whole, line, request: line.request_parts(), seconds, severity })
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
    #[inline]
    pub(crate) fn new(access: &'e UsualAccess<'e, 'a>, decided: &Decided<'e>) -> Self {
        Self { access, log_type: decided.log_type, severity: decided.severity.unwrap_or(access.severity) }
    }

    /// How many fields there are.
    pub(crate) fn count(&self) -> u32 {
        let UsualAccess { line, request, .. } = self.access;
        let texts = [line.remote_addr, line.remote_user, line.referer, line.user_agent].into_iter();
        let texts = texts.chain(request.iter().flatten().copied()).filter(|text| is_said(text)).count();
        LEAST_FIELDS + u32::from(line.bytes.is_some()) + texts as u32
    }

    /// Appends them, in the order in which [`AccessLine::add_to`] and the sorter give them, and says how many they are.
    #[inline(never)]
    pub(crate) fn append_to(&self, room: &mut Room) -> u32 {
        let UsualAccess { line, request, whole, .. } = self.access;
        let text = |out: &mut ShortFields<'_>, name, text: &[u8]| {
            if is_said(text) { out.part(name, text, whole) } else { Some(()) }
        };
        let written = room.short_fields::<{ MOST_FIELDS as usize }>(|out| {
            text(out, "remote_addr", line.remote_addr)?;
            text(out, "remote_user", line.remote_user)?;
            if let Some([method, path, query, protocol]) = request {
                text(out, "method", method)?;
                text(out, "path", path)?;
                text(out, "query", query)?;
                text(out, "protocol", protocol)?;
            }
            out.int("status", line.status)?;
            if let Some(bytes) = line.bytes {
                out.int("bytes", bytes)?;
            }
            text(out, "referer", line.referer)?;
            text(out, "user_agent", line.user_agent)?;
            match self.log_type {
                LogType::Access => out.known(&ACCESS)?,
                other => out.text("log_type", other.name().as_bytes())?,
            }
            out.known(SEVERITIES.get(self.severity as usize)?)
        });
        written.unwrap_or_else(|| self.append_long_to(room))
    }

    /// As [`UsualFields::append_to`], of fields that may be long.
    #[cold]
    fn append_long_to(&self, room: &mut Room) -> u32 {
        let mut found = FoundFields::default();
        self.access.line.add_to(&mut found);
        found.push("log_type", FoundValue::Text(self.log_type.name().as_bytes()));
        found.push("severity", FoundValue::Text(self.severity.name().as_bytes()));
        found.append_all_to(room);
        found.len() as u32
    }
}

/// As [`crate::append::FoundFields::push_text`] has it.
#[inline(always)]
fn is_said(text: &[u8]) -> bool {
    !matches!(text, [] | [b'-'])
}
