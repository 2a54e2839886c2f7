"""Reads the configurations that ship, classic and YAML, and knows what may stand in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from hosts import ROOT

FOLDER = ROOT / "fluent-bit-conf"
CONFS = sorted(FOLDER.glob("*.conf"))
YAMLS = sorted(FOLDER.glob("*.yaml"))
# What Fluent Bit 4.2.8 says of itself (`fluent-bit -J`), for the plugins that are used here.
KNOWN = ROOT / "tests/conf/known_properties.json"
KINDS = {"INPUT": "inputs", "FILTER": "filters", "OUTPUT": "outputs"}
VARIABLE = re.compile(r"\$\{(\w+)\}")
# Parts of a section's properties: (kind, properties in small letters).
Section = tuple[str, dict[str, str | list[str]]]


def classic_sections(conf: Path) -> list[Section]:
    """The sections of a classic configuration."""
    found: list[Section] = []
    for line in conf.read_text().splitlines():
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            found.append((line.strip("[]"), {}))
        else:
            key, value = line.split(None, 1)
            # What may stand more than once in a section is a list, as in YAML.
            before = found[-1][1].get(key.lower())
            found[-1][1][key.lower()] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return found


def yaml_sections(conf: Path) -> list[Section]:
    """The sections of a configuration in YAML, as the classic one would name them."""
    # The base loader leaves `on` and numbers the text that they are.
    whole = yaml.load(conf.read_text(), Loader=yaml.BaseLoader)
    found = [("SERVICE", whole["service"])]
    for kind, name in KINDS.items():
        found += [(kind, section) for section in whole["pipeline"].get(name, [])]
    return found


def sections_of(conf: Path) -> list[Section]:
    """The sections of a configuration of either kind."""
    return yaml_sections(conf) if conf.suffix == ".yaml" else classic_sections(conf)


def variables_of(conf: Path) -> set[str]:
    """The variables that a configuration wants from the environment."""
    return set(VARIABLE.findall("\n".join(line for line in conf.read_text().splitlines()
                                          if not line.strip().startswith("#"))))


def faults_of(conf: Path) -> list[str]:
    """What of a configuration no Fluent Bit would know. What the plugin thinks of its properties it says itself."""
    known = json.loads(KNOWN.read_text())
    faults = []
    for kind, properties in sections_of(conf):
        plugin = properties.get("name", "")
        if kind == "SERVICE":
            allowed = set(known["service"])
        elif plugin == "shiwake":
            continue
        elif plugin in known[KINDS.get(kind, "")]:
            allowed = set(known[KINDS[kind]][plugin]) | set(known["every"][KINDS[kind]])
        else:
            faults.append(f"{kind} has the name {plugin!r}, which is none of {sorted(known[KINDS[kind]])}")
            continue
        faults += [f"{kind} {plugin}: nobody knows {key!r}" for key in properties if key not in allowed]
    return faults
