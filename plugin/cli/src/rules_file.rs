//! Rules files from the disk.

use shiwake_delivery::config::rules_file;
use shiwake_records::rules::{RuleSet, RulesError};
use std::path::Path;
use std::sync::Arc;

/// The rules of a file and of those it includes, as the plugin reads them.
pub(crate) fn load(file: &Path) -> Result<Arc<RuleSet>, RulesError> {
    RuleSet::load(&file.to_string_lossy(), &mut rules_file).map(Arc::new)
}

/// The rules of a file, or the built-in ones alone.
pub(crate) fn load_or_built_in(file: Option<&Path>) -> Result<Arc<RuleSet>, RulesError> {
    file.map_or_else(|| Ok(RuleSet::built_in()), load)
}
