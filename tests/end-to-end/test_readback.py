"""Generated records, of every type and with values of every kind, found again field by field by DuckDB, pyarrow and polars.

What is expected follows from the records as they were sent, read by another MessagePack library, and from what the
documents say: the table of columns in docs/schema.md and the rules above it. No code of the plugin is used.
"""

from __future__ import annotations

import base64
import json
import math
import mmap
import os
import re
import struct
import subprocess
from pathlib import Path

import duckdb
import msgpack
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hosts import ROOT

RECORDS = int(os.environ.get("READBACK_RECORDS", "100000"))
GENERATOR = ROOT / "target/debug/shiwake-generate"
MAX_TEXT_BYTES = 1 << 20
MAX_DEPTH = 64
EXACT = 1 << 53
COLUMN = re.compile(r"^\| \d+ \| (\w+) \| `(\w+)` \| (\w+) \| (.*) \|$", re.MULTILINE)
# The declared type of the generator: like audit, with these columns.
DECLARED = "billing"
DECLARED_COLUMNS = [("note", "Text", ["note", "remark"]), ("amount", "Float64", ["amount", "amt"]),
                    ("items", "Int32", ["items"]), ("total", "Int64", ["total"]), ("paid", "Bool", ["paid", "is_paid"])]
SEVERITY_WORDS = {"trace": "trace", "debug": "debug", "info": "info", "notice": "notice", "warn": "warn",
                  "warning": "warn", "error": "error", "fatal": "critical", "critical": "critical",
                  "emergency": "emergency"}
SYSLOG = ["emergency", "alert", "critical", "error", "warn", "notice", "info", "debug"]
NO_FIT = object()


class Pairs(tuple):
    """A map as its pairs: keys may come twice, and need not be text."""


def unpack(raw: bytes):
    return msgpack.unpackb(raw, object_pairs_hook=Pairs, strict_map_key=False, unicode_errors="surrogateescape")


def columns_of_types() -> dict[str, list[tuple[str, str, list[str]]]]:
    """Columns by type, as the table in docs/schema.md has them: name, kind, fields."""
    tables: dict[str, list] = {}
    for log_type, name, kind, fields in COLUMN.findall((ROOT / "docs" / "schema.md").read_text()):
        tables.setdefault(log_type, []).append((name, kind, re.findall(r"`([^`]+)`", fields)))
    shared = tables.pop("all")
    types = {log_type: shared + own for log_type, own in tables.items() if log_type != "quarantine"}
    return types | {DECLARED: types["audit"] + DECLARED_COLUMNS}


def is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def same_float(text: str, value: float) -> bool:
    """Whether text is a float's, of 64 bits or of 32."""
    if not math.isfinite(value):
        return text == ("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")
    try:
        read = float(text)
    except ValueError:
        return False
    same = read == value or (abs(read) < 3.5e38 and struct.unpack("f", struct.pack("f", read))[0] == value)
    return same and math.copysign(1, read) == math.copysign(1, value)


