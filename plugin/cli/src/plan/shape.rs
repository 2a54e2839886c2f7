//! The shapes that a lake's writing can have, and which to choose.

use super::load::{Amount, Load, TypeLoad};
use super::measured::Records;
use super::prices::{Priced, Prices};
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::lane::Lane;
use shiwake_delivery::plan::{Flow, Objects, Writer};

/// Hours of a month, as AWS counts them.
pub(super) const MONTH_HOURS: f64 = 730.0;
pub(super) const MONTH_DAYS: f64 = MONTH_HOURS / 24.0;
pub(super) const HOUR_SECONDS: f64 = 3_600.0;
pub(super) const GIGA: f64 = 1e9;
/// Athena bills this much of a query at least.
const LEAST_QUERY_BYTES: f64 = 10e6;
/// Requests with which an engine reads a Parquet object: its end, its footer, and two columns' places. An estimate.
const GETS_PER_OBJECT: f64 = 3.0;
/// Most objects that a question should open: engines open some hundred at a time, and each takes some tens of milliseconds.
const MANY_OBJECTS: f64 = 10_000.0;
/// What the simpler shape may cost more than the cheapest one, as a factor and in dollars a month: who keeps a tier, or a table,
/// costs more than that.
const SIMPLER_MAY_COST: (f64, f64) = (1.25, 25.0);
/// What compaction makes files as large as.
const COMPACTED_FILE_BYTES: f64 = 128.0 * 1024.0 * 1024.0;

/// What `fluent-bit-conf/aggregator.conf` sets of what makes objects; a test compares them.
pub(super) const AGGREGATOR_PROPERTIES: [(&str, &str); 2] = [("memory_limit", "512M"), ("total_file_size", "128M")];
/// The share of what a processor was measured to take that an aggregator is planned to.
const AGGREGATOR_SHARE: f64 = 0.1;
/// Connections of sidecars that an aggregator is planned for. An assumption: nothing was measured beyond twenty.
const AGGREGATOR_TASKS: f64 = 5_000.0;
/// One in each of two zones.
const LEAST_AGGREGATORS: f64 = 2.0;
const AGGREGATOR_VCPU: f64 = 1.0;
const AGGREGATOR_MEMORY_GB: f64 = 2.0;
const AGGREGATOR_VOLUME_GB: f64 = 100.0;
/// The share of bytes that go into another zone, of three.
const OTHER_ZONE_SHARE: f64 = 2.0 / 3.0;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) load: &'a Load,
    pub(super) records: &'a Records,
    pub(super) prices: &'a Prices,
    /// Questions a day.
    pub(super) queries_per_day: f64,
}

impl Asked<'_> {
    /// The type that is asked about: the one that is logged most.
    pub(super) fn largest(&self) -> Option<(usize, &TypeLoad)> {
        let by_bytes = |one: &(usize, &TypeLoad)| self.json_bytes_of(one.1);
        self.load
            .types
            .iter()
            .enumerate()
            .reduce(|one, other| if by_bytes(&one) >= by_bytes(&other) { one } else { other })
    }

    /// Records a second of a type and bytes of a sorted one, of all tasks.
    pub(super) fn flow(&self, one: &TypeLoad) -> Flow {
        let per_sorted = self.records.json_per_sorted;
        let record_bytes = match one.record_bytes {
            Some(json) => json / per_sorted,
            None => self.records.sorted_record_bytes(one.lane, one.like),
        };
        let records = match one.amount {
            Amount::JsonBytes(bytes) => bytes / per_sorted / record_bytes,
            Amount::Records(records) => records,
        };
        Flow { records, record_bytes }
    }

    /// Bytes a second of a type as JSON.
    pub(super) fn json_bytes_of(&self, one: &TypeLoad) -> f64 {
        let Flow { records, record_bytes } = self.flow(one);
        records * record_bytes * self.records.json_per_sorted
    }

    /// Bytes a second as JSON, of all types.
    pub(super) fn json_bytes_per_second(&self) -> f64 {
        self.load.types.iter().map(|one| self.json_bytes_of(one)).sum()
    }
}

/// What a day of a type is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) lane: Lane,
    /// Objects an hour.
    pub(super) objects_per_hour: f64,
    /// Bytes of each, on average.
    pub(super) object_bytes: f64,
}

/// What a question opens and reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    pub(super) objects: f64,
    pub(super) bytes: f64,
    /// What it costs.
    pub(super) dollars: f64,
}

