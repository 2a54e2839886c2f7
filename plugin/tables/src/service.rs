//! A service of AWS that speaks JSON: Glue and SQS. Its calls are signed and sent by what reaches the lake.

use serde::de::DeserializeOwned;
use serde_json::Value;
use shiwake_delivery::store::{AwsAccess, AwsAnswer, AwsCall, AwsError};
use std::time::Duration;

/// What is shown of a service's own words, in characters.
const SHOWN_CHARACTERS: usize = 300;

/// A service, in one region.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    access: AwsAccess,
    /// As signatures name it.
    pub(crate) name: &'static str,
    /// What its operations' names begin with, as in `AWSGlue`.
    pub(crate) prefix: &'static str,
    /// Version of the protocol.
    pub(crate) json_version: &'static str,
    region: String,
    endpoint: String,
}

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// There was no answer.
    #[error(transparent)]
    NoAnswer(#[from] AwsError),
    /// The service said no.
    #[error("{operation}: '{endpoint}' answers {status} {code}{said}")]
    Refused {
        /// What was called.
        operation: &'static str,
        /// The address of the service.
        endpoint: String,
        /// Status of HTTP.
        status: u16,
        /// Its code of the error; empty when it gave none.
        code: String,
        /// Its words.
        said: String,
    },
    /// What is called has no address that a request can be made for.
    #[error("no request can be made for '{address}': {source}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        source: http::Error,
    },
    /// The answer is not what the operation answers.
    #[error("{operation}: the answer of '{endpoint}' cannot be used: {source}")]
    Answer {
        /// What was called.
        operation: &'static str,
        /// The address of the service.
        endpoint: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Fault {
    /// The service's code of the error.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Fault::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The status of a refusal.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Fault::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// A refusal, with so much of the service's words as is shown.
    pub(crate) fn refused(operation: &'static str, endpoint: &str, status: u16, code: &str, message: &str) -> Self {
        let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let repeats = REPEATS_REQUEST.contains(&code) || words.contains(TOKEN_HEADER);
        let said = match words.is_empty() || repeats {
            true => String::new(),
            false => format!(": {}", words.chars().take(SHOWN_CHARACTERS).collect::<String>()),
        };
        Fault::Refused { operation, endpoint: endpoint.to_owned(), status, code: code.to_owned(), said }
    }

    /// Whether it may work later without anybody's doing.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Fault::NoAnswer(error) => {
                matches!(error, AwsError::Unreachable { .. } | AwsError::TimedOut { .. })
            }
            Fault::Refused { status, code, .. } => {
                *status >= 500 || *status == 429 || code.contains("Throttl") || code == "OperationTimeoutException"
            }
            Fault::Address { .. } => false,
            Fault::Answer { .. } => true,
        }
    }
}

impl Service {
    /// A service at an endpoint.
    pub(crate) fn new(
        access: AwsAccess,
        (name, prefix, json_version): (&'static str, &'static str, &'static str),
        region: String,
        endpoint: String,
    ) -> Self {
        Self { access, name, prefix, json_version, region, endpoint }
    }

    /// Calls an operation, once.
    ///
    /// # Errors
    /// When there is no answer, a refusal, or something else than the operation answers.
    pub(crate) async fn call<A: DeserializeOwned>(
        &self,
        operation: &'static str,
        body: &Value,
        timeout: Duration,
    ) -> Result<A, Fault> {
        let call = AwsCall {
            service: self.name,
            region: &self.region,
            endpoint: &self.endpoint,
            target: &format!("{}.{operation}", self.prefix),
            json_version: self.json_version,
            timeout,
        };
        let answer = self.access.call(&call, body.to_string()).await?;
        if !(200..300).contains(&answer.status) {
            return Err(refusal(operation, &self.endpoint, &answer));
        }
        // An operation without a result answers nothing at all.
        let body = if answer.body.is_empty() { b"{}" } else { &answer.body[..] };
        serde_json::from_slice(body).map_err(|source| Fault::Answer {
            operation,
            endpoint: self.endpoint.clone(),
            source,
        })
    }
}

/// Codes after which a service repeats the request, with its session token.
const REPEATS_REQUEST: [&str; 2] = ["SignatureDoesNotMatch", "InvalidSignatureException"];

/// What such a repetition has, whatever its code.
const TOKEN_HEADER: &str = "x-amz-security-token";

fn refusal(operation: &'static str, endpoint: &str, answer: &AwsAnswer) -> Fault {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    // As in "com.amazonaws.sqs#QueueDoesNotExist", or with an address behind a colon.
    let code = text("__type").or_else(|| text("code")).unwrap_or_default();
    let code = code.rsplit('#').next().and_then(|code| code.split(':').next()).unwrap_or_default();
    let message = text("message").or_else(|| text("Message")).unwrap_or_default();
    Fault::refused(operation, endpoint, answer.status, code, message)
}

/// The domain of AWS' addresses in a region.
pub(crate) fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &'static str) -> Fault {
        refusal("GetTable", "https://glue", &AwsAnswer { status, body: body.as_bytes().into() })
    }

    #[test]
    fn a_refusal_is_told_by_its_code_and_in_the_services_words() {
        let fault = refused(400, r#"{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no\n such queue"}"#);
        assert_eq!(fault.code(), Some("QueueDoesNotExist"));
        assert_eq!(fault.to_string(), "GetTable: 'https://glue' answers 400 QueueDoesNotExist: no such queue");
        assert!(!fault.may_pass());
        for (status, body, may_pass) in [
            (400, r#"{"__type": "ThrottlingException", "Message": "slower"}"#, true),
            (503, "<html>", true),
            (403, r#"{"__type": "AccessDeniedException:http://x"}"#, false),
        ] {
            assert_eq!(refused(status, body).may_pass(), may_pass, "{body}");
        }
        for body in [
            r#"{"__type": "InvalidSignatureException", "message": "token abc"}"#,
            r#"{"__type": "Forbidden", "message": "expected: GET / x-amz-security-token:abc"}"#,
        ] {
            let shown = refused(403, body).to_string();
            assert!(!shown.contains("abc"), "{shown}");
        }
    }
}
