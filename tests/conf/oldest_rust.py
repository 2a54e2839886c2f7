"""No dependency asks for a newer Rust than this workspace says it needs."""

import json
import subprocess
import sys


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))[:2]


metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
packages = metadata["packages"]
ours = next(package["rust_version"] for package in packages if package["name"] == "shiwake-records")
newer = [
    f"{package['name']} {package['version']} needs Rust {package['rust_version']}"
    for package in packages
    if package["rust_version"] and version(package["rust_version"]) > version(ours)
]
print(f"oldest Rust: {ours}; {len(packages)} packages, {len(newer)} need a newer one")
sys.exit("\n".join(newer) or 0)
