//! Makes files of segments and stores them until each is stored.
//!
//! A segment is committed when all of its objects are stored. Records that no file can be made of are stored under
//! `quarantine/` with the reason, and a segment that is damaged, or of which the process has died again and again, as the
//! file it is, so that nothing blocks what is behind it; for the same reason a segment whose object is refused goes
//! behind the others, and only when all that wait have failed is there a pause. Failed requests are tried again for as
//! long as the host runs; when it exits, until the deadline, and then what is worth most comes first.

use super::delivery_loop::{Attempt, Destination};
use super::stop_time::StopTime;
use super::{Message, Surroundings};
use crate::columns::file::{FileWriter, PartitionPlan, plan};
use crate::columns::object::{PartitionObject, guarded, write_object};
use crate::lane::Lane;
use crate::log::{Level, RateLimit};
use crate::partition::raw_key;
use crate::schema::Schemas;
use crate::spool::{CountedBytes, LoadError, LoadedSegment, MAX_TRIES, SealedSegment};
use crate::store::{Disposition, Lake, PutError};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// Failures to read a segment's file, after which it is put aside.
const MAX_READ_FAILURES: u32 = 10;

/// Why a segment's records could not be had.
pub(super) enum Failure {
    OutOfTime,
    Read(String),
    Removed(String),
    Damaged(String),
}

/// A segment that is being delivered.
pub(super) struct Entry {
    segment: SealedSegment,
    /// Objects of it that are stored; the next one is the first that is not.
    stored_objects: usize,
    stored_records: u64,
    read_failures: u32,
}

impl From<SealedSegment> for Entry {
    fn from(segment: SealedSegment) -> Self {
        Self { segment, stored_objects: 0, stored_records: 0, read_failures: 0 }
    }
}

/// The lake, as a destination.
pub(super) struct LakeDelivery {
    surroundings: Surroundings,
    lake: Lake,
    writer: FileWriter,
    stop: StopTime,
    acceptor: Sender<Message>,
    failure_lines: RateLimit,
    rejected_lines: RateLimit,
    last_failure: Option<String>,
    is_in_order_of_worth: bool,
}

impl Destination for LakeDelivery {
    type Entry = Entry;

    fn segment(entry: &Entry) -> &SealedSegment {
        &entry.segment
    }

    async fn attempt(&mut self, entry: &mut Entry, is_in_order_of_worth: bool) -> Attempt {
        self.is_in_order_of_worth = is_in_order_of_worth;
        self.deliver(entry).await
    }

    fn keeps_memory(&self) -> bool {
        self.surroundings.memory.has_column_memory()
    }

    fn give_memory_back(&mut self) {
        self.surroundings.memory.drop_column_memory();
    }

    fn take_wanted_pause(&mut self) -> Option<Duration> {
        None
    }

    fn say_out_of_time(&self, entry: &Entry) {
        let why = self.last_failure.as_deref().unwrap_or("the store has not answered in time");
        let text = format!("time is up while {} records were being stored: {why}", entry.segment.id.lane);
        self.surroundings.log.line(Level::Error, &text);
    }
}

impl LakeDelivery {
    pub(super) fn new(surroundings: Surroundings, lake: Lake, stop: StopTime, acceptor: Sender<Message>) -> Self {
        let config = &surroundings.config;
        let schemas = Arc::new(Schemas::new(config.lanes.clone(), &config.types));
        let writer = FileWriter { codec: config.codec, schemas, rules: config.sorter.rules.fingerprint() };
        Self {
            surroundings,
            lake,
            writer,
            stop,
            acceptor,
            failure_lines: RateLimit::default(),
            rejected_lines: RateLimit::default(),
            last_failure: None,
            is_in_order_of_worth: false,
        }
    }

