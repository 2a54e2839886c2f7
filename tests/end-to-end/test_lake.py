"""Records through every host into a folder, read back by DuckDB and pyarrow."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import ALL, name_of


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_every_line_is_a_row_of_its_type(host, firelens_records, tmp_path, ask, account):
    records, lines = firelens_records
    run = host.run(records, [{"lake": str(tmp_path / "lake")}])
    assert run.status == 0, run.log
    assert run.ledgers == [(lines, lines, 0, 0)], run.log
    types = dict(ask(tmp_path / "lake", "SELECT type, count(*) FROM lake GROUP BY type"))
    assert types == {"access": 1500, "audit": 1200, "error": 873, "app": 588, "trace": 39}

    # The files themselves say that nothing is missing and nothing there twice.
    status, report = account(tmp_path / "lake")
    assert status == 0, report
    assert report["total"]["rows"] == lines, report

    # Each line is found again, letter by letter, as often as it was sent.
    sent = Counter(json.loads(line)["log"] for line in records.open(encoding="utf-8"))
    found = Counter(message for (message,) in ask(tmp_path / "lake", "SELECT message FROM lake"))
    assert found == sent

    # The first line of the access log, in its columns.
    (row,) = ask(tmp_path / "lake", """
        SELECT severity, service, container_name, source, cluster_name, task_family, task_version, region, aws_account,
               method, path, status, bytes, protocol, dt::VARCHAR, hour::INT, time::VARCHAR
        FROM lake WHERE type = 'access' AND remote_addr = '83.149.9.216' ORDER BY time LIMIT 1""")
    assert row == ("info", "shop", "ecs-shop-7-web-c0ffee", "stdout", "production", "shop", "7", "eu-west-1",
                   "123456789012", "GET", "/presentations/logstash-monitorama-2013/images/redis.png", 200, 25230,
                   "HTTP/1.1", "2015-05-17", 10, "2015-05-17 10:05:00+00")


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_odd_records_keep_every_field_in_a_column_or_in_the_overflow(host, tmp_path, ask):
    odd = [
        {"method": "GET", "path": "/a", "status": "teapot", "log": "x"},
        {"method": "GET", "path": "/b", "status": 503, "bytes": "many", "nested": {"a": [1, None, "é"]}},
        {"log": "é\u0000ü 日本", "time": "noon", "attributes": "own", "type": "own"},
        {"user_id": 7, "event": "cart.add", "properties": {"sku": 1}, "big": 9223372036854775807},
        {"level": "fatal", "message": "gone", "log": "line", "empty": "", "none": None},
        {f"key{number}": number for number in range(500)},
        {"log": "y" * 200_000},
        {},
    ]
    records = tmp_path / "odd.ndjson"
    records.write_text("".join(json.dumps(record) + "\n" for record in odd), encoding="utf-8")
    run = host.run(records, [{"lake": str(tmp_path / "lake")}])
    assert run.status == 0, run.log
    # An empty map is a record to the harness; Fluent Bit's tail makes none of it.
    expected = len(odd) if host.layout else len(odd) - 1
    assert [ledger[1:] for ledger in run.ledgers] in ([(expected, 0, 0)], [(len(odd), 0, 0)]), run.log

    def overflow(where: str) -> dict:
        ((keys, values),) = ask(tmp_path / "lake", f"""SELECT map_keys(attributes), map_values(attributes)
                                                       FROM lake WHERE {where}""")
        return dict(zip(keys, values))

    assert overflow("type = 'access' AND path = '/b' AND status = 503") == {
        "bytes": "many", "nested": '{"a":[1,null,"é"]}'}
    assert overflow("message = 'x'") == {"method": "GET", "path": "/a", "status": "teapot"}
    assert overflow("message LIKE 'é%'") == {"time": "noon", "attributes": "own", "type": "own"}
    assert overflow("type = 'activity'") == {"big": "9223372036854775807"}
    assert overflow("message = 'line'") == {"level": "fatal", "message": "gone", "empty": "", "none": None}
    assert overflow("len(map_keys(attributes)) = 500") == {f"key{number}": str(number) for number in range(500)}
    assert ask(tmp_path / "lake", "SELECT user_id, event, properties FROM lake WHERE type = 'activity'") == [
        ("7", "cart.add", '{"sku":1}')]
    assert ask(tmp_path / "lake", "SELECT count(*) FROM lake WHERE length(message) = 200000") == [(1,)]
    assert ask(tmp_path / "lake", "SELECT severity, type FROM lake WHERE message = 'line'") == [("critical", "error")]


def test_files_of_a_type_have_one_schema_with_field_ids(firelens_records, tmp_path):
    host = ALL[1]
    run = host.run(firelens_records[0], [{"lake": str(tmp_path)}])
    assert run.status == 0, run.log
    by_type: dict[str, set[str]] = {}
    for file in tmp_path.rglob("type=*/**/*.parquet"):
        schema = pq.ParquetFile(file).schema_arrow
        by_type.setdefault(file.relative_to(tmp_path).parts[0], set()).add(schema.remove_metadata().to_string())
        assert schema.field("time").type == pa.timestamp("us", tz="UTC")
        ids = [int(field.metadata[b"PARQUET:field_id"]) for field in schema]
        assert len(set(ids)) == len(ids)
        footer = pq.ParquetFile(file).metadata
        assert int(footer.metadata[b"shiwake.records"]) == footer.num_rows
        times = pq.read_table(file, columns=["time"])["time"].to_pylist()
        assert times == sorted(times)
    assert {kind: len(schemas) for kind, schemas in by_type.items()} == dict.fromkeys(by_type, 1)
    assert len(by_type) == 5


@pytest.mark.parametrize("host", ALL, ids=name_of)
@pytest.mark.parametrize(("properties", "line"), [
    ({}, "property 'lake' is not set: set it to a folder or to s3://bucket/prefix"),
    ({"lake": "x", "bukcet": "y"}, "unknown property 'bukcet', did you mean 'bucket'?"),
    ({"lake": "x", "memory_limit": "1k"}, "property 'memory_limit' has the value '1k': a size from 16M to 64G is allowed"),
    ({"lake": "gs://x"}, "has the scheme 'gs', which is not known"),
    ({"lake": "/proc/nothing"}, "lake folder '/proc/nothing' cannot be used"),
], ids=["no lake", "unknown property", "bad size", "bad scheme", "bad folder"])
def test_what_is_wrong_with_the_configuration_is_said_in_one_line(host, properties, line, tmp_path):
    records = tmp_path / "records.ndjson"
    records.write_text('{"log":"x"}\n')
    run = host.run(records, [properties])
    assert run.status != 0
    assert line in run.log


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_the_filter_refuses_what_it_does_not_know(host, tmp_path):
    records = tmp_path / "records.ndjson"
    records.write_text('{"log":"x"}\n')
    run = host.run(records, [{"lake": str(tmp_path / "lake")}], {"dd_sevrice": "x"})
    assert run.status != 0
    assert "unknown property 'dd_sevrice', did you mean 'dd_service'?" in run.log
