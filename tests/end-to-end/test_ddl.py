"""What `shiwake ddl` prints: run by DuckDB, read by other engines' grammars, and checked against paths that were written."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from datetime import date, timedelta

import botocore.session
import duckdb
import pyarrow.parquet as pq
import pytest
import sqlglot
from botocore.validate import ParamValidator
from sqlglot import exp

from conftest import BUCKET
from firelens import DATA
from hosts import ROOT

SHIWAKE = str(ROOT / "target/debug/shiwake")
LOGS = [str(path) for path in (*sorted(DATA.glob("*.log")), DATA / "formats/json.ndjson", DATA / "formats/load_balancer.log")]
# A type with a column of each kind that may be declared.
RULES = (DATA / "declared_columns.toml").read_text()
# How each engine names what Parquet's columns hold.
TYPES = {
    "athena": {"timestamp[us, tz=UTC]": "TIMESTAMP", "string": "STRING", "int32": "INT", "int64": "BIGINT", "double": "DOUBLE",
               "bool": "BOOLEAN", "binary": "BINARY", "map<string, string ('attributes')>": "MAP<STRING, STRING>"},
    "trino": {"timestamp[us, tz=UTC]": "TIMESTAMP(3)", "string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT",
              "double": "DOUBLE", "bool": "BOOLEAN", "binary": "VARBINARY",
              "map<string, string ('attributes')>": "MAP(VARCHAR, VARCHAR)"},
}
TYPES["spark"] = TYPES["athena"]


def shiwake(*arguments: str, status: int = 0) -> str:
    """What the command says."""
    done = subprocess.run([SHIWAKE, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(RULES)
    return str(path)


@pytest.fixture(scope="module")
def lake(tmp_path_factory, rules):
    """A lake of the sample lines; a quote in its path has to be quoted."""
    path = tmp_path_factory.mktemp("it's") / "lake"
    shiwake("run", *LOGS, "--lake", str(path), "--rules", rules)
    return path


def files_of(lake) -> dict[str, list]:
    """The files of each type."""
    by_type = {}
    for file in lake.rglob("*.parquet"):
        by_type.setdefault(file.relative_to(lake).parts[0].removeprefix("type="), []).append(file)
    return by_type


def tables_of(sql: str, dialect: str) -> dict[str, exp.Create]:
    """The tables that statements make, by name; every statement has to be understood."""
    statements = [statement for statement in sqlglot.parse(sql, dialect=dialect) if statement]
    assert not [statement for statement in statements if isinstance(statement, exp.Command) and
                statement.this.upper() not in ("CALL", "MSCK REPAIR")], sql
    creates = [statement for statement in statements if isinstance(statement, exp.Create)]
    return {create.this.this.name: create for create in creates}


def columns_of(create: exp.Create, dialect: str) -> dict[str, str]:
    return {column.name: column.kind.sql(dialect="trino" if dialect == "trino" else "hive") for column in create.this.expressions}


def test_duckdb_runs_its_views_and_finds_every_row(lake, rules):
    database = duckdb.connect()
    database.execute(shiwake("ddl", str(lake), "--engine", "duckdb", "--rules", rules))
    files = files_of(lake)
    assert "logins" in files
    views = {name for (name,) in database.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}
    assert views == set(files)
    for name, written in files.items():
        rows = sum(pq.ParquetFile(file).metadata.num_rows for file in written)
        assert database.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (rows,)
        first = min(file.parts[-3].removeprefix("dt=") for file in written)
        assert str(database.execute(f'SELECT min(dt) FROM "{name}"').fetchone()[0]) == first
    types = dict(database.execute("SELECT column_name, column_type FROM (DESCRIBE access)").fetchall())
    assert "type" not in types
    assert [types[name] for name in ("time", "status", "dt", "hour")] == [
        "TIMESTAMP WITH TIME ZONE", "INTEGER", "DATE", "INTEGER"]
    by_hour = database.execute("SELECT count(*) FROM access WHERE hour = extract(hour FROM time AT TIME ZONE 'UTC') "
                               "AND dt = CAST(time AT TIME ZONE 'UTC' AS DATE)").fetchone()
    assert by_hour == database.execute("SELECT count(*) FROM access").fetchone()
    assert database.execute("SELECT count(port) > 0 FROM logins").fetchone() == (True,)


@pytest.mark.parametrize("dialect", ["athena", "trino", "spark"])
def test_the_engines_grammar_reads_tables_with_the_columns_of_the_files(dialect, lake, rules):
    # The lake that was written stands in for one in S3: what its columns are does not follow from where it is.
    sql = shiwake("ddl", "s3://my-logs/a/b", "--engine", dialect, "--rules", rules, "--from", "2015-01-01", "--database", "logs")
    tables = tables_of(sql, dialect)
    assert {"access", "error", "trace", "quarantine", "logins"} <= set(tables)
    for name, written in files_of(lake).items():
        create = tables[name]
        assert create.this.this.db == "logs"
        partitions = {} if dialect == "athena" else {"dt": "VARCHAR" if dialect == "trino" else "STRING"}
        partitions |= {"hour": kind for kind in partitions.values()}
        expected = {field.name: TYPES[dialect][str(field.type)] for field in pq.ParquetFile(written[0]).schema_arrow}
        assert columns_of(create, dialect) == expected | partitions
        assert list(columns_of(create, dialect)) == [*expected, *partitions], "partitions come last"
    assert ("hive.parquet.time-zone=UTC" in sql) == (dialect == "trino")
    scheme = "s3a" if dialect == "spark" else "s3"
    assert f"'{scheme}://my-logs/a/b/type=access/'" in sql and f"'{scheme}://my-logs/a/b/quarantine/'" in sql


def test_projection_gives_every_path_that_was_written(rules, endpoint, client):
    lake = f"s3://{BUCKET}/team/logs"
    s3 = ["--region", "eu-west-1", "--endpoint", endpoint]
    shiwake("run", *LOGS, "--lake", lake, "--rules", rules, *s3)
    keys = [entry["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            for entry in page["Contents"]]
    sql = shiwake("ddl", lake, "--engine", "athena", "--rules", rules, *s3)
    paths = set()
    for name, create in tables_of(sql, "athena").items():
        said = {str(pair.this.this): pair.args["value"].this for pair in create.find_all(exp.Property)
                if type(pair) is exp.Property}
        assert said["projection.enabled"] == "true" and said["projection.dt.format"] == "yyyy-MM-dd", name
        first, last = said["projection.dt.range"].split(",")
        assert last == "NOW+1DAYS"
        low, high = map(int, said["projection.hour.range"].split(","))
        hours = [str(hour).zfill(int(said["projection.hour.digits"])) for hour in range(low, high + 1)]
        days = [date.fromisoformat(first)]
        while days[-1] <= date.today() + timedelta(days=1):
            days.append(days[-1] + timedelta(days=1))
        template = said["storage.location.template"]
        assert re.findall(r"\$\{(\w+)\}", template) == ["dt", "hour"]
        location = create.find(exp.LocationProperty).this.this
        assert template.startswith(location)
        projected = {template.replace("${dt}", str(day)).replace("${hour}", hour) for day in days for hour in hours}
        own = {f"s3://{BUCKET}/{key.rsplit('/', 1)[0]}/" for key in keys if f"s3://{BUCKET}/{key}".startswith(location)}
        assert own and own <= projected, name
        assert f"{location}dt={first}/" in {path.rsplit("hour=", 1)[0] for path in own}, "the range begins where files do"
        paths |= own
    assert paths == {f"s3://{BUCKET}/{key.rsplit('/', 1)[0]}/" for key in keys}


@pytest.mark.parametrize("by", ["tags", "prefixes"])
def test_s3_takes_the_lifecycle_rules(by, rules, client):
    sent = json.loads(shiwake("ddl", f"s3://{BUCKET}/team", "--lifecycle", by, "--rules", rules))
    client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=sent)
    kept = client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    days = {rule["ID"]: rule["Expiration"]["Days"] for rule in kept}
    if by == "tags":
        assert days == {"shiwake-1mo": 31, "shiwake-3mo": 93, "shiwake-1y": 366, "shiwake-5y": 1830}
        tags = {rule["Filter"]["And"]["Tags"][0]["Value"]: rule["Filter"]["And"]["Prefix"] for rule in kept}
        assert tags == dict.fromkeys(["1mo", "3mo", "1y", "5y"], "team/")
    else:
        assert (days["shiwake-audit"], days["shiwake-logins"], days["shiwake-trace"]) == (1830, 1830, 31)
        prefixes = {rule["ID"]: rule["Filter"]["Prefix"] for rule in kept}
        assert prefixes["shiwake-logins"] == "team/type=logins/" and prefixes["shiwake-quarantine"] == "team/quarantine/"


@pytest.mark.parametrize(("arguments", "says"), [
    (["/tmp", "--engine", "athena", "--from", "2026-01-01"], "athena is for lakes in S3"),
    (["s3://my-logs", "--engine", "athena", "--from", "2026-02-30"], "a day as in 2026-01-31 is allowed"),
    (["s3://my-logs", "--engine", "athena", "--from", "2026-01-01", "--type", "acess"], "there is no type 'acess'"),
    (["s3://my-logs", "--engine", "trino", "--from", "2026-01-01", "--database", "a;b"], "letters, digits and '_' are allowed"),
    (["/nowhere", "--engine", "duckdb"], "is not there: check the path; with --from it is not looked into"),
])
def test_what_cannot_be_is_said(arguments, says):
    assert says in shiwake("ddl", *arguments, status=2)


ENGINES = ["athena", "trino", "spark"]
# Of these sqlglot knows the first word only; their grammar is in the engines' manuals.
UPKEEP = {
    "athena": [r'OPTIMIZE "logs"\."(\w+)" REWRITE DATA USING BIN_PACK(?: WHERE (.+))?', r"VACUUM logs\.`(\w+)`"],
    "trino": [r"ALTER TABLE \"logs\"\.\"(\w+)\" EXECUTE optimize\(file_size_threshold => '128MB'\)(?: WHERE (.+))?",
              r"ALTER TABLE \"logs\"\.\"(\w+)\" EXECUTE expire_snapshots\(retention_threshold => '7d'\)",
              r"ALTER TABLE \"logs\"\.\"(\w+)\" EXECUTE remove_orphan_files\(retention_threshold => '7d'\)"],
    "spark": [r"CALL system\.rewrite_data_files\(table => 'logs\.(\w+)', strategy => 'binpack', "
              r"options => map\('target-file-size-bytes', '134217728'\)(?:, where => '((?:[^'\\]|\\.)+)')?\)",
              r"CALL system\.expire_snapshots\(table => 'logs\.(\w+)', retain_last => 1\)",
              r"CALL system\.remove_orphan_files\(table => 'logs\.(\w+)'\)"],
}


def statements_of(sql: str) -> list[str]:
    """The statements, without comments."""
    return [one.strip() for one in re.sub(r"(?m)^--.*$", "", sql).split(";\n") if one.strip()]


@pytest.mark.parametrize("dialect", ENGINES)
def test_iceberg_tables_have_the_columns_and_are_partitioned_by_the_hour(dialect, lake, rules):
    sql = shiwake("ddl", "s3://my-logs/a", "--engine", dialect, "--rules", rules, "--database", "logs", "--make", "iceberg",
                  *(["--warehouse", "s3://tables/logs"] if dialect == "athena" else []))
    types = TYPES[dialect] | ({"timestamp[us, tz=UTC]": "TIMESTAMP(6) WITH TIME ZONE"} if dialect == "trino" else {})
    creates = tables_of(sql.replace("ALTER TABLE", "-- ALTER TABLE"), dialect)
    for name, written in files_of(lake).items():
        expected = {field.name: types[str(field.type)] for field in pq.ParquetFile(written[0]).schema_arrow}
        assert columns_of(creates[name], dialect) == expected
        text = creates[name].sql(dialect=dialect).lower()
        assert {"athena": "partitioned by (hour(`time`))", "trino": "partitioning=array['hour(time)']",
                "spark": "partitioned by (hours(`time`))"}[dialect] in text
    assert dialect != "spark" or sql.count("WRITE ORDERED BY `time`;") == len(creates)
    assert dialect != "athena" or "LOCATION 's3://tables/logs/access/'" in sql


@pytest.mark.parametrize("day", [None, "2026-02-28"])
@pytest.mark.parametrize("dialect", ENGINES)
def test_upkeep_is_what_the_retention_classes_say(dialect, day, rules):
    sql = shiwake("ddl", "s3://my-logs/a", "--engine", dialect, "--rules", rules, "--database", "logs", "--make", "upkeep",
                  *(["--day", day] if day else []))
    retention = {rule["ID"].removeprefix("shiwake-"): rule["Expiration"]["Days"] for rule in json.loads(
        shiwake("ddl", "s3://my-logs/a", "--lifecycle", "prefixes", "--rules", rules))["Rules"]}
    found, kinds = {}, {pattern: set() for pattern in UPKEEP[dialect]}
    for statement in statements_of(sql):
        if statement.startswith("DELETE"):
            (delete,) = sqlglot.parse(statement, dialect=dialect)
            assert isinstance(delete, exp.Delete) and isinstance(delete.args["where"].this, exp.LT)
            assert delete.args["where"].this.this.name == "time"
            found[delete.this.name] = int(delete.find(exp.Interval).this.name)
            continue
        (pattern, match), = [(pattern, match) for pattern in kinds if (match := re.fullmatch(pattern, statement))]
        kinds[pattern].add(match[1])
        if match.re.groups > 1:
            assert (match[2] is not None) == (day is not None)
        if match.re.groups > 1 and day:
            place = sqlglot.parse_one(match[2].replace("\\'", "'"), dialect=dialect)
            bounds = [literal.name for literal in place.find_all(exp.Literal) if literal.is_string and "-" in literal.name]
            assert bounds == ["2026-02-28 00:00:00 UTC", "2026-03-01 00:00:00 UTC"], "whole partitions"
    assert found == retention
    assert all(tables == set(retention) for tables in kinds.values())


def test_the_api_of_s3_tables_would_take_the_maintenance(rules):
    calls = json.loads(shiwake("ddl", "s3://my-logs/a", "--s3-tables", "arn:aws:s3tables:eu-west-1:123456789012:bucket/logs",
                               "--database", "logs", "--rules", rules))
    model = botocore.session.get_session().get_service_model("s3tables")
    for call, settings in calls.items():
        for one in settings:
            shape = model.operation_model(call).input_shape
            report = ParamValidator().validate(one, shape)
            assert not report.has_errors(), report.generate_report()
            assert one["type"] in shape.members["type"].enum and one["type"] in one["value"]["settings"]
            # A union of one.
            assert len(one["value"]["settings"]) == 1 and one["value"]["status"] in shape.members["value"].members["status"].enum
    assert {one["name"] for one in calls["PutTableMaintenanceConfiguration"]} >= {"access", "logins", "audit"}


def merging(engine: str, lake: str, into: str, day: str, *more: str) -> list[str]:
    """The statements that merge a day of the type `access`."""
    return statements_of(shiwake("ddl", lake, "--engine", engine, "--make", "merge", "--day", day, "--into", into, "--type", "access",
                                 *more))


@pytest.mark.parametrize("run", [1, 2])
@pytest.mark.parametrize("dialect", ENGINES)
def test_the_engines_grammar_reads_the_merging_of_a_day(dialect, run):
    if (dialect, run) == ("trino", 2):
        assert "in two steps" in shiwake("ddl", "s3://my-logs", "--engine", dialect, "--make", "merge", "--day", "2026-01-01",
                                         "--into", "s3://my-merged", "--run", "2", status=2)
        return
    found = merging(dialect, "s3://my-logs/a", "s3://my-merged/a", "2026-01-02", "--database", "logs", "--run", str(run))
    parsed = [sqlglot.parse_one(statement, dialect=dialect) for statement in found]
    kinds = [type(one).__name__ for one in parsed]
    # Trino's procedure is a call, of which sqlglot knows the first word only.
    known = {1: ["Create", "Create", "Command" if dialect == "trino" else "Alter", "Select", "Create", "Drop", "Select"],
             2: ["Create", "Create", "Select", "Alter", "Drop", "Select"]}[run]
    assert kinds == known
    if run == 1:
        assert parsed[4].kind == "VIEW" and parsed[4].args["replace"]
    if dialect == "trino":
        # A catalog of milliseconds refuses the table, and so merges nothing with rounded times.
        assert '"time" timestamp(6)' in found[0] and "timestamp(3)" not in " ".join(found)
        assert re.fullmatch(r"CALL system\.register_partition\('logs', 'access_merged', ARRAY\['dt'\], ARRAY\['2026-01-02'\], "
                            r"'s3://my-merged/a/type=access/dt=2026-01-02/r1/'\)", found[2])


def days_of(lake) -> list[str]:
    return sorted({path.name.removeprefix("dt=") for path in (lake / "type=access").iterdir()})


def test_what_athena_is_told_shows_each_row_once_before_and_behind_the_switch(lake, rules):
    """Athena's own words, by sqlglot in DuckDB's, on tables that stand for Glue's."""
    database = duckdb.connect()
    files = f"{str(lake).replace(chr(39), chr(39) * 2)}/type=access/dt=*/hour=*/*.parquet"
    database.execute(f"CREATE VIEW access AS SELECT *, filename AS \"$path\" FROM read_parquet('{files}', filename = true, "
                     "hive_partitioning = true, hive_types = {'dt': VARCHAR, 'hour': INTEGER})")
    rows = database.execute("SELECT count(*) FROM access").fetchone()
    days = days_of(lake)
    database.execute("CREATE TABLE access_merged AS SELECT * EXCLUDE (\"$path\", filename, dt, \"type\"), \"$path\" AS merged_from, dt FROM access LIMIT 0")
    for day in days:
        for statement in merging("athena", "s3://my-logs", "s3://my-merged", day, "--merged-since", days[0]):
            parsed = sqlglot.parse_one(statement, dialect="athena")
            if isinstance(parsed, exp.Create) and parsed.kind == "TABLE" and parsed.expression is not None:
                database.execute(f"CREATE TABLE made AS {parsed.expression.sql(dialect='duckdb')}")
            elif isinstance(parsed, exp.Alter):
                # The partition is what was made.
                database.execute(f"INSERT INTO access_merged BY NAME SELECT *, '{day}' AS dt FROM made")
                database.execute("DROP TABLE made")
            elif isinstance(parsed, exp.Select) and "NOT" in statement:
                assert database.execute(parsed.sql(dialect="duckdb")).fetchall() == [], "a part is not merged"
            elif isinstance(parsed, exp.Create) and parsed.kind == "VIEW":
                database.execute(parsed.sql(dialect="duckdb"))
                assert database.execute("SELECT count(*) FROM access_all").fetchone() == rows
                assert database.execute("SELECT count(*) FROM (SELECT DISTINCT * EXCLUDE (attributes) FROM access_all)").fetchone() \
                    == database.execute("SELECT count(*) FROM (SELECT DISTINCT * EXCLUDE (attributes, \"$path\", filename, \"type\") FROM access)").fetchone()
    assert database.execute("SELECT count(*) FROM access_merged").fetchone() == rows


