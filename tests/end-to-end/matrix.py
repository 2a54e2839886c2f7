"""`make matrix`: every sample line through every real Fluent Bit, in every way in which it can be set up, into a lake.

Each run reads the samples by `tail`, sorts them by the native filter or by the one in WebAssembly, writes a lake, and is stopped by SIGTERM
when the output has taken all of them. Then every row of the lake is looked at: each record exactly once, whole, and of the type that
people have given its line. The results stand in docs/compatibility.md.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import yaml

from conf_run import TAG, counts_of
from firelens import CONTAINERS, DATA, record
from hosts import DIST, ROOT, Host, Run, fluent_bits, stop, wait_until
from stand_ins import free_port
from test_fluent_bit import start
from test_wasm import has_wasm

DOCUMENT = ROOT / "docs/compatibility.md"
MARKS = ("<!-- matrix -->\n", "<!-- /matrix -->")
WASM = DIST / "shiwake.wasm"
WORKERS = (0, 1, 4)
STORAGES = ("memory", "filesystem")
FILTERS = ("native", "WebAssembly")
FORMATS = ("classic", "YAML")
# 1.9 reads another YAML, which nothing later does.
YAML_SINCE = (2, 0, 0)
AT_ONCE = 2
BESIDE = "sorted.ndjson"
# Labelled lines for which docs/accuracy.md says that the rules are wrong: the same everywhere, and no more.
KNOWN_WRONG = {"formats/exception_lines.log": 31, "audit_auth.log": 2}
# The host's time is that of the run, and a filter in WebAssembly cannot give it the line's (docs/wasm.md).
OF_THE_RUN = {"time"}


@dataclass(frozen=True)
class Sample:
    """A line of the samples, as the record that a host reads."""

    name: str
    fields: dict
    line: str | None

    @property
    def record(self) -> dict:
        return self.fields | {"sample": self.name}


@dataclass(frozen=True)
class Setup:
    """One way to set a host up."""

    filter: str
    format: str
    storage: str
    workers: int

    def is_there(self, host: Host) -> bool:
        """Whether the host can be set up like this."""
        return ((self.format == "classic" or host.version >= YAML_SINCE) and (self.filter == "native" or has_wasm(host)))


SETUPS = [Setup(*each) for each in product(FILTERS, FORMATS, STORAGES, WORKERS)]


def samples() -> list[Sample]:
    """All lines of tests/data. What is a JSON object is the record; other lines are under `log`, as FireLens has them."""
    found = []
    for path in sorted([*DATA.glob("*.log"), *DATA.glob("*.ndjson"), *DATA.glob("formats/*.log"), *DATA.glob("formats/*.ndjson")]):
        name = str(path.relative_to(DATA))
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if not line:
                continue
            if path.suffix == ".ndjson":
                fields, kept = json.loads(line), None
            else:
                fields = record(line, *CONTAINERS.get(path.name, ("web", "shop:7")))
                # Lines of the large files are no JSON and no logfmt: they stay as they are.
                kept = line if path.parent == DATA else None
            found.append(Sample(f"{name}:{number}", fields, kept))
    return found


def labels() -> dict[str, str]:
    """The types that people have given to lines, by the samples' names."""
    found = {}
    for path in sorted((DATA / "labels").glob("*.tsv")):
        name = path.name.removesuffix(".tsv").replace("formats_", "formats/", 1)
        for row in path.read_text(encoding="utf-8").splitlines():
            if not row.startswith("#"):
                number, log_type, _ = row.split("\t", 2)
                found[f"{name}:{number}"] = log_type
    return found


def sections(setup: Setup, records: Path, folder: Path, http: int) -> dict[str, list[dict]]:
    """The configuration, as both formats have it."""
    service = {"flush": "0.5", "grace": "10", "log_level": "info", "parsers_file": str(folder / "parsers.conf"), "http_server": "on",
               "http_listen": "127.0.0.1", "http_port": str(http), "storage.path": str(folder / "storage")}
    tail = {"name": "tail", "path": str(records), "db": str(folder / "tail.db"), "read_from_head": "on", "parser": "whole", "tag": TAG,
            "buffer_max_size": "4M", "storage.type": setup.storage}
    native = {"name": "shiwake", "match": "*"}
    module = {"name": "wasm", "match": "*", "wasm_path": str(WASM), "function_name": "filter_shiwake"}
    output = {"name": "shiwake", "match": "*", "lake": str(folder / "lake"), "store_dir": str(folder / "spool"), "shutdown_timeout": "60s",
              "workers": str(setup.workers), "retry_limit": "no_limits"}
    # What the filter has made of the records: the output would sort what no filter has, and nobody would see it.
    beside = {"name": "file", "match": "*", "path": str(folder), "file": BESIDE, "format": "plain"}
    filter_ = native if setup.filter == "native" else module
    return {"service": [service], "inputs": [tail], "filters": [filter_], "outputs": [output, beside]}


