"""Tables in REST catalogs, by a token and by AWS' signatures, and in a table bucket: against a server that checks both."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import lakes
import pytest
from conftest import BUCKET, HOURS
from lakes import check_table, events, objects, rows_in_footers, run
from pyiceberg.catalog.rest import RestCatalog
from race import race
from seaweed import KEY, REGION, SECRET, TABLE_BUCKET, Seaweed, seaweed

ARN = f"arn:aws:s3tables:{REGION}:123456789012:bucket/{TABLE_BUCKET}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with seaweed(tmp_path_factory.mktemp("seaweed")) as found:
        found.client("s3").create_bucket(Bucket=BUCKET)
        yield found


class Cloud:
    """A lake of one test in the bucket, and what its tables are called."""

    def __init__(self, server: Seaweed, made: Path, name: str) -> None:
        self.server, self.made, self.name = server, made, name
        self.lake = f"s3://{BUCKET}/{name}"
        here = ("--endpoint", server.s3, "--namespace", name, "--catalog")
        warehouse = ("--catalog-property", f"warehouse=s3://{TABLE_BUCKET}")
        self.by_token = (*here, f"rest:{server.catalog}", *warehouse, "--catalog-property", f"credential={KEY}:{SECRET}")
        signing = ("rest.sigv4-enabled=true", "rest.signing-name=s3tables", f"rest.signing-region={REGION}")
        self.by_signature = (*here, f"rest:{server.catalog}", *warehouse, *(word for one in signing for word in ("--catalog-property", one)))
        self.table_bucket = (*here, f"s3tables:{ARN}", "--catalog-property", f"uri={server.catalog}")

    def put(self, file: Path, name: str | None = None) -> str:
        """Stores a file of the lake that was made; gives its key below the lake."""
        key = str(file.relative_to(self.made))
        key = key if name is None else f"{key.rsplit('/', 1)[0]}/{name}"
        self.server.client("s3").upload_file(str(file), BUCKET, f"{self.name}/{key}")
        return key

    def table(self, log_type: str):
        catalog = RestCatalog("shiwake", uri=self.server.catalog, warehouse=f"s3://{TABLE_BUCKET}", **{
            "rest.sigv4-enabled": "true", "rest.signing-name": "s3tables", "rest.signing-region": REGION, "s3.endpoint": self.server.s3,
            "s3.region": REGION, "s3.access-key-id": KEY, "s3.secret-access-key": SECRET})
        return catalog.load_table(f"{self.name}.{log_type}")


@pytest.fixture
def cloud(server, made, request, monkeypatch) -> Cloud:
    for name, value in {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    return Cloud(server, made, f"of_{abs(hash(request.node.name)):x}")


@pytest.mark.parametrize("way", ["by_token", "by_signature"])
def test_a_rest_catalog_has_the_tables_and_pyiceberg_reads_them(cloud, way):
    options = getattr(cloud, way)
    run("create", cloud.lake, *options, "--type", "access")
    assert events(run("create", cloud.lake, *options, "--type", "access"), "table")[0]["new"] is False
    keys = [cloud.put(file) for file in objects(cloud.made, "access")]
    told = run("commit", cloud.lake, *options, "--since", "all", "--batch", "2")
    assert events(told, "done")[0]["files"] == HOURS
    rows = rows_in_footers(objects(cloud.made, "access"))
    assert check_table(cloud.table("access"), {f"{cloud.lake}/{key}" for key in keys}, rows) == HOURS / 2
    assert cloud.table("access").scan().to_arrow().num_rows == rows
    assert events(run("commit", cloud.lake, *options, "--since", "all"), "done")[0]["files"] == 0
    (status,) = run("status", cloud.lake, *options, "--since", "all")
    assert (status["files"], status["missing"]) == (HOURS, 0)


@pytest.mark.parametrize("way", ["by_token", "by_signature"])
def test_two_who_race_for_a_table_of_a_rest_catalog_and_are_killed_take_in_each_object_once(cloud, way):
    options = getattr(cloud, way)
    run("create", cloud.lake, *options, "--type", "access")
    files = objects(cloud.made, "access")
    keys = [cloud.put(file, f"copy{number}-0000000001.parquet") for number in range(6) for file in files]
    both = race(cloud.lake, kills=3, batch=2, seed=1, longest_seconds=2.0, more=options)
    assert [one.refused for one in both] == [[], []]
    assert check_table(cloud.table("access"), {f"{cloud.lake}/{key}" for key in keys}, 6 * rows_in_footers(files)) >= len(keys) / 2


@pytest.mark.parametrize("way", ["by_token", "by_signature", "table_bucket"])
def test_two_at_once_are_told_by_the_catalog_that_somebody_was_faster(cloud, way):
    options = getattr(cloud, way)
    run("create", cloud.lake, *options, "--type", "access")
    count = len([cloud.put(file, f"copy{number}-0000000001.parquet") for number in range(4) for file in objects(cloud.made, "access")])
    command = lakes.command("commit", cloud.lake, *options, "--since", "all", "--batch", "1")
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [[json.loads(line) for line in one.communicate(timeout=120)[0].splitlines()] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    done = [events(one, "done")[0] for one in told]
    assert (sum(one["files"] for one in done), sum(one["known"] for one in done)) == (count, count)
    assert sum(one["retries"] for one in done) == len([event for one in told for event in events(one, "again")]) > 0, "they never met"


def test_a_wrong_key_is_refused_and_in_no_text(cloud, monkeypatch):
    run("create", cloud.lake, *cloud.by_signature, "--type", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-one")
    for options in (cloud.by_signature, cloud.table_bucket):
        done = subprocess.run(lakes.command("commit", cloud.lake, *options), capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "answers 403" in done.stderr, done.stderr
        assert "another-one" not in done.stderr + done.stdout


def test_a_catalog_that_places_tables_itself_says_when_it_is_told_where(cloud):
    for options in (cloud.by_token, cloud.by_signature):
        done = subprocess.run(lakes.command("create", cloud.lake, *options, "--type", "access", "--warehouse", f"{cloud.lake}/_tables"),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "within bucket" in done.stderr, done.stderr


def test_a_table_bucket_gets_copies_and_each_object_once(cloud):
    run("create", cloud.lake, *cloud.table_bucket, "--type", "access")
    files = objects(cloud.made, "access")
    keys = [cloud.put(file, f"copy{number}-0000000001.parquet") for number in range(3) for file in files]
    torn = keys[0].replace(".parquet", "-torn.parquet")
    cloud.server.client("s3").put_object(Bucket=BUCKET, Key=f"{cloud.name}/{torn}", Body=b"PAR1")
    both = race(cloud.lake, kills=3, batch=2, seed=2, longest_seconds=2.0, more=(*cloud.table_bucket, "--type", "access"))
    # Each ends with 1, as an object was set aside, and says nothing of it to people.
    assert all(set(one.refused) <= {""} for one in both), [one.refused for one in both]
    found = cloud.table("access")
    folder = f"{found.location()}/data"
    assert folder.startswith(f"s3://{TABLE_BUCKET}/")
    assert check_table(found, {f"{folder}/{key}" for key in keys}, 3 * rows_in_footers(files)) >= len(keys) / 2
    assert found.scan().to_arrow().num_rows == 3 * rows_in_footers(files)
    told = run("commit", cloud.lake, *cloud.table_bucket, "--since", "all", expect=1)
    assert (events(told, "done")[0]["files"], [one["object"] for one in events(told, "set_aside")]) == (0, [torn])
    (status,) = run("status", cloud.lake, *cloud.table_bucket, "--since", "all")
    assert (status["files"], status["missing"]) == (len(keys), 1)
    listed = cloud.server.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{cloud.name}/")["Contents"]
    assert {one["Key"] for one in listed} == {f"{cloud.name}/{key}" for key in [*keys, torn]}, "the lake is as it was"


def test_what_is_no_table_bucket_is_refused_by_name(cloud):
    done = subprocess.run(lakes.command("commit", cloud.lake, "--catalog", "s3tables:tables"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "the ARN of a table bucket is expected" in done.stderr
