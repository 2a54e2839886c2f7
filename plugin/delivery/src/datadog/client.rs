//! Sends payloads to the logs API, several at a time, and tells what its answers mean
//! (<https://docs.datadoghq.com/api/latest/logs/#send-logs>).
//!
//! 408, 429, 5xx and broken connections are tried again; 400, 401, 403 and 413 say that the same payload will never be
//! taken. Any other status is nothing that this API answers, as of a proxy or of a wrong address: the payload is kept and
//! tried again, and somebody is told what to look at. A key that comes from a file is read again when it is refused, so that
//! one that was exchanged is used.

use crate::config::api_key::ApiKey;
use crate::config::datadog::{DatadogConfig, KeySource};
use crate::store::chain;
use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// How long the intake may take to let us connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a request may take, beside the time its bytes need.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The slowest line that is worth waiting for, in bytes a second.
const SLOWEST_BYTES_PER_SECOND: u64 = 50_000;
/// How long a connection that nobody uses stays open.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Tries of one payload before it is put together again later.
const TRIES: u32 = 4;
/// The pause behind the first of them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause for which a payload is kept in memory.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The longest that the intake may have us wait.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);
/// Characters of an answer that are shown.
const SHOWN_CHARACTERS: usize = 200;
/// Bytes of an answer that are read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What the intake made of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has it.
    Accepted,
    /// It will never take it.
    Refused(Refusal),
    /// It may take it later.
    Failed(Failure),
}

/// Why a payload will never be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status: 400, 401, 403 or 413.
    pub status: u16,
    /// The beginning of what the intake says.
    pub said: String,
}

impl Refusal {
    /// What a user can do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self.status {
            401 | 403 => {
                "set 'apikey' to an API key (not an application key) of the site that 'site' or 'host' names, and look whether \
                 it was revoked"
            }
            413 => "look at what stands between here and Datadog: it takes less than the 5 MB that Datadog takes",
            _ => "look at what the intake says, and send the quarantined lines again when it is mended",
        }
    }
}

/// Why a payload was not taken this time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub text: String,
    /// What a user can do about it, when it does not pass by itself.
    pub fix: Option<&'static str>,
    /// How long the intake wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file with the key cannot be read.
    #[error("property 'apikey_file': '{}' cannot be read: {source}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What is in it is no key.
    #[error("property 'apikey_file': in '{}' is no key: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What a key is.
        source: crate::config::api_key::KeyError,
    },
    /// The proxy is no address.
    #[error("property 'proxy' cannot be used: {0}")]
    Proxy(reqwest::Error),
    /// The library refused.
    #[error("no client for Datadog could be made: {0}")]
    Client(reqwest::Error),
}

/// A way to the intake; copies share connections and key.
#[derive(Debug, Clone)]
pub struct IntakeClient {
    client: Client,
    url: Arc<str>,
    encoding: Option<&'static str>,
    key: Arc<RwLock<ApiKey>>,
    key_file: Option<Arc<PathBuf>>,
}

