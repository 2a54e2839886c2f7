//! How many objects a writer makes of a type, and how large they are.
//!
//! As the output does it ([`crate::pipeline`]): a segment begins with a record, ends when it is as old as its type's
//! `upload_timeout` or as large as `segment_limit_bytes` allows, and becomes an object for each hour that its records lie in. Records
//! are taken to come by chance and independently of each other, each with the time at which it comes.
//!
//! What it leaves out: segments that are closed early because all lanes together are too large for the memory (said by
//! [`Writer::is_tight`]), at the exit of a task, and because of records that come late.

use crate::config::output::OutputConfig;
use crate::lane::Lane;
use std::time::Duration;

const HOUR_SECONDS: f64 = 3_600.0;

/// What one writer is given of a type.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// Records a second.
    pub records: f64,
    /// Bytes of a sorted record.
    pub record_bytes: f64,
}

/// What it makes of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objects {
    /// In an hour.
    pub per_hour: f64,
    /// Bytes of sorted records in each, on average.
    pub sorted_bytes: f64,
    /// Bytes of sorted records in a segment when it is closed, on average.
    pub segment_bytes: f64,
}

/// The objects of a flow. `has_hours` says whether what lies in several hours becomes several objects.
#[must_use]
pub fn objects(flow: Flow, upload_timeout: Duration, limit_bytes: f64, has_hours: bool) -> Objects {
    let Flow { records, record_bytes } = flow;
    let timeout = upload_timeout.as_secs_f64();
    // The first record begins the segment, and the others come while it is open.
    let by_age = record_bytes * (1.0 + records * timeout);
    let (open, cycle) = if by_age <= limit_bytes {
        (timeout, timeout + 1.0 / records)
    } else {
        let full = limit_bytes / (records * record_bytes);
        (full, full)
    };
    // An hour ends in an open segment, and a record comes behind it.
    let cut = if has_hours { open / cycle * (1.0 - (1.0 - (-records * open).exp()) / (records * open)) } else { 0.0 };
    let per_hour = HOUR_SECONDS / cycle + cut;
    Objects {
        per_hour,
        sorted_bytes: records * record_bytes * HOUR_SECONDS / per_hour,
        segment_bytes: by_age.min(limit_bytes),
    }
}

/// A log router that writes.
#[derive(Debug, Clone, PartialEq)]
pub struct Writer {
    /// Of each type of the load, in its order.
    pub objects: Vec<Objects>,
    /// Bytes of sorted records that it takes in a second.
    pub sorted_bytes_per_second: f64,
    /// What all lanes may hold in memory.
    pub spool_limit_bytes: f64,
}

impl Writer {
    /// What a log router of this configuration makes of these types.
    #[must_use]
    pub fn new(config: &OutputConfig, flows: impl IntoIterator<Item = (Lane, Flow)>) -> Self {
        let of_type = |(lane, flow): (Lane, Flow)| -> (Objects, f64) {
            let limit = config.segment_limit_bytes(lane) as f64;
            (objects(flow, config.upload_timeout(lane), limit, true), flow.records * flow.record_bytes)
        };
        let (objects, sorted): (Vec<_>, Vec<_>) = flows.into_iter().map(of_type).unzip();
        Self {
            objects,
            sorted_bytes_per_second: sorted.iter().sum(),
            spool_limit_bytes: config.largest_segment_bytes() as f64 * 3.0,
        }
    }

    /// What it holds when every segment is about to be closed.
    #[must_use]
    pub fn held_bytes(&self) -> f64 {
        self.objects.iter().map(|objects| objects.segment_bytes).sum()
    }

    /// Whether segments are closed before their time, as the output does at two thirds of its memory.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.held_bytes() >= self.spool_limit_bytes / 3.0 * 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    #[test]
    fn a_busy_lane_makes_an_object_each_time_it_is_old_and_one_more_an_hour() {
        let busy = objects(Flow { records: 10.0, record_bytes: 100.0 }, FIVE_MINUTES, 9e6, true);
        assert!((busy.per_hour - 13.0).abs() < 0.05, "{busy:?}");
        assert!((busy.sorted_bytes * busy.per_hour - 3_600_000.0).abs() < 1.0, "all of it is in objects");
        let whole = objects(Flow { records: 10.0, record_bytes: 100.0 }, FIVE_MINUTES, 9e6, false);
        assert!((whole.per_hour - 12.0).abs() < 0.05);
    }

    #[test]
    fn a_full_lane_is_cut_by_size_and_a_quiet_one_makes_an_object_a_record() {
        let full = objects(Flow { records: 1_000.0, record_bytes: 1_000.0 }, FIVE_MINUTES, 9e6, false);
        assert!((full.per_hour - 400.0).abs() < 1e-6 && (full.sorted_bytes - 9e6).abs() < 1.0, "{full:?}");
        let quiet = objects(Flow { records: 1.0 / 86_400.0, record_bytes: 500.0 }, FIVE_MINUTES, 9e6, true);
        assert!((quiet.per_hour * 24.0 - 1.0).abs() < 0.01 && (quiet.sorted_bytes - 500.0).abs() < 3.0, "{quiet:?}");
    }
}
