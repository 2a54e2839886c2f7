"""The image as far as it goes without a container engine: linters, the last stage in a chroot with real hosts, SBOM, size."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import docker
from conf_run import counts_of
from confs import CONFS
from conftest import REAL, name_of
from firelens import record
from hosts import DIST, ROOT, stop, wait_until
from image_root import CHROOT, DOCKERFILE, IMAGE, TABLES_DOCKERFILE, Root, context_files, stages_of
from stand_ins import free_port

TOOLS = Path(sys.executable).parent
# What the last stage may add to the base, in bytes, beside the command, and the command; docs/operations.md states what they do.
MOST_ADDED_BYTES = 16_000_000
MOST_COMMAND_BYTES = 16_000_000
# A start script of the same form as those of aws-for-fluent-bit.
BASE_SCRIPT = """#!/bin/bash
echo -n "base version "
cat /AWS_FOR_FLUENT_BIT_VERSION
exec /fluent-bit/bin/fluent-bit -R /fluent-bit/etc/base-parsers.conf -c /fluent-bit/etc/fluent-bit.conf
"""
# An init process of the same form: it writes the call and what goes before it.
INIT_PROCESS = """#!/bin/bash
mkdir -p {folder}
echo '@INCLUDE /fluent-bit/etc/fluent-bit.conf' > {folder}/fluent-bit-init.conf
echo 'export FROM_INIT=from-init
exec /fluent-bit/bin/fluent-bit -c {folder}/fluent-bit-init.conf' > {folder}/invoke_fluent_bit.sh
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot is for root")


