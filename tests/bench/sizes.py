"""What the shared object is made of: bytes of code and constants by crate, from the symbols of the unstripped one.

    python tests/bench/sizes.py [target/release/libshiwake.so]

What the linker put together across crates counts for the one whose generic or function it is; what has no symbol is *the rest*.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Beginnings of C's and assembler's symbols, and whose they are.
C_NAMES = {"ZSTD_": "zstd", "HUF_": "zstd", "FSE_": "zstd", "HIST_": "zstd", "ERR_": "zstd", "XXH": "zstd", "POOL_": "zstd", "COVER_": "zstd",
           "ZDICT_": "zstd", "divsufsort": "zstd", "ring_core": "ring", "shiwake": "shiwake", "FLB": "shiwake"}


def crate_of(symbol: str) -> str:
    """The crate that a demangled symbol is of; of a trait's method the crate of the type."""
    symbol = symbol.lstrip("<&*[( ")
    symbol = re.sub(r"^(mut|dyn|const|unsafe|fn) ", "", symbol)
    if found := re.match(r"([A-Za-z_][A-Za-z0-9_]*)::", symbol):
        return found[1]
    return next((crate for beginning, crate in C_NAMES.items() if symbol.startswith(beginning)), "C, and others")


def by_crate(path: Path) -> Counter[str]:
    """Bytes by crate."""
    listed = subprocess.run(["nm", "--print-size", "--size-sort", "--demangle", str(path)], capture_output=True, text=True, check=True).stdout
    sizes: Counter[str] = Counter()
    for line in listed.splitlines():
        _, size, kind, symbol = line.split(" ", 3)
        if kind.lower() in "trd":
            crate = crate_of(symbol)
            sizes["std" if crate in ("core", "alloc", "std", "compiler_builtins", "hashbrown") else crate] += int(size, 16)
    return sizes


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target/release/libshiwake.so"
    sizes = by_crate(path)
    sections = subprocess.run(["size", "-A", str(path)], capture_output=True, text=True, check=True).stdout
    loaded = sum(int(line.split()[1]) for line in sections.splitlines() if line.split()[:1] and line.split()[0] in
                 (".text", ".rodata", ".data.rel.ro", ".data", ".eh_frame", ".gcc_except_table", ".eh_frame_hdr", ".rela.dyn"))
    for crate, size in sizes.most_common(30):
        print(f"{size / 1e3:9.0f} kB  {crate}")
    print(f"{sum(sizes.values()) / 1e3:9.0f} kB  with symbols, of {loaded / 1e3:.0f} kB that are loaded")
    print(sections)


if __name__ == "__main__":
    main()
