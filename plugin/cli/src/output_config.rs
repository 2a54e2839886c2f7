//! The output's configuration as commands need it: for a lake and a rules file, and without a host.

use crate::error::CommandError;
use crate::rules_file;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::config::{self, Properties};
use shiwake_delivery::store::S3Options;
use std::path::PathBuf;

/// Reads rules and properties. Nothing is in files before it is in the lake, whatever the rules file asks for of a host.
pub(crate) fn output_config(
    lake: &str,
    rules: Option<&PathBuf>,
    s3: &S3Options,
    more: &[(&str, &str)],
) -> Result<OutputConfig, CommandError> {
    let loaded = rules_file::load_or_built_in(rules.map(PathBuf::as_path))?;
    let by_type = loaded.types().iter().map(|declared| format!("{}=memory", declared.log_type));
    let durability = ["memory".to_owned()].into_iter().chain(by_type).collect::<Vec<_>>().join(" ");
    // A rules file may leave types out of the lake that an output has; a command that is given a lake means all of them.
    let kept = loaded.types().iter().map(|declared| format!("{}=on", declared.log_type));
    let to_lake = ["on".to_owned()].into_iter().chain(kept).collect::<Vec<_>>().join(" ");
    let name = rules.map(|file| file.to_string_lossy());
    let optional = [
        ("rules", name.as_deref()),
        ("region", s3.region.as_deref()),
        ("endpoint", s3.endpoint.as_deref()),
        ("role_arn", s3.role_arn.as_deref()),
        ("external_id", s3.external_id.as_deref()),
    ];
    let set =
        [("lake", lake), ("durability", &durability), ("to_lake", &to_lake)].into_iter().chain(more.iter().copied());
    let set = set.chain(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Ok(OutputConfig::new(&Properties::new(&PROPERTIES, set)?, &[], &mut config::rules_file)?)
}
