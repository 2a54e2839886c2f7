#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::config::Properties;
use crate::config::output::PROPERTIES;
use crate::ledger::Totals;
use crate::metrics::NoMetrics;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use shiwake_records::chunk::{Chunk, Item};
use shiwake_records::event::Timestamp;
use shiwake_records::rules::SourceFile;
use shiwake_records::sorter::Sorter;
use std::path::Path as FilePath;
use std::sync::Condvar;
use std::sync::atomic::AtomicU64;

type BoxStream<T> = std::pin::Pin<Box<dyn futures_core::Stream<Item = object_store::Result<T>> + Send>>;

/// A store in memory that fails while it is told to.
#[derive(Debug, Default)]
struct Faulty {
    inner: InMemory,
    failures_left: AtomicU64,
    /// Keys with this in them are refused for ever.
    refused: Mutex<Option<&'static str>>,
    puts: AtomicU64,
    /// Tags of the objects that were put, by key.
    tags: Mutex<Vec<(String, String)>>,
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("faulty")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        let fails = self.failures_left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        let is_refused = self.refused.lock().unwrap().is_some_and(|part| path.as_ref().contains(part));
        if is_refused || fails.is_ok() {
            let source = std::io::Error::other("503 SlowDown").into();
            return Err(object_store::Error::Generic { store: "faulty", source });
        }
        self.tags.lock().unwrap().push((path.to_string(), options.tags.encoded().to_owned()));
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<Path>) -> BoxStream<Path> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<ObjectMeta> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A clock that is set by hand, and panics or hangs when it is told to.
#[derive(Debug, Default)]
struct HandClock {
    seconds: AtomicU64,
    is_broken: AtomicBool,
    /// The acceptor hangs when it has asked for the time so often; 0 is never.
    hangs_at: Mutex<u64>,
    goes_on: Condvar,
}

impl HandClock {
    fn hang_at(&self, question: u64) {
        *self.hangs_at.lock().unwrap() = question;
    }

    fn go_on(&self) {
        self.hang_at(0);
        self.goes_on.notify_all();
    }

    fn maybe_hang(&self) {
        let mut hangs_at = self.hangs_at.lock().unwrap();
        if *hangs_at > 1 {
            *hangs_at -= 1;
            return;
        }
        while *hangs_at == 1 {
            hangs_at = self.goes_on.wait(hangs_at).unwrap();
        }
    }
}

impl Clock for HandClock {
    fn monotonic(&self) -> Duration {
        if std::thread::current().name() == Some("shiwake-accept") {
            self.maybe_hang();
        }
        Duration::from_secs(self.seconds.load(Ordering::Relaxed))
    }

    fn wall_micros(&self) -> i64 {
        assert!(!self.is_broken.load(Ordering::Relaxed), "on purpose");
        1_700_000_000_000_000
    }
}

#[derive(Debug, Default)]
struct Lines(Mutex<Vec<(Level, String)>>);

impl Log for Lines {
    fn line(&self, level: Level, text: &str) {
        self.0.lock().unwrap().push((level, text.to_owned()));
    }
}

impl Lines {
    fn has(&self, level: Level, part: &str) -> bool {
        self.0.lock().unwrap().iter().any(|(line_level, text)| *line_level == level && text.contains(part))
    }
}

struct Bench {
    store: Arc<Faulty>,
    lines: Arc<Lines>,
    clock: Arc<HandClock>,
    pipeline: Pipeline,
}

fn start(set: &[(&str, &str)]) -> Bench {
    start_with(set, "")
}

/// Starts an output with these rules of its own.
fn start_with(set: &[(&str, &str)], rules: &str) -> Bench {
    start_beside(&Arc::default(), set, rules, |folder| open_folder(folder.to_owned(), "memory".into()))
}

