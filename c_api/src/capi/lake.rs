//! A lake: records in, typed Parquet out, as the output plugin writes it.

use super::argument::{self, Property};
use super::log::{ForeignLog, LogCallback};
use super::status::{
    Failure, SHIWAKE_CANNOT_START, SHIWAKE_INCOMPLETE, SHIWAKE_INVALID_CONFIG, SHIWAKE_OK, SHIWAKE_RETRY, call,
};
use crate::guard::{Poison, guard, silence_panic_hook};
use crate::output_instance::{MEMORY, environment, with_signals_blocked};
use shiwake_delivery::clock::SystemClock;
use shiwake_delivery::config::output::{OutputConfig, PROPERTIES};
use shiwake_delivery::config::{ConfigError, Properties, rules_file};
use shiwake_delivery::log::Log;
use shiwake_delivery::metrics::NoMetrics;
use shiwake_delivery::pipeline::{Answer, Outside, Pipeline};
use shiwake_records::line_event::EventMaker;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::Duration;

/// Writes records to a lake.
pub struct Lake {
    pipeline: Pipeline,
    poison: Poison,
}

/// Where records are. `accepted` is the sum of the others.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Sums {
    /// Records that were taken.
    pub accepted: u64,
    /// Of these, those that are in the lake.
    pub written: u64,
    /// Those that are in the lake's quarantine.
    pub quarantined: u64,
    /// Those that rules dropped.
    pub dropped: u64,
    /// Those that wait, in memory or in `store_dir`.
    pub pending: u64,
}

impl Lake {
    fn open(name: &str, set: Vec<(String, String)>, log: Arc<dyn Log>) -> Result<Self, Failure> {
        let wrong = |error: ConfigError| Failure::new(SHIWAKE_INVALID_CONFIG, error.lines().join("\n"));
        let environment = environment();
        let properties = Properties::new(&PROPERTIES, set).map_err(wrong)?;
        let config = OutputConfig::new(&properties, &environment, &mut rules_file).map_err(wrong)?;
        let outside = Outside {
            instance: if name.is_empty() { "lake".to_owned() } else { name.to_owned() },
            clock: Arc::new(SystemClock::default()),
            log,
            memory: Arc::clone(&MEMORY),
            metrics: Arc::new(NoMetrics),
        };
        let started = with_signals_blocked(|| Pipeline::start(config, &environment, outside));
        let pipeline = started.map_err(|error| Failure::new(SHIWAKE_CANNOT_START, error.to_string()))?;
        Ok(Self { pipeline, poison: Poison::default() })
    }

    fn take(&self, tag: &str, chunk: &[u8]) -> Result<c_int, Failure> {
        const FULL: &str =
            "memory_limit or store_dir_limit_size is reached, or the disk does not answer: try again later";
        match self.pipeline.accept(chunk, tag) {
            Answer::Accepted => Ok(SHIWAKE_OK),
            Answer::Retry => Err(Failure::new(SHIWAKE_RETRY, FULL)),
        }
    }

    fn sums(&self) -> Sums {
        let totals = self.pipeline.ledger().totals();
        Sums {
            accepted: totals.accepted,
            written: totals.written,
            quarantined: totals.quarantined,
            dropped: totals.dropped,
            pending: totals.pending(),
        }
    }
}

/// Opens a lake with the properties of the output (`lake`, `store_dir`, `rules`, ...). `name` tells it from others of the process
/// that have the same `store_dir`, and finds what it left there; null is `lake`.
///
/// `log` may be null. Answers SHIWAKE_OK with the lake, SHIWAKE_INVALID_ARGUMENT, SHIWAKE_INVALID_CONFIG or SHIWAKE_CANNOT_START.
///
/// # Safety
/// `name` is text or null; `properties` has `property_count` entries with text; `log` may be called with `log_data` by any
/// thread until the lake is closed; `result` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_lake_open(
    name: *const c_char,
    properties: *const Property,
    property_count: usize,
    log: LogCallback,
    log_data: *mut c_void,
    result: *mut *mut Lake,
) -> c_int {
    silence_panic_hook();
    call(&Poison::default(), || {
        // SAFETY: the caller's promise.
        let result = unsafe { argument::at_mut("result", result) }?;
        // SAFETY: the caller's promise.
        let name = unsafe { argument::text("name", name) }?;
        // SAFETY: the caller's promise.
        let set = unsafe { argument::properties(properties, property_count) }?;
        // SAFETY: the caller's promise.
        let log = unsafe { ForeignLog::new(log, log_data) };
        *result = Box::into_raw(Box::new(Lake::open(name, set, Arc::new(log))?));
        Ok(SHIWAKE_OK)
    })
}

