//! Adds the fields and tags of a record's origin.
//!
//! What ECS says of the task is for the records of this task only: those whose ARN is the task's, or, where a record names no
//! task, those of its containers and those that name no container. A gateway's own task says nothing of what it receives.
//!
//! Tags are put together when the identity becomes known, once for each container; for a record they are copied.

use super::origin_fields::{ORIGIN_FIELDS, Origin, UNIFIED_FIELDS};
use super::tags::{merge_tags, push_tag, push_tags};
use super::task::{ContainerIdentity, TaskIdentity};
use crate::append::{FoundFields, FoundValue};
use crate::fields::FieldIndex;
use crate::msgpack::Composite;

/// The field with the list of tags.
pub(crate) const TAGS_KEY: &str = "ddtags";

/// Whose a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody's that is known here.
    Unknown,
    /// Of this task, and of a container that is not known yet.
    NewContainer,
    /// Of this task, and of no container.
    Task,
    /// Of that container of this task.
    Container(usize),
}

impl Owner {
    /// A number that no other owner has.
    fn number(self) -> usize {
        match self {
            Owner::Unknown => 0,
            Owner::NewContainer => 1,
            Owner::Task => 2,
            Owner::Container(place) => 3 + place,
        }
    }
}

/// Memory for the tags of one record. What the tags of the last one were made of is kept: mostly the next one's are the same.
#[derive(Debug, Default)]
pub(crate) struct TagLists {
    ours: Vec<u8>,
    merged: Vec<u8>,
    /// What `ours` was made of.
    made_of: Vec<u8>,
    /// What the record's tags are to be made of.
    parts: Vec<u8>,
}

/// Longest list of parts that is kept.
const KEPT_PARTS_BYTES: usize = 16 * 1024;

/// What a record of one owner is given.
#[derive(Debug, Default)]
struct Given {
    fields: Vec<(&'static str, String)>,
    tags: Vec<u8>,
}

/// What is known of the task, put together for its records.
#[derive(Debug)]
struct Known {
    task_arn: String,
    /// For those of no container.
    of_task: Given,
    /// For those of each container, with its id.
    of_containers: Vec<(String, Given)>,
}

impl Known {
    fn new(task: &TaskIdentity, configured: &[u8]) -> Self {
        let of_containers = task
            .containers
            .iter()
            .map(|container| (container.id.clone(), Self::given(task, Some(container), configured)));
        Self {
            task_arn: task.task_arn.clone(),
            of_task: Self::given(task, None, configured),
            of_containers: of_containers.collect(),
        }
    }

    fn given(task: &TaskIdentity, container: Option<&ContainerIdentity>, configured: &[u8]) -> Given {
        let mut given = Given { fields: Vec::new(), tags: configured.to_vec() };
        for field in &ORIGIN_FIELDS {
            let value = match field.origin {
                Origin::Task(value) => value(task),
                Origin::Container(value) => container.map(value).unwrap_or_default(),
            };
            given.fields.extend(field.name.map(|name| (name, value.to_owned())));
            field.tags.iter().for_each(|tag| push_tag(&mut given.tags, tag, value.as_bytes()));
        }
        let unified = container.iter().flat_map(|container| &container.unified);
        given.fields.extend(UNIFIED_FIELDS.iter().zip(unified).map(|(field, value)| (field.name, value.clone())));
        given.fields.retain(|(_, value)| !value.is_empty());
        given
    }

    fn given_to(&self, owner: Owner) -> Option<&Given> {
        match owner {
            Owner::Unknown => None,
            Owner::Task | Owner::NewContainer => Some(&self.of_task),
            Owner::Container(place) => self.of_containers.get(place).map(|(_, given)| given),
        }
    }
}

/// Gives records their origin.
#[derive(Debug)]
pub(crate) struct Enricher {
    known: Option<Known>,
    /// Tags of the configuration.
    configured: Vec<u8>,
    /// Whether records get tags though nothing is known of their task.
    is_for_datadog: bool,
    /// How often the task became known.
    generation: u64,
}

impl Enricher {
    /// One with the tags that a user wrote; `is_for_datadog` when records get tags though nothing is known of their task.
    pub(crate) fn new(written_tags: &str, is_for_datadog: bool) -> Self {
        let mut configured = Vec::new();
        push_tags(&mut configured, written_tags.as_bytes());
        Self { known: None, configured, is_for_datadog, generation: 0 }
    }

    /// From now on records of this task get what is known of it.
    pub(crate) fn set_task(&mut self, task: &TaskIdentity) {
        self.known = Some(Known::new(task, &self.configured));
        self.generation += 1;
    }

