//! What came of it: what was found in the bucket, beside what was sent and what [`crate::plan`] says.

use super::bucket::{Stored, Trace, Traffic, requests_a_second};
use super::records::write_event;
use super::writer::Sums;
use super::*;
use crate::plan::{Flow, Sample, Writer as PlannedWriter};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// How far requests, objects and their sizes may be from the plan.
const AS_PLANNED: f64 = 0.1;
/// So many writers and each type's objects are many enough to be as many as planned.
const MANY_WRITERS: usize = 100;
/// By what few objects are off by chance, for one writer's: four times the deviation of their number in an hour.
const BY_CHANCE: f64 = 0.27;
/// Lines of each kind by which the plan measures files.
const SAMPLE_LINES: usize = 400;
/// An object is late when its oldest record is older than its type's age and this: a host's flush, and the absence of its task.
const LATE: Duration = Duration::from_secs(60);
/// The bucket is to have all within this time from the outage's end: the longest pause is a minute, and what waits is stored without one. More
/// when the bucket's limit needs more.
const RECOVERED: Duration = Duration::from_secs(300);

/// What is said of a kind and of an hour: objects and requests, and bytes of each object.
#[derive(Debug, Clone, Copy, Default)]
struct Hour {
    objects: f64,
    object_bytes: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Findings {
    case: Case,
    weather: Weather,
    /// In how many rows of the lake each record is, by writer and number.
    pub(super) rows: Vec<Vec<u8>>,
    sent: u64,
    accepted: u64,
    killed: u64,
    restarted: u64,
    slowed: u64,
    cut_off: u64,
    lost: u64,
    stored_again: u64,
    pub(super) changed_objects: u64,
    /// Of each kind.
    planned: Vec<(Kind, Hour)>,
    found: Vec<(Kind, Hour)>,
    pub(super) requests_in_measured: f64,
    by_second: BTreeMap<u64, (u32, u32)>,
    stored: Vec<Stored>,
    /// Times from the outage's end until late objects were stored, in order.
    late: Vec<Duration>,
    trace: Trace,
}

impl Findings {
    pub(super) fn new(case: Case, weather: Weather, config: &OutputConfig, traffic: Traffic, sums: &[Sums]) -> Self {
        let sum = |of: fn(&Sums) -> u64| sums.iter().map(of).sum();
        let outage_end = weather.outage().end;
        let is_late = |stored: &&Stored| {
            stored.at >= outage_end && stored.at - stored.oldest > config.upload_timeout(stored.kind.lane()) + LATE
        };
        let mut late: Vec<_> = traffic.stored.iter().filter(is_late).map(|stored| stored.at - outage_end).collect();
        late.sort();
        let found = |kind| (kind, hour(&traffic.stored, &weather.measured(), |stored| stored.kind == kind));
        let mut findings = Self {
            case,
            weather,
            sent: sum(|sums| sums.sent),
            accepted: sum(|sums| sums.accepted),
            killed: sum(|sums| sums.killed),
            restarted: sum(|sums| sums.restarted),
            slowed: traffic.slowed,
            cut_off: traffic.cut_off,
            lost: traffic.lost,
            stored_again: traffic.stored_again,
            changed_objects: traffic.changed,
            planned: planned(config, sums.len() as f64),
            found: Kind::ALL.map(found).to_vec(),
            requests_in_measured: 0.0,
            by_second: traffic.by_second,
            rows: traffic.rows,
            stored: traffic.stored,
            late,
            trace: traffic.trace,
        };
        findings.requests_in_measured = findings.requests(&weather.measured()) / hours(&weather.measured());
        findings
    }

    pub(super) fn trace(&self) -> Trace {
        self.trace
    }

    fn seconds(&self, of: &Range<Duration>) -> impl Iterator<Item = (u32, u32)> {
        self.by_second.range(of.start.as_secs()..of.end.as_secs()).map(|(_, counts)| *counts)
    }

    fn requests(&self, of: &Range<Duration>) -> f64 {
        self.seconds(of).map(|(requests, _)| f64::from(requests)).sum()
    }

