//! Sends segments to Datadog, payload by payload, several in flight, until it has or has refused every record.
//!
//! What it has is noted beside the segment's file at once, so a retry and a restart send the rest only: sent twice is what
//! was in flight when the process died, or what was taken though the answer was lost. Records that it refuses are stored as
//! lines of JSON, as they were to be sent, under `quarantine/datadog/` with the reason; without a lake and a place for
//! them they are lost, and counted so. Nothing of a payload that fails stays in memory while Datadog is waited for.

use super::deliverer::{Failure, failure};
use super::delivery_loop::{Attempt, Destination};
use super::stop_time::StopTime;
use super::{Message, Surroundings};
use crate::config::datadog::{Compression, DatadogConfig};
use crate::datadog::client::{Answer, ClientError, IntakeClient, Refusal};
use crate::datadog::compression::Compressor;
use crate::datadog::payload::{Payload, PayloadWriter, Position};
use crate::lane::Lane;
use crate::log::{Level, RateLimit};
use crate::partition::{raw_key, refused_key};
use crate::spool::{CountedBytes, LoadedSegment, MAX_TRIES, SealedSegment};
use crate::store::Lake;
use bytes::Bytes;
use shiwake_records::msgpack::json;
use std::fmt::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::task::JoinSet;

/// Payloads that wait for their answers.
const MAX_IN_FLIGHT: usize = 4;
/// Bytes of them, from which on no more are made.
const MAX_IN_FLIGHT_BYTES: u64 = 3_000_000;
/// Failures to read a segment's file, after which it is put aside.
const MAX_READ_FAILURES: u32 = 10;

/// A segment that is being sent.
pub(super) struct Entry {
    segment: SealedSegment,
    sent: Sent,
    read_failures: u32,
}

impl From<SealedSegment> for Entry {
    fn from(segment: SealedSegment) -> Self {
        let mut sent = Sent::default();
        segment.sent().iter().for_each(|records| sent.add(records));
        Self { segment, sent, read_failures: 0 }
    }
}

/// Records that Datadog has or has refused, by their places in the segment: ranges in order that do not touch.
#[derive(Debug, Default)]
struct Sent(Vec<Range<u64>>);

impl Sent {
    fn add(&mut self, records: &Range<u64>) {
        let begin = self.0.partition_point(|known| known.end < records.start);
        let end = self.0.partition_point(|known| known.start <= records.end);
        let start = self.0.get(begin).map_or(records.start, |known| known.start.min(records.start));
        let last = end.checked_sub(1).and_then(|last| self.0.get(last));
        let behind = last.map_or(records.end, |known| known.end.max(records.end));
        self.0.splice(begin..end.max(begin), std::iter::once(start..behind));
    }

    fn has(&self, record: u64) -> bool {
        let at = self.0.partition_point(|known| known.end <= record);
        self.0.get(at).is_some_and(|known| known.contains(&record))
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|records| records.end - records.start).sum()
    }
}

/// What is known of a payload while it is in flight.
struct Flight {
    records: Range<u64>,
    cut: u64,
    bytes: u64,
    _counted: CountedBytes,
}

/// Datadog, as a destination.
pub(super) struct DatadogDelivery {
    surroundings: Surroundings,
    client: IntakeClient,
    writer: PayloadWriter,
    /// Where refused records go: the lake, or what takes its place.
    quarantine: Option<Lake>,
    stop: StopTime,
    acceptor: Sender<Message>,
    failure_lines: RateLimit,
    refused_lines: RateLimit,
    last_failure: Option<String>,
    wanted_pause: Option<Duration>,
    chance: u64,
}

