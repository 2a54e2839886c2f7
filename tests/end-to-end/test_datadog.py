"""Records to Datadog through every host: a fake intake that looks at every payload, and answers everything the API may answer.

DATADOG_RECORDS says how many records the test with faults has (default 20,000), and DATADOG_BENCH=1 runs the comparison with Fluent
Bit's own output, which takes minutes."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow
import pytest

from conftest import ALL, REAL, name_of
from fake_intake import KEY, Intake
from hosts import FILTER, OUTPUT, ROOT, harness_hosts
from tls import Authority, TunnelProxy

RECORDS = int(os.environ.get("DATADOG_RECORDS", "20000"))
BENCH_RECORDS = int(os.environ.get("DATADOG_BENCH_RECORDS", "300000"))
LEDGER = re.compile(r"ledger at exit: in=(\d+) written=(\d+) quarantined=(\d+) pending=(\d+)(.*)")
#: What FireLens adds to a record.
ECS = {"container_id": "0a1b2c3d4e5f", "container_name": "/ecs-shop-3-web-0a1b", "source": "stdout", "ecs_cluster": "prod",
       "ecs_task_arn": "arn:aws-us-gov:ecs:us-gov-west-1:123456789012:task/prod/0a1b2c3d", "ecs_task_definition": "shop:3"}


@pytest.fixture
def intake():
    """Starts intakes, and stops them in the end."""
    started = []

    def start(**how) -> Intake:
        started.append(Intake(**how))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def write_records(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"log": f"line {number:07d}", "log_type": "app", **ECS}) + "\n")
    return path


def quarantined(folder: Path) -> tuple[Counter, Counter]:
    """Messages and reasons of what was kept of refused records."""
    messages, reasons = Counter(), Counter()
    for path in (folder / "quarantine/datadog").glob("*.ndjson.zst"):
        text = io.TextIOWrapper(pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd"), "utf-8").read()
        head, *lines = [json.loads(line) for line in text.splitlines()]
        reasons[head["reason"].split(":")[0]] += 1
        messages.update(line["message"] for line in lines)
    return messages, reasons


@pytest.mark.parametrize("host", [ALL[1], *REAL], ids=name_of)
def test_a_type_can_go_to_datadog_alone_and_another_to_the_lake_alone(host, intake, tmp_path, ask, account):
    taken = intake()
    types = ("app", "trace", "error")
    with (tmp_path / "records.ndjson").open("w") as file:
        for number in range(900):
            file.write(json.dumps({"log": f"line {number:07d}", "log_type": types[number % 3], **ECS}) + "\n")
    run = host.run(tmp_path / "records.ndjson", [{"lake": str(tmp_path / "lake"), "apikey": KEY, "to_lake": "trace=off",
                                                  "datadog": "error=off", "dd_url": f"http://127.0.0.1:{taken.port}"}])
    assert (run.status, taken.violations, run.ledgers) == (0, [], [(900, 900, 0, 0)]), run.log
    assert "(all but trace)" in run.log
    rows = ask(tmp_path / "lake", "SELECT type, count(*), count(DISTINCT message) FROM lake GROUP BY ALL ORDER BY ALL")
    assert rows == [("app", 300, 300), ("error", 300, 300)]
    lines = {f"line {number:07d}" for number in range(900) if number % 3 != 2}
    assert (set(taken.kept), set(taken.kept.values())) == (lines, {1})
    status, report = account(tmp_path / "lake")
    assert status == 0, report


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_records_are_in_the_lake_and_in_datadog_with_the_same_identity(host, intake, tmp_path, ask):
    taken = intake()
    records = write_records(tmp_path / "records.ndjson", 2_500)
    run = host.run(records, [{"lake": str(tmp_path / "lake"), "apikey": KEY, "dd_url": f"http://127.0.0.1:{taken.port}"}],
                   {"dd_tags": "Team:Shop"})
    assert run.status == 0, run.log
    assert taken.violations == []
    assert (len(taken.kept), set(taken.kept.values())) == (2_500, {1}), "each once"
    assert run.ledgers == [(2_500, 2_500, 0, 0)] and " datadog=2500" in run.log
    assert KEY not in run.log
    entry = taken.samples[0]
    columns = ask(tmp_path / "lake", f"""SELECT ddtags, service, epoch_ms(time), region, task_arn, cluster_name
                                         FROM lake WHERE message = '{entry["message"]}'""")
    assert [entry["ddtags"], entry["service"]] == list(columns[0][:2])
    assert 0 <= entry["timestamp"] - columns[0][2] <= 1, "milliseconds, rounded"
    tags = entry["ddtags"].split(",")
    assert {f"region:{columns[0][3]}", f"task_arn:{columns[0][4]}", f"cluster_name:{columns[0][5]}"} <= set(tags)
    assert columns[0][3] == "us-gov-west-1" and len(tags) == len(set(tags))
    assert not {"task_arn", "ecs_task_arn", "container_id", "region"} & set(entry), "what is a tag is not an attribute too"


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_one_in_twenty_of_every_fault_and_every_record_is_there_once_or_in_quarantine(host, intake, tmp_path):
    taken = intake(faults=True)
    records = write_records(tmp_path / "records.ndjson", RECORDS)
    run = host.run(records, [{"apikey": KEY, "dd_url": f"http://127.0.0.1:{taken.port}", "store_dir": str(tmp_path / "spool"),
                              "quarantine": str(tmp_path / "kept"), "shutdown_timeout": "100s"}])
    assert run.status == 0, run.log
    assert taken.violations == []
    kept, reasons = quarantined(tmp_path / "kept")
    everywhere = taken.kept + kept
    assert len(everywhere) == RECORDS and set(everywhere.values()) == {1}
    taken_in, written, refused, pending, rest = LEDGER.search(run.log).groups()
    assert (int(taken_in), int(written), int(refused), int(pending)) == (RECORDS, sum(taken.kept.values()), sum(kept.values()), 0)
    assert f" datadog={written} " in rest + " " and (not kept or f" datadog_refused={refused}" in rest)
    assert set(reasons) <= {f"Datadog answers {status}" for status in (400, 401, 403, 413)}
    print(f"{host.name}: {taken.requests} requests, {dict(taken.answers)}, {len(kept)} records in quarantine")


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_a_section_of_out_datadog_works_with_another_name(host, intake, tmp_path):
    """`Host`, `Port` and `TLS` are the host's own properties: they reach the plugin all the same."""
    taken = intake()
    records = write_records(tmp_path / "records.ndjson", 100)
    section = {"Host": "127.0.0.1", "Port": str(taken.port), "TLS": "off", "apikey": KEY, "compress": "gzip", "provider": "ecs",
               "dd_service": "shop", "dd_source": "nginx", "dd_tags": "team:shop", "dd_hostname": "web-1",
               "include_tag_key": "true", "tag_key": "from", "json_date_key": "date"}
    run = host.run(records, [section])
    assert run.status == 0, run.log
    assert (len(taken.kept), taken.violations) == (100, [])
    entry = taken.samples[0]
    assert {"service": "shop", "ddsource": "nginx", "hostname": "web-1", "from": "app-firelens-0a1b2c"}.items() <= entry.items()
    assert "date" in entry and "team:shop" in entry["ddtags"].split(",")


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_tls_on_is_taken_as_the_intakes(host, tmp_path):
    records = write_records(tmp_path / "records.ndjson", 1)
    run = host.run(records, [{"Host": "127.0.0.1", "Port": "9", "TLS": "on", "apikey": KEY, "shutdown_timeout": "1s"}])
    assert "Datadog at 'https://127.0.0.1:9/api/v2/logs'" in run.log, run.log
    assert "1 records (app 1) could not be written" in run.log, run.log


