"""What only a real Fluent Bit shows: workers, several instances, storage, hot reload, signals."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import REAL, name_of
from hosts import DEADLINE_SECONDS, FILTER, OUTPUT, stop, wait_until

HOT_RELOAD_SINCE = (2, 1, 0)


@pytest.mark.parametrize("storage", ["memory", "filesystem"])
@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_rows_are_records_with_any_number_of_workers(host, workers, storage, firelens_records, tmp_path, ask):
    records, lines = firelens_records
    run = host.run(records, [{"lake": str(tmp_path)}], workers=workers, storage=storage)
    assert run.status == 0, run.log
    # Newer hosts start the workers of such a plugin twice and use freed memory at exit; the plugin does without them.
    assert host.version < HOT_RELOAD_SINCE or "worker #" not in run.log, run.log
    assert run.ledgers == [(lines, lines, 0, 0)], run.log
    assert ask(tmp_path, "SELECT count(*) FROM lake") == [(lines,)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_two_instances_write_two_lakes(host, workers, firelens_records, tmp_path, ask):
    records, lines = firelens_records
    lakes = [tmp_path / "one", tmp_path / "two"]
    run = host.run(records, [{"lake": str(lake)} for lake in lakes], workers=workers)
    assert run.ledgers == [(lines, lines, 0, 0)] * 2, run.log
    assert run.status == 0, run.log
    for lake in lakes:
        assert ask(lake, "SELECT count(*) FROM lake") == [(lines,)]


#: Lines with a time of their own, which becomes the record's, lines with one that Fluent Bit takes for a group's marker or leaves out,
#: and lines without.
TIMED = '10.0.0.{number} - - [02/Mar/2026:09:00:0{number} +0000] "GET /{number} HTTP/1.1" 200 17 "-" "curl/8"\n'
TIMED_FROM = 1_772_442_000
BEYOND = ["19/Jan/2038:03:14:08", "07/Feb/2106:06:28:14", "07/Feb/2106:06:28:15"]
LUA = 'function seen(tag, time, record)\n  record["seen"] = string.format("%d", time)\n  return 2, time, record\nend\n'


@pytest.mark.parametrize("storage", ["memory", "filesystem"])
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_filters_and_outputs_of_the_host_read_what_the_filter_leaves(host, storage, tmp_path):
    (tmp_path / "seen.lua").write_text(LUA)
    beyond = [f'10.0.0.9 - - [{time} +0000] "GET /late HTTP/1.1" 200 17 "-" "curl/8"\n' for time in BEYOND]
    lines = [TIMED.format(number=number) + f"INFO line {number}\n" for number in range(10)]
    (tmp_path / "app.log").write_text("".join(beyond + lines))
    config = tmp_path / "fluent-bit.conf"
    config.write_text(f"""
[SERVICE]
    Flush 0.2
    Grace 5
    storage.path {tmp_path}/storage
[INPUT]
    Name tail
    Path {tmp_path}/app.log
    Read_from_Head on
    Exit_On_Eof on
    Tag app
    Key log
    storage.type {storage}
[FILTER]
    Name shiwake
    Match *
[FILTER]
    Name lua
    Match *
    script {tmp_path}/seen.lua
    call seen
[FILTER]
    Name modify
    Match *
    Add modified yes
[FILTER]
    Name record_modifier
    Match *
    Remove_key log
[OUTPUT]
    Name file
    Match *
    Path {tmp_path}
    File out
    Format plain
