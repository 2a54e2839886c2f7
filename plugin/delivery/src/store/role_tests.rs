#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;
use crate::store::{Disposition, PutError};
use http::HeaderMap;
use object_store::StaticCredentialProvider;
use object_store::client::{HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService};
use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicI64, Ordering};

const TOKEN: &str = "the-token-of-the-task";
const SECRET: &str = "the-secret-of-the-task";
const SECOND: i64 = 1_000_000;

/// A clock that goes on when it is told to.
#[derive(Debug, Default)]
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn wall_micros(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the service does with the next request.
enum Reply {
    /// A session that ends so many seconds after 1970-01-01T00:00:00Z.
    Session(i64),
    Answer(u16, String),
    NoConnection,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<(HeaderMap, String)>,
}

/// The service, as a client sees it.
struct Service {
    replies: StdMutex<VecDeque<Reply>>,
    state: Arc<StdMutex<State>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Service")
    }
}

#[async_trait::async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let body = String::from_utf8(request.body().as_bytes().unwrap().to_vec()).unwrap();
        let number = {
            let mut state = self.state.lock().unwrap();
            state.requests.push((request.headers().clone(), format!("{} {body}", request.uri())));
            state.requests.len()
        };
        let (status, body) = match self.replies.lock().unwrap().pop_front().unwrap() {
            Reply::NoConnection => {
                return Err(HttpError::new(HttpErrorKind::Connect, std::io::Error::other("refused")));
            }
            Reply::Session(end) => (200, session(number, end)),
            Reply::Answer(status, body) => (status, body),
        };
        Ok(http::Response::builder().status(status).body(body.into()).unwrap())
    }
}

/// As <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Examples> has it.
fn session(number: usize, end_seconds: i64) -> String {
    let (hour, minute, second) = (end_seconds / 3_600, end_seconds / 60 % 60, end_seconds % 60);
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><SourceIdentity/>\
         <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/logs/shiwake</Arn></AssumedRoleUser><Credentials>\
         <AccessKeyId>KEY{number}</AccessKeyId><SecretAccessKey>a/b+c=</SecretAccessKey><SessionToken>T</SessionToken>\
         <Expiration>1970-01-01T{hour:02}:{minute:02}:{second:02}Z</Expiration></Credentials><PackedPolicySize>6\
         </PackedPolicySize></AssumeRoleResult></AssumeRoleResponse>"
    )
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
}

struct Case {
    role: AssumedRole,
    clock: Arc<HandClock>,
    state: Arc<StdMutex<State>>,
}

impl Case {
    fn new(external_id: Option<&str>, replies: impl IntoIterator<Item = Reply>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let state = Arc::<StdMutex<State>>::default();
        let replies = StdMutex::new(replies.into_iter().collect());
        let client = HttpClient::new(Service { replies, state: Arc::clone(&state) });
        let role = Role {
            arn: "arn:aws:iam::111122223333:role/logs".to_owned(),
            external_id: external_id.map(str::to_owned),
            session_name: "shiwake".to_owned(),
        };
        let own = AwsCredential { key_id: "id".into(), secret_key: SECRET.into(), token: Some(TOKEN.into()) };
        let own = Arc::new(StaticCredentialProvider::new(own));
        let clock = Arc::new(HandClock::default());
        let sts = Sts { client, endpoint: "https://sts.eu-west-1.amazonaws.com".into(), region: "eu-west-1".into() };
        Self { role: AssumedRole::new(role, sts, own, Arc::clone(&clock) as _), clock, state }
    }

    /// The key of the credentials at a second, or the error as the store would have it.
    fn at(&self, second: i64) -> Result<String, PutError> {
        self.clock.0.store(second * SECOND, Ordering::Relaxed);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let credential = runtime.block_on(self.role.get_credential());
        credential.map(|credential| credential.key_id.clone()).map_err(|source| PutError::Store {
            lake: "s3://logs".into(),
            key: "k".into(),
            source,
        })
    }

    fn asked(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }
}

#[test]
fn a_session_is_asked_for_as_the_service_wants_it() {
    let case = Case::new(Some("team/42+x"), [Reply::Session(3_600)]);
    assert_eq!(case.at(0).unwrap(), "KEY1");
    let state = case.state.lock().unwrap();
    let (headers, request) = &state.requests[0];
    assert_eq!(
        request,
        "https://sts.eu-west-1.amazonaws.com/ Action=AssumeRole&Version=2011-06-15&DurationSeconds=3600&RoleArn=arn%3Aaws%3Aiam\
         %3A%3A111122223333%3Arole%2Flogs&RoleSessionName=shiwake&ExternalId=team%2F42%2Bx"
    );
    let authorization = headers["authorization"].to_str().unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=id/"), "{authorization}");
    assert!(
        authorization.contains("/eu-west-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-"),
        "{authorization}"
    );
    assert_eq!(headers["x-amz-security-token"], TOKEN);
}

