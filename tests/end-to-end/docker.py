"""Sends records to a forward input as Docker's fluentd log driver does."""

from __future__ import annotations

import random
import socket
import struct

PIECE_BYTES = 16 * 1024


def text(value: str) -> bytes:
    """A string in MessagePack."""
    data = value.encode()
    if len(data) < 32:
        return bytes([0xA0 | len(data)]) + data
    if len(data) < 256:
        return b"\xd9" + bytes([len(data)]) + data
    return b"\xda" + struct.pack(">H", len(data)) + data


def message(tag: str, seconds: int, record: dict[str, str]) -> bytes:
    """A message with one record: the driver sends each by itself, its fields in any order."""
    fields = random.sample(list(record.items()), len(record))
    body = bytes([0x80 | len(fields)]) + b"".join(text(key) + text(value) for key, value in fields)
    return b"\x93" + text(tag) + b"\xce" + struct.pack(">I", seconds) + body


def records_of(container: str, identity: str, line: str) -> list[dict[str, str]]:
    """The records of a line: itself, or its pieces."""
    record = {"container_id": container, "container_name": f"/{container}", "source": "stdout"}
    if len(line) < PIECE_BYTES:
        return [record | {"log": line}]
    parts = [line[at:at + PIECE_BYTES] for at in range(0, len(line), PIECE_BYTES)]
    return [record | {"log": part, "partial_message": "true", "partial_id": identity,
                      "partial_ordinal": str(number + 1), "partial_last": str(number + 1 == len(parts)).lower()}
            for number, part in enumerate(parts)]


def interleaved(queues: list[list], chance: random.Random) -> list:
    """Everything in the queues, each queue in its order and the queues in any."""
    taken = []
    while queues := [queue for queue in queues if queue]:
        taken.append(chance.choice(queues).pop(0))
    return taken


def send(port: int, messages: list[bytes]) -> None:
    """Sends messages over one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for data in messages:
            connection.sendall(data)