/// Why there is no such destination.
#[derive(Debug, thiserror::Error)]
pub enum DatadogError {
    /// No client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// No memory.
    #[error("payloads cannot be compressed: {0}")]
    Compression(#[from] std::io::Error),
}

impl DatadogDelivery {
    pub(super) fn new(
        surroundings: Surroundings,
        config: &DatadogConfig,
        quarantine: Option<Lake>,
        stop: StopTime,
        acceptor: Sender<Message>,
        chance: u64,
    ) -> Result<Self, DatadogError> {
        Ok(Self {
            client: IntakeClient::new(config)?,
            writer: PayloadWriter::new(config.entries.clone(), config.compression)?,
            surroundings,
            quarantine,
            stop,
            acceptor,
            failure_lines: RateLimit::default(),
            refused_lines: RateLimit::default(),
            last_failure: None,
            wanted_pause: None,
            chance,
        })
    }
}

impl Destination for DatadogDelivery {
    type Entry = Entry;

    fn segment(entry: &Entry) -> &SealedSegment {
        &entry.segment
    }

    async fn attempt(&mut self, entry: &mut Entry, is_in_order_of_worth: bool) -> Attempt {
        let segment = entry.segment.clone();
        if entry.sent.count() >= segment.records {
            return Attempt::Delivered;
        }
        if segment.tries() >= MAX_TRIES {
            let reason = format!("the process has ended {} times while it was being delivered", segment.tries());
            return self.keep_file(entry, &reason).await;
        }
        let (loaded, _counted) = match self.load(&segment).await {
            Ok(loaded) => loaded,
            Err(Failure::OutOfTime) => return Attempt::OutOfTime,
            Err(Failure::Read(error)) => return self.note_read_failure(entry, &error),
            Err(Failure::Removed(error)) => return self.note_removed(entry, &error),
            Err(Failure::Damaged(reason)) => return self.keep_file(entry, &reason).await,
        };
        self.send(entry, &loaded, is_in_order_of_worth).await
    }

    fn take_wanted_pause(&mut self) -> Option<Duration> {
        self.wanted_pause.take()
    }

    fn say_out_of_time(&self, entry: &Entry) {
        let why = self.last_failure.as_deref().unwrap_or("the intake has not answered in time");
        let text = format!("time is up while {} records were being sent to Datadog: {why}", entry.segment.id.lane);
        self.surroundings.log.line(Level::Error, &text);
    }
}

impl DatadogDelivery {
    /// Sends what Datadog does not have of a segment.
    async fn send(&mut self, entry: &mut Entry, loaded: &LoadedSegment, is_in_order_of_worth: bool) -> Attempt {
        let mut position = Position::default();
        let mut in_flight: JoinSet<(Flight, Answer)> = JoinSet::new();
        let mut bytes_in_flight = 0;
        let (mut is_at_end, mut has_failed, mut damage) = (false, false, None);
        loop {
            while !is_at_end
                && !has_failed
                && in_flight.len() < MAX_IN_FLIGHT
                && (in_flight.is_empty() || bytes_in_flight < MAX_IN_FLIGHT_BYTES)
                && (is_in_order_of_worth || !self.stop.is_stopping())
            {
                let next = || self.writer.next(loaded, &mut position, |record| entry.sent.has(record));
                match catch_unwind(AssertUnwindSafe(next)) {
                    Ok(Ok(Some(payload))) => {
                        if !self.keep_uncut(loaded, &payload).await {
                            has_failed = true;
                            break;
                        }
                        bytes_in_flight += payload.body.len() as u64;
                        self.launch(payload, &mut in_flight);
                    }
                    Ok(Ok(None)) => is_at_end = true,
                    Ok(Err(error)) => (is_at_end, damage) = (true, Some(error.to_string())),
                    Err(_) => (is_at_end, damage) = (true, Some("internal error".to_owned())),
                }
                // What is in flight goes on between two payloads.
                tokio::task::yield_now().await;
            }
            let landed = tokio::select! {
                landed = in_flight.join_next() => landed,
                () = self.stop.deadline_passed() => return Attempt::OutOfTime,
            };
            match landed {
                None => break,
                Some(Ok((flight, answer))) => {
                    bytes_in_flight -= flight.bytes.min(bytes_in_flight);
                    has_failed |= !self.land(entry, loaded, flight, answer).await;
                }
                // It panicked: what became of the payload is not known.
                Some(Err(_)) => has_failed = true,
            }
        }
        match damage {
            _ if entry.sent.count() >= entry.segment.records => Attempt::Delivered,
            _ if has_failed => Attempt::Failed,
            Some(reason) => self.keep_file(entry, &reason).await,
            None => Attempt::Interrupted,
        }
    }

