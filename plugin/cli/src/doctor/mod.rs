//! `shiwake doctor`: looks, inside of the log router's container, at what is most often wrong there, and says what to do.
//!
//! - [`running`]: the host that runs here. [`host_config`], [`classic`], [`yaml`]: its configuration.
//! - [`router`]: what stands around the plugins there. [`host_program`]: the host's version, and the shared objects.
//! - [`task`], [`spool_folder`], [`lake`], [`intake`]: what the plugins will find. [`finding`]: what is said.
//!
//! It changes nothing but that it stores one small object in the lake, sends Datadog a payload without a log, and removes its
//! own file from the spool's disk.

mod classic;
mod finding;
mod host_config;
mod host_program;
mod intake;
mod lake;
mod router;
mod running;
mod spool_folder;
mod task;
mod yaml;

use crate::error::CommandError;
use finding::{Finding, State};
pub(crate) use host_config::HostConfigError;
use host_config::{Kind, Section};
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::config::{self, Properties, filter};
use shiwake_delivery::store::Location;
use std::io::Write;
use std::path::{Path, PathBuf};

const PLUGIN: &str = "shiwake";
/// Where FireLens puts the configuration, and where images have one.
const CONFIGS: [&str; 2] = ["/fluent-bit/etc/fluent-bit.conf", "/fluent-bit/etc/fluent-bit.yaml"];
/// Keys that the host reads itself in the section of a plugin.
const HOST_KEYS: [&str; 10] = [
    "name",
    "match",
    "match_regex",
    "alias",
    "log_level",
    "log_suppress_interval",
    "retry_limit",
    "workers",
    "condition",
    "active",
];
/// What such keys begin with.
const HOST_PREFIXES: [&str; 5] = ["storage.", "net.", "tls", "_debug.", "processors"];

/// What to look at.
pub(crate) struct Options<'a> {
    /// The host's configuration.
    pub(crate) config: Option<&'a Path>,
    /// Properties of an output, `name=value`, instead of a configuration.
    pub(crate) set: &'a [(String, String)],
    /// The host's program.
    pub(crate) host: Option<&'a Path>,
    /// Whether an object is stored in the lake, and a payload sent to Datadog.
    pub(crate) stores: bool,
}

/// Looks at everything; whether nothing is wrong.
pub(crate) fn run(
    options: &Options<'_>,
    environment: &[(String, String)],
    as_json: bool,
    out: &mut impl Write,
) -> Result<bool, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(look(options, environment))?;
    finding::write(&findings, as_json, out)?;
    out.flush()?;
    Ok(findings.iter().all(|finding| finding.state != State::Bad))
}

async fn look(options: &Options<'_>, environment: &[(String, String)]) -> Result<Vec<Finding>, HostConfigError> {
    // Another host than the one that is asked about says nothing of it.
    let is_asked = |running: &running::Running| match options.config {
        Some(config) => running.config.as_deref() == Some(config),
        None => options.set.is_empty(),
    };
    let running = running::find(Path::new("/proc")).filter(is_asked);
    let mut findings = Vec::new();
    let mut outputs: Vec<Vec<(String, String)>> = Vec::new();
    let mut loaded = running.as_ref().map(|running| running.objects.clone()).unwrap_or_default();
    if options.set.is_empty() {
        let of_host = running.as_ref().and_then(|running| running.config.clone());
        let by_default = || CONFIGS.iter().map(PathBuf::from).find(|config| config.is_file());
        match options.config.map(Path::to_owned).or(of_host).or_else(by_default) {
            Some(file) => {
                let sections = host_config::read(&file, environment)?;
                findings.push(Finding::good("configuration", file.display().to_string()));
                findings.extend(router::look(&sections));
                findings.extend(filters(&sections, environment));
                outputs.extend(of_output(&sections).map(own_properties));
                loaded.extend(plugin_paths(&sections, &file, environment));
                if running.is_some() {
                    let has_filter = sections.iter().any(|section| section.is_of(Kind::Filter, PLUGIN));
                    findings.extend(host_program::objects(&loaded, has_filter, !outputs.is_empty()));
                }
            }
            None => findings.push(Finding::skipped(
                "configuration",
                "no Fluent Bit runs here and there is no file of it: name one, or give properties with --set",
            )),
        }
    } else {
        outputs.push(options.set.to_vec());
    }
    findings.push(host_program::version(options.host.or(running.as_ref().map(|running| running.program.as_path()))));
    findings.push(task::metadata(environment).await);
    let mut memory_limit_bytes = None;
    for properties in outputs {
        let config = Properties::new(&PROPERTIES, properties)
            .and_then(|properties| OutputConfig::new(&properties, environment, &mut config::rules_file));
        match config {
            Ok(config) => {
                memory_limit_bytes = memory_limit_bytes.max(Some(config.memory_limit_bytes));
                findings.extend(destination(options, &config, environment).await);
            }
            Err(error) => findings.push(unusable("output shiwake", &error)),
        }
    }
    findings.extend(memory_limit_bytes.map(|bytes| task::memory(Path::new("/sys/fs/cgroup"), bytes)));
    Ok(findings)
}

