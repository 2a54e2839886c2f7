"""Tables in a Glue catalog, objects that a queue names, and events of Lambda: against AWS' APIs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
from pathlib import Path

import boto3
import lakes
import pytest
from aws import VersionedGlue, runtime_api
from conftest import BUCKET, HOURS, REGION
from lakes import check_table, events, objects, rows_in_footers, run
from moto.glue.responses import GlueResponse
from moto.sqs.models import sqs_backends
from pyiceberg.catalog.glue import GlueCatalog
from race import race

LAKE = f"s3://{BUCKET}/prod"
ACCOUNT = "123456789012"


@pytest.fixture
def glue(monkeypatch) -> VersionedGlue:
    glue = VersionedGlue()
    monkeypatch.setattr(GlueResponse, "update_table", lambda response: glue.update_table(response))
    return glue


class Cloud:
    """A bucket with a lake, a Glue catalog with its tables, and a queue."""

    def __init__(self, store, endpoint: str, glue: VersionedGlue, made: Path) -> None:
        self.store, self.endpoint, self.glue, self.made = store, endpoint, glue, made
        self.options = ("--endpoint", endpoint, "--catalog", "glue", "--catalog-property", f"glue.endpoint={endpoint}")
        self.queues = boto3.client("sqs", endpoint_url=endpoint, region_name=REGION)
        self.queue = self.queues.create_queue(QueueName="lake")["QueueUrl"]

    def put(self, file: Path, name: str | None = None) -> str:
        """Stores a file of the lake that was made; gives its key."""
        key = f"prod/{file.relative_to(self.made)}"
        key = key if name is None else f"{key.rsplit('/', 1)[0]}/{name}"
        self.store.upload_file(str(file), BUCKET, key)
        return key

    def table(self, log_type: str):
        keys = {"access-key-id": "x", "secret-access-key": "y", "region": REGION, "endpoint": self.endpoint}
        properties = {f"{service}.{key}": value for service in ("glue", "s3") for key, value in keys.items()}
        return GlueCatalog("shiwake", **properties).load_table(f"{lakes.NAMESPACE}.{log_type}")

    def check(self, log_type: str, keys: list[str], rows: int) -> int:
        return check_table(self.table(log_type), {f"s3://{BUCKET}/{key}" for key in keys}, rows)

    def send(self, body: dict | str) -> None:
        self.queues.send_message(QueueUrl=self.queue, MessageBody=body if isinstance(body, str) else json.dumps(body))

    def waiting(self) -> tuple[int, int]:
        """Messages that can be had, and those that somebody has had and not removed."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.queues.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def show_again(self) -> None:
        """As if the time had passed for which messages are hidden."""
        for message in sqs_backends[ACCOUNT][REGION].queues["lake"]._messages:
            message.visible_at = 0


@pytest.fixture
def cloud(made, bucket, glue) -> Cloud:
    store, endpoint = bucket
    cloud = Cloud(store, endpoint, glue, made)
    run("create", LAKE, *cloud.options, "--type", "access", "--type", "error")
    return cloud


def of_s3(*keys: str, name: str = "ObjectCreated:Put", bucket: str = BUCKET) -> dict:
    """As S3 tells it: keys are written as in a form."""
    quoted = [urllib.parse.quote_plus(key, safe="/") for key in keys]
    return {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": name,
                         "s3": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}}} for key in quoted]}


def of_bridge(key: str) -> dict:
    return {"version": "0", "source": "aws.s3", "detail-type": "Object Created",
            "detail": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 1}}}


