"""A REST catalog and an S3 on this machine, which check signatures: SeaweedFS, whose one program pip brings."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import boto3
from botocore.config import Config

PROGRAM = Path(sys.executable).parent / "weed"
KEY, SECRET, REGION = "committer", "not-a-secret-of-anybody", "eu-west-1"
TABLE_BUCKET = "tables"
# What it serves, and that it serves for machines of its own 10,000 ports above.
SERVICES = ("master", "volume", "filer", "s3", "s3.port.iceberg", "admin")
OWN_PORTS_ABOVE = 10_000
READY_SECONDS = 60


class Seaweed:
    """Where it is, and how it is asked."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.s3 = f"http://127.0.0.1:{ports['s3']}"
        self.catalog = f"http://127.0.0.1:{ports['s3.port.iceberg']}"

    def client(self, service: str):
        return boto3.client(service, endpoint_url=self.s3, region_name=REGION, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            config=Config(retries={"total_max_attempts": 1}))

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.catalog}/v1/config", timeout=5):
                pass
            self.client("s3").list_buckets()
            return True
        except Exception:  # noqa: BLE001 Whatever it is, it is not ready.
            return False


def free_ports() -> dict[str, int]:
    """Ports that nobody has now, for each service and its twin."""
    chance, ports = random.SystemRandom(), {}
    while len(ports) < len(SERVICES):
        port = chance.randrange(20_000, 50_000)
        if port not in ports.values() and is_free(port) and is_free(port + OWN_PORTS_ABOVE):
            ports[SERVICES[len(ports)]] = port
    return ports


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


@contextmanager
def seaweed(folder: Path):
    """Starts it, with one user and one table bucket."""
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(json.dumps({"identities": [{
        "name": "committer", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin", "Read", "List", "Tagging", "Write"]}]}))
    ports = free_ports()
    arguments = [f"-{name if '.' in name else f'{name}.port'}={port}" for name, port in ports.items()]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "mini", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false",
             "-master.telemetry=false", "-s3.port.lance=0", f"-s3.config={folder / 's3.json'}", *arguments],
            stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        found, until = Seaweed(ports), time.monotonic() + READY_SECONDS
        while not found.is_ready():
            assert process.poll() is None and time.monotonic() < until, (folder / "weed.log").read_text()[-2000:]
            time.sleep(0.1)
        found.client("s3tables").create_table_bucket(name=TABLE_BUCKET)
        yield found
    finally:
        process.kill()
        process.wait()
