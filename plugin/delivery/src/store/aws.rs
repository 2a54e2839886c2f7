//! Calls of AWS' services that speak JSON (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>), signed with the
//! credentials that a lake in S3 would be reached with, and sent by the same client.
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
        let target = || call.target.to_owned();
        let credential = self.credentials.get_credential().await;
        let credential = credential.map_err(|source| AwsError::NoCredentials { target: target(), source })?;
        let refuse = |source: Box<dyn std::error::Error + Send + Sync>| AwsError::Request {
            target: target(),
            endpoint: call.endpoint.to_owned(),
            source,
        };
        let request = http::Request::post(format!("{}/", call.endpoint.trim_end_matches('/')))
            .header(http::header::CONTENT_TYPE, format!("application/x-amz-json-{}", call.json_version))
            .header("x-amz-target", call.target)
            .body(HttpRequestBody::from(body));
        let mut request = request.map_err(|error| refuse(Box::new(error)))?;
        let signer = AwsAuthorizer::new(&credential, call.service, call.region);
        signer.try_authorize(&mut request, None).map_err(|error| refuse(Box::new(error)))?;
        let exchange = async {
            let response = self.client.execute(request).await?;
            Ok((response.status(), response.into_body().bytes().await?))
        };
        let endpoint = || call.endpoint.to_owned();
        match tokio::time::timeout(call.timeout, exchange).await {
            Ok(Ok((status, body))) => {
                if let Some(role) = self.role.as_ref().filter(|_| matches!(status.as_u16(), 401 | 403)) {
                    role.forget().await;
                }
                Ok(AwsAnswer { status: status.as_u16(), body })
            }
            Ok(Err(source)) => Err(AwsError::Unreachable { target: target(), endpoint: endpoint(), source }),
            Err(_) => Err(AwsError::TimedOut { target: target(), endpoint: endpoint(), after: call.timeout }),
        }
    }
}
