"""What the tests share."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).parent))

from firelens import write_records  # noqa: E402
from hosts import FILTER, OUTPUT, ROOT, fluent_bits, harness_hosts  # noqa: E402


def pytest_sessionstart(session):
    """Without the shared object there is nothing to test."""
    missing = [path for path in (FILTER, OUTPUT, ROOT / "target/debug/shiwake-host", ROOT / "target/debug/shiwake-generate") if not path.exists()]
    if missing:
        raise pytest.UsageError(f"missing: {', '.join(map(str, missing))}; run 'make plugin host' first")


BUCKET = "shiwake-logs"
NO_FLUENT_BIT = "no Fluent Bit: set FLUENT_BIT to paths of binaries, separated by colons"
REAL = fluent_bits() or [pytest.param(None, marks=pytest.mark.skip(reason=NO_FLUENT_BIT))]
ALL = [*harness_hosts(), *REAL]


def name_of(host) -> str:
    """How a host is shown in the name of a test."""
    return host.name if host else "real"


@pytest.fixture(scope="session")
def firelens_records(tmp_path_factory):
    """A file with the sample lines as FireLens records, and how many they are."""
    path = tmp_path_factory.mktemp("records") / "records.ndjson"
    return path, write_records(path)


@pytest.fixture
def ask():
    """Asks DuckDB about a lake, which is called `lake` in the question."""

    def ask_lake(lake, question: str):
        database = duckdb.connect()
        database.execute(f"CREATE VIEW lake AS SELECT * FROM read_parquet('{lake}/type=*/**/*.parquet', "
                         "hive_partitioning = true, union_by_name = true)")
        return database.execute(question).fetchall()

    return ask_lake


@pytest.fixture
def account():
    """What `shiwake ledger` says about a lake: its exit status and its report."""

    def account_of(lake) -> tuple[int, dict]:
        command = [str(ROOT / "target/debug/shiwake"), "ledger", str(lake), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}

    return account_of


@pytest.fixture(scope="session")
def endpoint():
    """An AWS API server on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(endpoint, monkeypatch):
    """Speaks to it, with an empty bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-testing-key")
    monkeypatch.delenv("AWS_REGION", raising=False)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-1")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page.get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)
