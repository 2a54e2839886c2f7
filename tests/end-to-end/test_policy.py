"""The policies are enough, and no more than that: a lake is written by a user that has just one of them, where AWS' rules are enforced."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest

from confs import FOLDER
from hosts import harness_hosts, wait_until
from stand_ins import free_port

REGION = "eu-west-1"
BUCKET = "my-logs"
# What a test asks for before rules are enforced: the bucket, the user, its policy, its key.
FREE_CALLS = 4


# With a role: the role, its policy.
FREE_CALLS_WITH_ROLE = FREE_CALLS + 2


@pytest.fixture(params=[FREE_CALLS])
def strict_aws(request):
    """AWS' APIs in a process of their own, which enforces policies after the first calls."""
    port = free_port()
    process = subprocess.Popen([Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
                               env=os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": str(request.param)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(endpoint), "moto answers")
        yield endpoint
    finally:
        process.kill()
        process.wait()


def answers(endpoint: str) -> bool:
    """Whether a server is there; this page is no call of an API."""
    try:
        with urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5):
            return True
    except OSError:
        return False


def policy_of(name: str) -> str:
    """A policy that ships, in the one account that the server has before anybody assumes a role."""
    return (FOLDER / "iam" / f"{name}.json").read_text().replace("111122223333", "123456789012")


def speak(service: str, endpoint: str):
    """A client of somebody who may do anything, as long as nothing is enforced."""
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="y")


def key_with(policy: str, endpoint: str) -> dict[str, str]:
    """The credentials of a new user that has one of the policies that ship."""
    speak("s3", endpoint).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    iam = speak("iam", endpoint)
    iam.create_user(UserName="task")
    iam.put_user_policy(UserName="task", PolicyName="p", PolicyDocument=policy_of(policy))
    key = iam.create_access_key(UserName="task")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@pytest.mark.parametrize(("policy", "prefix", "allowed"), [
    ("lake-only", "prod", True), ("hybrid", "prod", True), ("lake-only", "other", False), ("firehose", "prod", False)])
def test_a_lake_is_written_with_the_policy_and_nowhere_else(policy, prefix, allowed, strict_aws, firelens_records, monkeypatch):
    for name, value in key_with(policy, strict_aws).items():
        monkeypatch.setenv(name, value)
    records, lines = firelens_records
    properties = {"lake": f"s3://{BUCKET}/{prefix}", "region": REGION, "endpoint": strict_aws,
                  "object_tags": "on" if policy == "hybrid" else "off"}
    run = harness_hosts()[1].run(records, [properties | ({} if allowed else {"shutdown_timeout": "3s"})])
    (ledger,) = run.ledgers
    assert ledger == ((lines, lines, 0, 0) if allowed else (lines, 0, 0, lines)), run.log
    assert ("allow s3:PutObject" in run.log) == (not allowed), run.log
    if not allowed:
        assert "of shutdown_timeout and are lost" in run.log


@pytest.mark.parametrize("strict_aws", [FREE_CALLS_WITH_ROLE], indirect=True)
@pytest.mark.parametrize(("policy", "role_policy", "external_id", "said"), [
    ("cross-account-task", "cross-account-writer", "shop-prod-logs", ""),
    ("lake-only", "cross-account-writer", "shop-prod-logs", "allow the task role sts:AssumeRole on it"),
    ("cross-account-task", "cross-account-writer", "another", "with 'external_id' as its sts:ExternalId"),
    ("cross-account-task", "cross-account-task", "shop-prod-logs", "allow s3:PutObject")],
    ids=["both sides", "the task may not assume", "another external id", "the role may not write"])
def test_a_lake_of_another_account_is_written_with_the_policies_of_both_sides(policy, role_policy, external_id, said, strict_aws,
                                                                             firelens_records, monkeypatch):
    iam = speak("iam", strict_aws)
    # Who may become the writer is looked at too; here it is a user who asks.
    trust = policy_of("cross-account-writer-trust").replace("role/shop-lake-only", "user/task")
    iam.create_role(RoleName="shop-logs-writer", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName="shop-logs-writer", PolicyName="p", PolicyDocument=policy_of(role_policy))
    for name, value in key_with(policy, strict_aws).items():
        monkeypatch.setenv(name, value)
    records, lines = firelens_records
    run = harness_hosts()[1].run(records, [{
        "lake": f"s3://{BUCKET}/prod", "region": REGION, "endpoint": strict_aws, "object_tags": "on", "sts_endpoint": strict_aws,
        "role_arn": "arn:aws:iam::123456789012:role/shop-logs-writer", "external_id": external_id}
        | ({"shutdown_timeout": "3s"} if said else {})])
    assert run.ledgers == ([(lines, 0, 0, lines)] if said else [(lines, lines, 0, 0)]), run.log
    assert said in run.log, run.log