    fn launch(&mut self, payload: Payload, in_flight: &mut JoinSet<(Flight, Answer)>) {
        let Payload { records, body, cut, .. } = payload;
        let counted = self.surroundings.memory.count_object(body.len() as u64);
        let flight = Flight { records, cut: cut.len() as u64, bytes: body.len() as u64, _counted: counted };
        let (client, stop) = (self.client.clone(), self.stop.clone());
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = self.chance;
        in_flight.spawn(async move {
            let answer = client.send(Bytes::from(body), chance, || stop.is_stopping()).await;
            (flight, answer)
        });
    }

    /// Takes an answer; whether the payload is done with.
    async fn land(&mut self, entry: &mut Entry, loaded: &LoadedSegment, flight: Flight, answer: Answer) -> bool {
        let Flight { records, cut, .. } = flight;
        let (lane, count) = (entry.segment.id.lane, records.end - records.start);
        let Surroundings { ledger, log, is_datadog_failing, .. } = &self.surroundings;
        match answer {
            Answer::Accepted => {
                if is_datadog_failing.swap(false, Ordering::Relaxed) {
                    log.line(Level::Info, "Datadog takes logs again");
                }
                ledger.send(lane, count, cut);
                if !self.is_in_lake(lane) {
                    ledger.write(lane, count);
                }
            }
            Answer::Refused(refusal) => {
                is_datadog_failing.store(false, Ordering::Relaxed);
                if !self.quarantine_refused(loaded, &records, &refusal).await {
                    return false;
                }
            }
            Answer::Failed(failure) => {
                if !is_datadog_failing.swap(true, Ordering::Relaxed) {
                    let _ = self.acceptor.send(Message::StoreFails);
                }
                self.wanted_pause = self.wanted_pause.max(failure.retry_after);
                let fix = failure.fix.map(|fix| format!(". To fix it: {fix}")).unwrap_or_default();
                self.say_failure(&format!("{}{fix}", failure.text));
                self.last_failure = Some(failure.text);
                return false;
            }
        }
        // When it cannot be noted these are sent again after a crash.
        let _ = entry.segment.note_sent(&records);
        entry.sent.add(&records);
        true
    }

    /// Keeps records that Datadog refuses; whether that is done.
    async fn quarantine_refused(&mut self, loaded: &LoadedSegment, records: &Range<u64>, refusal: &Refusal) -> bool {
        let Refusal { status, said } = refusal;
        let (lane, count) = (loaded.id.lane, records.end - records.start);
        let reason = format!("Datadog answers {status}: {said}");
        let key = match self.keep_lines(loaded, records, |record| records.contains(&record), &reason, "").await {
            Ok(key) => key,
            Err(()) => return false,
        };
        let Surroundings { ledger, log, clock, .. } = &self.surroundings;
        ledger.refuse(lane, count);
        let kept = match (&key, self.is_in_lake(lane)) {
            (Some(key), true) => format!("they are in the lake, and as lines in {key}"),
            (Some(key), false) => {
                ledger.quarantine(lane, count);
                format!("they are kept in {key}")
            }
            (None, _) => {
                ledger.lose(lane, count);
                "they are lost: set 'quarantine', 'store_dir' or 'lake' to keep such".to_owned()
            }
        };
        if let Some(held_back) = self.refused_lines.admit(clock.monotonic()) {
            let fix = refusal.fix();
            let text = format!(
                "{count} {lane} records are refused by Datadog with {status}: {said}; {kept}. To fix it: {fix} ({held_back} \
                 such lines were held back)"
            );
            log.line(Level::Error, &text);
        }
        true
    }