/// An instance that shares its memory with others, and has its folder in a disk of its own.
fn start_beside(
    memory: &Arc<MemoryBudget>,
    set: &[(&str, &str)],
    rules: &str,
    open: impl FnOnce(&FilePath) -> OpenDisk,
) -> Bench {
    let common = [("lake", "unused"), ("rules", "rules.toml")];
    let properties = Properties::new(&PROPERTIES, common.iter().chain(set).copied()).unwrap();
    let mut load = |name: &str, _: Option<&str>| Ok(SourceFile::new(name, rules));
    let config = OutputConfig::new(&properties, &[], &mut load).unwrap();
    let store = Arc::new(Faulty::default());
    let lake = Lake::on(Arc::clone(&store) as Arc<dyn ObjectStore>, Path::from("logs"), "memory".into());
    let (lines, clock) =
        (Arc::new(Lines::default()), Arc::new(HandClock { seconds: AtomicU64::new(1), ..HandClock::default() }));
    let outside = Outside {
        instance: "shiwake.0".into(),
        clock: Arc::clone(&clock) as _,
        log: Arc::clone(&lines) as _,
        memory: Arc::clone(memory),
        metrics: Arc::new(NoMetrics),
    };
    let pipeline =
        Pipeline::start_in(Places { quarantine: Some(lake.clone()), lake: Some(lake) }, config, outside, open).unwrap();
    Bench { store, lines, clock, pipeline }
}

fn chunk(records: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for log in records {
        let map = rmpv::Value::Map(vec![("log".into(), (*log).into())]);
        rmpv::encode::write_value(&mut bytes, &rmpv::Value::Array(vec![1_700_000_000_u32.into(), map])).unwrap();
    }
    bytes
}

fn keys(store: &Faulty) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut list = store.list(None);
    let mut keys = Vec::new();
    runtime.block_on(async {
        while let Some(object) = std::future::poll_fn(|context| list.as_mut().poll_next(context)).await {
            keys.push(object.unwrap().location.to_string());
        }
    });
    keys.sort();
    keys
}

fn read(store: &Faulty, key: &str) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let object = runtime.block_on(async { store.get(&Path::from(key)).await.unwrap().bytes().await.unwrap() });
    object.to_vec()
}

#[path = "durable_tests.rs"]
mod durable;
#[path = "hung_disk_tests.rs"]
mod hung_disk;

#[path = "declared_tests.rs"]
mod declared;
#[path = "simulation/mod.rs"]
mod simulation;

#[test]
fn records_end_in_an_object_of_their_type_and_bad_bytes_in_quarantine() {
    let bench = start(&[]);
    let bytes = [chunk(&["ERROR x", "hello", "hello"]), vec![0xc1], chunk(&["ERROR y"])].concat();
    assert_eq!(bench.pipeline.accept(&bytes, "app"), Answer::Accepted);
    assert_eq!(bench.pipeline.ledger().totals().pending(), 5);
    bench.pipeline.stop();
    let totals = bench.pipeline.ledger().totals();
    assert_eq!((totals.accepted, totals.written, totals.quarantined, totals.pending()), (5, 4, 1, 0));
    let folders: Vec<String> =
        keys(&bench.store).iter().map(|key| key.rsplit_once('/').unwrap().0.to_owned()).collect();
    let day = "dt=2023-11-14/hour=22";
    assert_eq!(
        folders,
        [format!("logs/quarantine/{day}"), format!("logs/type=app/{day}"), format!("logs/type=error/{day}")]
    );
    assert!(bench.lines.has(Level::Warn, "1 runs of bytes that are no event"));
    assert!(bench.lines.has(Level::Info, "ledger at exit: in=5 written=4 quarantined=1 pending=0 objects=3"));
}

