"""What lets a reader leave out most of a file: Bloom filters, statistics of pages, order, as other readers see them."""

from __future__ import annotations

import json
import subprocess

import duckdb
import pyarrow.parquet as pq
import pytest

from hosts import ROOT, harness_hosts

# Enough rows for pages of their own, and ids that no dictionary holds.
ROWS = 50_000


def id_of(number: int) -> str:
    """An id as tracers make them."""
    return f"{(number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """An access file of one hour."""
    folder = tmp_path_factory.mktemp("layout")
    with (folder / "access.ndjson").open("w") as out:
        for number in range(ROWS):
            out.write(json.dumps({
                "time": f"2026-03-01T10:{number * 3600 // ROWS // 60:02}:{number * 3600 // ROWS % 60:02}Z", "method": "GET",
                "path": f"/item/{number % 50}", "status": 500 if number % 1_000 == 0 else 200, "trace_id": id_of(number),
                "request_id": f"r{number % 5}",
            }) + "\n")
    run = [str(ROOT / "target/debug/shiwake"), "run", str(folder / "access.ndjson"), "--lake", str(folder / "lake")]
    subprocess.run(run, check=True, capture_output=True, timeout=120)
    (written,) = (folder / "lake/type=access/dt=2026-03-01/hour=10").iterdir()
    return written


def test_pyarrow_sees_filters_pages_and_order(file):
    metadata = pq.ParquetFile(file).metadata
    group = metadata.row_group(0)
    columns = {group.column(number).path_in_schema: group.column(number) for number in range(metadata.num_columns)}
    assert columns["trace_id"].bloom_filter_length > 0
    for name in ("request_id", "span_id", "status", "message"):
        assert not columns[name].bloom_filter_offset, name
    for name in ("time", "status", "severity", "path"):
        assert columns[name].has_column_index and columns[name].has_offset_index, name
    for name in ("trace_id", "message", "attributes.key_value.value"):
        assert not columns[name].has_column_index and columns[name].has_offset_index, name
    assert not columns["attributes.key_value.value"].is_stats_set
    assert columns["message"].statistics.null_count == ROWS
    sorting = group.sorting_columns
    assert [(column.column_index, column.descending) for column in sorting] == [(0, False)]
    assert len(metadata.metadata[b"shiwake.rules"]) == 16
    found = pq.read_table(file, filters=[("trace_id", "=", id_of(31_000))], columns=["path", "status"])
    assert found.to_pylist() == [{"path": f"/item/{31_000 % 50}", "status": 500}]


def test_duckdb_leaves_out_row_groups_by_the_filter_and_finds_what_is_there(file):
    probe = "SELECT bool_and(bloom_filter_excludes) FROM parquet_bloom_probe(?, 'trace_id', ?)"
    (excludes,) = duckdb.execute(probe, [str(file), id_of(31_000)]).fetchone()
    assert excludes is False
    others = [duckdb.execute(probe, [str(file), id_of(ROWS + number)]).fetchone()[0] for number in range(200)]
    assert sum(others) > 160, "at most one in twenty is taken for one that may be there"
    rows = duckdb.execute("SELECT path, status FROM read_parquet(?) WHERE trace_id = ?", [str(file), id_of(31_000)])
    assert rows.fetchall() == [(f"/item/{31_000 % 50}", 500)]
    rows = duckdb.execute("SELECT count(*) FROM read_parquet(?) WHERE trace_id = ?", [str(file), id_of(ROWS + 1)])
    assert rows.fetchone() == (0,)


@pytest.mark.parametrize(("words", "codec"), [
    (["compression=gzip", "compression_level=9"], "GZIP"), (["compression=snappy"], "SNAPPY"), (["compression=none"], "UNCOMPRESSED")],
    ids=lambda value: value if isinstance(value, str) else None)
def test_other_readers_read_every_codec(words, codec, firelens_records, tmp_path, ask):
    records, lines = firelens_records
    run = harness_hosts()[1].run(records, [{"lake": str(tmp_path / "lake")} | dict(word.split("=") for word in words)])
    assert run.status == 0, run.log
    files = list((tmp_path / "lake").rglob("*.parquet"))
    assert sum(pq.read_table(file).num_rows for file in files) == lines
    found = {metadata.row_group(0).column(number).compression for metadata in map(pq.read_metadata, files)
             for number in range(metadata.num_columns)}
    assert found == {codec}
    assert ask(tmp_path / "lake", "SELECT count(*), count(DISTINCT message) > 1000, count(status) > 1000 FROM lake") == [(lines, True, True)]
