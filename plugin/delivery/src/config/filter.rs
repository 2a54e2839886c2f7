//! Properties of the filter, most of which the output has too for records that no filter saw.

use super::property::{ConfigError, Properties, Property};
use crate::identity::endpoint::{ENDPOINT_VARIABLE, Endpoint};
use shiwake_records::identity::labels::LabelField;
use shiwake_records::identity::placement::{Needs, Placement};
use shiwake_records::rules::{Loader, RuleSet};
use shiwake_records::sorter::{Pieces, SorterConfig};
use std::sync::Arc;

/// Properties that filter and output have.
pub const SHARED: [Property; 10] = [
    Property {
        name: "dd_service",
        default: None,
        meaning: "`service` of records that name none; without it the ECS task's family",
    },
    Property { name: "dd_hostname", default: None, meaning: "`hostname` of records that name none" },
    Property { name: "dd_source", default: None, meaning: "`ddsource` of records that name none" },
    Property {
        name: "dd_tags",
        default: None,
        meaning: "tags for `ddtags` of all records, beside those of `DD_TAGS` and of the record's origin, as in \
                  `team:shop,tier:web`",
    },
    Property {
        name: "ecs_metadata",
        default: Some("on"),
        meaning: "whether records of this ECS task get the fields and tags that its metadata endpoint knows",
    },
    Property {
        name: "docker_labels",
        default: None,
        meaning: "labels of containers that become fields and tags, as in `com.example.team=team,com.example.tier`; without \
                  `=FIELD` the field is called as the label's end",
    },
    Property {
        name: "fields",
        default: Some("flat"),
        meaning: "where the fields of a record's origin are put: `flat`, `map NAME`, or only those that are for `datadog`, `lake` \
                  or `cloudwatch`; an output is told the same `map NAME` and takes them out of it",
    },
    Property {
        name: "rules",
        default: None,
        meaning: "file with rules of your own, in TOML; they are tried before the built-in ones",
    },
    Property {
        name: "line_time",
        default: Some("on"),
        meaning: "whether a time that stands in the line with its zone becomes the record's time, from 1970 to January 2038 as Fluent Bit can carry it",
    },
    Property {
        name: "join_pieces",
        default: Some("on"),
        meaning: "whether lines that Docker has cut into pieces of 16 KiB are joined",
    },
];

/// Properties that only the filter has: what an output did to a record that comes again it would do anew.
const OWN: [Property; 1] = [Property {
    name: "record_id",
    default: Some("off"),
    meaning: "whether each record gets a `record_id` that stays the same however often it is forwarded, by which doubles and gaps \
              are found; the filter alone has this",
}];

/// All properties of the filter.
#[expect(clippy::indexing_slicing, reason = "evaluated at build time, where a wrong index does not compile")]
pub static PROPERTIES: [Property; SHARED.len() + OWN.len()] = {
    let mut all = [OWN[0]; SHARED.len() + OWN.len()];
    let mut index = 0;
    while index < SHARED.len() {
        all[index] = SHARED[index];
        index += 1;
    }
    all
};

/// Environment variables that say what every record of the task has, by Datadog's unified service tagging.
const SERVICE_VARIABLE: &str = "DD_SERVICE";
const ENV_VARIABLE: &str = "DD_ENV";
const VERSION_VARIABLE: &str = "DD_VERSION";
/// Tags beside those of the property, with spaces or commas between them
/// (<https://docs.datadoghq.com/getting_started/tagging/assigning_tags/>).
const TAGS_VARIABLE: &str = "DD_TAGS";

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
    let tags: Vec<String> = properties.text("dd_tags").into_iter().chain(variable(TAGS_VARIABLE)).collect();
    Ok(SorterConfig {
        service: properties.text("dd_service").or_else(|| variable(SERVICE_VARIABLE)),
        source: properties.text("dd_source"),
        hostname: properties.text("dd_hostname"),
        tags: (!tags.is_empty()).then(|| tags.join(",")),
        env: variable(ENV_VARIABLE),
        version: variable(VERSION_VARIABLE),
        labels: labels(properties)?,
        placement: placement(properties)?,
        rules,
        use_line_time: properties.flag("line_time")?.unwrap_or(true),
        pieces: if properties.flag("join_pieces")?.unwrap_or(true) { Pieces::Join } else { Pieces::Separate },
    })
}

fn labels(properties: &Properties) -> Result<Vec<LabelField>, ConfigError> {
    const NAME: &str = "docker_labels";
    let found = properties.get(NAME).unwrap_or_default();
    LabelField::parse_list(found).map_err(|error| ConfigError::Value {
        name: NAME,
        found: found.to_owned(),
        allowed: error.to_string(),
    })
}

const FIELDS: &str = "fields";

fn placement(properties: &Properties) -> Result<Placement, ConfigError> {
    let Some(found) = properties.get(FIELDS) else { return Ok(Placement::Flat) };
    let words: Vec<&str> = found.split_whitespace().collect();
    let needs = |word: &str| Needs::ALL.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
    match words.as_slice() {
        [word] if word.eq_ignore_ascii_case("flat") => Some(Placement::Flat),
        [word, name] if word.eq_ignore_ascii_case("map") => {
            Placement::is_map_name(name).then(|| Placement::Map((*name).to_owned()))
        }
        [word] => needs(word).map(|(_, needs)| Placement::Only(needs)),
        _ => None,
    }
    .ok_or_else(|| ConfigError::Value {
        name: FIELDS,
        found: found.to_owned(),
        allowed: "flat, map NAME with a name that no field has, datadog, lake or cloudwatch is allowed".to_owned(),
    })
}

