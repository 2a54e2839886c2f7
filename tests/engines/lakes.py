"""Lakes for other engines to read, and what DuckDB says of them beside what an engine says."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
SHIWAKE, GENERATOR = ROOT / "target/debug/shiwake", ROOT / "target/debug/shiwake-generate"
LOGS = [*sorted(DATA.glob("*.log")), DATA / "formats/json.ndjson", DATA / "formats/load_balancer.log", DATA / "structured/shop.ndjson"]
GENERATED_RECORDS = 20_000
# More in an hour than fit into a page, so that there are pages to be passed over.
REQUESTS, HOURS = 90_000, 3
FIRST_SECOND = 1_772_431_200
# A type with a column of each kind that may be declared.
RULES = (DATA / "declared_columns.toml").read_text()


def shiwake(*arguments: str | Path) -> str:
    """What the command says."""
    done = subprocess.run([str(SHIWAKE), *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_requests(path: Path) -> None:
    """Requests of some hours, in order of time; every fourth has a trace id."""
    chance = random.Random(9)
    with path.open("w") as file:
        for number in range(REQUESTS):
            micros = number * HOURS * 3_600_000_000 // REQUESTS
            digest = hashlib.md5(str(number).encode()).hexdigest()
            second, rest = divmod(micros, 1_000_000)
            record = {"time": FIRST_SECOND + second + rest / 1e6, "method": chance.choice(["GET", "GET", "POST"]), "host": "www.example.com",
                      "path": f"/item/{int(chance.random() ** 2 * 800)}", "status": chance.choice([200, 200, 200, 304, 404, 500]),
                      "bytes": chance.randrange(1 << 40), "duration_ms": chance.randrange(400_000) / 1000, "request_id": digest,
                      "remote_addr": f"10.{chance.randrange(4)}.{chance.randrange(99)}.7", "user_id": f"u{chance.randrange(5000)}"}
            if number % 4 == 0:
                record["trace_id"] = hashlib.md5(digest.encode()).hexdigest()
            file.write(json.dumps(record) + "\n")


def types_of(lake: Path) -> list[str]:
    return sorted(folder.name.removeprefix("type=") for folder in lake.glob("type=*"))


def files_of(lake: Path, log_type: str) -> list[Path]:
    return sorted((lake / f"type={log_type}").rglob("*.parquet"))


def rows_of(lake: Path, log_type: str) -> int:
    """Rows of a type, as the footers say."""
    return sum(pq.ParquetFile(file).metadata.num_rows for file in files_of(lake, log_type))


def encodings_of(lake: Path) -> set[str]:
    """Encodings of all columns of all files."""
    found: set[str] = set()
    for log_type in types_of(lake):
        for file in files_of(lake, log_type):
            groups = pq.ParquetFile(file).metadata
            for group in map(groups.row_group, range(groups.num_row_groups)):
                found.update(*(group.column(number).encodings for number in range(group.num_columns)))
    return found


def quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def view(database: duckdb.DuckDBPyConnection, lake: Path, log_type: str) -> None:
    """The view `lake` of a type, with its partitions."""
    files = quoted(lake / f"type={log_type}/dt=*/hour=*/*.parquet")
    database.execute(f"CREATE OR REPLACE VIEW lake AS SELECT * EXCLUDE (\"type\") FROM read_parquet({files}, "
                     "hive_partitioning = true, hive_types = {'dt': DATE, 'hour': BIGINT})")


def differences(lake: Path, log_type: str, found: str) -> list[tuple]:
    """Some rows that only one of two has, DuckDB's reading of the lake and what DuckDB finds at `found`; each as often as it is there."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    view(database, lake, log_type)
    columns = database.execute("SELECT column_name, column_type FROM (DESCRIBE lake)").fetchall()
    # As text, as the two zeros are equal as numbers. A map is the pairs that it has, in order.
    as_text = {"DOUBLE": "CAST({} AS VARCHAR)", "MAP(VARCHAR, VARCHAR)": "CAST(map_entries({}) AS STRUCT(\"key\" VARCHAR, \"value\" VARCHAR)[])",
               "TIMESTAMP WITH TIME ZONE": "epoch_us({})"}
    wanted = ", ".join(as_text.get(kind, f"CAST({{}} AS {kind})").format(f'"{name}"') + f' AS "{name}"' for name, kind in columns)
    database.execute(f"CREATE TABLE mine AS SELECT {wanted} FROM lake")
    database.execute(f"CREATE TABLE theirs AS SELECT {wanted} FROM {found}")
    names = [row[0] for row in database.execute(f"SELECT column_name FROM (DESCRIBE SELECT * FROM {found})").fetchall()]
    assert sorted(names) == sorted(name for name, _ in columns)
    assert database.execute("SELECT count(*) FROM mine").fetchone() == (rows_of(lake, log_type),)
    return database.execute("(SELECT 'mine', * FROM (FROM mine EXCEPT ALL FROM theirs) LIMIT 3) UNION ALL "
                            "(SELECT 'theirs', * FROM (FROM theirs EXCEPT ALL FROM mine) LIMIT 3)").fetchall()


def ask(lake: Path, log_type: str, question: str) -> list[tuple]:
    """What DuckDB answers of the view `lake`."""
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'")
    view(database, lake, log_type)
    return database.execute(question).fetchall()
