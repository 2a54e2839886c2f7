//! A bucket with S3's limits, and the way of each writer to it.
//!
//! The bucket keeps of an object what tells it from others and which records it has. A [`Way`] stands for the network and for the client
//! of S3, which tries again by itself what was refused (`object_store`'s `RetryConfig`, with the plugin's own numbers).

use super::*;
use crate::store::{CLIENT_RETRIES, CLIENT_RETRY_TIMEOUT};
use arrow_array::cast::AsArray;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// S3's requests a second and prefix that write
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>), for a thousand writers.
const REQUESTS_A_SECOND: f64 = 3_500.0;
/// Times of answers, in seconds.
const USUAL_ANSWER: Range<f64> = 0.02..0.22;
const SLOW_ANSWER: Range<f64> = 2.0..45.0;
/// How many answers are slow in disorder.
const SLOW: f64 = 0.02;
/// How many requests get lost there, and how many answers of objects that are stored: of both one half with the connection's end.
const LOST: f64 = 0.01;

/// What one prefix takes. The limit is by writer, so that few meet it as many do.
pub(super) fn requests_a_second(case: Case, writers: usize) -> u32 {
    (REQUESTS_A_SECOND * case.share * writers as f64 / 1_000.0).ceil() as u32
}

/// An object that came for the first time.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) at: Duration,
    pub(super) kind: Kind,
    pub(super) bytes: usize,
    /// When its oldest record was logged.
    pub(super) oldest: Duration,
}

/// What happened to the bucket, in order, as a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) events: u64,
    pub(super) digest: u64,
}

impl Trace {
    pub(super) fn note(&mut self, now: Duration, writer: usize, what: &str, of: u64) {
        self.events += 1;
        self.digest = XxHash3_64::oneshot(format!("{} {now:?} {writer} {what} {of}", self.digest).as_bytes());
    }
}

#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// Requests by second, and the most of them that one prefix got.
    pub(super) by_second: BTreeMap<u64, (u32, u32)>,
    by_prefix: HashMap<String, (u64, u32)>,
    pub(super) slowed: u64,
    /// Requests that did not reach the bucket, and answers that did not come back.
    pub(super) cut_off: u64,
    pub(super) lost: u64,
    pub(super) stored: Vec<Stored>,
    /// What each key's bytes are known by.
    digests: HashMap<String, u64>,
    pub(super) stored_again: u64,
    pub(super) changed: u64,
    /// When each record was logged, by writer and number, and in how many rows it is.
    pub(super) logged: Vec<Vec<Duration>>,
    pub(super) rows: Vec<Vec<u8>>,
    pub(super) trace: Trace,
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) clock: VirtualClock,
    pub(super) weather: Weather,
    seed: u64,
    requests_a_second: u32,
    traffic: Mutex<Traffic>,
}

impl Bucket {
    pub(super) fn new(case: Case, clock: VirtualClock, writers: usize, weather: Weather) -> Self {
        let logged = vec![Vec::new(); writers];
        let traffic = Traffic { logged, rows: vec![Vec::new(); writers], ..Traffic::default() };
        let requests_a_second = requests_a_second(case, writers);
        Self { clock, weather, seed: case.seed, requests_a_second, traffic: Mutex::new(traffic) }
    }

    pub(super) fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.traffic.lock().unwrap()
    }

    /// Whether a writer is among those that do not reach the bucket.
    fn is_cut_off(&self, writer: usize, now: Duration) -> bool {
        self.weather.is_silent(now)
            || self
                .weather
                .partition(now)
                .is_some_and(|(number, share)| Chance::new(self.seed ^ number, 3 * writer as u64).happens(share))
    }

    /// A request has come; whether there are too many.
    fn count(&self, path: &str, now: Duration) -> bool {
        let traffic = &mut *self.traffic();
        let second = now.as_secs();
        let prefix = path.rsplit_once('/').unwrap().0;
        let of_prefix = match traffic.by_prefix.get_mut(prefix) {
            Some(of_prefix) => of_prefix,
            None => traffic.by_prefix.entry(prefix.to_owned()).or_default(),
        };
        if of_prefix.0 != second {
            *of_prefix = (second, 0);
        }
        of_prefix.1 += 1;
        let of_all = traffic.by_second.entry(second).or_default();
        *of_all = (of_all.0 + 1, of_all.1.max(of_prefix.1));
        let is_slowed = of_prefix.1 > self.requests_a_second;
        traffic.slowed += u64::from(is_slowed);
        is_slowed
    }

    fn keep(&self, writer: usize, path: &str, payload: &PutPayload, now: Duration) {
        let bytes = bytes::Bytes::from(payload.clone());
        let digest = XxHash3_64::oneshot(&bytes);
        let traffic = &mut *self.traffic();
        traffic.trace.note(now, writer, path, digest);
        if let Some(known) = traffic.digests.get(path) {
            traffic.stored_again += 1;
            traffic.changed += u64::from(*known != digest);
            return;
        }
        traffic.digests.insert(path.to_owned(), digest);
        let find = |kind: &Kind| path.starts_with(&format!("type={}/", kind.log_type));
        let kind = Kind::ALL.into_iter().find(find).unwrap_or_else(|| panic!("{path} is of no kind that was logged"));
        let (size, mut oldest) = (bytes.len(), now);
        for id in ids(bytes) {
            let (of, number) = id.split_once('-').unwrap();
            let (of, number): (usize, usize) = (of.parse().unwrap(), number.parse().unwrap());
            assert_eq!(of, writer, "a record of another writer in {path}");
            traffic.rows[of][number] += 1;
            oldest = oldest.min(traffic.logged[of][number]);
        }
        traffic.stored.push(Stored { at: now, kind, bytes: size, oldest });
    }
}

