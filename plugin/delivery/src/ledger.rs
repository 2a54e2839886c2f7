//! The sums that must add up: in = written + quarantined + dropped + set aside + lost + pending.
//!
//! A record is counted in when the spool has taken it, or when it was found there at the start; written when the object that holds it is in the store, and
//! quarantined when an object under `quarantine/` holds it. It is set aside when its file in the spool cannot be read and
//! stays there, and lost when somebody has removed that file. Pending is what is neither. It is dropped when a rule
//! says so, by `drop` or by `sample`. Nothing is counted twice: a chunk that was answered RETRY was not counted in.

use crate::lane::{Lane, Lanes};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters of one lane or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Records the spool has taken, or had from an earlier run.
    pub accepted: u64,
    /// Records in objects of their log type.
    pub written: u64,
    /// Records, or runs of bytes that are none, in objects under `quarantine/`.
    pub quarantined: u64,
    /// Records that rules threw away.
    pub dropped: u64,
    /// Records in files of the spool that cannot be read and were put aside.
    pub set_aside: u64,
    /// Records in files of the spool that somebody has removed.
    pub lost: u64,
    /// Of those accepted, the ones that an earlier run had taken.
    pub recovered: u64,
    /// Fields of written records that are in the overflow because their value does not fit their column.
    pub misfits: u64,
    /// Records that Datadog has.
    pub sent: u64,
    /// Records that Datadog has refused, or that could not be sent to it.
    pub refused: u64,
    /// Of those sent, the ones whose entry was too long and was cut.
    pub cut: u64,
}

