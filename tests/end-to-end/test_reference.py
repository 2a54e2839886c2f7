"""Task definitions, policies, tables, lifecycle rules and the template: validated by AWS' own models and by linters."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import botocore.session
import boto3
import pytest
import yaml
from botocore.validate import ParamValidator
from parliament import analyze_policy_string

from confs import CONFS, FOLDER, classic_sections, variables_of
from conftest import BUCKET
from hosts import ROOT

SHIWAKE = str(ROOT / "target/debug/shiwake")
LAKE = ["s3://my-logs/prod", "--from", "2026-01-01"]
TASKS = sorted((FOLDER / "ecs").glob("*.json"))
POLICIES = sorted((FOLDER / "iam").glob("*.json"))
TEMPLATE = FOLDER / "cloudformation/hybrid.yaml"
# What the committer of tables is started by, and the call that takes it.
COMMITTER = {
    "committer-task": ("ecs", "RegisterTaskDefinition"),
    "committer-task-schedule": ("scheduler", "CreateSchedule"),
    "committer-function": ("lambda", "CreateFunction"),
    "committer-function-schedule": ("scheduler", "CreateSchedule"),
    "committer-function-queue": ("lambda", "CreateEventSourceMapping"),
}
REGION = "eu-west-1"
# What an output calls at AWS.
CALLS = {
    "cloudwatch_logs": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "kinesis_firehose": {"firehose:PutRecordBatch"},
    "kinesis_streams": {"kinesis:PutRecords"},
    "opensearch": {"es:ESHttpPost"},
    "shiwake": {"s3:PutObject"},
    # An aggregator is no service of AWS.
    "forward": set(),
}
# Kinds of resources that moto steps over; the linter has read them.
NOT_PLAYED = {"AWS::S3::BucketPolicy", "AWS::Logs::MetricFilter", "AWS::CloudWatch::Alarm"}
# Variables with a meaning when they are not set.
OPTIONAL = {"LOGS_ENDPOINT", "FIREHOSE_ENDPOINT", "KINESIS_ENDPOINT"}


def stem_of(path: Path) -> str:
    """How a file is shown in the name of a test."""
    return path.stem


def router_of(task: dict) -> dict | None:
    """The log router of a task definition, if it has one."""
    return next((one for one in task["containerDefinitions"] if one["name"] == "log_router"), None)


def conf_of(router: dict) -> Path:
    """The configuration that a router is started with."""
    options = router.get("firelensConfiguration", {}).get("options", {})
    path = options.get("config-file-value") or router["command"][-1]
    assert path.startswith("/shiwake/conf/"), path
    return FOLDER / Path(path).name


def calls_of(conf: Path) -> set[str]:
    """What the outputs of a configuration call at AWS."""
    return set().union(*(CALLS[properties["name"]] for kind, properties in classic_sections(conf) if kind == "OUTPUT"))


def seconds_of(conf: Path) -> float:
    """What a stop may take: Grace, nine tenths of it for the plugin, and five seconds for a disk that hangs."""
    (service,) = [properties for kind, properties in classic_sections(conf) if kind == "SERVICE"]
    return float(service["grace"]) * 1.9 + 5


@pytest.mark.parametrize("path", TASKS, ids=stem_of)
def test_ecs_would_take_the_task_definition(path, endpoint):
    task = json.loads(path.read_text())
    model = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    report = ParamValidator().validate(task, model)
    assert not report.has_errors(), report.generate_report()
    ecs = boto3.client("ecs", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="y")
    answer = ecs.register_task_definition(**task)["taskDefinition"]
    assert answer["family"] == task["family"]


def test_ecs_would_take_what_is_said_of_service_connect():
    (snippet,) = re.findall(r"```json\n(\"serviceConnectConfiguration\".*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    service = {"serviceName": "shop", **json.loads("{" + snippet + "}")}
    model = botocore.session.get_session().get_service_model("ecs").operation_model("CreateService").input_shape
    report = ParamValidator().validate(service, model)
    assert not report.has_errors(), report.generate_report()
    access_log = model.members["serviceConnectConfiguration"].members["accessLogConfiguration"].members
    for name, value in service["serviceConnectConfiguration"]["accessLogConfiguration"].items():
        assert value in access_log[name].enum, name


@pytest.mark.parametrize("name", COMMITTER)
def test_aws_would_take_what_starts_the_committer(name):
    service, operation = COMMITTER[name]
    document = json.loads((FOLDER / "tables" / f"{name}.json").read_text())
    model = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(document, model)
    assert not report.has_errors(), report.generate_report()


def test_what_starts_the_committer_names_what_ships_and_is_allowed_to():
    def read(name: str):
        return json.loads((FOLDER / f"{name}.json").read_text())

    assert {path.stem for path in (FOLDER / "tables").glob("*.json")} == set(COMMITTER)
    task, function = read("tables/committer-task"), read("tables/committer-function")
    (container,) = task["containerDefinitions"]
    assert container["command"] == function["ImageConfig"]["Command"]
    assert container["image"] == function["Code"]["ImageUri"]
    by_task, by_function, queue = (read(f"tables/committer-{name}") for name in ("task-schedule", "function-schedule", "function-queue"))
    assert f":task-definition/{task['family']}:" in by_task["Target"]["EcsParameters"]["TaskDefinitionArn"]
    assert by_function["Target"]["Arn"].endswith(f":function:{function['FunctionName']}")
    assert queue["FunctionName"] == function["FunctionName"]
    # Two at once do no harm, but none is to be started while the one before it may still run.
    assert by_function["ScheduleExpression"] == "rate(5 minutes)" and function["Timeout"] < 300
    allowed = {statement["Sid"]: statement for statement in read("iam/committer-schedule")["Statement"]}
    assert allowed["StartTheFunction"]["Resource"] == [by_function["Target"]["Arn"]]
    assert allowed["StartTheTask"]["Resource"] == [re.sub(r":\d+$", ":*", by_task["Target"]["EcsParameters"]["TaskDefinitionArn"])]
    assert allowed["StartTheTask"]["Condition"]["ArnEquals"]["ecs:cluster"] == by_task["Target"]["Arn"]
    assert allowed["GiveTheTaskItsRoles"]["Resource"] == [task["taskRoleArn"], task["executionRoleArn"]]
    own = {statement["Sid"]: statement["Resource"] for statement in read("iam/committer-function")["Statement"]}
    assert own["LetLambdaPollTheQueue"] == [queue["EventSourceArn"]]
    assert own["WriteTheFunctionsOwnLog"][0].split(":log-group:")[1].startswith(f"/aws/lambda/{function['FunctionName']}:")
    # The execution role pulls the image and writes the log.
    execution = {statement["Sid"]: statement["Resource"] for statement in read("iam/execution-role")["Statement"]}
    repository = container["image"].split("/", 1)[1].split(":")[0]
    assert any(one.endswith(f":repository/{repository}") for one in execution["PullTheImages"])
    assert container["logConfiguration"]["options"]["awslogs-group"].startswith("/ecs/shop/")


@pytest.mark.parametrize("path", TASKS, ids=stem_of)
def test_the_task_definition_fits_what_it_starts(path):
    task = json.loads(path.read_text())
    containers = task["containerDefinitions"]
    volumes = {volume["name"] for volume in task.get("volumes", [])}
    mounts = {mount["sourceVolume"] for one in containers for mount in one.get("mountPoints", [])}
    assert mounts == volumes
    if "memory" in task:
        assert sum(one.get("memory", 0) for one in containers) <= int(task["memory"])
    by_name = {one["name"]: one for one in containers}
    for one in containers:
        for wanted in one.get("dependsOn", []):
            assert wanted["condition"] == "START" or "healthCheck" in by_name[wanted["containerName"]]
            # An application that may run without its router does not wait for it to be healthy.
            assert (wanted["condition"] == "HEALTHY") == by_name[wanted["containerName"]]["essential"]
    router = router_of(task)
    if router is None:
        assert path.stem == "ec2-daemon-app"
        return
    conf = conf_of(router)
    given = {entry["name"] for entry in [*router["environment"], *router.get("secrets", [])]}
    fargate = task["requiresCompatibilities"] == ["FARGATE"]
    assert variables_of(conf) - OPTIONAL - ({"AWS_REGION"} if fargate else set()) <= given
    assert router["stopTimeout"] >= seconds_of(conf) and router["stopTimeout"] <= 120
    assert router["healthCheck"]["command"] == ["CMD", "/shiwake/healthcheck.sh"]
    assert (FOLDER / "image/healthcheck.sh").exists()
    # Keys come from Secrets Manager, never from the definition.
    assert not [entry for entry in router["environment"] if re.search("KEY|SECRET|TOKEN", entry["name"])]
    policy = task["taskRoleArn"].rsplit("/", 1)[1].split("-", 1)[1].removeprefix("router-")
    assert policy == conf.stem
    assert (FOLDER / "iam" / f"{policy}.json").exists() or not calls_of(conf)
    # What waits lies on a volume, so that it outlives the container.
    folders = [entry["value"] for entry in router["environment"] if entry["name"] in ("STORE_DIR", "STORAGE_PATH")]
    assert folders
    for folder in folders:
        assert any(folder.startswith(mount["containerPath"]) for mount in router["mountPoints"])


@pytest.mark.parametrize("path", POLICIES, ids=stem_of)
def test_a_linter_finds_nothing_in_the_policy(path):
    if path.stem.endswith(("trust", "trust-policy")):
        pytest.skip("parliament knows no policies of trust")
    findings = analyze_policy_string(path.read_text()).findings
    assert not findings, [str(finding) for finding in findings]


def test_the_policies_of_another_accounts_lake_name_each_other():
    policy = {path.stem.removeprefix("cross-account-"): json.loads(path.read_text())["Statement"] for path in POLICIES
              if path.stem.startswith("cross-account-")}
    task = {json.loads(path.read_text()).get("taskRoleArn") for path in TASKS}
    trust, bucket = policy["writer-trust"][0], policy["bucket"][0]
    assert trust["Principal"]["AWS"] in task and bucket["Principal"] == trust["Principal"]
    assert (trust["Effect"], trust["Action"]) == ("Allow", policy["task"][0]["Action"][0]) == ("Allow", "sts:AssumeRole")
    (lake,) = {tuple(one["Resource"]) for one in [bucket, policy["writer"][0],
                                                  json.loads((FOLDER / "iam/lake-only.json").read_text())["Statement"][0]]}
    assert lake == ("arn:aws:s3:::my-logs/prod/*",)
    text = (ROOT / "docs/cross-account.md").read_text()
    assert policy["task"][0]["Resource"][0] in text and trust["Condition"]["StringEquals"]["sts:ExternalId"] in text


@pytest.mark.parametrize("conf", CONFS, ids=stem_of)
def test_the_policy_of_a_configuration_allows_what_it_calls_and_no_more(conf):
    if not calls_of(conf):
        assert not (FOLDER / "iam" / f"{conf.stem}.json").exists()
        return
    statements = json.loads((FOLDER / "iam" / f"{conf.stem}.json").read_text())["Statement"]
    allowed = {action for statement in statements for action in statement["Action"]}
    outputs = [properties for kind, properties in classic_sections(conf) if kind == "OUTPUT"]
    called = calls_of(conf)
    for properties in outputs:
        if properties.get("object_tags") == "on":
            called.add("s3:PutObjectTagging")
        if properties.get("auto_create_group") == "on":
            called |= {"logs:CreateLogGroup", "logs:PutRetentionPolicy"}
    assert allowed == called
    for statement in statements:
        for resource in statement["Resource"]:
            assert resource != "*" and not resource.startswith("arn:aws:s3:::my-logs/*"), resource


def shiwake(*arguments: str) -> str:
    """What the command says."""
    return subprocess.run([SHIWAKE, *arguments], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize(("path", "arguments"), [
    ("athena/tables.sql", ["--engine", "athena"]),
    ("s3/lifecycle-tags.json", ["--lifecycle", "tags"]),
    ("s3/lifecycle-prefixes.json", ["--lifecycle", "prefixes"]),
])
def test_what_the_command_prints_is_what_ships(path, arguments):
    assert (FOLDER / path).read_text() == shiwake("ddl", *LAKE, *arguments), f"write it again: shiwake ddl {LAKE} {arguments}"


@pytest.mark.parametrize("name", ["tags", "prefixes"])
def test_s3_takes_the_lifecycle_rules(name, client):
    rules = json.loads((FOLDER / "s3" / f"lifecycle-{name}.json").read_text())
    client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=rules)
    found = client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert {rule["ID"] for rule in found} == {rule["ID"] for rule in rules["Rules"]}


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short functions as what stands behind them."""


