//! The entry of any record, whatever it is called and however long it is: what [`super::entry`] says, done field by field, with
//! every name looked for among those that are there. Most records are written by [`super::usual_entry`].

use super::entry::{
    MAX_ENTRY_BYTES, SPAN_FIELDS, TRACE_FIELDS, Written, http_status, is_status_word, milliseconds, status,
};
use super::known_tags::KnownTags;
use crate::config::datadog::EntryOptions;
use shiwake_records::classify::MESSAGE_KEYS;
use shiwake_records::event::Event;
use shiwake_records::fields::FieldIndex;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::{MsgpackError, Reader, Value, json};
use shiwake_records::severity::Severity;
use shiwake_records::trace_ids::{TraceIds, span_id};
use std::fmt::Write as _;
use std::ops::Range;

/// What stands behind a message that was cut, as the Datadog Agent writes it.
pub const CUT_MARK: &str = "...TRUNCATED...";
/// Attribute that says how long an entry was before it was cut, in bytes.
pub const CUT_FROM: &str = "shiwake.cut_from_bytes";

/// Writes entries of any records; keeps its memory from one to the next.
#[derive(Debug)]
pub(super) struct AnyEntry {
    options: EntryOptions,
    fields: FieldIndex,
    names: Names,
    tags: KnownTags,
}

impl AnyEntry {
    pub(super) fn new(options: EntryOptions) -> Self {
        Self { options, fields: FieldIndex::default(), names: Names::default(), tags: KnownTags::default() }
    }

    /// As [`super::entry::EntryWriter::write`].
    pub(super) fn write(
        &mut self,
        out: &mut String,
        event: &Event<'_>,
        log_type: Option<LogType>,
        tag: &str,
    ) -> Result<Written, MsgpackError> {
        let start = out.len();
        let written = self.write_whole(out, event, log_type, tag);
        let Ok(message) = written else {
            out.truncate(start);
            return written.map(|_| Written::Whole);
        };
        let length = out.len() - start;
        if length <= MAX_ENTRY_BYTES {
            return Ok(Written::Whole);
        }
        self.cut(out, start, message, event, tag);
        Ok(Written::Cut)
    }

    /// As there, however long the entry is.
    pub(super) fn write_uncut(
        &mut self,
        out: &mut String,
        event: &Event<'_>,
        log_type: Option<LogType>,
        tag: &str,
    ) -> Result<(), MsgpackError> {
        self.write_whole(out, event, log_type, tag).map(drop)
    }

    /// Appends an entry however long it is; gives where in the text its message stands, with its name, when it has one that is
    /// text.
    fn write_whole(
        &mut self,
        out: &mut String,
        event: &Event<'_>,
        log_type: Option<LogType>,
        tag: &str,
    ) -> Result<Option<Range<usize>>, MsgpackError> {
        let Self { options, fields, names, tags } = self;
        let body = &event.body;
        fields.fill(body);
        names.clear();
        out.push('{');
        names.write(out, &options.date_key);
        let _ = write!(out, "{}", milliseconds(event.time));
        if let Some(key) = &options.tag_key {
            names.write(out, key);
            json::quoted(out, tag);
        }
        let severity = fields.get(body, b"severity").and_then(|value| Severity::from_syslog_value(&value));
        if let Some(severity) = severity {
            names.write(out, "status");
            json::quoted(out, status(severity));
        }
        write_trace(out, names, fields, event);
        let configured = options.message_key.as_deref().filter(|key| fields.contains(key.as_bytes()));
        let message_key = configured
            .or_else(|| MESSAGE_KEYS.into_iter().find(|key| fields.contains(key.as_bytes())))
            .unwrap_or_default();
        let in_tags = match fields.get(body, b"ddtags") {
            Some(Value::Str(text)) => tags.set(text),
            _ => false,
        };
        let mut message = None;
        let mut reader = Reader::new(body.content);
        for _ in 0..body.count {
            let key_start = reader.position();
            let key = reader.value()?;
            let raw_key = reader.since(key_start);
            let value = reader.value()?;
            let Some(name) = key.as_str_bytes() else {
                names.write_odd(out, &key, raw_key);
                json::write(out, &value)?;
                continue;
            };
            if name == message_key.as_bytes() && message.is_none() && !name.is_empty() {
                message = Some(value);
                continue;
            }
            // A word that is no severity, and one that Datadog has no word for, stay.
            let says_more = || severity == Some(Severity::Trace);
            if (name == b"severity" && severity.is_some() && !says_more()) || (in_tags && tags.say(name, &value)) {
                continue;
            }
            if let (b"status", Some(code)) = (name, http_status(&value)) {
                names.write(out, "http.status_code");
                let _ = write!(out, "{code}");
                continue;
            }
            let name = match (name, &value) {
                // What is no word for a severity Datadog would take for one by its first letter.
                (b"status", _) if severity.is_none() && !is_status_word(&value) => "status_2",
                (b"message", _) => "message_2",
                (b"host", _) if log_type == Some(LogType::Access) => "http.url_details.host",
                _ => match key.as_str() {
                    Some(name) => name,
                    None => {
                        names.write_odd(out, &key, raw_key);
                        json::write(out, &value)?;
                        continue;
                    }
                },
            };
            names.write(out, name);
            match (name, &value) {
                ("ddtags", Value::Str(text)) if tags.json_of(text).is_some() => {
                    out.push_str(tags.json_of(text).unwrap_or_default());
                }
                _ => json::write(out, &value)?,
            }
        }
        let message = match message {
            Some(Value::Str(bytes)) => {
                let text = std::str::from_utf8(bytes);
                if text.is_err() {
                    // The bytes as they are, beside what of them is text.
                    names.write(out, "message_bytes");
                    json::write(out, &Value::Str(bytes))?;
                }
                let start = out.len();
                names.write(out, "message");
                match text {
                    Ok(text) => json::quoted(out, text),
                    Err(_) => json::quoted(out, &String::from_utf8_lossy(bytes)),
                }
                Some(start..out.len())
            }
            Some(other) => {
                names.write(out, "message");
                json::write(out, &other)?;
                None
            }
            None => None,
        };
        out.push('}');
        Ok(message)
    }

