"""A stranger's path, timed: from a clone to a running hybrid pipeline against AWS' APIs on this machine.

    python3 tests/end-to-end/stranger.py

It types what the README says, in a fresh clone with nothing built. Downloads of crates and packages are in what the machine's caches do
not have yet; a Fluent Bit has to be in FLUENT_BIT or on PATH. Beside the minutes that pass it counts those of a processor, which do not
depend on what else a machine does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
# What is typed, and whether it is the build, which is counted by itself: `make hybrid` would do it too.
COMMANDS = [(f"git clone {ROOT} shiwake", False), ("make plugin host", True), ("make hybrid", False)]


def cpu_seconds() -> float:
    """What all that was started and has ended has used of processors."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Types the commands and prints what each took, in seconds that passed and seconds of a processor."""
    environment = {key: value for key, value in os.environ.items() if key not in ("CARGO_TARGET_DIR", "VIRTUAL_ENV")}
    took: list[tuple[str, bool, float, float]] = []
    with TemporaryDirectory() as folder:
        place = Path(folder)
        for command, is_build in COMMANDS:
            print(f"$ {command}", flush=True)
            began, used = time.monotonic(), cpu_seconds()
            status = subprocess.run(command, shell=True, cwd=place, env=environment).returncode
            took.append((command, is_build, time.monotonic() - began, cpu_seconds() - used))
            if status != 0:
                print(f"it ended with status {status}")
                return 1
            place = Path(folder) / "shiwake"
    for command, is_build, seconds, cpu in took:
        print(f"{seconds:7.0f} s  {cpu:7.0f} s of CPU  {command}{'  (build)' if is_build else ''}")
    for what, wanted in (("building", True), ("the rest", False)):
        passed, used = (sum(entry[column] for entry in took if entry[1] == wanted) / 60 for column in (2, 3))
        print(f"{what}: {passed:.1f} minutes, {used:.1f} minutes of CPU")
    print(f"{len(took)} commands on {os.cpu_count()} processors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
