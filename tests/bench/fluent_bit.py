"""A real Fluent Bit on one core: its configuration, and what it takes."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import measure
from report import Section

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end-to-end"))

import hosts  # noqa: E402
import instructions  # noqa: E402, F401

#: The host that is measured when FLUENT_BIT names several: the newest of those that aws-for-fluent-bit 3.x ships.
PREFERRED = (4, 2)
#: Lines of Apache, and when the first of them is written when they are repeated: at so many a second.
APACHE_LINES = instructions.DATA / "access_apache_combined.log"
FIRST_LINE, LINES_A_SECOND = datetime.datetime(2026, 3, 2, 9, 0, 0), 200
NOT_RUN = "Not run: `FLUENT_BIT` names no Fluent Bit."

Sections = list[tuple[str, dict[str, object]]]

#: Fluent Bit's own parser for Apache's lines, as its parsers.conf has it
#: (https://github.com/fluent/fluent-bit/blob/master/conf/parsers.conf); the name of the time's field is left open.
ACCESS_LINE = (
    r'^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<%s>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^ ]*) +\S*)?" '
    r'(?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^\"]*)" "(?<agent>.*)")?$'
)
#: It with the time as the record's, and as text, and one that takes lines for whole records.
PARSERS = rf"""[PARSER]
    Name apache2
    Format regex
    Regex {ACCESS_LINE % "time"}
    Time_Key time
    Time_Format %d/%b/%Y:%H:%M:%S %z
[PARSER]
    Name apache2_host_time
    Format regex
    Regex {ACCESS_LINE % "said"}
[PARSER]
    Name whole
    Format json
"""


@dataclass
class FluentBit:
    """One of them."""

    binary: Path
    name: str
    version: tuple[int, ...]

    @classmethod
    def found(cls) -> FluentBit | None:
        """The one to measure, of those that FLUENT_BIT names."""
        all_hosts = hosts.fluent_bits()
        preferred = [host for host in all_hosts if host.version[:2] == PREFERRED]
        return next((cls(host.binary, host.name, host.version) for host in [*preferred, *all_hosts]), None)

    def command(self, sections: Sections, folder: Path, loads_plugins: bool = True, flush: str = "0.2") -> list[str]:
        """Writes the configuration, and gives the command for it; `flush` is the host's pause, in seconds."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "parsers.conf").write_text(PARSERS)
        service = {"Flush": flush, "Grace": "30", "Log_Level": "warn", "Parsers_File": folder / "parsers.conf"}
        text = "".join(f"[{name}]\n" + "".join(f"    {key} {value}\n" for key, value in properties.items())
                       for name, properties in [("SERVICE", service), *sections])
        (folder / "fluent-bit.conf").write_text(text)
        plugins = ["-e", str(hosts.FILTER), "-e", str(hosts.OUTPUT)] if loads_plugins else []
        return [str(self.binary), *plugins, "-c", str(folder / "fluent-bit.conf")]

    def tail(self, path: Path, is_whole: bool = False) -> tuple[str, dict[str, object]]:
        """The input that reads a file to its end; lines that are whole records are taken for that.

        Where the host has a property for it, it leaves the file in the system's memory: else each run reads it from the disk again, and
        that takes as long as everything else.
        """
        properties = {"Name": "tail", "Path": path, "Read_from_Head": "on", "Exit_On_Eof": "on", "Tag": "app",
                      "Buffer_Max_Size": "4M", "Mem_Buf_Limit": "200M"}
        if self.version >= (4,):
            properties["File_Cache_Advise"] = "off"
        return "INPUT", properties | ({"Parser": "whole"} if is_whole else {"Key": "log"})

    def run(self, sections: Sections, folder: Path, loads_plugins: bool = True) -> measure.Usage:
        """Runs it to the end of its input."""
        command = self.command(sections, folder, loads_plugins)
        usage = measure.run(command, log=folder / "log", environment=CREDENTIALS)
        refuse_complaints(folder / "log")
        return usage


#: For servers on this machine that look at no signature.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "eu-west-1"}


#: What both outputs to Datadog are told of an intake on this machine.
INTAKE = {"Host": "127.0.0.1", "TLS": "off", "apikey": "0123456789abcdef0123456789abcdef", "compress": "gzip", "provider": "ecs",
          "Retry_Limit": "no_limits"}


def attempt_with_host(part: Section, measured: Callable[..., None], *arguments: object) -> None:
    """Measures a piece in a Fluent Bit, or says that there is none."""
    host = FluentBit.found()
    if host is None:
        part.say(NOT_RUN)
    else:
        part.attempt(measured, host, *arguments)


def refuse_complaints(log: Path) -> None:
    """What did not do its work is not measured."""
    complaints = [line for line in log.read_text(errors="replace").splitlines() if re.search(r"\[error\]", line)]
    if complaints:
        raise RuntimeError(f"Fluent Bit complains: {complaints[0]}")


def repeated_lines(target: Path, count: int) -> int:
    """A file with Apache's lines of the sample again and again, in order of time as a server writes them; gives its bytes."""
    lines = [line for line in APACHE_LINES.read_bytes().split(b"\n") if line]
    parts = [(before + b"[", b"]" + behind) for before, _, rest in (line.partition(b"[") for line in lines)
             for _, _, behind in (rest.partition(b"]"),)]
    with target.open("wb") as file:
        for second in range(-(-count // LINES_A_SECOND)):
            time = (FIRST_LINE + datetime.timedelta(seconds=second)).strftime("%d/%b/%Y:%H:%M:%S +0000").encode()
            numbers = range(second * LINES_A_SECOND, min(count, (second + 1) * LINES_A_SECOND))
            file.write(b"".join(time.join(parts[number % len(parts)]) + b"\n" for number in numbers))
    return target.stat().st_size


def version(binary: Path) -> str:
    return subprocess.run([str(binary), "--version"], capture_output=True, text=True, env=dict(os.environ)).stdout.splitlines()[0]
