"""What the WASM filter costs a real Fluent Bit in CPU time, beside what any WASM filter costs there. By hand:

    .venv/bin/python tests/end-to-end/wasm_cpu.py FLUENT_BIT [--rounds 3] [--lines 600000] [--module dist/shiwake.wasm]

Access lines from tail to null: without a filter, with a module that gives back what it got, with one whose every answer is the same
sorted record, and with ours; user and system time of the process, and how much more that is than without a filter.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
from itertools import chain, cycle, islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ACCESS_LOG = ROOT / "tests/data/access_apache_combined.log"
#: A record of the sample's mean length as the filter answers it.
LINE = ('198.51.100.77 - - [18/May/2015:04:05:06 +0000] "GET /images/web/2009/banner.png?size=large HTTP/1.1" 200 52315 '
        '"http://www.example.com/style2.css" "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:27.0) Gecko/20100101 Firefox/27.0 x"')
SORTED = {"log": LINE, "remote_addr": "198.51.100.77", "method": "GET", "path": "/images/web/2009/banner.png", "query": "size=large",
          "protocol": "HTTP/1.1", "status": 200, "bytes": 52315, "referer": "http://www.example.com/style2.css",
          "user_agent": LINE.rsplit('"', 2)[1], "log_type": "access", "severity": "info"}
#: Where the modules here have their answer, and the memory that they give out.
ANSWER, ROOM = 1024, 65_536


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("fluent_bit", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--lines", type=int, default=600_000)
    arguments.add_argument("--module", type=Path, default=ROOT / "dist/shiwake.wasm")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = ACCESS_LOG.read_text(errors="replace").splitlines()
        (folder / "lines.log").write_text("".join(line + "\n" for line in islice(cycle(known), given.lines)))
        (folder / "echo.wasm").write_bytes(module(bytes([0x20, 4])))
        (folder / "fixed.wasm").write_bytes(module(b"\x41" + signed(ANSWER)))
        filters = {"none": None, "echo": folder / "echo.wasm", "fixed answer": folder / "fixed.wasm", "shiwake": given.module.resolve()}
        for _ in range(given.rounds):
            seconds = {name: cpu_seconds(given.fluent_bit, folder, filter_) for name, filter_ in filters.items()}
            print("   ".join(f"{name} {of:.2f} (+{of - seconds['none']:.2f})" for name, of in seconds.items()), flush=True)


def cpu_seconds(fluent_bit: Path, folder: Path, filter_: Path | None) -> float:
    """User and system time of a Fluent Bit that reads all lines."""
    section = f"[FILTER]\n    Name wasm\n    Match *\n    Wasm_Path {filter_}\n    Function_Name filter_shiwake\n" if filter_ else ""
    config = folder / "fluent-bit.conf"
    config.write_text(f"""
[SERVICE]
    Flush 1
    Grace 1
    Log_Level error
[INPUT]
    Name tail
    Tag t
    Path {folder}/lines.log
    Read_from_Head on
    Exit_On_Eof on
{section}[OUTPUT]
    Name null
    Match *
""")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([fluent_bit, "-c", config], capture_output=True, text=True, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or "error" in done.stderr:
        raise SystemExit(done.stderr)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def module(answer: bytes) -> bytes:
    """A filter whose answer is what these instructions leave, with a `malloc` that gives out memory anew for each call.

    https://webassembly.github.io/spec/core/binary/modules.html
    """
    i32 = 0x7f
    types = [bytes([0x60, count, *[i32] * count, len(results), *results]) for count, results in [(1, [i32]), (1, []), (6, [i32])]]
    exports = [text(name) + bytes([kind, at]) for name, kind, at in
               [("memory", 2, 0), ("malloc", 0, 0), ("free", 0, 1), ("filter_shiwake", 0, 2)]]
    malloc = bytes([0x23, 0, 0x23, 0, 0x20, 0, 0x6a, 0x41, 7, 0x6a, 0x41, 0x78, 0x71, 0x24, 0])
    bodies = [malloc, b"", b"\x41" + signed(ROOM) + b"\x24\x00" + answer]
    data = json.dumps(SORTED, separators=(",", ":")).encode() + b"\0"
    sections = {
        1: listed(types), 3: listed([bytes([at]) for at in range(3)]), 5: listed([bytes([0, 4])]),
        6: listed([bytes([i32, 1, 0x41]) + signed(ROOM) + b"\x0b"]), 7: listed(exports),
        10: listed([sized(b"\0" + body + b"\x0b") for body in bodies]),
        11: listed([b"\0\x41" + signed(ANSWER) + b"\x0b" + sized(data)]),
    }
    return b"\0asm\1\0\0\0" + bytes(chain.from_iterable(bytes([at]) + sized(section) for at, section in sections.items()))


def unsigned(number: int) -> bytes:
    low, rest = number & 0x7f, number >> 7
    return bytes([low | 0x80]) + unsigned(rest) if rest else bytes([low])


def signed(number: int) -> bytes:
    low, rest = number & 0x7f, number >> 7
    return bytes([low]) if rest == 0 and low < 0x40 else bytes([low | 0x80]) + signed(rest)


def sized(content: bytes) -> bytes:
    return unsigned(len(content)) + content


def text(name: str) -> bytes:
    return sized(name.encode())


def listed(items: list[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


if __name__ == "__main__":
    main()
