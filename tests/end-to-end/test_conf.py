"""Every configuration that ships works as it is: its words are known, it loads in every host, and its records arrive."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

import boto3
import pytest

import docker
from confs import CONFS, FOLDER, YAMLS, classic_sections, faults_of, sections_of, variables_of, yaml_sections
from conf_run import REGION, TAG, Arrived, counts_of, firelens_main, for_this_machine, has_sent
from conftest import BUCKET, REAL, name_of
from fake_intake import KEY, Intake
from firelens import fresh_records, record
from hosts import DEADLINE_SECONDS, DIST, harness_hosts, stop, wait_until
from stand_ins import SecureAws, Taker, free_address, free_port, make_certificate
from test_fluent_bit import start

# Its YAML is another dialect, which nothing later reads.
YAML_SINCE = (2, 0, 0)
# One line of so many of each file, so that a run takes seconds.
EVERY = 40
WASM = DIST / "shiwake.wasm"
# These are used without FireLens, and have inputs of their own.
WHOLE = ["daemon", "tail-sidecar", "aggregator"]
# These are tested together, by test_aggregator.
TIER = ["to-aggregator", "aggregator"]
TRACE = ["Exception in thread \"main\" java.lang.IllegalStateException: no stock",
         "\tat com.shop.Stock.take(Stock.java:17)", "\tat com.shop.Order.place(Order.java:42)",
         "Caused by: java.io.IOException: broken pipe", "\tat com.shop.Stock.read(Stock.java:5)"]


def skip_where_it_cannot_run(host, conf: Path) -> None:
    """Not every host reads every configuration; which does not, the configuration or README says."""
    if conf.suffix == ".yaml" and host.version < YAML_SINCE:
        pytest.skip(f"{host.name} reads another YAML")
    if conf.stem == "wasm" and host.version < YAML_SINCE:
        pytest.skip(f"{host.name} has no filter for WebAssembly")
    if conf.stem == "wasm" and not WASM.exists():
        pytest.skip(f"{WASM} is not there: run 'make wasm'")


def stem_of(conf: Path) -> str:
    """How a configuration is shown in the name of a test."""
    return conf.name


@pytest.fixture
def environment(tmp_path, monkeypatch) -> dict[str, str]:
    """Variables that the configurations want, with folders and endpoints of this test."""
    values = {
        "LAKE": str(tmp_path / "lake"), "STORE_DIR": str(tmp_path / "spool"), "STORAGE_PATH": str(tmp_path / "storage"),
        "STATE_DIR": str(tmp_path / "state"), "LOG_FILES": str(tmp_path / "*.log"), "RULES": str(FOLDER / "rules.toml"),
        "TRACE_PARSERS": str(FOLDER / "parsers/traces.conf"),
        "WASM_PATH": str(WASM),
        "LOG_GROUP": "/ecs/shop", "DELIVERY_STREAM": "logs", "AUDIT_STREAM": "audit", "DD_API_KEY": KEY,
        "LOGS_ENDPOINT": "localhost", "FIREHOSE_ENDPOINT": "localhost", "KINESIS_ENDPOINT": "localhost",
        "OPENSEARCH_HOST": "localhost", "OPENSEARCH_PORT": "443", "AWS_REGION": REGION,
        "AGGREGATOR_HOST": "localhost", "AGGREGATOR_KEY": "very-secret-key-of-aggregators",
        "DD_ENV": "test", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "very-secret-testing-key",
    }
    (tmp_path / "state").mkdir()
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.mark.parametrize("conf", [*CONFS, *YAMLS], ids=stem_of)
def test_every_word_of_it_is_known(conf, environment):
    assert faults_of(conf) == []
    assert variables_of(conf) <= set(environment)
    comments = "\n".join(line for line in conf.read_text().splitlines() if line.startswith("#"))
    for variable in variables_of(conf) - {"AWS_REGION"}:
        assert variable in comments, f"{conf.name} does not say what {variable} is"


@pytest.mark.parametrize("conf", CONFS, ids=stem_of)
def test_classic_and_yaml_say_the_same(conf):
    def comparable(sections):
        return [(kind, dict(properties)) for kind, properties in sections]

    ours = comparable(yaml_sections(conf.with_suffix(".yaml")))
    if conf.stem not in WHOLE:
        assert [properties["name"] for kind, properties in ours if kind == "INPUT"] == ["forward"]
        ours = [section for section in ours if section[0] != "INPUT"]
    assert ours == comparable(classic_sections(conf))


@pytest.mark.parametrize("conf", [conf for conf in CONFS if "    Name                shiwake" in conf.read_text()], ids=stem_of)
@pytest.mark.parametrize("host", harness_hosts(), ids=name_of)
def test_the_plugin_takes_its_properties(host, conf, firelens_records, environment, intake, ask):
    records, lines = firelens_records
    own: dict[str, list[dict[str, str]]] = {"FILTER": [], "OUTPUT": []}
    for kind, properties in classic_sections(conf):
        if properties.get("name") == "shiwake":
            own[kind].append({key: re.sub(r"\$\{(\w+)\}", lambda match: environment[match[1]], value)
                              for key, value in properties.items() if key not in ("name", "alias", "match", "retry_limit")})
    # Where a filter is all that there is of it, an output shows that what it answers can be read.
    outputs = [properties | ({"dd_url": f"http://127.0.0.1:{intake.port}"} if "datadog" in properties else {"lake": environment["LAKE"]})
               for properties in own["OUTPUT"] or [{}]]
    run = host.run(records, outputs, *own["FILTER"])
    assert run.status == 0, run.log
    assert ask(environment["LAKE"], "SELECT count(*) FROM lake") == [(lines,)]
    assert (intake.entries, intake.violations) == (lines if "datadog" in conf.stem else 0, [])


def test_what_datadog_refuses_lies_in_the_lakes_bucket(firelens_records, environment, client, endpoint):
    records, lines = firelens_records
    (_, properties, _) = [own for _, own in classic_sections(FOLDER / "datadog-and-lake.conf") if own.get("name") == "shiwake"]
    refusing = Intake(status=400)
    own = {key: properties[key] for key in ("datadog", "quarantine")} | {
        "quarantine": properties["quarantine"].replace("${LAKE}", f"s3://{BUCKET}/prod"), "endpoint": endpoint,
        "dd_url": f"http://127.0.0.1:{refusing.port}", "store_dir": environment["STORE_DIR"]}
    run = harness_hosts()[1].run(records, [own])
    refusing.stop()
    assert run.ledgers == [(lines, 0, lines, 0)], run.log
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys and all(key.startswith("prod/quarantine/datadog/") for key in keys), keys


@pytest.mark.parametrize("conf", [*CONFS, *YAMLS], ids=stem_of)
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_a_dry_run_finds_nothing_wrong(host, conf, environment):
    skip_where_it_cannot_run(host, conf)
    done = subprocess.run([*host.command(conf), "--dry-run"], capture_output=True, text=True, timeout=DEADLINE_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "configuration test is successful" in done.stdout + done.stderr
    assert "not set" not in done.stderr, "a variable that this test does not know"


@pytest.fixture(scope="module")
def sent() -> list[dict[str, str]]:
    """Records of every kind, as FireLens has them, and a stack trace in lines."""
    return fresh_records(EVERY) + [record(line, "shop", "shop:7") for line in TRACE]


@pytest.fixture(scope="module")
def addresses() -> tuple[str, str]:
    """Two addresses: of AWS, and of what else records go to."""
    if os.geteuid() != 0 and free_address() is None:
        pytest.skip("Fluent Bit 1.9 speaks to AWS on port 443 only, which this user may not open")
    return free_address(), free_address()


@pytest.fixture(scope="module")
def certificate(addresses, tmp_path_factory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), *addresses)


@pytest.fixture(scope="module")
def secure_aws(addresses, certificate):
    server = SecureAws(addresses[0], certificate)
    yield addresses[0]
    server.stop()


@pytest.fixture
def taker(addresses, certificate):
    taker = Taker(addresses[1], certificate)
    yield taker
    taker.stop()


@pytest.fixture
def intake():
    intake = Intake(most=100_000)
    yield intake
    intake.stop()


@pytest.fixture
def aws(secure_aws, taker, endpoint, client, environment, monkeypatch):
    """AWS with what the configurations want of it, empty."""
    monkeypatch.setenv("AWS_REGION", REGION)
    for name in ("LOGS_ENDPOINT", "FIREHOSE_ENDPOINT", "KINESIS_ENDPOINT"):
        monkeypatch.setenv(name, secure_aws)
    monkeypatch.setenv("OPENSEARCH_HOST", taker.address)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("LAKE", f"s3://{BUCKET}/prod")

    def speak(service):
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION)

    speak("kinesis").create_stream(StreamName="audit", ShardCount=1)
    speak("firehose").create_delivery_stream(
        DeliveryStreamName="logs", ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose", "BucketARN": f"arn:aws:s3:::{BUCKET}", "Prefix": "firehose/"})
    speak("logs").create_log_group(logGroupName="/ecs/shop")
    yield speak
    speak("kinesis").delete_stream(StreamName="audit")
    speak("firehose").delete_delivery_stream(DeliveryStreamName="logs")
    speak("logs").delete_log_group(logGroupName="/ecs/shop")


# The types of which a destination gets records; one that is not named gets all.
SOME = {"kinesis_streams": {"audit"}, "opensearch": {"access", "error"}}


@pytest.mark.parametrize("conf", [conf for conf in [*CONFS, *YAMLS] if conf.stem not in [*WHOLE, *TIER, "multiline"]], ids=stem_of)
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_its_records_arrive(host, conf, sent, aws, taker, intake, certificate, tmp_path):
    skip_where_it_cannot_run(host, conf)
    if conf.stem == "wasm" and host.version >= (5, 0, 0):
        pytest.skip(f"{host.name} runs filters behind forward in coroutines, where its WebAssembly traps: wasm.conf says so")
    forward, http, log = free_port(), free_port(), tmp_path / "log"
    copy = for_this_machine(conf, tmp_path, certificate, forward, http, intake.port)
    main = copy if conf.suffix == ".yaml" else firelens_main(copy, tmp_path, forward)
    outputs = [properties.get("alias", properties["name"]) for kind, properties in sections_of(conf) if kind == "OUTPUT"]
    process = start(host, main, log)
    try:
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"], "the host has started", seconds=30)
        docker.send(forward, [docker.message(TAG, int(time.time()), record) for record in sent])
        wait_until(lambda: has_sent(counts_of(http), outputs, len(sent)), "the records are out", seconds=30)
        status = stop(process)
    finally:
        process.kill()
        text = log.read_text(errors="replace")
        print(text)
    assert status == 0
    assert "secret" not in text and KEY not in text
    arrived = Arrived(aws, taker, intake, tmp_path)
    for name in outputs:
        found = getattr(arrived, name)()
        print(name, found[:1])
        kinds = Counter(entry["type" if name in ("shiwake", "lake") else "log_type"] for entry in found)
        if name in SOME:
            assert set(kinds) == SOME[name], name
            whole = Counter(entry["type"] for entry in arrived.shiwake())
            assert all(kinds[kind] == whole[kind] for kind in kinds), (name, kinds, whole)
        else:
            # When 1.9 breaks its own TLS connection it sends what CloudWatch has taken once more.
            may_double = host.version < YAML_SINCE and name == "cloudwatch_logs"
            assert kinds.total() == len(sent) or (may_double and kinds.total() > len(sent)), (name, kinds)
            assert {"access", "audit", "error", "app"} <= set(kinds), name
        if name == "datadog":
            assert all({"env:test", "task_family:shop"} <= set(entry["ddtags"].split(",")) or "task_family:shop" not in entry["ddtags"]
                       for entry in found)


@pytest.mark.parametrize("conf", [FOLDER / "tail-sidecar.conf", FOLDER / "tail-sidecar.yaml"], ids=stem_of)
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_sidecar_reads_files_through_rotation_and_a_restart(host, conf, environment, certificate, tmp_path, ask):
    skip_where_it_cannot_run(host, conf)
    http, log, app = free_port(), tmp_path / "host-log", tmp_path / "app.log"
    main = for_this_machine(conf, tmp_path, certificate, 0, http)
    write = app.open("w", buffering=1)
    for part in range(3):
        write.writelines(f"INFO part {part} line {number}\n" for number in range(100))
        process = start(host, main, log)
        try:
            wait_until(lambda: process.poll() is not None or counts_of(http)["output"].get("shiwake") == 100, "the part is read")
            # Rotated while the host runs, and written to under the new name as logrotate's users do.
            app.rename(tmp_path / f"app.log.{part}")
            write = app.open("w", buffering=1)
            write.writelines(f"INFO part {part} rotated {number}\n" for number in range(100))
            wait_until(lambda: process.poll() is not None or counts_of(http)["output"].get("shiwake") == 200, "the new file is read")
            assert stop(process) == 0
        finally:
            process.kill()
            print(log.read_text(errors="replace"))
    assert ask(tmp_path / "lake", "SELECT count(*), count(DISTINCT message) FROM lake") == [(600, 600)]


@pytest.mark.parametrize("conf", [FOLDER / "daemon.conf", FOLDER / "daemon.yaml"], ids=stem_of)
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_daemon_takes_the_origin_from_dockers_labels(host, conf, environment, certificate, tmp_path, ask):
    skip_where_it_cannot_run(host, conf)
    forward, http, log = free_port(), free_port(), tmp_path / "log"
    main = for_this_machine(conf, tmp_path, certificate, forward, http)
    labels = {"cluster": "production", "task-arn": "arn:aws:ecs:eu-west-1:123456789012:task/production/0a1b2c",
              "task-definition-family": "shop", "task-definition-version": "7", "container-name": "web"}
    records = [{"log": f"INFO line {number}", "container_id": "c0ffee", "container_name": "/ecs-shop-7-web", "source": "stdout"}
               | {f"com.amazonaws.ecs.{key}": value for key, value in labels.items()} for number in range(50)]
    process = start(host, main, log)
    try:
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"], "the host has started", seconds=30)
        docker.send(forward, [docker.message("ecs-shop-7-web-firelens-c0ffee", int(time.time()), record) for record in records])
        wait_until(lambda: process.poll() is not None or counts_of(http)["output"].get("shiwake") == 50, "the records are out")
        assert stop(process) == 0
    finally:
        process.kill()
        print(log.read_text(errors="replace"))
    assert ask(tmp_path / "lake", "SELECT DISTINCT cluster_name, task_id, task_family, task_version, ecs_container_name, region, "
                                  "count(*) OVER () FROM lake") == [("production", "0a1b2c", "shop", "7", "web", "eu-west-1", 50)]


JAVA = [*TRACE, "INFO done"]
PYTHON = ["Traceback (most recent call last):", '  File "/app/shop.py", line 3, in take', "    stock[key]", "KeyError: 'apple'"]
GO = ["panic: no stock", "", "goroutine 1 [running]:", "main.take(0x1)", "\t/app/main.go:17 +0x1d", "main.main()",
      "\t/app/main.go:42 +0x2f", "exit status 2"]
RUST = ["thread 'main' panicked at src/main.rs:3:5:", "no stock", "stack backtrace:", "   0: rust_begin_unwind",
        "             at /rustc/library/std/src/panicking.rs:645:5", "   1: shop::main", "             at ./src/main.rs:3:5",
        "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace."]
OLD_RUST = ["thread 'main' panicked at 'no stock', src/main.rs:3:5",
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"]
RUBY = ["app.rb:17:in 'Stock#take': no stock (NoStock)", "\tfrom app.rb:42:in 'Order#place'", "\tfrom app.rb:50:in '<main>'"]
NODE = ["Error: no stock", "    at take (/app/shop.js:3:9)", "    at Object.<anonymous> (/app/shop.js:9:1) {", "  code: 'ENOSTOCK'", "}"]
UNHANDLED = ["(node:7) UnhandledPromiseRejectionWarning: Error: no stock", "    at take (/app/shop.js:3:9)"]
DOTNET = ["Unhandled exception. System.InvalidOperationException: no stock", " ---> System.IO.IOException: broken pipe",
          "   at Shop.Stock.Read() in /app/Stock.cs:line 17", "   --- End of inner exception stack trace ---",
          "   at Shop.Order.Place() in /app/Order.cs:line 42"]
# Without a package its head looks like one of Node.
BARE_JAVA = ["StockException: no stock", "\tat Shop.take(Shop.java:3)", "Caused by: java.io.IOException: broken pipe",
             "\tat Shop.read(Shop.java:9)", "\t... 1 more"]
TRACES = [JAVA[:-1], PYTHON, GO[:-1], RUST, OLD_RUST, RUBY, NODE, UNHANDLED, DOTNET, BARE_JAVA]


@pytest.mark.parametrize("conf", [FOLDER / "multiline.conf", FOLDER / "multiline.yaml"], ids=stem_of)
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_a_stack_trace_becomes_one_record(host, conf, environment, certificate, tmp_path, ask):
    skip_where_it_cannot_run(host, conf)
    forward, http, log = free_port(), free_port(), tmp_path / "log"
    copy = for_this_machine(conf, tmp_path, certificate, forward, http)
    main = copy if conf.suffix == ".yaml" else firelens_main(copy, tmp_path, forward)
    process = start(host, main, log)
    try:
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"], "the host has started", seconds=30)
        # More than once: the filter lets go of all it holds twice a second, and may cut a trace there.
        written = [JAVA, PYTHON, GO, *([*trace, "INFO done"] for trace in TRACES[3:])] * 3
        for number, lines in enumerate(written):
            docker.send(forward, [docker.message(f"app{number}-firelens-1", int(time.time()), record(line, "shop", "shop:7"))
                                  for line in lines])
        sent = sum(map(len, written))
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"].get("forward") == sent, "the lines are in")
        assert stop(process) == 0
    finally:
        process.kill()
        print(log.read_text(errors="replace"))
    rows = [message for (message,) in ask(tmp_path / "lake", "SELECT message FROM lake")]
    for trace in TRACES:
        assert "\n".join(trace) in rows
    # Fluent Bit 1.9.10 and 5.1.1 give the line that ends a trace of Python once more.
    again = rows.count(PYTHON[-1]) if host.version[:2] != (4, 2) else 0
    # And 1.9.10 what is behind the head of an exception that holds another, as its parser for Java knows that too.
    if host.version < YAML_SINCE:
        again += sum(len(inner) * rows.count("\n".join(inner)) for inner in (DOTNET[1:], BARE_JAVA[2:]))
    assert sum(len(row.split("\n")) for row in rows) == sent + again


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_a_stack_trace_that_is_held_when_the_stop_signal_comes_is_not_lost(host, environment, certificate, tmp_path, ask):
    forward, http, log = free_port(), free_port(), tmp_path / "log"
    copy = for_this_machine(FOLDER / "multiline.conf", tmp_path, certificate, forward, http)
    process = start(host, firelens_main(copy, tmp_path, forward), log)
    try:
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"], "the host has started", seconds=30)
        docker.send(forward, [docker.message(TAG, int(time.time()), record(line, "shop", "shop:7")) for line in TRACE])
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"].get("forward") == len(TRACE), "the lines are in")
        assert stop(process) == 0
    finally:
        process.kill()
        print(log.read_text(errors="replace"))
    assert ask(tmp_path / "lake", "SELECT count(*), any_value(error_kind) FROM lake") == [(1, "java.lang.IllegalStateException")]


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_inputs_that_firelens_writes_are_told_to_keep_their_chunks_on_disk(host, environment, certificate, tmp_path):
    if host.version < (4, 0, 0):
        pytest.skip(f"{host.name} cannot be told so, which the configuration says")
    forward, http, log = free_port(), free_port(), tmp_path / "log"
    copy = for_this_machine(FOLDER / "audit-no-loss.conf", tmp_path, certificate, forward, http)
    process = start(host, firelens_main(copy, tmp_path, forward), log)
    try:
        wait_until(lambda: process.poll() is not None or counts_of(http)["input"], "the host has started", seconds=30)
        assert stop(process) == 0
    finally:
        process.kill()
        text = log.read_text(errors="replace")
        print(text)
    assert re.search(r"forward\.\d\] storage_strategy='filesystem'", text)
