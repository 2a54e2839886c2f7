"""The lakes that all engines read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lakes import GENERATED_RECORDS, GENERATOR, LOGS, RULES, SHIWAKE, encodings_of, shiwake, write_requests


def pytest_sessionstart(session):
    """Without the programs there is nothing to test."""
    missing = [path for path in (SHIWAKE, GENERATOR) if not path.exists()]
    if missing:
        raise pytest.UsageError(f"missing: {', '.join(map(str, missing))}; run 'make host' first")


@pytest.fixture(scope="session")
def rules(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(RULES)
    return path


@pytest.fixture(scope="session")
def written(tmp_path_factory, rules) -> Path:
    """A lake of real lines and many requests, by `shiwake run`; a quote in its path has to be quoted."""
    folder = tmp_path_factory.mktemp("it's")
    write_requests(folder / "requests.ndjson")
    lake = folder / "lake"
    shiwake("run", *LOGS, folder / "requests.ndjson", "--lake", lake, "--rules", rules)
    return lake


@pytest.fixture(scope="session")
def generated(tmp_path_factory) -> Path:
    """A lake of records of all types with values of all kinds, many of which fit no column."""
    folder = tmp_path_factory.mktemp("generated")
    command = [str(GENERATOR), "--records", str(GENERATED_RECORDS), "--seed", "9", str(folder / "lake"), str(folder / "sent.msgpack")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder / "lake"


@pytest.fixture(scope="session", params=["written", "generated"])
def lake(request) -> Path:
    """Both, one after the other. What engines are said to lack is in them."""
    found = request.getfixturevalue(request.param)
    assert encodings_of(found) >= {"DELTA_LENGTH_BYTE_ARRAY", "DELTA_BINARY_PACKED", "RLE_DICTIONARY", "PLAIN"}
    return found
