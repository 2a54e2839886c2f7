//! A task: what it logs, its host, which keeps what it was not told to be taken, and the lives of its output.

use super::records::{Arrivals, write_event};
use super::*;
use crate::spool::OpenedDisk;
use crate::spool::fake_disk::FakeDisk;
use tokio::task::JoinHandle;

/// Time between two chunks of a host.
const FLUSH: Duration = Duration::from_secs(5);
/// Within this time the tasks start.
const STARTS: Duration = Duration::from_secs(300);
/// Time until one that ended is there again.
const ABSENCE: Duration = Duration::from_secs(45);
/// What an output has at its exit, as with Fluent Bit's `Grace` in ECS.
const SHUTDOWN: Duration = Duration::from_secs(20);
/// What it has at the very end, when all is to be delivered.
const LONG_SHUTDOWN: Duration = Duration::from_secs(3_600);
const TAG: &str = "app-firelens-0a1b2c";

/// A process, from its start to its end.
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
    fn begin(
        writer: usize,
        number: u64,
        config: &Arc<OutputConfig>,
        disk: &FakeDisk,
        lake: &Lake,
        clock: VirtualClock,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        // Each is a process of its own.
        let memory = MemoryShare::join(&Arc::default(), config.memory_limit_bytes, config.delivery_bytes());
        let disk = disk.clone();
        let open: OpenDisk = Box::new(move || Ok(OpenedDisk { disk: Arc::new(disk.clone()), seed: 7 }));
        let [is_stopping, is_abandoned] = [(); 2].map(|()| Arc::<AtomicBool>::default());
        let spool = Spool::new(SpoolSettings {
            stream: Arc::from(format!("{writer:020}{number:08}").as_str()),
            lanes: config.lanes.clone(),
            durability: config.durability.clone(),
            sorting: sorting_of(config),
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
            log: Arc::new(Silence),
            memory,
            metrics: Arc::new(NoMetrics),
            is_store_failing: Arc::default(),
            spare_chunk: Arc::default(),
            is_datadog_failing: Arc::default(),
            folder: None,
            is_stuck: Arc::default(),
            is_stopping,
            is_abandoned,
            config: Arc::clone(config),
        };
        let (sender, inbox) = channel();
        let (jobs, ends) = Queues::new(config);
        let (deadline, told) = watch::channel(None);
        let stop = StopTime::new(told, clock);
        let mut rounds = DeliveryLoop {
            lanes: config.lanes.clone(),
            queue: ends.lake.unwrap(),
            stop: stop.clone(),
            acceptor: sender.clone(),
            backoff: Backoff::new((writer as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number)),
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

    /// Exits as the host asks for it, in this time.
    async fn exit(&mut self, now: Duration, time: Duration) {
        self.deadline.send_replace(Some(now + time));
        self.sender.send(Message::Stop).unwrap();
        while self.go_on() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The process is gone; files stay, and locks do not.
    async fn end(self, disk: &FakeDisk) {
        self.delivery.abort();
        let _ = self.delivery.await;
        drop(self.acceptor);
        disk.kill();
    }
}

/// Nobody reads what a thousand outputs say.
struct Silence;

impl Log for Silence {
    fn line(&self, _: Level, _: &str) {}
}

/// What a writer has to tell at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) sent: u64,
    /// What all its lives have taken for the first time.
    pub(super) accepted: u64,
    pub(super) killed: u64,
    pub(super) restarted: u64,
}

/// A chunk that its host keeps, with where it will be told.
type Kept = (Vec<u8>, Option<Receiver<Answer>>);

pub(super) struct Writer {
    number: usize,
    config: Arc<OutputConfig>,
    disk: FakeDisk,
    lake: Lake,
    bucket: Arc<Bucket>,
    clock: VirtualClock,
    chance: Chance,
    lives: u64,
    kept: Vec<Kept>,
    sums: Sums,
}

impl Writer {
    pub(super) fn new(
        number: usize,
        config: Arc<OutputConfig>,
        lake: Lake,
        bucket: Arc<Bucket>,
        chance: Chance,
    ) -> Self {
        let (clock, sums) = (bucket.clock, Sums { sent: 0, accepted: 0, killed: 0, restarted: 0 });
        Self {
            number,
            config,
            disk: FakeDisk::default(),
            lake,
            bucket,
            clock,
            chance,
            lives: 0,
            kept: Vec::new(),
            sums,
        }
    }

    /// What was logged since the last time becomes a chunk.
    fn flush(&mut self, arrivals: &mut Arrivals) {
        let Self { number, bucket, clock, chance, sums, kept, .. } = self;
        let traffic = &mut *bucket.traffic();
        let mut chunk = Vec::new();
        arrivals.until(clock.monotonic(), chance, |kind, at, chance| {
            let micros = BEGIN_MICROS + i64::try_from(at.as_micros()).unwrap();
            write_event(&mut chunk, kind, *number, traffic.logged[*number].len(), micros, chance);
            traffic.logged[*number].push(at);
            traffic.rows[*number].push(0);
            sums.sent += 1;
        });
        if !chunk.is_empty() {
            kept.push((chunk, None));
        }
    }

    /// Hands over what the host keeps and is not waiting for.
    fn offer(&mut self, life: &Life) {
        for (bytes, answered) in self.kept.iter_mut().filter(|(_, answered)| answered.is_none()) {
            let (answer, end) = sync_channel(1);
            let message = Message::Chunk { bytes: bytes.clone(), tag: Arc::from(TAG), answer, claim: Arc::default() };
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
        Life::begin(self.number, self.lives, &self.config, &self.disk, &self.lake, self.clock)
    }

    /// The life ends, by being killed or as a deployment ends it, and after a while there is the next.
    async fn start_again(&mut self, mut life: Life) -> Life {
        let is_killed = self.chance.happens(0.5);
        if is_killed {
            // Some of them die when chunks are in the spool and nobody was told.
            if self.chance.happens(0.5) {
                life.go_on();
            }
            self.sums.killed += 1;
        } else {
            life.go_on();
            self.hear();
            life.exit(self.clock.monotonic(), SHUTDOWN).await;
            self.hear();
            self.sums.restarted += 1;
        }
        let (now, killed) = (self.clock.monotonic(), u64::from(is_killed));
        self.bucket.traffic().trace.note(now, self.number, "ends", killed);
        self.count(&life);
        life.end(&self.disk).await;
        self.kept.iter_mut().for_each(|(_, answered)| *answered = None);
        tokio::time::sleep(ABSENCE).await;
        self.start()
    }

    fn count(&mut self, life: &Life) {
        let totals = life.ledger.totals();
        self.sums.accepted += totals.accepted - totals.recovered;
        let out = totals.written + totals.pending();
        assert_eq!((totals.accepted, totals.quarantined + totals.lost + totals.set_aside), (out, 0), "{}", self.number);
    }

    /// Lets the output do what is due until the next chunk.
    async fn wait(&mut self, life: &mut Life, until: Duration) {
        loop {
            assert!(life.go_on(), "{} goes on without its deliverer", self.number);
            self.hear();
            let left = until.saturating_sub(self.clock.monotonic());
            if left.is_zero() {
                return;
            }
            let due = life.acceptor.time_to_next_deadline().max(Duration::from_millis(10));
            tokio::time::sleep(left.min(due)).await;
        }
    }

    pub(super) async fn run(mut self) -> Sums {
        tokio::time::sleep(STARTS.mul_f64(self.chance.share())).await;
        let mut arrivals = Arrivals::new(self.clock.monotonic(), &mut self.chance);
        let mut life = self.start();
        let weather = self.bucket.weather;
        let ends_a_flush = weather.ends_an_hour * FLUSH.as_secs_f64() / 3_600.0;
        while self.clock.monotonic() < weather.end() {
            self.flush(&mut arrivals);
            self.offer(&life);
            if weather.is_disorder(self.clock.monotonic()) && self.chance.happens(ends_a_flush) {
                life = self.start_again(life).await;
            }
            let until = self.clock.monotonic() + FLUSH;
            self.wait(&mut life, until).await;
        }
        while !self.kept.is_empty() {
            self.offer(&life);
            let until = self.clock.monotonic() + FLUSH;
            self.wait(&mut life, until).await;
        }
        life.exit(self.clock.monotonic(), LONG_SHUTDOWN).await;
        self.count(&life);
        assert_eq!(life.ledger.totals().pending(), 0, "{}: {:?}", self.number, life.ledger.totals());
        self.sums
    }
}
