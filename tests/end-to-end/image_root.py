"""The image without a container engine: its last stage, instruction by instruction, in a folder that a process is locked into."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from hosts import ROOT

IMAGE = ROOT / "fluent-bit-conf/image"
DOCKERFILE = IMAGE / "Dockerfile"
TABLES_DOCKERFILE = ROOT / "fluent-bit-conf/tables/Dockerfile"
CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
# What a small Amazon Linux has that start scripts use.
PROGRAMS = ["bash", "cat", "mkdir", "env"]


@dataclass
class Stage:
    """A stage of a Dockerfile: where it starts from, and its instructions in order."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)


def stages_of(dockerfile: Path) -> list[Stage]:
    """The stages; arguments before the first are left as they are called."""
    stages: list[Stage] = []
    text = re.sub(r"(?m)^\s*#.*\n", "", dockerfile.read_text()).replace("\\\n", " ")
    for line in filter(None, (line.strip() for line in text.splitlines())):
        word, rest = line.split(None, 1)
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            stages.append(Stage(base, name))
        elif stages:
            stages[-1].instructions.append((word, rest.strip()))
    return stages


def context_files(dockerignore: Path) -> list[Path]:
    """What of the repository the build gets to see: the patterns that begin with `!`, as everything else is ignored."""
    lines = [line for line in dockerignore.read_text().splitlines() if line]
    assert lines[0] == "*" and all(line.startswith("!") for line in lines[1:])
    found: set[Path] = set()
    for pattern in lines[1:]:
        for path in ROOT.glob(pattern[1:]):
            found.update([path] if path.is_symlink() or path.is_file() else (one for one in path.rglob("*") if one.is_file()))
    return sorted(found)


class Root:
    """A folder with a base image in it as far as it matters, and the last stage on it."""

    def __init__(self, folder: Path, fluent_bit: Path, start_script: str) -> None:
        self.folder = folder
        self.environment = {"PATH": "/usr/bin:/bin"}
        self.command: list[str] = []
        self.health: list[str] = []
        self._make_base(fluent_bit, start_script)
        for word, rest in stages_of(DOCKERFILE)[-1].instructions:
            getattr(self, f"_{word.lower()}")(rest)

    def _make_base(self, fluent_bit: Path, start_script: str) -> None:
        for name in ("tmp", "dev", "proc", "etc", "var", "root", "usr/bin", "fluent-bit/bin", "fluent-bit/etc"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "bin").symlink_to("usr/bin")
        for name in PROGRAMS:
            self._add_program(Path(shutil.which(name)), f"usr/bin/{name}")
        self._add_program(fluent_bit, "fluent-bit/bin/fluent-bit")
        for built in filter(Path.exists, (ROOT / "dist/shiwake.so", ROOT / "dist/shiwake")):
            self._add_libraries(built)
        for name, number in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            os.mknod(self.folder / "dev" / name, 0o20666, os.makedev(1, number))
        (self.folder / "AWS_FOR_FLUENT_BIT_VERSION").write_text("9.9.9\n")
        self.write("entrypoint.sh", start_script)

    def write(self, name: str, text: str) -> None:
        """A program of the base."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def _add_program(self, source: Path, name: str) -> None:
        shutil.copy(source.resolve(), self.folder / name)
        self._add_libraries(source)

    def _add_libraries(self, source: Path) -> None:
        shown = subprocess.run(["ldd", str(source)], capture_output=True, text=True, check=True).stdout
        for path in map(Path, re.findall(r"(/\S+) \(0x", shown)):
            target = self.folder / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(path.resolve(), target)

    def _copy(self, rest: str) -> None:
        words = shlex.split(rest)
        options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, target = (word for word in words if not word.startswith("--"))
        folder = self.folder / target.strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        if "from" in options:
            # The stage `prebuilt`: dist/ as the root of an empty image.
            assert options["from"] == "plugin" and sources == ["/"]
            allowed = context_files(DOCKERFILE.with_suffix(".dockerignore"))
            found = [path for path in allowed if path.parent == ROOT / "dist"]
        else:
            allowed = context_files(DOCKERFILE.with_suffix(".dockerignore"))
            found = [path for path in allowed for source in sources
                     if fnmatch.fnmatch(str(path.relative_to(ROOT)), source) and path.parent == (ROOT / source).parent]
            assert len(found) >= len(sources), (sources, found)
        for path in found:
            shutil.copy(path, folder / path.name, follow_symlinks=False)
            if "chmod" in options:
                (folder / path.name).chmod(int(options["chmod"], 8))

    def _env(self, rest: str) -> None:
        self.environment.update(word.split("=", 1) for word in shlex.split(rest))

    def _healthcheck(self, rest: str) -> None:
        self.health = json.loads(rest[rest.index("CMD") + 3:])

    def _cmd(self, rest: str) -> None:
        self.command = json.loads(rest)

    def start(self, log: Path, *arguments: str, **environment: str) -> subprocess.Popen:
        """Starts the image's command, as an engine would."""
        return subprocess.Popen([CHROOT, str(self.folder), *self.command, *arguments], stdout=log.open("wb"),
                                stderr=subprocess.STDOUT, env=self.environment | environment)

    def is_healthy(self, *arguments: str) -> bool:
        """What the health check says."""
        return subprocess.run([CHROOT, str(self.folder), *self.health, *arguments], capture_output=True, timeout=30,
                              env=self.environment).returncode == 0

    def added_bytes(self) -> int:
        """What the last stage adds to the base."""
        return sum(path.lstat().st_size for path in (self.folder / "shiwake").rglob("*") if path.is_file() and not path.is_symlink())
