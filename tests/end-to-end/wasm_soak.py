"""Feeds a real Fluent Bit with access lines at full speed through the WASM filter, and counts what comes out. By hand:

    .venv/bin/python tests/end-to-end/wasm_soak.py FLUENT_BIT [--minutes 10] [--module dist/shiwake.wasm]

Prints resident memory as it goes on; exits with 1 when a row is missing, or when memory grew after the first tenth of the time.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACCESS_LOG = ROOT / "tests/data/access_apache_combined.log"
# 4.2 says how many there were since the start, 5.1 how many there are in a chunk.
TOTAL = re.compile(rb"\(total = (\d+)\)")
OF_CHUNK = re.compile(rb"\"log_records\":(\d+)")
# Memory that a host may take more at some moment than at another, with as much work.
SLACK_KIB = 8 * 1024


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("fluent_bit", type=Path)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--module", type=Path, default=ROOT / "dist/shiwake.wasm")
    given = arguments.parse_args()
    lines = ACCESS_LOG.read_text(errors="replace").splitlines()
    block = "".join(json.dumps({"log": line}) + "\n" for line in lines).encode() * 4
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "fluent-bit.conf"
        config.write_text(f"""
[SERVICE]
    Flush 0.2
    Grace 10
    Log_Level warn
[INPUT]
    Name stdin
    Tag app
    Buffer_Size 1M
    Mem_Buf_Limit 20M
[FILTER]
    Name wasm
    Match *
    Wasm_Path {given.module.resolve()}
    Function_Name filter_shiwake
[OUTPUT]
    Name counter
    Match *
""")
        process = subprocess.Popen([given.fluent_bit, "-c", config], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        total = [0]

        def count() -> None:
            for line in process.stdout:
                if found := TOTAL.search(line):
                    total[0] = int(found[1])
                elif found := OF_CHUNK.search(line):
                    total[0] += int(found[1])

        reader = threading.Thread(target=count)
        reader.start()
        start, fed, samples = time.monotonic(), 0, []
        while (seconds := time.monotonic() - start) < given.minutes * 60:
            process.stdin.write(block)
            fed += len(lines) * 4
            if not samples or seconds - samples[-1][0] >= given.minutes * 6:
                status = Path(f"/proc/{process.pid}/status").read_text()
                samples.append((seconds, int(re.search(r"VmRSS:\s+(\d+)", status)[1])))
                print(f"{seconds:6.0f} s  {fed:>10} fed  {total[0]:>10} out  {samples[-1][1]:>7} KiB", flush=True)
        process.stdin.close()
        status = process.wait(120)
        reader.join()
    settled = [kib for seconds, kib in samples if seconds >= given.minutes * 6]
    grew = max(settled) - settled[0] if settled else 0
    print(f"exit {status}, {fed} in, {total[0]} out, memory after the first tenth {min(settled)} to {max(settled)} KiB")
    return 0 if status == 0 and fed == total[0] and grew <= SLACK_KIB else 1


if __name__ == "__main__":
    raise SystemExit(main())
