"""Spark reads the lake: each row as DuckDB does, by its vectorized reader, with Bloom filters and the page index; and runs its DDL.

Spark 3.3 has no vectorized decoder for DELTA_LENGTH_BYTE_ARRAY: with it all is read by the other reader, as docs/performance.md says.
"""

from __future__ import annotations

import re
import shutil

import pyarrow.parquet as pq
import pytest

from lakes import ask, differences, files_of, quoted, rows_of, shiwake, types_of

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: make engines-test")
from pyspark.sql import DataFrame, SparkSession  # noqa: E402

VERSION = tuple(map(int, pyspark.__version__.split(".")[:2]))
IS_VECTORIZED = VERSION >= (3, 4)
TRACE = "SELECT trace_id FROM lake WHERE trace_id IS NOT NULL AND time > TIMESTAMPTZ '2026-03-02 07:00:00Z' ORDER BY time LIMIT 1"
MINUTE = "time >= TIMESTAMP '2026-03-02 07:05:00' AND time < TIMESTAMP '2026-03-02 07:06:00'"
pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="no java: apt-get install openjdk-17-jre-headless")


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    settings = {"spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC", "spark.driver.memory": "2g",
                "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
                "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
                "spark.sql.parquet.enableVectorizedReader": str(IS_VECTORIZED).lower(),
                "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))}
    builder = SparkSession.builder.master("local[1]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def frame(spark, lake, log_type) -> DataFrame:
    return spark.read.parquet(str(lake / f"type={log_type}"))


def collected(asked: DataFrame) -> tuple[list, int, bool]:
    """The rows, how many the scan gave to the filter, and whether it read in batches.

    The plan stays as it is made, so that its scan can be asked afterwards."""
    asked.sparkSession.conf.set("spark.sql.adaptive.enabled", "false")
    rows = [tuple(row) for row in asked.collect()]
    plan = asked._jdf.queryExecution()
    scan = plan.executedPlan().collectLeaves().head()
    asked.sparkSession.conf.set("spark.sql.adaptive.enabled", "true")
    return rows, scan.metrics().get("numOutputRows").get().value(), "Batched: true" in plan.toString()


def test_every_row_of_every_type_is_as_duckdb_reads_it(spark, lake, tmp_path):
    types = types_of(lake)
    assert {"access", "app", "audit", "error", "trace"} <= set(types)
    for log_type in types:
        copy = tmp_path / log_type
        frame(spark, lake, log_type).coalesce(1).write.option("compression", "none").parquet(str(copy))
        assert differences(lake, log_type, f"read_parquet({quoted(copy / '*.parquet')})") == [], log_type


def test_columns_without_the_map_are_read_in_batches(spark, lake):
    """Older versions read maps by the row, and then all else too."""
    asked = [f"{what}({name})" for name in ("message", "request_id", "user_agent") for what in ("count", "min", "max")] + ["sum(status)"]
    rows, _, is_batched = collected(frame(spark, lake, "access").selectExpr(*asked))
    assert is_batched == IS_VECTORIZED
    assert rows == ask(lake, "access", f"SELECT {', '.join(asked)} FROM lake")


@pytest.mark.skipif(IS_VECTORIZED, reason="Spark 3.4 and later have the decoder that 3.3 lacks")
def test_spark_3_3_refuses_the_delta_encoding_in_batches_alone(spark, written):
    question = frame(spark, written, "access").selectExpr("count(request_id)")
    spark.conf.set("spark.sql.parquet.enableVectorizedReader", "true")
    try:
        with pytest.raises(Exception, match="Unsupported encoding: DELTA_LENGTH_BYTE_ARRAY"):
            frame(spark, written, "access").selectExpr("count(request_id)").collect()
    finally:
        spark.conf.set("spark.sql.parquet.enableVectorizedReader", "false")
    assert collected(question)[0] == ask(written, "access", "SELECT count(request_id) FROM lake")


def test_bloom_filters_spare_the_files_without_the_trace(spark, written):
    ((trace,),) = ask(written, "access", TRACE)
    assert all("bloom" in shiwake("inspect", file) for file in files_of(written, "access")[:1])
    hadoop, scanned = spark.sparkContext._jsc.hadoopConfiguration(), {}
    for is_used in ("true", "false"):
        hadoop.set("parquet.filter.bloom.enabled", is_used)
        asked = frame(spark, written, "access").where(f"trace_id = '{trace}'").select("request_id", "status", "dt", "hour")
        rows, scanned[is_used], _ = collected(asked)
        assert [(row[0], row[1], str(row[2]), row[3]) for row in rows] == ask(
            written, "access", f"SELECT request_id, status, CAST(dt AS VARCHAR), hour FROM lake WHERE trace_id = '{trace}'")
    hadoop.unset("parquet.filter.bloom.enabled")
    assert 0 < scanned["true"] < scanned["false"] / 2, scanned


def test_the_page_index_spares_pages_of_other_times(spark, written):
    hadoop, scanned = spark.sparkContext._jsc.hadoopConfiguration(), {}
    for is_used in ("true", "false"):
        hadoop.set("parquet.filter.columnindex.enabled", is_used)
        asked = frame(spark, written, "access").where(MINUTE).selectExpr("count(*)", "sum(bytes)", "count(trace_id)")
        rows, scanned[is_used], _ = collected(asked)
        assert rows == ask(written, "access", "SELECT count(*), CAST(sum(bytes) AS BIGINT), count(trace_id) FROM lake WHERE "
                           + MINUTE.replace("TIMESTAMP", "TIMESTAMPTZ").replace(":00'", ":00Z'"))
    hadoop.unset("parquet.filter.columnindex.enabled")
    assert 0 < scanned["true"] < scanned["false"], scanned


def test_partitions_alone_decide_which_files_are_read(spark, written):
    asked = frame(spark, written, "access").where("dt = '2026-03-02' AND hour = 7").selectExpr("count(*)", "count(DISTINCT request_id)")
    rows, scanned, _ = collected(asked)
    assert rows == ask(written, "access", "SELECT count(*), count(DISTINCT request_id) FROM lake WHERE dt = DATE '2026-03-02' AND hour = 7")
    assert scanned == rows[0][0] > 0


def statements_of(sql: str) -> list[str]:
    return [one.strip() for one in re.sub(r"(?m)^--.*$", "", sql).split(";\n") if one.strip()]


def test_the_printed_tables_are_made_and_have_every_row(spark, written, rules, tmp_path):
    spark.sql("CREATE DATABASE logs")
    for statement in statements_of(shiwake("ddl", written, "--engine", "spark", "--rules", rules, "--database", "logs")):
        spark.sql(statement.rstrip(";"))
    tables = {row.tableName for row in spark.sql("SHOW TABLES IN logs").collect()}
    assert set(types_of(written)) <= tables
    for log_type in types_of(written):
        copy = tmp_path / log_type
        table = spark.sql(f"SELECT * FROM logs.{log_type}")
        table.coalesce(1).write.option("compression", "none").parquet(str(copy))
        assert differences(written, log_type, f"read_parquet({quoted(copy / '*.parquet')})") == [], log_type
    assert {name: kind for name, kind in spark.sql("SELECT * FROM logs.logins").dtypes if name in ("port", "score", "total", "known", "note")} \
        == {"port": "int", "score": "double", "total": "bigint", "known": "boolean", "note": "string"}
    days = [row.dt for row in spark.sql("SELECT DISTINCT dt FROM logs.access ORDER BY 1").collect()]
    assert days == [day for (day,) in ask(written, "access", "SELECT DISTINCT CAST(dt AS VARCHAR) FROM lake ORDER BY 1")]
    assert spark.sql("SELECT count(port) FROM logs.logins").first()[0] > 0


@pytest.mark.skipif(VERSION < (3, 4), reason="Spark 3.3 does not know _metadata.file_path behind SELECT DISTINCT")
def test_a_day_is_merged_by_what_is_printed_and_each_row_is_there_once(spark, written, rules, tmp_path):
    spark.sql("CREATE DATABASE merging")
    options = ["--engine", "spark", "--rules", rules, "--database", "merging", "--type", "access"]
    for statement in statements_of(shiwake("ddl", written, *options)):
        spark.sql(statement.rstrip(";"))
    rows = rows_of(written, "access")
    merge = statements_of(shiwake("ddl", written, *options, "--make", "merge", "--day", "2026-03-02", "--into", tmp_path / "merged"))
    *before, parts = [(statement, spark.sql(statement.rstrip(";")).collect()) for statement in merge]
    assert all(found == [] for statement, found in before if statement.startswith("SELECT")), "a part is not merged"
    parts_of_day = [file for file in files_of(written, "access") if "dt=2026-03-02" in str(file)]
    assert len(parts[1]) == len(parts_of_day) >= 3
    assert len(list((tmp_path / "merged").rglob("*.parquet"))) == 1, "the day is one file"
    assert spark.sql("SELECT count(*) FROM merging.access_all").first()[0] == rows
    assert spark.sql("SELECT count(*) FROM merging.access_merged").first()[0] \
        == sum(pq.ParquetFile(file).metadata.num_rows for file in parts_of_day) < rows
