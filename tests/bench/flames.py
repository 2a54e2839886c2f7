"""Flame graphs of filter and lake, as docs/benchmarks/flame-*.svg.

    python tests/bench/flames.py

Of the benches next to the code and of shiwake-bench, sampled by perf; inferno (crates.io) draws. Widths are shares of the samples: they say
where time goes, not how much of it there is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import code_benches
import lake

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "docs/benchmarks"
# Samples a second, and bytes of the stack that are kept of each.
FREQUENCY, STACK_BYTES = 499, 16_384
SECONDS, RECORDS = 5, 400_000
# Where the code itself begins: what is below it is the program around it.
FILTER, LAKE = "shiwake_records::sorter", "shiwake_delivery::"


def draw(name: str, title: str, command: list[str], begins: str) -> None:
    """Samples a program and draws what it did, below what `begins` names."""
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "perf.data"
        record = ["perf", "record", "-q", "-F", str(FREQUENCY), "-e", "cpu-clock:u", "--call-graph", f"dwarf,{STACK_BYTES}"]
        subprocess.run([*record, "-o", samples, "--", *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        script = subprocess.run(["perf", "script", "--no-inline", "-i", samples], check=True, capture_output=True).stdout
    stacks = subprocess.run(["inferno-collapse-perf"], input=script, check=True, capture_output=True).stdout.decode()
    kept = [below(line, begins) for line in stacks.splitlines() if begins in line]
    if not kept:
        raise RuntimeError(f"no sample of {name} is in {begins}")
    graph = subprocess.run(["inferno-flamegraph", "--title", title, "--minwidth", "0.4", "--hash"], input="\n".join(kept).encode(),
                           check=True, capture_output=True).stdout
    (OUT / f"flame-{name}.svg").write_bytes(graph)
    print(f"flame-{name}.svg: {len(graph) // 1024} KB, of {sum(int(line.rsplit(chr(32), 1)[1]) for line in kept) / 1e9:.2f} s")


def below(stack: str, begins: str) -> str:
    """A stack from the frame on that is the first of the code's own."""
    frames, count = stack.rsplit(" ", 1)
    frames = frames.split(";")
    first = next(place for place, frame in enumerate(frames) if begins in frame)
    return ";".join(frames[first:]) + " " + count


def main() -> int:
    missing = [program for program in ("perf", "inferno-flamegraph", "inferno-collapse-perf") if shutil.which(program) is None]
    if missing:
        print(f"no flame graphs: {', '.join(missing)} not found")
        return 1
    programs = code_benches.programs()
    for name, title, program, bench in (
        ("filter-access", "filter: access lines, sorted and taken apart", "sorting", "sort/access_apache_combined.log$"),
        ("filter-structured", "filter: structured records of a shop, sorted", "structured",
         "structured/classify and append, with properties and task"),
    ):
        draw(name, title, [str(programs[program]), "--bench", "--profile-time", str(SECONDS), bench], FILTER)
    with tempfile.TemporaryDirectory() as folder:
        make = [lake.PROGRAM, "make", folder, "--records", str(RECORDS), "--seed", str(lake.SEED)]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
        draw("lake", "lake: sorted records into columns and Parquet files", [str(lake.PROGRAM), "columns", folder, f"{folder}/lake"], LAKE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
