"""Every dependency comes from crates.io under a licence that deny.toml allows.

`cargo deny` checks the same and more, where it is installed; this needs nothing but cargo.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DENY = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
ALLOWED = set(DENY["licenses"]["allow"])
REGISTRIES = {f"registry+{registry}" for registry in DENY["sources"]["allow-registry"]}


EXCEPTIONS = {exception["crate"]: set(exception["allow"]) for exception in DENY["licenses"]["exceptions"]}


def is_allowed(expression: str, also: frozenset[str] | set[str] = frozenset()) -> bool:
    """Whether an SPDX expression can be met with the licences that are allowed. `/` is an old way of writing OR."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        result = both()
        while words and words[0] == "OR":
            words.pop(0)
            result = both() or result
        return result

    def both() -> bool:
        result = one()
        while words and words[0] == "AND":
            words.pop(0)
            result = one() and result
        return result

    def one() -> bool:
        if words[0] == "(":
            words.pop(0)
            result = either()
            words.pop(0)
            return result
        name = words.pop(0)
        if words and words[0] == "WITH":
            name = f"{name} WITH {words[1]}"
            del words[:2]
        return name in ALLOWED | also

    return either()


for expression, expected in [("MIT", True), ("GPL-3.0", False), ("GPL-3.0 OR MIT", True), ("GPL-3.0 AND MIT", False),
                             ("(GPL-3.0 OR MIT) AND ISC", True), ("MIT/GPL-2.0", True), ("Apache-2.0 WITH X", False)]:
    assert is_allowed(expression) is expected, expression

packages = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))["packages"]
wrong = []
for package in packages:
    name = f"{package['name']} {package['version']}"
    if package["source"] and package["source"] not in REGISTRIES:
        wrong.append(f"{name} comes from {package['source']}")
    if not package["license"] or not is_allowed(package["license"], EXCEPTIONS.get(package["name"], set())):
        wrong.append(f"{name} has the licence {package['license']}, which deny.toml does not allow")
print(f"licences and sources: {len(packages)} packages, {len(wrong)} that may not be")
sys.exit("\n".join(wrong) or 0)
