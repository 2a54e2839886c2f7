"""The Criterion benches next to the code, run on one core round after round, and their results."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import measure
from report import number

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"records": "shiwake-records", "delivery": "shiwake-delivery"}


@dataclass
class Measured:
    """One bench: its throughput, and the seconds that one go took in each round."""

    bytes: int = 0
    elements: int = 0
    seconds: measure.Series = field(default_factory=measure.Series)

    @property
    def megabytes_per_second(self) -> float:
        return self.bytes / 1e6 / self.seconds.median

    @property
    def elements_per_second(self) -> float:
        return self.elements / self.seconds.median

    @property
    def spread(self) -> str:
        """Lowest and highest of the rounds, as parts of the median."""
        values = [value / self.seconds.median for value in self.seconds.values]
        return f"{min(values):.2f}..{max(values):.2f}"


#: By group and name.
Results = dict[tuple[str, str], Measured]


def programs() -> dict[str, Path]:
    """Builds the benches, and gives them by name."""
    command = [os.environ.get("CARGO", "cargo"), "bench", "--locked", "--no-run", "--message-format=json"]
    for package in PACKAGES.values():
        command += ["-p", package]
    built = subprocess.run([*command], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = {}
    for message in map(json.loads, built.stdout.splitlines()):
        if message.get("executable") and "bench" in message["target"]["kind"]:
            found[message["target"]["name"]] = Path(message["executable"])
    return found


def run(names: list[str], rounds: int, is_quick: bool) -> Results:
    """Runs benches by the names of their files."""
    found, results = programs(), {}
    seconds = ["--warm-up-time", "0.05", "--measurement-time", "0.1"] if is_quick else ["--warm-up-time", "0.1", "--measurement-time", "0.3"]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name in names:
                measure.run([str(found[name]), "--bench", "--noplot", "--sample-size", "10", "--nresamples", "1001", *seconds],
                            environment={"CRITERION_HOME": folder})
            for file in sorted(Path(folder).glob("**/new/benchmark.json")):
                take(file, results)
    return results


def take(file: Path, results: Results) -> None:
    """Adds what one bench has found in this round."""
    bench = json.loads(file.read_text())
    estimates = json.loads(file.with_name("estimates.json").read_text())
    measured = results.setdefault((bench["group_id"], bench["function_id"]), Measured())
    throughput = bench["throughput"] or {}
    measured.bytes, measured.elements = throughput.get("Bytes", 0), throughput.get("Elements", 0)
    measured.seconds.values.append(estimates["median"]["point_estimate"] / 1e9)


def rows(results: Results, group: str) -> list[list[str]]:
    """The benches of a group as rows: name, throughput, spread."""
    found = [(name, measured) for (of, name), measured in results.items() if of == group]
    return [[name, f"{number(measured.megabytes_per_second)} MB/s" if measured.bytes else
             f"{number(measured.elements_per_second / 1e6)} M records/s", measured.spread] for name, measured in found]