    /// Makes an entry as short as it may be: the message loses its end; where the rest alone is too long it goes, all but
    /// what Datadog needs to know whose the entry is.
    fn cut(&mut self, out: &mut String, start: usize, message: Option<Range<usize>>, event: &Event<'_>, tag: &str) {
        /// What the mark, the note and the brackets take.
        const MARGIN_BYTES: usize = 200;
        /// What the rest may take.
        const MAX_REST_BYTES: usize = MAX_ENTRY_BYTES / 2;
        let length = out.len() - start;
        let rest = match &message {
            Some(message) => message.start - start,
            None => length,
        };
        if rest > MAX_REST_BYTES {
            out.truncate(start);
            self.write_short(out, event, tag);
        } else if let Some(message) = &message {
            out.truncate(message.start);
        }
        let key = self.options.message_key.as_deref().into_iter().chain(MESSAGE_KEYS);
        let text = key
            .filter_map(|key| self.fields.get(&event.body, key.as_bytes()))
            .find_map(|value| value.as_str_bytes())
            .unwrap_or_default();
        let _ = write!(out, ",\"{CUT_FROM}\":{length},\"message\":");
        let room = MAX_ENTRY_BYTES.saturating_sub(out.len() - start + MARGIN_BYTES);
        quoted_within(out, &String::from_utf8_lossy(text), room);
        out.push('}');
    }

    /// Writes the beginning of an entry with what Datadog files it under, as far as that is short.
    fn write_short(&mut self, out: &mut String, event: &Event<'_>, tag: &str) {
        const KEPT: [&str; 5] = ["ddsource", "ddtags", "service", "hostname", "log_type"];
        const MAX_KEPT_BYTES: usize = 50_000;
        let Self { options, fields, names, .. } = self;
        names.clear();
        out.push('{');
        names.write(out, &options.date_key);
        let _ = write!(out, "{}", milliseconds(event.time));
        if let Some(key) = options.tag_key.as_ref().filter(|key| key.len() + tag.len() < MAX_KEPT_BYTES) {
            names.write(out, key);
            json::quoted(out, tag);
        }
        if let Some(severity) =
            fields.get(&event.body, b"severity").and_then(|value| Severity::from_syslog_value(&value))
        {
            names.write(out, "status");
            json::quoted(out, status(severity));
        }
        for name in KEPT {
            let text = fields.get(&event.body, name.as_bytes()).and_then(|value| value.as_str());
            if let Some(text) = text.filter(|text| text.len() < MAX_KEPT_BYTES) {
                names.write(out, name);
                json::quoted(out, text);
            }
        }
    }
}

