"""A configuration that ships, run in a Fluent Bit on this machine: what FireLens writes around it, what came in, what came out."""

from __future__ import annotations

import http.client
import json
import re
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq

from conftest import BUCKET
from fake_intake import Intake
from stand_ins import Taker, free_port

REGION = "eu-west-1"
# How outputs of the plugin are called in the configurations.
OWN = ["shiwake", "lake", "datadog"]
TAG = "app-firelens-0a1b2c"
# Outputs that speak TLS to what stands in for their destination.
SECURE = ["cloudwatch_logs", "kinesis_firehose", "kinesis_streams", "opensearch"]


def firelens_main(conf: Path, folder: Path, port: int) -> Path:
    """The configuration that FireLens writes around one of the user's."""
    main = folder / "fluent-bit.conf"
    main.write_text(f"""
[INPUT]
    Name tcp
    Listen 127.0.0.1
    Port {free_port()}
    Tag firelens-healthcheck
[INPUT]
    Name forward
    Listen 127.0.0.1
    Port {port}
@INCLUDE {conf}
[OUTPUT]
    Name null
    Match firelens-healthcheck
""")
    return main


def for_this_machine(conf: Path, folder: Path, certificate: Path, forward: int, http: int, intake: int = 0) -> Path:
    """A copy of a configuration that listens where nobody else does, and knows who has signed the stand-ins' certificate, and
    where Datadog's stand-in is.

    By itself Fluent Bit looks for authorities in fixed folders of the system only.
    """
    text = re.sub(r"(?i)(http_port:?\s+)2020", rf"\g<1>{http}", conf.read_text())
    assert str(http) in text, "it opens no port for health checks"
    for name in SECURE:
        text = text.replace(f"- name: {name}\n", f"- name: {name}\n      tls.ca_file: {certificate}\n")
        text = re.sub(rf"(    Name +{name}\n)", rf"\g<1>    tls.ca_file {certificate}\n", text)
    text = text.replace("      datadog: on\n", f"      datadog: on\n      dd_url: http://127.0.0.1:{intake}\n")
    text = re.sub(r"(    datadog +on\n)", rf"\g<1>    dd_url http://127.0.0.1:{intake}\n", text)
    copy = folder / conf.name
    text = re.sub(r"(?i)( port:?\s+)24224", rf"\g<1>{forward}", text)
    copy.write_text(text.replace("listen: 0.0.0.0", "listen: 127.0.0.1"))
    return copy


def counts_of(port: int) -> dict[str, dict[str, int]]:
    """What the host has counted, of its inputs and outputs by the plugins' names or aliases."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/metrics", timeout=5) as answer:
            metrics = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException):
        # Not there yet; and 1.9 has been seen to write bytes of a TLS connection into this one.
        return {"input": {}, "output": {}}
    return {"input": {name.split(".")[0]: counts["records"] for name, counts in metrics["input"].items()},
            "output": {name.split(".")[0]: counts["proc_records"] for name, counts in metrics["output"].items()}}


def has_sent(counts: dict[str, dict[str, int]], outputs: list[str], records: int) -> bool:
    """Whether all records came in and each output has sent what it had."""
    return (counts["input"].get("forward") == records and all(counts["output"].get(name, 0) > 0 for name in outputs)
            and all(counts["output"].get(name, records) == records for name in OWN))


def rows_of(lake, folder: Path, bucket: str = BUCKET) -> list[dict]:
    """All rows of the lake in a bucket, with the key's type."""
    rows = []
    for number, entry in enumerate(lake.list_objects_v2(Bucket=bucket, Prefix="prod/type=").get("Contents", [])):
        path = folder / f"{number}.parquet"
        lake.download_file(bucket, entry["Key"], str(path))
        rows += [row | {"type": entry["Key"].split("/")[1].removeprefix("type=")}
                 for row in pq.read_table(path, partitioning=None).to_pylist()]
    return rows


class Arrived:
    """What has come where, by the destination's name."""

    def __init__(self, aws, taker: Taker, intake: Intake, folder: Path) -> None:
        self.aws, self.taker, self.intake, self.folder = aws, taker, intake, folder

    def cloudwatch_logs(self) -> list[dict]:
        logs = self.aws("logs")
        streams = logs.describe_log_streams(logGroupName="/ecs/shop")["logStreams"]
        assert all(stream["logStreamName"].split("/")[1].startswith(("app-firelens-", "sidecar-firelens-")) for stream in streams)
        pages = (logs.get_paginator("filter_log_events").paginate(logGroupName="/ecs/shop"))
        return [json.loads(event["message"]) for page in pages for event in page["events"]]

    def kinesis_firehose(self) -> list[dict]:
        s3, found = self.aws("s3"), []
        for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix="firehose/").get("Contents", []):
            text = s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read().decode()
            found += [json.loads(line) for line in text.splitlines()]
        return found

    def kinesis_streams(self) -> list[dict]:
        kinesis, found = self.aws("kinesis"), []
        for shard in kinesis.describe_stream(StreamName="audit")["StreamDescription"]["Shards"]:
            place = kinesis.get_shard_iterator(StreamName="audit", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
            found += [json.loads(record["Data"]) for record in
                      kinesis.get_records(ShardIterator=place["ShardIterator"], Limit=10_000)["Records"]]
        return found

    def datadog(self) -> list[dict]:
        assert self.intake.violations == []
        return self.intake.samples

    def opensearch(self) -> list[dict]:
        assert all("AWS4-HMAC-SHA256" in taken.headers["authorization"] for taken in self.taker.taken)
        lines = [json.loads(line) for taken in self.taker.taken for line in taken.body.splitlines()]
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            # Bulk actions: `create` in some versions, `index` in others.
            (target,) = action.values()
            assert target["_index"].startswith(document["log_type"] + "-"), action
        return lines[1::2]

    def shiwake(self) -> list[dict]:
        return rows_of(self.aws("s3"), self.folder)

    lake = shiwake
