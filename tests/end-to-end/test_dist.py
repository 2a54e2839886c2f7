"""The shared objects for other machines: which system they need, and that the one for another processor works there."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import hosts
from conftest import REAL, name_of
from hosts import DIST, ROOT

GLIBC = (2, 26)
# What a shared object may need of a system: Amazon Linux 2 has all of it.
LIBRARIES = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "ld-linux-x86-64.so.2",
             "ld-linux-aarch64.so.1"}
MACHINES = {"x86_64": "X86-64", "aarch64": "AArch64"}
AARCH64_HOST = ROOT / "target/dist/aarch64-unknown-linux-gnu/debug/shiwake-host"
AARCH64_SYSTEM = "/usr/aarch64-linux-gnu"


def shared_object(machine: str):
    path = DIST / machine / "shiwake.so"
    if not path.exists():
        pytest.skip(f"no {path.relative_to(ROOT)}: `make dist` makes it")
    return path


def readelf(*arguments: str) -> str:
    return subprocess.run(["readelf", "--wide", *arguments], capture_output=True, text=True, check=True).stdout


def glibc_of(path: Path) -> tuple[int, ...]:
    """The newest version of glibc of which it needs something."""
    return max(tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_(\d+\.\d+)", readelf("--version-info", path)))


def names_of_this_machine(path: Path) -> list[str]:
    data = path.read_bytes()
    return [name for name in (str(ROOT), str(Path.home()) + "/", "/.cargo/registry", "/toolchains/") if name.encode() in data]


@pytest.mark.parametrize("machine", MACHINES)
def test_it_loads_where_glibc_is_as_old_as_amazon_linux_2s(machine):
    path = shared_object(machine)
    assert re.search(rf"Machine:.*{MACHINES[machine]}", readelf("--file-header", path))
    assert glibc_of(path) <= GLIBC
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", path)))
    assert needed <= LIBRARIES, needed
    exported = readelf("--dyn-syms", path)
    for name in ["FLBPluginRegister", "FLBPluginInit", "FLBPluginFlushCtx", "FLBPluginExitCtx", "filter_shiwake_plugin", "shiwake_sorter_new"]:
        assert re.search(rf"GLOBAL +DEFAULT +\d+ {name}\b", exported), name


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_of_the_machine_that_made_it_is_in_it(machine):
    assert not names_of_this_machine(shared_object(machine))


@pytest.mark.parametrize("machine", MACHINES)
def test_the_command_loads_there_too_and_names_nothing_of_the_machine_that_made_it(machine):
    path = DIST / machine / "shiwake"
    if not path.exists():
        pytest.skip(f"no {path.relative_to(ROOT)}: `make dist` makes it")
    assert re.search(rf"Machine:.*{MACHINES[machine]}", readelf("--file-header", path))
    assert glibc_of(path) <= GLIBC
    assert not names_of_this_machine(path)


def test_the_checksums_are_those_of_the_files():
    sums = DIST / "SHA256SUMS"
    if not sums.exists():
        pytest.skip("no dist/SHA256SUMS: `make dist` makes it")
    for line in sums.read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((DIST / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_real_hosts_run_the_one_for_their_machine(host, monkeypatch, firelens_records, tmp_path, ask):
    path = shared_object(platform.machine())
    monkeypatch.setattr(hosts, "OUTPUT", path)
    monkeypatch.setattr(hosts, "FILTER", path.with_name("flb-filter_shiwake.so"))
    records, lines = firelens_records
    run = host.run(records, [{"lake": str(tmp_path / "lake"), "store_dir": str(tmp_path / "spool")}])
    assert (run.status, run.ledgers) == (0, [(lines, lines, 0, 0)]), run.log
    assert ask(tmp_path / "lake", "SELECT count(*) FROM lake") == [(lines,)]


def test_the_one_for_aarch64_sorts_and_writes_there(tmp_path, ask):
    path = shared_object("aarch64")
    missing = [what for what in ["qemu-aarch64"] if not shutil.which(what)]
    missing += [str(file) for file in [AARCH64_HOST] if not file.exists()]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: `make dist-test` brings them")
    lines = (ROOT / "tests/data/access_apache_combined.log").read_text().splitlines()[:500]
    records = tmp_path / "records.ndjson"
    records.write_text("".join(json.dumps({"log": line}) + "\n" for line in lines))
    for layout in ["1.9.10", "4.2.8", "5.1.1"]:
        lake = tmp_path / f"lake-{layout}"
        command = ["qemu-aarch64", "-L", AARCH64_SYSTEM, str(AARCH64_HOST), "--layout", layout,
                   "--filter", str(path.with_name("flb-filter_shiwake.so")),
                   "--output", str(path), "--prop", f"lake={lake}", "--prop", f"store_dir={tmp_path}/spool-{layout}",
                   "--prop", "shutdown_timeout=2m", str(records)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        rows = ask(lake, "SELECT count(*), count(DISTINCT remote_addr) > 1, min(status) >= 100 FROM lake WHERE type = 'access'")
        assert rows == [(len(lines), True, True)], done.stderr[-3000:]
