"""Tables take in the files of a lake as they are: what PyIceberg and DuckDB read of them is what the lake has."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import duckdb
import lakes
import pyarrow
import pyarrow.parquet as parquet
from conftest import BUCKET, HOURS, REGION
from lakes import BEGIN, check_adds_up, commit, events, files_of, objects, records, run, table, write_lake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, LessThan
from race import race

# Where pip puts DuckDB's extensions; DuckDB checks that they are its own.
EXTENSIONS = Path(duckdb.__file__).parents[1] / "duckdb_ext/extensions"
COLUMN = '[type.access.columns]\ntenant = {{ type = "{kind}" }}\n'


def rules(folder: Path, kind: str) -> Path:
    file = folder / f"{kind}.toml"
    file.write_text(COLUMN.format(kind=kind), encoding="utf-8")
    return file


def rows_of_lake(lake: Path, log_type: str, columns: str) -> list[tuple]:
    files = f"{lake}/type={log_type}/**/*.parquet"
    return duckdb.sql(f"SELECT {columns} FROM read_parquet('{files}', union_by_name = true) ORDER BY ALL").fetchall()


def test_a_table_has_the_rows_of_the_lake_and_every_state_before(lake):
    told = commit(lake, "--batch", "2")
    for log_type in ("access", "error"):
        found = table(lake, log_type)
        columns = [field.name for field in found.schema().fields]
        read = found.scan().to_arrow()
        assert read.num_rows == len(rows_of_lake(lake, log_type, "time"))
        # All columns but the map, of which DuckDB and Arrow have other forms.
        plain = ", ".join(f'"{name}"' for name in columns if name != "attributes")
        from_table = duckdb.sql(f"SELECT {plain} FROM read ORDER BY ALL").fetchall()
        assert from_table == rows_of_lake(lake, log_type, plain)
        keys = sum(len(pairs) for pairs in read.column("attributes").to_pylist())
        assert keys == duckdb.sql(f"SELECT sum(len(map_keys(attributes))) FROM read_parquet('{lake}/type={log_type}/**/*.parquet')").fetchone()[0]
        assert check_adds_up(lake, log_type) == HOURS / 2
        for snapshot in found.snapshots():
            assert found.scan(snapshot_id=snapshot.snapshot_id).to_arrow().num_rows == int(snapshot.summary["total-records"])
    done = events(told, "done")[0]
    assert (done["files"], done["set_aside"], done["snapshots"]) == (2 * HOURS, 0, HOURS)


def test_columns_have_in_tables_the_ids_that_they_have_in_files(lake):
    commit(lake)
    for log_type in ("access", "error"):
        fields = {field.field_id: field.name for field in table(lake, log_type).schema().fields}
        for file in objects(lake, log_type):
            schema = parquet.read_schema(file)
            assert {int(field.metadata[b"PARQUET:field_id"]): field.name for field in schema} == fields
            entries = schema.field("attributes").type
            ids = [int(entry.metadata[b"PARQUET:field_id"]) for entry in (entries.key_field, entries.item_field)]
            known = table(lake, log_type).schema().find_field("attributes").field_type
            assert ids == [known.key_id, known.value_id]


def test_doing_it_again_changes_nothing_and_new_objects_come_behind(lake):
    commit(lake)
    first = table(lake, "access").current_snapshot().snapshot_id
    again = events(commit(lake), "done")[0]
    assert (again["files"], again["known"], again["snapshots"]) == (0, 2 * HOURS, 0)
    assert table(lake, "access").current_snapshot().snapshot_id == first
    lakes.multiply(lake, "access", HOURS + 3)
    status = {one["table"]: one for one in run("status", lake, "--since", "all")}
    assert (status["logs.access"]["missing"], status["logs.error"]["missing"]) == (3, 0)
    assert status["logs.access"]["newest_hour"] == (BEGIN + timedelta(hours=HOURS - 1)).strftime("%Y-%m-%dT%HZ")
    assert events(commit(lake), "done")[0]["files"] == 3
    assert check_adds_up(lake, "access") == 2


def test_a_question_of_an_hour_or_of_a_value_reads_the_files_that_can_answer_it(lake):
    commit(lake)
    found = table(lake, "access")
    second, third = (BEGIN + timedelta(hours=hour) for hour in (1, 2))
    hour = And(GreaterThanOrEqual("time", second.isoformat()), LessThan("time", third.isoformat()))
    assert [task.file.file_path.split("hour=")[1][:2] for task in found.scan(row_filter=hour).plan_files()] == ["01"]
    one = EqualTo("trace_id", lakes.trace_id(3 * 40 + 1))
    assert len(list(found.scan(row_filter=one).plan_files())) == 1
    assert found.scan(row_filter=one).to_arrow().num_rows == 1
    assert list(found.scan(row_filter=EqualTo("host", "another.example")).plan_files()) == []
    for task in found.scan().plan_files():
        assert task.file.sort_order_id == found.sort_order().order_id != 0


def test_duckdb_reads_the_table(lake):
    commit(lake, "--batch", "2")
    found = table(lake, "access")
    database = duckdb.connect()
    database.execute(f"SET extension_directory = '{EXTENSIONS}'")
    for name in ("avro", "iceberg"):
        database.execute(f"LOAD {name}")
    from_table = database.execute(
        f"SELECT time, path, status, trace_id FROM iceberg_scan('{found.metadata_location}') ORDER BY ALL").fetchall()
    assert from_table == rows_of_lake(lake, "access", "time, path, status, trace_id")
    for snapshot in found.snapshots():
        rows = database.execute(f"SELECT count(*) FROM iceberg_scan('{found.metadata_location}', snapshot_from_id = {snapshot.snapshot_id}::UBIGINT)")
        assert rows.fetchone()[0] == int(snapshot.summary["total-records"])


def test_two_who_race_and_are_killed_take_in_each_object_once(lake):
    lakes.multiply(lake, "access", 240)
    both = race(lake, kills=6, batch=15, seed=1, longest_seconds=1.0)
    assert [one.kills >= 6 for one in both] == [True, True]
    assert [one.refused for one in both] == [[], []]
    assert check_adds_up(lake, "access") >= 2


def test_a_new_column_evolves_the_table_and_another_type_of_it_is_set_aside(lake, tmp_path):
    commit(lake)
    write_lake(lake, records(HOURS, 10, tenant="acme"), rules(tmp_path, "text"))
    told = commit(lake)
    assert [one["columns"] for one in events(told, "columns")] == [["tenant"]]
    assert check_adds_up(lake, "access") == 2
    tenants = table(lake, "access").scan(selected_fields=("tenant",)).to_arrow().column("tenant").to_pylist()
    new = [name for name in tenants if name == "acme"]
    assert len(new) == HOURS * 8 and set(tenants) == {"acme", None}
    before = set(objects(lake, "access"))
    write_lake(lake, records(1, 10, tenant=7), rules(tmp_path, "int64"))
    wrong = set(objects(lake, "access")) - before
    lakes.multiply(lake, "error", HOURS + 9)
    told = commit(lake, expect=1)
    aside = events(told, "set_aside")
    assert [(Path(lake / one["object"]), one["why"]) for one in aside] == [(file, "column_type") for file in wrong]
    assert "'tenant'" in aside[0]["reason"] and "long here and string in the table" in aside[0]["reason"]
    assert set(files_of(table(lake, "access"))) == before


def test_a_table_made_with_rules_has_their_columns_at_once(made, tmp_path):
    lake = tmp_path / "lake"
    write_lake(lake, records(2, 10, tenant="acme"), rules(tmp_path, "text"))
    run("create", lake, "--rules", str(rules(tmp_path, "text")), "--type", "access")
    told = commit(lake)
    assert events(told, "columns") == []
    assert check_adds_up(lake, "access") == 1


def test_a_column_that_was_taken_away_stays_away(lake):
    commit(lake)
    with table(lake, "access").update_schema() as update:
        update.delete_column("referer")
    lakes.multiply(lake, "access", HOURS + 1)
    assert events(commit(lake), "columns") == []
    assert "referer" not in [field.name for field in table(lake, "access").schema().fields]
    assert check_adds_up(lake, "access") == 2


def test_what_was_deleted_or_rewritten_does_not_come_again(lake):
    commit(lake)
    hour = LessThan("time", (BEGIN + timedelta(hours=1)).isoformat())
    found = table(lake, "access")
    rows = found.scan().to_arrow().num_rows
    found.delete(hour)
    left = found.scan().to_arrow().num_rows
    assert left < rows
    lakes.multiply(lake, "access", HOURS + 2)
    assert events(commit(lake), "done")[0]["files"] == 2
    found = table(lake, "access")
    # One file out of many, as an engine's compaction makes it.
    found.overwrite(found.scan().to_arrow())
    rewritten = found.scan().to_arrow().num_rows
    assert events(commit(lake), "done")[0]["files"] == 0
    assert table(lake, "access").scan().to_arrow().num_rows == rewritten


def test_what_is_no_file_of_the_table_is_set_aside_by_name_and_the_rest_goes_in(lake):
    folder = lake / f"type=access/{BEGIN:dt=%Y-%m-%d/hour=%H}"
    good = objects(lake, "access")[0]
    whole = good.read_bytes()
    parquet.write_table(pyarrow.table({"time": pyarrow.array([BEGIN], pyarrow.timestamp("us", "UTC"))}), folder / "foreign.parquet")
    (folder / "torn.parquet").write_bytes(whole[:-5])
    (folder / "no-end.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "long.parquet").write_bytes(whole[:-8] + b"\xff\xff\xff\x7f" + b"PAR1")
    (folder / "empty.parquet").write_bytes(b"")
    (folder / "notes.txt").write_text("nothing")
    shutil.copyfile(good, objects(lake, "access")[-1].with_name("elsewhere.parquet"))
    shutil.copyfile(good, objects(lake, "error")[0].with_name("stray.parquet"))
    told = commit(lake, expect=1)
    aside = {Path(one["object"]).name: one["why"] for one in events(told, "set_aside")}
    assert aside == {"foreign.parquet": "foreign", "torn.parquet": "damaged", "no-end.parquet": "damaged", "long.parquet": "damaged",
                     "empty.parquet": "damaged", "notes.txt": "name", "elsewhere.parquet": "other_hour", "stray.parquet": "other_type"}
    assert len(files_of(table(lake, "access"))) == len(files_of(table(lake, "error"))) == HOURS
    assert events(told, "done")[0]["set_aside"] == len(aside)


def test_the_lakes_ledger_adds_up_with_tables_in_it(lake):
    commit(lake)
    done = subprocess.run([lakes.SHIWAKE, "ledger", str(lake), "--format", "json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_cannot_be_done_says_so(lake, tmp_path):
    for arguments, part in [
        (["commit", str(tmp_path / "none")], "is not there"),
        (["commit", str(lake), "--type", "billing"], "has no table of billing"),
        (["commit", str(lake), "--since", "soon"], "--since has the value 'soon'"),
        (["commit", str(lake), "--catalog", "hive:x"], "are known"),
        (["create", str(lake), "--type", "billing"], "there is no type 'billing'"),
        (["commit", "s3://logs-of-us"], "region is not set"),
    ]:
        done = subprocess.run([lakes.SHIWAKE_TABLE, *arguments], capture_output=True, text=True, timeout=60, env={})
        assert done.returncode == 2 and part in done.stderr, f"{arguments}: {done.returncode} {done.stderr}"
        assert json.dumps(done.stderr).count("\\n") == 1, "an error is one line"


def test_a_lake_in_s3_and_its_tables_there(made, bucket, tmp_path):
    store, endpoint = bucket
    for file in objects(made, "access"):
        store.upload_file(str(file), BUCKET, f"prod/{file.relative_to(made)}")
    lake = f"s3://{BUCKET}/prod"
    options = ["--endpoint", endpoint, "--catalog", f"sqlite:{tmp_path}/tables.db"]
    run("create", lake, *options, "--type", "access")
    assert events(commit(lake, *options, "--batch", "4"), "done")[0]["files"] == HOURS
    assert events(commit(lake, *options), "done")[0]["files"] == 0
    keys = [one["Key"] for one in store.list_objects_v2(Bucket=BUCKET)["Contents"]]
    written = [key for key in keys if not key.startswith("prod/type=access/")]
    assert written and all(key.startswith("prod/_tables/logs/access/metadata/") for key in written), "the policy allows no more"
    catalog = SqlCatalog("shiwake", uri=f"sqlite:///{tmp_path}/tables.db", **{
        "warehouse": lake, "s3.endpoint": endpoint, "s3.region": REGION, "s3.access-key-id": "x", "s3.secret-access-key": "y"})
    read = catalog.load_table("logs.access").scan().to_arrow()
    assert read.num_rows == lakes.rows_in_footers(objects(made, "access"))
