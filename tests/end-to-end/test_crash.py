"""A real Fluent Bit that is killed again and again while a file is written to: every line is in the lake once."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from pathlib import Path

import pytest

from conftest import REAL, name_of
from hosts import FILTER, OUTPUT, stop, wait_until
from test_fluent_bit import tail_has_read

KILLS = int(os.environ.get("SHIWAKE_KILLS", "5"))
SEED = int(os.environ.get("SHIWAKE_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
LINES_PER_SECOND = 4_000
LEVELS = ["INFO", "ERROR", "DEBUG", "TRACE"]
# The tail's database has the offset of what was read, also when it ends in the middle of a line: the host loses the head of
# a line that it has half read when it is killed. So lines have one length, of which a read is a multiple.
LINE_BYTES = 128
READ_BYTES = 256 * LINE_BYTES


def write_config(folder: Path, durability: str) -> Path:
    config = folder / "fluent-bit.conf"
    config.write_text(f"""
[SERVICE]
    Flush 0.1
    Grace 30
    storage.path {folder}/storage
    storage.sync normal
[INPUT]
    Name tail
    Path {folder}/app.log
    DB {folder}/tail.db
    Read_from_Head on
    Refresh_Interval 1
    Tag app
    Key log
    Buffer_Chunk_Size {READ_BYTES + 1}
    Buffer_Max_Size {READ_BYTES + 1}
    storage.type filesystem
[FILTER]
    Name shiwake
    Match *
[OUTPUT]
    Name shiwake
    Match *
    Retry_Limit no_limits
    lake {folder}/lake
    store_dir {folder}/spool
    durability {durability}
    total_file_size 100k
    upload_timeout 1s
    shutdown_timeout 60s
""")
    return config


class Writer:
    """Appends lines with a number each, until it is stopped."""

    def __init__(self, path: Path):
        self.path, self.lines, self.is_done = path, 0, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        chance = random.Random(SEED)
        with self.path.open("ab", buffering=0) as out:
            while not self.is_done.is_set():
                numbers = range(self.lines, self.lines + LINES_PER_SECOND // 50)
                lines = [f"{chance.choice(LEVELS)} line {number} ".ljust(LINE_BYTES - 1, "x") + "\n" for number in numbers]
                out.write("".join(lines).encode())
                self.lines += len(lines)
                self.is_done.wait(0.02)

    def __enter__(self) -> Writer:
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.is_done.set()
        self.thread.join()


def start(host, config: Path, log: Path) -> subprocess.Popen:
    """A Fluent Bit of which nothing outlives the kill."""
    command = [str(host.binary), "-e", str(FILTER), "-e", str(OUTPUT), "-c", str(config)]
    return subprocess.Popen(command, stdout=log.open("ab"), stderr=subprocess.STDOUT)


def chunks_left(folder: Path) -> list[Path]:
    """The host's chunks, without those that it was killed while making: they hold nothing, and it never removes them."""
    return [path for path in (folder / "storage").rglob("*.flb") if any(path.read_bytes())]


@pytest.mark.parametrize("durability", ["flush", "fsync"])
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_a_host_that_is_killed_again_and_again_loses_and_doubles_no_line(host, durability, tmp_path, ask):
    print(f"seed {SEED}, {KILLS} kills")
    chance, log = random.Random(SEED), tmp_path / "log"
    config = write_config(tmp_path, durability)
    (tmp_path / "app.log").touch()
    with Writer(tmp_path / "app.log") as writer:
        for _ in range(KILLS):
            starts = log.read_text(errors="replace").count("writes to") if log.exists() else 0
            process = start(host, config, log)
            wait_until(lambda: log.read_text(errors="replace").count("writes to") > starts, "the plugin has started")
            # Any moment will do; nothing is waited for.
            time.sleep(chance.uniform(0.0, 1.5))
            process.kill()
            assert process.wait(30) == -9, log.read_text(errors="replace")[-5_000:]
        process = start(host, config, log)
    try:
        wait_until(lambda: tail_has_read(tmp_path), "the file is read", 120)
        wait_until(lambda: not chunks_left(tmp_path), "all chunks are handed over", 120)
    finally:
        status = stop(process, 120)
    text = log.read_text(errors="replace")
    assert status == 0, text[-5_000:]
    rows, different, events = ask(tmp_path / "lake", """
        SELECT count(*), count(DISTINCT line), count(DISTINCT (line, time_us)) FROM (
            SELECT regexp_extract(message, 'line ([0-9]+) ', 1) AS line, epoch_us(time) AS time_us FROM lake)""")[0]
    # A tail that is killed between handing lines on and noting how far it has read reads them again, and gives them the
    # time of that: two events for the output.
    print(f"{writer.lines} lines, {rows} rows, {events - different} lines read twice by the host")
    assert (rows, different) == (events, writer.lines), text[-5_000:]
    assert "internal error" not in text and "cannot be used" not in text
    assert not list((tmp_path / "spool").rglob("*.segment"))
