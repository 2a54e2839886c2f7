"""Lakes for tables to take in, the command that does it, and what other programs then see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow.parquet as parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

ROOT = Path(__file__).resolve().parents[2]
SHIWAKE = Path(os.environ.get("SHIWAKE", ROOT / "target/debug/shiwake"))
SHIWAKE_TABLE = Path(os.environ.get("SHIWAKE_TABLE", ROOT / "target/tables/debug/shiwake-table"))
NAMESPACE = "logs"
BEGIN = datetime(2026, 11, 18, tzinfo=timezone.utc)


def trace_id(number: int) -> str:
    """The trace of a record; they are in order of the records, so that bounds tell them apart."""
    return f"{number + 1:08x}{'0' * 24}"


def records(hours: int, per_hour: int, begin: datetime = BEGIN, **more) -> list[dict]:
    """Records of a web server, some of which are of another type, evenly over some hours."""
    every = timedelta(hours=1) / per_hour
    return [
        {"time": (begin + number * every).isoformat().replace("+00:00", "Z"), "method": "GET", "path": f"/shop/{number % 17}",
         "status": 200 + number % 4 * 100, "host": "shop.example", "trace_id": trace_id(number), "duration_ms": number / 7,
         "cart": {"items": number % 5}, **more}
        if number % 5 else
        {"time": (begin + number * every).isoformat().replace("+00:00", "Z"), "level": "error", "message": f"no stock, order {number}", **more}
        for number in range(hours * per_hour)
    ]


def write_lake(lake: Path, sent: list[dict], rules: Path | None = None) -> None:
    """Lets `shiwake run` sort records into a lake."""
    lines = "".join(json.dumps(record) + "\n" for record in sent)
    options = ["--rules", str(rules)] if rules else []
    done = subprocess.run([SHIWAKE, "run", "--lake", str(lake), "--format", "json", *options], input=lines, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["total"]["written"] == len(sent)


def objects(lake: Path, log_type: str) -> list[Path]:
    """A type's files."""
    return sorted((lake / f"type={log_type}").rglob("*.parquet"))


def multiply(lake: Path, log_type: str, count: int) -> None:
    """Makes more objects of those that are there, under other streams' names, until there are so many."""
    have = objects(lake, log_type)
    for number in range(count - len(have)):
        source = have[number % len(have)]
        shutil.copyfile(source, source.with_name(f"copy{number // len(have):05}-0000000001.parquet"))


def rows_in_footers(files: list[Path]) -> int:
    """The rows that files say they have."""
    return sum(parquet.read_metadata(file).num_rows for file in files)


def command(verb: str, lake: Path | str, *more: str) -> list[str]:
    return [str(SHIWAKE_TABLE), verb, str(lake), "--format", "json", *more]


def run(verb: str, lake: Path, *more: str, expect: int = 0) -> list[dict]:
    """Runs the command, and gives what it tells."""
    done = subprocess.run(command(verb, lake, *more), text=True, capture_output=True, timeout=300)
    assert done.returncode == expect, f"{done.returncode}: {done.stdout[-2000:]}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def commit(lake: Path, *more: str, expect: int = 0) -> list[dict]:
    """Takes in all of a lake."""
    return run("commit", lake, "--since", "all", *more, expect=expect)


def events(told: list[dict], event: str) -> list[dict]:
    return [one for one in told if one["event"] == event]


def table(lake: Path, log_type: str, namespace: str = NAMESPACE) -> Table:
    """The table, as PyIceberg finds it."""
    catalog = SqlCatalog("shiwake", uri=f"sqlite:///{lake}/_tables/catalog.db", warehouse=f"file://{lake}/_tables")
    return catalog.load_table(f"{namespace}.{log_type}")


def addresses_of(found: Table, snapshot: int | None = None) -> list[str]:
    """The files of a state, as a scan would read them."""
    return [task.file.file_path.removeprefix("file://") for task in found.scan(snapshot_id=snapshot).plan_files()]


def files_of(found: Table) -> list[Path]:
    """The files of the current state, which are on this machine."""
    return [Path(address) for address in addresses_of(found)]


def check_adds_up(lake: Path, log_type: str, namespace: str = NAMESPACE) -> int:
    """Every object is in the table once, with its rows, and so it is with every state before; gives the number of states."""
    lake_files = objects(lake, log_type)
    return check_table(table(lake, log_type, namespace), {str(file) for file in lake_files}, rows_in_footers(lake_files))


def check_table(found: Table, addresses: set[str], rows: int) -> int:
    """The same of a table of any catalog, with the addresses and rows that it should have."""
    have = addresses_of(found)
    assert len(have) == len(set(have)), "an object is in the table twice"
    assert set(have) == addresses
    assert sum(task.file.record_count for task in found.scan().plan_files()) == rows
    assert int(found.current_snapshot().summary["total-records"]) == rows
    before: set[str] = set()
    for snapshot in sorted(found.snapshots(), key=lambda one: one.sequence_number):
        state = addresses_of(found, snapshot.snapshot_id)
        assert len(state) == len(set(state)) == int(snapshot.summary["total-data-files"])
        assert before < set(state), "a state has what the one before had, and more"
        before = set(state)
    return len(found.snapshots())