/// Takes a chunk of MessagePack events as Fluent Bit has them, sorted before or not. With SHIWAKE_OK all of it is taken, and as
/// safe as `durability` says.
///
/// Answers SHIWAKE_OK, SHIWAKE_RETRY when nothing was taken, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
///
/// # Safety
/// `lake` came from `shiwake_lake_open`; `tag` is text or null; `chunk` has `chunk_length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_lake_write_chunk(
    lake: *const Lake,
    tag: *const c_char,
    chunk: *const u8,
    chunk_length: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    let given = unsafe { given(lake, tag, chunk, chunk_length) };
    with_lake(given, Lake::take)
}

/// Takes one record: a JSON object, or else a line of a log. `seconds` and `nanoseconds` are its time, since 1970 in UTC.
///
/// A call for each record costs more than a chunk of many. Answers as `shiwake_lake_write_chunk`.
///
/// # Safety
/// `lake` came from `shiwake_lake_open`; `tag` is text or null; `record` has `record_length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_lake_write_record(
    lake: *const Lake,
    tag: *const c_char,
    seconds: u32,
    nanoseconds: u32,
    record: *const c_char,
    record_length: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    let given = unsafe { given(lake, tag, record.cast(), record_length) };
    with_lake(given, |lake, tag, record| {
        let mut event = Vec::new();
        EventMaker::default().make(record, (seconds, nanoseconds), &mut event);
        lake.take(tag, &event)
    })
}

/// Tells where the records are that were taken so far. Answers SHIWAKE_OK, SHIWAKE_INVALID_ARGUMENT or SHIWAKE_INTERNAL.
///
/// # Safety
/// `lake` came from `shiwake_lake_open`; `result` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_lake_sums(lake: *const Lake, result: *mut Sums) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { argument::at_mut("result", result) };
    // SAFETY: the caller's promise.
    let given = unsafe { given(lake, std::ptr::null(), std::ptr::null(), 0) };
    with_lake(given, |lake, _, _| {
        *result? = lake.sums();
        Ok(SHIWAKE_OK)
    })
}

/// Writes what is pending for so many seconds at most, ends all threads and lets go of the lake; null is allowed. `sums` may
/// be null, or gets the last sums.
///
/// Answers SHIWAKE_OK when nothing is pending, else SHIWAKE_INCOMPLETE: what is left is in `store_dir`, for the next time, or,
/// without one, lost.
///
/// # Safety
/// `lake` came from `shiwake_lake_open` and is used by nobody any more; `sums` is null or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shiwake_lake_close(lake: *mut Lake, seconds: u32, sums: *mut Sums) -> c_int {
    if lake.is_null() {
        return SHIWAKE_OK;
    }
    // SAFETY: the caller's promise.
    let lake = unsafe { Box::from_raw(lake) };
    // SAFETY: the caller's promise.
    let result = unsafe { sums.as_mut() };
    let status = call(&Poison::default(), || {
        lake.pipeline.stop_within(Duration::from_secs(seconds.into()));
        let sums = lake.sums();
        result.into_iter().for_each(|result| *result = sums);
        match sums.pending {
            0 => Ok(SHIWAKE_OK),
            left => Err(Failure::new(SHIWAKE_INCOMPLETE, format!("{left} records are not written"))),
        }
    });
    guard((), || drop(lake));
    status
}

/// What a call on a lake is given.
type Given<'a> = (&'a Lake, &'a str, &'a [u8]);

/// # Safety
/// As the exports say.
unsafe fn given<'a>(
    lake: *const Lake,
    tag: *const c_char,
    bytes: *const u8,
    length: usize,
) -> Result<Given<'a>, Failure> {
    // SAFETY: the caller's promise.
    let lake = unsafe { argument::at("lake", lake) }?;
    // SAFETY: the caller's promise.
    let tag = unsafe { argument::text("tag", tag) }?;
    // SAFETY: the caller's promise.
    let bytes = unsafe { argument::bytes("bytes", bytes, length) }?;
    Ok((lake, tag, bytes))
}

fn with_lake(
    given: Result<Given<'_>, Failure>,
    work: impl FnOnce(&Lake, &str, &[u8]) -> Result<c_int, Failure>,
) -> c_int {
    match given {
        Ok((lake, tag, bytes)) => call(&lake.poison, || work(lake, tag, bytes)),
        Err(failure) => call(&Poison::default(), || Err(failure)),
    }
}