    /// Stores the objects of a segment that are not stored yet, each once.
    async fn deliver(&mut self, entry: &mut Entry) -> Attempt {
        let segment = entry.segment.clone();
        if segment.tries() >= MAX_TRIES {
            let reason = format!("the process has ended {} times while it was being delivered", segment.tries());
            return self.keep_file(entry, &reason).await;
        }
        let (loaded, plans, _counted) = match self.load(&segment).await {
            Ok(loaded) => loaded,
            Err(Failure::OutOfTime) => return Attempt::OutOfTime,
            Err(Failure::Read(error)) => return self.note_read_failure(entry, &error),
            Err(Failure::Removed(error)) => return self.note_removed(entry, &error),
            Err(Failure::Damaged(reason)) => return self.keep_file(entry, &reason).await,
        };
        for (number, plan) in plans.iter().enumerate().skip(entry.stored_objects) {
            let Some((object, _counted)) = self.write(&segment, &loaded, plan).await else {
                return Attempt::OutOfTime;
            };
            let PartitionObject { key, bytes, misfits, rejected } = object;
            let lane = segment.id.lane;
            let stored = self.store(lane, &key, bytes).await;
            if !matches!(stored, Attempt::Delivered) {
                return stored;
            }
            match rejected {
                None => self.count(lane, plan.records(), misfits),
                Some(reason) => self.note_rejected(lane, plan.records(), &key, &reason),
            }
            entry.stored_objects = number + 1;
            entry.stored_records += plan.records();
        }
        Attempt::Delivered
    }

    /// Brings a segment into memory, when there is room for it, and finds its partitions, while no other instance writes.
    async fn load(
        &self,
        segment: &SealedSegment,
    ) -> Result<(LoadedSegment, Vec<PartitionPlan>, CountedBytes), Failure> {
        let memory = &self.surroundings.memory;
        // Reading too comes before anything that others wait for: a disk may hang there.
        segment.make_safe().map_err(failure)?;
        let counted = tokio::select! {
            biased;
            counted = memory.begin_loading(segment.load_bytes()) => counted,
            () = self.stop.deadline_passed() => return Err(Failure::OutOfTime),
        };
        // When it cannot be noted the segment is only suspected later.
        let _ = segment.begin_try();
        let loaded = segment.load();
        segment.end_try();
        let loaded = loaded.map_err(failure)?;
        let _writing = tokio::select! {
            biased;
            permit = memory.begin_writing(0) => permit,
            () = self.stop.deadline_passed() => return Err(Failure::OutOfTime),
        };
        if self.stop.is_out_of_time() {
            return Err(Failure::OutOfTime);
        }
        let _ = segment.begin_try();
        let plans = guarded(|| plan(&loaded));
        segment.end_try();
        Ok((loaded, plans.map_err(Failure::Damaged)?, counted))
    }

    /// Makes the object of a partition; `None` when time is up.
    async fn write(
        &self,
        segment: &SealedSegment,
        loaded: &LoadedSegment,
        plan: &PartitionPlan,
    ) -> Option<(PartitionObject, CountedBytes)> {
        let mut writing = tokio::select! {
            biased;
            permit = self.surroundings.memory.begin_writing(segment.bytes) => permit,
            () = self.stop.deadline_passed() => return None,
        };
        if self.stop.is_out_of_time() {
            return None;
        }
        let _ = segment.begin_try();
        let object = write_object(&self.writer, loaded, plan, writing.memory());
        segment.end_try();
        // Counted while nobody else writes, so that nobody misses it.
        let counted = self.surroundings.memory.count_object(object.bytes.len() as u64);
        Some((object, counted))
    }

    fn count(&self, lane: Lane, records: u64, misfits: u64) {
        self.surroundings.ledger.misfit(lane, misfits);
        match lane {
            Lane::Quarantine => self.surroundings.ledger.quarantine(lane, records),
            Lane::Typed(_) => self.surroundings.ledger.write(lane, records),
        }
    }

    fn note_rejected(&mut self, lane: Lane, records: u64, key: &str, reason: &str) {
        self.surroundings.ledger.quarantine(lane, records);
        if let Some(held_back) = self.rejected_lines.admit(self.surroundings.clock.monotonic()) {
            let text = format!(
                "{records} {lane} records could not be written as their type and are kept in {key}: {reason} \
                 ({held_back} such lines were held back)"
            );
            self.surroundings.log.line(Level::Error, &text);
        }
    }

