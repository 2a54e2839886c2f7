//! Many writers to one lake, on a clock that only goes on when all of them wait: their acceptors, spools, deliverers and store code
//! are those that ship, on one thread; disks and the store are in memory.
//!
//! The store has S3's limit of requests a second and prefix, is slow, loses answers behind objects that it has stored, and is away
//! for an hour. Writers die and start again. What a host was not told to be taken it sends again.
//!
//! SHIWAKE_WRITERS=1000 is the large one, for a release build: `cargo test --release -p shiwake-delivery simulation -- --nocapture`.
//! The limit of requests is by writer, so that both meet it alike. A seed that fails goes into `SEEDS`. One thing in it is not of
//! the seed: which branch of a `select!` is looked at first.

use super::*;
use crate::spool::OpenedDisk;
use crate::spool::fake_disk::FakeDisk;
use arrow_array::cast::AsArray;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, HashMap};
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::Instant;

/// Seeds, and the share of S3's limit that the lake has: others may use the same prefix.
const SEEDS: [(u64, f64); 2] = [(1, 1.0), (20_261_122, 0.1)];
const WRITERS: usize = 8;
const HOUR: Duration = Duration::from_secs(3_600);
/// Time between two chunks of a writer.
const TICK: Duration = Duration::from_secs(60);
const RECORDS_A_CHUNK: u64 = 6;
const TYPES: [&str; 3] = ["access", "error", "app"];
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);
/// How long new chunks come.
const LOAD: Duration = Duration::from_secs(2 * 3_600 + 2_400);
/// When the store is away.
const OUTAGE: std::ops::Range<Duration> = HOUR..Duration::from_secs(7_200);
/// How much of the writers dies in an hour.
const DEATHS_AN_HOUR: f64 = 0.5;
/// Time until one that died is there again.
const ABSENCE: Duration = Duration::from_secs(45);
/// How many answers are lost of objects that are stored.
const LOST_ANSWERS: f64 = 0.01;
/// S3's requests a second and prefix, for a thousand writers
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>).
const REQUESTS_A_SECOND: f64 = 3_500.0;

/// 2023-11-14T22:13:20Z, whose hours do not begin with those of the simulation.
const BEGIN_MICROS: i64 = 1_700_000_000_000_000;

#[derive(Debug)]
struct Chance(Mutex<u64>);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(Mutex::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    /// A number from 0 to 1.
    fn next(&self) -> f64 {
        let mut state = self.0.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[derive(Debug, Clone, Copy)]
struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }

    fn wall_micros(&self) -> i64 {
        BEGIN_MICROS + i64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}

#[derive(Debug, Default)]
struct Traffic {
    requests: u64,
    slowed: u64,
    /// Requests by second.
    by_second: BTreeMap<u64, usize>,
    by_prefix: HashMap<(String, u64), usize>,
    /// When an object was first there, and its bytes.
    stored: BTreeMap<String, (Duration, usize)>,
}

#[derive(Debug)]
struct Bucket {
    objects: InMemory,
    clock: VirtualClock,
    chance: Chance,
    requests_a_second: usize,
    traffic: Mutex<Traffic>,
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("bucket")
    }
}

fn refusal(text: &'static str) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: std::io::Error::other(text).into() }
}

