//! The maintenance of Amazon S3 Tables, which compacts and expires by itself: settings as its API takes them.
//!
//! - A table: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_s3TableBuckets_PutTableMaintenanceConfiguration.html>.
//! - The bucket: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_s3TableBuckets_PutTableBucketMaintenanceConfiguration.html>.
//!
//! It deletes no rows by their age: that is a `DELETE` of an engine, as the upkeep has it.

use super::iceberg::{SNAPSHOT_DAYS, TARGET_FILE_BYTES};
use super::table::Table;
use serde_json::{Value, json};

/// Snapshots that stay however old they are.
const LEAST_SNAPSHOTS: u32 = 1;
/// Days after which a file that no snapshot names is marked, and after which a marked one goes.
const UNREFERENCED_DAYS: u32 = 3;
const NONCURRENT_DAYS: u32 = 3;

/// One call each, in order: first the bucket's, then two for each table.
pub(super) fn calls(bucket_arn: &str, namespace: &str, tables: &[Table<'_>]) -> Value {
    let on = |settings: Value| json!({"status": "enabled", "settings": settings});
    let files = json!({"icebergUnreferencedFileRemoval": {
        "unreferencedDays": UNREFERENCED_DAYS, "nonCurrentDays": NONCURRENT_DAYS}});
    let bucket = json!({"tableBucketARN": bucket_arn, "type": "icebergUnreferencedFileRemoval", "value": on(files)});
    let compaction = json!({"icebergCompaction": {
        "targetFileSizeMB": TARGET_FILE_BYTES / (1024 * 1024), "strategy": "binpack"}});
    let snapshots = json!({"icebergSnapshotManagement": {
        "minSnapshotsToKeep": LEAST_SNAPSHOTS, "maxSnapshotAgeHours": SNAPSHOT_DAYS * 24}});
    let kinds = [("icebergCompaction", compaction), ("icebergSnapshotManagement", snapshots)];
    let of_table = |table: &Table<'_>| {
        kinds.clone().map(|(kind, settings)| {
            json!({"tableBucketARN": bucket_arn, "namespace": namespace, "name": table.name, "type": kind, "value": on(settings)})
        })
    };
    let tables: Vec<Value> = tables.iter().flat_map(of_table).collect();
    json!({"PutTableBucketMaintenanceConfiguration": [bucket], "PutTableMaintenanceConfiguration": tables})
}
