"""One committer takes in a lake undisturbed; then two race on it for another table, and each is killed with SIGKILL again and again.
Both tables are compared with the lake.

    .venv-tables/bin/python tests/tables/race.py --objects 10000 --kills 50
"""

from __future__ import annotations

import argparse
import math
import os
import random
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import lakes

TYPE = "access"
# The table of the one who is not disturbed, and objects of a commit, which is what the command takes by itself.
ALONE = ("--namespace", "undisturbed")
UNDISTURBED_BATCH = 1_000


@dataclass
class Committer:
    """One of those who race."""

    lake: Path | str
    batch: int
    more: tuple[str, ...] = ()
    kills: int = 0
    wasted: int = 0
    peak_kb: int = 0
    cpu_seconds: float = 0.0
    process: subprocess.Popen | None = None
    until: float = 0.0
    refused: list[str] = field(default_factory=list)

    def start(self, until: float = math.inf) -> None:
        said = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            lakes.command("commit", self.lake, "--since", "all", "--type", TYPE, "--batch", str(self.batch), *self.more),
            stdout=subprocess.DEVNULL, stderr=said)
        self.said, self.until = said, until

    def look(self) -> bool:
        """Whether it has ended by itself."""
        self.peak_kb = max(self.peak_kb, peak_kb(self.process.pid))
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if pid == 0:
            return False
        self.ended(status, usage)
        return True

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.ended(status, usage)

    def ended(self, status: int, usage) -> None:
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        if self.process.returncode == -signal.SIGKILL:
            self.kills += 1
        elif self.process.returncode != 0:
            self.said.seek(0)
            self.refused.append(self.said.read().decode())
        self.said.close()


def peak_kb(pid: int) -> int:
    """The most memory that a process had at a time; what the system says behind its end counts that of its parent too."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM:")), 0)


def alone(lake: Path | str, batch: int, more: tuple[str, ...] = ()) -> Committer:
    """Lets one take in everything."""
    one = Committer(lake, batch, more)
    one.start()
    while not one.look():
        time.sleep(0.005)
    assert one.process.returncode == 0, one.refused
    return one


def race(lake: Path | str, kills: int, batch: int, seed: int, longest_seconds: float, more: tuple[str, ...] = ()) -> tuple[Committer, Committer]:
    """Races until each was killed so often while it worked, and then to the end."""
    chance = random.Random(seed)
    both = Committer(lake, batch, more), Committer(lake, batch, more)
    for one in both:
        one.start(time.monotonic() + chance.uniform(0, longest_seconds))
    running = set(range(2))
    while running:
        for number in list(running):
            one = both[number]
            if one.look():
                # It has found nothing to do: it is started again for as long as it has not been killed often enough.
                if one.kills >= kills:
                    running.remove(number)
                    continue
                one.wasted += 1
            elif one.kills < kills and time.monotonic() >= one.until:
                one.kill()
            else:
                continue
            one.start(time.monotonic() + chance.uniform(0, longest_seconds))
        # How often it is looked has no part in what comes out.
        time.sleep(0.005)
    return both


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--objects", type=int, default=10_000)
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--batch", type=int, default=100, help="objects of a commit of those who race")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--longest", type=float, default=2.0, help="seconds that a committer lives at most until it is killed")
    options.add_argument("--lake", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake = chosen.lake or Path(folder) / "lake"
        lakes.write_lake(lake, lakes.records(48, 50))
        lakes.multiply(lake, TYPE, chosen.objects)
        count = len(lakes.objects(lake, TYPE))
        lakes.run("create", lake, *ALONE)
        begun = time.monotonic()
        one = alone(lake, UNDISTURBED_BATCH, ALONE)
        seconds = time.monotonic() - begun
        print(f"{count} objects undisturbed: {seconds:.1f} s, {count / seconds:.0f}/s, {one.cpu_seconds:.1f} s of CPU, "
              f"{count / one.cpu_seconds:.0f} a second of CPU, peak {one.peak_kb / 1024:.0f} MiB", flush=True)
        lakes.check_adds_up(lake, TYPE, ALONE[1])
        lakes.run("create", lake)
        print(f"{count} objects raced for, seed {chosen.seed}", flush=True)
        begun = time.monotonic()
        both = race(lake, chosen.kills, chosen.batch, chosen.seed, chosen.longest)
        seconds = time.monotonic() - begun
        for one in both:
            print(f"killed {one.kills} times, ended by itself {one.wasted + 1} times, peak {one.peak_kb / 1024:.0f} MiB, "
                  f"{one.cpu_seconds:.1f} s of CPU, refused: {one.refused}")
        states = lakes.check_adds_up(lake, TYPE)
        print(f"{seconds:.0f} s; each object once, rows add up, {states} snapshots readable")


if __name__ == "__main__":
    main()