impl IntakeClient {
    /// Reads the key and makes a client; nothing is asked for yet.
    ///
    /// # Errors
    /// When there is no key, or the proxy is none.
    pub fn new(config: &DatadogConfig) -> Result<Self, ClientError> {
        // As for S3: rustls asks which library to use, and it is set once a process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (key, key_file) = match &config.key {
            KeySource::Given(key) => (key.clone(), None),
            KeySource::File(path) => (read_key(path)?, Some(Arc::new(path.clone()))),
        };
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .referer(false)
            .user_agent(concat!("shiwake/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &config.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.expose()).map_err(ClientError::Proxy)?);
        }
        if !config.is_tls_verified {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        Ok(Self {
            client: builder.build().map_err(ClientError::Client)?,
            url: Arc::from(config.intake.url()),
            encoding: config.compression.header(),
            key: Arc::new(RwLock::new(key)),
            key_file,
        })
    }

    /// Sends a payload: a few times when the intake fails, with pauses between them. `chance` makes the pauses of different
    /// payloads differ; `is_hurried` tells whether the host is about to exit.
    pub async fn send(&self, body: Bytes, mut chance: u64, is_hurried: impl Fn() -> bool) -> Answer {
        let mut pause = FIRST_PAUSE;
        let mut last_try = TRIES;
        let mut has_new_key = false;
        loop {
            let failure = match self.send_once(body.clone()).await {
                Answer::Accepted => return Answer::Accepted,
                Answer::Refused(refusal) => {
                    if matches!(refusal.status, 401 | 403) && !has_new_key && self.read_key_again() {
                        has_new_key = true;
                        continue;
                    }
                    return Answer::Refused(refusal);
                }
                Answer::Failed(failure) => failure,
            };
            last_try -= 1;
            let wanted = failure.retry_after.unwrap_or(pause);
            if last_try == 0 || wanted > LONGEST_PAUSE || is_hurried() {
                return Answer::Failed(failure);
            }
            // xorshift64 (Marsaglia 2003): spread is all that is asked of it.
            chance |= 1;
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            let share = (chance >> 11) as f64 / (1_u64 << 53) as f64;
            // Never sooner than the intake asks for.
            tokio::time::sleep(wanted + (pause / 2).mul_f64(share)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn send_once(&self, body: Bytes) -> Answer {
        let timeout = REQUEST_TIMEOUT + Duration::from_secs(body.len() as u64 / SLOWEST_BYTES_PER_SECOND);
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner).clone();
        // The header's bytes are the key's own, so that there is no copy which nobody clears.
        let Ok(mut key) = HeaderValue::from_maybe_shared(Bytes::from_owner(key)) else {
            return failed("the API key is no header".to_owned(), None);
        };
        key.set_sensitive(true);
        let mut request = self
            .client
            .post(self.url.as_ref())
            .timeout(timeout)
            .header("DD-API-KEY", key)
            .header("DD-EVP-ORIGIN", "shiwake")
            .header("DD-EVP-ORIGIN-VERSION", env!("CARGO_PKG_VERSION"))
            .header(CONTENT_TYPE, "application/json");
        if let Some(encoding) = self.encoding {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        let mut response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => {
                return failed(
                    format!("intake '{}' was not reached: {}", self.url, chain(&error)),
                    certificate_fix(&error),
                );
            }
        };
        let status = response.status();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(seconds);
        // Read to its end, so that the connection can be used again.
        let mut said = Vec::new();
        while let Ok(Some(part)) = response.chunk().await {
            said.extend_from_slice(&part);
            if said.len() > MAX_ANSWER_BYTES {
                break;
            }
        }
        let said = self.key.read().unwrap_or_else(PoisonError::into_inner).hidden_in(&shown(&said));
        self.meaning(status, said, retry_after)
    }

    fn meaning(&self, status: StatusCode, said: String, retry_after: Option<Duration>) -> Answer {
        let text = || format!("intake '{}' answers {}: {said}", self.url, status.as_u16());
        match status.as_u16() {
            200..=299 => Answer::Accepted,
            400 | 401 | 403 | 413 => Answer::Refused(Refusal { status: status.as_u16(), said }),
            408 | 429 | 500..=599 => Answer::Failed(Failure { text: text(), fix: None, retry_after }),
            407 => failed(
                text(),
                Some(
                    "the proxy wants a name and a password: put them into 'proxy', as in http://NAME:PASSWORD@HOST:PORT",
                ),
            ),
            _ => failed(text(), Some("this is no answer of Datadog's: look at 'site', 'host', 'port' and 'proxy'")),
        }
    }

    /// Reads the key's file again; whether it has another key now.
    fn read_key_again(&self) -> bool {
        let Some(found) = self.key_file.as_ref().and_then(|path| read_key(path).ok()) else { return false };
        let mut key = self.key.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = *key != found;
        *key = found;
        is_new
    }
}

/// What a user can do when the other end was not trusted.
fn certificate_fix(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, UnknownIssuer,
    };
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return Some(match why {
                UnknownIssuer | BadSignature => {
                    "the authority that signed this certificate is not known here: add its certificate to the system's, or name a \
                     file with it in the variable SSL_CERT_FILE. A proxy that reads along has an authority of its own"
                }
                NotValidForName | NotValidForNameContext { .. } => {
                    "the certificate is for another name: look at 'host' or 'dd_url', and whether a proxy answers in its place"
                }
                Expired | ExpiredContext { .. } => {
                    "look at the clock of this machine, and renew the certificate if it is right"
                }
                _ => "look at the certificate of the intake, or of the proxy that answers in its place",
            });
        }
        // What is in an error of input and output is not its source.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

fn failed(text: String, fix: Option<&'static str>) -> Answer {
    Answer::Failed(Failure { text, fix, retry_after: None })
}

fn read_key(path: &std::path::Path) -> Result<ApiKey, ClientError> {
    let content = std::fs::read(path).map_err(|source| ClientError::KeyFile { path: path.to_owned(), source })?;
    let content = zeroize::Zeroizing::new(content);
    ApiKey::new(&content).map_err(|source| ClientError::Key { path: path.to_owned(), source })
}

/// `Retry-After` in its form of seconds (RFC 9110, section 10.2.3), which is what Datadog sends.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER))
}

/// The beginning of an answer on one line.
fn shown(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let clean = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    clean.take(SHOWN_CHARACTERS).collect()
}
