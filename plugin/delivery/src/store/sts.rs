//! One call of AWS' Security Token Service: `AssumeRole`
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>), signed and sent as the store's requests are.
//!
//! Of what the service says only what names a role is passed on: its answer to a wrong signature repeats the request, with
//! the session token in it.

use super::Role;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpError, HttpRequest, HttpRequestBody};
use serde::Deserialize;
use shiwake_records::civil_time::parse_rfc3339;
use std::time::Duration;

/// How long the service may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a session is asked for: the longest that a role taken by way of another role may have.
const SESSION_SECONDS: &str = "3600";
/// The version of the API.
const API_VERSION: &str = "2011-06-15";
/// What is shown of the service's own words, in characters.
const SHOWN_CHARACTERS: usize = 300;

/// Why a role was not assumed.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// There are no credentials to ask with.
    #[error("role '{role}' cannot be assumed: this task has no credentials of its own: {source}")]
    NoCredentials {
        /// The role.
        role: String,
        /// What the chain of credentials says.
        source: object_store::Error,
    },
    /// The request could not be made.
    #[error("role '{role}' cannot be assumed: no request can be made for '{endpoint}': {source}")]
    Request {
        /// The role.
        role: String,
        /// The address of the service.
        endpoint: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service could not be reached.
    #[error("role '{role}' cannot be assumed: '{endpoint}' cannot be reached: {source}")]
    Unreachable {
        /// The role.
        role: String,
        /// The address of the service.
        endpoint: String,
        /// What the client says.
        source: HttpError,
    },
    /// The service did not answer.
    #[error("role '{role}' cannot be assumed: no answer from '{endpoint}' within {after:?}")]
    TimedOut {
        /// The role.
        role: String,
        /// The address of the service.
        endpoint: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The service said no.
    #[error("role '{role}' cannot be assumed: '{endpoint}' answers {status} {code}{said}")]
    Refused {
        /// The role.
        role: String,
        /// The address of the service.
        endpoint: String,
        /// Status of HTTP.
        status: u16,
        /// Its code of the error; empty when it gave none.
        code: String,
        /// Its words, when they are fit to be shown.
        said: String,
        /// Whether an external id was sent.
        has_external_id: bool,
    },
    /// The service's answer has no credentials that can be used.
    #[error("role '{role}' cannot be assumed: the answer of '{endpoint}' cannot be used: {reason}")]
    Answer {
        /// The role.
        role: String,
        /// The address of the service.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl RoleError {
    /// What somebody must change; `None` when it may work later by itself.
    #[must_use]
    pub fn fix(&self) -> Option<&'static str> {
        match self {
            RoleError::NoCredentials { .. } => {
                Some("give the task a role that may call sts:AssumeRole, or credentials in the environment")
            }
            RoleError::Request { .. } | RoleError::Answer { .. } => Some("correct 'sts_endpoint'"),
            RoleError::Refused { code, has_external_id, .. } => match code.as_str() {
                "AccessDenied" if *has_external_id => Some(
                    "let the role's trust policy name the task role as principal, with 'external_id' as its sts:ExternalId, and \
                     allow the task role sts:AssumeRole on it",
                ),
                "AccessDenied" => Some(
                    "let the role's trust policy name the task role as principal and allow the task role sts:AssumeRole on it; \
                     when the policy asks for sts:ExternalId, set 'external_id'",
                ),
                "ValidationError" | "MalformedPolicyDocument" => Some("correct 'role_arn' and 'external_id'"),
                "RegionDisabledException" => Some(
                    "activate STS for this region in the account of the task, or set 'sts_endpoint' to another region's",
                ),
                "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
                | "UnrecognizedClientException"
                | "SignatureDoesNotMatch"
                | "MissingAuthenticationToken"
                | "IncompleteSignature" => Some("give the task valid credentials of its own, and check its clock"),
                _ => None,
            },
            RoleError::Unreachable { .. } | RoleError::TimedOut { .. } => None,
        }
    }
}

/// Credentials of a session, and when they end.
pub(super) struct Granted {
    pub(super) credential: AwsCredential,
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub(super) expires_micros: i64,
}

/// The service, in one region.
#[derive(Debug)]
pub(super) struct Sts {
    pub(super) client: HttpClient,
    pub(super) endpoint: String,
    pub(super) region: String,
}

#[derive(Deserialize)]
struct AssumeRoleResponse {
    #[serde(rename = "AssumeRoleResult")]
    result: AssumeRoleResult,
}

#[derive(Deserialize)]
struct AssumeRoleResult {
    #[serde(rename = "Credentials")]
    credentials: SessionCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

/// STS has the error in the answer; other services, and those that speak like them, have a list of them there.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorResponse {
    error: Option<ServiceError>,
    errors: Option<ServiceErrors>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceErrors {
    error: ServiceError,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceError {
    code: String,
    #[serde(default)]
    message: String,
}

impl Sts {
    /// Asks for a session of a role with the credentials of the task, once.
    ///
    /// # Errors
    /// When the service cannot be reached, refuses, or answers what is not understood.
    pub(super) async fn assume(&self, role: &Role, own: &AwsCredential) -> Result<Granted, RoleError> {
        let request = self.request(role, own)?;
        let exchange = async {
            let response = self.client.execute(request).await?;
            Ok((response.status(), response.into_body().bytes().await?))
        };
        let (status, body) = match tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(source)) => {
                return Err(RoleError::Unreachable { role: role.arn.clone(), endpoint: self.endpoint.clone(), source });
            }
            Err(_) => {
                let (role, endpoint) = (role.arn.clone(), self.endpoint.clone());
                return Err(RoleError::TimedOut { role, endpoint, after: ANSWER_TIMEOUT });
            }
        };
        let body = String::from_utf8_lossy(&body);
        if !status.is_success() {
            return Err(self.refusal(role, status.as_u16(), &body));
        }
        granted(&body).map_err(|reason| RoleError::Answer {
            role: role.arn.clone(),
            endpoint: self.endpoint.clone(),
            reason,
        })
    }

    fn request(&self, role: &Role, own: &AwsCredential) -> Result<HttpRequest, RoleError> {
        let refuse = |source: Box<dyn std::error::Error + Send + Sync>| {
            let (role, endpoint) = (role.arn.clone(), self.endpoint.clone());
            RoleError::Request { role, endpoint, source }
        };
        // The signer takes it for granted.
        if own.token.as_deref().is_some_and(|token| !is_header(token)) {
            return Err(refuse("the session token of the task's own credentials is none".into()));
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "AssumeRole")
            .append_pair("Version", API_VERSION)
            .append_pair("DurationSeconds", SESSION_SECONDS)
            .append_pair("RoleArn", &role.arn)
            .append_pair("RoleSessionName", &role.session_name);
        if let Some(external_id) = &role.external_id {
            form.append_pair("ExternalId", external_id);
        }
        let request = http::Request::post(format!("{}/", self.endpoint.trim_end_matches('/')))
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(HttpRequestBody::from(form.finish()));
        let mut request = request.map_err(|error| refuse(Box::new(error)))?;
        let signer = AwsAuthorizer::new(own, "sts", &self.region);
        signer.try_authorize(&mut request, None).map_err(|error| refuse(Box::new(error)))?;
        Ok(request)
    }

    fn refusal(&self, role: &Role, status: u16, body: &str) -> RoleError {
        let error = quick_xml::de::from_str::<ErrorResponse>(body).ok();
        let error = error.and_then(|answer| answer.error.or(answer.errors.map(|list| list.error)));
        let (code, message) = error.map(|error| (error.code, error.message)).unwrap_or_default();
        let is_shown = matches!(code.as_str(), "AccessDenied" | "ValidationError" | "RegionDisabledException");
        let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = match is_shown && !words.is_empty() {
            true => format!(": {}", words.chars().take(SHOWN_CHARACTERS).collect::<String>()),
            false => String::new(),
        };
        let (role, endpoint, has_external_id) = (role.arn.clone(), self.endpoint.clone(), role.external_id.is_some());
        RoleError::Refused { role, endpoint, status, code, said, has_external_id }
    }
}

/// The credentials of an answer, or what is wrong with it.
fn granted(body: &str) -> Result<Granted, &'static str> {
    let answer =
        quick_xml::de::from_str::<AssumeRoleResponse>(body).map_err(|_| "it is not what AssumeRole answers")?;
    let SessionCredentials { access_key_id, secret_access_key, session_token, expiration } = answer.result.credentials;
    if [&access_key_id, &secret_access_key, &session_token].iter().any(|text| text.is_empty() || !is_header(text)) {
        return Err("it has no credentials");
    }
    let expires = parse_rfc3339(expiration.as_bytes()).ok_or("it does not say when the credentials end")?;
    let credential = AwsCredential { key_id: access_key_id, secret_key: secret_access_key, token: Some(session_token) };
    Ok(Granted { credential, expires_micros: expires.micros() })
}

/// Whether text can be sent in a header.
fn is_header(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
