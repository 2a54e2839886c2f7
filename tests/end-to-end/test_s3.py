"""The same records into S3, as an AWS API server on this machine plays it."""

from __future__ import annotations

import duckdb
import pytest

from conftest import ALL, BUCKET, name_of


@pytest.mark.parametrize("host", ALL[1:], ids=name_of)
def test_every_line_is_a_row_in_the_bucket(host, firelens_records, endpoint, client, tmp_path):
    records, lines = firelens_records
    run = host.run(records, [{"lake": f"s3://{BUCKET}/team/logs", "region": "eu-west-1", "endpoint": endpoint}])
    assert run.status == 0, run.log
    assert run.ledgers == [(lines, lines, 0, 0)], run.log
    keys = [entry["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            for entry in page["Contents"]]
    assert all(key.startswith(("team/logs/type=",)) and key.endswith(".parquet") for key in keys), keys
    for number, key in enumerate(keys):
        client.download_file(BUCKET, key, str(tmp_path / f"{number}.parquet"))
    (rows,) = duckdb.execute(f"SELECT count(*) FROM read_parquet('{tmp_path}/*.parquet', union_by_name = true)").fetchone()
    assert rows == lines
    assert "very-secret-testing-key" not in run.log


@pytest.mark.parametrize("host", ALL[1:2], ids=name_of)
@pytest.mark.parametrize(("tags", "expected"), [("on", {"audit": "5y", "error": "3mo", "app": "3mo"}), ("off", {})])
def test_objects_have_their_retention_class_as_a_tag_when_that_is_asked_for(host, tags, expected, firelens_records,
                                                                           endpoint, client):
    run = host.run(firelens_records[0], [{"bucket": BUCKET, "region": "eu-west-1", "endpoint": endpoint,
                                          "object_tags": tags}])
    assert run.status == 0, run.log
    found: dict[str, set] = {"audit": set(), "error": set(), "app": set()}
    for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        log_type = entry["Key"].split("/")[0].removeprefix("type=")
        answer = client.get_object_tagging(Bucket=BUCKET, Key=entry["Key"])
        found.setdefault(log_type, set()).update((tag["Key"], tag["Value"]) for tag in answer["TagSet"])
    for log_type in ("audit", "error", "app"):
        assert found[log_type] == ({("retention", expected[log_type])} if expected else set()), found


@pytest.mark.parametrize("host", ALL[1:2], ids=name_of)
def test_objects_are_kept_as_their_type_and_their_retention_class_say(host, firelens_records, endpoint, client):
    key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    run = host.run(firelens_records[0], [{
        "bucket": BUCKET, "region": "eu-west-1", "endpoint": endpoint, "object_tags": "on", "sse_kms_key_id": key,
        "canned_acl": "bucket-owner-full-control", "storage_class": "STANDARD_IA 5y=GLACIER_IR error=INTELLIGENT_TIERING"}])
    assert run.status == 0, run.log
    found = {}
    for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        head = client.head_object(Bucket=BUCKET, Key=entry["Key"])
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
        log_type = entry["Key"].split("/")[0].removeprefix("type=")
        found.setdefault(log_type, set()).add(head.get("StorageClass", "STANDARD"))
        (tag,) = client.get_object_tagging(Bucket=BUCKET, Key=entry["Key"])["TagSet"]
        assert (tag["Key"], tag["Value"] == "5y") == ("retention", log_type == "audit")
    assert found.pop("audit") == {"GLACIER_IR"} and found.pop("error") == {"INTELLIGENT_TIERING"}
    assert found.pop("app") == {"STANDARD_IA"} and all(classes == {"STANDARD_IA"} for classes in found.values()), found


@pytest.mark.parametrize("host", ALL[1:2], ids=name_of)
@pytest.mark.parametrize("other", ["", "http://127.0.0.1:1"], ids=["no property", "the property wins"])
def test_the_endpoint_of_the_environment_is_used_unless_a_property_names_one(host, other, firelens_records, endpoint,
                                                                             client, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", other or endpoint)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    run = host.run(firelens_records[0], [{"bucket": BUCKET} | ({"endpoint": endpoint} if other else {})])
    assert run.status == 0, run.log
    assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] > 0


@pytest.mark.parametrize("host", ALL[1:2], ids=name_of)
def test_a_bucket_that_is_not_there_is_said_with_what_to_do(host, endpoint, client, tmp_path):
    records = tmp_path / "records.ndjson"
    records.write_text('{"log":"x"}\n')
    run = host.run(records, [{"bucket": "not-there", "region": "eu-west-1", "endpoint": endpoint,
                              "shutdown_timeout": "1s"}])
    assert "create the bucket, or correct 'bucket', 'lake' or 'region'" in run.log
    assert run.ledgers == [(1, 0, 0, 1)], run.log
    assert "1 records (app 1) could not be written within" in run.log


@pytest.mark.parametrize("host", ALL[1:2], ids=name_of)
def test_a_bucket_needs_a_region(host, client, tmp_path):
    records = tmp_path / "records.ndjson"
    records.write_text('{"log":"x"}\n')
    run = host.run(records, [{"bucket": BUCKET}])
    assert run.status != 0
    assert f"set 'region' to the region of bucket '{BUCKET}'" in run.log
