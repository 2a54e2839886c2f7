//! What the fields of records with the same keys are for an entry: found out once, and kept with the JSON of their names.

use super::entry::{SPAN_FIELDS, TRACE_FIELDS};
use super::known_tags::tag_field;
use crate::config::datadog::EntryOptions;
use shiwake_records::classify::MESSAGE_KEYS;
use shiwake_records::fields::{FieldIndex, LayoutId};
use shiwake_records::msgpack::{Composite, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of the JSON of most names.
const SHORT_BYTES: usize = 32;
/// Names that are remembered; where names are data there is no end of them.
const MOST_NAMES: usize = 1024;
/// Bytes of a name that is remembered.
const MAX_NAME_BYTES: usize = 200;

/// What a field is for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// An attribute.
    Plain,
    /// The message, unless a field of a lower rank is.
    Message(usize),
    Severity,
    Status,
    HttpStatus,
    Host,
    HttpHost,
    Tags,
    /// A tag may say it, by its place among such fields.
    Tagged(usize),
    Trace(usize),
    Span(usize),
    DdTrace,
    DdSpan,
    /// One that the entry has for something else.
    Awkward,
}

/// A name as it stands in an entry: a comma, the name in quotes, and a colon.
#[derive(Debug)]
pub(super) struct NameJson {
    /// The beginning, with zeroes behind a shorter one: so many bytes are copied in two instructions.
    begin: [u8; SHORT_BYTES],
    length: usize,
    /// All of it when it is longer.
    long: Box<[u8]>,
}

impl NameJson {
    fn of(name: &str) -> Self {
        let mut json = ",".to_owned();
        json::quoted(&mut json, name);
        json.push(':');
        let mut begin = [0; SHORT_BYTES];
        begin.iter_mut().zip(json.bytes()).for_each(|(to, byte)| *to = byte);
        let length = json.len();
        let long = if length > SHORT_BYTES { json.into_bytes().into_boxed_slice() } else { Box::default() };
        Self { begin, length, long }
    }

    #[inline]
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        if self.length <= SHORT_BYTES {
            let end = out.len() + self.length;
            out.extend_from_slice(&self.begin);
            out.truncate(end);
        } else {
            out.extend_from_slice(&self.long);
        }
    }
}

/// A field by its name.
#[derive(Debug)]
pub(super) struct EntryField {
    pub(super) role: Role,
    pub(super) name: NameJson,
    /// Whether it is `message`, which is the entry's own.
    is_message: bool,
}

/// Fields by the names that came so far, each with the number of the layout that had it last.
#[derive(Debug, Default)]
pub(super) struct EntryFields {
    by_name: HashMap<Vec<u8>, (Arc<EntryField>, u64)>,
    layouts: u64,
}

impl EntryFields {
    /// What follows are the names of another layout.
    fn begin_layout(&mut self) {
        self.layouts += 1;
        if self.by_name.len() > MOST_NAMES {
            self.by_name.clear();
        }
    }

    /// The field of a name; `None` when the layout had it before, when it is no UTF-8 or too long to remember.
    fn field(&mut self, options: &EntryOptions, name: &[u8]) -> Option<Arc<EntryField>> {
        if !self.by_name.contains_key(name) {
            let text = std::str::from_utf8(name).ok().filter(|text| text.len() <= MAX_NAME_BYTES)?;
            // The entry's time has that name, in every entry.
            let shown = if text == options.date_key { &second(text) } else { text };
            let is_message = text == "message";
            let field = EntryField { role: role(options, text), name: NameJson::of(shown), is_message };
            self.by_name.insert(name.to_owned(), (Arc::new(field), 0));
        }
        let (field, last) = self.by_name.get_mut(name)?;
        let is_first = std::mem::replace(last, self.layouts) != self.layouts;
        is_first.then(|| Arc::clone(field))
    }
}

/// The fields of the records with some keys, in their order.
#[derive(Debug, Default)]
pub(super) struct EntryLayout {
    layout: LayoutId,
    /// Whether such a record is a usual one, as far as its keys tell.
    pub(super) is_usual: bool,
    pub(super) fields: Vec<Arc<EntryField>>,
    /// Places of those of which several parts of the entry are made.
    pub(super) message: Option<usize>,
    pub(super) severity: Option<usize>,
    pub(super) status: Option<usize>,
    pub(super) tags: Option<usize>,
    /// In the order in which they count.
    pub(super) traces: [Option<usize>; TRACE_FIELDS.len()],
    pub(super) spans: [Option<usize>; SPAN_FIELDS.len()],
    pub(super) has_http_host: bool,
    pub(super) has_dd_trace: bool,
    pub(super) has_dd_span: bool,
}

