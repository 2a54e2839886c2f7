//! The same load, sent elsewhere.

use super::prices::Priced;
use super::shape::{Asked, GIGA, HOUR_SECONDS, MONTH_DAYS, MONTH_HOURS};
use shiwake_delivery::config::output::OutputConfig;
use shiwake_delivery::plan::{Flow, objects};
use std::time::Duration;

/// Firehose bills each record in steps of this: <https://aws.amazon.com/firehose/pricing/>.
const FIREHOSE_STEP_BYTES: f64 = 5.0 * 1024.0;
/// What Firehose makes objects of Parquet of at most, and how long it waits at most:
/// <https://docs.aws.amazon.com/firehose/latest/dev/create-destination.html>.
const FIREHOSE_BUFFER_BYTES: f64 = 128.0 * 1024.0 * 1024.0;
const FIREHOSE_WAIT: Duration = Duration::from_secs(900);
/// CloudWatch Logs adds this to each event: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>.
const CLOUDWATCH_EVENT_BYTES: f64 = 26.0;
/// `total_file_size` of Fluent Bit's own S3 output when nothing is set: <https://docs.fluentbit.io/manual/data-pipeline/outputs/s3>.
const OUT_S3_FILE_BYTES: f64 = 100e6;
const LEAST_QUERY_BYTES: f64 = 10e6;

/// One of them.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) name: &'static str,
    /// Objects an hour, where there are any that one sees.
    pub(super) objects_per_hour: Option<f64>,
    /// Bytes that are stored of a day.
    pub(super) bytes_per_day: f64,
    /// Bytes that the question reads.
    pub(super) query_bytes: f64,
    /// What each part costs in a month.
    pub(super) costs: Vec<(&'static str, f64)>,
}

impl Other {
    pub(super) fn month(&self) -> f64 {
        self.costs.iter().map(|(_, dollars)| dollars).sum()
    }
}

/// All of them.
pub(super) fn others(asked: Asked<'_>, router: &OutputConfig) -> Vec<Other> {
    vec![cloudwatch(asked), firehose(asked, router), out_s3(asked, router)]
}

fn records_per_second(asked: Asked<'_>) -> f64 {
    asked.load.types.iter().map(|one| asked.flow(one).records).sum()
}

/// Bytes of a day of the type that is asked about, as JSON.
fn asked_day(asked: Asked<'_>) -> f64 {
    asked.largest().map_or(0.0, |(_, one)| asked.json_bytes_of(one) * HOUR_SECONDS * 24.0)
}

fn questions(asked: Asked<'_>) -> f64 {
    asked.queries_per_day * MONTH_DAYS
}

/// A group a type, so that a question reads one.
fn cloudwatch(asked: Asked<'_>) -> Other {
    let day = HOUR_SECONDS * 24.0;
    let taken = (asked.json_bytes_per_second() + records_per_second(asked) * CLOUDWATCH_EVENT_BYTES) * day;
    let stored = taken * asked.records.gzip_per_json;
    let query_bytes = asked_day(asked);
    let cost = |of, amount| asked.prices.cost(of, amount);
    Other {
        name: "CloudWatch Logs",
        objects_per_hour: None,
        bytes_per_day: stored,
        query_bytes,
        costs: vec![
            ("ingestion", cost(Priced::CloudwatchGb, taken * MONTH_DAYS / GIGA)),
            ("storage", cost(Priced::CloudwatchGbMonth, stored * MONTH_DAYS / GIGA)),
            ("queries", cost(Priced::CloudwatchQueryGb, query_bytes * questions(asked) / GIGA)),
        ],
    }
}

/// A stream and a table a type, each record sent by itself; files as large and as well packed as ours would be.
fn firehose(asked: Asked<'_>, router: &OutputConfig) -> Other {
    let (mut objects_per_hour, mut bytes_per_day, mut billed) = (0.0, 0.0, 0.0);
    let mut query_bytes = 0.0;
    let largest = asked.largest().map(|(_, one)| one.lane);
    for one in &asked.load.types {
        let Flow { records, record_bytes } = asked.flow(one);
        let json = record_bytes * asked.records.json_per_sorted;
        billed += records * (json / FIREHOSE_STEP_BYTES).ceil() * FIREHOSE_STEP_BYTES;
        let wait = router.upload_timeout(one.lane).min(FIREHOSE_WAIT);
        // It counts its buffer before the conversion.
        let limit = FIREHOSE_BUFFER_BYTES / asked.records.json_per_sorted;
        let made = objects(Flow { records, record_bytes }, wait, limit, false);
        let day = asked.records.file_bytes(one.lane, one.like, made.sorted_bytes) * made.per_hour * 24.0;
        objects_per_hour += made.per_hour;
        bytes_per_day += day;
        if Some(one.lane) == largest {
            query_bytes = day * asked.records.two_columns_share;
        }
    }
    let billed = billed * HOUR_SECONDS * MONTH_HOURS / GIGA;
    let cost = |of, amount| asked.prices.cost(of, amount);
    Other {
        name: "Firehose, Parquet",
        objects_per_hour: Some(objects_per_hour),
        bytes_per_day,
        query_bytes,
        costs: vec![
            ("ingestion", cost(Priced::FirehoseGb, billed)),
            ("conversion", cost(Priced::FirehoseConversionGb, billed)),
            ("S3 PUT", cost(Priced::S3Put1000, objects_per_hour * MONTH_HOURS / 1_000.0)),
            ("S3 storage", cost(Priced::S3GbMonth, bytes_per_day * MONTH_DAYS / GIGA)),
            ("queries", athena(asked, query_bytes)),
        ],
    }
}

/// One stream a task, of all types; a PUT an object, and as well packed as one large file would be.
fn out_s3(asked: Asked<'_>, router: &OutputConfig) -> Other {
    let tasks = asked.load.tasks as f64;
    let records = records_per_second(asked);
    let json = asked.json_bytes_per_second();
    let wait = asked.largest().map_or(Duration::from_secs(300), |(_, one)| router.upload_timeout(one.lane));
    let flow = Flow { records: records / tasks, record_bytes: json / records };
    let objects_per_hour = objects(flow, wait, OUT_S3_FILE_BYTES, false).per_hour * tasks;
    let bytes_per_day = json * asked.records.gzip_per_json * HOUR_SECONDS * 24.0;
    let cost = |of, amount| asked.prices.cost(of, amount);
    let opened = cost(Priced::S3Get1000, objects_per_hour * 24.0 / 1_000.0) * questions(asked);
    Other {
        name: "out_s3, gzip",
        objects_per_hour: Some(objects_per_hour),
        bytes_per_day,
        query_bytes: bytes_per_day,
        costs: vec![
            ("S3 PUT", cost(Priced::S3Put1000, objects_per_hour * MONTH_HOURS / 1_000.0)),
            ("S3 storage", cost(Priced::S3GbMonth, bytes_per_day * MONTH_DAYS / GIGA)),
            ("queries", athena(asked, bytes_per_day) + opened),
        ],
    }
}

fn athena(asked: Asked<'_>, query_bytes: f64) -> f64 {
    asked.prices.cost(Priced::AthenaTb, query_bytes.max(LEAST_QUERY_BYTES) / 1e12) * questions(asked)
}