Template.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node)
                               if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node))


def test_the_linter_of_cloudformation_finds_nothing():
    done = subprocess.run([Path(sys.executable).parent / "cfn-lint", "--include-checks", "I", "--ignore-checks", "I3042", "--",
                           str(TEMPLATE)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_template_says_what_the_single_files_say():
    resources = yaml.load(TEMPLATE.read_text(), Loader=Template)["Resources"]
    router = resources["Task"]["Properties"]["ContainerDefinitions"][0]
    single = router_of(json.loads((FOLDER / "ecs/fargate-hybrid.json").read_text()))
    assert router["FirelensConfiguration"]["Options"] == single["firelensConfiguration"]["options"]
    assert {entry["Name"] for entry in router["Environment"]} == {entry["name"] for entry in single["environment"]}
    assert (router["StopTimeout"], router["Memory"], router["Essential"]) == (
        single["stopTimeout"], single["memory"], single["essential"])
    assert router["HealthCheck"]["Command"] == single["healthCheck"]["command"]
    rules = {rule["Id"]: rule["ExpirationInDays"] for rule in
             resources["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]}
    single_rules = json.loads((FOLDER / "s3/lifecycle-tags.json").read_text())["Rules"]
    assert rules == {rule["ID"]: rule["Expiration"]["Days"] for rule in single_rules}
    policy = json.loads((FOLDER / "iam/hybrid.json").read_text())["Statement"]
    statements = resources["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert [statement["Action"] for statement in statements] == [statement["Action"] for statement in policy]


def test_the_lines_that_the_alarms_wait_for_are_lines_of_the_plugin():
    resources = yaml.load(TEMPLATE.read_text(), Loader=Template)["Resources"]
    source = "\n".join(path.read_text() for path in (ROOT / "plugin/delivery/src").rglob("*.rs"))
    patterns = [one["Properties"]["FilterPattern"].strip('"') for one in resources.values() if one["Type"] == "AWS::Logs::MetricFilter"]
    assert len(patterns) == 2
    for pattern in patterns:
        assert pattern in source


def test_cloudformation_makes_the_stack(endpoint):
    def speak(service):
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="y")

    network = speak("ec2")
    subnet = network.describe_subnets()["Subnets"][0]
    group = network.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"][0]
    values = {"RouterImage": "router:1", "AppImage": "app:1", "LakeBucket": "shop-lake", "Subnets": subnet["SubnetId"],
              "Repositories": "arn:aws:ecr:eu-west-1:123456789012:repository/shiwake", "SecurityGroups": group["GroupId"]}
    formation = speak("cloudformation")
    formation.create_stack(StackName="shop", TemplateBody=TEMPLATE.read_text(), Capabilities=["CAPABILITY_IAM"],
                           Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()])
    (stack,) = formation.describe_stacks(StackName="shop")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    resources = yaml.load(TEMPLATE.read_text(), Loader=Template)["Resources"]
    listed = formation.describe_stack_resources(StackName="shop")["StackResources"]
    made = {entry["LogicalResourceId"] for entry in listed if "LogicalResourceId" in entry}
    assert made == {name for name, one in resources.items() if one["Type"] not in NOT_PLAYED}
    assert {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}["Lake"] == "s3://shop-lake/prod"
    ecs = speak("ecs")
    router = ecs.describe_task_definition(taskDefinition="shop")["taskDefinition"]["containerDefinitions"][0]
    assert {"name": "LAKE", "value": "s3://shop-lake/prod"} in router["environment"]
    assert {group["logGroupName"] for group in speak("logs").describe_log_groups(logGroupNamePrefix="/ecs/shop")["logGroups"]} == {
        "/ecs/shop", "/ecs/shop/router"}
    formation.delete_stack(StackName="shop")
    for group in ("/ecs/shop", "/ecs/shop/router"):
        try:
            speak("logs").delete_log_group(logGroupName=group)
        except speak("logs").exceptions.ResourceNotFoundException:
            pass


def test_the_lines_of_the_failure_table_are_lines_of_the_plugin():
    table = (ROOT / "docs/operations.md").read_text().split("<!-- failures -->")[1].split("<!-- /failures -->")[0]
    # Text that goes over lines in the source is put together again.
    source = "\n".join(path.read_text() for folder in ("plugin/delivery/src", "c_api/src") for path in (ROOT / folder).rglob("*.rs"))
    source = re.sub(r"\\\n\s*", "", source)
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) > 12
    for row in rows:
        for quoted in re.findall(r"`([^`]+)`", row.split(" | ")[0]):
            assert quoted in source, quoted


def test_the_table_of_metrics_has_all_that_the_plugin_makes():
    source = (ROOT / "c_api/src/abi/metrics.rs").read_text()
    made = set(re.findall(r'(?:counter|gauge)\(\s*c"(\w+)"', source))
    table = (ROOT / "docs/operations.md").read_text().split("<!-- metrics -->")[1].split("<!-- /metrics -->")[0]
    told = set(re.findall(r"(?m)^\| `fluentbit_shiwake_(\w+)`", table))
    assert len(made) > 10 and told == made


def test_links_of_the_reference_lead_somewhere():
    for page in [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), FOLDER / "README.md"]:
        for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
            file = page.parent / target if target else page
            assert file.exists(), f"{page.name}: {target}"
            if anchor and file.suffix == ".md":
                assert anchor in anchors_of(file), f"{page.name}: {target}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.*)$", page.read_text())
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_configuration_stands_in_the_table_of_both_readmes():
    def named_in(page: str) -> list[str]:
        return re.findall(r"(?m)^\| .*?\]\(fluent-bit-conf/([\w-]+\.conf)\)", (ROOT / page).read_text())

    assert sorted(named_in("README.md")) == [conf.name for conf in CONFS]
    assert named_in("README.ja.md") == named_in("README.md")
