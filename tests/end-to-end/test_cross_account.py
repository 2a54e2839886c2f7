"""A lake that is reached by way of a role of another account, over HTTP, where AWS' APIs are moto's."""

from __future__ import annotations

import re
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from conftest import ALL, BUCKET, name_of
from hosts import harness_hosts

REGION = "eu-west-1"
ROLE = "arn:aws:iam::111122223333:role/shop-logs-writer"


class StsFront:
    """Stands before STS: counts what is asked, lets sessions end early, and refuses as AWS does."""

    def __init__(self, behind: str, ends: str | None = None, refuses: int = 0) -> None:
        self.asked: list[dict[str, list[str]]] = []
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                front.asked.append(urllib.parse.parse_qs(body.decode()))
                if len(front.asked) <= refuses:
                    answer = (b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: task is not "
                              b"authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>")
                    return self.give(403, answer)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                with urllib.request.urlopen(urllib.request.Request(behind, body, headers), timeout=30) as passed:
                    answer = passed.read()
                if ends:
                    answer = re.sub(rb"(?<=<Expiration>)[^<]+", ends.encode(), answer)
                self.give(200, answer)

            def give(self, status: int, answer: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def sts(endpoint):
    """Starts fronts, and stops them in the end."""
    started = []

    def start(**how) -> StsFront:
        started.append(StsFront(endpoint, **how))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def lake(endpoint: str, front: StsFront) -> dict[str, str]:
    """The properties of the output."""
    return {"bucket": BUCKET, "region": REGION, "endpoint": endpoint, "role_arn": ROLE, "external_id": "shop-prod-logs",
            "sts_endpoint": front.url}


def caller_of(front: StsFront) -> set:
    """What was asked for, of all that was asked."""
    return {(one["Action"][0], one["RoleArn"][0], one["ExternalId"][0], one["RoleSessionName"][0]) for one in front.asked}


@pytest.mark.parametrize("host", [ALL[1], *ALL[3:]], ids=name_of)
def test_a_lake_is_written_in_one_session_of_the_role(host, sts, firelens_records, endpoint, client):
    records, lines = firelens_records
    front = sts()
    run = host.run(records, [lake(endpoint, front)])
    assert (run.status, run.ledgers) == (0, [(lines, lines, 0, 0)]), run.log
    assert caller_of(front) == {("AssumeRole", ROLE, "shop-prod-logs", "shiwake")}
    assert len(front.asked) == 1 and client.list_objects_v2(Bucket=BUCKET)["KeyCount"] > 1
    assert "very-secret-testing-key" not in run.log


def test_a_session_that_is_over_is_replaced_before_the_next_object(sts, firelens_records, endpoint, client):
    records, lines = firelens_records
    front = sts(ends="2020-01-01T00:00:00Z")
    run = harness_hosts()[1].run(records, [lake(endpoint, front)])
    assert (run.status, run.ledgers) == (0, [(lines, lines, 0, 0)]), run.log
    assert len(front.asked) == client.list_objects_v2(Bucket=BUCKET)["KeyCount"] > 1


def test_a_role_that_is_refused_at_first_costs_nothing_but_time_and_is_said(sts, firelens_records, endpoint, client):
    records, lines = firelens_records
    front = sts(refuses=2)
    run = harness_hosts()[1].run(records, [lake(endpoint, front)])
    assert (run.status, run.ledgers) == (0, [(lines, lines, 0, 0)]), run.log
    assert len(front.asked) == 3
    assert f"role '{ROLE}' cannot be assumed" in run.log and "not authorized to perform: sts:AssumeRole" in run.log
    assert "let the role's trust policy name the task role as principal, with 'external_id' as its sts:ExternalId" in run.log
    assert "very-secret-testing-key" not in run.log


def test_the_session_is_that_of_the_other_account(sts, endpoint, client):
    """What the stand-in gives is a session of the account in the role's ARN, so the tests above cross accounts."""
    front = sts()
    given = boto3.client("sts", endpoint_url=front.url, region_name=REGION).assume_role(
        RoleArn=ROLE, RoleSessionName="test", ExternalId="shop-prod-logs")["Credentials"]
    who = boto3.client("sts", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=given["AccessKeyId"],
                       aws_secret_access_key=given["SecretAccessKey"], aws_session_token=given["SessionToken"])
    assert who.get_caller_identity()["Account"] == "111122223333"
