//! What is known of the names of fields, kept from record to record: what each is for an entry, and its JSON.
//!
//! Records of one type mostly have the same names in the same order, so a name is looked for behind the last one first.

use super::entry::{SPAN_FIELDS, TRACE_FIELDS};
use super::known_tags::tag_field;
use crate::config::datadog::EntryOptions;
use shiwake_records::classify::MESSAGE_KEYS;
use shiwake_records::msgpack::json;
use std::collections::HashMap;

/// Names that are remembered; where names are data there is no end of them.
const MOST_NAMES: usize = 1024;
/// Names of one record, in their order, that are remembered for the next.
const MOST_IN_ORDER: usize = 64;
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

/// A name.
#[derive(Debug)]
pub(super) struct KnownName {
    name: Vec<u8>,
    /// A comma, the name in quotes, and a colon.
    pub(super) json: Vec<u8>,
    pub(super) role: Role,
    /// Whether it is `message`, which is the entry's own.
    pub(super) is_message: bool,
    /// The last record that had it.
    record: u64,
}

/// The names that came so far.
#[derive(Debug)]
pub(super) struct KnownNames {
    options: EntryOptions,
    names: Vec<KnownName>,
    by_name: HashMap<Vec<u8>, u32>,
    /// The names of records before, by their numbers.
    order: Vec<u32>,
    next: usize,
    record: u64,
}

impl KnownNames {
    pub(super) fn new(options: &EntryOptions) -> Self {
        Self {
            options: options.clone(),
            names: Vec::new(),
            by_name: HashMap::new(),
            order: Vec::new(),
            next: 0,
            record: 0,
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

    /// What follows are the names of another record.
    pub(super) fn begin_record(&mut self) {
        if self.names.len() > MOST_NAMES {
            *self = Self::new(&self.options);
        }
        self.next = 0;
        self.record += 1;
    }

    /// A name by its number.
    pub(super) fn get(&self, number: u32) -> Option<&KnownName> {
        self.names.get(number as usize)
    }

    /// The number of a name, and what it is; `None` when the record had it before, when it is no UTF-8 or too long to remember.
    pub(super) fn find(&mut self, name: &[u8]) -> Option<(u32, Role)> {
        for place in [self.next, self.next + 1] {
            if let Some(number) = self.order.get(place)
                && let Some(known) = self.names.get_mut(*number as usize)
                && known.name == name
            {
                self.next = place + 1;
                let is_first = known.record != self.record;
                known.record = self.record;
                return is_first.then_some((*number, known.role));
            }
        }
        let number = match self.by_name.get(name) {
            Some(number) => *number,
            None => self.learn(name)?,
        };
        if self.order.len() >= MOST_IN_ORDER {
            self.order.clear();
        }
        let place = self.next.min(self.order.len());
        self.order.insert(place, number);
        self.next = place + 1;
        let known = self.names.get_mut(number as usize)?;
        let is_first = known.record != self.record;
        known.record = self.record;
        is_first.then_some((number, known.role))
    }

    fn learn(&mut self, name: &[u8]) -> Option<u32> {
        let text = std::str::from_utf8(name).ok().filter(|text| text.len() <= MAX_NAME_BYTES)?;
        let number = u32::try_from(self.names.len()).ok()?;
        let mut json = ",".to_owned();
        // The entry's time has that name, in every entry.
        let shown = if text == self.options.date_key { &second(text) } else { text };
        json::quoted(&mut json, shown);
        json.push(':');
        self.names.push(KnownName {
            name: name.to_owned(),
            json: json.into_bytes(),
            role: self.role(text),
            is_message: text == "message",
            record: 0,
        });
        self.by_name.insert(name.to_owned(), number);
        Some(number)
    }

    fn role(&self, name: &str) -> Role {
        let EntryOptions { date_key, tag_key, message_key } = &self.options;
        let keys = message_key.as_deref().into_iter().chain(MESSAGE_KEYS);
        if tag_key.as_deref() == Some(name) || name == second(date_key) {
            return Role::Awkward;
        }
        if let Some(rank) = keys.into_iter().position(|key| key == name) {
            // What else this name means is for the long way.
            let is_other = message_key.as_deref() == Some(name)
                && !MESSAGE_KEYS.contains(&name)
                && other_role(name) != Role::Plain;
            return if is_other || name.is_empty() { Role::Awkward } else { Role::Message(rank) };
        }
        other_role(name)
    }
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