def test_a_glue_catalog_has_the_tables_and_pyiceberg_reads_them(cloud):
    keys = [cloud.put(file) for file in objects(cloud.made, "access")]
    told = run("commit", LAKE, *cloud.options, "--since", "all", "--batch", "2")
    assert events(told, "done")[0]["files"] == HOURS
    assert cloud.check("access", keys, rows_in_footers(objects(cloud.made, "access"))) == HOURS / 2
    assert events(run("commit", LAKE, *cloud.options, "--since", "all"), "done")[0]["files"] == 0
    status = {one["table"]: one for one in run("status", LAKE, *cloud.options, "--since", "all")}
    assert (status["logs.access"]["files"], status["logs.access"]["missing"], status["logs.error"]["files"]) == (HOURS, 0, 0)
    read = cloud.table("access").scan().to_arrow()
    assert read.num_rows == rows_in_footers(objects(cloud.made, "access"))
    shown = boto3.client("glue", endpoint_url=cloud.endpoint, region_name=REGION).get_table(DatabaseName="logs", Name="access")["Table"]
    assert shown["Parameters"]["table_type"] == "ICEBERG" and shown["TableType"] == "EXTERNAL_TABLE"
    assert shown["Parameters"]["previous_metadata_location"] != shown["Parameters"]["metadata_location"]
    columns = {column["Name"]: column["Type"] for column in shown["StorageDescriptor"]["Columns"]}
    assert (columns["time"], columns["status"], columns["attributes"]) == ("timestamp", "int", "map<string,string>")
    assert list(columns) == [field.name for field in cloud.table("access").schema().fields]


def test_what_others_say_of_a_glue_table_stays(cloud):
    glue = boto3.client("glue", endpoint_url=cloud.endpoint, region_name=REGION)
    found = glue.get_table(DatabaseName="logs", Name="access")["Table"]
    glue.update_table(DatabaseName="logs", TableInput={
        "Name": "access", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": found["StorageDescriptor"], "Description": "who asked",
        "Owner": "platform", "Parameters": {**found["Parameters"], "lakeformation": "yes"}})
    cloud.put(objects(cloud.made, "access")[0])
    run("commit", LAKE, *cloud.options, "--since", "all")
    found = glue.get_table(DatabaseName="logs", Name="access")["Table"]
    assert (found["Description"], found["Owner"], found["Parameters"]["lakeformation"]) == ("who asked", "platform", "yes")


def test_two_who_race_for_a_glue_table_and_are_killed_take_in_each_object_once(cloud):
    files = objects(cloud.made, "access")
    keys = [cloud.put(file, f"copy{number}-0000000001.parquet") for number in range(6) for file in files]
    both = race(LAKE, kills=3, batch=2, seed=1, longest_seconds=2.0, more=cloud.options)
    assert [one.refused for one in both] == [[], []]
    assert cloud.check("access", keys, 6 * rows_in_footers(files)) >= len(keys) / 2
    assert cloud.glue.refused > 0, "they never met"


def test_a_queue_names_objects_and_each_goes_in_once(cloud):
    files = objects(cloud.made, "access")
    cloud.store.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [
        {"QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:lake", "Events": ["s3:ObjectCreated:*"]}]})
    first = cloud.put(files[0])
    cloud.store.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    odd, second, third = cloud.put(files[1], "a+b=100%25c%.parquet"), cloud.put(files[2]), cloud.put(files[3])
    error = cloud.put(objects(cloud.made, "error")[0])
    unnamed = cloud.put(files[4])
    assert unnamed
    for body in (of_s3(odd, second), of_s3(second), of_bridge(third), of_bridge(odd), {"Type": "Notification", "Message": json.dumps(of_s3(error))},
                 of_s3("prod/_tables/logs/access/metadata/x.json", "elsewhere/type=access/x"),
                 of_s3("prod/type=access/dt=2026-11-18/hour=00/gone.parquet"),
                 of_s3(first, name="ObjectRemoved:Delete")):
        cloud.send(body)
    told = run("commit", LAKE, *cloud.options, "--queue", cloud.queue)
    assert cloud.check("access", [first, odd, second, third], rows_in_footers(files[:4])) == 1
    assert cloud.check("error", [error], rows_in_footers(objects(cloud.made, "error")[:1])) == 1
    assert (events(told, "done")[0]["files"], events(told, "set_aside"), cloud.waiting()) == (5, [], (0, 0))
    cloud.send(of_s3(first, odd, second))
    assert events(run("commit", LAKE, *cloud.options, "--queue", cloud.queue), "done")[0]["files"] == 0
    assert (cloud.check("access", [first, odd, second, third], rows_in_footers(files[:4])), cloud.waiting()) == (1, (0, 0))


