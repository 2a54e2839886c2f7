"""Records to Datadog beside Fluent Bit's own output: the same records, the same fake intake, as they are and behind the filter."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import measure
import plot
import servers
from fluent_bit import INTAKE, NOT_RUN, FluentBit, instructions
from report import Section, megabytes, number

GZIP, ZSTD = "shiwake, gzip", "shiwake, zstd"
#: Owed: how many times less CPU than Fluent Bit's own output.
OWED = 2


def section(folder: Path, is_quick: bool) -> Section:
    part = Section("Datadog")
    host = FluentBit.found()
    if host is None:
        part.say(NOT_RUN)
        return part
    count = 20_000 if is_quick else 150_000
    records = folder / "records.ndjson"
    lines = (instructions.DATA / "access_apache_combined.log").read_text().splitlines()
    with records.open("w") as file:
        for at in range(count):
            file.write(json.dumps({"log": lines[at % len(lines)], **instructions.TASK, "number": at}) + "\n")
    part.say(f"{host.name}, {count:,} lines of Apache as FireLens sends them ({megabytes(records.stat().st_size)} MB of JSON), `tail` to the "
             "output to an intake on the other core that checks and counts all entries. CPU above that of the same with `null` as output.")
    for uses_filter in (False, True):
        part.attempt(add_comparison, host, records, count, uses_filter, 1 if is_quick else 3)
    return part


def add_comparison(part: Section, host: FluentBit, records: Path, count: int, uses_filter: bool, rounds: int) -> None:
    common = {**INTAKE, "dd_service": "shop", "dd_source": "apache", "dd_tags": "team:logs"}
    outputs = {"null": {"Name": "null"}, "datadog": {"Name": "datadog", **common}, GZIP: {"Name": "shiwake", **common},
               ZSTD: {"Name": "shiwake", **common, "compress": "zstd"}}
    filters = [("FILTER", {"Name": "shiwake", "Match": "*", "dd_tags": "team:logs"})] if uses_filter else []

    def one(name: str) -> measure.Usage:
        output, seen = dict(outputs[name]), {}
        with tempfile.TemporaryDirectory() as place, servers.counting_intake(measure.OTHER_CORE, seen) as port:
            if name != "null":
                output["Port"] = port
            usage = host.run([host.tail(records, is_whole=True), *filters, ("OUTPUT", {"Match": "*", **output})], Path(place))
        if name != "null" and seen["entries"] != count:
            raise RuntimeError(f"{name}: {seen['entries']} of {count} entries arrived")
        return usage

    used = measure.take_turns(outputs, rounds, one)
    base = measure.cpu(used["null"]).median
    added = {name: measure.cpu(usages).median - base for name, usages in used.items() if name != "null"}
    title = "behind the filter shiwake" if uses_filter else "records as they are"
    part.owe(f"Datadog: `datadog`'s CPU, times that of *{ZSTD}*, {title}", OWED, added["datadog"] / added[ZSTD], "x", at_least=True)
    part.say(f"**{title[0].upper()}{title[1:]}**" + (": the output sorts nothing again." if uses_filter else
             ": ours classifies, parses and tags them in the output; `datadog` does not.") )
    part.table(["", "CPU s", "lowest..highest", "above null s", "datadog's cost / this", "peak MB"],
               [[name, number(series.median), series.spread(), *(["", ""] if name == "null" else [
                   number(added[name]), f"{added['datadog'] / added[name]:.2f}"]), megabytes(measure.peak(used[name]))]
                for name, series in ((name, measure.cpu(usages)) for name, usages in used.items())])
    part.plot(f"datadog-{'sorted' if uses_filter else 'raw'}.svg",
              plot.bars(f"CPU seconds above null for {count:,} records, {title}", added, {GZIP, ZSTD}),
              f"CPU of outputs to Datadog, {title}")
