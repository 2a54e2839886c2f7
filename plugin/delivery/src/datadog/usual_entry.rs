//! The entry of a record like most: its names are text, each is there once and none is one that the entry has for something
//! else. Then no name needs to be looked for among the others, and what is known of a name, its JSON first, is kept from record
//! to record. All other records are left to [`super::any_entry`], which writes the same for these.

use super::entry::{http_status, is_status_word, milliseconds, status};
use super::json_bytes::{push_int, push_text};
use super::known_names::{KnownNames, Role};
use super::known_tags::KnownTags;
use crate::config::datadog::EntryOptions;
use shiwake_records::event::Event;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::{Reader, Value, json};
use shiwake_records::severity::Severity;
use shiwake_records::trace_ids::{TraceIds, span_id};
use smallvec::SmallVec;

/// Fields of a record for which there is room without an allocation.
const USUAL_FIELDS: usize = 48;
/// Memory for the JSON of one nested value that is kept.
const KEPT_BYTES: usize = 64 * 1024;

/// Writes entries of usual records; keeps its memory from one to the next.
#[derive(Debug)]
pub(super) struct UsualEntry {
    options: EntryOptions,
    /// Whether the configuration leaves any record to be a usual one.
    is_usable: bool,
    names: KnownNames,
    tags: KnownTags,
    /// The name of the time, and that of the tag, as JSON with all that stands before a value.
    date_json: Vec<u8>,
    tag_json: Vec<u8>,
    /// A nested value.
    nested: String,
}

