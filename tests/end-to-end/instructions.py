"""Instructions that the shared object takes for a record, counted by valgrind's callgrind: they do not depend on how busy a machine is.

`python instructions.py --write` measures and keeps the numbers in tests/data/instructions.json.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from hosts import FILTER, OUTPUT, ROOT

KEPT = ROOT / "tests/data/instructions.json"
DATA = ROOT / "tests/data"
HOST = ROOT / "target/debug/shiwake-host"
RECORDS = 1_000
# Each record is a second later than the one before, all in one hour.
BEGIN = 1_789_999_200
# All records in one file that is written at the end, however long it takes to get there.
ONE_FILE = {"total_file_size": "64M", "upload_timeout": "1h", "shutdown_timeout": "5m"}
TASK = {
    "ecs_cluster": "shop", "ecs_task_arn": "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef0123456789abcdef",
    "ecs_task_definition": "web:42", "container_id": "0123456789abcdef0123456789abcdef-1234567890", "container_name": "/web",
    "source": "stdout",
}


@dataclass(frozen=True)
class Case:
    """Records of one kind on one way."""

    lines: str
    filter: dict[str, str] | None = None
    output: dict[str, str] | None = None
    extra: dict[str, str] = field(default_factory=dict)
    rules: int = 0
    #: Whether each line is a record, as JSON, and not the text in one.
    are_records: bool = False


CASES = {
    "filter: access lines": Case("access_apache_combined.log", filter={}),
    "filter: lines of a logger": Case("app_kafka_server.log", filter={}),
    "filter: authentication lines": Case("audit_auth.log", filter={}),
    "filter: JSON lines": Case("formats/json.ndjson", filter={}),
    "filter: nothing to add": Case("access_apache_combined.log", filter={}, extra={"log_type": "access", "remote_addr": "::1"}),
    "filter: access lines, 50 rules": Case("access_apache_combined.log", filter={}, rules=50),
    "filter: access lines of a task, with tags": Case("access_apache_combined.log", filter={"dd_service": "shop", "dd_tags": "team:web"},
                                                      extra=TASK),
    "filter: structured records": Case("structured/shop.ndjson", filter={}, are_records=True),
    "output: access lines": Case("access_apache_combined.log", output=ONE_FILE),
    "output: access lines, spool": Case("access_apache_combined.log", output={**ONE_FILE, "store_dir": "spool"}),
    "output: lines of a logger": Case("app_kafka_server.log", output=ONE_FILE),
    "output: structured records": Case("structured/shop.ndjson", output=ONE_FILE, are_records=True),
}


def rules_of(count: int) -> str:
    """Rules of each kind that match nothing of what is measured."""
    kinds = [
        "match = 'payment {0} (failed|refused)'", "match = 'order-{0}[a-f0-9]{{8}}'", "match = 'user=\\d+ tenant=t{0}\\b'",
        "when = {{ field = 'path', prefix = '/internal/{0}/' }}", "when.tag = 'team{0}-*'",
    ]
    return "".join(f"[[rule]]\nname = 'r{number}'\ntype = 'activity'\n{kinds[number % len(kinds)].format(number)}\n"
                   for number in range(count))


def records_of(case: Case, count: int) -> Iterator[dict]:
    """Records as a host would have them."""
    lines = [line for line in (DATA / case.lines).read_text(errors="replace").splitlines() if line]
    for number, line in enumerate(islice(cycle(lines), count)):
        record = json.loads(line) if case.are_records else {"log": line}
        yield {"@time": BEGIN + number, **record, **case.extra}


def instructions_in_ours(profile: Path) -> int:
    """What callgrind counted in the shared object itself, without what it calls elsewhere.

    https://valgrind.org/docs/manual/cl-format.html
    """
    names: dict[str, str] = {}
    total, is_ours, is_of_call = 0, False, False
    for line in profile.read_text(errors="replace").splitlines():
        if line.startswith("ob="):
            number, _, name = line[3:].partition(" ")
            name = names.setdefault(number, name) if name else names[number]
            is_ours = Path(name).name in (FILTER.name, OUTPUT.name)
        elif line.startswith("cob="):
            number, _, name = line[4:].partition(" ")
            if name:
                names[number] = name
        elif line.startswith("calls="):
            is_of_call = True
        elif re.match(r"[0-9+*-]", line):
            if is_ours and not is_of_call:
                total += int(line.split()[-1])
            is_of_call = False
    return total


def count(case: Case, records: int, folder: Path) -> int:
    """Instructions of the shared object for so many records and all around them."""
    folder.mkdir()
    lines = folder / "records.ndjson"
    lines.write_text("".join(json.dumps(record) + "\n" for record in records_of(case, records)))
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/profile", str(HOST), "--chunk-bytes", "65536"]
    if case.filter is not None:
        command += ["--filter", str(FILTER), *(word for pair in case.filter.items() for word in ("--filter-prop", "=".join(pair)))]
        if case.rules:
            (folder / "rules.toml").write_text(rules_of(case.rules))
            command += ["--filter-prop", f"rules={folder}/rules.toml"]
    if case.output is not None:
        properties = {"lake": str(folder / "lake"), **case.output}
        if "store_dir" in properties:
            properties["store_dir"] = str(folder / properties["store_dir"])
        command += ["--output", str(OUTPUT), *(word for pair in properties.items() for word in ("--prop", "=".join(pair)))]
    done = subprocess.run([*command, str(lines)], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return instructions_in_ours(folder / "profile")


def measure(case: Case) -> float:
    """Instructions for one more record: what twice as many take beyond once as many."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as both:
        once, twice = both.map(lambda times: count(case, RECORDS * times, Path(folder, str(times))), (1, 2))
    return (twice - once) / RECORDS


def missing() -> str | None:
    """Why nothing can be counted here."""
    return None if shutil.which("valgrind") else "no valgrind (apt-get install valgrind)"


if __name__ == "__main__":
    if reason := missing():
        sys.exit(reason)
    rounds = 3 if "--rounds" in sys.argv else 1
    measured = {name: [round(measure(case)) for _ in range(rounds)] for name, case in CASES.items()}
    for name, counts in measured.items():
        print(f"{name:45} {counts}")
    if "--write" in sys.argv:
        compiler = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
        KEPT.write_text(json.dumps({"compiler": compiler, "instructions_per_record": {name: max(counts) for name, counts in measured.items()}},
                                   indent=2) + "\n")