TLS_HOSTS = [harness_hosts()[1], *REAL]
NOT_TRUSTED = "To fix it: the authority that signed this certificate is not known here"


@pytest.mark.parametrize("host", TLS_HOSTS, ids=name_of)
def test_an_intake_with_tls_is_trusted_by_an_authority_that_is_named_and_by_no_other(host, intake, tmp_path, monkeypatch):
    (tmp_path / "ours").mkdir()
    (tmp_path / "others").mkdir()
    ours, others = Authority(tmp_path / "ours"), Authority(tmp_path / "others")
    taken = intake(tls=ours.context)
    records = write_records(tmp_path / "records.ndjson", 1_500)
    section = {"apikey": KEY, "dd_url": f"https://127.0.0.1:{taken.port}"}
    monkeypatch.setenv("SSL_CERT_FILE", str(others.certificate))
    run = host.run(records, [{**section, "shutdown_timeout": "2s"}])
    assert NOT_TRUSTED in run.log and "invalid peer certificate" in run.log, run.log
    assert (taken.requests, run.ledgers) == (0, [(1_500, 0, 0, 1_500)]), "nothing was sent to a stranger, and it is said"
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.certificate))
    run = host.run(records, [section])
    assert run.status == 0 and NOT_TRUSTED not in run.log, run.log
    assert (len(taken.kept), set(taken.kept.values()), taken.violations) == (1_500, {1}, [])