#[test]
fn a_session_is_used_until_little_of_it_is_left_and_then_replaced() {
    let case = Case::new(None, [Reply::Session(3_600), Reply::Session(7_200), Reply::Session(7_210)]);
    for (second, key) in
        [(0, "KEY1"), (1_000, "KEY1"), (3_299, "KEY1"), (3_300, "KEY2"), (6_899, "KEY2"), (7_201, "KEY3")]
    {
        assert_eq!(case.at(second).unwrap(), key, "{second}");
    }
    assert_eq!(case.asked(), 3);
    // Of a short one a quarter is left.
    let case = Case::new(None, [Reply::Session(100), Reply::Session(200)]);
    assert_eq!([0, 74, 75].map(|second| case.at(second).unwrap()), ["KEY1", "KEY1", "KEY2"]);
}

#[test]
fn while_a_session_is_good_a_service_that_fails_is_asked_now_and_then_and_nothing_else_fails() {
    let replies = [Reply::Session(3_600), Reply::NoConnection, Reply::Answer(503, String::new()), Reply::NoConnection];
    let case = Case::new(None, replies.into_iter().chain([Reply::Session(7_300)]));
    assert_eq!(case.at(0).unwrap(), "KEY1");
    for (second, asked) in [(3_300, 2), (3_301, 2), (3_329, 2), (3_330, 3), (3_359, 3)] {
        assert_eq!((case.at(second).unwrap().as_str(), case.asked()), ("KEY1", asked), "{second}");
    }
    let error = case.at(3_600).unwrap_err();
    assert_eq!(error.disposition(), Disposition::Retry, "{error}");
    assert!(error.to_string().contains("'https://sts.eu-west-1.amazonaws.com' cannot be reached"), "{error}");
    assert_eq!(case.at(3_601).unwrap(), "KEY5", "as soon as it can be had");
}

#[test]
fn a_session_that_the_store_refuses_is_not_used_again() {
    let case = Case::new(None, [Reply::Session(3_600), Reply::Session(3_600)]);
    assert_eq!(case.at(0).unwrap(), "KEY1");
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(case.role.forget());
    assert_eq!(case.at(1).unwrap(), "KEY2");
}

#[test]
fn a_refusal_says_what_to_change_and_nothing_secret() {
    let denied = "User: arn:aws:sts::444455556666:assumed-role/task/1 is not authorized to perform: sts:AssumeRole";
    let repeated =
        format!("does not match. The Canonical String should have been 'POST\n/\n\nx-amz-security-token:{TOKEN}'");
    for (external_id, status, code, message, part) in [
        (None, 403, "AccessDenied", denied, "when the policy asks for sts:ExternalId, set 'external_id'"),
        (Some("id-42"), 403, "AccessDenied", denied, "with 'external_id' as its sts:ExternalId"),
        (None, 403, "SignatureDoesNotMatch", repeated.as_str(), "valid credentials of its own, and check its clock"),
        (None, 403, "InvalidClientTokenId", TOKEN, "valid credentials of its own"),
        (None, 403, "RegionDisabledException", "STS is not activated", "activate STS for this region"),
        (None, 400, "ValidationError", "1 validation error", "correct 'role_arn'"),
    ] {
        let answer = self::error(code, message);
        let in_a_list = answer.replace("<Error>", "<Errors><Error>").replace("</Error>", "</Error></Errors>");
        let case = Case::new(external_id, [Reply::Answer(status, in_a_list), Reply::Answer(status, answer)]);
        let in_a_list = case.at(0).unwrap_err();
        let error = case.at(0).unwrap_err();
        assert_eq!(in_a_list.to_string(), error.to_string());
        let Disposition::NeedsFix(fix) = error.disposition() else { panic!("{code}: {error}") };
        assert!(fix.contains(part), "{code}: {fix}");
        let shown = format!("{error} {error:?} {:?}", case.role);
        assert!(shown.contains(code) && shown.contains("role/logs"), "{shown}");
        assert!(!shown.contains(TOKEN) && !shown.contains(SECRET), "{shown}");
        assert_eq!(shown.contains("is not authorized to perform: sts:AssumeRole"), message == denied, "{shown}");
    }
}

#[test]
fn an_answer_that_is_none_is_an_error_and_not_a_session() {
    for body in
        ["", "<html>proxy</html>", &session(1, 3_600).replace("KEY1", ""), &session(1, 3_600).replace("1970", "soon")]
    {
        let error = Case::new(None, [Reply::Answer(200, body.to_owned())]).at(0).unwrap_err();
        assert_eq!(error.disposition(), Disposition::NeedsFix("correct 'sts_endpoint'"), "{error}");
    }
    for status in [429, 500, 503] {
        let error = Case::new(None, [Reply::Answer(status, self::error("Throttling", "slow"))]).at(0).unwrap_err();
        assert_eq!(error.disposition(), Disposition::Retry, "{error}");
    }
}