/// What an output will find.
async fn destination(options: &Options<'_>, config: &OutputConfig, environment: &[(String, String)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(location) = &config.location {
        let is_s3 = matches!(location, Location::S3 { .. });
        findings.extend(is_s3.then(|| task::credentials(environment)));
        findings.push(match options.stores {
            true => lake::look(config, location, environment).await,
            false => Finding::skipped(format!("lake {location}"), "nothing is stored there, as was asked for"),
        });
    }
    if let Some(datadog) = &config.datadog {
        findings.push(match options.stores {
            true => intake::look(datadog).await,
            false => Finding::skipped("datadog", "nothing is sent there, as was asked for"),
        });
    }
    findings.extend(spool_folder::look(config));
    findings
}

fn unusable(subject: &str, error: &config::ConfigError) -> Finding {
    Finding::bad(subject, error.lines().join("\n"), "it does not start like this: correct the property or the rules")
}

fn of_output(sections: &[Section]) -> impl Iterator<Item = &Section> {
    sections.iter().filter(|section| section.is_of(Kind::Output, PLUGIN))
}

/// What is wrong with the properties of filters.
fn filters(sections: &[Section], environment: &[(String, String)]) -> Vec<Finding> {
    let filters = sections.iter().filter(|section| section.is_of(Kind::Filter, PLUGIN));
    let checked = filters.map(|section| {
        let properties = Properties::new(&filter::PROPERTIES, own_properties(section))?;
        filter::sorter_config(&properties, environment, &mut config::rules_file).map(|_| ())
    });
    checked.filter_map(|checked| Some(unusable("filter shiwake", &checked.err()?))).collect()
}

/// The properties in a plugin's section that are not the host's.
fn own_properties(section: &Section) -> Vec<(String, String)> {
    let is_ours = |name: &str| PROPERTIES.iter().any(|property| property.name == name);
    let is_host = |name: &str| HOST_KEYS.contains(&name) || HOST_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let keeps = |(name, _): &&(String, String)| {
        let name = name.to_ascii_lowercase();
        is_ours(&name) || !is_host(&name)
    };
    section.entries.iter().filter(keeps).cloned().collect()
}

/// Shared objects that the configuration names itself, or a file of plugins that it names.
fn plugin_paths(sections: &[Section], file: &Path, environment: &[(String, String)]) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let services = sections.iter().filter(|section| section.kind == Kind::Service);
    let files = services.filter_map(|section| section.get("plugins_file"));
    let more = files.filter_map(|name| host_config::read(&folder.join(name), environment).ok()).flatten();
    let all: Vec<Section> = sections.iter().cloned().chain(more).collect();
    let plugins = all.iter().filter(|section| section.kind == Kind::Plugins);
    let entries = plugins.flat_map(|section| &section.entries).filter(|(name, _)| name.eq_ignore_ascii_case("path"));
    entries.map(|(_, path)| folder.join(path)).collect()
}
