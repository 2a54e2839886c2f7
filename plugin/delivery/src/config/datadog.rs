//! Properties of the Datadog destination. The names are those of Fluent Bit's `out_datadog`, so that a section for it works
//! with another `Name`; what cannot be done as there is refused with the reason.

use super::api_key::ApiKey;
use super::per_type::{PerType, switch};
use super::property::{ConfigError, Properties, Property};
use super::site::{DEFAULT_SITE, Intake, SITES};
use crate::lane::{Lane, Lanes};
use crate::store::Location;
use shiwake_records::rules::TypeDeclaration;
use std::fmt;
use std::path::PathBuf;

/// The properties.
pub const PROPERTIES: [Property; 18] = [
    Property {
        name: "apikey",
        default: None,
        meaning: "Datadog's API key; sends all types to Datadog unless `datadog` says otherwise",
    },
    Property {
        name: "apikey_file",
        default: None,
        meaning: "file with the key, in place of `apikey`; read again when the key is refused",
    },
    Property {
        name: "datadog",
        default: None,
        meaning: "what is sent to Datadog: `on`, `off`, or as in `off error=on audit=on`. With it and without `apikey` the key is \
                  `DD_API_KEY`",
    },
    Property {
        name: "site",
        default: None,
        meaning: "Datadog's site: us1, us3, us5, eu, ap1, ap2, gov, gov2 or its domain; without it `DD_SITE`, else us1",
    },
    Property {
        name: "dd_url",
        default: None,
        meaning: "another address than the site's that speaks as it does, as in `http://HOST:PORT`",
    },
    Property { name: "host", default: None, meaning: "another host than the site's, as `out_datadog` has it" },
    Property { name: "port", default: None, meaning: "its port; without it 443, or 80 without `tls`" },
    Property {
        name: "tls",
        default: None,
        meaning: "whether `host` is spoken to with TLS; Datadog's own hosts always are",
    },
    Property {
        name: "tls.verify",
        default: Some("on"),
        meaning: "whether the certificate of `host` must be right; Datadog's own always must",
    },
    Property {
        name: "proxy",
        default: None,
        meaning: "HTTP proxy, as in `http://HOST:PORT`; without it the environment's",
    },
    Property { name: "compress", default: Some("zstd"), meaning: "`zstd`, `gzip` or `none`" },
    Property { name: "provider", default: None, meaning: "`ecs` is allowed and what is done anyway" },
    Property {
        name: "json_date_key",
        default: Some("timestamp"),
        meaning: "attribute with the record's time in milliseconds",
    },
    Property { name: "include_tag_key", default: Some("off"), meaning: "whether the host's tag is an attribute" },
    Property { name: "tag_key", default: Some("tagkey"), meaning: "the name of that attribute" },
    Property {
        name: "dd_message_key",
        default: None,
        meaning: "field with the line; without it, or where a record has no such field, `log`, `message` or `msg`",
    },
    Property {
        name: "header",
        default: None,
        meaning: "refused: a host gives a plugin like this only the first of several",
    },
    Property {
        name: "quarantine",
        default: None,
        meaning: "without `lake`: folder or `s3://bucket/prefix` for records that Datadog refuses; with `store_dir` it is \
                  `quarantine` in there unless set",
    },
];

/// Properties that only make sense when something is sent to Datadog.
const NEEDS_DATADOG: [&str; 14] = [
    "site",
    "dd_url",
    "host",
    "port",
    "tls",
    "proxy",
    "compress",
    "provider",
    "json_date_key",
    "include_tag_key",
    "tag_key",
    "dd_message_key",
    "header",
    "quarantine",
];

/// Environment variables that say where, and with which key.
const KEY_VARIABLE: &str = "DD_API_KEY";
const SITE_VARIABLE: &str = "DD_SITE";

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A property or the environment had it.
    Given(ApiKey),
    /// A file has it.
    File(PathBuf),
}

/// The address of a proxy, of which name and password are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

impl ProxyUrl {
    /// The address, for the client and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.rsplit('@').next().unwrap_or_default())
    }
}

/// How payloads are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// What a user writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "zstd" => Some(Compression::Zstd),
            "gzip" => Some(Compression::Gzip),
            "none" | "false" | "off" | "no" => Some(Compression::None),
            _ => None,
        }
    }

    /// The value of `Content-Encoding`.
    #[must_use]
    pub fn header(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
        }
    }
}

/// What entries are like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryOptions {
    /// Attribute with the record's time, in milliseconds since 1970.
    pub date_key: String,
    /// Attribute with the host's tag, when there shall be one.
    pub tag_key: Option<String>,
    /// Field with the message, before those that the lake's column has.
    pub message_key: Option<String>,
}