/// A shape.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// How much there is to keep beside the tasks; none is 0.
    pub(super) parts: u32,
    /// Log routers that write.
    pub(super) writers: f64,
    /// What each type's day is.
    pub(super) days: Vec<Day>,
    pub(super) query: Query,
    /// What each part costs in a month.
    pub(super) costs: Vec<(&'static str, f64)>,
    /// Bytes of memory and processors that a writer needs beside Fluent Bit's own.
    pub(super) memory_bytes: f64,
    pub(super) vcpu: f64,
    /// Whether segments are closed early for want of memory.
    pub(super) is_tight: bool,
}

impl Shape {
    pub(super) fn month(&self) -> f64 {
        self.costs.iter().map(|(_, dollars)| dollars).sum()
    }

    pub(super) fn objects_per_hour(&self) -> f64 {
        self.days.iter().map(|day| day.objects_per_hour).sum()
    }

    pub(super) fn bytes_per_day(&self) -> f64 {
        self.days.iter().map(|day| day.objects_per_hour * day.object_bytes * 24.0).sum()
    }

    /// Whether a question opens more objects than it should.
    pub(super) fn has_many_objects(&self) -> bool {
        self.query.objects > MANY_OBJECTS
    }
}

/// The one to choose: the simplest whose questions open few enough objects, and that costs hardly more than the cheapest such.
pub(super) fn choice(shapes: &[Shape]) -> Option<&Shape> {
    // They are in the order of what they cost, with those that open many behind.
    let cheapest = shapes.first()?;
    let (factor, dollars) = SIMPLER_MAY_COST;
    let may_cost = (cheapest.month() * factor).max(cheapest.month() + dollars);
    let is_good =
        |shape: &&Shape| shape.month() <= may_cost && (!shape.has_many_objects() || cheapest.has_many_objects());
    shapes.iter().filter(is_good).min_by_key(|shape| shape.parts)
}

/// The shapes, the cheapest first; those of which a question opens too many objects are behind all others.
pub(super) fn shapes(asked: Asked<'_>, router: &OutputConfig, aggregator: &OutputConfig) -> Vec<Shape> {
    let tasks = asked.load.tasks as f64;
    let sorted = asked.json_bytes_per_second() / asked.records.json_per_sorted;
    let aggregators = (sorted / (asked.records.sorted_bytes_per_cpu_second * AGGREGATOR_SHARE))
        .max(tasks / AGGREGATOR_TASKS)
        .max(LEAST_AGGREGATORS)
        .ceil();
    let mut shapes = Vec::new();
    for (names, writers, config, tier) in [
        (["direct", "direct, compacted"], tasks, router, None),
        (["aggregators", "aggregators, compacted"], aggregators, aggregator, Some(aggregators)),
    ] {
        let writer = writer(asked, writers, config);
        let days = days(asked, &writer, writers);
        for (name, is_compacted) in names.into_iter().zip([false, true]) {
            shapes.push(shape(asked, name, writers, &writer, days.clone(), tier, is_compacted, config));
        }
    }
    shapes.sort_by(|one, other| {
        one.has_many_objects().cmp(&other.has_many_objects()).then(one.month().total_cmp(&other.month()))
    });
    shapes
}

fn writer(asked: Asked<'_>, writers: f64, config: &OutputConfig) -> Writer {
    let flow = |one: &TypeLoad| {
        let Flow { records, record_bytes } = asked.flow(one);
        (one.lane, Flow { records: records / writers, record_bytes })
    };
    Writer::new(config, asked.load.types.iter().map(flow))
}

fn days(asked: Asked<'_>, writer: &Writer, writers: f64) -> Vec<Day> {
    let of_type = |(one, objects): (&TypeLoad, &Objects)| Day {
        lane: one.lane,
        objects_per_hour: objects.per_hour * writers,
        object_bytes: asked.records.file_bytes(one.lane, one.like, objects.sorted_bytes),
    };
    asked.load.types.iter().zip(&writer.objects).map(of_type).collect()
}

/// Each type's day when each of its hours was made into as few files as they may be large.
fn compacted(asked: Asked<'_>, days: &[Day]) -> Vec<Day> {
    let of_type = |(one, day): (&TypeLoad, &Day)| {
        let flow = asked.flow(one);
        let sorted = flow.records * flow.record_bytes * HOUR_SECONDS;
        let whole = asked.records.file_bytes(one.lane, one.like, sorted);
        let files = (whole / COMPACTED_FILE_BYTES).ceil().max(1.0);
        Day { lane: day.lane, objects_per_hour: files, object_bytes: whole / files }
    };
    asked.load.types.iter().zip(days).map(of_type).collect()
}