impl EntryLayout {
    /// Finds out what the fields of a record are, unless that is known of its keys.
    #[inline]
    pub(super) fn learn(
        &mut self,
        options: &EntryOptions,
        known: &mut EntryFields,
        index: &FieldIndex,
        body: &Composite<'_>,
    ) {
        if self.layout != index.layout_id() {
            let mut fields = std::mem::take(&mut self.fields);
            fields.clear();
            *self = Self { layout: index.layout_id(), fields, ..Self::default() };
            self.is_usual = self.add_all(options, known, index, body).is_some();
        }
    }

    /// `None` when a record with these keys is no usual one.
    fn add_all(
        &mut self,
        options: &EntryOptions,
        known: &mut EntryFields,
        index: &FieldIndex,
        body: &Composite<'_>,
    ) -> Option<()> {
        known.begin_layout();
        let mut message_rank = usize::MAX;
        let mut has_http_status = false;
        for (place, key) in index.keys().enumerate() {
            if place >= MOST_NAMES {
                return None;
            }
            let field = known.field(options, body.content.get(key)?)?;
            match field.role {
                Role::Message(rank) if rank < message_rank => (message_rank, self.message) = (rank, Some(place)),
                Role::Severity => self.severity = Some(place),
                Role::Status => self.status = Some(place),
                Role::HttpStatus => has_http_status = true,
                Role::HttpHost => self.has_http_host = true,
                Role::Tags => self.tags = Some(place),
                Role::Trace(rank) => *self.traces.get_mut(rank)? = Some(place),
                Role::Span(rank) => *self.spans.get_mut(rank)? = Some(place),
                Role::DdTrace => self.has_dd_trace = true,
                Role::DdSpan => self.has_dd_span = true,
                Role::Awkward => return None,
                Role::Message(_) | Role::Plain | Role::Tagged(_) | Role::Host => {}
            }
            self.fields.push(field);
        }
        // Of several that may be the message the others stay; but `message` is the entry's.
        let mut others = self.fields.iter().enumerate().filter(|(place, _)| self.message != Some(*place));
        let is_message_another = others.any(|(_, field)| field.is_message && matches!(field.role, Role::Message(_)));
        (!is_message_another && (self.status.is_none() || !has_http_status)).then_some(())
    }
}

/// Whether the names that the configuration gives are nothing else for an entry.
pub(super) fn are_usual(options: &EntryOptions) -> bool {
    let EntryOptions { date_key, tag_key, .. } = options;
    let is_usual = |name: &str| other_role(name) == Role::Plain && !MESSAGE_KEYS.contains(&name);
    let is_message = |name: &str| options.message_key.as_deref() == Some(name);
    let mut given = [Some(date_key.as_str()), tag_key.as_deref()].into_iter().flatten();
    given.all(|name| is_usual(name) && !is_message(name)) && tag_key.as_ref() != Some(date_key)
}

fn role(options: &EntryOptions, name: &str) -> Role {
    let EntryOptions { date_key, tag_key, message_key } = options;
    let keys = message_key.as_deref().into_iter().chain(MESSAGE_KEYS);
    if tag_key.as_deref() == Some(name) || name == second(date_key) {
        return Role::Awkward;
    }
    if let Some(rank) = keys.into_iter().position(|key| key == name) {
        // What else this name means is for the long way.
        let is_other =
            message_key.as_deref() == Some(name) && !MESSAGE_KEYS.contains(&name) && other_role(name) != Role::Plain;
        return if is_other || name.is_empty() { Role::Awkward } else { Role::Message(rank) };
    }
    other_role(name)
}

/// What the second of a name is called.
fn second(name: &str) -> String {
    format!("{name}_2")
}

/// What a name is, whatever the configuration says.
fn other_role(name: &str) -> Role {
    let rank = |names: [&str; 3]| names.iter().position(|known| *known == name);
    if let Some(rank) = rank(TRACE_FIELDS) {
        return Role::Trace(rank);
    }
    if let Some(rank) = rank(SPAN_FIELDS) {
        return Role::Span(rank);
    }
    match name {
        "severity" => Role::Severity,
        "status" => Role::Status,
        "http.status_code" => Role::HttpStatus,
        "host" => Role::Host,
        "http.url_details.host" => Role::HttpHost,
        "ddtags" => Role::Tags,
        "dd.trace_id" => Role::DdTrace,
        "dd.span_id" => Role::DdSpan,
        _ => tag_field(name.as_bytes()).map_or(Role::Plain, Role::Tagged),
    }
}
