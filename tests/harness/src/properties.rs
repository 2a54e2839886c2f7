//! Which properties a host keeps for itself and which it leaves to the plugin.
//!
//! A plugin that refuses unknown properties walks the list of its instance; what the host consumed
//! is not in it.

use crate::error::HarnessError;
use crate::layout::Layout;

const OUTPUT_HOST_KEYS: [&str; 19] = [
    "match",
    "match_regex",
    "alias",
    "log_level",
    "host",
    "port",
    "ipv6",
    "retry_limit",
    "workers",
    "storage.total_limit_size",
    "tls",
    "tls.verify",
    "tls.debug",
    "tls.vhost",
    "tls.ca_path",
    "tls.ca_file",
    "tls.crt_file",
    "tls.key_file",
    "tls.key_passwd",
];
const OUTPUT_HOST_KEYS_SINCE_4: [&str; 5] =
    ["log_suppress_interval", "tls.verify_hostname", "tls.min_version", "tls.max_version", "tls.ciphers"];
const OUTPUT_HOST_KEYS_SINCE_5: [&str; 4] =
    ["tls.proxy.verify", "tls.proxy.verify_hostname", "tls.proxy.ca_path", "tls.proxy.ca_file"];
const FILTER_HOST_KEYS: [&str; 4] = ["match", "match_regex", "alias", "log_level"];
const FILTER_HOST_KEYS_SINCE_4: [&str; 1] = ["log_suppress_interval"];

const NET_PREFIX: &str = "net.";
const OAUTH2_PREFIX: &str = "oauth2";

/// The level of an instance that sets none: info.
const DEFAULT_LOG_LEVEL: i32 = 3;

/// An instance's properties, sorted as the host sorts them.
#[derive(Debug, Default)]
pub(crate) struct SortedProperties<'a> {
    /// What the plugin finds.
    pub(crate) own: Vec<(&'a str, &'a str)>,
    pub(crate) net: Vec<(&'a str, &'a str)>,
    pub(crate) oauth2: Vec<(&'a str, &'a str)>,
    pub(crate) alias: Option<&'a str>,
    pub(crate) matching: Option<&'a str>,
    pub(crate) log_level: i32,
}

impl<'a> SortedProperties<'a> {
    pub(crate) fn of_output(layout: Layout, given: &[(&'a str, &'a str)]) -> Result<Self, HarnessError> {
        Self::sort(given, |key| {
            let since_4 = layout.has_modern_hooks();
            let since_5 = layout == Layout::V5_1_1;
            if is_among(&OUTPUT_HOST_KEYS, key)
                || (since_4 && is_among(&OUTPUT_HOST_KEYS_SINCE_4, key))
                || (since_5 && is_among(&OUTPUT_HOST_KEYS_SINCE_5, key))
            {
                Place::Host
            } else if starts_with(key, NET_PREFIX) {
                Place::Net
            } else if since_5 && starts_with(key, OAUTH2_PREFIX) {
                Place::Oauth2
            } else {
                Place::Plugin
            }
        })
    }

    pub(crate) fn of_filter(layout: Layout, given: &[(&'a str, &'a str)]) -> Result<Self, HarnessError> {
        Self::sort(given, |key| {
            let of_host = is_among(&FILTER_HOST_KEYS, key)
                || (layout.has_modern_hooks() && is_among(&FILTER_HOST_KEYS_SINCE_4, key));
            if of_host { Place::Host } else { Place::Plugin }
        })
    }

    fn sort(given: &[(&'a str, &'a str)], place: impl Fn(&str) -> Place) -> Result<Self, HarnessError> {
        let mut sorted = Self { log_level: DEFAULT_LOG_LEVEL, ..Self::default() };
        for &(key, value) in given {
            match place(key) {
                Place::Plugin => sorted.own.push((key, value)),
                Place::Net => sorted.net.push((key, value)),
                Place::Oauth2 => sorted.oauth2.push((key, value)),
                Place::Host => sorted.keep(key, value)?,
            }
        }
        Ok(sorted)
    }

    fn keep(&mut self, key: &str, value: &'a str) -> Result<(), HarnessError> {
        if key.eq_ignore_ascii_case("alias") {
            self.alias = Some(value);
        } else if key.eq_ignore_ascii_case("match") {
            self.matching = Some(value);
        } else if key.eq_ignore_ascii_case("log_level") {
            self.log_level = log_level(key, value)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
enum Place {
    Plugin,
    Host,
    Net,
    Oauth2,
}

fn is_among(keys: &[&str], key: &str) -> bool {
    keys.iter().any(|known| known.eq_ignore_ascii_case(key))
}

fn starts_with(key: &str, prefix: &str) -> bool {
    key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn log_level(key: &str, value: &str) -> Result<i32, HarnessError> {
    let level = match value.to_ascii_lowercase().as_str() {
        "off" => 0,
        "error" => 1,
        "warn" | "warning" => 2,
        "info" => 3,
        "debug" => 4,
        "trace" => 5,
        _ => {
            return Err(HarnessError::PropertyValue { key: key.to_owned(), value: value.to_owned() });
        }
    };
    Ok(level)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's failure")]

    use super::*;

    #[test]
    fn an_output_keeps_what_the_host_does_not_know() {
        let given = [
            ("Match", "*"),
            ("Lake", "s3://lake"),
            ("net.keepalive", "off"),
            ("log_suppress_interval", "5"),
            ("oauth2.enable", "on"),
        ];
        let old = SortedProperties::of_output(Layout::V1_9_10, &given).unwrap();
        let keys: Vec<_> = old.own.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["Lake", "log_suppress_interval", "oauth2.enable"]);
        assert_eq!(old.net, [("net.keepalive", "off")]);
        assert_eq!(old.matching, Some("*"));

        let new = SortedProperties::of_output(Layout::V5_1_1, &given).unwrap();
        assert_eq!(new.own, [("Lake", "s3://lake")]);
        assert_eq!(new.oauth2, [("oauth2.enable", "on")]);
    }

    #[test]
    fn a_level_without_a_name_is_refused() {
        let refused = SortedProperties::of_filter(Layout::V4_2_8, &[("Log_Level", "loud")]);
        assert!(matches!(refused, Err(HarnessError::PropertyValue { .. })));
    }
}
