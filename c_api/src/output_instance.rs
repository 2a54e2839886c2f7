//! Output instances, by number.

use crate::abi::metrics::HostMetrics;
use crate::abi::properties::SetProperties;
use crate::guard::{Poison, last_panic};
use shiwake_delivery::clock::SystemClock;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::config::{ConfigError, Properties, rules_file};
use shiwake_delivery::log::{Level, Log};
use shiwake_delivery::metrics::Metrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline, StartError};
use shiwake_delivery::spool::MemoryBudget;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Why an instance did not start.
#[derive(Debug)]
pub(crate) enum InstanceError {
    Config(ConfigError),
    Start(StartError),
}

impl InstanceError {
    /// What is wrong, a line for each thing.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            InstanceError::Config(error) => error.lines(),
            InstanceError::Start(error) => vec![error.to_string()],
        }
    }
}

/// What the host has for an instance.
pub(crate) struct HostSide {
    /// The address of the host's own struct.
    pub(crate) instance: usize,
    /// How long the host waits at exit, when that is known.
    pub(crate) grace: Option<Duration>,
    /// Its metrics of this instance.
    pub(crate) metrics: Arc<HostMetrics>,
}

/// One `[OUTPUT]` section.
pub(crate) struct OutputInstance {
    pipeline: Pipeline,
    poison: Poison,
    log: Arc<dyn Log>,
    host: HostSide,
}

impl OutputInstance {
    /// Reads the properties and starts the threads; `name` is the host's for the instance.
    pub(crate) fn start(
        set: SetProperties,
        name: String,
        log: Arc<dyn Log>,
        host: HostSide,
    ) -> Result<Self, InstanceError> {
        warn_if_incomplete(&set, log.as_ref());
        let properties = Properties::new(&PROPERTIES, set.values).map_err(InstanceError::Config)?;
        let environment: Vec<(String, String)> = environment();
        let mut config =
            OutputConfig::new(&properties, &environment, &mut rules_file).map_err(InstanceError::Config)?;
        let grace = host.grace.filter(|_| properties.get("shutdown_timeout").is_none());
        let origin = grace.map_or_else(String::new, |grace| format!(" from the host's Grace {}", grace.as_secs()));
        config.shutdown_timeout = grace.map_or(config.shutdown_timeout, shutdown_timeout_within);
        let spool = match &config.store_dir {
            Some(folder) => format!("spool in '{}'", folder.display()),
            None => "spool in memory: a crash loses what is not written yet, set store_dir to keep it".to_owned(),
        };
        let started = format!(
            "version {} writes to {} ({spool}; memory_limit {} bytes, shutdown_timeout {:?}{origin})",
            env!("CARGO_PKG_VERSION"),
            destinations(&config),
            config.memory_limit_bytes,
            config.shutdown_timeout
        );
        let outside = Outside {
            instance: name,
            clock: Arc::new(SystemClock::default()),
            log: Arc::clone(&log),
            memory: Arc::clone(&MEMORY),
            metrics: Arc::clone(&host.metrics) as Arc<dyn Metrics>,
        };
        let pipeline =
            with_signals_blocked(|| Pipeline::start(config, &environment, outside)).map_err(InstanceError::Start)?;
        log.line(Level::Info, &started);
        Ok(Self { pipeline, poison: Poison::default(), log, host })
    }

    /// Takes a chunk; called on the host's small stack.
    pub(crate) fn accept(&self, chunk: &[u8], tag: &CStr) -> Answer {
        let log = Arc::clone(&self.log);
        let tell = move || {
            // Formatting and the host's logger need more stack than there is here.
            let tell = move || {
                let place = last_panic();
                let text = format!("internal error at {place}: this instance takes no more, the host keeps its chunks");
                log.line(Level::Error, &text);
            };
            let _ = std::thread::spawn(tell).join();
        };
        self.poison.guard(Answer::Retry, tell, || {
            let answer = self.pipeline.accept(chunk, &tag.to_string_lossy());
            self.host.metrics.update(self.pipeline.ledger());
            answer
        })
    }

    /// The address of the host's own struct.
    pub(crate) fn host_instance(&self) -> usize {
        self.host.instance
    }

    /// Writes what is pending, joins the threads, and lets go of what the host frees after this.
    ///
    /// Hosts stop their outputs one after the other, so the time that the ones before have used is not given again; each
    /// gets a little all the same, because the store that held those up may not be its own.
    pub(crate) fn stop(&self) {
        let timeout = self.pipeline.shutdown_timeout();
        let left = timeout.saturating_sub(time_since_shutdown_began());
        self.pipeline.stop_within(left.max(LEAST_SHUTDOWN_TIME.min(timeout)));
        self.host.metrics.update(self.pipeline.ledger());
        self.host.metrics.close();
    }
}