def write_config(setup: Setup, records: Path, folder: Path, http: int) -> Path:
    """The configuration as a file."""
    (folder / "parsers.conf").write_text("[PARSER]\n    Name whole\n    Format json\n")
    whole = sections(setup, records, folder, http)
    path = folder / ("fluent-bit.conf" if setup.format == "classic" else "fluent-bit.yaml")
    if setup.format == "YAML":
        pipeline = {kind: entries for kind, entries in whole.items() if kind != "service"}
        path.write_text(yaml.safe_dump({"service": whole["service"][0], "pipeline": pipeline}))
        return path
    names = {"service": "SERVICE", "inputs": "INPUT", "filters": "FILTER", "outputs": "OUTPUT"}
    path.write_text("\n".join(f"[{names[kind]}]\n" + "\n".join(f"    {key} {value}" for key, value in entry.items())
                              for kind, entries in whole.items() for entry in entries) + "\n")
    return path


def run(host: Host, setup: Setup, records: Path, count: int, folder: Path) -> Run:
    """Runs a host until its output has taken all records, and stops it."""
    http, log = free_port(), folder / "log"
    process = start(host, write_config(setup, records, folder, http), log)
    try:
        wait_until(lambda: process.poll() is not None or counts_of(http)["output"].get("shiwake", 0) >= count, "all is taken", seconds=120)
        status = stop(process)
    except AssertionError as late:
        process.kill()
        return Run(process.wait(), f"{late}\n{log.read_text(errors='replace')}")
    finally:
        process.kill()
    return Run(status, log.read_text(errors="replace"))


def rows_of(lake: Path) -> list[dict]:
    """All rows of a lake, with their types and the overflow as a dictionary."""
    rows = []
    for path in sorted(lake.glob("type=*/**/*.parquet")):
        log_type = path.relative_to(lake).parts[0].removeprefix("type=")
        rows += [row | {"type": log_type, "attributes": dict(row["attributes"])} for row in pq.read_table(path, partitioning=None).to_pylist()]
    return rows


def content_of(row: dict) -> dict:
    """What of a row has to be the same wherever it was made."""
    return {key: value for key, value in row.items() if key not in OF_THE_RUN and value is not None}


def faults_of(run: Run, folder: Path, given: list[Sample], labelled: dict[str, str], reference: dict[str, dict]) -> list[str]:
    """What is wrong with a run and its lake. The first lake becomes the reference of those that follow."""
    faults = [] if run.status == 0 else [f"exit status {run.status}"]
    if run.ledgers != [(len(given), len(given), 0, 0)]:
        faults.append(f"ledger {run.ledgers}")
    rows = rows_of(folder / "lake")
    times = Counter(row["attributes"].get("sample") for row in rows)
    expected = {sample.name for sample in given}
    faults += [f"{len(expected - times.keys())} records are missing"] if expected - times.keys() else []
    faults += [f"rows that nobody sent: {sorted(map(str, times.keys() - expected))[:3]}"] if times.keys() - expected else []
    faults += [f"{name} is there {count} times" for name, count in times.items() if count != 1][:3]
    by_name = {row["attributes"].get("sample"): row for row in rows}
    changed = [sample.name for sample in given if sample.line is not None and by_name.get(sample.name, {}).get("message") != sample.line]
    faults += [f"{len(changed)} lines are not what they were, as {changed[0]}"] if changed else []
    wrong = Counter(name.rsplit(":", 1)[0] for name, log_type in labelled.items() if by_name.get(name, {}).get("type") != log_type)
    faults += [f"types: {wrong} are wrong, known are {KNOWN_WRONG}"] if wrong != Counter(KNOWN_WRONG) else []
    contents = {name: content_of(row) for name, row in by_name.items()}
    if not reference and not faults:
        reference.update(contents)
    other = [name for name, content in contents.items() if reference and content != reference.get(name)]
    if other:
        ours, theirs = contents[other[0]], reference.get(other[0], {})
        keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
        faults.append(f"{len(other)} rows differ from those of the first run, as {other[0]} in {keys}: "
                      f"{[(ours.get(key), theirs.get(key)) for key in keys]!s:.300}")
    left = [str(path) for path in (folder / "storage").rglob("*.flb")]
    faults += [f"chunks are left: {left[:3]}"] if left else []
    return faults