    /// Panics with all that is not as it should be.
    pub(super) fn check(&self) {
        let rows = || self.rows.iter().flatten();
        let mut wrong = Vec::new();
        let mut demand = |is_so: bool, what: String| {
            if !is_so {
                wrong.push(what);
            }
        };
        let (lost, doubled) = (rows().filter(|rows| **rows == 0).count(), rows().filter(|rows| **rows > 1).count());
        demand(lost == 0, format!("{lost} records are lost"));
        demand(doubled == 0, format!("{doubled} records are doubled"));
        demand(
            rows().count() as u64 == self.sent && self.sent == self.accepted,
            format!("{} records were sent, and the ledgers of all lives took {}", self.sent, self.accepted),
        );
        let changed = self.changed_objects;
        demand(changed == 0, format!("{changed} objects were stored again with other bytes"));
        demand(self.killed + self.restarted > 0, "nobody was killed or restarted".to_owned());
        demand(self.cut_off > 0 && self.lost > 0, "nobody was cut off, or nothing got lost".to_owned());
        demand(self.slowed > 0 || self.case.share > 0.5, "the bucket was never overloaded".to_owned());
        let (last, writers) = (self.late.last().copied().unwrap_or_default(), self.rows.len());
        // What the limit takes if all lay in one prefix.
        let limited = self.late.len() as f64 / f64::from(requests_a_second(self.case, writers));
        let is_in_time = last < RECOVERED + Duration::from_secs_f64(limited);
        demand(!self.late.is_empty() && is_in_time, format!("recovered after {last:?}, or nothing was late"));

        let allowed = AS_PLANNED + if writers < MANY_WRITERS { BY_CHANCE / (writers as f64).sqrt() } else { 0.0 };
        let is_as_planned = |found: f64, planned: f64| (found / planned - 1.0).abs() < allowed;
        let (planned, found) = (sum(&self.planned), sum(&self.found));
        for (what, found, planned) in [
            ("requests an hour", self.requests_in_measured, planned.objects),
            ("objects an hour", found.objects, planned.objects),
            ("bytes of an object", found.object_bytes, planned.object_bytes),
        ] {
            demand(is_as_planned(found, planned), format!("{what}: {found:.1}, {planned:.1} were planned"));
        }
        for ((kind, planned), (_, found)) in self.planned.iter().zip(&self.found).filter(|_| writers >= MANY_WRITERS) {
            let is_so = is_as_planned(found.objects, planned.objects)
                && is_as_planned(found.object_bytes, planned.object_bytes);
            demand(is_so, format!("{}: {found:?}, {planned:?} was planned", kind.log_type));
        }
        assert!(
            wrong.is_empty(),
            "seed {} with {} of the limit: {}",
            self.case.seed,
            self.case.share,
            wrong.join("; ")
        );
    }
}

/// What `shiwake plan` says of so many tasks, with lines like these as its sample.
fn planned(config: &OutputConfig, writers: f64) -> Vec<(Kind, Hour)> {
    let (mut sample, mut chance) = (Sample::new(config), Chance::new(0, 0));
    for number in 0..SAMPLE_LINES {
        for kind in Kind::ALL {
            let mut event = Vec::new();
            let micros = BEGIN_MICROS + i64::try_from(number).unwrap() * 1_000;
            let json_bytes = write_event(&mut event, kind, 0, number, micros, &mut chance);
            sample.add(&event, json_bytes);
        }
    }
    let flow = |kind: Kind| {
        let record_bytes =
            sample.record_bytes(kind.lane()).unwrap_or_else(|| panic!("{} is sorted otherwise", kind.log_type));
        (kind.lane(), Flow { records: kind.per_second(), record_bytes })
    };
    let writer = PlannedWriter::new(config, Kind::ALL.map(flow));
    let of_kind = |(kind, objects): (Kind, &crate::plan::Objects)| {
        let object_bytes = sample.file_bytes(kind.lane(), objects.sorted_bytes).unwrap();
        (kind, Hour { objects: objects.per_hour * writers, object_bytes })
    };
    Kind::ALL.into_iter().zip(&writer.objects).map(of_kind).collect()
}

fn hours(of: &Range<Duration>) -> f64 {
    (of.end - of.start).as_secs_f64() / 3_600.0
}

fn hour(stored: &[Stored], of: &Range<Duration>, is_of: impl Fn(&Stored) -> bool) -> Hour {
    let sizes: Vec<f64> = stored
        .iter()
        .filter(|stored| of.contains(&stored.at) && is_of(stored))
        .map(|stored| stored.bytes as f64)
        .collect();
    let objects = sizes.len() as f64;
    Hour {
        objects: objects / hours(of),
        object_bytes: sizes.iter().fold(0.0, |sum, size| sum + size) / objects.max(1.0),
    }
}

fn sum(of: &[(Kind, Hour)]) -> Hour {
    let objects: f64 = of.iter().map(|(_, hour)| hour.objects).sum();
    let bytes: f64 = of.iter().map(|(_, hour)| hour.objects * hour.object_bytes).sum();
    Hour { objects, object_bytes: bytes / objects }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, killed, restarted, slowed, cut_off, lost, stored_again, .. } = self;
        writeln!(f, "{sent} records in {} objects; {killed} lives killed, {restarted} restarted", self.stored.len())?;
        writeln!(
            f,
            "{slowed} SlowDown, {cut_off} requests cut off, {lost} requests or answers lost, {stored_again} objects stored again with the same \
             bytes"
        )?;
        writeln!(f, "| | requests/h | objects/h | bytes each | peak requests/s | of one prefix |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        let planned = sum(&self.planned);
        writeln!(f, "| planned | {0:.0} | {0:.0} | {1:.0} | | |", planned.objects, planned.object_bytes)?;
        for (name, stretch) in [
            ("nothing wrong", self.weather.measured()),
            ("disorder", self.weather.disorder()),
            ("the bucket away", self.weather.outage()),
            ("five minutes behind", self.weather.storm()),
        ] {
            let (requests, of_all) =
                (self.requests(&stretch) / hours(&stretch), hour(&self.stored, &stretch, |_| true));
            let peak = self.seconds(&stretch).fold((0, 0), |most, one| (most.0.max(one.0), most.1.max(one.1)));
            let Hour { objects, object_bytes } = of_all;
            writeln!(f, "| {name} | {requests:.0} | {objects:.0} | {object_bytes:.0} | {} | {} |", peak.0, peak.1)?;
        }
        for ((kind, planned), (_, found)) in self.planned.iter().zip(&self.found) {
            writeln!(
                f,
                "{}: {:.0} objects/h of {:.0} bytes, planned {:.0} of {:.0}",
                kind.log_type, found.objects, found.object_bytes, planned.objects, planned.object_bytes
            )?;
        }
        let at = |share: f64| {
            self.late.get(((self.late.len() as f64 - 1.0) * share).max(0.0) as usize).copied().unwrap_or_default()
        };
        write!(
            f,
            "recovered: {} late objects, half after {:.1?}, 99% after {:.1?}, all after {:.1?}; trace {:016x} of {} events",
            self.late.len(),
            at(0.5),
            at(0.99),
            at(1.0),
            self.trace.digest,
            self.trace.events
        )
    }
}
