"""Hosts that load the plugin: the harness host in each layout, and every Fluent Bit that is named or found."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
FILTER = DIST / "flb-filter_shiwake.so"
OUTPUT = DIST / "shiwake.so"
LEDGER = re.compile(r"ledger at exit: in=(\d+) written=(\d+) quarantined=(\d+) pending=(\d+)")
DEADLINE_SECONDS = 120
# Without it the host's Grace bounds the time for what is pending, which a busy machine may need more of.
PATIENT = {"shutdown_timeout": "60s"}


@dataclass
class Run:
    """What a host did: its exit status and its log, in which the plugin's ledger stands."""

    status: int
    log: str

    @property
    def ledgers(self) -> list[tuple[int, int, int, int]]:
        """In, written, quarantined and pending of each output instance, in the order of their exit."""
        return [tuple(int(number) for number in match) for match in LEDGER.findall(self.log)]


@dataclass
class Host:
    """Something that runs records through the filter and the output."""

    name: str
    layout: str | None = None
    binary: Path | None = None
    version: tuple[int, ...] = field(default=(0,))

    def run(self, records: Path, outputs: list[dict[str, str]], filter_properties: dict[str, str] | None = None,
            workers: int = 0, storage: str = "memory", tag: str = "app-firelens-0a1b2c") -> Run:
        """Runs a file of JSON records through the filter and every output, to the end of the file."""
        outputs = [PATIENT | properties for properties in outputs]
        if self.layout:
            return self._run_harness(records, outputs, filter_properties or {}, tag)
        return self._run_fluent_bit(records, outputs, filter_properties or {}, workers, storage, tag)

    def _run_harness(self, records: Path, outputs: list[dict[str, str]], filter_properties: dict[str, str],
                     tag: str) -> Run:
        status, log = 0, ""
        for properties in outputs:
            command = [str(ROOT / "target/debug/shiwake-host"), "--layout", self.layout, "--tag", tag]
            command += ["--filter", str(FILTER)]
            for key, value in filter_properties.items():
                command += ["--filter-prop", f"{key}={value}"]
            command += ["--output", str(OUTPUT)]
            for key, value in properties.items():
                command += ["--prop", f"{key}={value}"]
            done = subprocess.run([*command, str(records)], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
            status, log = status or done.returncode, log + done.stderr + done.stdout
        return Run(status, log)

    def _run_fluent_bit(self, records: Path, outputs: list[dict[str, str]], filter_properties: dict[str, str],
                        workers: int, storage: str, tag: str) -> Run:
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "fluent-bit.conf"
            config.write_text(self._config(records, outputs, filter_properties, workers, storage, tag, Path(folder)))
            log = Path(folder) / "log"
            with log.open("wb") as sink:
                process = subprocess.Popen(self.command(config), stdout=sink, stderr=subprocess.STDOUT)
                try:
                    # tail ends by itself at the end of the file and takes the host with it.
                    status = process.wait(DEADLINE_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    status = process.wait()
            return Run(status, log.read_text(errors="replace"))

    def command(self, config: Path) -> list[str]:
        """The command line that loads both plugins."""
        return [str(self.binary), "-e", str(FILTER), "-e", str(OUTPUT), "-c", str(config)]

    @staticmethod
    def _config(records: Path, outputs: list[dict[str, str]], filter_properties: dict[str, str], workers: int,
                storage: str, tag: str, folder: Path) -> str:
        (folder / "parsers.conf").write_text("[PARSER]\n    Name whole\n    Format json\n")
        sections = [
            ("SERVICE", {"Flush": "0.2", "Grace": "2", "Log_Level": "info", "Parsers_File": folder / "parsers.conf",
                         "storage.path": folder / "storage"}),
            ("INPUT", {"Name": "tail", "Path": records, "Read_from_Head": "on", "Exit_On_Eof": "on", "Parser": "whole",
                       "Tag": tag, "Buffer_Max_Size": "4M", "storage.type": storage}),
            ("FILTER", {"Name": "shiwake", "Match": "*", **filter_properties}),
        ]
        sections += [("OUTPUT", {"Name": "shiwake", "Match": "*", "Workers": workers, **properties})
                     for properties in outputs]
        return "\n".join(f"[{name}]\n" + "\n".join(f"    {key} {value}" for key, value in entries.items())
                         for name, entries in sections) + "\n"


def harness_hosts() -> list[Host]:
    """The harness host in each of its layouts."""
    return [Host(f"harness {layout}", layout=layout) for layout in ("1.9.10", "4.2.8", "5.1.1")]


def fluent_bits(search_path: bool = False) -> list[Host]:
    """Every Fluent Bit that FLUENT_BIT names, and the one on PATH when that is asked for."""
    named = [path for path in os.environ.get("FLUENT_BIT", "").split(":") if path]
    if not named and search_path:
        named = [path for path in [shutil.which("fluent-bit")] if path]
    hosts = []
    for path in named:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        version = re.search(r"v(\d+)\.(\d+)\.(\d+)", shown)
        if not version:
            raise SystemExit(f"FLUENT_BIT names {path}, which does not say its version: {shown!r}")
        hosts.append(Host(f"Fluent Bit {version[0]}", binary=Path(path), version=tuple(map(int, version.groups()))))
    return hosts


def wait_until(condition, what: str, seconds: float = 60.0) -> None:
    """Waits for a condition, or fails with what was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.05)


def stop(process: subprocess.Popen, seconds: float = 60.0) -> int:
    """Stops a host as ECS does, with SIGTERM."""
    process.send_signal(signal.SIGTERM)
    return process.wait(seconds)


def summary_of(run: Run) -> dict:
    """The JSON line with which the harness host ends."""
    return json.loads(next(line for line in reversed(run.log.splitlines()) if line.startswith("{")))
