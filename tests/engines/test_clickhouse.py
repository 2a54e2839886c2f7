"""ClickHouse reads the lake, by chDB: its own Parquet reader, with Bloom filters and bounds of pages."""

from __future__ import annotations

import json

import pytest

from lakes import ask, differences, quoted, types_of

chdb = pytest.importorskip("chdb", reason="chdb is not installed: make engines-test")


def table(lake, log_type: str) -> str:
    """The files of a type as a table; ClickHouse quotes with a backslash."""
    path = str(lake / f"type={log_type}/dt=*/hour=*/*.parquet").replace("'", "\\'")
    return f"file('{path}', Parquet)"


SETTINGS = "SETTINGS use_hive_partitioning = 1, session_timezone = 'UTC'"


def test_every_row_of_every_type_is_as_duckdb_reads_it(lake, tmp_path):
    for log_type in types_of(lake):
        copy = tmp_path / f"{log_type}.parquet"
        chdb.query(f"SELECT * EXCEPT (type) FROM {table(lake, log_type)} INTO OUTFILE '{copy}' FORMAT Parquet {SETTINGS}")
        assert differences(lake, log_type, f"read_parquet({quoted(copy)})") == [], log_type


@pytest.mark.parametrize(("condition", "setting"), [
    ("trace_id = '{trace}'", "input_format_parquet_bloom_filter_push_down"),
    ("time >= '2026-03-02 07:05:00' AND time < '2026-03-02 07:06:00'", "input_format_parquet_page_filter_push_down"),
])
def test_what_is_passed_over_changes_no_answer(written, condition, setting):
    ((trace,),) = ask(written, "access", "SELECT max(trace_id) FROM lake WHERE status = 500")
    condition = condition.format(trace=trace)
    expected = ask(written, "access", f"SELECT count(*), sum(bytes)::BIGINT, max(request_id) FROM lake WHERE {condition}".replace(":00'", ":00Z'"))
    assert expected[0][0] > 0
    for is_used in (1, 0):
        answer = chdb.query(f"SELECT count(*), sum(bytes), max(request_id) FROM {table(written, 'access')} WHERE {condition} "
                            f"{SETTINGS}, {setting} = {is_used}", "JSONCompact")
        found = json.loads(str(answer))["data"][0]
        assert (int(found[0]), int(found[1]), found[2]) == expected[0]
