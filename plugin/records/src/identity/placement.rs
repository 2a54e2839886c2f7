//! Where the fields of a record's origin are put: beside its own, into one map, or only some of them.
//!
//! A field that the record has itself is never touched. What rules and lines say of a record is not its origin and stays where
//! it is, the type and the severity first, which other filters and routes look for.

use super::enricher::TAGS_KEY;
use super::origin_fields::{ORIGIN_FIELDS, UNIFIED_FIELDS};
use crate::append::{FoundFields, FoundValue, MAX_FOUND_FIELDS};
use crate::classify::MESSAGE_KEYS;
use crate::fields::FieldIndex;
use crate::msgpack::{Composite, Reader, Value, write};

/// Most fields of a map that is taken apart again; what this module makes has fewer.
const MAX_FIELDS: u32 = 48;
/// Most other fields that are found then, so that there is room for all of the map.
const MAX_OTHERS: usize = MAX_FOUND_FIELDS / 2;
/// Memory for a map that is kept from record to record.
const KEPT_BYTES: usize = 16 * 1024;
/// Fields of the origin that stand in no table of [`super::origin_fields`].
pub(super) const OTHERS: [&str; 3] = ["hostname", "ddsource", TAGS_KEY];

/// Where the fields of the origin are put.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Placement {
    /// Beside the record's own.
    #[default]
    Flat,
    /// Into a map of this name.
    Map(String),
    /// Beside the record's own, but only what this destination needs.
    Only(Needs),
    /// Beside the record's own, and those that a filter has put into a map of this name too, which goes.
    FromMap(String),
}

/// What a destination needs of a record's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Datadog: the tags, which say all the rest, and what it files a log under.
    Datadog,
    /// A lake: the columns. All tags but those that the configuration names are among them.
    Lake,
    /// CloudWatch Logs: who wrote it. Account and region are those of the log group.
    CloudWatch,
}

impl Needs {
    /// All of them, with the word that a user writes.
    pub const ALL: [(&str, Needs); 3] =
        [("datadog", Needs::Datadog), ("lake", Needs::Lake), ("cloudwatch", Needs::CloudWatch)];

    /// The fields of the origin that it gets; `None` for all but the tags.
    #[must_use]
    pub fn fields(self) -> Option<&'static [&'static str]> {
        match self {
            Needs::Datadog => Some(&["service", "hostname", "ddsource", TAGS_KEY]),
            Needs::Lake => None,
            Needs::CloudWatch => Some(&[
                "service",
                "env",
                "version",
                "hostname",
                "cluster_name",
                "task_family",
                "task_version",
                "task_id",
                "ecs_container_name",
            ]),
        }
    }

    /// Whether a field is for it. What a user has made of labels is, but where it is a tag anyway.
    fn has(self, name: &str) -> bool {
        match (self, self.fields()) {
            (Needs::Datadog, Some(fields)) => fields.contains(&name),
            (_, Some(fields)) => fields.contains(&name) || !is_origin(name),
            (_, None) => name != TAGS_KEY,
        }
    }
}

/// Whether a field is one of the origin, by its name.
fn is_origin(name: &str) -> bool {
    ORIGIN_FIELDS.iter().any(|field| field.name == Some(name))
        || UNIFIED_FIELDS.iter().any(|field| field.name == name)
        || OTHERS.contains(&name)
}

impl Placement {
    /// Whether a map may have this name: not one that a record has for something else.
    #[must_use]
    pub fn is_map_name(name: &str) -> bool {
        let is_other = matches!(name, "log_type" | "severity") || MESSAGE_KEYS.contains(&name) || is_origin(name);
        !name.is_empty() && !name.contains(char::is_whitespace) && !is_other
    }

    /// The name of the map in which the origin is put, or was.
    pub(super) fn map_name(&self) -> Option<&str> {
        match self {
            Placement::Map(name) | Placement::FromMap(name) => Some(name),
            Placement::Flat | Placement::Only(_) => None,
        }
    }

    /// Takes the map apart that a filter has made, when that is what is wanted: its fields become the record's, and it goes
    /// unless one of them is there already.
    pub(crate) fn take_apart<'a>(&'a self, index: &FieldIndex, body: &Composite<'a>, found: &mut FoundFields<'a>) {
        let Placement::FromMap(name) = self else { return };
        let Some(Value::Map(map)) = index.get(body, name.as_bytes()) else { return };
        if map.count > MAX_FIELDS || found.len() > MAX_OTHERS || !is_of_filter(&map) {
            return;
        }
        let mut are_all_new = true;
        each_text(&map, |name, text| {
            if found.get(name).is_some() || index.contains(name.as_bytes()) {
                are_all_new = false;
            } else {
                found.push(name, FoundValue::Text(text));
            }
        });
        if are_all_new {
            found.give_up_own(name);
        }
    }

    /// Puts the found fields behind the first `others`, which are those of the origin, to where they belong. `was_sorted` tells
    /// whether the record comes from a filter. `map` is memory for their map.
    pub(crate) fn put<'a>(
        &'a self,
        others: usize,
        was_sorted: bool,
        index: &FieldIndex,
        body: &Composite<'_>,
        found: &mut FoundFields<'a>,
        map: &'a mut Vec<u8>,
    ) {
        // A field that gives way to a found one stays where it is.
        let is_own = |name: &str| index.contains(name.as_bytes());
        match self {
            Placement::Flat | Placement::FromMap(_) => {}
            Placement::Only(needs) => found.retain_behind(others, |name, _| is_own(name) || needs.has(name)),
            Placement::Map(name) => {
                let own = index.get(body, name.as_bytes());
                let is_there = was_sorted && matches!(own, Some(Value::Map(_)));
                let is_found = found.iter().take(others).any(|(found, _)| *found == name);
                if is_found || (own.is_some() && !is_there) {
                    // The field of that name, the record's own or its line's, has nothing to do with this one.
                    return;
                }
                let mut count = 0;
                map.clear();
                map.shrink_to(KEPT_BYTES);
                found.retain_behind(others, |name, value| {
                    let is_own = is_own(name);
                    if !is_own {
                        count += 1;
                        write::str(map, name.as_bytes());
                        value.append_to(map);
                    }
                    is_own
                });
                if count > 0 && !is_there {
                    found.push(name, FoundValue::Map(count, map));
                }
            }
        }
    }
}

/// Whether a map is one that [`Placement::Map`] makes: text under names, of which one at least is a field of the origin.
fn is_of_filter(map: &Composite<'_>) -> bool {
    let (mut count, mut has_origin) = (0, false);
    each_text(map, |name, _| {
        count += 1;
        has_origin |= is_origin(name);
    });
    has_origin && count == map.count
}

/// Gives the fields of a map that are text.
fn each_text<'a>(map: &Composite<'a>, mut each: impl FnMut(&'a str, &'a [u8])) {
    let mut reader = Reader::new(map.content);
    for _ in 0..map.count {
        let (Ok(key), Ok(value)) = (reader.value(), reader.value()) else { return };
        if let (Some(name), Some(text)) = (key.as_str(), value.as_str_bytes()) {
            each(name, text);
        }
    }
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
