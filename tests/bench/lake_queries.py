"""Ten questions that analysts ask, put by DuckDB to the lake, to lines of JSON with gzip, and to the Parquet file that pyarrow makes
of those lines: the same answers, the time each takes, and the bytes that are read for it.

Bytes are those that DuckDB's profiler counts where files are read. Each question has a database of its own, so nothing is cached.
Times are of one thread on local files.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import duckdb

HOUR = "09"
DAY = "2026-03-02"
ROUNDS = 3
# Of the bytes of the lines with gzip, for questions that are asked of little of what there is.
NARROW = 1 / 20


class Source:
    """Where records are: what stands for the records of a type, and for their times."""

    def __init__(self, name: str, of_type, within, micros: str):
        self.name, self.of_type, self.within, self.micros = name, of_type, within, micros


def lake(folder: str) -> Source:
    def of_type(name: str) -> str:
        return (f"read_parquet('{folder}/type={name}/*/*/*.parquet', hive_partitioning = true, hive_types_autocast = false, "
                f"union_by_name = {'true' if name == '*' else 'false'})")

    def within(start: str, end: str) -> str:
        return (f"dt = '{DAY}' AND hour = '{HOUR}' AND time >= TIMESTAMPTZ '{DAY} {start}+00' "
                f"AND time < TIMESTAMPTZ '{DAY} {end}+00'")

    return Source("lake", of_type, within, "epoch_us(time)")


MARKS = {"access": "status IS NOT NULL", "error": "error_kind IS NOT NULL", "audit": "actor IS NOT NULL",
         "activity": "event IS NOT NULL", "*": "true"}


def lines(path: str) -> Source:
    columns = {"time": "TIMESTAMP", "trace_id": "VARCHAR", "status": "BIGINT", "path": "VARCHAR", "error_kind": "VARCHAR",
               "service": "VARCHAR", "version": "VARCHAR", "bytes": "BIGINT", "user_agent": "VARCHAR", "actor": "VARCHAR",
               "action": "VARCHAR", "outcome": "VARCHAR", "duration_ms": "DOUBLE", "remote_addr": "VARCHAR", "event": "VARCHAR",
               "user_id": "VARCHAR"}
    read = f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
    return Source("gzip JSON", lambda name: f"(SELECT * FROM {read} WHERE {MARKS[name]})",
                  lambda start, end: f"time >= TIMESTAMP '{DAY} {start}' AND time < TIMESTAMP '{DAY} {end}'",
                  "epoch_us(time)")


def inferred(path: str, time_type: str) -> Source:
    def within(start: str, end: str) -> str:
        if time_type == "VARCHAR":
            return f"time >= '{DAY}T{start}' AND time < '{DAY}T{end}'"
        return f"time >= TIMESTAMP '{DAY} {start}' AND time < TIMESTAMP '{DAY} {end}'"

    return Source("pyarrow's file", lambda name: f"(SELECT * FROM read_parquet('{path}') WHERE {MARKS[name]})", within,
                  "epoch_us(time::TIMESTAMP)")


def questions(source: Source, known: dict[str, str]) -> dict[str, tuple[bool, str]]:
    """Questions with whether they are narrow."""
    of, within, micros = source.of_type, source.within, source.micros
    hour = within(f"{HOUR}:00:00", f"{int(HOUR) + 1:02}:00:00")
    minute = within(f"{HOUR}:29:30", f"{HOUR}:30:30")
    return {
        "status >= 500 by path in an hour": (True, f"""
            SELECT path, count(*) FROM {of('access')} WHERE {hour} AND status >= 500 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50"""),
        "all of one trace": (True, f"""
            SELECT {micros}, service FROM {of('*')} WHERE trace_id = '{known['trace']}' ORDER BY 1, 2"""),
        "error classes by service and version": (True, f"""
            SELECT service, version, error_kind, count(*) FROM {of('error')} GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3"""),
        "bytes by user agent": (False, f"""
            SELECT user_agent, sum(bytes) FROM {of('access')} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"""),
        "what one actor did": (True, f"""
            SELECT {micros}, action, outcome FROM {of('audit')} WHERE actor = '{known['actor']}' ORDER BY 1, 2, 3"""),
        "paths and times of what the load balancer logged": (True, f"""
            SELECT alb.elb_status, path, count(*), sum(duration_ms) FROM {of('access')} JOIN alb USING (trace_id)
            WHERE {hour} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 50"""),
        "95% of requests by path in an hour": (True, f"""
            SELECT path, count(*), quantile_disc(duration_ms, 0.95) FROM {of('access')} WHERE {hour}
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"""),
        "addresses that ask most in an hour": (True, f"""
            SELECT remote_addr, count(*) FROM {of('access')} WHERE {hour} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20"""),
        "a user's way to the purchase": (True, f"""
            SELECT {micros}, event FROM {of('activity')} WHERE user_id = '{known['user']}' ORDER BY 1, 2"""),
        "errors around a minute": (True, f"""
            SELECT service, error_kind, count(*) FROM {of('error')} WHERE {minute} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"""),
    }


def ask(question: str, alb: str) -> tuple[list, float, int]:
    """The answer, the CPU seconds that it took, and the bytes that were read."""
    opened = duckdb.connect()
    opened.execute("SET threads = 1; SET TimeZone = 'UTC'; SET enable_external_file_cache = false")
    opened.execute(f"CREATE TABLE alb AS SELECT * FROM read_parquet('{alb}')")
    opened.execute("PRAGMA enable_profiling = 'no_output'")
    start = time.process_time()
    answer = opened.execute(question).fetchall()
    seconds = time.process_time() - start
    profile = json.loads(opened.get_profiling_information(format="json"))
    # DuckDB 2 has a section for it, 1 has not.
    return answer, seconds, profile.get("io", profile)["total_bytes_read"]


def find_known(parquet: Path, alb: Path) -> dict[str, str]:
    """Values to ask for, and what a load balancer would have logged of some of the hour's requests."""
    records = duckdb.connect()
    records.execute(f"CREATE VIEW records AS SELECT * FROM read_parquet('{parquet}')")
    records.execute(f"COPY (SELECT trace_id, 200 + row_number() OVER (ORDER BY trace_id) % 3 AS elb_status FROM records "
                    f"WHERE trace_id IS NOT NULL AND status IS NOT NULL AND hour(time::TIMESTAMP) = {int(HOUR)} "
                    f"ORDER BY 1 LIMIT 300) TO '{alb}' (FORMAT parquet)")

    def most(column: str, mark: str, where: str) -> str:
        found = records.execute(f"SELECT {column} FROM records WHERE {mark} AND {column} IS NOT NULL AND {where} "
                                f"GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1").fetchone()
        return found[0]

    trace = most("trace_id", "true", f"hour(time::TIMESTAMP) = {int(HOUR)}")
    return {"trace": trace, "actor": most("actor", MARKS["audit"], "true"), "user": most("user_id", MARKS["activity"], "true")}


