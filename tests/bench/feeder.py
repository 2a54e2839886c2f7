"""Sends log lines to a forward input at a steady rate, with the time of each: `feeder.py PORT RATE SECONDS LINES_FILE`.

Forward mode with packed entries (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1#packedforward-mode). Says
how many it has sent, and how long that took, as JSON.
"""

from __future__ import annotations

import itertools
import json
import socket
import struct
import sys
import time

import msgpack

TAG = "app-firelens-0a1b2c"
#: What FireLens adds to a line.
TASK = {"container_id": "0123456789abcdef0123456789abcdef-1234567890", "container_name": "/web", "source": "stdout",
        "ecs_cluster": "shop", "ecs_task_definition": "web:42",
        "ecs_task_arn": "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef0123456789abcdef"}
PAUSE_SECONDS = 0.02


def main() -> None:
    port, rate, seconds, path = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    with open(path, errors="replace") as file:
        records = [msgpack.packb({**TASK, "log": line.rstrip("\n")}) for line in file]
    stream = itertools.cycle(records)
    connection = socket.create_connection(("127.0.0.1", port))
    sent, began = 0, time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        due = int(min(now, seconds) * rate) - sent
        if due > 0:
            nanoseconds = time.time_ns()
            head = b"\x92\xd7\x00" + struct.pack(">II", *divmod(nanoseconds, 1_000_000_000))
            entries = b"".join(head + record for record in itertools.islice(stream, due))
            connection.sendall(msgpack.packb([TAG, entries, {"size": due}], use_bin_type=True))
            sent += due
        time.sleep(PAUSE_SECONDS)
    took = time.monotonic() - began
    connection.close()
    print(json.dumps({"sent": sent, "seconds": took}))


if __name__ == "__main__":
    main()