def tagged(found, value) -> bool:
    """Bytes that JSON has no word for."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, msgpack.ExtType):
        return found == Pairs([("$ext", value.code), ("data", base64.b64encode(value.data).decode())])
    return found == Pairs([("$bin", base64.b64encode(value).decode())])


def same_json(found, value, depth: int = 0) -> bool:
    """Whether what JSON text was parsed to is a value."""
    if isinstance(value, (list, Pairs)) and depth >= MAX_DEPTH:
        kept = isinstance(found, Pairs) and len(found) == 1 and found[0][0] == "$msgpack"
        return kept and equal(unpack(base64.b64decode(found[0][1])), value)
    if isinstance(value, Pairs):
        return (isinstance(found, Pairs) and len(found) == len(value)
                and all(same_key(a[0], b[0]) and same_json(a[1], b[1], depth + 1) for a, b in zip(found, value)))
    if isinstance(value, list):
        return (isinstance(found, list) and len(found) == len(value)
                and all(same_json(a, b, depth + 1) for a, b in zip(found, value)))
    if isinstance(value, (bytes, msgpack.ExtType)) or (isinstance(value, str) and not is_utf8(value)):
        return tagged(found, value)
    if isinstance(value, float):
        # Numbers are parsed as their text.
        return isinstance(found, (Number, str)) and (math.isfinite(value) == isinstance(found, Number)) and \
            same_float(str(found), value)
    if isinstance(value, int) and not isinstance(value, bool):
        return isinstance(found, Number) and str(found) == str(value)
    return type(found) is type(value) and found == value


class Number(str):
    """A number in JSON, as its text."""


def parse_json(text: str):
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)
    except ValueError:
        return NO_FIT


def equal(a, b) -> bool:
    """Equality in which NaN is itself and true is not 1."""
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and a == b


def same_key(found: str, key) -> bool:
    """Whether text is that of a key within a nested map."""
    if isinstance(key, str) and is_utf8(key):
        return found == key
    if isinstance(key, (str, bytes, msgpack.ExtType, list, Pairs)):
        if not found.startswith("$msgpack:"):
            return False
        return equal(unpack(base64.b64decode(found.removeprefix("$msgpack:"))), key)
    return same_text(found, key) if key is not None else found == "null"


def same_text(found: str | None, value) -> bool:
    """Whether text in the overflow is a value."""
    if value is None or found is None:
        return value is None and found is None
    if isinstance(value, str) and is_utf8(value):
        return found == value
    if isinstance(value, bool):
        return found == ("true" if value else "false")
    if isinstance(value, int):
        return found == str(value)
    if isinstance(value, float):
        return same_float(found, value)
    if isinstance(value, (list, Pairs)) or not isinstance(value, str):
        return same_json(number_free(parse_json(found)), value)
    return tagged(number_free(parse_json(found)), value)


def number_free(found):
    """The type of an extension is a number: compared as one."""
    if isinstance(found, Pairs):
        pairs = Pairs((key, number_free(value)) for key, value in found)
        is_extension = len(pairs) == 2 and pairs[0][0] == "$ext" and isinstance(pairs[0][1], Number)
        return Pairs([("$ext", int(pairs[0][1])), pairs[1]]) if is_extension else pairs
    return [number_free(value) for value in found] if isinstance(found, list) else found


def same_field(found: str, key) -> bool:
    """Whether text is that of a record's own key."""
    return found == "null" if key is None else same_text(found, key)


def as_int(value, bits: int):
    if isinstance(value, bool):
        return NO_FIT
    if isinstance(value, float):
        is_whole = math.isfinite(value) and value == int(value) and abs(value) <= EXACT
        value = int(value) if is_whole and not (value == 0 and math.copysign(1, value) < 0) else None
    elif isinstance(value, str):
        value = int(value) if re.fullmatch(r"0|-?[1-9][0-9]*", value, re.ASCII) else None
    if not isinstance(value, int) or not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        return NO_FIT
    return value


def as_float(value):
    if isinstance(value, bool):
        return NO_FIT
    if isinstance(value, float):
        return value if math.isfinite(value) else NO_FIT
    if isinstance(value, int):
        return float(value) if -EXACT <= value <= EXACT else NO_FIT
    # Text as a float is written that has no exponent and no zeros too many.
    if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", value, re.ASCII):
        return float(value) if len(value.replace(".", "")) < 16 else NO_FIT
    return NO_FIT


def as_severity(value):
    if isinstance(value, str):
        return SEVERITY_WORDS.get(value.lower(), NO_FIT)
    return SYSLOG[value] if isinstance(value, int) and 0 <= value < len(SYSLOG) else NO_FIT


