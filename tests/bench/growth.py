"""How what a record costs grows with its size, with the number of rules, and with the number of types."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import arrived
import measure
import plot
import servers
import whole
from fluent_bit import FluentBit, Sections, instructions, repeated_lines
from report import Section, number

#: A line of a logger; what is behind it fills the line up.
TEXT = "2026-03-02 09:{minute:02}:{second:02},123 INFO [worker-3] com.example.shop.Orders - request {number} of team {team} was handled "
SIZES = [150, 500, 2_000, 8_000]
FILLING = "with 17 items from the warehouse in the north by the carrier of the day; "


def lines_of(path: Path, count: int, size: int, teams: int) -> None:
    """Lines of this many bytes, of so many teams in turn."""
    with path.open("w") as file:
        for number_of_line in range(count):
            team = number_of_line % teams
            line = TEXT.format(minute=number_of_line // 60 % 60, second=number_of_line % 60, number=number_of_line, team=team)
            file.write((line + FILLING * (size // len(FILLING) + 1))[:max(size, len(line))] + "\n")


def types_of(count: int) -> str:
    """Rules that give each team's lines a type of its own."""
    return "".join(f"[type.team{team}]\nlike = \"app\"\n[[rule]]\nname = 'team {team}'\ntype = 'team{team}'\nmatch = 'of team {team} '\n"
                   for team in range(count))


def add(part: Section, host: FluentBit, folder: Path, is_quick: bool) -> None:
    """Tables: files through the host, CPU above that of tail -> null."""
    count, rounds = (20_000, 1) if is_quick else (100_000, 2)
    part.say("### How the cost grows",
             f"Files of up to {count:,} lines from `tail` to objects; CPU above that of `tail -> null`, microseconds a record.")

    def ways(name: str, at: Path, port: int, rules: Path | None) -> Sections:
        more = {"rules": rules} if rules else {}
        lake = {"Name": "shiwake", **whole.EVERY, "lake": at / "objects", "shutdown_timeout": "2m", **whole.KEEPS_TRYING, **more}
        return {"null": [whole.NULL], "shiwake": [("FILTER", {**whole.SHIWAKE[1], **more}), ("OUTPUT", lake)],
                "out_s3": [whole.out_s3(port, at)]}[name]

    def cost(lines: Path, names: list[str], rules: Path | None = None, count: int = count) -> dict[str, float]:
        def one(name: str) -> measure.Usage:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                at = Path(place)
                if name != "out_s3":
                    return checked(host.run([host.tail(lines), *ways(name, at, 0, rules)], at), name, at)
                with servers.s3(at / "objects", measure.OTHER_CORE) as port:
                    return checked(host.run([host.tail(lines), *ways(name, at, port, rules)], at), name, at)

        def checked(usage: measure.Usage, name: str, at: Path) -> measure.Usage:
            read = {"shiwake": arrived.in_lake, "out_s3": arrived.in_gzip}.get(name)
            if read and (found := read(at / "objects").records) != count:
                raise RuntimeError(f"{name}: {found} of {count} records arrived")
            return usage

        used = measure.take_turns(names, rounds, one)
        base = measure.cpu(used["null"]).median
        return {name: (measure.cpu(usages).median - base) / count * 1e6 for name, usages in used.items() if name != "null"}

    add_sizes(part, folder, count, cost, SIZES[:2] if is_quick else SIZES)
    if not is_quick:
        add_rules(part, folder, count, cost)
        add_types(part, folder, count, cost)


Cost = Callable[..., dict[str, float]]


def add_sizes(part: Section, folder: Path, count: int, cost: Cost, sizes: list[int]) -> None:
    found = {}
    for size in sizes:
        # Fewer of the longest, so that a file has 60 MB at most.
        lines = min(count, 60_000_000 // size)
        lines_of(folder / "sized.log", lines, size, 1)
        found[size] = cost(folder / "sized.log", ["null", "shiwake", "out_s3"], count=lines)
    part.table(["bytes of a line", "shiwake to Parquet", "out_s3 to gzip JSON", "ours of theirs"],
               [[f"{size:,}", number(one["shiwake"]), number(one["out_s3"]), f"{one['shiwake'] / one['out_s3']:.2f}"] for size, one in found.items()])
    part.plot("sizes.svg", plot.lines("CPU microseconds a record", "bytes of a line",
                                      {name: [(size, found[size][name]) for size in sizes] for name in ("shiwake", "out_s3")}),
              "CPU by size of records")


def add_rules(part: Section, folder: Path, count: int, cost: Cost) -> None:
    lines = folder / "ruled.log"
    repeated_lines(lines, count)
    rows = []
    for rules in (0, 5, 50, 200):
        (folder / "rules.toml").write_text(instructions.rules_of(rules))
        rows.append([str(rules), number(cost(lines, ["null", "shiwake"], folder / "rules.toml")["shiwake"])])
    part.table(["rules, of which none holds", "shiwake to Parquet"], rows)


def add_types(part: Section, folder: Path, count: int, cost: Cost) -> None:
    rows = []
    for types in (1, 4, 16):
        lines_of(folder / "typed.log", count, 300, types)
        (folder / "types.toml").write_text(types_of(types))
        rows.append([str(types), number(cost(folder / "typed.log", ["null", "shiwake"], folder / "types.toml")["shiwake"])])
    part.table(["types of one's own, each with its lane and files", "shiwake to Parquet"], rows)
