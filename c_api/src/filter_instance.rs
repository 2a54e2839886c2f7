//! Filter instances.

use crate::abi::properties::SetProperties;
use crate::guard::{Poison, last_panic};
use crate::output_instance::{environment, warn_if_incomplete};
use shiwake_delivery::clock::{Clock, SystemClock};
use shiwake_delivery::config::filter::{PROPERTIES, sorter_config};
use shiwake_delivery::config::{ConfigError, Properties};
use shiwake_delivery::log::{Level, Log, RateLimit};
use shiwake_records::event::Timestamp;
use shiwake_records::sorter::Sorter;
use std::sync::{Mutex, PoisonError};

/// One `[FILTER]` section.
pub(crate) struct FilterInstance {
    work: Mutex<Work>,
    poison: Poison,
    log: Box<dyn Log>,
    clock: SystemClock,
}

struct Work {
    sorter: Sorter,
    sorted: Vec<u8>,
    bad_lines: RateLimit,
}

/// Memory that is kept from chunk to chunk.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

impl FilterInstance {
    /// Reads the properties.
    pub(crate) fn start(set: SetProperties, log: Box<dyn Log>) -> Result<Self, ConfigError> {
        warn_if_incomplete(&set, log.as_ref());
        let properties = Properties::new(&PROPERTIES, set.values)?;
        let sorter = Sorter::new(sorter_config(&properties, &environment())?);
        log.line(Level::Info, concat!("version ", env!("CARGO_PKG_VERSION")));
        let clock = SystemClock::default();
        Ok(Self {
            clock,
            work: Mutex::new(Work { sorter, sorted: Vec::new(), bad_lines: RateLimit::default() }),
            poison: Poison::default(),
            log,
        })
    }

    /// Sorts a chunk and gives the answer to `take`; `None` when the chunk is to stay as it is.
    pub(crate) fn sort<T>(&self, chunk: &[u8], take: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        let tell = || {
            let place = last_panic();
            let text = format!("internal error at {place}: this filter passes everything through untouched");
            self.log.line(Level::Error, &text);
        };
        self.poison.guard(None, tell, || {
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            let Work { sorter, sorted, bad_lines } = &mut *work;
            sorted.clear();
            let counts = sorter.sort_chunk(chunk, Timestamp::from_micros(self.clock.wall_micros()), sorted);
            if counts.bad > 0
                && let Some(held_back) = bad_lines.admit(self.clock.monotonic())
            {
                let text = format!(
                    "chunk has {} runs of bytes that are no event; each is kept in a record of log_type quarantine \
                     ({held_back} such lines were held back)",
                    counts.bad
                );
                self.log.line(Level::Warn, &text);
            }
            let answer = (counts.records + counts.bad > 0).then(|| take(sorted)).flatten();
            sorted.shrink_to(KEPT_BYTES);
            answer
        })
    }
}