/// The ids of an object's records.
fn ids(object: bytes::Bytes) -> Vec<String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(object).unwrap();
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["record_id"]);
    let mut ids = Vec::new();
    for batch in builder.with_projection(columns).build().unwrap() {
        ids.extend(batch.unwrap().column(0).as_string::<i32>().iter().map(|id| id.unwrap().to_owned()));
    }
    ids
}

fn refusal(text: &'static str) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: std::io::Error::other(text).into() }
}

/// A writer's way to the bucket.
#[derive(Debug)]
pub(super) struct Way {
    bucket: Arc<Bucket>,
    writer: usize,
    chance: Mutex<Chance>,
}

impl Way {
    pub(super) fn new(bucket: Arc<Bucket>, writer: usize, chance: Chance) -> Self {
        Self { bucket, writer, chance: Mutex::new(chance) }
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Chance) -> T) -> T {
        draw(&mut self.chance.lock().unwrap())
    }

    fn between(&self, range: &Range<f64>) -> f64 {
        range.start + (range.end - range.start) * self.draw(Chance::share)
    }

    async fn request(&self, path: &str, payload: &PutPayload) -> object_store::Result<()> {
        let Bucket { clock, weather, .. } = &*self.bucket;
        let now = clock.monotonic();
        let is_disorder = weather.is_disorder(now);
        if self.bucket.is_cut_off(self.writer, now) {
            self.bucket.traffic().cut_off += 1;
            return std::future::pending().await;
        }
        if is_disorder && self.draw(|chance| chance.happens(LOST)) {
            self.bucket.traffic().lost += 1;
            return self.end_without_answer().await;
        }
        let is_slowed = self.bucket.count(path, now);
        let is_slow = is_disorder && self.draw(|chance| chance.happens(SLOW));
        let answer = self.between(if is_slow { &SLOW_ANSWER } else { &USUAL_ANSWER });
        tokio::time::sleep(Duration::from_secs_f64(answer / 2.0)).await;
        if weather.refuses(now) || is_slowed {
            return Err(refusal(if is_slowed { "503 SlowDown" } else { "503 ServiceUnavailable" }));
        }
        self.bucket.keep(self.writer, path, payload, clock.monotonic());
        tokio::time::sleep(Duration::from_secs_f64(answer / 2.0)).await;
        if is_disorder && self.draw(|chance| chance.happens(LOST)) {
            self.bucket.traffic().lost += 1;
            return self.end_without_answer().await;
        }
        Ok(())
    }

    async fn end_without_answer(&self) -> object_store::Result<()> {
        if self.draw(|chance| chance.happens(0.5)) {
            return std::future::pending().await;
        }
        Err(refusal("connection reset"))
    }
}

impl std::fmt::Display for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("bucket")
    }
}

/// What a writer never asks for.
fn unasked<T>() -> object_store::Result<T> {
    Err(refusal("a writer stores objects and asks for nothing else"))
}

#[async_trait::async_trait]
impl ObjectStore for Way {
    async fn put_opts(&self, path: &Path, payload: PutPayload, _: PutOptions) -> object_store::Result<PutResult> {
        let begun = self.bucket.clock.monotonic();
        let mut pause = object_store::BackoffConfig::default().init_backoff;
        let first = pause;
        for retry in 0.. {
            match self.request(path.as_ref(), &payload).await {
                Ok(()) => break,
                Err(error)
                    if retry == CLIENT_RETRIES || self.bucket.clock.monotonic() - begun > CLIENT_RETRY_TIMEOUT =>
                {
                    return Err(error);
                }
                Err(_) => {
                    tokio::time::sleep(pause).await;
                    pause = first
                        + (pause.mul_f64(object_store::BackoffConfig::default().base) - first)
                            .mul_f64(self.draw(Chance::share));
                }
            }
        }
        Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        unasked()
    }

    async fn get_opts(&self, _: &Path, _: GetOptions) -> object_store::Result<GetResult> {
        unasked()
    }

    fn delete_stream(&self, paths: BoxStream<Path>) -> BoxStream<Path> {
        paths
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<ObjectMeta> {
        InMemory::new().list(prefix)
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> object_store::Result<ListResult> {
        unasked()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> object_store::Result<()> {
        unasked()
    }
}
