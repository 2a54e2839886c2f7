//! The entry of a record like most: its names are text, each is there once and none is one that the entry has for something
//! else. Then no name needs to be looked for among the others, and what the keys tell, the JSON of the names with them, is kept
//! from record to record ([`super::entry_layout`]). All other records are left to [`super::any_entry`], which writes the same
//! for these.

use super::entry::{http_status, is_status_word, milliseconds, status};
use super::entry_layout::{EntryFields, EntryLayout, Role, are_usual};
use super::json_bytes::{push_int, push_text};
use super::known_tags::KnownTags;
use crate::config::datadog::EntryOptions;
use shiwake_records::event::Event;
use shiwake_records::fields::FieldIndex;
use shiwake_records::log_type::LogType;
use shiwake_records::msgpack::{Value, json};
use shiwake_records::severity::Severity;
use shiwake_records::trace_ids::{TraceIds, span_id};

/// Memory for the JSON of one nested value that is kept.
const KEPT_BYTES: usize = 64 * 1024;

/// Writes entries of usual records; keeps its memory from one to the next.
#[derive(Debug)]
pub(super) struct UsualEntry {
    options: EntryOptions,
    /// Whether the configuration leaves any record to be a usual one.
    is_usable: bool,
    /// By the slots of the index.
    layouts: Vec<EntryLayout>,
    fields: EntryFields,
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
    severity: Option<Severity>,
    trace: Option<&'a [u8]>,
    span: Option<&'a [u8]>,
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
            is_usable: are_usual(&options),
            layouts: Vec::new(),
            fields: EntryFields::default(),
            options,
            tags: KnownTags::default(),
            nested: String::new(),
        }
    }

    /// Appends the entry of a usual record, whose keys the index holds; `None` for another one, of which it may have appended
    /// something.
    pub(super) fn write(
        &mut self,
        out: &mut Vec<u8>,
        event: &Event<'_>,
        index: &FieldIndex,
        log_type: Option<LogType>,
        tag: &str,
    ) -> Option<()> {
        if !self.is_usable || !event.has_text_keys {
            return None;
        }
        let Self { options, layouts, fields, tags, date_json, tag_json, nested, .. } = self;
        let slot = index.layout_id().slot();
        if slot >= layouts.len() {
            layouts.resize_with(slot + 1, EntryLayout::default);
        }
        let layout = layouts.get_mut(slot)?;
        layout.learn(options, fields, index, &event.body);
        let is_access = log_type == Some(LogType::Access);
        if !layout.is_usual || is_access && layout.has_http_host {
            return None;
        }
        let value = |place: usize| index.value_at(&event.body, place);
        let parts = Parts::read(layout, tags, value)?;
        out.extend_from_slice(date_json);
        push_int(out, milliseconds(event.time));
        if options.tag_key.is_some() {
            out.extend_from_slice(tag_json);
            push_text(out, tag.as_bytes()).then_some(())?;
        }
        if let Some(severity) = parts.severity {
            out.extend_from_slice(b",\"status\":\"");
            out.extend_from_slice(status(severity).as_bytes());
            out.push(b'"');
        }
        parts.write_trace(layout, out);
        for (place, field) in layout.fields.iter().enumerate() {
            if layout.message == Some(place) {
                continue;
            }
            if field.role == Role::Plain
                && let Some(text) = index.text_at(&event.body, place)
            {
                field.name.append_to(out);
                push_text(out, text).then_some(())?;
                continue;
            }
            let value = value(place)?;
            match field.role {
                Role::Severity if parts.severity.is_some_and(|severity| severity != Severity::Trace) => continue,
                Role::Tagged(tagged) if parts.has_tags && tags.say_field(tagged, &value) => continue,
                Role::Status => {
                    out.extend_from_slice(b",\"http.status_code\":");
                    push_int(out, http_status(&value)?);
                    continue;
                }
                Role::Host if is_access => out.extend_from_slice(b",\"http.url_details.host\":"),
                Role::Tags => {
                    field.name.append_to(out);
                    out.extend_from_slice(tags.json_of(value.as_str_bytes()?)?.as_bytes());
                    continue;
                }
                _ => field.name.append_to(out),
            }
            write_value(out, &value, nested)?;
        }
        if let Some(message) = layout.message {
            out.extend_from_slice(b",\"message\":");
            // Its bytes would have a place of their own if it is no UTF-8.
            write_value(out, &value(message)?, nested)?;
        }
        out.push(b'}');
        Some(())
    }
}

impl<'a> Parts<'a> {
    /// `None` when the record is no usual one.
    fn read(layout: &EntryLayout, tags: &mut KnownTags, value: impl Fn(usize) -> Option<Value<'a>>) -> Option<Self> {
        // One that is no text is left to the long way.
        let first_text = |places: &[Option<usize>]| {
            let mut first = None;
            for place in places.iter().flatten() {
                let text = value(*place)?.as_str_bytes()?;
                first = first.or(Some(text));
            }
            Some(first)
        };
        if let Some(place) = layout.status
            // A word needs to know whether there is a severity.
            && is_status_word(&value(place)?)
        {
            return None;
        }
        Some(Self {
            severity: layout.severity.and_then(&value).and_then(|value| Severity::from_syslog_value(&value)),
            trace: first_text(&layout.traces)?,
            span: first_text(&layout.spans)?,
            has_tags: match layout.tags {
                Some(place) => tags.set(value(place)?.as_str_bytes()?),
                None => false,
            },
        })
    }

    fn write_trace(&self, layout: &EntryLayout, out: &mut Vec<u8>) {
        let Some(ids) = self.trace.filter(|_| !layout.has_dd_trace).and_then(TraceIds::parse) else { return };
        out.extend_from_slice(b",\"dd.trace_id\":\"");
        out.extend_from_slice(ids.trace().as_bytes());
        out.push(b'"');
        let own_span = self.span.and_then(span_id);
        let span = own_span.as_ref().and_then(|span| std::str::from_utf8(span).ok()).or_else(|| ids.span());
        if let Some(number) = span.and_then(|span| u64::from_str_radix(span, 16).ok())
            && !layout.has_dd_span
        {
            out.extend_from_slice(b",\"dd.span_id\":\"");
            out.extend_from_slice(number.to_string().as_bytes());
            out.push(b'"');
        }
    }
}

/// Appends a value; `None` when it is left to the long way.
fn write_value(out: &mut Vec<u8>, value: &Value<'_>, nested: &mut String) -> Option<()> {
    match value {
        Value::Str(text) => push_text(out, text).then_some(()),
        Value::Int(number) => {
            push_int(out, *number);
            Some(())
        }
        other => {
            nested.clear();
            nested.shrink_to(KEPT_BYTES);
            let is_written = json::write(nested, other).is_ok();
            out.extend_from_slice(nested.as_bytes());
            is_written.then_some(())
        }
    }
}