    /// Keeps the whole of what a payload has cut, when no lake does; whether that is done.
    async fn keep_uncut(&mut self, loaded: &LoadedSegment, payload: &Payload) -> bool {
        if payload.cut.is_empty() || self.is_in_lake(loaded.id.lane) {
            return true;
        }
        let reason = "an entry is longer than Datadog takes, and was cut there";
        let cut = |record| payload.cut.binary_search(&record).is_ok();
        self.keep_lines(loaded, &payload.records, cut, reason, "-uncut").await.is_ok()
    }

    /// Stores records as lines of JSON, behind one that says why; gives the object's key, `None` where there is no place for
    /// it.
    async fn keep_lines(
        &mut self,
        loaded: &LoadedSegment,
        records: &Range<u64>,
        is_wanted: impl Fn(u64) -> bool,
        reason: &str,
        what: &str,
    ) -> Result<Option<String>, ()> {
        let Some(quarantine) = self.quarantine.clone() else { return Ok(None) };
        let id = &loaded.id;
        let key = refused_key(id, records, what);
        let mut lines = String::from("{\"reason\":");
        json::quoted(&mut lines, reason);
        let (stream, segment, lane) = (&id.stream, id.number, id.lane);
        let first = loaded.first_record + records.start;
        let _ = writeln!(
            lines,
            ",\"log_type\":\"{lane}\",\"stream\":\"{stream}\",\"segment\":{segment},\"first_record\":{first}}}"
        );
        let mut lines = lines.into_bytes();
        let written = self.writer.lines(loaded, is_wanted, |line| {
            lines.extend_from_slice(line);
            lines.push(b'\n');
        });
        let packed = written.map_err(|error| error.to_string()).and_then(|()| {
            let compressor = Compressor::new(Compression::Zstd);
            compressor.and_then(|mut zstd| zstd.compress(&lines)).map_err(|error| error.to_string())
        });
        drop(lines);
        let stored = match packed {
            Ok(object) => {
                let _counted = self.surroundings.memory.count_object(object.len() as u64);
                self.store(&quarantine, &key, object).await
            }
            Err(error) => Err(error),
        };
        stored.map(|()| Some(key)).map_err(|error| self.say_failure(&error))
    }

    async fn store(&self, lake: &Lake, key: &str, object: Vec<u8>) -> Result<(), String> {
        let with = self.surroundings.config.stored_with(Lane::Quarantine);
        let put = tokio::select! {
            put = lake.put_with(key, object.into(), with) => put.map_err(|error| error.to_string()),
            () = self.stop.deadline_passed() => Err("time is up".to_owned()),
        };
        put
    }

    async fn load(&self, segment: &SealedSegment) -> Result<(LoadedSegment, CountedBytes), Failure> {
        let counted = tokio::select! {
            counted = self.surroundings.memory.begin_loading(segment.load_bytes()) => counted,
            () = self.stop.deadline_passed() => return Err(Failure::OutOfTime),
        };
        if self.stop.is_out_of_time() {
            return Err(Failure::OutOfTime);
        }
        Ok((segment.load().map_err(failure)?, counted))
    }

    /// Gives up a segment that cannot be made into payloads: the lake keeps it as the file it is; without one it is stored or
    /// put aside here.
    async fn keep_file(&mut self, entry: &mut Entry, reason: &str) -> Attempt {
        let segment = &entry.segment;
        let (lane, records) = (segment.id.lane, segment.records.saturating_sub(entry.sent.count()));
        let Surroundings { ledger, log, .. } = &self.surroundings;
        if self.is_in_lake(lane) {
            ledger.refuse(lane, records);
            let text = format!("{records} {lane} records cannot be sent to Datadog: {reason}");
            log.line(Level::Error, &text);
            return Attempt::Delivered;
        }
        let Some(quarantine) = self.quarantine.clone() else { return self.put_aside(entry, reason) };
        let raw = match segment.raw() {
            Ok(raw) => raw,
            Err(error) => return self.note_read_failure(entry, &format!("spool file cannot be read: {error}")),
        };
        let extension = if segment.is_durable() { "segment" } else { "msgpack" };
        let key = raw_key(&segment.id, &format!(".{extension}"));
        if let Err(error) = self.store(&quarantine, &key, raw).await {
            self.say_failure(&error);
            return Attempt::Failed;
        }
        let Surroundings { ledger, log, .. } = &self.surroundings;
        ledger.refuse(lane, records);
        ledger.quarantine(lane, records);
        let text = format!("{records} {lane} records cannot be sent to Datadog and are kept in {key}: {reason}");
        log.line(Level::Error, &text);
        Attempt::Delivered
    }

