"""Where this stands: every part of it side by side with what else there is, in one run, written to docs/benchmarks.md.

    python tests/bench/bench.py [--quick] [--only PART[,PART...]] [--out FILE]

Parts: filter, lake, datadog, whole, start. What is measured runs on one core, pinned; programs that are compared take turns.
FLUENT_BIT names Fluent Bits, separated by colons; without it what needs one is left out, and the report says so.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import datadog  # noqa: E402
import filters  # noqa: E402
import lake_section  # noqa: E402
import report  # noqa: E402
import startup  # noqa: E402
import whole  # noqa: E402
from fluent_bit import FluentBit, hosts, version  # noqa: E402

PARTS = {"filter": filters.section, "lake": lake_section.section, "datadog": datadog.section, "whole": whole.section,
         "start": startup.section}


def head(is_quick: bool, parts: list[str]) -> list[str]:
    """What stands above all parts."""
    host = FluentBit.found()
    packages = [report.first_line([sys.executable, "-c", f"import {name}; print('{name}', {name}.__version__)"])
                for name in ("pyarrow", "duckdb", "polars")]
    commit = report.first_line(["git", "-C", str(hosts.ROOT), "describe", "--always", "--dirty"])
    names = " ".join(f"`{part}`" for part in parts)
    command = "make bench-quick" if is_quick else "make bench"
    return [
        f"Made by `{command}` ({'; '.join(['small amounts, one round: to see that it works'] if is_quick else ['parts: ' + names])}). "
        f"{report.machine()}.",
        f"Versions: commit {commit}; {report.first_line(['rustc', '--version'])}; "
        f"{version(host.binary) if host else 'no Fluent Bit'}; {', '.join(packages)}; {report.first_line(['valgrind', '--version'])}.",
        "Ratios are the result: they are of programs that took turns on one core of one machine in one run. Absolute numbers stand "
        "beside them and depend on the machine and on what else it did. CPU is user and system time.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small amounts and one round, in less than three minutes")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--out", type=Path, default=hosts.ROOT / "docs/benchmarks.md")
    chosen = parser.parse_args()
    parts = chosen.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    os.environ.pop("ECS_CONTAINER_METADATA_URI_V4", None)
    introduction, sections, began = head(chosen.quick, parts), [], time.monotonic()
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            at = time.monotonic()
            print(f"== {part}", flush=True)
            sections.append(PARTS[part](Path(folder), chosen.quick))
            print(f"== {part} took {time.monotonic() - at:.0f} s", flush=True)
            for one in sections[-1].owed:
                print(f"   {one.what}: {one.measured}; owed {one.owed}: {'met' if one.is_met else 'NOT met'}", flush=True)
        # After each part: a run that is stopped leaves what it has measured.
        took = f"It took {(time.monotonic() - began) / 60:.0f} minutes"
        left = parts[parts.index(part) + 1:]
        report.write(chosen.out, sections, [*introduction, f"{took}{'; not run: ' + ', '.join(left) if left else ''}."])
    print(f"written: {chosen.out}")
    if failures := [failure for section in sections for failure in section.failures]:
        raise SystemExit("not measured: " + "; ".join(failures))


if __name__ == "__main__":
    main()
