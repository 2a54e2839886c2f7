"""What `shiwake ddl` prints: run by DuckDB, read by other engines' grammars, and checked against paths that were written."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import date, timedelta

import duckdb
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from conftest import BUCKET
from firelens import DATA
from hosts import ROOT

SHIWAKE = str(ROOT / "target/debug/shiwake")
LOGS = [str(path) for path in (*sorted(DATA.glob("*.log")), DATA / "formats/json.ndjson", DATA / "formats/load_balancer.log")]
# A type with a column of each kind that may be declared.
RULES = """
[type.logins]
like = "audit"
columns.port = { type = "int32" }
columns.score = { type = "float64" }
columns.total = { type = "int64" }
columns.known = { type = "bool" }
columns.note = { type = "text" }

[[rule]]
name = "logins"
type = "logins"
match = 'sshd'
parse = { regex = 'port (?<port>\\d+)' }
"""
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