#[expect(clippy::too_many_arguments, reason = "the parts of one shape, put together in one place")]
fn shape(
    asked: Asked<'_>,
    name: &'static str,
    writers: f64,
    writer: &Writer,
    days: Vec<Day>,
    aggregators: Option<f64>,
    is_compacted: bool,
    config: &OutputConfig,
) -> Shape {
    let prices = asked.prices;
    let objects_per_hour: f64 = days.iter().map(|day| day.objects_per_hour).sum();
    let bytes_per_day: f64 = days.iter().map(|day| day.objects_per_hour * day.object_bytes * 24.0).sum();
    let asked_of = if is_compacted { compacted(asked, &days) } else { days.clone() };
    let query = query(asked, &asked_of);
    let stored: f64 = asked_of.iter().map(|day| day.objects_per_hour * day.object_bytes * 24.0).sum();
    let mut costs = vec![
        ("S3 PUT", prices.cost(Priced::S3Put1000, objects_per_hour * MONTH_HOURS / 1_000.0)),
        ("S3 storage", prices.cost(Priced::S3GbMonth, stored * MONTH_DAYS / GIGA)),
        ("queries", query.dollars * asked.queries_per_day * MONTH_DAYS),
    ];
    if is_compacted {
        let read = prices.cost(Priced::AthenaTb, (bytes_per_day * MONTH_DAYS).max(LEAST_QUERY_BYTES) / 1e12);
        let opened = objects_per_hour * MONTH_HOURS * GETS_PER_OBJECT / 1_000.0;
        let made: f64 = asked_of.iter().map(|day| day.objects_per_hour * MONTH_HOURS / 1_000.0).sum();
        let requests = prices.cost(Priced::S3Get1000, opened) + prices.cost(Priced::S3Put1000, made);
        costs.push(("compaction", read + requests));
    }
    if let Some(count) = aggregators {
        let hour =
            prices.cost(Priced::VcpuHour, AGGREGATOR_VCPU) + prices.cost(Priced::MemoryGbHour, AGGREGATOR_MEMORY_GB);
        let sent = asked.json_bytes_per_second() * asked.records.gzip_per_json * HOUR_SECONDS * MONTH_HOURS / GIGA;
        let balancer = prices.cost(Priced::NlbHour, MONTH_HOURS) + prices.cost(Priced::NlbGb, sent);
        costs.extend([
            ("aggregators", count * (hour * MONTH_HOURS + prices.cost(Priced::VolumeGbMonth, AGGREGATOR_VOLUME_GB))),
            ("balancer", balancer),
            ("other zones", prices.cost(Priced::ZoneGb, sent * OTHER_ZONE_SHARE)),
        ]);
    }
    // Of the limit, what is not for records that wait is for writing one file.
    let writing = config.memory_limit_bytes as f64 - writer.spool_limit_bytes;
    Shape {
        name,
        parts: u32::from(is_compacted) + 2 * u32::from(aggregators.is_some()),
        writers,
        days,
        query,
        costs,
        memory_bytes: (writer.held_bytes() + writing).min(config.memory_limit_bytes as f64),
        vcpu: writer.sorted_bytes_per_second / asked.records.sorted_bytes_per_cpu_second,
        is_tight: writer.is_tight(),
    }
}

/// A question for two columns of a day of the largest type.
fn query(asked: Asked<'_>, days: &[Day]) -> Query {
    let Some(((place, one), prices)) = asked.largest().zip(Some(asked.prices)) else {
        return Query { objects: 0.0, bytes: 0.0, dollars: 0.0 };
    };
    let (objects, object_bytes) =
        days.get(place).map_or((0.0, 0.0), |day| (day.objects_per_hour * 24.0, day.object_bytes));
    // What a file has beside its records is read whole.
    let beside = asked.records.least_file_bytes(one.lane, one.like).min(object_bytes);
    let bytes = objects * (beside + (object_bytes - beside) * asked.records.two_columns_share);
    let requests = prices.cost(Priced::S3Get1000, objects * GETS_PER_OBJECT / 1_000.0);
    Query { objects, bytes, dollars: requests + prices.cost(Priced::AthenaTb, bytes.max(LEAST_QUERY_BYTES) / 1e12) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_aggregator_is_planned_as_it_is_configured() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fluent-bit-conf/aggregator.conf");
        let conf = std::fs::read_to_string(path).unwrap();
        for (name, value) in AGGREGATOR_PROPERTIES {
            let line = conf.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
            assert_eq!(line.split_whitespace().nth(1), Some(value), "{name}");
        }
    }
}