    /// Stores a segment that cannot be made into files as it is.
    async fn keep_file(&mut self, entry: &mut Entry, reason: &str) -> Attempt {
        let segment = entry.segment.clone();
        let id = &segment.id;
        // It may be this that the process dies of.
        let _ = segment.begin_try();
        let raw = segment.raw();
        segment.end_try();
        let raw = match raw {
            Ok(raw) => raw,
            Err(error) => return self.note_read_failure(entry, &format!("spool file cannot be read: {error}")),
        };
        let extension = if segment.is_durable() { "segment" } else { "msgpack" };
        let key = raw_key(id, &format!(".{extension}"));
        let stored = self.store(id.lane, &key, raw).await;
        if matches!(stored, Attempt::Delivered) {
            self.note_rejected(id.lane, segment.records.saturating_sub(entry.stored_records), &key, reason);
        }
        stored
    }

    /// Tries again later, but not for ever: a file that cannot be read is put aside.
    fn note_read_failure(&mut self, entry: &mut Entry, error: &str) -> Attempt {
        entry.read_failures += 1;
        self.say_failure(error);
        if entry.read_failures < MAX_READ_FAILURES || self.stop.is_stopping() {
            return Attempt::Failed;
        }
        let (lane, records) = (entry.segment.id.lane, entry.segment.records.saturating_sub(entry.stored_records));
        match entry.segment.put_aside() {
            Ok(Some(name)) => {
                let text = format!("{records} {lane} records are not delivered: {error}. They stay in '{name}'");
                self.surroundings.log.line(Level::Error, &text);
                self.surroundings.ledger.set_aside(lane, records);
                Attempt::Delivered
            }
            Ok(None) | Err(_) => Attempt::Failed,
        }
    }

    /// Somebody has removed a file of the spool: there is nothing left to try.
    fn note_removed(&mut self, entry: &Entry, error: &str) -> Attempt {
        let (lane, records) = (entry.segment.id.lane, entry.segment.records.saturating_sub(entry.stored_records));
        let text = format!("{records} {lane} records are lost: {error}. To avoid it: let nothing clean up store_dir");
        self.surroundings.log.line(Level::Error, &text);
        self.surroundings.ledger.lose(lane, records);
        Attempt::Delivered
    }

    /// Stores one object of a lane's records, trying once.
    async fn store(&mut self, lane: Lane, key: &str, object: Vec<u8>) -> Attempt {
        let bytes = object.len() as u64;
        let lake = self.lake.clone();
        let config = &self.surroundings.config;
        let with = config.stored_with(lane);
        let put = tokio::select! {
            biased;
            put = lake.put_with(key, object.into(), with) => put,
            () = self.stop.deadline_passed() => return Attempt::OutOfTime,
            // A store that does not answer must not take the time of what is worth more; the same object is stored later.
            () = self.stop.stop_begun(), if !self.is_in_order_of_worth => return Attempt::Interrupted,
        };
        if let Err(error) = put {
            self.note_failure(&error);
            return Attempt::Failed;
        }
        if self.surroundings.note_store(false) {
            self.surroundings.log.line(Level::Info, &format!("lake '{}' takes objects again", self.lake));
        }
        self.surroundings.ledger.store_object(bytes);
        Attempt::Delivered
    }

    fn note_failure(&mut self, error: &PutError) {
        if !self.surroundings.note_store(true) {
            let _ = self.acceptor.send(Message::StoreFails);
        }
        let fix = match error.disposition() {
            Disposition::NeedsFix(fix) => format!(". To fix it: {fix}"),
            Disposition::Retry => String::new(),
        };
        self.say_failure(&format!("{error}{fix}"));
        self.last_failure = Some(error.to_string());
    }

    fn say_failure(&mut self, failure: &str) {
        if let Some(held_back) = self.failure_lines.admit(self.surroundings.clock.monotonic()) {
            let text = format!("{failure}. It is tried again ({held_back} such lines were held back)");
            self.surroundings.log.line(Level::Warn, &text);
        }
    }
}

pub(super) fn failure(error: LoadError) -> Failure {
    match &error {
        LoadError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Failure::Removed(error.to_string())
        }
        LoadError::Read { .. } => Failure::Read(error.to_string()),
        LoadError::Damaged { .. } | LoadError::Records { .. } => Failure::Damaged(error.to_string()),
    }
}
