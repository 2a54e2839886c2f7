"""What has come where it should: how many records, how many bytes, and how long each took from its time to its object."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow
import pyarrow.parquet


@dataclass
class Arrived:
    """Records of objects or payloads."""

    records: int = 0
    bytes: int = 0
    #: Seconds of those that came while there was still something to come.
    delays: list[float] = field(default_factory=list)

    def add(self, times: list[float], at: float, size: int, until: float) -> None:
        self.records += len(times)
        self.bytes += size
        if at <= until:
            self.delays += [at - time for time in times]

    def delay(self, share: float) -> float | None:
        """The delay that this share of the records did not exceed."""
        ordered = sorted(self.delays)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else None


def in_lake(folder: Path, until: float = 0.0) -> Arrived:
    """Parquet files."""
    found = Arrived()
    for file in folder.rglob("type=*/**/*.parquet"):
        if until:
            micros = pyarrow.parquet.read_table(file, columns=["time"], partitioning=None)["time"].cast(pyarrow.int64()).to_pylist()
            times = [value / 1e6 for value in micros]
        else:
            times = [0.0] * pyarrow.parquet.read_metadata(file).num_rows
        found.add(times, file.stat().st_mtime, file.stat().st_size, until)
    return found


def in_gzip(folder: Path, until: float = 0.0) -> Arrived:
    """Lines of JSON in objects with gzip."""
    found = Arrived()
    for file in (path for path in folder.rglob("*") if path.is_file()):
        lines = gzip.decompress(file.read_bytes()).splitlines()
        times = [json.loads(line)["date"] for line in lines] if until else [0.0] * len(lines)
        found.add(times, file.stat().st_mtime, file.stat().st_size, until)
    return found


def in_intake(folder: Path, until: float = 0.0) -> Arrived:
    """Payloads for Datadog."""
    found = Arrived()
    for file in folder.iterdir():
        body = file.read_bytes()
        if file.suffix == ".gzip":
            body = gzip.decompress(body)
        elif file.suffix == ".zstd":
            body = pyarrow.CompressedInputStream(io.BytesIO(body), "zstd").read()
        times = [entry["timestamp"] / 1e3 for entry in json.loads(body)]
        found.add(times, int(file.stem) / 1e9, file.stat().st_size, until)
    return found
