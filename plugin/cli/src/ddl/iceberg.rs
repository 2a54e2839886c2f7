//! A type as an Iceberg table, and what keeps such a table small: compaction, snapshots, and the rows whose time is over.
//!
//! - Athena: <https://docs.aws.amazon.com/athena/latest/ug/querying-iceberg-data-optimization.html>. In `VACUUM` a table's name
//!   stands in backticks, and a database's in nothing.
//! - Spark: <https://iceberg.apache.org/docs/latest/spark-procedures/>, in the catalog that is in use.
//! - Trino: <https://trino.io/docs/current/connector/iceberg.html>.
//!
//! A table that SQL makes numbers its columns itself, so it can be filled by `INSERT` and does not adopt the lake's files as they
//! are, whose columns have the numbers of the schema. That is said where the statement is printed.

use super::engines::{self, Engine, hive_text, hive_type, name, text};
use super::table::{Table, day_behind};
use shiwake_delivery::schema::ColumnKind;
use shiwake_records::rules::Retention;
use std::io::{self, Write};

/// What an engine makes files as large as: as large as one is read by one worker.
pub(super) const TARGET_FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Days that one can look back to what a table was: what Trino allows at least. What is deleted is gone after these.
pub(super) const SNAPSHOT_DAYS: u64 = 7;
const DAY_SECONDS: u64 = 24 * 60 * 60;

const ON_IDS: &str = "-- Tables that are to take the lake's files as they are need the columns' own ids: these statements make others,\n\
                      -- which take rows by INSERT.";

/// Writes the statements that make the tables. Athena has to be told where: below `warehouse`.
pub(super) fn write_tables(
    engine: Engine,
    tables: &[Table<'_>],
    warehouse: Option<&str>,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(out, "{ON_IDS}")?;
    for table in tables {
        writeln!(out)?;
        match engine {
            Engine::Athena => athena(table, warehouse.unwrap_or_default(), out)?,
            Engine::Trino => trino(table, out)?,
            Engine::Spark => spark(table, out)?,
            Engine::Duckdb => {}
        }
    }
    Ok(())
}

fn athena(table: &Table<'_>, warehouse: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "CREATE TABLE IF NOT EXISTS {} (", name(table, '`'))?;
    writeln!(out, "{}", engines::columns(table, '`', hive_type, "map<string,string>").join(",\n"))?;
    writeln!(out, ")\nPARTITIONED BY (hour(`time`))")?;
    writeln!(out, "LOCATION {}", hive_text(&format!("{}/{}/", warehouse.trim_end_matches('/'), table.name)))?;
    properties(
        &[
            ("table_type", "ICEBERG".to_owned()),
            ("format", "parquet".to_owned()),
            ("write_compression", "zstd".to_owned()),
            ("optimize_rewrite_data_file_threshold", "2".to_owned()),
            ("write_target_data_file_size_bytes", TARGET_FILE_BYTES.to_string()),
            ("vacuum_max_snapshot_age_seconds", (SNAPSHOT_DAYS * DAY_SECONDS).to_string()),
        ],
        out,
    )
}

fn trino(table: &Table<'_>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "CREATE TABLE IF NOT EXISTS {} (", name(table, '"'))?;
    writeln!(out, "{}", engines::columns(table, '"', trino_type, "map(varchar, varchar)").join(",\n"))?;
    writeln!(
        out,
        ")\nWITH (\n  format = 'PARQUET',\n  partitioning = ARRAY['hour(time)'],\n  sorted_by = ARRAY['time']\n);"
    )
}

fn trino_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Time => "timestamp(6) with time zone",
        kind => engines::trino_type(kind),
    }
}

fn spark(table: &Table<'_>, out: &mut impl Write) -> io::Result<()> {
    let name = name(table, '`');
    writeln!(out, "CREATE TABLE IF NOT EXISTS {name} (")?;
    writeln!(out, "{}", engines::columns(table, '`', hive_type, "map<string, string>").join(",\n"))?;
    writeln!(out, ")\nUSING iceberg\nPARTITIONED BY (hours(`time`))")?;
    let day_milliseconds = DAY_SECONDS * 1_000;
    properties(
        &[
            ("write.parquet.compression-codec", "zstd".to_owned()),
            ("write.target-file-size-bytes", TARGET_FILE_BYTES.to_string()),
            ("history.expire.max-snapshot-age-ms", (SNAPSHOT_DAYS * day_milliseconds).to_string()),
            ("write.metadata.delete-after-commit.enabled", "true".to_owned()),
        ],
        out,
    )?;
    writeln!(out, "ALTER TABLE {name} WRITE ORDERED BY `time`;")
}

