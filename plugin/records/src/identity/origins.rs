//! Gives records what says where they come from, in the order in which that counts.

use super::enricher::{Enricher, Owner, TAGS_KEY};
use super::firelens;
use super::kept_origins::{KEEPS, KeptOrigin, KeptOrigins, Record};
use super::tag_lists::TagLists;
use super::task::TaskIdentity;
use crate::append::{FoundFields, FoundValue};
use crate::sorter::SorterConfig;

/// Origins of one record after another.
#[derive(Debug)]
pub(crate) struct Origins {
    enricher: Enricher,
    tag_lists: TagLists,
    /// Memory for a map of the origin.
    map: Vec<u8>,
    kept: KeptOrigins,
    has_new_container: bool,
}

impl Origins {
    pub(crate) fn new(config: &SorterConfig) -> Self {
        let SorterConfig { service, source, tags, env, version, labels, placement, .. } = config;
        let is_for_datadog =
            [service, source, tags, env, version].into_iter().any(Option::is_some) || !labels.is_empty();
        Self {
            enricher: Enricher::new(tags.as_deref().unwrap_or_default(), labels.clone(), is_for_datadog),
            tag_lists: TagLists::default(),
            map: Vec::new(),
            kept: KeptOrigins::new(labels, placement),
            has_new_container: false,
        }
    }

    /// From now on records of this task are given what is known of it.
    pub(crate) fn set_task(&mut self, task: &TaskIdentity) {
        self.enricher.set_task(task);
        self.kept.clear();
    }

    /// Whether a record came from a container of the task that is not known, since this was asked last.
    pub(crate) fn take_new_container(&mut self) -> bool {
        std::mem::take(&mut self.has_new_container)
    }

    /// Adds a record's origin to what was found; or, when `may_be_kept`, gives what earlier records like it were given, which is to
    /// stand behind what was found.
    pub(crate) fn add_to<'a>(
        &'a mut self,
        config: &'a SorterConfig,
        record: &Record<'_, 'a>,
        may_be_kept: bool,
        found: &mut FoundFields<'a>,
    ) -> Option<&'a KeptOrigin> {
        let Self { enricher, tag_lists, map, kept, has_new_container } = self;
        let Record { index, body, was_sorted } = record;
        // Nothing is known of most records of no task.
        if !enricher.gives_to_all()
            && config.hostname.is_none()
            && !index.has_any(&firelens::KEYS)
            && found.get(TASK_FAMILY_KEY).is_none()
        {
            return None;
        }
        let may_be_kept = KEEPS && may_be_kept && kept.may_know(found);
        if may_be_kept && let Some(place) = kept.find(record) {
            let kept = kept.get(place)?;
            *has_new_container |= kept.is_of_new_container;
            if kept.gives_up_tags {
                found.give_up_own(TAGS_KEY);
            }
            return Some(kept);
        }
        let others = found.len();
        firelens::add_ecs(index, body, found);
        let owner = enricher.owner(index, body);
        *has_new_container |= owner == Owner::NewContainer;
        enricher.add_fields(owner, index, body, found);
        add_configured(config, found);
        enricher.add_tags(owner, index, body, found, tag_lists);
        config.placement.put(others, *was_sorted, index, body, found, map);
        if may_be_kept {
            kept.keep(record, found, others, owner == Owner::NewContainer);
        }
        None
    }
}

const TASK_FAMILY_KEY: &str = "task_family";

/// What the configuration says of every record. A service that nobody names is the task's family.
fn add_configured<'a>(config: &'a SorterConfig, found: &mut FoundFields<'a>) {
    let configured = [
        ("service", &config.service),
        ("ddsource", &config.source),
        ("hostname", &config.hostname),
        ("env", &config.env),
        ("version", &config.version),
    ];
    for (name, value) in configured {
        if let Some(value) = value {
            found.push_text_if_new(name, value.as_bytes());
        }
    }
    if let Some(FoundValue::Text(family)) = found.get(TASK_FAMILY_KEY) {
        found.push_text_if_new("service", family);
    }
}
