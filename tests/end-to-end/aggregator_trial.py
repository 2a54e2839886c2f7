"""Sidecars forward to aggregators behind a balancer, with the configurations that ship, while both are killed; every line is counted.

    FLUENT_BIT=/path/to/fluent-bit .venv/bin/python tests/end-to-end/aggregator_trial.py --sidecars 20 --aggregators 2 --seconds 600

Each sidecar tails a file that grows, so that what it was killed over is read again: a record that FireLens hands to a router which
dies before it is in a file is nobody's, and says nothing of forwarding.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb

from balancer import Balancer, wait_until_listening
from hosts import FILTER, OUTPUT, ROOT, Host, fluent_bits, stop, wait_until
from stand_ins import free_port

FOLDER = ROOT / "fluent-bit-conf"
KEY = "a-key-for-this-trial"
LINES = (
    '10.0.{side}.7 - - [{day}] "GET /orders/{number}?n={side}-{number} HTTP/1.1" 200 512 "-" "curl/8.0" n={side}-{number};',
    'ERROR payment of order {number} failed: card expired n={side}-{number};',
    'user {number} looked at page n={side}-{number};',
)
MARK = re.compile(r"n=(\d+)-(\d+);")


@dataclass
class Process:
    """A Fluent Bit that is started again after it was killed."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    kills: int = 0
    running: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.running = subprocess.Popen(self.command, env=self.environment, stdout=sink, stderr=subprocess.STDOUT)

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()
        self.kills += 1


@dataclass
class Outcome:
    """What was sent, what of it is in the lake, and why some of it is there twice."""

    seed: int
    seconds: float
    sidecars: int
    aggregators: int
    lines: int = 0
    rows: int = 0
    lost: int = 0
    sidecar_kills: int = 0
    aggregator_kills: int = 0
    connections: int = 0
    # The same record, forwarded twice: its acknowledgement was lost. Found by record_id alone.
    forwarded_twice: int = 0
    # The same line, read twice: the sidecar died between the line and its place in the file. Two records, with two ids.
    read_twice: int = 0
    # Numbers below a stream's last one that are nowhere: a record that got an id and was lost on the way.
    missing_numbers: int = 0
    streams: int = 0
    quarantined: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Nothing is lost, and what is there twice is explained."""
        explained = self.lines + self.forwarded_twice + self.read_twice
        return not (self.lost or self.missing_numbers or self.quarantined or self.faults) and self.rows == explained


class Trial:
    """The processes, in a folder."""

    def __init__(self, host: Host, folder: Path, sidecars: int, aggregators: int, seed: int) -> None:
        self.host, self.folder, self.chance = host, folder, random.Random(seed)
        self.lake = folder / "lake"
        self.lake.mkdir()
        ports = [free_port() for _ in range(aggregators)]
        self.aggregators = [self._aggregator(number, port) for number, port in enumerate(ports)]
        for aggregator, port in zip(self.aggregators, ports, strict=True):
            aggregator.start()
            wait_until_listening(port, "an aggregator")
        self.balancer = Balancer(ports, self.chance)
        self.sidecars = [self._sidecar(number) for number in range(sidecars)]
        self.written = [0] * sidecars
        self.is_over = threading.Event()

    def _process(self, name: str, config: Path, environment: dict[str, str]) -> Process:
        command = [str(self.host.binary), "-e", str(FILTER), "-e", str(OUTPUT), "-c", str(config)]
        paths = {"STORAGE_PATH": str(self.folder / name / "chunks"), "STORE_DIR": str(self.folder / name / "spool"),
                 "LAKE": str(self.lake), "AGGREGATOR_HOST": "127.0.0.1", "AGGREGATOR_KEY": KEY, "PATH": "/usr/bin:/bin"}
        return Process(command, paths | environment, self.folder / name / "log")

    def _copy(self, conf: str, folder: Path, changes: dict[str, str]) -> Path:
        """A copy of a configuration that ships, for this machine."""
        text = (FOLDER / conf).read_text()
        for pattern, value in changes.items():
            text, count = re.subn(pattern, value, text)
            assert count == 1, (conf, pattern)
        copy = folder / conf
        copy.write_text(text)
        return copy

    def _aggregator(self, number: int, port: int) -> Process:
        name = f"aggregator-{number}"
        (self.folder / name).mkdir()
        # Objects by age too, so that commits are among what is killed.
        conf = self._copy("aggregator.conf", self.folder / name, {
            r"(?m)^(    Port +)24224": rf"\g<1>{port}", r"2020": str(free_port()),
            r"(    total_file_size +128M)": r"\g<1>\n    upload_timeout          7s"})
        return self._process(name, conf, {})

    def _sidecar(self, number: int) -> Process:
        name = f"sidecar-{number}"
        folder = self.folder / name
        folder.mkdir()
        conf = self._copy("to-aggregator.conf", folder, {
            r"(?m)^(    Port +)24224": rf"\g<1>{self.balancer.port}", r"2020": str(free_port())})
        main = folder / "main.conf"
        main.write_text(f"""
