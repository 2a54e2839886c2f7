//! `commit` as a function of Lambda: asks the runtime API for an event, does it, and answers, until Lambda ends the process
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
//!
//! Messages of a queue that is the function's event source come in the event, and those that are left are answered as
//! `batchItemFailures` (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>); at any other event, as
//! of a schedule, the command runs as it would elsewhere.

use crate::error::TableError;
use serde_json::{Value, json};
use std::time::Duration;

/// Variable that says where the runtime API is; only Lambda sets it.
pub(crate) const API_VARIABLE: &str = "AWS_LAMBDA_RUNTIME_API";
/// The header that names the event.
const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
/// Version of the API.
const VERSION: &str = "2018-06-01";
/// How long it may take to let us connect; an event may come whenever it likes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// To take in what these messages name: their ids and what they say.
    Messages(Vec<(String, String)>),
    /// To do what the command line says.
    Run,
}

impl Event {
    /// Reads an event.
    fn of(event: &Value) -> Self {
        let text = |record: &Value, key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
        let of_queue = |record: &Value| {
            let is_message = record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs");
            is_message.then(|| text(record, "messageId").zip(text(record, "body"))).flatten()
        };
        let records = event.get("Records").and_then(Value::as_array);
        let messages: Option<Vec<_>> = records.map(|records| records.iter().filter_map(of_queue).collect());
        messages.filter(|messages| !messages.is_empty()).map_or(Event::Run, Event::Messages)
    }
}

/// The answer to messages of which some are left.
pub(crate) fn failures<'i>(left: impl Iterator<Item = &'i str>) -> Value {
    let failures = left.map(|id| json!({"itemIdentifier": id})).collect::<Vec<_>>();
    json!({"batchItemFailures": failures})
}

/// Asks for events and answers them. It ends when the runtime API does.
///
/// # Errors
/// Always, in the end: when there is no more event to be had.
pub(crate) async fn serve(
    address: &str,
    handle: impl AsyncFn(Event) -> Result<Value, TableError>,
) -> Result<(), TableError> {
    // reqwest asks rustls for its library, though nothing here is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |error: reqwest::Error| TableError::Lambda { address: address.to_owned(), reason: chain(&error) };
    let client = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).no_proxy().build().map_err(failed)?;
    let base = format!("http://{address}/{VERSION}/runtime/invocation");
    loop {
        let next = client.get(format!("{base}/next")).send().await.and_then(reqwest::Response::error_for_status);
        let next = next.map_err(failed)?;
        let id = next.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        let id = id.ok_or_else(|| TableError::Lambda {
            address: address.to_owned(),
            reason: format!("an event has no {REQUEST_ID}"),
        })?;
        let event: Value = serde_json::from_slice(&next.bytes().await.map_err(failed)?).unwrap_or_default();
        let (path, answer) = match handle(Event::of(&event)).await {
            Ok(answer) => ("response", answer),
            Err(error) => ("error", json!({"errorType": "TableError", "errorMessage": error.to_string()})),
        };
        let told = client.post(format!("{base}/{id}/{path}")).body(answer.to_string()).send().await;
        told.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_queue_are_told_from_other_events() {
        let message = json!({"messageId": "1", "body": "{}", "eventSource": "aws:sqs"});
        assert_eq!(Event::of(&json!({"Records": [message]})), Event::Messages(vec![("1".to_owned(), "{}".to_owned())]));
        for other in [json!({}), json!({"source": "aws.scheduler"}), json!({"Records": [{"eventSource": "aws:s3"}]})] {
            assert_eq!(Event::of(&other), Event::Run, "{other}");
        }
    }
}