def fits(kind: str, value, found) -> bool:
    """Whether a value belongs into a column of a kind; if so it must be what was found there."""
    if kind in ("Text", "Json", "ContainerName"):
        nested = isinstance(value, (list, Pairs))
        if nested and kind == "Json":
            if found is None:
                # Its JSON is too long for a column, and is found among the attributes; Python's own text of it is about as long.
                assert len(repr(value).encode(errors="replace")) > MAX_TEXT_BYTES // 2, value
                return False
            assert found is not None and same_text(found, value), (kind, value, found)
            return True
        is_text = isinstance(value, str) and is_utf8(value) and len(value.encode()) <= MAX_TEXT_BYTES
        is_scalar = kind != "ContainerName" and isinstance(value, (bool, int, float))
        if not is_text and not is_scalar:
            return False
        if kind == "ContainerName":
            value = value.removeprefix("/")
        assert found is not None and same_text(found, value), (kind, value, found)
        return True
    read = {"Int32": lambda: as_int(value, 32), "Int64": lambda: as_int(value, 64), "Float64": lambda: as_float(value),
            "Bool": lambda: {True: True, False: False, "true": True, "false": False}.get(value, NO_FIT)
            if isinstance(value, (bool, str)) else NO_FIT,
            "Severity": lambda: as_severity(value)}[kind]()
    if read is NO_FIT:
        return False
    assert type(found) is type(read) and found == read, (kind, value, found)
    return True


def micros(time) -> tuple[float, float]:
    """The least and the most microseconds of an event's time."""
    if isinstance(time, msgpack.ExtType):
        seconds, nanoseconds = struct.unpack(">II", time.data)
        exact = seconds * 1_000_000 + nanoseconds // 1_000
        return exact, exact
    return time * 1_000_000 - 1, time * 1_000_000 + 1


def check(event, row: dict, columns: list, log_type: str) -> int:
    """Finds every field of an event in a row; gives the fields that did not fit their column."""
    head, body = event
    time, metadata = head if isinstance(head, list) else (head, Pairs())
    least, most = micros(time)
    assert least <= row["time"] <= most, (time, row["time"])
    assert row["tag"] == "generated"
    is_own = dict((key, value) for key, value in body if key == "log_type")["log_type"] == log_type

    targets = {field: (index, rank) for index, (_, _, fields) in enumerate(columns) for rank, field in enumerate(fields)}
    winners: dict[int, tuple[int, int]] = {}
    for position, (key, value) in enumerate(body):
        if isinstance(key, str) and key in targets:
            index, rank = targets[key]
            if columns[index][1] == "Json" or not isinstance(value, (list, Pairs)):
                winners[index] = min(winners.get(index, (rank, position)), (rank, position))
    left, misfits = [], 0
    for position, (key, value) in enumerate(body):
        if key == "log_type" and is_own and value == log_type:
            continue
        target = targets.get(key) if isinstance(key, str) else None
        if target is None:
            left.append((key, value))
            continue
        name, kind, _ = columns[target[0]]
        if winners.get(target[0]) != (target[1], position):
            misfits += isinstance(value, (list, Pairs)) and kind != "Json"
            left.append((key, value))
        elif value is None:
            assert row[name] is None, (name, row[name])
        elif not fits(kind, value, row[name]):
            assert row[name] is None, (name, value, row[name])
            misfits += 1
            left.append((key, value))
        elif kind == "Severity" and row[name] != value:
            left.append((key, value))
    for index, (name, kind, _) in enumerate(columns):
        # The plugin adds a severity to records that have none.
        if index not in winners and kind not in ("Time", "Tag") and is_own and name != "severity":
            assert row[name] is None, (name, row[name])
    if metadata:
        left.append(("metadata", metadata))
    overflow = list(row["attributes"])
    assert len({key for key, _ in overflow}) == len(overflow), "a key is there twice"
    # Under its own name first: a field may be called what another, there twice, is renamed to. Of the others text first, as a
    # float may be written in several ways.
    renamed = []
    for key, value in left:
        match = next((entry for entry in overflow if entry[0] == key and is_entry(entry, key, value)), None)
        if match:
            overflow.remove(match)
        else:
            renamed.append((key, value))
    for key, value in sorted(renamed, key=lambda field: not isinstance(field[1], str)):
        match = next((entry for entry in overflow if is_entry(entry, key, value)), None)
        assert match, f"{key!r}: {value!r} is neither in a column nor in {row['attributes']!r}"
        overflow.remove(match)
    assert not overflow or not is_own, f"nobody sent {overflow!r}"
    return misfits