[INPUT]
    Name tail
    Path {folder}/app.log
    DB {folder}/tail.db
    Read_from_Head on
    Refresh_Interval 1
    Tag app-firelens-{number}
    Key log
@INCLUDE {conf}
""")
        (folder / "app.log").touch()
        return self._process(name, main, {})

    def write(self, rate: float) -> None:
        """Lines for every sidecar, so many a second each, until the trial is over."""
        files = [(self.folder / f"sidecar-{number}" / "app.log").open("a") for number in range(len(self.sidecars))]
        begun = time.monotonic()
        while not self.is_over.is_set():
            due = int((time.monotonic() - begun) * rate)
            day = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
            for side, file in enumerate(files):
                for number in range(self.written[side], due):
                    file.write(LINES[number % len(LINES)].format(side=side, number=number, day=day) + "\n")
                self.written[side] = max(self.written[side], due)
                file.flush()
            self.is_over.wait(0.1)

    def disturb(self, seconds: float, pause: float) -> None:
        """Kills one process after another, on either side, and starts it again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.is_over.wait(self.chance.uniform(0.2, 2 * pause))
            victim = self.chance.choice(self.chance.choice([self.sidecars, self.aggregators]))
            victim.kill()
            self.is_over.wait(self.chance.uniform(0, 1))
            victim.start()

    def is_sent(self, number: int) -> bool:
        """Whether a sidecar has read all of its file, and nothing of it waits for an acknowledgement."""
        folder = self.folder / f"sidecar-{number}"
        try:
            with sqlite3.connect(f"file:{folder}/tail.db?mode=ro", uri=True, timeout=5) as database:
                offset = database.execute("SELECT max(offset) FROM in_tail_files").fetchone()[0]
        except sqlite3.Error:
            return False
        return offset == (folder / "app.log").stat().st_size and not list(folder.glob("chunks/**/*.flb"))

    def finish(self) -> None:
        """Lets what waits go its way, and stops everything as ECS would."""
        for number in range(len(self.sidecars)):
            wait_until(lambda number=number: self.is_sent(number), f"sidecar {number} has sent everything", seconds=240)
        for sidecar in self.sidecars:
            assert stop(sidecar.running, 120) == 0, sidecar.log
        for aggregator in self.aggregators:
            folder = aggregator.log.parent
            wait_until(lambda folder=folder: not list(folder.glob("chunks/**/*.flb")), "the aggregator's chunks are taken")
            assert stop(aggregator.running, 150) == 0, aggregator.log
        self.balancer.stop()

    def abandon(self) -> None:
        self.is_over.set()
        for process in [*self.sidecars, *self.aggregators]:
            if process.running and process.running.poll() is None:
                process.running.kill()
                process.running.wait()

    def count(self, outcome: Outcome) -> None:
        """Asks the lake."""
        database = duckdb.connect()
        database.execute(f"CREATE VIEW lake AS SELECT regexp_extract(message, '{MARK.pattern}', 0) AS line, record_id, hostname, tag "
                         f"FROM read_parquet('{self.lake}/type=*/**/*.parquet', union_by_name = true)")

        def one(question: str) -> int:
            return int(database.execute(question).fetchone()[0] or 0)

        outcome.lines = sum(self.written)
        outcome.rows = one("SELECT count(*) FROM lake")
        found = {line for (line,) in database.execute("SELECT DISTINCT line FROM lake").fetchall()}
        sent = {f"n={side}-{number};" for side, count in enumerate(self.written) for number in range(count)}
        outcome.lost = len(sent - found)
        if found - sent:
            outcome.faults.append(f"lines that nobody wrote: {sorted(found - sent)[:3]}")
        if one("SELECT count(*) FROM lake WHERE record_id IS NULL"):
            outcome.faults.append("records without an id")
        if one("SELECT count(*) FROM (SELECT record_id FROM lake GROUP BY 1 HAVING count(DISTINCT line) > 1)"):
            outcome.faults.append("two records have one id")
        outcome.forwarded_twice = one("SELECT count(*) - count(DISTINCT record_id) FROM lake")
        outcome.read_twice = one("SELECT count(DISTINCT record_id) - count(DISTINCT line) FROM lake")
        outcome.streams = one("SELECT count(DISTINCT split_part(record_id, '-', 1)) FROM lake")
        outcome.missing_numbers = one(
            "SELECT sum(last + 1 - numbers) FROM (SELECT max(split_part(record_id, '-', 2)::BIGINT) AS last, "
            "count(DISTINCT record_id) AS numbers FROM lake GROUP BY split_part(record_id, '-', 1))")
        outcome.quarantined = len(list(self.lake.glob("quarantine/**/*.*")))
        outcome.sidecar_kills = sum(process.kills for process in self.sidecars)
        outcome.aggregator_kills = sum(process.kills for process in self.aggregators)
        outcome.connections = self.balancer.connections
        for process in [*self.sidecars, *self.aggregators]:
            log = process.log.read_text(errors="replace")
            if KEY in log:
                outcome.faults.append(f"{process.log} holds the key")