/// Ids of the trace that the record is of, where the record has none in Datadog's own names: a trace of 128 bits in
/// hexadecimal, a span as a decimal number
/// (<https://docs.datadoghq.com/tracing/other_telemetry/connect_logs_and_traces/opentelemetry/>).
fn write_trace(out: &mut String, names: &mut Names, fields: &FieldIndex, event: &Event<'_>) {
    let body = &event.body;
    let first = |names: [&str; 3]| {
        names.iter().find_map(|name| fields.get(body, name.as_bytes())).and_then(|value| value.as_str_bytes())
    };
    if fields.contains(b"dd.trace_id") {
        return;
    }
    let Some(ids) = first(TRACE_FIELDS).and_then(TraceIds::parse) else { return };
    names.write(out, "dd.trace_id");
    json::quoted(out, ids.trace());
    let own_span = first(SPAN_FIELDS).and_then(span_id);
    let span = own_span.as_ref().and_then(|span| std::str::from_utf8(span).ok()).or_else(|| ids.span());
    if let Some(number) = span.and_then(|span| u64::from_str_radix(span, 16).ok())
        && !fields.contains(b"dd.span_id")
    {
        names.write(out, "dd.span_id");
        let _ = write!(out, "\"{number}\"");
    }
}

/// Appends text as a JSON string with the mark of a cut in it that has at most `room` bytes beside the mark.
pub(super) fn quoted_within(out: &mut String, text: &str, room: usize) {
    // No character's escape is shorter than the character, and none is more than six times as long.
    let mut end = boundary_before(text, room);
    let start = out.len();
    loop {
        json::quoted(out, text.get(..end).unwrap_or_default());
        let over = (out.len() - start).saturating_sub(room);
        if over == 0 || end == 0 {
            break;
        }
        out.truncate(start);
        end = boundary_before(text, end.saturating_sub(over.div_ceil(6).max(1)));
    }
    if end < text.len() {
        out.truncate(out.len() - 1);
        let _ = write!(out, "{CUT_MARK}\"");
    }
}

/// The last boundary of characters that is not behind a place.
fn boundary_before(text: &str, place: usize) -> usize {
    (0..=place.min(text.len())).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}

/// Names that the entry has.
#[derive(Debug, Default)]
struct Names {
    /// Where they stand, with their quotes.
    places: Vec<Range<usize>>,
    marks: u64,
}

impl Names {
    fn clear(&mut self) {
        self.places.clear();
        self.marks = 0;
    }

    /// Appends a name with what stands before and behind it; one that is there gets a number.
    fn write(&mut self, out: &mut String, name: &str) {
        let start = self.begin(out);
        json::quoted(out, name);
        let mut number = 2;
        while self.has(out, start) {
            out.truncate(start);
            json::quoted(out, &format!("{name}_{number}"));
            number += 1;
        }
        self.end(out, start);
    }

    /// Appends a name that is no text.
    fn write_odd(&mut self, out: &mut String, key: &Value<'_>, raw: &[u8]) {
        let start = self.begin(out);
        json::key(out, key, raw);
        if self.has(out, start) {
            let name = out.get(start + 1..out.len() - 1).unwrap_or_default().to_owned();
            out.truncate(start);
            // What is in quotes already has its escapes.
            let mut number = 2;
            loop {
                let _ = write!(out, "\"{name}_{number}\"");
                if !self.has(out, start) {
                    break;
                }
                out.truncate(start);
                number += 1;
            }
        }
        self.end(out, start);
    }

    fn begin(&self, out: &mut String) -> usize {
        if !self.places.is_empty() {
            out.push(',');
        }
        out.len()
    }

    fn end(&mut self, out: &mut String, start: usize) {
        self.marks |= mark(out.as_bytes().get(start..).unwrap_or_default());
        self.places.push(start..out.len());
        out.push(':');
    }

    fn has(&self, out: &str, start: usize) -> bool {
        let name = out.as_bytes().get(start..).unwrap_or_default();
        self.marks & mark(name) != 0 && self.places.iter().any(|place| out.as_bytes().get(place.clone()) == Some(name))
    }
}

/// One of 64 bits for a name in its quotes.
fn mark(name: &[u8]) -> u64 {
    let at = |place: usize| name.get(place).copied().map_or(0, usize::from);
    1 << ((name.len() * 7 + at(1) * 5 + at(name.len().saturating_sub(2)) * 3 + at(name.len() / 2)) % 64)
}
