"""The filter: its code, its instructions, and what it costs a real Fluent Bit beside what else does such work there."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import code_benches
import measure
import plot
from fluent_bit import FluentBit, Sections, attempt_with_host, hosts, instructions, repeated_lines
from report import Section, megabytes, number

#: Owed: bytes of structured records that are classified and given fields in a second, and records under 20 patterns.
STRUCTURED_GIGABYTES, PATTERNS_MILLIONS = 3.0, 2.0
#: Owed: CPU seconds that filters add to so many lines in Fluent Bit.
HOST_LINES, ADDED_SECONDS = 600_000, {"shiwake": 0.25, "shiwake, 50 rules": 0.35}
BENCHES = ["structured", "patterns", "rules", "parsers", "sorting"]
GROUPS = {
    "structured scan": "Stepping over structured records (60% access with 16 typed fields, applications with nested maps, errors "
                       "with stack traces, audit; 23 fields on average)",
    "structured": "Classifying them and appending to them, in whole chunks, without properties, with those for "
                  "Datadog, and with what ECS says of the task too; and the naive ways: into trees of rmpv, or by rmp-serde into those of "
                  "serde_json, and back, and the same with the type found in between",
    "20 patterns on 300 bytes": "Twenty patterns on lines of 300 bytes: the whole filter with and without such rules, the naive way, and "
                                "what the regex crate takes for the patterns alone",
    "rules": "Access lines under rules of one's own of which none holds, and the patterns of these rules one by one",
    "parsers": "Each parser on its lines, and regular expressions with groups and serde_json on the same",
    "sort": "Lines as FireLens sends them, classified, parsed and given fields; *sorted before* is what the output does again",
}


def section(folder: Path, is_quick: bool) -> Section:
    part = Section("Filter")
    part.attempt(add_code, is_quick)
    part.attempt(add_instructions, folder, is_quick)
    part.say("### In a real Fluent Bit")
    attempt_with_host(part, add_host, folder, is_quick)
    return part


def add_code(part: Section, is_quick: bool) -> None:
    """Speeds of the code itself."""
    benches = BENCHES[:2] if is_quick else BENCHES
    results = code_benches.run(benches, 1 if is_quick else 2, is_quick)
    part.say("### The code", "MB are those of MessagePack, or of lines for parsers alone; *spread* is the lowest and the highest round, as "
             "parts of the median.")
    for group, what in GROUPS.items():
        if rows := code_benches.rows(results, group):
            part.say(f"{what}:")
            part.table(["", "speed", "spread"], rows)
    ours, naive = results["structured", "classify and append"], results["structured", "naive: rmpv to rmpv"]
    classified = results["structured", "naive: rmpv, classified"]
    part.say(f"Classifying and appending takes 1/{naive.seconds.median / ours.seconds.median:.0f} of the time of decoding into trees and "
             f"encoding them, and 1/{classified.seconds.median / ours.seconds.median:.0f} of that with a type found in between.")
    part.owe("filter: structured records classified and given fields", STRUCTURED_GIGABYTES, ours.megabytes_per_second / 1e3, "GB/s",
             at_least=True)
    with_rules, without = (results["20 patterns on 300 bytes", name] for name in ("sorter", "sorter without rules"))
    alone = with_rules.elements / max(with_rules.seconds.median - without.seconds.median, 1e-9) / 1e6
    part.owe("filter: 20 patterns on lines of 300 bytes, what they add to the filter", PATTERNS_MILLIONS, alone, "M records/s", at_least=True)
    part.owe("filter: the same, with all else that the filter does", PATTERNS_MILLIONS, with_rules.elements_per_second / 1e6, "M records/s",
             at_least=True)


def more_cases() -> dict[str, instructions.Case]:
    """Cases beside those that tests keep."""
    apache, formats = "access_apache_combined.log", "formats"
    kinds = {"syslog": "syslog.log", "logfmt": "logfmt.log", "loggers of all kinds": "logger.log", "nginx error": "nginx_error.log",
             "apache error": "apache_error.log", "web framework": "web_framework.log", "load balancer": "load_balancer.log",
             "cloudfront": "cloudfront.log", "proxies": "proxy.log", "vpc flow": "vpc_flow.log"}
    cases = {f"filter: access lines, {count} rules": instructions.Case(apache, filter={}, rules=count) for count in (5, 200)}
    cases |= {f"filter: {name}": instructions.Case(f"{formats}/{file}", filter={}) for name, file in kinds.items()}
    return cases


def add_instructions(part: Section, folder: Path, is_quick: bool) -> None:
    """Instructions for a record, which no other work on the machine changes."""
    part.say("### Instructions")
    if reason := instructions.missing():
        part.say(f"Not counted: {reason}.")
        return
    cases = instructions.CASES | more_cases()
    if is_quick:
        cases = dict(list(cases.items())[:2])
    kept = json.loads(instructions.KEPT.read_text())["instructions_per_record"]
    counted = {name: instructions.measure(case) for name, case in cases.items()}
    part.say("Instructions of the shared object for one more record, by callgrind; *kept* is what `make test` holds them to.")
    part.table(["", "instructions", "kept"], [[name, f"{count:,.0f}", f"{kept[name]:,}" if name in kept else ""] for name, count in counted.items()])


LUA = r"""function sort(tag, ts, r)
  local a,u,t,m,p,s,b = string.match(r.log, '^(%S+) %S+ (%S+) %[([^%]]+)%] "(%S+) (%S+)[^"]*" (%d+) (%S+)')
  if a then r.remote_addr=a; r.method=m; r.path=p; r.status=tonumber(s); r.bytes=tonumber(b); r.log_type="access" end
  return 2, ts, r