impl Default for EntryOptions {
    fn default() -> Self {
        Self { date_key: "timestamp".to_owned(), tag_key: None, message_key: None }
    }
}

/// The Datadog destination of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatadogConfig {
    /// Where logs are sent.
    pub intake: Intake,
    /// With which key.
    pub key: KeySource,
    /// Whether its certificate must be right.
    pub is_tls_verified: bool,
    /// The proxy, when not the environment's.
    pub proxy: Option<ProxyUrl>,
    /// How payloads are compressed.
    pub compression: Compression,
    /// What entries are like.
    pub entries: EntryOptions,
    /// Which lanes are sent, in the order of the lanes.
    pub lanes: Vec<bool>,
    /// Where records go that it refuses, when there is no lake.
    pub quarantine: Option<Location>,
}

impl DatadogConfig {
    /// Reads the properties; `None` when nothing is sent to Datadog. Without a lake what could not be decoded goes to Datadog
    /// too.
    ///
    /// # Errors
    /// When a value is not allowed, or there is no key.
    pub(super) fn read(
        properties: &Properties,
        environment: &[(String, String)],
        lanes: &Lanes,
        types: &[TypeDeclaration],
        has_lake: bool,
    ) -> Result<Option<Self>, ConfigError> {
        let has_key = properties.get("apikey").is_some() || properties.get("apikey_file").is_some();
        if !has_key && properties.get("datadog").is_none() {
            if let Some(name) = NEEDS_DATADOG.into_iter().find(|name| properties.get(name).is_some()) {
                return Err(ConfigError::Without { name, needs: "apikey" });
            }
            return Ok(None);
        }
        let sent = sent_lanes(properties, lanes, types, has_lake)?;
        if !sent.contains(&true) {
            return Ok(None);
        }
        if properties.get("header").is_some() {
            let allowed = "of several headers a host gives a plugin like this only the first: leave it out".to_owned();
            return Err(ConfigError::Value { name: "header", found: "(hidden)".to_owned(), allowed });
        }
        if let Some(found) = properties.get("provider").filter(|found| !found.eq_ignore_ascii_case("ecs")) {
            let allowed = "ecs is allowed".to_owned();
            return Err(ConfigError::Value { name: "provider", found: found.to_owned(), allowed });
        }
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, value)| known == name && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        };
        let text = |name: &str, default: &str| properties.get(name).unwrap_or(default).to_owned();
        let has_tag = properties.flag("include_tag_key")?.unwrap_or(false);
        let (intake, is_datadog) = intake(properties, variable(SITE_VARIABLE))?;
        Ok(Some(Self {
            key: key(properties, variable(KEY_VARIABLE))?,
            intake,
            is_tls_verified: is_datadog || properties.flag("tls.verify")?.unwrap_or(true),
            proxy: proxy(properties)?,
            compression: compression(properties)?,
            entries: EntryOptions {
                date_key: text("json_date_key", "timestamp"),
                tag_key: has_tag.then(|| text("tag_key", "tagkey")),
                message_key: properties.text("dd_message_key"),
            },
            lanes: sent,
            quarantine: if has_lake { None } else { quarantine(properties)? },
        }))
    }

    /// Whether records of a lane are sent, by its place among the lanes.
    #[must_use]
    pub fn sends(&self, place: usize) -> bool {
        self.lanes.get(place).copied().unwrap_or(false)
    }
}

/// What names a type goes before the rules file, and that before what is for all types, as with durability.
fn sent_lanes(
    properties: &Properties,
    lanes: &Lanes,
    types: &[TypeDeclaration],
    has_lake: bool,
) -> Result<Vec<bool>, ConfigError> {
    const NAME: &str = "datadog";
    let said = PerType::read(properties, NAME, "on or off is allowed", lanes, switch, |_| None::<Lane>)?;
    let of_all = said.of_all.unwrap_or(true);
    let of_lane = |lane: Lane| {
        let by_file = || types.iter().find(|said| Lane::Typed(said.log_type) == lane)?.policy.datadog;
        // What could not be decoded is no log; without a lake there is nowhere else for it.
        let by_default = if lane == Lane::Quarantine { !has_lake } else { of_all };
        said.of_lane(lane).or_else(by_file).unwrap_or(by_default)
    };
    let sent: Vec<bool> = lanes.iter().map(of_lane).collect();
    // An earlier run's segments of types that nobody declares any more go where most do.
    Ok(sent.into_iter().chain([of_all || !has_lake]).collect())
}

