"""Sidecars that forward and aggregators that write, as they ship: nothing is lost, and what is there twice is known by its id."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from dataclasses import asdict

import pytest
import yaml

from aggregator_trial import Outcome, Trial, run
from confs import FOLDER, classic_sections
from conftest import REAL, name_of
from hosts import wait_until
from test_reference import Template

# `storage.inherit` and the forward input's `shared_key` came after 1.9, as did a plugin's metrics.
TIER_SINCE = (4, 0, 0)
SECONDS = 8
SEED = 11


def skip_old(host) -> None:
    if host.version < TIER_SINCE:
        pytest.skip(f"{host.name} keeps no chunks of FireLens' inputs on disk")


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_nothing_is_lost_while_both_sides_are_killed_and_doubles_are_known_by_their_ids(host, tmp_path):
    skip_old(host)
    outcome = run(host, tmp_path, sidecars=3, aggregators=2, seconds=SECONDS, rate=60, pause=0.8, seed=SEED)
    print(json.dumps(asdict(outcome)))
    assert outcome.is_well, outcome
    assert outcome.sidecar_kills + outcome.aggregator_kills > 2 and outcome.lines > 3 * 60 * SECONDS / 2


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_a_record_that_is_forwarded_twice_has_one_id(host, tmp_path):
    """Three acknowledgements are lost with their connections."""
    skip_old(host)
    trial = Trial(host, tmp_path, sidecars=1, aggregators=1, seed=SEED)
    answers = []

    def lets_pass(part: bytes) -> bool:
        if b"\xa3ack" in part:
            answers.append(part)
            return len(answers) > 3
        return True

    trial.balancer.lets_pass = lets_pass
    try:
        trial.sidecars[0].start()
        (tmp_path / "sidecar-0/app.log").write_text("".join(f"line n=0-{number};\n" for number in range(40)))
        trial.written = [40]
        wait_until(lambda: len(answers) > 3 and trial.is_sent(0), "the fourth acknowledgement is heard")
        trial.finish()
        outcome = Outcome(SEED, 0, 1, 1)
        trial.count(outcome)
    finally:
        trial.abandon()
    assert outcome.is_well, outcome
    assert outcome.forwarded_twice >= 3 and outcome.read_twice == 0, outcome
    assert (outcome.rows, outcome.lines, outcome.streams) == (40 + outcome.forwarded_twice, 40, 1)


def selected_of(port: str, path: str, selector: str) -> list[str]:
    """Metrics that a host shows, by a pattern of their names."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        # It has no page before it has counted for the first time.
        return []
    names = {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}
    return sorted(name for name in names if re.search(selector, name))


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_metric_that_scales_the_service_is_there_and_is_the_one_that_is_asked_for(host, tmp_path):
    skip_old(host)
    task = json.loads((FOLDER / "ecs/aggregator.json").read_text())
    environment = {entry["name"]: entry["value"] for entry in task["containerDefinitions"][1]["environment"]}
    (job,) = yaml.safe_load(environment["PROMETHEUS_CONFIG_CONTENT"])["scrape_configs"]
    processor = json.loads(environment["CW_CONFIG_CONTENT"])["logs"]["metrics_collected"]["prometheus"]["emf_processor"]
    (declared,) = processor["metric_declaration"]
    resources = yaml.load((FOLDER / "cloudformation/aggregator.yaml").read_text(), Loader=Template)["Resources"]
    wanted = resources["FullSpool"]["Properties"]["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"]
    alarm = resources["SpoolFills"]["Properties"]
    assert wanted["Namespace"] == alarm["Namespace"] == processor["metric_namespace"]
    assert wanted["Dimensions"] == alarm["Dimensions"] == [{"Name": "job", "Value": job["job_name"]}]
    assert declared["dimensions"] == [["job"]] and re.search(declared["label_matcher"], job["job_name"])
    (service,) = [properties for kind, properties in classic_sections(FOLDER / "aggregator.conf") if kind == "SERVICE"]
    assert job["static_configs"] == [{"targets": [f"{service['http_listen']}:{service['http_port']}"]}]
    # It is half of what the output may hold.
    (output,) = [properties for kind, properties in classic_sections(FOLDER / "aggregator.conf") if kind == "OUTPUT"]
    assert output["store_dir_limit_size"] == f"{alarm['Threshold'] * 2 // 10**9}G"

    (selected,) = declared["metric_selectors"]
    trial = Trial(host, tmp_path, sidecars=0, aggregators=1, seed=SEED)
    try:
        conf = next(trial.folder.glob("aggregator-0/aggregator.conf")).read_text()
        port = re.search(r"HTTP_Port +(\d+)", conf)[1]
        wait_until(lambda: selected_of(port, job["metrics_path"], selected), "the host shows its metrics")
        found = selected_of(port, job["metrics_path"], selected)
    finally:
        trial.abandon()
    assert found == [wanted["MetricName"]] == [alarm["MetricName"]]


def test_the_linter_finds_nothing_in_the_template():
    done = subprocess.run([f"{sys.prefix}/bin/cfn-lint", "--include-checks", "I", "--ignore-checks", "I3042", "--",
                           str(FOLDER / "cloudformation/aggregator.yaml")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