def report(lake_folder: Path, packed: Path, parquet: Path, data: list | None = None) -> str:
    alb = str(parquet.with_name("alb.parquet"))
    known = find_known(parquet, Path(alb))
    time_type = duckdb.execute(f"SELECT typeof(time) FROM read_parquet('{parquet}') LIMIT 1").fetchone()[0]

    sources = [lake(str(lake_folder)), lines(str(packed)), inferred(str(parquet), time_type)]
    asked = [questions(source, known) for source in sources]
    text = [f"{'question':50}{'lake':>18}{'gzip JSON':>18}{'pyarrow file':>18}   lake / gzip", ""]
    behind, wide = [], []
    for name, (is_narrow, _) in asked[0].items():
        answers, seconds, sizes = [], [], []
        for of_source in asked:
            rounds = [ask(of_source[name][1], alb) for _ in range(ROUNDS)]
            answers += [answer for answer, _, _ in rounds]
            seconds.append(statistics.median(second for _, second, _ in rounds))
            sizes.append(min(size for _, _, size in rounds))
        # What DuckDB reads twice to find out what the file is, is not held against it.
        sizes[1] = min(sizes[1], packed.stat().st_size)
        if not answers[0] or any(answer != answers[0] for answer in answers):
            raise SystemExit(f"the answers to '{name}' differ or are empty: {[answer[:2] for answer in answers]}")
        if data is not None:
            data.append({"question": name, "is_narrow": is_narrow, "seconds": seconds, "bytes": sizes})
        cells = "".join(f"{f'{second * 1e3:.0f} ms {size / 1e6:.2f} MB':>18}" for second, size in zip(seconds, sizes))
        text.append(f"{name:50}{cells}   1/{sizes[1] / sizes[0]:.0f}")
        if sizes[0] > sizes[2] or seconds[0] > seconds[2]:
            behind.append(name)
        if is_narrow and sizes[0] > NARROW * sizes[1]:
            wide.append(name)
    text += ["", f"more than 1/20 of the bytes of gzip JSON though narrow: {', '.join(wide) or 'none'}",
             f"behind pyarrow's file in bytes or time: {', '.join(behind) or 'none'}"]
    return "\n".join(text)
