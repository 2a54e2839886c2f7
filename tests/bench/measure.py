"""Programs on one core, and what they take: CPU time, peak memory. Programs that are compared take turns."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

#: The core of what is measured, and that of what feeds it and takes from it.
CORES = sorted(os.sched_getaffinity(0))
MEASURED_CORE, OTHER_CORE = CORES[-1], CORES[0]
DEADLINE_SECONDS = 300


@dataclass
class Usage:
    """What a program took."""

    user_seconds: float
    system_seconds: float
    peak_bytes: int
    wall_seconds: float

    @property
    def cpu_seconds(self) -> float:
        return self.user_seconds + self.system_seconds


@dataclass
class Series:
    """The same, measured again and again."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def spread(self, digits: int = 2) -> str:
        return f"{min(self.values):.{digits}f}..{max(self.values):.{digits}f}"


def peak_of(pid: int) -> int:
    """The most memory that a process had so far, in bytes; 0 when it is gone.

    What wait4 gives is no use here: it counts what this process had when the child was made."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def start(command: list[str], core: int = MEASURED_CORE, log: Path | None = None, environment: dict[str, str] | None = None) -> subprocess.Popen:
    """Starts a program on one core."""
    with open(log or os.devnull, "wb") as sink:
        return subprocess.Popen(["taskset", "-c", str(core), *command], stdout=sink, stderr=subprocess.STDOUT,
                                env={**os.environ, **(environment or {})})


def wait(process: subprocess.Popen, began: float, seconds: float = DEADLINE_SECONDS) -> Usage:
    """Waits for a program's end, and says what it took; a program that does not end well is an error."""
    peak, end = 0, time.monotonic() + seconds
    while True:
        peak = max(peak, peak_of(process.pid))
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > end:
            process.kill()
            process.wait()
            raise RuntimeError(f"{process.args} did not end within {seconds} s")
        time.sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{process.args} ended with {process.returncode}")
    return Usage(used.ru_utime, used.ru_stime, peak, time.monotonic() - began)


def run(command: list[str], log: Path | None = None, environment: dict[str, str] | None = None) -> Usage:
    """Runs a program to its end."""
    began = time.monotonic()
    return wait(start(command, log=log, environment=environment), began)


def stop(process: subprocess.Popen, began: float, seconds: float = DEADLINE_SECONDS) -> Usage:
    """Ends a program as ECS does, and says what it took."""
    process.send_signal(signal.SIGTERM)
    return wait(process, began, seconds)


def take_turns(cases: Iterable[str], rounds: int, measure: Callable[[str], Usage]) -> dict[str, list[Usage]]:
    """Measures all cases, one after the other, round after round: what else the machine does falls on all of them."""
    used: dict[str, list[Usage]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case, usages in used.items():
            usages.append(measure(case))
    return used


def cpu(usages: list[Usage]) -> Series:
    return Series([usage.cpu_seconds for usage in usages])


def peak(usages: list[Usage]) -> float:
    """Median of the peaks, in bytes."""
    return statistics.median(usage.peak_bytes for usage in usages)
