"""Prints what is in shiwake.so, as CycloneDX 1.5: its crates with versions, licences and checksums.

    python3 fluent-bit-conf/image/sbom.py > dist/shiwake.cdx.json

The same source gives the same bytes: there is no time in it, and its serial number follows from its content. Runs from Python 3.7
on, which is what Amazon Linux 2 has.
"""

import json
import re
import subprocess
import sys
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CRATE = "shiwake-c-api"
LOCKED = re.compile(r'\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"\n(?:source = "[^"]+"\nchecksum = "([0-9a-f]+)")?')


def run(*command):
    """What a command prints."""
    return subprocess.check_output(command, cwd=str(ROOT), universal_newlines=True)


def linked():
    """Name and version of every crate that the shared object is made of, on the machine that builds it."""
    lines = run("cargo", "tree", "--locked", "-p", CRATE, "-e", "normal", "--prefix", "none", "--format", "{p}").splitlines()
    return sorted({tuple(line.replace(" (*)", "").split()[:2]) for line in lines if line})


def component(name, version, licence, checksum):
    """A crate as CycloneDX describes it."""
    purl = "pkg:cargo/{}@{}".format(name, version)
    found = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licence:
        found["licenses"] = [{"expression": re.sub(r"\s*/\s*", " OR ", licence)}]
    if checksum:
        found["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return found


def main():
    """Prints the whole of it."""
    packages = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]
    licences = {(package["name"], package["version"]): package["license"] for package in packages}
    checksums = {(name, version): checksum for name, version, checksum in LOCKED.findall((ROOT / "Cargo.lock").read_text())}
    components = []
    for name, version in linked():
        key = (name, version[1:])
        components.append(component(name, key[1], licences[key], checksums[key]))
    ours = next(one for one in components if one["name"] == CRATE)
    components.remove(ours)
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
           "metadata": {"component": {"type": "library", "bom-ref": "shiwake.so", "name": "shiwake.so", "version": ours["version"],
                                      "licenses": ours["licenses"]}},
           "components": components}
    bom["serialNumber"] = "urn:uuid:{}".format(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(bom, sort_keys=True)))
    json.dump(bom, sys.stdout, indent=1)
    print()


main()
