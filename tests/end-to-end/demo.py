"""The main job: real log lines through the real shared object into a lake, and questions to it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from firelens import DATA, write_records
from hosts import ROOT, Host, fluent_bits

LAKE = ROOT / "lake"

QUESTIONS = [
    ("Records per type, with the first and the last of their times", """
        SELECT type, count(*) AS records, min(time) AS first, max(time) AS last
        FROM lake GROUP BY type ORDER BY records DESC"""),
    ("Access: size of responses by hour (busiest five hours), bytes", """
        SELECT dt, hour, count(*) AS requests, quantile_disc(bytes, 0.5) AS p50, quantile_disc(bytes, 0.99) AS p99,
               count(*) FILTER (status >= 500) AS errors
        FROM lake WHERE type = 'access' GROUP BY dt, hour ORDER BY requests DESC LIMIT 5"""),
    ("Errors: the classes seen most", """
        SELECT CASE WHEN error_kind IS NOT NULL THEN error_kind WHEN message LIKE chr(9) || 'at %' THEN '(stack frame)'
                    ELSE '(line with level ' || severity || ')' END AS class, service, count(*) AS records
        FROM lake WHERE type = 'error' GROUP BY ALL ORDER BY records DESC LIMIT 5"""),
    ("Audit: the last events that name somebody", """
        SELECT hostname, program, action, outcome, actor, source_ip
        FROM lake WHERE type = 'audit' AND actor IS NOT NULL AND action IS NOT NULL
        ORDER BY time DESC, message DESC LIMIT 5"""),
]


def choose_host() -> Host:
    """A Fluent Bit when there is one, else the harness host."""
    found = fluent_bits(search_path=True)
    if found:
        print(f"== Host: {found[-1].name} ({found[-1].binary})")
        return found[-1]
    print("== Host: the harness host, which loads the shared object as Fluent Bit 4.2.8 does")
    print("   (no Fluent Bit was named in FLUENT_BIT or found on PATH)")
    return Host("harness 4.2.8", layout="4.2.8")


def main() -> int:
    """Runs the demo; its exit status says whether every line was found again."""
    host = choose_host()
    shutil.rmtree(LAKE, ignore_errors=True)
    with TemporaryDirectory() as folder:
        records = Path(folder) / "records.ndjson"
        lines = write_records(records)
        print(f"== {lines} real log lines from {DATA.relative_to(ROOT)} as FireLens records, through filter and output")
        run = host.run(records, [{"lake": str(LAKE)}], {"dd_tags": "env:demo"})
    for line in run.log.splitlines():
        if "shiwake" in line and "]" in line:
            print(f"   {line}")
    if run.status != 0:
        print(run.log)
        print(f"== The host ended with status {run.status}")
        return 1

    database = duckdb.connect()
    database.execute(f"""CREATE VIEW lake AS SELECT * FROM read_parquet(
        '{LAKE}/type=*/**/*.parquet', hive_partitioning = true, union_by_name = true)""")
    for title, question in QUESTIONS:
        print(f"\n== {title}")
        print(database.sql(question))

    (rows,) = database.execute("SELECT count(*) FROM lake").fetchone()
    files = sum(1 for _ in LAKE.rglob("*.parquet"))
    print(f"== Ledger: {lines} lines in, {rows} rows out, in {files} Parquet files under {LAKE.name}/")
    if rows != lines:
        print("== Lines are missing or doubled")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
