//! The host's YAML format (<https://docs.fluentbit.io/manual/administration/configuring-fluent-bit/yaml>).

use super::host_config::{HostConfigError, Kind, Reader, Section};
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use std::path::Path;

pub(super) fn read(reader: &mut Reader<'_>, file: &Path, text: &str) -> Result<(), HostConfigError> {
    let documents = Yaml::load_from_str(text)
        .map_err(|error| HostConfigError::NoYaml { file: file.to_owned(), reason: error.to_string() })?;
    for document in &documents {
        for (name, value) in pairs(document.as_mapping_get("env")) {
            reader.set(name, &value);
        }
        for pattern in document.as_mapping_get("includes").and_then(Yaml::as_sequence).into_iter().flatten() {
            let pattern = reader.fill(pattern.as_str().unwrap_or_default());
            reader.include(file, &pattern)?;
        }
        push(reader, Kind::Service, document.as_mapping_get("service"));
        let pipeline = document.as_mapping_get("pipeline").and_then(Yaml::as_mapping).into_iter().flatten();
        for (name, plugins) in pipeline {
            let kind = Kind::from_name(name.as_str().unwrap_or_default());
            for plugin in plugins.as_sequence().into_iter().flatten() {
                push(reader, kind, Some(plugin));
            }
        }
        let objects = document.as_mapping_get("plugins").and_then(Yaml::as_sequence).into_iter().flatten();
        let entries = objects.filter_map(|path| Some(("path".to_owned(), path.as_str()?.to_owned()))).collect();
        reader.sections.push(Section { kind: Kind::Plugins, entries });
    }
    Ok(())
}

fn push(reader: &mut Reader<'_>, kind: Kind, node: Option<&Yaml<'_>>) {
    if node.is_some() {
        let entries = pairs(node).map(|(name, value)| (name.to_owned(), reader.fill(&value))).collect();
        reader.sections.push(Section { kind, entries });
    }
}

/// Keys with values that are no lists and no maps, as text.
fn pairs<'y>(node: Option<&'y Yaml<'_>>) -> impl Iterator<Item = (&'y str, String)> {
    let pairs = node.and_then(Yaml::as_mapping).into_iter().flatten();
    pairs.filter_map(|(key, value)| {
        let text = match value {
            Yaml::Value(Scalar::Null) => String::new(),
            Yaml::Value(Scalar::Boolean(flag)) => flag.to_string(),
            Yaml::Value(Scalar::Integer(number)) => number.to_string(),
            Yaml::Value(Scalar::FloatingPoint(number)) => number.to_string(),
            Yaml::Value(Scalar::String(text)) => text.to_string(),
            Yaml::Representation(text, ..) => text.to_string(),
            _ => return None,
        };
        Some((key.as_str()?, text))
    })
}