    /// Whose the record is.
    pub(crate) fn owner(&self, index: &FieldIndex, body: &Composite<'_>) -> Owner {
        let Some(known) = &self.known else { return Owner::Unknown };
        let text = |key: &str| index.get(body, key.as_bytes()).and_then(|value| value.as_str_bytes());
        let arn = text("ecs_task_arn").or_else(|| text("task_arn"));
        if arn.is_some_and(|arn| arn != known.task_arn.as_bytes()) {
            return Owner::Unknown;
        }
        let Some(id) = text("container_id") else { return Owner::Task };
        let place = known.of_containers.iter().position(|(known, _)| known.as_bytes() == id);
        match place {
            Some(place) => Owner::Container(place),
            None if arn.is_some() => Owner::NewContainer,
            None => Owner::Unknown,
        }
    }

    /// Adds what is known of the owner, but for what is found already.
    pub(crate) fn add_fields<'a>(&'a self, owner: Owner, found: &mut FoundFields<'a>) {
        let given = self.known.as_ref().and_then(|known| known.given_to(owner));
        for (name, value) in given.iter().flat_map(|given| &given.fields) {
            found.push_text_if_new(name, value.as_bytes());
        }
    }

    /// Puts the record's tags together and adds them: the record's own, and behind them those of the configuration, of the
    /// owner and of unified service tagging that it has not. A value that is no text stays as it is.
    pub(crate) fn add_tags<'a>(
        &self,
        owner: Owner,
        index: &FieldIndex,
        body: &Composite<'a>,
        found: &mut FoundFields<'a>,
        lists: &'a mut TagLists,
    ) {
        if owner == Owner::Unknown && !self.is_for_datadog {
            return;
        }
        let TagLists { ours, merged, made_of, parts } = lists;
        let text = |key: &str| match index.get(body, key.as_bytes()) {
            Some(value) => value.as_str_bytes(),
            None => match found.get(key) {
                Some(FoundValue::Text(text)) => Some(text),
                _ => None,
            },
        };
        // What FireLens and the log driver say, unless the metadata says it.
        let from_record = ORIGIN_FIELDS.iter().filter(|field| field.firelens.is_some());
        let from_record = from_record.filter(|_| matches!(owner, Owner::Unknown | Owner::NewContainer));
        let from_record =
            || from_record.clone().map(|field| (field.tags, field.name.and_then(text).unwrap_or_default()));
        let unified = || UNIFIED_FIELDS.iter().map(|field| (field.name, text(field.name).unwrap_or_default()));
        parts.clear();
        parts.extend_from_slice(&self.generation.to_ne_bytes());
        parts.extend_from_slice(&owner.number().to_ne_bytes());
        for value in from_record().map(|(_, value)| value).chain(unified().map(|(_, value)| value)) {
            parts.extend_from_slice(&value.len().to_ne_bytes());
            parts.extend_from_slice(value);
        }
        if parts != made_of {
            std::mem::swap(parts, made_of);
            ours.clear();
            let given = self.known.as_ref().and_then(|known| known.given_to(owner));
            ours.extend_from_slice(given.map_or(&self.configured, |given| &given.tags));
            for (tags, value) in from_record() {
                let value = value.strip_prefix(b"/").unwrap_or(value);
                tags.iter().for_each(|tag| push_tag(ours, tag, value));
            }
            for (tag, value) in unified() {
                push_tag(ours, tag, value);
            }
        }
        parts.shrink_to(KEPT_PARTS_BYTES);

        let (in_record, in_found) = (index.get(body, TAGS_KEY.as_bytes()), found.get(TAGS_KEY));
        let own = match (in_record, in_found) {
            (Some(value), _) => value.as_str_bytes(),
            (None, Some(FoundValue::Text(own))) => Some(own),
            (None, Some(_)) => None,
            (None, None) => Some(&b""[..]),
        };
        // What was tagged here before comes out unchanged.
        let Some(own) = own.filter(|own| !ours.is_empty() && *own != ours.as_slice()) else { return };
        if own.is_empty() {
            found.set_over_own(TAGS_KEY, FoundValue::Text(ours));
            return;
        }
        merged.clear();
        merged.extend_from_slice(own);
        merge_tags(merged, ours);
        if merged.as_slice() != own {
            found.set_over_own(TAGS_KEY, FoundValue::Text(merged));
        }
    }
}

#[cfg(test)]
#[path = "enricher_tests.rs"]
mod tests;