def test_a_reader_sees_each_row_once_while_days_are_merged_and_merged_again(tmp_path, rules):
    lake, into = tmp_path / "lake", tmp_path / "merged"
    into.mkdir()
    shiwake("run", *LOGS, "--lake", str(lake))
    days = days_of(lake)
    assert len(days) > 2
    file = str(tmp_path / "catalog.db")
    writer = duckdb.connect(file)
    first = merging("duckdb", str(lake), str(into), days[0])
    # Before anything is merged all is in the parts.
    writer.execute(first[0])
    writer.execute("CREATE VIEW access_all AS SELECT * FROM access")
    expected = writer.execute("SELECT message, count(*) FROM access GROUP BY 1 ORDER BY 1").fetchall()
    wrong, asked, is_over = [], [], threading.Event()

    def read() -> None:
        reader = writer.cursor()
        while not is_over.is_set():
            try:
                found = reader.execute("SELECT message, count(*) FROM access_all GROUP BY 1 ORDER BY 1").fetchall()
            except duckdb.Error as error:
                found = str(error)
            asked.append(len(found))
            if found != expected:
                wrong.append(found if isinstance(found, str) else len(found))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for day in days:
            for statement in merging("duckdb", str(lake), str(into), day, "--merged-since", days[0]):
                found = writer.execute(statement).fetchall()
                assert not statement.startswith("SELECT") or found == [], "a part is not merged"
            seen = len(asked)
            while len(asked) < seen + 4 and all(reader.is_alive() for reader in readers):
                is_over.wait(0.01)
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
    assert wrong == [] and len(asked) > 4 * len(days)
    # What comes late is not shown, is found, and is there once when its day is merged again.
    late = next((lake / "type=access" / f"dt={days[1]}").rglob("*.parquet"))
    (late.parent / "late.parquet").write_bytes(late.read_bytes())
    rows = pq.ParquetFile(late).metadata.num_rows
    count = "SELECT count(*) FROM access_all"
    before = writer.execute(count).fetchone()[0]
    comparison = next(statement for statement in merging("duckdb", str(lake), str(into), days[-1], "--merged-since", days[0])
                      if statement.startswith("SELECT"))
    assert writer.execute(comparison).fetchall() == [(str(late.parent / "late.parquet"),)]
    for _ in range(2):
        for statement in merging("duckdb", str(lake), str(into), days[1], "--merged-since", days[0], "--run", "2"):
            writer.execute(statement)
        assert writer.execute(count).fetchone()[0] == before + rows
    assert writer.execute(comparison).fetchall() == []
    # The parts of merged days may go.
    for (part,) in writer.execute("SELECT DISTINCT merged_from FROM access_merged").fetchall():
        (lake / part).unlink()
    assert writer.execute("SELECT count(*) FROM access_merged").fetchone()[0] == before + rows
