//! How S3 is reached: region, endpoint, credentials, and what each object is stored with.

use super::aws::AwsAccess;
use super::role::AssumedRole;
use super::sts::Sts;
use super::{CLIENT_RETRIES, CLIENT_RETRY_TIMEOUT, CONNECT_TIMEOUT, Environment, OpenError, Role};
use crate::clock::SystemClock;
use http::{HeaderMap, HeaderValue};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::client::{HttpConnector, ReqwestConnector};
use object_store::{ClientOptions, RetryConfig};
use std::sync::Arc;

/// The header of a canned ACL
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html#API_PutObject_RequestSyntax>).
const ACL_HEADER: &str = "x-amz-acl";
/// The region that requests are signed for when an endpoint is set and no region.
const REGION_OF_ENDPOINTS: &str = "us-east-1";
/// What CloudTrail shows as the name of a session, when the environment has none.
const SESSION_NAME: &str = "shiwake";

/// What a user can say about S3 beside the location; everything else comes from the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Options {
    /// Region, as in `eu-west-1`.
    pub region: Option<String>,
    /// Another endpoint than AWS', as in `http://localhost:9000`.
    pub endpoint: Option<String>,
    /// ARN of a role that is assumed to reach the bucket.
    pub role_arn: Option<String>,
    /// What that role's trust policy may ask for.
    pub external_id: Option<String>,
    /// Another endpoint of STS than the region's.
    pub sts_endpoint: Option<String>,
    /// The KMS key that objects are encrypted with: its id, its ARN or an alias.
    pub sse_kms_key_id: Option<String>,
    /// Who may read objects beside their owner.
    pub canned_acl: Option<CannedAcl>,
}

/// A set of grants that S3 knows by name
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl>). Those that let everybody read are
/// not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannedAcl {
    /// The owner of the object alone.
    Private,
    /// The owner of the bucket may read.
    BucketOwnerRead,
    /// The owner of the bucket may do all.
    BucketOwnerFullControl,
    /// EC2 may read.
    AwsExecRead,
}

impl CannedAcl {
    /// All of them.
    pub const ALL: [CannedAcl; 4] =
        [CannedAcl::Private, CannedAcl::BucketOwnerRead, CannedAcl::BucketOwnerFullControl, CannedAcl::AwsExecRead];

    /// S3's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CannedAcl::Private => "private",
            CannedAcl::BucketOwnerRead => "bucket-owner-read",
            CannedAcl::BucketOwnerFullControl => "bucket-owner-full-control",
            CannedAcl::AwsExecRead => "aws-exec-read",
        }
    }
}

/// A client for a bucket, and the role whose credentials it uses when one is assumed.
pub(super) fn open(
    bucket: &str,
    options: &S3Options,
    environment: &Environment,
    shown: &str,
) -> Result<(AmazonS3, Option<Arc<AssumedRole>>), OpenError> {
    // rustls asks which library to use when two could be; there is one, and it is set once a process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let refuse = |source| OpenError::Client { lake: shown.to_owned(), source };
    let builder = configure(bucket, options, environment)?;
    let Some(arn) = &options.role_arn else { return Ok((builder.build().map_err(refuse)?, None)) };
    // The chain of credentials is the client's own: it is built once as if there were no role.
    let own = Arc::clone(builder.clone().build().map_err(refuse)?.credentials());
    let role = assume(&builder, arn, options, environment, own).map_err(refuse)?;
    let store = builder.with_credentials(Arc::clone(&role) as _).build().map_err(refuse)?;
    Ok((store, Some(role)))
}

