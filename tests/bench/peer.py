"""Lines of JSON into one Parquet file by another program: `peer.py NAME SOURCE TARGET`. One thread, zstd level 1, dictionaries
and statistics. Says the CPU seconds it took, without loading the library."""

from __future__ import annotations

import json
import os
import sys
import time


def pyarrow(source: str, target: str) -> float:
    import pyarrow
    import pyarrow.json
    import pyarrow.parquet

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    start = time.process_time()
    options = pyarrow.json.ReadOptions(use_threads=False, block_size=16 << 20)
    table = pyarrow.json.read_json(source, read_options=options)
    pyarrow.parquet.write_table(table, target, compression="zstd", compression_level=1)
    return start


def duckdb(source: str, target: str) -> float:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    start = time.process_time()
    connection.execute(f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited')) "
                       f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
    return start


def polars(source: str, target: str) -> float:
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars

    start = time.process_time()
    polars.read_ndjson(source).write_parquet(target, compression="zstd", compression_level=1, statistics=True)
    return start


if __name__ == "__main__":
    name, source, target = sys.argv[1:]
    start = {"pyarrow": pyarrow, "duckdb": duckdb, "polars": polars}[name](source, target)
    print(json.dumps({"cpu_seconds": time.process_time() - start}))
