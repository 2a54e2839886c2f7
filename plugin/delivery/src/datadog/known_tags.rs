//! Which fields of a record its tags say already. Tags hardly change from record to record, and neither do such fields: what
//! was found out of them is kept.

use shiwake_records::identity::tags::push_tag;
use shiwake_records::msgpack::{Value, json};

/// Fields that are no attributes when a tag of this name says the same.
const TAG_FIELDS: [(&str, &str); 17] = [
    ("cluster_name", "cluster_name"),
    ("task_arn", "task_arn"),
    ("task_id", "task_id"),
    ("task_family", "task_family"),
    ("task_version", "task_version"),
    ("region", "region"),
    ("aws_account", "aws_account"),
    ("availability_zone", "availability_zone"),
    ("ecs_service", "ecs_service"),
    ("container_id", "container_id"),
    ("ecs_container_name", "ecs_container_name"),
    ("image_name", "image_name"),
    ("image_tag", "image_tag"),
    ("ecs_cluster", "cluster_name"),
    ("ecs_task_arn", "task_arn"),
    ("ecs_task_definition", "task_family"),
    ("container_name", "container_name"),
];

/// The place of a field among those that a tag may say.
pub(super) fn tag_field(name: &[u8]) -> Option<usize> {
    TAG_FIELDS.iter().position(|(field, _)| field.as_bytes() == name)
}

/// The tags of a record.
#[derive(Debug, Default)]
pub(super) struct KnownTags {
    text: Vec<u8>,
    /// The text as JSON; empty when it is none.
    json: String,
    /// For each of [`TAG_FIELDS`] the last value that was compared with the tags, and whether they say it.
    compared: [(Vec<u8>, bool); TAG_FIELDS.len()],
    scratch: Vec<u8>,
}

impl KnownTags {
    /// Takes the tags of the record in hand; whether there are any.
    pub(super) fn set(&mut self, text: &[u8]) -> bool {
        if self.text != text {
            self.text.clear();
            self.text.extend_from_slice(text);
            self.json.clear();
            if let Ok(text) = std::str::from_utf8(text) {
                json::quoted(&mut self.json, text);
            }
            // Nothing is compared that is empty.
            self.compared.iter_mut().for_each(|(value, _)| value.clear());
        }
        !text.is_empty()
    }

    /// The tags as JSON, when they are these.
    pub(super) fn json_of(&self, text: &[u8]) -> Option<&str> {
        (self.text == text && !self.json.is_empty()).then_some(&self.json)
    }

    /// Whether the tags say what a field says.
    pub(super) fn say(&mut self, name: &[u8], value: &Value<'_>) -> bool {
        tag_field(name).is_some_and(|place| self.say_field(place, value))
    }

    /// As [`KnownTags::say`], for a field of which [`tag_field`] has given the place.
    pub(super) fn say_field(&mut self, place: usize, value: &Value<'_>) -> bool {
        let Value::Str(value) = value else { return false };
        let Self { text, compared, scratch, .. } = self;
        let (Some((_, tag)), Some((last, is_said))) = (TAG_FIELDS.get(place), compared.get_mut(place)) else {
            return false;
        };
        if value.is_empty() {
            return false;
        }
        if last != value {
            last.clear();
            last.extend_from_slice(value);
            scratch.clear();
            scratch.extend_from_slice(text);
            // A tag that is there is not added. FireLens' fields are taken apart as the sorter does, and nothing else has these
            // characters where they are cut.
            let value = value.strip_prefix(b"/").unwrap_or(value);
            match TAG_FIELDS.get(place) {
                Some(("ecs_cluster", _)) => push_tag(scratch, tag, behind_slash(value)),
                Some(("ecs_task_definition", _)) => {
                    let definition = behind_slash(value);
                    let colon = definition.iter().rposition(|byte| *byte == b':');
                    let (family, version) = definition.split_at(colon.unwrap_or(definition.len()));
                    push_tag(scratch, tag, family);
                    push_tag(scratch, "task_version", version.get(1..).unwrap_or_default());
                }
                _ => push_tag(scratch, tag, value),
            }
            *is_said = scratch.len() == text.len();
        }
        *is_said
    }
}

fn behind_slash(value: &[u8]) -> &[u8] {
    value.rsplit(|byte| *byte == b'/').next().unwrap_or(value)
}
