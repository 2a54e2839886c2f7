"""Records of a task whose metadata endpoint is there, fails or hangs, in every host."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import ALL, name_of
from hosts import ROOT

DOCUMENTS = {
    "/v4/0a1b": ROOT / "tests/data/ecs/fargate_container.json",
    "/v4/0a1b/task": ROOT / "tests/data/ecs/fargate_task.json",
}
TASK = json.loads(DOCUMENTS["/v4/0a1b/task"].read_text())
CURL = TASK["Containers"][0]
OTHER_TASK = "arn:aws:ecs:eu-west-1:123456789012:task/production/0a1b"


@pytest.fixture
def endpoint(monkeypatch):
    """Starts an endpoint, tells the hosts where it is, and gives what it was asked for."""
    servers = []
    released = threading.Event()

    def start(status: int = 200, hangs: bool = False) -> list[str]:
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                if hangs:
                    released.wait(60)
                    return
                found = DOCUMENTS.get(self.path)
                self.send_response(status if found else 404)
                self.end_headers()
                self.wfile.write(found.read_bytes() if found else b"")

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        monkeypatch.setenv("ECS_CONTAINER_METADATA_URI_V4", f"http://127.0.0.1:{server.server_port}/v4/0a1b")
        # Nobody listens there, and nobody is to be asked.
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        return asked

    yield start
    released.set()
    for server in servers:
        server.shutdown()


@pytest.fixture
def records(tmp_path):
    """A record of a container of the task, and one of another task."""
    path = tmp_path / "records.ndjson"
    ours = {"log": "hello", "container_id": CURL["DockerId"], "container_name": "/curl", "source": "stdout",
            "ecs_cluster": "default", "ecs_task_arn": TASK["TaskARN"], "ecs_task_definition": "curltest:3"}
    others = {**ours, "log": "other", "container_id": "c0ffee", "ecs_task_arn": OTHER_TASK}
    path.write_text("".join(json.dumps(record) + "\n" for record in (ours, others)))
    return path


QUESTION = """SELECT availability_zone, launch_type, ecs_container_name, image_name, image_tag, env, service, version,
                     cluster_name, region FROM lake WHERE message = '{}'"""


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_records_of_the_task_get_what_its_metadata_says(host, endpoint, records, tmp_path, ask):
    asked = endpoint()
    run = host.run(records, [{"lake": str(tmp_path / "lake")}], {"dd_tags": "Team:Shop"})
    assert run.status == 0, run.log
    assert {"/v4/0a1b", "/v4/0a1b/task"} <= set(asked)
    image = "111122223333.dkr.ecr.us-west-2.amazonaws.com/curltest"
    assert ask(tmp_path / "lake", QUESTION.format("hello")) == [
        ("us-west-2a", "FARGATE", "curl", image, "latest", "prod", "curl-api", "1.4.2", "default", "us-west-2")]
    ((tags,),) = ask(tmp_path / "lake", "SELECT ddtags FROM lake WHERE message = 'hello'")
    tags = tags.split(",")
    assert tags[0] == "team:shop" and len(tags) == len(set(tags)), tags
    assert {f"task_arn:{TASK['TaskARN']}", "ecs_cluster_name:default", "availability-zone:us-west-2a",
            "short_image:curltest", f"container_id:{CURL['DockerId']}", "env:prod", "version:1.4.2"} <= set(tags)
    assert ask(tmp_path / "lake", QUESTION.format("other")) == [
        (None, None, None, None, None, None, "curltest", None, "default", "eu-west-1")]


@pytest.mark.parametrize("host", ALL, ids=name_of)
@pytest.mark.parametrize("how", [{"status": 500}, {"hangs": True}], ids=["500", "hangs"])
def test_without_an_answer_records_go_on_and_the_host_exits(host, how, endpoint, records, tmp_path, ask):
    asked = endpoint(**how)
    begun = time.monotonic()
    run = host.run(records, [{"lake": str(tmp_path / "lake")}])
    assert run.status == 0, run.log
    # A real host has its own pauses and Grace.
    assert not host.layout or time.monotonic() - begun < 10
    assert "/v4/0a1b/task" in asked
    assert ask(tmp_path / "lake", QUESTION.format("hello"))[0][8:] == ("default", "us-west-2")
    if "status" in how:
        # Filter and output say it, each once.
        assert 1 <= run.log.count("the answer is status 500; records get the fields that are known") <= 2, run.log


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_ecs_metadata_off_asks_nobody(host, endpoint, records, tmp_path, ask):
    asked = endpoint()
    run = host.run(records, [{"lake": str(tmp_path / "lake"), "ecs_metadata": "off"}], {"ecs_metadata": "off"})
    assert run.status == 0, run.log
    assert asked == []
    assert ask(tmp_path / "lake", "SELECT count(*), count(availability_zone), count(ddtags) FROM lake") == [(2, 0, 0)]


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_labels_that_the_user_names_are_attributes_and_tags(host, endpoint, records, tmp_path, ask):
    endpoint()
    run = host.run(records, [{"lake": str(tmp_path / "lake")}],
                   {"docker_labels": "com.amazonaws.ecs.container-name=Piece,com.datadoghq.tags.env=stage,com.example.none"})
    assert run.status == 0, run.log
    question = "SELECT attributes['Piece'], attributes['stage'], ddtags FROM lake WHERE message = '{}'"
    ((piece, stage, tags),) = ask(tmp_path / "lake", question.format("hello"))
    assert (piece, stage) == ("curl", "prod")
    assert {"piece:curl", "stage:prod"} <= set(tags.split(","))
    ((piece, stage, tags),) = ask(tmp_path / "lake", question.format("other"))
    assert (piece, stage) == (None, None) and "piece:" not in tags, "another task's containers"


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_an_output_takes_the_fields_out_of_the_filters_map(host, endpoint, records, tmp_path, ask):
    """The metadata is for the filter alone, so what is in the columns has come through the map."""
    endpoint()
    outputs = [{"lake": str(tmp_path / name), "ecs_metadata": "off", **more}
               for name, more in (("told", {"fields": "map origin"}), ("untold", {}))]
    run = host.run(records, outputs, {"dd_tags": "Team:Shop", "fields": "map origin"})
    assert run.status == 0, run.log
    image = "111122223333.dkr.ecr.us-west-2.amazonaws.com/curltest"
    assert ask(tmp_path / "told", QUESTION.format("hello")) == [
        ("us-west-2a", "FARGATE", "curl", image, "latest", "prod", "curl-api", "1.4.2", "default", "us-west-2")]
    ((tags, origin),) = ask(tmp_path / "told", "SELECT ddtags, attributes['origin'] FROM lake WHERE message = 'hello'")
    assert "image_tag:latest" in tags.split(",") and origin is None
    ((zone, origin),) = ask(tmp_path / "untold",
                            "SELECT availability_zone, attributes['origin'] FROM lake WHERE message = 'hello'")
    assert zone is None
    origin = json.loads(origin)
    assert (origin["availability_zone"], origin["image_name"], origin["env"]) == ("us-west-2a", image, "prod")
