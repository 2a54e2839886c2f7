//! The statements of each engine. Names are quoted, as `error` and `trace` are words of some of them.
//!
//! - Athena and Glue find partitions by projection (<https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html>):
//!   nothing has to be added when the lake grows.
//! - Trino's Hive connector and Spark keep a list of partitions, which has to be brought up to date as the lake grows; the
//!   statement for it is the last one of each table.
//! - DuckDB's views read the folders anew with each question.

use super::table::Table;
use clap::ValueEnum;
use shiwake_delivery::schema::{Column, ColumnKind};
use shiwake_delivery::store::Location;
use std::io::{self, Write};

/// A query engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Amazon Athena, and what else reads Glue's catalog.
    Athena,
    /// Trino with its Hive connector.
    Trino,
    /// Spark SQL.
    Spark,
    /// DuckDB.
    Duckdb,
}

/// The days ahead of now that are looked for: clocks of machines differ, and so do days.
const DAYS_AHEAD: &str = "NOW+1DAYS";

impl Engine {
    /// Writes the statements for the tables.
    pub(super) fn write(self, tables: &[Table<'_>], out: &mut impl Write) -> io::Result<()> {
        if self == Engine::Duckdb && tables.iter().any(|table| matches!(table.location, Location::S3 { .. })) {
            writeln!(
                out,
                "-- Once a session: INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain);"
            )?;
        }
        if self == Engine::Trino {
            trino_catalog(out)?;
            writeln!(
                out,
                "-- For a catalog with hive.timestamp-precision=MICROSECONDS write timestamp(6) for timestamp(3)."
            )?;
        }
        for (number, table) in tables.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            match self {
                Engine::Athena => athena(table, out)?,
                Engine::Trino => trino(table, out)?,
                Engine::Spark => spark(table, out)?,
                Engine::Duckdb => duckdb(table, out)?,
            }
        }
        Ok(())
    }
}

/// What a catalog has to say for its tables to be read right. Since Trino 454 another zone than UTC, as the machine's own is, shifts the
/// times, and the files' bounds not with them.
pub(super) fn trino_catalog(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "-- The catalog needs hive.parquet.time-zone=UTC: with another zone times are shifted, and questions for a time find nothing."
    )
}

fn athena(table: &Table<'_>, out: &mut impl Write) -> io::Result<()> {
    let folder = address(table, "s3");
    writeln!(out, "CREATE EXTERNAL TABLE IF NOT EXISTS {} (", name(table, '`'))?;
    writeln!(out, "{}", columns(table, '`', hive_type, "map<string,string>").join(",\n"))?;
    writeln!(out, ")\nPARTITIONED BY (`dt` string, `hour` int)\nSTORED AS PARQUET")?;
    writeln!(out, "LOCATION {}", hive_text(&format!("{folder}/")))?;
    let properties = [
        ("projection.enabled", "true".to_owned()),
        ("projection.dt.type", "date".to_owned()),
        ("projection.dt.format", "yyyy-MM-dd".to_owned()),
        ("projection.dt.range", format!("{},{DAYS_AHEAD}", table.first_day)),
        ("projection.dt.interval", "1".to_owned()),
        ("projection.dt.interval.unit", "DAYS".to_owned()),
        ("projection.hour.type", "integer".to_owned()),
        ("projection.hour.range", "0,23".to_owned()),
        ("projection.hour.digits", "2".to_owned()),
        ("storage.location.template", format!("{folder}/dt=${{dt}}/hour=${{hour}}/")),
    ];
    let properties = properties.map(|(key, value)| format!("  {} = {}", hive_text(key), hive_text(&value)));
    writeln!(out, "TBLPROPERTIES (\n{}\n);", properties.join(",\n"))
}

fn trino(table: &Table<'_>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "CREATE TABLE IF NOT EXISTS {} (", name(table, '"'))?;
    let mut columns = columns(table, '"', trino_type, "map(varchar, varchar)");
    columns.extend(["dt", "hour"].map(|key| format!("  \"{key}\" varchar")));
    writeln!(out, "{}", columns.join(",\n"))?;
    writeln!(out, ")\nWITH (\n  external_location = {},", text(&format!("{}/", address(table, "s3"))))?;
    writeln!(out, "  format = 'PARQUET',\n  partitioned_by = ARRAY['dt', 'hour']\n);")?;
    let schema = table.database.unwrap_or("default");
    writeln!(out, "CALL system.sync_partition_metadata({}, {}, 'ADD');", text(schema), text(&table.name))
}