#[test]
fn lines_that_begin_like_a_format_and_are_none_of_it_are_told() {
    let bench = start(&[]);
    let cut_off = r#"{"level": "info", "#;
    assert_eq!(bench.pipeline.accept(&chunk(&[cut_off, "hello", cut_off, "{\"a\": 1}"]), "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert!(bench.lines.has(Level::Info, "and stay as they are, so far: json (cut_off)=2"));
    let bench = start(&[]);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert!(!bench.lines.has(Level::Info, "begin like a format"));
}

#[test]
fn a_store_that_fails_is_tried_again_and_nothing_is_written_twice() {
    let bench = start(&[]);
    bench.store.failures_left.store(2, Ordering::Relaxed);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert_eq!(bench.store.puts.load(Ordering::Relaxed), 3);
    assert_eq!(keys(&bench.store).len(), 1);
    assert_eq!(bench.pipeline.ledger().totals().written, 1);
    assert!(bench.lines.has(Level::Warn, "503 SlowDown"));
    assert!(bench.lines.has(Level::Info, "takes objects again"));
}

#[test]
fn a_type_that_is_refused_does_not_block_the_others() {
    let bench = start(&[("shutdown_timeout", "0s"), ("total_file_size", "100k")]);
    *bench.store.refused.lock().unwrap() = Some("type=app");
    let long = "x".repeat(150_000);
    assert_eq!(bench.pipeline.accept(&chunk(&[long.as_str()]), "app"), Answer::Accepted);
    assert_eq!(bench.pipeline.accept(&chunk(&[&format!("ERROR {long}")]), "app"), Answer::Accepted);
    while bench.pipeline.ledger().totals().written == 0 {
        std::thread::yield_now();
    }
    bench.pipeline.stop();
    assert!(keys(&bench.store).iter().all(|key| key.contains("type=error")));
    assert_eq!(bench.pipeline.ledger().totals().pending(), 1);
    assert!(bench.lines.has(Level::Error, "time is up while app records were being stored: object 'type=app"));
}

#[test]
fn what_cannot_be_written_before_the_deadline_is_counted_and_said() {
    let bench = start(&[("shutdown_timeout", "0s")]);
    bench.store.failures_left.store(u64::MAX, Ordering::Relaxed);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello", "hello"]), "app"), Answer::Accepted);
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().pending(), 2);
    assert!(
        bench
            .lines
            .has(Level::Error, "2 records (app 2) could not be written within 0ns of shutdown_timeout and are lost")
    );
}

/// While the store fails so many megabytes are taken, and then RETRY is answered with this line; all that was taken is
/// written when the store works again.
fn fills_up_and_empties(bench: &Bench, megabytes: std::ops::Range<u64>, line_part: &str) {
    bench.store.failures_left.store(u64::MAX, Ordering::Relaxed);
    let line = "x".repeat(1_000);
    let bytes = chunk(&vec![line.as_str(); 1_000]);
    let mut accepted = 0;
    while bench.pipeline.accept(&bytes, "app") == Answer::Accepted {
        accepted += 1;
        assert!(accepted < megabytes.end, "the limit does not hold");
    }
    assert!(accepted >= megabytes.start, "{accepted} MB fit");
    assert!(bench.lines.has(Level::Warn, line_part));
    bench.store.failures_left.store(0, Ordering::Relaxed);
    while bench.pipeline.accept(&bytes, "app") == Answer::Retry {
        std::thread::yield_now();
    }
    bench.pipeline.stop();
    let totals = bench.pipeline.ledger().totals();
    assert_eq!((totals.accepted, totals.written), ((accepted + 1) * 1_000, (accepted + 1) * 1_000));
}

#[test]
fn a_full_spool_answers_retry_while_the_store_fails_and_takes_again_when_there_is_room() {
    fills_up_and_empties(&start(&[("memory_limit", "16M")]), 4..16, "spool is full");
}

#[test]
fn a_burst_above_the_limit_waits_for_room_and_is_not_sent_back() {
    let bench = start(&[("memory_limit", "16M")]);
    let line = "x".repeat(1_000);
    let bytes = chunk(&vec![line.as_str(); 1_000]);
    for _ in 0..40 {
        assert_eq!(bench.pipeline.accept(&bytes, "app"), Answer::Accepted);
    }
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().written, 40_000);
    // Two of these chunks are a segment. To close smaller ones makes no room sooner.
    let objects = keys(&bench.store).len();
    assert!((20..28).contains(&objects), "{objects} objects");
}

/// The lake's files, without what is another in each run: keys and bytes.
fn files(bench: &Bench) -> Vec<(String, String)> {
    let lake = keys(&bench.store).into_iter().filter(|key| key.contains("/type="));
    let files = lake.map(|key| {
        let name = key.rsplit_once('/').unwrap().1;
        let stream = name.split_once('-').unwrap().0;
        let without = |text: &str| text.replace(stream, "stream");
        let bytes: String = read(&bench.store, &key).iter().map(|byte| char::from(*byte)).collect();
        (without(&key), without(&bytes))
    });
    files.collect()
}

