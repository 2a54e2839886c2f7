//! Adds the fields and tags of a record's origin.
//!
//! What ECS says of the task is for the records of this task only: those whose ARN is the task's, or, where a record names no
//! task, those of its containers and those that name no container. A gateway's own task says nothing of what it receives.
//!
//! Tags are put together when the identity becomes known, once for each container. A record's own are put together with them
//! only when they differ from those of the last records, which they seldom do: normalising costs more than all else that is done
//! to it.

use super::labels::LabelField;
use super::origin_fields::{ORIGIN_FIELDS, Origin, UNIFIED_FIELDS};
use super::tag_lists::TagLists;
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

/// What a record of one owner is given.
#[derive(Debug, Default)]
struct Given {
    fields: Vec<(&'static str, String)>,
    /// The container's labels that the user names, in their order there; empty for those that it has not.
    labels: Vec<String>,
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
    fn new(task: &TaskIdentity, configured: &[u8], named: &[LabelField]) -> Self {
        let of_containers = task
            .containers
            .iter()
            .map(|container| (container.id.clone(), Self::given(task, Some(container), configured, named)));
        Self {
            task_arn: task.task_arn.clone(),
            of_task: Self::given(task, None, configured, named),
            of_containers: of_containers.collect(),
        }
    }

    fn given(
        task: &TaskIdentity,
        container: Option<&ContainerIdentity>,
        configured: &[u8],
        named: &[LabelField],
    ) -> Given {
        let label = |named: &LabelField| {
            let found = container?.labels.iter().find(|(name, _)| *name == named.label);
            found.map(|(_, value)| value.clone())
        };
        let labels = named.iter().map(|named| label(named).unwrap_or_default()).collect();
        let mut given = Given { fields: Vec::new(), labels, tags: configured.to_vec() };
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
    /// Labels that the user names.
    labels: Vec<LabelField>,
    /// Whether records get tags though nothing is known of their task.
    is_for_datadog: bool,
    /// How often what is known has changed.
    generation: u32,
}

impl Enricher {
    /// One with the tags that a user wrote and the labels that the user names; `is_for_datadog` when records get tags though
    /// nothing is known of their task.
    pub(crate) fn new(written_tags: &str, labels: Vec<LabelField>, is_for_datadog: bool) -> Self {
        let mut configured = Vec::new();
        push_tags(&mut configured, written_tags.as_bytes());
        Self { known: None, configured, labels, is_for_datadog, generation: 0 }
    }

    /// Whether records are given something that say nothing of their origin.
    #[inline]
    pub(crate) fn gives_to_all(&self) -> bool {
        self.known.is_some() || self.is_for_datadog
    }

    /// From now on records of this task get what is known of it.
    pub(crate) fn set_task(&mut self, task: &TaskIdentity) {
        self.known = Some(Known::new(task, &self.configured, &self.labels));
        self.generation = self.generation.wrapping_add(1);
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

    /// Adds what is known of the owner, but for what is found already; then the labels that the user names, as the record has
    /// them or else its container.
    pub(crate) fn add_fields<'a>(
        &'a self,
        owner: Owner,
        index: &FieldIndex,
        body: &Composite<'a>,
        found: &mut FoundFields<'a>,
    ) {
        let given = self.known.as_ref().and_then(|known| known.given_to(owner));
        for (name, value) in given.iter().flat_map(|given| &given.fields) {
            found.push_text_if_new(name, value.as_bytes());
        }
        for (place, LabelField { label, field }) in self.labels.iter().enumerate() {
            let own = index.get(body, label.as_bytes()).and_then(|value| value.as_str_bytes());
            let of_container = || Some(given?.labels.get(place)?.as_bytes());
            found.push_text_if_new(field, own.or_else(of_container).unwrap_or_default());
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
        let text = |key: &str| match index.get(body, key.as_bytes()) {
            Some(value) => value.as_str_bytes(),
            None => match found.get(key) {
                Some(FoundValue::Text(text)) => Some(text),
                _ => None,
            },
        };
        let own = match (index.get(body, TAGS_KEY.as_bytes()), found.get(TAGS_KEY)) {
            (Some(value), _) => value.as_str_bytes(),
            (None, Some(FoundValue::Text(own))) => Some(own),
            (None, Some(_)) => None,
            (None, None) => Some(&b""[..]),
        };
        let Some(own) = own else { return };
        // What FireLens and the log driver say.
        let is_said = matches!(owner, Owner::Unknown | Owner::NewContainer);
        let said = ORIGIN_FIELDS.iter().filter(|field| is_said && field.firelens.is_some());
        let said = said.map(|field| (field.tags, field.name.and_then(text).unwrap_or_default()));
        let labels = self.labels.iter().filter(|label| label.is_tag()).map(|label| label.field.as_str());
        let unified = UNIFIED_FIELDS.iter().map(|field| field.name).chain(labels);
        let unified = unified.map(|name| (name, text(name).unwrap_or_default()));

        lists.begin(self.generation, owner);
        said.clone().for_each(|(_, value)| lists.add(value));
        unified.clone().for_each(|(_, value)| lists.add(value));
        lists.add(own);
        let tags = lists.tags(|ours, tags| {
            let given = self.known.as_ref().and_then(|known| known.given_to(owner));
            ours.clear();
            ours.extend_from_slice(given.map_or(&self.configured, |given| &given.tags));
            for (names, value) in said {
                let value = value.strip_prefix(b"/").unwrap_or(value);
                names.iter().for_each(|name| push_tag(ours, name, value));
            }
            unified.for_each(|(name, value)| push_tag(ours, name, value));
            put_together(own, ours, tags);
        });
        if !tags.is_empty() {
            found.set_over_own(TAGS_KEY, FoundValue::Text(tags));
        }
    }
}

/// The record's own tags with ours behind them; nothing when its own stay as they are. What was tagged here before comes out
/// unchanged.
fn put_together(own: &[u8], ours: &[u8], tags: &mut Vec<u8>) {
    tags.clear();
    if ours.is_empty() || own == ours {
        return;
    }
    tags.extend_from_slice(own);
    if own.is_empty() {
        tags.extend_from_slice(ours);
        return;
    }
    merge_tags(tags, ours);
    if tags.as_slice() == own {
        tags.clear();
    }
}

#[cfg(test)]
#[path = "enricher_tests.rs"]
mod tests;
