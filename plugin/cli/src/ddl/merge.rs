//! A closed day of a lake of small files as one large file, without a moment in which a row is there twice or not at all.
//!
//! Three names: the table of the parts, which is the lake as it is; the table `TYPE_merged`, whose partitions are the merged days;
//! and the view `TYPE_all`, which is what is asked: days from the first merged one to the last from the one, all others from the
//! other. A day is written where nobody looks, made known where the view does not look yet, compared, and then the view's last day
//! is moved on: that one statement is the switch.
//!
//! What is one step, and why nothing else is used:
//! - `CREATE OR REPLACE VIEW` is one call that replaces one object of the catalog (Glue's `UpdateTable`, the metastore's
//!   `alter_table`). An engine reads a view's text once, when it plans, so a query sees the old days or the new ones.
//! - `ALTER TABLE .. SET LOCATION` of one partition is one call too (`UpdatePartition`), so it replaces a merged day by a better one,
//!   as when records came late (`run` 2 and on). For a day in 24 hours it would be 24 calls, which is why merged days have no hours.
//! - Dropping a partition and adding it, or removing the parts and leaving the merged file among them, are several steps.
//! - Tables with partition projection, which Athena's are, have no partition whose place could be changed.
//!
//! Nothing is removed here. A query that began before the switch reads the parts until it ends, so they may go later; each merged row
//! tells the part that it comes from (`merged_from`), and only these may go. Records of a merged day that come late are in the
//! parts, and the view does not show them before the day is merged again: a day is closed when the spools are empty of it.

use super::engines::{self, Engine, hive_text, hive_type, name, text, trino_type};
use super::table::Table;
use shiwake_delivery::schema::ColumnKind;
use std::io::{self, Write};

/// The column of the part that a row comes from.
const FROM: &str = "merged_from";

/// Which day, and where to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merge<'m> {
    /// The day, as `2026-01-31`.
    pub(crate) day: &'m str,
    /// The first day that is merged.
    pub(crate) first_day: &'m str,
    /// Where merged files go: a folder or a prefix that is not below the lake's types.
    pub(crate) into: &'m str,
    /// How often this day is merged with this.
    pub(crate) run: u32,
}

/// Writes the statements for the tables.
pub(super) fn write(engine: Engine, tables: &[Table<'_>], merge: &Merge<'_>, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "-- To be run in this order; a statement that fails, or a comparison that something comes out of, ends it."
    )?;
    if engine == Engine::Trino {
        engines::trino_catalog(out)?;
        writeln!(out, "-- It needs hive.timestamp-precision=MICROSECONDS too, or the merged times would be rounded.")?;
    }
    for table in tables {
        writeln!(out)?;
        let names = Names::new(engine, table, merge);
        match engine {
            Engine::Duckdb => duckdb(table, &names, merge, out)?,
            _ => catalog(engine, table, &names, merge, out)?,
        }
    }
    Ok(())
}

/// What the tables of a type are called, quoted.
struct Names {
    parts: String,
    merged: String,
    all: String,
    made: String,
    /// `merged` and `made` as statements of Hive quote them.
    merged_in_hive: String,
    made_in_hive: String,
    /// All columns of a record, with a comma behind each.
    columns: String,
}

impl Names {
    fn new(engine: Engine, table: &Table<'_>, merge: &Merge<'_>) -> Self {
        let quote = if engine == Engine::Spark { '`' } else { '"' };
        let called = |end: &str, quote| {
            let database = table.database.map_or(String::new(), |database| format!("{quote}{database}{quote}."));
            format!("{database}{quote}{}{end}{quote}", table.name)
        };
        let made = format!("_merge_{}_r{}", merge.day.replace('-', ""), merge.run);
        let own = table.columns.iter().map(|column| column.name.as_ref()).chain(table.overflow);
        Self {
            parts: name(table, quote),
            merged: called("_merged", quote),
            all: called("_all", quote),
            made: called(&made, quote),
            merged_in_hive: called("_merged", '`'),
            made_in_hive: called(&made, '`'),
            columns: own.map(|column| format!("{quote}{column}{quote}, ")).collect(),
        }
    }
}

