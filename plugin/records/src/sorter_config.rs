//! What is the same for all records of one instance.

use crate::identity::labels::LabelField;
use crate::identity::placement::Placement;
use crate::rules::RuleSet;
use std::sync::Arc;

/// What is done with the pieces of a long line ([`crate::pieces`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pieces {
    /// Each is a record.
    Separate,
    /// They are joined; one whose others are not in its chunk becomes a record that says so.
    #[default]
    Join,
    /// They are joined; one whose others are not in its chunk is passed on as it is, for an output that sees more of them
    /// together.
    JoinOrPass,
}

/// What is the same for all records of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SorterConfig {
    /// `service` for records that name none.
    pub service: Option<String>,
    /// `hostname` for records that name none.
    pub hostname: Option<String>,
    /// `ddsource` for records that name none.
    pub source: Option<String>,
    /// Tags for `ddtags` of all records, as a user writes them; they are normalised.
    pub tags: Option<String>,
    /// `env` for records that name none.
    pub env: Option<String>,
    /// `version` for records that name none.
    pub version: Option<String>,
    /// Labels of containers that become fields and tags.
    pub labels: Vec<LabelField>,
    /// Where the fields of a record's origin are put.
    pub placement: Placement,
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Whether a time that stands in the line with its zone takes the place of the host's.
    pub use_line_time: bool,
    /// What is done with the pieces of a long line.
    pub pieces: Pieces,
}

impl Default for SorterConfig {
    fn default() -> Self {
        Self::with_rules(RuleSet::built_in())
    }
}

impl SorterConfig {
    /// One with these rules, and all else as it is by default.
    #[must_use]
    pub fn with_rules(rules: Arc<RuleSet>) -> Self {
        Self {
            service: None,
            hostname: None,
            source: None,
            tags: None,
            env: None,
            version: None,
            labels: Vec::new(),
            placement: Placement::default(),
            rules,
            use_line_time: true,
            pieces: Pieces::default(),
        }
    }
}