def run(host: Host, folder: Path, sidecars: int, aggregators: int, seconds: float, rate: float, pause: float, seed: int) -> Outcome:
    """One trial; the seed chooses whom it hits and when, as far as a machine's own timing lets it."""
    outcome = Outcome(seed, seconds, sidecars, aggregators)
    trial = Trial(host, folder, sidecars, aggregators, seed)
    try:
        for sidecar in trial.sidecars:
            sidecar.start()
        writer = threading.Thread(target=trial.write, args=(rate,))
        writer.start()
        trial.disturb(seconds, pause)
        trial.is_over.set()
        writer.join()
        trial.finish()
        trial.count(outcome)
    finally:
        trial.abandon()
    return outcome


def main() -> int:
    """Runs a trial as the command line asks for it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sidecars", type=int, default=20)
    arguments.add_argument("--aggregators", type=int, default=2)
    arguments.add_argument("--seconds", type=float, default=600, help="how long processes are killed")
    arguments.add_argument("--rate", type=float, default=50, help="lines a second of each sidecar")
    arguments.add_argument("--pause", type=float, default=1.5, help="seconds between kills, on average")
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments.add_argument("--keep", type=Path, help="a folder for lake and logs, which stays")
    given = arguments.parse_args()
    hosts = fluent_bits()
    if not hosts:
        raise SystemExit("no Fluent Bit: set FLUENT_BIT to the path of one")
    print(f"seed {given.seed}, {hosts[0].name}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        outcome = run(hosts[0], folder, given.sidecars, given.aggregators, given.seconds, given.rate, given.pause, given.seed)
    print(json.dumps(asdict(outcome), indent=1))
    return 0 if outcome.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