end
"""


def filter_cases(folder: Path) -> dict[str, Sections]:
    """What stands between tail and null, by its name."""
    (folder / "sort.lua").write_text(LUA)
    for count in (50, 200):
        (folder / f"rules{count}.toml").write_text(instructions.rules_of(count))
    every = {"Match": "*"}
    parser = ("FILTER", {"Name": "parser", **every, "Key_Name": "log", "Parser": "apache2", "Reserve_Data": "on", "Preserve_Key": "on"})
    modifier = ("FILTER", {"Name": "record_modifier", **every, "Record": "log_type access"})
    retag = ("FILTER", {"Name": "rewrite_tag", "Match": "app", "Rule": '$log "(GET|POST|HEAD|PUT)" access false', "Emitter_Mem_Buf_Limit": "500M"})
    cases = {
        "no filter": [],
        "shiwake": [("FILTER", {"Name": "shiwake", **every})],
        "shiwake, 50 rules": [("FILTER", {"Name": "shiwake", **every, "rules": folder / "rules50.toml"})],
        "shiwake, 200 rules": [("FILTER", {"Name": "shiwake", **every, "rules": folder / "rules200.toml"})],
        "parser + record_modifier": [parser, modifier],
        "lua": [("FILTER", {"Name": "lua", **every, "script": folder / "sort.lua", "call": "sort"})],
        "rewrite_tag": [retag],
    }
    module = hosts.DIST / "shiwake.wasm"
    if module.exists():
        wasm = {"Name": "wasm", **every, "WASM_Path": module, "Function_Name": "filter_shiwake", "Event_Format": "json"}
        cases["shiwake as WASM, interpreted"] = [("FILTER", wasm)]
    return cases


def add_host(part: Section, host: FluentBit, folder: Path, is_quick: bool) -> None:
    """CPU of Fluent Bit for lines of Apache from tail through filters to null."""
    records = HOST_LINES // 10 if is_quick else HOST_LINES
    size = repeated_lines(folder / "apache.log", records)
    cases = filter_cases(folder)

    def one(name: str) -> measure.Usage:
        null = ("OUTPUT", {"Name": "null", "Match": "*"})
        with tempfile.TemporaryDirectory() as place:
            return host.run([host.tail(folder / "apache.log"), *cases[name], null], Path(place))

    used = measure.take_turns(cases, 1 if is_quick else 5, one)
    base = measure.cpu(used["no filter"]).median
    added = {name: measure.cpu(usages).median - base for name, usages in used.items() if name != "no filter"}
    for name, seconds in ADDED_SECONDS.items():
        # A few lines are mostly the start of the filter.
        if not is_quick:
            part.owe(f"filter: CPU that *{name}* adds to {records:,} lines in Fluent Bit", seconds, added[name], "s")
    part.say(f"{host.name}, {records:,} lines of Apache ({megabytes(size)} MB), tail to null; what the filters between them add. `parser` has "
             "Fluent Bit's own expression, `lua` one pattern and six fields, `rewrite_tag` one expression; only shiwake gives a severity, "
             "finds the other kinds of lines, and keeps the zone of the time.")
    rows = []
    for name, usages in used.items():
        series = measure.cpu(usages)
        rows.append([name, number(series.median), series.spread(), *(["", "", ""] if name == "no filter" else [
            number(added[name]), f"{records / added[name] / 1e6:.2f}", f"{added[name] / added['shiwake']:.2f}"]),
            megabytes(measure.peak(usages))])
    part.table(["", "CPU s", "lowest..highest", "adds s", "M records/s of what is added", "x shiwake", "peak MB"], rows)
    native = {name: seconds for name, seconds in added.items() if "WASM" not in name}
    part.plot("filter.svg", plot.bars(f"CPU seconds added to Fluent Bit by {records:,} lines", native,
                                      {name for name in native if name.startswith("shiwake")}), "CPU of filters")
