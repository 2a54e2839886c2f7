"""Log lines as FireLens hands them over: Docker's fields and ECS' around each line."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"

# Which container wrote which file, and how its task is called.
CONTAINERS = {
    "access_apache_combined.log": ("web", "shop:7"),
    "audit_auth.log": ("bastion", "bastion:3"),
    "app_kafka_controller.log": ("kafka", "events:12"),
    "app_kafka_server.log": ("kafka", "events:12"),
    "error_kafka_state_change.log": ("kafka", "events:12"),
    "error_kafka_state_change_stacktraces.log": ("kafka", "events:12"),
}


def record(line: str, container: str, task_definition: str) -> dict:
    """One record."""
    family, revision = task_definition.split(":")
    return {
        "container_id": f"{family}{container}".ljust(64, "0"),
        "container_name": f"/ecs-{family}-{revision}-{container}-c0ffee",
        "source": "stdout",
        "log": line,
        "ecs_cluster": "production",
        "ecs_task_arn": f"arn:aws:ecs:eu-west-1:123456789012:task/production/{family}0a1b2c3d",
        "ecs_task_definition": task_definition,
    }


def write_records(target: Path, folder: Path = DATA) -> int:
    """Writes every line of the real logs in a folder as a record and tells how many they are."""
    count = 0
    with target.open("w", encoding="utf-8") as out:
        for file in sorted(folder.glob("*.log")):
            container, task_definition = CONTAINERS[file.name]
            for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
                out.write(json.dumps(record(line, container, task_definition)) + "\n")
                count += 1
    return count


def fresh_records(every: int, folder: Path = DATA) -> list[dict]:
    """One record of so many, with access lines of yesterday: CloudWatch takes nothing that is older than 14 days or two hours in
    the future, and the time in a line becomes the record's."""
    day = (datetime.now(timezone.utc) - timedelta(days=1)).strftime("%d/%b/%Y")
    found = []
    for file in sorted(folder.glob("*.log")):
        for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
            found.append(record(re.sub(r"\d\d/May/2015(?=:)", day, line), *CONTAINERS[file.name]))
    return found[::every]
