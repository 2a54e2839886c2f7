//! Datadog: whether its intake is reached from here, and takes the key.

use super::finding::Finding;
use bytes::Bytes;
use shiwake_delivery::config::datadog::DatadogConfig;
use shiwake_delivery::datadog::client::{Answer, IntakeClient};
use shiwake_delivery::datadog::compression::Compressor;
use std::time::Instant;

/// What Datadog's Agent sends for the same purpose
/// (<https://github.com/DataDog/datadog-agent/blob/main/pkg/logs/client/http/destination.go>): there is no log in it.
const NOTHING: &[u8] = b"{}";

/// Sends a payload without a log.
pub(super) async fn look(config: &DatadogConfig) -> Finding {
    let subject = format!("datadog {}", config.intake.url());
    let client = match IntakeClient::new(config) {
        Ok(client) => client,
        Err(error) => return Finding::bad(subject, error.to_string(), "correct 'apikey_file' or 'proxy'"),
    };
    let body = match Compressor::new(config.compression).and_then(|mut compressor| compressor.compress(NOTHING)) {
        Ok(body) => body,
        Err(error) => return Finding::bad(subject, error.to_string(), "choose another 'compress'"),
    };
    let begin = Instant::now();
    match client.send(Bytes::from(body), 1, || true).await {
        Answer::Accepted => {
            Finding::good(subject, format!("a payload without a log was taken in {:?}", begin.elapsed()))
        }
        Answer::Refused(refusal) => {
            Finding::bad(subject, format!("the intake answers {}: {}", refusal.status, refusal.said), refusal.fix())
        }
        Answer::Failed(failure) => {
            let advice =
                "see whether the task reaches the intake: subnet, security group, 'proxy', PrivateLink ('host')";
            Finding::bad(subject, failure.text, failure.fix.unwrap_or(advice))
        }
    }
}