def test_what_cannot_be_understood_or_taken_in_stays_in_the_queue_and_is_named(cloud):
    good = cloud.put(objects(cloud.made, "access")[0])
    torn = good.replace(".parquet", "-torn.parquet")
    cloud.store.put_object(Bucket=BUCKET, Key=torn, Body=b"PAR1")
    for body in ("hello", {"order": 7}, of_s3(good, bucket="another-bucket"), of_s3(torn), of_s3(good)):
        cloud.send(body)
    told = run("commit", LAKE, *cloud.options, "--queue", cloud.queue, expect=1)
    assert cloud.check("access", [good], rows_in_footers(objects(cloud.made, "access")[:1])) == 1
    aside = events(told, "set_aside")
    assert sorted(one["why"] for one in aside) == ["damaged", "message", "message", "message"]
    assert {one.get("object") for one in aside} == {None, torn.removeprefix("prod/")}
    assert any("'another-bucket'" in one["reason"] for one in aside)
    assert cloud.waiting() == (0, 4)


def test_messages_are_removed_behind_the_commit_only(cloud):
    keys = [cloud.put(file) for file in objects(cloud.made, "access")]
    for key in keys:
        cloud.send(of_s3(key))
    cloud.glue.failing = True
    run("commit", LAKE, *cloud.options, "--queue", cloud.queue, expect=2)
    assert cloud.waiting() == (0, HOURS)
    cloud.glue.failing = False
    cloud.show_again()
    run("commit", LAKE, *cloud.options, "--queue", cloud.queue)
    assert cloud.waiting() == (0, 0)
    assert cloud.check("access", keys, rows_in_footers(objects(cloud.made, "access"))) >= 1


def of_queue(number: int, body: dict | str) -> dict:
    """A record of the event that Lambda makes of a message."""
    return {"messageId": f"m{number}", "receiptHandle": "r", "eventSource": "aws:sqs", "body": body if isinstance(body, str) else json.dumps(body)}


def test_a_function_of_lambda_takes_in_what_a_queue_or_a_schedule_asks_for(cloud):
    files = objects(cloud.made, "access")[:2]
    named, listed = cloud.put(files[0]), cloud.put(files[1])
    asked = [{"Records": [of_queue(1, of_s3(named)), of_queue(2, "hello"), of_queue(3, of_bridge(named))]}, {"source": "aws.scheduler"}, {}]
    with runtime_api(asked) as api:
        process = subprocess.run(
            lakes.command("commit", LAKE, *cloud.options, "--since", "all"), capture_output=True, text=True, timeout=120,
            env={**os.environ, "AWS_LAMBDA_RUNTIME_API": api.address})
    assert "410" in process.stderr, "it ends when there is no more event to be had"
    assert [path for path, _ in api.answers] == ["event-0/response", "event-1/response", "event-2/response"]
    first, second, third = (answer for _, answer in api.answers)
    assert first == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    assert (second["files"], second["known"], third["files"]) == (1, 1, 0)
    assert cloud.check("access", [named, listed], rows_in_footers(files)) == 2


def test_a_function_that_cannot_do_its_work_says_so_and_goes_on(cloud):
    keys = [cloud.put(file) for file in objects(cloud.made, "access")[:2]]
    with runtime_api([{"Records": [of_queue(1, of_s3(*keys))]}]) as api:
        cloud.glue.failing = True
        command = lakes.command("commit", LAKE, *cloud.options, "--since", "all")
        environment = {**os.environ, "AWS_LAMBDA_RUNTIME_API": api.address}
        subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        ((path, answer),) = api.answers
        assert path == "event-0/error" and "AccessDeniedException: not today" in answer["errorMessage"]
        cloud.glue.failing = False
        api.events.append({"Records": [of_queue(1, of_s3(*keys))]})
        subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert api.answers[-1] == ("event-1/response", {"batchItemFailures": []})
    assert cloud.check("access", keys, rows_in_footers(objects(cloud.made, "access")[:2])) >= 1
