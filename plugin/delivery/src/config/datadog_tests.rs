#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::config::output::{self, OutputConfig};
use shiwake_records::rules::SourceFile;

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn output_with(set: &[(&str, &str)], environment: &[(&str, &str)], rules: &str) -> Result<OutputConfig, ConfigError> {
    let set = set.iter().copied().chain((!rules.is_empty()).then_some(("rules", "rules.toml")));
    let properties = Properties::new(&output::PROPERTIES, set)?;
    let environment: Vec<(String, String)> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut load = |name: &str, _: Option<&str>| Ok(SourceFile::new(name, rules));
    OutputConfig::new(&properties, &environment, &mut load)
}

fn output(set: &[(&str, &str)]) -> Result<OutputConfig, ConfigError> {
    output_with(set, &[], "")
}

fn datadog(set: &[(&str, &str)]) -> DatadogConfig {
    output(&[&[("apikey", KEY)], set].concat()).unwrap().datadog.unwrap()
}

#[test]
fn a_section_of_out_datadog_works_as_it_is() {
    // From the example of its documentation: https://docs.fluentbit.io/manual/pipeline/outputs/datadog
    let set = [
        ("Host", "http-intake.logs.datadoghq.eu"),
        ("TLS", "on"),
        ("compress", "gzip"),
        ("apikey", KEY),
        ("dd_service", "shop"),
        ("dd_source", "nginx"),
        ("dd_tags", "team:logs,foo:bar"),
        ("dd_hostname", "web-1"),
        ("dd_message_key", "text"),
        ("json_date_key", "date"),
        ("include_tag_key", "true"),
        ("tag_key", "fluent_tag"),
        ("provider", "ecs"),
    ];
    let config = output(&set).unwrap();
    assert_eq!((config.sorter.service.as_deref(), config.sorter.hostname.as_deref()), (Some("shop"), Some("web-1")));
    assert_eq!(config.location, None);
    let datadog = config.datadog.unwrap();
    assert_eq!(datadog.intake.url(), "https://http-intake.logs.datadoghq.eu/api/v2/logs");
    assert_eq!(datadog.key, KeySource::Given(ApiKey::new(KEY.as_bytes()).unwrap()));
    assert_eq!((datadog.compression, datadog.is_tls_verified, &datadog.proxy), (Compression::Gzip, true, &None));
    let entries =
        EntryOptions { date_key: "date".into(), tag_key: Some("fluent_tag".into()), message_key: Some("text".into()) };
    assert_eq!(datadog.entries, entries);
    assert!(
        datadog.lanes.iter().all(|is_sent| *is_sent),
        "what could not be decoded too: there is nowhere else for it"
    );
}

#[test]
fn without_a_lake_everything_has_to_go_to_datadog() {
    let error = output(&[("apikey", KEY), ("datadog", "off error=on")]).unwrap_err().to_string();
    assert_eq!(error, "records of the type 'audit' go nowhere: let them go to a lake or to Datadog");
    assert_eq!(datadog(&[("store_dir", "/s")]).quarantine, Some(Location::Folder("/s/quarantine".into())));
    assert_eq!(datadog(&[("store_dir", "/s"), ("quarantine", "/q")]).quarantine, Some(Location::Folder("/q".into())));
    assert_eq!(datadog(&[]).quarantine, None);
    assert_eq!(datadog(&[("lake", "/l"), ("store_dir", "/s")]).quarantine, None, "it is the lake's");
}

