"""`make hybrid`: fluent-bit-conf/hybrid.conf in a real Fluent Bit, against AWS' APIs on this machine."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
from moto.server import ThreadedMotoServer

import docker
from conf_run import REGION, TAG, counts_of, firelens_main, for_this_machine, has_sent, rows_of
from confs import FOLDER
from firelens import fresh_records
from hosts import fluent_bits, stop, wait_until
from stand_ins import SecureAws, free_address, free_port, make_certificate
from test_fluent_bit import start

BUCKET = "my-logs"
GROUP = "/ecs/shop"
OUTPUTS = ["cloudwatch_logs", "shiwake"]


def main() -> int:
    """Runs it; the exit status says whether every record came to both."""
    found = fluent_bits(search_path=True)
    if not found:
        print("no Fluent Bit: set FLUENT_BIT to the path of one, or put it on PATH (1.9.10, 4.2 or 5.1)")
        return 2
    host, address = found[-1], free_address()
    if address is None:
        print("Fluent Bit speaks to CloudWatch on port 443, which only root may open: run it as root")
        return 2
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    api = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    api.start()
    endpoint = "http://{}:{}".format(*api.get_host_and_port())
    with TemporaryDirectory() as folder:
        status = run(host, address, endpoint, Path(folder))
    api.stop()
    return status


def run(host, address: str, endpoint: str, folder: Path) -> int:
    """Runs the pipeline with files in a folder."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION,
                   "LAKE": f"s3://{BUCKET}/prod", "STORE_DIR": str(folder / "spool"), "LOG_GROUP": GROUP,
                   "LOGS_ENDPOINT": address, "AWS_ENDPOINT_URL_S3": endpoint}

    def speak(service):
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION)

    speak("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    speak("logs").create_log_group(logGroupName=GROUP)
    certificate = make_certificate(folder, address)
    secure = SecureAws(address, certificate)
    forward, http, log = free_port(), free_port(), folder / "log"
    conf = for_this_machine(FOLDER / "hybrid.conf", folder, certificate, forward, http)
    process = start(host, firelens_main(conf, folder, forward), log)
    records = fresh_records(every=10)
    try:
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"], "Fluent Bit runs", seconds=30)
        print(f"== {host.name} runs hybrid.conf as FireLens includes it")
        docker.send(forward, [docker.message(TAG, int(time.time()), record) for record in records])
        wait_until(lambda: process.poll() is not None or has_sent(counts_of(http), OUTPUTS, len(records)), "the records are out")
        status = stop(process)
    finally:
        process.kill()
        secure.stop()
    pages = speak("logs").get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    events = sum(len(page["events"]) for page in pages)
    rows = Counter(row["type"] for row in rows_of(speak("s3"), folder, BUCKET))
    print(f"== {len(records)} log lines sent by Docker's protocol")
    print(f"== CloudWatch Logs {GROUP}: {events} events")
    print(f"== s3://{BUCKET}/prod: {rows.total()} rows:", ", ".join(f"{name} {count}" for name, count in rows.most_common()))
    if status != 0 or events != len(records) or rows.total() != len(records):
        print(log.read_text(errors="replace"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
