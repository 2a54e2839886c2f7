"""The committer's policies are enough and no more than that: where AWS' rules are enforced, whatever action is taken away is missed.

Of resources only those of S3 are looked at here; the others' are read by the linter that reads all policies."""

from __future__ import annotations

import copy
import json
import subprocess
import urllib.request

import boto3
import lakes
import pytest
from conftest import REGION
from lakes import events, objects

POLICIES = lakes.ROOT / "fluent-bit-conf/iam"
LAKE_BUCKET, PREFIX, QUEUE = "my-logs", "prod", "my-logs-objects"
LAKE = f"s3://{LAKE_BUCKET}/{PREFIX}"
ROLE = "shop-committer"
# What AWS asks for the batch too; the rules here go by the name of the call
# (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html).
BATCH_OF = {"sqs:DeleteMessage": "sqs:DeleteMessageBatch"}
# What a run is, and the policies that whoever runs it has.
RUNS = {"create": ["committer", "committer-create"], "commit": ["committer"], "queue": ["committer", "committer-queue"]}


def statements_of(name: str) -> list[dict]:
    """A policy that ships, in the one account that there is here."""
    statements = json.loads((POLICIES / f"{name}.json").read_text().replace("111122223333", "123456789012"))["Statement"]
    for statement in statements:
        statement["Action"] = [BATCH_OF.get(action, action) for action in statement["Action"]]
        if not statement["Action"][0].startswith("s3:"):
            statement["Resource"] = "*"
        # Prefixes of listings are not looked at either.
        statement.pop("Condition", None)
    return statements


def without(statements: list[dict], action: str) -> list[dict]:
    """The same without an action."""
    left = copy.deepcopy(statements)
    for statement in left:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    return [statement for statement in left if statement["Action"]]


def actions_of(names: list[str]) -> list[str]:
    return [action for name in names for statement in statements_of(name) for action in statement["Action"]]


class Account:
    """An account with a lake, whose rules are enforced when that is asked for."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.iam, self.store, self.queues = (self.speak(service) for service in ("iam", "s3", "sqs"))
        self.store.create_bucket(Bucket=LAKE_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.iam.create_user(UserName="committer")
        self.key = self.iam.create_access_key(UserName="committer")["AccessKey"]
        self.queue = self.queues.create_queue(QueueName=QUEUE)["QueueUrl"]

    def speak(self, service: str):
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION)

    def enforce(self, *, rules: bool) -> None:
        count = b"0" if rules else b"inf"
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset-auth", data=count, headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request).close()

    def allow(self, statements: list[dict]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.iam.put_user_policy(UserName="committer", PolicyName="p", PolicyDocument=document)

    def run(self, statements: list[dict], *arguments: str) -> subprocess.CompletedProcess:
        """What the command does for somebody who may do this and nothing else."""
        self.allow(statements)
        environment = {"AWS_ACCESS_KEY_ID": self.key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": self.key["SecretAccessKey"],
                       "AWS_REGION": REGION, "AWS_ENDPOINT_URL": self.endpoint}
        self.enforce(rules=True)
        try:
            return subprocess.run([lakes.SHIWAKE_TABLE, *arguments], env=environment, capture_output=True, text=True, timeout=120)
        finally:
            self.enforce(rules=False)


@pytest.fixture
def account(bucket, made):
    _, endpoint = bucket
    account = Account(endpoint)
    try:
        yield account
    finally:
        account.enforce(rules=False)


def shipped_command() -> list[str]:
    """What the scheduled task runs, as it ships."""
    (container,) = json.loads((lakes.ROOT / "fluent-bit-conf/tables/committer-task.json").read_text())["containerDefinitions"]
    return container["command"]


def arguments_of(kind: str, account: Account) -> list[str]:
    if kind == "create":
        return ["create", LAKE, "--catalog", "glue", "--type", "access"]
    if kind == "commit":
        # The records are not of the last hours.
        return [{"24h": "all"}.get(argument, argument) for argument in shipped_command()]
    return ["commit", LAKE, "--catalog", "glue", "--queue", account.queue, "--format", "json"]


def prepare(kind: str, account: Account, made) -> None:
    """Makes the tables, and objects that they do not have."""
    if kind == "create":
        return
    done = account.run([{"Effect": "Allow", "Action": "*", "Resource": "*"}], *arguments_of("create", account))
    assert done.returncode == 0, done.stderr
    key = f"{PREFIX}/{objects(made, 'access')[0].relative_to(made)}"
    account.store.upload_file(str(objects(made, "access")[0]), LAKE_BUCKET, key)
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": LAKE_BUCKET}, "object": {"key": key}}}
    account.queues.send_message(QueueUrl=account.queue, MessageBody=json.dumps({"Records": [record]}))


@pytest.mark.parametrize("kind", RUNS)
def test_the_policies_of_a_run_are_enough(kind, account, made):
    prepare(kind, account, made)
    done = account.run([one for name in RUNS[kind] for one in statements_of(name)], *arguments_of(kind, account))
    assert done.returncode == 0, done.stdout + done.stderr
    if kind != "create":
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert events(told, "done")[0]["files"] == 1


@pytest.mark.parametrize(("kind", "action"), [
    *(("create", action) for action in actions_of(["committer-create"])), *(("commit", action) for action in actions_of(["committer"])),
    *(("queue", action) for action in actions_of(["committer-queue"]))])
def test_no_action_of_the_policies_is_too_much(kind, action, account, made):
    prepare(kind, account, made)
    statements = [one for name in RUNS[kind] for one in statements_of(name)]
    done = account.run(without(statements, action), *arguments_of(kind, account))
    assert done.returncode != 0, f"it does its work without {action}"


def test_tables_are_written_beside_the_lake_and_nowhere_else(account, made):
    prepare("commit", account, made)
    statements = statements_of("committer")
    done = account.run([*statements, *statements_of("committer-create")], "create", LAKE, "--catalog", "glue", "--type", "error",
                       "--warehouse", f"s3://{LAKE_BUCKET}/elsewhere")
    assert done.returncode == 2 and "elsewhere" in done.stderr, done.stderr


def test_a_committer_of_another_account_becomes_a_role_there(account, made):
    prepare("commit", account, made)
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:user/committer"}, "Action": "sts:AssumeRole"}]}
    role = account.iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements_of("committer")})
    account.iam.put_role_policy(RoleName=ROLE, PolicyName="p", PolicyDocument=document)
    assert role in json.dumps(json.loads((POLICIES / "committer-assume.json").read_text())).replace("111122223333", "123456789012")
    arguments = [*arguments_of("commit", account), "--role-arn", role]
    done = account.run(statements_of("committer"), *arguments)
    assert done.returncode == 2 and "sts:AssumeRole" in done.stderr, done.stderr
    done = account.run(statements_of("committer-assume"), *arguments)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert events(told, "done")[0]["files"] == 1