/// Where an output finds what a filter has put somewhere: its destinations get all there is.
///
/// # Errors
/// When it is told to leave some of it out.
pub(super) fn placement_of_output(placement: Placement) -> Result<Placement, ConfigError> {
    match placement {
        Placement::Map(name) => Ok(Placement::FromMap(name)),
        Placement::Only(needs) => {
            let word = Needs::ALL.into_iter().find(|(_, known)| *known == needs).map_or("", |(word, _)| word);
            let allowed = "an output knows what its destinations need: flat, or the map NAME of the filter is allowed";
            Err(ConfigError::Value { name: FIELDS, found: word.to_owned(), allowed: allowed.to_owned() })
        }
        other => Ok(other),
    }
}

/// Whether records get ids.
///
/// # Errors
/// When the value is not allowed.
pub fn has_record_ids(properties: &Properties) -> Result<bool, ConfigError> {
    Ok(properties.flag("record_id")?.unwrap_or(false))
}

/// Where the task's metadata is asked for: where the environment says, unless it is turned off; `None` outside of ECS.
///
/// # Errors
/// When a value is not allowed.
pub fn metadata_endpoint(
    properties: &Properties,
    environment: &[(String, String)],
) -> Result<Option<Endpoint>, ConfigError> {
    if !properties.flag("ecs_metadata")?.unwrap_or(true) {
        return Ok(None);
    }
    let url = environment.iter().find(|(name, _)| name == ENDPOINT_VARIABLE).map(|(_, url)| url.as_str());
    // What is no URL of an address is not ECS', and nothing that a user could mend in the plugin's configuration.
    Ok(url.and_then(Endpoint::parse))
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
        assert!(error.starts_with(&format!("{name}:3:8: unknown type 'adit', did you mean 'audit'?")), "{error}");
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

    #[test]
    fn tags_of_property_and_environment_are_put_together() {
        let environment = [("DD_TAGS".to_owned(), "a:b c:d".to_owned())];
        let config = |set: &[(&str, &str)], environment: &[(String, String)]| {
            let properties = Properties::new(&PROPERTIES, set.iter().copied()).unwrap();
            sorter_config(&properties, environment, &mut rules_file).unwrap().tags
        };
        assert_eq!(config(&[("dd_tags", "e:f")], &environment).as_deref(), Some("e:f,a:b c:d"));
        assert_eq!(config(&[], &environment).as_deref(), Some("a:b c:d"));
        assert_eq!(config(&[], &[]), None);
    }

    #[test]
    fn labels_and_the_place_of_fields_are_read_or_refused_with_what_is_allowed() {
        let config = |name: &str, value: &str| {
            let properties = Properties::new(&PROPERTIES, [(name, value)]).unwrap();
            sorter_config(&properties, &[], &mut rules_file).map_err(|error| error.to_string())
        };
        let labels = config("docker_labels", "com.example.team=squad, com.example.tier").unwrap().labels;
        assert_eq!(labels, LabelField::parse_list("com.example.team=squad com.example.tier=tier").unwrap());
        let error = config("docker_labels", "com.example.team=task_arn").unwrap_err();
        assert!(error.ends_with("the field 'task_arn' is filled from elsewhere: choose another name"), "{error}");
        for (written, expected) in [
            ("Flat", Placement::Flat),
            ("map  origin", Placement::Map("origin".to_owned())),
            ("datadog", Placement::Only(Needs::Datadog)),
            ("CloudWatch", Placement::Only(Needs::CloudWatch)),
        ] {
            assert_eq!(config("fields", written).unwrap().placement, expected);
        }
        for written in ["map", "map log", "map a b", "splunk", "map ddtags"] {
            assert!(
                config("fields", written).unwrap_err().contains("map NAME with a name that no field has"),
                "{written}"
            );
        }
    }

    #[test]
    fn an_output_takes_fields_out_of_the_filters_map_and_leaves_none_out() {
        let config = |value: &str| {
            let set = [("lake", "x"), ("fields", value)];
            let properties = Properties::new(&crate::config::output::PROPERTIES, set).unwrap();
            crate::config::output::OutputConfig::new(&properties, &[], &mut rules_file)
        };
        assert_eq!(config("map origin").unwrap().sorter.placement, Placement::FromMap("origin".to_owned()));
        assert_eq!(config("flat").unwrap().sorter.placement, Placement::Flat);
        let error = config("lake").unwrap_err().to_string();
        assert!(error.contains("property 'fields' has the value 'lake': an output knows what its"), "{error}");
    }

    #[test]
    fn the_metadata_endpoint_is_where_the_environment_says_unless_it_is_turned_off() {
        let endpoint = |set: &[(&str, &str)], url: &str| {
            let properties = Properties::new(&PROPERTIES, set.iter().copied()).unwrap();
            metadata_endpoint(&properties, &[(ENDPOINT_VARIABLE.to_owned(), url.to_owned())])
        };
        const URL: &str = "http://169.254.170.2/v4/0a1b";
        assert_eq!(endpoint(&[], URL).unwrap(), Endpoint::parse(URL));
        assert!(endpoint(&[], URL).unwrap().is_some());
        assert_eq!(endpoint(&[("ecs_metadata", "off")], URL).unwrap(), None);
        assert_eq!(endpoint(&[], "").unwrap(), None);
        assert!(endpoint(&[("ecs_metadata", "perhaps")], URL).is_err());
        assert_eq!(metadata_endpoint(&Properties::default(), &[]).unwrap(), None);
    }
}
