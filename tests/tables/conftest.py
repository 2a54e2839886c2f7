"""Lakes, and AWS' services, that tests share."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path

import boto3
import pytest
from lakes import records, run, write_lake
from moto.server import ThreadedMotoServer

HOURS = 6
BUCKET, REGION = "shiwake-logs", "eu-west-1"


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A lake of some hours, of which each test takes a copy."""
    lake = tmp_path_factory.mktemp("made") / "lake"
    write_lake(lake, records(HOURS, 40))
    return lake


@pytest.fixture
def lake(made, tmp_path) -> Path:
    """A lake with empty tables."""
    lake = tmp_path / "lake"
    shutil.copytree(made, lake)
    run("create", lake)
    return lake


@pytest.fixture
def bucket(monkeypatch):
    """An S3 on this machine, and its address."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    endpoint = f"http://{host}:{port}"
    # Servers of this process share what they know.
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    store = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
    store.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    yield store, endpoint
    server.stop()