/// Where records go, in words.
fn destinations(config: &OutputConfig) -> String {
    let lake = config.location.as_ref().map(|lake| {
        let lanes = config.lanes.names().zip(&config.lake_lanes).take(config.lanes.count());
        let left_out = lanes.filter(|(_, is_kept)| !**is_kept).map(|(name, _)| name);
        match left_out.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => format!("'{lake}'"),
            names => format!("'{lake}' (all but {names})"),
        }
    });
    let datadog = config.datadog.as_ref().map(|datadog| {
        let sent = config.lanes.names().zip(&datadog.lanes).filter(|(_, is_sent)| **is_sent).map(|(name, _)| name);
        let types: Vec<&str> = sent.take(config.lanes.count()).collect();
        let refused = match (&config.location, &datadog.quarantine) {
            (Some(_), _) => String::new(),
            (None, Some(place)) => format!(", what it refuses to '{place}'"),
            (None, None) => ", what it refuses is lost: set 'quarantine' or 'store_dir' to keep it".to_owned(),
        };
        format!("Datadog at '{}' ({}{refused})", datadog.intake, types.join(", "))
    });
    lake.into_iter().chain(datadog).collect::<Vec<_>>().join(" and ")
}

/// The memory that all instances share.
pub(crate) static MEMORY: LazyLock<Arc<MemoryBudget>> = LazyLock::new(Arc::default);

/// The time for what is pending at exit when the user sets none: the host's grace less a tenth, so that the plugin is done
/// before it has passed.
fn shutdown_timeout_within(grace: Duration) -> Duration {
    (grace - grace / 10).max(Duration::from_secs(1))
}

/// What the last of several instances has at least for writing what is pending.
const LEAST_SHUTDOWN_TIME: Duration = Duration::from_secs(2);
/// When the first instance began to exit, since the last one was started.
static SHUTDOWN_BEGAN: Mutex<Option<Instant>> = Mutex::new(None);

fn time_since_shutdown_began() -> Duration {
    let mut began = SHUTDOWN_BEGAN.lock().unwrap_or_else(PoisonError::into_inner);
    began.get_or_insert_with(Instant::now).elapsed()
}

/// Says so when a name that nobody knows would not be noticed.
pub(crate) fn warn_if_incomplete(set: &SetProperties, log: &dyn Log) {
    if !set.is_complete && !set.values.is_empty() {
        log.line(
            Level::Warn,
            "this system does not let the list of properties be read: a misspelt property is not noticed",
        );
    }
}

/// The process's environment, as far as it is text.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Runs `work` with all signals blocked, so that the threads it starts have them blocked too: signals are the host's.
pub(crate) fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: a signal set is plain integers, for which zeroes are valid.
    let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut before: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: both sets are ours.
    let is_blocked = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) } == 0;
    let result = work();
    if is_blocked {
        // SAFETY: the set was filled by the call above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    }
    result
}

static INSTANCES: Mutex<BTreeMap<usize, Arc<OutputInstance>>> = Mutex::new(BTreeMap::new());
static NEXT_NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);

/// Keeps an instance and gives its number, which is never used again.
pub(crate) fn enter(instance: OutputInstance) -> usize {
    // A host that starts instances is not shutting down, or does so anew.
    *SHUTDOWN_BEGAN.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let number = NEXT_NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    INSTANCES.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::new(instance));
    number
}

/// The instance of that number, if it has not ended.
pub(crate) fn find(number: usize) -> Option<Arc<OutputInstance>> {
    INSTANCES.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
}

/// Forgets the instance of that number.
pub(crate) fn leave(number: usize) -> Option<Arc<OutputInstance>> {
    INSTANCES.lock().unwrap_or_else(PoisonError::into_inner).remove(&number)
}

/// Forgets all instances, in the order in which they began.
pub(crate) fn leave_all() -> Vec<Arc<OutputInstance>> {
    std::mem::take(&mut *INSTANCES.lock().unwrap_or_else(PoisonError::into_inner)).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shutdown_timeout_is_grace_less_a_tenth_and_a_second_at_least() {
        for (grace_seconds, expected_millis) in
            [(0, 1_000), (1, 1_000), (2, 1_800), (5, 4_500), (7, 6_300), (120, 108_000)]
        {
            let timeout = shutdown_timeout_within(Duration::from_secs(grace_seconds));
            assert_eq!(timeout, Duration::from_millis(expected_millis), "{grace_seconds}");
        }
    }
}
