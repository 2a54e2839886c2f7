//! Where Datadog takes logs: its sites, or another address that speaks as they do
//! (<https://docs.datadoghq.com/getting_started/site/>).

use std::fmt;

/// Path of the logs API, version 2.
const PATH: &str = "/api/v2/logs";
/// What stands before a site's name.
const INTAKE: &str = "http-intake.logs.";

/// Sites: the short name and the domain.
pub const SITES: [(&str, &str); 8] = [
    ("us1", "datadoghq.com"),
    ("us3", "us3.datadoghq.com"),
    ("us5", "us5.datadoghq.com"),
    ("eu", "datadoghq.eu"),
    ("ap1", "ap1.datadoghq.com"),
    ("ap2", "ap2.datadoghq.com"),
    ("gov", "ddog-gov.com"),
    ("gov2", "us2.ddog-gov.com"),
];

/// The site that is meant when nobody says which.
pub const DEFAULT_SITE: &str = "datadoghq.com";

/// Where logs are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    url: String,
}

impl Intake {
    /// That of a site, by its short name or its domain; `None` for what is none.
    #[must_use]
    pub fn of_site(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (_, domain) = SITES.iter().find(|(short, domain)| *short == name || *domain == name)?;
        Some(Self { url: format!("https://{INTAKE}{domain}{PATH}") })
    }

    /// That of a host, as `out_datadog` has it; one of Datadog's own is never spoken to without TLS. `None` for what is no
    /// host.
    #[must_use]
    pub fn of_host(host: &str, port: Option<u16>, has_tls: bool) -> Option<Self> {
        let is_address = host.starts_with('[') && host.ends_with(']');
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || !(host.bytes().all(is_name) || is_address) {
            return None;
        }
        let lower = host.to_ascii_lowercase();
        let is_datadog = SITES.iter().any(|(_, domain)| lower == *domain || lower.ends_with(&format!(".{domain}")));
        let (scheme, usual) = if has_tls || is_datadog { ("https", 443) } else { ("http", 80) };
        let port = port.filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
        Some(Self { url: format!("{scheme}://{lower}{port}{PATH}") })
    }

    /// That at a URL of scheme, host and port; `None` for what is none, and for one of Datadog's own without TLS.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.trim_end_matches('/').split_once("://")?;
        let has_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let (host, port) = match rest.rsplit_once(':').filter(|_| !rest.ends_with(']')) {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
            None => (rest, None),
        };
        Self::of_host(host, port, has_tls).filter(|intake| intake.url.starts_with("https:") == has_tls)
    }

    /// Whether it is Datadog itself.
    #[must_use]
    pub fn is_datadog(&self) -> bool {
        let host = self.url.split('/').nth(2).and_then(|host| host.split(':').next()).unwrap_or_default();
        SITES.iter().any(|(_, domain)| host == *domain || host.ends_with(&format!(".{domain}")))
    }

    /// The address of the logs API there.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Intake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn sites_are_known_by_short_name_and_domain() {
        for (short, domain) in SITES {
            let intake = Intake::of_site(short).unwrap();
            assert_eq!(intake, Intake::of_site(&domain.to_uppercase()).unwrap());
            assert_eq!(intake.url(), format!("https://http-intake.logs.{domain}/api/v2/logs"));
        }
        assert_eq!(Intake::of_site("datadog.com"), None);
    }

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_port() {
        let url = |text| Intake::of_url(text).map(|intake| (intake.url().to_owned(), intake.is_datadog()));
        assert_eq!(url("http://127.0.0.1:8125"), Some(("http://127.0.0.1:8125/api/v2/logs".into(), false)));
        assert_eq!(url("https://x/"), Some(("https://x/api/v2/logs".into(), false)));
        assert_eq!(url("http://[::1]:80"), Some(("http://[::1]/api/v2/logs".into(), false)));
        let own = "https://http-intake.logs.datadoghq.com";
        assert_eq!(url(own), Some((format!("{own}/api/v2/logs"), true)));
        for text in [
            "http://http-intake.logs.datadoghq.com",
            "x",
            "ftp://x",
            "http://",
            "http://x:0",
            "http://x:y",
            "http://x/y",
        ] {
            assert_eq!(url(text), None, "{text}");
        }
    }

    #[test]
    fn datadog_itself_is_spoken_to_with_tls_whatever_is_set() {
        let url = |host, port, tls| Intake::of_host(host, port, tls).map(|intake| intake.url().to_owned());
        let eu = "https://http-intake.logs.datadoghq.eu/api/v2/logs";
        assert_eq!(url("http-intake.logs.datadoghq.eu", None, false).as_deref(), Some(eu));
        assert_eq!(url("HTTP-intake.logs.datadoghq.eu", Some(443), true).as_deref(), Some(eu));
        assert_eq!(url("pipelines", Some(8282), false).as_deref(), Some("http://pipelines:8282/api/v2/logs"));
        assert_eq!(url("pipelines", None, true).as_deref(), Some("https://pipelines/api/v2/logs"));
        assert_eq!(url("127.0.0.1", Some(80), false).as_deref(), Some("http://127.0.0.1/api/v2/logs"));
        assert_eq!(url("notdatadoghq.com", None, false).as_deref(), Some("http://notdatadoghq.com/api/v2/logs"));
        for host in ["", "http://x", "a b", "x/y", "x:80"] {
            assert_eq!(url(host, None, true), None, "{host}");
        }
    }
}
