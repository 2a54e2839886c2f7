//! Filter instances.

use crate::abi::host_buffer::HostBuffer;
use crate::abi::properties::SetProperties;
use crate::guard::{Poison, last_panic};
use crate::output_instance::{environment, warn_if_incomplete, with_signals_blocked};
use shiwake_delivery::clock::{Clock, SystemClock};
use shiwake_delivery::config::filter::{PROPERTIES, has_record_ids, metadata_endpoint, sorter_config};
use shiwake_delivery::config::{ConfigError, Properties, rules_file};
use shiwake_delivery::identity::watcher::{Pace, TaskReader, TaskWatcher};
use shiwake_delivery::log::{Level, Log, MisreadLines, RateLimit};
use shiwake_delivery::record_stream::new_record_stream;
use shiwake_records::event::Timestamp;
use shiwake_records::msgpack::Room;
use shiwake_records::sorter::{PART_BYTES, Pieces, Sorter};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// One `[FILTER]` section.
pub(crate) struct FilterInstance {
    work: Mutex<Work>,
    poison: Poison,
    log: Arc<dyn Log>,
    clock: SystemClock,
    /// Who asks where records come from; ends with the instance.
    _task_watcher: Option<TaskWatcher>,
}

struct Work {
    sorter: Sorter,
    task: Option<TaskReader>,
    /// The part of the answer that is being written.
    part: Room,
    growth: Growth,
    bad_lines: RateLimit,
    drop_lines: RateLimit,
    misread_lines: MisreadLines,
}

/// Memory that is kept from chunk to chunk, for records that are larger than a part.
const KEPT_BYTES: usize = 256 * 1024;

/// How much longer than its chunk the last answer was, from which room for the next one is estimated.
struct Growth {
    chunk_bytes: usize,
    answer_bytes: usize,
}

impl Growth {
    /// Room for the answer to a chunk, with an eighth to spare; four times the chunk at most, as one of few short records grows
    /// by more than others do.
    fn estimate(&self, chunk_bytes: usize) -> usize {
        let (bytes, grown, from) = (chunk_bytes as u128, self.answer_bytes as u128, self.chunk_bytes.max(1) as u128);
        let most = chunk_bytes.saturating_mul(4);
        usize::try_from(bytes * grown / from * 9 / 8).unwrap_or(most).min(most).max(PART_BYTES)
    }
}

impl FilterInstance {
    /// Reads the properties.
    pub(crate) fn start(set: SetProperties, log: Arc<dyn Log>) -> Result<Self, ConfigError> {
        warn_if_incomplete(&set, log.as_ref());
        let properties = Properties::new(&PROPERTIES, set.values)?;
        let environment = environment();
        let mut config = sorter_config(&properties, &environment, &mut rules_file)?;
        let endpoint = metadata_endpoint(&properties, &environment)?;
        if config.pieces == Pieces::Join {
            // The forward input calls a filter for every record by itself; the output sees many together.
            config.pieces = Pieces::JoinOrPass;
        }
        let own_rules = config.rules.own_rules().len();
        let rules = if own_rules > 0 { format!(", {own_rules} rules of your own") } else { String::new() };
        let mut sorter = Sorter::new(config);
        log.line(Level::Info, &format!("version {}{rules}", env!("CARGO_PKG_VERSION")));
        let clock = SystemClock::default();
        if has_record_ids(&properties)? {
            let stream = new_record_stream(clock.wall_micros());
            log.line(Level::Info, &format!("record ids are {stream}-0 and on"));
            sorter.set_record_ids(&stream);
        }
        let task_watcher = endpoint.and_then(|endpoint| {
            let started = with_signals_blocked(|| TaskWatcher::start(endpoint, Pace::default(), Arc::clone(&log)));
            let refuse = |error| {
                log.line(
                    Level::Warn,
                    &format!("the system gives no thread for ECS metadata, records go without: {error}"),
                );
            };
            started.map_err(refuse).ok()
        });
        let growth = Growth { chunk_bytes: 1, answer_bytes: 2 };
        Ok(Self {
            clock,
            work: Mutex::new(Work {
                sorter,
                task: task_watcher.as_ref().map(TaskWatcher::reader),
                part: Room::default(),
                growth,
                bad_lines: RateLimit::default(),
                drop_lines: RateLimit::default(),
                misread_lines: MisreadLines::default(),
            }),
            poison: Poison::default(),
            log,
            _task_watcher: task_watcher,
        })
    }

    /// Sorts a chunk; `None` when it is to stay as it is. The answer is empty when rules threw all records away.
    pub(crate) fn sort(&self, chunk: &[u8], tag: &[u8]) -> Option<HostBuffer> {
        let tell = || {
            let place = last_panic();
            let text = format!("internal error at {place}: this filter passes everything through untouched");
            self.log.line(Level::Error, &text);
        };
        self.poison.guard(None, tell, || {
            let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
            let Work { sorter, task, part, growth, bad_lines, drop_lines, misread_lines } = &mut *work;
            // A chunk that panicked half-way may have left something.
            part.clear();
            let mut answer = HostBuffer::with_capacity(growth.estimate(chunk.len()));
            let mut take = |part: &mut Room| {
                answer = answer.take().and_then(|mut answer| answer.append(part.bytes()).map(|()| answer));
                part.clear();
            };
            let received = Timestamp::from_micros(self.clock.wall_micros());
            sorter.set_tag(tag);
            if let Some(task) = task {
                task.tell(sorter);
            }
            let counts = sorter.sort_items(chunk, received, part, |_, part| {
                if part.len() >= PART_BYTES {
                    take(part);
                }
            });
            take(part);
            part.shrink_to(KEPT_BYTES);
            if let Some(task) = task {
                task.ask(sorter);
            }
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
            if counts.dropped > 0 && drop_lines.admit(self.clock.monotonic()).is_some() {
                self.log.line(Level::Info, &rule_sums(sorter));
            }
            misread_lines.tell(sorter.misreads(), || self.clock.monotonic(), self.log.as_ref());
            let answer = answer.filter(|_| counts.records + counts.bad + counts.dropped > 0)?;
            *growth = Growth { chunk_bytes: chunk.len(), answer_bytes: answer.length() };
            Some(answer)
        })
    }
}

impl Drop for FilterInstance {
    fn drop(&mut self) {
        let work = self.work.get_mut().unwrap_or_else(PoisonError::into_inner);
        let has_own = !work.sorter.rules().own_rules().is_empty();
        if has_own {
            self.log.line(Level::Info, &rule_sums(&work.sorter));
        }
        let Work { sorter, misread_lines, .. } = work;
        misread_lines.tell_last(sorter.misreads(), self.log.as_ref());
        if let Some(last) = work.sorter.last_record_id() {
            self.log.line(Level::Info, &format!("the last record id was {last}"));
        }
    }
}

/// What the user's rules did so far.
fn rule_sums(sorter: &Sorter) -> String {
    let rules = sorter.rules().own_rules().iter().zip(sorter.rule_counts());
    let mut text = "rules so far:".to_owned();
    for (rule, counts) in rules.filter(|(_, counts)| counts.matched > 0) {
        // Writing to memory does not fail.
        let _ = write!(text, " {}={}", rule.name, counts.matched);
        for (word, count) in [("dropped", counts.dropped), ("unparsed", counts.unparsed)] {
            if count > 0 {
                let _ = write!(text, " ({count} {word})");
            }
        }
    }
    text
}
