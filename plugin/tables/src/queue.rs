//! A queue of SQS (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html>).
//!
//! A message that is received is hidden for [`HIDDEN_SECONDS`]; one that is not removed by then comes again, here or to another
//! who asks.

use crate::error::TableError;
use crate::service::{Fault, Service};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shiwake_delivery::store::AwsAccess;
use std::time::Duration;

/// How long a message is hidden from others, in seconds: longer than a batch's commit takes.
const HIDDEN_SECONDS: u32 = 300;
/// How long it is waited for a message when there is none, in seconds. Without waiting, not all of a queue's servers are asked.
const WAIT_SECONDS: u32 = 2;
/// Messages of a call at most.
const MESSAGES_A_CALL: usize = 10;
/// Calls for messages at a time.
const CALLS_AT_A_TIME: usize = 8;
/// How often a call that failed is made anew.
const RETRIES: u32 = 3;
/// The first pause before that; it is doubled.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a call may take, beside waiting for messages.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    service: Service,
    url: String,
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message {
    /// Its id.
    pub(crate) message_id: String,
    /// By which it is removed.
    receipt_handle: String,
    /// What it says.
    pub(crate) body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received {
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Removed {
    #[serde(default)]
    failed: Vec<Value>,
}

impl Queue {
    /// The queue of a URL, in the region that the URL names.
    ///
    /// # Errors
    /// When it is no URL of a queue.
    pub(crate) fn new(access: AwsAccess, url: &str) -> Result<Self, TableError> {
        let (endpoint, host) = endpoint(url).ok_or_else(|| TableError::QueueAddress { found: url.to_owned() })?;
        let region = region(host).unwrap_or_else(|| access.region()).to_owned();
        Ok(Self { service: Service::new(access, ("sqs", "AmazonSQS", "1.0"), region, endpoint), url: url.to_owned() })
    }

    /// Messages, up to so many and a few more, and whether there are no more for now.
    pub(crate) async fn collect(&self, at_most: usize) -> Result<(Vec<Message>, bool), Fault> {
        let mut messages: Vec<Message> = Vec::new();
        while messages.len() < at_most {
            let asked = (at_most - messages.len()).div_ceil(MESSAGES_A_CALL).min(CALLS_AT_A_TIME);
            let answers = futures::future::try_join_all((0..asked).map(|_| self.receive())).await?;
            let before = messages.len();
            messages.extend(answers.into_iter().flatten());
            if messages.len() == before {
                return Ok((messages, true));
            }
        }
        Ok((messages, false))
    }

    async fn receive(&self) -> Result<Vec<Message>, Fault> {
        let body = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": MESSAGES_A_CALL,
            "WaitTimeSeconds": WAIT_SECONDS,
            "VisibilityTimeout": HIDDEN_SECONDS,
        });
        let received: Received = self.call("ReceiveMessage", &body).await?;
        Ok(received.messages)
    }

    /// Removes messages, and gives the number of those that the queue did not remove; they come again.
    pub(crate) async fn remove(&self, messages: &[Message]) -> Result<usize, Fault> {
        let mut kept = 0;
        for part in messages.chunks(MESSAGES_A_CALL) {
            let entries = part.iter().enumerate();
            let entries =
                entries.map(|(place, one)| json!({"Id": place.to_string(), "ReceiptHandle": one.receipt_handle}));
            let body = json!({"QueueUrl": self.url, "Entries": entries.collect::<Vec<_>>()});
            let removed: Removed = self.call("DeleteMessageBatch", &body).await?;
            kept += removed.failed.len();
        }
        Ok(kept)
    }

    /// Calls an operation, a few times when it may work later: doing either of them twice does no harm.
    async fn call<A: DeserializeOwned>(&self, operation: &'static str, body: &Value) -> Result<A, Fault> {
        let mut attempt = 0;
        loop {
            match self.service.call(operation, body, TIMEOUT).await {
                Err(fault) if fault.may_pass() && attempt < RETRIES => attempt += 1,
                done => return done,
            }
            tokio::time::sleep(FIRST_PAUSE.saturating_mul(1 << attempt)).await;
        }
    }
}

/// Where a queue's service is, and the host of it.
fn endpoint(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "https" | "http"))?;
    let (host, path) = rest.split_once('/')?;
    let is_queue = !host.is_empty() && path.split('/').filter(|part| !part.is_empty()).count() >= 2;
    is_queue.then(|| (format!("{scheme}://{host}"), host))
}

/// The region of a host of AWS, as in `sqs.eu-west-1.amazonaws.com` and `vpce-1.sqs.eu-west-1.vpce.amazonaws.com`.
fn region(host: &str) -> Option<&str> {
    let mut labels = host.split('.');
    labels.find(|label| *label == "sqs")?;
    labels.next().filter(|_| host.contains(".amazonaws.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queues_url_says_service_and_region() {
        for (url, place, of) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/123456789012/lake",
                Some("https://sqs.eu-west-1.amazonaws.com"),
                Some("eu-west-1"),
            ),
            (
                "https://vpce-1.sqs.us-east-2.vpce.amazonaws.com/1/q",
                Some("https://vpce-1.sqs.us-east-2.vpce.amazonaws.com"),
                Some("us-east-2"),
            ),
            ("http://127.0.0.1:5000/123456789012/lake", Some("http://127.0.0.1:5000"), None),
            ("https://sqs.eu-west-1.amazonaws.com/", None, None),
            ("sqs.eu-west-1.amazonaws.com/1/q", None, None),
            ("arn:aws:sqs:eu-west-1:1:q", None, None),
        ] {
            let found = endpoint(url);
            assert_eq!(found.as_ref().map(|(place, _)| place.as_str()), place, "{url}");
            assert_eq!(found.and_then(|(_, host)| region(host)), of, "{url}");
        }
    }
}