/// What a record has for the parts of an entry that are made of several fields.
#[derive(Default)]
struct Parts<'a> {
    /// The message, with the rank of its field.
    message: Option<(usize, Value<'a>)>,
    severity: Option<Severity>,
    trace: Option<(usize, &'a [u8])>,
    span: Option<(usize, &'a [u8])>,
    has_dd_trace: bool,
    has_dd_span: bool,
    has_http_status: bool,
    has_status: bool,
    has_tags: bool,
}

impl UsualEntry {
    pub(super) fn new(options: EntryOptions) -> Self {
        let begin = |before: &str, name: &str| {
            let mut json = before.to_owned();
            json::quoted(&mut json, name);
            json.push(':');
            json.into_bytes()
        };
        Self {
            date_json: begin("{", &options.date_key),
            tag_json: options.tag_key.as_ref().map(|key| begin(",", key)).unwrap_or_default(),
            is_usable: KnownNames::are_usual(&options),
            names: KnownNames::new(&options),
            options,
            tags: KnownTags::default(),
            nested: String::new(),
        }
    }

    /// Appends the entry of a usual record; `false` for another one, of which it may have appended something.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, event: &Event<'_>, log_type: Option<LogType>, tag: &str) -> bool {
        if !self.is_usable {
            return false;
        }
        let mut fields: SmallVec<[(u32, Value<'_>); USUAL_FIELDS]> = SmallVec::new();
        let Some(parts) = self.read(event, log_type, &mut fields) else { return false };
        out.extend_from_slice(&self.date_json);
        push_int(out, milliseconds(event.time));
        if self.options.tag_key.is_some() {
            out.extend_from_slice(&self.tag_json);
            if !push_text(out, tag.as_bytes()) {
                return false;
            }
        }
        if let Some(severity) = parts.severity {
            out.extend_from_slice(b",\"status\":\"");
            out.extend_from_slice(status(severity).as_bytes());
            out.push(b'"');
        }
        write_trace(out, &parts);
        let message_rank = parts.message.as_ref().map(|(rank, _)| *rank);
        for (name, value) in &fields {
            let Some(name) = self.names.get(*name) else { return false };
            match name.role {
                Role::Message(rank) if message_rank == Some(rank) => continue,
                // Of several that may be the message the others stay; but `message` is the entry's.
                Role::Message(_) if name.is_message => return false,
                Role::Severity if parts.severity.is_some_and(|severity| severity != Severity::Trace) => continue,
                Role::Tagged(place) if parts.has_tags && self.tags.say_field(place, value) => continue,
                Role::Status => {
                    let Some(code) = http_status(value) else { return false };
                    out.extend_from_slice(b",\"http.status_code\":");
                    push_int(out, code);
                    continue;
                }
                Role::Host if log_type == Some(LogType::Access) => {
                    out.extend_from_slice(b",\"http.url_details.host\":");
                }
                Role::Tags => {
                    out.extend_from_slice(&name.json);
                    match value.as_str_bytes().and_then(|text| self.tags.json_of(text)) {
                        Some(json) => out.extend_from_slice(json.as_bytes()),
                        None => return false,
                    }
                    continue;
                }
                _ => out.extend_from_slice(&name.json),
            }
            if !write_value(out, value, &mut self.nested) {
                return false;
            }
        }
        if let Some((_, message)) = parts.message {
            out.extend_from_slice(b",\"message\":");
            // Its bytes would have a place of their own if it is no UTF-8.
            let is_written = match message {
                Value::Str(text) => push_text(out, text),
                other => write_value(out, &other, &mut self.nested),
            };
            if !is_written {
                return false;
            }
        }
        out.push(b'}');
        true
    }

    /// Reads a record's fields; `None` when it is no usual one.
    fn read<'a>(
        &mut self,
        event: &Event<'a>,
        log_type: Option<LogType>,
        fields: &mut SmallVec<[(u32, Value<'a>); USUAL_FIELDS]>,
    ) -> Option<Parts<'a>> {
        let mut parts = Parts::default();
        let mut reader = Reader::new(event.body.content);
        self.names.begin_record();
        for _ in 0..event.body.count {
            let (number, role) = self.names.find(reader.short_text()?)?;
            let value = reader.value().ok()?;
            match role {
                Role::Plain | Role::Tagged(_) => {}
                Role::Message(rank) => {
                    if parts.message.as_ref().is_none_or(|(known, _)| rank < *known) {
                        parts.message = Some((rank, value));
                    }
                }
                Role::Severity => parts.severity = Severity::from_syslog_value(&value),
                Role::Status => {
                    parts.has_status = true;
                    // A word needs to know whether there is a severity.
                    if is_status_word(&value) {
                        return None;
                    }
                }
                Role::HttpStatus => parts.has_http_status = true,
                Role::HttpHost if log_type == Some(LogType::Access) => return None,
                Role::HttpHost | Role::Host => {}
                Role::Tags => parts.has_tags = self.tags.set(value.as_str_bytes()?),
                Role::Trace(rank) => note_first(&mut parts.trace, rank, &value)?,
                Role::Span(rank) => note_first(&mut parts.span, rank, &value)?,
                Role::DdTrace => parts.has_dd_trace = true,
                Role::DdSpan => parts.has_dd_span = true,
                Role::Awkward => return None,
            }
            fields.push((number, value));
        }
        (!parts.has_status || !parts.has_http_status).then_some(parts)
    }
}

/// Keeps the value of the first of several fields; one that is no text is left to the long way.
fn note_first<'a>(first: &mut Option<(usize, &'a [u8])>, rank: usize, value: &Value<'a>) -> Option<()> {
    let text = value.as_str_bytes()?;
    if first.is_none_or(|(known, _)| rank < known) {
        *first = Some((rank, text));
    }
    Some(())
}

fn write_trace(out: &mut Vec<u8>, parts: &Parts<'_>) {
    let Some(ids) = parts.trace.filter(|_| !parts.has_dd_trace).and_then(|(_, text)| TraceIds::parse(text)) else {
        return;
    };
    out.extend_from_slice(b",\"dd.trace_id\":\"");
    out.extend_from_slice(ids.trace().as_bytes());
    out.push(b'"');
    let own_span = parts.span.and_then(|(_, text)| span_id(text));
    let span = own_span.as_ref().and_then(|span| std::str::from_utf8(span).ok()).or_else(|| ids.span());
    if let Some(number) = span.and_then(|span| u64::from_str_radix(span, 16).ok())
        && !parts.has_dd_span
    {
        out.extend_from_slice(b",\"dd.span_id\":\"");
        out.extend_from_slice(number.to_string().as_bytes());
        out.push(b'"');
    }
}

/// Appends a value; `false` when it is left to the long way.
fn write_value(out: &mut Vec<u8>, value: &Value<'_>, nested: &mut String) -> bool {
    match value {
        Value::Str(text) => push_text(out, text),
        Value::Int(number) => {
            push_int(out, *number);
            true
        }
        other => {
            nested.clear();
            nested.shrink_to(KEPT_BYTES);
            let is_written = json::write(nested, other).is_ok();
            out.extend_from_slice(nested.as_bytes());
            is_written
        }
    }
}