/// What other services than S3 are reached with.
pub(super) fn access(options: &S3Options, environment: &Environment) -> Result<AwsAccess, OpenError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let refuse = |source| OpenError::Client { lake: "AWS".to_owned(), source };
    // The bucket is asked for nothing; the builder wants one.
    let builder = configure("bucket", options, environment)?;
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region).unwrap_or_else(|| REGION_OF_ENDPOINTS.to_owned());
    let own = Arc::clone(builder.clone().build().map_err(refuse)?.credentials());
    // Endpoints on this machine have no TLS; those of AWS are named by whoever calls, with https.
    let client = ReqwestConnector::default().connect(&client_options().with_allow_http(true)).map_err(refuse)?;
    let Some(arn) = &options.role_arn else { return Ok(AwsAccess { client, credentials: own, role: None, region }) };
    let role = assume(&builder, arn, options, environment, own).map_err(refuse)?;
    Ok(AwsAccess { client, credentials: Arc::clone(&role) as _, role: Some(role), region })
}

/// A role, assumed with credentials of ours.
fn assume(
    builder: &AmazonS3Builder,
    arn: &str,
    options: &S3Options,
    environment: &Environment,
    own: AwsCredentialProvider,
) -> object_store::Result<Arc<AssumedRole>> {
    let variable = |name: &str| environment.iter().find(|(known, value)| known == name && !value.is_empty());
    let session_name = variable("AWS_ROLE_SESSION_NAME").map_or(SESSION_NAME, |(_, name)| name.as_str());
    let value = |key: AmazonS3ConfigKey| builder.get_config_value(&key);
    let region = value(AmazonS3ConfigKey::Region).unwrap_or_else(|| REGION_OF_ENDPOINTS.to_owned());
    let of_environment = || value(AmazonS3ConfigKey::StsEndpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
    let endpoint = options.sts_endpoint.clone().or_else(of_environment).unwrap_or_else(|| sts_of(&region));
    let client = client_options().with_allow_http(endpoint.starts_with("http://"));
    let client = ReqwestConnector::default().connect(&client)?;
    let role =
        Role { arn: arn.to_owned(), external_id: options.external_id.clone(), session_name: session_name.to_owned() };
    let clock = Arc::new(SystemClock::default());
    Ok(Arc::new(AssumedRole::new(role, Sts { client, endpoint, region }, own, clock)))
}

/// The regional endpoint, which a VPC can have an endpoint of its own for
/// (<https://docs.aws.amazon.com/general/latest/gr/sts.html>).
fn sts_of(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://sts.{region}.{domain}")
}

/// How long a request may take depends on its size, which the client does not know.
fn client_options() -> ClientOptions {
    ClientOptions::new().with_connect_timeout(CONNECT_TIMEOUT).with_timeout_disabled()
}

fn configure(bucket: &str, options: &S3Options, environment: &Environment) -> Result<AmazonS3Builder, OpenError> {
    let retry =
        RetryConfig { max_retries: CLIENT_RETRIES, retry_timeout: CLIENT_RETRY_TIMEOUT, ..RetryConfig::default() };
    let mut client = client_options();
    if let Some(acl) = options.canned_acl {
        // The client signs such headers with every request.
        let header = (http::HeaderName::from_static(ACL_HEADER), HeaderValue::from_static(acl.name()));
        client = client.with_default_headers(HeaderMap::from_iter([header]));
    }
    let mut builder = AmazonS3Builder::new().with_retry(retry).with_client_options(client);
    for (name, value) in environment.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(region) = &options.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &options.endpoint {
        // Of the two keys for an endpoint this is the one that wins.
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if let Some(key) = &options.sse_kms_key_id {
        builder = builder.with_sse_kms_encryption(key);
    }
    let value = |key: AmazonS3ConfigKey| builder.get_config_value(&key);
    let endpoint = value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
    let has_region = value(AmazonS3ConfigKey::Region).or_else(|| value(AmazonS3ConfigKey::DefaultRegion)).is_some();
    if !has_region && endpoint.is_none() {
        return Err(OpenError::NoRegion { bucket: bucket.to_owned() });
    }
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    Ok(builder.with_bucket_name(bucket))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_asked_in_the_region_of_the_bucket() {
        assert_eq!(sts_of("eu-west-1"), "https://sts.eu-west-1.amazonaws.com");
        assert_eq!(sts_of("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
    }
}