""")
    done = subprocess.run(host.command(config), capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert done.returncode == 0 and "[error]" not in done.stderr, done.stderr
    records = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert len(records) == 23 and all(record["modified"] == "yes" and "log" not in record for record in records), records
    late = [record for record in records if record.get("path") == "/late"]
    timed = [record for record in records if record["log_type"] == "access" and record not in late]
    assert [(record["path"], record["status"]) for record in timed] == [(f"/{number}", 200) for number in range(10)]
    assert [int(record["seen"]) for record in timed] == [TIMED_FROM + number for number in range(10)]
    others = [record for record in records if record not in timed]
    assert len(others) == 13 and all(TIMED_FROM + 10 < int(record["seen"]) < 2**31 for record in others)


def start(host, config: Path, log: Path, *options: str) -> subprocess.Popen:
    """Starts a Fluent Bit that runs until it is stopped."""
    command = [str(host.binary), "-e", str(FILTER), "-e", str(OUTPUT), *options, "-c", str(config)]
    return subprocess.Popen(command, stdout=log.open("ab"), stderr=subprocess.STDOUT)


def write_config(folder: Path, lake: Path, service: str = "", output: str = "") -> Path:
    config = folder / "fluent-bit.conf"
    config.write_text(f"""
[SERVICE]
    Flush 0.2
    Grace 2
{service}
[INPUT]
    Name tail
    Path {folder}/app.log
    DB {folder}/tail.db
    Read_from_Head on
    Refresh_Interval 1
    Tag app
    Key log
[FILTER]
    Name shiwake
    Match *
[OUTPUT]
    Name shiwake
    Match *
    lake {lake}
    shutdown_timeout 60s
{output}
""")
    return config


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_stop_signal_writes_what_is_pending(host, tmp_path, ask):
    log = tmp_path / "log"
    with (tmp_path / "app.log").open("w") as app:
        app.writelines(f"INFO line {number}\n" for number in range(1_000))
    process = start(host, write_config(tmp_path, tmp_path / "lake"), log)
    # The host reads and hands over; nothing is due for minutes. Bytes read stand in the tail's own database.
    wait_until(lambda: "shiwake" in log.read_text(), "the plugin has started")
    wait_until(lambda: tail_has_read(tmp_path), "the file is read")
    assert stop(process) == 0, log.read_text()
    assert ask(tmp_path / "lake", "SELECT count(*), count(DISTINCT message) FROM lake") == [(1_000, 1_000)]


def tail_has_read(folder: Path) -> bool:
    import sqlite3

    if not (folder / "tail.db").exists():
        return False
    try:
        with sqlite3.connect(f"file:{folder}/tail.db?mode=ro", uri=True) as database:
            row = database.execute("SELECT offset FROM in_tail_files").fetchone()
    except sqlite3.OperationalError:
        return False
    return row is not None and row[0] == (folder / "app.log").stat().st_size


def reloads_of(port: int) -> int | None:
    """How often the host says that it was reloaded, when it says anything."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/reload") as answer:
            return json.load(answer)["hot_reload_count"]
    except urllib.error.URLError:
        return None


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_hot_reload_loses_and_doubles_nothing(host, tmp_path, ask):
    if host.version < HOT_RELOAD_SINCE:
        pytest.skip(f"{host.name} has no hot reload")
    log, port = tmp_path / "log", 20_000 + hash(str(tmp_path)) % 20_000
    service = f"    HTTP_Server on\n    HTTP_Listen 127.0.0.1\n    HTTP_Port {port}\n    Hot_Reload on\n"
    config = write_config(tmp_path, tmp_path / "lake", service)
    app = (tmp_path / "app.log").open("w", buffering=1)
    process = start(host, config, log, "-Y")
    reloads = 5
    for reload in range(reloads):
        app.writelines(f"INFO line {reload} {number}\n" for number in range(200))
        wait_until(lambda: log.read_text().count("writes to") > reload, f"start {reload}")
        wait_until(lambda: tail_has_read(tmp_path), "the file is read")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.read_text().count("ledger at exit") > reload, f"exit {reload}")
    wait_until(lambda: log.read_text().count("writes to") > reloads, "the last start")
    # The host opens its page after the plugins have started.
    wait_until(lambda: reloads_of(port) is not None, "the page of reloads")
    assert reloads_of(port) == reloads
    app.writelines(f"INFO line last {number}\n" for number in range(200))
    wait_until(lambda: tail_has_read(tmp_path), "the file is read")
    assert stop(process) == 0, log.read_text()
    expected = (reloads + 1) * 200
    assert ask(tmp_path / "lake", "SELECT count(*), count(DISTINCT message) FROM lake") == [(expected, expected)]