/// Engines whose tables stand in a catalog.
fn catalog(
    engine: Engine,
    table: &Table<'_>,
    names: &Names,
    merge: &Merge<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    let Merge { day, run, .. } = *merge;
    let Names { parts, merged, made, merged_in_hive, made_in_hive, columns, .. } = names;
    let quote = if engine == Engine::Spark { '`' } else { '"' };
    let part = if engine == Engine::Spark { "`_metadata`.`file_path`" } else { "\"$path\"" };
    let place = format!("{}/{}", merge.into.trim_end_matches('/'), table.folder);
    let file = format!("{place}/dt={day}/r{run}/");
    let (dt, hour) = (format!("{quote}dt{quote}"), format!("{quote}hour{quote}"));

    writeln!(out, "-- {}: where merged days are.", table.name)?;
    merged_table(engine, table, names, &format!("{place}/"), out)?;

    writeln!(out, "-- The day as one file, where nobody looks.")?;
    let time = format!("{quote}time{quote}");
    let from = format!("SELECT {columns}{hour}, {part} AS {quote}{FROM}{quote}\nFROM {parts} WHERE {dt} = '{day}'");
    let rows = match run {
        1 => from,
        _ => format!(
            "SELECT {columns}{hour}, {quote}{FROM}{quote}\nFROM {merged} WHERE {dt} = '{day}'\nUNION ALL\n{from}\n\
             AND {part} NOT IN (SELECT {quote}{FROM}{quote} FROM {merged} WHERE {dt} = '{day}')"
        ),
    };
    match engine {
        Engine::Spark => {
            let place = hive_text(&file);
            writeln!(out, "CREATE TABLE {made} USING PARQUET OPTIONS (compression = 'zstd')\nLOCATION {place} AS")?;
        }
        Engine::Athena => writeln!(
            out,
            "CREATE TABLE {made}\nWITH (format = 'PARQUET', write_compression = 'ZSTD', external_location = {}) AS",
            text(&file)
        )?,
        _ => writeln!(out, "CREATE TABLE {made}\nWITH (format = 'PARQUET', external_location = {}) AS", text(&file))?,
    }
    writeln!(out, "{rows}\nORDER BY {time};")?;

    if run == 1 {
        writeln!(out, "-- Made known, where the view does not look yet.")?;
        match engine {
            Engine::Trino => {
                let schema = text(table.database.unwrap_or("default"));
                let merged = text(&format!("{}_merged", table.name));
                let place = text(&file);
                writeln!(
                    out,
                    "CALL system.register_partition({schema}, {merged}, ARRAY['dt'], ARRAY['{day}'], {place});"
                )?;
            }
            _ => writeln!(
                out,
                "ALTER TABLE {merged_in_hive} ADD IF NOT EXISTS PARTITION (`dt` = '{day}') LOCATION {};",
                hive_text(&file)
            )?,
        }
        comparison(quote, parts, part, &of_days(quote, merged, merge), [merge.first_day, day], out)?;
        writeln!(out, "-- The switch.")?;
        view(names, quote, merge, out)?;
    } else {
        comparison(quote, parts, part, made, [day, day], out)?;
        writeln!(out, "-- The switch.")?;
        let place = hive_text(&file);
        writeln!(out, "ALTER TABLE {merged_in_hive} PARTITION (`dt` = '{day}') SET LOCATION {place};")?;
    }
    writeln!(out, "-- The name alone; the files stay.")?;
    let made = if engine == Engine::Trino { made } else { made_in_hive };
    writeln!(out, "DROP TABLE {made};")?;
    writeln!(out, "-- What may go when all queries have ended that began before the switch.")?;
    writeln!(out, "SELECT DISTINCT {quote}{FROM}{quote} FROM {merged} WHERE {dt} = '{day}';")
}

/// The table whose partitions are merged days.
fn merged_table(engine: Engine, table: &Table<'_>, names: &Names, place: &str, out: &mut impl Write) -> io::Result<()> {
    let Names { merged, merged_in_hive, .. } = names;
    match engine {
        Engine::Trino => {
            let kind = |kind| if kind == ColumnKind::Time { "timestamp(6)" } else { trino_type(kind) };
            let mut columns = engines::columns(table, '"', kind, "map(varchar, varchar)");
            columns.extend(["hour", FROM, "dt"].map(|column| format!("  \"{column}\" varchar")));
            writeln!(out, "CREATE TABLE IF NOT EXISTS {merged} (\n{}", columns.join(",\n"))?;
            writeln!(out, ")\nWITH (\n  external_location = {},", text(place))?;
            writeln!(out, "  format = 'PARQUET',\n  partitioned_by = ARRAY['dt']\n);")
        }
        Engine::Spark => {
            let mut columns = engines::columns(table, '`', hive_type, "map<string, string>");
            columns.extend(["hour", FROM, "dt"].map(|column| format!("  `{column}` string")));
            writeln!(out, "CREATE TABLE IF NOT EXISTS {merged_in_hive} (\n{}", columns.join(",\n"))?;
            writeln!(out, ")\nUSING PARQUET\nPARTITIONED BY (`dt`)\nLOCATION {};", hive_text(place))
        }
        Engine::Athena | Engine::Duckdb => {
            let mut columns = engines::columns(table, '`', hive_type, "map<string,string>");
            columns.extend(["  `hour` int".to_owned(), format!("  `{FROM}` string")]);
            writeln!(out, "CREATE EXTERNAL TABLE IF NOT EXISTS {merged_in_hive} (\n{}", columns.join(",\n"))?;
            writeln!(out, ")\nPARTITIONED BY (`dt` string)\nSTORED AS PARQUET\nLOCATION {};", hive_text(place))
        }
    }
}

