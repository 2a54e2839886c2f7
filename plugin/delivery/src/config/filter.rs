//! Properties of the filter, which the output has too for records that no filter saw.

use super::property::{ConfigError, Properties, Property};
use shiwake_records::sorter::SorterConfig;

/// The properties.
pub const PROPERTIES: [Property; 4] = [
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
        name: "line_time",
        default: Some("on"),
        meaning: "whether a time that stands in the line with its zone becomes the record's time",
    },
];

/// Environment variables that say what every record of the task has, by Datadog's unified service tagging.
const SERVICE_VARIABLE: &str = "DD_SERVICE";
const ENV_VARIABLE: &str = "DD_ENV";
const VERSION_VARIABLE: &str = "DD_VERSION";

/// The sorter's configuration; a property goes before the environment. Types that are declared are not in it.
///
/// # Errors
/// When a value is not allowed.
pub fn sorter_config(properties: &Properties, environment: &[(String, String)]) -> Result<SorterConfig, ConfigError> {
    let variable = |name: &str| {
        environment.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.clone())
    };
    Ok(SorterConfig {
        service: properties.text("dd_service").or_else(|| variable(SERVICE_VARIABLE)),
        source: properties.text("dd_source"),
        tags: properties.text("dd_tags"),
        env: variable(ENV_VARIABLE),
        version: variable(VERSION_VARIABLE),
        types: Vec::new(),
        use_line_time: properties.flag("line_time")?.unwrap_or(true),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_property_goes_before_the_environment() {
        let environment = [("DD_SERVICE".to_owned(), "env".to_owned()), ("DD_ENV".to_owned(), "prod".to_owned())];
        let properties = Properties::new(&PROPERTIES, [("dd_service", "own"), ("line_time", "off")]).unwrap();
        let config = sorter_config(&properties, &environment).unwrap();
        assert_eq!((config.service.as_deref(), config.env.as_deref()), (Some("own"), Some("prod")));
        assert!(!config.use_line_time);
        let config = sorter_config(&Properties::default(), &environment).unwrap();
        assert_eq!(config.service.as_deref(), Some("env"));
    }
}
