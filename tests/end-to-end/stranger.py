"""A stranger's path, timed: from a clone to a running hybrid pipeline against AWS' APIs on this machine.

    python3 tests/end-to-end/stranger.py

It types what the README says, in a fresh clone with nothing built. Downloads of crates and packages are in what the machine's caches do
not have yet; a Fluent Bit has to be in FLUENT_BIT or on PATH.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
# What is typed, and whether it is the build, which is counted by itself.
COMMANDS = [(f"git clone {ROOT} shiwake", False), ("make plugin host", True), ("make hybrid", False)]


def main() -> int:
    """Types the commands and prints what each took, in seconds."""
    environment = {key: value for key, value in os.environ.items() if key not in ("CARGO_TARGET_DIR", "VIRTUAL_ENV")}
    took: list[tuple[str, bool, float]] = []
    with TemporaryDirectory() as folder:
        place = Path(folder)
        for command, is_build in COMMANDS:
            print(f"$ {command}", flush=True)
            began = time.monotonic()
            status = subprocess.run(command, shell=True, cwd=place, env=environment).returncode
            took.append((command, is_build, time.monotonic() - began))
            if status != 0:
                print(f"it ended with status {status}")
                return 1
            place = Path(folder) / "shiwake"
    for command, is_build, seconds in took:
        print(f"{seconds:7.0f} s  {command}{'  (build)' if is_build else ''}")
    build = sum(seconds for _, is_build, seconds in took if is_build)
    rest = sum(seconds for _, is_build, seconds in took if not is_build)
    print(f"{len(took)} commands, {build / 60:.1f} minutes of building, {rest / 60:.1f} minutes of the rest")
    return 0


if __name__ == "__main__":
    sys.exit(main())