#[async_trait::async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        let now = self.clock.monotonic();
        let is_slowed = {
            let mut traffic = self.traffic.lock().unwrap();
            traffic.requests += 1;
            *traffic.by_second.entry(now.as_secs()).or_default() += 1;
            let prefix = path.as_ref().rsplit_once('/').unwrap().0.to_owned();
            let count = traffic.by_prefix.entry((prefix, now.as_secs())).or_default();
            *count += 1;
            let is_slowed = *count > self.requests_a_second;
            traffic.slowed += u64::from(is_slowed);
            is_slowed
        };
        tokio::time::sleep(Duration::from_secs_f64(0.02 + 0.2 * self.chance.next())).await;
        if OUTAGE.contains(&now) {
            return Err(refusal("503 ServiceUnavailable"));
        }
        if is_slowed {
            return Err(refusal("503 SlowDown"));
        }
        let bytes = payload.content_length();
        let stored = self.objects.put_opts(path, payload, options).await?;
        self.traffic.lock().unwrap().stored.entry(path.to_string()).or_insert((self.clock.monotonic(), bytes));
        if self.chance.next() < LOST_ANSWERS {
            return Err(refusal("connection reset"));
        }
        Ok(stored)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.objects.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<Path>) -> BoxStream<Path> {
        self.objects.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<ObjectMeta> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

/// A process of a writer, from its start to its end.
struct Life {
    acceptor: Acceptor,
    sender: Sender<Message>,
    inbox: Inbox,
    deadline: watch::Sender<Option<Duration>>,
    delivery: JoinHandle<()>,
    ledger: Arc<Ledger>,
}

impl Life {
    /// What [`Pipeline::start_in`] puts together, but for the threads.
    fn begin(name: &str, number: u64, disk: &FakeDisk, lake: &Lake, clock: VirtualClock) -> Self {
        let set = [("lake", "unused"), ("store_dir", "unused"), ("upload_timeout", "600s")];
        let properties = Properties::new(&PROPERTIES, set).unwrap();
        let config = Arc::new(OutputConfig::new(&properties, &[], &mut crate::config::rules_file).unwrap());
        let clock: Arc<dyn Clock> = Arc::new(clock);
        // Each is a process of its own.
        let memory = MemoryShare::join(&Arc::default(), config.memory_limit_bytes, config.delivery_bytes());
        let disk = disk.clone();
        let open: OpenDisk = Box::new(move || Ok(OpenedDisk { disk: Arc::new(disk.clone()), seed: 7 }));
        let [is_stopping, is_abandoned] = [(); 2].map(|()| Arc::<AtomicBool>::default());
        let spool = Spool::new(SpoolSettings {
            stream: Arc::from(format!("{name:0>20}{number:08}").as_str()),
            lanes: config.lanes.clone(),
            durability: config.durability.clone(),
            sorting: sorting_of(&config),
            memory: memory.clone(),
            disk_limit_bytes: config.store_dir_limit_bytes,
            folder: Some(("unused".to_owned(), open)),
            is_stopping: Arc::clone(&is_stopping),
            is_abandoned: Arc::clone(&is_abandoned),
        });
        let ledger = Arc::new(Ledger::new(config.lanes.clone(), []));
        let surroundings = Surroundings {
            ledger: Arc::clone(&ledger),
            clock: Arc::clone(&clock),
            log: Arc::new(Lines::default()),
            memory,
            metrics: Arc::new(NoMetrics),
            is_store_failing: Arc::default(),
            spare_chunk: Arc::default(),
            is_datadog_failing: Arc::default(),
            folder: None,
            is_stuck: Arc::default(),
            is_stopping,
            is_abandoned,
            config: Arc::clone(&config),
        };
        let (sender, inbox) = channel();
        let (jobs, ends) = Queues::new(&config);
        let (deadline, told) = watch::channel(None);
        let stop = StopTime::new(told, clock);
        let mut rounds = DeliveryLoop {
            lanes: config.lanes.clone(),
            queue: ends.lake.unwrap(),
            stop: stop.clone(),
            acceptor: sender.clone(),
            backoff: Backoff::new(
                number.wrapping_mul(31).wrapping_add(name.len() as u64 + name.parse::<u64>().unwrap()),
            ),
        };
        let mut lake = LakeDelivery::new(surroundings.clone(), lake.clone(), stop, sender.clone());
        let delivery = tokio::task::spawn_local(async move { rounds.run(&mut lake).await });
        let acceptor = Acceptor::new(surroundings, spool, jobs, None);
        Self { acceptor, sender, inbox, deadline, delivery, ledger }
    }

    /// Lets the acceptor do what is due; whether there is more to come.
    fn go_on(&mut self) -> bool {
        loop {
            let message = self.inbox.try_recv().ok();
            let was_last = message.is_none();
            if !self.acceptor.round(message, &self.inbox) {
                return false;
            }
            if was_last {
                return true;
            }
        }
    }

    /// Ends as kill -9 ends it; files stay.
    async fn die(self, disk: &FakeDisk) {
        self.delivery.abort();
        let _ = self.delivery.await;
        drop(self.acceptor);
        disk.kill();
    }
}

/// A task: its log router with the host's chunks.
struct Writer {
    name: String,
    disk: FakeDisk,
    lake: Lake,
    clock: VirtualClock,
    chance: Chance,
    lives: u64,
    sent: u64,
    /// What the host has not been told to be taken, with where it will be told.
    kept: Vec<(Vec<u8>, Option<Receiver<Answer>>)>,
}

impl Writer {
    fn chunk(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..RECORDS_A_CHUNK {
            let log_type = TYPES[usize::try_from(self.sent).unwrap() % TYPES.len()];
            let message = format!("{}-{}", self.name, self.sent);
            let map = vec![("message".into(), message.into()), ("log_type".into(), log_type.into())];
            let event = vec![(self.clock.wall_micros() / 1_000_000).into(), rmpv::Value::Map(map)];
            rmpv::encode::write_value(&mut bytes, &rmpv::Value::Array(event)).unwrap();
            self.sent += 1;
        }
        bytes
    }

    /// Hands over what the host keeps and is not waiting for.
    fn offer(&mut self, life: &Life) {
        for (bytes, answered) in self.kept.iter_mut().filter(|(_, answered)| answered.is_none()) {
            let (answer, end) = sync_channel(1);
            let message = Message::Chunk { bytes: bytes.clone(), tag: Arc::from("app"), answer, claim: Arc::default() };
            life.sender.send(message).unwrap();
            *answered = Some(end);
        }
    }

    /// What was taken is let go of, what was not is offered again.
    fn hear(&mut self) {
        self.kept.retain_mut(|(_, answered)| match answered.as_ref().map(Receiver::try_recv) {
            Some(Ok(Answer::Accepted)) => false,
            Some(Ok(Answer::Retry) | Err(std::sync::mpsc::TryRecvError::Disconnected)) => {
                *answered = None;
                true
            }
            Some(Err(std::sync::mpsc::TryRecvError::Empty)) | None => true,
        });
    }

    fn start(&mut self) -> Life {
        self.lives += 1;
        Life::begin(&self.name, self.lives, &self.disk, &self.lake, self.clock)
    }

    async fn run(mut self) -> (u64, u64) {
        // Tasks do not start together.
        tokio::time::sleep(TICK.mul_f64(self.chance.next())).await;
        let mut life = self.start();
        let deaths_a_tick = DEATHS_AN_HOUR * TICK.as_secs_f64() / HOUR.as_secs_f64();
        while self.clock.monotonic() < LOAD {
            let chunk = self.chunk();
            self.kept.push((chunk, None));
            self.offer(&life);
            if self.chance.next() < deaths_a_tick {
                // Some of them die when chunks are in the spool and nobody was told.
                if self.chance.next() < 0.5 {
                    life.go_on();
                }
                life.die(&self.disk).await;
                self.kept.iter_mut().for_each(|(_, answered)| *answered = None);
                tokio::time::sleep(ABSENCE).await;
                life = self.start();
            }
            // Between two chunks a live one does what is due now and then, as messages wake it.
            for _ in 0..4 {
                assert!(life.go_on(), "{} goes on without its deliverer", self.name);
                self.hear();
                tokio::time::sleep(TICK / 4).await;
            }
        }
        while !self.kept.is_empty() {
            self.offer(&life);
            assert!(life.go_on(), "{} goes on without its deliverer", self.name);
            self.hear();
            tokio::time::sleep(TICK / 4).await;
        }
        life.deadline.send_replace(Some(self.clock.monotonic() + HOUR));
        life.sender.send(Message::Stop).unwrap();
        while life.go_on() {
            tokio::time::sleep(TICK / 60).await;
        }
        let totals = life.ledger.totals();
        assert_eq!((totals.pending(), totals.quarantined, totals.lost), (0, 0, 0), "{}: {totals:?}", self.name);
        assert_eq!(totals.accepted, totals.written, "{}", self.name);
        (self.sent, self.lives)
    }
}

/// The messages of an object, and its oldest record's time in microseconds.
fn contents(bytes: bytes::Bytes) -> (Vec<String>, i64) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["time", "message"]);
    let (mut messages, mut oldest) = (Vec::new(), i64::MAX);
    for batch in builder.with_projection(columns).build().unwrap() {
        let batch = batch.unwrap();
        let times = batch.column_by_name("time").unwrap();
        let times = times.as_primitive::<arrow_array::types::TimestampMicrosecondType>();
        oldest = times.values().iter().copied().fold(oldest, i64::min);
        let column = batch.column_by_name("message").unwrap();
        messages.extend(column.as_string::<i32>().iter().map(|message| message.unwrap().to_owned()));
    }
    (messages, oldest)
}

