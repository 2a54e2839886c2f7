"""The host's own time limit, read where each real Fluent Bit keeps it."""

from __future__ import annotations

import pytest

from conftest import REAL, name_of
from hosts import stop, wait_until
from test_fluent_bit import start


@pytest.mark.parametrize(("service", "output", "expected"), [
    ("Grace 7", "", "shutdown_timeout 6.3s from the host's Grace 7)"),
    ("", "", "shutdown_timeout 4.5s from the host's Grace 5)"),
    ("Grace 0", "", "shutdown_timeout 1s from the host's Grace 0)"),
    ("Grace -1", "", "shutdown_timeout 20s)"),
    ("Grace 7", "shutdown_timeout 9s", "shutdown_timeout 9s)"),
    ("HTTP_Listen ::1\n    HTTP_Port 8080\n    Log_Level info\n    Grace 30", "",
     "shutdown_timeout 27s from the host's Grace 30)"),
], ids=["set", "default", "zero", "no end", "property", "among others"])
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_shutdown_timeout_follows_the_hosts_grace(host, service, output, expected, tmp_path):
    config, log = tmp_path / "fluent-bit.conf", tmp_path / "log"
    config.write_text(f"[SERVICE]\n    Flush 0.2\n    {service}\n[INPUT]\n    Name dummy\n"
                      f"[OUTPUT]\n    Name shiwake\n    Match *\n    lake {tmp_path}/lake\n    {output}\n")
    process = start(host, config, log)
    wait_until(lambda: "writes to" in log.read_text(), "the plugin has started")
    assert expected in log.read_text()
    assert stop(process) == 0, log.read_text()
