"""Records into Parquet: the plugin's output beside pyarrow, DuckDB and polars, on one core, in one run.

Every program gets the same records. Ours gets them as chunks of MessagePack, as the host hands them over; the others as the same
records in lines of JSON, with the reader and the writer they have. What is compared is CPU time (user and system) of one thread
on one core. Ours counts from the start of the process to its end; the others only from where their libraries are loaded.

    python tests/bench/lake.py [--quick] [--records N] [--rounds N] [--keep FOLDER] [--skip-queries]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import lake_queries
import lake_real

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = TARGET / "release/shiwake-bench"
SHIWAKE = TARGET / "debug/shiwake"
PEERS = ["pyarrow", "duckdb", "polars"]
SEED = 1
# What is owed (times the peer's speed), for the columns of sorted records.
OWED = {"pyarrow": 4.5, "duckdb": 2.5}
MEMORY_KIB = 40_000_000 // 1024
#: Bytes of real lines; 0 is all of them once.
REAL_BYTES = {"once": 0, "again and again": 100_000_000}


class Measured:
    """CPU seconds, peak memory and the bytes that were written, of several rounds."""

    def __init__(self, name: str):
        self.name, self.seconds, self.peak_kib, self.size = name, [], 0, 0

    def add(self, seconds: float, peak_kib: int, size: int) -> None:
        self.seconds.append(seconds)
        self.peak_kib, self.size = max(self.peak_kib, peak_kib), size

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def on_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def run(command: list[str]) -> tuple[float, int, str]:
    """CPU seconds, peak memory in KiB and what the program says."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, preexec_fn=on_one_core)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{command} ended with {process.returncode}")
        out.seek(0)
        return used.ru_utime + used.ru_stime, used.ru_maxrss, out.read().decode()


def size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in path.rglob("*.parquet"))


def measure_ours(measured: Measured, arguments: list[str], lake: Path) -> None:
    shutil.rmtree(lake, ignore_errors=True)
    seconds, peak_kib, _ = run([str(PROGRAM), *arguments, str(lake)])
    measured.add(seconds, peak_kib, size_of(lake))


def measure_peer(measured: Measured, source: Path, target: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("peer.py")), measured.name, str(source), str(target)]
    _, peak_kib, answer = run(command)
    measured.add(json.loads(answer)["cpu_seconds"], peak_kib, size_of(target))


def make(folder: Path, records: int) -> dict[str, int]:
    _, _, answer = run([str(PROGRAM), "make", "--records", str(records), "--seed", str(SEED), str(folder)])
    sizes = {name: int(size) for name, size in (line.split("\t") for line in answer.splitlines())}
    with open(folder / "sent.ndjson", "rb") as lines, gzip.open(folder / "sent.ndjson.gz", "wb", 6) as packed:
        shutil.copyfileobj(lines, packed, 1 << 20)
    sizes["gzip"] = (folder / "sent.ndjson.gz").stat().st_size
    return sizes


def table(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the records, one round")
    parser.add_argument("--records", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for data and files, which is not removed")
    parser.add_argument("--skip-queries", action="store_true")
    parser.add_argument("--json", type=Path, help="a file that gets the results as data")
    chosen = parser.parse_args()
    quick = chosen.quick or os.environ.get("QUICK") == "1"
    records = chosen.records or (40_000 if quick else 400_000)
    rounds = chosen.rounds or (1 if quick else 5)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        sizes = make(folder / "data", records)
        results = report(folder, sizes, records, rounds)
        results["real"] = {name: real(folder / f"real-{name.replace(' ', '-')}", size // 10 if quick else size)
                           for name, size in REAL_BYTES.items()}
        if not chosen.skip_queries:
            print(lake_queries.report(folder / "lake-columns", folder / "data/sent.ndjson.gz", folder / "pyarrow.parquet",
                                      results["questions"]))
        if chosen.json:
            chosen.json.write_text(json.dumps(results))


def real(folder: Path, bytes_at_least: int) -> dict:
    """Bytes of real lines in all forms."""

    def pyarrow(source: Path, target: Path) -> int:
        measured = Measured("pyarrow")
        measure_peer(measured, source, target)
        return measured.size

    found = lake_real.measure(folder, SHIWAKE, pyarrow, bytes_at_least)
    print(f"real lines, {found['records']} records: {found['lake'] / 1e6:.2f} MB in {found['files']} files; " + "; ".join(
        f"{what} {found[form]['json'] / 1e6:.1f} MB of JSON, {found[form]['gzip'] / 1e6:.2f} with gzip -6, {found[form]['pyarrow'] / 1e6:.2f} "
        f"as pyarrow's file" for form, what in (("sent", "as sent"), ("row", "as rows"))))
    return found


def report(folder: Path, sizes: dict[str, int], records: int, rounds: int) -> dict:
    data = folder / "data"
    print(f"{records} records, seed {SEED}: {sizes['sent'] / 1e6:.1f} MB of MessagePack as sent, "
          f"{sizes['ndjson'] / 1e6:.1f} MB of JSON, {sizes['gzip'] / 1e6:.1f} MB with gzip -6\n")
    ours = {
        "columns": ["columns", str(data)],
        "output, sorted": ["output", str(data / "sorted.msgpack")],
        "output, unsorted": ["output", str(data / "sent.msgpack")],
    }
    measured = {name: Measured(name) for name in [*ours, *PEERS]}
    # The programs take turns, so that what else the machine does falls on all.
    for _ in range(rounds):
        for name, arguments in ours.items():
            measure_ours(measured[name], arguments, folder / f"lake-{name.replace(', ', '-')}")
        for peer in PEERS:
            measure_peer(measured[peer], data / "sent.ndjson", folder / f"{peer}.parquet")
    rows = [["", "CPU s (median)", "lowest..highest", "MB/s of MessagePack", "x pyarrow", "x DuckDB", "x polars",
             "peak MB", "file MB"]]
    for one in measured.values():
        rows.append([one.name, f"{one.median:.2f}", f"{min(one.seconds):.2f}..{max(one.seconds):.2f}",
                     f"{sizes['sent'] / 1e6 / one.median:.0f}",
                     *(f"{measured[peer].median / one.median:.2f}" for peer in PEERS),
                     f"{one.peak_kib * 1024 / 1e6:.1f}", f"{one.size / 1e6:.2f}"])
    print(table(rows))
    columns = measured["columns"]
    print()
    for peer, owed in OWED.items():
        ratio = measured[peer].median / columns.median
        print(f"speed: {ratio:.2f} times {peer}; owed {owed}: {'met' if ratio >= owed else 'NOT met'}")
    print(f"memory: {columns.peak_kib * 1024 / 1e6:.1f} MB; owed 40: {'met' if columns.peak_kib <= MEMORY_KIB else 'NOT met'}")
    print(f"size: {columns.size / measured['pyarrow'].size:.3f} of pyarrow's; owed 1: "
          f"{'met' if columns.size <= measured['pyarrow'].size else 'NOT met'}")
    print(f"size: {columns.size / sizes['gzip']:.3f} of gzip -6; owed 0.4: "
          f"{'met' if columns.size <= 0.4 * sizes['gzip'] else 'NOT met'}\n")
    programs = [{"name": one.name, "seconds": one.seconds, "peak_bytes": one.peak_kib * 1024, "file_bytes": one.size}
                for one in measured.values()]
    return {"records": records, "seed": SEED, "sizes": sizes, "programs": programs, "questions": []}


if __name__ == "__main__":
    main()
