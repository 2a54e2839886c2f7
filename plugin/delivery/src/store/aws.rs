//! Calls of AWS' services that speak JSON (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>), and requests of any
//! other form to what takes AWS' signatures (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>), signed with
//! the credentials that a lake in S3 would be reached with, and sent by the same client.
//!
//! What a service says of a request that it does not take is passed on, but for what repeats the request.

use super::role::AssumedRole;
use super::{Environment, OpenError, S3Options, chain, s3};
use bytes::Bytes;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpError, HttpRequestBody};
use std::sync::Arc;
use std::time::Duration;

/// Credentials, region and client.
#[derive(Debug, Clone)]
pub struct AwsAccess {
    pub(super) client: HttpClient,
    pub(super) credentials: AwsCredentialProvider,
    pub(super) role: Option<Arc<AssumedRole>>,
    pub(super) region: String,
}

/// What is asked of a service.
#[derive(Debug, Clone, Copy)]
pub struct AwsCall<'c> {
    /// The service, as signatures name it, as in `glue`.
    pub service: &'c str,
    /// The region that it is signed for.
    pub region: &'c str,
    /// Where it is sent to, as in `https://glue.eu-west-1.amazonaws.com`.
    pub endpoint: &'c str,
    /// What is called, as in `AWSGlue.GetTable`.
    pub target: &'c str,
    /// Version of the protocol, `1.0` or `1.1`.
    pub json_version: &'c str,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// What a request is signed for.
#[derive(Debug, Clone, Copy)]
pub struct SignedFor<'s> {
    /// The service, as signatures name it, as in `s3tables`.
    pub service: &'s str,
    /// Its region.
    pub region: &'s str,
}

/// An answer of a service, of whatever status.
#[derive(Debug)]
pub struct AwsAnswer {
    /// Status of HTTP.
    pub status: u16,
    /// Its body.
    pub body: Bytes,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// There are no credentials.
    #[error("{target} cannot be called: there are no credentials: {}", chain(.source))]
    NoCredentials {
        /// What was called.
        target: String,
        /// What the chain of credentials says.
        source: object_store::Error,
    },
    /// The request could not be made.
    #[error("{target} cannot be called: no request can be made for '{endpoint}': {source}")]
    Request {
        /// What was called.
        target: String,
        /// The address of the service.
        endpoint: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service could not be reached.
    #[error("{target} cannot be called: '{endpoint}' cannot be reached: {}", chain(.source))]
    Unreachable {
        /// What was called.
        target: String,
        /// The address of the service.
        endpoint: String,
        /// What the client says.
        source: HttpError,
    },
    /// The service did not answer.
    #[error("{target}: no answer from '{endpoint}' within {after:?}")]
    TimedOut {
        /// What was called.
        target: String,
        /// The address of the service.
        endpoint: String,
        /// How long it was waited for.
        after: Duration,
    },
}

impl AwsAccess {
    /// Takes region, credentials and role as for a bucket; of the options that say how objects are stored none counts.
    ///
    /// # Errors
    /// When nothing says the region, or the client refuses its configuration.
    pub fn new(options: &S3Options, environment: &Environment) -> Result<Self, OpenError> {
        s3::access(options, environment)
    }

    /// The region that was configured.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Calls a service with a body of JSON, once.
    ///
    /// # Errors
    /// When there was no answer. One that refuses is an answer.
    pub async fn call(&self, call: &AwsCall<'_>, body: String) -> Result<AwsAnswer, AwsError> {
        let (target, endpoint) = (call.target.to_owned(), call.endpoint.to_owned());
        let request = http::Request::post(format!("{}/", call.endpoint.trim_end_matches('/')))
            .header(http::header::CONTENT_TYPE, format!("application/x-amz-json-{}", call.json_version))
            .header("x-amz-target", call.target)
            .body(body);
        match request {
            Ok(request) => {
                let signed_for = SignedFor { service: call.service, region: call.region };
                self.exchange(target, endpoint, signed_for, request, call.timeout).await
            }
            Err(error) => Err(AwsError::Request { target, endpoint, source: Box::new(error) }),
        }
    }

    /// Signs a request and sends it, once.
    ///
    /// # Errors
    /// When there was no answer. One that refuses is an answer.
    pub async fn send(
        &self,
        signed_for: SignedFor<'_>,
        request: http::Request<String>,
        timeout: Duration,
    ) -> Result<AwsAnswer, AwsError> {
        let uri = request.uri();
        let target = format!("{} {}", request.method(), uri.path());
        let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        let endpoint = format!("{}://{}{port}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        self.exchange(target, endpoint, signed_for, request, timeout).await
    }

    async fn exchange(
        &self,
        target: String,
        endpoint: String,
        signed_for: SignedFor<'_>,
        request: http::Request<String>,
        timeout: Duration,
    ) -> Result<AwsAnswer, AwsError> {
        let credential = match self.credentials.get_credential().await {
            Ok(credential) => credential,
            Err(source) => return Err(AwsError::NoCredentials { target, source }),
        };
        let mut request = request.map(HttpRequestBody::from);
        let signer = AwsAuthorizer::new(&credential, signed_for.service, signed_for.region);
        if let Err(error) = signer.try_authorize(&mut request, None) {
            return Err(AwsError::Request { target, endpoint, source: Box::new(error) });
        }
        let exchange = async {
            let response = self.client.execute(request).await?;
            Ok((response.status(), response.into_body().bytes().await?))
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(Ok((status, body))) => {
                if let Some(role) = self.role.as_ref().filter(|_| matches!(status.as_u16(), 401 | 403)) {
                    role.forget().await;
                }
                Ok(AwsAnswer { status: status.as_u16(), body })
            }
            Ok(Err(source)) => Err(AwsError::Unreachable { target, endpoint, source }),
            Err(_) => Err(AwsError::TimedOut { target, endpoint, after: timeout }),
        }
    }
}