/// The merged days of a table.
fn of_days(quote: char, merged: &str, merge: &Merge<'_>) -> String {
    format!("{merged} WHERE {quote}dt{quote} BETWEEN '{}' AND '{}'", merge.first_day, merge.day)
}

/// Parts of which nothing is in `merged`: what has come late, and days that were never merged. Of a part all rows are merged or none.
fn comparison(
    quote: char,
    parts: &str,
    path: &str,
    merged: &str,
    days: [&str; 2],
    out: &mut impl Write,
) -> io::Result<()> {
    let [first, last] = days;
    let of = format!("{quote}dt{quote} BETWEEN '{first}' AND '{last}'");
    writeln!(
        out,
        "-- Compared: no part may come out. The day of one that does is to be merged again, as its next run."
    )?;
    writeln!(out, "SELECT DISTINCT {path} FROM {parts} WHERE {of}")?;
    writeln!(out, "AND {path} NOT IN (SELECT {quote}{FROM}{quote} FROM {merged});")
}

fn view(names: &Names, quote: char, merge: &Merge<'_>, out: &mut impl Write) -> io::Result<()> {
    let Names { parts, merged, all, columns, .. } = names;
    let (dt, hour) = (format!("{quote}dt{quote}"), format!("{quote}hour{quote}"));
    let (first, last) = (merge.first_day, merge.day);
    writeln!(
        out,
        "CREATE OR REPLACE VIEW {all} AS\nSELECT {columns}{dt}, {hour}\nFROM {merged} WHERE {dt} BETWEEN '{first}' AND '{last}'\n\
         UNION ALL\nSELECT {columns}{dt}, {hour}\nFROM {parts} WHERE {dt} < '{first}' OR {dt} > '{last}';"
    )
}

/// `DuckDB` has no partitions of its own: a file is replaced as a whole, which it does by another name and a change of names.
fn duckdb(table: &Table<'_>, names: &Names, merge: &Merge<'_>, out: &mut impl Write) -> io::Result<()> {
    let Merge { day, into, run, .. } = *merge;
    let Names { merged, columns, .. } = names;
    let into = into.trim_end_matches('/');
    let file = text(&format!("{into}/{}-{day}.parquet", table.name));
    writeln!(out, "-- {}: the parts, and the day as one file. The folder has to be there.", table.name)?;
    engines::duckdb(table, out)?;
    let parts = format!("{}/dt={day}/hour=*/*.parquet", engines::duckdb_folder(table));
    let from = format!(
        "SELECT {columns}DATE '{day}' AS \"dt\", \"hour\", \"filename\" AS \"{FROM}\" FROM read_parquet(\n  {},\n  \
         hive_partitioning = true, hive_types = {{'hour': INTEGER}}, union_by_name = true, filename = true)",
        text(&parts)
    );
    let rows = match run {
        1 => from,
        _ => format!(
            "SELECT * FROM read_parquet({file})\nUNION ALL\n{from}\n\
             WHERE \"filename\" NOT IN (SELECT \"{FROM}\" FROM read_parquet({file}))"
        ),
    };
    // By itself it takes another name only for what is there already, and readers would see a new file while it is written.
    writeln!(
        out,
        "COPY (\n{rows}\nORDER BY \"time\"\n) TO {file} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE true);"
    )?;
    if run > 1 {
        return Ok(());
    }
    writeln!(out, "CREATE OR REPLACE VIEW {merged} AS")?;
    let files = text(&format!("{into}/{}-*.parquet", table.name));
    writeln!(out, "SELECT * FROM read_parquet({files}, union_by_name = true);")?;
    let all = format!("{}/dt=*/hour=*/*.parquet", engines::duckdb_folder(table));
    let all = format!("read_parquet({}, hive_partitioning = true, filename = true)", text(&all));
    comparison('"', &all, "\"filename\"", &of_days('"', merged, merge), [merge.first_day, day], out)?;
    writeln!(out, "-- The switch.")?;
    view(names, '"', merge, out)
}
