"""Real log lines as a lake: its bytes beside those of gzip and of pyarrow's files, for the lines as sent and for the rows they become.

The sample lines of tests/data are taken again and again, each time later, with their own times moved on. What comes again lies 786 KB
apart, out of reach of gzip, which looks back 32 KB, and within reach of dictionaries; so the lines are measured once through too.
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests/data"
HOURS = 6
FIRST = datetime.datetime(2026, 3, 2, 6, tzinfo=datetime.timezone.utc)
# About what an output with `memory_limit` 48M makes a file of.
MEMORY_LIMIT = "48M"
#: Where lines have their time, and how it is written there.
TIMES = [
    (re.compile(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"), lambda time: time.strftime("[%d/%b/%Y:%H:%M:%S +0000]")),
    (re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]"), lambda time: time.strftime("[%Y-%m-%d %H:%M:%S,") + f"{time.microsecond // 1000:03}]"),
    (re.compile(r"^\w{3} [ \d]\d \d\d:\d\d:\d\d "), lambda time: time.strftime("%b %e %H:%M:%S ")),
    (re.compile(r'"timestamp":\d{13}'), lambda time: f'"timestamp":{int(time.timestamp() * 1000)}'),
]


def moved(line: str) -> Callable[[datetime.datetime], str]:
    """What gives a line with another time in the place of its own."""
    for pattern, write in TIMES:
        if found := pattern.search(line):
            before, behind = line[:found.start()], line[found.end():]
            return lambda time: before + write(time) + behind
    return lambda time: line


def write_sent(target: Path, logs: Path, bytes_at_least: int) -> int:
    """Records as Fluent Bit has them, a time and a line, over some hours; gives how many. At least all lines once."""
    files = [*sorted(logs.glob("*.log")), *sorted(logs.glob("*.ndjson"))]
    lines = [moved(line) for file in files for line in file.read_text(errors="replace").splitlines()]
    once = sum(file.stat().st_size for file in files)
    rounds = max(1, round(bytes_at_least / once))
    count = rounds * len(lines)
    step = datetime.timedelta(hours=HOURS) / (count + 1)
    with target.open("w") as file:
        for number in range(count):
            time = FIRST + number * step
            record = {"time": time.isoformat(timespec="microseconds").replace("+00:00", "Z"), "log": lines[number % len(lines)](time)}
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return count


def rows(lake: Path) -> Iterator[dict]:
    """The rows of a lake's files, without what is null."""
    for path in sorted(lake.rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        table = table.select([name for name in table.column_names if table[name].null_count < table.num_rows])
        for row in table.to_pylist():
            row["time"] = row["time"].isoformat(timespec="microseconds").replace("+00:00", "Z")
            yield {name: dict(value) if isinstance(value, list) else value for name, value in row.items() if value not in (None, [])}


def gzipped(path: Path) -> int:
    """Bytes of a file with gzip -6."""
    packed = path.with_suffix(".gz")
    with path.open("rb") as lines, gzip.open(packed, "wb", 6) as out:
        shutil.copyfileobj(lines, out, 1 << 20)
    return packed.stat().st_size


def measure(folder: Path, program: Path, peer: Callable[[Path, Path], int], bytes_at_least: int, logs: Path = DATA) -> dict:
    """Bytes of all forms; `peer` writes lines of JSON as pyarrow's file and gives its bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sent, as_json, lake = folder / "sent.ndjson", folder / "rows.ndjson", folder / "lake"
    count = write_sent(sent, logs, bytes_at_least)
    subprocess.run([str(program), "run", str(sent), "--lake", str(lake), "--memory-limit", MEMORY_LIMIT], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = 0
    with as_json.open("w") as file:
        for row in rows(lake):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            found += 1
    assert 0 < found <= count
    files = [path.stat().st_size for path in lake.rglob("*.parquet")]
    return {"records": count, "rows": found, "lake": sum(files), "files": len(files),
            "sent": {"json": sent.stat().st_size, "gzip": gzipped(sent), "pyarrow": peer(sent, folder / "sent.parquet")},
            "row": {"json": as_json.stat().st_size, "gzip": gzipped(as_json), "pyarrow": peer(as_json, folder / "rows.parquet")}}
