//! Properties of the filter, which the output has too for records that no filter saw.

use super::property::{ConfigError, Properties, Property};
use shiwake_records::rules::{Loader, RuleSet};
use shiwake_records::sorter::{Pieces, SorterConfig};
use std::sync::Arc;

/// The properties.
pub const PROPERTIES: [Property; 6] = [
    Property {
        name: "dd_service",
        default: None,
        meaning: "`service` of records that name none; without it the ECS task's family",
    },
    Property { name: "dd_source", default: None, meaning: "`ddsource` of records that name none" },
    Property {
        name: "dd_tags",
        default: None,
        meaning: "`ddtags` of records that have none, as in `team:shop,tier:web`",
    },
    Property {
        name: "rules",
        default: None,
        meaning: "file with rules of your own, in TOML; they are tried before the built-in ones",
    },
    Property {
        name: "line_time",
        default: Some("on"),
        meaning: "whether a time that stands in the line with its zone becomes the record's time",
    },
    Property {
        name: "join_pieces",
        default: Some("on"),
        meaning: "whether lines that Docker has cut into pieces of 16 KiB are joined",
    },
];

/// Environment variables that say what every record of the task has, by Datadog's unified service tagging.
const SERVICE_VARIABLE: &str = "DD_SERVICE";
const ENV_VARIABLE: &str = "DD_ENV";
const VERSION_VARIABLE: &str = "DD_VERSION";

/// The sorter's configuration; a property goes before the environment. Rules files come from `load`.
///
/// # Errors
/// When a value is not allowed.
pub fn sorter_config(
    properties: &Properties,
    environment: &[(String, String)],
    load: &mut Loader<'_>,
) -> Result<SorterConfig, ConfigError> {
    let variable = |name: &str| {
        environment.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.clone())
    };
    let rules = match properties.get("rules") {
        Some(name) => Arc::new(RuleSet::load(name, load)?),
        None => RuleSet::built_in(),
    };
    Ok(SorterConfig {
        service: properties.text("dd_service").or_else(|| variable(SERVICE_VARIABLE)),
        source: properties.text("dd_source"),
        tags: properties.text("dd_tags"),
        env: variable(ENV_VARIABLE),
        version: variable(VERSION_VARIABLE),
        rules,
        use_line_time: properties.flag("line_time")?.unwrap_or(true),
        pieces: if properties.flag("join_pieces")?.unwrap_or(true) { Pieces::Join } else { Pieces::Separate },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::config::rules_file;
    use std::io::Write as _;

    #[test]
    fn what_is_wrong_with_rules_is_told_with_its_place() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"[[rule]]\nname = 'a'\ntype = 'adit'\n").unwrap();
        let name = file.path().display().to_string();
        let properties = Properties::new(&PROPERTIES, [("rules", name.as_str())]).unwrap();
        let error = sorter_config(&properties, &[], &mut rules_file).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name}:2:8: unknown type 'adit', did you mean 'audit'?")), "{error}");
    }

    #[test]
    fn a_property_goes_before_the_environment() {
        let environment = [("DD_SERVICE".to_owned(), "env".to_owned()), ("DD_ENV".to_owned(), "prod".to_owned())];
        let properties =
            Properties::new(&PROPERTIES, [("dd_service", "own"), ("line_time", "off"), ("join_pieces", "off")])
                .unwrap();
        let config = sorter_config(&properties, &environment, &mut rules_file).unwrap();
        assert_eq!((config.service.as_deref(), config.env.as_deref()), (Some("own"), Some("prod")));
        assert!(!config.use_line_time && config.pieces == Pieces::Separate);
        let config = sorter_config(&Properties::default(), &environment, &mut rules_file).unwrap();
        assert_eq!((config.service.as_deref(), config.pieces), (Some("env"), Pieces::Join));
    }
}