fn key(properties: &Properties, variable: Option<&str>) -> Result<KeySource, ConfigError> {
    let (name, text) = match (properties.get("apikey"), properties.get("apikey_file"), variable) {
        (Some(_), Some(_), _) => return Err(ConfigError::Both { first: "apikey", second: "apikey_file" }),
        (None, Some(file), _) => return Ok(KeySource::File(PathBuf::from(file))),
        (Some(key), None, _) => ("apikey", key),
        (None, None, Some(key)) => (KEY_VARIABLE, key),
        (None, None, None) => {
            return Err(ConfigError::Missing(
                "property 'datadog' is set, but there is no API key: set 'apikey', 'apikey_file' or the variable DD_API_KEY",
            ));
        }
    };
    let key = ApiKey::new(text.as_bytes());
    key.map(KeySource::Given).map_err(|error| ConfigError::Secret { name, allowed: error.to_string() })
}

/// Where logs are sent, and whether that is Datadog itself.
fn intake(properties: &Properties, variable: Option<&str>) -> Result<(Intake, bool), ConfigError> {
    let refuse = |name: &'static str, found: &str, allowed: String| ConfigError::Value {
        name,
        found: found.to_owned(),
        allowed,
    };
    for (first, second) in [("site", "host"), ("site", "dd_url"), ("host", "dd_url")] {
        if properties.get(first).is_some() && properties.get(second).is_some() {
            return Err(ConfigError::Both { first, second });
        }
    }
    if let Some(url) = properties.get("dd_url") {
        let allowed = || "a URL as in https://HOST or http://HOST:PORT is allowed, https for Datadog's own".to_owned();
        let intake = Intake::of_url(url).ok_or_else(|| refuse("dd_url", url, allowed()))?;
        let is_datadog = intake.is_datadog();
        return Ok((intake, is_datadog));
    }
    let port = match properties.get("port") {
        None => None,
        Some(port) => match port.parse::<u16>() {
            // Hosts that give no port have 0 there.
            Ok(0) => None,
            Ok(port) => Some(port),
            Err(_) => return Err(refuse("port", port, "a number from 1 to 65535 is allowed".to_owned())),
        },
    };
    let Some(host) = properties.get("host") else {
        if let (Some(_), Some(port)) = (port, properties.get("port")) {
            return Err(refuse("port", port, "it is the port of 'host', which is not set".to_owned()));
        }
        let site = properties.get("site").or(variable).unwrap_or(DEFAULT_SITE);
        let names: Vec<&str> = SITES.iter().map(|(short, _)| *short).collect();
        let allowed = || format!("{} or a site's domain as in datadoghq.eu is allowed", names.join(", "));
        return Ok((Intake::of_site(site).ok_or_else(|| refuse("site", site, allowed()))?, true));
    };
    let has_tls = properties.flag("tls")?.unwrap_or(false);
    let intake = Intake::of_host(host, port, has_tls);
    let intake = intake.ok_or_else(|| refuse("host", host, "a host's name or address is allowed".to_owned()))?;
    let is_datadog = intake.is_datadog();
    Ok((intake, is_datadog))
}

fn proxy(properties: &Properties) -> Result<Option<ProxyUrl>, ConfigError> {
    let Some(proxy) = properties.get("proxy") else { return Ok(None) };
    let rest = proxy.strip_prefix("http://").or_else(|| proxy.strip_prefix("https://"));
    if rest.is_none_or(|rest| rest.trim_end_matches('/').is_empty()) {
        let allowed = "a URL as in http://HOST:PORT is allowed".to_owned();
        return Err(ConfigError::Secret { name: "proxy", allowed });
    }
    Ok(Some(ProxyUrl(proxy.to_owned())))
}

fn compression(properties: &Properties) -> Result<Compression, ConfigError> {
    let Some(found) = properties.get("compress") else { return Ok(Compression::Zstd) };
    Compression::parse(found).ok_or_else(|| ConfigError::Value {
        name: "compress",
        found: found.to_owned(),
        allowed: "zstd, gzip or none is allowed".to_owned(),
    })
}

fn quarantine(properties: &Properties) -> Result<Option<Location>, ConfigError> {
    let by_default =
        || properties.get("store_dir").map(|folder| Location::Folder(PathBuf::from(folder).join("quarantine")));
    let Some(found) = properties.get("quarantine") else { return Ok(by_default()) };
    let parsed = Location::parse(found).map_err(|error| ConfigError::Value {
        name: "quarantine",
        found: found.to_owned(),
        allowed: error.to_string(),
    });
    parsed.map(Some)
}

#[cfg(test)]
#[path = "datadog_tests.rs"]
mod tests;
