"""Lines above 16 KiB, as they come from Docker through the forward input of a real Fluent Bit."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import urllib.request

import pytest

from conftest import REAL, name_of
from docker import interleaved, message, records_of, send
from hosts import FILTER, OUTPUT, stop, wait_until

SECONDS = 1_700_000_000


def free_port() -> int:
    """A port that was free just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def long_line(container: str, number: int) -> str:
    """A JSON document of 40 KB, which no piece of it is."""
    return json.dumps({"level": "error", "container": container, "number": number, "msg": f"{number} " * 20_000})


def run(host, folder, queues: list[list[bytes]], flush: str = "60") -> str:
    """Sends the messages and stops the host when it has them all; with so rare a flush they are in one chunk of each tag."""
    forward, http = free_port(), free_port()
    config, log = folder / "fluent-bit.conf", folder / "log"
    config.write_text(f"""
[SERVICE]
    Flush {flush}
    Grace 5
    HTTP_Server on
    HTTP_Listen 127.0.0.1
    HTTP_Port {http}
[INPUT]
    Name forward
    Listen 127.0.0.1
    Port {forward}
[FILTER]
    Name shiwake
    Match *
[OUTPUT]
    Name shiwake
    Match *
    lake {folder}/lake
    shutdown_timeout 60s
""")
    command = [str(host.binary), "-e", str(FILTER), "-e", str(OUTPUT), "-c", str(config)]
    process = subprocess.Popen(command, stdout=log.open("wb"), stderr=subprocess.STDOUT)

    def taken() -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/api/v1/metrics", timeout=5) as answer:
                return json.load(answer)["input"]["forward.0"]["records"]
        except OSError:
            return -1

    try:
        wait_until(lambda: taken() >= 0, "the host answers")
        messages = interleaved(queues, random.Random(7))
        send(forward, messages)
        wait_until(lambda: taken() == len(messages), "the host has all records")
        assert stop(process) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
    return log.read_text()


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_long_lines_of_several_containers_come_out_whole(host, tmp_path, ask):
    lines = {container: [long_line(container, number) if number % 2 else f"INFO short {number}" for number in range(8)]
             for container in ("web", "shop", "cart")}
    # One tag for all, so that their pieces stand between each other's.
    queues = [[message("app", SECONDS, record) for number, line in enumerate(own)
               for record in records_of(container, f"{container}{number}", line)]
              for container, own in lines.items()]
    log = run(host, tmp_path, queues)
    rows = ask(tmp_path / "lake", "SELECT container_name, type, count(*), max(length(message)), "
               "count(attributes['partial_incomplete']) FROM lake GROUP BY ALL ORDER BY ALL")
    length = len(f"{7} " * 20_000)
    # The line is taken apart: its level makes it an error and its `msg` the message.
    expected = [(container, kind, 4, size, 0) for container in sorted(lines)
                for kind, size in (("app", len("INFO short 0")), ("error", length))]
    assert rows == expected, log


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_pieces_without_their_last_are_kept_and_marked(host, tmp_path, ask):
    pieces = records_of("web", "one", long_line("web", 1))[:-1]
    assert len(pieces) == 2
    log = run(host, tmp_path, [[message("app", SECONDS, record) for record in pieces]])
    rows = ask(tmp_path / "lake", "SELECT message, attributes['partial_ordinal'], attributes['partial_incomplete'] "
               "FROM lake ORDER BY 2")
    assert rows == [(piece["log"], piece["partial_ordinal"], "true") for piece in pieces], log
