"""hyparquet reads the lake: a reader written anew in JavaScript, of which no line comes from another reader here."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakes import files_of, types_of

HERE = Path(__file__).parent
NEEDED = [("no node", shutil.which("node") is not None),
          ("hyparquet is not installed: make engines-test", (HERE / "node_modules/hyparquet").exists())]
MISSING = next((why for why, is_there in NEEDED if not is_there), None)
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


def is_same(found, value) -> bool:
    """Whether text is a value that pyarrow gave."""
    if isinstance(value, float):
        return float(found) == value and math.copysign(1, float(found)) == math.copysign(1, value)
    if isinstance(value, list):
        return dict(found) == dict(value) and len(found) == len(value)
    if isinstance(value, bytes):
        return found == value.hex()
    return found == (str(value).lower() if isinstance(value, bool) else None if value is None else str(value))


def test_every_row_of_every_type_is_as_pyarrow_reads_it(lake):
    rows = 0
    for log_type in types_of(lake):
        files = files_of(lake, log_type)
        with subprocess.Popen(["node", str(HERE / "read.mjs"), *map(str, files)], stdout=subprocess.PIPE) as node:
            for file in files:
                table = pq.read_table(file, partitioning=None)
                table = table.set_column(0, "time", table["time"].cast(pa.int64()))
                for row in table.to_pylist():
                    found = json.loads(node.stdout.readline())
                    assert found.keys() == row.keys()
                    wrong = [name for name, value in row.items() if not is_same(found[name], value)]
                    assert not wrong, (file, [(name, found[name], row[name]) for name in wrong])
                    rows += 1
            assert node.stdout.read() == b""
        assert node.returncode == 0
    assert rows >= 20_000
