"""The ledger in the metrics of a real Fluent Bit, as Prometheus scrapes them."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request

import pytest

from conftest import REAL, name_of
from hosts import LEDGER, stop, wait_until
from test_fluent_bit import start, write_config

# Older hosts have no such page, and give a plugin no way to the metrics of its instance.
METRICS_SINCE = (2, 2, 0)
SAMPLE = re.compile(r'^fluentbit_shiwake_(\w+)\{name="([^"]+)"(?:,type="(\w+)")?\} (\S+)$', re.MULTILINE)
LINES = {"error": ["[x] ERROR y"] * 3, "app": ["INFO hello"] * 5, "audit": [
    "Jun  9 06:06:20 combo sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2"] * 2}


def scrape(port: int) -> dict[tuple[str, str, str], float]:
    """What the plugin's metrics say, by metric, instance and type."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v2/metrics/prometheus", timeout=10) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return {}
    return {(metric, name, log_type): float(value) for metric, name, log_type, value in SAMPLE.findall(text)}


def total(samples: dict, metric: str, name: str = "lake") -> float:
    """The sum over all types."""
    return sum(value for (shown, of, _), value in samples.items() if (shown, of) == (metric, name))


def adds_up(samples: dict, accepted: int) -> bool:
    """Whether all of so many records are accounted for."""
    out = [total(samples, metric) for metric in
           ("written_records_total", "quarantined_records_total", "pending_records")]
    return sum(out) == total(samples, "accepted_records_total") == accepted


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_the_metrics_are_the_ledger(host, tmp_path, port):
    second = f"[OUTPUT]\n    Name shiwake\n    Match *\n    Alias second\n    lake {tmp_path}/second\n"
    service = f"    HTTP_Server on\n    HTTP_Listen 127.0.0.1\n    HTTP_Port {port}\n"
    config = write_config(tmp_path, tmp_path / "lake", service, f"    Alias lake\n    upload_timeout 1s\n{second}")
    log, lines = tmp_path / "log", [line for lines in LINES.values() for line in lines]
    with (tmp_path / "app.log").open("w", buffering=1) as app:
        app.writelines(f"{line}\n" for line in lines)
        process = start(host, config, log)
        if host.version < METRICS_SINCE:
            wait_until(lambda: list((tmp_path / "lake").rglob("*.parquet")), "the lake has a file")
            assert not scrape(port)
        else:
            wait_until(lambda: total(scrape(port), "accepted_records_total") == len(lines), "all are accepted")
            samples = scrape(port)
            for log_type, lines_of_type in LINES.items():
                assert samples["accepted_records_total", "lake", log_type] == len(lines_of_type), samples
            assert samples["accepted_records_total", "lake", "access"] == 0
            assert total(samples, "accepted_records_total", "second") == len(lines)
            assert total(samples, "pending_records", "second") == len(lines)
            wait_until(lambda: len(list((tmp_path / "lake").rglob("*.parquet"))) >= len(LINES), "all are written")
            # A flush brings the sums up to date.
            app.write("INFO one more\n")
            wait_until(lambda: total(scrape(port), "written_records_total") >= len(lines), "the metrics say so")
            # The page is no snapshot: it may be made while the sums change.
            wait_until(lambda: adds_up(scrape(port), len(lines) + 1), "the sums add up")
            samples = scrape(port)
            assert total(samples, "quarantined_records_total") == 0
            assert samples["misfit_fields_total", "lake", "app"] == 0
            assert samples["recovered_records_total", "lake", "undeclared"] == 0
            assert samples["objects_total", "lake", ""] >= len(LINES)
            assert samples["object_bytes_total", "lake", ""] > 1_000
            assert total(samples, "written_records_total", "second") == 0
    assert stop(process) == 0, log.read_text()
    ledgers = LEDGER.findall(log.read_text())
    assert len(ledgers) == 2 and all(taken == written for taken, written, _, _ in ledgers), ledgers
