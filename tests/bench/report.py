"""What is written down: tables, what is owed beside what was measured, and where it was measured."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Owed:
    """A number that is owed, and what was measured."""

    what: str
    owed: str
    measured: str
    is_met: bool


@dataclass
class Section:
    """A part of the report."""

    title: str
    text: list[str] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    #: Pictures by the names of their files.
    plots: dict[str, str] = field(default_factory=dict)
    #: What could not be measured, and why.
    failures: list[str] = field(default_factory=list)

    def attempt(self, measure: Callable[..., None], *arguments: object) -> None:
        """Measures a piece of this part. When that fails the report says so, and the rest goes on."""
        began = time.monotonic()
        try:
            measure(self, *arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other results are not thrown away for it
            traceback.print_exc()
            self.failures.append(f"{measure.__name__}: {error}")
            self.say(f"**Not measured**, because it failed: {type(error).__name__}: {error}")
        print(f"   {measure.__module__}.{measure.__name__} took {time.monotonic() - began:.0f} s", flush=True)

    def say(self, *paragraphs: str) -> None:
        self.text += paragraphs

    def table(self, head: list[str], rows: list[list[str]]) -> None:
        lines = [head, ["---"] * len(head), *rows]
        self.text.append("\n".join("| " + " | ".join(cells) + " |" for cells in lines))

    def plot(self, name: str, svg: str, what: str) -> None:
        self.plots[name] = svg
        self.text.append(f"![{what}](benchmarks/{name})")

    def owe(self, what: str, owed: float, measured: float, unit: str, at_least: bool = False) -> None:
        is_met = measured >= owed if at_least else measured <= owed
        bound = "at least" if at_least else "at most"
        self.owed.append(Owed(what, f"{bound} {owed:g} {unit}".rstrip(), f"{number(measured)} {unit}".rstrip(), is_met))


def number(value: float) -> str:
    """Three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def megabytes(count: float) -> str:
    return f"{count / 1e6:.1f}"


def owed_table(owed: list[Owed]) -> str:
    rows = [f"| {one.what} | {one.owed} | {one.measured} | {'met' if one.is_met else '**not met**'} |" for one in owed]
    return "\n".join(["| what | owed | measured | |", "|---|---|---|---|", *rows])


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def first_line(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return "not there"


def machine() -> str:
    """Where and when."""
    now = datetime.datetime.now(datetime.timezone.utc)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (f"{now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} x {cpu_model()}, Linux {platform.release()}, load of the machine when it "
            f"began {load}")


def write(path: Path, sections: list[Section], head: list[str]) -> None:
    """Writes the report, and its pictures into a folder beside it."""
    owed = [one for section in sections for one in section.owed]
    parts = ["# Benchmarks", *head]
    if owed:
        parts += ["## What is owed", owed_table(owed)]
    for section in sections:
        parts += [f"## {section.title}", *section.text]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(parts) + "\n")
    folder = path.with_suffix("")
    for section in sections:
        for name, svg in section.plots.items():
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(svg)
