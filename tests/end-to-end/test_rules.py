"""A rules file in every host: types of one's own, records that are thrown away, fields taken out of lines."""

from __future__ import annotations

import json

import pytest

from conftest import ALL, name_of

RULES = """
[type.billing]
like = "activity"
columns.amount = { type = "float64" }

[[rule]]
name = "noise"
match = "^GET /healthz"
drop = true

[[rule]]
name = "bill"
type = "billing"
severity = "notice"
when.tag = "app-firelens-*"
match = "^BILL"
parse = { regex = '^BILL (?<number>\\d+) (?<amount>\\S+)', types = { number = "int", amount = "float" } }
set = { team = "payments" }
"""
LINES = ["GET /healthz", "BILL 7 12.5", '{"hello": ', "BILL 8 much", "GET /healthz", "ERROR no"]


@pytest.fixture
def rules(tmp_path):
    """A rules file and records for it."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    records = tmp_path / "records.ndjson"
    records.write_text("".join(json.dumps({"log": line}) + "\n" for line in LINES))
    return path, records


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_rules_sort_drop_and_take_lines_apart(host, rules, tmp_path, ask):
    path, records = rules
    lake = tmp_path / "lake"
    run = host.run(records, [{"lake": str(lake), "rules": str(path)}], {"rules": str(path)})
    assert run.status == 0, run.log
    # What the filter has thrown away never comes to the output.
    assert run.ledgers == [(4, 4, 0, 0)], run.log
    assert "rules so far: noise=2 (2 dropped) bill=2" in run.log, run.log
    assert "none of it, and stay as they are, so far: json (cut_off)=1" in run.log, run.log
    billed = ask(lake, "SELECT amount, severity, attributes['number'], attributes['amount'], attributes['team'] FROM lake "
                       "WHERE type = 'billing' ORDER BY amount NULLS LAST")
    assert billed == [(12.5, "notice", "7", None, "payments"), (None, "notice", "8", "much", "payments")]
    assert ask(lake, "SELECT type, count(*) FROM lake WHERE type != 'billing' GROUP BY 1 ORDER BY 1") == [
        ("app", 1), ("error", 1)]


@pytest.mark.parametrize("host", ALL, ids=name_of)
def test_rules_that_are_wrong_keep_the_host_from_starting_and_say_where(host, rules, tmp_path):
    path, records = rules
    path.write_text(RULES + "\n[[rule]]\nname = 'x'\ntype = 'biling'\nmatch = '('\n")
    line = RULES.count("\n") + 3
    run = host.run(records, [{"lake": str(tmp_path / "lake"), "rules": str(path)}], {"rules": str(path)})
    assert run.status != 0, run.log
    assert f"{path}:{line + 2}:10: bad pattern: unclosed group" in run.log, run.log
    path.write_text(RULES + "\n[[rule]]\nname = 'x'\ntype = 'biling'\nmatch = 'y'\n")
    run = host.run(records, [{"lake": str(tmp_path / "lake"), "rules": str(path)}], {"rules": str(path)})
    assert f"{path}:{line + 1}:8: unknown type 'biling', did you mean 'billing'?" in run.log, run.log