@pytest.mark.parametrize("host", TLS_HOSTS, ids=name_of)
@pytest.mark.parametrize("by", ["property", "environment"])
def test_a_proxy_opens_the_way_to_an_intake_with_tls(host, by, intake, tmp_path, monkeypatch):
    authority = Authority(tmp_path)
    taken, proxy = intake(tls=authority.context), TunnelProxy()
    records = write_records(tmp_path / "records.ndjson", 1_500)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    section = {"apikey": KEY, "dd_url": f"https://127.0.0.1:{taken.port}"}
    address = f"http://shop:pa55word@127.0.0.1:{proxy.port}"
    if by == "property":
        section["proxy"] = address
    else:
        monkeypatch.setenv("HTTPS_PROXY", address)
    run = host.run(records, [section])
    proxy.stop()
    assert run.status == 0, run.log
    assert (len(taken.kept), set(taken.kept.values()), taken.violations) == (1_500, {1}, [])
    assert proxy.heads and all(head.startswith(f"CONNECT 127.0.0.1:{taken.port} ") for head in proxy.heads)
    given = "Basic " + base64.b64encode(b"shop:pa55word").decode()
    assert all(f"proxy-authorization: {given}".lower() in head.lower() for head in proxy.heads)
    assert KEY not in "".join(proxy.heads), "the proxy sees no key"
    assert "pa55word" not in run.log


def cpu_of(binary: Path, records: Path, output: dict[str, str], folder: Path, uses_filter: bool) -> tuple[float, float, dict]:
    """User and system CPU seconds of a Fluent Bit, and what an intake of its own process has seen."""
    program = [sys.executable, str(Path(__file__).with_name("fake_intake.py")), "count", "lax"]
    intake = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = intake.stdout.readline().strip()
    output = {key: value.replace("PORT", port) for key, value in output.items()}
    (folder / "parsers.conf").write_text("[PARSER]\n    Name whole\n    Format json\n")
    sections = [("SERVICE", {"Flush": "0.5", "Grace": "60", "Log_Level": "warn", "Parsers_File": folder / "parsers.conf"}),
                ("INPUT", {"Name": "tail", "Path": records, "Read_from_Head": "on", "Exit_On_Eof": "on", "Parser": "whole",
                           "Tag": "app", "Buffer_Max_Size": "4M", "Mem_Buf_Limit": "200M"})]
    if uses_filter:
        sections.append(("FILTER", {"Name": "shiwake", "Match": "*", "dd_tags": "team:logs"}))
    sections.append(("OUTPUT", {"Match": "*", **output}))
    config = folder / "bench.conf"
    config.write_text("\n".join(f"[{name}]\n" + "\n".join(f"    {key} {value}" for key, value in entries.items())
                                for name, entries in sections) + "\n")
    process = subprocess.Popen([str(binary), "-e", str(FILTER), "-e", str(OUTPUT), "-c", str(config)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    seen = json.loads(intake.communicate("")[0])
    return usage.ru_utime, usage.ru_stime, seen


@pytest.mark.skipif("DATADOG_BENCH" not in os.environ, reason="DATADOG_BENCH is not set")
@pytest.mark.parametrize("uses_filter", [False, True], ids=["raw records", "behind the filter"])
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_cpu_that_a_record_costs_beside_out_datadog(host, uses_filter, tmp_path):
    """The same records to the same intake, through Fluent Bit's own output and this one; CPU seconds above those of reading."""
    records = tmp_path / "records.ndjson"
    lines = (ROOT / "tests/data/access_apache_combined.log").read_text().splitlines()
    with records.open("w") as file:
        for number in range(BENCH_RECORDS):
            file.write(json.dumps({"log": lines[number % len(lines)], **ECS, "number": number}) + "\n")
    datadog = {"Host": "127.0.0.1", "Port": "PORT", "TLS": "off", "apikey": KEY, "compress": "gzip", "provider": "ecs",
               "dd_service": "shop", "dd_source": "apache", "dd_tags": "team:logs", "Retry_Limit": "no_limits"}
    outputs = {"null": {"Name": "null"}, "datadog gzip": {"Name": "datadog", **datadog},
               "shiwake gzip": {"Name": "shiwake", **datadog}, "shiwake zstd": {"Name": "shiwake", **datadog, "compress": "zstd"}}
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in outputs}
    for _ in range(3):
        for name, output in outputs.items():
            user, system, seen = cpu_of(host.binary, records, output, tmp_path, uses_filter)
            assert name == "null" or seen["entries"] == BENCH_RECORDS, seen
            costs[name].append((user + system, user))
    median = {name: [sorted(column)[1] for column in zip(*rows)] for name, rows in costs.items()}
    above = {name: [value - base for value, base in zip(values, median["null"])] for name, values in median.items()}
    for name, (total, user) in above.items():
        print(f"{name}: {median[name][0]:.2f} s in all, above null {total:.2f} s of CPU, {user:.2f} s of them user")
    ratio = {name: above["datadog gzip"][0] / above[name][0] for name in ("shiwake gzip", "shiwake zstd")}
    print("out_datadog costs " + ", ".join(f"{factor:.2f} x {name}" for name, factor in ratio.items()))
    assert ratio["shiwake zstd"] > 1, ratio