fn spark(table: &Table<'_>, out: &mut impl Write) -> io::Result<()> {
    let name = name(table, '`');
    writeln!(out, "CREATE TABLE IF NOT EXISTS {name} (")?;
    let mut columns = columns(table, '`', hive_type, "map<string, string>");
    columns.extend(["dt", "hour"].map(|key| format!("  `{key}` string")));
    writeln!(out, "{}", columns.join(",\n"))?;
    writeln!(out, ")\nUSING PARQUET\nPARTITIONED BY (`dt`, `hour`)")?;
    writeln!(out, "LOCATION {};", hive_text(&format!("{}/", address(table, "s3a"))))?;
    writeln!(out, "MSCK REPAIR TABLE {name};")
}

/// The type's folder as `DuckDB` names it.
pub(super) fn duckdb_folder(table: &Table<'_>) -> String {
    let lake = match table.location {
        Location::Folder(folder) => folder.display().to_string(),
        location @ Location::S3 { .. } => location.to_string(),
    };
    format!("{lake}/{}", table.folder)
}

pub(super) fn duckdb(table: &Table<'_>, out: &mut impl Write) -> io::Result<()> {
    let files = format!("{}/dt=*/hour=*/*.parquet", duckdb_folder(table));
    // The folder's own key says what the view's name says.
    let but = if table.folder.starts_with("type=") { " EXCLUDE (\"type\")" } else { "" };
    writeln!(out, "CREATE OR REPLACE VIEW {} AS", name(table, '"'))?;
    writeln!(out, "SELECT *{but} FROM read_parquet(\n  {},", text(&files))?;
    writeln!(out, "  hive_partitioning = true, hive_types = {{'dt': DATE, 'hour': INTEGER}}, union_by_name = true\n);")
}

/// The table's name, with that of its database.
pub(super) fn name(table: &Table<'_>, quote: char) -> String {
    let database = table.database.map_or(String::new(), |database| format!("{quote}{database}{quote}."));
    format!("{database}{quote}{}{quote}", table.name)
}

/// A line a column.
pub(super) fn columns(table: &Table<'_>, quote: char, kind: fn(ColumnKind) -> &'static str, map: &str) -> Vec<String> {
    let line = |name: &str, kind: &str| format!("  {quote}{name}{quote} {kind}");
    let columns = table.columns.iter().map(|Column { name, kind: of, .. }| line(name, kind(*of)));
    columns.chain(table.overflow.map(|name| line(name, map))).collect()
}

/// Where the table's files are, with the engine's name of the store.
fn address(table: &Table<'_>, scheme: &str) -> String {
    let lake = match table.location {
        Location::Folder(folder) => {
            let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
            format!("file://{}", folder.display())
        }
        Location::S3 { bucket, prefix } if prefix.as_ref().is_empty() => format!("{scheme}://{bucket}"),
        Location::S3 { bucket, prefix } => format!("{scheme}://{bucket}/{prefix}"),
    };
    format!("{}/{}", lake.trim_end_matches('/'), table.folder)
}

/// Text of standard SQL.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Text of Hive's SQL, which Athena's statements and Spark share.
pub(super) fn hive_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Types of Hive, which Athena and Spark share.
pub(super) fn hive_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Time => "timestamp",
        ColumnKind::Tag | ColumnKind::Text | ColumnKind::Json | ColumnKind::Severity | ColumnKind::ContainerName => {
            "string"
        }
        ColumnKind::Int32 => "int",
        ColumnKind::Int64 => "bigint",
        ColumnKind::Float64 => "double",
        ColumnKind::Bool => "boolean",
        ColumnKind::Binary => "binary",
    }
}

pub(super) fn trino_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Time => "timestamp(3)",
        ColumnKind::Int32 => "integer",
        ColumnKind::Binary => "varbinary",
        ColumnKind::Int64 | ColumnKind::Float64 | ColumnKind::Bool => hive_type(kind),
        _ => "varchar",
    }
}