async fn simulate(seed: u64, share: f64, writers: usize) {
    let clock = VirtualClock(Instant::now());
    let bucket = Arc::new(Bucket {
        objects: InMemory::new(),
        clock,
        chance: Chance::new(seed),
        requests_a_second: (REQUESTS_A_SECOND * share * writers as f64 / 1_000.0).ceil() as usize,
        traffic: Mutex::default(),
    });
    let lake = Lake::on(Arc::clone(&bucket) as Arc<dyn ObjectStore>, Path::default(), "bucket".into());
    let all = (0..writers).map(|number| Writer {
        name: format!("{number}"),
        disk: FakeDisk::default(),
        lake: lake.clone(),
        clock,
        chance: Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(number as u64 + 1)),
        lives: 0,
        sent: 0,
        kept: Vec::new(),
    });
    let running: Vec<_> = all.map(|writer| tokio::task::spawn_local(writer.run())).collect();
    let (mut sent, mut lives) = (Vec::new(), 0);
    for (number, task) in running.into_iter().enumerate() {
        let (records, starts) = task.await.unwrap();
        sent.push((number, records));
        lives += starts;
    }
    let traffic = std::mem::take(&mut *bucket.traffic.lock().unwrap());
    let (mut found, mut recovered_after, mut bytes) = (HashMap::<String, u32>::new(), Duration::ZERO, 0);
    for (key, (stored_at, size)) in &traffic.stored {
        assert!(key.starts_with("type=") && key.ends_with(".parquet"), "{key}");
        let object = bucket.objects.get(&Path::from(key.as_str())).await.unwrap().bytes().await.unwrap();
        let (messages, oldest) = contents(object);
        messages.into_iter().for_each(|message| *found.entry(message).or_default() += 1);
        bytes += size;
        let age = *stored_at - Duration::from_micros(u64::try_from(oldest - BEGIN_MICROS).unwrap_or(0));
        if *stored_at >= OUTAGE.end && age > UPLOAD_TIMEOUT + 2 * TICK {
            recovered_after = recovered_after.max(*stored_at - OUTAGE.end);
        }
    }
    let doubled = found.iter().filter(|(_, times)| **times > 1).count();
    let total: u64 = sent.iter().map(|(_, records)| records).sum();
    let missing =
        sent.iter().flat_map(|(writer, records)| (0..*records).map(move |number| format!("{writer}-{number}")));
    let missing = missing.filter(|message| !found.contains_key(message)).count();
    let peak =
        |seconds: std::ops::Range<u64>| traffic.by_second.range(seconds).map(|(_, count)| *count).max().unwrap_or(0);
    let (from, to) = (OUTAGE.start.as_secs(), OUTAGE.end.as_secs());
    let storm = to..to + 600;
    let in_storm: usize = traffic.by_second.range(storm.clone()).map(|(_, count)| *count).sum();
    let objects = traffic.stored.len();
    println!(
        "seed {seed}: {writers} writers, {share} of the limit, {} deaths, {total} records, {objects} objects of {} bytes, {} requests, {} slowed; peak a \
         second {} before the outage, {} in it, {} in the ten minutes behind it ({in_storm} requests); recovered after {} s",
        lives - writers as u64,
        bytes / objects.max(1),
        traffic.requests,
        traffic.slowed,
        peak(0..from),
        peak(from..to),
        peak(storm),
        recovered_after.as_secs(),
    );
    assert_eq!((missing, doubled, found.len() as u64), (0, 0, total), "seed {seed}");
    assert!(traffic.slowed > 0 || share == 1.0, "seed {seed}: the store was never overloaded");
    // The longest pause is a minute, and what waits is stored without one.
    assert!(recovered_after < Duration::from_secs(300), "seed {seed}: {recovered_after:?}");
    // Of an hour away: at most a try a lane and half of the longest pause.
    let in_outage: usize = traffic.by_second.range(from..to).map(|(_, count)| *count).sum();
    assert!(in_outage <= writers * 8 * 3_600 / 30, "seed {seed}: {in_outage} requests while the store was away");
}

#[test]
fn many_writers_to_one_lake_lose_and_double_nothing_while_they_die_and_the_store_is_away() {
    let writers = std::env::var("SHIWAKE_WRITERS").ok().and_then(|writers| writers.parse().ok()).unwrap_or(WRITERS);
    for (seed, share) in SEEDS {
        println!("seed {seed}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, simulate(seed, share, writers));
    }
}