def is_entry(entry: tuple[str, str | None], key, value) -> bool:
    """Whether an entry of the overflow is a field; one that came twice has a number behind its name."""
    name, _, number = entry[0].rpartition("#")
    is_named = same_field(entry[0], key) or (number.isdigit() and same_field(name, key))
    return is_named and same_text(entry[1], value)


def rows_of(table: pa.Table) -> list[dict]:
    table = table.set_column(0, "time", table["time"].cast(pa.int64()))
    return table.to_pylist(maps_as_pydicts=None)


def by_duckdb(file: Path) -> list[dict]:
    query = f"SELECT * REPLACE (epoch_us(time) AS time) FROM read_parquet('{file}', hive_partitioning = false)"
    cursor = duckdb.connect().execute(query)
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row)) for row in cursor.fetchall()]
    for row in rows:
        attributes = row["attributes"]
        row["attributes"] = list(attributes.items())
    return rows


def by_polars(file: Path) -> list[dict]:
    frame = polars.read_parquet(file, hive_partitioning=False)
    rows = frame.with_columns(polars.col("time").dt.epoch("us")).to_dicts()
    for row in rows:
        row["attributes"] = list(row["attributes"].items())
    return rows


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A lake, the records as they were sent, and where each of them begins."""
    folder = tmp_path_factory.mktemp("generated")
    lake, sent = folder / "lake", folder / "sent.msgpack"
    command = [str(GENERATOR), "--records", str(RECORDS), "--seed", "9", str(lake), str(sent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    with sent.open("rb") as file:
        raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    offsets, unpacker = [0], msgpack.Unpacker(max_buffer_size=1 << 31)
    with sent.open("rb") as file:
        while piece := file.read(1 << 22):
            unpacker.feed(piece)
            while True:
                try:
                    unpacker.skip()
                except msgpack.OutOfData:
                    break
                offsets.append(unpacker.tell())
    assert len(offsets) == RECORDS + 1
    return lake, raw, offsets


def test_every_field_of_every_record_is_found_again(generated):
    lake, raw, offsets = generated
    types, found = columns_of_types(), bytearray(RECORDS)
    seen: dict[str, int] = {}
    for file in sorted(lake.rglob("*.parquet")):
        log_type = file.relative_to(lake).parts[0].removeprefix("type=")
        columns, misfits = types[log_type], 0
        table = pq.read_table(file, partitioning=None)
        assert table.column_names == [name for name, _, _ in columns] + ["attributes"]
        rows = rows_of(table)
        for row, *others in zip(rows, by_duckdb(file), by_polars(file), strict=True):
            for other in others:
                assert equal_rows(row, other), (row, other)
            number = next(int(value) for key, value in row["attributes"] if key == "n")
            assert not found[number], f"record {number} is there twice"
            found[number] = 1
            event = unpack(raw[offsets[number]:offsets[number + 1]])
            misfits += check(event, row, columns, log_type)
            seen[log_type] = seen.get(log_type, 0) + 1
        assert int(pq.ParquetFile(file).metadata.metadata[b"shiwake.misfits"]) == misfits, file
    assert found.count(1) == RECORDS
    assert set(seen) == set(types) and min(seen.values()) > RECORDS // 20, seen


def equal_rows(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(
        value == b[key] or (isinstance(value, float) and struct.pack("d", value) == struct.pack("d", b[key]))
        for key, value in a.items())
