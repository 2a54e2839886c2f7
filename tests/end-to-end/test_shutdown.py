"""The exit with 100 MB pending: within its budget, audit first, and nothing lost that is in store_dir."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from faulty_s3 import FaultyS3
from hosts import LEDGER, OUTPUT, ROOT

PROGRAMS = ROOT / "target/debug"
PENDING_BYTES = int(os.environ.get("SHIWAKE_PENDING_MB", "100")) * 1_000_000
# Beside the budget, for what is under way: a file that is written, threads that end.
GRACE_SECONDS = 2.0
BYTES_PER_SECOND = 1_500_000
SEED = 20
BUDGETS = [2, 5, 30] if os.environ.get("SHIWAKE_LONG") else [2, 5]
LOST = re.compile(r"(\d+) records \(([^)]*)\) could not be written within \S+ of shutdown_timeout and are lost")
KEPT = re.compile(r"(\d+) records \(([^)]*)\) could not be written within [^;]*; they stay in '")


@pytest.fixture
def server(tmp_path):
    server = FaultyS3(tmp_path / "s3").start()
    yield server
    server.shutdown()


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def exit_seconds(folder: Path, server: FaultyS3, properties: dict[str, str], *options: str, fate: str | None,
                 bytes_per_second: int = BYTES_PER_SECOND) -> float:
    """Runs a feeder while the lake takes nothing, and then measures its exit while the lake is as `fate` says."""
    command = [str(PROGRAMS / "shiwake-feeder"), "--plugin", str(OUTPUT), "--seed", str(SEED), *options,
               "--notes", str(folder / "notes"), "--log", str(folder / "plugin.log")]
    every = {"lake": "s3://logs/prod", "endpoint": server.endpoint, "region": "eu-west-1", "upload_timeout": "1h"}
    for name, value in (every | properties).items():
        command += ["--prop", f"{name}={value}"]
    server.fate, server.bytes_per_second = "503 SlowDown", bytes_per_second
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    began = None
    for line in process.stdout:
        if line == "stopping\n":
            server.puts.clear()
            server.fate, began = fate, time.monotonic()
        if line == "exited\n":
            break
    took = time.monotonic() - began
    assert process.wait(10) == 0
    return took


def rows(server: FaultyS3) -> dict[str, int]:
    """Rows in the lake, a type each."""
    found: Counter[str] = Counter()
    root = server.folder / "logs/prod"
    for file in root.rglob("*.parquet"):
        found[file.relative_to(root).parts[0].removeprefix("type=")] += pq.ParquetFile(file).metadata.num_rows
    return found


def accepted(log: str) -> dict[str, int]:
    """What the plugin took, a type each, by its line at the last exit."""
    line = [line for line in log.splitlines() if "ledger at exit" in line][-1]
    words = dict(re.findall(r"(\w+)=(\d+)", line))
    types = ("audit", "error", "activity", "access", "quarantine", "app", "trace")
    return {name: int(words.get(name, 0)) for name in types}


def assert_audit_is_first(server: FaultyS3, log: str) -> None:
    stored = [put["key"].split("/")[2].removeprefix("type=") for put in server.puts if put["fate"] == "stored"]
    assert stored and stored[0] == "audit", stored
    others = [place for place, name in enumerate(stored) if name != "audit"]
    audits = [place for place, name in enumerate(stored) if name == "audit"]
    assert not others or max(audits) < min(others), stored
    assert rows(server)["audit"] == accepted(log)["audit"]


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("fate", [None, "hang"], ids=["slow lake", "hanging lake"])
def test_the_exit_keeps_its_budget_and_what_is_left_comes_at_the_next_start(fate, budget, server, tmp_path):
    properties = {"store_dir": str(tmp_path / "spool"), "shutdown_timeout": f"{budget}s"}
    took = exit_seconds(tmp_path, server, properties, "--most-bytes", str(PENDING_BYTES), fate=fate)
    log = (tmp_path / "plugin.log").read_text()
    print(f"budget {budget} s: exit took {took:.2f} s, {LEDGER.findall(log)[-1]}")
    assert took <= budget + GRACE_SECONDS, log[-2_000:]
    came_in, written, quarantined, pending = map(int, LEDGER.findall(log)[-1])
    assert came_in == written + quarantined + pending
    if fate is None:
        assert_audit_is_first(server, log)
    if pending:
        assert int(KEPT.findall(log)[-1][0]) == pending, log[-2_000:]
    exit_seconds(tmp_path, server, properties | {"shutdown_timeout": "300s"}, "--new-chunks", "1", fate=None,
                 bytes_per_second=0)
    judged = subprocess.run([str(PROGRAMS / "shiwake-crash"), "--judge", "--folder", str(tmp_path), "--seed", str(SEED),
                             "--lake", str(server.folder / "logs/prod")], capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("fate", [None, "hang"], ids=["slow lake", "hanging lake"])
def test_without_store_dir_the_exit_says_what_is_lost_and_the_sums_are_those_of_the_lake(fate, budget, server, tmp_path):
    properties = {"memory_limit": "300M", "shutdown_timeout": f"{budget}s"}
    took = exit_seconds(tmp_path, server, properties, "--most-bytes", str(PENDING_BYTES), fate=fate)
    at_exit = rows(server)
    log = (tmp_path / "plugin.log").read_text()
    print(f"budget {budget} s: exit took {took:.2f} s, {LEDGER.findall(log)[-1]}")
    assert took <= budget + GRACE_SECONDS, log[-2_000:]
    came_in, written, quarantined, pending = map(int, LEDGER.findall(log)[-1])
    assert came_in == written + quarantined + pending == sum(accepted(log).values())
    lost = sum(int(number) for number, _ in LOST.findall(log))
    assert lost == pending, log[-2_000:]
    assert sum(at_exit.values()) == written + quarantined, (at_exit, log[-2_000:])
    if fate is None:
        assert_audit_is_first(server, log)
