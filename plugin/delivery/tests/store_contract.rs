//! What every lake promises, over each kind of store: memory, a folder, an S3 server, and an S3 server that fails.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod s3_server;

use object_store::memory::InMemory;
use object_store::path::Path;
use s3_server::{Fault, S3Server};
use shiwake_delivery::store::{CannedAcl, Disposition, Lake, Location, PutError, S3Options, StoredWith};
use shiwake_records::rules::{Retention, StorageClass};
use std::sync::Arc;
use tempfile::TempDir;

type Reader = Box<dyn Fn(&str) -> Option<Vec<u8>>>;

/// A lake, and how to read from it what it was given.
struct Case {
    name: &'static str,
    lake: Lake,
    read: Reader,
    server: Option<Arc<S3Server>>,
    _folder: Option<TempDir>,
}

fn credentials() -> Vec<(String, String)> {
    [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")].map(|(k, v)| (k.into(), v.into())).into()
}

fn on_server() -> Case {
    on_server_with(S3Options::default())
}

/// A bucket that is reached by way of a role.
fn on_server_as_role(session_seconds: i64) -> Case {
    let role_arn = Some("arn:aws:iam::111122223333:role/logs".to_owned());
    let case = on_server_with(S3Options { role_arn, external_id: Some("42".into()), ..S3Options::default() });
    case.server.as_ref().unwrap().grant_for(session_seconds);
    case
}

fn on_server_with(options: S3Options) -> Case {
    let server = Arc::new(S3Server::start());
    let sts_endpoint = options.role_arn.as_ref().map(|_| server.endpoint());
    let options =
        S3Options { region: Some("eu-west-1".into()), endpoint: Some(server.endpoint()), sts_endpoint, ..options };
    let location = Location::parse("s3://my-logs/some/prefix").unwrap();
    let lake = Lake::open(&location, &options, &credentials()).unwrap();
    let reader = Arc::clone(&server);
    let read = Box::new(move |key: &str| reader.object(&format!("/my-logs/some/prefix/{key}")));
    Case { name: "S3", lake, read, server: Some(server), _folder: None }
}

fn in_folder() -> Case {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_path_buf();
    let lake = Lake::open(&Location::Folder(root.clone()), &S3Options::default(), &[]).unwrap();
    let read = Box::new(move |key: &str| std::fs::read(root.join(key)).ok());
    Case { name: "folder", lake, read, server: None, _folder: Some(folder) }
}

fn in_memory() -> Case {
    let store = Arc::new(InMemory::new());
    let lake = Lake::on(Arc::clone(&store) as _, Path::default(), "memory".into());
    let read = Box::new(move |key: &str| {
        let store = Arc::clone(&store);
        runtime().block_on(async move {
            let object = object_store::ObjectStoreExt::get(store.as_ref(), &Path::from(key)).await.ok()?;
            Some(object.bytes().await.ok()?.to_vec())
        })
    });
    Case { name: "memory", lake, read, server: None, _folder: None }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn put(case: &Case, key: &str, object: &[u8]) -> Result<(), PutError> {
    runtime().block_on(case.lake.put(key, object.to_vec().into()))
}

const KEY: &str = "type=app/dt=2026-01-01/hour=00/s-0000000001.parquet";

#[test]
fn what_was_put_is_there_and_nothing_else() {
    for case in [in_memory(), in_folder(), on_server()] {
        for size in [0, 1, 100_000, 9_000_000] {
            let object: Vec<u8> = (0..size).map(|number| (number % 251) as u8).collect();
            put(&case, KEY, &object).unwrap();
            assert_eq!((case.read)(KEY).as_deref(), Some(object.as_slice()), "{} {size}", case.name);
        }
        assert_eq!((case.read)("type=app/dt=2026-01-01/hour=00/s-0000000002.parquet"), None, "{}", case.name);
    }
}

#[test]
fn putting_again_overwrites() {
    for case in [in_memory(), in_folder(), on_server()] {
        put(&case, KEY, b"first and longer").unwrap();
        put(&case, KEY, b"second").unwrap();
        assert_eq!((case.read)(KEY).as_deref(), Some(&b"second"[..]), "{}", case.name);
    }
}

#[test]
fn objects_next_to_each_other_do_not_touch() {
    for case in [in_memory(), in_folder(), on_server()] {
        let keys: Vec<String> =
            (0..20).map(|number| format!("type=app/dt=2026-01-01/hour=00/s-{number}.parquet")).collect();
        keys.iter().for_each(|key| put(&case, key, key.as_bytes()).unwrap());
        assert!(keys.iter().all(|key| (case.read)(key).as_deref() == Some(key.as_bytes())), "{}", case.name);
    }
}

#[test]
fn what_passes_is_tried_again_until_the_object_is_there_whole() {
    let faults = [
        Fault::Status(500),
        Fault::Status(503),
        Fault::ResetInBody,
        Fault::StoredButNotAnswered,
        Fault::StoredButAnswered(500),
        Fault::CutAnswer,
    ];
    for fault in faults {
        let case = on_server();
        let server = case.server.as_ref().unwrap();
        // More than the client tries by itself, so that the error comes out.
        (0..4).for_each(|_| server.fail(fault));
        let object = vec![7_u8; 300_000];
        let error = put(&case, KEY, &object).unwrap_err();
        assert_eq!(error.disposition(), Disposition::Retry, "{fault:?}: {error}");
        assert!(error.to_string().contains(KEY), "{error}");
        // What is there is whole or not at all.
        assert!((case.read)(KEY).is_none_or(|found| found == object), "{fault:?}");
        put(&case, KEY, &object).unwrap();
        assert_eq!((case.read)(KEY), Some(object), "{fault:?}");
        // One fault is passed over without a word.
        server.fail(fault);
        put(&case, KEY, b"again").unwrap();
        assert_eq!((case.read)(KEY).as_deref(), Some(&b"again"[..]), "{fault:?}");
    }
}

#[test]
fn what_somebody_must_change_is_said_with_what_to_change() {
    for (status, code, part) in [
        (403, "AccessDenied", "allow s3:PutObject"),
        (404, "NoSuchBucket", "create the bucket"),
        (401, "InvalidToken", "credentials in the environment"),
    ] {
        let case = on_server();
        case.server.as_ref().unwrap().fail(Fault::Refused(status, code));
        let error = put(&case, KEY, b"x").unwrap_err();
        let Disposition::NeedsFix(fix) = error.disposition() else { panic!("{status}: {error}") };
        assert!(fix.contains(part), "{status}: {fix}");
        assert!(error.to_string().contains(code), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_for_ever() {
    let case = on_server();
    (0..8).for_each(|_| case.server.as_ref().unwrap().fail(Fault::Hang));
    // Time is not waited for, but passes as soon as nothing else can happen.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let error = runtime.block_on(case.lake.put(KEY, vec![1; 1_000].into())).unwrap_err();
    assert!(matches!(error, PutError::TimedOut { .. }) || error.disposition() == Disposition::Retry, "{error}");
    assert_eq!((case.read)(KEY), None);
}

#[test]
fn a_folder_that_is_taken_away_is_an_error_and_not_a_loss() {
    let case = in_folder();
    let root = case._folder.as_ref().unwrap().path().to_path_buf();
    std::fs::create_dir_all(root.join("type=app/dt=2026-01-01")).unwrap();
    // Where the hour's folder should be there is a file.
    std::fs::write(root.join("type=app/dt=2026-01-01/hour=00"), "x").unwrap();
    assert!(put(&case, KEY, b"x").is_err());
    std::fs::remove_file(root.join("type=app/dt=2026-01-01/hour=00")).unwrap();
    put(&case, KEY, b"x").unwrap();
    assert_eq!((case.read)(KEY).as_deref(), Some(&b"x"[..]));
}

const PATH: &str = "/my-logs/some/prefix/type=app/dt=2026-01-01/hour=00/s-0000000001.parquet";

#[test]
fn an_object_says_how_it_is_to_be_kept_and_for_whom() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd".to_owned();
    let acl = Some(CannedAcl::BucketOwnerFullControl);
    let case = on_server_with(S3Options { sse_kms_key_id: Some(key.clone()), canned_acl: acl, ..S3Options::default() });
    let header = |name: &str| case.server.as_ref().unwrap().header(PATH, name);
    let with = StoredWith { retention: Retention::parse("5y"), storage_class: Some(StorageClass::GlacierIr) };
    runtime().block_on(case.lake.put_with(KEY, b"x".to_vec().into(), with)).unwrap();
    let signed = header("authorization").unwrap();
    for (name, value) in [
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-server-side-encryption-aws-kms-key-id", key.as_str()),
        ("x-amz-storage-class", "GLACIER_IR"),
        ("x-amz-tagging", "retention=5y"),
    ] {
        assert_eq!(header(name).as_deref(), Some(value), "{name}");
        assert!(signed.contains(name), "S3 refuses a header that is not signed: {name} in {signed}");
    }
    let case = on_server();
    runtime().block_on(case.lake.put_with(KEY, b"x".to_vec().into(), StoredWith::default())).unwrap();
    for name in ["x-amz-acl", "x-amz-server-side-encryption", "x-amz-storage-class", "x-amz-tagging"] {
        assert_eq!(case.server.as_ref().unwrap().header(PATH, name), None, "{name}");
    }
    // A folder has nothing of it, and takes the object.
    let case = in_folder();
    runtime().block_on(case.lake.put_with(KEY, b"x".to_vec().into(), with)).unwrap();
    assert_eq!((case.read)(KEY).as_deref(), Some(&b"x"[..]));
}

#[test]
fn a_bucket_of_another_account_is_written_in_the_session_of_a_role() {
    let case = on_server_as_role(3_600);
    let server = case.server.as_ref().unwrap();
    for object in ["first", "second", "third"] {
        put(&case, KEY, object.as_bytes()).unwrap();
        assert_eq!(server.header(PATH, "x-amz-security-token").as_deref(), Some("session-1"));
        assert!(server.header(PATH, "authorization").unwrap().contains("Credential=role-id/"));
    }
    assert_eq!(server.sessions(), 1);
    // One that is over is replaced before it is used.
    let case = on_server_as_role(0);
    (0..3).for_each(|_| put(&case, KEY, b"x").unwrap());
    assert_eq!(case.server.as_ref().unwrap().header(PATH, "x-amz-security-token").as_deref(), Some("session-3"));
}

#[test]
fn a_role_that_is_refused_is_asked_for_again_and_so_is_one_whose_session_the_store_refuses() {
    let case = on_server_as_role(3_600);
    let server = case.server.as_ref().unwrap();
    server.fail(Fault::Refused(403, "AccessDenied"));
    let error = put(&case, KEY, b"x").unwrap_err();
    let Disposition::NeedsFix(fix) = error.disposition() else { panic!("{error}") };
    assert!(fix.contains("trust policy name the task role as principal, with 'external_id'"), "{fix}");
    assert_eq!((case.read)(KEY), None);
    put(&case, KEY, b"x").unwrap();
    for (status, code) in [(403, "AccessDenied"), (400, "ExpiredToken")] {
        let before = server.sessions();
        server.fail(Fault::Refused(status, code));
        put(&case, KEY, b"x").unwrap_err();
        put(&case, KEY, b"again").unwrap();
        assert_eq!(server.sessions(), before + 1, "{code}");
    }
}