@pytest.mark.parametrize("dockerfile", [DOCKERFILE, TABLES_DOCKERFILE], ids=["router", "committer"])
def test_a_linter_finds_nothing_in_the_dockerfile(dockerfile):
    done = subprocess.run([TOOLS / "hadolint", str(dockerfile)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("script", ["entrypoint.sh", "healthcheck.sh"])
def test_a_linter_finds_nothing_in_the_scripts(script):
    done = subprocess.run([TOOLS / "shellcheck", str(IMAGE / script)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_dockerfile_has_the_stages_that_its_arguments_choose_from():
    stages = stages_of(DOCKERFILE)
    assert [stage.name for stage in stages] == ["build", "built", "prebuilt", "plugin", ""]
    assert (stages[-2].base, stages[-1].base) == ("${PLUGIN}", "${BASE}")
    assert [word for word, _ in stages[-1].instructions].count("RUN") == 0, "the base has no tools to count on"


def test_the_image_of_the_committer_starts_the_command_itself():
    build, last = stages_of(TABLES_DOCKERFILE)
    assert (build.name, last.base) == ("build", "public.ecr.aws/lambda/provided:al2023")
    (copied,) = [rest.split() for word, rest in last.instructions if word == "COPY"]
    (entrypoint,) = [json.loads(rest) for word, rest in last.instructions if word == "ENTRYPOINT"]
    assert copied == ["--from=build", "/target/release/shiwake-table", "/var/runtime/bootstrap"] and entrypoint == [copied[-1]]


@pytest.mark.parametrize(("dockerfile", "manifest"), [(DOCKERFILE, "Cargo.toml"), (TABLES_DOCKERFILE, "plugin/tables/Cargo.toml")],
                         ids=["router", "committer"])
def test_the_rust_of_the_image_is_the_one_that_the_workspace_needs(dockerfile, manifest):
    manifest = tomllib.loads((ROOT / manifest).read_text())
    oldest = manifest.get("package", manifest["workspace"].get("package"))["rust-version"]
    (version,) = re.findall(r"ARG RUST_VERSION=(\S+)", dockerfile.read_text())
    assert version.split(".")[:2] == oldest.split(".")[:2]


@pytest.mark.parametrize(("dockerfile", "workspaces"), [(DOCKERFILE, ["."]), (TABLES_DOCKERFILE, [".", "plugin/tables"])],
                         ids=["router", "committer"])
def test_the_build_sees_all_of_the_workspace_and_nothing_that_is_not_asked_for(dockerfile, workspaces, tmp_path):
    files = context_files(dockerfile.with_suffix(".dockerignore"))
    for path in files:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    for workspace in workspaces:
        done = subprocess.run(["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"], cwd=tmp_path / workspace,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    assert not [path for path in files if path.name.startswith(".env") or ".git" in path.parts]


@pytest.fixture(scope="module")
def bom() -> str:
    return subprocess.run([sys.executable, str(IMAGE / "sbom.py")], capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_sbom_is_valid_and_names_what_is_linked_and_nothing_else(bom):
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(bom) is None
    names = {component["name"] for component in json.loads(bom)["components"]}
    assert {"parquet", "object_store", "ring", "tokio", "shiwake-records"} <= names
    assert not names & {"proptest", "criterion", "shiwake-harness", "clap"}, "these are for tests and for the command"
    for component in json.loads(bom)["components"]:
        assert component["licenses"], component
        assert component["name"].startswith("shiwake-") or component["hashes"], component


def test_the_sbom_of_the_same_source_is_the_same(bom):
    again = subprocess.run([sys.executable, str(IMAGE / "sbom.py")], capture_output=True, text=True, check=True, timeout=120).stdout
    assert again == bom


@pytest.fixture(scope="module", autouse=True)
def dist(bom):
    """The stage `prebuilt` takes the SBOM from dist/."""
    (ROOT / "dist/shiwake.cdx.json").write_text(bom)


def firelens_main(root: Root, forward: int, http: int) -> None:
    """What FireLens puts at the place of the base's configuration."""
    (root.folder / "fluent-bit/etc/base-parsers.conf").write_text("[PARSER]\n    Name base\n    Format json\n")
    conf = root.folder / "shiwake/conf/lake-only.conf"
    conf.write_text(conf.read_text().replace("2020", str(http)))
    (root.folder / "fluent-bit/etc/fluent-bit.conf").write_text(f"""
[INPUT]
    Name forward
    Listen 127.0.0.1
    Port {forward}
[FILTER]
    Name record_modifier
    Match *
    Record from_init ${{FROM_INIT}}
@INCLUDE /shiwake/conf/lake-only.conf
""")


@needs_root
@pytest.mark.parametrize("variant", ["plain", "init in /init", "init in /tmp/init"])
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_image_starts_as_its_base_and_loads_the_plugin(host, variant, tmp_path, ask):
    root = Root(tmp_path / "root", host.binary, BASE_SCRIPT)
    if variant != "plain":
        root.write("init/fluent_bit_init_process", INIT_PROCESS.format(folder=variant.removeprefix("init in ")))
    forward, http, log = free_port(), free_port(), tmp_path / "log"
    firelens_main(root, forward, http)
    process = root.start(log, LAKE="/lake", FROM_INIT="plain")
    try:
        wait_until(lambda: process.poll() is not None or root.is_healthy(str(http)), "the image is healthy", seconds=30)
        docker.send(forward, [docker.message("app-firelens-1", int(time.time()), record(f"INFO {number}", "app", "shop:7"))
                              for number in range(100)])
        wait_until(lambda: process.poll() is not None or counts_of(http)["output"].get("shiwake") == 100, "records are in the spool")
        # The signal reaches Fluent Bit itself: the scripts have made room for it.
        status = stop(process)
    finally:
        process.kill()
        text = log.read_text(errors="replace")
        print(text)
    assert status == 0
    assert not root.is_healthy(str(http))
    assert ("base version 9.9.9" in text) == (variant == "plain")
    origin = "plain" if variant == "plain" else "from-init"
    assert ask(root.folder / "lake", "SELECT attributes['from_init'], count(*) FROM lake GROUP BY ALL") == [(origin, 100)]


@needs_root
@pytest.mark.parametrize("host", REAL[-1:], ids=name_of)
def test_a_command_may_name_another_configuration(host, tmp_path):
    root = Root(tmp_path / "root", host.binary, BASE_SCRIPT)
    (root.folder / "fluent-bit/etc/base-parsers.conf").write_text("[PARSER]\n    Name base\n    Format json\n")
    conf = root.folder / "shiwake/conf/tail-sidecar.conf"
    http = free_port()
    conf.write_text(conf.read_text().replace("2020", str(http)))
    (root.folder / "state").mkdir()
    log = tmp_path / "log"
    process = root.start(log, "-c", "/shiwake/conf/tail-sidecar.conf", LAKE="/lake", STATE_DIR="/state", LOG_FILES="/logs/*.log")
    try:
        wait_until(lambda: process.poll() is not None or root.is_healthy(str(http)), "it is healthy", seconds=30)
        assert stop(process) == 0
    finally:
        process.kill()
        print(log.read_text(errors="replace"))


@needs_root
@pytest.mark.parametrize("host", REAL[-1:], ids=name_of)
@pytest.mark.parametrize(("script", "said"), [("exec /usr/bin/other -c x\n", "does not call /fluent-bit/bin/fluent-bit"),
                                              (None, "has no /entrypoint.sh")], ids=["another call", "no script"])
def test_a_base_that_is_none_is_named(host, script, said, tmp_path):
    root = Root(tmp_path / "root", host.binary, script or "")
    if script is None:
        (root.folder / "entrypoint.sh").unlink()
    log = tmp_path / "log"
    assert root.start(log).wait(30) == 64
    assert said in log.read_text()


@needs_root
@pytest.mark.parametrize("host", REAL[-1:], ids=name_of)
def test_the_doctor_looks_at_a_configuration_in_the_image(host, tmp_path):
    if not (DIST / "shiwake").exists():
        pytest.skip("no dist/shiwake: `make image` puts it there")
    root = Root(tmp_path / "root", host.binary, BASE_SCRIPT)
    (root.folder / "lake").mkdir()
    done = subprocess.run([CHROOT, str(root.folder), "/shiwake/shiwake", "doctor", "/shiwake/conf/lake-only.conf"],
                          capture_output=True, text=True, timeout=60, env=root.environment | {"LAKE": "/lake"})
    print(done.stdout, done.stderr)
    assert re.search(r"^ok +lake", done.stdout, re.MULTILINE), done.stdout + done.stderr


@needs_root
@pytest.mark.parametrize("host", REAL[-1:], ids=name_of)
def test_the_image_adds_little_and_has_every_configuration(host, tmp_path):
    root = Root(tmp_path / "root", host.binary, BASE_SCRIPT)
    command = root.folder / "shiwake/shiwake"
    command_bytes = command.stat().st_size if command.exists() else 0
    added_bytes = root.added_bytes() - command_bytes
    print("added", added_bytes, "and the command", command_bytes)
    assert added_bytes < MOST_ADDED_BYTES and command_bytes < MOST_COMMAND_BYTES
    assert {conf.name for conf in CONFS} <= {path.name for path in (root.folder / "shiwake/conf").iterdir()}
    assert os.readlink(root.folder / "shiwake/flb-filter_shiwake.so") == "shiwake.so"
