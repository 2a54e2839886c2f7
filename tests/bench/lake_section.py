"""Records into Parquet, and questions to what was written: the results of lake.py as parts of the report."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import code_benches
import lake
import plot
from report import Section, megabytes, number

#: Owed of the process that makes columns.
MEGABYTES = 40
#: Names of the three programs of ours.
OURS = {"columns", "output, sorted", "output, unsorted"}


def section(folder: Path, is_quick: bool) -> Section:
    part = Section("Lake: records into Parquet, and questions")
    part.attempt(add_lake, folder, is_quick)
    if not is_quick:
        part.attempt(add_code)
    return part


def add_lake(part: Section, folder: Path, is_quick: bool) -> None:
    command = [sys.executable, str(Path(__file__).with_name("lake.py")), "--json", str(folder / "lake.json")]
    command += ["--records", "20000", "--rounds", "1"] if is_quick else ["--records", "400000", "--rounds", "3"]
    environment = {key: value for key, value in os.environ.items() if key != "QUICK"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    found = json.loads((folder / "lake.json").read_text())
    sizes = found["sizes"]
    part.say(f"{found['records']:,} records of a shop (seed {found['seed']}): {megabytes(sizes['sent'])} MB of MessagePack, "
             f"{megabytes(sizes['ndjson'])} MB of JSON, {megabytes(sizes['gzip'])} MB with gzip -6. One core and thread, zstd level 1; "
             "[what is what](performance.md).")
    medians = {one["name"]: statistics.median(one["seconds"]) for one in found["programs"]}
    part.table(["", "CPU s", "lowest..highest", "MB/s of MessagePack", *(f"x {peer}" for peer in lake.PEERS), "peak MB", "files MB"],
               [[one["name"], number(medians[one["name"]]), f"{min(one['seconds']):.2f}..{max(one['seconds']):.2f}",
                 number(sizes["sent"] / 1e6 / medians[one["name"]]),
                 *(f"{medians[peer] / medians[one['name']]:.2f}" for peer in lake.PEERS),
                 megabytes(one["peak_bytes"]), f"{one['file_bytes'] / 1e6:.2f}"] for one in found["programs"]])
    speeds = {name: sizes["sent"] / 1e6 / seconds for name, seconds in medians.items()}
    part.plot("lake.svg", plot.bars("Records into Parquet: MB of MessagePack a CPU second", speeds, OURS), "speed of writers")
    by_name = {one["name"]: one for one in found["programs"]}
    for peer, owed in lake.OWED.items():
        part.owe(f"lake: speed of *columns*, times {peer}'s", owed, medians[peer] / medians["columns"], "x", at_least=True)
    part.owe("lake: memory of *columns*", MEGABYTES, by_name["columns"]["peak_bytes"] / 1e6, "MB")
    part.owe("lake: bytes of files, parts of pyarrow's", 1, by_name["columns"]["file_bytes"] / by_name["pyarrow"]["file_bytes"], "x")
    part.owe("lake: bytes of files, parts of JSON with gzip -6", 0.4, by_name["columns"]["file_bytes"] / sizes["gzip"], "x")
    add_real(part, found["real"])
    add_questions(part, found["questions"])


def add_real(part: Section, found: dict[str, dict]) -> None:
    """Bytes of real lines."""
    part.say("**Real lines** ([tests/data](../tests/data/README.md)), as sent (a time and a line) and as the rows that they become, "
             "which have the line beside what was found in it. What comes again lies 786 KB apart: out of gzip's reach, in that of "
             "dictionaries and of zstd; "
             "once through is the fairer one, and its files are small. *pyarrow* is its one file of the same JSON, zstd level 1.")
    rows = []
    for name, one in found.items():
        for form, what in (("sent", "as sent"), ("row", "as rows")):
            sizes = one[form]
            rows.append([f"{name}, {what}", f"{one['records']:,}", *(f"{size / 1e6:.2f}" for size in (sizes["json"], sizes["gzip"], sizes["pyarrow"],
                         one["lake"])), f"{one['lake'] / sizes['gzip']:.2f}", f"{one['lake'] / sizes['pyarrow']:.2f}",
                         f"{sizes['pyarrow'] / sizes['gzip']:.2f}"])
    part.table(["", "records", "JSON MB", "gzip -6 MB", "pyarrow MB", "lake MB", "lake / gzip", "lake / pyarrow", "pyarrow / gzip"], rows)


def add_code(part: Section) -> None:
    """Speeds of the parts of it."""
    results = code_benches.run(["rows", "spool", "files"], 2, False)
    part.say("The parts of it, by the benches next to the code, MB of MessagePack a CPU second; *spread* is the lowest and the highest "
             "round, as parts of the median.")
    whats = {"rows": "laid out over columns", "spool": "appended to the spool", "files": "made into Parquet, with all that is before it"}
    rows = [[f"{what}: {cells[0]}", *cells[1:]] for group, what in whats.items() for cells in code_benches.rows(results, group)]
    part.table(["", "speed", "spread"], rows)


def add_questions(part: Section, questions: list[dict]) -> None:
    """Ten questions by DuckDB, with the same answers."""
    if not questions:
        return
    part.say("Questions by DuckDB, one thread, local files; the answers are the same. Times are CPU, bytes are those that are read.")
    rows = []
    for one in questions:
        cells = [f"{seconds * 1e3:.0f} ms, {size / 1e6:.2f} MB" for seconds, size in zip(one["seconds"], one["bytes"])]
        times, sizes = one["seconds"], one["bytes"]
        rows.append([one["question"], *cells, f"1/{sizes[1] / sizes[0]:.0f}", f"{times[1] / times[0]:.0f} x"])
    part.table(["question", "lake", "gzip JSON", "pyarrow's file", "bytes of lake / gzip", "faster than gzip"], rows)
    worst = max(one["bytes"][0] / one["bytes"][1] for one in questions if one["is_narrow"])
    part.owe("lake: bytes that a narrow question reads, parts of gzip JSON's, the worst", 0.05, worst, "x")
