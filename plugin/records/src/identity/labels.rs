//! Labels of containers that a user names, and the fields that they become.
//!
//! A label reaches a record in one of two ways: by the task's metadata, which has the labels of its containers, or by Docker's
//! `fluentd` driver, which writes those that its option `labels` names into the record under their own names
//! (<https://docs.docker.com/engine/logging/drivers/fluentd/#labels-labels-regex-env-and-env-regex>).

use super::enricher::TAGS_KEY;
use super::origin_fields::{ORIGIN_FIELDS, UNIFIED_FIELDS};
use crate::classify::MESSAGE_KEYS;

/// Most labels that can be named.
pub const MAX_LABELS: usize = 16;

/// Fields that are filled by what a record says, and by nothing else.
const OTHERS: [&str; 5] = ["log_type", "severity", TAGS_KEY, "trace_id", "span_id"];
/// Fields that Datadog has a place of its own for, beside the tags.
const NO_TAGS: [&str; 2] = ["hostname", "ddsource"];

/// A label and its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelField {
    /// The label's name, as in `com.example.team`.
    pub label: String,
    /// The field, and the tag.
    pub field: String,
}

/// Why a list of labels is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Something is missing.
    #[error("'{part}' is not LABEL=FIELD")]
    Shape {
        /// What was written.
        part: String,
    },
    /// The field is filled from somewhere else.
    #[error("the field '{field}' is filled from elsewhere: choose another name")]
    Taken {
        /// The field.
        field: String,
    },
    /// Two labels are for one field.
    #[error("two labels are for the field '{field}'")]
    Twice {
        /// The field.
        field: String,
    },
    /// There are too many.
    #[error("{found} labels are named, {MAX_LABELS} are allowed")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

impl LabelField {
    /// Reads a list as a user writes it: `LABEL=FIELD` with commas or white space between them. Without `=FIELD` the field has
    /// the name behind the label's last dot.
    ///
    /// # Errors
    /// When a part is no label, or a field is one that something else fills.
    pub fn parse_list(written: &str) -> Result<Vec<Self>, LabelError> {
        let mut fields: Vec<Self> = Vec::new();
        let parts = written.split(|char: char| char == ',' || char.is_whitespace());
        for part in parts.filter(|part| !part.is_empty()) {
            let (label, field) = part.split_once('=').unwrap_or((part, part.rsplit('.').next().unwrap_or(part)));
            if label.is_empty() || field.is_empty() || field.contains('=') {
                return Err(LabelError::Shape { part: part.to_owned() });
            }
            let field = field.to_owned();
            if is_taken(&field) {
                return Err(LabelError::Taken { field });
            }
            if fields.iter().any(|known| known.field == field) {
                return Err(LabelError::Twice { field });
            }
            fields.push(Self { label: label.to_owned(), field });
        }
        match fields.len() {
            found if found > MAX_LABELS => Err(LabelError::TooMany { found }),
            _ => Ok(fields),
        }
    }

    /// Whether the field is a tag that is not given anyway.
    pub(super) fn is_tag(&self) -> bool {
        let is_unified = UNIFIED_FIELDS.iter().any(|known| known.name == self.field);
        !is_unified && !NO_TAGS.contains(&self.field.as_str())
    }
}

/// Whether a field, or a tag of this name, says something else already.
fn is_taken(field: &str) -> bool {
    let of_origin = ORIGIN_FIELDS.iter();
    let mut of_origin = of_origin.flat_map(|known| known.name.iter().chain(known.tags).chain(known.firelens.iter()));
    of_origin.any(|known| *known == field) || OTHERS.contains(&field) || MESSAGE_KEYS.contains(&field)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_a_field_may_be_called_as_the_labels_end() {
        let read = LabelField::parse_list("com.example.team=squad, com.example.tier\n plain=version").unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|read| (read.label.as_str(), read.field.as_str())).collect();
        assert_eq!(read, [("com.example.team", "squad"), ("com.example.tier", "tier"), ("plain", "version")]);
        assert_eq!(LabelField::parse_list(" , ").unwrap(), []);
    }

    #[test]
    fn what_is_filled_from_elsewhere_is_refused() {
        let refused = |written: &str| LabelField::parse_list(written).unwrap_err().to_string();
        for field in
            ["task_arn", "short_image", "ecs_cluster", "availability-zone", "log_type", "ddtags", "log", "trace_id"]
        {
            let expected = format!("the field '{field}' is filled from elsewhere: choose another name");
            assert_eq!(refused(&format!("a.b={field}")), expected);
        }
        assert_eq!(refused("a=b,c=b"), "two labels are for the field 'b'");
        for part in ["=x", "a=", "a.", "a=b=c"] {
            assert_eq!(refused(part), format!("'{part}' is not LABEL=FIELD"));
        }
        let many: Vec<String> = (0..17).map(|number| format!("l{number}")).collect();
        assert_eq!(refused(&many.join(",")), "17 labels are named, 16 are allowed");
    }
}
