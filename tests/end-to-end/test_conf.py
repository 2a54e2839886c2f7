"""Every configuration that ships works as it is."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from conftest import REAL, name_of
from hosts import DEADLINE_SECONDS, ROOT, harness_hosts

CONFS = sorted((ROOT / "fluent-bit-conf").glob("*.conf"))


def sections(conf) -> list[tuple[str, dict[str, str]]]:
    """The sections of a classic configuration, with variables of the environment filled in."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in conf.read_text().splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        else:
            key, value = line.split(None, 1)
            found[-1][1][key] = re.sub(r"\$\{(\w+)\}", lambda match: os.environ[match[1]], value)
    return found


@pytest.mark.parametrize("conf", CONFS, ids=lambda conf: conf.name)
@pytest.mark.parametrize("host", harness_hosts(), ids=name_of)
def test_its_properties_are_known_and_its_records_arrive(host, conf, firelens_records, tmp_path, monkeypatch, ask):
    records, lines = firelens_records
    monkeypatch.setenv("LAKE", str(tmp_path))
    monkeypatch.setenv("STORE_DIR", str(tmp_path / "spool"))
    own = {"FILTER": {}, "OUTPUT": {}}
    for name, entries in sections(conf):
        if entries.get("Name") == "shiwake":
            own[name] = {key: value for key, value in entries.items() if key not in ("Name", "Match", "Retry_Limit")}
    run = host.run(records, [own["OUTPUT"]], own["FILTER"])
    assert run.status == 0, run.log
    assert ask(tmp_path, "SELECT count(*) FROM lake") == [(lines,)]


@pytest.mark.parametrize("conf", CONFS, ids=lambda conf: conf.name)
@pytest.mark.parametrize("host", REAL, ids=name_of)
def test_it_runs_when_firelens_includes_it(host, conf, firelens_records, tmp_path, ask):
    records, lines = firelens_records
    (tmp_path / "parsers.conf").write_text("[PARSER]\n    Name whole\n    Format json\n")
    main = tmp_path / "main.conf"
    main.write_text(f"""
[SERVICE]
    Flush 0.2
    Grace 2
    Parsers_File {tmp_path}/parsers.conf
[INPUT]
    Name tail
    Path {records}
    Read_from_Head on
    Exit_On_Eof on
    Parser whole
@INCLUDE {conf}
""")
    run = subprocess.run(host.command(main), capture_output=True, text=True, timeout=DEADLINE_SECONDS,
                         env={**os.environ, "LAKE": str(tmp_path / "lake"), "STORE_DIR": str(tmp_path / "spool")})
    assert run.returncode == 0, run.stderr
    assert ask(tmp_path / "lake", "SELECT count(*) FROM lake") == [(lines,)]