impl Totals {
    /// Records that wait.
    #[must_use]
    pub fn pending(&self) -> u64 {
        let Totals { accepted, written, quarantined, dropped, set_aside, lost, .. } = self;
        accepted.saturating_sub(written + quarantined + dropped + set_aside + lost)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals { accepted, written, quarantined, dropped, set_aside, lost, .. } = self;
        write!(formatter, "in={accepted} written={written} quarantined={quarantined} pending={}", self.pending())?;
        for (name, count) in [("dropped", dropped), ("set_aside", set_aside), ("lost", lost)] {
            if *count > 0 {
                write!(formatter, " {name}={count}")?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    written: AtomicU64,
    quarantined: AtomicU64,
    set_aside: AtomicU64,
    lost: AtomicU64,
    recovered: AtomicU64,
    misfits: AtomicU64,
    sent: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
}

/// The sums of one output instance, since its start.
#[derive(Debug)]
pub struct Ledger {
    lanes: Lanes,
    counters: Vec<Counters>,
    recognised: AtomicU64,
    /// Records that rules threw away, by the rule's name.
    dropped: Mutex<BTreeMap<String, u64>>,
    held_bytes: AtomicU64,
    objects: AtomicU64,
    object_bytes: AtomicU64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(Lanes::default(), [])
    }
}

impl Ledger {
    /// Sums that are all zero; `droppers` are the names of the rules that may throw records away.
    #[must_use]
    pub fn new<'n>(lanes: Lanes, droppers: impl IntoIterator<Item = &'n str>) -> Self {
        Self {
            counters: lanes.each(Counters::default),
            lanes,
            recognised: AtomicU64::default(),
            dropped: Mutex::new(droppers.into_iter().map(|name| (name.to_owned(), 0)).collect()),
            held_bytes: AtomicU64::default(),
            objects: AtomicU64::default(),
            object_bytes: AtomicU64::default(),
        }
    }

    /// Records were taken by the spool.
    pub fn accept(&self, lane: Lane, records: u64) {
        self.add(lane, records, |counters| &counters.accepted);
    }

    /// Records are in a file of the spool that cannot be read and was put aside.
    pub fn set_aside(&self, lane: Lane, records: u64) {
        self.add(lane, records, |counters| &counters.set_aside);
    }

    /// Records were in a file of the spool that somebody has removed.
    pub fn lose(&self, lane: Lane, records: u64) {
        self.add(lane, records, |counters| &counters.lost);
    }

    /// Records were found in the spool, from an earlier run.
    pub fn recover(&self, lane: Lane, records: u64) {
        self.add(lane, records, |counters| &counters.recovered);
        self.accept(lane, records);
    }

    /// Records came again that were taken before the restart; they are not counted in a second time.
    pub fn recognise(&self, records: u64) {
        self.recognised.fetch_add(records, Ordering::Relaxed);
    }

    /// Records came that a rule threw away.
    pub fn drop_by(&self, rule: &str, records: u64) {
        let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
        match dropped.get_mut(rule) {
            Some(sum) => *sum += records,
            None => {
                dropped.insert(rule.to_owned(), records);
            }
        }
    }

    /// Records that rules threw away, by the rule's name.
    #[must_use]
    pub fn dropped(&self) -> BTreeMap<String, u64> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records that were found in the spool at the start.
    #[must_use]
    pub fn recovered(&self) -> u64 {
        self.totals().recovered
    }

    /// Records that came again after a restart and were not taken twice.
    #[must_use]
    pub fn recognised(&self) -> u64 {
        self.recognised.load(Ordering::Relaxed)
    }

    /// Records are in an object of their type.
    pub fn write(&self, lane: Lane, records: u64) {
        self.add(lane, records, |counters| &counters.written);
    }

    /// Fields of records in an object are in the overflow because their value does not fit their column.
    pub fn misfit(&self, lane: Lane, fields: u64) {
        self.add(lane, fields, |counters| &counters.misfits);
    }

    /// Datadog has records; of some of them the entry was cut. Where there is no lake they are written by this too.
    pub fn send(&self, lane: Lane, records: u64, cut: u64) {
        self.add(lane, records, |counters| &counters.sent);
        self.add(lane, cut, |counters| &counters.cut);
    }

    /// Datadog has refused records.
    pub fn refuse(&self, lane: Lane, records: u64) {
        self.add(lane, records, |counters| &counters.refused);
    }

    /// Records are in an object under `quarantine/`.
    pub fn quarantine(&self, lane: Lane, records: u64) {
        self.add(lane, records, |counters| &counters.quarantined);
    }

    /// So many bytes are in the spool now.
    pub fn hold(&self, bytes: u64) {
        self.held_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Bytes in the spool, in memory and on disk.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// An object was stored.
    pub fn store_object(&self, bytes: u64) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.object_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The sums of one lane. Those of lanes that nobody declares any more are one.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> Totals {
        self.counters.get(self.lanes.index(lane)).map(Counters::totals).unwrap_or_default()
    }

    /// The sums by lane, in the order of [`Lanes`], with the lanes' names.
    pub fn by_lane(&self) -> impl Iterator<Item = (&str, Totals)> {
        self.lanes.names().zip(self.counters.iter().map(Counters::totals))
    }

    /// The sums of all lanes.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let dropped = self.dropped().values().sum();
        let begin = Totals { accepted: dropped, dropped, ..Totals::default() };
        self.counters.iter().map(Counters::totals).fold(begin, |sum, totals| Totals {
            dropped: sum.dropped + totals.dropped,
            accepted: sum.accepted + totals.accepted,
            written: sum.written + totals.written,
            quarantined: sum.quarantined + totals.quarantined,
            set_aside: sum.set_aside + totals.set_aside,
            lost: sum.lost + totals.lost,
            recovered: sum.recovered + totals.recovered,
            misfits: sum.misfits + totals.misfits,
            sent: sum.sent + totals.sent,
            refused: sum.refused + totals.refused,
            cut: sum.cut + totals.cut,
        })
    }

    /// Objects stored and their bytes.
    #[must_use]
    pub fn objects(&self) -> (u64, u64) {
        (self.objects.load(Ordering::Relaxed), self.object_bytes.load(Ordering::Relaxed))
    }

    fn add(&self, lane: Lane, records: u64, counter: impl Fn(&Counters) -> &AtomicU64) {
        if let Some(counters) = self.counters.get(self.lanes.index(lane)) {
            counter(counters).fetch_add(records, Ordering::Relaxed);
        }
    }
}

impl Counters {
    fn totals(&self) -> Totals {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // What is done before what is accepted: what is counted in between is then still pending, never below nothing.
        let (written, quarantined) = (load(&self.written), load(&self.quarantined));
        let (set_aside, lost, recovered) = (load(&self.set_aside), load(&self.lost), load(&self.recovered));
        let misfits = load(&self.misfits);
        let (sent, refused, cut) = (load(&self.sent), load(&self.refused), load(&self.cut));
        // What is dropped has no lane.
        let dropped = 0;
        let accepted = load(&self.accepted);
        Totals { accepted, written, quarantined, dropped, set_aside, lost, recovered, misfits, sent, refused, cut }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (objects, bytes) = self.objects();
        write!(formatter, "{} objects={objects} object_bytes={bytes}", self.totals())?;
        let Totals { misfits, sent, refused, cut, .. } = self.totals();
        for (name, count) in [
            ("recovered", self.recovered()),
            ("recognised", self.recognised()),
            ("misfits", misfits),
            ("datadog", sent),
            ("datadog_refused", refused),
            ("datadog_cut", cut),
        ] {
            if count > 0 {
                write!(formatter, " {name}={count}")?;
            }
        }
        for (rule, count) in self.dropped() {
            if count > 0 {
                write!(formatter, " dropped_by_{rule}={count}")?;
            }
        }
        for (lane, Totals { accepted, .. }) in self.by_lane() {
            if accepted > 0 {
                write!(formatter, " {lane}={accepted}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shiwake_records::log_type::LogType;

    #[test]
    fn what_is_neither_written_nor_quarantined_is_pending() {
        let ledger = Ledger::default();
        let access = Lane::Typed(LogType::Access);
        ledger.accept(access, 5);
        ledger.accept(Lane::Quarantine, 2);
        ledger.write(access, 3);
        ledger.quarantine(Lane::Quarantine, 1);
        ledger.store_object(100);
        ledger.recognise(4);
        ledger.misfit(access, 6);
        ledger.drop_by("noise", 8);
        ledger.drop_by("noise", 1);
        assert_eq!(ledger.totals().pending(), 3);
        assert_eq!(
            ledger.to_string(),
            "in=16 written=3 quarantined=1 pending=3 dropped=9 objects=1 object_bytes=100 recognised=4 misfits=6 \
             dropped_by_noise=9 access=5 quarantine=2"
        );
    }
}