#[test]
fn types_are_chosen_by_name_then_by_the_file_then_all() {
    let sent = |set: &[(&str, &str)], rules: &str| {
        let config = output_with(&[&[("lake", "/l"), ("apikey", KEY)], set].concat(), &[], rules).unwrap();
        let names: Vec<String> = config.lanes.names().map(str::to_owned).collect();
        let datadog = config.datadog.map(|datadog| datadog.lanes).unwrap_or_default();
        let sent = names.into_iter().zip(datadog).filter(|(_, is_sent)| *is_sent).map(|(name, _)| name);
        sent.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(sent(&[], ""), "audit error activity access app trace undeclared");
    assert_eq!(sent(&[("datadog", "off error=on, audit=on")], ""), "audit error");
    assert_eq!(sent(&[("datadog", "off")], ""), "");
    let rules = "[type.billing]\nlike = 'audit'\ndatadog = true\n[type.access]\ndatadog = false\n";
    assert_eq!(sent(&[("datadog", "on")], rules), "audit billing error activity app trace undeclared");
    assert_eq!(sent(&[("datadog", "off access=on")], rules), "billing access");
}

#[test]
fn the_key_comes_from_a_property_a_file_or_the_environment() {
    let environment = [("DD_API_KEY", KEY), ("DD_SITE", "datadoghq.eu")];
    let config = |set: &[(&str, &str)]| output_with(set, &environment, "").map(|config| config.datadog);
    let found = config(&[("datadog", "on")]).unwrap().unwrap();
    assert_eq!(found.key, KeySource::Given(ApiKey::new(KEY.as_bytes()).unwrap()));
    assert_eq!(found.intake, Intake::of_site("eu").unwrap());
    let found = config(&[("apikey_file", "/run/key")]).unwrap().unwrap();
    assert_eq!(found.key, KeySource::File("/run/key".into()));
    assert_eq!(config(&[("lake", "/l")]).unwrap(), None, "the variable alone sends nothing anywhere");
    assert_eq!(
        config(&[("lake", "/l"), ("site", "us3"), ("apikey", KEY)]).unwrap().unwrap().intake,
        Intake::of_site("us3").unwrap()
    );
}

#[test]
fn what_is_wrong_is_said_without_what_is_secret() {
    for (set, part) in [
        (&[("datadog", "on")][..], "there is no API key: set 'apikey', 'apikey_file' or the variable DD_API_KEY"),
        (&[("apikey", "not a key")], "property 'apikey' cannot be used: an API key is"),
        (&[("apikey", KEY), ("apikey_file", "/x")], "'apikey' and 'apikey_file' are both set"),
        (&[("apikey", KEY), ("site", "mars")], "us1, us3, us5, eu, ap1, ap2, gov, gov2 or a site's domain"),
        (&[("apikey", KEY), ("site", "eu"), ("host", "x")], "'site' and 'host' are both set"),
        (&[("apikey", KEY), ("dd_url", "http://http-intake.logs.datadoghq.com")], "https for Datadog's own"),
        (&[("apikey", KEY), ("port", "8125")], "it is the port of 'host', which is not set"),
        (&[("apikey", KEY), ("host", "x"), ("port", "70000")], "a number from 1 to 65535"),
        (
            &[("apikey", KEY), ("proxy", "user:secret@proxy")],
            "property 'proxy' cannot be used: a URL as in http://HOST:PORT",
        ),
        (&[("apikey", KEY), ("compress", "br")], "zstd, gzip or none is allowed"),
        (&[("apikey", KEY), ("provider", "k8s")], "ecs is allowed"),
        (
            &[("apikey", KEY), ("header", "X-Secret y")],
            "of several headers a host gives a plugin like this only the first",
        ),
        (
            &[("apikey", KEY), ("lake", "/l"), ("datadog", "perhaps")],
            "on or off is allowed, or type=one of them for the types audit",
        ),
        (&[("lake", "/l"), ("compress", "gzip")], "property 'compress' is set, but nothing is sent to Datadog"),
    ] {
        let error = output(set).unwrap_err().to_string();
        assert!(error.contains(part), "{set:?}: {error}");
        assert!(!["not a key", "secret", "X-Secret", KEY].iter().any(|secret| error.contains(secret)), "{error}");
    }
}

#[test]
fn nothing_that_is_printed_shows_key_or_proxy() {
    let set = [("apikey", KEY), ("proxy", "http://user:hunter2@proxy:3128")];
    let properties = Properties::new(&output::PROPERTIES, set).unwrap();
    let config = output(&set).unwrap();
    let printed = format!("{properties:?} {properties:#?} {config:?} {config:#?}");
    assert!(!printed.contains(KEY) && !printed.contains("hunter2") && printed.contains("proxy:3128"), "{printed}");
}