def faults_of_filter(folder: Path, reference: dict[str, dict]) -> list[str]:
    """Whether the filter itself has given each record its type."""
    entries = [json.loads(line) for line in (folder / BESIDE).read_text(errors="replace").splitlines()]
    sorted_ = Counter(entry["sample"] for entry in entries if entry.get("log_type") == reference[entry["sample"]]["type"])
    return [] if sorted_ == Counter(reference.keys()) else [f"the filter has sorted {sorted_.total()} records"]


class Matrix:
    """Runs setups over the same samples and collects what they did."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.samples, self.labels = folder, samples(), labels()
        self.records = folder / "records.ndjson"
        self.records.write_text("".join(json.dumps(sample.record) + "\n" for sample in self.samples))
        self.reference: dict[str, dict] = {}

    def judge(self, host: Host, setup: Setup) -> list[str]:
        """Runs one setup; what is wrong with it."""
        with TemporaryDirectory(dir=self.folder) as folder:
            done = run(host, setup, self.records, len(self.samples), Path(folder))
            faults = faults_of(done, Path(folder), self.samples, self.labels, self.reference)
            faults += [] if faults else faults_of_filter(Path(folder), self.reference)
        if faults:
            print("\n".join([f"== {host.name} {setup}", *faults, *done.log.splitlines()[-30:]]), flush=True)
        return faults


def table_of(hosts: list[Host], results: dict[tuple[str, Setup], list[str]], count: int) -> str:
    """The results as a table: a row for each group of setups that differ in workers alone."""
    rows = ["| Fluent Bit | filter | configuration | `storage.type` | " + " | ".join(f"`Workers {number}`" for number in WORKERS) + " |",
            "|" + "---|" * (4 + len(WORKERS))]
    for host in hosts:
        for filter_, format_, storage in product(FILTERS, FORMATS, STORAGES):
            setups = [Setup(filter_, format_, storage, number) for number in WORKERS]
            if not setups[0].is_there(host):
                continue
            cells = [f"{count:,} of {count:,}" if not results[host.name, setup] else "; ".join(results[host.name, setup]) for setup in setups]
            rows.append(f"| {host.name.removeprefix('Fluent Bit v')} | {filter_} | {format_} | {storage} | " + " | ".join(cells) + " |")
        if not has_wasm(host):
            rows.append(f"| {host.name.removeprefix('Fluent Bit v')} | WebAssembly | | | no such filter | | |")
        if host.version < YAML_SINCE:
            rows.append(f"| {host.name.removeprefix('Fluent Bit v')} | | YAML | | reads another YAML | | |")
    return "\n".join(rows) + "\n"


def write_document(text: str) -> None:
    """Puts the results into the document."""
    before, rest = DOCUMENT.read_text().split(MARKS[0])
    _, after = rest.split(MARKS[1])
    DOCUMENT.write_text(before + MARKS[0] + text + MARKS[1] + after)


def main() -> int:
    """Runs all of it; the exit status says whether all went well."""
    hosts = fluent_bits()
    if not hosts:
        print("no Fluent Bit: set FLUENT_BIT to paths of binaries, separated by colons")
        return 2
    if not WASM.exists():
        print(f"{WASM.relative_to(ROOT)} is not there: run 'make wasm'")
        return 2
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        matrix = Matrix(Path(folder))
        work = [(host, setup) for host in hosts for setup in SETUPS if setup.is_there(host)]
        # The first run alone: the others are compared with it.
        results = {(work[0][0].name, work[0][1]): matrix.judge(*work[0])}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results |= zip([(host.name, setup) for host, setup in work[1:]], pool.map(lambda each: matrix.judge(*each), work[1:]))
    types = Counter(row["type"] for row in matrix.reference.values())
    failed = sum(bool(faults) for faults in results.values())
    summary = (f"{len(results)} runs, {failed} of them with faults, of {len(matrix.samples):,} records each "
               f"({', '.join(f'{name} {number:,}' for name, number in types.most_common())}), of which {len(matrix.labels):,} have "
               f"labels; {datetime.now(timezone.utc):%Y-%m-%d}, in {time.monotonic() - began:.0f} s.")
    write_document(f"\n{summary}\n\n{table_of(hosts, results, len(matrix.samples))}\n")
    print(summary)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