    fn put_aside(&mut self, entry: &Entry, reason: &str) -> Attempt {
        let (lane, records) = (entry.segment.id.lane, entry.segment.records.saturating_sub(entry.sent.count()));
        let Surroundings { ledger, log, .. } = &self.surroundings;
        let kept = match entry.segment.put_aside() {
            Ok(Some(name)) => {
                ledger.set_aside(lane, records);
                format!("they stay in '{name}'")
            }
            Ok(None) => {
                ledger.lose(lane, records);
                "they are lost: they were in memory".to_owned()
            }
            Err(error) => {
                self.say_failure(&error.to_string());
                return Attempt::Failed;
            }
        };
        ledger.refuse(lane, records);
        let text = format!("{records} {lane} records cannot be sent to Datadog: {reason}; {kept}");
        log.line(Level::Error, &text);
        Attempt::Delivered
    }

    /// Tries again later, but not for ever. With a lake it is the lake's thread that puts the file aside.
    fn note_read_failure(&mut self, entry: &mut Entry, error: &str) -> Attempt {
        entry.read_failures += 1;
        self.say_failure(error);
        if entry.read_failures < MAX_READ_FAILURES || self.stop.is_stopping() {
            return Attempt::Failed;
        }
        if !self.is_in_lake(entry.segment.id.lane) {
            return self.put_aside(entry, error);
        }
        let (lane, records) = (entry.segment.id.lane, entry.segment.records.saturating_sub(entry.sent.count()));
        self.surroundings.ledger.refuse(lane, records);
        Attempt::Delivered
    }

    /// Somebody has removed a file of the spool, or the lake's thread has put it aside: there is nothing left to try.
    fn note_removed(&mut self, entry: &Entry, error: &str) -> Attempt {
        let (lane, records) = (entry.segment.id.lane, entry.segment.records.saturating_sub(entry.sent.count()));
        let Surroundings { ledger, log, .. } = &self.surroundings;
        ledger.refuse(lane, records);
        if !self.is_in_lake(lane) {
            ledger.lose(lane, records);
        }
        let text = format!(
            "{records} {lane} records are not sent to Datadog: {error}. To avoid it: let nothing clean up store_dir"
        );
        log.line(Level::Error, &text);
        Attempt::Delivered
    }

    /// Whether the lake gets what Datadog gets.
    fn is_in_lake(&self, lane: Lane) -> bool {
        self.surroundings.config.goes_to_lake(lane)
    }

    fn say_failure(&mut self, failure: &str) {
        if let Some(held_back) = self.failure_lines.admit(self.surroundings.clock.monotonic()) {
            let text = format!("{failure}. It is tried again ({held_back} such lines were held back)");
            self.surroundings.log.line(Level::Warn, &text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_one_range_where_it_touches() {
        let mut sent = Sent::default();
        for records in [10..20, 30..40, 0..5, 20..25, 28..30, 50..60, 3..12] {
            sent.add(&records);
        }
        assert_eq!(sent.0, [0..25, 28..40, 50..60]);
        assert_eq!(sent.count(), 47);
        let has = [0, 24, 25, 27, 28, 39, 40, 49, 50, 59, 60].map(|record| sent.has(record));
        assert_eq!(has, [true, true, false, false, true, true, false, false, true, true, false]);
        sent.add(&(0..100));
        assert_eq!((sent.0.len(), sent.count()), (1, 100));
    }
}