fn properties(properties: &[(&str, String)], out: &mut impl Write) -> io::Result<()> {
    let lines: Vec<String> =
        properties.iter().map(|(key, value)| format!("  {} = {}", hive_text(key), hive_text(value))).collect();
    writeln!(out, "TBLPROPERTIES (\n{}\n);", lines.join(",\n"))
}

/// A table and how long its rows are kept; `None` for ever.
pub(super) type Kept<'t> = (Option<Retention>, Table<'t>);

/// Writes what is to be run once a day: rows whose time is over go, small files become large ones, old snapshots go. With a day,
/// as in `2026-01-31`, only its files are made larger.
pub(super) fn write_upkeep(
    engine: Engine,
    tables: &[Kept<'_>],
    day: Option<&str>,
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(
        out,
        "-- Rows are kept as long as their type's retention class says, and {SNAPSHOT_DAYS} days more in snapshots."
    )?;
    for (retention, table) in tables {
        let days = retention.map(Retention::days);
        writeln!(out)?;
        match engine {
            Engine::Athena => {
                let quoted = name(table, '"');
                delete(&quoted, days, "current_timestamp", out)?;
                writeln!(out, "OPTIMIZE {quoted} REWRITE DATA USING BIN_PACK{};", of_day(day, " WHERE "))?;
                let database = table.database.map_or(String::new(), |database| format!("{database}."));
                writeln!(out, "VACUUM {database}`{}`;", table.name)?;
            }
            Engine::Trino => {
                let quoted = name(table, '"');
                let size = TARGET_FILE_BYTES / (1024 * 1024);
                let old = format!("(retention_threshold => '{SNAPSHOT_DAYS}d')");
                delete(&quoted, days, "current_timestamp", out)?;
                let day = of_day(day, " WHERE ");
                writeln!(out, "ALTER TABLE {quoted} EXECUTE optimize(file_size_threshold => '{size}MB'){day};")?;
                writeln!(out, "ALTER TABLE {quoted} EXECUTE expire_snapshots{old};")?;
                writeln!(out, "ALTER TABLE {quoted} EXECUTE remove_orphan_files{old};")?;
            }
            Engine::Spark => {
                let quoted = name(table, '`');
                let named = text(&table.database.map_or(table.name.clone(), |of| format!("{of}.{}", table.name)));
                if let Some(days) = days {
                    let end = format!("date_trunc('DAY', current_timestamp()) - INTERVAL {days} DAYS");
                    writeln!(out, "DELETE FROM {quoted} WHERE `time` < {end};")?;
                }
                let place = match day {
                    Some(_) => format!(", where => {}", hive_text(&of_day(day, "").replace('"', ""))),
                    None => String::new(),
                };
                let options = format!("map('target-file-size-bytes', '{TARGET_FILE_BYTES}')");
                writeln!(
                    out,
                    "CALL system.rewrite_data_files(table => {named}, strategy => 'binpack', options => {options}{place});"
                )?;
                writeln!(out, "CALL system.expire_snapshots(table => {named}, retain_last => 1);")?;
                writeln!(out, "CALL system.remove_orphan_files(table => {named});")?;
            }
            Engine::Duckdb => {}
        }
    }
    Ok(())
}

/// At the beginning of a day, so that whole partitions go and no file is written anew.
fn delete(table: &str, days: Option<u32>, now: &str, out: &mut impl Write) -> io::Result<()> {
    let Some(days) = days else { return Ok(()) };
    writeln!(out, "DELETE FROM {table} WHERE \"time\" < date_trunc('day', {now}) - INTERVAL '{days}' DAY;")
}

/// The rows of a day, by bounds that are those of partitions.
fn of_day(day: Option<&str>, before: &str) -> String {
    let Some((day, next)) = day.and_then(|day| Some((day, day_behind(day)?))) else { return String::new() };
    let at = |day: &str| format!("TIMESTAMP '{day} 00:00:00 UTC'");
    format!("{before}\"time\" >= {} AND \"time\" < {}", at(day), at(&next))
}