#[test]
fn a_chunk_that_stays_where_it_is_gives_the_same_files_as_its_records_one_by_one() {
    let sorted = |records: &[&str]| {
        let mut bytes = Vec::new();
        Sorter::default().sort_chunk(&chunk(records), Timestamp::default(), &mut bytes);
        bytes
    };
    let app = vec!["a line of an app that says nothing of itself, and is as long as most of them are"; 2_000];
    let error = vec!["ERROR it was not done"; 200];
    let (apps, errors, few) = (sorted(&app), sorted(&error), sorted(&["hello", "ERROR no"]));
    assert!(apps.len() > LENT_BYTES);
    for (name, chunk) in [
        ("one type", apps.clone()),
        ("few of one type", sorted(&["hello"])),
        ("few", few.clone()),
        ("another type behind", [&*apps, &*errors].concat()),
        ("another type before", [&*errors, &*apps].concat()),
        ("types in turn", [&*apps, &*errors, &*apps, &*few].concat()),
        ("not sorted behind", [&*apps, &*chunk(&app)].concat()),
        ("not sorted", chunk(&app)),
        ("bad bytes behind", [&*apps, &[0xc1]].concat()),
        ("bad bytes between", [&*apps, &[0xc1], &*apps].concat()),
    ] {
        let [whole, one_by_one] = [(); 2].map(|()| start(&[]));
        assert_eq!(whole.pipeline.accept(&chunk, "app"), Answer::Accepted, "{name}");
        for item in Chunk::new(&chunk) {
            let bytes = match item {
                Item::Event(event) => event.raw,
                Item::Bad(bad) => bad.bytes,
            };
            assert_eq!(one_by_one.pipeline.accept(bytes, "app"), Answer::Accepted, "{name}");
        }
        [&whole, &one_by_one].into_iter().for_each(|bench| bench.pipeline.stop());
        assert!(!files(&whole).is_empty(), "{name}");
        assert!(files(&whole) == files(&one_by_one), "{name}");
    }
}

#[test]
fn a_segment_is_written_when_it_has_its_size_without_waiting_for_the_exit() {
    let bench = start(&[("total_file_size", "100k")]);
    let line = "x".repeat(1_000);
    assert_eq!(bench.pipeline.accept(&chunk(&vec![line.as_str(); 200]), "app"), Answer::Accepted);
    while bench.pipeline.ledger().totals().pending() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(keys(&bench.store).len(), 1);
    bench.pipeline.stop();
}

#[test]
fn a_segment_is_written_when_it_is_old_enough_and_not_before() {
    let bench = start(&[("upload_timeout", "90s")]);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    bench.clock.seconds.store(90, Ordering::Relaxed);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    assert_eq!(bench.pipeline.ledger().totals().pending(), 2);
    // Ninety seconds after the first record came; the acceptor looks after each chunk. The third may come after that.
    bench.clock.seconds.store(91, Ordering::Relaxed);
    assert_eq!(bench.pipeline.accept(&chunk(&["hello"]), "app"), Answer::Accepted);
    while bench.pipeline.ledger().totals().written < 2 {
        std::thread::yield_now();
    }
    assert_eq!(keys(&bench.store).len(), 1);
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().written, 3);
}

#[test]
fn a_panic_poisons_the_instance_and_the_host_keeps_its_chunks() {
    let bench = start(&[]);
    assert_eq!(bench.pipeline.accept(&chunk(&["before"]), "app"), Answer::Accepted);
    bench.clock.is_broken.store(true, Ordering::Relaxed);
    assert_eq!(bench.pipeline.accept(&[0xc1], "app"), Answer::Retry);
    bench.clock.is_broken.store(false, Ordering::Relaxed);
    assert_eq!(bench.pipeline.accept(&chunk(&["after"]), "app"), Answer::Retry);
    assert!(bench.lines.has(Level::Error, "internal error while sorting a chunk"));
    bench.pipeline.stop();
    // What was taken before is written all the same.
    assert_eq!(bench.pipeline.ledger().totals().written, 1);
}

#[test]
fn after_the_stop_nothing_is_taken_and_stopping_again_does_nothing() {
    let bench = start(&[]);
    bench.pipeline.stop();
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.accept(&chunk(&["late"]), "app"), Answer::Retry);
}

#[test]
fn chunks_from_several_threads_are_all_taken() {
    let bench = start(&[]);
    let bytes = chunk(&["a", "ERROR b", "c"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(bench.pipeline.accept(&bytes, "app"), Answer::Accepted);
                }
            });
        }
    });
    bench.pipeline.stop();
    assert_eq!(bench.pipeline.ledger().totals().written, 8 * 50 * 3);
}
